//! Migrations that nobody here wrote: plain SQL files, in the layouts of several tools.
//!
//! `001_x.sql` and `001_x.up.sql` with `001_x.down.sql` (sqlx and others), folders with
//! `up.sql` and `down.sql` (diesel), `V1__x.sql` with `U1__x.sql` (refinery). Their order is
//! that of their names, numbers compared as numbers.

mod body;
mod classify;
mod comments;
mod error;
mod layout;
mod lex;
mod split;
mod token;

use std::path::{Path, PathBuf};

use pontoon::Dialect;

pub use classify::{is_transaction_control, needs_no_transaction};
pub use comments::{Comment, Extent, comments};
pub use error::SqlFileError;
use layout::Found;
pub use split::SqlText;
pub use token::{Token, TokenKind, keyword_tokens};

/// One migration.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SqlFile {
    /// The name of its file without `.sql` and `.up`, or of its folder.
    pub stem: String,
    /// The way there.
    pub up: Script,
    /// The way back, if there is one.
    pub down: Option<Script>,
    /// What `--isolated` runs first on this migration's own database.
    pub setup: Option<Script>,
}

/// A file with SQL.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Script {
    /// The file, below the folder as it was given.
    pub path: PathBuf,
    /// Whether the file asks not to be run in a transaction.
    pub no_transaction: bool,
    /// What it holds, without a mark of its encoding.
    pub text: String,
    /// Its statements.
    pub statements: Vec<SqlText>,
}

/// A migration that cannot be read. The others can.
#[derive(Debug)]
pub struct Unreadable {
    /// As [`SqlFile::stem`].
    pub stem: String,
    /// Which of its files, and where in it.
    pub error: SqlFileError,
}

/// Reads all migrations of a folder, in their order. A single file is a folder of one.
///
/// # Errors
/// The folder cannot be read, holds no migration, or one of them twice.
pub fn read_folder(folder: &Path, dialect: Dialect) -> Result<Vec<Result<SqlFile, Unreadable>>, SqlFileError> {
    let found = layout::find(folder)?;
    if found.is_empty() {
        return Err(SqlFileError::Empty { folder: folder.to_owned() });
    }
    let read = |path: &Path, no_transaction| {
        let mut script = read_script(path, dialect)?;
        script.no_transaction |= no_transaction;
        Ok(script)
    };
    let scripts = |it: Found| {
        let optional = |path: Option<PathBuf>| path.map(|path| read(&path, it.no_transaction)).transpose();
        Ok(SqlFile {
            up: read(&it.up, it.no_transaction)?,
            down: optional(it.down)?,
            setup: it.setup.map(|path| read(&path, false)).transpose()?,
            stem: it.stem,
        })
    };
    let each = found.into_iter().map(|it| {
        let it = it?;
        let stem = it.stem.clone();
        scripts(it).map_err(|error| Unreadable { stem, error })
    });
    Ok(each.collect())
}

/// Reads one file.
///
/// # Errors
/// Says where in the file something is not understood.
pub fn read_script(path: &Path, dialect: Dialect) -> Result<Script, SqlFileError> {
    let bytes = std::fs::read(path).map_err(|error| SqlFileError::Io { path: path.to_owned(), error })?;
    let text = std::str::from_utf8(&bytes).map_err(|error| {
        let offset = error.valid_up_to();
        let line = bytes[..offset].iter().filter(|byte| **byte == b'\n').count() + 1;
        let excerpt = bytes.split(|byte| *byte == b'\n').nth(line - 1).map(String::from_utf8_lossy);
        let excerpt = excerpt.unwrap_or_default().trim().replace('\0', "");
        SqlFileError::NotUtf8 { path: path.to_owned(), line, offset, excerpt }
    })?;
    let text = text.strip_prefix('\u{feff}').unwrap_or(text);
    let statements = split::split(text, dialect).map_err(|error| {
        let (line, column) = split::place(text, error.at);
        let excerpt = text.lines().nth(line - 1).unwrap_or_default().trim().to_owned();
        SqlFileError::Sql { path: path.to_owned(), line, column, message: error.message, excerpt }
    })?;
    Ok(Script {
        path: path.to_owned(),
        no_transaction: asks_for_no_transaction(text),
        text: text.to_owned(),
        statements,
    })
}

/// sqlx's first line.
fn asks_for_no_transaction(text: &str) -> bool {
    text.trim_start().starts_with("-- no-transaction")
}

#[cfg(test)]
mod tests;
