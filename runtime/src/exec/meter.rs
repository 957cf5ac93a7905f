//! What a monitor counts (feature `metrics`): for whatever recorder the application has installed. Without the feature, or without
//! a recorder, nothing is done.
//!
//! Labels are few and have few values: a reason is one word, and a table is one of the user's. [`METRICS`] and the table in
//! `PRODUCTION.md` are the same, which a test holds.

use std::time::Duration;

use crate::migration::Stage;

/// Name, kind, unit and meaning of each.
#[cfg(feature = "metrics")]
const METRICS: [(&str, Kind, metrics::Unit, &str); 14] = {
    use metrics::Unit::{Count, Percent, Seconds};
    [
        (ROWS, Kind::Counter, Count, "rows that this process has filled"),
        (BATCHES, Kind::Counter, Count, "batches of a backfill that have committed"),
        (BATCH, Kind::Histogram, Seconds, "how long a batch took, with its commit"),
        (POSITION, Kind::Gauge, Percent, "how much of the table is behind a backfill, of all its workers, from 0 to 1"),
        (ETA, Kind::Gauge, Seconds, "how long a backfill will go on, as far as that can be known"),
        (HELD, Kind::Gauge, Count, "1 while a backfill waits, 0 while it works"),
        (WAIT, Kind::Histogram, Seconds, "how long we waited, and for what"),
        (RETRIES, Kind::Counter, Count, "attempts that gave way to others"),
        (TAKEN_OVER, Kind::Counter, Count, "ranges of a backfill that were taken over from a worker that is gone"),
        (STATEMENT, Kind::Histogram, Seconds, "how long a statement ran at its last attempt"),
        (BLOCKED, Kind::Histogram, Seconds, "for how long others may have waited behind an attempt of a statement"),
        (SEARCHED, Kind::Counter, Count, "rows that a search has looked at"),
        (ENDED, Kind::Counter, Count, "sessions in the way that were ended"),
        (LOST, Kind::Counter, Count, "connections that were lost, after which a command began again"),
    ]
};

const ROWS: &str = "pontoon_backfill_rows_total";
const BATCHES: &str = "pontoon_backfill_batches_total";
const BATCH: &str = "pontoon_backfill_batch_seconds";
const POSITION: &str = "pontoon_backfill_position";
const ETA: &str = "pontoon_backfill_eta_seconds";
const HELD: &str = "pontoon_backfill_held";
const WAIT: &str = "pontoon_wait_seconds";
const RETRIES: &str = "pontoon_retries_total";
const TAKEN_OVER: &str = "pontoon_ranges_taken_over_total";
const STATEMENT: &str = "pontoon_statement_seconds";
const BLOCKED: &str = "pontoon_blocked_seconds";
const SEARCHED: &str = "pontoon_searched_rows_total";
const ENDED: &str = "pontoon_blockers_ended_total";
const LOST: &str = "pontoon_connections_lost_total";

#[cfg(feature = "metrics")]
enum Kind {
    Counter,
    Gauge,
    Histogram,
}

type Labels<'a> = &'a [(&'static str, &'a str)];

/// A column that is filled.
#[derive(Debug, Clone, Copy)]
pub(super) struct Fill<'a> {
    pub(super) table: &'a str,
    pub(super) column: &'a str,
}

impl<'a> Fill<'a> {
    fn labels(self) -> [(&'static str, &'a str); 2] {
        [("table", self.table), ("column", self.column)]
    }

    /// A batch has committed.
    pub(super) fn batch(self, rows: u64, took: Duration, position: f64, eta_seconds: Option<f64>) {
        let labels = &self.labels();
        count(ROWS, labels, rows);
        count(BATCHES, labels, 1);
        record(BATCH, labels, took);
        set(POSITION, labels, position);
        if let Some(eta) = eta_seconds {
            set(ETA, labels, eta);
        }
    }

    /// Nothing is left.
    pub(super) fn complete(self) {
        set(POSITION, &self.labels(), 1.0);
        set(ETA, &self.labels(), 0.0);
    }

    pub(super) fn held(self, held: bool) {
        set(HELD, &self.labels(), if held { 1.0 } else { 0.0 });
    }

    pub(super) fn taken_over(self) {
        count(TAKEN_OVER, &self.labels(), 1);
    }
}

/// We waited. The reason is one word.
pub(super) fn waited(reason: &'static str, took: Duration) {
    record(WAIT, &[("reason", reason)], took);
}

/// An attempt gave way: a `batch`, a `statement`.
pub(super) fn retried(what: &'static str) {
    count(RETRIES, &[("of", what)], 1);
}

/// Which statements are meant.
fn labels(migration: &str, stage: Stage, undo: bool) -> [(&'static str, &str); 3] {
    [("migration", migration), ("stage", stage.name()), ("direction", if undo { "undo" } else { "do" })]
}

/// A statement is done.
pub(super) fn statement(migration: &str, stage: Stage, undo: bool, took: Duration) {
    record(STATEMENT, &labels(migration, stage, undo), took);
}

/// An attempt has ended, whatever came of it.
pub(super) fn blocked(migration: &str, stage: Stage, undo: bool, others: Duration) {
    record(BLOCKED, &labels(migration, stage, undo), others);
}

pub(super) fn searched(table: &str, rows: u64) {
    count(SEARCHED, &[("table", table)], rows);
}

pub(super) fn ended() {
    count(ENDED, &[], 1);
}

pub(super) fn lost() {
    count(LOST, &[], 1);
}

/// Tells the recorder what they mean.
pub(super) fn describe() {
    #[cfg(feature = "metrics")]
    for (name, kind, unit, meaning) in METRICS {
        match kind {
            Kind::Counter => metrics::describe_counter!(name, unit, meaning),
            Kind::Gauge => metrics::describe_gauge!(name, unit, meaning),
            Kind::Histogram => metrics::describe_histogram!(name, unit, meaning),
        }
    }
}

#[cfg(feature = "metrics")]
fn owned(labels: Labels<'_>) -> Vec<metrics::Label> {
    labels.iter().map(|(name, value)| metrics::Label::new(*name, (*value).to_owned())).collect()
}

fn count(name: &'static str, labels: Labels<'_>, more: u64) {
    #[cfg(feature = "metrics")]
    metrics::counter!(name, owned(labels)).increment(more);
    #[cfg(not(feature = "metrics"))]
    let _ = (name, labels, more);
}

fn set(name: &'static str, labels: Labels<'_>, value: f64) {
    #[cfg(feature = "metrics")]
    metrics::gauge!(name, owned(labels)).set(value);
    #[cfg(not(feature = "metrics"))]
    let _ = (name, labels, value);
}

fn record(name: &'static str, labels: Labels<'_>, took: Duration) {
    #[cfg(feature = "metrics")]
    metrics::histogram!(name, owned(labels)).record(took.as_secs_f64());
    #[cfg(not(feature = "metrics"))]
    let _ = (name, labels, took);
}

#[cfg(all(test, feature = "metrics"))]
mod tests {
    use super::*;

    #[test]
    fn the_documentation_names_each_as_it_is() {
        let page = include_str!("../../PRODUCTION.md");
        for (name, kind, _, meaning) in METRICS {
            let kind = match kind {
                Kind::Counter => "counter",
                Kind::Gauge => "gauge",
                Kind::Histogram => "histogram",
            };
            let line = page.lines().find(|it| it.starts_with(&format!("| `{name}` | {kind} |")));
            assert!(line.is_some_and(|it| it.ends_with(&format!("| {meaning} |"))), "{name}: {line:?}");
        }
        assert_eq!(page.matches("| `pontoon_").count(), METRICS.len());
    }
}
