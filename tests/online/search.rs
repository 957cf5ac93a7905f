//! What a unique index or a foreign key would refuse is looked for batch by batch, and named before anything is built.

use pontoon::Dialect;
use pontoon::exec::{Event, Observer, Options, Runner};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use crate::support::{Fresh, between, number, on_both_servers, run};

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

/// Moves a value behind a walk's back: from the first row, which was read, to the last one; and back when the walk ends.
struct Moves {
    url: String,
    /// How many rows the walks before this one have looked at, and how often the value was moved.
    before: AtomicU64,
    moves: AtomicU64,
}

const LAST: u64 = 5_000;

impl Observer for Moves {
    fn event(&self, event: &Event) {
        let Event::Search { rows, .. } = event else { return };
        // what is told is the sizes of the batches, whose last one is not full
        let ended = rows - self.before.load(Ordering::Relaxed) >= LAST;
        let begun = self.moves.load(Ordering::Relaxed) % 2 == 1;
        if ended {
            self.before.store(*rows, Ordering::Relaxed);
        }
        if ended != begun {
            return;
        }
        let (from, to) = if ended { (LAST, 1) } else { (1, LAST) };
        self.moves.fetch_add(1, Ordering::Relaxed);
        crate::support::meanwhile(async {
            let mut conn = pontoon_xtask::verify::conn::Conn::open(&self.url).await.unwrap();
            run(&mut conn, &format!("UPDATE users SET nick = -{from} WHERE id = {from}")).await;
            run(&mut conn, &format!("UPDATE users SET nick = 0 WHERE id = {to}")).await;
            conn.close().await.unwrap();
        });
    }
}

/// A value that moves from a row that was read to one that is not read yet is seen twice, and is no duplicate.
async fn a_value_that_moves_is_no_duplicate(dialect: Dialect) {
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
    if dialect == Dialect::MySql {
        run(&mut conn, "SET SESSION cte_max_recursion_depth = 100000").await;
    }
    run(&mut conn, &numbered(&db, "users", 1, 5_000, "n, n")).await;
    run(&mut conn, "UPDATE users SET nick = 0 WHERE id = 1").await;
    let moves = Arc::new(Moves { url: db.url.clone(), before: AtomicU64::new(0), moves: AtomicU64::new(0) });
    let runner = db.runner_with(migrations, Options { observer: moves.clone(), ..Options::default() });
    up_to_validate(&runner).await.unwrap();
    assert_eq!(
        moves.moves.load(Ordering::Relaxed),
        4,
        "there and back, in the walk that suspects it and in the one that counts"
    );
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
    a_value_that_moves_is_no_duplicate,
    orphans_are_named,
);
