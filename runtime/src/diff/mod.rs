//! Source and target schema to operations. Pure, in a fixed order, and it guesses nothing: what
//! can be read in two ways is an error that prints both spellings.

mod attach;
mod column;
mod create;
mod enums;
mod generated;
mod guards;
mod moved;
mod partition;
mod rename;

pub use guards::settled;

use std::collections::{BTreeMap, BTreeSet};

use crate::dialect::Dialect;
use crate::operation::Operation;
use crate::schema::{Intents, Schema, SchemaError, SchemaErrors, Table};

/// The operations that lead from `source` to `target`, in the order they are staged.
///
/// # Errors
/// Everything that cannot be derived, each naming the field, and what to do instead.
pub fn diff(source: &Schema, target: &Schema, intents: &Intents) -> Result<Vec<Operation>, SchemaErrors> {
    let renamed = rename::tables(source, target, intents);
    let moved = rename::moved_all(source, &renamed);
    let source = &moved;
    let mut diff = Diff { source, intents, operations: Vec::new(), errors: Vec::new() };
    diff.enums(target);
    diff.renamed_tables(&renamed, target);
    diff.dropped_tables(target);
    diff.purged_tables();
    let new: Vec<&Table> = target.tables.values().filter(|it| !source.tables.contains_key(&it.name)).collect();
    diff.comes_again(&new, &renamed);
    let created = create::in_order(&new, source);
    for table in target.tables.values() {
        if let Some(before) = source.tables.get(&table.name)
            && !renamed.contains_key(&table.name)
        {
            diff.table(before, table);
        }
    }
    diff.moved_columns(target);
    diff.operations.extend(created.iter().flat_map(create::deferred_keys));
    diff.keys_to_renamed(&renamed, &created, target);
    diff.held_on_mysql(&renamed, target);
    diff.partitions(target);
    diff.operations.sort();
    diff.generated_go_first();
    diff.errors.sort();
    if !diff.errors.is_empty() {
        return Err(SchemaErrors(diff.errors));
    }
    // tables come before what is added to others, and in their own order
    let at = diff.operations.partition_point(|it| {
        matches!(
            it,
            Operation::CreateEnum { .. }
                | Operation::AddEnumValues { .. }
                | Operation::RenameTable { .. }
                | Operation::DropForeignKey { .. }
        )
    });
    diff.operations.splice(at..at, created);
    Ok(diff.operations)
}

struct Diff<'a> {
    source: &'a Schema,
    intents: &'a Intents,
    operations: Vec<Operation>,
    errors: Vec<SchemaError>,
}

impl Diff<'_> {
    fn refuse(&mut self, table: &str, column: Option<&str>, message: String, help: impl Into<String>) {
        let field = column.and_then(|it| self.intents.columns_at.get(&(table.to_owned(), it.to_owned())));
        let at = field.or_else(|| self.intents.tables_at.get(table)).copied();
        self.errors.push(SchemaError { at, message, help: help.into() });
    }

    fn dropped_tables(&mut self, target: &Schema) {
        let gone: Vec<_> = self.source.tables.keys().filter(|it| !target.tables.contains_key(*it)).cloned().collect();
        let new: Vec<_> = target.tables.keys().filter(|it| !self.source.tables.contains_key(*it)).cloned().collect();
        let attached = self.attached(target);
        for table in gone {
            if let Some(parent) = attached.get(&table) {
                if self.intents.dropped_tables.contains(&table) {
                    let message =
                        format!("table `{table}` is said to be dropped, and to become a partition of `{parent}`");
                    self.refuse(parent, None, message, "leave `--drop-table` away, or the partition");
                }
                continue;
            }
            if self.intents.dropped_tables.contains(&table) {
                if let Some(before) = self.source.dropped.get(&table) {
                    let message = format!(
                        "table `{table}` goes, and the one of that name that `{}` has dropped is still there as `{}`",
                        before.migration, before.name
                    );
                    self.refuse(
                        &table,
                        None,
                        message,
                        format!("let that go for good first, in a migration of its own: `cargo xtask generate --purge-table {table}`"),
                    );
                }
                self.dropped_table(&table);
                continue;
            }
            let renamed =
                new.iter().map(|new| format!("#[table(renamed_from = \"{table}\")] on the struct of `{new}`"));
            let mut ways = vec![
                format!("dropped: `cargo xtask generate --drop-table {table}`"),
                "kept: list its struct in `schema!` again".to_owned(),
            ];
            ways.extend(renamed.map(|it| format!("renamed: {it}")));
            let lists = |it: &&Table| it.partitioned.as_ref().is_some_and(|it| it.partitions.contains_key(&table));
            ways.extend(target.tables.values().find(lists).map(|it| {
                format!("a partition from now on: `attach` in `partition(name = \"{table}\", ...)` of `{}`", it.name)
            }));
            self.refuse(
                &table,
                None,
                format!("table `{table}` is in the last migration and no longer in the schema"),
                ways.join("; "),
            );
        }
        for table in &self.intents.dropped_tables {
            if !self.source.tables.contains_key(table) || target.tables.contains_key(table) {
                let what =
                    if target.tables.contains_key(table) { "is still in the schema" } else { "is in no migration" };
                self.errors.push(SchemaError {
                    at: self.intents.tables_at.get(table).copied(),
                    message: format!("table `{table}` is said to be dropped, and {what}"),
                    help: "correct the name after `--drop-table`, or remove the struct from `schema!`".into(),
                });
            }
        }
    }

    /// PostgreSQL has one name for one index, sequence or partition of all tables, and MySQL for one check; a table that is
    /// renamed away keeps its own.
    fn comes_again(&mut self, new: &[&Table], renamed: &BTreeMap<String, String>) {
        for table in new.iter().map(|it| &it.name).chain(renamed.keys()) {
            let Some(before) = self.source.dropped.get(table) else { continue };
            let message = format!(
                "table `{table}` comes, and the one of that name that `{}` has dropped is still there as `{}`, whose indexes \
                 and keys have the names that those of the new one would have",
                before.migration, before.name
            );
            self.refuse(
                table,
                None,
                message,
                format!(
                    "let that go for good first, in a migration of its own (`cargo xtask generate --purge-table {table}`); or \
                     give the new one another name"
                ),
            );
        }
    }

    fn purged_tables(&mut self) {
        for table in &self.intents.purged_tables {
            if self.source.dropped.contains_key(table) {
                self.operations.push(Operation::PurgeTable { table: table.clone() });
                continue;
            }
            let known: Vec<_> = self.source.dropped.keys().map(|it| format!("`{it}`")).collect();
            let known =
                if known.is_empty() { "there is none".to_owned() } else { format!("these are: {}", known.join(", ")) };
            self.errors.push(SchemaError {
                at: None,
                message: format!("table `{table}` is said to go for good, and no migration has renamed it away"),
                help: format!("correct the name after `--purge-table` ({known}); a table goes by `--drop-table` first"),
            });
        }
    }

    /// Its own foreign keys go first: they would go on binding rows of others.
    fn dropped_table(&mut self, table: &str) {
        let keys = self.source.tables[table].foreign_keys.keys();
        self.operations
            .extend(keys.map(|key| Operation::DropForeignKey { table: table.to_owned(), foreign_key: key.clone() }));
        self.operations.push(Operation::DropTable { table: table.to_owned() });
    }

    fn table(&mut self, before: &Table, after: &Table) {
        self.columns(before, after);
        if before.primary_key != after.primary_key {
            self.operations.push(Operation::ChangeKey { table: after.name.clone() });
        }
        self.indexes(before, after);
        self.foreign_keys(before, after);
        self.checks(before, after);
    }

    fn indexes(&mut self, before: &Table, after: &Table) {
        let both: BTreeSet<_> = changed(&before.indexes, &after.indexes).collect();
        let (gone, new) = gone_and_new(&before.indexes, &after.indexes);
        let (mut gone, mut new): (Vec<_>, Vec<_>) = (gone.collect(), new.collect());
        // the same by another name; over columns that stay what they are
        let unchanged = |column: &&str| before.column(column) == after.column(column);
        gone.retain(|from| {
            let index = &before.indexes[*from];
            let columns: Vec<&str> = before.columns.iter().map(|it| it.name.as_str()).collect();
            let named = |column: &&&str| Dialect::ALL.into_iter().any(|dialect| index.names(column, dialect));
            if !columns.iter().filter(named).all(unchanged) {
                return true;
            }
            let Some(at) = new.iter().position(|to| after.indexes[*to] == *index) else { return true };
            let (from, index) = ((*from).clone(), new.remove(at).clone());
            self.operations.push(Operation::RenameIndex { table: after.name.clone(), from, index });
            false
        });
        let (gone, new) = (gone.into_iter(), new.into_iter());
        let drop = gone.chain(both.iter().copied()).map(|name| (after.name.clone(), name.clone(), both.contains(name)));
        self.operations.extend(drop.map(|(table, index, replaced)| Operation::DropIndex { table, index, replaced }));
        let add = new.chain(both.iter().copied()).map(|name| (after.name.clone(), name.clone(), both.contains(name)));
        self.operations.extend(add.map(|(table, index, replaces)| Operation::AddIndex { table, index, replaces }));
    }

    fn foreign_keys(&mut self, before: &Table, after: &Table) {
        let both: BTreeSet<_> = changed(&before.foreign_keys, &after.foreign_keys).collect();
        let (gone, new) = gone_and_new(&before.foreign_keys, &after.foreign_keys);
        let drop = gone.chain(both.iter().copied()).map(|name| (after.name.clone(), name.clone()));
        self.operations.extend(drop.map(|(table, foreign_key)| Operation::DropForeignKey { table, foreign_key }));
        let add = new.chain(both.iter().copied()).map(|name| (after.name.clone(), name.clone(), both.contains(name)));
        self.operations.extend(add.map(|(table, foreign_key, replaces)| Operation::AddForeignKey {
            table,
            foreign_key,
            replaces,
        }));
    }

    fn checks(&mut self, before: &Table, after: &Table) {
        let table = &after.name;
        let both = changed_by(&before.checks, &after.checks, |one, other| !one.same_as(other));
        let both: BTreeSet<_> = both.collect();
        let (gone, new) = gone_and_new(&before.checks, &after.checks);
        let drop = gone.chain(both.iter().copied()).map(|check| (table.clone(), check.clone()));
        self.operations.extend(drop.map(|(table, check)| Operation::DropCheck { table, check }));
        let add = new.chain(both.iter().copied()).map(|check| (table.clone(), check.clone()));
        self.operations.extend(add.map(|(table, check)| Operation::AddCheck { table, check }));
    }
}

fn changed<'a, T: PartialEq>(
    before: &'a BTreeMap<String, T>,
    after: &'a BTreeMap<String, T>,
) -> impl Iterator<Item = &'a String> {
    changed_by(before, after, |one, other| one != other)
}

fn changed_by<'a, T>(
    before: &'a BTreeMap<String, T>,
    after: &'a BTreeMap<String, T>,
    differ: impl Fn(&T, &T) -> bool,
) -> impl Iterator<Item = &'a String> {
    let changed = after.iter().filter(move |(name, it)| before.get(*name).is_some_and(|other| differ(other, it)));
    changed.map(|(name, _)| name)
}

fn gone_and_new<'a, T>(
    before: &'a BTreeMap<String, T>,
    after: &'a BTreeMap<String, T>,
) -> (impl Iterator<Item = &'a String>, impl Iterator<Item = &'a String>) {
    let gone = before.keys().filter(|name| !after.contains_key(*name));
    let new = after.keys().filter(|name| !before.contains_key(*name));
    (gone, new)
}
