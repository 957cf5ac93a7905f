//! An enum has more values, at its end or between those of before.
//!
//! On PostgreSQL the type gets them: a change of the catalog that locks no table. A value that has
//! been added stays, since the server has no way to take it back; whoever does not write it does not notice.
//! On MySQL every column has its own list of values, so there it is a change of the column's type: of the catalog
//! alone where the new values stand at the end ([`super::change_type`]), else by a shadow ([`super::change_enum`]).

use super::{Context, Draft, Staging};
use crate::dialect::Dialect;
use crate::migration::{Claim, Fact, Stage};
use crate::schema::Enumeration;

pub(super) fn stage(context: &Context<'_>, name: &str) -> Staging {
    let mut staging = Staging::default();
    let (before, after) = (context.source.enums(), context.target.enums());
    let (Some((before, ..)), Some((after, table, column))) = (before.get(name), after.get(name)) else {
        return staging;
    };
    let new = || after.values.iter().enumerate().filter(|(_, value)| !before.values.contains(value));
    let list: Vec<_> = new().map(|(_, value)| value.as_str()).collect();
    staging.warnings.push(told(name, &list, [&table.name, &column.name]));
    if context.dialect == Dialect::MySql {
        return staging;
    }
    for (at, value) in new() {
        // those before it in the list are there by now
        let previous = at.checked_sub(1).and_then(|it| after.values.get(it));
        staging.push(Stage::Expand, add_value(context, before, value, previous.map(String::as_str)).step());
    }
    staging
}

/// PostgreSQL's statement: behind the value named, or first of all.
pub(super) fn add_value(context: &Context<'_>, before: &Enumeration, value: &str, previous: Option<&str>) -> Draft {
    let name = &before.name;
    let place = match previous {
        Some(previous) => format!("AFTER {}", context.dialect.literal(previous)),
        None => format!("BEFORE {}", context.dialect.literal(&before.values[0])),
    };
    // it is there already when the migration was undone and runs again
    let sql = format!(
        "ALTER TYPE {} ADD VALUE IF NOT EXISTS {} {place}",
        context.ident(name),
        context.dialect.literal(value)
    );
    let fact = Fact::EnumValue(name.clone(), value.to_owned());
    Draft::new("A change of the catalog; rows can hold the value from here on.", sql, Claim::none(), fact)
        .undo_nothing("the added value stays: PostgreSQL cannot take it from the type again")
}

/// What old code does not know.
pub(super) fn told(name: &str, values: &[&str], [table, column]: [&str; 2]) -> String {
    let list: Vec<_> = values.iter().map(|it| format!("`{it}`")).collect();
    format!(
        "old code does not know the new values of enum `{name}` ({}): from the first row that holds one, as in `{table}.{column}`, \
         it must be able to read what it does not know; and they stay in such rows when the migration is undone",
        list.join(", ")
    )
}
