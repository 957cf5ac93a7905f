//! All migrations of an application, in their order, each proven to be what was recorded.

use super::Migration;

/// A migration as it was recorded: what it does, and the hash of its file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Recorded {
    /// What it does.
    pub migration: Migration,
    /// SHA-256 of the file (line endings as `\n`), in hexadecimal digits.
    pub sha256: String,
}
