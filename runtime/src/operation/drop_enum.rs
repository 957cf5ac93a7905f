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
    let kept = context.source.dropped.iter().filter(|(name, _)| !context.intents.purged_tables.contains(*name));
    let away = context.source.tables.values().filter(away).chain(kept.map(|(_, it)| &it.table));
    let mut away = away.filter(|table| has_it(table));
    if let Some(table) = away.next() {
        staging.warnings.push(format!(
            "enum `{name}` stays, since table `{}` has it, which is renamed away: it goes with that",
            table.name
        ));
        return staging;
    }
    let fact = Fact::Enum(name.to_owned()).negated();
    staging.push(Stage::Contract, Draft::new("No column has this type any more.", sql, Claim::none(), fact).last());
    staging
}
