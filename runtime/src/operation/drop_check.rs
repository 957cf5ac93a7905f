//! A check goes. In expand, since new code may write what it forbade.
//!
//! The way back proves it again; where new code wrote what it forbids, it stops and says so.

use super::add_check::{mysql_sql, postgres_sql};
use super::guard::Guard;
use super::{Context, Draft, Refusal, Staging, copy, partitions};
use crate::dialect::Dialect;
use crate::migration::{Algorithm, Claim, Fact, LockMode, Stage};

pub(super) fn stage(context: &Context<'_>, table: &str, name: &str) -> Result<Staging, Refusal> {
    let mut staging = Staging::default();
    let before = &context.source.tables[table];
    let check = &before.checks[name];
    let Some(condition) = check.sql.of(context.dialect) else { return Ok(staging) };
    if context.dialect == Dialect::MySql && check.guarded {
        Guard::new(before, name, condition).remove(context, &mut staging);
        return Ok(staging);
    }
    let constraint = Fact::Constraint(table.to_owned(), name.to_owned());
    let draft = match context.dialect {
        Dialect::Postgres => {
            let brief = || Claim::none().lock(table, LockMode::AccessExclusive);
            let [add, validate] = postgres_sql(context, table, name, condition);
            let sql = format!("ALTER TABLE {} DROP CONSTRAINT {}", context.ident(table), context.ident(name));
            let proof = partitions::scans(context, table, Claim::none().lock(table, LockMode::ShareUpdateExclusive));
            let validated = Fact::Validated(table.to_owned(), name.to_owned());
            let draft = Draft::new("", sql, brief(), constraint.negated()).undo(add, brief());
            partitions::undo_by_proof(context, draft, table, name).undo_until(validate, proof, validated, true)
        }
        Dialect::MySql => {
            let [add, drop] = mysql_sql(context, table, name, condition);
            let claim = context.mysql_alter(Stage::Expand, table, Algorithm::Instant);
            staging.warnings.push(format!(
                "MySQL: check `{name}` of `{table}` goes at once, but its way back copies the table, and writers wait for the \
                 whole copy"
            ));
            Draft::new("", drop, claim, constraint.negated())
                .undo(add, copy::mysql_claim(context, Stage::Expand, table))
        }
    };
    staging.push(Stage::Expand, draft.step());
    Ok(staging)
}
