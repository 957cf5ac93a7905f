//! What became of a statement, of its way back, and of the questions that a migration asks.

use super::{Example, Rule};
use crate::verify::finding::Severity;

pub(super) const CLIENT_ERROR: Rule = Rule {
    code: "client-error",
    severity: Severity::Error,
    waivable: true,
    condition: "a client that read or wrote the table meanwhile was told an error",
    effect: "code that is at work while the migration runs fails",
    workaround: "change the statement so that code that knows only the schema before it goes on working",
    example: Example::postgres(
        "-- no-transaction\n\
         ALTER TABLE users ADD CONSTRAINT email_ours CHECK (email LIKE '%@example.org') NOT VALID;\n\
         ALTER TABLE users SET (fillfactor = 90);",
        "-- no-transaction\n\
         ALTER TABLE users ADD CONSTRAINT email_short CHECK (length(email) <= 320) NOT VALID;\n\
         ALTER TABLE users SET (fillfactor = 90);",
    ),
};

pub(super) const STALE_PLAN: Rule = Rule {
    code: "stale-plan",
    severity: Severity::Warning,
    waivable: true,
    condition: "a column has another type under the same name, and statements prepared before that read it fail",
    effect: "PostgreSQL tells whoever executes one `cached plan must not change result type`, again and again until the driver \
             prepares it anew, which some do by themselves and others never",
    workaround: "see that the application's driver prepares anew after this error, or give its connections new ones directly \
                 after the statement; or put the new type into a column of another name",
    example: Example::postgres(
        "ALTER TABLE users ALTER COLUMN name TYPE varchar(128);",
        "ALTER TABLE users ADD COLUMN long_name varchar(128);",
    ),
};

pub(super) const ERROR: Rule = Rule {
    code: "error",
    severity: Severity::Error,
    waivable: false,
    condition: "the server refused the statement",
    effect: "the migration stops here; what comes behind it did not run and is not verified",
    workaround: "run it by hand on a copy of the schema and correct it",
    example: Example::postgres("ALTER TABLE users ADD COLUMN age integr;", "ALTER TABLE users ADD COLUMN age integer;"),
};

pub(super) const UNREADABLE: Rule = Rule {
    code: "unreadable",
    severity: Severity::Error,
    waivable: false,
    condition: "the file cannot be read, or cannot be cut into statements",
    effect: "none of it ran, so nothing of it is verified; the other files are",
    workaround: "correct it as the message says",
    example: Example::postgres(
        "\\set age integer\nALTER TABLE users ADD COLUMN age :age;",
        "\\set ON_ERROR_STOP on\nALTER TABLE users ADD COLUMN age integer;",
    ),
};

pub(super) const STATEMENT_LIMIT: Rule = Rule {
    code: "statement-limit",
    severity: Severity::Error,
    waivable: false,
    condition: "the statement was still running after as many seconds as `--statement-limit` allows, and was ended",
    effect: "the migration stops here; what comes behind it did not run and is not verified",
    workaround: "run it in smaller parts; where it needs its time, give `--statement-limit` more or `--rows` less",
    example: Example::postgres("SELECT pg_sleep(3600);", "SELECT pg_sleep(0);"),
};

pub(super) const CONNECTION_LOST: Rule = Rule {
    code: "connection-lost",
    severity: Severity::Error,
    waivable: false,
    condition: "the connection was lost while the statement ran: it ended its session, or the server",
    effect: "nothing of this migration is verified, and what comes behind it runs on a server without it",
    workaround: "look at the server's log, and run the migration alone with `--only`",
    example: Example::postgres(
        "SELECT pg_terminate_backend(pg_backend_pid());",
        "SELECT pg_cancel_backend(pid) FROM pg_stat_activity WHERE false;",
    ),
};

pub(super) const LEFT_OPEN: Rule = Rule {
    code: "left-open",
    severity: Severity::Error,
    waivable: false,
    condition: "the file ends with a transaction open or tables locked",
    effect: "what was not committed is lost when the connection ends",
    workaround: "end it with COMMIT or UNLOCK TABLES, or remove the BEGIN",
    example: Example::postgres(
        "BEGIN;\nALTER TABLE users ADD COLUMN age integer;",
        "BEGIN;\nALTER TABLE users ADD COLUMN age integer;\nCOMMIT;",
    ),
};

pub(super) const UNDO_DIFFERS: Rule = Rule {
    code: "undo-differs",
    severity: Severity::Error,
    waivable: true,
    condition: "after the way back the schema is not what it was before the way there",
    effect: "who goes back in an emergency gets a schema that no code was tested with",
    workaround: "make the way back undo everything that the way there does",
    example: Example::postgres(
        "-- @stage expand\n\n\
         -- @claim locks users ACCESS EXCLUSIVE; reads brief; writes brief\n\
         -- @done default users.name\n\
         -- @undo ALTER TABLE users ALTER COLUMN name SET DEFAULT 'nobody';\n\
         -- @undo-claim locks users ACCESS EXCLUSIVE; reads brief; writes brief\n\
         -- @undo-done default users.name\n\
         ALTER TABLE users ALTER COLUMN name SET DEFAULT 'somebody';\n",
        "-- @stage expand\n\n\
         -- @claim locks users ACCESS EXCLUSIVE; reads brief; writes brief\n\
         -- @done default users.name\n\
         -- @undo ALTER TABLE users ALTER COLUMN name DROP DEFAULT;\n\
         -- @undo-claim locks users ACCESS EXCLUSIVE; reads brief; writes brief\n\
         ALTER TABLE users ALTER COLUMN name SET DEFAULT 'somebody';\n",
    ),
};

pub(super) const UNOBSERVED: Rule = Rule {
    code: "unobserved",
    severity: Severity::Error,
    waivable: false,
    condition: "something that was claimed, or that has to be known, could not be observed",
    effect: "nobody knows what the statement does there; what was not observed is not passed",
    workaround: "make it observable: give the tables rows, or split the statement",
    example: Example::postgres(
        "-- @stage expand\n\n\
         -- @claim locks none; reads no; writes no\n\
         -- @done table audit\n\
         -- @undo DROP TABLE audit;\n\
         -- @undo-claim locks audit ACCESS EXCLUSIVE; reads brief; writes brief\n\
         CREATE TABLE audit (id bigint PRIMARY KEY, note text NOT NULL);\n\n\
         -- @claim locks audit SHARE; scans audit; reads no; writes brief\n\
         -- @done index audit.audit_note\n\
         -- @undo DROP INDEX audit_note;\n\
         -- @undo-claim locks audit ACCESS EXCLUSIVE; reads brief; writes brief\n\
         CREATE INDEX audit_note ON audit (note);\n",
        "-- @stage expand\n\n\
         -- @claim locks none; reads no; writes no\n\
         -- @done table audit\n\
         -- @undo DROP TABLE audit;\n\
         -- @undo-claim locks audit ACCESS EXCLUSIVE; reads brief; writes brief\n\
         CREATE TABLE audit (id bigint PRIMARY KEY, note text NOT NULL);\n\n\
         -- @claim locks audit SHARE; reads no; writes brief\n\
         -- @done index audit.audit_note\n\
         -- @undo DROP INDEX audit_note;\n\
         -- @undo-claim locks audit ACCESS EXCLUSIVE; reads brief; writes brief\n\
         CREATE INDEX audit_note ON audit (note);\n",
    ),
};

pub(super) const ASSERTION: Rule = Rule {
    code: "assertion",
    severity: Severity::Error,
    waivable: false,
    condition: "a question of the migration found rows that it says there are none of",
    effect: "in production the migration stops there",
    workaround: "correct the rows, or the step that should have",
    example: Example::postgres(
        "-- @stage validate\n\n\
         -- @assert there are users without an id\n\
         SELECT id FROM users WHERE id IS NOT NULL;\n",
        "-- @stage validate\n\n\
         -- @assert there are users without an id\n\
         SELECT id FROM users WHERE id IS NULL;\n",
    ),
};

pub(super) const INVARIANT: Rule = Rule {
    code: "invariant",
    severity: Severity::Error,
    waivable: false,
    condition: "rows have no value after the backfill, as its invariant says",
    effect: "the next stage fails, or new code reads rows without a value",
    workaround: "correct the expression or the invariant",
    example: Example::postgres(
        "-- @stage backfill\n\n\
         -- @backfill users.name\n\
         -- @claim locks users ROW EXCLUSIVE; reads no; writes brief\n\
         -- @invariant SELECT count(*) FROM users WHERE name <> 'nobody';\n\
         -- @walk keys id as bigint\n\
         UPDATE users SET name = 'somebody' WHERE id >= $1::text::bigint AND id <= $2::text::bigint \
         AND (name IS NULL OR name <> 'somebody');\n",
        "-- @stage backfill\n\n\
         -- @backfill users.name\n\
         -- @claim locks users ROW EXCLUSIVE; reads no; writes brief\n\
         -- @invariant SELECT count(*) FROM users WHERE name <> 'somebody' OR name IS NULL;\n\
         -- @walk keys id as bigint\n\
         UPDATE users SET name = 'somebody' WHERE id >= $1::text::bigint AND id <= $2::text::bigint \
         AND (name IS NULL OR name <> 'somebody');\n",
    ),
};

pub(super) const NOT_NEEDED: Rule = Rule {
    code: "not-needed",
    severity: Severity::Note,
    waivable: true,
    condition: "the statement is for a state of the catalog that is not there",
    effect: "it was not run here, so nothing is known about it",
    workaround: "where it is needed, it is verified",
    example: Example::postgres(
        "-- @stage expand\n\n\
         -- @unless column users.email\n\
         -- @claim locks users ACCESS EXCLUSIVE; reads brief; writes brief\n\
         -- @done column users.email\n\
         -- @undo nothing: it was there\n\
         ALTER TABLE users ADD COLUMN email varchar(320);\n",
        "-- @stage expand\n\n\
         -- @claim locks users ACCESS EXCLUSIVE; reads brief; writes brief\n\
         -- @done column users.phone\n\
         -- @undo ALTER TABLE users DROP COLUMN phone;\n\
         -- @undo-claim locks users ACCESS EXCLUSIVE; reads brief; writes brief\n\
         ALTER TABLE users ADD COLUMN phone varchar(32);\n",
    ),
};

pub(super) const OTHER_SERVER: Rule = Rule {
    code: "other-server",
    severity: Severity::Note,
    waivable: true,
    condition: "the statement is for other versions of the server",
    effect: "it was not run here, so nothing is known about it",
    workaround: "verify it on such a server too: `--engine`",
    example: Example::postgres(
        "-- @stage expand\n\n\
         -- @server >= 99\n\
         -- @claim locks users ACCESS EXCLUSIVE; reads brief; writes brief\n\
         -- @done column users.phone\n\
         -- @undo ALTER TABLE users DROP COLUMN phone;\n\
         -- @undo-claim locks users ACCESS EXCLUSIVE; reads brief; writes brief\n\
         ALTER TABLE users ADD COLUMN phone varchar(32);\n",
        "-- @stage expand\n\n\
         -- @server < 99\n\
         -- @claim locks users ACCESS EXCLUSIVE; reads brief; writes brief\n\
         -- @done column users.phone\n\
         -- @undo ALTER TABLE users DROP COLUMN phone;\n\
         -- @undo-claim locks users ACCESS EXCLUSIVE; reads brief; writes brief\n\
         ALTER TABLE users ADD COLUMN phone varchar(32);\n",
    ),
};

pub(super) const NOT_REGISTERED: Rule = Rule {
    code: "not-registered",
    severity: Severity::Note,
    waivable: true,
    condition: "a backfill names a Rust function that the command does not have",
    effect: "its batches were not run here, so nothing is known about them",
    workaround: "give it to `pontoon_xtask::main_with`",
    example: Example::postgres(
        "-- @stage backfill\n\n\
         -- @backfill users.name\n\
         -- @claim locks users ROW EXCLUSIVE; reads no; writes brief\n\
         -- @invariant SELECT count(*) FROM users WHERE name IS NULL;\n\
         -- @rust name_of_user\n\
         -- @write UPDATE users SET name = $1 WHERE id = $2::text::bigint\n\
         -- @walk keys id as bigint\n\
         SELECT id, email FROM users WHERE id >= $1::text::bigint AND id <= $2::text::bigint AND name IS NULL;\n",
        "-- @stage backfill\n\n\
         -- @backfill users.name\n\
         -- @claim locks users ROW EXCLUSIVE; reads no; writes brief\n\
         -- @invariant SELECT count(*) FROM users WHERE name IS NULL;\n\
         -- @walk keys id as bigint\n\
         UPDATE users SET name = 'nobody' WHERE id >= $1::text::bigint AND id <= $2::text::bigint AND name IS NULL;\n",
    ),
};
