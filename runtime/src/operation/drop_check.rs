//! A check goes. In expand, since new code may write what it forbade.
//!
//! The way back proves it again; where new code wrote what it forbids, it stops and says so.

use super::add_check::{mysql_claim, mysql_sql, postgres_sql};
use super::{Context, Draft, Refusal, Staging};
use crate::dialect::Dialect;
use crate::migration::{Algorithm, Claim, Fact, LockMode, Stage};

pub(super) fn stage(context: &Context<'_>, table: &str, name: &str) -> Result<Staging, Refusal> {
    let mut staging = Staging::default();
    let Some(condition) = context.source.tables[table].checks[name].sql.of(context.dialect) else { return Ok(staging) };
    let constraint = Fact::Constraint(table.to_owned(), name.to_owned());
    let draft = match context.dialect {
        Dialect::Postgres => {
            let brief = || Claim::none().lock(table, LockMode::AccessExclusive);
            let [add, validate] = postgres_sql(context, table, name, condition);
            let sql = format!("ALTER TABLE {} DROP CONSTRAINT {}", context.ident(table), context.ident(name));
            let proof = Claim::none().lock(table, LockMode::ShareUpdateExclusive).scan(table);
            let validated = Fact::Validated(table.to_owned(), name.to_owned());
            Draft::new("", sql, brief(), constraint.negated())
                .undo(add, brief())
                .undo_until(validate, proof, validated, true)
        }
        Dialect::MySql => {
            let [add, drop] = mysql_sql(context, table, name, condition);
            let claim = context.mysql_alter(Stage::Expand, table, Algorithm::Instant);
            Draft::new("", drop, claim, constraint.negated()).undo(add, mysql_claim(context, Stage::Expand, table))
        }
    };
    staging.push(Stage::Expand, draft.step());
    Ok(staging)
}
