//! Idle readers that make a statement's metadata locks visible.
//!
//! A DDL holds its strongest lock for milliseconds. With an open transaction that has read
//! the table it must wait for it, and while it waits `performance_schema.metadata_locks` shows
//! what it holds and what it wants. Then that table's reader goes, and the statement comes to
//! the next table: each end of a foreign key has a reader of its own, and so has a view. A view's
//! reader holds the tables below it too, so it goes as soon as the statement waits for one of those.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};

use pontoon::Dialect;
use pontoon::migration::LockMode;

use super::dictionary::texts;
use crate::verify::conn::Conn;

/// More tables than this are not held: every one is a connection.
const READERS_MAX: usize = 12;

/// Connections for idle readers, kept: opening one costs more than most statements.
#[derive(Debug, Default)]
pub(super) struct Readers {
    idle: Vec<Conn>,
    holding: BTreeMap<String, Conn>,
}

impl Readers {
    /// Opens every table and view, reads no row of it, and keeps the transactions open. Gives back what could not
    /// be held.
    pub(super) async fn hold(&mut self, url: &str, tables: &BTreeSet<String>) -> Result<BTreeSet<String>, sqlx::Error> {
        let mut unheld: BTreeSet<String> = tables.iter().skip(READERS_MAX).cloned().collect();
        for table in tables.iter().take(READERS_MAX) {
            let mut conn = match self.idle.pop() {
                Some(conn) => conn,
                None => open(url).await?,
            };
            let read = format!("START TRANSACTION; SELECT 1 FROM {} LIMIT 0", Dialect::MySql.ident(table));
            match conn.execute(read).await {
                Ok(_) => drop(self.holding.insert(table.clone(), conn)),
                Err(sqlx::Error::Database(error)) => {
                    // otherwise the file itself has locked it, and its lock is there to be seen
                    if is_broken_view(error.as_ref()) {
                        unheld.insert(table.clone());
                    }
                    conn.execute("ROLLBACK").await?;
                    self.idle.push(conn);
                }
                Err(error) => return Err(error),
            }
        }
        Ok(unheld)
    }

    /// Lets a statement go on that waits for a table: whoever else is in its way there reads it through a view.
    /// Gives back the views that nobody holds from then on, though the statement has not come to them.
    async fn make_way(&mut self, table: &str, views: &BTreeSet<String>) -> Result<Vec<String>, sqlx::Error> {
        if self.holding.contains_key(table) {
            self.release(table).await?;
            return Ok(Vec::new());
        }
        let held: Vec<String> = views.iter().filter(|it| self.holding.contains_key(*it)).cloned().collect();
        for view in &held {
            self.release(view).await?;
        }
        Ok(held)
    }

    async fn release(&mut self, table: &str) -> Result<(), sqlx::Error> {
        if let Some(mut conn) = self.holding.remove(table) {
            conn.execute("ROLLBACK").await?;
            self.idle.push(conn);
        }
        Ok(())
    }

    /// Lets go of what nobody came to wait for.
    pub(super) async fn release_all(&mut self) -> Result<(), sqlx::Error> {
        while let Some(table) = self.holding.keys().next().cloned() {
            self.release(&table).await?;
        }
        Ok(())
    }
}

/// ER_VIEW_INVALID: what it reads is not there.
fn is_broken_view(error: &dyn sqlx::error::DatabaseError) -> bool {
    error.try_downcast_ref::<sqlx::mysql::MySqlDatabaseError>().is_some_and(|it| it.number() == 1356)
}

/// A session that does not wait for long when a file has locked a table itself.
pub(super) async fn open(url: &str) -> Result<Conn, sqlx::Error> {
    let mut conn = Conn::open(url).await?;
    conn.execute("SET SESSION lock_wait_timeout = 1").await?;
    Ok(conn)
}

/// What the statement's own thread tells the one that looks on.
#[derive(Debug, Default)]
pub(super) struct Progress {
    /// The number of the request that runs; what was seen of earlier ones does not count.
    pub(super) attempt: AtomicUsize,
    pub(super) done: AtomicBool,
}

/// The strongest lock of each table.
pub(super) type Locks = BTreeMap<String, LockMode>;

/// Looks on until the statement is done, and lets it go on wherever it waits for one of ours. Adds to `unheld` what
/// nobody held any more when the statement came to it.
pub(super) async fn watch(
    watcher: &mut Conn,
    thread: u64,
    readers: &mut Readers,
    views: &BTreeSet<String>,
    unheld: &mut BTreeSet<String>,
    progress: &Progress,
) -> Result<Locks, sqlx::Error> {
    let mut locks = Locks::new();
    let mut seen_of = 0;
    while !progress.done.load(Ordering::Acquire) {
        let attempt = progress.attempt.load(Ordering::Acquire);
        let (now, pending) = locks_now(watcher, thread).await?;
        if attempt != seen_of {
            locks.clear();
            seen_of = attempt;
        }
        // of which request these are cannot be told: nobody goes before they are seen once more
        if attempt != progress.attempt.load(Ordering::Acquire) {
            continue;
        }
        merge(&mut locks, now);
        for table in pending {
            unheld.extend(readers.make_way(&table, views).await?);
        }
    }
    Ok(locks)
}

pub(super) fn merge(locks: &mut Locks, more: Locks) {
    for (table, mode) in more {
        let strongest = locks.entry(table).or_insert(mode);
        *strongest = mode.max(*strongest);
    }
}

/// What a thread holds or wants, and the tables it waits for.
pub(super) async fn locks_now(watcher: &mut Conn, thread: u64) -> Result<(Locks, Vec<String>), sqlx::Error> {
    let sql = format!(
        "SELECT OBJECT_NAME, LOCK_TYPE, LOCK_STATUS FROM performance_schema.metadata_locks \
         WHERE OWNER_THREAD_ID = {thread} AND OBJECT_TYPE = 'TABLE' AND OBJECT_SCHEMA = DATABASE()"
    );
    let (mut locks, mut pending) = (Locks::new(), Vec::new());
    for [table, mode, status] in texts(watcher.rows(sql).await?) {
        if let Some(mode) = LockMode::from_name(&mode, Dialect::MySql) {
            merge(&mut locks, Locks::from([(table.clone(), mode)]));
        }
        if status == "PENDING" {
            pending.push(table);
        }
    }
    Ok((locks, pending))
}
