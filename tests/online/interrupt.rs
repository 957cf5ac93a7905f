//! What happens when something stops halfway: the way on is the only way, and it ends right.

use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use pontoon::Dialect;
use pontoon::exec::backfill::{BackfillOptions, fill};
use pontoon::exec::{Event, ExecError, Holder, Observer, Options, Outcome, Patience, Pool, Runner, Silent};
use pontoon::migration::{Backfill, Step, Walk, WalkBy};
use pontoon_xtask::verify::conn::Conn;
use tokio::sync::Notify;

use crate::filling::{heard, until, with_users};
use crate::support::{Fresh, number, on_both_servers, ranges_of_tids, run, sample, seen};

on_both_servers!(
    an_undo_that_stopped_goes_only_back,
    a_ledger_of_another_format,
    a_second_fill_works_beside_the_first,
    a_row_held_for_the_whole_budget,
    a_budget_that_was_spent_is_in_the_ledger,
);

/// Users, and the sample's second migration expanded over them.
async fn expanded(db: &Fresh, users: u32) -> Conn {
    let conn = with_users(db, users).await;
    db.runner(2).expand().await.unwrap();
    conn
}

fn backfill_of(dialect: Dialect, by_keys: bool) -> Backfill {
    let migration = sample(dialect, 2).remove(1).migration;
    let found = migration.steps.into_iter().find_map(|(_, step)| match step {
        Step::Backfill(it) => Some(it),
        Step::Statement(_) | Step::Assertion(_) | Step::Search(_) => None,
    });
    let mut backfill = found.expect("a backfill");
    backfill.walks.retain(|walk| by_keys == (walk.by != WalkBy::Blocks));
    backfill
}

async fn unfilled(conn: &mut Conn, dialect: Dialect) -> i64 {
    number(conn, &backfill_of(dialect, true).invariant).await
}

/// Runs a command while somebody holds `users`, with little patience.
fn impatient(db: &Fresh) -> Runner {
    let patience = Patience {
        lock_timeout: Duration::from_millis(100),
        budget: Duration::from_millis(400),
        ..Patience::default()
    };
    db.runner_with(sample(db.dialect, 2), Options { patience, ..Options::default() })
}

async fn an_undo_that_stopped_goes_only_back(dialect: Dialect) {
    let db = Fresh::new(dialect).await;
    let mut conn = expanded(&db, 100).await;
    let runner = impatient(&db);
    runner.backfill().await.unwrap();
    run(&mut conn, "BEGIN").await;
    run(&mut conn, "SELECT count(*) FROM users").await;
    let error = runner.undo().await.unwrap_err();
    assert!(matches!(error, ExecError::Blocked { .. }), "{error}");
    run(&mut conn, "COMMIT").await;
    for outcome in [runner.expand().await, runner.backfill().await, runner.contract().await] {
        let error = outcome.unwrap_err().to_string();
        assert!(error.contains("help: run `"), "{error}");
    }
    let error = runner.expand().await.unwrap_err().to_string();
    assert!(error.contains("is on its way back") && error.contains("run `undo` to the end"), "{error}");
    let runner = db.runner(2);
    assert!(matches!(runner.undo().await.unwrap(), Outcome::Did { .. }));
    // and from the beginning, where no row has a value
    runner.up().await.unwrap();
    assert_eq!(number(&mut conn, "SELECT count(*) FROM users WHERE display_name LIKE 'user%'").await, 100);
    db.end().await;
}

async fn a_ledger_of_another_format(dialect: Dialect) {
    let db = Fresh::new(dialect).await;
    let mut conn = expanded(&db, 1).await;
    run(&mut conn, "UPDATE pontoon_marker SET format = 99").await;
    let before = number(&mut conn, "SELECT count(*) FROM pontoon_ledger").await;
    for outcome in [db.runner(2).backfill().await.map(drop), db.runner(2).status().await.map(drop)] {
        let error = outcome.unwrap_err();
        assert!(matches!(error, ExecError::Refused(_)), "{error}");
        assert!(error.to_string().contains("another version of Pontoon (format 99, here 2)"), "{error}");
    }
    assert_eq!(number(&mut conn, "SELECT count(*) FROM pontoon_ledger").await, before);
    db.end().await;
}

/// The first one has a range and waits for a row in it; the second one finds no other, and waits for it to end.
async fn a_second_fill_works_beside_the_first(dialect: Dialect) {
    let db = Fresh::new(dialect).await;
    let mut conn = expanded(&db, 100).await;
    run(&mut conn, "BEGIN").await;
    run(
        &mut conn,
        "UPDATE users SET newsletter = false WHERE id = (SELECT id FROM (SELECT min(id) AS id FROM users) AS m)",
    )
    .await;
    let events = seen();
    let fill_it = |pool: Pool| {
        let events = events.clone();
        async move { fill(&pool, "k", &backfill_of(dialect, true), &BackfillOptions::default(), &*events).await }
    };
    let first = tokio::spawn(fill_it(db.pool()));
    heard(&events, |it| it.starts_with("Retry")).await;
    let second = tokio::spawn(fill_it(db.pool()));
    // it looks for a range again and again
    tokio::time::sleep(Duration::from_millis(800)).await;
    assert!(!first.is_finished() && !second.is_finished());
    run(&mut conn, "COMMIT").await;
    let (first, second) = (first.await.unwrap().unwrap(), second.await.unwrap().unwrap());
    assert_eq!((first.rows, second.rows, second.batches), (99, 99, 0));
    assert_eq!(unfilled(&mut conn, dialect).await, 0);
    db.end().await;
}

async fn a_row_held_for_the_whole_budget(dialect: Dialect) {
    let db = Fresh::new(dialect).await;
    let mut conn = expanded(&db, 100).await;
    run(&mut conn, "BEGIN").await;
    run(&mut conn, "UPDATE users SET newsletter = false WHERE email = 'user7@x'").await;
    let me = conn.value(db.pick("SELECT pg_backend_pid()", "SELECT CONNECTION_ID()")).await.unwrap().unwrap();
    let options = BackfillOptions { budget: Duration::from_millis(300), ..BackfillOptions::default() };
    let error = fill(&db.pool(), "k", &backfill_of(dialect, true), &options, &Silent).await.unwrap_err();
    let ExecError::Blocked { attempts, blockers, .. } = &error else { panic!("{error}") };
    assert!(*attempts > 1 && blockers.iter().any(|it| it.holder == Holder::Session(me.parse().unwrap())), "{error}");
    run(&mut conn, "COMMIT").await;
    // the trigger gave this row its value; the others are the fill's
    let filled = fill(&db.pool(), "k", &backfill_of(dialect, true), &options, &Silent).await.unwrap();
    assert_eq!(filled.rows, 99);
    db.end().await;
}

async fn a_budget_that_was_spent_is_in_the_ledger(dialect: Dialect) {
    let db = Fresh::new(dialect).await;
    db.runner(1).up().await.unwrap();
    let mut conn = db.connect().await;
    run(&mut conn, "BEGIN").await;
    run(&mut conn, "SELECT count(*) FROM users").await;
    let mut watching = db.connect().await;
    // MySQL's list of transactions may be older than this one, and sessions have whole seconds
    tokio::time::sleep(Duration::from_millis(1_500)).await;
    impatient(&db).expand().await.unwrap_err();
    let failed = "FROM pontoon_ledger WHERE event = 'failed' AND migration = '0002_display_name'";
    assert!(number(&mut watching, &format!("SELECT waited_ms {failed}")).await >= 400);
    let detail = watching.value(format!("SELECT detail {failed}")).await.unwrap().unwrap();
    assert!(detail.contains("in the way: session"), "{detail}");
    run(&mut conn, "COMMIT").await;
    db.runner(2).expand().await.unwrap();
    db.end().await;
}

/// PostgreSQL: the third migration builds an index concurrently, in validate.
async fn before_the_index(db: &Fresh) -> Conn {
    db.runner(2).up().await.unwrap();
    let runner = db.runner(3);
    runner.expand().await.unwrap();
    runner.backfill().await.unwrap();
    let mut conn = db.connect().await;
    run(&mut conn, "CREATE TABLE elsewhere (a int)").await;
    run(&mut conn, "BEGIN ISOLATION LEVEL REPEATABLE READ").await;
    run(&mut conn, "INSERT INTO elsewhere VALUES (1)").await;
    conn
}

const BUILDING: &str =
    "SELECT pid FROM pg_stat_activity WHERE query LIKE 'CREATE INDEX CONCURRENTLY%' AND datname = current_database()";
const INVALID: &str = "SELECT count(*) FROM pg_index WHERE NOT indisvalid";

async fn until_building(conn: &mut Conn) -> String {
    for _ in 0..18_000 {
        if let Some(pid) = conn.value(BUILDING).await.unwrap() {
            return pid;
        }
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    panic!("it is not built");
}

/// Ends a session, and waits until it is gone with its locks.
async fn end_session(conn: &mut Conn, pid: &str) {
    run(conn, &format!("SELECT pg_terminate_backend({pid})")).await;
    until(conn, &format!("SELECT count(*) FROM pg_stat_activity WHERE pid = {pid}"), 0).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_index_that_was_left_invalid_is_built_anew_or_undone() {
    for undo in [false, true] {
        let db = Fresh::new(Dialect::Postgres).await;
        let mut holder = before_the_index(&db).await;
        let mut conn = db.connect().await;
        let events = seen();
        let options = Options { observer: events.clone(), ..Options::default() };
        let runner = db.runner_with(sample(Dialect::Postgres, 3), options);
        let work = tokio::spawn(async move { runner.validate().await });
        let pid = until_building(&mut conn).await;
        until(&mut conn, INVALID, 1).await;
        // it is told whom an index waits for
        heard(&events, |it| it.starts_with("Waiting")).await;
        // a runner that lives begins again
        work.abort();
        end_session(&mut conn, &pid).await;
        assert!(work.await.unwrap_err().is_cancelled());
        assert_eq!(number(&mut conn, INVALID).await, 1);
        run(&mut holder, "COMMIT").await;
        if undo {
            db.runner(3).undo().await.unwrap();
        } else {
            db.runner(3).validate().await.unwrap();
            let valid = "SELECT count(*) FROM pg_index WHERE indexrelid = 'order_items_product_id_idx'::regclass AND indisvalid";
            assert_eq!(number(&mut conn, valid).await, 1);
        }
        assert_eq!(number(&mut conn, INVALID).await, 0);
        db.end().await;
    }
}

/// Somebody tried by hand what the migration does, or to take the index away by hand: in either case it is there,
/// is not valid, and binds whoever writes.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_index_that_others_left_invalid_is_no_index() {
    let db = Fresh::new(Dialect::Postgres).await;
    let mut conn = db.connect().await;
    let case = crate::cases::add_unique_index(Dialect::Postgres);
    let migrations = crate::operations::history(&case, Dialect::Postgres);
    db.runner_with(migrations[..1].to_vec(), Options::default()).up().await.unwrap();
    run(&mut conn, "INSERT INTO things (id, a) VALUES (1, 'a'), (2, 'a')").await;
    let index = "CREATE UNIQUE INDEX CONCURRENTLY things_a_key ON things (a)";
    assert!(conn.execute(index).await.is_err(), "the rows are not unique");
    assert_eq!(number(&mut conn, INVALID).await, 1);
    run(&mut conn, "DELETE FROM things WHERE id = 2").await;
    let runner = db.runner_with(migrations, Options::default());
    runner.expand().await.unwrap();
    runner.backfill().await.unwrap();
    runner.validate().await.unwrap();
    assert_eq!(number(&mut conn, INVALID).await, 0);
    assert!(conn.execute("INSERT INTO things (id, a) VALUES (2, 'a')").await.is_err(), "it binds");

    // the way back, cut off in the middle of its DROP INDEX CONCURRENTLY
    let mut holder = db.connect().await;
    run(&mut holder, "BEGIN").await;
    run(&mut holder, "INSERT INTO things (id, a) VALUES (3, 'c')").await;
    let undo = tokio::spawn(async move { runner.undo().await });
    let dropping = "SELECT pid FROM pg_stat_activity WHERE query LIKE 'DROP INDEX CONCURRENTLY%' AND state = 'active' \
                    AND datname = current_database()";
    let begun = std::time::Instant::now();
    let pid = loop {
        assert!(!undo.is_finished() && begun.elapsed() < Duration::from_secs(180), "the drop was not seen at work");
        if number(&mut conn, INVALID).await == 1
            && let Some(pid) = conn.value(dropping).await.unwrap()
        {
            break pid;
        }
        tokio::time::sleep(Duration::from_millis(10)).await;
    };
    undo.abort();
    end_session(&mut conn, &pid).await;
    assert!(undo.await.unwrap_err().is_cancelled());
    run(&mut holder, "COMMIT").await;
    assert_eq!(number(&mut conn, INVALID).await, 1, "it is cut off");
    let migrations = crate::operations::history(&case, Dialect::Postgres);
    db.runner_with(migrations, Options::default()).undo().await.unwrap();
    assert_eq!(number(&mut conn, INVALID).await, 0);
    run(&mut conn, "INSERT INTO things (id, a) VALUES (2, 'a')").await;
    db.end().await;
}

/// The runner's process is gone, and the server goes on with what it had been told to do.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn nobody_starts_beside_a_statement_that_still_runs() {
    let db = Fresh::new(Dialect::Postgres).await;
    let mut holder = before_the_index(&db).await;
    let mut conn = db.connect().await;
    let runner = db.runner(3);
    let work = tokio::spawn(async move { runner.validate().await });
    until_building(&mut conn).await;
    work.abort();
    work.await.unwrap_err();
    let options = Options { runner_lock: Duration::from_millis(200), ..Options::default() };
    let next = db.runner_with(sample(Dialect::Postgres, 3), options);
    let error = next.validate().await.unwrap_err();
    assert!(matches!(error, ExecError::Busy(_)), "{error}");
    assert!(error.to_string().contains("now at: CREATE INDEX CONCURRENTLY"), "{error}");
    run(&mut holder, "COMMIT").await;
    let events = seen();
    let options = Options { observer: events.clone(), runner_lock: Duration::from_secs(180), ..Options::default() };
    db.runner_with(sample(Dialect::Postgres, 3), options).validate().await.unwrap();
    let found = events.0.lock().unwrap().iter().any(|it| it.starts_with("Found") && it.contains("CONCURRENTLY"));
    assert!(found, "what the server ended by itself is not done again");
    db.end().await;
}

/// Says when so many batches are done.
struct AfterBatches(AtomicU32, Notify);

impl Observer for AfterBatches {
    fn event(&self, event: &Event) {
        if matches!(event, Event::Batch { .. }) && self.0.fetch_sub(1, Ordering::Relaxed) == 1 {
            self.1.notify_one();
        }
    }
}

/// The same walk for servers before 14.
fn by_tids(walk: &mut Walk) {
    let range = "ctid >= $1::text::tid AND ctid < $2::text::tid AND (hashtid(ctid) & $3::int) <= $4::int";
    let each = "ctid = ANY (ARRAY(SELECT format('(%s,%s)', b, o)::tid \
        FROM generate_series(($1::text::point)[0]::bigint, ($2::text::point)[0]::bigint - 1) AS b, \
        generate_series(1, 292) AS o WHERE (o & $3::int) <= $4::int))";
    assert!(walk.sql.contains(range), "{}", walk.sql);
    *walk = Walk { by: WalkBy::Tids, sql: walk.sql.replace(range, each), line: walk.line };
}

/// Stops a walk by blocks again and again, each run with the next number of passes.
async fn stopped(passes: &[u32], then: &str) {
    let db = Fresh::new(Dialect::Postgres).await;
    let rows = 20_000;
    // a dozen windows, of which each is a batch at least
    let mut conn = expanded(&db, rows).await;
    let mut backfill = backfill_of(Dialect::Postgres, false);
    if !ranges_of_tids().await {
        by_tids(&mut backfill.walks[0]);
    }
    let mut stops = 0;
    loop {
        let passes = passes[stops % passes.len()];
        let options = BackfillOptions {
            batch: Some(Duration::from_millis(1)),
            passes: Some(passes),
            ..BackfillOptions::default()
        };
        let pool = db.pool();
        let batches = match stops {
            0..4 => 1,
            4..9 => fastrand::u32(3..12),
            _ => 0,
        };
        let stop = AfterBatches(AtomicU32::new(batches), Notify::new());
        tokio::select! {
            filled = fill(&pool, "k", &backfill, &options, &stop) => break assert_eq!(filled.unwrap().rows, u64::from(rows)),
            () = stop.1.notified() => stops += 1,
        }
        if stops == 3 && !then.is_empty() {
            let half_done = number(&mut conn, "SELECT (SELECT sum(rows_filled) FROM pontoon_backfill) + (SELECT coalesce(sum(rows_filled), 0) FROM pontoon_range)").await;
            assert!((1..i64::from(rows)).contains(&half_done), "{half_done}");
            run(&mut conn, then).await;
        }
    }
    assert!(stops > 3, "it was too quick to be stopped");
    assert_eq!(number(&mut conn, "SELECT count(*) FROM users WHERE display_name IS NULL").await, 0);
    db.end().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_walk_by_blocks_goes_on_with_other_passes() {
    stopped(&[4, 1, 8], "").await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_walk_by_blocks_begins_anew_when_every_row_has_moved() {
    stopped(&[1], "VACUUM FULL users").await;
}

#[tokio::test]
async fn mysql_keeps_its_own_sql_mode() {
    let db = Fresh::new(Dialect::MySql).await;
    let mut conn = expanded(&db, 1).await;
    let modes = conn.value(
        "SELECT GROUP_CONCAT(DISTINCT SQL_MODE) FROM information_schema.TRIGGERS WHERE TRIGGER_SCHEMA = DATABASE()",
    );
    let modes = modes.await.unwrap().unwrap();
    assert!(modes.contains("STRICT_TRANS_TABLES") && !modes.contains("PIPES_AS_CONCAT"), "{modes}");

    let without = db.url.rsplit_once('/').unwrap().0;
    let error = Runner::new(Pool::connect_lazy(without).unwrap(), Vec::new(), Options::default()).status().await;
    let error = error.unwrap_err();
    assert!(error.to_string().contains("names no database"), "{error}");
    db.end().await;
}

/// PostgreSQL: preparing a batch takes the table's lock for a moment, and somebody else has a stronger one.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_table_that_is_held_when_a_fill_begins_is_waited_for() {
    let db = Fresh::new(Dialect::Postgres).await;
    let mut conn = expanded(&db, 100).await;
    run(&mut conn, "BEGIN; LOCK TABLE users IN SHARE MODE").await;
    let (pool, backfill) = (db.pool(), backfill_of(Dialect::Postgres, true));
    let work = tokio::spawn(async move { fill(&pool, "k", &backfill, &BackfillOptions::default(), &Silent).await });
    let waits = "SELECT count(*) FROM pg_locks WHERE NOT granted AND relation = 'users'::regclass \
                 AND database = (SELECT oid FROM pg_database WHERE datname = current_database())";
    until(&mut conn, waits, 1).await;
    tokio::time::sleep(Duration::from_millis(1_000)).await;
    assert!(!work.is_finished(), "{:?}", work.await);
    run(&mut conn, "COMMIT").await;
    assert_eq!(work.await.unwrap().unwrap().rows, 100);
    assert_eq!(unfilled(&mut conn, Dialect::Postgres).await, 0);
    db.end().await;
}
