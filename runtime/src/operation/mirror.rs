//! Two columns for one thing, while old code writes the one and new code the other.
//!
//! Whichever column a writer gives a value, the other follows. Old code never writes the new
//! column, and new code never the old one; a writer that gives both means the new one.
//! A row that nobody has written since is filled by the backfill, like any new column.

use super::formula::Formula;
use super::triggers::Triggers;
use crate::dialect::{Dialect, mysql, postgres};

/// What the triggers of one pair of columns do.
pub(crate) struct Mirror<'a> {
    pub(crate) table: &'a str,
    /// The column that old code writes.
    pub(crate) old: &'a str,
    /// The column that new code writes.
    pub(crate) new: &'a str,
    /// The column after which the triggers are named.
    pub(crate) named_after: &'a str,
    /// The new column's value from the old one.
    pub(crate) forth: Formula<'a>,
    /// The old column's value from the new one.
    pub(crate) back: Formula<'a>,
    /// The condition, on `NEW`, that the writer left the new column out.
    pub(crate) left_out: String,
    /// Whether NULL is what tells a column left out. Then a NULL that takes a value's place is meant.
    pub(crate) null_is_left_out: bool,
}

impl<'a> Mirror<'a> {
    pub(crate) fn triggers(&self, dialect: Dialect) -> Triggers<'a> {
        match dialect {
            Dialect::Postgres => postgres::mirror::triggers(self),
            Dialect::MySql => mysql::mirror::triggers(self),
        }
    }
}
