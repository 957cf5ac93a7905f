//! An index goes. In contract, since old code may be slow without it, or (a unique one) need it
//! for its upserts.

use super::{Context, Draft, Staging, until_contract};
use crate::dialect::{Dialect, mysql};
use crate::migration::{Algorithm, Claim, Fact, LockMode, Stage};

pub(super) fn stage(context: &Context<'_>, table: &str, name: &str, replaced: bool) -> Staging {
    let mut staging = Staging::default();
    staging.push(Stage::Contract, draft(context, table, name).last());
    if replaced {
        staging.push(Stage::Contract, take_name(context, table, name).last());
    }
    if context.source.tables[table].indexes[name].unique {
        staging.warnings.push(format!("until contract, unique index `{name}` of `{table}` still binds new code"));
    }
    staging
}

/// The statement, in contract.
pub(super) fn draft(context: &Context<'_>, table: &str, name: &str) -> Draft {
    let fact = Fact::Index(table.to_owned(), name.to_owned()).negated();
    match context.dialect {
        Dialect::Postgres => {
            let claim = Claim::none().lock(table, LockMode::ShareUpdateExclusive);
            let sql = format!("DROP INDEX CONCURRENTLY {}", context.ident(name));
            Draft::new("", sql, claim, fact).alone()
        }
        Dialect::MySql => {
            let what = format!("DROP INDEX {}", context.ident(name));
            let sql = mysql::ddl::alter(table, &what, "ALGORITHM=INPLACE, LOCK=NONE");
            Draft::new("", sql, context.mysql_alter(Stage::Contract, table, Algorithm::Inplace), fact)
        }
    }
}

/// The index that replaces it gets its name.
fn take_name(context: &Context<'_>, table: &str, name: &str) -> Draft {
    let [from, to] = [&until_contract(name), name].map(|it| context.ident(it));
    let fact = Fact::Index(table.to_owned(), name.to_owned());
    match context.dialect {
        Dialect::Postgres => Draft::new("", format!("ALTER INDEX {from} RENAME TO {to}"), Claim::none(), fact),
        Dialect::MySql => {
            let how = "ALGORITHM=INPLACE, LOCK=NONE";
            let sql = mysql::ddl::alter(table, &format!("RENAME INDEX {from} TO {to}"), how);
            Draft::new("", sql, context.mysql_alter(Stage::Contract, table, Algorithm::Inplace), fact)
        }
    }
}
