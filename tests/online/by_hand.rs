//! A migration that somebody wrote: run, killed, verified and undone like any other.

use std::fs;

use pontoon::Dialect;
use pontoon::Table as _;
use pontoon::exec::Options;
use pontoon::migration::history::Recorded;
use pontoon_xtask::generate::{Folder, GenerateArgs, run_in};
use pontoon_xtask::verify::finding::Verdict;
use pontoon_xtask::verify::run_history::{HistoryFile, run_history};
use pontoon_xtask::verify::server::shared;

use crate::support::{Fresh, number, on_both_servers, run, seen};

on_both_servers!(steps_by_hand_run_and_are_undone, steps_by_hand_are_verified);

#[derive(pontoon::Table)]
#[table(name = "users")]
#[allow(dead_code)]
struct User {
    #[column(primary_key, identity)]
    id: i64,
    #[column(length = 40)]
    name: String,
}

const POSTGRES: &str = "-- @stage expand

-- Reports read it.
-- @claim locks users ACCESS SHARE; reads no; writes no
-- @done query
--   SELECT 1 FROM pg_views
--   WHERE viewname = 'names';
-- @undo DROP VIEW names;
-- @undo-claim locks none; reads no; writes no
CREATE VIEW names AS SELECT name FROM users;

-- @stage backfill

-- Names have a mark from now on.
-- @backfill users.name
-- @claim locks users ROW EXCLUSIVE; reads no; writes brief
-- @invariant SELECT count(*) FROM users WHERE name NOT LIKE '~%';
-- @walk keys id as bigint
UPDATE users SET name = '~' || name WHERE id >= $1::bigint AND id <= $2::bigint AND name NOT LIKE '~%';

-- @stage validate

-- @assert a name is empty
SELECT id FROM users WHERE name = '~' LIMIT 5;

-- @stage contract

-- Nobody reads it any more.
-- @claim locks none; reads no; writes no
-- @done not query SELECT 1 FROM pg_views WHERE viewname = 'names'
-- @undo impossible: nobody does
DROP VIEW names;
";

const MYSQL: &str = "-- @stage expand

-- Reports read it.
-- @claim locks none; reads no; writes no
-- @done query
--   SELECT 1 FROM information_schema.VIEWS
--   WHERE TABLE_SCHEMA = DATABASE() AND TABLE_NAME = 'names';
-- @undo DROP VIEW names;
-- @undo-claim locks none; reads no; writes no
CREATE VIEW names AS SELECT name FROM users;

-- @stage backfill

-- Names have a mark from now on.
-- @backfill users.name
-- @claim locks users SHARED_WRITE; reads no; writes brief
-- @invariant SELECT count(*) FROM users WHERE name NOT LIKE '~%';
-- @walk keys id as SIGNED
UPDATE users SET name = concat('~', name) WHERE id >= CAST(? AS SIGNED) AND id <= CAST(? AS SIGNED) AND name NOT LIKE '~%';

-- @stage validate

-- @assert a name is empty
SELECT id FROM users WHERE name = '~' LIMIT 5;

-- @stage contract

-- Nobody reads it any more.
-- @claim locks none; reads no; writes no
-- @done not query SELECT 1 FROM information_schema.VIEWS WHERE TABLE_SCHEMA = DATABASE() AND TABLE_NAME = 'names'
-- @undo impossible: nobody does
DROP VIEW names;
";

/// The table's own migration, and the one by hand, by way of a folder.
fn history(dialect: Dialect) -> Vec<Recorded> {
    let folder = tempfile::tempdir().unwrap();
    let tables = [&User::DEF];
    run_in(folder.path(), &tables, &GenerateArgs::default()).unwrap();
    let custom = GenerateArgs { name: Some("marks".into()), custom: true, ..GenerateArgs::default() };
    run_in(folder.path(), &tables, &custom).unwrap();
    for (server, text) in [("postgres", POSTGRES), ("mysql", MYSQL)] {
        fs::write(folder.path().join("0002_marks").join(format!("{server}.sql")), text).unwrap();
    }
    run_in(folder.path(), &tables, &GenerateArgs { record: true, ..GenerateArgs::default() }).unwrap();
    Folder::read(folder.path()).unwrap().recorded(dialect).unwrap()
}

async fn steps_by_hand_run_and_are_undone(dialect: Dialect) {
    let db = Fresh::new(dialect).await;
    let history = history(dialect);
    db.runner_with(history[..1].to_vec(), Options::default()).up().await.unwrap();
    let mut conn = db.connect().await;
    run(&mut conn, "INSERT INTO users (name) VALUES ('anna'), ('ben')").await;
    let seen = seen();
    let runner = db.runner_with(history, Options { observer: seen.clone(), ..Options::default() });
    runner.expand().await.unwrap();
    // as if the runner had been killed before it noted the statement, which cannot run twice
    run(&mut conn, "DELETE FROM pontoon_ledger WHERE migration = '0002_marks' AND event = 'done'").await;
    runner.expand().await.unwrap();
    let found = |it: &&String| it.contains("Found") && it.contains("CREATE VIEW names");
    assert_eq!(seen.0.lock().unwrap().iter().filter(found).count(), 1);
    runner.backfill().await.unwrap();
    let marked = "SELECT count(*) FROM users WHERE name IN ('~anna', '~ben')";
    assert_eq!(number(&mut conn, marked).await, 2);
    runner.undo().await.unwrap();
    assert!(conn.execute("SELECT * FROM names").await.is_err());
    run(&mut conn, "INSERT INTO users (name) VALUES ('')").await;
    for stage in [runner.expand().await, runner.backfill().await] {
        stage.unwrap();
    }
    let error = runner.validate().await.unwrap_err().to_string();
    assert!(error.contains("0002_marks") && error.contains("a name is empty: 3"), "{error}");
    run(&mut conn, "UPDATE users SET name = 'late' WHERE name = '~'").await;
    let error = runner.validate().await.unwrap_err().to_string();
    assert!(error.contains("1 rows of `users` have no `name`"), "{error}");
    runner.backfill().await.unwrap();
    runner.validate().await.unwrap();
    runner.contract().await.unwrap();
    assert!(conn.execute("SELECT * FROM names").await.is_err());
    db.end().await;
}

async fn steps_by_hand_are_verified(dialect: Dialect) {
    let files = |history: Vec<Recorded>| -> Vec<HistoryFile> {
        history.into_iter().map(|it| HistoryFile { file: it.migration.id.clone(), migration: it.migration }).collect()
    };
    let engine = run_history(&files(history(dialect)), shared(dialect).await, 500, None).await.unwrap();
    for it in engine.migrations.iter().flat_map(|it| &it.statements) {
        assert_eq!(it.verdict(), Verdict::Pass, "{}: {:?}", it.sql, it.findings);
    }
    // a query that does not tell whether the statement was done
    let mut wrong = history(dialect);
    let (_, step) = &mut wrong[1].migration.steps[0];
    let pontoon::migration::Step::Statement(it) = step else { panic!("{step:?}") };
    it.done = pontoon::migration::Fact::Query("SELECT 1".into());
    let engine = run_history(&files(wrong), shared(dialect).await, 500, None).await.unwrap();
    let first = &engine.migrations[1].statements[0];
    assert_eq!(first.findings.iter().map(|it| it.rule.code()).collect::<Vec<_>>(), ["done-fact"]);
}
