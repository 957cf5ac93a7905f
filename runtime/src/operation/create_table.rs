//! A new table, with its keys, indexes, checks and foreign keys.
//!
//! Nobody reads or writes it yet, so nothing here lasts. A foreign key takes a lock on the
//! table it refers to: for a moment, since there is no row to check.
//!
//! Partitions that the struct lists come after the indexes, which they take over from the table.
//! Not one of them is a table of its own to Pontoon: others make more of them, and take them away.

use std::collections::BTreeSet;

use super::{Context, Draft, Refusal, Staging};
use crate::dialect::{Dialect, mysql, postgres};
use crate::migration::{Claim, Extent, Fact, LockMode, Stage};
use crate::schema::{Bounds, Table};

pub(super) fn stage(context: &Context<'_>, name: &str, deferred: &BTreeSet<String>) -> Result<Staging, Refusal> {
    let table = context.table(name);
    let partitions = partitions(context, table)?;
    let keys: Vec<_> = table.foreign_keys.iter().filter(|(key, _)| !deferred.contains(*key)).collect();
    let parents: BTreeSet<&str> =
        keys.iter().map(|(_, key)| key.references.as_str()).filter(|parent| *parent != name).collect();
    let (sql, on_create, on_drop) = match context.dialect {
        Dialect::Postgres => {
            (postgres::ddl::create_table(table, &keys), LockMode::ShareRowExclusive, LockMode::AccessExclusive)
        }
        Dialect::MySql => (mysql::ddl::create_table(table, &keys), LockMode::MdlExclusive, LockMode::MdlExclusive),
    };
    let parents_locked = |claim: Claim, mode| parents.iter().fold(claim, |claim, parent| claim.lock(parent, mode));

    let mut staging = Staging::default();
    let draft = Draft::new(
        format!("A new table, `{name}`."),
        sql,
        parents_locked(Claim::none(), on_create),
        Fact::Table(name.to_owned()),
    )
    .undo(
        format!("DROP TABLE {}", context.ident(name)),
        parents_locked(
            partitions.iter().fold(Claim::none().lock(name, on_drop), |it, (part, _)| it.lock(part, on_drop)),
            on_drop,
        ),
    );
    staging.push(Stage::Expand, draft.step());

    // MySQL has the indexes in its CREATE TABLE
    if context.dialect == Dialect::Postgres {
        for (index_name, index) in table.indexes.iter().filter(|(_, it)| it.is_for(context.dialect)) {
            let draft = Draft::new(
                "",
                postgres::ddl::create_index(name, index_name, index, false),
                Claim::none().lock(name, LockMode::Share).blocking(Extent::No, Extent::Brief),
                Fact::Index(name.to_owned(), index_name.clone()),
            )
            .undo_nothing("it goes with its table");
            staging.push(Stage::Expand, draft.step());
        }
    }
    for (partition, bounds) in partitions {
        let draft = Draft::new(
            "",
            postgres::ddl::create_partition(name, partition, bounds),
            parents_locked(Claim::none().lock(name, LockMode::AccessExclusive), on_create),
            Fact::Partition(name.to_owned(), partition.clone()),
        )
        .undo_nothing("it goes with its table");
        staging.push(Stage::Expand, draft.step());
    }
    Ok(staging)
}

/// The partitions that are made with the table: none where it is a plain one.
fn partitions<'a>(context: &Context<'_>, table: &'a Table) -> Result<Vec<(&'a String, &'a Bounds)>, Refusal> {
    match (&table.partitioned, context.dialect) {
        (None, _) => Ok(Vec::new()),
        (Some(it), Dialect::Postgres) => {
            let attached = |name: &String| context.intents.attached.contains(&(table.name.clone(), name.clone()));
            Ok(it.partitions.iter().filter(|(name, _)| !attached(name)).collect())
        }
        (Some(it), Dialect::MySql) if it.postgres_only => Ok(Vec::new()),
        (Some(_), Dialect::MySql) => Err((
            format!("table `{}` is partitioned, and Pontoon partitions no table on MySQL", table.name),
            "say that MySQL has a plain table: `partition_by(..., only = \"postgres\")`".to_owned(),
        )),
    }
}
