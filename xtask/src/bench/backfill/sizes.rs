//! How much disk a table takes, and how much a server writes to its log.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use pontoon::Dialect;
use tokio::sync::oneshot;
use tokio::task::JoinHandle;

use crate::verify::conn::{Conn, message_of};

/// How often the database's size is looked at.
const EVERY: Duration = Duration::from_millis(250);

/// Bytes at some moment.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Sizes {
    /// The table without its indexes on PostgreSQL; its file, with all indexes, on MySQL.
    pub(super) table: f64,
    /// Its indexes; on MySQL they are in the file.
    pub(super) indexes: Option<f64>,
    /// All that the server has ever written to its log: WAL; MySQL's binary log.
    pub(super) log: f64,
}

impl Sizes {
    pub(super) async fn now(conn: &mut Conn) -> Result<Self, String> {
        let dialect = conn.dialect();
        let (table, indexes) = match dialect {
            Dialect::Postgres => ("SELECT pg_relation_size('users')", Some("SELECT pg_indexes_size('users')")),
            Dialect::MySql => (
                "SELECT FILE_SIZE FROM information_schema.INNODB_TABLESPACES WHERE NAME = CONCAT(DATABASE(), '/users')",
                None,
            ),
        };
        let indexes = match indexes {
            Some(sql) => Some(number(conn, sql).await?),
            None => None,
        };
        let log = match dialect {
            Dialect::Postgres => number(conn, "SELECT pg_wal_lsn_diff(pg_current_wal_lsn(), '0/0')").await?,
            Dialect::MySql => {
                let files = conn.rows("SHOW BINARY LOGS").await.map_err(|error| message_of(&error))?;
                files.iter().filter_map(|row| row.get(1)?.as_ref()?.parse::<f64>().ok()).sum()
            }
        };
        Ok(Self { table: number(conn, table).await?, indexes, log })
    }
}

/// The most bytes that a database had.
pub(super) struct Peak {
    before: f64,
    most: Arc<AtomicU64>,
    stop: oneshot::Sender<()>,
    watching: JoinHandle<Result<(), String>>,
}

impl Peak {
    /// Begins to look.
    pub(super) async fn watch(url: &str) -> Result<Self, String> {
        let mut conn = Conn::open(url).await.map_err(|error| message_of(&error))?;
        let before = database_bytes(&mut conn).await?;
        let (most, (stop, mut stopped)) = (Arc::new(AtomicU64::new(before as u64)), oneshot::channel());
        let seen = most.clone();
        let watching = tokio::spawn(async move {
            loop {
                let ends = tokio::time::timeout(EVERY, &mut stopped).await.is_ok();
                seen.fetch_max(database_bytes(&mut conn).await? as u64, Ordering::Relaxed);
                if ends {
                    conn.close().await.ok();
                    return Ok(());
                }
            }
        });
        Ok(Self { before, most, stop, watching })
    }

    /// The most, over what it was at the beginning.
    pub(super) async fn times(self) -> Result<f64, String> {
        let _ = self.stop.send(());
        self.watching.await.map_err(|error| error.to_string())??;
        Ok(self.most.load(Ordering::Relaxed) as f64 / self.before.max(1.0))
    }
}

/// What all tables of users take, whatever they are called.
async fn database_bytes(conn: &mut Conn) -> Result<f64, String> {
    let sql = match conn.dialect() {
        Dialect::Postgres => {
            "SELECT sum(pg_total_relation_size(c.oid)) FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace \
             WHERE c.relkind IN ('r', 'p') AND n.nspname NOT IN ('pg_catalog', 'information_schema', 'pg_toast')"
        }
        Dialect::MySql => {
            "SELECT SUM(FILE_SIZE) FROM information_schema.INNODB_TABLESPACES WHERE NAME LIKE CONCAT(DATABASE(), '/%')"
        }
    };
    number(conn, sql).await
}

async fn number(conn: &mut Conn, sql: &str) -> Result<f64, String> {
    let value = conn.value(sql).await.map_err(|error| message_of(&error))?;
    value.and_then(|it| it.parse().ok()).ok_or_else(|| format!("the server gives no number for {sql}"))
}
