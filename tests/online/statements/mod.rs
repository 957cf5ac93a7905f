//! What each kind of statement locks, rewrites and scans: the manuals' tables, held against real servers.
//!
//! The rows are in `tests/cases/statements`, a folder for each server, with the schema that they all begin with in
//! `setup.sql`; `row.rs` says how one is read. Each is seen as `verify-migrations --sql` sees a file of that one statement.
//! The rows run side by side, each on a schema that nobody else uses. To run them all ten times over, on any server, the
//! second time with the whole schema beside what a row names:
//!
//! ```text
//! PONTOON_TABLE_RUNS=10 PONTOON_TEST_POSTGRES=postgres:18 cargo test -p pontoon-tests --test online statements -- --nocapture
//! ```
//!
//! `PONTOON_TABLE_ONLY=columns.sql` runs the rows of one file, or those whose statement has these words.

mod row;
mod setup;

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Instant;

use pontoon::Dialect;
use pontoon::migration::ServerVersion;
use pontoon_xtask::verify::observation::Observation;
use pontoon_xtask::verify::observer::Observer;
use pontoon_xtask::verify::server::shared;

use crate::support::{Fresh, on_both_servers, run};
use row::{Row, read, seen};
use setup::Setup;

on_both_servers!(each_is_seen_as_what_it_is);

/// Rows at a time. They wait for the server's disk, and for one another's sessions to end, more than they work.
const WORKERS: usize = 4;

async fn each_is_seen_as_what_it_is(dialect: Dialect) {
    let runs = std::env::var("PONTOON_TABLE_RUNS").map_or(1, |it| it.parse().expect("PONTOON_TABLE_RUNS is a number"));
    let only = std::env::var("PONTOON_TABLE_ONLY").unwrap_or_default();
    let version: ServerVersion = shared(dialect).await.version().parse().expect("a version");
    let table = Arc::new(Table::read(dialect, version, &only));
    let mut seen_of: BTreeMap<usize, BTreeSet<String>> = BTreeMap::new();
    let (begun, mut otherwise) = (Instant::now(), 0);
    for round in 0..runs {
        // whatever else is there, each is to be seen as the same; making it all takes its time
        for (at, seen) in table.observe(dialect, version, round == 1).await {
            seen_of.entry(at).or_default().insert(seen);
        }
    }
    let mut wrong = String::new();
    for (at, seen) in seen_of {
        let row = &table.rows[at];
        let expected = row.expected(version);
        for seen in &seen {
            if *seen != expected {
                wrong += &format!("\n{}: {}\n  expected {expected}\n  seen     {seen}\n", row.place, row.sql);
            }
            match row.manual_differs(version, seen) {
                Ok(differs) => otherwise += usize::from(differs),
                Err(error) => wrong += &format!("\n{}: {}\n  {error}; see {}\n", row.place, row.sql, row.page),
            }
        }
    }
    println!(
        "{dialect} {version}: {} statements, {runs} times, {otherwise} of them not as the manual says, in {:.1} s",
        table.rows.len(),
        begun.elapsed().as_secs_f64()
    );
    assert!(wrong.is_empty(), "{dialect} {version}:\n{wrong}");
    let least = if dialect == Dialect::Postgres { 120 } else { 100 };
    assert!(!only.is_empty() || table.rows.len() >= least, "only {} rows are left", table.rows.len());
}

/// The rows of one server.
struct Table {
    setup: Setup,
    rows: Vec<Row>,
}

impl Table {
    fn read(dialect: Dialect, version: ServerVersion, only: &str) -> Self {
        let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("cases/statements").join(dialect.name());
        let mut files: Vec<PathBuf> = std::fs::read_dir(&folder).unwrap().map(|it| it.unwrap().path()).collect();
        files.sort();
        let setup = folder.join("setup.sql");
        let mut rows: Vec<Row> = files.iter().filter(|it| **it != setup).flat_map(|it| read(it, dialect)).collect();
        let mut known = BTreeSet::new();
        for row in &rows {
            assert!(known.insert(row.key()), "{}: this statement is there already", row.place);
        }
        rows.retain(|it| it.is_for(version));
        rows.retain(|it| it.sql.contains(only) || it.place.starts_with(only));
        Self { setup: Setup::read(&setup), rows }
    }

    /// Runs every row once.
    async fn observe(self: &Arc<Self>, dialect: Dialect, version: ServerVersion, whole: bool) -> Vec<(usize, String)> {
        let next = Arc::new(AtomicUsize::new(0));
        let mut workers = tokio::task::JoinSet::new();
        for _ in 0..WORKERS {
            let (table, next) = (Arc::clone(self), Arc::clone(&next));
            workers.spawn(async move {
                let (mut seen_of, mut fresh) = (Vec::new(), Fresh::new(dialect).await);
                loop {
                    let at = next.fetch_add(1, Ordering::Relaxed);
                    let Some(row) = table.rows.get(at) else { break };
                    seen_of.push((at, seen(&table.one(row, &fresh, version, whole).await)));
                    // PostgreSQL's setup clears its database; MySQL makes a new one faster
                    if dialect == Dialect::MySql {
                        fresh.end().await;
                        fresh = Fresh::new(dialect).await;
                    }
                }
                fresh.end().await;
                seen_of
            });
        }
        workers.join_all().await.into_iter().flatten().collect()
    }

    async fn one(&self, row: &Row, fresh: &Fresh, version: ServerVersion, whole: bool) -> Observation {
        let mut conn = fresh.connect().await;
        run(&mut conn, &self.setup.of(row, whole)).await;
        conn.close().await.unwrap();
        let mut observer = Observer::open(&fresh.url).await.unwrap();
        for sql in row.first(version) {
            run(observer.session(), sql).await;
        }
        observer.begin_file(&[&row.sql]).await.unwrap();
        let observation = observer.observe(&row.sql).await.unwrap_or_else(|it| panic!("{}: {it}", row.place));
        let _ = observer.end_file().await;
        observation
    }
}
