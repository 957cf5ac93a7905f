//! The way back: all of the migration in flight, the last step first.

use super::questions::{assert_none, search};
use super::{Outcome, Runner, Work, each, place, stage_note, step_note, task_of, undo_task};
use crate::dialect::Dialect;
use crate::exec::apply::{apply, clean_up};
use crate::exec::event::Event;
use crate::exec::ledger::{self, Direction, Progress, StepState};
use crate::exec::{ExecError, backfill, holds, span};
use crate::migration::history::Recorded;
use crate::migration::{Fact, Stage, Statement, Step, Undo};

impl Runner {
    /// `begun` keeps the migration that it is about: the connection may be lost after the last commit.
    pub(super) async fn take_back(
        &self,
        work: &mut Work<'_>,
        begun: &mut Option<String>,
    ) -> Result<Outcome, ExecError> {
        let history = self.history(work).await?;
        let Some((recorded, progress)) = self.in_flight(&history) else {
            let nothing = || Outcome::Nothing("no migration is in flight: what is contracted stays".into());
            return Ok(begun.take().map_or_else(nothing, |migration| Outcome::Did { migration, stage: Stage::Expand }));
        };
        let id = &recorded.migration.id;
        way_back(work, recorded, &progress).await?;
        nothing_in_the_way_back(work, recorded, &progress).await?;
        if !self.options.undo_drops_rows {
            no_rows_go(work, recorded, &progress).await?;
        }
        *begun = Some(id.clone());
        stage_note(work, recorded, Stage::Expand, Direction::Undo, "started").await?;
        ledger::mark(&mut work.session, recorded, Stage::Expand, "undoing").await?;
        for (at, (stage, step)) in recorded.migration.steps.iter().enumerate().rev() {
            let state = progress.step(at);
            if state == StepState::Planned {
                continue;
            }
            match step {
                Step::Statement(statement) => {
                    work.tell(&Event::Stage { migration: id.clone(), stage: *stage, undo: true });
                    let undo = self.undo_statement(work, recorded, *stage, at, statement, state);
                    span::undo((id, *stage), (at, step), undo).await?;
                }
                Step::Search(it) if it.on_way_back => {
                    let asked = search(work, recorded, it);
                    span::undo((id, *stage), (at, step), asked).await?;
                    step_note(work, recorded, *stage, at, Direction::Undo).await?;
                }
                _ => {}
            }
        }
        backfill::forget(&mut work.session, id).await?;
        stage_note(work, recorded, Stage::Expand, Direction::Undo, "done").await?;
        ledger::mark(&mut work.session, recorded, Stage::Expand, "undone").await?;
        Ok(Outcome::Did { migration: id.clone(), stage: Stage::Expand })
    }

    async fn undo_statement(
        &self,
        work: &mut Work<'_>,
        recorded: &Recorded,
        stage: Stage,
        step: usize,
        statement: &Statement,
        state: StepState,
    ) -> Result<(), ExecError> {
        let Undo::Statements(statements) = &statement.undo else { return Ok(()) };
        // begun and perhaps not done: then there may be nothing to undo
        // of a statement for each partition, each is asked for
        let begun = state == StepState::Started && statement.each.is_none();
        if begun && !holds(&mut work.session, &statement.done).await? {
            let repeatable = statement.done == Fact::Repeatable;
            if !repeatable {
                return leftovers(work, recorded, stage, step, statement).await;
            }
        }
        let first = if let StepState::Undoing(part) = state { part } else { 0 };
        for (part, undo) in statements.iter().enumerate().skip(first) {
            if let Some(each) = &undo.each {
                each::take_back(work, recorded, (stage, step, part), (undo, each)).await?;
                continue;
            }
            if each::skipped(work, undo).await? {
                continue;
            }
            let place = place(recorded, undo.line);
            let task = undo_task((recorded, stage, step, part), undo, &place);
            apply(work, &task, state == StepState::Undoing(part)).await?;
        }
        step_note(work, recorded, stage, step, Direction::Undo).await
    }
}

/// Refuses a way back that cannot be gone to its end, before a step of it is.
async fn way_back(work: &mut Work<'_>, recorded: &Recorded, progress: &Progress) -> Result<(), ExecError> {
    let id = &recorded.migration.id;
    for (at, (stage, step)) in recorded.migration.steps.iter().enumerate() {
        let Step::Statement(statement) = step else { continue };
        let done = is_done(work, progress.step(at), statement).await?;
        if done && *stage == Stage::Contract && is_last(step) {
            return Err(ExecError::Refused(format!(
                "contract of `{id}` has begun, and takes away what the way back needs\n  help: run `contract` to its end"
            )));
        }
        if let (true, Undo::Impossible(why)) = (done, &statement.undo) {
            return Err(ExecError::Refused(format!(
                "{}: this statement of `{id}` is done and has no way back: {why}\n  help: nothing was undone; go on to the \
                 end, and write another migration",
                place(recorded, statement.line)
            )));
        }
    }
    Ok(())
}

async fn is_done(work: &mut Work<'_>, state: StepState, statement: &Statement) -> Result<bool, ExecError> {
    match state {
        StepState::Planned => Ok(false),
        StepState::Started if statement.done != Fact::Repeatable && statement.each.is_none() => {
            Ok(holds(&mut work.session, &statement.done).await?)
        }
        StepState::Started | StepState::Done | StepState::Undoing(_) => Ok(true),
    }
}

/// The last step of contract that is done and has no way back.
pub(super) async fn takes_away(
    work: &mut Work<'_>,
    recorded: &Recorded,
    progress: &Progress,
) -> Result<Option<usize>, ExecError> {
    let mut last = None;
    for (at, step) in recorded.migration.stage(Stage::Contract) {
        let Step::Statement(statement) = step else { continue };
        if is_last(step) && is_done(work, progress.step(at), statement).await? {
            last = Some(at);
        }
    }
    Ok(last)
}

/// Refuses a way back on which rows would be lost.
async fn nothing_in_the_way_back(
    work: &mut Work<'_>,
    recorded: &Recorded,
    progress: &Progress,
) -> Result<(), ExecError> {
    let steps = &recorded.migration.steps;
    for (at, (_, step)) in steps.iter().enumerate().skip(1) {
        let Step::Assertion(assertion) = step else { continue };
        // several of them stand behind one statement
        let statement = (0..at).rev().find(|it| !matches!(steps[*it].1, Step::Assertion(_)));
        let begun = statement.is_some_and(|it| progress.step(it) != StepState::Planned);
        if assertion.on_way_back && begun {
            assert_none(work, recorded, assertion).await?;
        }
    }
    Ok(())
}

/// Whether there is no way back from this step.
pub(super) const fn is_last(step: &Step) -> bool {
    matches!(step, Step::Statement(Statement { undo: Undo::Impossible(_), .. }))
}

/// Refuses to drop a new table in which somebody has written.
async fn no_rows_go(work: &mut Work<'_>, recorded: &Recorded, progress: &Progress) -> Result<(), ExecError> {
    for (at, (_, step)) in recorded.migration.steps.iter().enumerate() {
        let Step::Statement(Statement { done: fact @ Fact::Table(table), undo: Undo::Statements(_), line, .. }) = step
        else {
            continue;
        };
        if progress.step(at) == StepState::Planned || !holds(&mut work.session, fact).await? {
            continue;
        }
        let place = place(recorded, *line);
        let sql = format!("SELECT '1' FROM {} LIMIT 1", work.session.dialect().ident(table));
        if !work.session.rows(&sql).await.map_err(ExecError::server(place.clone()))?.is_empty() {
            return Err(ExecError::Refused(format!(
                "{place}: `undo` drops table `{table}`, and it has rows that were written since\n  help: nothing was undone; keep \
                 what is worth keeping, empty the table or say that its rows may go (`undo --drop-rows`)"
            )));
        }
    }
    Ok(())
}

/// Removes what a statement that did not end has left: an invalid index.
async fn leftovers(
    work: &mut Work<'_>,
    recorded: &Recorded,
    stage: Stage,
    step: usize,
    statement: &Statement,
) -> Result<(), ExecError> {
    let place = place(recorded, statement.line);
    let task = task_of(recorded, stage, step, statement, &place);
    if work.session.dialect() == Dialect::Postgres && !statement.transactional {
        clean_up(&mut work.session, &task).await.map_err(ExecError::server(place.clone()))?;
    }
    Ok(())
}
