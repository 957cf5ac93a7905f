//! Who holds a table against us. Asked before we stand in the queue: whoever stands there makes
//! everybody behind wait as well, also for locks that would not conflict otherwise.

use super::event::Blocker;
use super::session::Row;
use super::{ExecError, Session};
use crate::dialect::Dialect;
use crate::migration::{Claim, LockMode};

/// Sessions whose open transaction holds a lock that conflicts with what the claim takes, and
/// that have held it for a while. Short transactions come and go: for them an attempt's own
/// short wait is the better answer.
pub(crate) async fn find(session: &mut Session, claim: &Claim) -> Result<Vec<Blocker>, ExecError> {
    let mut found = Vec::new();
    for (table, mode) in &claim.locks {
        let sql = match session.dialect() {
            Dialect::Postgres => postgres(table, *mode),
            Dialect::MySql => mysql(table),
        };
        let rows = session.rows(&sql).await.map_err(ExecError::server("looking for blockers"))?;
        found.extend(rows.iter().map(|row| blocker(table, row)));
    }
    Ok(found)
}

fn blocker(table: &str, row: &Row) -> Blocker {
    let text = |at: usize| row.get(at).cloned().flatten().unwrap_or_default();
    Blocker {
        session: text(0).parse().unwrap_or_default(),
        table: table.to_owned(),
        state: text(1),
        age_ms: text(2).parse().unwrap_or_default(),
        query: shown(&text(3)),
    }
}

/// A statement's beginning, its literals as `?`: they may be secrets.
fn shown(sql: &str) -> String {
    let mut text = String::new();
    let mut quoted = false;
    for c in sql.chars() {
        match (c, quoted) {
            ('\'', false) => text.push('?'),
            (c, false) => text.push(if c.is_whitespace() { ' ' } else { c }),
            _ => {}
        }
        quoted ^= c == '\'';
    }
    text.split_whitespace().collect::<Vec<_>>().join(" ").chars().take(80).collect()
}

/// Whether it is an autovacuum, which ends by itself once somebody has stood in the queue behind
/// it for PostgreSQL's `deadlock_timeout`, and not before.
pub(crate) fn gives_way(blocker: &Blocker) -> bool {
    blocker.state == AUTOVACUUM
}

const AUTOVACUUM: &str = "autovacuum";

/// Who keeps a statement of a connection waiting right now, while it runs (PostgreSQL).
pub(crate) async fn of_waiting(session: &mut Session, connection: &str) -> Result<Vec<Blocker>, sqlx::Error> {
    let sql = format!(
        "SELECT a.pid::text, coalesce(a.state, 'background'), \
         (extract(epoch FROM clock_timestamp() - coalesce(a.xact_start, a.backend_start)) * 1000)::bigint::text, a.query \
         FROM unnest(pg_blocking_pids({connection})) AS b(pid) JOIN pg_stat_activity a USING (pid) ORDER BY 1 LIMIT 5"
    );
    Ok(session.rows(&sql).await?.iter().map(|row| blocker("", row)).collect())
}

/// How old a transaction is before we wait for it outside the queue, in milliseconds.
const OLD_MS: u32 = 200;

/// The lock modes that conflict (manual, "Explicit Locking", table of conflicts).
fn conflicting(mode: LockMode) -> &'static str {
    match mode {
        LockMode::AccessExclusive => "true",
        LockMode::ShareRowExclusive => "l.mode NOT IN ('AccessShareLock', 'RowShareLock')",
        LockMode::Share => "l.mode NOT IN ('AccessShareLock', 'RowShareLock', 'ShareLock')",
        LockMode::Exclusive => "l.mode <> 'AccessShareLock'",
        LockMode::ShareUpdateExclusive => "l.mode NOT IN ('AccessShareLock', 'RowShareLock', 'RowExclusiveLock')",
        LockMode::RowExclusive => {
            "l.mode IN ('ShareLock', 'ShareRowExclusiveLock', 'ExclusiveLock', 'AccessExclusiveLock')"
        }
        LockMode::RowShare => "l.mode IN ('ExclusiveLock', 'AccessExclusiveLock')",
        _ => "l.mode = 'AccessExclusiveLock'",
    }
}

fn postgres(table: &str, mode: LockMode) -> String {
    format!(
        "SELECT a.pid::text, CASE WHEN a.query LIKE 'autovacuum: %' AND a.query NOT LIKE '%(to prevent wraparound)' \
         THEN '{AUTOVACUUM}' ELSE coalesce(a.state, 'background') END, \
         (extract(epoch FROM clock_timestamp() - coalesce(a.xact_start, a.backend_start)) * 1000)::bigint::text, a.query \
         FROM pg_locks l JOIN pg_stat_activity a USING (pid) \
         WHERE l.granted AND l.locktype = 'relation' AND l.mode <> 'SIReadLock' AND l.relation = to_regclass({})::oid AND l.pid <> pg_backend_pid() AND {} \
         AND l.database = (SELECT oid FROM pg_database WHERE datname = current_database()) \
         AND coalesce(a.xact_start, a.backend_start) < clock_timestamp() - interval '{OLD_MS} milliseconds' \
         ORDER BY coalesce(a.xact_start, a.backend_start) LIMIT 5",
        Dialect::Postgres.literal(&Dialect::Postgres.ident(table)),
        conflicting(mode)
    )
}

/// Every DDL ends with an EXCLUSIVE metadata lock, which conflicts with all others.
fn mysql(table: &str) -> String {
    format!(
        "SELECT CAST(t.PROCESSLIST_ID AS CHAR), LOWER(t.PROCESSLIST_COMMAND), \
         CAST(TIMESTAMPDIFF(MICROSECOND, trx.trx_started, NOW(6)) DIV 1000 AS CHAR), COALESCE(t.PROCESSLIST_INFO, '') \
         FROM performance_schema.metadata_locks m JOIN performance_schema.threads t ON t.THREAD_ID = m.OWNER_THREAD_ID \
         JOIN information_schema.INNODB_TRX trx ON trx.trx_mysql_thread_id = t.PROCESSLIST_ID \
         WHERE m.OBJECT_TYPE = 'TABLE' AND m.OBJECT_SCHEMA = DATABASE() AND m.OBJECT_NAME = {} \
         AND m.LOCK_STATUS = 'GRANTED' AND t.PROCESSLIST_ID <> CONNECTION_ID() \
         AND trx.trx_started < NOW(6) - INTERVAL {OLD_MS}000 MICROSECOND ORDER BY trx.trx_started LIMIT 5",
        Dialect::MySql.literal(table)
    )
}

#[cfg(test)]
mod tests {
    use super::shown;

    #[test]
    fn literals_are_not_shown() {
        assert_eq!(shown("ALTER USER app\n PASSWORD 's3c''ret' VALID"), "ALTER USER app PASSWORD ?? VALID");
        assert_eq!(shown("SELECT 1"), "SELECT 1");
    }
}
