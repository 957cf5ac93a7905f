//! What may be done to a schema. A change that does not fit is passed over, so that any of them can be left out.

use pontoon::schema::{Check, Column, ColumnType, ForeignKey, Index, Intents, Schema, Table, Texts};
use pontoon::{Dialect, Kind};

use super::attached::Attached;
use super::case::{
    OtherEnum, add_foreign_key, drop_column, index_name, is_referenced, is_referred_to, is_source_of, key_column,
    names, rename_column, rename_table,
};
use super::forms::is_over;
use super::moved::Moved;
use super::parts::OtherPart;
use super::reshape::{Reshape, is_follower};
use super::values::keyable;

/// What an author may do to the structs.
#[derive(Debug, Clone)]
pub(super) enum Change {
    AddColumn {
        table: String,
        column: Column,
        backfill: Option<Texts>,
    },
    DropColumn {
        table: String,
        column: String,
    },
    RenameColumn {
        table: String,
        from: String,
        to: String,
        ty: Option<ColumnType>,
    },
    OtherType {
        table: String,
        column: String,
        ty: ColumnType,
        by: Option<[Texts; 2]>,
    },
    SetNotNull {
        table: String,
        column: String,
        backfill: Option<Texts>,
    },
    DropNotNull {
        table: String,
        column: String,
    },
    SetDefault {
        table: String,
        column: String,
        default: Texts,
    },
    DropDefault {
        table: String,
        column: String,
    },
    AddIndex {
        table: String,
        columns: Vec<String>,
        unique: bool,
    },
    AddForm {
        table: String,
        name: String,
        index: Index,
    },
    RenameIndex {
        table: String,
        from: String,
        to: String,
    },
    DropIndex {
        table: String,
        index: String,
    },
    OtherEnum(OtherEnum),
    WidenKey {
        table: String,
    },
    OtherKey {
        table: String,
        columns: Vec<String>,
    },
    Number {
        table: String,
    },
    /// The server begins to number the key's column, or numbers it no longer.
    OtherNumbering {
        table: String,
    },
    AddCheck {
        table: String,
        check: String,
        sql: Texts,
    },
    DropCheck {
        table: String,
        check: String,
    },
    AddForeignKey {
        table: String,
        key: ForeignKey,
    },
    DropForeignKey {
        table: String,
        key: String,
    },
    AddTable(Table),
    DropTable {
        table: String,
    },
    RenameTable {
        from: String,
        to: String,
    },
    Reshape(Reshape),
    Move(Moved),
    OtherPart(OtherPart),
    Attach(Attached),
    /// A check that triggers hold on MySQL.
    Enforce {
        check: String,
    },
    /// A table that was dropped before.
    Purge {
        table: String,
    },
}

impl Change {
    /// Whether it would put other values of an enum in the place of what the earlier change says.
    pub(super) fn undoes(&self, earlier: &Self) -> bool {
        matches!((self, earlier), (Self::OtherEnum(one), Self::OtherEnum(other)) if one.name == other.name)
    }

    /// Makes the change, if it fits.
    pub(super) fn apply(&self, source: &Schema, schema: &mut Schema, intents: &mut Intents) -> bool {
        self.try_apply(source, schema, intents).is_some()
    }

    fn try_apply(&self, source: &Schema, schema: &mut Schema, intents: &mut Intents) -> Option<()> {
        let whole = schema.clone();
        let of_source = |table: &str, column: &str| source.tables.get(table).and_then(|it| it.column(column)).is_some();
        // an expression over a column that was left out means nothing
        let over_source = |table: &str, sql: &Option<Texts>| {
            let columns = source.tables.get(table).map_or(&[][..], |it| &it.columns);
            sql.as_ref().is_none_or(|sql| columns.iter().any(|it| names(sql, &it.name)))
        };
        match self {
            Self::AddColumn { table, column, backfill } => {
                let columns = &mut schema.tables.get_mut(table)?.columns;
                let from = |it: &Column| column.generated.as_ref().is_none_or(|sql| names(&sql.sql, &it.name));
                columns.iter().any(from).then_some(())?;
                let known = columns.iter().any(|it| it.name == column.name) || of_source(table, &column.name);
                (!known && over_source(table, backfill)).then_some(())?;
                columns.push(column.clone());
                if let Some(backfill) = backfill {
                    intents.backfills.insert((table.clone(), column.name.clone()), backfill.clone());
                }
            }
            Self::DropColumn { table, column } => {
                let it = schema.tables.get_mut(table)?;
                (it.column(column).is_some() && of_source(table, column)).then_some(())?;
                let key = it.primary_key.contains(column) || it.primary_key.is_empty() && column == "id";
                (!key && !is_referenced(&whole, table, column)).then_some(())?;
                (!is_source_of(it, column)).then_some(())?;
                drop_column(it, column);
                intents.dropped.insert((table.clone(), column.clone()));
                // what follows from it in the same migration does so one way
                intents.one_way.insert((table.clone(), column.clone()));
            }
            Self::RenameColumn { table, from, to, ty } => {
                let it = schema.tables.get_mut(table)?;
                let free = it.column(to).is_none() && !of_source(table, to);
                (free && of_source(table, from) && !is_referenced(&whole, table, from)).then_some(())?;
                (!it.primary_key.contains(from) && !is_source_of(it, from)).then_some(())?;
                let column = it.columns.iter_mut().find(|it| it.name == *from)?;
                column.name.clone_from(to);
                if let Some(ty) = ty {
                    column.ty = ty.clone();
                }
                rename_column(it, from, to);
                intents.renamed_from.insert((table.clone(), to.clone()), from.clone());
            }
            Self::OtherType { table, column, ty, by } => {
                let it = schema.tables.get_mut(table)?;
                let keyed = it.indexes.values().any(|index| index.columns.contains(column));
                let unique = it.indexes.values().any(|index| index.unique && index.columns.contains(column));
                // the servers number integers
                (!it.column(column)?.identity || ty.kind == Kind::BigInt).then_some(())?;
                ((!keyed || keyable(ty)) && !(unique && by.is_some()) && of_source(table, column)).then_some(())?;
                it.columns.iter_mut().find(|it| it.name == *column)?.ty = ty.clone();
                if let Some([forth, back]) = by {
                    intents.backfills.insert((table.clone(), column.clone()), forth.clone());
                    intents.reverses.insert((table.clone(), column.clone()), back.clone());
                }
            }
            Self::SetNotNull { table, column, backfill } => {
                let it = schema.tables.get_mut(table)?;
                of_source(table, column).then_some(())?;
                // one value for all rows with NULL would break a key
                let bound = it.indexes.values().any(|index| index.unique && index.columns.contains(column));
                let own =
                    backfill.as_ref().is_some_and(|it| !it.of(Dialect::Postgres).is_some_and(|it| it.contains("CASE")));
                // also one that goes, which binds until contract
                let before = source.tables.get(table).into_iter().flat_map(|it| it.foreign_keys.values());
                let keys = it.foreign_keys.values().chain(before).filter(|key| key.columns.contains(column));
                let keys = keys.filter(|key| key.references != *table || !own || key.writes_rows()).count();
                (!bound && keys == 0 && over_source(table, backfill)).then_some(())?;
                let column = it.columns.iter_mut().find(|it| it.name == *column && it.nullable)?;
                column.nullable = false;
                if let Some(backfill) = backfill {
                    intents.backfills.insert((table.clone(), column.name.clone()), backfill.clone());
                }
            }
            Self::DropNotNull { table, column } => {
                let it = schema.tables.get_mut(table)?;
                // without a primary key MySQL takes a unique index for it, and then no NULL
                let key = it.primary_key.contains(column) || it.primary_key.is_empty() && column == "id";
                (of_source(table, column) && !key).then_some(())?;
                it.columns.iter_mut().find(|it| it.name == *column && !it.nullable)?.nullable = true;
            }
            Self::SetDefault { table, column, default } => {
                let it = schema.tables.get_mut(table)?;
                (of_source(table, column) && !it.primary_key.contains(column)).then_some(())?;
                it.columns.iter_mut().find(|it| it.name == *column)?.default = default.clone();
            }
            Self::DropDefault { table, column } => {
                of_source(table, column).then_some(())?;
                let columns = &mut schema.tables.get_mut(table)?.columns;
                columns.iter_mut().find(|it| it.name == *column && !it.default.is_empty())?.default = Texts::default();
            }
            Self::AddIndex { table, columns, unique } => {
                let it = schema.tables.get_mut(table)?;
                columns.iter().all(|name| it.column(name).is_some_and(|it| keyable(&it.ty))).then_some(())?;
                let rows_can_be = || {
                    let before = |name: &String| {
                        let key = (table.clone(), name.clone());
                        let from = intents.renamed_from.get(&key).unwrap_or(name);
                        let before = source.tables.get(table).and_then(|it| it.column(from));
                        before.filter(|_| !intents.reverses.contains_key(&key)).map(|old| (old, it.column(name)))
                    };
                    let kept: Vec<_> = columns.iter().filter_map(before).collect();
                    !kept.is_empty() && kept.iter().all(|(old, new)| !old.nullable || new.is_some_and(|it| it.nullable))
                };
                // rows that are there have no two values, as the scaffold sees to it
                (!unique || !source.tables.contains_key(table) || rows_can_be()).then_some(())?;
                let name = index_name(table, columns, *unique);
                (!it.indexes.contains_key(&name)).then_some(())?;
                it.indexes.insert(name, Index::plain(columns.clone(), *unique));
            }
            Self::AddForm { table, name, index } => {
                let it = schema.tables.get_mut(table)?;
                let there = |column: &String| it.column(column).is_some();
                let fits = index.columns.iter().chain(&index.form.include).all(there);
                let known = |column: &Column| {
                    index.form.filter.as_ref().is_none_or(|sql| sql.contains(&Dialect::Postgres.ident(&column.name)))
                };
                (fits && it.columns.iter().any(known) && !it.indexes.contains_key(name)).then_some(())?;
                it.indexes.insert(name.clone(), index.clone());
            }
            Self::RenameIndex { table, from, to } => {
                let it = schema.tables.get_mut(table)?;
                // what foreign keys need is named after them
                let needed = it.indexes.get(from)?.columns.first()?;
                let key = it.foreign_keys.values().any(|key| key.columns.contains(needed)) || it.primary_key.is_empty();
                (!key && !it.indexes.contains_key(to) && source.tables.get(table)?.indexes.contains_key(from))
                    .then_some(())?;
                let index = it.indexes.remove(from)?;
                it.indexes.insert(to.clone(), index);
            }
            Self::OtherEnum(OtherEnum { name, renamed, dropped, .. }) => {
                let has_it = |it: &Column| it.ty.enumeration.as_ref().is_some_and(|it| it.name == *name);
                let mut columns = source.tables.values().flat_map(|it| &it.columns);
                columns.any(has_it).then_some(())?;
                // two values that become one are no two to a key
                let merged = |it: &Table| {
                    it.indexes
                        .values()
                        .filter(|it| it.unique)
                        .flat_map(|it| &it.columns)
                        .any(|name| it.column(name).is_some_and(has_it))
                };
                let mut tables = source.tables.values().chain(schema.tables.values());
                (dropped.is_empty() || !tables.any(merged)).then_some(())?;
                let key = |value: &String| (name.clone(), value.clone());
                intents.renamed_values.extend(renamed.iter().map(|(old, new)| (key(new), old.clone())));
                intents.dropped_values.extend(dropped.iter().map(|(old, new)| (key(old), Some(new.clone()))));
            }
            Self::WidenKey { table } => {
                let it = source.tables.get(table)?;
                let [key] = it.primary_key.as_slice() else { return None };
                (it.column(key)?.ty.kind == Kind::Integer).then_some(())?;
                // all that refers to it, and what refers to that
                let mut wide = vec![(table.clone(), key.clone())];
                let mut at = 0;
                while let Some((table, column)) = wide.get(at).cloned() {
                    for it in schema.tables.values() {
                        for key in it
                            .foreign_keys
                            .values()
                            .filter(|it| it.references == table && it.referenced_columns == [column.clone()])
                        {
                            let one = (it.name.clone(), key.columns[0].clone());
                            if !wide.contains(&one) {
                                wide.push(one);
                            }
                        }
                    }
                    at += 1;
                }
                for (table, column) in wide {
                    let columns = &mut schema.tables.get_mut(&table)?.columns;
                    let Some(column) = columns.iter_mut().find(|it| it.name == column) else {
                        *schema = whole;
                        return None;
                    };
                    column.ty.kind = Kind::BigInt;
                }
            }
            Self::OtherKey { table, columns } => {
                let it = schema.tables.get_mut(table)?;
                let before = source.tables.get(table)?;
                let same =
                    |name: &String| it.column(name).is_some_and(|it| before.column(name) == Some(it) && !it.nullable);
                // a table without a key has one of its unique column first
                let unique = if before.primary_key.is_empty() { &["id".to_owned()][..] } else { &before.primary_key };
                let more = unique.iter().all(|it| columns.contains(it));
                (columns.iter().all(same) && more && *columns != it.primary_key).then_some(())?;
                it.primary_key.clone_from(columns);
            }
            Self::Number { table } => {
                let it = schema.tables.get_mut(table)?;
                let before = source.tables.get(table)?;
                let numbered = it.columns.iter().any(|it| it.identity) || it.column("number").is_some();
                let same = it.primary_key == before.primary_key && before.column("number").is_none();
                (!numbered && same && it.partitioned.is_none()).then_some(())?;
                it.columns.push(key_column("number", ColumnType::plain(Kind::BigInt), true));
                it.primary_key = vec!["number".to_owned()];
            }
            Self::OtherNumbering { table } => {
                let before = source.tables.get(table)?;
                let it = schema.tables.get(table)?;
                let key = it.primary_key.first()?;
                let (old, new) = (before.column(key)?, it.column(key)?);
                // MySQL takes no expression over a number of its own
                let whole = matches!(new.ty.kind, Kind::SmallInt | Kind::Integer | Kind::BigInt) && !new.nullable;
                let over = it.checks.values().any(|it| names(&it.sql, key))
                    || is_source_of(it, key)
                    || it.indexes.values().any(|it| is_over(it, key));
                let one = it.columns.iter().all(|it| !it.identity || it.name == *key);
                let free = new.identity || whole && new.default.is_empty() && new.generated.is_none() && !over && one;
                (free && old.identity == new.identity && before.primary_key == it.primary_key).then_some(())?;
                let (key, columns) = (key.clone(), &mut schema.tables.get_mut(table)?.columns);
                let column = columns.iter_mut().find(|it| it.name == key)?;
                column.identity = !column.identity;
            }
            Self::DropIndex { table, index } => {
                let it = schema.tables.get_mut(table)?;
                let columns = &it.indexes.get(index)?.columns;
                let key = it.primary_key.is_empty() && columns[0] == "id";
                (!key && !columns.iter().any(|column| is_referenced(&whole, table, column))).then_some(())?;
                it.indexes.remove(index);
            }
            Self::AddCheck { table, check, sql } => {
                let it = schema.tables.get_mut(table)?;
                // MySQL takes no check on what a foreign key writes
                let written = it.foreign_keys.values().filter(|key| key.writes_rows()).flat_map(|key| &key.columns);
                (!written.into_iter().any(|column| names(sql, column))).then_some(())?;
                // nor on what it numbers
                let column = it.columns.iter().find(|it| names(sql, &it.name) && !it.identity)?;
                (!is_follower(intents, table, &column.name)).then_some(())?;
                it.checks.insert(check.clone(), Check { sql: sql.clone(), column: None, guarded: false });
            }
            Self::DropCheck { table, check } => {
                schema.tables.get_mut(table)?.checks.remove(check)?;
            }
            Self::AddForeignKey { table, key } => {
                (!is_follower(intents, table, &key.columns[0])).then_some(())?;
                add_foreign_key(schema, table, key)?;
            }
            Self::DropForeignKey { table, key } => {
                schema.tables.get_mut(table)?.foreign_keys.remove(key)?;
            }
            Self::AddTable(table) => {
                let fits = table
                    .foreign_keys
                    .values()
                    .all(|key| key.references == table.name || schema.tables.contains_key(&key.references));
                let free = !schema.tables.contains_key(&table.name) && !source.tables.contains_key(&table.name);
                (fits && free).then_some(())?;
                schema.tables.insert(table.name.clone(), table.clone());
            }
            Self::DropTable { table } => {
                source.tables.get(table)?;
                let moves = intents.moved_from.iter().any(|((to, _), (from, _))| to == table || from == table);
                let becomes = intents.attached.iter().any(|(of, _)| of == table);
                let free = !moves && !becomes && !is_referred_to(schema, table);
                (free && schema.tables.len() > 1).then_some(())?;
                schema.tables.remove(table)?;
                intents.dropped_tables.insert(table.clone());
            }
            Self::RenameTable { from, to } => {
                // a rename comes alone
                (schema.tables.get(from)? == source.tables.get(from)?).then_some(())?;
                (!schema.tables.contains_key(to) && !source.tables.contains_key(to)).then_some(())?;
                let mut table = schema.tables.remove(from)?;
                rename_table(&mut table, to);
                schema.tables.insert(to.clone(), table);
                for key in schema.tables.values_mut().flat_map(|it| it.foreign_keys.values_mut()) {
                    if key.references == *from {
                        key.references.clone_from(to);
                    }
                }
                intents.renamed_tables.insert(to.clone(), from.clone());
            }
            Self::Reshape(it) => it.apply(source, schema, intents)?,
            Self::Move(it) => it.apply(source, schema, intents)?,
            Self::OtherPart(it) => it.apply(source, schema, intents)?,
            Self::Attach(it) => it.apply(source, schema, intents)?,
            Self::Enforce { check } => {
                let guarded = |it: &Table| it.checks.get(check).is_some_and(|it| it.guarded);
                let both = |it: &Table| guarded(it) && schema.tables.get(&it.name).is_some_and(guarded);
                source.tables.values().any(both).then_some(())?;
                intents.enforced_checks.insert(check.clone()).then_some(())?;
            }
            Self::Purge { table } => {
                source.dropped.get(table)?;
                intents.purged_tables.insert(table.clone()).then_some(())?;
                intents.grace_hours = Some(0);
            }
        }
        Some(())
    }
}
