//! PostgreSQL: an autovacuum that has the table.
//!
//! It may go on for hours, and is ended by the server only when somebody has stood in the queue behind it for
//! `deadlock_timeout`, a second (manual, "The Autovacuum Daemon"). Whoever stands there with a lock that readers or writers
//! would wait for keeps them all for that second. So a lock stands there first that keeps neither, and conflicts with that
//! of a vacuum: SHARE UPDATE EXCLUSIVE. When it has got it, the autovacuum is gone; the next comes after
//! `autovacuum_naptime` at the earliest.

use std::collections::BTreeSet;
use std::time::Duration;

use super::ExecError;
use super::event::Blocker;
use super::retry::gave_way;
use super::runner::Work;
use crate::dialect::Dialect;

/// How long it stands there beyond `deadlock_timeout`. Nobody but other DDL waits behind it.
const BEYOND: Duration = Duration::from_secs(5);

/// Sees to it that those autovacuums end; `false` where our user may not take that lock, as with a table that a foreign key
/// refers to and that is another one's.
pub(super) async fn ended(work: &mut Work<'_>, found: &[Blocker]) -> Result<bool, ExecError> {
    let doing = || ExecError::server("standing behind an autovacuum");
    let limit = (deadlock_timeout(work).await? + BEYOND).as_millis();
    let tables: BTreeSet<_> = found.iter().map(|it| it.table.as_str()).collect();
    for table in tables {
        let table = Dialect::Postgres.ident(table);
        let sql = format!(
            "BEGIN; SET LOCAL lock_timeout = {limit}; LOCK TABLE {table} IN SHARE UPDATE EXCLUSIVE MODE; COMMIT"
        );
        let Err(error) = work.session.execute(&sql).await else { continue };
        if !matches!(error, sqlx::Error::Database(_)) {
            return Err(doing()(error));
        }
        work.session.execute("ROLLBACK").await.map_err(doing())?;
        // another one has a lock like it: whoever it is, the next look tells
        if !gave_way(&error) {
            return Ok(false);
        }
    }
    Ok(true)
}

/// How long an attempt must be able to stand behind an autovacuum, so that it ends.
pub(super) async fn patience(work: &mut Work<'_>) -> Result<Duration, ExecError> {
    Ok(work.options.patience.lock_timeout.max(deadlock_timeout(work).await? + Duration::from_millis(250)))
}

async fn deadlock_timeout(work: &mut Work<'_>) -> Result<Duration, ExecError> {
    let sql = "SELECT (extract(epoch FROM current_setting('deadlock_timeout')::interval) * 1000)::bigint";
    let server = work.session.value(sql).await.map_err(ExecError::server("asking for deadlock_timeout"))?;
    Ok(Duration::from_millis(server.and_then(|it| it.parse().ok()).unwrap_or(1_000)))
}
