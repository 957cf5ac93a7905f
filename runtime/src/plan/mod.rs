//! Source, target and intents to a staged migration.

use crate::def::TableDef;
use crate::dialect::Dialect;
use crate::migration::Migration;
use crate::schema::Schema;

/// Why there is no plan.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PlanErrors(pub Vec<crate::schema::SchemaError>);

/// One struct's migration.
pub(crate) fn stages_of_table(_: &TableDef, _: &Schema, _: Dialect) -> Result<Migration, PlanErrors> {
    Err(PlanErrors(Vec::new()))
}
