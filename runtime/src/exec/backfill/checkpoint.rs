//! How far a backfill is.

use super::super::{ExecError, Session};
use crate::dialect::Dialect;

/// A row of `pontoon_checkpoint`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Checkpoint {
    /// Where the next batch begins, as the walk writes it.
    pub(super) place: String,
    /// Where the walk ends, fixed at its start.
    pub(super) bound: String,
    pub(super) rows_filled: u64,
}

impl Checkpoint {
    pub(super) async fn read(session: &mut Session, key: &str) -> Result<Option<Self>, ExecError> {
        let dialect = session.dialect();
        let sql = format!(
            "SELECT place, bound, CAST(rows_filled AS {}) FROM pontoon_checkpoint WHERE backfill = {}",
            if dialect == Dialect::Postgres { "text" } else { "char" },
            dialect.literal(key)
        );
        let rows = session.rows(&sql).await.map_err(ExecError::server("reading pontoon_checkpoint"))?;
        Ok(rows.into_iter().next().map(|row| {
            let mut texts = row.into_iter().map(Option::unwrap_or_default);
            let mut next = || texts.next().unwrap_or_default();
            Self { place: next(), bound: next(), rows_filled: next().parse().unwrap_or_default() }
        }))
    }

    /// The statement that writes it, for the transaction of the batch.
    pub(super) fn write_sql(&self, dialect: Dialect, key: &str) -> String {
        let [key, place, bound] = [key, &self.place, &self.bound].map(|it| dialect.literal(it));
        let rows = self.rows_filled;
        match dialect {
            Dialect::Postgres => format!(
                "INSERT INTO pontoon_checkpoint (backfill, place, bound, rows_filled) VALUES ({key}, {place}, {bound}, {rows}) \
                 ON CONFLICT (backfill) DO UPDATE SET place = excluded.place, bound = excluded.bound, \
                 rows_filled = excluded.rows_filled, at = clock_timestamp()"
            ),
            Dialect::MySql => format!(
                "INSERT INTO pontoon_checkpoint (backfill, place, bound, rows_filled) VALUES ({key}, {place}, {bound}, {rows}) \
                 AS new ON DUPLICATE KEY UPDATE place = new.place, bound = new.bound, rows_filled = new.rows_filled, \
                 at = CURRENT_TIMESTAMP(6)"
            ),
        }
    }
}
