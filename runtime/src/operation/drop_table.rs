//! A table goes. In contract, when no code reads or writes it any more, and not for good: it is
//! renamed away, its rows stay, and to bring it back is to rename it again. It goes for good by another migration
//! ([`super::purge_table`]), when nobody has missed it for as long as its owner wants to wait.

use super::{Context, Draft, Staging};
use crate::dialect::Dialect;
use crate::migration::{Claim, Fact, LockMode, Stage};
use crate::schema::limited;

/// What a dropped table is called as long as it keeps its rows.
pub(crate) fn renamed_away(table: &str) -> String {
    limited(&format!("pontoon_dropped_{table}"))
}

pub(super) fn stage(context: &Context<'_>, table: &str) -> Staging {
    let mut staging = Staging::default();
    let away = renamed_away(table);
    let [from, to] = [table, away.as_str()].map(|it| context.ident(it));
    let (sql, mode) = match context.dialect {
        Dialect::Postgres => (format!("ALTER TABLE {from} RENAME TO {to}"), LockMode::AccessExclusive),
        Dialect::MySql => (format!("RENAME TABLE {from} TO {to}"), LockMode::MdlExclusive),
    };
    let claim = Claim::none().lock(table, mode);
    let comment = "Nothing is lost: renamed back, it is there again.";
    staging.push(Stage::Contract, Draft::new(comment, sql, claim, Fact::Table(table.to_owned()).negated()).last());
    staging.warnings.push(format!(
        "contract renames table `{table}` to `{away}` and keeps its rows; when nobody has missed it, a later migration drops \
         it: `cargo xtask generate --purge-table {table}`"
    ));
    staging
}
