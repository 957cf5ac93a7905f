//! A column has no default any more. In contract, since old code may leave the column out.

use super::modify::Standing;
use super::set_default::{in_place, sql};
use super::{Context, Draft, Refusal, Staging};
use crate::migration::{Fact, Stage};

pub(super) fn stage(context: &Context<'_>, table: &str, column: &str) -> Result<Staging, Refusal> {
    let mut staging = Staging::default();
    let Some(column) = context.table(table).column(column) else { return Ok(staging) };
    let before = context.source.tables[table].column(&column.name).and_then(|it| it.default.of(context.dialect));
    if before.is_none() || column.default.of(context.dialect).is_some() {
        return Ok(staging);
    }
    in_place(context, Standing::After, table, column, &[None])?;
    let fact = Fact::Default(table.to_owned(), column.name.clone()).negated();
    let claim = context.alter(Stage::Contract, table);
    let comment = "All code gives the column a value now.";
    staging.push(Stage::Contract, Draft::new(comment, sql(context, table, column, None), claim, fact).last());
    Ok(staging)
}
