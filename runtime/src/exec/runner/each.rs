//! A statement for each partition that there is when its turn comes.
//!
//! What is done of it, the catalog tells: a partition of which its fact holds is done, also after a run that was cut
//! off, and one that came meanwhile is met as well. The ledger notes each partition's statement, and the step as done
//! when none is left.

use super::{Work, place, stage_entry, task_of};
use crate::exec::apply::{Task, apply};
use crate::exec::event::Event;
use crate::exec::ledger::{self, Direction, Entry};
use crate::exec::{ExecError, holds, partitions};
use crate::migration::history::Recorded;
use crate::migration::{Each, Fact, Stage, Statement, Step, Undo, UndoStatement};

/// What the ledger says of one partition's statement: the step is not done with it.
const PARTITION_DONE: &str = "partition";

/// Refuses a table whose partitions cannot be gone through one by one, before anything of this stage and the later
/// ones runs.
pub(super) async fn can_be_gone_through(
    work: &mut Work<'_>,
    recorded: &Recorded,
    stage: Stage,
) -> Result<(), ExecError> {
    let mut known: Vec<&Each> = Vec::new();
    for (_, step) in recorded.migration.steps.iter().filter(|(of, _)| *of >= stage) {
        if let Step::Statement(Statement { each: Some(each), .. }) = step
            && !known.contains(&each)
        {
            partitions(&mut work.session, each).await?;
            known.push(each);
        }
    }
    Ok(())
}

/// Carries the statement out for every partition, until there is none left that it is to be done to.
pub(super) async fn run(
    work: &mut Work<'_>,
    recorded: &Recorded,
    stage: Stage,
    step: usize,
    (statement, each): (&Statement, &Each),
) -> Result<(), ExecError> {
    let place = place(recorded, statement.line);
    let mut done = Vec::new();
    while let Some((partition, it)) = next(work, statement, each).await? {
        not_twice(&mut done, partition, &place, &it.done)?;
        let task = Task { noted: PARTITION_DONE, ..task_of(recorded, stage, step, &it, &place) };
        apply(work, &task, false).await?;
    }
    let entry = Entry {
        step: Some(step),
        sql: Some(&statement.sql),
        ..stage_entry(recorded, stage, Direction::Do, "done", None)
    };
    ledger::note(&mut work.session, work.runner, &entry).await.map_err(ExecError::server("writing pontoon_ledger"))
}

/// The first partition that it is to be done to, and what is done.
async fn next(
    work: &mut Work<'_>,
    statement: &Statement,
    each: &Each,
) -> Result<Option<(String, Statement)>, ExecError> {
    for partition in partitions(&mut work.session, each).await? {
        let it = statement.for_partition(&partition);
        let holds_already = match &it.unless {
            Some(fact) => holds(&mut work.session, fact).await?,
            None => false,
        };
        if !holds_already && !holds(&mut work.session, &it.done).await? {
            // what an attempt has left, the statement's own way back takes away
            let undo = match &statement.undo {
                Undo::Statements(undo) => {
                    Undo::Statements(undo.iter().map(|undo| undo.for_partition(&partition)).collect())
                }
                other => other.clone(),
            };
            return Ok(Some((partition, Statement { undo, ..it })));
        }
    }
    Ok(None)
}

/// The way back, for every partition of which the catalog does not say that it is gone.
pub(super) async fn take_back(
    work: &mut Work<'_>,
    recorded: &Recorded,
    (stage, step, part): (Stage, usize, usize),
    (undo, each): (&UndoStatement, &Each),
) -> Result<(), ExecError> {
    let place = place(recorded, undo.line);
    let mut done = Vec::new();
    loop {
        let mut open = None;
        for partition in partitions(&mut work.session, each).await? {
            let it = undo.for_partition(&partition);
            if !skipped(work, &it).await? && !holds(&mut work.session, &it.done).await? {
                open = Some((partition, it));
                break;
            }
        }
        let Some((partition, it)) = open else { return Ok(()) };
        not_twice(&mut done, partition, &place, &it.done)?;
        let task = Task { noted: PARTITION_DONE, ..super::undo_task((recorded, stage, step, part), &it, &place) };
        apply(work, &task, false).await?;
    }
}

/// Whether the statement of a way back is not needed.
pub(super) async fn skipped(work: &mut Work<'_>, undo: &UndoStatement) -> Result<bool, ExecError> {
    let Some(fact) = &undo.unless else { return Ok(false) };
    let holds = holds(&mut work.session, fact).await?;
    if holds && undo.each.is_none() {
        work.tell(&Event::Skipped { sql: undo.sql.clone(), reason: format!("`{fact}` holds already") });
    }
    Ok(holds)
}

fn not_twice(done: &mut Vec<String>, partition: String, place: &str, fact: &Fact) -> Result<(), ExecError> {
    if done.contains(&partition) {
        return Err(ExecError::Incomplete(format!(
            "{place}: the statement was done to partition `{partition}`, and `{fact}` does not hold\n  help: look at the \
             partition, and run the command again; or `undo`"
        )));
    }
    done.push(partition);
    Ok(())
}
