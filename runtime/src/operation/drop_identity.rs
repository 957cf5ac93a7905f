//! The server numbers a column no longer. In contract, since old code leaves the column out until then.
//!
//! New code gives numbers of its own before that, and old code's must not run into them: on PostgreSQL a trigger lets the
//! sequence follow ([`super::set_identity`]), InnoDB does so by itself. PostgreSQL then changes its catalog; MySQL copies the table, in
//! every version.

use super::set_identity::{follow, is_numbered, mysql_modify, nothing_over};
use super::{Context, Draft, Refusal, Staging, copy};
use crate::dialect::Dialect;
use crate::migration::{Claim, LockMode, Stage};

pub(super) fn stage(context: &Context<'_>, table: &str, column: &str) -> Result<Staging, Refusal> {
    let mut staging = Staging::default();
    let table = context.table(table);
    let Some(column) = table.column(column) else { return Ok(staging) };
    let (name, column_name) = (&table.name, &column.name);
    match context.dialect {
        Dialect::Postgres => {
            let triggers = follow(context, table, column);
            triggers.install(context, &mut staging);
            let [table_sql, column_sql] = [name, column_name].map(|it| context.ident(it));
            let sql = format!("ALTER TABLE {table_sql} ALTER COLUMN {column_sql} DROP IDENTITY");
            let claim = Claim::none().lock(name, LockMode::AccessExclusive);
            let fact = is_numbered(context, name, column_name).negated();
            let draft = Draft::new("All code gives the column a number now.", sql, claim, fact);
            staging.push(Stage::Contract, draft.last());
            triggers.remove(context, &mut staging);
        }
        Dialect::MySql => {
            let effect = format!(
                "`{name}.{column_name}` is numbered no longer, which copies the table, and writers wait for the whole copy"
            );
            copy::allowed(context, Stage::Contract, name, &effect, &mut staging)?;
            let help = "add that in a migration after this one";
            nothing_over(context.target, [name, column_name], "is numbered until contract", help)?;
            staging.push(Stage::Contract, mysql_modify(context, Stage::Contract, table, column, false).last());
        }
    }
    staging.warnings.push(format!(
        "until contract the server goes on numbering `{name}.{column_name}` for old code, above whatever new code gives: new code's own \
         numbers must not be those next to the greatest"
    ));
    Ok(staging)
}
