//! Columns of before and the new ones that take their place, while old code writes the ones and new code the others.
//!
//! Whichever side a writer gives a value, the other follows. Old code never writes the new columns, and new code never
//! the old ones; a writer that gives both means the new ones. A row is filled as a whole: by the backfill, like any new
//! column, or when somebody writes it. New code that changes one of several new columns of a row that is not filled yet
//! finds the others filled from the old ones first, and only then do these follow.
//!
//! A renamed column, or one of another type, is a pair: one of each.

use super::formula::Formula;
use super::triggers::Triggers;
use crate::dialect::{Dialect, mysql, postgres};

/// What the triggers of one group of columns do.
pub(crate) struct Mirror<'a> {
    pub(crate) table: &'a str,
    pub(crate) old: Vec<OldColumn<'a>>,
    pub(crate) new: Vec<NewColumn<'a>>,
    /// The column after which the triggers are named.
    pub(crate) named_after: &'a str,
}

/// A column that old code writes.
pub(crate) struct OldColumn<'a> {
    pub(crate) name: &'a str,
    /// Its value from the new columns.
    pub(crate) back: Formula<'a>,
    /// What it has if a writer leaves it out, beside NULL.
    pub(crate) left_out: Option<String>,
    /// Whether it is compared letter by letter, since collations may not do so.
    pub(crate) collated: bool,
}

/// A column that new code writes.
pub(crate) struct NewColumn<'a> {
    pub(crate) name: &'a str,
    /// Its value from the old columns.
    pub(crate) forth: Formula<'a>,
    /// The condition, on `NEW`, that the writer left it out.
    pub(crate) left_out: String,
    /// Whether NULL is what tells it left out. Then a NULL that takes a value's place is meant.
    pub(crate) null_is_left_out: bool,
    /// Whether it takes no NULL in the end. Then a row in which it has no value is not filled yet.
    pub(crate) takes_no_null: bool,
    /// The condition, on `OLD`, that it has no value, or a NULL.
    pub(crate) was_without: String,
    /// What it has when new code leaves it out, and gives others their values.
    pub(crate) default: Option<&'a str>,
    /// As [`OldColumn::collated`].
    pub(crate) collated: bool,
}

impl<'a> Mirror<'a> {
    pub(crate) fn triggers(&self, dialect: Dialect) -> Triggers<'a> {
        match dialect {
            Dialect::Postgres => postgres::mirror::triggers(self),
            Dialect::MySql => mysql::mirror::triggers(self),
        }
    }

    /// The names of the new columns, for the reader.
    pub(crate) fn new_names(&self) -> Vec<&'a str> {
        self.new.iter().map(|it| it.name).collect()
    }

    /// The one pair that it is, if it is one.
    pub(crate) fn pair(&self) -> Option<(&OldColumn<'a>, &NewColumn<'a>)> {
        match (&self.old[..], &self.new[..]) {
            ([old], [new]) => Some((old, new)),
            _ => None,
        }
    }

    /// The condition, on `NEW`, that the writer of a new row left all of them out.
    pub(crate) fn all_left_out(&self) -> String {
        all(self.new.iter().map(|it| it.left_out.clone()))
    }

    /// The condition, on `NEW`, that the row is not filled: as far as that shows by the new columns alone.
    pub(crate) fn unfilled(&self) -> String {
        let told = self.new.iter().filter(|it| it.takes_no_null).map(|it| it.left_out.clone()).collect::<Vec<_>>();
        if told.is_empty() { self.all_left_out() } else { all(told.into_iter()) }
    }

    /// The condition, on `OLD`, that the row was not filled; `differs` is that an old column has another value than
    /// the new ones give it, which tells where all of them take NULL and have it.
    pub(crate) fn was_unfilled(&self, differs: impl Iterator<Item = String>) -> String {
        let told: Vec<_> = self.new.iter().filter(|it| it.takes_no_null).map(|it| it.was_without.clone()).collect();
        if told.is_empty() {
            format!("{} AND ({})", all(self.new.iter().map(|it| it.was_without.clone())), any(differs))
        } else {
            all(told.into_iter())
        }
    }

    /// The new columns from which this one follows.
    pub(crate) fn sources_of_old<'s>(&'s self, old: &OldColumn<'a>) -> Vec<&'s NewColumn<'a>> {
        let named: Vec<&str> = old.back.columns().collect();
        self.new.iter().filter(|it| named.contains(&it.name)).collect()
    }

    /// The old columns from which this one follows.
    pub(crate) fn sources_of_new<'s>(&'s self, new: &NewColumn<'a>) -> Vec<&'s OldColumn<'a>> {
        let named: Vec<&str> = new.forth.columns().collect();
        self.old.iter().filter(|it| named.contains(&it.name)).collect()
    }
}

/// All of these conditions.
pub(crate) fn all(conditions: impl Iterator<Item = String>) -> String {
    conditions.collect::<Vec<_>>().join(" AND ")
}

/// One of these conditions.
pub(crate) fn any(conditions: impl Iterator<Item = String>) -> String {
    conditions.collect::<Vec<_>>().join(" OR ")
}
