//! Many workers, in one process and in several: each row once, whoever dies.

use std::process::{Child, Command, Stdio};
use std::sync::Arc;
use std::time::{Duration, Instant};

use pontoon::Dialect;
use pontoon::exec::backfill::{BackfillOptions, Wish, fill};
use pontoon::exec::{Event, ExecError, Observer, Options, Outcome, Pool, Runner, Silent};
use pontoon::migration::WalkBy;
use pontoon_xtask::verify::conn::Conn;

use crate::filling::{backfill_of, begin, each_row_once, expanded, slow, small, until};
use crate::support::{Fresh, between, number, on_both_servers, run, sample, seen};

on_both_servers!(
    workers_of_one_process_share_a_table,
    processes_that_are_killed_lose_nothing,
    a_worker_whose_range_was_taken_over_does_not_commit,
    a_range_is_kept_until_its_lease_ends,
    people_pause_slow_and_stop_a_fill,
    who_is_told_to_stop_between_two_fills_stops,
    events_are_told_as_json,
);

async fn workers_of_one_process_share_a_table(dialect: Dialect) {
    for only in 0..backfill_of(dialect).walks.len() {
        let db = Fresh::new(dialect).await;
        let mut conn = expanded(&db, 20_000).await;
        let mut backfill = backfill_of(dialect);
        backfill.walks = vec![backfill.walks[only].clone()];
        let filled = fill(&db.pool(), "w", &backfill, &small(3), &Silent).await.unwrap();
        assert_eq!(filled.rows, 20_000, "{:?}", backfill.walks[0].by);
        each_row_once(&mut conn, dialect, 20_000).await;
        let dealt = number(&mut conn, "SELECT dealt FROM pontoon_backfill").await;
        assert!(dealt > 3, "{dealt} ranges: {:?}", backfill.walks[0].by);
        assert_eq!(number(&mut conn, "SELECT count(*) FROM pontoon_range").await, 0);
        db.end().await;
    }
}

fn shop(db: &Fresh, args: &[&str]) -> Child {
    Command::new(env!("CARGO_BIN_EXE_shop"))
        .args(args)
        .env("DATABASE_URL", &db.url)
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap()
}

/// Three processes of two workers; one is killed (SIGKILL) every moment and another started, also the one that leads.
async fn processes_that_are_killed_lose_nothing(dialect: Dialect) {
    let db = Fresh::new(dialect).await;
    let users = 60_000;
    let mut conn = expanded(&db, users).await;
    let one = || shop(&db, &["backfill", "--workers", "2", "--batch", "2"]);
    let mut children: Vec<Child> = (0..3).map(|_| one()).collect();
    let mut kills = 0;
    let begun = Instant::now();
    let ended = loop {
        assert!(begun.elapsed() < Duration::from_secs(300), "it does not end");
        tokio::time::sleep(Duration::from_millis(150 + fastrand::u64(0..250))).await;
        if let Some(at) = children.iter_mut().position(|it| it.try_wait().unwrap().is_some()) {
            break children.remove(at);
        }
        if kills < 12 {
            let mut killed = children.remove(fastrand::usize(..children.len()));
            killed.kill().unwrap();
            killed.wait().unwrap();
            kills += 1;
            children.push(one());
        }
    };
    children.push(ended);
    let mut helped = 0;
    for child in children {
        let output = child.wait_with_output().unwrap();
        let (said, told) = (String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
        assert!(output.status.success(), "{said}{told}");
        helped += u32::from(told.contains("beside another runner"));
    }
    assert!(kills > 2, "it was too quick to be killed");
    assert!(helped > 0, "nobody worked beside another");
    each_row_once(&mut conn, dialect, users).await;
    assert_eq!(number(&mut conn, "SELECT rows_filled FROM pontoon_backfill").await, i64::from(users));
    let done = "SELECT count(*) FROM pontoon_ledger WHERE event = 'done' AND stage = 'backfill' AND step IS NULL AND migration LIKE '0002%'";
    assert_eq!(number(&mut conn, done).await, 1);
    eprintln!("{dialect}: {kills} kills, {helped} helped");
    db.end().await;
}

/// Somebody who has a row of the first range: whoever fills it gives way and waits.
async fn hold_a_row(db: &Fresh) -> Conn {
    let mut holder = db.connect().await;
    run(&mut holder, "BEGIN").await;
    run(&mut holder, "SELECT id FROM users WHERE email = 'user7@x' FOR UPDATE").await;
    holder
}

/// Lets a session be alive that has this worker's name.
async fn be_alive(conn: &mut Conn, name: &str) {
    let sql = match conn.dialect() {
        Dialect::Postgres => format!("SELECT pg_advisory_lock({}, hashtext('{name}'))", 0x776f_726b),
        Dialect::MySql => {
            format!(
                "SELECT GET_LOCK(CONCAT('pontoon.', LEFT(SHA2(CONCAT(DATABASE(), '/worker/', '{name}'), 256), 40)), 0)"
            )
        }
    };
    conn.rows(sql).await.unwrap();
}

const FROM_NOW: [&str; 2] = ["clock_timestamp() + interval '1 hour'", "UTC_TIMESTAMP(6) + INTERVAL 1 HOUR"];

async fn a_worker_whose_range_was_taken_over_does_not_commit(dialect: Dialect) {
    let db = Fresh::new(dialect).await;
    let mut conn = expanded(&db, 3_000).await;
    // a batch of the first range takes two seconds, and its range is taken meanwhile
    slow(&db, &mut conn, 2.0, "NEW.email = 'user7@x'").await;
    let mut holder = db.connect().await;
    be_alive(&mut holder, "another").await;
    let (work, events) = begin(&db, small(1));
    until(&mut conn, "SELECT count(*) FROM pontoon_range WHERE number = 1", 1).await;
    tokio::time::sleep(Duration::from_millis(700)).await;
    let later = db.pick(FROM_NOW[0], FROM_NOW[1]);
    let took = format!(
        "UPDATE pontoon_range SET fence = fence + 1, worker = 'another', lease_until = {later} WHERE number = 1"
    );
    run(&mut conn, &took).await;
    let place = conn.value("SELECT place FROM pontoon_range WHERE number = 1").await.unwrap();
    // the other ranges are filled to their end, this one is not touched
    until(&mut conn, "SELECT count(*) FROM pontoon_backfill WHERE next IS NULL", 1).await;
    until(&mut conn, "SELECT count(*) FROM pontoon_range", 1).await;
    tokio::time::sleep(Duration::from_millis(500)).await;
    assert!(!work.is_finished());
    assert_eq!(conn.value("SELECT place FROM pontoon_range WHERE number = 1").await.unwrap(), place);
    let of_it = number(&mut conn, "SELECT rows_filled FROM pontoon_range WHERE number = 1").await;
    let filled = number(&mut conn, "SELECT rows_filled FROM pontoon_backfill").await;
    assert_eq!(number(&mut conn, "SELECT count(*) FROM updates").await, filled + of_it);
    assert!(filled + of_it < 3_000);
    // and when that one dies, it is
    holder.close().await.unwrap();
    work.await.unwrap().unwrap();
    each_row_once(&mut conn, dialect, 3_000).await;
    let taken = events.0.lock().unwrap().iter().any(|it| it.starts_with("TakenOver") && it.contains("another"));
    assert!(taken);
    db.end().await;
}

/// A worker that is alive and is not heard of, as one on a machine that sleeps.
async fn a_range_is_kept_until_its_lease_ends(dialect: Dialect) {
    let db = Fresh::new(dialect).await;
    let mut conn = expanded(&db, 100).await;
    let mut ghost = db.connect().await;
    be_alive(&mut ghost, "ghost").await;
    let holder = hold_a_row(&db).await;
    let (first, _) = begin(&db, small(1));
    until(&mut conn, "SELECT count(*) FROM pontoon_range", 1).await;
    first.abort();
    first.await.unwrap_err();
    holder.close().await.unwrap();
    // by the server's clock, whatever ours says
    let soon = db.pick("clock_timestamp() + interval '2 seconds'", "UTC_TIMESTAMP(6) + INTERVAL 2 SECOND");
    run(&mut conn, &format!("UPDATE pontoon_range SET fence = fence + 1, worker = 'ghost', lease_until = {soon}"))
        .await;
    let begun = Instant::now();
    let (second, events) = begin(&db, small(1));
    second.await.unwrap().unwrap();
    assert!(begun.elapsed() >= Duration::from_millis(1_900), "{:?}", begun.elapsed());
    assert!(events.0.lock().unwrap().iter().any(|it| it.contains("ghost")));
    each_row_once(&mut conn, dialect, 100).await;
    db.end().await;
}

async fn people_pause_slow_and_stop_a_fill(dialect: Dialect) {
    let db = Fresh::new(dialect).await;
    let mut conn = expanded(&db, 30_000).await;
    let filled = "SELECT count(*) FROM updates";
    let people = db.runner(2);
    people.ask(Wish::Pause, "ada").await.unwrap();
    let events = seen();
    let backfill = BackfillOptions { workers: 2, batch: Some(Duration::from_millis(1)), ..BackfillOptions::default() };
    let options = || Options { observer: events.clone(), backfill: backfill.clone(), ..Options::default() };
    let runner = db.runner_with(sample(dialect, 2), options());
    let work = tokio::spawn(async move { runner.backfill().await });
    until(&mut conn, "SELECT count(*) FROM pontoon_backfill WHERE backfill LIKE '0002%'", 1).await;
    tokio::time::sleep(Duration::from_millis(500)).await;
    assert_eq!(number(&mut conn, filled).await, 0);
    let status = people.status().await.unwrap();
    assert!(status.control.paused && status.to_string().contains("paused by ada"), "{status}");
    assert_eq!(status.backfills.len(), 1);
    // slowly
    people.ask(Wish::Speed(10, Some(Duration::from_millis(1))), "ada").await.unwrap();
    people.ask(Wish::Resume, "ada").await.unwrap();
    until(&mut conn, "SELECT count(*) FROM pontoon_range WHERE rows_per_second > 0", 2).await;
    people.ask(Wish::Pause, "grace").await.unwrap();
    tokio::time::sleep(Duration::from_millis(1_500)).await;
    let paused_at = number(&mut conn, filled).await;
    assert!(paused_at < 30_000, "it was not slowed");
    tokio::time::sleep(Duration::from_millis(700)).await;
    assert_eq!(number(&mut conn, filled).await, paused_at);
    let status = people.status().await.unwrap();
    let [progress] = &status.backfills[..] else { panic!("{status}") };
    assert_eq!((progress.rows, progress.workers), (paused_at as u64, 2), "{status}");
    assert!(progress.position > 0.0 && progress.position < 1.0 && progress.rows_per_second > 0.0, "{status}");
    assert!(status.to_string().contains("Filling users.display_name"), "{status}");
    // to the end of this command, and no further: another one goes on
    people.ask(Wish::Abort, "grace").await.unwrap();
    let error = work.await.unwrap().unwrap_err();
    assert!(matches!(error, ExecError::Stopped(_)) && error.to_string().contains("told to stop by grace"), "{error}");
    people.ask(Wish::Speed(100, None), "grace").await.unwrap();
    assert!(matches!(db.runner_with(sample(dialect, 2), options()).backfill().await.unwrap(), Outcome::Did { .. }));
    each_row_once(&mut conn, dialect, 30_000).await;
    assert!(people.status().await.unwrap().backfills.is_empty());
    let told = events.0.lock().unwrap().clone();
    assert!(told.iter().any(|it| it.starts_with("Held") && it.contains("paused by ada")), "{:?}", told.first());
    assert!(told.iter().any(|it| it == "Resumed"));
    db.end().await;
}

async fn events_are_told_as_json(dialect: Dialect) {
    let db = Fresh::new(dialect).await;
    expanded(&db, 3_000).await;
    let output = shop(&db, &["backfill", "--events", "json", "--workers", "2"]).wait_with_output().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let said = String::from_utf8(output.stdout).unwrap();
    let events: Vec<serde_json::Value> = said.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    let of = |kind: &str| events.iter().filter(|it| it["event"] == kind).collect::<Vec<_>>();
    assert!(of("batch").iter().all(|it| it["column"] == "display_name" && it["position"].as_f64().unwrap() <= 1.0));
    assert_eq!(of("filled")[0]["rows"], 3_000);
    assert_eq!(events.last().unwrap()["event"], "outcome");
    assert_eq!(events.last().unwrap()["stage"], "backfill");
    db.end().await;
}

/// Stops the fill that comes next, as soon as one has ended.
struct Stopper(String);

impl Observer for Stopper {
    fn event(&self, event: &Event) {
        if matches!(event, Event::Filled { .. }) {
            let people = Runner::new(Pool::connect_lazy(&self.0).unwrap(), Vec::new(), Options::default());
            let ask = async { people.ask(Wish::Abort, "ada").await.unwrap() };
            crate::support::meanwhile(ask);
        }
    }
}

async fn who_is_told_to_stop_between_two_fills_stops(dialect: Dialect) {
    #[derive(pontoon::Table)]
    #[table(name = "things")]
    #[allow(dead_code)]
    struct Before {
        #[column(primary_key)]
        id: i64,
        a: i32,
    }
    #[derive(pontoon::Table)]
    #[table(name = "things")]
    #[allow(dead_code)]
    struct After {
        #[column(primary_key)]
        id: i64,
        a: i32,
        #[column(backfill = "a + 1")]
        b: i32,
        #[column(backfill = "a + 2")]
        c: i32,
    }
    let defs = [<Before as pontoon::Table>::DEF, <After as pontoon::Table>::DEF].map(|it| vec![it]);
    let [before, after] = defs;
    let (db, migrations) = between(dialect, before, after).await;
    let mut conn = db.connect().await;
    run(&mut conn, "INSERT INTO things VALUES (1, 1), (2, 2)").await;
    let observer = Arc::new(Stopper(db.url.clone()));
    let runner = db.runner_with(migrations.clone(), Options { observer, ..Options::default() });
    runner.expand().await.unwrap();
    let error = runner.backfill().await.unwrap_err();
    assert!(matches!(error, ExecError::Stopped(_)) && error.to_string().contains("told to stop by ada"), "{error}");
    let complete =
        "SELECT count(*) FROM pontoon_ledger WHERE event = 'done' AND stage = 'backfill' AND step IS NOT NULL";
    assert_eq!(number(&mut conn, complete).await, 1);
    db.runner_with(migrations, Options::default()).backfill().await.unwrap();
    assert_eq!(number(&mut conn, "SELECT sum(b - a) + 10 * sum(c - a) FROM things").await, 42);
    db.end().await;
}

/// PostgreSQL: rows that move while blocks are walked by several workers at once: to the table's end by updates that grow
/// them, and into holes behind the walk.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn rows_that_move_meanwhile_are_filled() {
    let db = Fresh::new(Dialect::Postgres).await;
    let mut conn = expanded(&db, 20_000).await;
    run(&mut conn, "DROP TRIGGER z ON users").await;
    let mut backfill = backfill_of(Dialect::Postgres);
    backfill.walks.retain(|it| it.by == WalkBy::Blocks);
    let pool = db.pool();
    let work = tokio::spawn(async move { fill(&pool, "w", &backfill, &small(2), &Silent).await });
    let mut moved = 0;
    while !work.is_finished() {
        let id = fastrand::u32(1..=20_000);
        run(&mut conn, &format!("UPDATE users SET email = email || '.example.org' WHERE id = {id}")).await;
        run(&mut conn, &format!("DELETE FROM users WHERE id = {}", fastrand::u32(1..=20_000))).await;
        moved += 1;
    }
    work.await.unwrap().unwrap();
    assert!(moved > 20, "{moved}");
    let wrong = "SELECT count(*) FROM users WHERE display_name IS DISTINCT FROM split_part(email, '@', 1)";
    assert_eq!(number(&mut conn, wrong).await, 0);
    db.end().await;
}

/// PostgreSQL: after each tenth of the table the dead rows of the tenths before make room.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_table_stays_small_where_the_disk_is_short() {
    let db = Fresh::new(Dialect::Postgres).await;
    let mut conn = expanded(&db, 20_000).await;
    run(&mut conn, "DROP TRIGGER z ON users").await;
    run(&mut conn, "CREATE INDEX early ON users (display_name)").await;
    let before = number(&mut conn, "SELECT pg_relation_size('users')").await;
    let (work, events) = begin(&db, BackfillOptions { disk_short: true, ..small(1) });
    work.await.unwrap().unwrap();
    let after = number(&mut conn, "SELECT pg_relation_size('users')").await;
    assert!(after as f64 <= before as f64 * 1.5, "{before} to {after} bytes");
    assert!(number(&mut conn, "SELECT vacuumed FROM pontoon_backfill").await >= 9);
    let told = events.0.lock().unwrap().clone();
    assert!(told.iter().any(|it| it.starts_with("Notice") && it.contains("index `early`")), "{:?}", told.first());
    db.end().await;
}

/// MySQL: 40,000 rows of some 300 bytes in the key's order: pages that have a kilobyte free.
async fn dense(db: &Fresh, local_part: &str) -> Conn {
    db.runner(1).up().await.unwrap();
    let mut conn = db.connect().await;
    run(&mut conn, "SET SESSION cte_max_recursion_depth = 1000000").await;
    let sql = format!(
        "INSERT INTO users (email, newsletter) WITH RECURSIVE s(n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM s WHERE n < 40000) \
         SELECT concat({local_part}, '@', repeat('d', 240), '.example'), true FROM s"
    );
    run(&mut conn, &sql).await;
    db.runner(2).expand().await.unwrap();
    run(&mut conn, "ANALYZE TABLE users").await;
    run(&mut conn, "SET SESSION information_schema_stats_expiry = 0").await;
    conn
}

const DATA: &str =
    "SELECT DATA_LENGTH FROM information_schema.TABLES WHERE TABLE_SCHEMA = DATABASE() AND TABLE_NAME = 'users'";

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_fits_into_the_pages_is_predicted() {
    let db = Fresh::new(Dialect::MySql).await;
    let mut conn = dense(&db, "concat('u', n)").await;
    let before = number(&mut conn, DATA).await as f64;
    let asked = BackfillOptions { growth_unasked: 0, batch: None, ..small(1) };
    begin(&db, asked).0.await.unwrap().unwrap();
    run(&mut conn, "ANALYZE TABLE users").await;
    let after = number(&mut conn, DATA).await as f64;
    assert!(after <= before * 1.1, "{before} to {after}: it was predicted to fit");
    db.end().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn growth_is_accepted_or_refused_with_its_number() {
    let db = Fresh::new(Dialect::MySql).await;
    let mut conn = dense(&db, "concat('somebody-with-a-very-long-name-', n)").await;
    let before = number(&mut conn, DATA).await as f64;
    let asked = BackfillOptions { growth_unasked: 0, batch: None, ..small(1) };
    let error = begin(&db, asked.clone()).0.await.unwrap().unwrap_err();
    assert!(matches!(error, ExecError::Refused(_)), "{error}");
    assert!(error.to_string().contains("do not fit into the pages of `users`"), "{error}");
    assert!(error.to_string().contains("--accept-growth 2.0"), "{error}");
    let marker = "SELECT count(*) FROM users WHERE CAST(display_name AS BINARY) <> X'1A'";
    assert_eq!(number(&mut conn, marker).await, 0, "nothing was filled");
    let accepted = BackfillOptions { accept_growth: Some(2.0), ..asked };
    begin(&db, accepted).0.await.unwrap().unwrap();
    run(&mut conn, "ANALYZE TABLE users").await;
    let after = number(&mut conn, DATA).await as f64;
    assert!((1.6..2.4).contains(&(after / before)), "{before} to {after}: it was predicted to double");
    db.end().await;
}

/// MySQL: the binary log is kept small on request, by who may.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_small_binary_log_wants_a_privilege() {
    let db = Fresh::new(Dialect::MySql).await;
    let mut conn = expanded(&db, 100).await;
    let user = format!("small{:08x}", fastrand::u32(..));
    let (head, tail) = (db.url.split_once("://").unwrap().0, db.url.rsplit_once('@').unwrap().1);
    run(&mut conn, &format!("CREATE USER {user} IDENTIFIED BY 'secret'")).await;
    let database = tail.rsplit_once('/').unwrap().1.split('?').next().unwrap().to_owned();
    run(&mut conn, &format!("GRANT ALL ON `{database}`.* TO {user}")).await;
    let pool = pontoon::exec::Pool::connect_lazy(&format!("{head}://{user}:secret@{tail}")).unwrap();
    let options = BackfillOptions { minimal_binlog: true, ..small(1) };
    let error = fill(&pool, "w", &backfill_of(Dialect::MySql), &options, &Silent).await.unwrap_err().to_string();
    assert!(error.contains("grant SESSION_VARIABLES_ADMIN") && !error.contains("secret"), "{error}");
    begin(&db, options).0.await.unwrap().unwrap();
    each_row_once(&mut conn, Dialect::MySql, 100).await;
    run(&mut conn, &format!("DROP USER {user}")).await;
    db.end().await;
}
