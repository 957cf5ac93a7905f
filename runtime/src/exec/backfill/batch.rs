//! One batch in one round trip: the statement of the file, the checkpoint of its range, the commit, and what the worker
//! asks for its next batch.
//!
//! The file's statement is prepared by SQL, as it stands there, so that the text of a batch is short and is planned
//! once. Whether the range is still the worker's must be known before the commit, and there is no round trip for that:
//! on PostgreSQL the checkpoint divides by the number of rows that it found, on MySQL that number decides between
//! COMMIT and ROLLBACK. MySQL goes on with the text when its client is gone, and then does not know any more how many
//! rows a statement has changed (ROW_COUNT() is -1, seen on 9.7): such a batch is rolled back too.

use std::time::Duration;

use super::super::ranges::Ranges;
use super::super::session::Row;
use super::super::{ExecError, Session};
use super::store::{Range, Store, now};
use super::worker::patiently;
use crate::dialect::Dialect;
use crate::migration::{Walk, WalkBy};

/// What a batch is about to do.
#[derive(Debug, Clone)]
pub(super) struct Request {
    /// The walk's parameters.
    pub(super) args: Vec<String>,
    /// Where the next batch begins.
    pub(super) place: String,
    /// How many of the range's units are behind it.
    pub(super) done_units: f64,
    /// What the worker asks behind the commit.
    pub(super) question: String,
}

/// What a batch did.
#[derive(Debug, Clone)]
pub(super) struct Batch {
    pub(super) rows: u64,
    /// How long its UPDATE took, as the server says. The size is steered by this alone: a commit takes its time to
    /// reach the disk however small the batch is, and smaller ones only mean more commits.
    pub(super) update: Duration,
    /// The server's answers, each with its tag first.
    pub(super) answer: Vec<Row>,
}

/// How the question that a worker asks behind every commit is prepared: planned anew, it took a twentieth of a batch.
const NOW: &str = "pontoon_now";

/// Prepares what is asked behind every commit.
pub(super) async fn prepare_question(session: &mut Session, now: &str) -> Result<(), ExecError> {
    let sql = match session.dialect() {
        Dialect::Postgres => format!("PREPARE {NOW} AS {now}"),
        Dialect::MySql => mysql_prepare(NOW, now),
    };
    session.execute(&sql).await.map(drop).map_err(ExecError::server("preparing what a worker asks"))
}

/// Prepares what batches execute.
pub(super) async fn prepare(
    session: &mut Session,
    store: Store<'_>,
    walk: &Walk,
    ranges: Option<&Ranges>,
    by_function: bool,
) -> Result<(), ExecError> {
    let dialect = session.dialect();
    let mut statements = Vec::new();
    if !by_function {
        statements.push(match dialect {
            Dialect::Postgres => postgres_batch(store, walk),
            Dialect::MySql => mysql_prepare("pontoon_batch", &walk.sql),
        });
    }
    if let Some(ranges) = ranges {
        let sql = ranges.end_of_batch_tagged();
        statements.push(match dialect {
            Dialect::Postgres => {
                let types = vec!["text"; parameters(walk)].join(", ");
                format!("PREPARE pontoon_end ({types}, bigint) AS {sql}")
            }
            Dialect::MySql => mysql_prepare("pontoon_end", &sql),
        });
    }
    for sql in statements {
        let doing = format!("preparing the batch of line {}", walk.line);
        // which takes the table's lock for a moment: somebody else's stronger one is waited for, as with a batch
        patiently!(*session, async { session.execute(&sql).await.map_err(ExecError::server(doing.as_str())) });
    }
    Ok(())
}

fn mysql_prepare(name: &str, sql: &str) -> String {
    format!("SET @pontoon_sql = {}; PREPARE {name} FROM @pontoon_sql", Dialect::MySql.literal(sql))
}

/// How many parameters a walk has on PostgreSQL, where they have numbers.
const fn parameters(walk: &Walk) -> usize {
    match &walk.by {
        WalkBy::Blocks | WalkBy::Tids => 4,
        WalkBy::Keys(columns) => columns.len() * 2,
    }
}

/// The file's statement and the checkpoint in one, since only so is the number of rows known to the checkpoint.
fn postgres_batch(store: Store<'_>, walk: &Walk) -> String {
    let of_walk = parameters(walk);
    let [place, done, rate, number, fence] = [1, 2, 3, 4, 5].map(|it| format!("${}", of_walk + it));
    format!(
        "PREPARE pontoon_batch ({types}, text, float8, float8, bigint, bigint) AS WITH filled AS (\n{sql}\nRETURNING 1), \
         noted AS (UPDATE pontoon_range SET place = {place}, done_units = {done}, rows_per_second = {rate}, \
         rows_filled = rows_filled + (SELECT count(*) FROM filled), lease_until = {lease}, at = clock_timestamp() \
         WHERE backfill = {key} AND number = {number} AND fence = {fence} RETURNING 1) \
         SELECT 'batch', (SELECT count(*) FROM filled), 1 / (SELECT count(*) FROM noted), \
         (extract(epoch FROM clock_timestamp() - statement_timestamp()) * 1000000)::bigint",
        types = vec!["text"; of_walk].join(", "),
        sql = walk.sql,
        lease = store.lease_until(Dialect::Postgres),
        key = Dialect::Postgres.literal(store.key),
    )
}

/// What is asked behind the commit: how the fill is now, and what the worker asks itself.
pub(super) fn question(of_worker: &str) -> String {
    let separator = if of_worker.is_empty() { "" } else { "; " };
    format!("EXECUTE {NOW}{separator}{of_worker}")
}

/// The text of a batch; the answer to it has a row that [`read`] understands, unless the server says an error.
pub(super) fn text(dialect: Dialect, store: Store<'_>, range: &Range, request: &Request, rate: f64) -> String {
    let Request { args, place, done_units, question } = request;
    match dialect {
        Dialect::Postgres => {
            let place = dialect.literal(place);
            let args: String = args.iter().map(|it| format!("{}, ", dialect.literal(it))).collect();
            format!(
                "BEGIN; EXECUTE pontoon_batch ({args}{place}, {done_units:e}, {rate:e}, {}, {}); COMMIT; {question}",
                range.number, range.fence
            )
        }
        Dialect::MySql => {
            let note = note(dialect, store, range, request, rate, "@pontoon_rows");
            format!(
                "BEGIN; SET @pontoon_begun = SYSDATE(6); {}; \
                 SET @pontoon_rows = ROW_COUNT(), @pontoon_took = TIMESTAMPDIFF(MICROSECOND, @pontoon_begun, SYSDATE(6)); \
                 {note}; SET @pontoon_noted = ROW_COUNT(); SET @pontoon_ends = IF(@pontoon_noted = 1 AND @pontoon_rows >= 0, 'COMMIT', 'ROLLBACK'); \
                 PREPARE pontoon_ends FROM @pontoon_ends; EXECUTE pontoon_ends; \
                 SELECT 'batch', @pontoon_rows, @pontoon_noted, @pontoon_took; {question}",
                execute(dialect, "pontoon_batch", args, None)
            )
        }
    }
}

/// Executes a prepared statement with texts, and perhaps a number behind them.
pub(super) fn execute(dialect: Dialect, name: &str, args: &[String], number: Option<u64>) -> String {
    let texts = args.iter().map(|it| dialect.literal(it));
    let all: Vec<_> = texts.chain(number.map(|it| it.to_string())).collect();
    match dialect {
        Dialect::Postgres => format!("EXECUTE {name} ({})", all.join(", ")),
        Dialect::MySql => {
            let variable = |at: usize| format!("@pontoon_{at}");
            let set: Vec<_> = all.iter().enumerate().map(|(at, value)| format!("{} = {value}", variable(at))).collect();
            let using: Vec<_> = (0..all.len()).map(variable).collect();
            format!("SET {}; EXECUTE {name} USING {}", set.join(", "), using.join(", "))
        }
    }
}

/// The checkpoint as a statement of its own.
pub(super) fn note(
    dialect: Dialect,
    store: Store<'_>,
    range: &Range,
    request: &Request,
    rate: f64,
    rows: &str,
) -> String {
    format!(
        "UPDATE pontoon_range SET place = {}, done_units = {:e}, rows_per_second = {rate:e}, \
         rows_filled = rows_filled + {rows}, lease_until = {}, at = {} WHERE {}",
        dialect.literal(&request.place),
        request.done_units,
        store.lease_until(dialect),
        now(dialect),
        store.owned(dialect, range)
    )
}

/// Reads the answer; nothing where the range is another's and the batch was taken back.
pub(super) fn read(answer: Vec<Row>) -> Option<Batch> {
    let row = answer.iter().find(|row| row.first().is_some_and(|tag| tag.as_deref() == Some("batch")))?;
    let number = |at: usize| row.get(at).cloned().flatten().and_then(|it| it.parse::<u64>().ok());
    let (rows, noted, took) = (number(1)?, number(2)?, number(3)?);
    (noted == 1).then_some(Batch { rows, update: Duration::from_micros(took), answer })
}
