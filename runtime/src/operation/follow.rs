//! A column that follows another one: nobody writes it but the trigger.
//!
//! So it goes with two columns under one name. Before they swap their names, both codes write the old column, and
//! the new one follows; afterwards both write the new one, and the old one follows, for the way back.

use super::formula::Formula;
use super::triggers::Triggers;
use crate::dialect::{Dialect, mysql, postgres};

/// What the triggers of one pair of columns do.
pub(crate) struct Follow<'a> {
    pub(crate) table: &'a str,
    /// The column that all code writes.
    pub(crate) written: &'a str,
    /// The column that follows it.
    pub(crate) follower: &'a str,
    /// The column after which the triggers are named.
    pub(crate) named_after: &'a str,
    /// The follower's value from the written column.
    pub(crate) value: Formula<'a>,
    /// The written column's value from the follower's. While they agree the follower stays as it is: several of its
    /// values may be one to the written column.
    pub(crate) agrees: Option<Formula<'a>>,
}

impl<'a> Follow<'a> {
    pub(crate) fn triggers(&self, dialect: Dialect) -> Triggers<'a> {
        match dialect {
            Dialect::Postgres => postgres::follow::triggers(self),
            Dialect::MySql => mysql::follow::triggers(self),
        }
    }
}
