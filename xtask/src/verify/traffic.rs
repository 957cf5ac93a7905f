//! A reader and a writer on the tables that a statement touches, and how long they wait.
//!
//! Each does one point query after the other, by the primary key; the writer sets a column to
//! itself. What is measured is the longest that a query took of those which overlap the
//! statement.

use std::collections::BTreeSet;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use pontoon::Dialect;

use super::conn::{Conn, TextRow, message_of};
use super::words::{Word, names};

/// Rows of each table that are read and written in turn.
const KEYS: u64 = 4;
/// Between two queries: the machine is the server's too.
const PAUSE: Duration = Duration::from_micros(500);
/// The same after an error, which is likely to come again.
const PAUSE_AFTER_ERROR: Duration = Duration::from_millis(5);

/// The queries on some tables.
#[derive(Debug, Default, Clone)]
pub struct Queries {
    reads: Vec<String>,
    writes: Vec<String>,
}

/// What the clients met while a statement ran.
#[derive(Debug, Default)]
pub struct Met {
    /// The longest read, in milliseconds.
    pub read_ms: Option<f64>,
    /// The longest write, in milliseconds.
    pub write_ms: Option<f64>,
    /// What they were told instead of being served.
    pub errors: BTreeSet<String>,
}

impl Queries {
    /// The queries on `tables`; columns that `statement` names are not written.
    ///
    /// # Errors
    /// The server cannot be asked.
    pub async fn on(conn: &mut Conn, tables: &[String], statement: &[Word]) -> Result<Self, sqlx::Error> {
        let mut queries = Self::default();
        for table in tables {
            match queries.add(conn, table, statement).await {
                // the file itself has locked the table
                Ok(()) | Err(sqlx::Error::Database(_)) => {}
                Err(error) => return Err(error),
            }
        }
        Ok(queries)
    }

    async fn add(&mut self, conn: &mut Conn, table: &str, statement: &[Word]) -> Result<(), sqlx::Error> {
        let dialect = conn.dialect();
        let quoted = table.split('.').map(|part| dialect.ident(part)).collect::<Vec<_>>().join(".");
        let key = conn.rows(key_query(dialect, table, &quoted)).await?;
        let key: Vec<String> = key.into_iter().filter_map(|row| row.into_iter().next().flatten()).collect();
        if key.is_empty() {
            self.reads.push(format!("SELECT 1 FROM {quoted} LIMIT 1"));
            return Ok(());
        }
        let shown: Vec<_> = key.iter().map(|column| as_text(dialect, column)).collect();
        let rows = conn.rows(format!("SELECT {} FROM {quoted} LIMIT {KEYS}", shown.join(", "))).await?;
        let column = written_column(conn, table, &quoted, statement).await?;
        for row in rows {
            let condition = condition(dialect, &key, &row);
            self.reads.push(format!("SELECT 1 FROM {quoted} WHERE {condition}"));
            if let Some(column) = &column {
                self.writes.push(format!("UPDATE {quoted} SET {column} = {column} WHERE {condition}"));
            }
        }
        Ok(())
    }
}

fn key_query(dialect: Dialect, table: &str, quoted: &str) -> String {
    match dialect {
        Dialect::Postgres => format!(
            "SELECT a.attname FROM pg_catalog.pg_index i JOIN pg_catalog.pg_attribute a ON a.attrelid = i.indrelid \
             AND a.attnum = ANY (i.indkey) WHERE i.indrelid = {}::pg_catalog.regclass AND i.indisprimary",
            dialect.literal(quoted)
        ),
        Dialect::MySql => format!(
            "SELECT COLUMN_NAME FROM information_schema.COLUMNS WHERE TABLE_SCHEMA = DATABASE() AND TABLE_NAME = {} \
             AND COLUMN_KEY = 'PRI'",
            dialect.literal(table)
        ),
    }
}

/// A column that can be set to itself: neither generated nor named by the statement.
async fn written_column(
    conn: &mut Conn,
    table: &str,
    quoted: &str,
    statement: &[Word],
) -> Result<Option<String>, sqlx::Error> {
    let dialect = conn.dialect();
    let sql = match dialect {
        Dialect::Postgres => format!(
            "SELECT attname FROM pg_catalog.pg_attribute WHERE attrelid = {}::pg_catalog.regclass AND attnum > 0 \
             AND NOT attisdropped AND attidentity <> 'a' AND attgenerated = '' ORDER BY attnum DESC",
            dialect.literal(quoted)
        ),
        Dialect::MySql => format!(
            "SELECT COLUMN_NAME FROM information_schema.COLUMNS WHERE TABLE_SCHEMA = DATABASE() AND TABLE_NAME = {} \
             AND GENERATION_EXPRESSION = '' ORDER BY ORDINAL_POSITION DESC",
            dialect.literal(table)
        ),
    };
    let columns = conn.rows(sql).await?.into_iter().filter_map(|row| row.into_iter().next().flatten());
    let free = columns.into_iter().find(|column| !names(statement, column));
    Ok(free.map(|column| dialect.ident(&column)))
}

fn as_text(dialect: Dialect, column: &str) -> String {
    match dialect {
        Dialect::Postgres => format!("{}::text", dialect.ident(column)),
        // bytes that are no text travel as digits
        Dialect::MySql => format!(
            "CASE WHEN CHARSET({0}) = 'binary' THEN CONCAT('0x', HEX({0})) ELSE CAST({0} AS CHAR) END",
            dialect.ident(column)
        ),
    }
}

fn condition(dialect: Dialect, key: &[String], row: &TextRow) -> String {
    let part = |(column, value): (&String, &Option<String>)| {
        let value = value.as_deref().unwrap_or_default();
        let bytes = dialect == Dialect::MySql && value.len() > 2 && value.starts_with("0x");
        let value = if bytes { value.to_owned() } else { dialect.literal(value) };
        format!("{} = {value}", dialect.ident(column))
    };
    key.iter().zip(row).map(part).collect::<Vec<_>>().join(" AND ")
}

/// The two clients; their connections are kept between statements.
#[derive(Debug)]
pub struct Traffic {
    reader: Conn,
    writer: Conn,
}

/// Clients at work.
#[derive(Debug)]
pub struct Running {
    stop: Arc<AtomicBool>,
    reader: Client,
    writer: Client,
}

#[derive(Debug)]
struct Client {
    seen: Arc<Mutex<Spans>>,
    task: tokio::task::JoinHandle<Conn>,
}

/// When a client's queries began and ended; one that waits still has no end.
#[derive(Debug, Default)]
struct Spans {
    spans: Vec<(Instant, Option<Instant>)>,
    errors: BTreeSet<String>,
}

impl Traffic {
    /// Connects both.
    ///
    /// # Errors
    /// Whatever the driver says.
    pub async fn open(url: &str) -> Result<Self, sqlx::Error> {
        Ok(Self { reader: Conn::open(url).await?, writer: Conn::open(url).await? })
    }

    /// Sets both to work.
    pub fn start(self, queries: Queries) -> Running {
        let stop = Arc::new(AtomicBool::new(false));
        let client = |conn, queries| {
            let seen = Arc::new(Mutex::new(Spans::default()));
            let task = tokio::spawn(client(conn, queries, Arc::clone(&stop), Arc::clone(&seen)));
            Client { seen, task }
        };
        Running {
            reader: client(self.reader, queries.reads),
            writer: client(self.writer, queries.writes),
            stop: Arc::clone(&stop),
        }
    }
}

impl Running {
    /// Waits until both have been served once. Not for clients of a table that is locked already.
    pub async fn at_work(&self) {
        for client in [&self.reader, &self.writer] {
            let served = || {
                let seen = client.seen.lock().unwrap_or_else(PoisonError::into_inner);
                seen.spans.first().is_some_and(|(_, to)| to.is_some())
            };
            while !served() && !client.task.is_finished() {
                tokio::time::sleep(PAUSE).await;
            }
        }
    }

    /// Stops both, and says what they met from `begun` to `ended`.
    ///
    /// With `abandon`, a client that waits still is left behind: it waits for a transaction
    /// that stays open. The connections are gone then.
    pub async fn stop(self, begun: Instant, ended: Instant, abandon: bool) -> (Option<Traffic>, Met) {
        self.stop.store(true, Ordering::Release);
        let reader = self.reader.end(abandon).await;
        let writer = self.writer.end(abandon).await;
        let met = Met {
            read_ms: longest(&reader.1.spans, begun, ended),
            write_ms: longest(&writer.1.spans, begun, ended),
            errors: reader.1.errors.into_iter().chain(writer.1.errors).collect(),
        };
        let traffic = match (reader.0, writer.0) {
            (Some(reader), Some(writer)) => Some(Traffic { reader, writer }),
            _ => None,
        };
        (traffic, met)
    }
}

impl Client {
    async fn end(self, abandon: bool) -> (Option<Conn>, Spans) {
        let conn = if abandon {
            self.task.abort();
            None
        } else {
            self.task.await.ok()
        };
        let seen = std::mem::take(&mut *self.seen.lock().unwrap_or_else(PoisonError::into_inner));
        (conn, seen)
    }
}

/// 0 for a statement that came and went between two queries: nobody has waited.
fn longest(spans: &[(Instant, Option<Instant>)], begun: Instant, ended: Instant) -> Option<f64> {
    if spans.is_empty() {
        return None;
    }
    let spans = spans.iter().map(|(from, to)| (*from, to.unwrap_or_else(Instant::now)));
    let overlapping = spans.filter(|(from, to)| *from <= ended && *to >= begun);
    Some(overlapping.map(|(from, to)| to.duration_since(from).as_secs_f64() * 1_000.0).fold(0.0, f64::max))
}

async fn client(mut conn: Conn, queries: Vec<String>, stop: Arc<AtomicBool>, seen: Arc<Mutex<Spans>>) -> Conn {
    let note = |change: &mut dyn FnMut(&mut Spans)| change(&mut seen.lock().unwrap_or_else(PoisonError::into_inner));
    for query in queries.iter().cycle() {
        if stop.load(Ordering::Acquire) {
            break;
        }
        note(&mut |seen| seen.spans.push((Instant::now(), None)));
        let result = conn.execute(query.as_str()).await;
        note(&mut |seen| {
            if let Some(last) = seen.spans.last_mut() {
                last.1 = Some(Instant::now());
            }
        });
        match result {
            Ok(_) => tokio::time::sleep(PAUSE).await,
            // the statement has taken away what this query was made for
            Err(error) if is_gone(&error) => break,
            Err(error) => {
                note(&mut |seen| seen.errors.extend([message_of(&error)]));
                if !matches!(error, sqlx::Error::Database(_)) {
                    break;
                }
                tokio::time::sleep(PAUSE_AFTER_ERROR).await;
            }
        }
    }
    conn
}

/// No such table or column: 42P01, 42703; MySQL 42S02, 42S22. Not so where a trigger misses its
/// column: then the statement has broken every write.
fn is_gone(error: &sqlx::Error) -> bool {
    let Some(error) = error.as_database_error() else { return false };
    let gone = matches!(error.code().as_deref(), Some("42P01" | "42703" | "42S02" | "42S22"));
    let in_trigger = ["record \"new\"", "record \"old\"", "'NEW'", "'OLD'"];
    gone && !in_trigger.iter().any(|it| error.message().contains(it))
}
