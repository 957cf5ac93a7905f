//! What the rows are asked before something runs.

use tokio::sync::Notify;

use super::{Work, place};
use crate::dialect::Dialect;
use crate::exec::event::Event;
use crate::exec::{ExecError, lock};
use crate::migration::history::Recorded;
use crate::migration::{Assertion, Grace, Search, Stage, Step};

/// Tells what would have contract refused. A query that cannot be asked before the other stages have run
/// is asked in its own.
pub(super) async fn look_ahead(work: &mut Work<'_>, recorded: &Recorded) {
    let first = recorded.migration.stage(Stage::Contract).map_while(|(_, step)| match step {
        Step::Assertion(it) if it.grace.is_none() => Some(it),
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
        Some(found) => Err(wrong(&place(recorded, search.line), &search.message, &found, search.on_way_back)),
    }
}

pub(super) async fn assert_none(
    work: &mut Work<'_>,
    recorded: &Recorded,
    assertion: &Assertion,
) -> Result<(), ExecError> {
    let place = place(recorded, assertion.line);
    match (found(work, assertion).await.map_err(ExecError::server(place.clone()))?, &assertion.grace) {
        (None, _) => Ok(()),
        (Some(_), Some(grace)) => stays(work, &place, &assertion.message, grace).await,
        (Some(found), None) => Err(wrong(&place, &assertion.message, &found, assertion.on_way_back)),
    }
}

/// What was found may be there until the grace has passed since the other migration's contract, by the server's clock. A
/// migration that was noted and not run (`baseline`) counts from its note.
async fn stays(work: &mut Work<'_>, place: &str, message: &str, grace: &Grace) -> Result<(), ExecError> {
    let since = work.session.dialect().literal(&grace.since);
    let noted = format!(
        "FROM pontoon_ledger WHERE migration = {since} AND stage = 'contract' AND step IS NULL AND direction = 'do' AND event = 'done'"
    );
    let sql = match work.session.dialect() {
        Dialect::Postgres => format!(
            "SELECT to_char(until AT TIME ZONE 'UTC', 'YYYY-MM-DD HH24:MI:SS \"UTC\"'), (until <= clock_timestamp())::int::text \
             FROM (SELECT max(at) + interval '{} hours' AS until {noted}) AS grace",
            grace.hours
        ),
        Dialect::MySql => format!(
            "SELECT CONCAT(DATE_FORMAT(DATE_SUB(until, INTERVAL TIMESTAMPDIFF(SECOND, UTC_TIMESTAMP(6), CURRENT_TIMESTAMP(6)) SECOND), \
             '%Y-%m-%d %H:%i:%s'), ' UTC'), CAST(until <= CURRENT_TIMESTAMP(6) AS CHAR) \
             FROM (SELECT DATE_ADD(MAX(at), INTERVAL {} HOUR) AS until {noted}) AS grace",
            grace.hours
        ),
    };
    let rows = work.session.rows(&sql).await.map_err(ExecError::server("reading pontoon_ledger"))?;
    let answer = rows.into_iter().next().unwrap_or_default();
    let until = answer.first().cloned().flatten();
    if answer.get(1).cloned().flatten().as_deref() == Some("1") {
        return Ok(());
    }
    Err(ExecError::Incomplete(match until {
        Some(until) => format!(
            "{place}: {message}: until {until}, which is {} after `{}` was contracted\n  help: run the command again then; or \
             `undo`, and make the migration anew with another `--grace`",
            Grace::spelled(grace.hours),
            grace.since
        ),
        None => format!("{place}: {message}: `{}` has not been contracted here\n  help: see `status`", grace.since),
    }))
}

fn wrong(place: &str, message: &str, found: &str, on_way_back: bool) -> ExecError {
    let or = if on_way_back { "" } else { "; or `undo`" };
    ExecError::Incomplete(format!("{place}: {message}: {found}\n  help: mend that, and run the command again{or}"))
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
