//! Rust functions that give rows their values, where SQL cannot.
//!
//! A batch's rows are read and locked, handed to the function as rows of its own type, and written one by one by
//! the statement that stands in the file: all in the transaction that the checkpoint commits with.

use std::collections::BTreeMap;
use std::fmt;
use std::pin::Pin;
use std::sync::Arc;

use sqlx::Row as _;

use super::super::session::{Session, dynamic};
use crate::dialect::Dialect;
use crate::migration::RustFill;

/// Why a function gives no values: the backfill stops, and nothing of the batch is written.
pub type FunctionFailure = Box<dyn std::error::Error + Send + Sync>;

type Written<'a> = Pin<Box<dyn Future<Output = Result<Batch, sqlx::Error>> + Send + 'a>>;
type OfServer<C> = Arc<dyn for<'a> Fn(&'a mut C, Request<'a>) -> Written<'a> + Send + Sync>;

/// Functions for `@rust NAME` and `#[column(backfill_fn = "NAME")]`, by name.
///
/// ```ignore
/// #[derive(sqlx::FromRow)]
/// struct User {
///     email: String,
/// }
///
/// let functions = Functions::new().postgres("greeting", |users: Vec<User>| async move {
///     Ok(users.into_iter().map(|user| Some(format!("Dear {}", user.email))).collect())
/// });
/// ```
///
/// A row's columns are found by their names: the statement in the file selects them, behind the key as text.
/// A function gets the rows of a batch that have no value yet, and gives one value for each, in
/// their order; `None` leaves a row without one, and the backfill stops there. It may be called
/// twice for a row, since a batch that gives way to others is tried again; and it is waited for while
/// the batch's rows are locked.
#[derive(Clone, Default)]
pub struct Functions {
    #[cfg(feature = "postgres")]
    postgres: BTreeMap<String, OfServer<sqlx::PgConnection>>,
    #[cfg(feature = "mysql")]
    mysql: BTreeMap<String, OfServer<sqlx::MySqlConnection>>,
}

impl fmt::Debug for Functions {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut map = f.debug_map();
        #[cfg(feature = "postgres")]
        map.entry(&"postgres", &self.postgres.keys());
        #[cfg(feature = "mysql")]
        map.entry(&"mysql", &self.mysql.keys());
        map.finish()
    }
}

/// One batch of a function's.
#[derive(Debug, Clone, Copy)]
pub(super) struct Request<'a> {
    pub(super) fill: &'a RustFill,
    pub(super) select: &'a str,
    pub(super) args: &'a [String],
    /// How many columns the key has.
    pub(super) keys: usize,
}

/// What a function did.
#[derive(Debug, Clone, Copy)]
pub(super) struct Batch {
    pub(super) written: u64,
    /// Rows that it gave no value.
    pub(super) declined: u64,
}

/// Rows that do not fit the function's type, or a function that fails, and not the server.
#[derive(Debug)]
pub(super) struct Failed(String);

impl fmt::Display for Failed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl std::error::Error for Failed {}

fn failed(fill: &RustFill, why: impl fmt::Display) -> sqlx::Error {
    sqlx::Error::Configuration(Box::new(Failed(format!("the function `{}`: {why}", fill.name))))
}

macro_rules! register {
    ($(#[$meta:meta])* $method:ident, $database:ty, $conn:ty) => {
        $(#[$meta])*
        pub fn $method<R, V, F, Fut>(mut self, name: &str, function: F) -> Self
        where
            R: for<'r> sqlx::FromRow<'r, <$database as sqlx::Database>::Row> + Send + 'static,
            V: for<'q> sqlx::Encode<'q, $database> + sqlx::Type<$database> + Send + 'static,
            F: Fn(Vec<R>) -> Fut + Send + Sync + 'static,
            Fut: Future<Output = Result<Vec<Option<V>>, FunctionFailure>> + Send + 'static,
        {
            let function = Arc::new(function);
            let erased: OfServer<$conn> = Arc::new(move |conn, request| {
                let function = function.clone();
                Box::pin(async move {
                    let Request { fill, select, args, keys } = request;
                    let query = args.iter().fold(sqlx::query(dynamic(select)), |query, arg| query.bind(arg.as_str()));
                    let rows = query.fetch_all(&mut *conn).await?;
                    let mut found: Vec<Vec<String>> = Vec::new();
                    let mut typed = Vec::new();
                    for row in &rows {
                        let key = (1..=keys).map(|at| row.try_get_unchecked(RustFill::key_name(at).as_str()));
                        found.push(key.collect::<Result<_, _>>().map_err(|error| failed(fill, error))?);
                        typed.push(R::from_row(row).map_err(|error| failed(fill, error))?);
                    }
                    if typed.is_empty() {
                        return Ok(Batch { written: 0, declined: 0 });
                    }
                    let values = function(typed).await.map_err(|error| failed(fill, error))?;
                    if values.len() != found.len() {
                        let why = format!("it was given {} rows and gave {} values", found.len(), values.len());
                        return Err(failed(fill, why));
                    }
                    let mut batch = Batch { written: 0, declined: 0 };
                    for (key, value) in found.into_iter().zip(values) {
                        if value.is_none() {
                            batch.declined += 1;
                            continue;
                        }
                        let query = sqlx::query(dynamic(&fill.write)).bind(value);
                        let query = key.into_iter().fold(query, |query, part| query.bind(part));
                        batch.written += query.execute(&mut *conn).await?.rows_affected();
                    }
                    Ok(batch)
                })
            });
            self.$method.insert(name.to_owned(), erased);
            self
        }
    };
}

impl Functions {
    /// None.
    pub fn new() -> Self {
        Self::default()
    }

    #[cfg(feature = "postgres")]
    register! {
        /// With this one for PostgreSQL.
        postgres, sqlx::Postgres, sqlx::PgConnection
    }

    #[cfg(feature = "mysql")]
    register! {
        /// With this one for MySQL.
        mysql, sqlx::MySql, sqlx::MySqlConnection
    }

    /// Whether there is one of this name for this server.
    pub fn has(&self, dialect: Dialect, name: &str) -> bool {
        match dialect {
            #[cfg(feature = "postgres")]
            Dialect::Postgres => self.postgres.contains_key(name),
            #[cfg(feature = "mysql")]
            Dialect::MySql => self.mysql.contains_key(name),
            #[cfg(not(all(feature = "postgres", feature = "mysql")))]
            _ => false,
        }
    }

    pub(super) async fn call(&self, session: &mut Session, request: Request<'_>) -> Result<Batch, sqlx::Error> {
        let missing = || failed(request.fill, "it was not registered");
        match session {
            #[cfg(feature = "postgres")]
            Session::Postgres(conn) => {
                let function = self.postgres.get(&request.fill.name).ok_or_else(missing)?;
                function(conn, request).await
            }
            #[cfg(feature = "mysql")]
            Session::MySql(conn) => {
                let function = self.mysql.get(&request.fill.name).ok_or_else(missing)?;
                function(conn, request).await
            }
        }
    }
}
