//! What the workers of a fill share, in the database itself: so they may be in one process or on many machines.
//!
//! `pontoon_backfill` has a row for each fill: where its walk ends, which was fixed at the start, and how much of it
//! was dealt. `pontoon_range` has a row for each range that was dealt and is not walked to its end: who has it,
//! until when, and where its next batch begins, which commits with the batch. A range whose worker is dead, or has not
//! been heard of until its lease ended (by the server's clock), is another's for the taking; its `fence` then is
//! another number, and what the first one still sends does not commit.

use std::time::Duration;

use super::super::lock::worker_is_gone;
use super::super::session::Row;
use super::super::{ExecError, Session};
use super::control::Control;
use crate::dialect::Dialect;
use crate::migration::Backfill;

/// A fill as it is now.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Now {
    /// How often the walk began. It begins anew where rows were left, or moved without triggers.
    pub(super) round: i64,
    pub(super) complete: bool,
    /// Blocks: the table's file node at the round's start. Keys: the first key then.
    pub(super) base: String,
    /// Where the next range begins; nothing when all are dealt.
    pub(super) next: Option<String>,
    pub(super) bound: String,
    /// How large a range is, in units: blocks, or rows.
    pub(super) share: u64,
    /// How large the table is, in units; a guess for keys.
    units: f64,
    dealt: i64,
    dealt_units: f64,
    done_units: f64,
    pub(super) rows_filled: u64,
    /// Rows that functions of all workers gave no value.
    pub(super) declined: u64,
    /// Ranges that were dealt and are not walked to their end.
    pub(super) ranges: u64,
    pub(super) control: Control,
    /// Blocks: the table's file node.
    pub(super) filenode: Option<String>,
}

/// A round to begin.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Round {
    pub(super) base: String,
    /// Nothing for a table without rows.
    pub(super) next: Option<String>,
    pub(super) bound: String,
    pub(super) share: u64,
    pub(super) units: f64,
}

/// A range that a worker has.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Range {
    pub(super) number: i64,
    pub(super) fence: i64,
    pub(super) round: i64,
    pub(super) first: String,
    pub(super) last: String,
    /// Where its next batch begins.
    pub(super) place: String,
    pub(super) units: f64,
    /// How many of them are behind it.
    pub(super) done_units: f64,
    /// Whose it was.
    pub(super) taken_from: Option<String>,
}

/// A range to be dealt.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Deal {
    pub(super) first: String,
    pub(super) last: String,
    pub(super) place: String,
    pub(super) units: f64,
    /// Where the one behind it begins.
    pub(super) next: Option<String>,
}

impl Now {
    /// How much of the table is behind us, from 0 to 1.
    pub(super) fn position(&self) -> f64 {
        if self.complete || (self.next.is_none() && self.ranges == 0) {
            return 1.0;
        }
        // of keys that are numbers it is known where the next range begins; else the units are counted
        let dealt = match &self.next {
            None => 1.0,
            Some(_) => super::keys::dealt(self).unwrap_or_else(|| (self.dealt_units / self.units.max(1.0)).min(0.99)),
        };
        let walked = if self.dealt_units > 0.0 { (self.done_units / self.dealt_units).min(1.0) } else { 0.0 };
        (dealt * walked).min(0.999)
    }

    fn read(row: &Row) -> Option<Self> {
        let text = |at: usize| row.get(at).cloned().flatten();
        let int = |at: usize| text(at).and_then(|it| it.parse::<i64>().ok());
        let float = |at: usize| text(at).and_then(|it| it.parse::<f64>().ok());
        let count = |at: usize| int(at).and_then(|it| u64::try_from(it).ok());
        Some(Self {
            round: int(1)?,
            complete: text(2)? == COMPLETE,
            base: text(3)?,
            next: text(4),
            bound: text(5)?,
            share: count(6)?,
            units: float(7)?,
            dealt: int(8)?,
            dealt_units: float(9)?,
            done_units: float(10)?,
            rows_filled: count(11)?,
            declined: count(12)?,
            ranges: count(13)?,
            control: Control::read(row.get(14..)?),
            filenode: text(14 + Control::COLUMNS),
        })
    }

    /// Finds it among the rows of an answer.
    pub(super) fn among(rows: &[Row]) -> Option<Self> {
        rows.iter().find(|row| row.first().is_some_and(|tag| tag.as_deref() == Some("now"))).and_then(Self::read)
    }
}

const FILLING: &str = "filling";
const COMPLETE: &str = "complete";

/// How the fill is, in one row; `table` where its file node is asked as well.
pub(super) fn question(dialect: Dialect, key: &str, table: Option<&str>) -> String {
    let literal = dialect.literal(key);
    let filenode = match table {
        Some(table) => {
            format!("pg_relation_filenode(to_regclass({})::oid)", dialect.literal(&dialect.ident(table)))
        }
        None => "NULL".to_owned(),
    };
    format!(
        "SELECT 'now', p.round, p.state, p.base, p.next, p.bound, p.share, p.units, p.dealt, p.dealt_units, \
         p.done_units + COALESCE(r.done, 0), p.rows_filled + COALESCE(r.filled, 0), p.declined, COALESCE(r.ranges, 0), \
         {}, {filenode} FROM pontoon_backfill p LEFT JOIN pontoon_control c ON c.only_row = 1 \
         LEFT JOIN (SELECT sum(done_units) AS done, sum(rows_filled) AS filled, count(*) AS ranges FROM pontoon_range \
         WHERE backfill = {literal}) r ON 1 = 1 WHERE p.backfill = {literal}",
        Control::SELECTED
    )
}

/// The fill of this key, and the statements on its rows.
#[derive(Debug, Clone, Copy)]
pub(super) struct Store<'a> {
    pub(super) key: &'a str,
    pub(super) lease: Duration,
}

impl Store<'_> {
    pub(super) async fn now(&self, session: &mut Session, table: Option<&str>) -> Result<Option<Now>, ExecError> {
        let sql = question(session.dialect(), self.key, table);
        let rows = session.rows(&sql).await.map_err(ExecError::server("reading pontoon_backfill"))?;
        Ok(Now::among(&rows))
    }

    /// Begins a round, if the fill is still as it was found: not there, or at that round.
    pub(super) async fn begin(
        &self,
        session: &mut Session,
        backfill: &Backfill,
        before: Option<i64>,
        round: &Round,
    ) -> Result<(), ExecError> {
        let dialect = session.dialect();
        let literal = |text: &str| dialect.literal(text);
        let (key, base, bound) = (literal(self.key), literal(&round.base), literal(&round.bound));
        let next = round.next.as_deref().map_or_else(|| "NULL".to_owned(), literal);
        let (share, units) = (round.share, round.units);
        let statements = match before {
            None => {
                let (table, column) = (literal(&backfill.table), literal(&backfill.column));
                let ignore = match dialect {
                    Dialect::Postgres => "ON CONFLICT (backfill) DO NOTHING",
                    Dialect::MySql => "ON DUPLICATE KEY UPDATE backfill = pontoon_backfill.backfill",
                };
                vec![format!(
                    "INSERT INTO pontoon_backfill (backfill, table_name, column_name, round, state, base, next, bound, share, \
                     units, dealt, dealt_units, done_units, rows_filled, declined) VALUES ({key}, {table}, {column}, 1, \
                     '{FILLING}', {base}, {next}, {bound}, {share}, {units:e}, 0, 0, 0, 0, 0) {ignore}"
                )]
            }
            // what the ranges of the round before have filled stays counted; whoever has one does not commit any more
            Some(before) => vec![
                format!(
                    "UPDATE pontoon_backfill SET round = round + 1, state = '{FILLING}', base = {base}, next = {next}, \
                     bound = {bound}, share = {share}, units = {units:e}, dealt_units = 0, done_units = 0, declined = 0, \
                     vacuumed = 0, rows_filled = rows_filled + COALESCE((SELECT sum(rows_filled) FROM pontoon_range \
                     WHERE backfill = {key} AND round <= {before}), 0), at = {} WHERE backfill = {key} AND round = {before}",
                    now(dialect)
                ),
                format!("DELETE FROM pontoon_range WHERE backfill = {key} AND round <= {before}"),
            ],
        };
        let doing = || ExecError::server("beginning a round of a backfill");
        self.ranges_stand_still(session).await?;
        for sql in &statements {
            if let Err(error) = session.execute(sql).await {
                session.execute("ROLLBACK").await.ok();
                return Err(doing()(error));
            }
        }
        session.execute("COMMIT").await.map_err(doing()).map(drop)
    }

    /// Opens a transaction in which no range's batch commits.
    async fn ranges_stand_still(&self, session: &mut Session) -> Result<(), ExecError> {
        let key = session.dialect().literal(self.key);
        let sql = format!("BEGIN; SELECT number FROM pontoon_range WHERE backfill = {key} FOR UPDATE");
        session.rows(&sql).await.map_err(ExecError::server("looking at the ranges of a backfill")).map(drop)
    }

    pub(super) async fn complete(&self, session: &mut Session, round: i64) -> Result<(), ExecError> {
        let sql = format!(
            "UPDATE pontoon_backfill SET state = '{COMPLETE}', at = {} WHERE backfill = {} AND round = {round}",
            now(session.dialect()),
            session.dialect().literal(self.key)
        );
        session.execute(&sql).await.map_err(ExecError::server("writing pontoon_backfill")).map(drop)
    }

    /// A range whose worker is dead or has let its lease end.
    pub(super) async fn take_over(&self, session: &mut Session, worker: &str) -> Result<Option<Range>, ExecError> {
        let dialect = session.dialect();
        let key = dialect.literal(self.key);
        let sql = format!(
            "BEGIN; SELECT r.number, r.fence, r.round, r.first, r.last, r.place, r.units, r.done_units, r.worker FROM pontoon_range r \
             WHERE r.backfill = {key} AND (r.lease_until < {} OR {}) ORDER BY r.number LIMIT 1 FOR UPDATE OF r SKIP LOCKED",
            now(dialect),
            worker_is_gone(dialect, "r.worker")
        );
        let doing = || ExecError::server("taking over a range of a backfill");
        let rows = session.rows(&sql).await.map_err(doing())?;
        let Some(mut range) = rows.first().and_then(Range::read) else {
            session.execute("ROLLBACK").await.map_err(doing())?;
            return Ok(None);
        };
        range.fence += 1;
        let sql = format!(
            "UPDATE pontoon_range SET fence = {}, worker = {}, lease_until = {} WHERE backfill = {key} AND number = {}; COMMIT",
            range.fence,
            dialect.literal(worker),
            self.lease_until(dialect),
            range.number
        );
        session.execute(&sql).await.map_err(doing())?;
        Ok(Some(range))
    }

    /// Deals a range, if nobody has dealt one since.
    pub(super) async fn deal(
        &self,
        session: &mut Session,
        worker: &str,
        found: &Now,
        deal: &Deal,
    ) -> Result<Option<Range>, ExecError> {
        let dialect = session.dialect();
        let literal = |text: &str| dialect.literal(text);
        let Deal { first, last, place, units, next } = deal;
        let next = next.as_deref().map_or_else(|| "NULL".to_owned(), literal);
        let (round, number) = (found.round, found.dealt + 1);
        let doing = || ExecError::server("dealing a range of a backfill");
        session.execute("BEGIN").await.map_err(doing())?;
        let sql = format!(
            "UPDATE pontoon_backfill SET next = {next}, dealt = {number}, dealt_units = dealt_units + {units:e}, at = {} \
             WHERE backfill = {} AND round = {round} AND dealt = {}",
            now(dialect),
            literal(self.key),
            found.dealt
        );
        let dealt = session.execute(&sql).await.map_err(doing())?;
        if dealt == 0 {
            session.execute("ROLLBACK").await.map_err(doing())?;
            return Ok(None);
        }
        let texts = [self.key, first, last, place, worker].map(literal);
        let [key, first_text, last_text, place_text, worker] = texts;
        let sql = format!(
            "INSERT INTO pontoon_range (backfill, number, round, first, last, place, units, worker, fence, lease_until) VALUES \
             ({key}, {number}, {round}, {first_text}, {last_text}, {place_text}, {units:e}, {worker}, 1, {}); COMMIT",
            self.lease_until(dialect)
        );
        session.execute(&sql).await.map_err(doing())?;
        Ok(Some(Range {
            number,
            fence: 1,
            round,
            first: first.clone(),
            last: last.clone(),
            place: place.clone(),
            units: *units,
            done_units: 0.0,
            taken_from: None,
        }))
    }

    /// Makes a range's lease anew; `false` if it is another's by now.
    pub(super) async fn renew(&self, session: &mut Session, range: &Range) -> Result<bool, ExecError> {
        let dialect = session.dialect();
        let sql = format!(
            "UPDATE pontoon_range SET lease_until = {} WHERE {}",
            self.lease_until(dialect),
            self.owned(dialect, range)
        );
        let renewed = session.execute(&sql).await.map_err(ExecError::server("renewing the lease of a range"))?;
        Ok(renewed == 1)
    }

    /// Hands a range in that was walked to its end; `false` if it is another's by now.
    pub(super) async fn hand_in(&self, session: &mut Session, range: &Range, declined: u64) -> Result<bool, ExecError> {
        let dialect = session.dialect();
        let (key, owned) = (dialect.literal(self.key), self.owned(dialect, range));
        let doing = || ExecError::server("handing in a range of a backfill");
        session.execute("BEGIN").await.map_err(doing())?;
        let rows = session
            .value(&format!("SELECT rows_filled FROM pontoon_range WHERE {owned} FOR UPDATE"))
            .await
            .map_err(doing())?;
        let Some(rows) = rows else {
            session.execute("ROLLBACK").await.map_err(doing())?;
            return Ok(false);
        };
        let sql = format!(
            "UPDATE pontoon_backfill SET rows_filled = rows_filled + {rows}, done_units = done_units + {:e}, \
             declined = declined + {declined}, at = {} WHERE backfill = {key}; DELETE FROM pontoon_range WHERE {owned}; COMMIT",
            range.units,
            now(dialect)
        );
        session.execute(&sql).await.map_err(doing())?;
        Ok(true)
    }

    /// The condition that the range is still this worker's.
    pub(super) fn owned(&self, dialect: Dialect, range: &Range) -> String {
        format!("backfill = {} AND number = {} AND fence = {}", dialect.literal(self.key), range.number, range.fence)
    }

    pub(super) fn lease_until(&self, dialect: Dialect) -> String {
        let ms = self.lease.as_millis();
        match dialect {
            Dialect::Postgres => format!("{} + {ms} * interval '1 millisecond'", now(dialect)),
            Dialect::MySql => format!("{} + INTERVAL {} MICROSECOND", now(dialect), ms * 1_000),
        }
    }
}

impl Range {
    fn read(row: &Row) -> Option<Self> {
        let text = |at: usize| row.get(at).cloned().flatten();
        Some(Self {
            number: text(0)?.parse().ok()?,
            fence: text(1)?.parse().ok()?,
            round: text(2)?.parse().ok()?,
            first: text(3)?,
            last: text(4)?,
            place: text(5)?,
            units: text(6)?.parse().ok()?,
            done_units: text(7)?.parse().ok()?,
            taken_from: text(8),
        })
    }
}

/// The server's clock, which does not stand still in a transaction.
pub(super) const fn now(dialect: Dialect) -> &'static str {
    match dialect {
        Dialect::Postgres => "clock_timestamp()",
        Dialect::MySql => "UTC_TIMESTAMP(6)",
    }
}

/// Forgets the fills of a migration that was undone: their workers find nothing to commit to.
pub(crate) async fn forget(session: &mut Session, migration: &str) -> Result<(), ExecError> {
    let dialect = session.dialect();
    let of_it = format!(
        "WHERE LEFT(backfill, {}) = {}",
        migration.chars().count() + 1,
        dialect.literal(&format!("{migration}/"))
    );
    for table in ["pontoon_range", "pontoon_backfill"] {
        let sql = format!("DELETE FROM {table} {of_it}");
        session.execute(&sql).await.map_err(ExecError::server("forgetting a backfill's ranges"))?;
    }
    Ok(())
}
