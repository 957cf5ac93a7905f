//! A partition leaves its table. In contract, when no code reads its rows there any more; it is a plain table then, with
//! all that is in it.
//!
//! From PostgreSQL 14 on that closes only the partition itself, and for a moment. It is two transactions with a wait
//! between, so it can be cut off: then the partition is on its way, and what was begun is ended. Older servers, and
//! tables with a default partition, know one way alone, which closes the table for a moment.

use std::collections::BTreeSet;

use super::{Context, Draft, Staging};
use crate::dialect::Dialect;
use crate::migration::{Claim, Fact, LockMode, ServerVersion, Servers, Stage};

/// From which version on it can be done concurrently.
const CONCURRENTLY: ServerVersion = ServerVersion([14, 0, 0]);

pub(super) fn stage(context: &Context<'_>, table: &str, partition: &str) -> Staging {
    let mut staging = Staging::default();
    let before = &context.source.tables[table];
    if context.dialect != Dialect::Postgres || before.partitioned.is_none() {
        return staging;
    }
    let [table_sql, partition_sql] = [table, partition].map(|it| context.ident(it));
    let [table_text, partition_text] = [&table_sql, &partition_sql].map(|it| context.dialect.literal(it));
    let parents: BTreeSet<_> = before.foreign_keys.values().map(|it| &it.references).collect();
    let with_parents =
        |claim: Claim| parents.iter().fold(claim, |it, parent| it.lock(parent, LockMode::ShareRowExclusive));
    let detach = |how: &str| format!("ALTER TABLE {table_sql} DETACH PARTITION {partition_sql}{how}");
    let alone = || {
        let claim = Claim::none().lock(table, LockMode::ShareUpdateExclusive);
        with_parents(claim.lock(partition, LockMode::AccessExclusive))
    };
    let is = |make: fn(String, String) -> Fact| make(table.to_owned(), partition.to_owned());
    let in_the_way = format!(
        "SELECT 1 FROM pg_partitioned_table WHERE partrelid = {table_text}::regclass AND partdefid <> 0 \
         UNION ALL SELECT 1 WHERE NOT EXISTS (SELECT FROM pg_inherits WHERE inhparent = {table_text}::regclass \
         AND inhrelid = to_regclass({partition_text}))"
    );
    let draft = Draft::new(
        "Waits until nobody reads the table as it was; where it has a default partition, it cannot be done this way.",
        detach(" CONCURRENTLY"),
        alone(),
        is(Fact::Partition).negated(),
    );
    let draft = draft.alone().on(Servers::from(CONCURRENTLY)).unless(Fact::Query(in_the_way));
    staging.push(Stage::Contract, draft.last());
    let draft = Draft::new("Ends what was cut off.", detach(" FINALIZE"), alone(), is(Fact::Detaching).negated());
    let draft = draft.on(Servers::from(CONCURRENTLY)).unless(is(Fact::Detaching).negated());
    staging.push(Stage::Contract, draft.last());
    let draft = Draft::new(
        "The other way, which closes the table for a moment.",
        detach(""),
        with_parents(Claim::none().lock(table, LockMode::AccessExclusive)),
        is(Fact::Partition).negated(),
    );
    staging.push(Stage::Contract, draft.unless(is(Fact::Partition).negated()).last());
    staging.warnings.push(format!(
        "contract takes partition `{partition}` out of `{table}`; it stays as a table, with its rows, until somebody drops it"
    ));
    staging
}
