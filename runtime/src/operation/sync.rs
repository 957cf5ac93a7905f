//! Keeping a column right while old code, which does not know it, goes on writing.

use super::Context;
use super::formula::Formula;
use super::triggers::Triggers;
use crate::dialect::{Dialect, mysql, postgres};

/// What the triggers of one column do.
pub(crate) struct Sync<'a> {
    pub(crate) table: &'a str,
    pub(crate) column: &'a str,
    /// The value, from the row's other columns.
    pub(crate) formula: Formula<'a>,
    /// The columns that are compared letter by letter, since their collations may not be.
    pub(crate) collated: Vec<&'a str>,
    /// Whether the value follows its sources for as long as nobody has set it by hand.
    pub(crate) follow: bool,
    /// The condition, on `NEW`, that the writer left the column out.
    pub(crate) left_out: String,
}

impl<'a> Sync<'a> {
    /// The texts among the column and its sources, if any of them has a collation of its own.
    pub(crate) fn collated(
        context: &Context<'a>,
        table: &'a str,
        column: &'a str,
        formula: &Formula<'a>,
    ) -> Vec<&'a str> {
        let all: Vec<&str> = formula.columns().chain([column]).collect();
        let any = all.iter().any(|it| context.is_collated(table, it));
        all.into_iter().filter(|it| any && context.is_text(table, it)).collect()
    }

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
