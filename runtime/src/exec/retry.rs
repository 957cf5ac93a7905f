//! When to try again, and for how long.

use std::time::Duration;

use super::session::code;

/// How long we wait for others, and how briefly others wait for us.
#[derive(Debug, Clone, Copy)]
pub struct Patience {
    /// How long an attempt stands in the queue for a lock. This is what other sessions feel:
    /// they queue behind us.
    pub lock_timeout: Duration,
    /// How long one statement may be tried in all.
    pub budget: Duration,
}

impl Default for Patience {
    fn default() -> Self {
        Self { lock_timeout: Duration::from_millis(500), budget: Duration::from_secs(300) }
    }
}

/// Whether the server gave way to others: nothing was changed, and it can be tried again.
///
/// PostgreSQL: lock not available, deadlock, serialization failure. MySQL: lock wait timeout,
/// deadlock, interrupted (by our own watchdog).
pub(crate) fn gave_way(error: &sqlx::Error) -> bool {
    const CODES: &[&str] = &["55P03", "40P01", "40001", "1205", "1213", "1317"];
    code(error).is_some_and(|code| CODES.contains(&code.as_str()))
}

/// The pause before an attempt: it doubles up to two seconds, and is drawn from its upper half
/// so that two runners do not meet again and again.
pub(crate) fn pause(attempt: u32) -> Duration {
    let longest = 50_u64.saturating_mul(1 << attempt.min(6)).min(2_000);
    Duration::from_millis(fastrand::u64(longest / 2..=longest))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pauses_grow_and_end() {
        for attempt in 0..40 {
            assert!(pause(attempt) <= Duration::from_secs(2));
        }
        assert!(pause(6) >= Duration::from_millis(1_000));
    }
}
