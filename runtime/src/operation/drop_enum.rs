//! An enum goes with the last column that has it: in contract, after that column. On PostgreSQL alone, where it is
//! a type of its own.

use super::{Context, Draft, Staging};
use crate::dialect::Dialect;
use crate::migration::{Claim, Fact, Stage};
use crate::schema::Table;

pub(super) fn stage(context: &Context<'_>, name: &str) -> Staging {
    let mut staging = Staging::default();
    if context.dialect == Dialect::MySql {
        return staging;
    }
    let has_it =
        |table: &Table| table.columns.iter().any(|it| it.ty.enumeration.as_ref().is_some_and(|it| it.name == name));
    let away = |table: &&Table| !context.target.tables.contains_key(&table.name);
    let sql = format!("DROP TYPE {}", context.ident(name));
    // a table that goes is renamed away and keeps its columns
    if let Some(table) = context.source.tables.values().filter(away).find(|table| has_it(table)) {
        staging.warnings.push(format!(
            "enum `{name}` stays, since table `{}` has it, which is renamed away: drop it by hand together with that: {sql}",
            table.name
        ));
        return staging;
    }
    let fact = Fact::Enum(name.to_owned()).negated();
    staging.push(Stage::Contract, Draft::new("No column has this type any more.", sql, Claim::none(), fact).last());
    staging
}
