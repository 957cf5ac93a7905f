//! The server goes away in the middle of a fill and comes back: the runner does too, each row is filled once, and what was
//! asked of it meanwhile it has heard.

use std::net::SocketAddr;
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use pontoon::Dialect;
use pontoon::exec::backfill::{BackfillOptions, Wish};
use pontoon::exec::{Event, ExecError, Observer, Options, Outcome, Pool, Runner};
use pontoon_xtask::verify::conn::Conn;
use pontoon_xtask::verify::server::Server;
use tokio::net::{TcpListener, TcpStream};

use crate::copied::shell;
use crate::filling::{each_row_once, expanded, small};
use crate::support::{Fresh, Seen, meanwhile, number, on_both_servers, own, run, sample, seen};

on_both_servers!(a_server_that_is_killed_comes_back, who_is_told_to_stop_while_it_connects_again_stops);

const USERS: u32 = 3_000;

/// The whole server is killed (SIGKILL), with all its processes, and started again on what it had written.
async fn a_server_that_is_killed_comes_back(dialect: Dialect) {
    let mut server = own(dialect).await;
    let filling = Filling::begin(&server).await;
    server.crash().await.unwrap();
    // the runner meets a server that takes no connections
    filling.until_told("Lost", 2).await;
    server.start_again().await.unwrap();
    filling.ends_right(&server).await;
}

/// PostgreSQL: one of its processes is killed; the others end with it, and the server replays its log.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_server_that_loses_a_process_comes_back() {
    let server = own(Dialect::Postgres).await;
    let mut filling = Filling::begin(&server).await;
    let pid = number(&mut filling.conn, "SELECT pid FROM pg_stat_activity WHERE backend_type = 'checkpointer'").await;
    shell(&mut filling.conn, &format!("(sleep 0.3; kill -9 {pid}) < /dev/null > /dev/null 2>&1 &")).await;
    filling.until_told("Lost", 1).await;
    filling.ends_right(&server).await;
}

/// A fill at work, by a way to the server that stays the same wherever that comes back.
struct Filling {
    dialect: Dialect,
    database: String,
    conn: Conn,
    /// Has a row that the fill comes to last, so that it does not end before the server does.
    _holder: Conn,
    proxy: Proxy,
    work: tokio::task::JoinHandle<Result<Outcome, ExecError>>,
    events: Arc<Seen>,
}

impl Filling {
    async fn begin(server: &Server) -> Self {
        let mut db = Fresh::on(server).await;
        let dialect = db.dialect;
        let mut conn = expanded(&db, USERS).await;
        let holder = hold_the_last_row(&db).await;
        let database = db.url.rsplit_once('/').unwrap().1.to_owned();
        let proxy = Proxy::to(address(server)).await;
        db.url = db.url.replacen(place(server), &proxy.at.to_string(), 1);
        let events = seen();
        let backfill = BackfillOptions { workers: 2, ..small(2) };
        let options = Options { backfill, observer: events.clone(), ..Options::default() };
        let runner = db.runner_with(sample(dialect, 2), options);
        let work = tokio::spawn(async move { runner.backfill().await });
        some_are_filled(&mut conn).await;
        Self { dialect, database, conn, _holder: holder, proxy, work, events }
    }

    /// Waits until so many events of a kind were told.
    async fn until_told(&self, kind: &str, times: usize) {
        let begun = Instant::now();
        loop {
            let told = self.events.0.lock().unwrap().clone();
            if told.iter().filter(|it| it.starts_with(kind)).count() >= times {
                return;
            }
            assert!(begun.elapsed() < Duration::from_secs(120) && !self.work.is_finished(), "{kind}: {told:?}");
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    }

    async fn ends_right(self, server: &Server) {
        *self.proxy.to.lock().unwrap() = address(server);
        let outcome = self.work.await.unwrap().unwrap();
        assert!(matches!(outcome, Outcome::Did { .. }), "{outcome:?}");
        let url = format!("{}/{}", server.admin_url().rsplit_once('/').unwrap().0, self.database);
        let mut conn = Conn::open(&url).await.unwrap();
        each_row_once(&mut conn, self.dialect, USERS).await;
        let noted = number(&mut conn, "SELECT rows_filled FROM pontoon_backfill").await;
        assert_eq!(noted, i64::from(USERS), "a batch and its checkpoint commit together");
    }
}

/// Somebody who has the last row: a fill comes to it, and waits.
async fn hold_the_last_row(db: &Fresh) -> Conn {
    let mut holder = db.connect().await;
    run(&mut holder, "BEGIN").await;
    run(&mut holder, &format!("SELECT id FROM users WHERE email = 'user{USERS}@x' FOR UPDATE")).await;
    holder
}

async fn some_are_filled(conn: &mut Conn) {
    let begun = Instant::now();
    while number(conn, "SELECT count(*) FROM updates").await < 100 {
        assert!(begun.elapsed() < Duration::from_secs(120), "nothing is filled");
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
}

/// Tells all fills to stop when a connection was lost, before there is another one.
struct StopsAtLoss(String, Seen);

impl Observer for StopsAtLoss {
    fn event(&self, event: &Event) {
        self.1.event(event);
        if matches!(event, Event::Lost { .. }) {
            let people = Runner::new(Pool::connect_lazy(&self.0).unwrap(), Vec::new(), Options::default());
            meanwhile(async { people.ask(Wish::Abort, "ada").await.unwrap() });
        }
    }
}

async fn who_is_told_to_stop_while_it_connects_again_stops(dialect: Dialect) {
    let db = Fresh::new(dialect).await;
    let mut conn = expanded(&db, USERS).await;
    let mut holder = hold_the_last_row(&db).await;
    let observer = Arc::new(StopsAtLoss(db.url.clone(), Seen::default()));
    let options = || Options { backfill: small(2), ..Options::default() };
    let runner = db.runner_with(sample(dialect, 2), Options { observer: observer.clone(), ..options() });
    let work = tokio::spawn(async move { runner.backfill().await });
    some_are_filled(&mut conn).await;
    let spared = number(&mut holder, db.pick("SELECT pg_backend_pid()", "SELECT CONNECTION_ID()")).await;
    cut_all_but(&mut conn, spared).await;
    let begun = Instant::now();
    while !observer.1.0.lock().unwrap().iter().any(|it| it.starts_with("Lost")) {
        assert!(begun.elapsed() < Duration::from_secs(120) && !work.is_finished(), "the loss is not seen");
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    // now it could fill all the rest
    run(&mut holder, "COMMIT").await;
    let error = work.await.unwrap().unwrap_err();
    assert!(matches!(error, ExecError::Stopped(_)) && error.to_string().contains("told to stop by ada"), "{error}");
    assert!(number(&mut conn, "SELECT count(*) FROM updates").await < i64::from(USERS));
    db.runner_with(sample(dialect, 2), options()).backfill().await.unwrap();
    each_row_once(&mut conn, dialect, USERS).await;
    db.end().await;
}

/// Ends the sessions of the database but this one and another.
async fn cut_all_but(conn: &mut Conn, spared: i64) {
    let all = match conn.dialect() {
        Dialect::Postgres => format!(
            "SELECT pid::text FROM pg_stat_activity WHERE datname = current_database() AND pid NOT IN (pg_backend_pid(), {spared})"
        ),
        Dialect::MySql => format!(
            "SELECT ID FROM performance_schema.processlist WHERE DB = DATABASE() AND ID NOT IN (CONNECTION_ID(), {spared})"
        ),
    };
    for row in conn.rows(all).await.unwrap() {
        let number = row[0].as_deref().unwrap();
        let end = match conn.dialect() {
            Dialect::Postgres => format!("SELECT pg_terminate_backend({number})"),
            Dialect::MySql => format!("KILL {number}"),
        };
        // one that has just gone by itself
        conn.execute(end).await.ok();
    }
}

fn place(server: &Server) -> &str {
    server.admin_url().rsplit_once('@').unwrap().1.split('/').next().unwrap()
}

/// Host and port of a server of ours, as an address.
fn address(server: &Server) -> SocketAddr {
    place(server).replace("localhost", "127.0.0.1").parse().unwrap()
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
