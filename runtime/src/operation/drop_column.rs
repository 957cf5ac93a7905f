//! A column goes. In contract; in expand it gets a default or takes NULL, so that new code may
//! leave it out while old code still reads it.
//!
//! A renamed column needs nothing in expand: its triggers give it a value. It goes with them, when
//! the indexes and keys on it are gone.

use super::dependants::{none_on_column, none_on_old_column};
use super::drop_not_null::take_null;
use super::filled_column::FilledColumn;
use super::modify::{self, Standing};
use super::narrow::Conversion;
use super::rename_column::mirrored;
use super::{Context, Draft, Refusal, Staging, add_generated, reshape};
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
    // the servers would drop it too, or refuse to; and triggers that hold it would fail
    if let Some(check) = target.checks_on(&column.name, context.dialect).next() {
        return Err((
            format!("column `{table_name}.{column_name}` goes, and check `{check}` names it"),
            "correct the check, or remove it".to_owned(),
        ));
    }
    staging.push(Stage::Contract, Step::Assertion(none_on_column(context, table_name, column_name)));
    match renamed_to.and_then(|it| target.column(it)) {
        Some(new) => {
            let conversion = Conversion::of(context, table_name, [column, new])?;
            retire(context, target, &[column], &mirrored(context, target, column, new, &conversion), &mut staging)?;
        }
        None if let Some(group) = reshape::group_of(context, table_name, column_name) => {
            // all of them at once, where the first one's turn is
            if group.old[0].name == column.name
                // else the new columns' operation says why
                && let Ok(successors) = reshape::filled(context, table_name, &group)
            {
                retire(context, target, &group.old, &successors, &mut staging)?;
            }
        }
        None => {
            if must_be_given(context, column) {
                may_be_left_out(context, table, column, Stage::Expand, &mut staging)?;
            }
            drop(context, table_name, column, &mut staging);
        }
    }
    Ok(staging)
}

/// Columns go whose successors have mirrored them, and with them the triggers. Nothing else stands on
/// them any more; and since new code does not know them, they must not ask for a value once the triggers are gone.
pub(super) fn retire(
    context: &Context<'_>,
    table: &Table,
    columns: &[&Column],
    successors: &FilledColumn<'_>,
    staging: &mut Staging,
) -> Result<(), Refusal> {
    retire_with(context, table, columns, staging, |staging| successors.end(context, staging))
}

/// The same, where `end` takes the triggers away.
pub(super) fn retire_with(
    context: &Context<'_>,
    table: &Table,
    columns: &[&Column],
    staging: &mut Staging,
    end: impl FnOnce(&mut Staging),
) -> Result<(), Refusal> {
    for column in columns {
        if let Some(assertion) = none_on_old_column(context, &table.name, &column.name) {
            staging.push(Stage::Contract, Step::Assertion(assertion));
        }
        if must_be_given(context, column) {
            may_be_left_out(context, table, column, Stage::Contract, staging)?;
        }
    }
    end(staging);
    for column in columns {
        drop(context, &table.name, column, staging);
    }
    Ok(())
}

fn must_be_given(context: &Context<'_>, column: &Column) -> bool {
    !column.nullable && column.generated.is_none() && column.default.of(context.dialect).is_none()
}

fn drop(context: &Context<'_>, table: &str, column: &Column, staging: &mut Staging) {
    let (sql, claim) = add_generated::drop(context, Stage::Contract, table, column);
    let fact = Fact::Column(table.to_owned(), column.name.clone()).negated();
    let comment = "The values are gone from here on.";
    staging.push(Stage::Contract, Draft::new(comment, sql, claim, fact).last());
}

/// A default that old code can read; NULL where a value of nothing would break a key of `table`.
fn may_be_left_out(
    context: &Context<'_>,
    table: &Table,
    column: &Column,
    stage: Stage,
    staging: &mut Staging,
) -> Result<(), Refusal> {
    match when_left_out(context, table, column) {
        None => {
            let standing = if stage == Stage::Contract { Standing::After } else { Standing::Staying };
            let what = "goes, and takes NULL until it does so that new code may leave it out";
            modify::in_place(context, standing, [&table.name, &column.name], what)?;
            take_null(context, &table.name, column, stage, staging);
            if stage == Stage::Expand {
                staging.warnings.push(format!(
                    "`{}.{}` goes, and no value of nothing would comply with its key: until contract, old code reads NULL in rows \
                     that new code writes, and the way back stops at them",
                    table.name, column.name
                ));
            }
        }
        Some(zero) => {
            let fact = Fact::Default(table.name.clone(), column.name.clone());
            let claim = context.alter(stage, &table.name);
            let sql = super::set_default::sql(context, &table.name, column, Some(&zero));
            let undo = super::set_default::sql(context, &table.name, column, None);
            let comment = "New code leaves the column out; old code still reads a value.";
            staging.push_drafted(stage, Draft::new(comment, sql, claim.clone(), fact).undo(undo, claim));
        }
    }
    Ok(())
}

/// The value of nothing that a column which goes has by then, if it must have one.
pub(super) fn when_left_out(context: &Context<'_>, table: &Table, column: &Column) -> Option<String> {
    let zero = match context.dialect {
        Dialect::Postgres => postgres::types::zero(&column.ty),
        Dialect::MySql => mysql::types::zero(&column.ty),
    };
    zero.filter(|_| must_be_given(context, column) && !bound_by_a_key(table, &column.name))
}

/// A check goes with the column, and in expand before it.
fn bound_by_a_key(table: &Table, column: &str) -> bool {
    table.foreign_keys.values().any(|key| key.columns.iter().any(|it| it == column))
        || table.indexes.values().any(|index| index.unique && index.columns.iter().any(|it| it == column))
}
