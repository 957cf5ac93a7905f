//! Source and target schema to operations. Pure, in a fixed order, and it guesses nothing: what
//! can be read in two ways is an error that prints both spellings.

mod column;
mod create;

use std::collections::{BTreeMap, BTreeSet};

use crate::operation::Operation;
use crate::schema::{Intents, Schema, SchemaError, SchemaErrors, Table};

/// The operations that lead from `source` to `target`, in the order they are staged.
///
/// # Errors
/// Everything that cannot be derived, each naming the field, and what to do instead.
pub fn diff(source: &Schema, target: &Schema, intents: &Intents) -> Result<Vec<Operation>, SchemaErrors> {
    let mut diff = Diff { source, intents, operations: Vec::new(), errors: Vec::new() };
    diff.dropped_tables(target);
    let new: Vec<&Table> = target.tables.values().filter(|it| !source.tables.contains_key(&it.name)).collect();
    let created = create::in_order(&new, source);
    for table in target.tables.values() {
        if let Some(before) = source.tables.get(&table.name) {
            diff.table(before, table);
        }
    }
    diff.operations.extend(created.iter().flat_map(create::deferred_keys));
    diff.operations.sort();
    diff.errors.sort();
    if !diff.errors.is_empty() {
        return Err(SchemaErrors(diff.errors));
    }
    // tables come before what is added to others, and in their own order
    let at = diff.operations.partition_point(|it| matches!(it, Operation::DropForeignKey { .. }));
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
        for table in gone {
            let renamed = new.iter().map(|new| format!("#[table(name = \"{table}\")] on the struct of `{new}`"));
            let mut ways = vec!["list its struct in `schema!` again".to_owned()];
            ways.extend(renamed);
            self.refuse(
                &table,
                None,
                format!("table `{table}` is in the last migration and no longer in the schema"),
                format!("neither dropping nor renaming a table is derived; {}", ways.join(", or ")),
            );
        }
    }

    fn table(&mut self, before: &Table, after: &Table) {
        self.columns(before, after);
        if before.primary_key != after.primary_key {
            self.refuse(
                &after.name,
                None,
                format!(
                    "the primary key of `{}` changes from ({}) to ({})",
                    after.name,
                    before.primary_key.join(", "),
                    after.primary_key.join(", ")
                ),
                "changing a table's key is not derived: keep it, or make a new table",
            );
        }
        self.indexes(before, after);
        self.foreign_keys(before, after);
        self.checks(before, after);
    }

    fn indexes(&mut self, before: &Table, after: &Table) {
        let table = &after.name;
        let named = |name: &String| (table.clone(), name.clone());
        for name in changed(&before.indexes, &after.indexes) {
            self.refuse(
                table,
                None,
                format!("index `{name}` of `{table}` changes"),
                "give the new one another name, so that both can be there while the code changes: `name = \"...\"`",
            );
        }
        let (gone, new) = gone_and_new(&before.indexes, &after.indexes);
        self.operations.extend(gone.map(named).map(|(table, index)| Operation::DropIndex { table, index }));
        self.operations.extend(new.map(named).map(|(table, index)| Operation::AddIndex { table, index }));
    }

    fn foreign_keys(&mut self, before: &Table, after: &Table) {
        let table = &after.name;
        for name in changed(&before.foreign_keys, &after.foreign_keys) {
            let column = after.foreign_keys[name].columns.first().map(String::as_str);
            self.refuse(
                table,
                column,
                format!("foreign key `{name}` of `{table}` changes"),
                "changing a foreign key is not derived: remove it in one migration, add it again in the next",
            );
        }
        let named = |name: &String| (table.clone(), name.clone());
        let (gone, new) = gone_and_new(&before.foreign_keys, &after.foreign_keys);
        self.operations
            .extend(gone.map(named).map(|(table, foreign_key)| Operation::DropForeignKey { table, foreign_key }));
        self.operations
            .extend(new.map(named).map(|(table, foreign_key)| Operation::AddForeignKey { table, foreign_key }));
    }

    fn checks(&mut self, before: &Table, after: &Table) {
        let table = &after.name;
        let both: BTreeSet<_> = changed(&before.checks, &after.checks).collect();
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
    after.iter().filter(|(name, it)| before.get(*name).is_some_and(|other| other != *it)).map(|(name, _)| name)
}

fn gone_and_new<'a, T>(
    before: &'a BTreeMap<String, T>,
    after: &'a BTreeMap<String, T>,
) -> (impl Iterator<Item = &'a String>, impl Iterator<Item = &'a String>) {
    let gone = before.keys().filter(|name| !after.contains_key(*name));
    let new = after.keys().filter(|name| !before.contains_key(*name));
    (gone, new)
}
