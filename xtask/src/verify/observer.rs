//! Either server's observer.

use std::collections::{BTreeMap, BTreeSet};

use pontoon::Dialect;

use super::conn::{Conn, dialect_of};
use super::observation::{Observation, Refusal};
use super::observe_mysql::MySqlObserver;
use super::observe_postgres::PostgresObserver;

/// Watches one session of a server.
#[derive(Debug)]
pub enum Observer {
    /// Of PostgreSQL.
    Postgres(Box<PostgresObserver>),
    /// Of MySQL.
    MySql(Box<MySqlObserver>),
}

impl Observer {
    /// Connects to the database at `url`.
    ///
    /// # Errors
    /// Whatever the driver says.
    pub async fn open(url: &str) -> Result<Self, sqlx::Error> {
        Ok(match dialect_of(url) {
            Some(Dialect::MySql) => Self::MySql(Box::new(MySqlObserver::open(url).await?)),
            _ => Self::Postgres(Box::new(PostgresObserver::open(url).await?)),
        })
    }

    /// The session that runs the statements.
    pub const fn session(&mut self) -> &mut Conn {
        match self {
            Self::Postgres(it) => it.session(),
            Self::MySql(it) => it.session(),
        }
    }

    /// Prepares for the statements of one file. `true` if they run in one transaction of ours.
    ///
    /// # Errors
    /// The connection is lost.
    pub async fn begin_file(&mut self, statements: &[&str]) -> Result<bool, sqlx::Error> {
        match self {
            Self::Postgres(it) => it.begin_file(statements).await,
            Self::MySql(_) => Ok(false),
        }
    }

    /// Ends a file.
    ///
    /// # Errors
    /// A deferred constraint refuses the commit, or the connection is lost.
    pub async fn end_file(&mut self) -> Result<(), Refusal> {
        match self {
            Self::Postgres(it) => it.end_file().await,
            Self::MySql(it) => it.end_file().await.map_err(|error| Refusal::said(error.to_string())),
        }
    }

    /// Runs one statement and says what the server did.
    ///
    /// # Errors
    /// The server can no longer be asked.
    pub async fn observe(&mut self, sql: &str) -> Result<Observation, sqlx::Error> {
        match self {
            Self::Postgres(it) => it.observe(sql).await,
            Self::MySql(it) => it.observe(sql).await,
        }
    }

    /// A session beside it.
    pub const fn watcher(&mut self) -> &mut Conn {
        match self {
            Self::Postgres(it) => it.watcher(),
            Self::MySql(it) => it.watcher(),
        }
    }

    /// Whether the file holds locks from one statement to the next.
    pub const fn is_open(&self) -> bool {
        match self {
            Self::Postgres(it) => it.is_open(),
            Self::MySql(it) => it.is_open(),
        }
    }

    /// The tables that hold rows now.
    ///
    /// # Errors
    /// The server can no longer be asked.
    pub async fn tables_with_rows(&mut self) -> Result<BTreeSet<String>, sqlx::Error> {
        match self {
            Self::Postgres(it) => it.tables_with_rows().await,
            Self::MySql(it) => it.tables_with_rows().await,
        }
    }

    /// The partitions that there are now, each with the table that it is of; MySQL's are no tables.
    ///
    /// # Errors
    /// The server can no longer be asked.
    pub async fn partitions(&mut self) -> Result<BTreeMap<String, String>, sqlx::Error> {
        match self {
            Self::Postgres(it) => it.partitions().await,
            Self::MySql(_) => Ok(BTreeMap::new()),
        }
    }
}
