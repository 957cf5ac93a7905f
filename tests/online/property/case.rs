//! A case: a schema, and a list of changes. A change that does not fit is passed over, so that
//! any of them can be left out to find the least case that fails.

use std::collections::{BTreeMap, BTreeSet};

use crate::cases::COPY_ROWS;
use pontoon::schema::{Check, Column, ColumnType, ForeignKey, Index, Intents, Schema, Table, Texts};
use pontoon::{Dialect, Kind};

use super::change::Change;
use super::course::Course;
use super::forms::{self, is_plain, stands_on};
use super::values::texts;

#[derive(Debug, Clone)]
pub(super) struct Case {
    pub(super) source: Schema,
    pub(super) changes: Vec<Change>,
    pub(super) course: Course,
}

/// An enum with other values.
#[derive(Debug, Clone)]
pub(super) struct OtherEnum {
    pub(super) name: String,
    pub(super) values: Vec<String>,
    /// Old and new ones.
    pub(super) renamed: Vec<(String, String)>,
    /// Those that go, and what their rows get.
    pub(super) dropped: Vec<(String, String)>,
}

impl OtherEnum {
    fn put(&self, schema: &mut Schema) {
        for column in schema.tables.values_mut().flat_map(|it| &mut it.columns) {
            let Some(it) = column.ty.enumeration.as_mut().filter(|it| it.name == self.name) else { continue };
            it.values.clone_from(&self.values);
            for (old, new) in self.renamed.iter().chain(&self.dropped) {
                let [old, new] = [old, new].map(|it| format!("'{}'", it.replace('\'', "''")));
                for default in [&mut column.default.postgres, &mut column.default.mysql] {
                    if default.as_ref() == Some(&old) {
                        *default = Some(new.clone());
                    }
                }
            }
        }
    }
}

impl Case {
    /// What the changes make of the source.
    pub(super) fn target(&self) -> (Schema, Intents) {
        let (mut schema, mut intents) = (self.source.clone(), Intents::default());
        intents.copy_rows = Some(COPY_ROWS);
        for change in &self.changes {
            change.apply(&self.source, &mut schema, &mut intents);
        }
        // all columns of one enum have its values, also those that came later
        for change in &self.changes {
            if let Change::OtherEnum(it) = change {
                it.put(&mut schema);
            }
        }
        schema.tables.values_mut().for_each(index_foreign_keys);
        intents.guarded_checks = self.guarded(&schema);
        (schema, intents)
    }

    /// New checks that triggers are to hold on MySQL, although rows may be copied: every other one, by the length of its name,
    /// so that it is the same one whatever is left out.
    fn guarded(&self, target: &Schema) -> BTreeSet<String> {
        let mut guarded = BTreeSet::new();
        for (name, table) in &target.tables {
            // one with another name changes in no other way
            let Some(before) = self.source.tables.get(name) else { continue };
            let is_new = |(name, check): &(&String, &Check)| before.checks.get(*name) != Some(*check);
            guarded.extend(
                table.checks.iter().filter(is_new).map(|(name, _)| name.clone()).filter(|it| it.len() % 2 == 0),
            );
        }
        guarded
    }
}

/// Adds the key, if both columns are there, of one type, and the other is unique.
pub(super) fn add_foreign_key(schema: &mut Schema, table: &str, key: &ForeignKey) -> Option<()> {
    use pontoon::def::ReferentialAction::SetNull;
    let other = schema.tables.get(&key.references)?;
    other.partitioned.is_none().then_some(())?;
    let unique = other.primary_key == key.referenced_columns
        || other.indexes.values().any(|it| it.unique && it.columns == key.referenced_columns);
    let ty = other.column(&key.referenced_columns[0])?.ty.clone();
    let it = schema.tables.get_mut(table)?;
    let column = it.column(&key.columns[0])?;
    let sets_null = key.on_delete == SetNull || key.on_update == SetNull;
    let checked = it.checks.values().any(|check| names(&check.sql, &column.name));
    let generated = it.columns.iter().filter_map(|it| it.generated.as_ref());
    let mut generated = generated.filter(|it| names(&it.sql, &column.name));
    generated.all(|it| forms::lets_generate(key, it.computed_on_read)).then_some(())?;
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
    format!("{}_{}_{}", stem(table), columns.join("_"), if unique { "key" } else { "idx" })
}

pub(super) fn key_name(table: &str, column: &str) -> String {
    format!("{}_{}_fkey", stem(table), short(column))
}

/// The table's part of a name.
pub(super) fn stem(table: &str) -> String {
    table.chars().take(20).collect()
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

pub(super) fn is_referenced(schema: &Schema, table: &str, column: &str) -> bool {
    let refers = |key: &ForeignKey| key.references == table && key.referenced_columns.iter().any(|it| it == column);
    schema.tables.values().flat_map(|it| it.foreign_keys.values()).any(refers)
}

/// Whether another table has a foreign key to it.
pub(super) fn is_referred_to(schema: &Schema, table: &str) -> bool {
    let others = schema.tables.values().filter(|it| it.name != table);
    others.flat_map(|it| it.foreign_keys.values()).any(|key| key.references == table)
}

/// Whether another column is generated from it.
pub(super) fn is_source_of(table: &Table, column: &str) -> bool {
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

/// What is named after the table has a new name too.
pub(super) fn rename_table(table: &mut Table, to: &str) {
    let from = std::mem::replace(&mut table.name, to.to_owned());
    let moved = |name: String| match name.strip_prefix(&stem(&from)) {
        Some(rest) => format!("{}{rest}", stem(to)),
        None => name,
    };
    table.indexes = std::mem::take(&mut table.indexes).into_iter().map(|(it, index)| (moved(it), index)).collect();
    table.foreign_keys =
        std::mem::take(&mut table.foreign_keys).into_iter().map(|(it, key)| (moved(it), key)).collect();
}

/// What stands on the column has its new name, and names of its own made from it.
pub(super) fn rename_column(table: &mut Table, from: &str, to: &str) {
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
