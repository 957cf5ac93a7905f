//! How far fills are, for all their workers together, without counting a row.

use super::super::lock::worker_is_gone;
use super::super::{ExecError, Session};
use super::store::{Store, now};
use crate::dialect::Dialect;
use std::time::Duration;

/// How far a fill is that is not complete.
#[derive(Debug, Clone, PartialEq)]
pub struct Progress {
    /// The migration, and behind a `/` the step, counted from 0.
    pub key: String,
    /// The table.
    pub table: String,
    /// The column.
    pub column: String,
    /// Rows filled so far.
    pub rows: u64,
    /// How much of the table is behind us, from 0 to 1.
    pub position: f64,
    /// Workers that are alive, wherever they are.
    pub workers: u64,
    /// Rows a second, of all of them.
    pub rows_per_second: f64,
    /// Seconds to go, as far as that can be known.
    pub eta_seconds: Option<f64>,
}

/// All fills that are not complete.
pub(in crate::exec) async fn progress(session: &mut Session) -> Result<Vec<Progress>, ExecError> {
    let doing = || ExecError::server("reading pontoon_backfill");
    let sql =
        "SELECT backfill, table_name, column_name FROM pontoon_backfill WHERE state = 'filling' ORDER BY backfill";
    let rows = session.rows(sql).await.map_err(doing())?;
    let mut all = Vec::new();
    for row in rows {
        let [Some(key), Some(table), Some(column)] = &row[..] else { continue };
        let store = Store { key, lease: Duration::ZERO };
        let Some(found) = store.now(session, None).await? else { continue };
        let (workers, rows_per_second) = alive(session, key).await?;
        let position = found.position();
        let left = found.rows_filled as f64 / position * (1.0 - position);
        all.push(Progress {
            key: key.clone(),
            table: table.clone(),
            column: column.clone(),
            rows: found.rows_filled,
            position,
            workers,
            rows_per_second,
            eta_seconds: (position > 0.01 && rows_per_second > 0.0).then(|| left / rows_per_second),
        });
    }
    Ok(all)
}

async fn alive(session: &mut Session, key: &str) -> Result<(u64, f64), ExecError> {
    let dialect = session.dialect();
    let double = if dialect == Dialect::Postgres { "double precision" } else { "double" };
    let sql = format!(
        "SELECT count(*), CAST(COALESCE(sum(rows_per_second), 0) AS {double}) FROM pontoon_range r WHERE r.backfill = {} \
         AND r.lease_until >= {} AND NOT ({})",
        dialect.literal(key),
        now(dialect),
        worker_is_gone(dialect, "r.worker")
    );
    let rows = session.rows(&sql).await.map_err(ExecError::server("reading pontoon_range"))?;
    let number = |at: usize| rows.first().and_then(|row| row.get(at)?.as_ref()?.parse::<f64>().ok()).unwrap_or(0.0);
    Ok((number(0) as u64, number(1)))
}

/// Whether a fill was begun and is not complete.
pub(in crate::exec) async fn is_filling(session: &mut Session, key: &str) -> Result<bool, ExecError> {
    let store = Store { key, lease: Duration::ZERO };
    Ok(store.now(session, None).await?.is_some_and(|it| !it.complete))
}
