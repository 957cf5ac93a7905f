//! Every operation, while both codes live: between any two statements of it old code and new code
//! insert, update, delete and read, and no write is lost or wrong in either view; the same on the
//! way back. And every claim of it is held against what the server does.
//!
//! `cases` is the table; `codes` is what an old or a new application does at each point.

mod codes;

use std::sync::Arc;

use pontoon::Dialect;
use pontoon::exec::{Options, Outcome, Runner};
use pontoon::migration::history::Recorded;
use pontoon::migration::{Stage, Step};
use pontoon::plan::plan;
use pontoon_xtask::verify::finding::{Severity, Verdict};
use pontoon_xtask::verify::run_history::{HistoryFile, run_history};
use pontoon_xtask::verify::server::shared;

use crate::cases::{Case, Way};
use crate::support::{Fresh, number, run, seen};
use codes::Codes;

/// Rows that are there before the case begins.
const ROWS: i64 = 200;

/// The case's migrations: all but the last make what is there before.
pub(crate) fn history(case: &Case, dialect: Dialect) -> Vec<Recorded> {
    history_with(case, dialect, case.copy_rows)
}

fn history_with(case: &Case, dialect: Dialect, copy_rows: Option<u64>) -> Vec<Recorded> {
    let recorded = |Way { id, from, to, mut intents }: Way| {
        intents.copy_rows = intents.copy_rows.and(copy_rows);
        let plan = plan(id, &from, &to, &intents, dialect).unwrap_or_else(|errors| panic!("{}: {errors}", case.name));
        // as a file, since that is what runs
        let text = pontoon::migration::file::render(&plan.migration);
        let migration = pontoon::migration::file::parse(id, dialect, id, &text)
            .unwrap_or_else(|error| panic!("{}: {error}\n{text}", case.name));
        Recorded { migration, sha256: pontoon::migration::file::sha256(&text) }
    };
    case.ways().into_iter().map(recorded).collect()
}

/// All stages with both codes at work; or, with `back`, so many stages and then the way back.
async fn live(case: &Case, dialect: Dialect, back: Option<usize>) {
    let db = Fresh::new(dialect).await;
    let migrations = history(case, dialect);
    let before = migrations.len() - 1;
    db.runner_with(migrations[..before].to_vec(), Options::default()).up().await.unwrap();
    let mut conn = db.connect().await;
    for sql in &case.rows {
        run(&mut conn, sql).await;
    }
    let asks = |step: &Step| matches!(step, Step::Assertion(_) | Step::Search(_));
    let does_something = migrations[before].migration.steps.iter().any(|(_, step)| !asks(step));
    let codes = Arc::new(Codes::open(case, &db.url, dialect).await);
    codes.seed(ROWS).await;
    // a table that is new has rows that go with it, and must say so
    let undo_drops_rows = case.after.iter().any(|it| case.before.iter().all(|before| before.name != it.name));
    let options = Options { observer: codes.clone(), undo_drops_rows, ..Options::default() };
    let runner = Runner::new(db.pool(), migrations, options);
    let stages = back.unwrap_or(Stage::ALL.len());
    for stage in &Stage::ALL[..stages] {
        codes.before(*stage).await;
        let outcome = match stage {
            Stage::Expand => runner.expand().await,
            Stage::Backfill => runner.backfill().await,
            Stage::Validate => runner.validate().await,
            Stage::Contract => runner.contract().await,
        };
        outcome.unwrap_or_else(|error| panic!("{}, {stage} on {dialect}: {error}", case.name));
        codes.after(*stage).await;
    }
    if back.is_some() {
        codes.before_undo();
        let outcome = runner.undo().await;
        let outcome = outcome.unwrap_or_else(|error| panic!("{}, undo on {dialect}: {error}", case.name));
        assert!(matches!(outcome, Outcome::Did { .. }), "{}", case.name);
        codes.after_undo().await;
    }
    assert!(back.is_some() || !does_something || codes.points() > 0, "{}: nothing was tried", case.name);
    codes.close().await;
    db.end().await;
}

/// Every claim, on tables with rows and under traffic, forth and back.
async fn claims(case: &Case, dialect: Dialect) {
    let history: Vec<_> = history(case, dialect)
        .into_iter()
        .map(|it| HistoryFile { file: it.migration.id.clone(), migration: it.migration })
        .collect();
    let engine = run_history(&history, shared(dialect).await, 2_000, None).await.unwrap();
    for statement in engine.migrations.iter().flat_map(|it| &it.statements) {
        let errors: Vec<_> = statement.findings.iter().filter(|it| it.severity == Severity::Error).collect();
        assert!(errors.is_empty(), "{} on {dialect}: {}\n{errors:#?}", case.name, statement.sql);
        let other_server = statement.findings.iter().any(|it| ["other-server", "not-needed"].contains(&it.rule.code()));
        let skipped = statement.verdict() == Verdict::Skipped;
        assert_eq!(skipped, other_server, "{} on {dialect}: {}", case.name, statement.sql);
    }
}

macro_rules! cases {
    ($($name:ident),* $(,)?) => {
        $(mod $name {
            use pontoon::Dialect;

            #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
            async fn postgres() {
                super::whole(&crate::cases::$name(Dialect::Postgres), Dialect::Postgres).await;
            }

            #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
            async fn mysql() {
                super::whole(&crate::cases::$name(Dialect::MySql), Dialect::MySql).await;
            }
        })*
    };
}

async fn whole(case: &Case, dialect: Dialect) {
    claims(case, dialect).await;
    live(case, dialect, None).await;
    for stages in 1..=3 {
        live(case, dialect, Some(stages)).await;
    }
}

crate::cases::every_case!(cases);

/// A server without another way copies a table only as far as its owner allowed.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_copy_beyond_the_limit_is_refused() {
    let case = crate::cases::add_check_by_a_copy(Dialect::MySql);
    let db = Fresh::new(Dialect::MySql).await;
    let migrations = history_with(&case, Dialect::MySql, Some(10));
    db.runner_with(migrations[..1].to_vec(), Options::default()).up().await.unwrap();
    let mut conn = db.connect().await;
    for id in 1..=11 {
        run(&mut conn, &format!("INSERT INTO things (id, a) VALUES ({id}, 'a')")).await;
    }
    let runner = db.runner_with(migrations, Options::default());
    runner.expand().await.unwrap();
    runner.backfill().await.unwrap();
    let error = runner.validate().await.unwrap_err().to_string();
    assert!(error.contains("table `things` has more than 10 rows") && error.contains("--copy-rows"), "{error}");
    run(&mut conn, "DELETE FROM things WHERE id = 11").await;
    runner.validate().await.unwrap();
    db.end().await;
}

/// A trigger or view of somebody else's is named before the column is taken from it.
async fn a_column_that_others_name(dialect: Dialect) {
    let case = crate::cases::drop_column(dialect);
    let db = Fresh::new(dialect).await;
    let migrations = history(&case, dialect);
    db.runner_with(migrations[..1].to_vec(), Options::default()).up().await.unwrap();
    let mut conn = db.connect().await;
    let theirs: &[&str] = match dialect {
        Dialect::Postgres => &[
            "CREATE FUNCTION theirs() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN NEW.b := NEW.b + 1; RETURN NEW; END'",
            "CREATE TRIGGER their_trigger BEFORE INSERT ON things FOR EACH ROW EXECUTE FUNCTION theirs()",
            "CREATE VIEW their_view AS SELECT a, b FROM things",
        ],
        Dialect::MySql => &[
            "CREATE TRIGGER their_trigger BEFORE INSERT ON things FOR EACH ROW SET NEW.b = NEW.b + 1",
            "CREATE VIEW their_view AS SELECT a, b FROM things",
        ],
    };
    // one that has nothing to do with the column
    run(&mut conn, "CREATE VIEW other_view AS SELECT a FROM things").await;
    for sql in theirs {
        run(&mut conn, sql).await;
    }
    let seen = seen();
    let options = Options { observer: seen.clone(), ..Options::default() };
    let runner = db.runner_with(migrations, options);
    runner.expand().await.unwrap();
    let told = seen.0.lock().unwrap().clone();
    let first = told.iter().position(|it| it.starts_with("Statement")).unwrap();
    let ahead = told.iter().position(|it| it.starts_with("Ahead") && it.contains("their_trigger")).unwrap();
    assert!(ahead < first, "{told:?}");
    runner.backfill().await.unwrap();
    runner.validate().await.unwrap();
    let error = runner.contract().await.unwrap_err().to_string();
    assert!(error.contains("`things.b` goes, and others name it"), "{error}");
    assert!(error.contains("trigger, their_trigger") && error.contains("view, their_view"), "{error}");
    assert!(!error.contains("other_view"), "{error}");
    run(&mut conn, "DROP VIEW their_view").await;
    run(&mut conn, db.pick("DROP TRIGGER their_trigger ON things", "DROP TRIGGER their_trigger")).await;
    runner.contract().await.unwrap();
    run(&mut conn, "INSERT INTO things (id, a) VALUES (1, 'a')").await;
    db.end().await;
}

/// MySQL: what goes is hidden first, and one can stay there, go on, or go back.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_hidden_index_comes_back_at_once() {
    let case = crate::cases::drop_index(Dialect::MySql);
    let db = Fresh::new(Dialect::MySql).await;
    let migrations = history(&case, Dialect::MySql);
    db.runner_with(migrations[..1].to_vec(), Options::default()).up().await.unwrap();
    let mut conn = db.connect().await;
    let hidden = "SELECT COUNT(*) FROM information_schema.STATISTICS WHERE TABLE_SCHEMA = DATABASE() AND TABLE_NAME = 'things' \
                  AND INDEX_NAME = 'things_a_id_idx' AND SEQ_IN_INDEX = 1 AND IS_VISIBLE = ";
    let [hidden, seen] = ["'NO'", "'YES'"].map(|it| format!("{hidden}{it}"));
    let hide = Options { contract_hides: true, ..Options::default() };
    let hide = db.runner_with(migrations.clone(), hide);
    let runner = db.runner_with(migrations, Options::default());
    for back in [true, false] {
        runner.expand().await.unwrap();
        runner.backfill().await.unwrap();
        runner.validate().await.unwrap();
        assert_eq!(number(&mut conn, &seen).await, 1, "old code may need it until contract");
        for _ in 0..2 {
            assert!(matches!(hide.contract().await.unwrap(), Outcome::Nothing(_)));
            assert_eq!(number(&mut conn, &hidden).await, 1);
        }
        if back {
            runner.undo().await.unwrap();
            assert_eq!(number(&mut conn, &seen).await, 1);
        }
    }
    runner.contract().await.unwrap();
    assert_eq!(number(&mut conn, &hidden).await + number(&mut conn, &seen).await, 0);
    let error = runner.undo().await.unwrap();
    assert!(matches!(error, Outcome::Nothing(_)), "what is contracted stays");
    db.end().await;
}

/// A view follows a column whose name another one has taken: PostgreSQL's goes on reading the old one, MySQL's
/// reads the new one.
async fn a_view_of_a_column_that_changes_its_type(dialect: Dialect) {
    let case = crate::cases::change_type(dialect);
    let db = Fresh::new(dialect).await;
    let migrations = history(&case, dialect);
    db.runner_with(migrations[..1].to_vec(), Options::default()).up().await.unwrap();
    let mut conn = db.connect().await;
    run(&mut conn, "INSERT INTO things (id, a) VALUES (1, 7)").await;
    run(&mut conn, "CREATE VIEW their_view AS SELECT id, a FROM things").await;
    let runner = db.runner_with(migrations, Options::default());
    runner.expand().await.unwrap();
    runner.backfill().await.unwrap();
    runner.validate().await.unwrap();
    run(&mut conn, "UPDATE things SET a = 8").await;
    assert_eq!(number(&mut conn, "SELECT a FROM their_view").await, 8);
    if dialect == Dialect::Postgres {
        let error = runner.contract().await.unwrap_err().to_string();
        assert!(error.contains("view, their_view") && error.contains("make them anew"), "{error}");
        assert!(runner.undo().await.is_ok(), "nothing of contract was done");
        assert_eq!(number(&mut conn, "SELECT a FROM their_view").await, 8);
        runner.expand().await.unwrap();
        runner.backfill().await.unwrap();
        runner.validate().await.unwrap();
        run(&mut conn, "DROP VIEW their_view").await;
        run(&mut conn, "CREATE VIEW their_view AS SELECT id, a FROM things").await;
    }
    runner.contract().await.unwrap();
    run(&mut conn, "UPDATE things SET a = 9").await;
    assert_eq!(number(&mut conn, "SELECT a FROM their_view").await, 9);
    db.end().await;
}

crate::support::on_both_servers!(a_column_that_others_name, a_view_of_a_column_that_changes_its_type);
