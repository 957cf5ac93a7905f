//! The walk by ranges of a unique key.

use super::super::ranges::{self, Key, Ranges};
use super::super::session::Row;
use super::super::{ExecError, Session};
use super::batch::{self, Request};
use super::pace::Pace;
use super::store::{Deal, Now, Range, Round};
use super::team::Team;
use super::worker::{Outcome, Worker};
use crate::dialect::Dialect;
use crate::migration::KeyColumn;

/// The most rows of a range, the fewest, and into how many ranges a small table is divided.
const LARGEST: f64 = 20_000.0;
const SMALLEST: f64 = 1_000.0;
const RANGES: f64 = 16.0;

/// Walks a range; `false` if it is another's by now. The end of a batch is looked up behind the commit of the one before.
pub(super) async fn walk(worker: &mut Worker<'_>, range: &Range) -> Result<bool, ExecError> {
    let unknown = || ExecError::Refused(format!("pontoon_range: `{}` is no key", range.place));
    let (mut first, bound) = (unpack(&range.place).ok_or_else(unknown)?, unpack(&range.last).ok_or_else(unknown)?);
    let mut pace = worker.take_paces(1).remove(0);
    let mut walked = range.done_units;
    let mut found: Option<(u64, Option<Key>)> = None;
    loop {
        pace.aim(worker.target());
        // after a batch that took far too long the end is looked up anew, nearer
        let (size, end) = match found.take() {
            Some((size, end)) if size <= pace.size() * 2 => (size, end),
            _ => (pace.size(), end_of_batch(worker, &first, &bound, pace.size()).await?),
        };
        let full = end.is_some();
        let last = end.unwrap_or_else(|| bound.clone());
        let (args, question) = with_ranges(worker, |ranges, dialect| {
            let ahead = ranges.parameters(&last, &bound);
            let question = batch::execute(dialect, "pontoon_end", &ahead, Some(pace.size()));
            (ranges.parameters(&first, &last), if last == bound { String::new() } else { question })
        })?;
        let done = if last == bound { range.units } else { (walked + size as f64).min(range.units * 0.99) };
        let asked = pace.size();
        let request = Request { args, place: pack(&last), done_units: done, question };
        match worker.batch(range, request).await? {
            Outcome::Lost => return Ok(false),
            Outcome::GaveWay => {
                pace.gave_way();
                continue;
            }
            Outcome::Done(batch) => {
                if full {
                    pace.took(batch.update);
                }
                if last == bound {
                    worker.keep_paces(vec![pace]);
                    return Ok(true);
                }
                found = Some((asked, end_among(&batch.answer)));
            }
        }
        walked = done;
        first = last;
    }
}

fn with_ranges<T>(worker: &Worker<'_>, work: impl FnOnce(&Ranges, Dialect) -> T) -> Result<T, ExecError> {
    let ranges = worker.ranges.as_ref();
    ranges.map(|ranges| work(ranges, worker.session.dialect())).ok_or_else(|| not_by_keys(worker.team))
}

async fn end_of_batch(worker: &mut Worker<'_>, first: &Key, bound: &Key, size: u64) -> Result<Option<Key>, ExecError> {
    let text = with_ranges(worker, |ranges, dialect| {
        batch::execute(dialect, "pontoon_end", &ranges.parameters(first, bound), Some(size))
    })?;
    let rows = worker.session.rows(&text).await.map_err(ExecError::server(worker.team.doing()))?;
    Ok(end_among(&rows))
}

pub(super) fn end_among(rows: &[Row]) -> Option<Key> {
    let row = rows.iter().find(|row| row.first().is_some_and(|tag| tag.as_deref() == Some("end")))?;
    Some(row[1..].iter().map(|it| it.clone().unwrap_or_default()).collect())
}

fn not_by_keys(team: &Team<'_>) -> ExecError {
    ExecError::Refused(format!("{}: pontoon_backfill says that its walk is not by keys", team.doing()))
}

/// The next range. Its end is looked up before it is dealt, so that nobody waits for that.
pub(super) async fn deal(worker: &mut Worker<'_>, now: &Now) -> Result<Deal, ExecError> {
    let keys = now.next.as_deref().and_then(unpack).zip(unpack(&now.bound));
    let Some((first, bound)) = keys else { return Err(not_by_keys(worker.team)) };
    let end = end_of_batch(worker, &first, &bound, now.share).await?;
    let next = end.as_ref().filter(|it| **it != bound).map(pack);
    Ok(Deal {
        first: pack(&first),
        last: pack(end.as_ref().unwrap_or(&bound)),
        place: pack(&first),
        units: now.share as f64,
        next,
    })
}

/// A round over all keys that the table has now.
pub(super) async fn round(session: &mut Session, team: &Team<'_>, columns: &[KeyColumn]) -> Result<Round, ExecError> {
    let ranges = Ranges::new(session.dialect(), &team.backfill.table, columns, team.doing());
    let first = ranges.first(session).await?;
    let last = ranges.last(session).await?;
    let rows = ranges::estimate(session, &team.backfill.table).await.map_err(ExecError::server(team.doing()))?;
    let (first, last) = match first.zip(last) {
        Some((first, last)) => (Some(pack(&first)), pack(&last)),
        None => (None, String::new()),
    };
    Ok(Round {
        base: first.clone().unwrap_or_default(),
        next: first,
        bound: last,
        share: (rows / RANGES).clamp(SMALLEST, LARGEST) as u64,
        units: rows.max(1.0),
    })
}

/// How much of the table was dealt, where its key says so.
pub(super) fn dealt(now: &Now) -> Option<f64> {
    along(&unpack(&now.base)?, &unpack(now.next.as_deref()?)?, &unpack(&now.bound)?)
}

/// How large batches are at first.
pub(super) fn pace(dialect: Dialect, by_function: bool, target: std::time::Duration) -> Pace {
    // below 200 rows the commits cost more than the batches
    let largest = match dialect {
        Dialect::Postgres => 10_000,
        Dialect::MySql => 2_000,
    };
    // a function's rows are written one by one
    let (first_size, smallest) = if by_function { (50, 10) } else { (500, 200) };
    Pace::new(first_size, smallest, largest, target)
}

/// How far a key of one number is between two others, from 0 to 1.
fn along(lowest: &Key, key: &Key, bound: &Key) -> Option<f64> {
    let ([lowest], [key], [bound]) = (&lowest[..], &key[..], &bound[..]) else { return None };
    let (lowest, key, bound): (i128, i128, i128) = (lowest.parse().ok()?, key.parse().ok()?, bound.parse().ok()?);
    (bound > lowest).then(|| ((key - lowest) as f64 / (bound - lowest) as f64).clamp(0.0, 1.0))
}

/// A key as one text: its values' lengths, so that no value can be mistaken for two.
fn pack(key: &Key) -> String {
    key.iter().map(|value| format!("{}:{value}", value.len())).collect()
}

fn unpack(text: &str) -> Option<Key> {
    let mut key = Vec::new();
    let mut rest = text;
    while !rest.is_empty() {
        let (length, after) = rest.split_once(':')?;
        let length: usize = length.parse().ok()?;
        key.push(after.get(..length)?.to_owned());
        rest = after.get(length..)?;
    }
    Some(key)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_key_survives_as_text() {
        for key in [vec!["7"], vec!["a:b", "", "3:x"], vec!["Größe", "\n"]] {
            let key: Key = key.into_iter().map(str::to_owned).collect();
            assert_eq!(unpack(&pack(&key)), Some(key));
        }
        assert_eq!(unpack("5:ab"), None);
    }

    #[test]
    fn a_number_says_how_far_it_is() {
        let key = |text: &str| vec![text.to_owned()];
        assert_eq!(along(&key("-50"), &key("0"), &key("150")), Some(0.25));
        assert_eq!(along(&key("a"), &key("b"), &key("c")), None);
        assert_eq!(along(&key("7"), &key("7"), &key("7")), None);
    }
}
