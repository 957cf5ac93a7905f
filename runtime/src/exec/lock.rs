//! One runner at a time on a database: a lock of the session, tried and never queued for.
//! (A session that waits for it would be seen by CREATE INDEX CONCURRENTLY as an open
//! transaction, and both would wait for each other.)

use std::time::{Duration, Instant};

use tokio::sync::Notify;

use super::{ExecError, Session};
use crate::dialect::Dialect;

/// `pontoon` in ASCII, as a number.
const KEY: i64 = 0x0070_6f6e_746f_6f6e;

/// Takes the lock, or says who has it.
pub(crate) async fn take(session: &mut Session, patience: Duration) -> Result<(), ExecError> {
    let begun = Instant::now();
    loop {
        if tried(session).await? {
            return Ok(());
        }
        if begun.elapsed() >= patience {
            let holder = holder(session).await?;
            return Err(ExecError::Busy(format!(
                "another runner is at work on this database: {holder}\n  help: wait for it; its session ends with it"
            )));
        }
        tokio::time::sleep(Duration::from_millis(100 + fastrand::u64(0..100))).await;
    }
}

async fn tried(session: &mut Session) -> Result<bool, ExecError> {
    let sql = match session.dialect() {
        Dialect::Postgres => format!("SELECT CASE WHEN pg_try_advisory_lock({KEY}) THEN '1' ELSE '0' END"),
        Dialect::MySql => format!("SELECT GET_LOCK({}, 0)", mysql_name()),
    };
    let got = session.value(&sql).await.map_err(ExecError::server("taking the runner's lock"))?;
    Ok(got.as_deref() == Some("1"))
}

/// Whether this session still has the lock. Without it, another runner may be at work.
pub(crate) async fn still_held(session: &mut Session) -> Result<(), ExecError> {
    let sql = match session.dialect() {
        Dialect::Postgres => format!(
            "SELECT count(*) FROM pg_locks WHERE locktype = 'advisory' AND granted AND pid = pg_backend_pid() \
             AND classid = {} AND objid = {} AND objsubid = 1",
            KEY >> 32,
            KEY & 0xFFFF_FFFF
        ),
        Dialect::MySql => format!("SELECT IS_USED_LOCK({}) = CONNECTION_ID()", mysql_name()),
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

async fn holder(session: &mut Session) -> Result<String, ExecError> {
    let sql = match session.dialect() {
        Dialect::Postgres => format!(
            "SELECT 'session ' || a.pid || ' (' || a.application_name || ') from ' || coalesce(host(a.client_addr), 'this host') \
             || ', since ' || a.backend_start::text || CASE a.state WHEN 'active' THEN ', now at: ' || left(a.query, 80) ELSE '' END \
             FROM pg_locks l JOIN pg_stat_activity a USING (pid) WHERE l.locktype = 'advisory' AND l.granted \
             AND l.classid = {} AND l.objid = {} AND l.objsubid = 1 \
             AND l.database = (SELECT oid FROM pg_database WHERE datname = current_database())",
            KEY >> 32,
            KEY & 0xFFFF_FFFF
        ),
        Dialect::MySql => format!(
            "SELECT CONCAT('session ', id, ' of ', user, ' from ', host, IF(info IS NULL, '', CONCAT(', now at: ', LEFT(info, 80)))) FROM performance_schema.processlist WHERE id = IS_USED_LOCK({})",
            mysql_name()
        ),
    };
    let holder = session.value(&sql).await.map_err(ExecError::server("looking who has the runner's lock"))?;
    Ok(holder.unwrap_or_else(|| "it has just ended".into()))
}

/// MySQL's lock names are the server's, not the database's, and have 64 characters at most.
fn mysql_name() -> &'static str {
    "CONCAT('pontoon.', LEFT(SHA2(DATABASE(), 256), 40))"
}
