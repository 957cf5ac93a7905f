//! The spans of `tracing`: a command, in it a stage of a migration, in it a step, and of a backfill the workers and their batches.

use tracing::{Instrument as _, Span, debug_span, info_span};

use crate::migration::{Stage, Step};

pub(super) fn command(name: &'static str) -> Span {
    info_span!("command", name)
}

pub(super) fn stage(migration: &str, stage: Stage, undo: bool) -> Span {
    info_span!("stage", migration, stage = stage.name(), undo)
}

/// `number` is the step's place in the migration, from 0, as in the ledger.
pub(super) fn step(number: usize, step: &Step) -> Span {
    let kind = match step {
        Step::Statement(_) => "statement",
        Step::Backfill(_) => "backfill",
        Step::Assertion(_) => "assertion",
        Step::Search(_) => "search",
    };
    info_span!("step", number, kind, line = step.line())
}

/// A step of a way back, in its stage.
pub(super) async fn undo<T>(of: (&str, Stage), it: (usize, &Step), doing: impl Future<Output = T>) -> T {
    let doing = async { doing.instrument(step(it.0, it.1)).await };
    doing.instrument(stage(of.0, of.1, true)).await
}

pub(super) fn worker(table: &str, column: &str, worker: &str) -> Span {
    info_span!("backfill", table, column, worker)
}

/// Its `rows` are known when it has committed.
pub(super) fn batch() -> Span {
    debug_span!("batch", rows = tracing::field::Empty)
}
