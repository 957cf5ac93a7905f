//! MySQL: who writes the redo log while a table is filled.
//!
//! With `innodb_log_writer_threads = OFF`, the default up to 32 processors since 8.4 (manual, "InnoDB Startup Options and
//! System Variables"), whoever commits writes it. The leader of a group commit then waits for redo that another session is
//! about to have written, by an event with a time limit of 100 ms; and beside a session that writes without a pause, as a fill
//! does, the event is missed at times: the leader and all commits behind it stand for those 100 ms. (Seen on 9.7, by the stacks
//! of a server that stood: `MYSQL_BIN_LOG::ordered_commit`, `ha_flush_logs`, `log_buffer_wait_for_ready_for_write_lsn`. One
//! plain UPDATE has the same effect.) With threads of the server's own nobody waits there.

use super::super::event::Event;
use super::super::{ExecError, Pool, Session};
use super::BackfillOptions;
use super::team::Team;
use crate::dialect::Dialect;

/// Tables with fewer bytes are filled before anybody would notice.
const NOTICED: u64 = 16 << 20;

const OFF: &str = "SELECT 1 FROM performance_schema.global_variables WHERE VARIABLE_NAME = 'innodb_log_writer_threads' \
                   AND VARIABLE_VALUE = 'OFF'";

/// Turns them on, where that was asked and is not so already; whether it did.
pub(super) async fn turn_on(session: &mut Session, options: &BackfillOptions) -> Result<bool, ExecError> {
    if !options.log_writer_threads || session.dialect() != Dialect::MySql {
        return Ok(false);
    }
    let off = session.value(OFF).await.map_err(ExecError::server("asking for the server's log writer threads"))?;
    if off.is_none() {
        return Ok(false);
    }
    session.execute("SET GLOBAL innodb_log_writer_threads = ON").await.map(|_| true).map_err(|error| match error {
        sqlx::Error::Database(error) => ExecError::Refused(format!(
            "the server's log writer threads cannot be turned on: {}\n  help: grant SYSTEM_VARIABLES_ADMIN, or leave it as it is",
            error.message()
        )),
        error => ExecError::server("turning on the server's log writer threads")(error),
    })
}

/// As it was. On a session of its own: that of a fill that failed may be gone.
pub(super) async fn turn_off(pool: &Pool) -> Result<(), ExecError> {
    let mut session = pool.session().await?;
    let doing = ExecError::server("turning off the server's log writer threads");
    session.execute("SET GLOBAL innodb_log_writer_threads = OFF").await.map_err(doing)?;
    session.close().await;
    Ok(())
}

/// Tells that others may wait, where they may.
pub(super) async fn notice(session: &mut Session, team: &Team<'_>) -> Result<(), ExecError> {
    let table = &team.backfill.table;
    let sql = format!(
        "{OFF} AND EXISTS (SELECT 1 FROM information_schema.TABLES WHERE TABLE_SCHEMA = DATABASE() AND TABLE_NAME = {} \
         AND DATA_LENGTH > {NOTICED})",
        Dialect::MySql.literal(table)
    );
    if session.value(&sql).await.map_err(ExecError::server(team.doing()))?.is_some() {
        let message = format!(
            "while `{table}` is filled, commits of all sessions may stand for 100 ms at times: innodb_log_writer_threads is OFF on this \
             server; `--log-writer-threads` turns it on meanwhile"
        );
        team.tell(&Event::Notice { message });
    }
    Ok(())
}
