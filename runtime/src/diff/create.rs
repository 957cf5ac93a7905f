//! The order of new tables: each after those it refers to; where they refer to each other in a
//! circle, the foreign key that closes it is added later. So is one to a column that is not unique
//! yet when the table is made.

use std::collections::{BTreeMap, BTreeSet};

use crate::operation::Operation;
use crate::schema::{ForeignKey, Schema, Table};

/// `CreateTable` operations in an order that works.
pub(super) fn in_order(new: &[&Table], source: &Schema) -> Vec<Operation> {
    let mut waiting: BTreeMap<&str, &Table> = new.iter().map(|it| (it.name.as_str(), *it)).collect();
    let mut created = Vec::new();
    while !waiting.is_empty() {
        let free = waiting.values().find(|it| blockers(it, &waiting).is_empty());
        // in a circle: the first by name comes first, without the keys that point ahead
        let Some(table) = free.or_else(|| waiting.values().next()).copied() else { break };
        let mut deferred = blockers(table, &waiting);
        let early = table.foreign_keys.iter().filter(|(_, key)| !unique_by_then(table, key, source));
        deferred.extend(early.map(|(name, _)| name.clone()));
        waiting.remove(table.name.as_str());
        created.push(Operation::CreateTable { table: table.name.clone(), deferred });
    }
    created
}

/// The foreign keys of a table to others that are not there yet.
fn blockers(table: &Table, waiting: &BTreeMap<&str, &Table>) -> BTreeSet<String> {
    let ahead = |parent: &str| parent != table.name && waiting.contains_key(parent);
    table.foreign_keys.iter().filter(|(_, key)| ahead(&key.references)).map(|(name, _)| name.clone()).collect()
}

/// Whether the columns that the key refers to are unique when its table is made: a table's own unique indexes
/// come after it (PostgreSQL has no other way), and those of a table that is there in validate.
fn unique_by_then(table: &Table, key: &ForeignKey, source: &Schema) -> bool {
    let columns = &key.referenced_columns;
    if key.references == table.name {
        return table.primary_key == *columns;
    }
    source.tables.get(&key.references).is_none_or(|other| {
        other.primary_key == *columns || other.indexes.values().any(|it| it.unique && it.columns == *columns)
    })
}

/// The keys that a `CreateTable` left for later.
pub(super) fn deferred_keys(operation: &Operation) -> Vec<Operation> {
    let Operation::CreateTable { table, deferred } = operation else { return Vec::new() };
    let add = |key: &String| Operation::AddForeignKey { table: table.clone(), foreign_key: key.clone() };
    deferred.iter().map(add).collect()
}
