//! What a unique index or a foreign key would refuse is looked for batch by batch, and named before anything is built.

use pontoon::Dialect;
use pontoon::def::TableDef;
use pontoon::exec::{Event, Observer, Options, Runner};
use pontoon::migration::history::Recorded;
use pontoon::plan::plan;
use pontoon::schema::{Intents, Schema, from_defs};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use crate::support::{Fresh, number, on_both_servers, run};

macro_rules! tables {
    ($(($($table:tt)*) { $($fields:tt)* })*) => {{
        let mut defs = Vec::new();
        $({
            #[derive(pontoon::Table)]
            #[table($($table)*)]
            #[allow(dead_code)]
            struct Thing { $($fields)* }
            defs.push(<Thing as pontoon::Table>::DEF);
        })*
        defs
    }};
}

/// A database at the first schema, and a runner to the second.
async fn between(dialect: Dialect, before: Vec<TableDef>, after: Vec<TableDef>) -> (Fresh, Vec<Recorded>) {
    let model = |defs: &[TableDef]| from_defs(&defs.iter().collect::<Vec<_>>()).unwrap_or_else(|it| panic!("{it}"));
    let ((before, _), (after, intents)) = (model(&before), model(&after));
    let recorded = |id: &str, from: &Schema, to: &Schema, intents: &Intents| {
        let plan = plan(id, from, to, intents, dialect).unwrap_or_else(|errors| panic!("{errors}"));
        let text = pontoon::migration::file::render(&plan.migration);
        let migration = pontoon::migration::file::parse(id, dialect, id, &text).unwrap_or_else(|it| panic!("{it}"));
        Recorded { migration, sha256: pontoon::migration::file::sha256(&text) }
    };
    let migrations = vec![
        recorded("0001_before", &Schema::default(), &before, &Intents::default()),
        recorded("0002_after", &before, &after, &intents),
    ];
    let db = Fresh::new(dialect).await;
    db.runner_with(migrations[..1].to_vec(), Options::default()).up().await.unwrap();
    (db, migrations)
}

async fn up_to_validate(runner: &Runner) -> Result<(), String> {
    runner.expand().await.map_err(|it| it.to_string())?;
    runner.backfill().await.map_err(|it| it.to_string())?;
    runner.validate().await.map(drop).map_err(|it| it.to_string())
}

/// Counts the batches of searches.
#[derive(Default)]
struct Batches(AtomicU64);

impl Observer for Batches {
    fn event(&self, event: &Event) {
        if matches!(event, Event::Search { .. }) {
            self.0.fetch_add(1, Ordering::Relaxed);
        }
    }
}

/// Rows `from..=to`, each by an expression over `n`.
fn numbered(db: &Fresh, into: &str, from: i64, to: i64, values: &str) -> String {
    match db.dialect {
        Dialect::Postgres => format!("INSERT INTO {into} SELECT {values} FROM generate_series({from}, {to}) AS n"),
        Dialect::MySql => format!(
            "INSERT INTO {into} WITH RECURSIVE numbers AS (SELECT {from} AS n UNION ALL SELECT n + 1 FROM numbers WHERE n < {to}) \
             SELECT {values} FROM numbers"
        ),
    }
}

async fn duplicates_are_named_before_anything_is_built(dialect: Dialect) {
    let before = tables! { (name = "users") {
        #[column(primary_key)] id: i64,
        #[column(length = 40)] email: String,
        nick: Option<i32>,
    } };
    let after = tables! { (name = "users", index("email", "nick", unique, name = "users_who")) {
        #[column(primary_key)] id: i64,
        #[column(length = 40)] email: String,
        nick: Option<i32>,
    } };
    let (db, migrations) = between(dialect, before, after).await;
    let mut conn = db.connect().await;
    if dialect == Dialect::MySql {
        run(&mut conn, "SET SESSION cte_max_recursion_depth = 100000").await;
    }
    // far apart, so that no batch has both; a NULL makes a row unlike any other
    run(&mut conn, &numbered(&db, "users (id, email, nick)", 1, 5_000, "n, concat('user', n), n")).await;
    run(&mut conn, "INSERT INTO users VALUES (5001, 'user1', 1), (-7, 'user1', 1), (5002, 'user2', 2)").await;
    run(&mut conn, "INSERT INTO users VALUES (5003, 'nobody', NULL), (5004, 'nobody', NULL), (5005, 'user3', 4)").await;
    let batches = Arc::new(Batches::default());
    let runner = db.runner_with(migrations, Options { observer: batches.clone(), ..Options::default() });
    let error = up_to_validate(&runner).await.unwrap_err();
    assert!(
        error.contains("unique index `users_who` cannot be: rows of `users` have the same (email, nick): user1, 1 (3 rows); user2, 2 (2 rows)\n"),
        "{error}"
    );
    assert!(batches.0.load(Ordering::Relaxed) > 4, "one look at each batch, and another");
    let left = db.pick(
        "SELECT count(*) FROM pg_indexes WHERE indexname = 'users_who'",
        "SELECT COUNT(*) FROM information_schema.STATISTICS WHERE TABLE_SCHEMA = DATABASE() AND INDEX_NAME = 'users_who'",
    );
    assert_eq!(number(&mut conn, left).await, 0, "nothing is left behind");
    run(&mut conn, "DELETE FROM users WHERE id IN (5001, -7, 5002)").await;
    runner.validate().await.unwrap();
    assert!(number(&mut conn, left).await > 0);
    runner.contract().await.unwrap();
    db.end().await;
}

/// What is equal to the index and not in its letters is found too, where the server tells.
async fn duplicates_of_an_expression_are_named(dialect: Dialect) {
    let before = tables! { (name = "users") {
        #[column(primary_key)] id: i64,
        #[column(length = 40)] email: String,
    } };
    let after = tables! { (name = "users", index(key(expression = "lower(email)"), unique, name = "users_email")) {
        #[column(primary_key)] id: i64,
        #[column(length = 40)] email: String,
    } };
    let (db, migrations) = between(dialect, before, after).await;
    let mut conn = db.connect().await;
    run(&mut conn, "INSERT INTO users VALUES (1, 'Ann@x'), (2, 'bob@x'), (3, 'ann@X')").await;
    let runner = db.runner_with(migrations, Options::default());
    let error = up_to_validate(&runner).await.unwrap_err();
    assert!(error.contains("have the same (lower(email)): ann@x (2 rows)\n"), "{error}");
    run(&mut conn, "DELETE FROM users WHERE id = 3").await;
    runner.validate().await.unwrap();
    runner.contract().await.unwrap();
    db.end().await;
}

/// Five of them are shown, the most frequent first, and it is said that there are more.
async fn many_duplicates_are_counted(dialect: Dialect) {
    let before = tables! { (name = "users") {
        #[column(primary_key)] id: i64,
        nick: i32,
    } };
    let after = tables! { (name = "users") {
        #[column(primary_key)] id: i64,
        #[column(unique)] nick: i32,
    } };
    let (db, migrations) = between(dialect, before, after).await;
    let mut conn = db.connect().await;
    run(&mut conn, &numbered(&db, "users", 1, 900, "n, n % 9")).await;
    let error = up_to_validate(&db.runner_with(migrations, Options::default())).await.unwrap_err();
    let found = error.split("have the same (nick): ").nth(1).unwrap_or_else(|| panic!("{error}"));
    assert_eq!(found.matches("(100 rows)").count(), 5, "{error}");
    assert!(found.contains("; and 4 more\n"), "{error}");
    db.end().await;
}

/// MySQL proves a foreign key by such a search; PostgreSQL proves it itself.
async fn orphans_are_named(dialect: Dialect) {
    let before = tables! {
        (name = "users") { #[column(primary_key)] id: i64, }
        (name = "orders") {
            #[column(primary_key)] id: i64,
            user_id: Option<i64>,
        }
    };
    let after = tables! {
        (name = "users") { #[column(primary_key)] id: i64, }
        (name = "orders") {
            #[column(primary_key)] id: i64,
            #[column(references(table = "users", column = "id"))] user_id: Option<i64>,
        }
    };
    let (db, migrations) = between(dialect, before, after).await;
    let mut conn = db.connect().await;
    run(&mut conn, "INSERT INTO users VALUES (1), (2)").await;
    run(&mut conn, &numbered(&db, "orders", 1, 900, "n, 1 + n % 2")).await;
    run(&mut conn, "INSERT INTO orders VALUES (2000, 7), (2001, NULL), (2002, 8)").await;
    let runner = db.runner_with(migrations, Options::default());
    let error = up_to_validate(&runner).await.unwrap_err();
    match dialect {
        Dialect::Postgres => assert!(error.contains("violates foreign key constraint"), "{error}"),
        Dialect::MySql => {
            assert!(error.contains("rows of `orders` refer to rows of `users` that do not exist: 7; 8\n"), "{error}");
        }
    }
    run(&mut conn, "DELETE FROM orders WHERE user_id > 2").await;
    runner.validate().await.unwrap();
    db.end().await;
}

on_both_servers!(
    duplicates_are_named_before_anything_is_built,
    duplicates_of_an_expression_are_named,
    many_duplicates_are_counted,
    orphans_are_named,
);
