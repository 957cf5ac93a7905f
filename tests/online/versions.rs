//! Statements for some of a server's versions: what is not meant is skipped, forth and back.

use pontoon::Dialect;
use pontoon::exec::Options;
use pontoon::migration::file;
use pontoon::migration::history::Recorded;
use pontoon_xtask::verify::finding::Verdict;
use pontoon_xtask::verify::run_history::{HistoryFile, run_history};
use pontoon_xtask::verify::server::shared;

use crate::support::{Fresh, number, on_both_servers, run, seen};

on_both_servers!(only_what_is_for_this_server_runs, a_migration_goes_on_as_it_began, skipped_is_not_passed);

/// A table whose file adds one column for older servers, and another for the rest, in two stages.
fn migration(dialect: Dialect) -> Recorded {
    let (lock, how, border, add) = match dialect {
        Dialect::Postgres => ("ACCESS EXCLUSIVE", "", "13.1", "integer"),
        Dialect::MySql => ("EXCLUSIVE; algorithm INSTANT; lock NONE", ", ALGORITHM=INSTANT", "8.0.31", "int"),
    };
    let column = |name: &str, servers: &str| {
        format!(
            "-- @server {servers} {border}\n-- @claim locks t {lock}; reads brief; writes brief\n-- @done column t.{name}\n\
             -- @undo ALTER TABLE t DROP COLUMN {name}{how};\n-- @undo-claim locks t {lock}; reads brief; writes brief\n\
             ALTER TABLE t ADD COLUMN {name} {add}{how};\n\n"
        )
    };
    let text = format!(
        "-- @stage expand\n\n-- @claim locks none; reads no; writes no\n-- @done table t\n-- @undo DROP TABLE t;\n\
         -- @undo-claim locks t {}; reads brief; writes brief\nCREATE TABLE t (id {add} PRIMARY KEY);\n\n{}{}-- @stage validate\n\n{}{}",
        lock.split(';').next().unwrap_or_default(),
        column("old_1", "<"),
        column("new_1", ">="),
        column("old_2", "<"),
        column("new_2", ">="),
    );
    let migration = file::parse("0001_versions", dialect, "f", &text).unwrap_or_else(|error| panic!("{error}\n{text}"));
    Recorded { migration, sha256: file::sha256(&text) }
}

const COLUMNS: &str = "SELECT count(*) FROM information_schema.columns WHERE table_name = 't' AND table_schema = ";

async fn columns(db: &Fresh, like: &str) -> i64 {
    let mut conn = db.connect().await;
    let schema = db.pick("'public'", "database()");
    number(&mut conn, &format!("{COLUMNS}{schema} AND column_name LIKE '{like}'")).await
}

async fn only_what_is_for_this_server_runs(dialect: Dialect) {
    let db = Fresh::new(dialect).await;
    let seen = seen();
    let options = Options { observer: seen.clone(), ..Options::default() };
    let runner = db.runner_with(vec![migration(dialect)], options);
    runner.expand().await.unwrap();
    runner.backfill().await.unwrap();
    runner.validate().await.unwrap();
    assert_eq!((columns(&db, "new%").await, columns(&db, "old%").await), (2, 0));
    let told = seen.0.lock().unwrap().clone();
    let skipped: Vec<_> = told.iter().filter(|it| it.starts_with("Skipped")).collect();
    assert_eq!(skipped.len(), 2, "{told:?}");
    assert!(skipped[0].contains("old_1") && skipped[0].contains("for servers < "), "{skipped:?}");
    let mut conn = db.connect().await;
    let noted = "SELECT count(*) FROM pontoon_ledger WHERE event = 'skipped' AND detail LIKE 'for servers < %'";
    assert_eq!(number(&mut conn, noted).await, 2);
    runner.undo().await.unwrap();
    assert_eq!(columns(&db, "%").await, 0);
    db.end().await;
}

/// An upgrade in between does not mix two ways.
async fn a_migration_goes_on_as_it_began(dialect: Dialect) {
    let db = Fresh::new(dialect).await;
    let runner = db.runner_with(vec![migration(dialect)], Options::default());
    runner.expand().await.unwrap();
    let mut conn = db.connect().await;
    // as if it had been an older server then
    let oldest = db.pick("server 13", "server 8.0.30");
    run(&mut conn, &format!("UPDATE pontoon_ledger SET detail = '{oldest}' WHERE detail LIKE 'server %'")).await;
    runner.backfill().await.unwrap();
    runner.validate().await.unwrap();
    assert_eq!((columns(&db, "new_2").await, columns(&db, "old_2").await), (0, 1));
    // what ran is undone, on whichever server it is by now
    runner.undo().await.unwrap();
    assert_eq!(columns(&db, "%").await, 0);
    // and the next time it begins anew
    runner.expand().await.unwrap();
    runner.backfill().await.unwrap();
    runner.validate().await.unwrap();
    assert_eq!((columns(&db, "new%").await, columns(&db, "old%").await), (2, 0));
    db.end().await;
}

async fn skipped_is_not_passed(dialect: Dialect) {
    let migration = migration(dialect).migration;
    let history = [HistoryFile { file: "f".to_owned(), migration }];
    let engine = run_history(&history, shared(dialect).await, 100, None).await.unwrap();
    let of = |part: &str| {
        let runs = engine.migrations.iter().flat_map(|it| &it.statements).filter(|it| it.sql.contains(part));
        runs.map(pontoon_xtask::verify::outcome::StatementRun::verdict).collect::<Vec<_>>()
    };
    assert_eq!(of("old_1"), [Verdict::Skipped]);
    assert_eq!(of("old_2"), [Verdict::Skipped]);
    assert_eq!(of("new_2"), [Verdict::Pass, Verdict::Pass], "forth and back");
}
