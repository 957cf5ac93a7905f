//! A database on which statements are observed, and a second one on which the same is done
//! again to measure it.
//!
//! Observing keeps statements waiting on purpose, so durations and stalls cannot come from the
//! same run: the second run has nobody in the way but a reader and a writer.

use std::collections::BTreeSet;
use std::time::{Duration, Instant};

use pontoon::exec::backfill::{self, BackfillOptions, Functions};
use pontoon::exec::{Pool, Silent};
use pontoon::migration::{Backfill, LockMode};

use super::conn::{Conn, message_of};
use super::held::{Held, Stale};
use super::limit::{Ended, STATEMENT_LIMIT, limited};
use super::observation::{Observation, Refusal};
use super::observe_postgres::refusal;
use super::observer::Observer;
use super::outcome::MigrationRun;
use super::seed::{self, Seeding};
use super::server::{Database, Server, ServerError};
use super::traffic::{Met, Queries, Traffic};
use super::words::words;

/// Tables of one statement that clients use meanwhile; the most strongly locked ones.
const TABLES_MAX: usize = 3;

/// Something could not be run at all: no verdict.
#[derive(Debug)]
#[non_exhaustive]
pub enum RunError {
    /// There is no server.
    Server(ServerError),
    /// The connection was lost, or the server cannot be asked.
    Connection(String),
    /// A migration broke the connection, or ended the server: what was seen of it.
    Broken(Box<MigrationRun>),
    /// What has to run before is wrong: where, and what the server says.
    Setup(String),
    /// A statement was refused; the entry says which. Ends the migration's run.
    Refused,
}

impl std::fmt::Display for RunError {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Server(error) => error.fmt(f),
            Self::Connection(text) | Self::Setup(text) => f.write_str(text),
            Self::Refused => f.write_str("a statement was refused"),
            Self::Broken(run) => write!(f, "the connection was lost while `{}` ran", run.id),
        }
    }
}

impl std::error::Error for RunError {}

impl From<ServerError> for RunError {
    fn from(error: ServerError) -> Self {
        Self::Server(error)
    }
}

impl From<sqlx::Error> for RunError {
    fn from(error: sqlx::Error) -> Self {
        Self::Connection(format!("the server cannot be asked any more: {}", message_of(&error)))
    }
}

/// Why a statement that is not judged did not do what it should.
#[derive(Debug)]
pub enum Unrun {
    /// The server refused it, or it did not end in time.
    Refused(Refusal),
    /// The connection was lost.
    Lost(sqlx::Error),
}

impl From<Unrun> for RunError {
    fn from(unrun: Unrun) -> Self {
        match unrun {
            Unrun::Refused(refusal) => {
                Self::Setup(format!("the server refused a statement of ours: {}", refusal.message))
            }
            Unrun::Lost(error) => error.into(),
        }
    }
}

/// What was done, for the second run.
#[derive(Debug)]
enum Action {
    /// The next statements run in a session of their own.
    Session,
    /// Tables without rows get some.
    Fill,
    /// Runs unmeasured.
    Quiet(String),
    /// Runs under traffic on these tables. `open`: locks outlast the statement.
    Timed { entry: usize, sql: String, tables: Vec<String>, open: bool },
    /// A backfill; under traffic if it is an entry's.
    Backfill { entry: Option<usize>, key: String, backfill: Box<Backfill> },
}

/// What the second run measured of an entry.
#[derive(Debug)]
pub struct Measured {
    /// The entry, as it was numbered when it was observed.
    pub entry: usize,
    duration_ms: f64,
    read_ms: Option<f64>,
    write_ms: Option<f64>,
    errors: BTreeSet<String>,
    stale: BTreeSet<String>,
    failed: Option<String>,
}

impl Measured {
    fn of(entry: usize, took: Duration, met: Met, failed: Option<String>) -> Self {
        let Met { read_ms, write_ms, errors } = met;
        let duration_ms = took.as_secs_f64() * 1_000.0;
        Self { entry, duration_ms, read_ms, write_ms, errors, stale: BTreeSet::new(), failed }
    }

    /// Puts the figures into the observation.
    pub fn apply(self, observation: &mut Observation) {
        observation.client_errors.extend(self.errors);
        observation.stale_plans = self.stale;
        if let Some(message) = self.failed {
            let what = format!("it ran alone, but not with clients at work: {message}");
            observation.unobserved.push(what);
            return;
        }
        observation.duration_ms = self.duration_ms;
        observation.stall_read_ms = self.read_ms;
        observation.stall_write_ms = self.write_ms;
    }
}

/// A database, an observer on it, and the record of what was done.
#[derive(Debug)]
pub struct Workbench<'a> {
    server: &'a Server,
    database: Database,
    observer: Observer,
    actions: Vec<Action>,
    seeding: Seeding,
    functions: Functions,
    /// How long a statement may run.
    limit: Duration,
    /// What the server knows the session by that runs the statements.
    session: String,
}

impl<'a> Workbench<'a> {
    /// A fresh database.
    ///
    /// # Errors
    /// The server cannot be reached or refuses.
    pub async fn open(server: &'a Server, seeding: Seeding) -> Result<Self, RunError> {
        let database = server.fresh_database("pontoon_verify").await.map_err(|error| match error {
            ServerError::Database(error) => error.into(),
            error => RunError::Server(error),
        })?;
        let mut observer = Observer::open(database.url()).await?;
        let session = observer.session().id().await?;
        let (actions, functions) = (Vec::new(), Functions::new());
        Ok(Self { server, database, observer, actions, seeding, functions, limit: STATEMENT_LIMIT, session })
    }

    /// Ends statements that run for longer.
    pub fn with_limit(self, limit: Duration) -> Self {
        Self { limit, ..self }
    }

    /// With Rust functions for the backfills that name them.
    pub fn with_functions(self, functions: Functions) -> Self {
        Self { functions, ..self }
    }

    /// The Rust functions that are known.
    pub const fn functions(&self) -> &Functions {
        &self.functions
    }

    /// The observer.
    pub const fn observer(&mut self) -> &mut Observer {
        &mut self.observer
    }

    /// Where the database is.
    pub fn url(&self) -> &str {
        self.database.url()
    }

    /// Statements run in a new session from here on.
    ///
    /// # Errors
    /// The server cannot be reached.
    pub async fn new_session(&mut self) -> Result<(), RunError> {
        self.observer = Observer::open(self.database.url()).await?;
        self.session = self.observer.session().id().await?;
        self.actions.push(Action::Session);
        Ok(())
    }

    /// Gives rows to every table that holds none.
    ///
    /// # Errors
    /// The catalog cannot be read.
    pub async fn fill(&mut self) -> Result<Vec<seed::Filled>, RunError> {
        let filled = seed::fill_empty_tables(self.database.url(), &self.seeding).await;
        self.actions.push(Action::Fill);
        filled.map_err(|error| RunError::Connection(error.to_string()))
    }

    /// Runs a statement unobserved.
    ///
    /// # Errors
    /// Whatever the server says; it did not end in time.
    pub async fn quiet(&mut self, sql: &str) -> Result<(), Unrun> {
        let work = self.observer.session().execute(sql);
        match limited(self.limit, self.database.url(), &self.session, work).await {
            Ended::InTime(Ok(_)) => {
                self.actions.push(Action::Quiet(sql.to_owned()));
                Ok(())
            }
            Ended::InTime(Err(error @ sqlx::Error::Database(_))) => Err(Unrun::Refused(refusal(&error))),
            Ended::OverLimit(Ok(_) | Err(sqlx::Error::Database(_))) | Ended::Never => {
                Err(Unrun::Refused(Refusal::over_limit(self.limit)))
            }
            Ended::InTime(Err(error)) | Ended::OverLimit(Err(error)) => Err(Unrun::Lost(error)),
        }
    }

    /// Notes for the second run what the observer did by itself.
    pub fn note(&mut self, sql: &str) {
        self.actions.push(Action::Quiet(sql.to_owned()));
    }

    /// Runs a statement and says what the server did; `entry` is its number for [`measure`](Self::measure).
    ///
    /// # Errors
    /// The server can no longer be asked.
    pub async fn observe(&mut self, entry: usize, sql: &str) -> Result<Observation, RunError> {
        let was_open = self.observer.is_open();
        let observation =
            match limited(self.limit, self.database.url(), &self.session, self.observer.observe(sql)).await {
                Ended::InTime(seen) => seen?,
                // also where it says that it went well: MySQL's SLEEP() does when it is ended
                Ended::OverLimit(Ok(_) | Err(sqlx::Error::Database(_))) => {
                    Observation::refused(Refusal::over_limit(self.limit))
                }
                Ended::OverLimit(Err(error)) => return Err(error.into()),
                Ended::Never => {
                    let said = Refusal::over_limit(self.limit).message;
                    return Err(RunError::Connection(format!("{said}, which the server did not do")));
                }
            };
        if observation.error.is_none() {
            let open = was_open || self.observer.is_open();
            self.actions.push(Action::Timed { entry, sql: sql.to_owned(), tables: busy(&observation), open });
        }
        Ok(observation)
    }

    /// The server's dialect.
    pub const fn dialect(&self) -> pontoon::Dialect {
        self.server.dialect()
    }

    /// Fills a column as the runner does; unobserved.
    ///
    /// # Errors
    /// Says what the runner says.
    pub async fn backfill(&mut self, column: &Backfill) -> Result<(), String> {
        let key = self.backfill_key();
        fill_column(self.database.url(), &key, column, &self.functions).await?;
        self.actions.push(Action::Backfill { entry: None, key, backfill: Box::new(column.clone()) });
        Ok(())
    }

    /// A name for a checkpoint: each backfill begins at the table's start.
    pub fn backfill_key(&self) -> String {
        format!("verify {}", self.actions.len())
    }

    /// Notes for the second run that a column was filled under observation.
    pub fn note_backfill(&mut self, entry: usize, key: String, column: &Backfill) {
        self.actions.push(Action::Backfill { entry: Some(entry), key, backfill: Box::new(column.clone()) });
    }

    /// Drops the database of a run that came to nothing.
    pub async fn discard(self) {
        drop(self.observer);
        let _ = self.server.drop_database(self.database).await;
    }

    /// Does everything again on a second database, with clients at work, and drops both.
    ///
    /// # Errors
    /// The server cannot be reached any more.
    pub async fn measure(self) -> Result<Vec<Measured>, RunError> {
        let Self { server, database, observer, actions, seeding, functions, limit, .. } = self;
        drop(observer);
        server.drop_database(database).await?;
        let database = server.fresh_database("pontoon_verify").await?;
        let measured = replay(database.url(), &actions, &seeding, &functions, limit).await;
        let dropped = server.drop_database(database).await;
        let measured = measured?;
        dropped?;
        Ok(measured)
    }
}

/// The tables with the strongest locks of those that somebody may use.
fn busy(observation: &Observation) -> Vec<String> {
    let mut tables: Vec<(LockMode, &String)> = observation
        .tables()
        .filter(|it| observation.held_rows.contains(&it.object))
        .map(|it| (it.mode, &it.object))
        .collect();
    tables.sort_by(|one, other| other.cmp(one));
    tables.into_iter().take(TABLES_MAX).map(|(_, table)| table.clone()).collect()
}

async fn fill_column(url: &str, key: &str, column: &Backfill, functions: &Functions) -> Result<(), String> {
    let pool = Pool::connect_lazy(url).map_err(|error| error.to_string())?;
    let filled = backfill::fill_with(&pool, key, column, &BackfillOptions::default(), functions, &Silent).await;
    filled.map(drop).map_err(|error| error.to_string())
}

async fn replay(
    url: &str,
    actions: &[Action],
    seeding: &Seeding,
    functions: &Functions,
    limit: Duration,
) -> Result<Vec<Measured>, RunError> {
    let mut measured = Vec::new();
    let mut session = Conn::open(url).await?;
    let mut id = session.id().await?;
    let mut catalog = impatient(url).await?;
    let mut traffic = None;
    let mut held = Held::open(url).await?;
    for action in actions {
        if let Some(held) = &mut held {
            note_stale(held.stale().await?, &mut measured);
        }
        match action {
            Action::Session => {
                session = Conn::open(url).await?;
                id = session.id().await?;
            }
            Action::Fill => {
                seed::fill_empty_tables(url, seeding).await.map_err(|error| RunError::Connection(error.to_string()))?;
            }
            Action::Quiet(sql) => drop(limited(limit, url, &id, session.execute(sql.as_str())).await),
            Action::Backfill { entry: None, key, backfill } => drop(fill_column(url, key, backfill, functions).await),
            Action::Timed { entry, sql, tables, open } => {
                let words = words(sql, session.dialect());
                let queries = Queries::on(&mut catalog, tables, &words).await?;
                if let Some(held) = &mut held {
                    held.prepare(*entry, tables).await?;
                }
                let clients = started(&mut traffic, url).await?.start(queries);
                if !*open {
                    clients.at_work().await;
                }
                let begun = Instant::now();
                let failed = match limited(limit, url, &id, session.execute(sql.as_str())).await {
                    Ended::InTime(result) => result.err().map(|error| message_of(&error)),
                    Ended::OverLimit(_) | Ended::Never => Some(Refusal::over_limit(limit).message),
                };
                let ended = Instant::now();
                let (back, met) = clients.stop(begun, ended, *open).await;
                traffic = back;
                measured.push(Measured::of(*entry, ended.duration_since(begun), met, failed));
            }
            Action::Backfill { entry: Some(entry), key, backfill } => {
                let queries = Queries::on(&mut catalog, std::slice::from_ref(&backfill.table), &[]).await?;
                let clients = started(&mut traffic, url).await?.start(queries);
                clients.at_work().await;
                let begun = Instant::now();
                let result = fill_column(url, key, backfill, functions).await;
                let ended = Instant::now();
                let (back, met) = clients.stop(begun, ended, false).await;
                traffic = back;
                measured.push(Measured::of(*entry, ended.duration_since(begun), met, result.err()));
            }
        }
    }
    if let Some(held) = &mut held {
        note_stale(held.stale().await?, &mut measured);
    }
    Ok(measured)
}

fn note_stale(stale: Stale, measured: &mut [Measured]) {
    for (entry, columns) in stale {
        for it in measured.iter_mut().filter(|it| it.entry == entry) {
            it.stale.extend(columns.iter().cloned());
        }
    }
}

async fn started(traffic: &mut Option<Traffic>, url: &str) -> Result<Traffic, sqlx::Error> {
    match traffic.take() {
        Some(traffic) => Ok(traffic),
        None => Traffic::open(url).await,
    }
}

/// A session that does not wait for tables that the file has locked.
async fn impatient(url: &str) -> Result<Conn, sqlx::Error> {
    let mut conn = Conn::open(url).await?;
    let patience = match conn.dialect() {
        pontoon::Dialect::Postgres => "SET lock_timeout = '500ms'",
        pontoon::Dialect::MySql => "SET SESSION lock_wait_timeout = 1",
    };
    conn.execute(patience).await?;
    Ok(conn)
}
