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
    /// How long others may have waited behind all attempts of a migration together, as the ledger counts them.
    /// Statements that only read while others go on cost nothing, nor do those that copy rows with their author's word.
    pub blocked_total: Duration,
    /// PostgreSQL: how old a transaction is before we wait for it to end and only then begin to build an index
    /// concurrently, which would have to wait for it halfway.
    pub old_transaction: Duration,
    /// Which sessions are ended when they are in the way. Without it, none ever is.
    pub end_blockers: Option<EndBlockers>,
}

impl Default for Patience {
    fn default() -> Self {
        Self {
            lock_timeout: Duration::from_millis(500),
            budget: Duration::from_secs(300),
            blocked_total: Duration::from_secs(60),
            old_transaction: Duration::from_secs(60),
            end_blockers: None,
        }
    }
}

/// Which sessions may be ended: their transactions are rolled back, and their clients see a lost connection.
///
/// A vacuum against wraparound, and a prepared transaction, is never ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct EndBlockers {
    /// When a statement has been waiting for so long, and the other transaction is at least as old.
    pub after: Duration,
    /// Also those that are at work, and not only those that sit idle in their transaction.
    pub active: bool,
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
