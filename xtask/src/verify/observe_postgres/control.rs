//! Which statements open, close or need a transaction of the file's own.

use crate::verify::words::{Word, begins, contains};

/// What a statement does to the transaction it runs in.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Control {
    /// Opens one.
    Begin,
    /// Ends one.
    End,
    /// Makes sense only together with the statements after it, in one transaction.
    Needs,
    /// Nothing.
    Plain,
}

pub(super) fn control(words: &[Word]) -> Control {
    if begins(words, &["BEGIN"]) || begins(words, &["START", "TRANSACTION"]) {
        return Control::Begin;
    }
    let to_savepoint = contains(words, &["TO"]) && begins(words, &["ROLLBACK"]);
    if !to_savepoint && ["COMMIT", "END", "ROLLBACK", "ABORT"].iter().any(|it| begins(words, &[it])) {
        return Control::End;
    }
    let needs: [&[&str]; 7] = [
        &["SAVEPOINT"],
        &["RELEASE"],
        &["LOCK"],
        &["SET", "LOCAL"],
        &["SET", "CONSTRAINTS"],
        &["SET", "TRANSACTION"],
        &["DECLARE"],
    ];
    let at_commit = begins(words, &["CREATE"]) && contains(words, &["ON", "COMMIT"]);
    if to_savepoint || at_commit || needs.iter().any(|it| begins(words, it)) { Control::Needs } else { Control::Plain }
}

#[cfg(test)]
mod tests {
    use pontoon::Dialect;

    use super::*;
    use crate::verify::words::words;

    #[test]
    fn transaction_control_is_told_apart() {
        for (sql, expected) in [
            ("begin", Control::Begin),
            ("START TRANSACTION ISOLATION LEVEL SERIALIZABLE", Control::Begin),
            ("COMMIT", Control::End),
            ("END", Control::End),
            ("ROLLBACK TO SAVEPOINT a", Control::Needs),
            ("ROLLBACK", Control::End),
            ("SET LOCAL lock_timeout = '1s'", Control::Needs),
            ("SET lock_timeout = '1s'", Control::Plain),
            ("LOCK TABLE t", Control::Needs),
            ("CREATE TEMP TABLE x (a int) ON COMMIT DROP", Control::Needs),
            ("COMMENT ON TABLE t IS 'COMMIT'", Control::Plain),
        ] {
            assert_eq!(control(&words(sql, Dialect::Postgres)), expected, "{sql}");
        }
    }
}
