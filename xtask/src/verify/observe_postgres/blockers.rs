//! Sessions that hold a statement's phases open until they have been seen.
//!
//! Outside a transaction, a statement lets go of its locks as it goes. Each blocker makes it
//! wait at one place:
//! - a weak lock on each table it may touch: an exclusive lock on the table is then waited
//!   for, and a concurrent index build waits for the table's writers;
//! - a weak lock on the indexes it names: that of a partitioned table is locked by itself for
//!   a moment only, before the first partition's is come to;
//! - a lock on `pg_class`, which every such statement writes near its end, when it
//!   already holds its last and strongest lock.
//!
//! Whoever the statement is seen to wait for lets go, so nothing is kept waiting for longer
//! than a look takes. The catalog's lock is asked for again before it is let go of: the
//! second request queues behind the statement and is granted as soon as its phase commits,
//! so that no later phase slips by.

use pontoon::Dialect;
use tokio::task::JoinHandle;

use crate::verify::conn::Conn;

/// More tables than this are not held: every one is a connection.
const TABLES_MAX: usize = 8;

// SHARE: others may read it, which planning a query needs; waited for by whoever writes it
const CATALOG: &str = "LOCK TABLE pg_catalog.pg_class IN SHARE MODE";

/// The sessions that hold one statement's phases open.
#[derive(Debug)]
pub(super) struct Blockers {
    tables: Vec<Session>,
    /// Holds the indexes.
    indexes: Option<Session>,
    /// Holds the catalog's lock, or waits for it.
    catalog: Option<Asked>,
    /// Asks for it next.
    standby: Option<Session>,
}

/// A session with an open transaction.
#[derive(Debug)]
struct Session {
    conn: Conn,
    pid: u32,
}

/// A session that has asked for a lock.
#[derive(Debug)]
struct Asked {
    conn: JoinHandle<Result<Conn, sqlx::Error>>,
    pid: u32,
}

impl Blockers {
    /// Takes the locks. What cannot be locked, for want of rights, is not held.
    pub(super) async fn hold(url: &str, tables: &[String], indexes: &[String]) -> Result<Self, sqlx::Error> {
        let mut held = Vec::new();
        for table in tables.iter().take(TABLES_MAX) {
            let mut session = Session::open(url).await?;
            match session.conn.execute(format!("LOCK TABLE ONLY {} IN ROW EXCLUSIVE MODE", quoted(table))).await {
                Ok(_) => held.push(session),
                Err(sqlx::Error::Database(_)) => session.conn.close().await?,
                Err(error) => return Err(error),
            }
        }
        let indexes = Self::hold_indexes(url, indexes).await?;
        let mut first = Session::open(url).await?;
        let catalog = match first.conn.execute(CATALOG).await {
            Ok(_) => Some(Asked { pid: first.pid, conn: tokio::spawn(async { Ok(first.conn) }) }),
            Err(sqlx::Error::Database(_)) => None,
            Err(error) => return Err(error),
        };
        Ok(Self { tables: held, indexes, catalog, standby: Some(Session::open(url).await?) })
    }

    /// `LOCK` takes no index. What a comment takes lets everybody use it, and is kept until the transaction is over.
    async fn hold_indexes(url: &str, indexes: &[String]) -> Result<Option<Session>, sqlx::Error> {
        if indexes.is_empty() {
            return Ok(None);
        }
        let mut session = Session::open(url).await?;
        for index in indexes {
            match session.conn.execute(format!("COMMENT ON INDEX {} IS NULL", quoted(index))).await {
                Ok(_) => {}
                Err(sqlx::Error::Database(_)) => {
                    session.conn.close().await?;
                    return Ok(None);
                }
                Err(error) => return Err(error),
            }
        }
        Ok(Some(session))
    }

    /// Lets go of what the statement waits for.
    pub(super) async fn release(&mut self, pids: &[u32], watcher: &mut Conn, url: &str) -> Result<(), sqlx::Error> {
        while let Some(at) = self.tables.iter().position(|it| pids.contains(&it.pid)) {
            self.tables.swap_remove(at).conn.close().await?;
        }
        if let Some(session) = self.indexes.take_if(|it| pids.contains(&it.pid)) {
            session.conn.close().await?;
        }
        if let Some(holder) = self.catalog.take_if(|it| pids.contains(&it.pid)) {
            if let Some(next) = self.standby.take() {
                self.catalog = Some(next.ask(watcher).await?);
                self.standby = Some(Session::open(url).await?);
            }
            holder.end().await;
        }
        Ok(())
    }

    /// Lets go of everything. Called when the statement is over, so nobody waits any more.
    pub(super) async fn end(self) {
        for session in self.tables.into_iter().chain(self.indexes).chain(self.standby) {
            let _ = session.conn.close().await;
        }
        if let Some(catalog) = self.catalog {
            catalog.end().await;
        }
    }
}

/// `schema.name`, as SQL takes it.
fn quoted(name: &str) -> String {
    name.split('.').map(|part| Dialect::Postgres.ident(part)).collect::<Vec<_>>().join(".")
}

impl Session {
    async fn open(url: &str) -> Result<Self, sqlx::Error> {
        let mut conn = Conn::open(url).await?;
        let pid = conn.value("SELECT pg_catalog.pg_backend_pid()").await?.and_then(|it| it.parse().ok()).unwrap_or(0);
        conn.execute("BEGIN").await?;
        Ok(Self { conn, pid })
    }

    /// Asks for the catalog's lock, and comes back when the request stands in the queue.
    async fn ask(self, watcher: &mut Conn) -> Result<Asked, sqlx::Error> {
        let Self { mut conn, pid } = self;
        let conn = tokio::spawn(async move { conn.execute(CATALOG).await.map(|_| conn) });
        let queued = format!(
            "SELECT 1 FROM pg_catalog.pg_locks WHERE pid = {pid} \
             AND relation = 'pg_catalog.pg_class'::pg_catalog.regclass"
        );
        while !conn.is_finished() && watcher.value(queued.as_str()).await?.is_none() {}
        Ok(Asked { conn, pid })
    }
}

impl Asked {
    async fn end(self) {
        if let Ok(Ok(conn)) = self.conn.await {
            let _ = conn.close().await;
        }
    }
}
