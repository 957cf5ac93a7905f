//! The order of new tables: each after those it refers to; where they refer to each other in a
//! circle, the foreign key that closes it is added later. So is one to a column that is not unique
//! yet when the table is made.

use std::collections::{BTreeMap, BTreeSet};

use crate::operation::Operation;
use crate::schema::{ForeignKey, Schema, Table};

/// `CreateTable` operations in an order that works: each time the first by name of those that refer to
/// nothing ahead. The work grows with the foreign keys, not with the square of the tables.
pub(super) fn in_order(new: &[&Table], source: &Schema) -> Vec<Operation> {
    let mut waiting: BTreeMap<&str, &Table> = new.iter().map(|it| (it.name.as_str(), *it)).collect();
    let mut children: BTreeMap<&str, Vec<&Table>> = BTreeMap::new();
    for table in new {
        for parent in ahead(table, &waiting).map(|(_, parent)| parent) {
            children.entry(parent).or_default().push(table);
        }
    }
    let is_free = |table: &&Table, waiting: &BTreeMap<&str, &Table>| ahead(table, waiting).next().is_none();
    let mut free: BTreeSet<&str> = new.iter().filter(|it| is_free(it, &waiting)).map(|it| it.name.as_str()).collect();
    let mut created = Vec::new();
    // in a circle: the first by name comes first, without the keys that point ahead
    while let Some(name) = free.pop_first().or_else(|| waiting.keys().next().copied()) {
        let Some(table) = waiting.get(name).copied() else { continue };
        let early = table.foreign_keys.iter().filter(|(_, key)| !unique_by_then(table, key, source));
        let later = ahead(table, &waiting).map(|(key, _)| key).chain(early.map(|(key, _)| key));
        let deferred = later.cloned().collect();
        waiting.remove(name);
        created.push(Operation::CreateTable { table: table.name.clone(), deferred });
        for child in children.get(name).into_iter().flatten() {
            if waiting.contains_key(child.name.as_str()) && is_free(child, &waiting) {
                free.insert(&child.name);
            }
        }
    }
    created
}

/// The foreign keys of a table to others that are not there yet, with those.
fn ahead<'a>(table: &'a Table, waiting: &BTreeMap<&str, &Table>) -> impl Iterator<Item = (&'a String, &'a str)> {
    let keys = table.foreign_keys.iter().map(|(name, key)| (name, key.references.as_str()));
    keys.filter(|(_, parent)| *parent != table.name && waiting.contains_key(parent))
}

/// Whether the columns that the key refers to are unique when its table is made: a table's own unique indexes
/// come after it (PostgreSQL has no other way), and those of a table that is there in validate.
fn unique_by_then(table: &Table, key: &ForeignKey, source: &Schema) -> bool {
    let columns = &key.referenced_columns;
    if key.references == table.name {
        return table.primary_key == *columns;
    }
    source
        .tables
        .get(&key.references)
        .is_none_or(|other| other.primary_key == *columns || other.indexes.values().any(|it| it.makes_unique(columns)))
}

/// The keys that a `CreateTable` left for later.
pub(super) fn deferred_keys(operation: &Operation) -> Vec<Operation> {
    let Operation::CreateTable { table, deferred } = operation else { return Vec::new() };
    let add =
        |key: &String| Operation::AddForeignKey { table: table.clone(), foreign_key: key.clone(), replaces: false };
    deferred.iter().map(add).collect()
}
