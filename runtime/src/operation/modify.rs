//! MySQL: a table with a check over a date, a time, a LONGTEXT or a LONGBLOB refuses every MODIFY in place, of any
//! column: it takes the expression for another one than before. It would copy, while writers wait.

use super::{Context, Refusal};
use crate::dialect::{Dialect, columns_in};
use crate::migration::Stage;
use crate::schema::Table;

/// Refuses that a column of the table is modified in place in that stage, if such a check is there then: one that
/// goes does so in expand, after the columns have changed.
pub(super) fn in_place(
    context: &Context<'_>,
    stage: Stage,
    [table, column]: [&str; 2],
    what: &str,
) -> Result<(), Refusal> {
    if context.dialect != Dialect::MySql {
        return Ok(());
    }
    let before = context.source.tables.get(table);
    match before.and_then(|it| in_the_way(context, stage, it)) {
        None => Ok(()),
        Some((check, over)) => Err((
            format!(
                "column `{table}.{column}` {what}, and MySQL changes no column in place where a check is over a date, a time or \
                 a text without a length, as check `{check}` over `{table}.{over}`"
            ),
            "remove the check in a migration before this one, and add it again after it".to_owned(),
        )),
    }
}

fn in_the_way<'a>(context: &Context<'_>, stage: Stage, table: &'a Table) -> Option<(&'a str, &'a str)> {
    const KINDS: [&str; 6] = ["date", "time", "datetime", "timestamp", "longtext", "longblob"];
    let after = context.target.tables.get(&table.name);
    table.checks.iter().find_map(|(name, check)| {
        if stage > Stage::Expand && after.and_then(|it| it.checks.get(name)) != Some(check) {
            return None;
        }
        let condition = check.sql.of(context.dialect)?;
        let over = columns_in(condition, table.columns.iter().map(|it| it.name.as_str()));
        let of_such_a_type = |column: &&str| {
            table.column(column).is_some_and(|it| {
                let spelled = context.dialect.type_name(&it.ty).to_ascii_lowercase();
                let word = spelled.split(|c: char| !c.is_ascii_alphanumeric()).next().unwrap_or_default();
                KINDS.contains(&word)
            })
        };
        over.into_iter().find(of_such_a_type).map(|column| (name.as_str(), column))
    })
}
