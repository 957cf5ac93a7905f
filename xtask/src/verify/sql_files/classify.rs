//! What a statement of PostgreSQL has to do with transactions.

use pontoon::Dialect;

use super::token::{Token, keyword_tokens};

/// Whether a statement begins, ends or divides a transaction.
pub fn is_transaction_control(sql: &str) -> bool {
    // the first words are cut alike for both servers
    let tokens = keyword_tokens(sql, Dialect::Postgres);
    let word = |at: usize, text: &str| tokens.get(at).is_some_and(|it| it.is(text));
    ["begin", "commit", "rollback", "end", "abort", "savepoint", "release"].iter().any(|it| word(0, it))
        || (word(0, "start") && word(1, "transaction"))
        || (word(0, "prepare") && word(1, "transaction"))
        || (word(0, "set") && word(1, "autocommit"))
}

/// Whether the server refuses a statement inside a transaction.
///
/// MySQL refuses nothing there: it commits by itself. A statement that PostgreSQL refuses
/// only because of what the table is (partitioned) cannot be told from its text.
pub fn needs_no_transaction(sql: &str, dialect: Dialect) -> bool {
    if dialect == Dialect::MySql {
        return false;
    }
    let tokens = keyword_tokens(sql, dialect);
    let has = |text: &str| tokens.iter().any(|it| it.is(text));
    let word = |at: usize, text: &str| tokens.get(at).is_some_and(|it| it.is(text));
    let second = |texts: &[&str]| texts.iter().any(|it| word(1, it));
    let global = ["database", "tablespace", "subscription"];
    match tokens.first() {
        Some(first) if first.is("vacuum") => true,
        Some(first) if first.is("create") || first.is("drop") => {
            second(&global) || (before_names(&tokens, "concurrently") && (word(1, "index") || word(2, "index")))
        }
        Some(first) if first.is("alter") => {
            word(1, "system")
                || (word(1, "database") && has("tablespace"))
                || (word(1, "subscription") && (has("refresh") || has("publication")))
                || (word(1, "table") && has("detach") && has("concurrently"))
        }
        Some(first) if first.is("reindex") => {
            has("concurrently")
                || reindexed(&tokens).is_some_and(|it| ["database", "system", "schema"].iter().any(|k| it.is(k)))
        }
        Some(first) if first.is("cluster") => reindexed(&tokens).is_none_or(|it| it.is("verbose") && tokens.len() == 2),
        _ => false,
    }
}

/// Whether a keyword is there before the first name: `CREATE UNIQUE INDEX CONCURRENTLY i`.
fn before_names(tokens: &[Token<'_>], keyword: &str) -> bool {
    let keywords = ["create", "drop", "unique", "index"];
    tokens.iter().find(|it| !keywords.iter().any(|k| it.is(k))).is_some_and(|it| it.is(keyword))
}

/// The first token behind the command and its `(options)`.
fn reindexed<'a>(tokens: &'a [Token<'a>]) -> Option<&'a Token<'a>> {
    let rest = &tokens[1..];
    match rest.first() {
        Some(first) if first.is("(") => rest.iter().skip_while(|it| !it.is(")")).nth(1),
        first => first,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_postgres_refuses_in_a_transaction_is_known() {
        for sql in [
            "CREATE INDEX CONCURRENTLY i ON t (a)",
            "create unique index concurrently if not exists i on t (a)",
            "DROP INDEX CONCURRENTLY i",
            "REINDEX INDEX CONCURRENTLY i",
            "REINDEX (CONCURRENTLY, VERBOSE) TABLE t",
            "REINDEX (VERBOSE) SCHEMA s",
            "REINDEX DATABASE d",
            "/* x */ VACUUM t",
            "CREATE DATABASE d",
            "DROP TABLESPACE s",
            "ALTER SYSTEM SET work_mem = '1MB'",
            "ALTER TABLE t DETACH PARTITION p CONCURRENTLY",
            "CLUSTER",
            "CLUSTER VERBOSE",
            "CREATE SUBSCRIPTION s CONNECTION '' PUBLICATION p",
        ] {
            assert!(needs_no_transaction(sql, Dialect::Postgres), "{sql}");
            assert!(!needs_no_transaction(sql, Dialect::MySql), "{sql}");
        }
    }

    #[test]
    fn what_postgres_takes_in_a_transaction_is_left_there() {
        for sql in [
            "CREATE INDEX \"concurrently\" ON t (a)",
            "CREATE INDEX i ON concurrently (a)",
            "ALTER TYPE e ADD VALUE 'x'",
            "REFRESH MATERIALIZED VIEW CONCURRENTLY v",
            "REINDEX TABLE t",
            "CLUSTER t USING i",
            "ALTER TABLE t DETACH PARTITION p",
            "SELECT 'VACUUM'",
            "",
        ] {
            assert!(!needs_no_transaction(sql, Dialect::Postgres), "{sql}");
        }
    }

    #[test]
    fn transactions_are_told_from_what_looks_like_them() {
        for sql in [
            "BEGIN",
            "start transaction read only",
            "COMMIT AND CHAIN",
            "ROLLBACK TO a",
            "-- x\nEND",
            "SET autocommit = 0",
        ] {
            assert!(is_transaction_control(sql), "{sql}");
        }
        for sql in ["START REPLICA", "PREPARE p AS SELECT 1", "SET lock_timeout = 1", "\"begin\"", ""] {
            assert!(!is_transaction_control(sql), "{sql}");
        }
    }
}
