//! What a server did while it ran one statement.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use pontoon::migration::{Algorithm, Extent, LockClause, LockMode};

/// What kind of object a lock is on.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum ObjectKind {
    /// A table, also a partitioned or foreign one, or a materialised view.
    Table,
    /// An index.
    Index,
    /// A sequence, a view or whatever else has a name and a lock.
    Other,
}

/// The strongest lock on something that was there before the statement.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ObservedLock {
    /// The name as users write it: bare where the search path finds it.
    pub object: String,
    /// What it is.
    pub kind: ObjectKind,
    /// The lock.
    pub mode: LockMode,
}

/// What a server said when it refused.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Refusal {
    /// The server's message, with its code.
    pub message: String,
    /// Where in the statement, in characters counted from 1, if the server says so (PostgreSQL).
    pub position: Option<usize>,
    /// It did not end within the limit, and we ended it.
    pub over_limit: bool,
}

impl Refusal {
    /// What the server said, without a place.
    pub fn said(message: impl Into<String>) -> Self {
        Self { message: message.into(), position: None, over_limit: false }
    }

    /// It was ended after so long.
    pub fn over_limit(limit: Duration) -> Self {
        let message = format!("it was still running after {} s, and was ended", limit.as_secs_f64());
        Self { over_limit: true, ..Self::said(message) }
    }
}

/// What a server did while it ran one statement.
#[derive(Debug, Clone, PartialEq)]
pub struct Observation {
    /// The strongest lock on each object that was there before, tables first, by name.
    pub locks: Vec<ObservedLock>,
    /// PostgreSQL: the partitions that were there before, each with the table that it is of.
    pub partitions: BTreeMap<String, String>,
    /// MySQL: how an ALTER was carried out.
    pub algorithm: Option<Algorithm>,
    /// MySQL: the least `LOCK=` that it accepts.
    pub lock_clause: Option<LockClause>,
    /// Tables whose rows were all written anew.
    pub rewrites: BTreeSet<String>,
    /// Tables that held rows and were read whole.
    pub scans: BTreeSet<String>,
    /// Tables that an UPDATE or DELETE changed (nearly) all rows of.
    pub whole_writes: BTreeSet<String>,
    /// How long readers wait.
    pub reads: Extent,
    /// How long writers wait.
    pub writes: Extent,
    /// How long the statement took, its commit included, in milliseconds.
    pub duration_ms: f64,
    /// The longest that a reader on a touched table waited meanwhile, in milliseconds.
    pub stall_read_ms: Option<f64>,
    /// The longest that a writer on a touched table waited meanwhile, in milliseconds.
    pub stall_write_ms: Option<f64>,
    /// What readers and writers were told instead of being served, each once.
    pub client_errors: BTreeSet<String>,
    /// PostgreSQL: the columns (`table.column`) whose type has changed under their name, so that what sessions have prepared
    /// before to read them fails.
    pub stale_plans: BTreeSet<String>,
    /// How long the session waits for a lock before it gives up; nothing if it never does.
    pub gives_up: Option<Duration>,
    /// The server refused.
    pub error: Option<Refusal>,
    /// It cannot run inside a transaction. Then the locks were seen from outside, and are lower bounds.
    pub outside: bool,
    /// MySQL: what nobody held open when the statement came to it, such as a view that reads a table which is not
    /// there. A lock on it may have been too short to be seen.
    pub unheld: BTreeSet<String>,
    /// It ran in a transaction around its file, which keeps its locks until the file ends.
    pub in_transaction: bool,
    /// It proves a constraint for the rows that are there (PostgreSQL).
    pub proves: bool,
    /// Tables that held rows before the statement.
    pub held_rows: BTreeSet<String>,
    /// Why parts of this could not be observed; what was not observed is never passed.
    pub unobserved: Vec<String>,
}

impl Default for Observation {
    fn default() -> Self {
        Self {
            partitions: BTreeMap::new(),
            locks: Vec::new(),
            algorithm: None,
            lock_clause: None,
            rewrites: BTreeSet::new(),
            scans: BTreeSet::new(),
            whole_writes: BTreeSet::new(),
            reads: Extent::No,
            writes: Extent::No,
            duration_ms: 0.0,
            stall_read_ms: None,
            stall_write_ms: None,
            client_errors: BTreeSet::new(),
            stale_plans: BTreeSet::new(),
            gives_up: None,
            error: None,
            outside: false,
            unheld: BTreeSet::new(),
            in_transaction: false,
            proves: false,
            held_rows: BTreeSet::new(),
            unobserved: Vec::new(),
        }
    }
}

impl Observation {
    /// The server refused, and nothing else is known.
    pub fn refused(error: Refusal) -> Self {
        Self { error: Some(error), ..Self::default() }
    }

    /// The lock on `object`.
    pub fn lock(&self, object: &str) -> Option<LockMode> {
        self.locks.iter().find(|lock| lock.object == object).map(|lock| lock.mode)
    }

    /// The tables that were locked.
    pub fn tables(&self) -> impl Iterator<Item = &ObservedLock> {
        self.locks.iter().filter(|lock| lock.kind == ObjectKind::Table)
    }

    /// Puts the strongest lock of each object in order.
    pub fn set_locks(&mut self, locks: impl IntoIterator<Item = ObservedLock>) {
        let mut strongest: BTreeMap<(ObjectKind, String), LockMode> = BTreeMap::new();
        for lock in locks {
            let mode = strongest.entry((lock.kind, lock.object)).or_insert(lock.mode);
            *mode = (*mode).max(lock.mode);
        }
        self.locks = strongest.into_iter().map(|((kind, object), mode)| ObservedLock { object, kind, mode }).collect();
    }

    /// Whether the statement's work grows with a table: it rewrites or reads one that held rows.
    pub fn grows(&self) -> bool {
        !self.rewrites.is_disjoint(&self.held_rows) || !self.scans.is_empty()
    }

    /// Notes that somebody may be kept out.
    pub fn block(&mut self, reads: Extent, writes: Extent) {
        self.reads = self.reads.max(reads);
        self.writes = self.writes.max(writes);
    }
}

/// How long writers wait for the rows that a statement has changed: a transaction that
/// changes few rows lets go of them at once; `total` are the rows of the table.
pub fn row_lock_extent(changed: u64, total: u64) -> Extent {
    match changed {
        0 => Extent::No,
        _ if changed > ROWS_FEW_MAX || (changed > ROWS_FEW_MIN && changed * 10 >= total) => Extent::Rows,
        _ => Extent::Brief,
    }
}

/// Up to so many rows are few, whatever the table's size.
const ROWS_FEW_MIN: u64 = 10;
/// More than so many rows are many, whatever the table's size.
const ROWS_FEW_MAX: u64 = 1_000;

/// Whether `seen` is about all of `total` rows; a table may shrink or grow a little while it is read.
pub fn is_whole(seen: u64, total: u64) -> bool {
    total > 0 && seen.saturating_mul(10) >= total.saturating_mul(9)
}
