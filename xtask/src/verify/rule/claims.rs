//! What the file says about a statement, and the server does not do. Wrong in either direction is wrong: a claim that
//! says too much hides the day on which it becomes true.

use super::{Example, Rule};
use crate::verify::finding::Severity;

const EFFECT: &str = "reviewers read what does not happen, and the runner waits and gives way by it";

/// A statement of PostgreSQL with a claim, a fact, a way back and its claim.
macro_rules! postgres {
    ($claim:literal, $done:literal, $undo:literal, $sql:literal) => {
        concat!(
            "-- @stage expand\n\n-- @claim ",
            $claim,
            "\n-- @done ",
            $done,
            "\n-- @undo ",
            $undo,
            "\n-- @undo-claim locks users ACCESS EXCLUSIVE; reads brief; writes brief\n",
            $sql,
            "\n"
        )
    };
}

/// The same of MySQL, where the way back changes the catalog alone.
macro_rules! mysql {
    ($claim:literal) => {
        concat!(
            "-- @stage expand\n\n-- @claim ",
            $claim,
            "\n-- @done column users.phone\n-- @undo ALTER TABLE users DROP COLUMN phone, ALGORITHM=INSTANT;\n\
             -- @undo-claim locks users EXCLUSIVE; algorithm INSTANT; lock NONE; reads brief; writes brief\n\
             ALTER TABLE users ADD COLUMN phone varchar(32);\n"
        )
    };
}

macro_rules! adds_phone {
    ($claim:literal) => {
        postgres!(
            $claim,
            "column users.phone",
            "ALTER TABLE users DROP COLUMN phone;",
            "ALTER TABLE users ADD COLUMN phone varchar(32);"
        )
    };
}

macro_rules! fills_age {
    ($claim:literal) => {
        postgres!(
            $claim,
            "column users.age",
            "ALTER TABLE users DROP COLUMN age;",
            "ALTER TABLE users ADD COLUMN age double precision DEFAULT random();"
        )
    };
}

macro_rules! binds_name {
    ($claim:literal) => {
        postgres!(
            $claim,
            "constraint users.name_short",
            "ALTER TABLE users DROP CONSTRAINT name_short;",
            "ALTER TABLE users ADD CONSTRAINT name_short CHECK (length(name) < 1000);"
        )
    };
}

pub(super) const CLAIM_LOCK: Rule = Rule {
    code: "claim-lock",
    severity: Severity::Error,
    waivable: false,
    condition: "the statement takes another lock on a table than is claimed, or locks another table",
    effect: EFFECT,
    workaround: "claim what it does, or change the statement",
    example: Example::postgres(
        adds_phone!("locks users SHARE; reads brief; writes brief"),
        adds_phone!("locks users ACCESS EXCLUSIVE; reads brief; writes brief"),
    ),
};

pub(super) const CLAIM_BLOCKS: Rule = Rule {
    code: "claim-blocks",
    severity: Severity::Error,
    waivable: false,
    condition: "readers or writers wait for another time than is claimed: not at all, briefly, or as the table grows",
    effect: EFFECT,
    workaround: "claim what is seen, or change the statement",
    example: Example::postgres(
        adds_phone!("locks users ACCESS EXCLUSIVE; reads no; writes brief"),
        adds_phone!("locks users ACCESS EXCLUSIVE; reads brief; writes brief"),
    ),
};

pub(super) const CLAIM_REWRITE: Rule = Rule {
    code: "claim-rewrite",
    severity: Severity::Error,
    waivable: false,
    condition: "the statement writes all rows of a table anew, and the claim does not say so; or the other way round",
    effect: EFFECT,
    workaround: "claim `rewrites` if that is meant; otherwise change the statement",
    example: Example::postgres(
        fills_age!("locks users ACCESS EXCLUSIVE; scans users; reads rows; writes rows"),
        fills_age!("locks users ACCESS EXCLUSIVE; rewrites users; scans users; reads rows; writes rows"),
    ),
};

pub(super) const CLAIM_SCAN: Rule = Rule {
    code: "claim-scan",
    severity: Severity::Error,
    waivable: false,
    condition: "the statement reads a whole table, and the claim does not say so; or the other way round",
    effect: EFFECT,
    workaround: "claim `scans` if that is meant; otherwise change the statement",
    example: Example::postgres(
        binds_name!("locks users ACCESS EXCLUSIVE; reads rows; writes rows"),
        binds_name!("locks users ACCESS EXCLUSIVE; scans users; reads rows; writes rows"),
    ),
};

pub(super) const CLAIM_ALGORITHM: Rule = Rule {
    code: "claim-algorithm",
    severity: Severity::Error,
    waivable: false,
    condition: "MySQL carries out an ALTER by another algorithm than is claimed",
    effect: EFFECT,
    workaround: "claim what the server does, or change the statement until it does what is claimed",
    example: Example::mysql(
        mysql!("locks users EXCLUSIVE; algorithm INPLACE; lock NONE; reads brief; writes brief"),
        mysql!("locks users EXCLUSIVE; algorithm INSTANT; lock NONE; reads brief; writes brief"),
    ),
};

pub(super) const CLAIM_LOCK_CLAUSE: Rule = Rule {
    code: "claim-lock-clause",
    severity: Severity::Error,
    waivable: false,
    condition: "the least `LOCK=` that MySQL accepts for an ALTER is another one than is claimed",
    effect: EFFECT,
    workaround: "claim what the server does, or change the statement until it does what is claimed",
    example: Example::mysql(
        mysql!("locks users EXCLUSIVE; algorithm INSTANT; lock SHARED; reads brief; writes brief"),
        mysql!("locks users EXCLUSIVE; algorithm INSTANT; lock NONE; reads brief; writes brief"),
    ),
};

pub(super) const DONE_FACT: Rule = Rule {
    code: "done-fact",
    severity: Severity::Error,
    waivable: false,
    condition: "what the catalog is to say once the statement is done, it says before, or does not say afterwards",
    effect: "after a crash the runner cannot tell whether the statement has run: it repeats it, or leaves it out",
    workaround: "let `@done` name something that this statement alone makes true",
    example: Example::postgres(
        postgres!(
            "locks users ACCESS EXCLUSIVE; reads brief; writes brief",
            "column users.email",
            "ALTER TABLE users DROP COLUMN phone;",
            "ALTER TABLE users ADD COLUMN phone varchar(32);"
        ),
        adds_phone!("locks users ACCESS EXCLUSIVE; reads brief; writes brief"),
    ),
};
