//! A backfill by a Rust function over typed rows: stopped anywhere it goes on, and while old code writes rows
//! that it has not seen, contract waits.

use std::sync::Arc;
use std::sync::atomic::{AtomicU32, AtomicU64, Ordering};

use pontoon::Dialect;
use pontoon::Table as _;
use pontoon::exec::backfill::{BackfillOptions, FunctionFailure, Functions, fill, fill_with};
use pontoon::exec::{Options, Silent};
use pontoon::migration::history::Recorded;
use pontoon::migration::{Backfill, Step};
use pontoon_xtask::generate::{Folder, GenerateArgs, run_in};
use pontoon_xtask::verify::finding::Verdict;
use pontoon_xtask::verify::limit::STATEMENT_LIMIT;
use pontoon_xtask::verify::run_history::{HistoryFile, run_history, run_history_with};
use pontoon_xtask::verify::server::shared;
use sqlx::{ColumnIndex, Decode, FromRow, Row, Type};
use tokio::sync::Notify;

use crate::filling::count_updates;
use crate::support::{Fresh, number, on_both_servers, run};

on_both_servers!(
    a_function_fills_a_column,
    a_function_goes_on_where_it_was_stopped,
    what_a_function_does_wrong_is_named,
    a_function_is_verified_or_skipped_by_name,
);

#[allow(dead_code, unreachable_pub)]
mod before {
    #[derive(pontoon::Table)]
    #[table(name = "users")]
    pub struct User {
        #[column(primary_key, length = 20)]
        pub region: String,
        #[column(primary_key)]
        pub id: i64,
        #[column(length = 80)]
        pub email: String,
    }
}

#[allow(dead_code, unreachable_pub)]
mod after {
    #[derive(pontoon::Table)]
    #[table(name = "users")]
    pub struct User {
        #[column(primary_key, length = 20)]
        pub region: String,
        #[column(primary_key)]
        pub id: i64,
        #[column(length = 80)]
        pub email: String,
        #[column(length = 100, backfill_fn = "greeting")]
        pub greeting: Option<String>,
    }
}

fn history(dialect: Dialect) -> Vec<Recorded> {
    let folder = tempfile::tempdir().unwrap();
    for tables in [&before::User::DEF, &after::User::DEF] {
        run_in(folder.path(), &[tables], &GenerateArgs::default()).unwrap();
    }
    Folder::read(folder.path()).unwrap().recorded(dialect).unwrap()
}

/// What the function asks of a row.
struct User {
    id: i64,
    email: String,
}

impl<'r, R: Row> FromRow<'r, R> for User
where
    &'static str: ColumnIndex<R>,
    i64: Decode<'r, R::Database> + Type<R::Database>,
    String: Decode<'r, R::Database> + Type<R::Database>,
{
    fn from_row(row: &'r R) -> Result<Self, sqlx::Error> {
        Ok(Self { id: row.try_get("id")?, email: row.try_get("email")? })
    }
}

/// The function for both servers; `given` counts the rows.
fn functions(given: &Arc<AtomicU64>) -> Functions {
    let greeting = |given: Arc<AtomicU64>| {
        move |users: Vec<User>| {
            given.fetch_add(users.len() as u64, Ordering::Relaxed);
            async move {
                let greet = |it: User| Some(format!("Dear {} ({})", it.email, it.id));
                Ok::<_, FunctionFailure>(users.into_iter().map(greet).collect::<Vec<_>>())
            }
        }
    };
    Functions::new().postgres("greeting", greeting(given.clone())).mysql("greeting", greeting(given.clone()))
}

async fn insert(db: &Fresh, count: u32) {
    let mut conn = db.connect().await;
    if db.dialect == Dialect::MySql {
        run(&mut conn, "SET SESSION cte_max_recursion_depth = 100000").await;
    }
    let select = "concat('r', n % 3), n, concat('u', n, '@x')";
    let sql = match db.dialect {
        Dialect::Postgres => format!("INSERT INTO users SELECT {select} FROM generate_series(1, {count}) AS n"),
        Dialect::MySql => format!(
            "INSERT INTO users WITH RECURSIVE s(n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM s WHERE n < {count}) SELECT {select} FROM s"
        ),
    };
    run(&mut conn, &sql).await;
}

const RIGHT: &str = "SELECT count(*) FROM users WHERE greeting = concat('Dear ', email, ' (', id, ')')";

async fn a_function_fills_a_column(dialect: Dialect) {
    let db = Fresh::new(dialect).await;
    let history = history(dialect);
    db.runner_with(history[..1].to_vec(), Options::default()).up().await.unwrap();
    insert(&db, 1_000).await;
    let mut conn = db.connect().await;
    // without the function nothing happens at all
    let error = db.runner_with(history.clone(), Options::default()).expand().await.unwrap_err().to_string();
    assert!(error.contains("the Rust function `greeting`, which was not registered"), "{error}");
    assert!(conn.execute("SELECT greeting FROM users").await.is_err());
    let given = Arc::default();
    let options = Options { functions: functions(&given), ..Options::default() };
    let runner = db.runner_with(history, options);
    runner.expand().await.unwrap();
    runner.undo().await.unwrap();
    runner.expand().await.unwrap();
    run(&mut conn, "UPDATE users SET greeting = 'mine' WHERE id = 7").await;
    runner.backfill().await.unwrap();
    assert_eq!(number(&mut conn, RIGHT).await, 999);
    assert_eq!(number(&mut conn, "SELECT count(*) FROM users WHERE greeting = 'mine'").await, 1);
    assert_eq!(given.load(Ordering::Relaxed), 999);
    // old code goes on; the rows of before are proven, and its own are still to come
    run(&mut conn, "INSERT INTO users (region, id, email) VALUES ('a', 2001, 'late@x'), ('z', 2002, 'later@x')").await;
    runner.validate().await.unwrap();
    let error = runner.contract().await.unwrap_err().to_string();
    assert!(error.contains("2 rows of `users` have no `greeting`"), "{error}");
    runner.backfill().await.unwrap();
    assert_eq!(given.load(Ordering::Relaxed), 1_001);
    runner.contract().await.unwrap();
    assert_eq!(number(&mut conn, RIGHT).await, 1_001);
    db.end().await;
}

/// The table with its new column, and the backfill alone.
async fn ready(db: &Fresh, rows: u32) -> Backfill {
    let history = history(db.dialect);
    db.runner_with(history[..1].to_vec(), Options::default()).up().await.unwrap();
    insert(db, rows).await;
    let options = Options { functions: functions(&Arc::default()), ..Options::default() };
    db.runner_with(history.clone(), options).expand().await.unwrap();
    let backfill = history[1].migration.steps.iter().find_map(|(_, step)| match step {
        Step::Backfill(it) => Some(it.clone()),
        _ => None,
    });
    backfill.unwrap()
}

/// Where a fill is dropped.
#[derive(Clone, Copy)]
enum Where {
    /// While the function has the rows of a batch.
    Before,
    /// While its values are written, or anywhere behind that.
    Behind,
}

/// The function, which tells when it is called for the n-th time.
fn telling(calls: u32, place: Where) -> (Functions, Arc<Notify>) {
    let called = Arc::new(Notify::new());
    let greeting = |called: Arc<Notify>| {
        let left = Arc::new(AtomicU32::new(calls));
        move |users: Vec<User>| {
            let (called, now) = (called.clone(), left.fetch_sub(1, Ordering::Relaxed) == 1);
            async move {
                if now {
                    called.notify_one();
                    match place {
                        Where::Before => std::future::pending().await,
                        Where::Behind => tokio::task::yield_now().await,
                    }
                }
                let greet = |it: User| Some(format!("Dear {} ({})", it.email, it.id));
                Ok::<_, FunctionFailure>(users.into_iter().map(greet).collect::<Vec<_>>())
            }
        }
    };
    let of_both = [called.clone(), called.clone()].map(greeting);
    let [postgres, mysql] = of_both;
    (Functions::new().postgres("greeting", postgres).mysql("greeting", mysql), called)
}

/// Its future is dropped in the middle of a batch, again and again: no row gets its value twice.
async fn a_function_goes_on_where_it_was_stopped(dialect: Dialect) {
    let db = Fresh::new(dialect).await;
    let backfill = ready(&db, 2_000).await;
    let mut conn = db.connect().await;
    count_updates(&db, &mut conn).await;
    let options = BackfillOptions::default();
    let mut stops = 0;
    use Where::{Before, Behind};
    for (calls, place) in [(1, Before), (2, Before), (3, Before), (1, Behind), (2, Behind), (3, Behind)] {
        let pool = db.pool();
        let (functions, called) = telling(calls, place);
        let patience = std::time::Duration::from_millis(fastrand::u64(0..20));
        tokio::select! {
            filled = fill_with(&pool, "f", &backfill, &options, &functions, &Silent) => {
                assert_eq!(filled.unwrap().rows, 2_000);
                assert!(matches!(place, Where::Behind), "a function that never ends cannot have filled the rows");
                break;
            }
            () = async {
                called.notified().await;
                if matches!(place, Where::Behind) {
                    tokio::time::sleep(patience).await;
                }
            } => stops += 1,
        }
    }
    let pool = db.pool();
    let filled = fill_with(&pool, "f", &backfill, &options, &functions(&Arc::default()), &Silent).await;
    assert_eq!(filled.unwrap().rows, 2_000);
    assert!(stops > 2, "it was stopped {stops} times only");
    assert_eq!(number(&mut conn, RIGHT).await, 2_000);
    assert_eq!(number(&mut conn, "SELECT count(*) FROM updates").await, 2_000);
    db.end().await;
}

async fn what_a_function_does_wrong_is_named(dialect: Dialect) {
    let db = Fresh::new(dialect).await;
    let backfill = ready(&db, 100).await;
    let mut conn = db.connect().await;
    let (pool, options) = (db.pool(), BackfillOptions::default());
    let none = fill(&pool, "none", &backfill, &options, &Silent).await.unwrap_err().to_string();
    assert!(none.contains("was not registered"), "{none}");
    let said = async |functions: Functions| {
        let outcome = fill_with(&pool, "wrong", &backfill, &options, &functions, &Silent).await;
        outcome.unwrap_err().to_string()
    };
    let fails = |_: Vec<User>| async { Err::<Vec<Option<String>>, FunctionFailure>("no network".into()) };
    let error = said(Functions::new().postgres("greeting", fails).mysql("greeting", fails)).await;
    assert!(error.contains("the function `greeting`: no network"), "{error}");
    let short = |_: Vec<User>| async { Ok(vec![Some("x".to_owned())]) };
    let error = said(Functions::new().postgres("greeting", short).mysql("greeting", short)).await;
    assert!(error.contains("it was given 51 rows and gave 1 values"), "{error}");
    let other = |users: Vec<(bool,)>| async move { Ok(users.iter().map(|_| Some(1_i32)).collect()) };
    let error = said(Functions::new().postgres("greeting", other).mysql("greeting", other)).await;
    assert!(error.contains("the function `greeting`: error occurred while decoding"), "{error}");
    assert_eq!(number(&mut conn, "SELECT count(*) FROM users WHERE greeting IS NOT NULL").await, 0);
    // a row without a value is not passed over
    let but_one = |users: Vec<User>| async move {
        Ok(users.into_iter().map(|it| (it.id != 42).then_some(it.email)).collect::<Vec<_>>())
    };
    let error = said(Functions::new().postgres("greeting", but_one).mysql("greeting", but_one)).await;
    assert!(error.contains("1 rows of `users` have no `greeting`"), "{error}");
    assert_eq!(number(&mut conn, "SELECT count(*) FROM users WHERE greeting IS NULL").await, 1);
    db.end().await;
}

async fn a_function_is_verified_or_skipped_by_name(dialect: Dialect) {
    let files: Vec<HistoryFile> = history(dialect)
        .into_iter()
        .map(|it| HistoryFile { file: it.migration.id.clone(), migration: it.migration })
        .collect();
    let server = shared(dialect).await;
    let engine =
        run_history_with(&files, server, 2_000, None, &functions(&Arc::default()), STATEMENT_LIMIT).await.unwrap();
    for it in engine.migrations.iter().flat_map(|it| &it.statements) {
        assert_eq!(it.verdict(), Verdict::Pass, "{}: {:?} {:?}", it.sql, it.findings, it.observation);
    }
    let engine = run_history(&files, server, 100, None).await.unwrap();
    let skipped: Vec<_> =
        engine.migrations.iter().flat_map(|it| &it.statements).filter(|it| it.verdict() != Verdict::Pass).collect();
    assert_eq!(skipped.iter().map(|it| it.verdict()).collect::<Vec<_>>(), [Verdict::Skipped]);
    assert!(skipped[0].findings[0].message.contains("the Rust function `greeting`, which fills `users.greeting`"));
}
