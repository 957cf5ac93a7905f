//! One connection to either server, for SQL that is only known at run time.
//!
//! Everything goes through the text protocol: it takes several statements and every
//! statement (MySQL prepares only some), and every value comes back as text.

use pontoon::Dialect;
use sqlx::{
    AssertSqlSafe, Column as _, Connection, Executor, MySqlConnection, PgConnection, Row as _, SqlSafeStr, SqlStr,
};

/// SQL that was not known when this program was built. The one place where such text enters the driver.
pub fn dynamic(sql: impl Into<String>) -> SqlStr {
    AssertSqlSafe(sql.into()).into_sql_str()
}

/// A connection to one of the servers.
#[derive(Debug)]
pub enum Conn {
    /// To PostgreSQL.
    Postgres(Box<PgConnection>),
    /// To MySQL.
    MySql(Box<MySqlConnection>),
}

/// A row: each value as the server's text, `None` for NULL.
pub type TextRow = Vec<Option<String>>;

impl Conn {
    /// Connects. The URL's scheme says to which server.
    ///
    /// # Errors
    /// Whatever the driver says; a scheme that is none of ours is a configuration error.
    pub async fn open(url: &str) -> Result<Self, sqlx::Error> {
        match dialect_of(url) {
            Some(Dialect::Postgres) => Ok(Self::Postgres(Box::new(PgConnection::connect(url).await?))),
            Some(Dialect::MySql) => Ok(Self::MySql(Box::new(MySqlConnection::connect(url).await?))),
            None => Err(sqlx::Error::Configuration("the URL starts with neither postgres:// nor mysql://".into())),
        }
    }

    /// The server's dialect.
    pub const fn dialect(&self) -> Dialect {
        match self {
            Self::Postgres(_) => Dialect::Postgres,
            Self::MySql(_) => Dialect::MySql,
        }
    }

    /// Runs one or more statements; gives the number of rows they changed.
    ///
    /// # Errors
    /// Whatever the server says.
    pub async fn execute(&mut self, sql: impl Into<String> + Send) -> Result<u64, sqlx::Error> {
        let sql = sqlx::raw_sql(dynamic(sql));
        Ok(match self {
            Self::Postgres(conn) => conn.execute(sql).await?.rows_affected(),
            Self::MySql(conn) => conn.execute(sql).await?.rows_affected(),
        })
    }

    /// Runs a query; gives all its rows.
    ///
    /// # Errors
    /// Whatever the server says.
    pub async fn rows(&mut self, sql: impl Into<String> + Send) -> Result<Vec<TextRow>, sqlx::Error> {
        macro_rules! texts {
            ($rows:expr) => {
                $rows
                    .iter()
                    .map(|row| row.columns().iter().map(|c| row.try_get_unchecked(c.ordinal())).collect())
                    .collect()
            };
        }
        let sql = sqlx::raw_sql(dynamic(sql));
        match self {
            Self::Postgres(conn) => texts!(conn.fetch_all(sql).await?),
            Self::MySql(conn) => texts!(conn.fetch_all(sql).await?),
        }
    }

    /// Runs a query of one value; `None` if there is no row or the value is NULL.
    ///
    /// # Errors
    /// Whatever the server says.
    pub async fn value(&mut self, sql: impl Into<String> + Send) -> Result<Option<String>, sqlx::Error> {
        Ok(self.rows(sql).await?.into_iter().next().and_then(|row| row.into_iter().next().flatten()))
    }

    /// What the server knows the session by: the number of its process or thread.
    ///
    /// # Errors
    /// Whatever the server says.
    pub async fn id(&mut self) -> Result<String, sqlx::Error> {
        let sql = match self {
            Self::Postgres(_) => "SELECT pg_catalog.pg_backend_pid()::text",
            Self::MySql(_) => "SELECT CONNECTION_ID()",
        };
        Ok(self.value(sql).await?.unwrap_or_default())
    }

    /// Says goodbye to the server, so that it does not note an aborted connection.
    ///
    /// # Errors
    /// Whatever the driver says.
    pub async fn close(self) -> Result<(), sqlx::Error> {
        match self {
            Self::Postgres(conn) => conn.close().await,
            Self::MySql(conn) => conn.close().await,
        }
    }
}

/// The server that a URL's scheme names.
pub fn dialect_of(url: &str) -> Option<Dialect> {
    match url.split_once("://")?.0 {
        "postgres" | "postgresql" => Some(Dialect::Postgres),
        "mysql" => Some(Dialect::MySql),
        _ => None,
    }
}

/// What the server said about an error, in one line, or the driver's words if it was not the server.
pub fn message_of(error: &sqlx::Error) -> String {
    match error {
        sqlx::Error::Database(inner) => match inner.code() {
            Some(code) => format!("{} ({code})", inner.message()),
            None => inner.message().to_owned(),
        },
        other => other.to_string(),
    }
}
