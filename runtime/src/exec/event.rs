//! What a runner tells while it works.

use std::fmt;

use super::backfill::Growth;
use crate::migration::Stage;

/// Who holds a lock that we need.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Holder {
    /// A session, by the server's number.
    Session(i64),
    /// A transaction that was prepared for a two-phase commit, and waits for its second phase without a session: its
    /// name, quoted; or how to learn it, where the server does not tell.
    Prepared(String),
}

/// A transaction that holds a lock we need.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Blocker {
    /// Whose it is.
    pub holder: Holder,
    /// The table that it holds; empty where it is in the way by something else, such as its snapshot.
    pub table: String,
    /// What it does: `active`, `idle in transaction`, ...
    pub state: String,
    /// How old it is, in milliseconds; unknown where our user may not see the sessions of others.
    pub age_ms: Option<u64>,
    /// Its last statement, cut to 80 characters.
    pub query: String,
}

impl Blocker {
    fn to_json(&self) -> serde_json::Value {
        let (session, prepared) = match &self.holder {
            Holder::Session(number) => (Some(*number), None),
            Holder::Prepared(name) => (None, Some(name)),
        };
        serde_json::json!({
            "session": session, "prepared": prepared, "table": self.table, "state": self.state, "age_ms": self.age_ms,
            "query": self.query,
        })
    }
}

impl fmt::Display for Blocker {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { holder, table, state, age_ms, query } = self;
        match holder {
            Holder::Session(number) => write!(f, "session {number}")?,
            Holder::Prepared(name) => write!(f, "prepared transaction {name}")?,
        }
        if !table.is_empty() {
            write!(f, " holds `{table}`")?;
        }
        let age = age_ms.map_or_else(|| "of unknown age".to_owned(), |it| format!("open for {it} ms"));
        match holder {
            Holder::Session(_) => write!(f, " ({state}, transaction {age}): {query}"),
            Holder::Prepared(_) => write!(f, " ({age})"),
        }
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
    /// A session in the way was ended, as [`Patience`](super::Patience) says.
    Ended {
        /// Whose.
        blocker: Blocker,
    },
    /// An attempt gave way to others; it will be repeated.
    Retry {
        /// What the server said.
        reason: String,
    },
    /// The connection was lost; the command begins again, and goes on where it was.
    Lost {
        /// What was heard of it.
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
    /// Another runner fills; this one helps it.
    Joined {
        /// The migration.
        migration: String,
    },
    /// A worker took over a range of a backfill whose worker is dead or was not heard of.
    TakenOver {
        /// The table.
        table: String,
        /// The column.
        column: String,
        /// Whose range it was.
        worker: String,
    },
    /// Something about a backfill that is worth knowing before it has run for long.
    Notice {
        /// What.
        message: String,
    },
    /// How much a table of MySQL grows while it is filled, predicted before its first row. Small tables are not asked.
    Growth {
        /// The table.
        table: String,
        /// The column.
        column: String,
        /// What is predicted.
        growth: Growth,
    },
    /// A backfill waits: somebody has paused it, or a measure is beyond its bound; or any command does, since the server
    /// has no room to write its log.
    Held {
        /// Why.
        reason: String,
    },
    /// What waited goes on.
    Resumed,
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

impl Event {
    /// The event as a JSON object, whose `event` says which it is. Fields may be added.
    pub fn to_json(&self) -> serde_json::Value {
        use serde_json::json;
        match self {
            Self::Stage { migration, stage, undo } => {
                json!({ "event": "stage", "migration": migration, "stage": stage.name(), "undo": undo })
            }
            Self::Ahead { message } => json!({ "event": "ahead", "message": message }),
            Self::Statement { sql } => json!({ "event": "statement", "sql": sql }),
            Self::Skipped { sql, reason } => json!({ "event": "skipped", "sql": sql, "reason": reason }),
            Self::Done { duration_ms, waited_ms, attempts } => {
                json!({ "event": "done", "duration_ms": duration_ms, "waited_ms": waited_ms, "attempts": attempts })
            }
            Self::Found { sql } => json!({ "event": "found", "sql": sql }),
            Self::Waiting { blockers } => {
                json!({ "event": "waiting", "blockers": blockers.iter().map(Blocker::to_json).collect::<Vec<_>>() })
            }
            Self::Ended { blocker } => json!({ "event": "ended", "blocker": blocker.to_json() }),
            Self::Lost { reason } => json!({ "event": "lost", "reason": reason }),
            Self::Retry { reason } => json!({ "event": "retry", "reason": reason }),
            Self::Batch { table, column, rows, position, rows_per_second, eta_seconds } => json!({
                "event": "batch", "table": table, "column": column, "rows": rows, "position": position,
                "rows_per_second": rows_per_second, "eta_seconds": eta_seconds,
            }),
            Self::Joined { migration } => json!({ "event": "joined", "migration": migration }),
            Self::TakenOver { table, column, worker } => {
                json!({ "event": "taken_over", "table": table, "column": column, "worker": worker })
            }
            Self::Notice { message } => json!({ "event": "notice", "message": message }),
            Self::Growth { table, column, growth } => json!({
                "event": "growth", "table": table, "column": column, "bytes": growth.bytes, "times": growth.times,
                "fits": growth.fits(),
            }),
            Self::Held { reason } => json!({ "event": "held", "reason": reason }),
            Self::Resumed => json!({ "event": "resumed" }),
            Self::Search { table, rows } => json!({ "event": "search", "table": table, "rows": rows }),
            Self::Filled { table, column, rows } => {
                json!({ "event": "filled", "table": table, "column": column, "rows": rows })
            }
        }
    }
}

/// Hears what happens. Called between statements, on the thread that drives the command: it must not block for long, and
/// must not wait for a future on that thread (a nested `block_on` takes wake-ups that are the command's). What wants to do
/// more sends the event to a task of its own.
pub trait Observer: Send + Sync {
    /// Something happened.
    fn event(&self, event: &Event);
}

/// Tells an event to the observer, and to whoever traces.
pub(crate) fn tell(observer: &dyn Observer, event: &Event) {
    tracing::debug!(?event);
    observer.event(event);
}

/// Hears nothing.
#[derive(Debug, Clone, Copy, Default)]
pub struct Silent;

impl Observer for Silent {
    fn event(&self, _: &Event) {}
}
