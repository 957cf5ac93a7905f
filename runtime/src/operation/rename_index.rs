//! An index has another name, and is the same otherwise: nothing is built. In contract, since an old
//! name can stand in old code (MySQL's index hints; PostgreSQL names no index in a query).

use super::drop_index::take_name;
use super::{Context, Refusal, Staging, modify};
use crate::dialect::Dialect;
use crate::migration::Stage;

pub(super) fn stage(context: &Context<'_>, table: &str, from: &str, to: &str) -> Result<Staging, Refusal> {
    let mut staging = Staging::default();
    let index = &context.table(table).indexes[to];
    if !index.is_for(context.dialect) {
        return Ok(staging);
    }
    modify::takes_name(context, table, to, index)?;
    staging.push(Stage::Contract, take_name(context, table, from, to).last());
    if context.dialect == Dialect::MySql {
        staging.warnings.push(format!(
            "MySQL: index `{from}` of `{table}` is called `{to}` only after contract; an index hint of new code must not name it yet"
        ));
    }
    Ok(staging)
}
