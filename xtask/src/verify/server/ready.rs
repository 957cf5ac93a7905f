//! Whether a server answers yet. The only sign that counts is an answer: images print
//! their lines of readiness more than once, or before they mean it.

use std::time::Duration;

use tokio::time::{Instant, sleep, timeout};

use crate::verify::conn::{Conn, message_of};

/// How long one attempt may take. A container's proxy takes the connection long before the server does.
const ATTEMPT: Duration = Duration::from_secs(5);
const PAUSE: Duration = Duration::from_millis(100);
/// A first start on a slow disk.
const PATIENCE: Duration = Duration::from_secs(180);

/// Tries once.
pub(super) async fn once(url: &str) -> Result<(), String> {
    match timeout(ATTEMPT, version(url)).await {
        Ok(Ok(_)) => Ok(()),
        Ok(Err(error)) => Err(message_of(&error)),
        Err(_) => Err(format!("no answer within {} seconds", ATTEMPT.as_secs())),
    }
}

/// How much longer a server is waited for.
pub(super) struct Patience(Instant);

impl Patience {
    pub(super) fn new() -> Self {
        Self(Instant::now())
    }

    /// Waits before the next attempt; ends with `reason` when it has been long enough.
    pub(super) async fn wait(&self, reason: String) -> Result<(), String> {
        if self.0.elapsed() > PATIENCE {
            return Err(format!("it does not answer after {} seconds: {reason}", PATIENCE.as_secs()));
        }
        sleep(PAUSE).await;
        Ok(())
    }
}

/// The server's version, its numbers alone: `17.11`.
pub(super) async fn version(url: &str) -> Result<String, sqlx::Error> {
    let mut conn = Conn::open(url).await?;
    let text = conn.value("SELECT version()").await?.unwrap_or_default();
    let _ = conn.close().await;
    Ok(version_in(&text).unwrap_or(text))
}

/// The first version number in a text such as `PostgreSQL 17.11 (Debian 17.11-0)` or `9.7.4-debug`.
pub(super) fn version_in(text: &str) -> Option<String> {
    let word = text.split([' ', '\t']).find(|word| word.starts_with(|c: char| c.is_ascii_digit()))?;
    let end = word.find(|c: char| !c.is_ascii_digit() && c != '.').unwrap_or(word.len());
    Some(word[..end].trim_end_matches('.').to_owned())
}

#[cfg(test)]
mod tests {
    use super::version_in;

    #[test]
    fn the_version_is_found_in_what_servers_say() {
        for (text, expected) in [
            ("PostgreSQL 17.11 (Debian 17.11-0+deb13u1) on x86_64", "17.11"),
            ("postgres (PostgreSQL) 18beta1", "18"),
            ("/usr/sbin/mysqld  Ver 9.7.4 for Linux on x86_64 ((Debian))", "9.7.4"),
            ("8.0.42-0ubuntu0.24.04.1", "8.0.42"),
        ] {
            assert_eq!(version_in(text).as_deref(), Some(expected));
        }
    }
}
