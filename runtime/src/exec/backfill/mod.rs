//! Fills a column of a table that is in use, batch by batch.
//!
//! A batch and its checkpoint commit together, so a run that was killed goes on where the last
//! batch ended: nothing is lost and nothing repeated. Rows that are written meanwhile are the
//! triggers'; so the end of the table is looked at once, at the start.
//!
//! - `blocks`: PostgreSQL 14 and later, in committed in-page passes (most updates become HOT).
//! - `keys`: everywhere else, by ranges of a unique key.
//! - `pace`: how large a batch is, from how long the last one took.

mod blocks;
mod checkpoint;
mod function;
mod keys;
mod pace;

use std::time::{Duration, Instant};

use super::event::{Event, Observer};
use super::lock::{self, Lock};
use super::session::Row;
use super::{ExecError, Pool, Session};
use crate::dialect::Dialect;
use crate::migration::{Backfill, Claim, LockMode, Walk, WalkBy};
use checkpoint::Checkpoint;
pub use function::{FunctionFailure, Functions};
pub(super) use pace::Pace;

/// How a backfill is paced.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct BackfillOptions {
    /// How long a batch should take. Clients that write its rows wait this long and a few
    /// milliseconds more. Without a value: 8 ms on PostgreSQL, 20 ms on MySQL, as measured.
    pub batch: Option<Duration>,
    /// Into how many passes PostgreSQL's pages are divided, a power of two. The more, the less
    /// the table grows; 8 spares the indexes as well. 1 is a plain walk.
    pub passes: u32,
    /// How long one batch is tried while others hold its rows.
    pub budget: Duration,
}

impl Default for BackfillOptions {
    fn default() -> Self {
        Self { batch: None, passes: 4, budget: Duration::from_secs(300) }
    }
}

/// What a fill did.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
pub struct Filled {
    /// Rows filled, by this run and earlier ones.
    pub rows: u64,
    /// Batches of this run.
    pub batches: u64,
    /// How long this run took.
    pub elapsed: Duration,
    /// Its longest batch.
    pub longest_batch: Duration,
}

/// Fills a column. `key` names the checkpoint: a second call with the same one goes on where the
/// first one ended.
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
    registered(pool.dialect(), backfill, functions)?;
    let mut session = pool.session().await?;
    // a batch of a run that was killed may still be on its way to its commit
    lock::take(&mut session, Lock::Fill(key), options.budget).await?;
    super::ledger::create(&mut session).await?;
    prepare(&mut session).await?;
    let walk = best_walk(&mut session, backfill).await?;
    let checkpoint = Checkpoint::read(&mut session, key).await?;
    let mut run = Run {
        session,
        key,
        backfill,
        walk,
        options,
        functions,
        declined: 0,
        observer,
        begun: Instant::now(),
        filled: Filled::default(),
        earlier: 0,
        from: 0.0,
        gave_way: None,
    };
    if let Some(checkpoint) = &checkpoint {
        run.earlier = checkpoint.rows_filled;
        run.filled.rows = checkpoint.rows_filled;
    }
    rounds(&mut run, checkpoint).await?;
    let mut filled = run.filled;
    filled.elapsed = run.begun.elapsed();
    run.session.close().await;
    observer.event(&Event::Filled {
        table: backfill.table.clone(),
        column: backfill.column.clone(),
        rows: filled.rows,
    });
    Ok(filled)
}

/// Walks until no row is left. One round is enough but where a row moved past the walk (its key
/// was changed, or it was mended after an earlier run had ended in an error). A round from the
/// start that leaves as many as the one before has met rows that no round will fill.
async fn rounds(run: &mut Run<'_>, mut checkpoint: Option<Checkpoint>) -> Result<(), ExecError> {
    let mut before = None;
    loop {
        let from_the_start = checkpoint.is_none();
        run.declined = 0;
        match &run.walk.by {
            WalkBy::Blocks => blocks::walk(run, checkpoint.take()).await?,
            WalkBy::Keys(columns) => keys::walk(run, columns, checkpoint.take()).await?,
        }
        let left = rows_left(&mut run.session, run.backfill).await?;
        if left == 0 {
            return Ok(());
        }
        if run.backfill.function.is_some() && (from_the_start || run.declined > 0) {
            // without triggers there are always rows of old code; they are what the next `backfill` finds
            return if run.declined > 0 { Err(incomplete(run.backfill, left)) } else { Ok(()) };
        }
        if from_the_start && before.is_some_and(|before| left >= before) {
            return Err(incomplete(run.backfill, left));
        }
        before = Some(left);
    }
}

/// A fill at work.
struct Run<'a> {
    session: Session,
    key: &'a str,
    backfill: &'a Backfill,
    walk: &'a Walk,
    options: &'a BackfillOptions,
    functions: &'a Functions,
    /// Rows of this round to which a function gave no value.
    declined: u64,
    observer: &'a dyn Observer,
    begun: Instant,
    filled: Filled,
    /// Rows that earlier runs filled.
    earlier: u64,
    /// How much of the table was behind us when this run began, from 0 to 1.
    from: f64,
    /// Since when, and how often, the next batch has given way to others.
    gave_way: Option<(Instant, u32)>,
}

impl Run<'_> {
    fn doing(&self) -> String {
        format!("filling `{}.{}` (line {})", self.backfill.table, self.backfill.column, self.walk.line)
    }

    fn batch_target(&self) -> Duration {
        self.options.batch.unwrap_or(match self.session.dialect() {
            Dialect::Postgres => Duration::from_millis(8),
            Dialect::MySql => Duration::from_millis(20),
        })
    }

    /// Counts a batch and tells of it. `position` goes from 0 to 1.
    fn count(&mut self, rows: u64, took: Duration, position: f64) {
        self.filled.rows += rows;
        self.filled.batches += 1;
        self.filled.longest_batch = self.filled.longest_batch.max(took);
        let seconds = self.begun.elapsed().as_secs_f64();
        let walked = position - self.from;
        let ours = (self.filled.rows - self.earlier) as f64;
        self.observer.event(&Event::Batch {
            table: self.backfill.table.clone(),
            column: self.backfill.column.clone(),
            rows: self.filled.rows,
            position,
            rows_per_second: if seconds > 0.0 { ours / seconds } else { 0.0 },
            eta_seconds: (walked > 0.01).then(|| seconds / walked * (1.0 - position)),
        });
    }

    /// One batch and its checkpoint in one transaction, and then `question`, all in three round
    /// trips; `None` if the server gave way to others, after a pause.
    async fn batch(
        &mut self,
        args: &[String],
        checkpoint: &Checkpoint,
        question: &str,
    ) -> Result<Option<Batch>, ExecError> {
        match self.batch_in_transaction(args, checkpoint, question).await {
            Ok(batch) => {
                self.gave_way = None;
                Ok(Some(batch))
            }
            Err(error) if super::retry::gave_way(&error) => {
                self.session.execute("ROLLBACK").await.map_err(ExecError::server(self.doing()))?;
                self.give_way(&error).await.map(|()| None)
            }
            Err(error @ sqlx::Error::Database(_)) => {
                self.session.execute("ROLLBACK").await.ok();
                let text = error.as_database_error().map(|it| it.message().to_owned()).unwrap_or_default();
                Err(ExecError::Incomplete(format!(
                    "{}: {text}\n  help: mend the rows or the expression; nothing of this batch was written",
                    self.doing()
                )))
            }
            Err(sqlx::Error::Configuration(said)) => {
                self.session.execute("ROLLBACK").await.ok();
                Err(ExecError::Incomplete(format!(
                    "{}: {said}\n  help: mend the function or the rows; nothing of this batch was written",
                    self.doing()
                )))
            }
            Err(error) => Err(ExecError::Server { doing: self.doing(), error }),
        }
    }

    async fn batch_in_transaction(
        &mut self,
        args: &[String],
        checkpoint: &Checkpoint,
        question: &str,
    ) -> Result<Batch, sqlx::Error> {
        self.session.execute("BEGIN").await?;
        let begun = Instant::now();
        let rows = self.change(args).await?;
        let update = begun.elapsed();
        let checkpoint = Checkpoint { rows_filled: self.filled.rows + rows, ..checkpoint.clone() };
        let note = checkpoint.write_sql(self.session.dialect(), self.key);
        let answer = self.session.rows(&format!("{note}; COMMIT; {question}")).await?;
        Ok(Batch { rows, update, answer })
    }

    /// Changes the rows of a batch.
    async fn change(&mut self, args: &[String]) -> Result<u64, sqlx::Error> {
        let Some(fill) = &self.backfill.function else { return self.session.run(&self.walk.sql, args).await };
        let WalkBy::Keys(columns) = &self.walk.by else { return Ok(0) };
        let request = function::Request { fill, select: &self.walk.sql, args, keys: columns.len() };
        let batch = self.functions.call(&mut self.session, request).await?;
        self.declined += batch.declined;
        Ok(batch.written)
    }

    /// Pauses, or stops when the budget is spent.
    async fn give_way(&mut self, error: &sqlx::Error) -> Result<(), ExecError> {
        let (since, attempts) = self.gave_way.map_or((Instant::now(), 1), |(since, attempts)| (since, attempts + 1));
        self.gave_way = Some((since, attempts));
        self.observer.event(&Event::Retry { reason: error.to_string() });
        if since.elapsed() >= self.options.budget {
            // whoever has written to the table and not committed may hold the rows
            let writes = Claim::none().lock(&self.backfill.table, LockMode::ShareRowExclusive);
            let blockers = super::blockers::find(&mut self.session, &writes).await?;
            let waited_ms = super::apply::millis(since);
            return Err(ExecError::Blocked {
                doing: self.doing(),
                left: "what is filled stays",
                waited_ms,
                attempts,
                blockers,
            });
        }
        tokio::time::sleep(super::retry::pause(attempts)).await;
        Ok(())
    }
}

/// What a batch did.
struct Batch {
    rows: u64,
    /// How long its UPDATE took. The size is steered by this alone: a commit takes its time to
    /// reach the disk however small the batch is, and smaller ones only mean more commits.
    update: Duration,
    /// What the server said to the walk's question.
    answer: Vec<Row>,
}

/// What the fill's own connection needs.
async fn prepare(session: &mut Session) -> Result<(), ExecError> {
    let statements: &[&str] = match session.dialect() {
        // a batch waits briefly for a row, since others wait for the rows it has, and gives way
        Dialect::Postgres => {
            &["SET application_name = 'pontoon backfill'; SET lock_timeout = '100ms'; SET statement_timeout = 0"]
        }
        Dialect::MySql => &[
            "SET SESSION TRANSACTION ISOLATION LEVEL READ COMMITTED",
            "SET SESSION innodb_lock_wait_timeout = 1",
            "SET @pontoon_backfill = 1",
        ],
    };
    for sql in statements {
        session.execute(sql).await.map_err(ExecError::server("preparing the backfill's connection"))?;
    }
    Ok(())
}

/// The first way that the server can go.
async fn best_walk<'a>(session: &mut Session, backfill: &'a Backfill) -> Result<&'a Walk, ExecError> {
    let blocks = match session.dialect() {
        Dialect::MySql => false,
        Dialect::Postgres => {
            let sql = format!(
                "SELECT 1::text WHERE current_setting('server_version_num')::int >= 140000 \
                 AND (SELECT relkind FROM pg_class WHERE oid = to_regclass({})::oid) = 'r'",
                Dialect::Postgres.literal(&Dialect::Postgres.ident(&backfill.table))
            );
            !session.rows(&sql).await.map_err(ExecError::server("choosing how to walk"))?.is_empty()
        }
    };
    backfill.walks.iter().find(|walk| blocks || walk.by != WalkBy::Blocks).ok_or_else(|| {
        ExecError::Refused(format!(
            "the backfill of `{}.{}` has no walk for this server\n  help: PostgreSQL before 14 walks by a key: give the table one",
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

/// Forgets the checkpoints of a migration that was undone.
pub(crate) async fn forget(session: &mut Session, migration: &str) -> Result<(), ExecError> {
    let dialect = session.dialect();
    let sql = format!(
        "DELETE FROM pontoon_checkpoint WHERE LEFT(backfill, {}) = {}",
        migration.chars().count() + 1,
        dialect.literal(&format!("{migration}/"))
    );
    session.execute(&sql).await.map_err(ExecError::server("forgetting checkpoints")).map(drop)
}
