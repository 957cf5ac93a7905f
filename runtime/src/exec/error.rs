//! What can go wrong while a migration runs.

use std::fmt;

use super::event::Blocker;
use super::session;

const AGAIN: &str = "\n  help: run the command again: the ledger and the catalog know what was done";

const ROOM: &str = "\n  help: nothing is lost: what was done before stays, and this was taken back. Make room on the disk of the table, \
                    its indexes or the server's logs, and run the command again: it goes on where it stopped";

/// Why a command stopped. Nothing is lost: running the command again goes on where it stopped.
#[derive(Debug)]
#[non_exhaustive]
pub enum ExecError {
    /// The database could not be reached, or is none that we work with.
    Connect(String),
    /// The server refused something.
    Server {
        /// What we were doing, with the file, the table or the statement.
        doing: String,
        /// What the server said.
        error: sqlx::Error,
    },
    /// The command does not fit the state of things: what is so, and what to run.
    Refused(String),
    /// Another runner is at work.
    Busy(String),
    /// Others held the table for longer than the budget allows.
    Blocked {
        /// The statement.
        doing: String,
        /// What became of it.
        left: &'static str,
        /// How long we tried, in milliseconds.
        waited_ms: u64,
        /// How often.
        attempts: u32,
        /// Who was in the way at the last attempt.
        blockers: Vec<Blocker>,
    },
    /// Others have waited for a migration's statements, all attempts together, for as long as was allowed.
    Spent {
        /// The statement whose turn it was.
        doing: String,
        /// How long others may have waited behind us so far, in milliseconds.
        blocked_ms: u64,
        /// How long they may have to, in milliseconds.
        allowed_ms: u64,
        /// Who is in the way now.
        blockers: Vec<Blocker>,
    },
    /// A backfill or a proof found rows that are not as they must be.
    Incomplete(String),
    /// Somebody told it to stop.
    Stopped(String),
}

impl ExecError {
    /// Names what we were doing.
    pub(crate) fn server(doing: impl Into<String>) -> impl FnOnce(sqlx::Error) -> Self {
        let doing = doing.into();
        move |error| Self::Server { doing, error }
    }

    /// Whether a connection was lost that had worked.
    pub(crate) fn is_lost(&self) -> bool {
        matches!(self, Self::Server { error, .. } if matches!(error, sqlx::Error::Io(_)) || session::lost(error))
    }

    /// Whether it is what one meets while a server comes back: it takes no connections yet, or has not noticed yet that
    /// our last session is gone.
    pub(crate) const fn may_pass(&self) -> bool {
        matches!(self, Self::Connect(_) | Self::Busy(_))
    }

    /// Whether something is violated (1) rather than impossible to run (2).
    pub const fn exit_code(&self) -> u8 {
        match self {
            Self::Refused(_) | Self::Incomplete(_) => 1,
            Self::Connect(_)
            | Self::Server { .. }
            | Self::Busy(_)
            | Self::Blocked { .. }
            | Self::Spent { .. }
            | Self::Stopped(_) => 2,
        }
    }
}

impl fmt::Display for ExecError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Connect(text)
            | Self::Refused(text)
            | Self::Busy(text)
            | Self::Incomplete(text)
            | Self::Stopped(text) => f.write_str(text),
            Self::Server { doing, error: lost @ sqlx::Error::Database(error) } if session::lost(lost) => {
                write!(f, "{doing}: the server ended the session: {}{AGAIN}", error.message())
            }
            Self::Server { doing, error: full @ sqlx::Error::Database(error) } => {
                let no_room = session::no_room(full);
                let code = error.code().map(|code| format!(" ({code})")).unwrap_or_default();
                if no_room {
                    return write!(f, "{doing}: the server has no room on its disk: {}{code}{ROOM}", error.message());
                }
                write!(f, "{doing}: {}{code}", error.message())?;
                if error.message().contains("metadata_locks") || error.message().contains("PROCESS privilege") {
                    f.write_str(
                        "\n  help: to see who is in the way, the user needs SELECT ON performance_schema.* and PROCESS ON *.*",
                    )?;
                }
                Ok(())
            }
            Self::Server { doing, error } => write!(f, "{doing}: {error}{AGAIN}"),
            Self::Blocked { doing, left, waited_ms, attempts, blockers } => {
                write!(f, "{doing}: others held the table for the whole budget ({waited_ms} ms, {attempts} attempts)")?;
                for blocker in blockers {
                    write!(f, "\n  in the way: {blocker}")?;
                }
                write!(f, "\n  help: {left}; end those sessions or wait for them, and run the command again")
            }
            Self::Spent { doing, blocked_ms, allowed_ms, blockers } => {
                write!(
                    f,
                    "{doing}: others have waited for this migration for {blocked_ms} ms in all, and {allowed_ms} ms are allowed"
                )?;
                for blocker in blockers {
                    write!(f, "\n  in the way: {blocker}")?;
                }
                f.write_str(
                    "\n  help: nothing was changed; look at pontoon_ledger (event `gave_way`) for what it cost when, come back at a \
                     quieter hour, or allow more (`--blocked-total`), and run the command again",
                )
            }
        }
    }
}

impl std::error::Error for ExecError {}
