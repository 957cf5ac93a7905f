//! A new column of a table that is there.
//!
//! Where every row can share one value (none, or a default that is the same for all), the
//! servers only note it in the catalog. Where rows need values of their own, the column comes
//! without any, then the triggers that keep new writes right, and only then are the rows of
//! before filled: in the other order a write between fill and trigger would be lost.
//!
//! The way to NOT NULL differs. PostgreSQL proves it afterwards without holding anybody up
//! (`set_not_null`). MySQL would rebuild the table for it, so there the column is NOT NULL
//! from the start, and a default that no application writes marks the rows without a value.

use super::fill::{Fill, backfill};
use super::set_not_null::{mysql_modify, prove_not_null};
use super::{Context, Draft, Refusal, Staging, Sync};
use crate::dialect::{Dialect, columns_in, default_is_stable, mysql, postgres};
use crate::migration::{Fact, Stage};
use crate::schema::{Column, Table};

/// How a row without a value is told from one with.
enum Marker {
    /// NULL.
    Null,
    /// NULL in rows of before, and this default for writers that leave the column out: so that
    /// a NULL which is meant stays one.
    NullThenDefault(String),
    /// This default, in a column that takes no NULL.
    Default(String),
}

struct Plan<'a> {
    table: &'a Table,
    column: &'a Column,
    default: Option<&'a str>,
    /// From other columns, for rows that old code writes; without it the default alone serves.
    synced: bool,
    expression: &'a str,
    marker: Marker,
}

pub(super) fn stage(context: &Context<'_>, table_name: &str, column_name: &str) -> Result<Staging, Refusal> {
    let table = context.table(table_name);
    let Some(column) = table.column(column_name) else { return Ok(Staging::default()) };
    let intent = context.intents.backfills.get(&(table_name.to_owned(), column_name.to_owned()));
    let from_others = intent.and_then(|texts| texts.of(context.dialect));
    let default = column.default.of(context.dialect);
    let own_values = default.filter(|sql| !in_catalog(context.dialect, column, sql));
    let Some(expression) = from_others.or(own_values) else {
        return at_once(context, table, column, default);
    };
    let synced = from_others.is_some();
    let marker = marker(context.dialect, column, synced);
    filled(context, &Plan { table, column, default, synced, expression, marker })
}

/// Whether the server keeps this default in the catalog for the rows of before.
fn in_catalog(dialect: Dialect, column: &Column, sql: &str) -> bool {
    default_is_stable(sql)
        && match dialect {
            Dialect::Postgres => true,
            Dialect::MySql => mysql::types::takes_literal_default(&column.ty),
        }
}

fn marker(dialect: Dialect, column: &Column, synced: bool) -> Marker {
    let left_out = match dialect {
        Dialect::Postgres => postgres::types::left_out(&column.ty).map(str::to_owned),
        Dialect::MySql => mysql::types::left_out(&column.ty),
    };
    match (dialect, column.nullable, left_out) {
        (Dialect::MySql, false, Some(value)) if mysql::types::takes_literal_default(&column.ty) => {
            Marker::Default(value)
        }
        (_, true, Some(value)) if synced => Marker::NullThenDefault(value),
        _ => Marker::Null,
    }
}

/// One statement, and nothing that lasts.
fn at_once(context: &Context<'_>, table: &Table, column: &Column, default: Option<&str>) -> Result<Staging, Refusal> {
    if default.is_none() && !column.nullable {
        return Err((
            format!(
                "column `{}.{}` is new and takes no NULL, so the rows that are there need a value",
                table.name, column.name
            ),
            "add #[column(backfill = \"...\")] (an SQL expression over the row) or #[column(default = \"...\")], \
             or make the field an `Option`"
                .to_owned(),
        ));
    }
    let mut staging = Staging::default();
    let comment = format!("A change of the catalog; no row of `{}` is touched.", table.name);
    staging.push(Stage::Expand, add(context, table, column, &comment, column.nullable, default).step());
    Ok(staging)
}

fn add(
    context: &Context<'_>,
    table: &Table,
    column: &Column,
    comment: &str,
    nullable: bool,
    default: Option<&str>,
) -> Draft {
    let (name, ident) = (&table.name, context.ident(&column.name));
    let (sql, undo) = match context.dialect {
        Dialect::Postgres => {
            let definition = postgres::ddl::column(column, nullable, default);
            (
                format!("ALTER TABLE {} ADD COLUMN {definition}", context.ident(name)),
                format!("ALTER TABLE {} DROP COLUMN {ident}", context.ident(name)),
            )
        }
        Dialect::MySql => {
            let definition = mysql::ddl::column(column, nullable, default);
            (
                mysql::ddl::alter(name, &format!("ADD COLUMN {definition}"), "ALGORITHM=INSTANT"),
                mysql::ddl::alter(name, &format!("DROP COLUMN {ident}"), "ALGORITHM=INSTANT"),
            )
        }
    };
    let claim = context.alter(Stage::Expand, name);
    Draft::new(comment, sql, claim.clone(), Fact::Column(name.clone(), column.name.clone())).undo(undo, claim)
}

/// Column, triggers, rows, proof; and in contract the triggers go.
fn filled(context: &Context<'_>, plan: &Plan<'_>) -> Result<Staging, Refusal> {
    let mut staging = Staging::default();
    let Plan { table, column, .. } = plan;
    let (nullable, initial, comment) = match &plan.marker {
        Marker::Default(value) => (
            false,
            Some(value.as_str()),
            "A change of the catalog. The default marks rows that have no value yet: no application writes it.",
        ),
        Marker::Null | Marker::NullThenDefault(_) => (true, None, "A change of the catalog; rows have no value yet."),
    };
    staging.push(Stage::Expand, add(context, table, column, comment, nullable, initial).step());

    let sync = sync(context, plan);
    if plan.synced {
        sync.install(context, &mut staging);
        if let Marker::NullThenDefault(value) = &plan.marker {
            let comment = "From now on the triggers can tell a column left out from a NULL that is meant.";
            staging.push(Stage::Expand, set_default(context, plan, comment, Some(value), None).step());
        } else if column.nullable {
            staging.warnings.push(format!(
                "until contract, a NULL that new code writes into `{}.{}` is taken for a value left out",
                table.name, column.name
            ));
        }
        if let (Dialect::MySql, Marker::Default(value)) = (context.dialect, &plan.marker)
            && mysql::types::left_out_is_common(&column.ty)
        {
            staging.warnings.push(format!(
                "MySQL: until contract, a {value} that new code writes into `{}.{}` is taken for a value left out",
                table.name, column.name
            ));
        }
    } else {
        let comment = "New rows get their value from here on; the rows of before are filled.";
        staging.push(Stage::Expand, set_default(context, plan, comment, plan.default, initial).step());
    }

    let fill = Fill {
        column: &column.name,
        expression: plan.expression,
        unfilled: unfilled(context, plan),
        lasts: !column.nullable,
        filled_by_updates: plan.synced && matches!(plan.marker, Marker::Null),
    };
    staging.push(Stage::Backfill, backfill(context, table, &fill)?);
    if !column.nullable {
        not_null(context, plan, &mut staging);
    }
    if plan.synced {
        let marked = !matches!(plan.marker, Marker::Null);
        if marked || plan.default.is_some() {
            let comment = "First, so that no writer can leave a marker behind once the triggers are gone.";
            let draft = set_default(context, plan, if marked { comment } else { "" }, plan.default, initial);
            staging.push(Stage::Contract, draft.last());
        }
        sync.remove(context, &mut staging);
    }
    Ok(staging)
}

fn not_null(context: &Context<'_>, plan: &Plan<'_>, staging: &mut Staging) {
    let Plan { table, column, .. } = plan;
    match (context.dialect, &plan.marker) {
        (Dialect::Postgres, _) => prove_not_null(context, &table.name, &column.name, staging),
        (Dialect::MySql, Marker::Null | Marker::NullThenDefault(_)) => {
            let default = plan.default.filter(|_| !plan.synced);
            staging.push(
                Stage::Validate,
                mysql_modify(context, &table.name, column, Stage::Validate, false, default).step(),
            );
            staging.warnings.push(format!(
                "MySQL: `{}.{}` has a type without literal defaults, so NOT NULL rebuilds the table (reads and writes go on)",
                table.name, column.name
            ));
        }
        (Dialect::MySql, Marker::Default(_)) => {}
    }
}

/// Sets the default, or drops it for `None`; the way back sets `before`.
fn set_default(
    context: &Context<'_>,
    plan: &Plan<'_>,
    comment: &str,
    default: Option<&str>,
    before: Option<&str>,
) -> Draft {
    let Plan { table, column, .. } = plan;
    let fact = if default.is_some() && before.is_some() {
        Fact::Repeatable
    } else {
        let set = Fact::Default(table.name.clone(), column.name.clone());
        if default.is_some() { set } else { set.negated() }
    };
    let claim = context.alter(Stage::Expand, &table.name);
    Draft::new(comment, super::set_default::sql(context, &table.name, column, default), claim.clone(), fact)
        .undo(super::set_default::sql(context, &table.name, column, before), claim)
}

fn sync<'a>(context: &Context<'_>, plan: &Plan<'a>) -> Sync<'a> {
    let (table, column) = (plan.table, plan.column);
    let new = format!("NEW.{}", context.ident(&column.name));
    let others = table.columns.iter().map(|it| it.name.as_str()).filter(|name| *name != column.name);
    Sync {
        dialect: context.dialect,
        table: &table.name,
        column: &column.name,
        expression: plan.expression,
        sources: columns_in(plan.expression, others),
        follow: true,
        left_out: match &plan.marker {
            Marker::Null => format!("{new} IS NULL"),
            Marker::NullThenDefault(value) | Marker::Default(value) => is_marker(context.dialect, column, &new, value),
        },
    }
}

fn unfilled(context: &Context<'_>, plan: &Plan<'_>) -> String {
    let name = context.ident(&plan.column.name);
    match &plan.marker {
        Marker::Default(value) => is_marker(context.dialect, plan.column, &name, value),
        // where the expression gives NULL there is nothing to fill
        _ if plan.column.nullable && plan.synced => format!("{name} IS NULL AND ({}) IS NOT NULL", plan.expression),
        _ => format!("{name} IS NULL"),
    }
}

fn is_marker(dialect: Dialect, column: &Column, value: &str, marker: &str) -> String {
    match dialect {
        Dialect::Postgres => format!("{value} = {marker}"),
        Dialect::MySql => mysql::types::is_left_out(&column.ty, value).unwrap_or_else(|| format!("{value} = {marker}")),
    }
}
