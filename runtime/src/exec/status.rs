//! Where a database is, and what comes next.

use std::fmt;

use super::backfill::{Control, Progress};
use super::ledger::History;
use crate::migration::Stage;
use crate::migration::history::Recorded;

/// Where a database is.
#[derive(Debug, Clone, PartialEq)]
pub struct Status {
    /// Every migration, in its order.
    pub migrations: Vec<MigrationStatus>,
    /// Backfills that are not complete.
    pub backfills: Vec<Progress>,
    /// What was asked of backfills last.
    pub control: Control,
    /// Why the database and the migrations do not fit, if they do not.
    pub trouble: Option<String>,
}

/// Where one migration is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct MigrationStatus {
    /// `NNNN_name`
    pub id: String,
    /// The stages that are done.
    pub done: Vec<Stage>,
    /// Whether it has begun.
    pub begun: bool,
}

impl Status {
    pub(crate) fn of(migrations: &[Recorded], history: &History, trouble: Option<String>) -> Self {
        let status = |recorded: &Recorded| {
            let id = recorded.migration.id.clone();
            let progress = history.iter().find(|(known, _)| *known == id).map(|(_, it)| it);
            MigrationStatus {
                done: progress.map(|it| it.stages.clone()).unwrap_or_default(),
                begun: progress.is_some(),
                id,
            }
        };
        Self {
            migrations: migrations.iter().map(status).collect(),
            backfills: Vec::new(),
            control: Control::default(),
            trouble,
        }
    }

    /// What to run next: the migration and the stage.
    pub fn next(&self) -> Option<(&str, Stage)> {
        let open = self.migrations.iter().find(|it| !it.done.contains(&Stage::Contract))?;
        let stage = Stage::ALL.into_iter().find(|stage| !open.done.contains(stage))?;
        Some((&open.id, stage))
    }
}

impl fmt::Display for Status {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let width = self.migrations.iter().map(|it| it.id.len()).max().unwrap_or_default();
        for it in &self.migrations {
            let stages = Stage::ALL.map(|stage| {
                let mark = if it.done.contains(&stage) { "x" } else { " " };
                format!("[{mark}] {stage}")
            });
            writeln!(f, "{:width$}  {}", it.id, stages.join("  "))?;
        }
        for it in &self.backfills {
            let eta = it.eta_seconds.map_or_else(|| "?".to_owned(), |it| format!("{it:.0} s"));
            writeln!(
                f,
                "\nFilling {}.{}: {:.1} %, {} rows, {:.0} rows/s by {} workers, {eta} to go",
                it.table,
                it.column,
                it.position * 100.0,
                it.rows,
                it.rows_per_second,
                it.workers
            )?;
        }
        if self.control.paused {
            writeln!(f, "\nBackfills are paused by {}; `resume` lets them go on.", self.control.asked_by)?;
        }
        if self.control.speed != 100 || self.control.batch.is_some() {
            let batch =
                self.control.batch.map_or_else(String::new, |it| format!(", in batches of {} ms", it.as_millis()));
            writeln!(
                f,
                "\nBackfills run {} % of the time{batch}, as {} asked.",
                self.control.speed, self.control.asked_by
            )?;
        }
        if let Some(trouble) = &self.trouble {
            return writeln!(f, "\nThe database and these migrations do not fit: {trouble}");
        }
        match self.next() {
            None => writeln!(f, "\nAll migrations are done."),
            Some((id, Stage::Contract)) => {
                writeln!(f, "\nNext: deploy the new code; when no old code runs any more, `contract` of {id}.")
            }
            Some((id, stage)) => writeln!(f, "\nNext: `{stage}` of {id}."),
        }
    }
}
