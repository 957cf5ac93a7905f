//! The walk by blocks (PostgreSQL 14 and later).
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

use std::time::Instant;

use super::super::ExecError;
use super::super::session::Row;
use super::Run;
use super::checkpoint::Checkpoint;
use super::pace::Pace;
use crate::dialect::Dialect;

/// Blocks that all passes go through before the next window.
const WINDOW: u64 = 1_024;

/// Where the walk is: the place of a checkpoint, as `filenode passes window pass block`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Place {
    filenode: u64,
    /// Into how many passes each window is divided.
    passes: u32,
    window: u64,
    pass: u32,
    block: u64,
}

impl Place {
    const fn start(filenode: u64, passes: u32) -> Self {
        Self { filenode, passes, window: 0, pass: 0, block: 0 }
    }

    fn text(self) -> String {
        format!("{} {} {} {} {}", self.filenode, self.passes, self.window, self.pass, self.block)
    }

    fn parse(text: &str) -> Option<Self> {
        let mut numbers = text.split(' ').map(|it| it.parse::<u64>().ok());
        let mut next = || numbers.next().flatten();
        let (filenode, passes, window, pass, block) = (next()?, next()?, next()?, next()?, next()?);
        Some(Self { filenode, passes: passes.try_into().ok()?, window, pass: pass.try_into().ok()?, block })
    }

    /// The same window from its beginning, where it is divided differently now: the passes done
    /// so far took other rows than the same passes would now.
    fn divided(self, passes: u32) -> Self {
        if passes == self.passes { self } else { Self { passes, pass: 0, block: self.window, ..self } }
    }

    /// The place behind this slice.
    fn behind(self, end: u64, blocks: u64) -> Self {
        let window_end = (self.window + WINDOW).min(blocks);
        if end < window_end {
            Self { block: end, ..self }
        } else if self.pass + 1 < self.passes {
            Self { pass: self.pass + 1, block: self.window, ..self }
        } else {
            Self { window: window_end, pass: 0, block: window_end, ..self }
        }
    }

    /// How much is behind us, from 0 to 1.
    fn position(self, blocks: u64) -> f64 {
        let window = WINDOW.min(blocks - self.window.min(blocks)).max(1) as f64;
        let within = (f64::from(self.pass) * window + (self.block - self.window) as f64) / f64::from(self.passes);
        ((self.window as f64 + within) / blocks.max(1) as f64).min(1.0)
    }
}

pub(super) async fn walk(run: &mut Run<'_>, checkpoint: Option<Checkpoint>) -> Result<(), ExecError> {
    let question = format!(
        "SELECT pg_relation_filenode(t)::text, (pg_relation_size(t) / current_setting('block_size')::bigint)::text \
         FROM to_regclass({}) AS t",
        Dialect::Postgres.literal(&Dialect::Postgres.ident(&run.backfill.table))
    );
    let table = run.session.rows(&question).await.map_err(ExecError::server(run.doing()))?;
    let (filenode, size) = filenode_and_size(run, table)?;
    let passes = passes(run).await?;
    let earlier = checkpoint.and_then(|it| Some((Place::parse(&it.place)?, it.bound.parse::<u64>().ok()?)));
    let (mut place, mut blocks) = match earlier {
        Some((place, blocks)) if place.filenode == filenode => (place.divided(passes), blocks),
        _ => (Place::start(filenode, passes), size),
    };
    run.from = place.position(blocks);
    // each pass has rows of its own weight: the first moves them, the others find room
    let mut paces = vec![Pace::new(4, 1, WINDOW as u32, run.batch_target()); passes as usize];
    while place.window < blocks {
        let pace = &mut paces[place.pass as usize];
        let wanted = pace.size();
        let end = (place.block + wanted).min((place.window + WINDOW).min(blocks));
        let next = place.behind(end, blocks);
        let args =
            [format!("({},0)", place.block), format!("({end},0)"), (passes - 1).to_string(), place.pass.to_string()];
        let checkpoint = Checkpoint { place: next.text(), bound: blocks.to_string(), rows_filled: 0 };
        let begun = Instant::now();
        let Some(batch) = run.batch(&args, &checkpoint, &question).await? else {
            pace.gave_way();
            continue;
        };
        let took = begun.elapsed();
        if end - place.block == wanted {
            pace.took(batch.update);
        }
        run.count(batch.rows, took, next.position(blocks));
        place = next;
        // a batch that hit the new file has filled what it found, which does no harm
        let (filenode, size) = filenode_and_size(run, batch.answer)?;
        if filenode != place.filenode {
            (place, blocks) = (Place::start(filenode, passes), size);
            run.from = 0.0;
        }
    }
    Ok(())
}

/// The table's file node, and its size in blocks.
fn filenode_and_size(run: &Run<'_>, answer: Vec<Row>) -> Result<(u64, u64), ExecError> {
    let numbers: Vec<u64> = answer.into_iter().flatten().filter_map(|it| it.and_then(|it| it.parse().ok())).collect();
    match numbers[..] {
        [filenode, blocks] => Ok((filenode, blocks)),
        _ => Err(ExecError::Refused(format!("{}: the table is not there any more", run.doing()))),
    }
}

/// In-page passes gain nothing while an old snapshot keeps dead rows from being pruned.
async fn passes(run: &mut Run<'_>) -> Result<u32, ExecError> {
    let sql = "SELECT 1::text FROM pg_stat_activity WHERE backend_xmin IS NOT NULL AND pid <> pg_backend_pid() \
               AND xact_start < clock_timestamp() - interval '1 minute' LIMIT 1";
    let old = run.session.rows(sql).await.map_err(ExecError::server(run.doing()))?;
    let wanted = run.options.passes.clamp(1, 64).next_power_of_two();
    Ok(if old.is_empty() { wanted } else { 1 })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_block_is_gone_through_in_every_pass() {
        for (blocks, slice) in [(0, 7), (1, 7), (1_023, 100), (1_024, 1_024), (2_500, 333)] {
            let mut seen = vec![0; blocks as usize];
            let mut place = Place::start(9, 4);
            while place.window < blocks {
                let end = (place.block + slice).min((place.window + WINDOW).min(blocks));
                for block in place.block..end {
                    assert_eq!(seen[block as usize], place.pass, "block {block}");
                    seen[block as usize] += 1;
                }
                let next = place.behind(end, blocks);
                assert!(next.position(blocks) >= place.position(blocks));
                assert_eq!(Place::parse(&next.text()), Some(next));
                place = next;
            }
            assert!(seen.iter().all(|it| *it == 4), "{blocks}");
        }
    }

    #[test]
    fn a_window_begins_anew_where_it_is_divided_differently() {
        let place = Place { filenode: 9, passes: 4, window: 1_024, pass: 2, block: 1_500 };
        assert_eq!(place.divided(4), place);
        assert_eq!(place.divided(1), Place { passes: 1, pass: 0, block: 1_024, ..place });
    }
}
