//! MySQL: a second session that ends a statement's wait for a metadata lock before whole seconds
//! are over.

use std::convert::Infallible;
use std::time::{Duration, Instant};

use super::Session;

/// Watches a connection, for as long as it is polled. What it cannot see it leaves to `lock_wait_timeout`.
pub(crate) async fn watch(session: &mut Option<Session>, connection: &str, budget: Duration) -> Infallible {
    let Some(session) = session else { return std::future::pending().await };
    let state = format!("SELECT STATE FROM performance_schema.processlist WHERE ID = {connection}");
    let mut waiting: Option<Instant> = None;
    loop {
        tokio::time::sleep(Duration::from_millis(20)).await;
        let state = session.value(&state).await.ok().flatten().unwrap_or_default();
        if !state.starts_with("Waiting for table metadata lock") {
            waiting = None;
            continue;
        }
        if waiting.get_or_insert_with(Instant::now).elapsed() >= budget {
            session.execute(&format!("KILL QUERY {connection}")).await.ok();
            waiting = None;
        }
    }
}
