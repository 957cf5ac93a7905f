//! Looks for rows that must not be, batch by batch: each batch is a query of its own, so that no snapshot lives
//! longer than one, and nobody waits.
//!
//! Rows that are written meanwhile may be seen or not: a search stands behind what binds new writes (a foreign key), or
//! before what looks at every row once more (a unique index), and only says earlier and better what is wrong.

mod sieve;

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use super::backfill::Pace;
use super::event::{Event, Observer};
use super::ranges::{self, Key, Ranges};
use super::session::Row;
use super::{ExecError, Pool, Session};
use crate::dialect::Dialect;
use crate::migration::{Search, Wrong};
use sieve::{Sieve, Suspects};

/// How long a batch takes. It holds nobody up; its snapshot keeps dead rows for so long.
const BATCH: Duration = Duration::from_millis(100);

/// How many findings are named.
const SHOWN: usize = 5;

/// Goes through the whole table. Gives the first findings, as an error shows them, or nothing.
///
/// # Errors
/// Whatever the server says.
pub async fn search(pool: &Pool, search: &Search, observer: &dyn Observer) -> Result<Option<String>, ExecError> {
    let mut session = pool.session().await?;
    let mut run = Run::new(&mut session, search, observer).await?;
    let found = match search.wrong {
        Wrong::Rows => rows(&mut run).await,
        Wrong::Twice => twice(&mut run).await,
    };
    session.close().await;
    found
}

struct Run<'a> {
    session: &'a mut Session,
    search: &'a Search,
    observer: &'a dyn Observer,
    ranges: Ranges,
    pace: Pace,
    /// How many rows the server believes the table has.
    estimate: f64,
    rows: u64,
}

/// Where a walk is: the next batch's first key, and the last key of all, which was looked up at the start.
struct Walk {
    next: Option<(Key, Key)>,
}

impl<'a> Run<'a> {
    async fn new(session: &'a mut Session, search: &'a Search, observer: &'a dyn Observer) -> Result<Self, ExecError> {
        let doing = doing(search);
        if session.dialect() == Dialect::Postgres {
            let sql = "SET application_name = 'pontoon search'; SET statement_timeout = 0";
            session.execute(sql).await.map_err(ExecError::server(doing.as_str()))?;
        }
        let estimate = ranges::estimate(session, &search.table).await.map_err(ExecError::server(doing.as_str()))?;
        let ranges = Ranges::new(session.dialect(), &search.table, &search.key, doing);
        Ok(Self { session, search, observer, ranges, pace: Pace::new(1_000, 200, 20_000, BATCH), estimate, rows: 0 })
    }

    async fn walk(&mut self) -> Result<Walk, ExecError> {
        let first = self.ranges.first(self.session).await?;
        let last = self.ranges.last(self.session).await?;
        Ok(Walk { next: first.zip(last) })
    }

    /// What the next batch's query finds; nothing behind the last one. No row is in two batches.
    async fn batch(&mut self, walk: &mut Walk) -> Result<Option<Vec<Row>>, ExecError> {
        let Some((first, bound)) = walk.next.take() else { return Ok(None) };
        let size = self.pace.size();
        let begun = Instant::now();
        let (last, next) = self.ranges.batch(self.session, &first, &bound, size).await?;
        let args = self.ranges.parameters(&first, last.as_ref().unwrap_or(&bound));
        let found = self.session.query(&self.search.sql, &args).await;
        let found = found.map_err(ExecError::server(doing(self.search)))?;
        if next.is_some() {
            self.pace.took(begun.elapsed());
        }
        self.rows += size;
        self.observer.event(&Event::Search { table: self.search.table.clone(), rows: self.rows });
        walk.next = next.map(|next| (next, bound));
        Ok(Some(found))
    }
}

fn doing(search: &Search) -> String {
    format!("searching `{}` (line {})", search.table, search.line)
}

/// Every row that is found is wrong.
async fn rows(run: &mut Run<'_>) -> Result<Option<String>, ExecError> {
    let mut shown = Vec::new();
    let mut walk = run.walk().await?;
    while let Some(found) = run.batch(&mut walk).await? {
        shown.extend(found.iter().map(|row| text(row)));
        if shown.len() >= SHOWN {
            break;
        }
    }
    shown.truncate(SHOWN);
    Ok((!shown.is_empty()).then(|| shown.join("; ")))
}

/// Two rows of the same first column are wrong. One walk finds suspects, few of which are guilty; where there are any,
/// another one counts them.
async fn twice(run: &mut Run<'_>) -> Result<Option<String>, ExecError> {
    let mut sieve = Sieve::new(run.estimate);
    let mut walk = run.walk().await?;
    loop {
        let mut ended = true;
        while let Some(found) = run.batch(&mut walk).await? {
            found.iter().filter_map(hash).for_each(|hash| sieve.add(hash));
            if sieve.is_full() {
                ended = false;
                break;
            }
        }
        let suspects = sieve.take();
        if !suspects.is_empty() {
            let found = count(run, suspects).await?;
            if found.is_some() {
                return Ok(found);
            }
        }
        if ended {
            return Ok(None);
        }
    }
}

async fn count(run: &mut Run<'_>, mut suspects: Suspects) -> Result<Option<String>, ExecError> {
    let mut shown = BTreeMap::new();
    let mut walk = run.walk().await?;
    while let Some(found) = run.batch(&mut walk).await? {
        for row in &found {
            let Some((place, count)) = hash(row).and_then(|it| suspects.count(it)) else { continue };
            if count == 2 && shown.len() < SHOWN {
                shown.insert(place, text(&row[1..]));
            }
        }
    }
    let more = suspects.guilty().saturating_sub(shown.len());
    let mut shown: Vec<_> = shown.into_iter().map(|(place, text)| (suspects.times(place), text)).collect();
    shown.sort_by(|one, other| other.0.cmp(&one.0).then_with(|| one.1.cmp(&other.1)));
    let mut shown: Vec<_> = shown.into_iter().map(|(times, text)| format!("{text} ({times} rows)")).collect();
    if more > 0 {
        shown.push(format!("and {more} more"));
    }
    Ok((!shown.is_empty()).then(|| shown.join("; ")))
}

fn hash(row: &Row) -> Option<u128> {
    u128::from_str_radix(row.first()?.as_deref()?, 16).ok()
}

fn text(row: &[Option<String>]) -> String {
    row.iter().map(|it| it.as_deref().unwrap_or("NULL")).collect::<Vec<_>>().join(", ")
}
