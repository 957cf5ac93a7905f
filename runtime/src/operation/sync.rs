//! Keeping a column right while old code, which does not know it, goes on writing.

use super::formula::Formula;
use super::triggers::Triggers;
use crate::dialect::{Dialect, mysql, postgres};

/// What the triggers of one column do.
pub(crate) struct Sync<'a> {
    pub(crate) table: &'a str,
    pub(crate) column: &'a str,
    /// The value, from the row's other columns.
    pub(crate) formula: Formula<'a>,
    /// Whether the value follows its sources for as long as nobody has set it by hand.
    pub(crate) follow: bool,
    /// The condition, on `NEW`, that the writer left the column out.
    pub(crate) left_out: String,
}

impl<'a> Sync<'a> {
    /// Whether a change of a source changes the value.
    pub(crate) fn follows(&self) -> bool {
        self.follow && !self.formula.is_constant()
    }

    pub(crate) fn triggers(&self, dialect: Dialect) -> Triggers<'a> {
        match dialect {
            Dialect::Postgres => postgres::sync::triggers(self),
            Dialect::MySql => mysql::sync::triggers(self),
        }
    }
}
