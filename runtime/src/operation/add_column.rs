//! A new column of a table that is there.
//!
//! Where every row can share one value (none, or a default that is the same for all), the
//! servers only note it in the catalog. Where rows need values of their own, it comes empty
//! and is filled ([`super::filled_column`]).

use super::fill::by_function;
use super::filled_column::{FilledColumn, Source};
use super::{Context, Draft, Refusal, Staging, add_generated, add_identity};
use crate::dialect::{Dialect, columns_in, default_is_stable, mysql, postgres};
use crate::migration::{Fact, Stage};
use crate::schema::{Column, Table};

pub(super) fn stage(context: &Context<'_>, table_name: &str, column_name: &str) -> Result<Staging, Refusal> {
    let table = context.table(table_name);
    let Some(column) = table.column(column_name) else { return Ok(Staging::default()) };
    if column.generated.is_some() {
        not_partitioned(context, table_name, column_name)?;
        return add_generated::stage(context, table, column);
    }
    if column.identity {
        not_partitioned(context, table_name, column_name)?;
        return add_identity::stage(context, table, column);
    }
    if let Some(function) = context.intents.functions.get(&(table_name.to_owned(), column_name.to_owned())) {
        not_partitioned(context, table_name, column_name)?;
        let mut staging = at_once(context, table, column, None)?;
        staging.push(Stage::Backfill, by_function(context, table, column_name, function)?);
        staging.warnings.push(format!(
            "no trigger can call `{function}`: rows that old code writes have no `{table_name}.{column_name}` until `backfill` is \
             run again when only new code is left; `contract` refuses until then"
        ));
        return Ok(staging);
    }
    let intent = context.intents.backfills.get(&(table_name.to_owned(), column_name.to_owned()));
    let from_others = intent.and_then(|texts| texts.of(context.dialect));
    let default = column.default.of(context.dialect);
    let own_values = default.filter(|sql| !in_catalog(context.dialect, column, sql));
    let Some(source) = from_others.map(Source::Columns).or(own_values.map(Source::Default)) else {
        return at_once(context, table, column, default);
    };
    if let (Source::Columns(expression), Some(before)) = (&source, context.source.tables.get(table_name)) {
        let new = table.columns.iter().map(|it| it.name.as_str());
        let new = new.filter(|name| *name != column_name && before.column(name).is_none());
        if let Some(other) = columns_in(expression, new).first() {
            return Err((
                format!(
                    "the backfill of `{table_name}.{column_name}` names `{other}`, which is new in the same migration"
                ),
                "write it over the columns that are there: the expression that gives the other its value".into(),
            ));
        }
    }
    let filled = FilledColumn::new(context, table, column, source);
    let mut staging = Staging::default();
    filled.begin(context, &mut staging)?;
    filled.end(context, &mut staging);
    Ok(staging)
}

/// What is not known to be sound where the rows are in partitions.
fn not_partitioned(context: &Context<'_>, table: &str, column: &str) -> Result<(), Refusal> {
    let is_partitioned = |it: &Table| context.dialect == Dialect::Postgres && it.partitioned.is_some();
    if !context.source.tables.get(table).is_some_and(is_partitioned) {
        return Ok(());
    }
    Err((
        format!(
            "table `{table}` is partitioned, and new column `{column}` is numbered, generated or filled by a Rust function, which is \
             not derived there"
        ),
        "fill it by an SQL expression (`backfill`), make the field an `Option`, or give it a default".into(),
    ))
}

/// Whether the server keeps this default in the catalog for the rows of before.
fn in_catalog(dialect: Dialect, column: &Column, sql: &str) -> bool {
    default_is_stable(sql)
        && match dialect {
            Dialect::Postgres => true,
            // with an expression for its default it builds the table anew
            Dialect::MySql => !mysql::types::default_value(&column.ty, sql).starts_with('('),
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

/// `ADD COLUMN`, which touches no row.
pub(super) fn add(
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
