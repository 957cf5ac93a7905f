//! What a fill gives way to: each measure is driven beyond its bound and back, on servers that are really so busy.

use std::time::Duration;

use pontoon::Dialect;
use pontoon::exec::ExecError;
use pontoon::exec::backfill::{BackfillOptions, Measure, Replica};
use pontoon_xtask::verify::conn::Conn;

use crate::copied::{As, Copied, shell};
use crate::filling::{begin, each_row_once, expanded, heard, slow, small, until, until_it};
use crate::support::{Fresh, number, on_both_servers, own, run};

on_both_servers!(a_fill_gives_way_to_what_is_asked, a_fill_keeps_to_its_hours, a_slow_batch_is_followed_by_rest);

const FILLED: &str = "SELECT count(*) FROM updates";

/// Rows that all take their time, so that a fill lasts for some seconds.
const EVERY_ROW: &str = "NEW.id > 0";

fn measure(text: &str) -> Measure {
    text.parse().unwrap()
}

fn giving_way(give_way: Vec<Measure>) -> BackfillOptions {
    BackfillOptions { give_way, ..small(1) }
}

/// A fill that begins beyond a bound does nothing, says why, and goes on as soon as that is over.
async fn waits_for(
    db: &Fresh,
    conn: &mut Conn,
    users: u32,
    give_way: Measure,
    says: &str,
    over: impl AsyncFnOnce(&mut Conn),
) {
    let (work, events) = begin(db, giving_way(vec![give_way]));
    let told = || events.0.lock().unwrap().clone();
    heard(&events, |it| it.starts_with("Held") && it.contains(says)).await;
    // it is looked at again meanwhile
    tokio::time::sleep(Duration::from_millis(1_500)).await;
    assert!(!work.is_finished(), "{:?}", told());
    assert_eq!(number(conn, FILLED).await, 0, "{:?}", told());
    over(conn).await;
    work.await.unwrap().unwrap();
    each_row_once(conn, db.dialect, users).await;
    assert!(told().iter().any(|it| it == "Resumed"));
}

/// Until so many rows are filled.
async fn until_filled(conn: &mut Conn, rows: i64) {
    until_it(conn, FILLED, |it| it >= rows).await;
}

/// A replica stops to take in what comes while a fill runs: the fill stops, and goes on when the replica does.
async fn a_replica_falls_behind(
    db: &Fresh,
    conn: &mut Conn,
    replica: &mut Conn,
    give_way: Measure,
    [stop, go_on]: [&str; 2],
    says: &str,
) {
    // so slow that it takes a third of a minute
    slow(db, conn, 0.005, EVERY_ROW).await;
    let (work, events) = begin(db, giving_way(vec![give_way]));
    until_filled(conn, 1).await;
    run(replica, stop).await;
    // behind the batch that ran
    heard(&events, |it| it.starts_with("Held") && it.contains(says)).await;
    let at = number(conn, FILLED).await;
    tokio::time::sleep(Duration::from_millis(1_500)).await;
    assert_eq!(number(conn, FILLED).await, at);
    assert!(at < 4_000 && !work.is_finished());
    // and no slower than need be from here on
    run(conn, db.pick("DROP TRIGGER a ON users", "DROP TRIGGER a")).await;
    run(replica, go_on).await;
    work.await.unwrap().unwrap();
    each_row_once(conn, db.dialect, 4_000).await;
}

async fn a_fill_gives_way_to_what_is_asked(dialect: Dialect) {
    let db = Fresh::new(dialect).await;
    let mut conn = expanded(&db, 2_000).await;
    let filled = "SELECT count(*) FROM updates";
    let measure = |text: &str| text.parse::<Measure>().unwrap();
    let with = |give_way: Vec<Measure>| BackfillOptions { give_way, ..small(1) };
    let query = measure("query=SELECT reason FROM busy");
    // what cannot be read is no reason to go on
    let error = begin(&db, with(vec![query.clone()])).0.await.unwrap().unwrap_err();
    assert!(matches!(error, ExecError::Refused(_)), "{error}");
    assert!(error.to_string().contains("the query that was given cannot be read"), "{error}");
    let other = db.pick("threads=1", "archive=1");
    let error = begin(&db, with(vec![measure(other)])).0.await.unwrap().unwrap_err().to_string();
    assert!(error.contains(&format!("a backfill on {dialect} cannot give way to")), "{error}");
    assert_eq!(number(&mut conn, filled).await, 0);
    // all that the server has are read; none of them is in the way but the query
    run(&mut conn, "CREATE TABLE busy (reason varchar(20))").await;
    run(&mut conn, "INSERT INTO busy VALUES ('invoices run')").await;
    let hours = span(hour(&db, &mut conn).await, 23, 2);
    let mut all = vec![measure("lag=1h"), hours, measure("latency=1h")];
    all.extend(match dialect {
        Dialect::Postgres => {
            vec![measure("wal=100000"), measure("archive=100000"), measure("wraparound"), measure("snapshot=1h")]
        }
        Dialect::MySql => vec![measure("threads=10000"), measure("history=100000000")],
    });
    all.push(query);
    let (work, events) = begin(&db, with(all));
    heard(&events, |it| it.starts_with("Held")).await;
    tokio::time::sleep(Duration::from_millis(1_500)).await;
    assert_eq!(number(&mut conn, filled).await, 0);
    run(&mut conn, "DROP TABLE busy").await;
    heard(&events, |it| it.starts_with("Held") && it.contains("cannot be read")).await;
    tokio::time::sleep(Duration::from_millis(1_500)).await;
    assert_eq!(number(&mut conn, filled).await, 0);
    run(&mut conn, "CREATE TABLE busy (reason varchar(20))").await;
    work.await.unwrap().unwrap();
    each_row_once(&mut conn, dialect, 2_000).await;
    let told = events.0.lock().unwrap().clone();
    let held: Vec<_> = told.iter().filter(|it| it.starts_with("Held")).collect();
    assert!(held[0].contains("the query that was given says invoices run"), "{held:?}");
    assert!(told.iter().any(|it| it == "Resumed"));
    db.end().await;
}

/// The hour that it is by the server's clock.
async fn hour(db: &Fresh, conn: &mut Conn) -> i64 {
    number(conn, db.pick("SELECT extract(hour FROM now() AT TIME ZONE 'UTC')", "SELECT HOUR(UTC_TIMESTAMP())")).await
}

/// From so many hours behind an hour to so many, over midnight at some hours.
fn span(hour: i64, from: i64, to: i64) -> Measure {
    measure(&format!("hours={:02}:00-{:02}:00", (hour + from) % 24, (hour + to) % 24))
}

async fn a_fill_keeps_to_its_hours(dialect: Dialect) {
    let db = Fresh::new(dialect).await;
    let mut conn = expanded(&db, 100).await;
    let hour = hour(&db, &mut conn).await;
    let (work, events) = begin(&db, giving_way(vec![span(hour, 2, 4)]));
    heard(&events, |it| it.starts_with("Held") && it.contains("batches may run from")).await;
    tokio::time::sleep(Duration::from_millis(500)).await;
    assert_eq!(number(&mut conn, FILLED).await, 0);
    work.abort();
    work.await.unwrap_err();
    begin(&db, giving_way(vec![span(hour, 23, 2)])).0.await.unwrap().unwrap();
    each_row_once(&mut conn, dialect, 100).await;
    db.end().await;
}

async fn a_slow_batch_is_followed_by_rest(dialect: Dialect) {
    let db = Fresh::new(dialect).await;
    let mut conn = expanded(&db, 300).await;
    slow(&db, &mut conn, 0.5, "NEW.email = 'user7@x'").await;
    let (work, events) = begin(&db, giving_way(vec![measure("latency=400ms")]));
    work.await.unwrap().unwrap();
    each_row_once(&mut conn, dialect, 300).await;
    let told = events.0.lock().unwrap().clone();
    assert!(told.iter().any(|it| it.starts_with("Held") && it.contains("a batch took")), "{told:?}");
    assert!(told.iter().any(|it| it == "Resumed"));
    db.end().await;
}

/// PostgreSQL: a snapshot keeps the dead rows of its own database, and of no other.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_old_snapshot_is_waited_for() {
    let (db, other) = (Fresh::new(Dialect::Postgres).await, Fresh::new(Dialect::Postgres).await);
    let mut conn = expanded(&db, 100).await;
    let (mut reader, mut elsewhere) = (db.connect().await, other.connect().await);
    for it in [&mut reader, &mut elsewhere] {
        run(it, "BEGIN ISOLATION LEVEL REPEATABLE READ").await;
        run(it, "SELECT count(*) FROM pg_class").await;
    }
    tokio::time::sleep(Duration::from_millis(3_100)).await;
    let over = async |_: &mut Conn| run(&mut reader, "COMMIT").await;
    waits_for(&db, &mut conn, 100, measure("snapshot=2s"), "the oldest transaction's age in seconds is", over).await;
    run(&mut elsewhere, "COMMIT").await;
    db.end().await;
    other.end().await;
}

/// PostgreSQL: a vacuum that must be done keeps its table.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_vacuum_against_wraparound_goes_first() {
    let db = Fresh::new(Dialect::Postgres).await;
    let mut conn = expanded(&db, 100).await;
    // 100,000 is the least that the server takes
    run(&mut conn, "ALTER TABLE users SET (autovacuum_enabled = false, autovacuum_freeze_max_age = 100000)").await;
    run(&mut conn, "SET synchronous_commit = off").await;
    let mut vacuum = db.connect().await;
    // the lock that a vacuum holds; before the table is old, or the server's own could be quicker
    run(&mut vacuum, "BEGIN; LOCK TABLE users IN SHARE UPDATE EXCLUSIVE MODE").await;
    let burn = "DO $$ BEGIN FOR i IN 1..101000 LOOP PERFORM txid_current(); COMMIT; END LOOP; END $$";
    run(&mut conn, burn).await;
    let over = async |_: &mut Conn| run(&mut vacuum, "COMMIT").await;
    waits_for(&db, &mut conn, 100, measure("wraparound"), "a vacuum against wraparound works on `users`", over).await;
    db.end().await;
}

/// PostgreSQL: WAL that others write without a pause, on a server where nobody else does.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_server_that_writes_much_wal_is_waited_for() {
    let server = own(Dialect::Postgres).await;
    let db = Fresh::on(&server).await;
    let mut conn = expanded(&db, 100).await;
    let mut writers = Vec::new();
    for _ in 0..3 {
        let mut writer = db.connect().await;
        let sql = "DO $$ BEGIN LOOP PERFORM pg_logical_emit_message(false, 'much', repeat('x', 1000000)); PERFORM pg_sleep(0.01); \
                   END LOOP; END $$";
        let pid = number(&mut writer, "SELECT pg_backend_pid()").await;
        writers.push((pid, tokio::spawn(async move { writer.execute(sql).await })));
    }
    let over = async |conn: &mut Conn| {
        for (pid, writing) in writers {
            run(conn, &format!("SELECT pg_terminate_backend({pid})")).await;
            writing.await.unwrap().unwrap_err();
        }
    };
    waits_for(&db, &mut conn, 100, measure("wal=1"), "MB of WAL are written in a second, more than 1", over).await;
}

/// PostgreSQL: what the archive has not taken yet is kept on the disk.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_archive_that_is_behind_is_waited_for() {
    let server = own(Dialect::Postgres).await;
    let archives = "-c archive_mode=on -c archive_timeout=1 -c archive_command='test -e open'";
    let copy = Copied::of(&server, As::Server, archives).await;
    let db = Fresh::at(&copy.admin_url, Dialect::Postgres);
    let mut conn = expanded(&db, 100).await;
    for _ in 0..5 {
        run(&mut conn, "CREATE TABLE filler (); DROP TABLE filler").await;
        run(&mut conn, "SELECT pg_switch_wal()").await;
    }
    let over = async |conn: &mut Conn| shell(conn, "touch open").await;
    waits_for(&db, &mut conn, 100, measure("archive=3"), "the queue of the WAL archive is", over).await;
    copy.end(&server).await;
}

/// PostgreSQL: the server's own standby, whether the server names it or the user; and one that is gone is missed.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_standby_that_is_behind_is_waited_for() {
    let server = own(Dialect::Postgres).await;
    let copy = Copied::of(&server, As::Standby, "").await;
    let mut replica = copy.connect().await;
    assert_eq!(number(&mut replica, "SELECT pg_is_in_recovery()::int").await, 1);
    let stop = ["SELECT pg_wal_replay_pause()", "SELECT pg_wal_replay_resume()"];
    let most = Duration::from_millis(500);
    {
        let db = Fresh::on(&server).await;
        let mut conn = expanded(&db, 4_000).await;
        let known = Measure::Lag { most, replicas: Vec::new() };
        a_replica_falls_behind(&db, &mut conn, &mut replica, known, stop, "replica copy is").await;
    }
    let db = Fresh::on(&server).await;
    let mut conn = expanded(&db, 4_000).await;
    let name = db.url.rsplit_once('/').unwrap().1;
    let url = format!("{}/{name}", copy.admin_url.rsplit_once('/').unwrap().0);
    // a replica that has not got the database yet cannot be read
    until(&mut replica, &format!("SELECT count(*) FROM pg_database WHERE datname = '{name}'"), 1).await;
    let named = Measure::Lag { most, replicas: vec![Replica(url)] };
    a_replica_falls_behind(&db, &mut conn, &mut replica, named, stop, "s behind, more than 0.5 s").await;

    let db = Fresh::on(&server).await;
    let mut conn = expanded(&db, 4_000).await;
    slow(&db, &mut conn, 0.01, EVERY_ROW).await;
    let (work, events) = begin(&db, giving_way(vec![measure("lag=1h")]));
    // it has seen the replica
    until_filled(&mut conn, 1).await;
    copy.end(&server).await;
    heard(&events, |it| it.contains("replica `copy` is not connected any more")).await;
    assert!(!work.is_finished(), "it went on without the replica");
    work.abort();
    work.await.unwrap_err();
}

/// MySQL: statements that run at once, and transactions that cannot be purged, on a server of its own.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_busy_server_is_waited_for() {
    let server = own(Dialect::MySql).await;
    let db = Fresh::on(&server).await;
    let mut conn = expanded(&db, 100).await;
    let mut sleepers = Vec::new();
    for _ in 0..8 {
        let mut sleeper = db.connect().await;
        let id = number(&mut sleeper, "SELECT CONNECTION_ID()").await;
        sleepers.push((id, tokio::spawn(async move { sleeper.rows("SELECT SLEEP(3000)").await })));
    }
    let running = "SELECT VARIABLE_VALUE FROM performance_schema.global_status WHERE VARIABLE_NAME = 'Threads_running'";
    until_it(&mut conn, running, |it| it > 8).await;
    let over = async |conn: &mut Conn| {
        for (id, sleeper) in sleepers {
            run(conn, &format!("KILL {id}")).await;
            sleeper.await.unwrap().ok();
        }
    };
    waits_for(&db, &mut conn, 100, measure("threads=6"), "Threads_running is", over).await;

    let db = Fresh::on(&server).await;
    let mut conn = expanded(&db, 100).await;
    let mut reader = db.connect().await;
    run(&mut reader, "START TRANSACTION WITH CONSISTENT SNAPSHOT").await;
    run(&mut conn, "CREATE TABLE counter (n int); INSERT INTO counter VALUES (0)").await;
    for _ in 0..300 {
        run(&mut conn, "UPDATE counter SET n = n + 1").await;
    }
    let length = "SELECT `COUNT` FROM information_schema.INNODB_METRICS WHERE NAME = 'trx_rseg_history_len'";
    until_it(&mut conn, length, |it| it > 200).await;
    let over = async |_: &mut Conn| run(&mut reader, "COMMIT").await;
    waits_for(&db, &mut conn, 100, measure("history=200"), "the history list's length is", over).await;
}

/// MySQL: a replica is found by its server, if it says where it is; otherwise by its URL.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_replica_that_is_behind_is_waited_for() {
    let (source, server) = tokio::join!(own(Dialect::MySql), own(Dialect::MySql));
    let mut conn = Conn::open(source.admin_url()).await.unwrap();
    let mut replica = Conn::open(server.admin_url()).await.unwrap();
    run(&mut conn, "CREATE USER copier@'%' IDENTIFIED BY 'copies'; GRANT REPLICATION SLAVE ON *.* TO copier@'%'").await;
    let newer = conn.rows("SHOW BINARY LOG STATUS").await;
    let place = match newer {
        Ok(rows) => rows,
        // before 8.4
        Err(_) => conn.rows("SHOW MASTER STATUS").await.unwrap(),
    };
    let (log, at) = (place[0][0].clone().unwrap(), place[0][1].clone().unwrap());
    // the address from which this process comes to the replica is one at which the replica finds the source's port
    let here = "SELECT SUBSTRING_INDEX(HOST, ':', 1) FROM information_schema.PROCESSLIST WHERE ID = CONNECTION_ID()";
    let here = replica.value(here).await.unwrap().unwrap();
    let here = if here == "localhost" { "127.0.0.1" } else { &here };
    let port = source.admin_url().rsplit_once(':').unwrap().1.trim_end_matches('/');
    run(&mut replica, "SET GLOBAL server_id = 2").await;
    let follow = format!(
        "CHANGE REPLICATION SOURCE TO SOURCE_HOST = '{here}', SOURCE_PORT = {port}, SOURCE_USER = 'copier', \
         SOURCE_PASSWORD = 'copies', GET_SOURCE_PUBLIC_KEY = 1, SOURCE_LOG_FILE = '{log}', SOURCE_LOG_POS = {at}"
    );
    run(&mut replica, &follow).await;
    run(&mut replica, "START REPLICA").await;
    let db = Fresh::on(&source).await;
    let mut conn = expanded(&db, 4_000).await;
    let name = db.url.rsplit_once('/').unwrap().1;
    until(&mut replica, &format!("SELECT count(*) FROM information_schema.SCHEMATA WHERE SCHEMA_NAME = '{name}'"), 1)
        .await;

    let error = begin(&db, giving_way(vec![measure("lag=1s")])).0.await.unwrap().unwrap_err().to_string();
    assert!(error.contains("the replica with server id 2 does not say its host"), "{error}");
    assert_eq!(number(&mut conn, FILLED).await, 0);

    let url = format!("{}{name}", server.admin_url());
    let named = Measure::Lag { most: Duration::from_millis(500), replicas: vec![Replica(url)] };
    let stop = ["STOP REPLICA SQL_THREAD", "START REPLICA SQL_THREAD"];
    a_replica_falls_behind(&db, &mut conn, &mut replica, named, stop, "s behind, more than 0.5 s").await;
}
