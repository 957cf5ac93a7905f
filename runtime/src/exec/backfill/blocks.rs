//! The walk by blocks (PostgreSQL 14 and later, where a range of addresses can be asked for; before it, and without a
//! key, the rows of a block one by one).
//!
//! A plain UPDATE of a full page moves every row to another page and writes an entry into every
//! index. Here a window of blocks is gone through in k passes, a k-th of each page's rows in
//! each, every slice committed: the first pass moves its rows out, the next one finds their dead
//! versions, prunes the page, and its rows fit into the same page as HOT updates. The windows
//! are wide, so that the transactions of others which would hold the prune up are over by then.
//!
//! It is complete: rows written after the triggers exist are theirs wherever they land, rows not
//! written since are still at their block. What moves rows without triggers (VACUUM FULL,
//! CLUSTER) changes the table's file node, which every batch looks at: then the walk begins anew.

use super::super::session::Row;
use super::super::{ExecError, Session};
use super::batch::Request;
use super::store::{Deal, Now, Range, Round};
use super::team::Team;
use super::worker::{Outcome, Worker};
use crate::dialect::Dialect;

/// The most blocks that all passes go through before the next window. A window is what a worker has at a time.
pub(super) const WINDOW: u64 = 1_024;

/// The fewest, and into how many windows a small table is divided.
const SMALLEST_WINDOW: u64 = 16;
const WINDOWS: u64 = 16;

/// Where the walk of a window is: the place of a checkpoint, as `passes pass block`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Place {
    /// Into how many passes the window is divided.
    passes: u32,
    pass: u32,
    block: u64,
}

/// The blocks of a window: the first, and the one behind the last.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Window {
    first: u64,
    end: u64,
}

impl Place {
    const fn start(window: Window, passes: u32) -> Self {
        Self { passes, pass: 0, block: window.first }
    }

    fn text(self) -> String {
        format!("{} {} {}", self.passes, self.pass, self.block)
    }

    fn parse(text: &str) -> Option<Self> {
        let mut numbers = text.split(' ').map(|it| it.parse::<u64>().ok());
        let mut next = || numbers.next().flatten();
        let (passes, pass, block) = (next()?, next()?, next()?);
        Some(Self { passes: passes.try_into().ok()?, pass: pass.try_into().ok()?, block })
    }

    /// The window from its beginning, where it is divided differently now: the passes done so far took other rows
    /// than the same passes would now.
    fn divided(self, window: Window, passes: u32) -> Self {
        if passes == self.passes { self } else { Self::start(window, passes) }
    }

    /// The place behind this slice; behind the last one the pass is one that there is not.
    const fn behind(self, window: Window, end: u64) -> Self {
        if end < window.end {
            Self { block: end, ..self }
        } else {
            Self { pass: self.pass + 1, block: window.first, ..self }
        }
    }

    const fn ended(self) -> bool {
        self.pass >= self.passes
    }

    /// How many of the window's blocks are behind us.
    fn done(self, window: Window) -> f64 {
        let blocks = window.end - window.first;
        (u64::from(self.pass) * blocks + (self.block - window.first)) as f64 / f64::from(self.passes)
    }
}

/// Walks a window; `false` if it is another's by now.
pub(super) async fn walk(worker: &mut Worker<'_>, range: &Range) -> Result<bool, ExecError> {
    let unknown = || ExecError::Refused(format!("pontoon_range: `{}` is no window of blocks", range.place));
    let (Ok(first), Ok(end)) = (range.first.parse(), range.last.parse()) else { return Err(unknown()) };
    let window = Window { first, end };
    let passes = passes(worker).await?;
    let mut place = Place::parse(&range.place).ok_or_else(unknown)?.divided(window, passes);
    // each pass has rows of its own weight: the first moves them, the others find room
    let mut paces = worker.take_paces(passes);
    while !place.ended() {
        let pace = &mut paces[place.pass as usize];
        pace.aim(worker.target());
        let wanted = pace.size();
        let end = (place.block + wanted).min(window.end);
        let next = place.behind(window, end);
        let request = Request {
            args: vec![
                format!("({},0)", place.block),
                format!("({end},0)"),
                (passes - 1).to_string(),
                place.pass.to_string(),
            ],
            place: next.text(),
            done_units: next.done(window),
            question: String::new(),
        };
        match worker.batch(range, request).await? {
            Outcome::Lost => return Ok(false),
            Outcome::GaveWay => pace.gave_way(),
            Outcome::Done(batch) => {
                if end - place.block == wanted {
                    pace.took(batch.update);
                }
                place = next;
            }
        }
    }
    worker.keep_paces(paces);
    Ok(true)
}

/// The next window.
pub(super) fn deal(now: &Now) -> Result<Deal, ExecError> {
    let unknown = || ExecError::Refused("pontoon_backfill: its walk is not by blocks".into());
    let number = |text: &str| text.parse::<u64>().map_err(|_| unknown());
    let first = number(now.next.as_deref().unwrap_or_default())?;
    let bound = number(&now.bound)?;
    let end = (first + now.share).min(bound);
    let window = Window { first, end };
    Ok(Deal {
        first: first.to_string(),
        last: end.to_string(),
        place: Place::start(window, 1).text(),
        units: (end - first) as f64,
        next: (end < bound).then(|| end.to_string()),
    })
}

/// A round over all blocks that the table has now.
pub(super) async fn round(session: &mut Session, team: &Team<'_>) -> Result<Round, ExecError> {
    let question = format!(
        "SELECT pg_relation_filenode(t)::text, (pg_relation_size(t) / current_setting('block_size')::bigint)::text \
         FROM to_regclass({}) AS t",
        Dialect::Postgres.literal(&Dialect::Postgres.ident(&team.backfill.table))
    );
    let answer = session.rows(&question).await.map_err(ExecError::server(team.doing()))?;
    let (filenode, blocks) = filenode_and_size(team, answer)?;
    Ok(Round {
        base: filenode.to_string(),
        next: (blocks > 0).then(|| "0".to_owned()),
        bound: blocks.to_string(),
        share: (blocks / WINDOWS).clamp(SMALLEST_WINDOW, WINDOW),
        units: blocks as f64,
    })
}

/// The table's file node, and its size in blocks.
fn filenode_and_size(team: &Team<'_>, answer: Vec<Row>) -> Result<(u64, u64), ExecError> {
    let numbers: Vec<u64> = answer.into_iter().flatten().filter_map(|it| it.and_then(|it| it.parse().ok())).collect();
    match numbers[..] {
        [filenode, blocks] => Ok((filenode, blocks)),
        _ => Err(ExecError::Refused(format!("{}: the table is not there any more", team.doing()))),
    }
}

/// In-page passes gain nothing while an old snapshot keeps dead rows from being pruned. Asked for every window: a report
/// may begin at any time.
async fn passes(worker: &mut Worker<'_>) -> Result<u32, ExecError> {
    // one that reads in another database is in the way before 14 only; one that writes there always is, since it is among those
    // that our own snapshots take for running (measured on 15)
    let sql = "SELECT 1::text FROM pg_stat_activity WHERE backend_xmin IS NOT NULL AND pid <> pg_backend_pid() \
               AND (coalesce(datname, current_database()) = current_database() OR backend_xid IS NOT NULL \
               OR current_setting('server_version_num')::int < 140000) \
               AND xact_start < clock_timestamp() - interval '1 minute' \
               UNION ALL SELECT 1::text FROM pg_prepared_xacts \
               WHERE prepared < clock_timestamp() - interval '1 minute' LIMIT 1";
    let old = worker.session.rows(sql).await.map_err(ExecError::server(worker.team.doing()))?;
    let wanted = worker.team.passes;
    Ok(if old.is_empty() { wanted } else { 1 })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_block_is_gone_through_in_every_pass() {
        for (first, end, slice) in [(0, 1, 7), (1_024, 2_047, 100), (0, 1_024, 1_024), (2_048, 2_500, 333)] {
            let window = Window { first, end };
            let mut seen = vec![0; (end - first) as usize];
            let mut place = Place::start(window, 4);
            while !place.ended() {
                let end = (place.block + slice).min(window.end);
                for block in place.block..end {
                    assert_eq!(seen[(block - first) as usize], place.pass, "block {block}");
                    seen[(block - first) as usize] += 1;
                }
                let next = place.behind(window, end);
                assert!(next.done(window) >= place.done(window));
                assert_eq!(Place::parse(&next.text()), Some(next));
                place = next;
            }
            assert_eq!(place.done(window), (end - first) as f64);
            assert!(seen.iter().all(|it| *it == 4), "{first} to {end}");
        }
    }

    #[test]
    fn a_window_begins_anew_where_it_is_divided_differently() {
        let window = Window { first: 1_024, end: 2_048 };
        let place = Place { passes: 4, pass: 2, block: 1_500 };
        assert_eq!(place.divided(window, 4), place);
        assert_eq!(place.divided(window, 1), Place { passes: 1, pass: 0, block: 1_024 });
    }
}
