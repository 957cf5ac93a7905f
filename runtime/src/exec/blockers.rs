//! Who holds a table against us. Asked before we stand in the queue: whoever stands there makes
//! everybody behind wait as well, also for locks that would not conflict otherwise.

use std::time::Duration;

use super::event::{Blocker, Holder};
use super::retry::EndBlockers;
use super::session::Row;
use super::{ExecError, Session};
use crate::dialect::Dialect;
use crate::migration::{Claim, LockMode};

/// Transactions that hold a lock which conflicts with what the claim takes, and that have held it for a while. Short
/// ones come and go: for them an attempt's own short wait is the better answer.
///
/// Where our user may not see the sessions of others, theirs are of unknown age (PostgreSQL; see [`is_old`]).
pub(crate) async fn find(session: &mut Session, claim: &Claim) -> Result<Vec<Blocker>, ExecError> {
    let mut found = Vec::new();
    for (table, mode) in &claim.locks {
        let sql = match session.dialect() {
            Dialect::Postgres => postgres(table, *mode, OLD),
            Dialect::MySql => mysql(table),
        };
        found.extend(asked(session, table, &sql).await?);
    }
    Ok(found)
}

/// PostgreSQL: transactions for which a statement would wait that builds an index concurrently (manual, "Building
/// Indexes Concurrently"): those that have written to its tables, and those with a snapshot; each `age` old at least.
pub(crate) async fn old_transactions(
    session: &mut Session,
    claim: &Claim,
    age: Duration,
) -> Result<Vec<Blocker>, ExecError> {
    let mut found = Vec::new();
    for table in claim.locks.keys() {
        found.extend(asked(session, table, &postgres(table, LockMode::Share, age)).await?);
    }
    // a vacuum's snapshot is not waited for; its lock on this very table is
    let sql = format!(
        "SELECT a.pid::text, NULL, coalesce(a.state, 'background'), \
         (extract(epoch FROM clock_timestamp() - a.xact_start) * 1000)::bigint::text, a.query \
         FROM pg_stat_activity a WHERE a.backend_xmin IS NOT NULL AND a.datname = current_database() \
         AND a.pid <> pg_backend_pid() AND a.query NOT LIKE 'autovacuum: %' \
         AND a.xact_start < clock_timestamp() - interval '{} milliseconds' ORDER BY a.xact_start LIMIT 5",
        age.as_millis()
    );
    let snapshots = asked(session, "", &sql).await?;
    let known: Vec<_> = found.iter().map(|it: &Blocker| it.holder.clone()).collect();
    found.extend(snapshots.into_iter().filter(|it| !known.contains(&it.holder)));
    Ok(found)
}

async fn asked(session: &mut Session, table: &str, sql: &str) -> Result<Vec<Blocker>, ExecError> {
    let rows = session.rows(sql).await.map_err(ExecError::server("looking for blockers"))?;
    Ok(rows.iter().map(|row| blocker(table, row)).collect())
}

/// A row of: session, name of a prepared transaction, state, age in milliseconds, statement.
fn blocker(table: &str, row: &Row) -> Blocker {
    let value = |at: usize| row.get(at).cloned().flatten();
    let text = |at: usize| value(at).unwrap_or_default();
    Blocker {
        holder: value(1).map_or_else(|| Holder::Session(text(0).parse().unwrap_or_default()), Holder::Prepared),
        table: table.to_owned(),
        state: text(2),
        age_ms: value(3).and_then(|it| it.parse().ok()),
        query: shown(&text(4)),
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

/// Whether we know that it has been open for a while, and wait for it outside the queue. What may be over in a moment
/// is left to the attempt's own wait.
pub(crate) const fn is_old(blocker: &Blocker) -> bool {
    matches!(blocker.holder, Holder::Prepared(_)) || blocker.age_ms.is_some()
}

/// Whether it is an autovacuum, which ends by itself once somebody has stood in the queue behind
/// it for PostgreSQL's `deadlock_timeout`, and not before.
pub(crate) fn gives_way(blocker: &Blocker) -> bool {
    blocker.state == AUTOVACUUM
}

const AUTOVACUUM: &str = "autovacuum";

/// Ends a session, if it is still the one that the policy means.
pub(crate) async fn end(session: &mut Session, blocker: &Blocker, policy: EndBlockers) -> Result<bool, ExecError> {
    let Holder::Session(number) = blocker.holder else { return Ok(false) };
    let age = policy.after.as_millis();
    let doing = || ExecError::server(format!("ending session {number}, which is in the way"));
    match session.dialect() {
        Dialect::Postgres => {
            let idle = if policy.active { "" } else { " AND a.state LIKE 'idle in transaction%'" };
            let sql = format!(
                "SELECT pg_terminate_backend(a.pid)::int::text FROM pg_stat_activity a WHERE a.pid = {number} \
                 AND a.backend_type = 'client backend' \
                 AND a.xact_start < clock_timestamp() - interval '{age} milliseconds'{idle}"
            );
            Ok(session.value(&sql).await.map_err(doing())?.as_deref() == Some("1"))
        }
        Dialect::MySql => {
            let idle = if policy.active { "" } else { " AND t.PROCESSLIST_COMMAND = 'Sleep'" };
            let sql = format!(
                "SELECT '1' FROM performance_schema.threads t \
                 LEFT JOIN information_schema.INNODB_TRX trx ON trx.trx_mysql_thread_id = t.PROCESSLIST_ID \
                 WHERE t.PROCESSLIST_ID = {number} AND t.TYPE = 'FOREGROUND' AND \
                 COALESCE(trx.trx_started, NOW(6) - INTERVAL t.PROCESSLIST_TIME SECOND) \
                 <= NOW(6) - INTERVAL {age}000 MICROSECOND{idle}"
            );
            if session.value(&sql).await.map_err(doing())?.is_none() {
                return Ok(false);
            }
            match session.execute(&format!("KILL {number}")).await {
                Ok(_) => Ok(true),
                // it has just ended by itself: unknown thread
                Err(error) if super::session::code(&error).as_deref() == Some("1094") => Ok(false),
                Err(error) => Err(doing()(error)),
            }
        }
    }
}

/// Who keeps a statement of a connection waiting right now, while it runs (PostgreSQL).
pub(crate) async fn of_waiting(session: &mut Session, connection: &str) -> Result<Vec<Blocker>, sqlx::Error> {
    // a prepared transaction is there as the process 0
    let sql = format!(
        "SELECT b.pid::text, CASE b.pid WHEN 0 THEN '(see pg_prepared_xacts)' END, coalesce(a.state, 'background'), \
         (extract(epoch FROM clock_timestamp() - coalesce(a.xact_start, a.backend_start)) * 1000)::bigint::text, a.query \
         FROM unnest(pg_blocking_pids({connection})) AS b(pid) LEFT JOIN pg_stat_activity a USING (pid) ORDER BY b.pid LIMIT 5"
    );
    Ok(session.rows(&sql).await?.iter().map(|row| blocker("", row)).collect())
}

/// How old a transaction is before we wait for it outside the queue.
const OLD: Duration = Duration::from_millis(200);

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

/// A partitioned table is locked with its partitions; `pg_partition_tree` would wait for them. A prepared transaction's
/// locks have no process (manual, "pg_locks"); which one it is, its lock on its own number says (before 17 the virtual
/// number says it too).
fn postgres(table: &str, mode: LockMode, age: Duration) -> String {
    format!(
        "SELECT l.pid::text, CASE WHEN l.pid IS NULL THEN coalesce(quote_literal(p.gid), '(see pg_prepared_xacts)') END, \
         CASE WHEN a.query LIKE 'autovacuum: %' AND a.query NOT LIKE '%(to prevent wraparound)' \
         THEN '{AUTOVACUUM}' ELSE coalesce(a.state, 'background') END, \
         (extract(epoch FROM clock_timestamp() - coalesce(a.xact_start, a.backend_start, p.prepared)) * 1000)::bigint::text, \
         a.query \
         FROM pg_locks l LEFT JOIN pg_stat_activity a ON a.pid = l.pid \
         LEFT JOIN (pg_locks x JOIN pg_prepared_xacts p ON p.transaction = x.transactionid) \
         ON l.pid IS NULL AND x.pid IS NULL AND x.locktype = 'transactionid' AND x.virtualtransaction = l.virtualtransaction \
         WHERE l.granted AND l.locktype = 'relation' AND l.mode <> 'SIReadLock' \
         AND l.relation IN (WITH RECURSIVE parts AS (SELECT to_regclass({})::oid AS oid UNION SELECT inhrelid FROM pg_inherits \
         JOIN parts ON inhparent = parts.oid) SELECT oid FROM parts) \
         AND l.pid IS DISTINCT FROM pg_backend_pid() AND {} \
         AND l.database = (SELECT oid FROM pg_database WHERE datname = current_database()) \
         AND coalesce(coalesce(a.xact_start, a.backend_start, p.prepared) < clock_timestamp() - interval '{} milliseconds', true) \
         ORDER BY coalesce(a.xact_start, a.backend_start, p.prepared) LIMIT 5",
        Dialect::Postgres.literal(&Dialect::Postgres.ident(table)),
        conflicting(mode),
        age.as_millis()
    )
}

/// Every DDL ends with an EXCLUSIVE metadata lock, which conflicts with all others. `LOCK TABLES` is no transaction; an
/// XA transaction that is prepared keeps its locks when its session is gone.
fn mysql(table: &str) -> String {
    format!(
        "SELECT CAST(t.PROCESSLIST_ID AS CHAR), IF(t.THREAD_ID IS NULL, '(see XA RECOVER)', NULL), \
         LOWER(COALESCE(t.PROCESSLIST_COMMAND, '')), \
         CAST(COALESCE(TIMESTAMPDIFF(MICROSECOND, trx.trx_started, NOW(6)) DIV 1000, t.PROCESSLIST_TIME * 1000) AS CHAR), \
         COALESCE(t.PROCESSLIST_INFO, '') \
         FROM performance_schema.metadata_locks m LEFT JOIN performance_schema.threads t ON t.THREAD_ID = m.OWNER_THREAD_ID \
         LEFT JOIN information_schema.INNODB_TRX trx ON trx.trx_mysql_thread_id = t.PROCESSLIST_ID \
         WHERE m.OBJECT_TYPE = 'TABLE' AND m.OBJECT_SCHEMA = DATABASE() AND m.OBJECT_NAME = {} \
         AND m.LOCK_STATUS = 'GRANTED' AND NOT (t.PROCESSLIST_ID <=> CONNECTION_ID()) \
         AND COALESCE(trx.trx_started < NOW(6) - INTERVAL {} MICROSECOND, t.PROCESSLIST_TIME >= 1, TRUE) \
         ORDER BY trx.trx_started LIMIT 5",
        Dialect::MySql.literal(table),
        OLD.as_micros()
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
