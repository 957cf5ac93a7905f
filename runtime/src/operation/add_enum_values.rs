//! An enum has more values, at its end or between those of before.
//!
//! On PostgreSQL the type gets them: a change of the catalog that locks no table. A value that has
//! been added stays, since the server has no way to take it back; whoever does not write it does not notice.
//! On MySQL every column has its own list of values, so there it is a change of the column's type
//! ([`super::change_type`]): of the catalog alone where the new values stand at the end.

use super::{Context, Draft, Staging};
use crate::dialect::Dialect;
use crate::migration::{Claim, Fact, Stage};

pub(super) fn stage(context: &Context<'_>, name: &str) -> Staging {
    let mut staging = Staging::default();
    let (before, after) = (context.source.enums(), context.target.enums());
    let (Some((before, ..)), Some((after, table, column))) = (before.get(name), after.get(name)) else {
        return staging;
    };
    let new = || after.values.iter().enumerate().filter(|(_, value)| !before.values.contains(value));
    let list: Vec<_> = new().map(|(_, value)| format!("`{value}`")).collect();
    staging.warnings.push(format!(
        "old code does not know the new values of enum `{name}` ({}): from the first row that holds one, as in `{}.{}`, it must be \
         able to read what it does not know; and they stay in such rows when the migration is undone",
        list.join(", "),
        table.name,
        column.name
    ));
    if context.dialect == Dialect::MySql {
        return staging;
    }
    for (at, value) in new() {
        // those before it in the list are there by now
        let place = match at.checked_sub(1).and_then(|it| after.values.get(it)) {
            Some(previous) => format!("AFTER {}", context.dialect.literal(previous)),
            None => format!("BEFORE {}", context.dialect.literal(&before.values[0])),
        };
        // it is there already when the migration was undone and runs again
        let sql = format!(
            "ALTER TYPE {} ADD VALUE IF NOT EXISTS {} {place}",
            context.ident(name),
            context.dialect.literal(value)
        );
        let fact = Fact::EnumValue(name.to_owned(), value.clone());
        let draft =
            Draft::new("A change of the catalog; rows can hold the value from here on.", sql, Claim::none(), fact)
                .undo_nothing("the added value stays: PostgreSQL cannot take it from the type again");
        staging.push(Stage::Expand, draft.step());
    }
    staging
}
