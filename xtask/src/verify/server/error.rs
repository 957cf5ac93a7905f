//! Why there is no server.

use std::fmt;

use crate::verify::conn::message_of;

/// Why there is no server, or why it does not do what it is told.
#[derive(Debug)]
#[non_exhaustive]
pub enum ServerError {
    /// No source has a server.
    NoServer {
        /// The engine, as it was asked for.
        engine: String,
        /// Each source with its reason.
        refusals: Vec<(&'static str, String)>,
    },
    /// There is a server, of another version.
    WrongVersion {
        /// The engine, as it was asked for.
        engine: String,
        /// The version that the server says it is.
        found: String,
        /// Where the server is.
        origin: String,
    },
    /// The search for a server broke off.
    Unfinished(String),
    /// The server could not be killed, or not be started again.
    Restart {
        /// Where the server is.
        origin: String,
        /// Why.
        reason: String,
    },
    /// The server was there and does not answer any more, or refuses.
    Database(sqlx::Error),
}

impl fmt::Display for ServerError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NoServer { engine, refusals } => {
                write!(f, "no server for `{engine}`:")?;
                for (source, reason) in refusals {
                    write!(f, "\n  {source}: {reason}")?;
                }
                let scheme = if engine.starts_with("mysql") { "mysql" } else { "postgres" };
                write!(
                    f,
                    "\n  start a Docker engine, install the server, or name one of yours: \
                     `--source {scheme}://user:password@host/` (only databases made by this run are touched)"
                )
            }
            Self::WrongVersion { engine, found, origin } => {
                write!(f, "`{engine}` was asked for, and the server {origin} is {found}")
            }
            Self::Unfinished(reason) => write!(f, "the search for a server broke off: {reason}"),
            Self::Restart { origin, reason } => write!(f, "the server {origin}: {reason}"),
            Self::Database(error) => f.write_str(&message_of(error)),
        }
    }
}

impl std::error::Error for ServerError {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        match self {
            Self::Database(error) => Some(error),
            _ => None,
        }
    }
}
