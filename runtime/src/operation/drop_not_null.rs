//! A column takes NULL. In expand, since new code may write one as soon as it runs.
//!
//! The way back has to prove that no row has one; where new code wrote one, it stops and says so.

use super::modify::{self, Standing};
use super::set_not_null::{mysql_modify, undo_by_proof};
use super::{Context, Draft, Refusal, Staging, implicit_key};
use crate::dialect::Dialect;
use crate::migration::{Fact, Stage};
use crate::schema::Column;

pub(super) fn stage(context: &Context<'_>, table: &str, column: &str) -> Result<Staging, Refusal> {
    let before = &context.source.tables[table];
    let Some(column) = before.column(column) else { return Ok(Staging::default()) };
    modify::in_place(context, Standing::Before, [table, &column.name], "takes NULL")?;
    implicit_key::stays_not_null(context, before, &column.name)?;
    let mut staging = Staging::default();
    take_null(context, table, column, Stage::Expand, &mut staging);
    Ok(staging)
}

/// From now on the column takes NULL.
pub(super) fn take_null(context: &Context<'_>, table: &str, column: &Column, stage: Stage, staging: &mut Staging) {
    let default = column.default.of(context.dialect);
    match context.dialect {
        Dialect::Postgres => {
            let sql = format!(
                "ALTER TABLE {} ALTER COLUMN {} DROP NOT NULL",
                context.ident(table),
                context.ident(&column.name)
            );
            let fact = Fact::Nullable(table.to_owned(), column.name.clone());
            let draft = Draft::new("A change of the catalog.", sql, context.alter(stage, table), fact);
            staging.push_drafted(stage, undo_by_proof(context, draft, table, &column.name));
        }
        Dialect::MySql => {
            staging.push_drafted(stage, mysql_modify(context, table, column, stage, true, default));
            staging.warnings.push(format!(
                "MySQL: letting `{table}.{}` take NULL rebuilds the table (reads and writes go on; twice the disk)",
                column.name
            ));
        }
    }
}
