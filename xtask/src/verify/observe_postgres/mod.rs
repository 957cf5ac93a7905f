//! What a PostgreSQL server does while it runs a statement.
//!
//! Each statement runs in its own transaction, so that every lock has one cause: the
//! session's own `pg_locks`, file nodes before and after, and the transaction's own scan
//! counters. A file that manages its transaction itself is left to do so: there, locks add
//! up, and each belongs to the statement that took it first. What cannot run in a
//! transaction is watched from outside, see `outside`.

mod blockers;
mod control;
mod judge;
mod outside;
mod relations;

use std::collections::{BTreeMap, BTreeSet};
use std::time::{Duration, Instant};

use pontoon::Dialect;
use pontoon::migration::LockMode;

use self::control::{Control, control};
use self::judge::{Seen, judge};
pub(crate) use self::outside::STAYS;
use self::relations::{Counters, Relations};
use crate::verify::conn::{Conn, message_of};
use crate::verify::observation::{ObjectKind, Observation, Refusal};
use crate::verify::words::words;

/// Watches one session of a PostgreSQL server.
#[derive(Debug)]
pub struct PostgresObserver {
    /// Runs the statements; the same session for a whole file, so that `SET` lasts.
    main: Conn,
    /// Looks on.
    watcher: Conn,
    url: String,
    pid: u32,
    version: u32,
    open: Option<OpenTransaction>,
}

/// A transaction of the file's own, over several statements.
#[derive(Debug)]
struct OpenTransaction {
    /// What was there before it.
    before: Relations,
    /// What the statements until now have locked.
    held: BTreeMap<u32, LockMode>,
    /// We opened it, so we close it.
    ours: bool,
}

impl PostgresObserver {
    /// Connects to the database at `url`.
    ///
    /// # Errors
    /// Whatever the driver says.
    pub async fn open(url: &str) -> Result<Self, sqlx::Error> {
        let mut main = Conn::open(url).await?;
        let watcher = Conn::open(url).await?;
        let pid = number(main.value("SELECT pg_catalog.pg_backend_pid()").await?);
        let version = number(main.value("SHOW server_version_num").await?);
        Ok(Self { main, watcher, url: url.to_owned(), pid, version, open: None })
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
        self.open.is_some()
    }

    /// The tables that hold rows now.
    ///
    /// # Errors
    /// The connection is lost.
    pub async fn tables_with_rows(&mut self) -> Result<BTreeSet<String>, sqlx::Error> {
        let relations = relations::relations(&mut self.watcher).await?;
        let tables = relations.into_values().filter(|it| it.kind == ObjectKind::Table && it.held_rows);
        Ok(tables.map(|it| it.name).collect())
    }

    /// The partitions that there are now, each with the table that it is of.
    ///
    /// # Errors
    /// The connection is lost.
    pub async fn partitions(&mut self) -> Result<BTreeMap<String, String>, sqlx::Error> {
        let relations = relations::relations(&mut self.watcher).await?;
        Ok(relations.into_values().filter_map(|it| Some((it.name, it.partition_of?))).collect())
    }

    /// Prepares for the statements of one file. `true` if they need one transaction, which is open now.
    ///
    /// # Errors
    /// The connection is lost.
    pub async fn begin_file(&mut self, statements: &[&str]) -> Result<bool, sqlx::Error> {
        let controls: Vec<_> = statements.iter().map(|sql| control(&words(sql, Dialect::Postgres))).collect();
        let needed = controls.contains(&Control::Needs) && !controls.contains(&Control::Begin);
        if needed {
            self.open_transaction(true).await?;
        }
        Ok(needed)
    }

    /// Ends a file: commits what it left open, if that was ours, or else rolls it back.
    ///
    /// # Errors
    /// A deferred constraint refuses the commit, or the connection is lost.
    pub async fn end_file(&mut self) -> Result<(), Refusal> {
        let Some(open) = self.open.take() else { return Ok(()) };
        let end = if open.ours { "COMMIT" } else { "ROLLBACK" };
        self.main.execute(end).await.map(drop).map_err(|error| refusal(&error))
    }

    /// Runs one statement and says what the server did.
    ///
    /// # Errors
    /// The server can no longer be asked. That it refuses the statement is an observation.
    pub async fn observe(&mut self, sql: &str) -> Result<Observation, sqlx::Error> {
        let gives_up = self.gives_up().await?;
        let seen = self.run(sql).await?;
        Ok(Observation { gives_up, ..seen })
    }

    /// How long the session waits for a lock, as the file has set it by now; nothing where its transaction has failed,
    /// which says the same of every statement.
    async fn gives_up(&mut self) -> Result<Option<Duration>, sqlx::Error> {
        let sql = "SELECT setting FROM pg_catalog.pg_settings WHERE name = 'lock_timeout'";
        match self.main.value(sql).await {
            Ok(setting) => Ok(Some(number(setting)).filter(|it| *it > 0).map(|it| Duration::from_millis(it.into()))),
            Err(sqlx::Error::Database(_)) => Ok(None),
            Err(error) => Err(error),
        }
    }

    async fn run(&mut self, sql: &str) -> Result<Observation, sqlx::Error> {
        match control(&words(sql, Dialect::Postgres)) {
            Control::Begin if self.open.is_none() => {
                self.open_transaction(false).await?;
                self.plainly(sql).await
            }
            Control::End => {
                self.open = None;
                self.plainly(sql).await
            }
            _ if self.open.is_some() => self.in_open_transaction(sql).await,
            _ => self.in_own_transaction(sql).await,
        }
    }

    async fn open_transaction(&mut self, ours: bool) -> Result<(), sqlx::Error> {
        let before = relations::relations(&mut self.watcher).await?;
        if ours {
            self.main.execute("BEGIN").await?;
        }
        self.open = Some(OpenTransaction { before, held: BTreeMap::new(), ours });
        Ok(())
    }

    /// Transaction control: nothing is to be seen.
    async fn plainly(&mut self, sql: &str) -> Result<Observation, sqlx::Error> {
        let started = Instant::now();
        let error = refused(self.main.execute(sql).await)?;
        Ok(Observation { duration_ms: ms(started), error, ..Observation::default() })
    }

    async fn in_own_transaction(&mut self, sql: &str) -> Result<Observation, sqlx::Error> {
        let before = relations::relations(&mut self.watcher).await?;
        self.main.execute("BEGIN").await?;
        let base = relations::counters(&mut self.main).await?;
        let started = Instant::now();
        if let Err(error) = self.main.execute(sql).await {
            let error = lost_or_refused(error)?;
            self.main.execute("ROLLBACK").await?;
            if needs_no_transaction(&error) {
                return self.outside(sql, &before).await;
            }
            return Ok(Observation::refused(error));
        }
        let executed = ms(started);
        let locks = self.locks().await?;
        let after = relations::counters(&mut self.main).await?;
        let emptied = self.emptied(&before, &base, &after).await?;
        let started = Instant::now();
        let error = refused(self.main.execute("COMMIT").await)?;
        let duration_ms = executed + ms(started);
        if error.is_some() {
            // a constraint that was deferred to the commit
            return Ok(Observation { duration_ms, ..Observation::refused(error.unwrap_or_else(unknown)) });
        }
        let grown = grown(&before, &base, &after);
        let rows = rows_before(&mut self.main, &before, &grown).await?;
        let seen =
            Seen { before: &before, base: &base, grown: &grown, rows: &rows, emptied: &emptied, sql, outside: false };
        Ok(Observation { duration_ms, ..judge(&seen, &locks, &locks) })
    }

    async fn in_open_transaction(&mut self, sql: &str) -> Result<Observation, sqlx::Error> {
        let Some(mut open) = self.open.take() else { return Ok(Observation::default()) };
        let base = match relations::counters(&mut self.main).await {
            Ok(base) => base,
            Err(error) => {
                // the transaction has failed before; the server says so for every further statement
                self.open = Some(open);
                return Ok(Observation::refused(lost_or_refused(error)?));
            }
        };
        let started = Instant::now();
        let error = refused(self.main.execute(sql).await)?;
        let duration_ms = ms(started);
        if let Some(error) = error {
            self.open = Some(open);
            return Ok(Observation { duration_ms, ..Observation::refused(error) });
        }
        let all = self.locks().await?;
        let after = relations::counters(&mut self.main).await?;
        let emptied = self.emptied(&open.before, &base, &after).await?;
        let grown = grown(&open.before, &base, &after);
        let rows = rows_before(&mut self.main, &open.before, &grown).await?;
        let taken = all.iter().filter(|(oid, mode)| open.held.get(oid).is_none_or(|held| held < mode));
        let taken: BTreeMap<_, _> = taken.map(|(oid, mode)| (*oid, *mode)).collect();
        let before = &open.before;
        let seen = Seen { before, base: &base, grown: &grown, rows: &rows, emptied: &emptied, sql, outside: false };
        let observation = Observation { duration_ms, ..judge(&seen, &taken, &all) };
        open.held = all;
        self.open = Some(open);
        Ok(observation)
    }

    /// The strongest lock that the session holds on each relation.
    async fn locks(&mut self) -> Result<BTreeMap<u32, LockMode>, sqlx::Error> {
        locks_of(&mut self.watcher, self.pid).await
    }

    /// Tables whose file was replaced by an empty one: that is a TRUNCATE, no rewrite.
    async fn emptied(
        &mut self,
        before: &Relations,
        base: &BTreeMap<u32, Counters>,
        after: &BTreeMap<u32, Counters>,
    ) -> Result<Vec<u32>, sqlx::Error> {
        let mut emptied = Vec::new();
        for (oid, now) in after {
            let replaced = base.get(oid).is_some_and(|base| base.filenode != now.filenode);
            if replaced && before.get(oid).is_some_and(|it| it.held_rows) {
                let size = self.main.value(format!("SELECT pg_catalog.pg_relation_size({oid})")).await?;
                if size.as_deref() == Some("0") {
                    emptied.push(*oid);
                }
            }
        }
        Ok(emptied)
    }
}

/// The strongest lock that a backend holds, or waits for, on each relation of this database.
async fn locks_of(watcher: &mut Conn, pid: u32) -> Result<BTreeMap<u32, LockMode>, sqlx::Error> {
    let sql = format!(
        "SELECT relation, mode FROM pg_catalog.pg_locks WHERE pid = {pid} AND locktype = 'relation' \
         AND database = (SELECT oid FROM pg_catalog.pg_database WHERE datname = pg_catalog.current_database())"
    );
    let mut strongest = BTreeMap::new();
    for row in watcher.rows(sql).await? {
        let [Some(relation), Some(mode)] = &row[..] else { continue };
        if let (Ok(oid), Some(mode)) = (relation.parse(), mode_of(mode)) {
            let held = strongest.entry(oid).or_insert(mode);
            *held = mode.max(*held);
        }
    }
    Ok(strongest)
}

/// `AccessExclusiveLock`, as `pg_locks` writes it.
pub(crate) fn mode_of(text: &str) -> Option<LockMode> {
    let bare = |name: &str| name.replace(' ', "").to_ascii_lowercase();
    let wanted = text.trim_end_matches("Lock").to_ascii_lowercase();
    LockMode::ALL.iter().copied().find(|mode| mode.dialect() == Dialect::Postgres && bare(mode.name()) == wanted)
}

/// What the counters have grown by, for everything that was there before.
fn grown(
    before: &Relations,
    base: &BTreeMap<u32, Counters>,
    after: &BTreeMap<u32, Counters>,
) -> BTreeMap<u32, Counters> {
    let known = |oid: &u32| before.contains_key(oid) && base.contains_key(oid);
    after.iter().filter(|(oid, _)| known(oid)).map(|(oid, now)| (*oid, now.since(&base[oid]))).collect()
}

/// How many rows each table held that was read or changed. Counted afterwards, for those
/// tables alone, and taken back by what the statement changed.
async fn rows_before(
    conn: &mut Conn,
    before: &Relations,
    grown: &BTreeMap<u32, Counters>,
) -> Result<BTreeMap<u32, u64>, sqlx::Error> {
    let mut rows = BTreeMap::new();
    for (oid, counters) in grown {
        let table = before[oid].table.unwrap_or(*oid);
        let touched = counters.scans > 0 || counters.updated + counters.deleted > 0;
        if !touched || rows.contains_key(&table) || !before.contains_key(&table) {
            continue;
        }
        // a materialised view that was emptied cannot be asked
        let count = format!(
            "SELECT pg_catalog.format('SELECT count(*) FROM ONLY %s', c.oid::pg_catalog.regclass) \
             FROM pg_catalog.pg_class c WHERE c.oid = {table} AND c.relispopulated"
        );
        let now = conn.value(count).await?;
        let Some(count) = now else { continue };
        let now = u64::from(number(conn.value(count).await?));
        let changed = grown.get(&table).copied().unwrap_or_default();
        rows.insert(table, (now + changed.deleted).saturating_sub(changed.inserted));
    }
    Ok(rows)
}

/// 25001: not in a transaction block; 2D000: a procedure that commits.
fn needs_no_transaction(error: &Refusal) -> bool {
    error.message.ends_with("(25001)") || error.message.ends_with("(2D000)")
}

fn refused<T>(result: Result<T, sqlx::Error>) -> Result<Option<Refusal>, sqlx::Error> {
    match result {
        Ok(_) => Ok(None),
        Err(error) => lost_or_refused(error).map(Some),
    }
}

fn lost_or_refused(error: sqlx::Error) -> Result<Refusal, sqlx::Error> {
    if matches!(error, sqlx::Error::Database(_)) { Ok(refusal(&error)) } else { Err(error) }
}

/// The server's words, and where in the statement they point to.
pub(crate) fn refusal(error: &sqlx::Error) -> Refusal {
    let inner = error.as_database_error().and_then(|it| it.try_downcast_ref::<sqlx::postgres::PgDatabaseError>());
    let position = inner.and_then(|it| match it.position() {
        Some(sqlx::postgres::PgErrorPosition::Original(at)) => Some(at),
        _ => None,
    });
    Refusal { position, ..Refusal::said(message_of(error)) }
}

fn unknown() -> Refusal {
    Refusal::said("the server gave no reason")
}

fn number(text: Option<String>) -> u32 {
    text.and_then(|it| it.parse().ok()).unwrap_or(0)
}

fn ms(started: Instant) -> f64 {
    started.elapsed().as_secs_f64() * 1_000.0
}
