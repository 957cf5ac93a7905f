//! What a runner tells while it works.

use std::fmt;

use crate::migration::Stage;

/// A session that holds a lock we need.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Blocker {
    /// The server's number of the session.
    pub session: i64,
    /// The table that it holds; empty where it is in the way by something else, such as its snapshot.
    pub table: String,
    /// What it does: `active`, `idle in transaction`, ...
    pub state: String,
    /// How old its transaction is, in milliseconds.
    pub age_ms: u64,
    /// Its last statement, cut to 80 characters.
    pub query: String,
}

impl fmt::Display for Blocker {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { session, table, state, age_ms, query } = self;
        let holds = if table.is_empty() { String::new() } else { format!(" holds `{table}`") };
        write!(f, "session {session}{holds} ({state}, transaction open for {age_ms} ms): {query}")
    }
}

/// Something that happened.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub enum Event {
    /// A stage begins.
    Stage {
        /// The migration.
        migration: String,
        /// The stage.
        stage: Stage,
        /// Whether it is on its way back.
        undo: bool,
    },
    /// Contract will be refused as the database is now. Told before expand does anything, since what is in the
    /// way (a trigger or view of others) is theirs to change.
    Ahead {
        /// What is in the way.
        message: String,
    },
    /// A statement begins.
    Statement {
        /// The SQL.
        sql: String,
    },
    /// A statement is not for this server's version, and does not run.
    Skipped {
        /// The SQL.
        sql: String,
        /// Which versions it is for, and which this is.
        reason: String,
    },
    /// A statement is done.
    Done {
        /// How long it ran at its last attempt, in milliseconds.
        duration_ms: u64,
        /// How long we waited for others before, in milliseconds.
        waited_ms: u64,
        /// How often it was tried.
        attempts: u32,
    },
    /// A statement was done by an earlier run, which could not note it any more.
    Found {
        /// The SQL.
        sql: String,
    },
    /// Others are in the way; we wait, outside the queue for the lock.
    Waiting {
        /// Who.
        blockers: Vec<Blocker>,
    },
    /// An attempt gave way to others; it will be repeated.
    Retry {
        /// What the server said.
        reason: String,
    },
    /// A batch of a backfill is done.
    Batch {
        /// The table.
        table: String,
        /// The column.
        column: String,
        /// Rows filled so far, by this and earlier runs.
        rows: u64,
        /// How much of the table is behind us, from 0 to 1.
        position: f64,
        /// Rows a second since this run began.
        rows_per_second: f64,
        /// Seconds to go, as far as that can be known.
        eta_seconds: Option<f64>,
    },
    /// A batch of a search is done.
    Search {
        /// The table.
        table: String,
        /// How many rows were looked at so far, some of them twice.
        rows: u64,
    },
    /// A backfill is complete, and its invariant holds.
    Filled {
        /// The table.
        table: String,
        /// The column.
        column: String,
        /// Rows filled, by this and earlier runs.
        rows: u64,
    },
}

/// Hears what happens. Called between statements: it must not block for long.
pub trait Observer: Send + Sync {
    /// Something happened.
    fn event(&self, event: &Event);
}

/// Hears nothing.
#[derive(Debug, Clone, Copy, Default)]
pub struct Silent;

impl Observer for Silent {
    fn event(&self, _: &Event) {}
}
