//! From what was seen around a statement to the observation: pure.

use std::collections::{BTreeMap, BTreeSet};

use pontoon::migration::{Algorithm, Extent, LockClause, LockMode};

use super::dictionary::{Dictionary, Io};
use super::probe::Locks;
use crate::verify::observation::{ObjectKind, Observation, ObservedLock, is_whole, row_lock_extent};
use crate::verify::words::{Word, begins, contains, names};

/// What was seen around a statement.
pub(super) struct Seen<'a> {
    pub(super) words: &'a [Word],
    pub(super) before: &'a Dictionary,
    pub(super) after: &'a Dictionary,
    pub(super) locks: &'a Locks,
    /// What the counters have grown by.
    pub(super) io: &'a BTreeMap<String, Io>,
    /// How many rows the tables held that were read or changed.
    pub(super) rows: &'a BTreeMap<String, u64>,
    /// How many rows were locked in each table.
    pub(super) row_locks: &'a BTreeMap<String, u64>,
    /// What was granted.
    pub(super) granted: Option<(Algorithm, LockClause)>,
    /// The statement can have an algorithm.
    pub(super) alters: bool,
    /// What the server's stages say that it did.
    pub(super) work: Work,
}

/// What a statement was seen at.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Work {
    /// Rows were copied through the server.
    pub(super) copied: bool,
    /// The storage engine read a table to build an index or to rebuild it.
    pub(super) built: bool,
}

pub(super) fn judge(seen: &Seen<'_>) -> Observation {
    let held_rows = seen.before.tables.iter().filter(|(_, it)| it.held_rows).map(|(name, _)| name.clone()).collect();
    let mut observation = Observation { held_rows, ..Observation::default() };
    observation.set_locks(seen.locks.iter().filter_map(|(name, mode)| {
        let kind = if seen.before.tables.get(name)?.view { ObjectKind::Other } else { ObjectKind::Table };
        Some(ObservedLock { object: name.clone(), kind, mode: *mode })
    }));
    rows_written_anew(seen, &mut observation);
    rows_read(seen, &mut observation);
    how(seen, &mut observation);
    table_locks(seen, &mut observation);
    for (name, io) in seen.io {
        let rows = seen.rows.get(name).copied().unwrap_or(0);
        if rows >= 2 && is_whole(io.changed, rows) && !seen.alters {
            observation.whole_writes.insert(name.clone());
        }
    }
    for (name, locked) in seen.row_locks {
        let rows = seen.rows.get(name).copied().unwrap_or(0);
        observation.block(Extent::No, row_lock_extent(*locked, rows));
    }
    observation
}

/// A table was rebuilt if an id of its own went and one came that no table had: ids follow
/// the rows through RENAME and EXCHANGE PARTITION.
fn rows_written_anew(seen: &Seen<'_>, observation: &mut Observation) {
    // a file that is given up gets a new id, and no rows
    if contains(seen.words, &["TRUNCATE"]) || contains(seen.words, &["DISCARD"]) {
        return;
    }
    let known: BTreeSet<u64> = seen.before.tables.values().flat_map(|it| it.ids.iter().copied()).collect();
    for (name, before) in &seen.before.tables {
        let Some(after) = seen.after.tables.get(name) else { continue };
        let gone = before.ids.difference(&after.ids).next().is_some();
        let new = after.ids.difference(&known).next().is_some();
        // a table of another engine has no ids
        let comes = seen.alters && before.ids.is_empty() && !before.view;
        let leaves = seen.alters && after.ids.is_empty();
        if gone && (new || leaves) || new && comes {
            observation.rewrites.insert(name.clone());
        }
    }
}

/// A rebuild and the build of an index read the whole table; the counters tell of queries. What checks the rows of a
/// changed table looks up others, each by an index: many rows, and no scan.
fn rows_read(seen: &Seen<'_>, observation: &mut Observation) {
    for (name, before) in seen.before.tables.iter().filter(|(_, it)| it.held_rows) {
        let built = seen.after.tables.get(name).is_some_and(|after| {
            after.indexes.difference(&before.indexes).any(|(table, _)| before.ids.contains(table))
        });
        let built =
            built || before.partitioned && seen.work.built && seen.locks.get(name).is_some_and(|it| it.blocks_reads());
        let io = seen.io.get(name).copied().unwrap_or_default();
        let rows = seen.rows.get(name).copied().unwrap_or(0);
        let changed = |table: &str| seen.io.get(table).is_some_and(|it| it.changed + it.inserted > 0);
        let looked_up = !names(seen.words, name) && seen.before.is_neighbour(name, changed);
        let fetched = if looked_up { io.scanned } else { io.fetched };
        let reads = !seen.alters || exchanges(seen.words);
        let queried = reads && is_whole(fetched, rows) && (rows >= ROWS_SMALL || is_whole(io.changed, rows));
        if built || queried || observation.rewrites.contains(name) {
            observation.scans.insert(name.clone());
        }
    }
}

/// Rows that fit a page or two: reading all of them says nothing about a large table.
const ROWS_SMALL: u64 = 100;

/// The algorithm, as it was granted, unless the tables say otherwise: the server ignores
/// ALGORITHM for some statements on partitions.
fn how(seen: &Seen<'_>, observation: &mut Observation) {
    if !seen.alters || exchanges(seen.words) {
        return;
    }
    let rebuilt = !observation.rewrites.is_empty();
    let shared = seen.locks.values().any(|mode| *mode == LockMode::SharedNoWrite);
    let found = match seen.granted {
        Some((Algorithm::Instant, _)) | None if rebuilt && seen.work.copied => {
            Some((Algorithm::Copy, LockClause::Shared))
        }
        Some((Algorithm::Instant, _)) | None if rebuilt || !observation.scans.is_empty() => {
            Some((Algorithm::Inplace, if shared { LockClause::Shared } else { LockClause::None }))
        }
        granted => granted,
    };
    observation.algorithm = found.map(|(algorithm, _)| algorithm);
    observation.lock_clause = found.map(|(_, lock)| lock);
}

/// `ALTER TABLE ... EXCHANGE PARTITION` takes an algorithm and asks nothing of it.
fn exchanges(words: &[Word]) -> bool {
    contains(words, &["EXCHANGE", "PARTITION"])
}

/// How long others are kept out by the locks on tables.
fn table_locks(seen: &Seen<'_>, observation: &mut Observation) {
    let lasting = if observation.grows() { Extent::Rows } else { Extent::Brief };
    let (reads, writes) = match (observation.algorithm, observation.lock_clause) {
        (Some(_), Some(LockClause::None)) => (Extent::Brief, Extent::Brief),
        (Some(_), Some(LockClause::Shared)) => (Extent::Brief, lasting),
        (Some(_), Some(LockClause::Exclusive)) => (lasting, lasting),
        // the rows are compared before the last step, which alone keeps readers out
        _ if exchanges(seen.words) => (Extent::Brief, lasting),
        _ if begins(seen.words, &["OPTIMIZE"]) && seen.work.copied => (Extent::Brief, lasting),
        // the rows are read and written while others go on; only its ends keep them out
        _ if begins(seen.words, &["OPTIMIZE"]) => (Extent::Brief, Extent::Brief),
        // the source's rows are read with locks on them
        _ if begins(seen.words, &["CREATE", "TABLE"]) && observation.grows() => (Extent::No, Extent::Rows),
        _ => (lasting, lasting),
    };
    let source_locked = begins(seen.words, &["CREATE", "TABLE"]) && observation.grows();
    let tables: Vec<LockMode> = observation.tables().map(|it| it.mode).collect();
    for mode in tables {
        let extent = |blocks: bool, extent: Extent| if blocks { extent } else { Extent::No };
        observation.block(extent(mode.blocks_reads(), reads), extent(mode.blocks_writes() || source_locked, writes));
    }
}
