//! From what was seen around a statement to the observation: pure.

use std::collections::BTreeMap;

use pontoon::Dialect;
use pontoon::migration::{Extent, LockMode};

use super::relations::{Counters, Relations};
use crate::verify::observation::{ObjectKind, Observation, ObservedLock, is_whole, row_lock_extent};
use crate::verify::words::{Word, begins, contains, words};

/// What was seen around a statement.
pub(super) struct Seen<'a> {
    /// The relations that were there before.
    pub(super) before: &'a Relations,
    /// Their counters before.
    pub(super) base: &'a BTreeMap<u32, Counters>,
    /// What their counters have grown by.
    pub(super) grown: &'a BTreeMap<u32, Counters>,
    /// How many rows the tables held that were read or changed.
    pub(super) rows: &'a BTreeMap<u32, u64>,
    /// Tables whose new file is empty.
    pub(super) emptied: &'a [u32],
    pub(super) sql: &'a str,
    /// Whether it ran outside a transaction.
    pub(super) outside: bool,
}

/// The observation; `taken` are the locks that this statement took, `held` those of its whole transaction.
pub(super) fn judge(seen: &Seen<'_>, taken: &BTreeMap<u32, LockMode>, held: &BTreeMap<u32, LockMode>) -> Observation {
    let words = words(seen.sql, Dialect::Postgres);
    let proves = contains(&words, &["VALIDATE", "CONSTRAINT"]);
    let mut observation = Observation { outside: seen.outside, proves, ..Observation::default() };
    observation.set_locks(taken.iter().filter_map(|(oid, mode)| {
        let relation = seen.before.get(oid)?;
        Some(ObservedLock { object: relation.name.clone(), kind: relation.kind, mode: *mode })
    }));
    let tables = || seen.before.iter().filter(|(_, it)| it.kind == ObjectKind::Table);
    observation.held_rows = tables().filter(|(_, it)| it.held_rows).map(|(_, it)| it.name.clone()).collect();
    observation.partitions = tables().filter_map(|(_, it)| Some((it.name.clone(), it.partition_of.clone()?))).collect();
    let truncates = begins(&words, &["TRUNCATE"]);
    for (oid, relation) in tables() {
        let (Some(base), Some(grown)) = (seen.base.get(oid), seen.grown.get(oid)) else { continue };
        if base.filenode != grown.filenode && !truncates && !seen.emptied.contains(oid) {
            observation.rewrites.insert(relation.name.clone());
        }
        if relation.held_rows && scanned(seen, *oid, &words) {
            observation.scans.insert(relation.name.clone());
        }
        let (changed, rows) = (grown.updated + grown.deleted, seen.rows.get(oid).copied().unwrap_or(0));
        if rows >= 2 && is_whole(changed, rows) {
            observation.whole_writes.insert(relation.name.clone());
        }
        observation.block(Extent::No, row_lock_extent(changed, rows));
    }
    let concurrent = seen.outside && contains(&words, &["CONCURRENTLY"]);
    // there, what keeps others out is taken between the long phases: on a partitioned table before the first
    let lasting = if observation.grows() && !concurrent { Extent::Rows } else { Extent::Brief };
    // no counter tells of rows that are locked and not changed
    let locks_rows = ["UPDATE", "SHARE"].iter().any(|it| contains(&words, &["FOR", it]))
        || contains(&words, &["FOR", "NO", "KEY", "UPDATE"]);
    let whole = |lock: &ObservedLock| lock.mode == LockMode::RowShare && observation.scans.contains(&lock.object);
    if locks_rows && observation.tables().any(whole) {
        observation.block(Extent::No, Extent::Rows);
    }
    for (oid, mode) in held {
        let Some(relation) = seen.before.get(oid) else { continue };
        // whoever plans a query on a table opens its indexes too, so an index that is closed to all
        // closes its table; not so where it was taken out of use first
        let index = relation.kind == ObjectKind::Index && *mode == LockMode::AccessExclusive && !concurrent;
        if relation.kind == ObjectKind::Table || index {
            let extent = |blocks: bool| if blocks { lasting } else { Extent::No };
            observation.block(extent(mode.blocks_reads()), extent(mode.blocks_writes()));
        }
    }
    observation
}

/// Whether a table that held rows was read whole: by its own scan, or through one of its indexes.
fn scanned(seen: &Seen<'_>, oid: u32, words: &[Word]) -> bool {
    let rows = seen.rows.get(&oid).copied().unwrap_or(0);
    let grown = seen.grown.get(&oid).copied().unwrap_or_default();
    // the planner reads a small table whole for a single row; that says nothing about a large one
    let small = rows < ROWS_SMALL && is_dml(words) && !is_whole(grown.updated + grown.deleted, rows);
    if small {
        return false;
    }
    if grown.scans > 0 && is_whole(grown.returned, rows) {
        return true;
    }
    let indexes = seen.grown.iter().filter(|(index, _)| seen.before[*index].table == Some(oid));
    indexes.map(|(_, it)| it).any(|it| rows >= ROWS_SMALL && it.scans > 0 && is_whole(it.returned / it.scans, rows))
}

/// Rows that fit a page or two.
const ROWS_SMALL: u64 = 100;

fn is_dml(words: &[Word]) -> bool {
    ["INSERT", "UPDATE", "DELETE", "MERGE", "SELECT", "WITH", "DO", "CALL"].iter().any(|it| begins(words, &[it]))
}
