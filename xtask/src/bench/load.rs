//! Clients as an application has them: 4 connections, 400 operations a second in all, 60 % reads
//! by key, 30 % updates of a random row, 10 % inserts. They write as old code does, which knows
//! nothing of a new column.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::{Duration, Instant};

use tokio::task::JoinHandle;

use super::backfill::Key;
use crate::verify::conn::{Conn, message_of};

const CLIENTS: u64 = 4;

/// Between two operations of one client: 100 a second.
const EVERY: Duration = Duration::from_millis(10);

/// Clients at work on a table `users`.
pub(super) struct Load {
    stop: Arc<AtomicBool>,
    /// How many operations were done.
    done: Arc<AtomicU64>,
    clients: Vec<JoinHandle<Result<Vec<Operation>, String>>>,
}

/// One operation of a client.
#[derive(Debug, Clone, Copy)]
struct Operation {
    read: bool,
    begun: Instant,
    took: Duration,
}

/// What clients felt in a span of time, in milliseconds.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Felt {
    pub(super) operations: usize,
    pub(super) p99: f64,
    pub(super) longest_read: f64,
    pub(super) longest_write: f64,
}

/// Everything that the clients did.
pub(super) struct Log(Vec<Operation>);

impl Load {
    /// Starts the clients; they know the keys of the rows from 1 to `rows`.
    pub(super) async fn start(url: &str, rows: u64, key: Key) -> Result<Self, String> {
        Self::begin(url, rows, key, true).await
    }

    /// Clients that only count what they do: a log would grow for as long as they work.
    pub(super) async fn without_log(url: &str, rows: u64, key: Key) -> Result<Self, String> {
        Self::begin(url, rows, key, false).await
    }

    async fn begin(url: &str, rows: u64, key: Key, logs: bool) -> Result<Self, String> {
        let (stop, done) = (Arc::new(AtomicBool::new(false)), Arc::new(AtomicU64::new(0)));
        let mut clients = Vec::new();
        for number in 0..CLIENTS {
            let conn = Conn::open(url).await.map_err(|error| message_of(&error))?;
            let told = Told { stop: stop.clone(), done: done.clone(), logs };
            clients.push(tokio::spawn(client(conn, number, rows, key, told)));
        }
        Ok(Self { stop, done, clients })
    }

    /// How many operations were done so far.
    pub(super) fn done(&self) -> u64 {
        self.done.load(Ordering::Relaxed)
    }

    /// Ends the clients. An operation that failed is an error: nobody may notice a migration.
    pub(super) async fn stop(self) -> Result<Log, String> {
        self.stop.store(true, Ordering::Relaxed);
        let mut all = Vec::new();
        for client in self.clients {
            all.extend(client.await.map_err(|error| error.to_string())??);
        }
        Ok(Log(all))
    }
}

/// What a client is told, and tells.
struct Told {
    stop: Arc<AtomicBool>,
    done: Arc<AtomicU64>,
    logs: bool,
}

async fn client(mut conn: Conn, number: u64, rows: u64, key: Key, told: Told) -> Result<Vec<Operation>, String> {
    let mut operations = Vec::new();
    let mut due = Instant::now() + EVERY * u32::try_from(number).unwrap_or_default() / 4;
    let mut written = 0_u64;
    while !told.stop.load(Ordering::Relaxed) {
        tokio::time::sleep_until(due.into()).await;
        let id = key.of(conn.dialect(), &fastrand::u64(1..=rows).to_string());
        let kind = fastrand::u8(0..10);
        let sql = match kind {
            0..6 => format!("SELECT email, full_name FROM users WHERE id = {id}"),
            6..9 => format!("UPDATE users SET full_name = 'name {}' WHERE id = {id}", fastrand::u32(..)),
            _ => {
                written += 1;
                format!(
                    "INSERT INTO users (email, newsletter, visits) VALUES ('c{number}-{written}@new.example', true, 0)"
                )
            }
        };
        let begun = Instant::now();
        let outcome = if kind < 6 { conn.rows(sql).await.map(drop) } else { conn.execute(sql).await.map(drop) };
        outcome.map_err(|error| format!("a client's operation failed: {}", message_of(&error)))?;
        told.done.fetch_add(1, Ordering::Relaxed);
        if told.logs {
            operations.push(Operation { read: kind < 6, begun, took: begun.elapsed() });
        }
        // who has waited does not catch up: the others would feel that
        due = (due + EVERY).max(begun);
    }
    conn.close().await.ok();
    Ok(operations)
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
            p99: all.get(all.len() * 99 / 100).copied().map_or(0.0, ms),
            longest_read: longest(true),
            longest_write: longest(false),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_felt_is_of_its_span() {
        let zero = Instant::now();
        let at = |begun: u64, took: u64, read| Operation {
            read,
            begun: zero + Duration::from_millis(begun),
            took: Duration::from_millis(took),
        };
        let log = Log(vec![at(0, 90, false), at(100, 5, true), at(190, 20, false), at(300, 70, true)]);
        let felt = log.felt(zero + Duration::from_millis(100), zero + Duration::from_millis(200));
        assert_eq!((felt.operations, felt.longest_read, felt.longest_write), (2, 5.0, 20.0));
    }
}
