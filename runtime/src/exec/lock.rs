//! One runner at a time on a database, one lead at a time of a backfill, and who is alive: locks of the
//! session, tried and never queued for. (A session that waits for one would be seen by CREATE
//! INDEX CONCURRENTLY as an open transaction, and both would wait for each other.)
//!
//! The lock is on the connection that does the work. So it outlives a process that was killed
//! for just as long as the server still works for it, and nobody starts beside that.

use std::time::{Duration, Instant};

use tokio::sync::Notify;

use super::{ExecError, Session};
use crate::dialect::Dialect;

/// `pontoon` in ASCII, as a number: PostgreSQL's key of the runner's lock.
const KEY: i64 = 0x0070_6f6e_746f_6f6e;

/// `pont` in ASCII: the first of the two numbers of a backfill's lock.
const FILL: i32 = 0x706f_6e74;

/// `work` in ASCII: the first of the two numbers of a worker's lock.
const WORK: i32 = 0x776f_726b;

/// What is locked.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Lock<'a> {
    /// The database, for a runner.
    Runner,
    /// The lead of a backfill, by its key.
    Fill(&'a str),
    /// A worker of a backfill, by its name: as long as its session lives, so does the worker.
    Worker(&'a str),
}

impl Lock<'_> {
    /// The key of PostgreSQL's lock, which is the database's own.
    fn postgres(self) -> String {
        match self {
            Self::Runner => KEY.to_string(),
            Self::Fill(key) => format!("{FILL}, hashtext({})", Dialect::Postgres.literal(key)),
            Self::Worker(name) => format!("{WORK}, hashtext({})", Dialect::Postgres.literal(name)),
        }
    }

    /// MySQL's lock names are the server's, not the database's, and have 64 characters at most.
    fn mysql(self) -> String {
        let of = match self {
            Self::Runner => "DATABASE()".to_owned(),
            Self::Fill(key) => format!("CONCAT(DATABASE(), '/', {})", Dialect::MySql.literal(key)),
            Self::Worker(name) => return mysql_worker(&Dialect::MySql.literal(name)),
        };
        mysql_name(&of)
    }

    /// The condition on `pg_locks l` that it is this one (manual, "pg_locks": a key of one number
    /// is there as its two halves with `objsubid` 1, one of two numbers with 2).
    fn in_pg_locks(self) -> String {
        let (class, object, kind) = match self {
            Self::Runner => (KEY >> 32, (KEY & 0xFFFF_FFFF).to_string(), 1),
            Self::Fill(key) => (i64::from(FILL), postgres_hash(&Dialect::Postgres.literal(key)), 2),
            Self::Worker(name) => (i64::from(WORK), postgres_hash(&Dialect::Postgres.literal(name)), 2),
        };
        in_pg_locks(class, &object, kind)
    }

    const fn who(self) -> &'static str {
        match self {
            Self::Runner => "another runner is at work on this database",
            Self::Fill(_) => "another connection is at work on this backfill",
            Self::Worker(_) => "another worker has this name",
        }
    }
}

fn mysql_name(of: &str) -> String {
    format!("CONCAT('pontoon.', LEFT(SHA2({of}, 256), 40))")
}

fn mysql_worker(name: &str) -> String {
    mysql_name(&format!("CONCAT(DATABASE(), '/worker/', {name})"))
}

fn postgres_hash(text: &str) -> String {
    format!("hashtext({text})::bit(32)::bigint")
}

fn in_pg_locks(class: i64, object: &str, kind: u8) -> String {
    format!(
        "l.locktype = 'advisory' AND l.granted AND l.classid::bigint = {class} AND l.objid::bigint = {object} \
         AND l.objsubid = {kind} AND l.database = (SELECT oid FROM pg_database WHERE datname = current_database())"
    )
}

/// The condition that the worker of that name has no session any more; the name is an SQL expression.
pub(crate) fn worker_is_gone(dialect: Dialect, name: &str) -> String {
    match dialect {
        Dialect::Postgres => format!(
            "NOT EXISTS (SELECT FROM pg_locks l WHERE {})",
            in_pg_locks(i64::from(WORK), &postgres_hash(name), 2)
        ),
        Dialect::MySql => format!("IS_FREE_LOCK({}) = 1", mysql_worker(name)),
    }
}

/// Takes the lock, or says who has it.
pub(crate) async fn take(session: &mut Session, lock: Lock<'_>, patience: Duration) -> Result<(), ExecError> {
    let begun = Instant::now();
    loop {
        if tried(session, lock).await? {
            return Ok(());
        }
        if begun.elapsed() >= patience {
            let holder = holder(session, lock).await?;
            return Err(ExecError::Busy(format!(
                "{}: {holder}\n  help: wait for it; its session ends with it",
                lock.who()
            )));
        }
        tokio::time::sleep(Duration::from_millis(20 + fastrand::u64(0..80))).await;
    }
}

/// Takes the lock if nobody has it.
pub(crate) async fn tried(session: &mut Session, lock: Lock<'_>) -> Result<bool, ExecError> {
    let sql = match session.dialect() {
        Dialect::Postgres => {
            format!("SELECT CASE WHEN pg_try_advisory_lock({}) THEN '1' ELSE '0' END", lock.postgres())
        }
        Dialect::MySql => format!("SELECT GET_LOCK({}, 0)", lock.mysql()),
    };
    let got = session.value(&sql).await.map_err(ExecError::server("taking Pontoon's lock"))?;
    Ok(got.as_deref() == Some("1"))
}

/// Whether this session still has the runner's lock. Without it, another runner may be at work.
pub(crate) async fn still_held(session: &mut Session) -> Result<(), ExecError> {
    let sql = match session.dialect() {
        Dialect::Postgres => {
            format!("SELECT count(*) FROM pg_locks l WHERE {} AND l.pid = pg_backend_pid()", Lock::Runner.in_pg_locks())
        }
        Dialect::MySql => format!("SELECT IS_USED_LOCK({}) = CONNECTION_ID()", Lock::Runner.mysql()),
    };
    let held = session.value(&sql).await.map_err(ExecError::server("looking at the runner's lock"))?;
    if held.as_deref() == Some("1") {
        return Ok(());
    }
    Err(ExecError::Busy("the runner's lock was lost, so another runner may be at work; run the command again".into()))
}

/// Looks after the lock while other connections work, and fails when it is lost. It also keeps
/// the connection from being closed for doing nothing. Ends when it is told so.
pub(crate) async fn guard(session: &mut Session, done: &Notify) -> Result<(), ExecError> {
    while tokio::time::timeout(Duration::from_secs(1), done.notified()).await.is_err() {
        still_held(session).await?;
    }
    Ok(())
}

async fn holder(session: &mut Session, lock: Lock<'_>) -> Result<String, ExecError> {
    let sql = match session.dialect() {
        Dialect::Postgres => format!(
            "SELECT 'session ' || a.pid || ' (' || a.application_name || ') from ' || coalesce(host(a.client_addr), 'this host') \
             || ', since ' || a.backend_start::text || CASE a.state WHEN 'active' THEN ', now at: ' || left(a.query, 80) ELSE '' END \
             FROM pg_locks l JOIN pg_stat_activity a USING (pid) WHERE {}",
            lock.in_pg_locks()
        ),
        Dialect::MySql => format!(
            "SELECT CONCAT('session ', id, ' of ', user, ' from ', host, IF(info IS NULL, '', CONCAT(', now at: ', LEFT(info, 80)))) \
             FROM performance_schema.processlist WHERE id = IS_USED_LOCK({})",
            lock.mysql()
        ),
    };
    let holder = session.value(&sql).await.map_err(ExecError::server("looking who has Pontoon's lock"))?;
    Ok(holder.unwrap_or_else(|| "it has just ended".into()))
}
