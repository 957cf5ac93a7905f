//! A case: a schema, and a list of changes. A change that does not fit is passed over, so that
//! any of them can be left out to find the least case that fails.

use std::collections::BTreeMap;

use pontoon::schema::{Check, Column, ColumnType, ForeignKey, Index, Intents, Schema, Table, Texts};
use pontoon::{Dialect, Kind};

use super::forms::{self, is_plain, stands_on};
use super::values::{keyable, texts};

#[derive(Debug, Clone)]
pub(super) struct Case {
    pub(super) source: Schema,
    pub(super) changes: Vec<Change>,
}

/// What an author may do to the structs.
#[derive(Debug, Clone)]
pub(super) enum Change {
    AddColumn { table: String, column: Column, backfill: Option<Texts> },
    DropColumn { table: String, column: String },
    RenameColumn { table: String, from: String, to: String, ty: Option<ColumnType> },
    OtherType { table: String, column: String, ty: ColumnType, by: Option<[Texts; 2]> },
    SetNotNull { table: String, column: String, backfill: Option<Texts> },
    DropNotNull { table: String, column: String },
    SetDefault { table: String, column: String, default: Texts },
    DropDefault { table: String, column: String },
    AddIndex { table: String, columns: Vec<String>, unique: bool },
    AddForm { table: String, name: String, index: Index },
    RenameIndex { table: String, from: String, to: String },
    DropIndex { table: String, index: String },
    AddEnumValues { name: String, values: Vec<String> },
    WidenKey { table: String },
    OtherKey { table: String, columns: Vec<String> },
    AddCheck { table: String, check: String, sql: Texts },
    DropCheck { table: String, check: String },
    AddForeignKey { table: String, key: ForeignKey },
    DropForeignKey { table: String, key: String },
    AddTable(Table),
}

impl Case {
    /// What the changes make of the source.
    pub(super) fn target(&self) -> (Schema, Intents) {
        let (mut schema, mut intents) = (self.source.clone(), Intents::default());
        for change in &self.changes {
            change.apply(&self.source, &mut schema, &mut intents);
        }
        // all columns of one enum have its values, also those that came later
        for change in &self.changes {
            if let Change::AddEnumValues { name, values } = change {
                let columns = schema.tables.values_mut().flat_map(|it| &mut it.columns);
                for it in columns.filter_map(|it| it.ty.enumeration.as_mut()).filter(|it| it.name == *name) {
                    it.values.clone_from(values);
                }
            }
        }
        schema.tables.values_mut().for_each(index_foreign_keys);
        (schema, intents)
    }
}

impl Change {
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
                let keys = it.foreign_keys.values().filter(|key| key.columns.contains(column));
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
            Self::AddEnumValues { name, .. } => {
                let mut columns = source.tables.values().flat_map(|it| &it.columns);
                columns.any(|it| it.ty.enumeration.as_ref().is_some_and(|it| it.name == *name)).then_some(())?;
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
                let more = before.primary_key.iter().all(|it| columns.contains(it));
                (columns.iter().all(same) && more && *columns != it.primary_key).then_some(())?;
                it.primary_key.clone_from(columns);
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
                it.columns.iter().any(|it| names(sql, &it.name) && !it.identity).then_some(())?;
                it.checks.insert(check.clone(), Check { sql: sql.clone(), column: None });
            }
            Self::DropCheck { table, check } => {
                schema.tables.get_mut(table)?.checks.remove(check)?;
            }
            Self::AddForeignKey { table, key } => add_foreign_key(schema, table, key)?,
            Self::DropForeignKey { table, key } => {
                schema.tables.get_mut(table)?.foreign_keys.remove(key)?;
            }
            Self::AddTable(table) => {
                let fits = table
                    .foreign_keys
                    .values()
                    .all(|key| key.references == table.name || schema.tables.contains_key(&key.references));
                (fits && !schema.tables.contains_key(&table.name)).then_some(())?;
                schema.tables.insert(table.name.clone(), table.clone());
            }
        }
        Some(())
    }
}

/// Adds the key, if both columns are there, of one type, and the other is unique.
pub(super) fn add_foreign_key(schema: &mut Schema, table: &str, key: &ForeignKey) -> Option<()> {
    use pontoon::def::ReferentialAction::SetNull;
    let other = schema.tables.get(&key.references)?;
    let unique = other.primary_key == key.referenced_columns
        || other.indexes.values().any(|it| it.unique && it.columns == key.referenced_columns);
    let ty = other.column(&key.referenced_columns[0])?.ty.clone();
    let it = schema.tables.get_mut(table)?;
    let column = it.column(&key.columns[0])?;
    let sets_null = key.on_delete == SetNull || key.on_update == SetNull;
    let checked = it.checks.values().any(|check| names(&check.sql, &column.name));
    (unique && ty == column.ty && (column.nullable || !sets_null) && !(checked && key.writes_rows())).then_some(())?;
    // its own column: both servers take it, and it says nothing
    (key.references != table || key.columns != key.referenced_columns).then_some(())?;
    let name = key_name(table, &key.columns[0]);
    (!it.foreign_keys.contains_key(&name)).then_some(())?;
    it.foreign_keys.insert(name, key.clone());
    Some(())
}

/// Much as the derive names it.
pub(super) fn index_name(table: &str, columns: &[String], unique: bool) -> String {
    let columns: Vec<_> = columns.iter().map(|it| short(it)).collect();
    format!("{table}_{}_{}", columns.join("_"), if unique { "key" } else { "idx" })
}

fn key_name(table: &str, column: &str) -> String {
    format!("{table}_{}_fkey", short(column))
}

/// So that a name made from several is no longer than servers take.
pub(super) fn short(column: &str) -> String {
    column.chars().take(16).collect()
}

/// As `from_defs` does: each foreign key has an index, and one made for it goes when another serves.
pub(super) fn index_foreign_keys(table: &mut Table) {
    let keys: Vec<Vec<String>> = table.foreign_keys.values().map(|key| key.columns.clone()).collect();
    for columns in keys {
        let name = index_name(&table.name, &columns, false);
        table.indexes.remove(&name);
        let served =
            table.primary_key.starts_with(&columns) || table.indexes.values().any(|index| index.serves(&columns));
        if !served {
            table.indexes.insert(name, Index::plain(columns, false));
        }
    }
}

/// Whether the SQL names the column. All SQL here quotes its names.
pub(super) fn names(sql: &Texts, column: &str) -> bool {
    sql.of(Dialect::Postgres).is_some_and(|sql| sql.contains(&Dialect::Postgres.ident(column)))
}

/// The SQL with another column in a column's place.
pub(super) fn renamed(sql: &Texts, from: &str, to: &str) -> Texts {
    texts(|dialect| sql.of(dialect).unwrap_or_default().replace(&dialect.ident(from), &dialect.ident(to)))
}

fn is_referenced(schema: &Schema, table: &str, column: &str) -> bool {
    let refers = |key: &ForeignKey| key.references == table && key.referenced_columns.iter().any(|it| it == column);
    schema.tables.values().flat_map(|it| it.foreign_keys.values()).any(refers)
}

/// Whether another column is generated from it.
fn is_source_of(table: &Table, column: &str) -> bool {
    table.columns.iter().filter_map(|it| it.generated.as_ref()).any(|it| names(&it.sql, column))
}

/// The column, and what stands on it.
pub(super) fn drop_column(table: &mut Table, column: &str) {
    let has = |columns: &[String]| columns.iter().any(|it| it == column);
    table.columns.retain(|it| it.name != column && it.generated.as_ref().is_none_or(|it| !names(&it.sql, column)));
    table.indexes.retain(|_, it| !has(&it.columns) && !stands_on(it, column));
    table.foreign_keys.retain(|_, it| !has(&it.columns));
    table.checks.retain(|_, it| !names(&it.sql, column));
}

/// What stands on the column has its new name, and names of its own made from it.
fn rename_column(table: &mut Table, from: &str, to: &str) {
    let swap = |columns: &[String]| -> Vec<String> {
        columns.iter().map(|it| if it == from { to.to_owned() } else { it.clone() }).collect()
    };
    let name = table.name.clone();
    let indexes = std::mem::take(&mut table.indexes).into_iter().map(|(old, index)| {
        if !is_plain(&index) {
            return (old, forms::renamed(&index, from, to));
        }
        if !index.columns.iter().any(|it| it == from) {
            return (old, index);
        }
        let columns = swap(&index.columns);
        (index_name(&name, &columns, index.unique), Index { columns, ..index })
    });
    table.indexes = indexes.collect::<BTreeMap<_, _>>();
    let keys = std::mem::take(&mut table.foreign_keys).into_iter().map(|(old, key)| {
        if !key.columns.iter().any(|it| it == from) {
            return (old, key);
        }
        (key_name(&name, to), ForeignKey { columns: swap(&key.columns), ..key })
    });
    table.foreign_keys = keys.collect();
    for check in table.checks.values_mut().filter(|it| names(&it.sql, from)) {
        check.sql = renamed(&check.sql, from, to);
    }
}

/// A key that the server numbers has values of its own.
pub(super) fn key_column(name: &str, ty: ColumnType, identity: bool) -> Column {
    Column {
        name: name.to_owned(),
        identity: identity && matches!(ty.kind, Kind::BigInt | Kind::Integer),
        ty,
        nullable: false,
        default: Texts::default(),
        generated: None,
    }
}
