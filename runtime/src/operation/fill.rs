//! Giving the rows of before their values.

use super::partitions::is_partitioned;
use super::{Context, Refusal};
use crate::dialect::{Dialect, mysql, postgres};
use crate::migration::{Backfill, Claim, Extent, LockMode, RustFill, Step, Walk, WalkBy};
use crate::schema::Table;

/// What is to be filled.
pub(crate) struct Fill<'a> {
    /// The columns, each with the expression that gives its value.
    pub(crate) columns: Vec<(&'a str, &'a str)>,
    /// The condition, on the table's row, that it has no value yet.
    pub(crate) unfilled: String,
    /// Whether no row can lose its value again.
    pub(crate) lasts: bool,
    /// Whether a trigger fills a row without a value whenever it is updated. Only then may a
    /// walk go by blocks: an update moves its row, perhaps to where the walk has been.
    pub(crate) filled_by_updates: bool,
}

/// The backfill of columns that are filled together.
pub(crate) fn backfill(context: &Context<'_>, table: &Table, fill: &Fill<'_>) -> Result<Step, Refusal> {
    let dialect = context.dialect;
    let first = fill.columns[0].0;
    let key = match key_of(context, table, first) {
        // blocks need none
        Err(_) if dialect == Dialect::Postgres && fill.filled_by_updates && !is_partitioned(context, &table.name) => {
            &[]
        }
        key => key?,
    };
    let assignment = |(column, expression): &(&str, &str)| format!("{} = {expression}", dialect.ident(column));
    let assignment = fill.columns.iter().map(assignment).collect::<Vec<_>>().join(", ");
    let (walks, mode) = match dialect {
        Dialect::Postgres => {
            (postgres::backfill::walks(table, key, &assignment, &fill.unfilled), LockMode::RowExclusive)
        }
        Dialect::MySql => (mysql::backfill::walks(table, key, &assignment, &fill.unfilled), LockMode::SharedWrite),
    };
    // the blocks of a partitioned table are those of its partitions
    let blocks = fill.filled_by_updates && !is_partitioned(context, &table.name);
    let walks: Vec<_> = walks.into_iter().filter(|it| blocks || matches!(it.by, WalkBy::Keys(_))).collect();
    if walks.is_empty() {
        return Err(no_walk(table, key));
    }
    Ok(Step::Backfill(Backfill {
        comment: format!(
            "Gives the rows of before their {}, in batches that nobody waits for.",
            fill.columns.iter().map(|(column, _)| format!("`{column}`")).collect::<Vec<_>>().join(", ")
        ),
        table: table.name.clone(),
        column: first.to_owned(),
        function: None,
        claim: Claim::none().lock(&table.name, mode).blocking(Extent::No, Extent::Brief),
        walks,
        invariant: format!("SELECT count(*) FROM {} WHERE {}", dialect.ident(&table.name), fill.unfilled),
        invariant_lasts: fill.lasts,
        line: 0,
    }))
}

/// The backfill of a column that takes NULL by a Rust function: its walk selects and locks the rows that have no
/// value, and another statement writes them one by one.
pub(crate) fn by_function(context: &Context<'_>, table: &Table, column: &str, function: &str) -> Result<Step, Refusal> {
    let key = key_of(context, table, column)?;
    let dialect = context.dialect;
    let (columns, mode, lock) = match dialect {
        Dialect::Postgres => (postgres::backfill::key_columns(table, key), LockMode::RowExclusive, "FOR NO KEY UPDATE"),
        Dialect::MySql => (mysql::backfill::key_columns(table, key), LockMode::SharedWrite, "FOR UPDATE"),
    };
    let columns = columns.ok_or_else(|| no_walk(table, key))?;
    let (range, shown, row) = match dialect {
        Dialect::Postgres => (
            postgres::backfill::range(&columns),
            postgres::backfill::key_as_text(&columns),
            postgres::backfill::row(&columns),
        ),
        Dialect::MySql => {
            (mysql::backfill::range(&columns), mysql::backfill::key_as_text(&columns), mysql::backfill::row(&columns))
        }
    };
    let (ident, filled) = (dialect.ident(&table.name), dialect.ident(column));
    let shown =
        shown.into_iter().enumerate().map(|(at, it)| format!("{it} AS {}", dialect.ident(&RustFill::key_name(at + 1))));
    let all = context.columns_until_contract(table).map(|it| format!("{ident}.{}", dialect.ident(it)));
    let selected: Vec<_> = shown.chain(all).collect();
    let order: Vec<_> = columns.iter().map(|it| format!("{ident}.{}", dialect.ident(&it.name))).collect();
    let unfilled = format!("{filled} IS NULL");
    let select = format!(
        "SELECT {} FROM {ident} WHERE {range} AND {unfilled} ORDER BY {} {lock}",
        selected.join(", "),
        order.join(", ")
    );
    let value = if dialect == Dialect::Postgres { "$1" } else { "?" };
    Ok(Step::Backfill(Backfill {
        comment: format!(
            "The Rust function `{function}` gives rows their `{column}`, in batches that nobody waits for. Rows that old code \
             writes have none until this is run again; contract waits for that."
        ),
        table: table.name.clone(),
        column: column.to_owned(),
        function: Some(RustFill {
            name: function.to_owned(),
            write: format!("UPDATE {ident} SET {filled} = {value} WHERE {row}"),
        }),
        claim: Claim::none().lock(&table.name, mode).blocking(Extent::No, Extent::Brief),
        walks: vec![Walk { by: WalkBy::Keys(columns), sql: select, line: 0 }],
        invariant: format!("SELECT count(*) FROM {ident} WHERE {unfilled}"),
        invariant_lasts: true,
        line: 0,
    }))
}

/// The key that a walk follows: what this migration adds is none yet.
pub(super) fn key_of<'a>(context: &Context<'a>, table: &Table, column: &str) -> Result<&'a [String], Refusal> {
    context.source.tables.get(&table.name).and_then(walk_key).ok_or_else(|| {
        (
            format!("column `{0}.{column}` needs a backfill, and table `{0}` has no key to walk by", table.name),
            "mark the key's fields with #[column(primary_key)], or a field that is never NULL with #[column(unique)]"
                .to_owned(),
        )
    })
}

pub(super) fn no_walk(table: &Table, key: &[String]) -> Refusal {
    (
        format!("table `{}` has a key that no walk can follow ({})", table.name, key.join(", ")),
        "a key of integers, texts, byte strings, uuids, dates or times can be followed".to_owned(),
    )
}

/// The columns that a walk follows: the primary key, or a unique index that takes no NULL.
pub(super) fn walk_key(table: &Table) -> Option<&[String]> {
    if !table.primary_key.is_empty() {
        return Some(&table.primary_key);
    }
    let never_null = |columns: &[String]| columns.iter().all(|it| table.column(it).is_some_and(|it| !it.nullable));
    table
        .indexes
        .values()
        .find(|it| it.makes_unique(&it.columns) && never_null(&it.columns))
        .map(|it| it.columns.as_slice())
}
