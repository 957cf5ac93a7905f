//! What a batch of a backfill locks, seen while the runner's own code fills the column.
//!
//! A row of the table is kept locked until a batch has come to it, or the table where no row is to be filled: then
//! the batch's locks are there to see, however fast it is. How long writers wait does not follow from the table's
//! size: a batch is bounded by the runner.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Instant;

use pontoon::Dialect;
use pontoon::exec::backfill::{self, BackfillOptions};
use pontoon::exec::{Pool, Silent};
use pontoon::migration::{Backfill, Extent, LockMode};

use super::conn::Conn;
use super::observation::{ObjectKind, Observation, ObservedLock};
use super::workbench::{RunError, Workbench};

type Locks = BTreeMap<String, LockMode>;

/// Fills the column and says what its batches locked; the runner's words if it could not.
///
/// # Errors
/// The server can no longer be asked.
pub async fn observe_batch(
    bench: &mut Workbench<'_>,
    column: &Backfill,
    entry: usize,
) -> Result<Result<Observation, String>, RunError> {
    let held_rows = bench.observer().tables_with_rows().await?;
    let partitions = bench.observer().partitions().await?;
    let mut blocker = Conn::open(bench.url()).await?;
    let dialect = blocker.dialect();
    let let_go = hold(&mut blocker, column).await?;
    let mut watcher = Conn::open(bench.url()).await?;
    let known = sessions(&mut watcher).await?;
    let key = bench.backfill_key();
    let functions = bench.functions().clone();
    let pool = Pool::connect_lazy(bench.url()).map_err(|error| RunError::Connection(error.to_string()))?;
    let done = AtomicBool::new(false);
    let begun = Instant::now();
    let (options, silent) = (BackfillOptions::default(), Silent);
    let fill = async {
        let filled = backfill::fill_with(&pool, &key, column, &options, &functions, &silent).await;
        done.store(true, Ordering::Release);
        filled
    };
    let watch = async {
        let mut locks = Locks::new();
        while !done.load(Ordering::Acquire) {
            for (table, mode) in locks_of_others(&mut watcher, &known).await? {
                let strongest = locks.entry(table).or_insert(mode);
                *strongest = mode.max(*strongest);
            }
            if locks.get(&column.table).is_some_and(|mode| *mode >= comes_to_a_row(dialect, column)) {
                blocker.execute(let_go).await?;
            }
        }
        blocker.execute(let_go).await?;
        Ok::<_, sqlx::Error>(locks)
    };
    let (filled, locks) = tokio::join!(fill, watch);
    let duration_ms = begun.elapsed().as_secs_f64() * 1_000.0;
    let locks = locks?;
    if let Err(error) = filled {
        return Ok(Err(error.to_string()));
    }
    bench.note_backfill(entry, key, column);
    let mut observation = Observation { duration_ms, held_rows, partitions, ..Observation::default() };
    let wrote = locks.get(&column.table).is_some_and(|mode| *mode >= writes(dialect));
    if !wrote && observation.held_rows.contains(&column.table) {
        observation.unobserved.push(format!("no batch was seen at work on `{}`", column.table));
    }
    observation.block(Extent::No, if wrote { Extent::Brief } else { Extent::No });
    for mode in locks.values() {
        let extent = |blocks: bool| if blocks { Extent::Brief } else { Extent::No };
        observation.block(extent(mode.blocks_reads()), extent(mode.blocks_writes()));
    }
    let tables = locks.into_iter().map(|(object, mode)| ObservedLock { object, kind: ObjectKind::Table, mode });
    observation.set_locks(tables);
    Ok(Ok(observation))
}

/// Locks a row for which a batch will wait: one that is to be filled, since batches pass the others by. Where there is
/// none (they were filled before, and that was not taken back), the table, for all who come to write. Gives what lets
/// go of it.
async fn hold(blocker: &mut Conn, column: &Backfill) -> Result<&'static str, sqlx::Error> {
    blocker.execute("START TRANSACTION").await?;
    let table = blocker.dialect().ident(&column.table);
    let any = format!("SELECT 1 FROM {table} LIMIT 1 FOR UPDATE");
    let Some(unfilled) = column.invariant.strip_prefix("SELECT count(*) ") else {
        return blocker.execute(any).await.map(|_| "ROLLBACK");
    };
    match blocker.rows(format!("SELECT 1 {unfilled} LIMIT 1 FOR UPDATE")).await {
        Ok(rows) if !rows.is_empty() => return Ok("ROLLBACK"),
        Ok(_) => {}
        // of a join, or of a query that somebody wrote, no row may be to be locked
        Err(_) => return blocker.execute(format!("ROLLBACK; START TRANSACTION; {any}")).await.map(|_| "ROLLBACK"),
    }
    let (lock, let_go) = match blocker.dialect() {
        Dialect::Postgres => (format!("LOCK TABLE {table} IN SHARE MODE"), "ROLLBACK"),
        Dialect::MySql => (format!("LOCK TABLES {table} READ"), "UNLOCK TABLES"),
    };
    blocker.execute(lock).await.map(|_| let_go)
}

/// The lock of whoever changes rows.
const fn writes(dialect: Dialect) -> LockMode {
    match dialect {
        Dialect::Postgres => LockMode::RowExclusive,
        Dialect::MySql => LockMode::SharedWrite,
    }
}

/// The lock of a batch that has come to a locked row: a function's locks its rows before it writes them.
const fn comes_to_a_row(dialect: Dialect, column: &Backfill) -> LockMode {
    match (dialect, &column.function) {
        (Dialect::Postgres, Some(_)) => LockMode::RowShare,
        _ => writes(dialect),
    }
}

/// The sessions that are there before the runner's.
async fn sessions(watcher: &mut Conn) -> Result<String, sqlx::Error> {
    let sql = match watcher.dialect() {
        Dialect::Postgres => "SELECT pg_catalog.string_agg(pid::text, ',') FROM pg_catalog.pg_stat_activity",
        Dialect::MySql => {
            "SELECT CAST(COALESCE(MAX(THREAD_ID), 0) AS CHAR) FROM performance_schema.threads WHERE PROCESSLIST_ID IS NOT NULL"
        }
    };
    Ok(watcher.value(sql).await?.unwrap_or_default())
}

async fn locks_of_others(watcher: &mut Conn, known: &str) -> Result<Locks, sqlx::Error> {
    let dialect = watcher.dialect();
    let sql = match dialect {
        Dialect::Postgres => format!(
            "SELECT c.relname, l.mode FROM pg_catalog.pg_locks l JOIN pg_catalog.pg_class c ON c.oid = l.relation \
             JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace JOIN pg_catalog.pg_stat_activity a ON a.pid = l.pid \
             WHERE l.locktype = 'relation' AND a.backend_type = 'client backend' AND l.pid NOT IN ({known}) \
             AND a.datname = pg_catalog.current_database() AND l.database = a.datid AND c.relkind IN ('r', 'p') \
             AND n.nspname !~ '^pg_' AND n.nspname <> 'information_schema' AND c.relname NOT LIKE 'pontoon\\_%'"
        ),
        Dialect::MySql => format!(
            "SELECT OBJECT_NAME, LOCK_TYPE FROM performance_schema.metadata_locks WHERE OBJECT_TYPE = 'TABLE' \
             AND OBJECT_SCHEMA = DATABASE() AND OWNER_THREAD_ID > {known} AND OBJECT_NAME NOT LIKE 'pontoon\\_%'"
        ),
    };
    let mut locks = Locks::new();
    for row in watcher.rows(sql).await? {
        let [Some(table), Some(mode)] = &row[..] else { continue };
        let mode = match dialect {
            Dialect::Postgres => super::observe_postgres::mode_of(mode),
            Dialect::MySql => LockMode::from_name(mode, dialect),
        };
        if let Some(mode) = mode {
            let strongest = locks.entry(table.clone()).or_insert(mode);
            *strongest = mode.max(*strongest);
        }
    }
    Ok(locks)
}
