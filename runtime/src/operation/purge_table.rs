//! A table that was renamed away goes for good, with its rows: some time after the migration that renamed it
//! ([`super::drop_table`]), for which its owner wanted to wait.
//!
//! When that was, the ledger knows; the runner asks before it does anything. A table without rows need not wait: it is one that a
//! new database has never used.

use super::{Context, Draft, Refusal, Staging};
use crate::dialect::Dialect;
use crate::migration::{Assertion, Claim, Fact, Grace, LockMode, Stage, Step};
use crate::schema::{Dropped, Table};

/// For how long a table's rows stay if nothing is said, in hours.
const GRACE: u32 = 30 * 24;

pub(super) fn stage(context: &Context<'_>, table: &str) -> Result<Staging, Refusal> {
    let mut staging = Staging::default();
    let Some(dropped) = context.source.dropped.get(table) else { return Ok(staging) };
    if dropped.table.partitioned.is_some() && context.dialect == Dialect::Postgres {
        return Err((
            format!("table `{table}` is partitioned, and partitions that others have made would go with it"),
            format!(
                "drop it by a migration of your own, when you have looked at them: `cargo xtask generate --custom NAME`, \
                 DROP TABLE {}",
                context.ident(&dropped.name)
            ),
        ));
    }
    let hours = context.intents.grace_hours.unwrap_or(GRACE);
    staging.push(Stage::Expand, Step::Assertion(rows_stay(context, table, dropped, hours)));
    let stands = stands_on(context, table, &dropped.name);
    staging.push(Stage::Expand, Step::Assertion(stands.clone()));
    staging.push(Stage::Contract, Step::Assertion(stands));
    let mode = match context.dialect {
        Dialect::Postgres => LockMode::AccessExclusive,
        Dialect::MySql => LockMode::MdlExclusive,
    };
    let claim = Claim::none().lock(&dropped.name, mode);
    let fact = Fact::Table(dropped.name.clone()).negated();
    let comment = format!("The rows that were those of `{table}` are gone from here on.");
    let sql = format!("DROP TABLE {}", context.ident(&dropped.name));
    staging.push(Stage::Contract, Draft::new(comment, sql, claim, fact).last());
    if context.dialect == Dialect::Postgres {
        enums(context, table, dropped, &mut staging);
    }
    staging.warnings.push(format!(
        "`{}` goes with its rows {} after `{}` was contracted, and no sooner; until then it is brought back by renaming it",
        dropped.name,
        Grace::spelled(hours),
        dropped.migration
    ));
    Ok(staging)
}

fn rows_stay(context: &Context<'_>, table: &str, dropped: &Dropped, hours: u32) -> Assertion {
    Assertion {
        message: format!("the rows of `{table}`, which is `{}` now, stay for some time yet", dropped.name),
        sql: format!("SELECT 'rows' FROM {} LIMIT 1", context.ident(&dropped.name)),
        on_way_back: false,
        grace: Some(Grace { hours, since: dropped.migration.clone() }),
        line: 0,
    }
}

/// Finds foreign keys and views of others.
fn stands_on(context: &Context<'_>, table: &str, away: &str) -> Assertion {
    let literal = |text: &str| context.dialect.literal(text);
    let sql = match context.dialect {
        Dialect::Postgres => {
            let relation = format!("{}::regclass", literal(&context.ident(away)));
            format!(
                "SELECT 'foreign key', conname::text, conrelid::regclass::text FROM pg_constraint \
                 WHERE contype = 'f' AND confrelid = {relation} AND conrelid <> confrelid\n\
                 UNION ALL SELECT DISTINCT 'view', r.ev_class::regclass::text, '' FROM pg_depend d JOIN pg_rewrite r ON r.oid = d.objid \
                 WHERE d.classid = 'pg_rewrite'::regclass AND d.refobjid = {relation} AND r.ev_class <> d.refobjid"
            )
        }
        Dialect::MySql => format!(
            "SELECT DISTINCT 'foreign key', CONSTRAINT_NAME, TABLE_NAME FROM information_schema.KEY_COLUMN_USAGE \
             WHERE REFERENCED_TABLE_SCHEMA = DATABASE() AND REFERENCED_TABLE_NAME = {0} \
             AND (TABLE_SCHEMA <> DATABASE() OR TABLE_NAME <> {0})\n\
             UNION ALL SELECT 'view', TABLE_NAME, '' FROM information_schema.VIEWS WHERE TABLE_SCHEMA = DATABASE() \
             AND LOCATE({1}, VIEW_DEFINITION) > 0",
            literal(away),
            literal(&context.ident(away))
        ),
    };
    Assertion {
        message: format!("`{away}`, which was `{table}`, goes, and others stand on it: change or drop them first"),
        sql,
        on_way_back: false,
        grace: None,
        line: 0,
    }
}

/// Those that no other table has. Of several tables that go together, the last one takes along what they share.
fn enums(context: &Context<'_>, table: &str, dropped: &Dropped, staging: &mut Staging) {
    let stays = |name: &str| !context.intents.purged_tables.contains(name) || name > table;
    let away = context.source.dropped.iter().filter(|(name, _)| stays(name)).map(|(_, it)| &it.table);
    let others: Vec<&Table> =
        context.source.tables.values().chain(context.target.tables.values()).chain(away).collect();
    let names = |table: &Table, name: &str| {
        table.columns.iter().any(|it| it.ty.enumeration.as_ref().is_some_and(|it| it.name == name))
    };
    let mut own: Vec<&str> =
        dropped.table.columns.iter().filter_map(|it| Some(it.ty.enumeration.as_ref()?.name.as_str())).collect();
    own.sort_unstable();
    own.dedup();
    for name in own.into_iter().filter(|name| !others.iter().any(|it| names(it, name))) {
        let fact = Fact::Enum(name.to_owned()).negated();
        let sql = format!("DROP TYPE {}", context.ident(name));
        staging.push(Stage::Contract, Draft::new("No column has this type any more.", sql, Claim::none(), fact).last());
    }
}
