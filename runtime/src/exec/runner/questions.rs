//! What the rows are asked before something runs.

use tokio::sync::Notify;

use super::{Work, place};
use crate::exec::event::Event;
use crate::exec::{ExecError, lock};
use crate::migration::history::Recorded;
use crate::migration::{Assertion, Search, Stage, Step};

/// Tells what would have contract refused. A query that cannot be asked before the other stages have run
/// is asked in its own.
pub(super) async fn look_ahead(work: &mut Work<'_>, recorded: &Recorded) {
    let first = recorded.migration.stage(Stage::Contract).map_while(|(_, step)| match step {
        Step::Assertion(it) => Some(it),
        _ => None,
    });
    for assertion in first {
        if let Ok(Some(found)) = found(work, assertion).await {
            work.tell(&Event::Ahead { message: format!("{}: {found}", assertion.message) });
        }
    }
}

/// The search has a connection of its own, which does not end with the lock's.
pub(super) async fn search(work: &mut Work<'_>, recorded: &Recorded, search: &Search) -> Result<(), ExecError> {
    let searched = Notify::new();
    let walk = async {
        let outcome = crate::exec::search::search(work.pool, search, &*work.options.observer).await;
        searched.notify_one();
        Ok(outcome)
    };
    let (found, ()) = tokio::try_join!(walk, lock::guard(&mut work.session, &searched))?;
    match found? {
        None => Ok(()),
        Some(found) => Err(wrong(&place(recorded, search.line), &search.message, &found)),
    }
}

pub(super) async fn assert_none(
    work: &mut Work<'_>,
    recorded: &Recorded,
    assertion: &Assertion,
) -> Result<(), ExecError> {
    let place = place(recorded, assertion.line);
    match found(work, assertion).await.map_err(ExecError::server(place.clone()))? {
        None => Ok(()),
        Some(found) => Err(wrong(&place, &assertion.message, &found)),
    }
}

fn wrong(place: &str, message: &str, found: &str) -> ExecError {
    ExecError::Incomplete(format!(
        "{place}: {message}: {found}\n  help: mend that, and run the command again; or `undo`"
    ))
}

/// The first rows that an assertion finds.
async fn found(work: &mut Work<'_>, assertion: &Assertion) -> Result<Option<String>, sqlx::Error> {
    let rows = work.session.rows(&assertion.sql).await?;
    let shown: Vec<_> = rows
        .iter()
        .take(5)
        .map(|row| row.iter().map(|it| it.clone().unwrap_or_else(|| "NULL".into())).collect::<Vec<_>>().join(", "))
        .collect();
    Ok((!shown.is_empty()).then(|| shown.join("; ")))
}
