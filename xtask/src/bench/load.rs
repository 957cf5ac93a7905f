//! Clients as an application has them: 4 connections, 400 operations a second in all, 60 % reads
//! by key, 30 % updates of a random row, 10 % inserts. They write as old code does, which knows
//! nothing of a new column, until new code is deployed.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::{Duration, Instant};

use tokio::task::JoinHandle;

use super::backfill::job::Job;
use crate::verify::conn::{Conn, message_of};

const CLIENTS: u64 = 4;

/// Between two operations of one client: 100 a second.
const EVERY: Duration = Duration::from_millis(10);

/// Clients at work on a table `users`.
pub(super) struct Load {
    told: Arc<Told>,
    clients: Vec<JoinHandle<Vec<Operation>>>,
}

/// What clients are told, and tell.
#[derive(Debug, Default)]
struct Told {
    stop: AtomicBool,
    /// Whether they are to be new code.
    new_code: AtomicBool,
    /// How many of them are.
    deployed: AtomicU64,
    /// How many operations were done.
    done: AtomicU64,
    /// A log would grow for as long as they work.
    without_log: bool,
}

/// One operation of a client.
#[derive(Debug, Clone)]
struct Operation {
    read: bool,
    begun: Instant,
    took: Duration,
    /// What the server said, if it failed.
    failed: Option<String>,
}

/// What clients felt in a span of time, in milliseconds.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
pub(super) struct Felt {
    pub(super) operations: usize,
    /// Operations a second.
    pub(super) per_second: f64,
    pub(super) failed: usize,
    pub(super) p99: f64,
    pub(super) longest_read: f64,
    pub(super) longest_write: f64,
}

/// Everything that the clients did.
pub(super) struct Log(Vec<Operation>);

impl Load {
    /// Starts the clients.
    pub(super) async fn start(url: &str, job: Job) -> Result<Self, String> {
        Self::begin(url, job, Told::default()).await
    }

    /// Clients that only count what they do, and note what failed.
    pub(super) async fn without_log(url: &str, job: Job) -> Result<Self, String> {
        Self::begin(url, job, Told { without_log: true, ..Told::default() }).await
    }

    async fn begin(url: &str, job: Job, told: Told) -> Result<Self, String> {
        let (told, mut clients) = (Arc::new(told), Vec::new());
        for number in 0..CLIENTS {
            let conn = Conn::open(url).await.map_err(|error| message_of(&error))?;
            let client = Client { conn, url: url.to_owned(), number, job, told: told.clone() };
            clients.push(tokio::spawn(client.work()));
        }
        Ok(Self { told, clients })
    }

    /// How many operations were done so far.
    pub(super) fn done(&self) -> u64 {
        self.told.done.load(Ordering::Relaxed)
    }

    /// Deploys new code, and waits until no client is old code any more.
    pub(super) async fn deploy(&self) {
        self.told.new_code.store(true, Ordering::Relaxed);
        while self.told.deployed.load(Ordering::Relaxed) < CLIENTS {
            tokio::time::sleep(EVERY).await;
        }
    }

    /// Ends the clients.
    pub(super) async fn stop(self) -> Result<Log, String> {
        self.told.stop.store(true, Ordering::Relaxed);
        let mut all = Vec::new();
        for client in self.clients {
            all.extend(client.await.map_err(|error| error.to_string())?);
        }
        Ok(Log(all))
    }
}

struct Client {
    conn: Conn,
    url: String,
    number: u64,
    job: Job,
    told: Arc<Told>,
}

impl Client {
    async fn work(mut self) -> Vec<Operation> {
        let mut operations = Vec::new();
        let mut due = Instant::now() + EVERY * u32::try_from(self.number).unwrap_or_default() / 4;
        let (mut written, mut new_code) = (0_u64, false);
        while !self.told.stop.load(Ordering::Relaxed) {
            tokio::time::sleep_until(due.into()).await;
            if !new_code && self.told.new_code.load(Ordering::Relaxed) {
                new_code = true;
                self.told.deployed.fetch_add(1, Ordering::Relaxed);
            }
            let kind = fastrand::u8(0..10);
            written += u64::from(kind == 9);
            let sql = self.operation(kind, written, new_code);
            let begun = Instant::now();
            let outcome =
                if kind < 6 { self.conn.rows(sql).await.map(drop) } else { self.conn.execute(sql).await.map(drop) };
            let took = begun.elapsed();
            self.told.done.fetch_add(1, Ordering::Relaxed);
            let failed = outcome.err().map(|error| message_of(&error));
            if failed.is_some() && self.conn.value("SELECT 1").await.is_err() {
                // as a pool does: without one, the next operation fails and is counted
                if let Ok(conn) = Conn::open(&self.url).await {
                    self.conn = conn;
                }
            }
            if failed.is_some() || !self.told.without_log {
                operations.push(Operation { read: kind < 6, begun, took, failed });
            }
            // who has waited does not catch up: the others would feel that
            due = (due + EVERY).max(begun);
        }
        self.conn.close().await.ok();
        operations
    }

    /// An operation of the kind: 0 to 5 read, 6 to 8 update, 9 inserts.
    fn operation(&self, kind: u8, written: u64, new_code: bool) -> String {
        let Job { dialect, rows, key, .. } = self.job;
        let id = key.of(dialect, &fastrand::u64(1..=rows).to_string());
        match kind {
            0..6 => format!("SELECT email, full_name FROM users WHERE id = {id}"),
            6..9 => format!("UPDATE users SET full_name = 'name {}' WHERE id = {id}", fastrand::u32(..)),
            _ => {
                let email = format!("'c{}-{written}@new.example'", self.number);
                let (column, value) = match new_code {
                    true => (", display_name", format!(", {}", self.job.expression().replace("email", &email))),
                    false => ("", String::new()),
                };
                format!(
                    "INSERT INTO users (email, address, newsletter, visits{column}) VALUES ({email}, '', true, 0{value})"
                )
            }
        }
    }
}

impl Log {
    /// What was felt by operations that ran at some time within a span.
    pub(super) fn felt(&self, from: Instant, to: Instant) -> Felt {
        let within: Vec<_> = self.0.iter().filter(|it| it.begun <= to && it.begun + it.took >= from).collect();
        let ms = |it: Duration| it.as_secs_f64() * 1_000.0;
        let longest = |read| within.iter().filter(|it| it.read == read).map(|it| ms(it.took)).fold(0.0, f64::max);
        let mut all: Vec<_> = within.iter().map(|it| it.took).collect();
        all.sort();
        Felt {
            operations: all.len(),
            per_second: all.len() as f64 / (to - from).as_secs_f64().max(1e-6),
            failed: within.iter().filter(|it| it.failed.is_some()).count(),
            p99: all.get(all.len() * 99 / 100).copied().map_or(0.0, ms),
            longest_read: longest(true),
            longest_write: longest(false),
        }
    }

    /// What the first operation that failed was told.
    pub(super) fn failure(&self) -> Option<&str> {
        self.0.iter().find_map(|it| it.failed.as_deref())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_felt_is_of_its_span() {
        let zero = Instant::now();
        let at = |begun: u64, took: u64, read, failed: Option<&str>| Operation {
            read,
            begun: zero + Duration::from_millis(begun),
            took: Duration::from_millis(took),
            failed: failed.map(str::to_owned),
        };
        let log = Log(vec![
            at(0, 90, false, Some("before")),
            at(100, 5, true, None),
            at(190, 20, false, Some("within")),
            at(300, 70, true, None),
        ]);
        let felt = log.felt(zero + Duration::from_millis(100), zero + Duration::from_millis(200));
        let expected =
            Felt { operations: 2, per_second: 20.0, failed: 1, p99: 20.0, longest_read: 5.0, longest_write: 20.0 };
        assert_eq!(felt, expected);
        assert_eq!(log.failure(), Some("before"));
    }
}
