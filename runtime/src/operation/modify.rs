//! MySQL: a table with an enforced check over a date, a time, an enum or a long text refuses every MODIFY and every
//! RENAME COLUMN in place, of any column: it takes the expression for another one than before. So it does with every RENAME INDEX
//! of an index over an expression, which has a hidden column of its name. It would copy, while writers wait. A check that triggers hold ([`super::guard`]) is in nobody's way.

use super::{Context, Refusal};
use crate::dialect::{Dialect, columns_in};
use crate::schema::{Check, Index, Table};

/// Which checks a table has when its column is changed: those that go do so in expand, when columns have changed and
/// before columns are let go, and new ones come behind all that validate does to columns.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Standing {
    /// Those of before.
    Before,
    /// Those that stay.
    Staying,
    /// Those of after.
    After,
}

/// Refuses that a column of the table is changed in place while such a check is there.
pub(super) fn in_place(
    context: &Context<'_>,
    standing: Standing,
    [table, column]: [&str; 2],
    what: &str,
) -> Result<(), Refusal> {
    in_place_of(context, standing, table, || format!("column `{table}.{column}` {what}"))
}

/// Refuses that an index over an expression gets this name in contract while such a check is there.
pub(super) fn takes_name(context: &Context<'_>, table: &str, name: &str, index: &Index) -> Result<(), Refusal> {
    if !index.has_expressions() {
        return Ok(());
    }
    let what = || format!("index `{name}` of `{table}` is over an expression and gets this name in contract");
    in_place_of(context, Standing::After, table, what)
}

fn in_place_of(
    context: &Context<'_>,
    standing: Standing,
    table: &str,
    what: impl FnOnce() -> String,
) -> Result<(), Refusal> {
    if context.dialect != Dialect::MySql {
        return Ok(());
    }
    match in_the_way(context, standing, table) {
        None => Ok(()),
        Some((check, over)) => Err((
            format!(
                "{}, and MySQL changes no column in place where it enforces a check over a date, a time, an enum or a text without \
                 a length, as check `{check}` over `{table}.{over}`",
                what()
            ),
            "remove the check in a migration before this one, and add it again after it: then triggers hold to it, and are in \
             no column's way"
                .to_owned(),
        )),
    }
}

fn in_the_way<'a>(context: &Context<'a>, standing: Standing, table: &str) -> Option<(&'a str, &'a str)> {
    let (before, after) = (context.source.tables.get(table), context.target.tables.get(table));
    let table = if standing == Standing::After { after? } else { before? };
    let stays = |name: &String, check: &Check| after?.checks.get(name).filter(|it| it.same_as(check));
    table.checks.iter().filter(|(_, it)| !it.guarded).find_map(|(name, check)| {
        if standing == Standing::Staying && stays(name, check).is_none() {
            return None;
        }
        let condition = check.sql.of(context.dialect)?;
        let over = columns_in(condition, table.columns.iter().map(|it| it.name.as_str()));
        over.into_iter().find(|it| takes_for_another(context, table, it)).map(|column| (name.as_str(), column))
    })
}

/// Of which types it is, was measured.
fn takes_for_another(context: &Context<'_>, table: &Table, column: &str) -> bool {
    const KINDS: [&str; 12] = [
        "date",
        "time",
        "datetime",
        "timestamp",
        "enum",
        "set",
        "tinytext",
        "mediumtext",
        "longtext",
        "tinyblob",
        "mediumblob",
        "longblob",
    ];
    table.column(column).is_some_and(|it| {
        let spelled = context.dialect.type_name(&it.ty).to_ascii_lowercase();
        let word = spelled.split(|c: char| !c.is_ascii_alphanumeric()).next().unwrap_or_default();
        KINDS.contains(&word)
    })
}
