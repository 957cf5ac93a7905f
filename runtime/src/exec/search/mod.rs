//! Looks for rows that must not be, batch by batch: each batch is a query of its own, so that no snapshot lives
//! longer than one, and nobody waits.
//!
//! Rows that are written meanwhile may be seen or not: a search stands behind what binds new writes (a foreign key), or
//! before what looks at every row once more (a unique index), and only says earlier and better what is wrong. What was
//! seen in two batches may be one value that moved in between: so both are asked again, at one moment.

mod sieve;

use std::time::{Duration, Instant};

use super::backfill::Pace;
use super::event::{self, Event, Observer};
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

/// How many duplicates are asked for again, at most, until there are enough to be named.
const ASKED: usize = 50;
/// Up to how many are counted.
const COUNTED: usize = 1_000;

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

/// The rows that a batch's query has found, and what it bound.
struct Batch {
    found: Vec<Row>,
    args: Vec<String>,
}

/// A value that was seen twice: which suspect it is, how it reads, and the two batches.
struct Guilty {
    hash: u128,
    place: usize,
    text: String,
    batches: [usize; 2],
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
    async fn batch(&mut self, walk: &mut Walk) -> Result<Option<Batch>, ExecError> {
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
        super::meter::searched(&self.search.table, size);
        event::tell(self.observer, &Event::Search { table: self.search.table.clone(), rows: self.rows });
        walk.next = next.map(|next| (next, bound));
        Ok(Some(Batch { found, args }))
    }

    /// How many rows of these batches have the value, at one moment.
    async fn at_one_moment(&mut self, batches: &[&Vec<String>], value: u128) -> Result<usize, ExecError> {
        let error = || ExecError::server(doing(self.search));
        let begin: &[&str] = match self.session.dialect() {
            Dialect::Postgres => &["BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY"],
            Dialect::MySql => &[
                "SET TRANSACTION ISOLATION LEVEL REPEATABLE READ",
                "START TRANSACTION WITH CONSISTENT SNAPSHOT, READ ONLY",
            ],
        };
        for sql in begin {
            self.session.execute(sql).await.map_err(error())?;
        }
        let mut times = 0;
        for args in batches {
            let found = self.session.query(&self.search.sql, args).await.map_err(error())?;
            times += found.iter().filter(|row| hash(row) == Some(value)).count();
        }
        self.session.execute("COMMIT").await.map_err(error())?;
        Ok(times)
    }
}

fn doing(search: &Search) -> String {
    format!("searching `{}` (line {})", search.table, search.line)
}

/// Every row that is found is wrong.
async fn rows(run: &mut Run<'_>) -> Result<Option<String>, ExecError> {
    let (mut shown, mut count, mut ended) = (Vec::new(), 0, true);
    let mut walk = run.walk().await?;
    while let Some(Batch { found, .. }) = run.batch(&mut walk).await? {
        shown.extend(found.iter().take(SHOWN.saturating_sub(count)).map(|row| text(row)));
        count += found.len();
        if count >= COUNTED {
            ended = walk.next.is_none();
            break;
        }
    }
    if count > shown.len() {
        let least = if ended { "" } else { "at least " };
        shown.push(format!("and {least}{} more", count - shown.len()));
    }
    Ok((!shown.is_empty()).then(|| shown.join("; ")))
}

/// Two rows of the same first column are wrong. One walk finds suspects, few of which are guilty; where there are any,
/// another one counts them.
async fn twice(run: &mut Run<'_>) -> Result<Option<String>, ExecError> {
    let mut sieve = Sieve::new(run.estimate);
    let mut walk = run.walk().await?;
    loop {
        let mut ended = true;
        while let Some(Batch { found, .. }) = run.batch(&mut walk).await? {
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
    let (mut guilty, mut batches) = (Vec::new(), Vec::new());
    let mut walk = run.walk().await?;
    while let Some(Batch { found, args }) = run.batch(&mut walk).await? {
        let this = batches.len();
        batches.push(args);
        for row in &found {
            let Some(value) = hash(row) else { continue };
            let Some((place, count)) = suspects.count(value, u32::try_from(this).unwrap_or(u32::MAX)) else { continue };
            if count == 2 && guilty.len() < ASKED {
                let batches = [suspects.first(place) as usize, this];
                guilty.push(Guilty { hash: value, place, text: text(&row[1..]), batches });
            }
        }
    }
    let (mut shown, mut moved) = (Vec::new(), 0);
    for it in guilty {
        if shown.len() == SHOWN {
            break;
        }
        let [first, second] = it.batches;
        let both = [&batches[first], &batches[second]];
        if first == second || run.at_one_moment(&both, it.hash).await? > 1 {
            shown.push((suspects.times(it.place), it.text));
        } else {
            moved += 1;
        }
    }
    if shown.is_empty() {
        return Ok(None);
    }
    let more = suspects.guilty() - shown.len() - moved;
    shown.sort_by(|one, other| other.0.cmp(&one.0).then_with(|| one.1.cmp(&other.1)));
    let mut shown: Vec<_> = shown.into_iter().map(|(times, text)| format!("{text} ({times} rows)")).collect();
    if more > 0 {
        shown.push(format!("and {more} more"));
    }
    Ok(Some(shown.join("; ")))
}

fn hash(row: &Row) -> Option<u128> {
    u128::from_str_radix(row.first()?.as_deref()?, 16).ok()
}

fn text(row: &[Option<String>]) -> String {
    row.iter().map(|it| it.as_deref().unwrap_or("NULL")).collect::<Vec<_>>().join(", ")
}
