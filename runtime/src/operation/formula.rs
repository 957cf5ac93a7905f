//! A value computed from a row's other columns, as the user wrote it.

use super::Refusal;
use crate::dialect::{Dialect, columns_in};
use crate::schema::Table;

/// An expression and the columns it names. The text stays as it was written: in a trigger it is
/// asked of a table of one row, in which every column has the name that the text gives it.
pub(crate) struct Formula<'a> {
    dialect: Dialect,
    table: &'a str,
    pub(crate) expression: &'a str,
    /// The name in the text, and the column.
    sources: Vec<(&'a str, &'a str)>,
}

impl<'a> Formula<'a> {
    /// An expression over the columns of that table.
    pub(crate) fn over(
        dialect: Dialect,
        table: &'a str,
        expression: &'a str,
        columns: impl Iterator<Item = &'a str>,
    ) -> Self {
        let sources = columns_in(expression, columns).into_iter().map(|name| (name, name)).collect();
        Self { dialect, table, expression, sources }
    }

    /// An expression in which each name means the column beside it.
    pub(crate) fn naming(
        dialect: Dialect,
        table: &'a str,
        expression: &'a str,
        columns: &[(&'a str, &'a str)],
    ) -> Self {
        let named = columns_in(expression, columns.iter().map(|(name, _)| *name));
        let sources = columns.iter().copied().filter(|(name, _)| named.contains(name)).collect();
        Self { dialect, table, expression, sources }
    }

    /// The columns that it names.
    pub(crate) fn columns(&self) -> impl Iterator<Item = &'a str> {
        self.sources.iter().map(|(_, column)| *column)
    }

    /// Why triggers cannot compute it for every row, if so: MySQL numbers a row after its BEFORE INSERT
    /// trigger has run, which finds 0 there.
    pub(crate) fn refused(&self, table: &Table, column: &str) -> Option<Refusal> {
        let numbered = |name: &str| table.column(name).is_some_and(|it| it.identity);
        let named = self.columns().find(|it| self.dialect == Dialect::MySql && numbered(it))?;
        Some((
            format!(
                "column `{}.{column}` follows `{named}`, which MySQL has not numbered yet when a trigger computes the value for a new row",
                table.name
            ),
            format!(
                "write the expression over other columns than `{named}`; or make the field an `Option` without a backfill"
            ),
        ))
    }

    /// Whether it is a value for all rows.
    pub(crate) fn is_constant(&self) -> bool {
        self.sources.is_empty()
    }

    /// The column that it is, if it is no more than its name.
    pub(crate) fn is_column(&self) -> Option<&'a str> {
        let [(name, column)] = self.sources[..] else { return None };
        [name.to_owned(), self.dialect.ident(name)].iter().any(|it| it == self.expression.trim()).then_some(column)
    }

    /// The value over a row of the table itself.
    pub(crate) fn over_the_table(&self) -> String {
        if let Some(column) = self.is_column() {
            return self.dialect.ident(column);
        }
        // a name in the text may be a type's too, so none is replaced
        let renamed = self.sources.iter().any(|(name, column)| name != column);
        if renamed { self.value(&self.dialect.ident(self.table)) } else { format!("({})", self.expression) }
    }

    /// The value over the row of that name: `NEW`, `OLD`.
    pub(crate) fn value(&self, row: &str) -> String {
        if self.sources.is_empty() {
            return format!("({})", self.expression);
        }
        let ident = |name: &str| self.dialect.ident(name);
        let columns: Vec<_> =
            self.sources.iter().map(|(name, column)| format!("{row}.{} AS {}", ident(column), ident(name))).collect();
        format!("(SELECT {} FROM (SELECT {}) AS {})", self.expression, columns.join(", "), ident(self.table))
    }
}
