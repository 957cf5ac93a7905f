//! Statements that cannot run inside a transaction, watched from a second session.
//!
//! `pg_locks` is polled for as long as the statement runs, while [`Blockers`] hold its phases
//! open until each has been seen. Locks seen this way are lower bounds still: a lock that is
//! taken and let go of between two looks, at a place that no blocker holds, stays unseen.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use pontoon::Dialect;
use pontoon::migration::LockMode;

use super::blockers::Blockers;
use super::judge::{Seen, judge};
use super::relations::{self, Counters, Relations};
use super::{PostgresObserver, grown, locks_of, ms, number, refused, rows_before};
use crate::verify::conn::Conn;
use crate::verify::observation::{ObjectKind, Observation};
use crate::verify::words::{names, words};

/// How often closed sessions are looked for; their processes end within milliseconds, on a busy machine within seconds.
const LOOKS_MAX: u32 = 5_000;

/// The name of a session that stays: it is not waited for, and so must read no table of the user's.
pub(crate) const STAYS: &str = "pontoon_stays";

/// `pg_stat_force_next_flush` is there from this version on.
const VERSION_FLUSHES: u32 = 150_000;
/// Before that, a session sends its counters on with the first transaction that ends so long after it last did, and
/// what is read of them may be as old (`PGSTAT_STAT_INTERVAL`, and a little).
const INTERVAL: Duration = Duration::from_millis(520);

impl PostgresObserver {
    /// Runs a statement outside a transaction.
    pub(super) async fn outside(&mut self, sql: &str, before: &Relations) -> Result<Observation, sqlx::Error> {
        let base = self.flushed().await?;
        let mut blockers = Blockers::hold(&self.url, &named_tables(sql, before), &named_indexes(sql, before)).await?;
        let done = AtomicBool::new(false);
        let started = Instant::now();
        let execute = async {
            let result = self.main.execute(sql).await;
            done.store(true, Ordering::Release);
            result
        };
        let watch = watch(&mut self.watcher, self.pid, &mut blockers, &self.url, &done);
        let (result, locks) = tokio::join!(execute, watch);
        let duration_ms = ms(started);
        blockers.end().await;
        if let Some(error) = refused(result)? {
            return Ok(Observation { duration_ms, outside: true, ..Observation::refused(error) });
        }
        let after = self.flushed().await?;
        let grown = grown(before, &base, &after);
        let rows = rows_before(&mut self.watcher, before, &grown).await?;
        let seen = Seen { before, base: &base, grown: &grown, rows: &rows, emptied: &[], sql, outside: true };
        let locks = locks?;
        Ok(Observation { duration_ms, ..judge(&seen, &locks, &locks) })
    }

    /// The server's counters, once those of our own sessions have reached them. A session that
    /// has just been closed brings its own when its process ends: that is waited for.
    async fn flushed(&mut self) -> Result<BTreeMap<u32, Counters>, sqlx::Error> {
        self.wait_for_strangers().await?;
        let flushes = self.version >= VERSION_FLUSHES;
        if !flushes {
            tokio::time::sleep(INTERVAL).await;
        }
        for session in [&mut self.main, &mut self.watcher] {
            if flushes {
                session.execute("SELECT pg_catalog.pg_stat_force_next_flush()").await?;
            }
            session.execute("SELECT 1").await?;
        }
        if !flushes {
            tokio::time::sleep(INTERVAL).await;
        }
        relations::shared_counters(&mut self.watcher).await
    }

    async fn wait_for_strangers(&mut self) -> Result<(), sqlx::Error> {
        let sql = format!(
            "SELECT count(*) FROM pg_catalog.pg_stat_activity WHERE datname = pg_catalog.current_database() \
             AND backend_type = 'client backend' AND application_name <> '{STAYS}' AND pid NOT IN (pg_catalog.pg_backend_pid(), {})",
            self.pid
        );
        for _ in 0..LOOKS_MAX {
            if self.watcher.value(sql.clone()).await?.as_deref() == Some("0") {
                break;
            }
            tokio::time::sleep(Duration::from_millis(2)).await;
        }
        Ok(())
    }
}

/// Looks at the locks until the statement is done, and lets it go on wherever it waits for us.
async fn watch(
    watcher: &mut Conn,
    pid: u32,
    blockers: &mut Blockers,
    url: &str,
    done: &AtomicBool,
) -> Result<BTreeMap<u32, LockMode>, sqlx::Error> {
    let mut strongest: BTreeMap<u32, LockMode> = BTreeMap::new();
    while !done.load(Ordering::Acquire) {
        // who blocks is asked first: the locks seen after that are those of a statement that already waits
        let blocking = watcher.rows(format!("SELECT pg_catalog.unnest(pg_catalog.pg_blocking_pids({pid}))")).await?;
        for (oid, mode) in locks_of(watcher, pid).await? {
            let held = strongest.entry(oid).or_insert(mode);
            *held = mode.max(*held);
        }
        let pids: Vec<u32> = blocking.into_iter().map(|row| number(row.into_iter().next().flatten())).collect();
        if !pids.is_empty() {
            blockers.release(&pids, watcher, url).await?;
        }
    }
    Ok(strongest)
}

/// The tables that the statement may lock: those it names, their partitions, those of the indexes it names.
fn named_tables(sql: &str, before: &Relations) -> Vec<String> {
    let words = words(sql, Dialect::Postgres);
    let named: Vec<u32> = before.iter().filter(|(_, it)| names(&words, &it.name)).map(|(oid, _)| *oid).collect();
    let all = named.is_empty();
    before
        .iter()
        .filter(|(oid, it)| {
            let of_index = || named.iter().any(|index| before[index].table == Some(**oid));
            let part =
                || it.partition_of.as_ref().is_some_and(|of| named.iter().any(|table| before[table].name == *of));
            it.kind == ObjectKind::Table && (all || named.contains(oid) || of_index() || part())
        })
        .map(|(_, it)| it.name.clone())
        .collect()
}

/// The indexes that the statement names.
fn named_indexes(sql: &str, before: &Relations) -> Vec<String> {
    let words = words(sql, Dialect::Postgres);
    let named = before.values().filter(|it| it.kind == ObjectKind::Index && names(&words, &it.name));
    named.map(|it| it.name.clone()).collect()
}
