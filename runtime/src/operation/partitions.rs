//! What a partitioned table (PostgreSQL) needs beyond a plain one: work that reads rows goes through its partitions, one a
//! statement, so that each holds its lock, and keeps its snapshot, for no longer than one partition takes. The table's
//! own statement then finds nothing left to do.

use super::{Context, Draft};
use crate::dialect::Dialect;
use crate::migration::{Claim, Each, Fact, LockMode, PARTITION};

/// Whether the rows of this table of before are in partitions.
pub(super) fn is_partitioned(context: &Context<'_>, table: &str) -> bool {
    let before = context.source.tables.get(table);
    context.dialect == Dialect::Postgres && before.is_some_and(|it| it.partitioned.is_some())
}

/// The proof of a constraint that the table has: what of it is left, once each partition's own is proven.
pub(super) fn scans(context: &Context<'_>, table: &str, claim: Claim) -> Claim {
    if is_partitioned(context, table) { claim } else { claim.scan(table) }
}

/// The proof of a table's check for each partition, where it has any.
pub(super) fn proof(context: &Context<'_>, table: &str, constraint: &str) -> Option<Draft> {
    proof_until(context, table, constraint, Fact::Validated(PARTITION.to_owned(), constraint.to_owned()))
}

/// The same, done when this is so.
pub(super) fn proof_until(context: &Context<'_>, table: &str, constraint: &str, done: Fact) -> Option<Draft> {
    let (sql, claim) = validate(context, table, constraint)?;
    let comment = "Each partition by itself; reads and writes go on.";
    let draft = Draft::new(comment, sql, claim, done).each(Each::partition_of(table));
    Some(draft.undo_nothing("a proof does no harm"))
}

/// The same as part of a way back.
pub(super) fn undo_by_proof(context: &Context<'_>, draft: Draft, table: &str, constraint: &str) -> Draft {
    match validate(context, table, constraint) {
        Some((sql, claim)) => draft
            .undo_until(sql, claim, Fact::Validated(PARTITION.to_owned(), constraint.to_owned()), true)
            .undo_each(Each::partition_of(table)),
        None => draft,
    }
}

fn validate(context: &Context<'_>, table: &str, constraint: &str) -> Option<(String, Claim)> {
    let sql = format!("ALTER TABLE {} VALIDATE CONSTRAINT {}", context.ident(PARTITION), context.ident(constraint));
    let claim = Claim::none().lock(PARTITION, LockMode::ShareUpdateExclusive).scan(PARTITION);
    is_partitioned(context, table).then_some((sql, claim))
}
