//! How a table of PostgreSQL is kept from growing while it is filled.

use super::super::event::Event;
use super::super::{ExecError, Session};
use super::BackfillOptions;
use super::team::Team;
use crate::dialect::Dialect;
use crate::migration::{Backfill, Walk, WalkBy};

/// After which share of the table it is vacuumed: each VACUUM reads all indexes.
const SLICES: f64 = 10.0;

/// Into how many passes pages are divided. At 4 the heap grows by a third, and each index doubles, since three quarters
/// of the rows find no room in their page at first; at 8 the few new entries fit into what the leaves have free.
pub(super) async fn passes(
    session: &mut Session,
    backfill: &Backfill,
    walk: &Walk,
    options: &BackfillOptions,
) -> Result<u32, ExecError> {
    if matches!(walk.by, WalkBy::Keys(_)) {
        return Ok(1);
    }
    if let Some(passes) = options.passes {
        return Ok(passes.clamp(1, 64).next_power_of_two());
    }
    let sql = format!(
        "SELECT CASE WHEN count(*) > 2 OR coalesce(sum(pg_relation_size(indexrelid)), 0) > pg_relation_size(t.oid) / 2 \
         THEN 8 ELSE 4 END FROM (SELECT to_regclass({})::oid AS oid) AS t LEFT JOIN pg_index x ON x.indrelid = t.oid GROUP BY t.oid",
        Dialect::Postgres.literal(&Dialect::Postgres.ident(&backfill.table))
    );
    let found = session.value(&sql).await.map_err(ExecError::server("looking at the table's indexes"))?;
    Ok(if options.disk_short || found.as_deref() == Some("8") { 8 } else { 4 })
}

/// Tells what makes the fill slower than it need be: an index on the column takes part in every update.
pub(super) async fn notice(session: &mut Session, team: &Team<'_>) -> Result<(), ExecError> {
    let (table, column) = (&team.backfill.table, &team.backfill.column);
    let literal = |text: &str| Dialect::Postgres.literal(text);
    let sql = format!(
        "SELECT i.relname FROM pg_index x JOIN pg_class i ON i.oid = x.indexrelid JOIN pg_attribute a ON a.attrelid = x.indrelid \
         AND a.attnum = ANY (x.indkey) WHERE x.indrelid = to_regclass({})::oid AND a.attname = {} ORDER BY 1",
        literal(&Dialect::Postgres.ident(table)),
        literal(column)
    );
    let found = session.rows(&sql).await.map_err(ExecError::server(team.doing()))?;
    for index in found.into_iter().flatten().flatten() {
        team.tell(&Event::Notice {
            message: format!(
                "index `{index}` is on `{table}.{column}`, which is being filled: every row writes an entry into every index; \
                 an index that is made after the fill costs a third of that"
            ),
        });
    }
    Ok(())
}

/// Vacuums the table when another tenth of it is filled, unless somebody else does: what died there makes room for the
/// next. Who works on the table already, as autovacuum does, is not waited for.
pub(super) async fn vacuum(session: &mut Session, team: &Team<'_>) -> Result<(), ExecError> {
    let Some(now) = team.store().now(session, None).await? else { return Ok(()) };
    let slice = (now.position() * SLICES) as u32;
    let sql = format!(
        "UPDATE pontoon_backfill SET vacuumed = {slice} WHERE backfill = {} AND round = {} AND vacuumed < {slice}",
        Dialect::Postgres.literal(team.key),
        now.round
    );
    let doing = || ExecError::server(team.doing());
    if session.execute(&sql).await.map_err(doing())? == 0 {
        return Ok(());
    }
    let sql = format!(
        "VACUUM (INDEX_CLEANUP ON, TRUNCATE OFF, SKIP_LOCKED) {}",
        Dialect::Postgres.ident(&team.backfill.table)
    );
    session.execute(&sql).await.map_err(doing()).map(drop)
}
