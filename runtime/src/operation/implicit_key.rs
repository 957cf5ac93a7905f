//! MySQL: a table without a primary key is kept by a unique key of columns that take no NULL. That key
//! neither goes nor comes to take NULL in place, and the server says so only when the statement runs.

use super::{Context, Refusal};
use crate::dialect::Dialect;
use crate::schema::{Index, Table};

/// Refuses that the index goes.
pub(super) fn stays(context: &Context<'_>, table: &Table, name: &str) -> Result<(), Refusal> {
    if context.dialect != Dialect::MySql || !table.indexes.get(name).is_some_and(|it| may_keep(table, it)) {
        return Ok(());
    }
    Err((
        format!(
            "index `{name}` of table `{}` goes, and MySQL keeps the rows of a table without a primary key by such a unique \
             index: it does not go online",
            table.name
        ),
        "keep the index, or copy the rows into a table with a primary key".to_owned(),
    ))
}

/// Refuses that a column with another type takes the column's place: the index on it would have to go.
pub(super) fn keeps_its_column(context: &Context<'_>, table: &Table, column: &str) -> Result<(), Refusal> {
    match on(table, column) {
        Some(name) if context.dialect == Dialect::MySql => Err((
            format!(
                "the type of `{}.{column}` changes, and MySQL keeps the rows of a table without a primary key by a unique index \
                 like `{name}`: no other column takes the place of this one online",
                table.name
            ),
            "give the table a primary key in a migration before this one".to_owned(),
        )),
        _ => Ok(()),
    }
}

/// Refuses that the column takes NULL.
pub(super) fn stays_not_null(context: &Context<'_>, table: &Table, column: &str) -> Result<(), Refusal> {
    match on(table, column) {
        Some(name) if context.dialect == Dialect::MySql => Err((
            format!(
                "column `{}.{column}` takes NULL, and MySQL keeps the rows of a table without a primary key by a unique index \
                 like `{name}`: its columns do not come to take NULL online",
                table.name
            ),
            "keep the column NOT NULL, or copy the rows into a table with a primary key".to_owned(),
        )),
        _ => Ok(()),
    }
}

/// Such an index on the column.
fn on<'a>(table: &'a Table, column: &str) -> Option<&'a String> {
    let keeps = |index: &Index| index.columns.iter().any(|it| it == column) && may_keep(table, index);
    table.indexes.iter().find(|(_, index)| keeps(index)).map(|(name, _)| name)
}

/// Which one of several the server has taken follows from their age, which nobody knows here.
fn may_keep(table: &Table, index: &Index) -> bool {
    table.primary_key.is_empty()
        && index.unique
        && index.is_for(Dialect::MySql)
        && !index.has_expressions()
        && index.form.keys.iter().all(|it| it.length.is_none())
        && index.columns.iter().all(|it| table.column(it).is_some_and(|column| !column.nullable))
}
