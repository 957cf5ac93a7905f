//! A column goes. In contract; in expand it gets a default or takes NULL, so that new code may
//! leave it out while old code still reads it.
//!
//! A renamed column needs nothing in expand: its triggers give it a value. It goes with them, when
//! the indexes and keys on it are gone.

use super::change_type::expressions;
use super::dependants::{none_on_column, none_on_old_column};
use super::drop_not_null::take_null;
use super::filled_column::FilledColumn;
use super::rename_column::mirrored;
use super::{Context, Draft, Refusal, Staging};
use crate::dialect::{Dialect, mysql, postgres};
use crate::migration::{Fact, Stage, Step};
use crate::schema::{Column, Table};

pub(super) fn stage(
    context: &Context<'_>,
    table_name: &str,
    column_name: &str,
    renamed_to: Option<&str>,
) -> Result<Staging, Refusal> {
    let table = &context.source.tables[table_name];
    let Some(column) = table.column(column_name) else { return Ok(Staging::default()) };
    if table.primary_key.contains(&column.name) {
        return Err((
            format!("column `{table_name}.{column_name}` is part of the primary key, and is dropped"),
            "move `primary_key` to other fields in one migration, and drop the column in the next".to_owned(),
        ));
    }
    let mut staging = Staging::default();
    let target = context.table(table_name);
    // PostgreSQL would drop it without a word
    let names_it =
        target.indexes.iter().find(|(_, it)| it.names(&column.name, context.dialect) && it.is_for(context.dialect));
    if let Some((index, _)) = names_it {
        return Err((
            format!(
                "column `{table_name}.{column_name}` goes, and index `{index}` names it in an expression or condition"
            ),
            "correct the index, or remove it".to_owned(),
        ));
    }
    staging.push(Stage::Contract, Step::Assertion(none_on_column(context, table_name, column_name)));
    match renamed_to.and_then(|it| target.column(it)) {
        Some(new) => {
            let expressions = expressions(context, table_name, [column, new])?;
            retire(context, target, column, &mirrored(context, target, column, new, &expressions), &mut staging);
        }
        None => {
            if must_be_given(context, column) {
                may_be_left_out(context, table, column, Stage::Expand, &mut staging);
            }
            drop(context, table_name, column_name, &mut staging);
        }
    }
    Ok(staging)
}

/// A column goes whose successor has mirrored it, and with it the triggers. Nothing else stands on
/// it any more; and since new code does not know it, it must not ask for a value once they are gone.
pub(super) fn retire(
    context: &Context<'_>,
    table: &Table,
    column: &Column,
    successor: &FilledColumn<'_>,
    staging: &mut Staging,
) {
    if let Some(assertion) = none_on_old_column(context, &table.name, &column.name) {
        staging.push(Stage::Contract, Step::Assertion(assertion));
    }
    if must_be_given(context, column) {
        may_be_left_out(context, table, column, Stage::Contract, staging);
    }
    successor.end(context, staging);
    drop(context, &table.name, &column.name, staging);
}

fn must_be_given(context: &Context<'_>, column: &Column) -> bool {
    !column.nullable && column.generated.is_none() && column.default.of(context.dialect).is_none()
}

fn drop(context: &Context<'_>, table: &str, column: &str, staging: &mut Staging) {
    let ident = context.ident(column);
    let sql = match context.dialect {
        Dialect::Postgres => format!("ALTER TABLE {} DROP COLUMN {ident}", context.ident(table)),
        Dialect::MySql => mysql::ddl::alter(table, &format!("DROP COLUMN {ident}"), "ALGORITHM=INSTANT"),
    };
    let fact = Fact::Column(table.to_owned(), column.to_owned()).negated();
    let claim = context.alter(Stage::Contract, table);
    let comment = "The values are gone from here on.";
    staging.push(Stage::Contract, Draft::new(comment, sql, claim, fact).last());
}

/// A default that old code can read; NULL where a value of nothing would break a rule of `table`.
fn may_be_left_out(context: &Context<'_>, table: &Table, column: &Column, stage: Stage, staging: &mut Staging) {
    let zero = match context.dialect {
        Dialect::Postgres => postgres::types::zero(&column.ty),
        Dialect::MySql => mysql::types::zero(&column.ty),
    };
    match zero.filter(|_| !bound_by_a_rule(context.dialect, table, &column.name)) {
        None => take_null(context, &table.name, column, stage, staging),
        Some(zero) => {
            let fact = Fact::Default(table.name.clone(), column.name.clone());
            let claim = context.alter(stage, &table.name);
            let sql = super::set_default::sql(context, &table.name, column, Some(&zero));
            let undo = super::set_default::sql(context, &table.name, column, None);
            let comment = "New code leaves the column out; old code still reads a value.";
            staging.push_drafted(stage, Draft::new(comment, sql, claim.clone(), fact).undo(undo, claim));
        }
    }
}

fn bound_by_a_rule(dialect: Dialect, table: &Table, column: &str) -> bool {
    table.foreign_keys.values().any(|key| key.columns.iter().any(|it| it == column))
        || table.indexes.values().any(|index| index.unique && index.columns.iter().any(|it| it == column))
        || table.checks_on(column, dialect).next().is_some()
}
