//! A new index, built while reads and writes go on. In validate, so that a column is filled
//! before it is indexed: an index that is there costs every batch of a backfill.

use super::{Context, Draft, Staging, until_contract};
use crate::dialect::{Dialect, mysql, postgres};
use crate::migration::{Algorithm, Claim, Fact, LockMode, Stage};
use crate::schema::Index;

pub(super) fn stage(context: &Context<'_>, table: &str, name: &str, replaces: bool) -> Staging {
    let mut staging = Staging::default();
    let index = &context.table(table).indexes[name];
    let name = if replaces { until_contract(name) } else { name.to_owned() };
    staging.push(Stage::Validate, draft(context, table, &name, index).step());
    staging
}

/// The statement, in validate.
pub(super) fn draft(context: &Context<'_>, table: &str, name: &str, index: &Index) -> Draft {
    let fact = Fact::Index(table.to_owned(), name.to_owned());
    let comment = "Reads the whole table; reads and writes go on.";
    match context.dialect {
        Dialect::Postgres => {
            let claim = Claim::none().lock(table, LockMode::ShareUpdateExclusive);
            Draft::new(comment, postgres::ddl::create_index(table, name, index, true), claim.clone().scan(table), fact)
                .alone()
                .undo_alone(format!("DROP INDEX CONCURRENTLY {}", context.ident(name)), claim)
        }
        Dialect::MySql => {
            let how = "ALGORITHM=INPLACE, LOCK=NONE";
            let claim = context.mysql_alter(Stage::Validate, table, Algorithm::Inplace);
            let add = mysql::ddl::alter(table, &format!("ADD {}", mysql::ddl::index(name, index)), how);
            let drop = mysql::ddl::alter(table, &format!("DROP INDEX {}", context.ident(name)), how);
            Draft::new(comment, add, claim.clone().scan(table), fact).undo(drop, claim)
        }
    }
}
