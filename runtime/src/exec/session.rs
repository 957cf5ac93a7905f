//! One connection to either server, so that everything above is the same for both.
//!
//! A connection is taken out of the pool for good and closed afterwards: it carries session
//! state (settings, locks) that no other user of the pool may meet.

use sqlx::{AssertSqlSafe, Connection as _, Executor as _, Row as _, SqlSafeStr as _, SqlStr};

use super::ExecError;
use crate::dialect::Dialect;

/// A row: every value as the server writes it, `None` for NULL.
pub(crate) type Row = Vec<Option<String>>;

/// The application's pool.
#[derive(Debug, Clone)]
pub enum Pool {
    /// Of PostgreSQL.
    #[cfg(feature = "postgres")]
    Postgres(sqlx::PgPool),
    /// Of MySQL.
    #[cfg(feature = "mysql")]
    MySql(sqlx::MySqlPool),
}

#[cfg(feature = "postgres")]
impl From<sqlx::PgPool> for Pool {
    fn from(pool: sqlx::PgPool) -> Self {
        Self::Postgres(pool)
    }
}

#[cfg(feature = "mysql")]
impl From<sqlx::MySqlPool> for Pool {
    fn from(pool: sqlx::MySqlPool) -> Self {
        Self::MySql(pool)
    }
}

/// How long a connection may take. The driver goes on trying a server that refuses it.
const PATIENCE: std::time::Duration = std::time::Duration::from_secs(5);

impl Pool {
    /// The server's dialect.
    pub const fn dialect(&self) -> Dialect {
        match self {
            #[cfg(feature = "postgres")]
            Self::Postgres(_) => Dialect::Postgres,
            #[cfg(feature = "mysql")]
            Self::MySql(_) => Dialect::MySql,
        }
    }

    /// A pool for a URL, whose scheme says for which server.
    ///
    /// # Errors
    /// A URL that is not understood. Its text is not repeated: it may hold a password.
    pub fn connect_lazy(url: &str) -> Result<Self, ExecError> {
        let scheme = url.split(':').next().unwrap_or_default();
        let wrong = |_| {
            ExecError::Connect(format!(
                "the database URL is not understood\n  help: it reads {scheme}://user:password@host:port/database, with \
                 `%` and two digits for special characters"
            ))
        };
        match scheme {
            #[cfg(feature = "postgres")]
            "postgres" | "postgresql" => Ok(Self::Postgres(
                sqlx::postgres::PgPoolOptions::new().max_connections(4).acquire_timeout(PATIENCE).connect_lazy(url).map_err(wrong)?,
            )),
            #[cfg(feature = "mysql")]
            "mysql" => Ok(Self::MySql(
                sqlx::mysql::MySqlPoolOptions::new().max_connections(4).acquire_timeout(PATIENCE).connect_lazy(url).map_err(wrong)?,
            )),
            _ => Err(ExecError::Connect(
                "the database URL begins with neither postgres:// nor mysql:// (or Pontoon was built without that server)"
                    .into(),
            )),
        }
    }

    /// The same user and database on another host; nothing where there is no such thing as a list of replicas' hosts.
    pub(crate) fn at(&self, host: &str, port: u16) -> Option<Self> {
        match self {
            #[cfg(feature = "postgres")]
            Self::Postgres(_) => {
                let _ = (host, port);
                None
            }
            #[cfg(feature = "mysql")]
            Self::MySql(pool) => {
                let options = (*pool.connect_options()).clone().host(host).port(port);
                let pool = sqlx::mysql::MySqlPoolOptions::new().max_connections(1).acquire_timeout(PATIENCE);
                Some(Self::MySql(pool.connect_lazy_with(options)))
            }
        }
    }

    /// A connection of our own.
    ///
    /// # Errors
    /// The server cannot be reached, or does not let us in.
    pub async fn session(&self) -> Result<Session, ExecError> {
        match self {
            #[cfg(feature = "postgres")]
            Self::Postgres(pool) => {
                let conn = match pool.acquire().await {
                    Ok(conn) => conn.detach(),
                    Err(error) => sqlx::PgConnection::connect_with(&pool.connect_options())
                        .await
                        .map_err(|second| refused(&error, &second))?,
                };
                Ok(Session::Postgres(Box::new(conn)))
            }
            #[cfg(feature = "mysql")]
            Self::MySql(pool) => {
                let conn = match pool.acquire().await {
                    Ok(conn) => conn.detach(),
                    Err(error) => sqlx::MySqlConnection::connect_with(&pool.connect_options())
                        .await
                        .map_err(|second| refused(&error, &second))?,
                };
                let mut session = Session::MySql(Box::new(conn));
                session.execute(MYSQL_MODE).await.map_err(ExecError::server("setting the session's SQL mode"))?;
                Ok(session)
            }
        }
    }
}

/// The SQL mode is fixed, since a trigger keeps the one it was made in: MySQL's own default, in
/// which a value too long is an error, but for old zero dates, which a copying ALTER must not
/// stumble over. The driver would add PIPES_AS_CONCAT, and `a || b` would mean something else
/// than it does to the reader of the file.
#[cfg(feature = "mysql")]
const MYSQL_MODE: &str =
    "SET SESSION sql_mode = 'ONLY_FULL_GROUP_BY,STRICT_TRANS_TABLES,ERROR_FOR_DIVISION_BY_ZERO,NO_ENGINE_SUBSTITUTION'";

/// A pool that cannot connect only says that it waited: the reason is what a connection of our
/// own got. Neither text holds the password.
fn refused(pool: &sqlx::Error, own: &sqlx::Error) -> ExecError {
    let error = if matches!(pool, sqlx::Error::PoolTimedOut) { own } else { pool };
    // the driver's own text of an error names lines of the server's source
    let error = error.as_database_error().map_or_else(|| error.to_string(), |it| it.message().to_owned());
    ExecError::Connect(format!(
        "cannot connect to the database: {error}\n  help: look at host, port, user, password and database name of the URL"
    ))
}

/// A connection with session state of its own.
#[derive(Debug)]
pub enum Session {
    /// To PostgreSQL.
    #[cfg(feature = "postgres")]
    Postgres(Box<sqlx::PgConnection>),
    /// To MySQL.
    #[cfg(feature = "mysql")]
    MySql(Box<sqlx::MySqlConnection>),
}

/// The one line on which SQL that was not known at compile time enters the driver.
pub(super) fn dynamic(sql: &str) -> SqlStr {
    AssertSqlSafe(sql).into_sql_str()
}

/// The same work for either connection.
macro_rules! on {
    ($session:expr, $conn:ident => $body:expr) => {
        match $session {
            #[cfg(feature = "postgres")]
            Session::Postgres($conn) => $body,
            #[cfg(feature = "mysql")]
            Session::MySql($conn) => $body,
        }
    };
}

impl Session {
    /// The server's dialect.
    pub const fn dialect(&self) -> Dialect {
        match self {
            #[cfg(feature = "postgres")]
            Self::Postgres(_) => Dialect::Postgres,
            #[cfg(feature = "mysql")]
            Self::MySql(_) => Dialect::MySql,
        }
    }

    /// Gives the connection a name that the server shows (PostgreSQL; MySQL has no such thing).
    pub(crate) async fn name(&mut self, name: &str) -> Result<(), sqlx::Error> {
        match self.dialect() {
            Dialect::Postgres => {
                let sql = format!("SET application_name = {}", Dialect::Postgres.literal(name));
                self.execute(&sql).await.map(drop)
            }
            Dialect::MySql => Ok(()),
        }
    }

    /// Runs SQL by the text protocol, which takes every statement (MySQL prepares only some).
    pub(crate) async fn execute(&mut self, sql: &str) -> Result<u64, sqlx::Error> {
        let sql = sqlx::raw_sql(dynamic(sql));
        on!(self, conn => Ok(conn.execute(sql).await?.rows_affected()))
    }

    /// Runs prepared SQL with parameters, all bound as text; its columns are texts.
    pub(crate) async fn query(&mut self, sql: &str, args: &[String]) -> Result<Vec<Row>, sqlx::Error> {
        on!(self, conn => {
            let query = args.iter().fold(sqlx::query(dynamic(sql)), |query, arg| query.bind(arg.as_str()));
            let rows = query.fetch_all(&mut **conn).await?;
            rows.iter().map(|row| (0..row.len()).map(|at| row.try_get_unchecked(at)).collect()).collect()
        })
    }

    /// Runs SQL by the text protocol: every value comes as the server writes it.
    pub(crate) async fn rows(&mut self, sql: &str) -> Result<Vec<Row>, sqlx::Error> {
        let sql = sqlx::raw_sql(dynamic(sql));
        on!(self, conn => {
            let rows = conn.fetch_all(sql).await?;
            rows.iter().map(|row| (0..row.len()).map(|at| row.try_get_unchecked(at)).collect()).collect()
        })
    }

    /// The first value of the first row.
    pub(crate) async fn value(&mut self, sql: &str) -> Result<Option<String>, sqlx::Error> {
        Ok(self.rows(sql).await?.into_iter().next().and_then(|row| row.into_iter().next()).flatten())
    }

    /// Ends the connection properly.
    pub(crate) async fn close(self) {
        on!(self, conn => drop(conn.close().await));
    }
}

/// The server's code of an error: an SQLSTATE on PostgreSQL, a number on MySQL.
pub(crate) fn code(error: &sqlx::Error) -> Option<String> {
    let error = error.as_database_error()?;
    #[cfg(feature = "mysql")]
    if let Some(error) = error.try_downcast_ref::<sqlx::mysql::MySqlDatabaseError>() {
        return Some(error.number().to_string());
    }
    error.code().map(|code| code.into_owned())
}

/// Whether the server ended the session, or serves no writes any more: shut down, failed over, killed by somebody. Nothing
/// is wrong with what was asked, and the next run finds out what came of it.
///
/// PostgreSQL: class 57 (manual, "Error Codes"), but for a query that was canceled, class 08, and a standby's refusal. MySQL:
/// shutdown, killed connections and sessions, a server that was made read-only.
pub(crate) fn lost(error: &sqlx::Error) -> bool {
    const CODES: &[&str] =
        &["57P01", "57P02", "57P03", "57P05", "25006", "1053", "1290", "1836", "1927", "3169", "4031"];
    match error {
        sqlx::Error::Database(_) => {
            code(error).is_some_and(|code| CODES.contains(&code.as_str()) || code.len() == 5 && code.starts_with("08"))
        }
        _ => false,
    }
}

/// Whether the server had no room on a disk: what it had begun it has taken back.
///
/// PostgreSQL: 53100. MySQL: a table or its log that cannot grow (1114, 1021), a temporary file (1878), and whatever else
/// names the system's error 28 or that of a quota, 122.
pub(crate) fn no_room(error: &sqlx::Error) -> bool {
    const CODES: &[&str] = &["53100", "1021", "1114", "1878"];
    let Some(code) = code(error) else { return false };
    let said = error.as_database_error().map(|it| it.message()).unwrap_or_default();
    let named = ["errno: 28", "errno 28", "Got error 28", "errno: 122", "errno 122", "Got error 122"];
    CODES.contains(&code.as_str()) || code.len() != 5 && named.iter().any(|it| said.contains(it))
}
