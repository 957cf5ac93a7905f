//! All migrations of an application, in their order, each proven to be what was recorded.

use std::fmt;

use super::{Migration, file};
use crate::dialect::Dialect;

/// A migration as it was recorded: what it does, and the hash of its file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Recorded {
    /// What it does.
    pub migration: Migration,
    /// SHA-256 of the file (line endings as `\n`), in hexadecimal digits.
    pub sha256: String,
}

/// Why a history cannot be used.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum HistoryError {
    /// A file is not what was recorded.
    Edited {
        /// The file.
        file: String,
        /// The hash that the index holds.
        recorded: String,
        /// The hash of the text.
        found: String,
    },
    /// A file is not understood.
    Parse(file::ParseError),
    /// Two migrations have the same name, or they are out of order.
    Order {
        /// The migration that stands too late.
        id: String,
        /// The one before it.
        after: String,
    },
}

impl fmt::Display for HistoryError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Edited { file, recorded, found } => write!(
                f,
                "{file} was edited after it was recorded (recorded {}, found {})\n  help: put it back with `git checkout`, \
                 or, if the edit is meant and no database has run it, record it: `cargo xtask generate --record`",
                &recorded[..recorded.len().min(12)],
                &found[..found.len().min(12)]
            ),
            Self::Parse(error) => error.fmt(f),
            Self::Order { id, after } => write!(
                f,
                "migration `{id}` stands after `{after}` in the index\n  help: the numbers rise from one migration to \
                 the next; `cargo xtask generate --rebase {id}` makes `{id}` anew behind the others"
            ),
        }
    }
}

impl std::error::Error for HistoryError {}

/// One file of a history, as the index has it.
#[derive(Debug, Clone, Copy)]
pub struct Entry<'a> {
    /// The migration's name.
    pub id: &'a str,
    /// What errors call the file.
    pub file: &'a str,
    /// The recorded hash.
    pub sha256: &'a str,
    /// The text.
    pub sql: &'a str,
}

/// Reads a history for one server.
///
/// # Errors
/// The first file that is not what was recorded or not understood, and a wrong order.
pub fn load(dialect: Dialect, entries: &[Entry<'_>]) -> Result<Vec<Recorded>, HistoryError> {
    let mut recorded: Vec<Recorded> = Vec::new();
    for entry in entries {
        if let Some(before) = recorded.last()
            && before.migration.id.as_str() >= entry.id
        {
            return Err(HistoryError::Order { id: entry.id.to_owned(), after: before.migration.id.clone() });
        }
        let found = file::sha256(entry.sql);
        if found != entry.sha256 {
            return Err(HistoryError::Edited { file: entry.file.to_owned(), recorded: entry.sha256.to_owned(), found });
        }
        let migration = file::parse(entry.id, dialect, entry.file, entry.sql).map_err(HistoryError::Parse)?;
        recorded.push(Recorded { migration, sha256: found });
    }
    Ok(recorded)
}
