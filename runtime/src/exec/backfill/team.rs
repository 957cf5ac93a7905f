//! What the workers of one process share.

use std::sync::Mutex;
use std::time::{Duration, Instant};

use super::super::event::{self, Event, Observer};
use super::super::meter;
use super::super::{ExecError, Pool, Session};
use super::measure::{Measures, Reason};
use super::store::{Now, Round, Store};
use super::worker::patiently;
use super::{BackfillOptions, Filled, Functions, blocks, keys};
use crate::dialect::Dialect;
use crate::migration::{Backfill, Walk, WalkBy};

/// A fill at work in this process.
pub(super) struct Team<'a> {
    pub(super) pool: &'a Pool,
    pub(super) key: &'a str,
    pub(super) backfill: &'a Backfill,
    pub(super) walk: &'a Walk,
    pub(super) options: &'a BackfillOptions,
    pub(super) functions: &'a Functions,
    pub(super) observer: &'a dyn Observer,
    pub(super) measures: &'a Measures,
    /// How often everybody had been asked to stop when we began.
    pub(super) aborts: u64,
    /// Into how many passes pages are divided where no old snapshot is in the way.
    pub(super) passes: u32,
    pub(super) begun: Instant,
    pub(super) counted: Mutex<Counted>,
}

/// What was done, and told.
#[derive(Debug, Default)]
pub(super) struct Counted {
    pub(super) filled: Filled,
    /// Rows that this process filled.
    ours: u64,
    /// Where the walk was, and when, at our first batch of this round.
    from: Option<(i64, f64, Instant)>,
    /// Why everybody here waits, and since when.
    held: Option<(Reason, Instant)>,
}

impl Team<'_> {
    pub(super) fn doing(&self) -> String {
        format!("filling `{}.{}` (line {})", self.backfill.table, self.backfill.column, self.walk.line)
    }

    pub(super) fn taken_back(&self) -> ExecError {
        ExecError::Refused(format!("{}: the migration was taken back meanwhile", self.doing()))
    }

    /// As a monitor knows it.
    pub(super) fn meter(&self) -> meter::Fill<'_> {
        meter::Fill { table: &self.backfill.table, column: &self.backfill.column }
    }

    pub(super) const fn store(&self) -> Store<'_> {
        Store { key: self.key, lease: self.options.lease }
    }

    pub(super) fn batch_target(&self, dialect: Dialect) -> Duration {
        self.options.batch.unwrap_or(match dialect {
            Dialect::Postgres => Duration::from_millis(8),
            Dialect::MySql => Duration::from_millis(20),
        })
    }

    pub(super) fn tell(&self, event: &Event) {
        event::tell(self.observer, event);
    }

    const fn by_blocks(&self) -> bool {
        !matches!(self.walk.by, WalkBy::Keys(_))
    }

    /// The table whose file node is to be watched.
    pub(super) fn filenode_of(&self) -> Option<&str> {
        self.by_blocks().then_some(self.backfill.table.as_str())
    }

    /// Whether every row has moved without a trigger since the round began.
    pub(super) fn moved(&self, now: &Now) -> bool {
        self.by_blocks() && now.filenode.as_ref() != Some(&now.base)
    }

    /// Begins the next round, unless somebody else has.
    pub(super) async fn begin_anew(&self, session: &mut Session, now: &Now) -> Result<(), ExecError> {
        let round = self.round(session).await?;
        let before = now.round;
        patiently!(*session, self.store().begin(session, self.backfill, Some(before), &round));
        Ok(())
    }

    /// A round over all rows that the table has now.
    pub(super) async fn round(&self, session: &mut Session) -> Result<Round, ExecError> {
        match &self.walk.by {
            WalkBy::Blocks | WalkBy::Tids => blocks::round(session, self).await,
            WalkBy::Keys(columns) => keys::round(session, self, columns).await,
        }
    }

    /// Counts a batch and tells of it.
    pub(super) fn count(&self, now: &Now, rows: u64, took: Duration) {
        let position = now.position();
        let Ok(mut counted) = self.counted.lock() else { return };
        counted.ours += rows;
        counted.filled.rows = now.rows_filled;
        counted.filled.batches += 1;
        counted.filled.longest_batch = counted.filled.longest_batch.max(took);
        let (round, from, since) = *counted.from.get_or_insert((now.round, position, Instant::now()));
        if round != now.round {
            counted.from = None;
        }
        let walked = position - from;
        let seconds = self.begun.elapsed().as_secs_f64();
        let ours = counted.ours as f64;
        drop(counted);
        let eta_seconds = (walked > 0.01).then(|| since.elapsed().as_secs_f64() / walked * (1.0 - position));
        self.meter().batch(rows, took, position, eta_seconds);
        self.tell(&Event::Batch {
            table: self.backfill.table.clone(),
            column: self.backfill.column.clone(),
            rows: now.rows_filled,
            position,
            rows_per_second: if seconds > 0.0 { ours / seconds } else { 0.0 },
            eta_seconds,
        });
    }

    /// Tells once why everybody here waits.
    pub(super) fn held(&self, reason: &Reason) {
        let Ok(mut counted) = self.counted.lock() else { return };
        let before = counted.held.take();
        let told = before.as_ref().is_some_and(|(before, _)| before.text == reason.text);
        let since = match before {
            // with other numbers it is the same wait
            Some((before, since)) if before.kind == reason.kind => since,
            ended => {
                self.waited(ended);
                Instant::now()
            }
        };
        counted.held = Some((reason.clone(), since));
        drop(counted);
        if !told {
            self.meter().held(true);
            self.tell(&Event::Held { reason: reason.text.clone() });
        }
    }

    /// Notes a wait that has ended.
    fn waited(&self, held: Option<(Reason, Instant)>) {
        if let Some((reason, since)) = held {
            meter::waited(reason.kind, since.elapsed());
        }
    }

    pub(super) fn resumed(&self) {
        let Ok(mut counted) = self.counted.lock() else { return };
        let held = counted.held.take();
        drop(counted);
        if held.is_some() {
            self.waited(held);
            self.meter().held(false);
            self.tell(&Event::Resumed);
        }
    }
}
