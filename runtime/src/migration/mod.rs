//! One staged migration: what a migration file says, as values.
//!
//! [`mod@file`] writes and reads the file; nothing else knows its syntax. The file is the one
//! artefact: reviewed = hashed = embedded = executed.

mod claim;
mod each;
mod embedded;
mod fact;
pub mod file;
pub mod history;
mod servers;

pub use claim::{Algorithm, Claim, Extent, LockClause, LockMode};
pub use each::{Each, PARTITION};
pub use embedded::{Embedded, EmbeddedFile, EmbeddedMigration};
pub use fact::Fact;
pub use servers::{ServerVersion, Servers};

use crate::dialect::Dialect;

/// The order in which a migration runs.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Stage {
    /// Adds what new code needs, in ways that old code does not notice.
    Expand,
    /// Gives the rows of before their values, batch by batch.
    Backfill,
    /// Proves constraints and builds indexes. After it, the new code is deployed.
    Validate,
    /// Takes away what only old code needed.
    Contract,
}

impl Stage {
    /// All stages, in their order.
    pub const ALL: [Self; 4] = [Self::Expand, Self::Backfill, Self::Validate, Self::Contract];

    /// The stage's name in files, commands and reports.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Expand => "expand",
            Self::Backfill => "backfill",
            Self::Validate => "validate",
            Self::Contract => "contract",
        }
    }

    /// Reads a stage's name.
    pub fn from_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|stage| stage.name() == name)
    }
}

impl std::fmt::Display for Stage {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(self.name())
    }
}

/// A migration for one server.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Migration {
    /// `NNNN_name`, the name of its folder.
    pub id: String,
    /// The server it is for.
    pub dialect: Dialect,
    /// The steps of every stage, in the order they run.
    pub steps: Vec<(Stage, Step)>,
}

impl Migration {
    /// The steps of one stage, each with its position in the whole migration (from 0).
    pub fn stage(&self, stage: Stage) -> impl Iterator<Item = (usize, &Step)> {
        self.steps.iter().enumerate().filter(move |(_, (of, _))| *of == stage).map(|(at, (_, step))| (at, step))
    }
}

/// One thing that a stage does.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Step {
    /// Changes the schema.
    Statement(Statement),
    /// Changes rows, in batches.
    Backfill(Backfill),
    /// Changes nothing: a query that must find no row.
    Assertion(Assertion),
    /// Changes nothing: the same of a table of any size, batch by batch.
    Search(Search),
}

impl Step {
    /// Where the step's SQL begins in its file, counted from 1; 0 for one not read from a file.
    pub const fn line(&self) -> usize {
        match self {
            Self::Statement(it) => it.line,
            Self::Backfill(it) => it.line,
            Self::Assertion(it) => it.line,
            Self::Search(it) => it.line,
        }
    }
}

/// One SQL text that changes the schema.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Statement {
    /// Why, for the reviewer: one or more lines above the statement.
    pub comment: String,
    /// The versions of the server that it, with its way back, is for.
    pub servers: Servers,
    /// Once for each of these partitions, whoever made them, with [`PARTITION`] standing for its name.
    pub each: Option<Each>,
    /// Skipped where this holds already.
    pub unless: Option<Fact>,
    /// The SQL, without a closing semicolon.
    pub sql: String,
    /// Whether the server runs it inside a transaction. Where it does (most of PostgreSQL),
    /// the ledger's note commits together with it.
    pub transactional: bool,
    /// Session variables for this statement alone, such as MySQL's `foreign_key_checks`.
    pub settings: Vec<(String, String)>,
    /// What it locks, rewrites and scans.
    pub claim: Claim,
    /// What the catalog says once it is done.
    pub done: Fact,
    /// The way back.
    pub undo: Undo,
    /// Where the SQL begins in its file, counted from 1; 0 for one not read from a file.
    pub line: usize,
}

/// The way back from a statement.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Undo {
    /// These statements, in this order.
    Statements(Vec<UndoStatement>),
    /// Nothing is to be done, or nothing can be: why.
    Nothing(String),
    /// There is no way back: why. Only contract may say so.
    Impossible(String),
}

/// One SQL text of a way back.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct UndoStatement {
    /// As [`Statement::each`].
    pub each: Option<Each>,
    /// As [`Statement::unless`].
    pub unless: Option<Fact>,
    /// The SQL, without a closing semicolon.
    pub sql: String,
    /// As [`Statement::transactional`].
    pub transactional: bool,
    /// As [`Statement::settings`].
    pub settings: Vec<(String, String)>,
    /// What it locks, rewrites and scans.
    pub claim: Claim,
    /// What the catalog says once it is done.
    pub done: Fact,
    /// Where the SQL begins in its file, counted from 1; 0 for one not read from a file.
    pub line: usize,
}

/// Gives rows their values, batch by batch.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Backfill {
    /// Why, for the reviewer.
    pub comment: String,
    /// The table whose rows change.
    pub table: String,
    /// The column that gets its values.
    pub column: String,
    /// The Rust function that gives the values; without one the walks' statements do.
    pub function: Option<RustFill>,
    /// What a batch locks.
    pub claim: Claim,
    /// The ways to go through the table, best first; the runner takes the first that the server can do.
    pub walks: Vec<Walk>,
    /// A query of one number: rows still without a value. 0 proves the backfill complete.
    pub invariant: String,
    /// Whether the invariant holds from then on. `false` for a column that takes NULL: new code
    /// may write one, so the invariant is asked at the backfill's end and not before contract.
    pub invariant_lasts: bool,
    /// Where the first walk's SQL begins in its file, counted from 1; 0 for one not read from a file.
    pub line: usize,
}

/// A Rust function that gives values. The walks then select the rows, each with its key as text in columns
/// `pontoon_key_1` and so on.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RustFill {
    /// The name by which it was registered.
    pub name: String,
    /// The statement that writes one row: its parameters are the value, and then the key's columns as text.
    pub write: String,
}

impl RustFill {
    /// The column in which a walk selects this part of a row's key, counted from 1.
    pub fn key_name(part: usize) -> String {
        format!("pontoon_key_{part}")
    }
}

/// A way to go through a table, with the batch's statement.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Walk {
    /// By what.
    pub by: WalkBy,
    /// The batch, with its parameters (see [`WalkBy`]).
    pub sql: String,
    /// Where the SQL begins in its file, counted from 1; 0 for one not read from a file.
    pub line: usize,
}

/// What a walk counts in, and the parameters of its batch.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum WalkBy {
    /// PostgreSQL 14 and later, by blocks and in-page passes. `$1::tid` is the first place,
    /// `$2::tid` the place behind the last, `$3` the class mask (passes - 1), `$4` the pass
    /// (from 0): rows of a class up to the pass are filled.
    Blocks,
    /// PostgreSQL before 14, for tables without a key: by blocks as well, with the same parameters. Every row of a block
    /// is asked for by its address, since no range of addresses can be.
    Tids,
    /// By ranges of a unique key; all parameters are bound as text. They are the values of the
    /// key's columns at the batch's first row, then those at its last (both inside the batch).
    /// On MySQL, whose parameters have no numbers, every value but that of the key's last column
    /// comes twice: `a > ? OR (a = ? AND b >= ?)` takes a, a, b.
    Keys(Vec<KeyColumn>),
}

/// A column of the key that a walk follows.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct KeyColumn {
    /// The column's name.
    pub name: String,
    /// How a value travels as text: what the batch makes of the parameter.
    pub cast: KeyCast,
}

/// How a key's value travels as text and becomes a value again.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum KeyCast {
    /// As it is.
    Text,
    /// `CAST(x AS type)` or `x::type`.
    Type(String),
    /// As hexadecimal digits (byte strings).
    Hex,
}

/// A query that must find nothing.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Assertion {
    /// What it means when it finds rows: the error's text.
    pub message: String,
    /// The query; its rows (a few at most) are shown in the error.
    pub sql: String,
    /// Asked before anything is undone, if the step before it is done; else when its turn is.
    pub on_way_back: bool,
    /// Until when it may find something, if not for ever.
    pub grace: Option<Grace>,
    /// Where the SQL begins in its file, counted from 1; 0 for one not read from a file.
    pub line: usize,
}

/// How long something stays as another migration has left it. What an assertion with a grace finds is in the way for so
/// long, by the server's clock, and not any more after it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Grace {
    /// Hours since that migration was contracted.
    pub hours: u32,
    /// The migration.
    pub since: String,
}

impl std::fmt::Display for Grace {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{} since {}", Self::spelled(self.hours), self.since)
    }
}

impl Grace {
    /// `36h`, or `30d` for whole days.
    pub fn spelled(hours: u32) -> String {
        if hours > 0 && hours.is_multiple_of(24) { format!("{}d", hours / 24) } else { format!("{hours}h") }
    }

    /// Reads what [`Grace::spelled`] wrote: hours.
    ///
    /// # Errors
    /// Says how it is written.
    pub fn hours_of(text: &str) -> Result<u32, String> {
        let (number, unit) = text.split_at_checked(text.len().saturating_sub(1)).unwrap_or((text, ""));
        let each = match unit {
            "d" => Some(24),
            "h" => Some(1),
            _ => None,
        };
        let hours = each.zip(number.parse::<u32>().ok()).and_then(|(each, number)| number.checked_mul(each));
        // so that a day so far away is still one to both servers
        let hours = hours.filter(|it| *it <= 24 * 36_500);
        hours.ok_or_else(|| format!("`{text}` is no time: write days or hours, as in `30d` or `36h`"))
    }

    /// Reads what [`Display`](std::fmt::Display) wrote.
    ///
    /// # Errors
    /// Says what is missing.
    pub fn parse(text: &str) -> Result<Self, String> {
        let (hours, since) =
            text.split_once(" since ").ok_or("a grace says since which migration: `30d since 0007_drop_x`")?;
        Ok(Self { hours: Self::hours_of(hours.trim())?, since: since.trim().to_owned() })
    }
}

/// A query that must find nothing, asked of one range of a table's key after the other, each under a snapshot of its own.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Search {
    /// What it means when it finds something: the error's text.
    pub message: String,
    /// Asked when all behind it is undone, and only then; else when its turn is.
    pub on_way_back: bool,
    /// What it must not find.
    pub wrong: Wrong,
    /// The table that is gone through.
    pub table: String,
    /// The columns of the key that the walk follows.
    pub key: Vec<KeyColumn>,
    /// The query, with the parameters of [`WalkBy::Keys`].
    pub sql: String,
    /// Where the SQL begins in its file, counted from 1; 0 for one not read from a file.
    pub line: usize,
}

/// What a search must not find.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Wrong {
    /// A row. The first few are shown in the error, with how many more there are.
    Rows,
    /// Two rows of the same first column, which is 32 hexadecimal digits made of all that counts. The other
    /// columns are shown in the error, with how many rows have them.
    Twice,
}

#[cfg(test)]
mod tests {
    use super::Grace;

    #[test]
    fn a_grace_reads_back_as_it_was_written() {
        for text in ["30d since 0007_drop_x", "36h since 0001_y", "0h since a"] {
            assert_eq!(Grace::parse(text).unwrap().to_string(), text);
        }
        assert_eq!(Grace::hours_of("48h").map(Grace::spelled).as_deref(), Ok("2d"));
        for text in ["30", "d", "30m", "-1d", "999999999d", "30d", "", "3ü"] {
            assert!(Grace::parse(text).is_err(), "{text}");
        }
    }
}
