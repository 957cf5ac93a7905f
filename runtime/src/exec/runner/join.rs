//! A second runner's `backfill`: it has no lock, and helps the one that has it.

use std::time::{Duration, Instant};

use super::{Outcome, Runner, Work};
use crate::exec::event::Event;
use crate::exec::ledger::{self, StepState};
use crate::exec::lock::{self, Lock};
use crate::exec::{ExecError, backfill};
use crate::migration::{Stage, Step};

/// How often it looks whether there is something to help with, or the lock is free.
const LOOK: Duration = Duration::from_millis(100);

impl Runner {
    /// Takes the lock and fills; or, while another runner fills, fills beside it. When the other one dies, this one
    /// takes its place.
    pub(super) async fn fill_or_join(
        &self,
        work: &mut Work<'_>,
        migration: &mut Option<String>,
    ) -> Result<Outcome, ExecError> {
        let begun = Instant::now();
        let mut helped: Option<String> = None;
        loop {
            if lock::tried(&mut work.session, Lock::Runner).await? {
                self.known(work).await?;
                ledger::create(&mut work.session).await?;
                let outcome = self.one_stage(work, Stage::Backfill, migration).await?;
                return Ok(match (helped, outcome) {
                    (Some(migration), Outcome::Nothing(_)) => Outcome::Did { migration, stage: Stage::Backfill },
                    (_, outcome) => outcome,
                });
            }
            match self.help(work).await? {
                Some(migration) => helped = Some(migration),
                None if helped.is_none() && begun.elapsed() >= self.options.runner_lock => {
                    // says who has it
                    lock::take(&mut work.session, Lock::Runner, Duration::ZERO).await?;
                }
                None => {
                    if let Some(migration) = &helped
                        && self.has_filled(work, migration).await?
                    {
                        return Ok(Outcome::Did { migration: migration.clone(), stage: Stage::Backfill });
                    }
                }
            }
            tokio::time::sleep(LOOK).await;
        }
    }

    /// Fills what another runner fills just now, to its end. Gives the migration, or nothing where there is nothing to help.
    async fn help(&self, work: &mut Work<'_>) -> Result<Option<String>, ExecError> {
        if !ledger::exists(&mut work.session).await? || !ledger::has_backfills(&mut work.session).await? {
            return Ok(None);
        }
        let history = self.history(work).await?;
        let Some((recorded, progress)) = self.in_flight(&history) else { return Ok(None) };
        let id = &recorded.migration.id;
        for (at, step) in recorded.migration.stage(Stage::Backfill) {
            let Step::Backfill(filled) = step else { continue };
            let key = format!("{id}/{at}");
            let begun = !progress.undoing && progress.step(at) == StepState::Started;
            if !begun || !backfill::is_filling(&mut work.session, &key).await? {
                continue;
            }
            work.tell(&Event::Joined { migration: id.clone() });
            let options = &work.options.backfill;
            let (functions, observer) = (&work.options.functions, &*work.options.observer);
            let aborts = Some(work.aborts);
            backfill::fill_since(work.pool, &key, filled, options, functions, observer, aborts).await?;
            return Ok(Some(id.clone()));
        }
        Ok(None)
    }

    async fn has_filled(&self, work: &mut Work<'_>, migration: &str) -> Result<bool, ExecError> {
        let history = ledger::read(&mut work.session).await?;
        Ok(history.iter().any(|(id, progress)| id == migration && progress.done(Stage::Backfill)))
    }
}
