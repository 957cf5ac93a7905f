//! A column has a default, or another one: a change of the catalog, for rows to come.

use super::{Context, Draft, Staging};
use crate::dialect::{Dialect, mysql};
use crate::migration::{Fact, Stage};
use crate::schema::Column;

pub(super) fn stage(context: &Context<'_>, table: &str, column: &str) -> Staging {
    let mut staging = Staging::default();
    let earlier = context.source.tables[table].column(column);
    let before = earlier.and_then(|it| it.default.of(context.dialect));
    let Some(column) = context.table(table).column(column) else { return staging };
    // NULL is taken away later than this, and given before
    let nullable = column.nullable || earlier.is_some_and(|it| it.nullable);
    let column = &Column { nullable, ..column.clone() };
    let default = column.default.of(context.dialect);
    // the other server's default may be the one that changed
    if default.is_none() || default == before {
        return staging;
    }
    let fact = match before {
        // the catalog cannot tell one default from the other; setting it twice does no harm
        Some(_) => Fact::Repeatable,
        None => Fact::Default(table.to_owned(), column.name.clone()),
    };
    let claim = context.alter(Stage::Expand, table);
    let draft = Draft::new("For rows to come.", sql(context, table, column, default), claim.clone(), fact)
        .undo(sql(context, table, column, before), claim);
    staging.push(Stage::Expand, draft.step());
    staging
}

/// `SET DEFAULT`, or `DROP DEFAULT` for `None`, of a column as it is by then.
pub(super) fn sql(context: &Context<'_>, table: &str, column: &Column, default: Option<&str>) -> String {
    let name = context.ident(&column.name);
    let takes_literal = mysql::types::takes_literal_default(&column.ty);
    let what = match default {
        Some(default) => {
            let value = context.dialect.default_value(&column.ty, default);
            let lower = value.to_ascii_lowercase();
            // MySQL takes the current time bare only where the column is defined; in parentheses it is an expression,
            // and the catalog shows another default than the definition's
            if context.dialect == Dialect::MySql
                && (lower.starts_with("current_timestamp") || lower.starts_with("now("))
            {
                format!("MODIFY COLUMN {}", mysql::ddl::column(column, column.nullable, Some(default)))
            } else {
                format!("ALTER COLUMN {name} SET DEFAULT {value}")
            }
        }
        // MySQL would leave the column without any default, and an INSERT must name it then; and such a type takes
        // not even NULL for one, but where the column is defined
        None if context.dialect == Dialect::MySql && column.nullable && !takes_literal => {
            format!("MODIFY COLUMN {}", mysql::ddl::column(column, true, None))
        }
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
