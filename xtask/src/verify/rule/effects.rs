//! What a statement does to those who use its tables, whatever was claimed.

use super::{Example, Rule};
use crate::verify::finding::Severity;

pub(super) const REWRITE: Rule = Rule {
    code: "rewrite",
    severity: Severity::Error,
    waivable: true,
    condition: "all rows of a table in use are written anew",
    effect: "the time, the disk space and the replicas' lag grow with the table",
    workaround: "add a new column or table beside it, fill it in batches, and switch over; or find the spelling \
                 that changes the catalog alone",
    example: Example::postgres(
        "ALTER TABLE orders ALTER COLUMN total TYPE bigint;",
        "ALTER TABLE orders ADD COLUMN total_wide bigint;",
    ),
};

pub(super) const BLOCKS_READS_ROWS: Rule = Rule {
    code: "blocks-reads-rows",
    severity: Severity::Error,
    waivable: true,
    condition: "readers of a table in use are kept out while rows are read or written",
    effect: "every query on the table waits, and all connections fill up behind it",
    workaround: "split the statement: take the strong lock for a change of the catalog alone, and do the long work \
                 under a weaker one (NOT VALID then VALIDATE, CREATE INDEX CONCURRENTLY, ALGORITHM=INPLACE)",
    example: Example::postgres(
        "ALTER TABLE orders ADD CONSTRAINT total_sane CHECK (total > -1000000);",
        "ALTER TABLE orders ADD CONSTRAINT total_sane CHECK (total > -1000000) NOT VALID;",
    ),
};

pub(super) const BLOCKS_WRITES_ROWS: Rule = Rule {
    code: "blocks-writes-rows",
    severity: Severity::Error,
    waivable: true,
    condition: "writers of a table in use are kept out while rows are read or written",
    effect: "every insert, update and delete waits for the whole time",
    workaround: "build indexes CONCURRENTLY (PostgreSQL) or with LOCK=NONE (MySQL), prove constraints with NOT VALID \
                 and VALIDATE, change rows in batches",
    example: Example::postgres(
        "CREATE INDEX orders_user_id ON orders (user_id);",
        "-- no-transaction\nCREATE INDEX CONCURRENTLY orders_user_id ON orders (user_id);",
    ),
};

pub(super) const WHOLE_TABLE_WRITE: Rule = Rule {
    code: "whole-table-write",
    severity: Severity::Error,
    waivable: true,
    condition: "one UPDATE or DELETE changes all rows of a table in use",
    effect: "every row stays locked until the end, the log and the replicas lag behind, and a rollback takes as long",
    workaround: "change the rows in batches by ranges of the key, each in its own transaction",
    example: Example::postgres(
        "UPDATE users SET name = 'nobody';",
        "UPDATE users SET name = 'nobody' WHERE id BETWEEN 1 AND 100;",
    ),
};

pub(super) const LOCK_HELD_THROUGH_FILE: Rule = Rule {
    code: "lock-held-through-file",
    severity: Severity::Warning,
    waivable: true,
    condition: "a strong lock is kept, by the transaction around the file, while a later statement reads or rewrites a \
                table",
    effect: "a lock that is brief by itself lasts as long as the slowest statement behind it",
    workaround: "put the later statement into a migration of its own, or write `-- no-transaction` in the first line",
    example: Example::postgres(
        "ALTER TABLE orders ADD CONSTRAINT total_sane CHECK (total > -1000000) NOT VALID;\n\
         ALTER TABLE orders VALIDATE CONSTRAINT total_sane;",
        "-- no-transaction\n\
         ALTER TABLE orders ADD CONSTRAINT total_sane CHECK (total > -1000000) NOT VALID;\n\
         ALTER TABLE orders VALIDATE CONSTRAINT total_sane;",
    ),
};

pub(super) const NEEDS_NO_TRANSACTION: Rule = Rule {
    code: "needs-no-transaction",
    severity: Severity::Warning,
    waivable: true,
    condition: "a statement that cannot run in a transaction stands in a file that is run in one",
    effect: "the migration fails where the runner opens a transaction around the file",
    workaround: "write `-- no-transaction` in the file's first line, and leave the statement alone in its file",
    example: Example::postgres(
        "CREATE INDEX CONCURRENTLY orders_user_id ON orders (user_id);",
        "-- no-transaction\nCREATE INDEX CONCURRENTLY orders_user_id ON orders (user_id);",
    ),
};

pub(super) const BRIEF_LOCK: Rule = Rule {
    code: "brief-lock",
    severity: Severity::Note,
    waivable: true,
    condition: "a lock keeps everybody out of a table in use, for a moment, and the session waits for it for more than 5 s if need be",
    effect: "while the statement waits for the lock, everybody who comes later waits behind it",
    workaround: "set a short lock_timeout (MySQL: lock_wait_timeout) above it in the file, and try again when it runs out",
    example: Example::postgres(
        "ALTER TABLE orders ALTER COLUMN total SET DEFAULT 0;",
        "SET lock_timeout = '2s';\nALTER TABLE orders ALTER COLUMN total SET DEFAULT 0;",
    ),
};
