//! A fill to look at: users with the sample's second migration expanded over them.

use std::sync::Arc;
use std::time::{Duration, Instant};

use pontoon::Dialect;
use pontoon::exec::ExecError;
use pontoon::exec::backfill::{BackfillOptions, fill};
use pontoon::migration::{Backfill, Step};
use pontoon_xtask::verify::conn::Conn;

use crate::support::{Fresh, Seen, number, run, sample, seen};

/// The sample's first migration, and users.
pub(crate) async fn with_users(db: &Fresh, users: u32) -> Conn {
    db.runner(1).up().await.unwrap();
    let mut conn = db.connect().await;
    if db.dialect == Dialect::MySql {
        run(&mut conn, "SET SESSION cte_max_recursion_depth = 1000000").await;
    }
    let numbers = match db.dialect {
        Dialect::Postgres => format!("SELECT generate_series(1, {users}) AS n"),
        Dialect::MySql => {
            format!("WITH RECURSIVE s(n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM s WHERE n < {users}) SELECT n FROM s")
        }
    };
    let insert = "INSERT INTO users (email, newsletter) SELECT concat('user', n, '@x'), true FROM";
    run(&mut conn, &format!("{insert} ({numbers}) AS numbers")).await;
    conn
}

/// Users with the new column, triggers in place, and a row in `updates` for every update of a user.
pub(crate) async fn expanded(db: &Fresh, users: u32) -> Conn {
    let mut conn = with_users(db, users).await;
    run(&mut conn, db.pick("ANALYZE users", "ANALYZE TABLE users")).await;
    db.runner(2).expand().await.unwrap();
    count_updates(db, &mut conn).await;
    conn
}

/// A row in `updates` for every update of a user from here on.
pub(crate) async fn count_updates(db: &Fresh, conn: &mut Conn) {
    run(conn, "CREATE TABLE updates (id bigint)").await;
    let sql = db.pick(
        "CREATE FUNCTION count_it() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN INSERT INTO updates VALUES (NEW.id); RETURN NULL; END $$; \
         CREATE TRIGGER z AFTER UPDATE ON users FOR EACH ROW EXECUTE FUNCTION count_it()",
        "CREATE TRIGGER z AFTER UPDATE ON users FOR EACH ROW INSERT INTO updates VALUES (NEW.id)",
    );
    run(conn, sql).await;
}

/// An update takes so many seconds a row; of all users, or of those that the condition over `NEW` names.
pub(crate) async fn slow(db: &Fresh, conn: &mut Conn, seconds: f64, which: &str) {
    let sql = match db.dialect {
        Dialect::Postgres => format!(
            "CREATE FUNCTION slow() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN PERFORM pg_sleep({seconds}); RETURN NEW; END $$; \
             CREATE TRIGGER a BEFORE UPDATE ON users FOR EACH ROW WHEN ({which}) EXECUTE FUNCTION slow()"
        ),
        Dialect::MySql => {
            format!("CREATE TRIGGER a BEFORE UPDATE ON users FOR EACH ROW SET @slow = IF({which}, SLEEP({seconds}), 0)")
        }
    };
    run(conn, &sql).await;
}

pub(crate) async fn each_row_once(conn: &mut Conn, dialect: Dialect, users: u32) {
    let expression = match dialect {
        Dialect::Postgres => "split_part(email, '@', 1)",
        Dialect::MySql => "substring_index(email, '@', 1)",
    };
    let right = number(conn, &format!("SELECT count(*) FROM users WHERE display_name = {expression}")).await;
    assert_eq!(right, i64::from(users));
    assert_eq!(number(conn, "SELECT count(*) FROM updates").await, i64::from(users));
    assert_eq!(number(conn, "SELECT count(DISTINCT id) FROM updates").await, i64::from(users));
}

pub(crate) fn backfill_of(dialect: Dialect) -> Backfill {
    let found = sample(dialect, 2).remove(1).migration.steps.into_iter().find_map(|(_, step)| match step {
        Step::Backfill(it) => Some(it),
        Step::Statement(_) | Step::Assertion(_) | Step::Search(_) => None,
    });
    found.expect("a backfill")
}

/// A fill of another task, which can be looked at.
pub(crate) fn begin(
    db: &Fresh,
    options: BackfillOptions,
) -> (tokio::task::JoinHandle<Result<pontoon::exec::backfill::Filled, ExecError>>, Arc<Seen>) {
    let (pool, backfill, events) = (db.pool(), backfill_of(db.dialect), seen());
    let observer = events.clone();
    (tokio::spawn(async move { fill(&pool, "w", &backfill, &options, &*observer).await }), events)
}

pub(crate) fn small(workers: u32) -> BackfillOptions {
    BackfillOptions { workers, batch: Some(Duration::from_millis(2)), ..BackfillOptions::default() }
}

/// Waits until a query gives this number.
pub(crate) async fn until(conn: &mut Conn, sql: &str, wanted: i64) {
    let begun = Instant::now();
    while number(conn, sql).await != wanted {
        assert!(begun.elapsed() < Duration::from_secs(60), "{sql} does not come to {wanted}");
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
}
