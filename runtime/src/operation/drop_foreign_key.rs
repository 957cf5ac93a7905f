//! A foreign key goes. In contract, since old code may rely on its cascades. Locks the other
//! table as well.

use super::{Context, Draft, Staging};
use crate::dialect::{Dialect, mysql};
use crate::migration::{Algorithm, Claim, Fact, LockMode, Stage};

pub(super) fn stage(context: &Context<'_>, table: &str, name: &str) -> Staging {
    let mut staging = Staging::default();
    let parent = &context.source.tables[table].foreign_keys[name].references;
    let fact = Fact::Constraint(table.to_owned(), name.to_owned()).negated();
    let (sql, claim) = match context.dialect {
        Dialect::Postgres => (
            format!("ALTER TABLE {} DROP CONSTRAINT {}", context.ident(table), context.ident(name)),
            Claim::none().lock(table, LockMode::AccessExclusive).lock(parent, LockMode::AccessExclusive),
        ),
        Dialect::MySql => (
            mysql::ddl::alter(
                table,
                &format!("DROP FOREIGN KEY {}", context.ident(name)),
                "ALGORITHM=INPLACE, LOCK=NONE",
            ),
            context.mysql_alter(Stage::Contract, table, Algorithm::Inplace).lock(parent, LockMode::MdlExclusive),
        ),
    };
    staging.push(Stage::Contract, Draft::new("", sql, claim, fact).last());
    staging.warnings.push(format!("until contract, foreign key `{name}` of `{table}` still binds new code"));
    staging
}
