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

/// Refuses that the column takes NULL.
pub(super) fn stays_not_null(context: &Context<'_>, table: &Table, column: &str) -> Result<(), Refusal> {
    let keeps = |index: &Index| index.columns.iter().any(|it| it == column) && may_keep(table, index);
    let index = table.indexes.iter().find(|(_, index)| keeps(index));
    match index {
        Some((name, _)) if context.dialect == Dialect::MySql => Err((
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

/// Which one of several the server has taken follows from their age, which nobody knows here.
fn may_keep(table: &Table, index: &Index) -> bool {
    table.primary_key.is_empty()
        && index.unique
        && index.is_for(Dialect::MySql)
        && !index.has_expressions()
        && index.form.keys.iter().all(|it| it.length.is_none())
        && index.columns.iter().all(|it| table.column(it).is_some_and(|column| !column.nullable))
}
