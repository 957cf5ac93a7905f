//! Fills a column of a table that is in use, batch by batch, by one worker or many.
//!
//! A batch and its checkpoint commit together, so a run that was killed goes on where the last
//! batch ended: nothing is lost and nothing repeated. Rows that are written meanwhile are the
//! triggers'; so the end of the table is looked at once, at the start.
//!
//! - `store`: what workers share, in the database: ranges with leases, so that they may be on many machines.
//! - `worker`, `team`: a connection that fills ranges; what those of one process share.
//! - `batch`: a batch, its checkpoint and the next question in one round trip.
//! - `blocks`: PostgreSQL 14 and later, in committed in-page passes (most updates become HOT).
//!   On those before it too where there is no key, if more slowly.
//! - `keys`: everywhere else, by ranges of a unique key.
//! - `pace`: how large a batch is, from how long the last one took.
//! - `room`, `growth`: how the table grows meanwhile, on PostgreSQL and on MySQL.
//! - `log_writer`: who writes MySQL's redo log meanwhile, and so how long others wait.
//! - `control`, `measure`: what people ask while it runs, and what else it gives way to.

mod batch;
mod blocks;
mod control;
mod function;
mod growth;
mod keys;
mod log_writer;
mod measure;
mod pace;
mod progress;
mod room;
mod store;
mod team;
mod worker;

use std::future::Future;
use std::pin::Pin;
use std::sync::Mutex;
use std::task::Poll;
use std::time::{Duration, Instant};

use super::event::{self, Event, Observer};
use super::lock::{self, Lock};
use super::{ExecError, Pool, Session, disk};
use crate::dialect::Dialect;
use crate::migration::{Backfill, Walk, WalkBy};
pub use control::{Control, Wish};
pub(super) use control::{ask, read as control};
pub use function::{FunctionFailure, Functions};
pub use growth::Growth;
use measure::Measures;
pub use measure::{Measure, Replica};
pub(super) use pace::Pace;
pub use progress::Progress;
pub(super) use progress::{is_filling, progress};
use store::Now;
pub(super) use store::forget;
use team::{Counted, Team};
use worker::Worker;

/// How a backfill is paced.
#[derive(Debug, Clone, PartialEq)]
pub struct BackfillOptions {
    /// How many connections of this process fill ranges of the table at the same time. Two are worth it where the server
    /// has two cores to spare; more than it has to spare gain nothing. Other processes may work beside this one.
    pub workers: u32,
    /// How long a batch should take. Clients that write its rows wait this long and a few
    /// milliseconds more. Without a value: 8 ms on PostgreSQL, 20 ms on MySQL, as measured.
    pub batch: Option<Duration>,
    /// Into how many passes PostgreSQL's pages are divided, a power of two. The more, the less
    /// the table grows; 8 spares the indexes as well. 1 is a plain walk. Without a value: 4, or 8 where the table has
    /// several indexes or large ones.
    pub passes: Option<u32>,
    /// PostgreSQL: 8 passes, and a VACUUM after each tenth of the table, so that it grows by about a tenth.
    pub disk_short: bool,
    /// MySQL: how many times its size a table may have after a fill that does not fit into its pages.
    pub accept_growth: Option<f64>,
    /// MySQL: a table that grows by fewer bytes may grow unasked.
    pub growth_unasked: u64,
    /// MySQL: whether the binary log gets only what has changed (`binlog_row_image = MINIMAL`): a thirteenth of the
    /// bytes. Who reads rows from it, and not only replicas do, misses the other columns. Wants SESSION_VARIABLES_ADMIN.
    pub minimal_binlog: bool,
    /// MySQL: whether threads of the server's own write its redo log while the table is filled
    /// (`innodb_log_writer_threads = ON`, for the whole server): no commit then stands for 100 ms, and the fill is some 15 %
    /// slower. What was OFF is OFF again at the end, but where the command is cut off. Wants SYSTEM_VARIABLES_ADMIN.
    pub log_writer_threads: bool,
    /// How long one batch is tried while others hold its rows.
    pub budget: Duration,
    /// What the fill gives way to. A worker whose process has other measures gives way to those.
    pub give_way: Vec<Measure>,
    /// How long a worker that is not heard of keeps its range. The range of one whose connection has ended is
    /// another's at once.
    pub lease: Duration,
}

impl Default for BackfillOptions {
    fn default() -> Self {
        Self {
            workers: 1,
            batch: None,
            passes: None,
            disk_short: false,
            accept_growth: None,
            growth_unasked: 64 << 20,
            minimal_binlog: false,
            log_writer_threads: false,
            budget: Duration::from_secs(300),
            give_way: Vec::new(),
            lease: Duration::from_secs(30),
        }
    }
}

/// What a fill did.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
pub struct Filled {
    /// Rows filled, by this run, earlier ones and those beside it.
    pub rows: u64,
    /// Batches of this run.
    pub batches: u64,
    /// How long this run took.
    pub elapsed: Duration,
    /// Its longest batch.
    pub longest_batch: Duration,
}

/// Fills a column. `key` names the fill: a second call with the same one goes on where the first one ended, and works
/// beside it while it has not ended.
///
/// # Errors
/// See [`ExecError`]; rows that the expression leaves without a value are an error at the end.
pub async fn fill(
    pool: &Pool,
    key: &str,
    backfill: &Backfill,
    options: &BackfillOptions,
    observer: &dyn Observer,
) -> Result<Filled, ExecError> {
    fill_with(pool, key, backfill, options, &Functions::new(), observer).await
}

/// As [`fill`], also where a Rust function gives the values.
///
/// MySQL: while there is no room for the server's binary log it waits, tells so, and stops after the budget of a batch.
///
/// # Errors
/// See [`fill`]; a function that was not registered, and what it says.
pub async fn fill_with(
    pool: &Pool,
    key: &str,
    backfill: &Backfill,
    options: &BackfillOptions,
    functions: &Functions,
    observer: &dyn Observer,
) -> Result<Filled, ExecError> {
    // a command of the runner is watched as a whole
    tokio::select! {
        filled = fill_since(pool, key, backfill, options, functions, observer, None) => filled,
        error = disk::watch(pool, observer, options.budget) => Err(error),
    }
}

/// As [`fill_with`], for a command that has begun when people had told fills to stop so many times: who told it so
/// before this fill began has told this one too.
pub(super) async fn fill_since(
    pool: &Pool,
    key: &str,
    backfill: &Backfill,
    options: &BackfillOptions,
    functions: &Functions,
    observer: &dyn Observer,
    aborts: Option<u64>,
) -> Result<Filled, ExecError> {
    registered(pool.dialect(), backfill, functions)?;
    let mut session = pool.session().await?;
    super::ledger::create(&mut session).await?;
    worker::prepare(&mut session, options).await?;
    let walk = best_walk(&mut session, backfill).await?;
    control::only_row(&mut session).await?;
    let aborts = match aborts {
        Some(aborts) => aborts,
        None => control(&mut session).await?.aborts,
    };
    let measures = Measures::new(&options.give_way, pool.dialect())?;
    let look = measures.begin(pool, &backfill.table).await?;
    let team = Team {
        pool,
        key,
        backfill,
        walk,
        options,
        functions,
        observer,
        measures: &measures,
        aborts,
        passes: room::passes(&mut session, backfill, walk, options).await?,
        begun: Instant::now(),
        counted: Mutex::new(Counted::default()),
    };
    let turned_on = log_writer::turn_on(&mut session, options).await?;
    let outcome = tokio::select! {
        outcome = rounds(&team, &mut session) => outcome,
        () = measures.watch(look, pool, &backfill.table) => Ok(()),
    };
    let turned_off = if turned_on { log_writer::turn_off(pool).await } else { Ok(()) };
    outcome.and(turned_off)?;
    let rows = team.store().now(&mut session, None).await?.map_or(0, |it| it.rows_filled);
    session.close().await;
    let filled = team.counted.into_inner().map(|it| it.filled).unwrap_or_default();
    let filled = Filled { rows, elapsed: team.begun.elapsed(), ..filled };
    super::meter::Fill { table: &backfill.table, column: &backfill.column }.complete();
    event::tell(observer, &Event::Filled { table: backfill.table.clone(), column: backfill.column.clone(), rows });
    Ok(filled)
}

/// How often those who do not lead look whether the fill is complete, or the lead is free.
const LOOK: Duration = Duration::from_millis(100);

/// Walks until no row is left. One round is enough but where a row moved past the walk (its key
/// was changed, or it was mended after an earlier run had ended in an error). A round from the
/// start that leaves as many as the one before has met rows that no round will fill.
///
/// One process leads: it alone begins rounds and says when the fill is complete. All work.
async fn rounds(team: &Team<'_>, session: &mut Session) -> Result<(), ExecError> {
    let mut leads = lock::tried(session, Lock::Fill(team.key)).await?;
    let mut before: Option<u64> = None;
    // a round that we have begun, and so seen from its start
    let mut ours = None;
    let mut seen = false;
    loop {
        let now = team.store().now(session, None).await?;
        let gone = seen && now.is_none();
        seen |= now.is_some();
        match now {
            None if gone => return Err(team.taken_back()),
            None if leads => {
                begin(team, session, None).await?;
                ours = Some(1);
            }
            None => {}
            Some(now) if now.complete && !leads => return Ok(()),
            Some(now) => {
                let walked = now.complete || (now.next.is_none() && now.ranges == 0);
                if !walked {
                    work(team).await?;
                } else if leads {
                    match ended(team, session, &now, ours == Some(now.round), before).await? {
                        None => return Ok(()),
                        left => before = left,
                    }
                    begin(team, session, Some(&now)).await?;
                    ours = Some(now.round + 1);
                    continue;
                }
            }
        }
        if !leads {
            tokio::time::sleep(LOOK).await;
            leads = lock::tried(session, Lock::Fill(team.key)).await?;
        }
    }
}

/// What is left when a round has ended: nothing if the fill is complete.
async fn ended(
    team: &Team<'_>,
    session: &mut Session,
    now: &Now,
    from_the_start: bool,
    before: Option<u64>,
) -> Result<Option<u64>, ExecError> {
    let backfill = team.backfill;
    let left = rows_left(session, backfill).await?;
    // without triggers there are always rows of old code; they are what the next `backfill` finds
    let of_a_function = backfill.function.is_some() && from_the_start;
    if left == 0 || (of_a_function && now.declined == 0) {
        team.store().complete(session, now.round).await?;
        return Ok(None);
    }
    if of_a_function || (from_the_start && before.is_some_and(|before| left >= before)) {
        return Err(incomplete(backfill, left));
    }
    Ok(Some(left))
}

async fn begin(team: &Team<'_>, session: &mut Session, before: Option<&Now>) -> Result<(), ExecError> {
    if let Some(before) = before {
        return team.begin_anew(session, before).await;
    }
    match session.dialect() {
        Dialect::Postgres => room::notice(session, team).await?,
        Dialect::MySql => {
            growth::accepted(session, team).await?;
            if !team.options.log_writer_threads {
                log_writer::notice(session, team).await?;
            }
        }
    }
    let round = team.round(session).await?;
    worker::patiently!(*session, team.store().begin(session, team.backfill, None, &round));
    Ok(())
}

/// A worker's work.
type Working<'a> = Pin<Box<dyn Future<Output = Result<(), ExecError>> + Send + 'a>>;

/// All workers of this process, until no range is left.
async fn work(team: &Team<'_>) -> Result<(), ExecError> {
    let mut workers: Vec<Working<'_>> = Vec::new();
    for _ in 0..team.options.workers.max(1) {
        workers.push(Box::pin(async move { Worker::start(team).await?.run().await }));
    }
    // an error of one ends all: their connections are cut, and what was not committed is not done
    std::future::poll_fn(move |context| {
        let mut error = None;
        workers.retain_mut(|worker| match worker.as_mut().poll(context) {
            Poll::Pending => true,
            Poll::Ready(Ok(())) => false,
            Poll::Ready(Err(found)) => {
                error.get_or_insert(found);
                false
            }
        });
        match error {
            Some(error) => Poll::Ready(Err(error)),
            None if workers.is_empty() => Poll::Ready(Ok(())),
            None => Poll::Pending,
        }
    })
    .await
}

/// The first way that the server can go.
async fn best_walk<'a>(session: &mut Session, backfill: &'a Backfill) -> Result<&'a Walk, ExecError> {
    // whether the table has blocks of its own, and whether a range of addresses can be asked for
    let (tids, blocks) = match session.dialect() {
        Dialect::MySql => (false, false),
        Dialect::Postgres => {
            let sql = format!(
                "SELECT (current_setting('server_version_num')::int >= 140000)::text WHERE \
                 (SELECT relkind FROM pg_class WHERE oid = to_regclass({})::oid) = 'r'",
                Dialect::Postgres.literal(&Dialect::Postgres.ident(&backfill.table))
            );
            let plain = session.value(&sql).await.map_err(ExecError::server("choosing how to walk"))?;
            (plain.is_some(), plain.as_deref() == Some("true"))
        }
    };
    let can = |walk: &&Walk| match walk.by {
        WalkBy::Blocks => blocks,
        WalkBy::Tids => tids,
        WalkBy::Keys(_) => true,
    };
    backfill.walks.iter().find(can).ok_or_else(|| {
        ExecError::Refused(format!(
            "the backfill of `{}.{}` has no walk for this server\n  help: PostgreSQL before 14 and partitioned tables are walked \
             by a key: give the table one",
            backfill.table, backfill.column
        ))
    })
}

/// Refuses a backfill whose function is not known, by name.
pub(crate) fn registered(dialect: Dialect, backfill: &Backfill, functions: &Functions) -> Result<(), ExecError> {
    match &backfill.function {
        Some(function) if !functions.has(dialect, &function.name) => Err(ExecError::Refused(format!(
            "the backfill of `{}.{}` is done by the Rust function `{}`, which was not registered for {dialect}\n  help: run this \
             by the application's own binary, and give its runner the function (`Options::functions`)",
            backfill.table, backfill.column, function.name
        ))),
        _ => Ok(()),
    }
}

/// Whether no row is left without a value.
pub(crate) async fn invariant_holds(session: &mut Session, backfill: &Backfill) -> Result<(), ExecError> {
    match rows_left(session, backfill).await? {
        0 => Ok(()),
        left => Err(incomplete(backfill, left)),
    }
}

async fn rows_left(session: &mut Session, backfill: &Backfill) -> Result<u64, ExecError> {
    let doing = format!("asking the invariant of `{}.{}`", backfill.table, backfill.column);
    let left = session.value(&backfill.invariant).await.map_err(ExecError::server(doing.clone()))?;
    left.and_then(|it| it.parse().ok()).ok_or_else(|| {
        ExecError::Refused(format!("{doing}: it gives no number of rows\n  help: correct the file's @invariant"))
    })
}

fn incomplete(backfill: &Backfill, left: u64) -> ExecError {
    let Backfill { table, column, invariant, .. } = backfill;
    ExecError::Incomplete(format!(
        "{left} rows of `{table}` have no `{column}`: the backfill's expression gives them no value, or they were written \
         without the triggers\n  help: look at them with the invariant's condition, and mend them or the expression; `backfill` fills what has been \
         left:\n  {invariant}"
    ))
}
