//! Many workers, in one process and in several: each row once, whoever dies.

use std::io::{BufRead as _, BufReader};
use std::process::{Child, Command, Stdio};
use std::sync::{Arc, Mutex};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use pontoon::Dialect;
use pontoon::exec::backfill::{BackfillOptions, Wish, fill};
use pontoon::exec::{Event, ExecError, Observer, Options, Outcome, Pool, Runner, Silent};
use pontoon::migration::WalkBy;
use pontoon_xtask::verify::conn::Conn;

use crate::filling::{Gate, backfill_of, begin, each_row_once, expanded, heard, hold_a_row, slow, small, until};
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

/// A process that fills, and what it has told so far.
struct Process {
    child: Child,
    told: Arc<Mutex<String>>,
    ears: JoinHandle<()>,
}

impl Process {
    fn start(db: &Fresh) -> Self {
        let mut child = shop(db, &["backfill", "--workers", "2", "--batch", "2", "--budget", "3000"]);
        let (told, lines) = (Arc::<Mutex<String>>::default(), BufReader::new(child.stderr.take().unwrap()).lines());
        let hears = told.clone();
        let ears = std::thread::spawn(move || {
            lines.map_while(Result::ok).for_each(|line| *hears.lock().unwrap() += &format!("{line}\n"));
        });
        Self { child, told, ears }
    }

    fn told(&self) -> String {
        self.told.lock().unwrap().clone()
    }

    fn helps(&self) -> bool {
        self.told().contains("beside another runner")
    }

    fn kill(mut self) {
        self.child.kill().unwrap();
        self.child.wait().unwrap();
        self.ears.join().unwrap();
    }

    fn ends(mut self) {
        let status = self.child.wait().unwrap();
        self.ears.join().unwrap();
        assert!(status.success(), "{}", self.told.lock().unwrap());
    }
}

/// How many rows are filled, and whether one range alone is left, which is the one that somebody is in the way of.
async fn filled_so_far(conn: &mut Conn) -> (i64, bool) {
    let filled = number(conn, "SELECT count(*) FROM updates").await;
    let all_dealt = number(conn, "SELECT count(*) FROM pontoon_backfill WHERE next IS NULL").await == 1;
    (filled, all_dealt && number(conn, "SELECT count(*) FROM pontoon_range").await == 1)
}

/// Three processes of two workers; one is killed (SIGKILL) again and again and another started, also the one that leads.
/// Somebody has a row until enough were killed, so that the fill does not end before.
async fn processes_that_are_killed_lose_nothing(dialect: Dialect) {
    let db = Fresh::new(dialect).await;
    let users = 30_000;
    let mut conn = expanded(&db, users).await;
    slow(&db, &mut conn, 0.0005, "NEW.id > 0").await;
    let holder = hold_a_row(&db).await;
    let begun = Instant::now();
    let in_time = |what: &str| assert!(begun.elapsed() < Duration::from_secs(600), "{what}");
    let mut processes = vec![Process::start(&db)];
    until(&mut conn, "SELECT count(*) FROM pontoon_backfill WHERE backfill LIKE '0002%'", 1).await;
    processes.extend([Process::start(&db), Process::start(&db)]);
    let kills = 12;
    for _ in 0..kills {
        let before = filled_so_far(&mut conn).await.0;
        loop {
            let (filled, rest_is_held) = filled_so_far(&mut conn).await;
            if filled > before + 300 || rest_is_held {
                break;
            }
            in_time("nothing is filled");
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
        tokio::time::sleep(Duration::from_millis(fastrand::u64(0..150))).await;
        for it in &mut processes {
            assert!(it.child.try_wait().unwrap().is_none(), "it ended: {}", it.told());
        }
        processes.remove(fastrand::usize(..processes.len())).kill();
        processes.push(Process::start(&db));
    }
    // one has the runner's lock at most
    while processes.iter().filter(|it| it.helps()).count() < 2 {
        in_time("nobody works beside another");
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    holder.close().await.unwrap();
    processes.into_iter().for_each(Process::ends);
    each_row_once(&mut conn, dialect, users).await;
    assert_eq!(number(&mut conn, "SELECT rows_filled FROM pontoon_backfill").await, i64::from(users));
    let done = "SELECT count(*) FROM pontoon_ledger WHERE event = 'done' AND stage = 'backfill' AND step IS NULL AND migration LIKE '0002%'";
    assert_eq!(number(&mut conn, done).await, 1);
    db.end().await;
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
    // a batch of the first range is at work while its range is taken
    let gate = Gate::shut(&db, &mut conn, "NEW.email = 'user7@x'").await;
    let mut holder = db.connect().await;
    be_alive(&mut holder, "another").await;
    let (work, events) = begin(&db, small(1));
    gate.reached_by(&mut conn, 1).await;
    let later = db.pick(FROM_NOW[0], FROM_NOW[1]);
    let took = format!(
        "UPDATE pontoon_range SET fence = fence + 1, worker = 'another', lease_until = {later} WHERE number = 1"
    );
    run(&mut conn, &took).await;
    let place = conn.value("SELECT place FROM pontoon_range WHERE number = 1").await.unwrap();
    gate.open().await;
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
    let begun = Instant::now();
    run(&mut conn, &format!("UPDATE pontoon_range SET fence = fence + 1, worker = 'ghost', lease_until = {soon}"))
        .await;
    let (second, events) = begin(&db, small(1));
    second.await.unwrap().unwrap();
    assert!(begun.elapsed() >= Duration::from_millis(1_900), "{:?}", begun.elapsed());
    assert!(events.0.lock().unwrap().iter().any(|it| it.contains("ghost")));
    each_row_once(&mut conn, dialect, 100).await;
    db.end().await;
}

async fn people_pause_slow_and_stop_a_fill(dialect: Dialect) {
    let db = Fresh::new(dialect).await;
    let users = 4_000;
    let mut conn = expanded(&db, users).await;
    let seconds = 0.001;
    slow(&db, &mut conn, seconds, "NEW.id > 0").await;
    // from here on both workers are in the midst of a range when they are looked at
    let gate = Gate::shut(&db, &mut conn, "NEW.id > 700").await;
    let filled = "SELECT count(*) FROM updates";
    let people = db.runner(2);
    people.ask(Wish::Pause, "ada").await.unwrap();
    let events = seen();
    let backfill = BackfillOptions { workers: 2, batch: Some(Duration::from_millis(1)), ..BackfillOptions::default() };
    let options = || Options { observer: events.clone(), backfill: backfill.clone(), ..Options::default() };
    let runner = db.runner_with(sample(dialect, 2), options());
    let work = tokio::spawn(async move { runner.backfill().await });
    heard(&events, |it| it.starts_with("Held") && it.contains("paused by ada")).await;
    tokio::time::sleep(Duration::from_millis(500)).await;
    assert_eq!(number(&mut conn, filled).await, 0);
    let status = people.status().await.unwrap();
    assert!(status.control.paused && status.to_string().contains("paused by ada"), "{status}");
    assert_eq!(status.backfills.len(), 1);
    // slowly: each worker rests nine times as long as it works
    let begun = Instant::now();
    people.ask(Wish::Speed(10, Some(Duration::from_millis(1))), "ada").await.unwrap();
    people.ask(Wish::Resume, "ada").await.unwrap();
    gate.reached_by(&mut conn, 2).await;
    let at_the_gate = number(&mut conn, filled).await;
    let least = at_the_gate as f64 * seconds / 2.0 * 10.0;
    assert!(at_the_gate > 0 && begun.elapsed().as_secs_f64() > least, "{at_the_gate} rows in {:?}", begun.elapsed());
    // both end their batch, keep their range and wait
    let places = conn.rows("SELECT place FROM pontoon_range ORDER BY number").await.unwrap();
    let [one, two] = [0, 1].map(|at| places[at][0].clone().unwrap());
    people.ask(Wish::Speed(100, Some(Duration::from_millis(1))), "ada").await.unwrap();
    people.ask(Wish::Pause, "grace").await.unwrap();
    gate.open().await;
    until(&mut conn, &format!("SELECT count(*) FROM pontoon_range WHERE place NOT IN ('{one}', '{two}')"), 2).await;
    heard(&events, |it| it.starts_with("Held") && it.contains("paused by grace")).await;
    let paused_at = number(&mut conn, filled).await;
    assert!(paused_at < i64::from(users));
    tokio::time::sleep(Duration::from_millis(700)).await;
    assert_eq!(number(&mut conn, filled).await, paused_at);
    let status = people.status().await.unwrap();
    let [progress] = &status.backfills[..] else { panic!("{status}") };
    assert_eq!((progress.rows, progress.workers), (paused_at as u64, 2), "{status}");
    assert!(progress.position > 0.0 && progress.position < 1.0 && progress.rows_per_second > 0.0, "{status}");
    assert!(status.to_string().contains("Filling users.display_name"), "{status}");
    run(&mut conn, db.pick("DROP TRIGGER a ON users", "DROP TRIGGER a")).await;
    // to the end of this command, and no further: another one goes on
    people.ask(Wish::Abort, "grace").await.unwrap();
    let error = work.await.unwrap().unwrap_err();
    assert!(matches!(error, ExecError::Stopped(_)) && error.to_string().contains("told to stop by grace"), "{error}");
    people.ask(Wish::Speed(100, None), "grace").await.unwrap();
    assert!(matches!(db.runner_with(sample(dialect, 2), options()).backfill().await.unwrap(), Outcome::Did { .. }));
    each_row_once(&mut conn, dialect, users).await;
    assert!(people.status().await.unwrap().backfills.is_empty());
    assert!(events.0.lock().unwrap().iter().any(|it| it == "Resumed"));
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
    slow(&db, &mut conn, 0.0001, "NEW.id > 0").await;
    // the fill does not end before enough rows have moved
    let mut holder = Some(hold_a_row(&db).await);
    let mut backfill = backfill_of(Dialect::Postgres);
    backfill.walks.retain(|it| it.by == WalkBy::Blocks);
    let pool = db.pool();
    let work = tokio::spawn(async move { fill(&pool, "w", &backfill, &small(2), &Silent).await });
    let held = number(&mut conn, "SELECT id FROM users WHERE email = 'user7@x'").await;
    let any = || std::iter::repeat_with(|| fastrand::i64(1..=20_000)).find(|it| *it != held).unwrap();
    let mut moved = 0;
    while !work.is_finished() {
        run(&mut conn, &format!("UPDATE users SET email = email || '.example.org' WHERE id = {}", any())).await;
        run(&mut conn, &format!("DELETE FROM users WHERE id = {}", any())).await;
        moved += 1;
        if moved == 300 {
            holder.take().unwrap().close().await.unwrap();
        }
    }
    work.await.unwrap().unwrap();
    assert!(moved >= 300, "{moved}");
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
    // a vacuum of the fill's own is left out while the server's is at work on the table
    run(&mut conn, "ALTER TABLE users SET (autovacuum_enabled = off)").await;
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
    assert!(error.to_string().contains("--accept-growth 2.2"), "{error}");
    let marker = "SELECT count(*) FROM users WHERE CAST(display_name AS BINARY) <> X'1A'";
    assert_eq!(number(&mut conn, marker).await, 0, "nothing was filled");
    let accepted = BackfillOptions { accept_growth: Some(2.2), ..asked };
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
