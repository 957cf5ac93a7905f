//! A statement that does not come to an end is ended: nobody's pull request should wait for it for hours.
//!
//! Neither server can be told to do so by itself: PostgreSQL's `statement_timeout` is the file's own affair, MySQL's
//! `max_execution_time` is for SELECT alone. So another session asks the server to end what this one runs
//! ([pg_cancel_backend](https://www.postgresql.org/docs/current/functions-admin.html),
//! [KILL QUERY](https://dev.mysql.com/doc/refman/9.7/en/kill.html)), and asks again, since observing a statement may
//! run it more than once.

use std::future::Future;
use std::pin::pin;
use std::time::Duration;

use pontoon::Dialect;

use super::conn::{Conn, dialect_of};

/// How long a statement may run while it is verified.
pub const STATEMENT_LIMIT: Duration = Duration::from_secs(300);

/// How long the server has to end a statement before it is asked again, and how often it is asked.
const AGAIN: Duration = Duration::from_secs(1);
const ASKED_MAX: u32 = 60;

/// How work on a session ended.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Ended<T> {
    /// By itself.
    InTime(T),
    /// It was ended, and says this.
    OverLimit(T),
    /// The server did not end it.
    Never,
}

/// Lets `work` run on the session that the server knows by `id`, for as long as `limit`.
pub(super) async fn limited<T>(limit: Duration, url: &str, id: &str, work: impl Future<Output = T>) -> Ended<T> {
    let mut work = pin!(work);
    if let Ok(done) = tokio::time::timeout(limit, &mut work).await {
        return Ended::InTime(done);
    }
    for _ in 0..ASKED_MAX {
        let asked = async {
            let _ = tokio::time::timeout(AGAIN, end(url, id)).await;
            tokio::time::sleep(AGAIN).await;
        };
        // the work goes on meanwhile: it is what notices that it was ended
        tokio::select! {
            done = &mut work => return Ended::OverLimit(done),
            () = asked => {}
        }
    }
    Ended::Never
}

async fn end(url: &str, id: &str) -> Result<(), sqlx::Error> {
    let sql = match dialect_of(url) {
        Some(Dialect::MySql) => format!("KILL QUERY {id}"),
        _ => format!("SELECT pg_catalog.pg_cancel_backend({id})"),
    };
    let mut conn = Conn::open(url).await?;
    conn.execute(sql).await?;
    conn.close().await
}
