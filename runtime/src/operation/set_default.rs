//! A column has a default, or another one: a change of the catalog, for rows to come.

use super::modify::{self, Standing};
use super::{Context, Draft, Refusal, Staging};
use crate::dialect::{Dialect, mysql};
use crate::migration::{Fact, Stage};
use crate::schema::Column;

pub(super) fn stage(context: &Context<'_>, table: &str, column: &str) -> Result<Staging, Refusal> {
    let mut staging = Staging::default();
    let earlier = context.source.tables[table].column(column);
    let before = earlier.and_then(|it| it.default.of(context.dialect));
    let Some(column) = context.table(table).column(column) else { return Ok(staging) };
    // NULL is taken away later than this, and given before
    let nullable = column.nullable || earlier.is_some_and(|it| it.nullable);
    let column = &Column { nullable, ..column.clone() };
    let default = column.default.of(context.dialect);
    // the other server's default may be the one that changed
    if default.is_none() || default == before {
        return Ok(staging);
    }
    in_place(context, Standing::Before, table, column, &[default, before])?;
    let fact = match before {
        // the catalog cannot tell one default from the other; setting it twice does no harm
        Some(_) => Fact::Repeatable,
        None => Fact::Default(table.to_owned(), column.name.clone()),
    };
    let claim = context.alter(Stage::Expand, table);
    let draft = Draft::new("For rows to come.", sql(context, table, column, default), claim.clone(), fact)
        .undo(sql(context, table, column, before), claim);
    staging.push(Stage::Expand, draft.step());
    Ok(staging)
}

/// Refuses what MySQL does not do in place, if one of these defaults is set by defining the column again.
pub(super) fn in_place(
    context: &Context<'_>,
    standing: Standing,
    table: &str,
    column: &Column,
    defaults: &[Option<&str>],
) -> Result<(), Refusal> {
    if !defaults.iter().any(|it| defines_again(context.dialect, column, *it)) {
        return Ok(());
    }
    modify::in_place(context, standing, [table, &column.name], "gets or loses a default")
}

/// MySQL takes the current time bare only where the column is defined; in parentheses it is an expression, and the
/// catalog shows another default than the definition's. And a type without literals takes not even NULL for one, but
/// where the column is defined.
fn defines_again(dialect: Dialect, column: &Column, default: Option<&str>) -> bool {
    if dialect != Dialect::MySql {
        return false;
    }
    match default {
        None => column.nullable && !mysql::types::takes_literal_default(&column.ty),
        Some(default) => {
            let lower = dialect.default_value(&column.ty, default).to_ascii_lowercase();
            lower.starts_with("current_timestamp") || lower.starts_with("now(")
        }
    }
}

/// `SET DEFAULT`, or `DROP DEFAULT` for `None`, of a column as it is by then.
pub(super) fn sql(context: &Context<'_>, table: &str, column: &Column, default: Option<&str>) -> String {
    let name = context.ident(&column.name);
    let what = match default {
        _ if defines_again(context.dialect, column, default) => {
            format!("MODIFY COLUMN {}", mysql::ddl::column(column, column.nullable, default))
        }
        Some(default) => {
            format!("ALTER COLUMN {name} SET DEFAULT {}", context.dialect.default_value(&column.ty, default))
        }
        // MySQL would leave the column without any default, and an INSERT must name it then
        None if context.dialect == Dialect::MySql && column.nullable => {
            format!("ALTER COLUMN {name} SET DEFAULT NULL")
        }
        None => format!("ALTER COLUMN {name} DROP DEFAULT"),
    };
    match context.dialect {
        Dialect::Postgres => format!("ALTER TABLE {} {what}", context.ident(table)),
        Dialect::MySql => mysql::ddl::alter(table, &what, "ALGORITHM=INSTANT"),
    }
}
