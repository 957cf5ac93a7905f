//! What goes wrong on a real server while a fill runs, and goes right again by itself: each row once, and nobody asked.

use std::net::SocketAddr;
use std::process::Command;
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use pontoon::Dialect;
use pontoon::exec::backfill::BackfillOptions;
use pontoon::exec::{Options, Outcome};
use pontoon_xtask::verify::conn::Conn;
use tokio::net::{TcpListener, TcpStream};

use crate::copied::shell;
use crate::filling::{Gate, begin, each_row_once, expanded, hold_a_row, slow, small, until};
use crate::support::{Fresh, number, on_both_servers, own, run, sample, seen};

on_both_servers!(
    a_batch_is_the_victim_of_a_deadlock,
    leases_that_jump_with_the_clock_cost_nothing,
    a_server_that_crashes_comes_back,
);

/// All rows in one batch.
fn at_once() -> BackfillOptions {
    BackfillOptions { batch: Some(Duration::from_secs(5)), passes: Some(1), ..BackfillOptions::default() }
}

/// A client has a row that the batch comes to, and waits for one that the batch has.
async fn a_batch_is_the_victim_of_a_deadlock(dialect: Dialect) {
    let db = Fresh::new(dialect).await;
    let mut conn = expanded(&db, 300).await;
    let gate = Gate::shut(&db, &mut conn, "NEW.email = 'user3@x'").await;
    let mut client = db.connect().await;
    if dialect == Dialect::Postgres {
        // who has waited for so long looks for a cycle: the batch
        let name = db.url.rsplit_once('/').unwrap().1;
        run(&mut conn, &format!("ALTER DATABASE \"{name}\" SET deadlock_timeout = '10ms'")).await;
        run(&mut client, "SET deadlock_timeout = '10min'").await;
    } else {
        // MySQL ends who has changed less
        run(&mut client, "CREATE TABLE ballast (n bigint)").await;
    }
    run(&mut client, "BEGIN").await;
    if dialect == Dialect::MySql {
        for _ in 0..12 {
            run(&mut client, "INSERT INTO ballast SELECT id FROM users").await;
        }
    }
    // a row of the batch's end, which is what a fill by ranges and by blocks comes to last
    run(&mut client, "UPDATE users SET newsletter = false WHERE email = 'user5@x'").await;
    let (work, events) = begin(&db, at_once());
    gate.reached_by(&mut conn, 1).await;
    // the batch has these, and comes to the client's while that one waits
    let me = db.pick("SELECT pg_backend_pid()", "SELECT CONNECTION_ID()");
    let me = number(&mut client, me).await;
    let waits = tokio::spawn(async move {
        run(&mut client, "UPDATE users SET newsletter = false WHERE email IN ('user1@x', 'user2@x', 'user3@x')").await;
        run(&mut client, "COMMIT").await;
    });
    let waiting = match dialect {
        Dialect::Postgres => format!("SELECT count(*) FROM pg_locks WHERE pid = {me} AND NOT granted"),
        Dialect::MySql => format!(
            "SELECT COUNT(*) FROM information_schema.INNODB_TRX WHERE trx_mysql_thread_id = {me} AND trx_state = 'LOCK WAIT'"
        ),
    };
    until(&mut conn, &waiting, 1).await;
    gate.open().await;
    waits.await.unwrap();
    work.await.unwrap().unwrap();
    let told = events.0.lock().unwrap().clone();
    let gave_way = told.iter().any(|it| it.starts_with("Retry") && it.to_lowercase().contains("deadlock"));
    assert!(gave_way, "{told:?}");
    assert_eq!(number(&mut conn, "SELECT count(*) FROM users WHERE newsletter").await, 296, "the client was not ended");
    assert_eq!(
        number(&mut conn, "SELECT count(*) FROM users WHERE display_name IS NULL OR display_name NOT LIKE 'user%'")
            .await,
        0
    );
    db.end().await;
}

/// A database whose transactions are serializable unless they say otherwise.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_batch_that_cannot_be_serialized_is_tried_again() {
    for level in ["repeatable read", "serializable"] {
        let db = Fresh::new(Dialect::Postgres).await;
        let mut conn = expanded(&db, 300).await;
        let gate = Gate::shut(&db, &mut conn, "NEW.email = 'user3@x'").await;
        let name = db.url.rsplit_once('/').unwrap().1;
        run(&mut conn, &format!("ALTER DATABASE \"{name}\" SET default_transaction_isolation = '{level}'")).await;
        let (work, events) = begin(&db, at_once());
        gate.reached_by(&mut conn, 1).await;
        // behind the batch's snapshot, before it comes to the row
        run(&mut conn, "UPDATE users SET email = 'other5@x' WHERE email = 'user5@x'").await;
        gate.open().await;
        work.await.unwrap().unwrap();
        let told = events.0.lock().unwrap().clone();
        let again = told.iter().any(|it| it.starts_with("Retry") && it.contains("could not serialize access"));
        assert!(again, "{level}: {told:?}");
        let right = "SELECT count(*) FROM users WHERE display_name = split_part(email, '@', 1)";
        assert_eq!(number(&mut conn, right).await, 300, "{level}");
        db.end().await;
    }
}

/// The server's clock jumps an hour ahead, and back, again and again: to the ranges that are dealt that is what it comes to. Ahead,
/// each lease has ended, and living workers take each other's ranges; back, no lease ends.
async fn leases_that_jump_with_the_clock_cost_nothing(dialect: Dialect) {
    let db = Fresh::new(dialect).await;
    let users = 10_000;
    let mut conn = expanded(&db, users).await;
    slow(&db, &mut conn, 0.0002, "NEW.id > 0").await;
    let mut holder = Some(hold_a_row(&db).await);
    let (work, events) = begin(&db, BackfillOptions { batch: Some(Duration::from_millis(40)), ..small(4) });
    let jump = |hours: i32| match dialect {
        Dialect::Postgres => format!("UPDATE pontoon_range SET lease_until = lease_until + interval '{hours} hours'"),
        Dialect::MySql => format!("UPDATE pontoon_range SET lease_until = lease_until + INTERVAL {hours} HOUR"),
    };
    let taken = || events.0.lock().unwrap().iter().filter(|it| it.starts_with("TakenOver")).count();
    let (mut jumps, begun) = (0, Instant::now());
    while !work.is_finished() {
        assert!(begun.elapsed() < Duration::from_secs(300), "{jumps} jumps, {} taken over", taken());
        // a worker has its own row when it commits; what it waits for is no more than a moment
        if conn.execute(&jump(if jumps % 3 == 2 { 2 } else { -1 })).await.is_ok() {
            jumps += 1;
        }
        tokio::time::sleep(Duration::from_millis(5)).await;
        // the fill does not end before ranges were taken from the living
        if jumps > 30 && taken() > 2 {
            holder = None;
        }
    }
    work.await.unwrap().unwrap();
    assert!(holder.is_none(), "it ended while somebody had one of its rows");
    each_row_once(&mut conn, dialect, users).await;
    db.end().await;
}

/// In the middle of a fill the whole server is killed (SIGKILL), and started again some seconds later.
async fn a_server_that_crashes_comes_back(dialect: Dialect) {
    let server = own(dialect).await;
    let mut db = Fresh::on(&server).await;
    let users = 3_000;
    let mut conn = expanded(&db, users).await;
    slow(&db, &mut conn, 0.001, "NEW.id > 0").await;
    let crash = match dialect {
        Dialect::Postgres => Crash::OfAProcess,
        Dialect::MySql => match Container::of(&db.url) {
            Some(container) => Crash::OfAContainer(container),
            None => return eprintln!("MySQL: left out, since no container is there to be killed"),
        },
    };
    let proxy = Proxy::to(address(&db.url)).await;
    let direct = db.url.clone();
    // the fill does not end before the server does
    let holder = hold_a_row(&db).await;
    db.url = at(&direct, proxy.at);
    let events = seen();
    let backfill = BackfillOptions { workers: 2, ..small(2) };
    let options = Options { backfill, observer: events.clone(), ..Options::default() };
    let runner = db.runner_with(sample(dialect, 2), options);
    let work = tokio::spawn(async move { runner.backfill().await });
    let begun = Instant::now();
    while number(&mut conn, "SELECT count(*) FROM updates").await < 300 {
        assert!(begun.elapsed() < Duration::from_secs(180) && !work.is_finished());
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    let url = crash.happen(&mut conn, &direct, &proxy).await;
    drop(holder);
    let outcome = work.await.unwrap().unwrap();
    assert!(matches!(outcome, Outcome::Did { .. }), "{outcome:?}");
    let told = events.0.lock().unwrap().clone();
    assert!(told.iter().any(|it| it.starts_with("Lost")), "{told:?}");
    let mut conn = Conn::open(&url).await.unwrap();
    each_row_once(&mut conn, dialect, users).await;
    let noted = number(&mut conn, "SELECT rows_filled FROM pontoon_backfill").await;
    assert_eq!(noted, i64::from(users), "a batch and its checkpoint commit together");
}

enum Crash {
    /// PostgreSQL: one of its processes is killed, and the others end with it; then it replays its log.
    OfAProcess,
    /// The container with all that runs in it.
    OfAContainer(Container),
}

impl Crash {
    /// Gives where the server is afterwards.
    async fn happen(self, conn: &mut Conn, url: &str, proxy: &Proxy) -> String {
        match self {
            Self::OfAProcess => {
                let pid = "SELECT pid FROM pg_stat_activity WHERE backend_type = 'checkpointer'";
                let pid = number(conn, pid).await;
                shell(conn, &format!("(sleep 0.3; kill -9 {pid}) < /dev/null > /dev/null 2>&1 &")).await;
                url.to_owned()
            }
            Self::OfAContainer(container) => {
                container.docker(&["kill", "-s", "KILL"]);
                tokio::time::sleep(Duration::from_secs(3)).await;
                container.docker(&["start"]);
                // which port of ours it has is chosen anew
                let port = container.docker(&["port"]);
                let port = port.lines().find_map(|it| it.strip_prefix("3306/tcp -> 0.0.0.0:")).unwrap().to_owned();
                let now = SocketAddr::new(address(url).ip(), port.parse().unwrap());
                *proxy.to.lock().unwrap() = now;
                at(url, now)
            }
        }
    }
}

/// The container of a server of ours, by the port that it has here.
struct Container(String);

impl Container {
    fn of(url: &str) -> Option<Self> {
        let filter = format!("publish={}", address(url).port());
        let output = Command::new("docker").args(["ps", "-q", "--filter", &filter]).output().ok()?;
        let id = String::from_utf8(output.stdout).ok()?.trim().to_owned();
        (!id.is_empty() && !id.contains('\n')).then_some(Self(id))
    }

    fn docker(&self, what: &[&str]) -> String {
        let output = Command::new("docker").args(what).arg(&self.0).output().unwrap();
        assert!(output.status.success(), "{what:?}: {}", String::from_utf8_lossy(&output.stderr));
        String::from_utf8(output.stdout).unwrap()
    }
}

fn place(url: &str) -> &str {
    url.rsplit_once('@').unwrap().1.split('/').next().unwrap()
}

/// Host and port of a URL of ours, as an address.
fn address(url: &str) -> SocketAddr {
    place(url).replace("localhost", "127.0.0.1").parse().unwrap()
}

/// The same by another way.
fn at(url: &str, address: SocketAddr) -> String {
    url.replacen(place(url), &address.to_string(), 1)
}

/// One address for a server whose own one changes.
struct Proxy {
    at: SocketAddr,
    to: Arc<Mutex<SocketAddr>>,
}

impl Proxy {
    async fn to(server: SocketAddr) -> Self {
        let listener = TcpListener::bind(("127.0.0.1", 0)).await.unwrap();
        let (at, to) = (listener.local_addr().unwrap(), Arc::new(Mutex::new(server)));
        let target = to.clone();
        tokio::spawn(async move {
            while let Ok((mut client, _)) = listener.accept().await {
                let server = *target.lock().unwrap();
                tokio::spawn(async move {
                    // else the client's connection ends, as one does that is refused
                    let Ok(mut server) = TcpStream::connect(server).await else { return };
                    tokio::io::copy_bidirectional(&mut client, &mut server).await.ok();
                });
            }
        });
        Self { at, to }
    }
}
