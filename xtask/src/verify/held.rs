//! Statements that a session has prepared before, as drivers and pools keep them, and that fail afterwards.
//!
//! PostgreSQL plans a prepared statement anew when a table changes, but refuses to execute it when the type of its
//! result would be another one: `cached plan must not change result type` (0A000), again and again until somebody prepares it anew
//! ([PREPARE](https://www.postgresql.org/docs/current/sql-prepare.html); the check is `RevalidateCachedQuery`). So each column
//! of the tables that a statement locks is selected by a statement prepared before, and executed behind it. MySQL prepares
//! anew by itself ([statement caching](https://dev.mysql.com/doc/refman/9.7/en/statement-caching.html)).

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;

use pontoon::Dialect;

use super::conn::{Conn, dialect_of};

/// A session with prepared statements.
#[derive(Debug)]
pub(super) struct Held {
    conn: Conn,
    statements: Vec<Prepared>,
    /// How many there have ever been: a name for the next.
    count: usize,
}

#[derive(Debug)]
struct Prepared {
    name: String,
    /// The entry before which it was prepared.
    entry: usize,
    /// `table.column`
    column: String,
}

/// What became of a statement.
enum Executed {
    Well,
    Stale,
    /// The column or the table has gone, which is no secret.
    Gone,
    /// Its table is locked still.
    Waits,
}

/// The columns that cannot be read any more by what was prepared before, for each entry.
pub(super) type Stale = BTreeMap<usize, BTreeSet<String>>;

impl Held {
    /// Connects; nothing where the server prepares anew by itself.
    ///
    /// # Errors
    /// Whatever the driver says.
    pub(super) async fn open(url: &str) -> Result<Option<Self>, sqlx::Error> {
        if dialect_of(url) == Some(Dialect::MySql) {
            return Ok(None);
        }
        let mut conn = Conn::open(url).await?;
        conn.execute("SET lock_timeout = '100ms'").await?;
        Ok(Some(Self { conn, statements: Vec::new(), count: 0 }))
    }

    /// Prepares a statement for each column of `tables`. None for those that the file has locked: their turn was before.
    ///
    /// # Errors
    /// The connection is lost.
    pub(super) async fn prepare(&mut self, entry: usize, tables: &[String]) -> Result<(), sqlx::Error> {
        for table in tables {
            let quoted = table.split('.').map(|part| Dialect::Postgres.ident(part)).collect::<Vec<_>>().join(".");
            let columns = format!(
                "SELECT attname FROM pg_catalog.pg_attribute WHERE attrelid = pg_catalog.to_regclass({})::pg_catalog.oid \
                 AND attnum > 0 AND NOT attisdropped ORDER BY attnum",
                Dialect::Postgres.literal(&quoted)
            );
            let columns = self.conn.rows(columns).await?.into_iter().filter_map(|row| row.into_iter().next().flatten());
            let (mut text, mut statements) = (String::new(), Vec::new());
            for column in columns {
                self.count += 1;
                let name = format!("pontoon_held_{}", self.count);
                let _ = write!(
                    text,
                    "PREPARE {name} AS SELECT {} FROM {quoted} LIMIT 0; ",
                    Dialect::Postgres.ident(&column)
                );
                statements.push(Prepared { name, entry, column: format!("{table}.{column}") });
            }
            match self.conn.execute(text).await {
                Ok(_) => self.statements.extend(statements),
                Err(sqlx::Error::Database(_)) => {}
                Err(error) => return Err(error),
            }
        }
        Ok(())
    }

    /// Executes what was prepared, and forgets it; but what has to wait for a lock is executed next time.
    ///
    /// # Errors
    /// The connection is lost.
    pub(super) async fn stale(&mut self) -> Result<Stale, sqlx::Error> {
        let statements = std::mem::take(&mut self.statements);
        if statements.is_empty() {
            return Ok(Stale::new());
        }
        // one round trip where all is well
        let all: String = statements.iter().map(|it| format!("EXECUTE {}; ", it.name)).collect();
        if !matches!(self.execute(all).await?, Executed::Well) {
            return self.one_by_one(statements).await;
        }
        self.conn.execute("DEALLOCATE ALL").await?;
        Ok(Stale::new())
    }

    async fn one_by_one(&mut self, statements: Vec<Prepared>) -> Result<Stale, sqlx::Error> {
        let mut stale = Stale::new();
        let mut statements = statements.into_iter();
        while let Some(it) = statements.next() {
            match self.execute(format!("EXECUTE {}", it.name)).await? {
                // so would the others of its table
                Executed::Waits => {
                    self.statements = std::iter::once(it).chain(statements).collect();
                    break;
                }
                Executed::Stale => drop(stale.entry(it.entry).or_default().insert(it.column)),
                Executed::Well | Executed::Gone => {}
            }
            self.conn.execute(format!("DEALLOCATE {}", it.name)).await?;
        }
        Ok(stale)
    }

    async fn execute(&mut self, sql: String) -> Result<Executed, sqlx::Error> {
        let Err(error) = self.conn.execute(sql).await else { return Ok(Executed::Well) };
        let sqlx::Error::Database(inner) = &error else { return Err(error) };
        Ok(match inner.code().as_deref() {
            Some("0A000") => Executed::Stale,
            Some("55P03") => Executed::Waits,
            _ => Executed::Gone,
        })
    }
}
