//! What a project says about its own migrations: budgets in `Cargo.toml`, waivers beside the statements.

use super::{Example, Rule};
use crate::verify::finding::Severity;

pub(super) const LONGEST_STALL: Rule = Rule {
    code: "longest-stall",
    severity: Severity::Error,
    waivable: true,
    condition: "a client waited longer for the statement than `longest-stall-ms` in `[package.metadata.pontoon]` allows",
    effect: "requests that need the table take so much longer, or run into their timeouts",
    workaround: "split the statement, or shorten what it does while it holds the lock",
    example: Example::postgres(
        "-- no-transaction\n\
         DO $$ BEGIN LOCK TABLE orders; PERFORM pg_sleep(1); END $$;",
        "-- no-transaction\n\
         DO $$ BEGIN PERFORM pg_sleep(1); LOCK TABLE orders; END $$;",
    )
    .with("longest-stall-ms = 700"),
};

pub(super) const STRONGEST_LOCK: Rule = Rule {
    code: "strongest-lock",
    severity: Severity::Error,
    waivable: true,
    condition: "the statement takes a stronger lock on a table than `strongest-lock` in `[package.metadata.pontoon]` allows",
    effect: "the table is one that even a brief lock hurts: whoever comes while it is waited for, waits behind it",
    workaround: "find a way with a weaker lock, or run it while the table is quiet and waive it",
    example: Example::postgres(
        "ALTER TABLE orders ALTER COLUMN total SET DEFAULT 0;",
        "ALTER TABLE orders ALTER COLUMN total SET STATISTICS 500;",
    )
    .with("strongest-lock = { orders = \"SHARE UPDATE EXCLUSIVE\" }"),
};

pub(super) const WAIVER: Rule = Rule {
    code: "waiver",
    severity: Severity::Error,
    waivable: false,
    condition: "a waiver is not understood, gives no reason, or is for a rule that is unknown or cannot be waived",
    effect: "it waives nothing, and whoever reads it thinks that it does",
    workaround: "write `-- pontoon: allow(RULE, reason = \"...\")` above the statement",
    example: Example::postgres(
        "-- pontoon: allow(brief-lock)\nALTER TABLE orders ADD COLUMN note text;",
        "-- pontoon: allow(brief-lock, reason = \"the runner sets lock_timeout\")\nALTER TABLE orders ADD COLUMN note text;",
    ),
};

pub(super) const WAIVER_UNUSED: Rule = Rule {
    code: "waiver-unused",
    severity: Severity::Warning,
    waivable: false,
    condition: "a waiver allows what no server did",
    effect: "it hides the day on which a server begins to",
    workaround: "remove it",
    example: Example::postgres(
        "-- pontoon: allow(rewrite, reason = \"it was so on 10\")\nALTER TABLE orders ADD COLUMN note text DEFAULT '';",
        "ALTER TABLE orders ADD COLUMN note text DEFAULT '';",
    ),
};
