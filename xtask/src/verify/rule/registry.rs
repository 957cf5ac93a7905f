//! All rules.

use super::{Rule, RuleId, claims, effects, outcomes, project};

/// All rules; their order is that of lists.
pub const RULES: &[&Rule] = &[
    &effects::REWRITE,
    &effects::BLOCKS_READS_ROWS,
    &effects::BLOCKS_WRITES_ROWS,
    &effects::WHOLE_TABLE_WRITE,
    &effects::LOCK_HELD_THROUGH_FILE,
    &effects::NEEDS_NO_TRANSACTION,
    &effects::BRIEF_LOCK,
    &outcomes::CLIENT_ERROR,
    &outcomes::STALE_PLAN,
    &outcomes::ERROR,
    &outcomes::UNREADABLE,
    &outcomes::STATEMENT_LIMIT,
    &outcomes::CONNECTION_LOST,
    &outcomes::LEFT_OPEN,
    &outcomes::UNDO_DIFFERS,
    &outcomes::UNOBSERVED,
    &outcomes::ASSERTION,
    &outcomes::INVARIANT,
    &outcomes::NOT_NEEDED,
    &outcomes::OTHER_SERVER,
    &outcomes::NOT_REGISTERED,
    &claims::CLAIM_LOCK,
    &claims::CLAIM_BLOCKS,
    &claims::CLAIM_REWRITE,
    &claims::CLAIM_SCAN,
    &claims::CLAIM_ALGORITHM,
    &claims::CLAIM_LOCK_CLAUSE,
    &claims::DONE_FACT,
    &project::LONGEST_STALL,
    &project::STRONGEST_LOCK,
    &project::WAIVER,
    &project::WAIVER_UNUSED,
];

macro_rules! ids {
    ($($name:ident = $code:literal),* $(,)?) => {
        $(
            #[doc = concat!("`", $code, "`")]
            pub const $name: RuleId = RuleId::of($code);
        )*
    };
}

ids! {
    REWRITE = "rewrite",
    BLOCKS_READS_ROWS = "blocks-reads-rows",
    BLOCKS_WRITES_ROWS = "blocks-writes-rows",
    WHOLE_TABLE_WRITE = "whole-table-write",
    LOCK_HELD_THROUGH_FILE = "lock-held-through-file",
    NEEDS_NO_TRANSACTION = "needs-no-transaction",
    BRIEF_LOCK = "brief-lock",
    CLIENT_ERROR = "client-error",
    STALE_PLAN = "stale-plan",
    ERROR = "error",
    UNREADABLE = "unreadable",
    STATEMENT_LIMIT = "statement-limit",
    CONNECTION_LOST = "connection-lost",
    LEFT_OPEN = "left-open",
    UNDO_DIFFERS = "undo-differs",
    UNOBSERVED = "unobserved",
    ASSERTION = "assertion",
    INVARIANT = "invariant",
    NOT_NEEDED = "not-needed",
    OTHER_SERVER = "other-server",
    NOT_REGISTERED = "not-registered",
    CLAIM_LOCK = "claim-lock",
    CLAIM_BLOCKS = "claim-blocks",
    CLAIM_REWRITE = "claim-rewrite",
    CLAIM_SCAN = "claim-scan",
    CLAIM_ALGORITHM = "claim-algorithm",
    CLAIM_LOCK_CLAUSE = "claim-lock-clause",
    DONE_FACT = "done-fact",
    LONGEST_STALL = "longest-stall",
    STRONGEST_LOCK = "strongest-lock",
    WAIVER = "waiver",
    WAIVER_UNUSED = "waiver-unused",
}
