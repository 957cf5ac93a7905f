//! MySQL: a check that triggers hold becomes one that the server enforces. For that it copies the table while writers
//! wait, up to a number of rows that the author allows. The triggers go in contract: until then the way back is open.

use super::guard::Guard;
use super::{Context, Draft, Refusal, Staging, copy};
use crate::dialect::{Dialect, mysql};
use crate::migration::{Algorithm, Fact, Stage};

pub(super) fn stage(context: &Context<'_>, table_name: &str, name: &str) -> Result<Staging, Refusal> {
    let mut staging = Staging::default();
    let table = context.table(table_name);
    let Some(condition) = table.checks[name].sql.of(context.dialect) else { return Ok(staging) };
    if context.dialect == Dialect::Postgres {
        return Ok(staging);
    }
    let effect = format!("enforcing check `{name}` copies table `{table_name}`, and writers wait for the whole copy");
    copy::allowed(context, Stage::Validate, table_name, &effect, &mut staging)?;
    let check = context.ident(name);
    let sql = copy::mysql_sql(table_name, &format!("ALTER CHECK {check} ENFORCED"));
    let back = mysql::ddl::alter(table_name, &format!("ALTER CHECK {check} NOT ENFORCED"), "ALGORITHM=INSTANT");
    let fact = Fact::Validated(table_name.to_owned(), name.to_owned());
    let comment = "The table is copied: reads go on, writers wait for the whole copy.";
    let draft = Draft::new(comment, sql, copy::mysql_claim(context, Stage::Validate, table_name), fact)
        .undo(back, context.mysql_alter(Stage::Validate, table_name, Algorithm::Instant));
    staging.push(Stage::Validate, draft.step());
    for draft in Guard::new(table, name, condition).without_triggers(context) {
        staging.push(Stage::Contract, draft.last());
    }
    Ok(staging)
}
