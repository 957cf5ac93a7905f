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

/// Rows whose update waits until somebody opens the gate: what a test wants to happen in the midst of a batch has all the
/// time that it takes.
pub(crate) struct Gate(Conn);

impl Gate {
    /// Shut for the users that the condition over `NEW` names. On PostgreSQL a batch that comes to it waits for rows
    /// behind it as long as others do, and not as briefly as a fill's otherwise would.
    pub(crate) async fn shut(db: &Fresh, conn: &mut Conn, which: &str) -> Self {
        let mut holder = db.connect().await;
        run(&mut holder, db.pick("SELECT pg_advisory_lock(7)", "DO GET_LOCK(CONCAT(DATABASE(), '/gate'), 0)")).await;
        let sql = match db.dialect {
            Dialect::Postgres => format!(
                "CREATE FUNCTION gate() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN \
                 PERFORM set_config('lock_timeout', '10min', true), set_config('application_name', 'at the gate', true); \
                 WHILE NOT pg_try_advisory_xact_lock_shared(7) LOOP PERFORM pg_sleep(0.02); END LOOP; RETURN NEW; END $$; \
                 CREATE TRIGGER b BEFORE UPDATE ON users FOR EACH ROW WHEN ({which}) EXECUTE FUNCTION gate()"
            ),
            Dialect::MySql => format!(
                "CREATE TRIGGER b BEFORE UPDATE ON users FOR EACH ROW BEGIN IF {which} THEN \
                 DO GET_LOCK(CONCAT(DATABASE(), '/at/', CONNECTION_ID()), 0); \
                 WHILE NOT IS_FREE_LOCK(CONCAT(DATABASE(), '/gate')) DO SET @gate = SLEEP(0.02); END WHILE; \
                 DO RELEASE_LOCK(CONCAT(DATABASE(), '/at/', CONNECTION_ID())); END IF; END"
            ),
        };
        run(conn, &sql).await;
        Self(holder)
    }

    /// Waits until so many batches are there.
    pub(crate) async fn reached_by(&self, conn: &mut Conn, batches: i64) {
        let sql = match conn.dialect() {
            Dialect::Postgres => {
                "SELECT count(*) FROM pg_stat_activity WHERE application_name = 'at the gate' AND datname = current_database()"
            }
            Dialect::MySql => {
                "SELECT COUNT(*) FROM performance_schema.metadata_locks WHERE OBJECT_TYPE = 'USER LEVEL LOCK' \
                 AND OBJECT_NAME LIKE CONCAT(DATABASE(), '/at/%')"
            }
        };
        until(conn, sql, batches).await;
    }

    pub(crate) async fn open(self) {
        self.0.close().await.unwrap();
    }
}

/// Somebody who has a row of the first range: whoever fills it gives way and waits, so no fill ends meanwhile.
pub(crate) async fn hold_a_row(db: &Fresh) -> Conn {
    let mut holder = db.connect().await;
    run(&mut holder, "BEGIN").await;
    run(&mut holder, "SELECT id FROM users WHERE email = 'user7@x' FOR UPDATE").await;
    holder
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

/// What is waited for comes, however busy the machine is, or never.
const PATIENCE: Duration = Duration::from_secs(180);

/// Waits until a query gives this number.
pub(crate) async fn until(conn: &mut Conn, sql: &str, wanted: i64) {
    until_it(conn, sql, |it| it == wanted).await;
}

/// Waits until a query gives such a number.
pub(crate) async fn until_it(conn: &mut Conn, sql: &str, is: impl Fn(i64) -> bool) {
    let begun = Instant::now();
    loop {
        let found = number(conn, sql).await;
        if is(found) {
            return;
        }
        assert!(begun.elapsed() < PATIENCE, "{sql} stays at {found}");
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
}

/// Waits until such an event was told.
pub(crate) async fn heard(events: &Seen, is: impl Fn(&str) -> bool) {
    let begun = Instant::now();
    loop {
        let told = events.0.lock().unwrap().clone();
        if told.iter().any(|it| is(it)) {
            return;
        }
        assert!(begun.elapsed() < PATIENCE, "it is not told: {:?}", &told[told.len().saturating_sub(5)..]);
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
}
