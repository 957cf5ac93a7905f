//! Watches a statement from a second session while it runs: ends its wait for a lock on MySQL,
//! whose `lock_wait_timeout` knows whole seconds only, and tells who is in the way.
//!
//! The watcher is told when the statement has ended and is never dropped halfway through a query
//! of its own, so both connections stay good.

use std::time::{Duration, Instant};

use tokio::sync::Notify;

use super::event::{self, Event, Observer};
use super::{Session, blockers};

/// How often MySQL's process list is looked at: an attempt waits at most this much too long.
const LOOK: Duration = Duration::from_millis(20);

/// How often blockers are looked for behind a statement that blocks nobody while it waits.
const LOOK_FOR_BLOCKERS: Duration = Duration::from_secs(1);

/// The most that others wait for the last step of a statement that has worked for long.
const LAST_STEP: Duration = Duration::from_secs(5);

/// MySQL: runs a statement whose waits for a metadata lock are ended after `lock_timeout` by
/// KILL QUERY (manual: the statement fails with 1317 and has changed nothing). Gives how long it waited for such
/// locks in all, as far as that was seen: others waited behind it.
pub(crate) async fn mysql(
    session: &mut Session,
    other: &mut Session,
    sql: &str,
    lock_timeout: Duration,
) -> (Result<(), sqlx::Error>, Duration) {
    let connection = match session.value("SELECT CONNECTION_ID()").await {
        Ok(connection) => connection.unwrap_or_default(),
        Err(error) => return (Err(error), Duration::ZERO),
    };
    let done = Notify::new();
    let statement = async {
        let outcome = session.execute(sql).await;
        done.notify_one();
        outcome
    };
    let (outcome, waited) = tokio::join!(statement, end_waits(other, &connection, lock_timeout, &done));
    (outcome.map(drop), waited)
}

async fn end_waits(other: &mut Session, connection: &str, lock_timeout: Duration, done: &Notify) -> Duration {
    let state = format!("SELECT STATE FROM performance_schema.processlist WHERE ID = {connection}");
    let kill = format!("KILL QUERY {connection}");
    let begun = Instant::now();
    let mut waiting: Option<Instant> = None;
    let mut waited = Duration::ZERO;
    let mut has_worked = false;
    while tokio::time::timeout(LOOK, done.notified()).await.is_err() {
        // without the right to look, the server's own timeout ends the wait
        let state = other.value(&state).await.ok().flatten().unwrap_or_default();
        if !state.starts_with("Waiting for table metadata lock") {
            has_worked |= begun.elapsed() > LOOK * 5 && waiting.is_none();
            waited += waiting.take().map_or(Duration::ZERO, |since| since.elapsed());
            continue;
        }
        let since = *waiting.get_or_insert_with(Instant::now);
        let allowed = if has_worked { last_step(lock_timeout, since - begun) } else { lock_timeout };
        if since.elapsed() >= allowed {
            other.execute(&kill).await.ok();
            waited += since.elapsed();
            waiting = None;
        }
    }
    waited + waiting.map_or(Duration::ZERO, |since| since.elapsed())
}

/// How long the last step of a statement may wait. An ALTER that has rebuilt a table for an hour
/// loses that hour if it gives way: so the wait may be longer, a twentieth of the work.
fn last_step(lock_timeout: Duration, worked: Duration) -> Duration {
    lock_timeout.max((worked / 20).min(LAST_STEP))
}

/// What `lock_wait_timeout` is set to, in whole seconds: it ends the waits of a statement whose
/// runner is gone.
pub(crate) fn mysql_lock_wait_timeout(lock_timeout: Duration, works_long: bool) -> u64 {
    let longest = if works_long { lock_timeout.max(LAST_STEP) } else { lock_timeout };
    longest.as_secs() + 1
}

/// PostgreSQL: runs a statement that waits for others as long as they take and blocks nobody
/// meanwhile, and tells whom it waits for.
pub(crate) async fn postgres(
    session: &mut Session,
    other: &mut Session,
    sql: &str,
    observer: &dyn Observer,
) -> Result<(), sqlx::Error> {
    let connection = session.value("SELECT pg_backend_pid()").await?.unwrap_or_default();
    let done = Notify::new();
    let statement = async {
        let outcome = session.execute(sql).await;
        done.notify_one();
        outcome
    };
    let (outcome, ()) = tokio::join!(statement, tell_blockers(other, &connection, observer, &done));
    outcome.map(drop)
}

async fn tell_blockers(other: &mut Session, connection: &str, observer: &dyn Observer, done: &Notify) {
    let mut told = Vec::new();
    while tokio::time::timeout(LOOK_FOR_BLOCKERS, done.notified()).await.is_err() {
        let Ok(blockers) = blockers::of_waiting(other, connection).await else { continue };
        let sessions: Vec<_> = blockers.iter().map(|it| it.holder.clone()).collect();
        if !sessions.is_empty() && sessions != told {
            event::tell(observer, &Event::Waiting { blockers });
            told = sessions;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn long_work_may_wait_longer_at_its_end() {
        let brief = Duration::from_millis(500);
        assert_eq!(last_step(brief, Duration::from_secs(1)), brief);
        assert_eq!(last_step(brief, Duration::from_secs(40)), Duration::from_secs(2));
        assert_eq!(last_step(brief, Duration::from_secs(7_200)), LAST_STEP);
    }

    #[test]
    fn the_servers_own_timeout_is_the_longer_one() {
        assert_eq!(mysql_lock_wait_timeout(Duration::from_millis(500), false), 1);
        assert_eq!(mysql_lock_wait_timeout(Duration::from_secs(2), false), 3);
        assert_eq!(mysql_lock_wait_timeout(Duration::from_millis(500), true), 6);
    }
}
