//! A MySQL server that cannot write its binary log keeps every commit waiting, and tries again once a minute until there is
//! room. No error comes, so a command would stand still without a word; and a KILL of the session that writes would end
//! the whole server (manual, `binlog_error_action`). So it is looked at from a connection of its own, told, and never
//! touched.

use std::time::{Duration, Instant};

use super::event::{self, Event, Observer};
use super::session::lost;
use super::{ExecError, Pool, Session};
use crate::dialect::Dialect;

/// How often it is looked at, and how long a commit lasts before anybody wonders.
const LOOK: Duration = Duration::from_secs(2);

/// The server's last words about a full disk, while a session of this database waits for its commit. They are repeated
/// every ten minutes.
const WAITS: &str = "SELECT DATA FROM performance_schema.error_log WHERE ERROR_CODE = 'MY-000035' \
     AND LOGGED > NOW(6) - INTERVAL 11 MINUTE AND EXISTS (SELECT 1 FROM performance_schema.processlist \
     WHERE STATE = 'waiting for handler commit' AND TIME >= 2 AND DB = DATABASE()) ORDER BY LOGGED DESC LIMIT 1";

/// Tells when the server waits for room, and when it goes on. Ends with an error when it has waited for so long.
pub(crate) async fn watch(pool: &Pool, observer: &dyn Observer, budget: Duration) -> ExecError {
    if pool.dialect() != Dialect::MySql {
        return std::future::pending().await;
    }
    let mut session: Option<Session> = None;
    let mut waits: Option<Instant> = None;
    loop {
        tokio::time::sleep(LOOK).await;
        let found = match &mut session {
            Some(session) => session.value(WAITS).await,
            None => {
                session = pool.session().await.ok();
                continue;
            }
        };
        match (found, waits) {
            (Ok(Some(said)), None) => {
                waits = Some(Instant::now());
                event::tell(observer, &Event::Held { reason: held(&said) });
            }
            (Ok(Some(said)), Some(since)) if since.elapsed() >= budget => {
                return ExecError::Stopped(format!(
                    "{}\n  help: make room and run the command again: it goes on where it stopped. What waits for its commit is \
                     done when there is room; do not kill it, since MySQL ends altogether when it cannot write this file",
                    held(&said)
                ));
            }
            (Ok(None), Some(_)) => {
                waits = None;
                event::tell(observer, &Event::Resumed);
            }
            (Ok(_), _) => {}
            (Err(error), _) if lost(&error) || !matches!(error, sqlx::Error::Database(_)) => session = None,
            // who may not look would be told so again and again
            (Err(error), _) => {
                tracing::debug!(%error, "whether the server waits for room cannot be seen");
                return std::future::pending().await;
            }
        }
    }
}

fn held(said: &str) -> String {
    format!("the server has no room on its disk, and keeps every commit waiting: {}", said.trim())
}
