//! The migration file: plain SQL, with what Pontoon needs to know in comments.
//!
//! ```sql
//! -- Pontoon migration `0002_display_name` for postgres.
//!
//! -- @stage expand
//!
//! -- Adds `users.display_name`: a change of the catalog, no row is touched.
//! -- @claim locks users ACCESS EXCLUSIVE; reads brief; writes brief
//! -- @done column users.display_name
//! -- @undo ALTER TABLE "users" DROP COLUMN "display_name";
//! -- @undo-claim locks users ACCESS EXCLUSIVE; reads brief; writes brief
//! ALTER TABLE "users" ADD COLUMN "display_name" varchar(64);
//! ```
//!
//! | directive | meaning |
//! |---|---|
//! | `@stage NAME` | what follows belongs to this stage |
//! | `@server >= 18`, `@server < 18`, `@server >= 8.4, < 9` | the statement below, with its way back, is skipped on other versions |
//! | `@each partition of TABLE`, `@each default partition of TABLE` | the statement below runs once for each partition that the catalog has at the time, whoever made it; `"{partition}"` stands for its name, there and in its claim and facts ([`super::Each`]) |
//! | `@unless FACT` | the statement below is skipped where this holds already |
//! | `@claim ...` | what the statement below locks, rewrites and scans ([`super::Claim`]) |
//! | `@done FACT` | what the catalog says once it is done ([`super::Fact`]) |
//! | `@no-transaction` | the server runs it outside a transaction only |
//! | `@set NAME=VALUE` | a session variable, for this statement alone |
//! | `@undo SQL` | the way back; once for each statement of it; further lines of its SQL are indented |
//! | `@undo nothing: WHY`, `@undo impossible: WHY` | no statement of that kind |
//! | `@undo-each`, `@undo-unless`, `@undo-claim`, `@undo-done`, `@undo-no-transaction`, `@undo-set` | the same for the `@undo` before |
//! | `@backfill TABLE.COLUMN`, `@invariant SQL` | the statements below, one for each `@walk`, fill this column |
//! | `@invariant-once SQL` | the same for a column that takes NULL: asked at the backfill's end only |
//! | `@rust NAME`, `@write SQL` | a Rust function of that name gives the values: the `@walk` selects rows, this writes one |
//! | `@walk blocks`, `@walk tids`, `@walk keys NAME as CAST, ...` | how the statement below goes through the table |
//! | `@assert MESSAGE` | the query below must find no row |
//! | `@search TABLE` | and is asked of the table batch by batch, along the `@walk keys` |
//! | `@search-twice TABLE` | the same, and it may find rows, but no two whose first column is the same |
//! | `@undo-assert MESSAGE` | the query below must find no row before anything is undone, if the statement before it is done |
//!
//! A migration goes on as it began: the version that counts is the server's when expand began, so an
//! upgrade in between does not mix two ways.
//!
//! A comment `-- pontoon: allow(RULE, reason = "...")` above a statement's directives accepts what `verify-migrations` finds
//! about it; nothing else reads it.
//!
//! A statement ends with the `;` at the end of a line behind which there is nothing more, or
//! a comment at the start of a line. So a comment inside a function's body is indented.

mod lines;
mod parse;
mod render;
mod skeleton;

use std::fmt;

use sha2::{Digest, Sha256};

use super::Migration;
use crate::dialect::Dialect;

/// A place in a migration file that is not understood.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ParseError {
    /// The file, as it was named.
    pub file: String,
    /// Line, counted from 1.
    pub line: usize,
    /// Column, counted from 1 in characters.
    pub column: usize,
    /// What is wrong.
    pub message: String,
}

impl fmt::Display for ParseError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}:{}: {}", self.file, self.line, self.column, self.message)
    }
}

impl std::error::Error for ParseError {}

/// The file's text.
pub fn render(migration: &Migration) -> String {
    render::render(migration)
}

/// The text of a migration that is to be written by hand: a step for each stage, with a `...`
/// wherever something is missing, which [`parse`] refuses.
pub fn skeleton(id: &str, dialect: Dialect) -> String {
    skeleton::skeleton(id, dialect)
}

/// The text of a migration written by hand under another name; `None` for one that was derived.
pub fn renamed(text: &str, id: &str, dialect: Dialect) -> Option<String> {
    skeleton::renamed(text, id, dialect)
}

/// Reads a file's text.
///
/// # Errors
/// The first place that is not understood.
pub fn parse(id: &str, dialect: Dialect, file: &str, text: &str) -> Result<Migration, ParseError> {
    parse::parse(id, dialect, file, text)
}

/// SHA-256 of a file's text in hexadecimal digits. Line endings count as `\n`, so that a
/// checkout on Windows is the same file.
pub fn sha256(text: &str) -> String {
    let digest = Sha256::digest(text.replace("\r\n", "\n").as_bytes());
    digest.iter().map(|byte| format!("{byte:02x}")).collect()
}

#[cfg(test)]
mod tests;
