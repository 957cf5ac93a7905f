//! One statement, carried out: the lock is waited for outside the queue, briefly inside it, and
//! given up in favour of others until the budget is spent.

use std::time::{Duration, Instant};

use super::event::{Blocker, Event};
use super::ledger::{self, Cost, Direction, Entry};
use super::retry::{gave_way, pause};
use super::runner::Work;
use super::session::code;
use super::{ExecError, Session, blockers, watch};
use crate::dialect::Dialect;
use crate::migration::history::Recorded;
use crate::migration::{Algorithm, Claim, Fact, Stage};

/// What is to be done, whichever way it goes.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Task<'a> {
    pub(crate) recorded: &'a Recorded,
    pub(crate) stage: Stage,
    pub(crate) step: usize,
    pub(crate) part: Option<usize>,
    pub(crate) direction: Direction,
    pub(crate) sql: &'a str,
    pub(crate) transactional: bool,
    pub(crate) settings: &'a [(String, String)],
    pub(crate) claim: &'a Claim,
    pub(crate) done: &'a Fact,
    /// What removes an index that an earlier attempt left invalid.
    pub(crate) clean_up: Option<&'a str>,
    /// Where it stands: file and line.
    pub(crate) place: &'a str,
}

impl Task<'_> {
    fn entry(&self, event: &'static str, cost: Cost) -> Entry<'_> {
        Entry {
            recorded: self.recorded,
            stage: self.stage,
            step: Some(self.step),
            part: self.part,
            direction: self.direction,
            event,
            sql: Some(self.sql),
            cost,
            detail: None,
        }
    }
}

/// Carries a task out. `begun` says that an earlier run has begun it: then the catalog is asked first.
pub(crate) async fn apply(work: &mut Work<'_>, task: &Task<'_>, begun: bool) -> Result<(), ExecError> {
    super::lock::still_held(&mut work.session).await?;
    if begun && super::holds(&mut work.session, task.done).await? {
        work.tell(&Event::Found { sql: task.sql.to_owned() });
        return note(work, &task.entry("done", Cost::default())).await;
    }
    note(work, &task.entry("started", Cost::default())).await?;
    work.tell(&Event::Statement { sql: task.sql.to_owned() });
    let begun = Instant::now();
    let mut cost = Cost::default();
    loop {
        let lock_timeout = match wait_outside(work, task, begun).await? {
            Ok(lock_timeout) => lock_timeout,
            Err(blockers) => return Err(blocked(work, task, cost, begun, blockers).await),
        };
        cost.attempts += 1;
        cost.waited_ms = millis(begun);
        let attempt = Instant::now();
        match attempt_once(work, task, cost, lock_timeout).await {
            Ok(()) => {
                cost.duration_ms = millis(attempt);
                work.tell(&Event::Done {
                    duration_ms: cost.duration_ms,
                    waited_ms: cost.waited_ms,
                    attempts: cost.attempts,
                });
                return Ok(());
            }
            Err(error) if gave_way(&error) => {
                work.tell(&Event::Retry { reason: error.to_string() });
                if begun.elapsed() >= work.options.patience.budget {
                    let blockers = blockers::find(&mut work.session, task.claim).await?;
                    return Err(blocked(work, task, cost, begun, blockers).await);
                }
                tokio::time::sleep(pause(cost.attempts)).await;
                // outside a transaction the statement may be done, and only its note not
                if super::holds(&mut work.session, task.done).await? {
                    return note(work, &task.entry("done", cost)).await;
                }
            }
            Err(error) => return Err(failed(work, task, cost, error).await),
        }
    }
}

/// Waits until nobody is in the way. Gives how long an attempt may stand in the queue; or, when
/// the budget is spent, who is still in the way.
async fn wait_outside(
    work: &mut Work<'_>,
    task: &Task<'_>,
    begun: Instant,
) -> Result<Result<Duration, Vec<Blocker>>, ExecError> {
    let mut told = false;
    let mut attempt = 0;
    loop {
        let found = blockers::find(&mut work.session, task.claim).await?;
        if found.is_empty() {
            return Ok(Ok(work.options.patience.lock_timeout));
        }
        if found.iter().all(blockers::gives_way) {
            work.tell(&Event::Waiting { blockers: found });
            return Ok(Ok(behind_autovacuum(work).await?));
        }
        if begun.elapsed() >= work.options.patience.budget {
            return Ok(Err(found));
        }
        if !told {
            work.tell(&Event::Waiting { blockers: found });
            told = true;
        }
        attempt += 1;
        tokio::time::sleep(pause(attempt)).await;
    }
}

/// An autovacuum may go on for hours, and ends only for those who stand behind it that long.
async fn behind_autovacuum(work: &mut Work<'_>) -> Result<Duration, ExecError> {
    let sql = "SELECT (extract(epoch FROM current_setting('deadlock_timeout')::interval) * 1000)::bigint";
    let server = work.session.value(sql).await.map_err(ExecError::server("asking for deadlock_timeout"))?;
    let server = Duration::from_millis(server.and_then(|it| it.parse().ok()).unwrap_or(1_000));
    Ok(work.options.patience.lock_timeout.max(server + Duration::from_millis(250)))
}

async fn attempt_once(
    work: &mut Work<'_>,
    task: &Task<'_>,
    cost: Cost,
    lock_timeout: Duration,
) -> Result<(), sqlx::Error> {
    for (name, value) in task.settings {
        work.session.execute(&format!("SET SESSION {name} = {value}")).await?;
    }
    let outcome = match work.session.dialect() {
        Dialect::Postgres if task.transactional => in_transaction(work, task, cost, lock_timeout).await,
        Dialect::Postgres => alone(work, task, cost).await,
        Dialect::MySql => on_mysql(work, task, cost, lock_timeout).await,
    };
    for (name, _) in task.settings {
        let back = match work.session.dialect() {
            Dialect::Postgres => format!("RESET {name}"),
            Dialect::MySql => format!("SET SESSION {name} = DEFAULT"),
        };
        work.session.execute(&back).await?;
    }
    outcome
}

/// PostgreSQL: the work and its note commit together.
async fn in_transaction(
    work: &mut Work<'_>,
    task: &Task<'_>,
    cost: Cost,
    lock_timeout: Duration,
) -> Result<(), sqlx::Error> {
    let lock_timeout = lock_timeout.as_millis().max(1);
    let session = &mut work.session;
    session
        .execute(&format!("BEGIN; SET LOCAL lock_timeout = {lock_timeout}; SET LOCAL statement_timeout = 0"))
        .await?;
    let begun = Instant::now();
    let outcome = match session.execute(task.sql).await {
        Ok(_) => {
            let cost = Cost { duration_ms: millis(begun), ..cost };
            let note = ledger::note_sql(Dialect::Postgres, work.runner, &task.entry("done", cost));
            session.execute(&format!("{note}; COMMIT")).await.map(drop)
        }
        Err(error) => Err(error),
    };
    if outcome.is_err() {
        session.execute("ROLLBACK").await.ok();
    }
    outcome
}

/// PostgreSQL: what cannot run in a transaction. It must wait for others as long as they take (a
/// short `lock_timeout` would leave an invalid index), and it blocks nobody meanwhile.
async fn alone(work: &mut Work<'_>, task: &Task<'_>, cost: Cost) -> Result<(), sqlx::Error> {
    clean_up(&mut work.session, task).await?;
    work.session.execute("SET lock_timeout = 0; SET statement_timeout = 0").await?;
    let begun = Instant::now();
    let observer = &*work.options.observer;
    if let Err(error) = watch::postgres(&mut work.session, &mut work.other, task.sql, observer).await {
        clean_up(&mut work.session, task).await.ok();
        return Err(error);
    }
    let cost = Cost { duration_ms: millis(begun), ..cost };
    ledger::note(&mut work.session, work.runner, &task.entry("done", cost)).await
}

/// An invalid index of that name is nobody's: it was left by an attempt that did not end. A
/// unique one would go on refusing rows.
pub(crate) async fn clean_up(session: &mut Session, task: &Task<'_>) -> Result<(), sqlx::Error> {
    let (Fact::Index(table, index), Some(sql)) = (task.done, task.clean_up) else { return Ok(()) };
    let invalid = session
        .query(
            "SELECT 1::text FROM pg_index x JOIN pg_class i ON i.oid = x.indexrelid JOIN pg_class c ON c.oid = x.indrelid \
             WHERE c.relnamespace = current_schema()::regnamespace AND c.relname = $1 AND i.relname = $2 AND NOT x.indisvalid",
            &[table.clone(), index.clone()],
        )
        .await?;
    if !invalid.is_empty() {
        session.execute("SET lock_timeout = 0; SET statement_timeout = 0").await?;
        session.execute(sql).await?;
    }
    Ok(())
}

/// MySQL: every DDL commits, so the note comes after it.
async fn on_mysql(work: &mut Work<'_>, task: &Task<'_>, cost: Cost, lock_timeout: Duration) -> Result<(), sqlx::Error> {
    let works_long = matches!(task.claim.algorithm, Some(Algorithm::Inplace | Algorithm::Copy));
    let seconds = watch::mysql_lock_wait_timeout(lock_timeout, works_long);
    work.session.execute(&format!("SET SESSION lock_wait_timeout = {seconds}")).await?;
    let begun = Instant::now();
    if let Err(error) = watch::mysql(&mut work.session, &mut work.other, task.sql, lock_timeout).await {
        // a statement of several may have been cut off while it held the table
        work.session.execute("UNLOCK TABLES").await.ok();
        return Err(error);
    }
    let cost = Cost { duration_ms: millis(begun), ..cost };
    ledger::note(&mut work.session, work.runner, &task.entry("done", cost)).await
}

async fn note(work: &mut Work<'_>, entry: &Entry<'_>) -> Result<(), ExecError> {
    ledger::note(&mut work.session, work.runner, entry).await.map_err(ExecError::server("writing pontoon_ledger"))
}

async fn failed(work: &mut Work<'_>, task: &Task<'_>, cost: Cost, error: sqlx::Error) -> ExecError {
    let said = error.to_string();
    let entry = Entry { detail: Some(&said), ..task.entry("failed", cost) };
    // the connection may be what failed; then the next run asks the catalog
    ledger::note(&mut work.session, work.runner, &entry).await.ok();
    let hint = match code(&error).as_deref() {
        Some("23505" | "1062") => "\n  help: the rows are not unique: change them, and run the command again",
        Some("1419") => {
            "\n  help: with the binary log on, MySQL lets only SUPER make triggers: SET GLOBAL log_bin_trust_function_creators = 1"
        }
        _ => "",
    };
    match error {
        sqlx::Error::Database(error) => {
            let code = error.code().map(|code| format!(" ({code})")).unwrap_or_default();
            ExecError::Incomplete(format!("{}: {}{code}{hint}", task.place, error.message()))
        }
        error => ExecError::Server { doing: task.place.to_owned(), error },
    }
}

async fn blocked(
    work: &mut Work<'_>,
    task: &Task<'_>,
    cost: Cost,
    begun: Instant,
    blockers: Vec<Blocker>,
) -> ExecError {
    let waited_ms = millis(begun);
    let error = ExecError::Blocked {
        doing: task.place.to_owned(),
        left: "nothing was changed",
        waited_ms,
        attempts: cost.attempts,
        blockers,
    };
    let said = error.to_string();
    let entry = Entry { detail: Some(&said), ..task.entry("failed", Cost { waited_ms, ..cost }) };
    ledger::note(&mut work.session, work.runner, &entry).await.ok();
    error
}

pub(crate) fn millis(since: Instant) -> u64 {
    u64::try_from(since.elapsed().as_millis()).unwrap_or(u64::MAX)
}
