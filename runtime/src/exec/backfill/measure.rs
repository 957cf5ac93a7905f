//! What a fill gives way to, beside the rows' own locks: measures with bounds, looked at every second on connections of
//! their own. While one is beyond its bound, or cannot be read, no batch begins.

use std::collections::{BTreeMap, VecDeque};
use std::fmt;
use std::str::FromStr;
use std::sync::Mutex;
use std::time::{Duration, Instant};

use super::super::{ExecError, Pool, Session};
use crate::dialect::Dialect;

/// How often measures are looked at.
const LOOK: Duration = Duration::from_secs(1);

/// Something to give way to, with its bound.
#[derive(Debug, Clone, PartialEq)]
#[non_exhaustive]
pub enum Measure {
    /// How far replicas are behind. Those that the server knows (`pg_stat_replication`, `SHOW REPLICAS`), or these.
    Lag {
        /// The most.
        most: Duration,
        /// Replicas by their URLs; without any, those that the server knows.
        replicas: Vec<Replica>,
    },
    /// PostgreSQL: megabytes of WAL that the server writes in a second, those of the fill among them.
    WalRate(u64),
    /// PostgreSQL: WAL segments that wait for the archive.
    ArchiveQueue(u64),
    /// PostgreSQL: an autovacuum against wraparound that works on the table.
    Wraparound,
    /// PostgreSQL: the age of the oldest transaction of others, whose snapshot keeps every dead row.
    Snapshot(Duration),
    /// MySQL: statements that run (`Threads_running`).
    ThreadsRunning(u64),
    /// MySQL: transactions that are not purged (`trx_rseg_history_len`).
    HistoryLength(u64),
    /// A query: a first value that is neither NULL, nor 0, nor `false` means that we wait.
    Query(String),
    /// The time of the day at which batches may run, in minutes since midnight, UTC: from the first to before the second.
    Hours(u16, u16),
    /// How long a batch took with its commit. Beyond it nothing runs for a second.
    Latency(Duration),
}

/// The URL of a replica.
#[derive(Clone, PartialEq, Eq)]
pub struct Replica(pub String);

// it may hold a password
impl fmt::Debug for Replica {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Replica(..)")
    }
}

impl FromStr for Measure {
    type Err = String;

    /// Reads `lag=10s`, `wal=50`, `archive=32`, `wraparound`, `snapshot=10m`, `threads=50`, `history=1000000`, `latency=200ms`,
    /// `hours=22:00-06:00` or `query=SELECT ...`.
    fn from_str(text: &str) -> Result<Self, String> {
        let (name, value) = text.split_once('=').map_or((text, None), |(name, value)| (name, Some(value.trim())));
        let value = |example: &str| value.ok_or_else(|| format!("`{name}` wants a bound, such as `{name}={example}`"));
        let number = |text: &str| text.parse().map_err(|_| format!("`{text}` is no number"));
        match name.trim() {
            "lag" => Ok(Self::Lag { most: duration(value("10s")?)?, replicas: Vec::new() }),
            "wal" => Ok(Self::WalRate(number(value("50")?)?)),
            "archive" => Ok(Self::ArchiveQueue(number(value("32")?)?)),
            "wraparound" => Ok(Self::Wraparound),
            "snapshot" => Ok(Self::Snapshot(duration(value("10m")?)?)),
            "threads" => Ok(Self::ThreadsRunning(number(value("50")?)?)),
            "history" => Ok(Self::HistoryLength(number(value("1000000")?)?)),
            "latency" => Ok(Self::Latency(duration(value("200ms")?)?)),
            "query" => Ok(Self::Query(value("SELECT ...")?.to_owned())),
            "hours" => {
                let value = value("22:00-06:00")?;
                let (from, to) = value.split_once('-').ok_or_else(|| format!("`{value}` is not like 22:00-06:00"))?;
                Ok(Self::Hours(minutes(from)?, minutes(to)?))
            }
            _ => Err(format!(
                "`{name}` is none of: lag, wal, archive, wraparound, snapshot, threads, history, latency, hours, query"
            )),
        }
    }
}

fn duration(text: &str) -> Result<Duration, String> {
    let end = text.find(|c: char| !c.is_ascii_digit()).unwrap_or(text.len());
    let (number, unit) = text.split_at(end);
    let number: u64 = number.parse().map_err(|_| format!("`{text}` is no time, such as 10s"))?;
    let ms = match unit {
        "ms" => 1,
        "s" | "" => 1_000,
        "m" => 60_000,
        "h" => 3_600_000,
        _ => return Err(format!("`{unit}` is none of: ms, s, m, h")),
    };
    Ok(Duration::from_millis(number.saturating_mul(ms)))
}

fn minutes(text: &str) -> Result<u16, String> {
    let wrong = || format!("`{text}` is no time of the day, such as 22:00");
    let (hour, minute) = text.trim().split_once(':').ok_or_else(wrong)?;
    let (hour, minute): (u16, u16) = (hour.parse().map_err(|_| wrong())?, minute.parse().map_err(|_| wrong())?);
    if hour < 24 && minute < 60 { Ok(hour * 60 + minute) } else { Err(wrong()) }
}

/// Why nothing may run now.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Reason {
    /// One word, of a few.
    pub(super) kind: &'static str,
    /// With the numbers of the moment.
    pub(super) text: String,
}

impl Measure {
    /// As it is written.
    const fn name(&self) -> &'static str {
        match self {
            Self::Lag { .. } => "lag",
            Self::WalRate(_) => "wal",
            Self::ArchiveQueue(_) => "archive",
            Self::Wraparound => "wraparound",
            Self::Snapshot(_) => "snapshot",
            Self::ThreadsRunning(_) => "threads",
            Self::HistoryLength(_) => "history",
            Self::Query(_) => "query",
            Self::Hours(..) => "hours",
            Self::Latency(_) => "latency",
        }
    }

    /// Refuses what the server does not have.
    fn fits(&self, dialect: Dialect) -> Result<(), ExecError> {
        let (only, name) = match self {
            Self::WalRate(_) | Self::ArchiveQueue(_) | Self::Wraparound | Self::Snapshot(_) => {
                (Dialect::Postgres, self.name())
            }
            Self::ThreadsRunning(_) | Self::HistoryLength(_) => (Dialect::MySql, self.name()),
            Self::Lag { .. } | Self::Query(_) | Self::Hours(..) | Self::Latency(_) => return Ok(()),
        };
        if only == dialect {
            return Ok(());
        }
        Err(ExecError::Refused(format!(
            "a backfill on {dialect} cannot give way to `{name}`, which only {only} has\n  help: leave it out"
        )))
    }
}

/// The measures of a fill, and why nothing may run now.
#[derive(Debug, Default)]
pub(super) struct Measures {
    measures: Vec<Measure>,
    reason: Mutex<Option<Reason>>,
    /// Until when our own last batch keeps us waiting, and its length.
    slow: Mutex<Option<(Instant, Duration)>>,
}

impl Measures {
    pub(super) fn new(measures: &[Measure], dialect: Dialect) -> Result<Self, ExecError> {
        measures.iter().try_for_each(|it| it.fits(dialect))?;
        Ok(Self { measures: measures.to_vec(), ..Self::default() })
    }

    /// Why nothing may run now, if so.
    pub(super) fn reason(&self) -> Option<Reason> {
        if let Ok(Some((until, took))) = self.slow.lock().map(|it| *it)
            && until > Instant::now()
        {
            return Some(Reason { kind: "latency", text: format!("a batch took {} ms", took.as_millis()) });
        }
        self.reason.lock().map_or(None, |it| it.clone())
    }

    /// Takes in how long a batch took, with its commit.
    pub(super) fn batch_took(&self, took: Duration) {
        let most = self.measures.iter().filter_map(|it| match it {
            Measure::Latency(most) => Some(*most),
            _ => None,
        });
        if most.min().is_some_and(|most| took > most)
            && let Ok(mut slow) = self.slow.lock()
        {
            *slow = Some((Instant::now() + LOOK, took));
        }
    }

    /// Whether there is anything to look at.
    fn is_empty(&self) -> bool {
        self.measures.iter().all(|it| matches!(it, Measure::Latency(_)))
    }

    /// Looks for the first time: what cannot be read now is refused.
    pub(super) async fn begin(&self, pool: &Pool, table: &str) -> Result<Option<Look>, ExecError> {
        if self.is_empty() {
            return Ok(None);
        }
        let mut look = Look::connect(pool, table).await?;
        match look.all(&self.measures).await {
            Ok(reason) => self.set(reason),
            Err(unread) => {
                return Err(ExecError::Refused(format!(
                    "{unread}\n  help: a measure that cannot be read would not be given way to; see to it that it can, or leave it out"
                )));
            }
        }
        Ok(Some(look))
    }

    /// Looks every second, for good.
    pub(super) async fn watch(&self, look: Option<Look>, pool: &Pool, table: &str) {
        let Some(mut look) = look else { return std::future::pending().await };
        loop {
            tokio::time::sleep(LOOK).await;
            match look.all(&self.measures).await {
                Ok(reason) => self.set(reason),
                Err(unread) => {
                    self.set(Some(Reason { kind: "unread", text: unread }));
                    if let Ok(mut anew) = Look::connect(pool, table).await {
                        // what was known of replicas stays: one that is gone is missed
                        anew.beats = std::mem::take(&mut look.beats);
                        anew.places = std::mem::take(&mut look.places);
                        anew.known = std::mem::take(&mut look.known);
                        look = anew;
                    }
                }
            }
        }
    }

    fn set(&self, reason: Option<Reason>) {
        if let Ok(mut known) = self.reason.lock() {
            *known = reason;
        }
    }
}

/// What the measures are read with.
pub(super) struct Look {
    session: Session,
    pool: Pool,
    table: String,
    /// Connections to replicas that were named, or that MySQL knows.
    replicas: Vec<(String, Option<Session>, Pool)>,
    discovered: bool,
    /// Heartbeats that were written, and when.
    beats: Trail,
    /// Places in the WAL that were seen, and when (PostgreSQL).
    places: Trail,
    /// Replicas that PostgreSQL has named once.
    known: BTreeMap<String, ()>,
    /// The server's seconds when its WAL was looked at last, and the bytes that it had written by then.
    wal: Option<(f64, f64)>,
}

/// A number that only grows, and when it was seen: what a replica has reached says how far it is behind, without a clock
/// of its own.
#[derive(Debug, Default)]
struct Trail(VecDeque<(Instant, u64)>);

impl Trail {
    fn see(&mut self, at: Instant, number: u64) {
        if self.0.back().is_none_or(|(_, last)| *last < number) {
            self.0.push_back((at, number));
        }
        // an hour of seconds: who is further behind is so by an hour at least
        if self.0.len() > 3_600 {
            self.0.pop_front();
        }
    }

    /// How far behind somebody is who has reached this number: since when the first number beyond it is there.
    fn behind(&self, reached: u64, now: Instant) -> Duration {
        let ahead = self.0.iter().find(|(_, number)| *number > reached);
        ahead.map_or(Duration::ZERO, |(since, _)| now.duration_since(*since))
    }
}

type Found = Result<Option<String>, String>;

impl Look {
    async fn connect(pool: &Pool, table: &str) -> Result<Self, ExecError> {
        Ok(Self {
            session: pool.session().await?,
            pool: pool.clone(),
            table: table.to_owned(),
            replicas: Vec::new(),
            discovered: false,
            beats: Trail::default(),
            places: Trail::default(),
            known: BTreeMap::new(),
            wal: None,
        })
    }

    /// The first measure that is beyond its bound; an error if one cannot be read.
    async fn all(&mut self, measures: &[Measure]) -> Result<Option<Reason>, String> {
        for measure in measures {
            let found = match measure {
                Measure::Lag { most, replicas }
                    if replicas.is_empty() && self.session.dialect() == Dialect::Postgres =>
                {
                    self.lag_of_known(*most).await?
                }
                Measure::Lag { most, replicas } => self.lag(*most, replicas).await?,
                Measure::WalRate(most) => self.wal_rate(*most).await?,
                Measure::ArchiveQueue(most) => self.archive_queue(*most).await?,
                Measure::Wraparound => self.wraparound().await?,
                Measure::Snapshot(most) => self.snapshot(*most).await?,
                Measure::ThreadsRunning(most) => {
                    let sql = "SELECT VARIABLE_VALUE FROM performance_schema.global_status WHERE VARIABLE_NAME = 'Threads_running'";
                    self.more_than("Threads_running", sql, *most).await?
                }
                Measure::HistoryLength(most) => {
                    let sql =
                        "SELECT `COUNT` FROM information_schema.INNODB_METRICS WHERE NAME = 'trx_rseg_history_len'";
                    self.more_than("the history list's length", sql, *most).await?
                }
                Measure::Query(sql) => self.query(sql).await?,
                Measure::Hours(from, to) => self.hours(*from, *to).await?,
                Measure::Latency(_) => None,
            };
            if let Some(text) = found {
                return Ok(Some(Reason { kind: measure.name(), text }));
            }
        }
        Ok(None)
    }

    async fn ask(&mut self, what: &str, sql: &str) -> Result<Option<String>, String> {
        self.session.value(sql).await.map_err(|error| unread(what, &error))
    }

    async fn more_than(&mut self, what: &str, sql: &str, most: u64) -> Found {
        let value = self.ask(what, sql).await?;
        let value: f64 = value.and_then(|it| it.parse().ok()).ok_or_else(|| format!("{what} cannot be read"))?;
        Ok((value > most as f64).then(|| format!("{what} is {value}, more than {most}")))
    }

    /// PostgreSQL's own view of its standbys.
    async fn lag_of_known(&mut self, most: Duration) -> Found {
        let what = "the replicas' lag";
        let sql = "SELECT pg_wal_lsn_diff(pg_current_wal_lsn(), '0/0')::numeric::text, r.pid::text, \
                   coalesce(nullif(r.application_name, ''), 'a replica'), pg_wal_lsn_diff(r.replay_lsn, '0/0')::numeric::text \
                   FROM (SELECT 1) AS one LEFT JOIN pg_stat_replication r ON true ORDER BY 3";
        let rows = self.session.rows(sql).await.map_err(|error| unread(what, &error))?;
        let now = Instant::now();
        let mut there = BTreeMap::new();
        for row in &rows {
            let text = |at: usize| row.get(at).cloned().flatten();
            if let Some(place) = text(0).and_then(|it| it.parse::<u64>().ok()) {
                self.places.see(now, place);
            }
            if text(1).is_none() {
                continue;
            }
            let name = text(2).unwrap_or_default();
            let reached = text(3).and_then(|it| it.parse::<u64>().ok()).ok_or_else(|| {
                format!(
                    "{what} cannot be read: `{name}` does not say how far it is (the user needs the role pg_monitor)"
                )
            })?;
            there.insert(name, self.places.behind(reached, now));
        }
        for name in there.keys() {
            self.known.insert(name.clone(), ());
        }
        if let Some(gone) = self.known.keys().find(|it| !there.contains_key(*it)) {
            return Ok(Some(format!("replica `{gone}` is not connected any more")));
        }
        let late = there.into_iter().find(|(_, behind)| *behind > most);
        Ok(late.map(|(name, behind)| late_by(&name, behind, most)))
    }

    /// By heartbeats: a number that is written here and read there.
    async fn lag(&mut self, most: Duration, named: &[Replica]) -> Found {
        if !self.discovered {
            self.discover(named).await?;
            self.discovered = true;
        }
        let what = "the replicas' lag";
        self.session
            .execute("UPDATE pontoon_control SET beat = beat + 1 WHERE only_row = 1")
            .await
            .map_err(|error| unread(what, &error))?;
        let beat = self.ask(what, "SELECT beat FROM pontoon_control WHERE only_row = 1").await?;
        let now = Instant::now();
        if let Some(beat) = beat.and_then(|it| it.parse().ok()) {
            self.beats.see(now, beat);
        }
        for (name, session, pool) in &mut self.replicas {
            let connected = match session.take() {
                Some(connected) => connected,
                None => pool.session().await.map_err(|error| format!("replica {name} cannot be asked: {error}"))?,
            };
            let connected = session.insert(connected);
            let reached = connected.value("SELECT beat FROM pontoon_control WHERE only_row = 1").await;
            let reached = match reached {
                Ok(reached) => reached.and_then(|it| it.parse().ok()).unwrap_or(0),
                Err(error) => {
                    *session = None;
                    return Err(unread(&format!("replica {name}"), &error));
                }
            };
            let behind = self.beats.behind(reached, now);
            if behind > most {
                return Ok(Some(late_by(name, behind, most)));
            }
        }
        Ok(None)
    }

    async fn discover(&mut self, named: &[Replica]) -> Result<(), String> {
        for (number, Replica(url)) in (1..).zip(named) {
            // parameters of a URL may be a password
            let host = url.rsplit_once('@').and_then(|(_, host)| host.split('?').next());
            let name = host.map_or_else(|| number.to_string(), |host| format!("`{host}`"));
            let pool = Pool::connect_lazy(url).map_err(|error| format!("replica {number}: {error}"))?;
            self.replicas.push((name, None, pool));
        }
        if !named.is_empty() {
            return Ok(());
        }
        let rows = self.session.rows("SHOW REPLICAS").await.map_err(|error| unread("the list of replicas", &error))?;
        for row in rows {
            let text = |at: usize| row.get(at).cloned().flatten().unwrap_or_default();
            let (id, host, port) = (text(0), text(1), text(2));
            let at = if host.is_empty() { None } else { port.parse().ok().and_then(|port| self.pool.at(&host, port)) };
            let pool = at.ok_or_else(|| {
                format!("the replica with server id {id} does not say its host (`report_host`); name its URL")
            })?;
            self.replicas.push((format!("`{host}:{port}`"), None, pool));
        }
        Ok(())
    }

    /// Between this look and the last; the first one looks twice, so that no batch begins before it is known.
    async fn wal_rate(&mut self, most: u64) -> Found {
        let (since, before) = match self.wal {
            Some(seen) => seen,
            None => {
                let seen = self.wal_written().await?;
                tokio::time::sleep(LOOK / 4).await;
                seen
            }
        };
        let (now, after) = self.wal_written().await?;
        self.wal = Some((now, after));
        let rate = (after - before) / f64::from(1 << 20) / (now - since).max(1e-3);
        Ok((rate > most as f64).then(|| format!("{rate:.0} MB of WAL are written in a second, more than {most}")))
    }

    /// The server's seconds and bytes.
    async fn wal_written(&mut self) -> Result<(f64, f64), String> {
        let what = "the server's WAL";
        let sql = "SELECT extract(epoch FROM clock_timestamp())::text, pg_wal_lsn_diff(pg_current_wal_insert_lsn(), '0/0')::text";
        let rows = self.session.rows(sql).await.map_err(|error| unread(what, &error))?;
        let number = |at: usize| rows.first()?.get(at)?.as_ref()?.parse::<f64>().ok();
        number(0).zip(number(1)).ok_or_else(|| format!("{what} cannot be read"))
    }

    async fn archive_queue(&mut self, most: u64) -> Found {
        let what = "the queue of the WAL archive";
        // behind the last archived segment, counted in segments; nothing is archived where archiving is off
        let sql = "SELECT CASE WHEN current_setting('archive_mode') = 'off' THEN 0 ELSE floor((pg_wal_lsn_diff(\
                   pg_current_wal_lsn(), '0/0') / (SELECT setting::bigint FROM pg_settings WHERE name = 'wal_segment_size'))) - \
                   coalesce((SELECT (('x' || substr(last_archived_wal, 9, 8))::bit(32)::bigint * (4294967296 / (SELECT \
                   setting::bigint FROM pg_settings WHERE name = 'wal_segment_size')) + ('x' || substr(last_archived_wal, 17, 8)\
                   )::bit(32)::bigint) + 1 FROM pg_stat_archiver WHERE last_archived_wal ~ '^[0-9A-F]{24}$'), 0) END::text";
        self.more_than(what, sql, most).await
    }

    /// An autovacuum's table is told by its lock, which everybody may see; its reason by the table's age.
    async fn wraparound(&mut self) -> Found {
        let literal = Dialect::Postgres.literal(&Dialect::Postgres.ident(&self.table));
        let sql = format!(
            "SELECT count(*) FROM pg_class c JOIN pg_locks l ON l.relation = c.oid AND l.mode = 'ShareUpdateExclusiveLock' \
             AND l.granted AND l.database = (SELECT oid FROM pg_database WHERE datname = current_database()) \
             WHERE c.oid = to_regclass({literal})::oid AND age(c.relfrozenxid) > \
             least(current_setting('autovacuum_freeze_max_age')::bigint, coalesce((SELECT split_part(o, '=', 2)::bigint \
             FROM unnest(c.reloptions) AS o WHERE o LIKE 'autovacuum_freeze_max_age=%'), 9223372036854775807))"
        );
        let found = self.ask("autovacuum", &sql).await?;
        Ok((found.as_deref() != Some("0")).then(|| format!("a vacuum against wraparound works on `{}`", self.table)))
    }

    /// Transactions of other databases keep no row of this one; standbys that say what they read are of all.
    async fn snapshot(&mut self, most: Duration) -> Found {
        let sql = "SELECT coalesce(max(extract(epoch FROM clock_timestamp() - at)), 0)::bigint FROM (\
                   SELECT xact_start AS at FROM pg_stat_activity WHERE backend_xmin IS NOT NULL AND pid <> pg_backend_pid() \
                   AND coalesce(datname, current_database()) = current_database() AND application_name <> 'pontoon backfill' UNION ALL \
                   SELECT prepared FROM pg_prepared_xacts WHERE database = current_database()) AS open";
        self.more_than("the oldest transaction's age in seconds", sql, most.as_secs()).await
    }

    async fn query(&mut self, sql: &str) -> Found {
        let value = self.ask("the query that was given", sql).await?;
        let value = value.filter(|it| !matches!(it.as_str(), "0" | "f" | "false" | ""));
        Ok(value.map(|it| format!("the query that was given says {it}")))
    }

    async fn hours(&mut self, from: u16, to: u16) -> Found {
        let sql = match self.session.dialect() {
            Dialect::Postgres => {
                "SELECT extract(hour FROM n) * 60 + extract(minute FROM n) FROM (SELECT clock_timestamp() AT TIME ZONE 'UTC' AS n) AS u"
            }
            Dialect::MySql => "SELECT HOUR(UTC_TIMESTAMP()) * 60 + MINUTE(UTC_TIMESTAMP())",
        };
        let now = self.ask("the server's clock", sql).await?.and_then(|it| it.parse::<f64>().ok());
        let now = now.ok_or_else(|| "the server's clock cannot be read".to_owned())? as u16;
        Ok((!within(now, from, to)).then(|| {
            let shown = |at: u16| format!("{:02}:{:02}", at / 60, at % 60);
            format!("it is {} UTC, and batches may run from {} to {}", shown(now), shown(from), shown(to))
        }))
    }
}

/// Whether a minute of the day is in a span, which may go over midnight.
const fn within(now: u16, from: u16, to: u16) -> bool {
    if from <= to { from <= now && now < to } else { now >= from || now < to }
}

fn late_by(name: &str, behind: Duration, most: Duration) -> String {
    format!("replica {name} is {:.1} s behind, more than {:.1} s", behind.as_secs_f64(), most.as_secs_f64())
}

fn unread(what: &str, error: &sqlx::Error) -> String {
    let error = error.as_database_error().map_or_else(|| error.to_string(), |it| it.message().to_owned());
    format!("{what} cannot be read: {error}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn measures_are_read_as_they_are_written() {
        let read = |text: &str| text.parse::<Measure>();
        assert_eq!(read("lag=1500ms"), Ok(Measure::Lag { most: Duration::from_millis(1_500), replicas: Vec::new() }));
        assert_eq!(read("snapshot=10m"), Ok(Measure::Snapshot(Duration::from_secs(600))));
        assert_eq!(read("threads=50"), Ok(Measure::ThreadsRunning(50)));
        assert_eq!(read("wal=50"), Ok(Measure::WalRate(50)));
        assert_eq!(read("wraparound"), Ok(Measure::Wraparound));
        assert_eq!(read("hours=22:00-06:30"), Ok(Measure::Hours(1_320, 390)));
        assert_eq!(read("query=SELECT a = 1"), Ok(Measure::Query("SELECT a = 1".into())));
        for wrong in ["lag", "threads=many", "hours=22-6", "hours=25:00-01:00", "load=3", "lag=3 days"] {
            assert!(read(wrong).is_err(), "{wrong}");
        }
    }

    #[test]
    fn a_span_may_go_over_midnight() {
        assert!(within(1_400, 1_320, 360) && within(10, 1_320, 360) && !within(600, 1_320, 360));
        assert!(within(600, 540, 1_020) && !within(1_020, 540, 1_020));
    }

    #[test]
    fn who_has_reached_the_last_number_is_not_behind() {
        let zero = Instant::now();
        let at = |seconds| zero + Duration::from_secs(seconds);
        let mut trail = Trail::default();
        [(0, 10), (1, 20), (2, 20), (3, 30)].into_iter().for_each(|(second, number)| trail.see(at(second), number));
        assert_eq!(trail.behind(30, at(9)), Duration::ZERO);
        assert_eq!(trail.behind(25, at(9)), Duration::from_secs(6));
        assert_eq!(trail.behind(0, at(9)), Duration::from_secs(9));
    }
}
