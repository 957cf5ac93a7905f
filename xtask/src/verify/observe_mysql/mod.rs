//! What a MySQL server does while it runs a statement.
//!
//! How an ALTER is carried out is asked of the server (see `request`); which metadata locks a
//! statement takes is seen by keeping it waiting for idle readers (see `probe`); what it did
//! to the rows is told by InnoDB's ids of tables and indexes before and after, and by the
//! counters of rows read and changed. The time it takes and the stalls it causes are
//! measured in another run, without readers of ours in its way.

mod dictionary;
mod judge;
mod probe;
mod request;

use std::collections::{BTreeMap, BTreeSet};
use std::sync::atomic::Ordering;
use std::time::{Duration, Instant};

use pontoon::Dialect;
use pontoon::migration::{Algorithm, LockClause};

use self::dictionary::{Dictionary, Io, io, number, texts};
use self::judge::{Seen, Work, judge};
use self::probe::{Locks, Progress, Readers, locks_now, watch};
use self::request::{Request, requests};
use crate::verify::conn::{Conn, message_of};
use crate::verify::observation::{Observation, Refusal};
use crate::verify::words::{Word, begins, contains, names, words};

/// Watches one session of a MySQL server.
#[derive(Debug)]
pub struct MySqlObserver {
    /// Runs the statements; the same session for a whole file, so that `SET` lasts.
    main: Conn,
    /// Looks on.
    watcher: Conn,
    readers: Readers,
    url: String,
    thread: u64,
    /// Whether the file has opened a transaction.
    in_transaction: bool,
    /// Whether it has locked tables.
    tables_locked: bool,
}

/// How running a statement ended.
struct Ran {
    granted: Option<(Algorithm, LockClause)>,
    error: Option<Refusal>,
    /// What was still locked when it was over, before its commit.
    held: Locks,
    row_locks: BTreeMap<String, u64>,
}

impl MySqlObserver {
    /// Connects to the database at `url`.
    ///
    /// # Errors
    /// Whatever the driver says; the server keeps its performance schema from us.
    pub async fn open(url: &str) -> Result<Self, sqlx::Error> {
        let mut main = Conn::open(url).await?;
        let mut watcher = probe::open(url).await?;
        let id = main.value("SELECT CONNECTION_ID()").await?.unwrap_or_default();
        let thread = format!("SELECT THREAD_ID FROM performance_schema.threads WHERE PROCESSLIST_ID = {id}");
        let thread = number(&watcher.value(thread).await?.unwrap_or_default());
        // off by default; where we may not switch them on, ids alone tell a rebuild
        let stages = "UPDATE performance_schema.setup_consumers SET ENABLED = 'YES' \
                      WHERE NAME IN ('events_stages_current', 'events_stages_history', 'events_stages_history_long')";
        let _ = watcher.execute(stages).await;
        Ok(Self {
            main,
            watcher,
            readers: Readers::default(),
            url: url.to_owned(),
            thread,
            in_transaction: false,
            tables_locked: false,
        })
    }

    /// The session that runs the statements.
    pub const fn session(&mut self) -> &mut Conn {
        &mut self.main
    }

    /// A session beside it.
    pub const fn watcher(&mut self) -> &mut Conn {
        &mut self.watcher
    }

    /// Whether the file holds locks from one statement to the next.
    pub const fn is_open(&self) -> bool {
        self.in_transaction || self.tables_locked
    }

    /// The tables that hold rows now.
    ///
    /// # Errors
    /// The connection is lost.
    pub async fn tables_with_rows(&mut self) -> Result<BTreeSet<String>, sqlx::Error> {
        let tables = Dictionary::read(&mut self.watcher, true).await?.tables;
        Ok(tables.into_iter().filter(|(_, it)| it.held_rows).map(|(name, _)| name).collect())
    }

    /// Ends a file: what it left open is rolled back, what it left locked is let go of.
    ///
    /// # Errors
    /// The connection is lost.
    pub async fn end_file(&mut self) -> Result<(), sqlx::Error> {
        (self.in_transaction, self.tables_locked) = (false, false);
        self.main.execute("ROLLBACK; UNLOCK TABLES").await.map(drop)
    }

    /// Runs one statement and says what the server did.
    ///
    /// # Errors
    /// The server can no longer be asked. That it refuses the statement is an observation.
    pub async fn observe(&mut self, sql: &str) -> Result<Observation, sqlx::Error> {
        let words = words(sql, Dialect::MySql);
        let before = Dictionary::read(&mut self.watcher, true).await?;
        let named = if calls(&words) { self.called_tables(&before).await? } else { named_tables(&words, &before) };
        let io_before = io(&mut self.watcher).await?;
        let stage_before = self.last_stage().await?;
        let gives_up = self.main.value("SELECT @@SESSION.lock_wait_timeout").await?;
        let gives_up = gives_up.map(|it| Duration::from_secs(number(&it)));
        let mut unheld = BTreeSet::new();
        if is_ddl(&words) || calls(&words) {
            unheld = self.readers.hold(&self.url, &before.with_neighbours(&named)).await?;
        }
        let started = Instant::now();
        let progress = Progress::default();
        let requests = requests(sql);
        let open = self.is_open();
        let run = async {
            let ran = run(&mut self.main, sql, &words, &requests, &progress, open, &mut self.in_transaction).await;
            progress.done.store(true, Ordering::Release);
            ran
        };
        let views = before.views();
        let looks = watch(&mut self.watcher, self.thread, &mut self.readers, &views, &mut unheld, &progress);
        let (ran, locks) = tokio::join!(run, looks);
        let duration_ms = started.elapsed().as_secs_f64() * 1_000.0;
        self.readers.release_all().await?;
        let (mut ran, mut locks) = (ran?, locks?);
        self.look_before_commit(&words, &mut ran).await?;
        if let Some(error) = ran.error {
            return Ok(Observation { duration_ms, ..Observation::refused(error) });
        }
        if locks_tables(&words) || begins(&words, &["UNLOCK"]) {
            self.tables_locked = locks_tables(&words);
        }
        probe::merge(&mut locks, ran.held);
        let after = Dictionary::read(&mut self.watcher, false).await?;
        let grown = self.grown(&before, &io_before).await?;
        let rows = self.rows_before(&grown, &ran.row_locks).await?;
        let seen = Seen {
            words: &words,
            before: &before,
            after: &after,
            locks: &locks,
            io: &grown,
            rows: &rows,
            row_locks: &ran.row_locks,
            granted: ran.granted,
            alters: !requests.is_empty(),
            work: self.work_since(stage_before).await?,
        };
        Ok(Observation { duration_ms, unheld, gives_up, ..judge(&seen) })
    }

    /// The tables that a routine of the database names, as far as it can be seen: what it does is not in the statement.
    async fn called_tables(&mut self, before: &Dictionary) -> Result<BTreeSet<String>, sqlx::Error> {
        let sql = "SELECT ROUTINE_DEFINITION FROM information_schema.ROUTINES WHERE ROUTINE_SCHEMA = DATABASE()";
        let bodies: Vec<[String; 1]> = texts(self.watcher.rows(sql).await?);
        // also in strings, which may be prepared as statements
        let named = |name: &String| bodies.iter().any(|[body]| body.contains(name.as_str()));
        Ok(before.tables.keys().filter(|it| named(it)).cloned().collect())
    }

    /// Statements on rows ran in a transaction that is still open: their locks are all there to see.
    async fn look_before_commit(&mut self, words: &[Word], ran: &mut Ran) -> Result<(), sqlx::Error> {
        if is_ddl(words) && !locks_tables(words) {
            return Ok(());
        }
        ran.held = locks_now(&mut self.watcher, self.thread).await?.0;
        if is_dml(words) && ran.error.is_none() {
            let locked = format!(
                "SELECT OBJECT_NAME, MAX(records) FROM (SELECT OBJECT_NAME, COUNT(*) AS records FROM performance_schema.data_locks \
                 WHERE THREAD_ID = {} AND LOCK_TYPE = 'RECORD' AND OBJECT_SCHEMA = DATABASE() \
                 AND LOCK_DATA <> 'supremum pseudo-record' GROUP BY OBJECT_NAME, INDEX_NAME) AS indexes GROUP BY OBJECT_NAME",
                self.thread
            );
            ran.row_locks =
                texts(self.watcher.rows(locked).await?).into_iter().map(|[name, rows]| (name, number(&rows))).collect();
        }
        if is_dml(words) && !self.is_open() {
            let end = if ran.error.is_some() { "ROLLBACK" } else { "COMMIT" };
            if let Err(error) = self.main.execute(end).await {
                ran.error.get_or_insert(lost_or_refused(error)?);
            }
        }
        Ok(())
    }

    async fn grown(
        &mut self,
        before: &Dictionary,
        base: &BTreeMap<String, Io>,
    ) -> Result<BTreeMap<String, Io>, sqlx::Error> {
        let now = io(&mut self.watcher).await?;
        let known = now.into_iter().filter(|(name, _)| before.tables.contains_key(name));
        Ok(known.map(|(name, io)| (name.clone(), io.since(base.get(&name).copied().unwrap_or_default()))).collect())
    }

    /// How many rows each table held that was read or changed: counted afterwards, and taken
    /// back by what the statement changed.
    async fn rows_before(
        &mut self,
        grown: &BTreeMap<String, Io>,
        row_locks: &BTreeMap<String, u64>,
    ) -> Result<BTreeMap<String, u64>, sqlx::Error> {
        let mut rows = BTreeMap::new();
        for (name, io) in grown {
            if io.fetched < 2 && io.changed == 0 && !row_locks.contains_key(name) {
                continue;
            }
            // gone, if the statement dropped it
            let count = format!("SELECT COUNT(*) FROM {}", Dialect::MySql.ident(name));
            // nobody else gets at a table that the file has locked
            let counter = if self.tables_locked { &mut self.main } else { &mut self.watcher };
            if let Ok(Some(now)) = counter.value(count).await {
                rows.insert(name.clone(), (number(&now) + io.deleted).saturating_sub(io.inserted));
            }
        }
        Ok(rows)
    }

    async fn last_stage(&mut self) -> Result<u64, sqlx::Error> {
        let sql = format!(
            "SELECT COALESCE(MAX(EVENT_ID), 0) FROM performance_schema.events_stages_history WHERE THREAD_ID = {}",
            self.thread
        );
        Ok(number(&self.watcher.value(sql).await?.unwrap_or_default()))
    }

    /// The long history is all sessions', and others may have pushed ours out of it; that of the session is short.
    async fn work_since(&mut self, event: u64) -> Result<Work, sqlx::Error> {
        let of = |history: &str| {
            format!(
                "SELECT EVENT_NAME FROM performance_schema.events_stages_{history} WHERE THREAD_ID = {} AND EVENT_ID > {event}",
                self.thread
            )
        };
        let sql = format!("{} UNION {}", of("history"), of("history_long"));
        let mut work = Work::default();
        for [stage] in texts(self.watcher.rows(sql).await?) {
            work.copied |= stage == "stage/sql/copy to tmp table";
            work.built |= stage.starts_with("stage/innodb/alter table (read PK");
        }
        Ok(work)
    }
}

/// Makes the requests until one is granted, or runs the statement as it is written.
async fn run(
    main: &mut Conn,
    sql: &str,
    words: &[Word],
    requests: &[Request],
    progress: &Progress,
    // a transaction of ours would let go of locked tables
    open: bool,
    in_transaction: &mut bool,
) -> Result<Ran, sqlx::Error> {
    let mut ran = Ran { granted: None, error: None, held: Locks::new(), row_locks: BTreeMap::new() };
    for request in requests {
        progress.attempt.fetch_add(1, Ordering::AcqRel);
        match main.execute(request.sql.as_str()).await {
            Ok(_) => {
                ran.granted = Some((request.algorithm, request.lock));
                return Ok(ran);
            }
            Err(error) if is_request_refused(&error) => {}
            // anything else is for the statement itself to say
            Err(error) => {
                lost_or_refused(error)?;
                break;
            }
        }
    }
    progress.attempt.fetch_add(1, Ordering::AcqRel);
    if is_dml(words) && !open {
        main.execute("START TRANSACTION").await?;
    }
    match main.execute(sql).await {
        Ok(_) => note_transaction(words, in_transaction),
        Err(error) => ran.error = Some(lost_or_refused(error)?),
    }
    Ok(ran)
}

fn note_transaction(words: &[Word], in_transaction: &mut bool) {
    if begins(words, &["START", "TRANSACTION"]) || begins(words, &["BEGIN"]) {
        *in_transaction = true;
    } else if is_ddl(words) || begins(words, &["COMMIT"]) || begins(words, &["ROLLBACK"]) && words.len() == 1 {
        *in_transaction = false;
    }
}

/// The tables that a statement names, itself or by a trigger.
fn named_tables(words: &[Word], before: &Dictionary) -> BTreeSet<String> {
    let tables = before.tables.keys().filter(|name| names(words, name)).cloned();
    let triggers = before.triggers.iter().filter(|(name, _)| names(words, name)).map(|(_, table)| table.clone());
    tables.chain(triggers).collect()
}

/// `LOCK TABLES`, and `FLUSH TABLES ... WITH READ LOCK`.
fn locks_tables(words: &[Word]) -> bool {
    begins(words, &["LOCK"]) || begins(words, &["FLUSH"]) && contains(words, &["READ", "LOCK"])
}

fn is_dml(words: &[Word]) -> bool {
    ["INSERT", "UPDATE", "DELETE", "REPLACE", "SELECT", "WITH", "LOAD", "CALL", "EXECUTE"]
        .iter()
        .any(|it| begins(words, &[it]))
}

/// Statements that are carried out elsewhere.
fn calls(words: &[Word]) -> bool {
    begins(words, &["CALL"])
}

/// Statements that commit and take metadata locks of their own.
fn is_ddl(words: &[Word]) -> bool {
    ["ALTER", "CREATE", "DROP", "RENAME", "TRUNCATE", "OPTIMIZE", "ANALYZE", "REPAIR", "CHECK", "LOCK"]
        .iter()
        .any(|it| begins(words, &[it]))
}

/// 1845, 1846: not supported this way; 1221: not together; 4092: no row version left; 1064: no such clause here.
fn is_request_refused(error: &sqlx::Error) -> bool {
    let inner = error.as_database_error().and_then(|it| it.try_downcast_ref::<sqlx::mysql::MySqlDatabaseError>());
    inner.is_some_and(|it| matches!(it.number(), 1845 | 1846 | 1221 | 4092 | 1064))
}

fn lost_or_refused(error: sqlx::Error) -> Result<Refusal, sqlx::Error> {
    if matches!(error, sqlx::Error::Database(_)) { Ok(Refusal::said(message_of(&error))) } else { Err(error) }
}
