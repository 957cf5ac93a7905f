//! A column goes. In contract; in expand it gets a default or takes NULL, so that new code may
//! leave it out while old code still reads it.

use super::drop_not_null::take_null;
use super::{Context, Draft, Refusal, Staging};
use crate::dialect::{Dialect, columns_in, mysql, postgres};
use crate::migration::{Fact, Stage};
use crate::schema::{Column, Table};

pub(super) fn stage(context: &Context<'_>, table_name: &str, column_name: &str) -> Result<Staging, Refusal> {
    let table = &context.source.tables[table_name];
    let Some(column) = table.column(column_name) else { return Ok(Staging::default()) };
    if table.primary_key.contains(&column.name) {
        return Err((
            format!("column `{table_name}.{column_name}` is part of the primary key, and is dropped"),
            "changing a table's key is not derived: keep the field".to_owned(),
        ));
    }
    let mut staging = Staging::default();
    if !column.nullable && column.default.of(context.dialect).is_none() {
        may_be_left_out(context, table, column, &mut staging);
    }
    let ident = context.ident(column_name);
    let sql = match context.dialect {
        Dialect::Postgres => format!("ALTER TABLE {} DROP COLUMN {ident}", context.ident(table_name)),
        Dialect::MySql => mysql::ddl::alter(table_name, &format!("DROP COLUMN {ident}"), "ALGORITHM=INSTANT"),
    };
    let fact = Fact::Column(table_name.to_owned(), column_name.to_owned()).negated();
    let claim = context.alter(Stage::Contract, table_name);
    let comment = "The values are gone from here on.";
    staging.push(Stage::Contract, Draft::new(comment, sql, claim, fact).last());
    Ok(staging)
}

/// A default that old code can read; NULL where a value of nothing would break a rule.
fn may_be_left_out(context: &Context<'_>, table: &Table, column: &Column, staging: &mut Staging) {
    let zero = match context.dialect {
        Dialect::Postgres => postgres::types::zero(&column.ty),
        Dialect::MySql => mysql::types::zero(&column.ty),
    };
    match zero.filter(|_| !bound_by_a_rule(context.dialect, table, &column.name)) {
        None => take_null(context, &table.name, column, staging),
        Some(zero) => {
            let fact = Fact::Default(table.name.clone(), column.name.clone());
            let claim = context.alter(Stage::Expand, &table.name);
            let sql = super::set_default::sql(context, &table.name, column, Some(zero));
            let undo = super::set_default::sql(context, &table.name, column, None);
            let comment = "New code leaves the column out; old code still reads a value.";
            staging.push(Stage::Expand, Draft::new(comment, sql, claim.clone(), fact).undo(undo, claim).step());
        }
    }
}

fn bound_by_a_rule(dialect: Dialect, table: &Table, column: &str) -> bool {
    let named = |sql: &str| !columns_in(sql, std::iter::once(column)).is_empty();
    table.foreign_keys.values().any(|key| key.columns.iter().any(|it| it == column))
        || table.indexes.values().any(|index| index.unique && index.columns.iter().any(|it| it == column))
        || table.checks.values().any(|check| check.sql.of(dialect).is_some_and(named))
}
