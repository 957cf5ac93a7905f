//! One statement, carried out: the lock is waited for outside the queue, briefly inside it, and
//! given up in favour of others until the budget is spent.

use std::time::{Duration, Instant};

use super::event::{Blocker, Event, Holder};
use super::ledger::{self, Cost, Direction, Entry};
use super::retry::{gave_way, pause};
use super::runner::Work;
use super::session::{code, lost, no_room};
use super::{ExecError, Session, autovacuum, blockers, meter, watch};
use crate::dialect::Dialect;
use crate::migration::history::Recorded;
use crate::migration::{Algorithm, Claim, Extent, Fact, Stage};

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
    /// What the ledger says once it is done: `done`, or of one partition of several `partition`.
    pub(crate) noted: &'static str,
    /// Where it stands: file and line.
    pub(crate) place: &'a str,
}

impl Task<'_> {
    fn undoes(&self) -> bool {
        self.direction == Direction::Undo
    }

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
        return note(work, &task.entry(task.noted, Cost::default())).await;
    }
    note(work, &task.entry("started", Cost::default())).await?;
    work.tell(&Event::Statement { sql: task.sql.to_owned() });
    let begun = Instant::now();
    let mut cost = Cost::default();
    let earlier_ms = ledger::blocked_ms(&mut work.session, task.recorded).await?;
    loop {
        let waited = Instant::now();
        let outcome = wait_outside(work, task, begun).await?;
        if outcome.waited {
            meter::waited("blockers", waited.elapsed());
        }
        let lock_timeout = match outcome.may_queue {
            Ok(lock_timeout) => lock_timeout,
            Err(blockers) => return Err(blocked(work, task, cost, begun, blockers).await),
        };
        if task.direction == Direction::Do && is_spent(work, earlier_ms + cost.blocked_ms) {
            return Err(spent(work, task, cost, begun, earlier_ms).await?);
        }
        cost.attempts += 1;
        cost.waited_ms = millis(begun);
        let attempt = Instant::now();
        let Attempt { outcome, blocked: behind_us } = attempt_once(work, task, cost, lock_timeout).await;
        cost.blocked_ms += behind_us;
        let migration = &task.recorded.migration.id;
        meter::blocked(migration, task.stage, task.undoes(), Duration::from_millis(behind_us));
        match outcome {
            Ok(()) => {
                cost.duration_ms = millis(attempt);
                meter::statement(migration, task.stage, task.undoes(), attempt.elapsed());
                work.tell(&Event::Done {
                    duration_ms: cost.duration_ms,
                    waited_ms: cost.waited_ms,
                    attempts: cost.attempts,
                });
                return Ok(());
            }
            Err(error) if gave_way(&error) => {
                let reason = error.to_string();
                // what it has cost is noted at once, since the runner may not live to the end
                let cost_of_it = Cost { duration_ms: millis(attempt), blocked_ms: behind_us, ..cost };
                note(work, &Entry { detail: Some(&reason), ..task.entry("gave_way", cost_of_it) }).await?;
                meter::retried("statement");
                work.tell(&Event::Retry { reason });
                if begun.elapsed() >= work.options.patience.budget {
                    let blockers = blockers::find(&mut work.session, task.claim).await?;
                    return Err(blocked(work, task, cost, begun, blockers).await);
                }
                tokio::time::sleep(pause(cost.attempts)).await;
                // outside a transaction the statement may be done, and only its note not
                if super::holds(&mut work.session, task.done).await? {
                    return note(work, &task.entry(task.noted, Cost { blocked_ms: 0, ..cost })).await;
                }
            }
            Err(error) => return Err(failed(work, task, Cost { blocked_ms: behind_us, ..cost }, error).await),
        }
    }
}

/// What came of an attempt.
struct Attempt {
    outcome: Result<(), sqlx::Error>,
    /// For how long others may have waited behind it, in milliseconds.
    blocked: u64,
}

/// For how long others may have waited behind a statement that took so long. Nobody waits for what conflicts with
/// neither reads nor writes; and the time for which rows are copied is the author's word, so what counts of it is the wait
/// in the queue.
fn behind(claim: &Claim, took: Duration, lock_timeout: Duration) -> u64 {
    let extent = claim.reads.max(claim.writes);
    let counted = match extent {
        Extent::No => Duration::ZERO,
        Extent::Brief => took,
        Extent::Rows => took.min(lock_timeout),
    };
    u64::try_from(counted.as_millis()).unwrap_or(u64::MAX)
}

fn is_spent(work: &Work<'_>, blocked_ms: u64) -> bool {
    u128::from(blocked_ms) >= work.options.patience.blocked_total.as_millis()
}

/// What came of waiting outside the queue.
struct Waited {
    /// Whether there was anybody to wait for.
    waited: bool,
    /// How long an attempt may stand in the queue; or who is still in the way.
    may_queue: Result<Duration, Vec<Blocker>>,
}

/// Waits until nobody is in the way. Gives how long an attempt may stand in the queue; or, when
/// the budget is spent, who is still in the way.
async fn wait_outside(work: &mut Work<'_>, task: &Task<'_>, begun: Instant) -> Result<Waited, ExecError> {
    let mut told = false;
    let mut attempt = 0;
    let mut ended = Vec::new();
    loop {
        let mut found = blockers::find(&mut work.session, task.claim).await?;
        found.retain(blockers::is_old);
        if work.session.dialect() == Dialect::Postgres && !task.transactional {
            let age = work.options.patience.old_transaction;
            found.extend(blockers::old_transactions(&mut work.session, task.claim, age).await?);
        }
        if found.is_empty() {
            return Ok(Waited { waited: told, may_queue: Ok(work.options.patience.lock_timeout) });
        }
        if begun.elapsed() >= work.options.patience.budget {
            return Ok(Waited { waited: told, may_queue: Err(found) });
        }
        if !told {
            work.tell(&Event::Waiting { blockers: found.clone() });
            told = true;
        }
        if found.iter().all(blockers::gives_way) {
            if autovacuum::ended(work, &found).await? {
                continue;
            }
            return Ok(Waited { waited: told, may_queue: Ok(autovacuum::patience(work).await?) });
        }
        if end_blockers(work, task, begun, &found, &mut ended).await? {
            continue;
        }
        attempt += 1;
        tokio::time::sleep(pause(attempt)).await;
    }
}

/// Ends those in the way whom the policy means, and notes it; `true` if there was one. Who was ended is gone a moment
/// later, and is not ended twice.
async fn end_blockers(
    work: &mut Work<'_>,
    task: &Task<'_>,
    begun: Instant,
    found: &[Blocker],
    ended: &mut Vec<Holder>,
) -> Result<bool, ExecError> {
    let policy = work.options.patience.end_blockers;
    let Some(policy) = policy.filter(|it| begun.elapsed() >= it.after) else { return Ok(false) };
    let mut any = false;
    for blocker in found {
        if !ended.contains(&blocker.holder) && blockers::end(&mut work.session, blocker, policy).await? {
            let who = blocker.to_string();
            note(work, &Entry { detail: Some(&who), ..task.entry("ended", Cost::default()) }).await?;
            meter::ended();
            work.tell(&Event::Ended { blocker: blocker.clone() });
            ended.push(blocker.holder.clone());
            any = true;
        }
    }
    Ok(any)
}

async fn attempt_once(work: &mut Work<'_>, task: &Task<'_>, cost: Cost, lock_timeout: Duration) -> Attempt {
    let settings = |set: &dyn Fn(&str, &str) -> String| -> Vec<String> {
        task.settings.iter().map(|(name, value)| set(name, value)).collect()
    };
    let dialect = work.session.dialect();
    for sql in settings(&|name, value| format!("SET SESSION {name} = {value}")) {
        if let Err(error) = work.session.execute(&sql).await {
            return Attempt { outcome: Err(error), blocked: 0 };
        }
    }
    let attempt = match dialect {
        Dialect::Postgres if task.transactional => in_transaction(work, task, cost, lock_timeout).await,
        Dialect::Postgres => Attempt { outcome: alone(work, task, cost).await, blocked: 0 },
        Dialect::MySql => on_mysql(work, task, cost, lock_timeout).await,
    };
    let back = settings(&|name, _| match dialect {
        Dialect::Postgres => format!("RESET {name}"),
        Dialect::MySql => format!("SET SESSION {name} = DEFAULT"),
    });
    for sql in back {
        if let Err(error) = work.session.execute(&sql).await {
            return Attempt { outcome: Err(error), ..attempt };
        }
    }
    attempt
}

/// PostgreSQL: the work and its note commit together.
async fn in_transaction(work: &mut Work<'_>, task: &Task<'_>, cost: Cost, lock_timeout: Duration) -> Attempt {
    let session = &mut work.session;
    let begin =
        format!("BEGIN; SET LOCAL lock_timeout = {}; SET LOCAL statement_timeout = 0", lock_timeout.as_millis().max(1));
    if let Err(error) = session.execute(&begin).await {
        return Attempt { outcome: Err(error), blocked: 0 };
    }
    let begun = Instant::now();
    let outcome = match session.execute(task.sql).await {
        Ok(_) => {
            let blocked_ms = behind(task.claim, begun.elapsed(), lock_timeout);
            let cost = Cost { duration_ms: millis(begun), blocked_ms, ..cost };
            let note = ledger::note_sql(Dialect::Postgres, work.runner, &task.entry(task.noted, cost));
            session.execute(&format!("{note}; COMMIT")).await.map(drop)
        }
        Err(error) => Err(error),
    };
    let blocked = behind(task.claim, begun.elapsed(), lock_timeout);
    if outcome.is_err() {
        session.execute("ROLLBACK").await.ok();
    }
    Attempt { outcome, blocked }
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
    let cost = Cost { duration_ms: millis(begun), blocked_ms: 0, ..cost };
    ledger::note(&mut work.session, work.runner, &task.entry(task.noted, cost)).await
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
async fn on_mysql(work: &mut Work<'_>, task: &Task<'_>, cost: Cost, lock_timeout: Duration) -> Attempt {
    let works_long = matches!(task.claim.algorithm, Some(Algorithm::Inplace | Algorithm::Copy));
    let seconds = watch::mysql_lock_wait_timeout(lock_timeout, works_long);
    if let Err(error) = work.session.execute(&format!("SET SESSION lock_wait_timeout = {seconds}")).await {
        return Attempt { outcome: Err(error), blocked: 0 };
    }
    let begun = Instant::now();
    let (outcome, waited) = watch::mysql(&mut work.session, &mut work.other, task.sql, lock_timeout).await;
    let blocked = u64::try_from(waited.as_millis()).unwrap_or(u64::MAX);
    if outcome.is_err() {
        // a statement of several may have been cut off while it held the table
        work.session.execute("UNLOCK TABLES").await.ok();
        return Attempt { outcome, blocked };
    }
    let cost = Cost { duration_ms: millis(begun), blocked_ms: blocked, ..cost };
    let outcome = ledger::note(&mut work.session, work.runner, &task.entry(task.noted, cost)).await;
    Attempt { outcome, blocked }
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
        Some("4092") => {
            "\n  help: the table has no row version left for a change INSTANT (it has 64 of them, from MySQL 9.1 on 255): rebuild it by \
             ALTER TABLE ... FORCE, ALGORITHM=INPLACE, LOCK=NONE, while reads and writes go on, and run the command again"
        }
        _ => "",
    };
    match error {
        error if lost(&error) || no_room(&error) => ExecError::Server { doing: task.place.to_owned(), error },
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
    // each attempt has noted what it cost others
    let entry = Entry { detail: Some(&said), ..task.entry("failed", Cost { waited_ms, blocked_ms: 0, ..cost }) };
    ledger::note(&mut work.session, work.runner, &entry).await.ok();
    error
}

/// Others have waited for this migration long enough.
async fn spent(
    work: &mut Work<'_>,
    task: &Task<'_>,
    cost: Cost,
    begun: Instant,
    earlier_ms: u64,
) -> Result<ExecError, ExecError> {
    let blockers = blockers::find(&mut work.session, task.claim).await?;
    let error = ExecError::Spent {
        doing: task.place.to_owned(),
        blocked_ms: earlier_ms + cost.blocked_ms,
        allowed_ms: u64::try_from(work.options.patience.blocked_total.as_millis()).unwrap_or(u64::MAX),
        blockers,
    };
    let said = error.to_string();
    let cost = Cost { waited_ms: millis(begun), blocked_ms: 0, ..cost };
    ledger::note(&mut work.session, work.runner, &Entry { detail: Some(&said), ..task.entry("failed", cost) })
        .await
        .ok();
    Ok(error)
}

pub(crate) fn millis(since: Instant) -> u64 {
    u64::try_from(since.elapsed().as_millis()).unwrap_or(u64::MAX)
}
