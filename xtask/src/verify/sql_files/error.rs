//! Why a folder of SQL files cannot be read.

use std::fmt;
use std::path::{Path, PathBuf};

/// Why a folder of SQL files cannot be read. Each says which file, and where in it.
#[derive(Debug)]
#[non_exhaustive]
pub enum SqlFileError {
    /// A file or folder cannot be read at all.
    Io {
        /// Which.
        path: PathBuf,
        /// What the system says.
        error: std::io::Error,
    },
    /// The folder holds no migrations.
    Empty {
        /// Which.
        folder: PathBuf,
    },
    /// A file that belongs to another one is alone.
    Alone {
        /// Which.
        path: PathBuf,
        /// What it would belong to.
        wanted: String,
    },
    /// Two files are the same migration.
    Twice {
        /// One.
        path: PathBuf,
        /// The other.
        other: PathBuf,
    },
    /// A file is in another encoding.
    NotUtf8 {
        /// Which.
        path: PathBuf,
        /// The line of the first wrong byte, counted from 1.
        line: usize,
        /// The first wrong byte, counted from 0.
        offset: usize,
        /// That line, as far as it can be shown.
        excerpt: String,
    },
    /// A file cannot be cut into statements.
    Sql {
        /// Which.
        path: PathBuf,
        /// Counted from 1.
        line: usize,
        /// In characters, counted from 1.
        column: usize,
        /// What is wrong.
        message: String,
        /// That line.
        excerpt: String,
    },
}

impl fmt::Display for SqlFileError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Io { path, error } => write!(f, "{}: {error}", path.display()),
            Self::Empty { folder } => write!(
                f,
                "{}: no migrations here; looked for `001_x.sql`, `001_x.up.sql`, `V1__x.sql` and folders with `up.sql`",
                folder.display()
            ),
            Self::Alone { path, wanted } => write!(f, "{}: there is no {wanted} beside it", path.display()),
            Self::Twice { path, other } => {
                write!(f, "{}: is the same migration as {}", path.display(), other.display())
            }
            Self::NotUtf8 { path, line, offset, .. } => {
                write!(f, "{}:{line}: byte {offset} is not UTF-8; save the file as UTF-8", path.display())
            }
            Self::Sql { path, line, column, message, .. } => write!(f, "{}:{line}:{column}: {message}", path.display()),
        }
    }
}

impl SqlFileError {
    /// Which file or folder.
    pub fn path(&self) -> &Path {
        match self {
            Self::Io { path, .. }
            | Self::Empty { folder: path }
            | Self::Alone { path, .. }
            | Self::Twice { path, .. }
            | Self::NotUtf8 { path, .. }
            | Self::Sql { path, .. } => path,
        }
    }

    /// Line and column, where it is about a place in the file.
    pub const fn place(&self) -> Option<(usize, usize)> {
        match self {
            Self::NotUtf8 { line, .. } => Some((*line, 1)),
            Self::Sql { line, column, .. } => Some((*line, *column)),
            Self::Io { .. } | Self::Empty { .. } | Self::Alone { .. } | Self::Twice { .. } => None,
        }
    }

    /// What stands there.
    pub fn excerpt(&self) -> &str {
        match self {
            Self::NotUtf8 { excerpt, .. } | Self::Sql { excerpt, .. } => excerpt,
            Self::Io { .. } | Self::Empty { .. } | Self::Alone { .. } | Self::Twice { .. } => "",
        }
    }
}

impl std::error::Error for SqlFileError {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        match self {
            Self::Io { error, .. } => Some(error),
            _ => None,
        }
    }
}
