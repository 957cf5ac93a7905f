//! Giving the rows of before their values.

use super::{Context, Refusal};
use crate::dialect::{Dialect, mysql, postgres};
use crate::migration::{Backfill, Claim, Extent, LockMode, Step, WalkBy};
use crate::schema::Table;

/// What is to be filled.
pub(crate) struct Fill<'a> {
    pub(crate) column: &'a str,
    pub(crate) expression: &'a str,
    /// The condition, on the table's row, that it has no value yet.
    pub(crate) unfilled: String,
    /// Whether no row can lose its value again.
    pub(crate) lasts: bool,
    /// Whether a trigger fills a row without a value whenever it is updated. Only then may a
    /// walk go by blocks: an update moves its row, perhaps to where the walk has been.
    pub(crate) filled_by_updates: bool,
}

/// The backfill of one column.
pub(crate) fn backfill(context: &Context<'_>, table: &Table, fill: &Fill<'_>) -> Result<Step, Refusal> {
    // what this migration adds is no key yet
    let key = context.source.tables.get(&table.name).and_then(walk_key).ok_or_else(|| {
        (
            format!(
                "column `{}.{}` needs a backfill, and table `{}` has no key to walk by",
                table.name, fill.column, table.name
            ),
            "mark the key's fields with #[column(primary_key)], or a field that is never NULL with #[column(unique)]"
                .to_owned(),
        )
    })?;
    let dialect = context.dialect;
    let assignment = format!("{} = {}", dialect.ident(fill.column), fill.expression);
    let (walks, mode) = match dialect {
        Dialect::Postgres => {
            (postgres::backfill::walks(table, key, &assignment, &fill.unfilled), LockMode::RowExclusive)
        }
        Dialect::MySql => (mysql::backfill::walks(table, key, &assignment, &fill.unfilled), LockMode::SharedWrite),
    };
    let walks: Vec<_> = walks.into_iter().filter(|it| fill.filled_by_updates || it.by != WalkBy::Blocks).collect();
    if walks.is_empty() {
        return Err((
            format!("table `{}` has a key that no walk can follow ({})", table.name, key.join(", ")),
            "a key of integers, texts, byte strings, uuids, dates or times can be followed".to_owned(),
        ));
    }
    Ok(Step::Backfill(Backfill {
        comment: format!("Gives the rows of before their `{}`, in batches that nobody waits for.", fill.column),
        table: table.name.clone(),
        column: fill.column.to_owned(),
        claim: Claim::none().lock(&table.name, mode).blocking(Extent::No, Extent::Brief),
        walks,
        invariant: format!("SELECT count(*) FROM {} WHERE {}", dialect.ident(&table.name), fill.unfilled),
        invariant_lasts: fill.lasts,
        line: 0,
    }))
}

/// The columns that a walk follows: the primary key, or a unique index that takes no NULL.
fn walk_key(table: &Table) -> Option<&[String]> {
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
