//! Asking MySQL how it would carry out an ALTER.
//!
//! A request for an algorithm that the server cannot grant is refused at once and changes
//! nothing; the first that is granted is what the server would have chosen, and is carried out.

use pontoon::Dialect;
use pontoon::migration::{Algorithm, LockClause};

use crate::verify::sql_files::keyword_tokens;
use crate::verify::words::{Word, begins, words};

/// A statement with the algorithm and lock that it asks for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Request {
    pub(super) sql: String,
    pub(super) algorithm: Algorithm,
    pub(super) lock: LockClause,
}

/// What the server tries by itself, in its order; a copy never lets writers by.
const ORDER: [(Algorithm, LockClause); 6] = [
    (Algorithm::Instant, LockClause::None),
    (Algorithm::Inplace, LockClause::None),
    (Algorithm::Inplace, LockClause::Shared),
    (Algorithm::Inplace, LockClause::Exclusive),
    (Algorithm::Copy, LockClause::Shared),
    (Algorithm::Copy, LockClause::Exclusive),
];

/// The requests to make, in their order; none for a statement that has no algorithm.
///
/// Clauses of the statement's own stay: what they leave open is asked for beside them.
pub(super) fn requests(sql: &str) -> Vec<Request> {
    let words = words(sql, Dialect::MySql);
    let Some(slot) = slot(sql, &words) else { return Vec::new() };
    let own_algorithm = own_clause(&words, "ALGORITHM", &["INSTANT", "INPLACE", "COPY"]);
    let own_lock = own_clause(&words, "LOCK", &["NONE", "SHARED", "EXCLUSIVE"]);
    let fits = |own: &Option<Clause>, asked: &str| own.as_ref().is_none_or(|own| own.value == asked);
    let request = |(algorithm, lock): (Algorithm, LockClause)| {
        let sql = match (&own_algorithm, &own_lock) {
            // LOCK=NONE alone is granted to INSTANT, both together are a usage error
            (None, Some(own)) if algorithm == Algorithm::Instant => {
                format!("{}ALGORITHM=INSTANT{}", &sql[..own.start], &sql[own.end..])
            }
            (own_algorithm, own_lock) => {
                let mut clauses = Vec::new();
                if own_algorithm.is_none() {
                    clauses.push(format!("ALGORITHM={algorithm}"));
                }
                if own_lock.is_none() && algorithm != Algorithm::Instant {
                    clauses.push(format!("LOCK={lock}"));
                }
                slot.fill(sql, &clauses)
            }
        };
        Request { sql, algorithm, lock }
    };
    let wanted = |(algorithm, lock): &(Algorithm, LockClause)| {
        fits(&own_algorithm, algorithm.word()) && fits(&own_lock, lock.word())
    };
    ORDER.into_iter().filter(wanted).map(request).collect()
}

/// Where clauses go in: behind the table's name, or at the end.
struct Slot {
    at: usize,
    between: &'static str,
    /// What stands between the clauses and the rest.
    after: &'static str,
}

impl Slot {
    fn fill(&self, sql: &str, clauses: &[String]) -> String {
        if clauses.is_empty() {
            return sql.to_owned();
        }
        format!("{} {}{}{}", &sql[..self.at], clauses.join(self.between), self.after, &sql[self.at..])
    }
}

fn slot(sql: &str, words: &[Word]) -> Option<Slot> {
    if begins(words, &["ALTER", "TABLE"]) {
        let name = if words.get(3).is_some_and(|it| it.is(".")) { words.get(4)? } else { words.get(2)? };
        let next = words.iter().position(|it| it.start >= name.end).map(|at| &words[at..]).unwrap_or_default();
        let partitions = begins(next, &["PARTITION", "BY"]) || begins(next, &["REMOVE", "PARTITIONING"]);
        let after = if next.is_empty() || partitions { "" } else { "," };
        return Some(Slot { at: name.end, between: ", ", after });
    }
    let creates = begins(words, &["CREATE"]) && words.iter().take(3).skip(1).any(|it| it.is("INDEX"));
    if creates || begins(words, &["DROP", "INDEX"]) {
        let at = keyword_tokens(sql, Dialect::MySql).last()?.end;
        return Some(Slot { at, between: " ", after: "" });
    }
    None
}

/// A clause that the statement has itself.
struct Clause {
    /// In capitals.
    value: &'static str,
    start: usize,
    end: usize,
}

/// The statement's own clause. `DEFAULT` leaves everything open, so it is none.
fn own_clause(words: &[Word], name: &str, values: &[&'static str]) -> Option<Clause> {
    let outer: Vec<&Word> = words.iter().filter(|it| it.depth == 0 && !it.is("=")).collect();
    outer.windows(2).find_map(|pair| {
        let value = values.iter().find(|value| pair[0].is(name) && pair[1].is(value))?;
        Some(Clause { value, start: pair[0].start, end: pair[1].end })
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn first_two(sql: &str) -> Vec<String> {
        requests(sql).into_iter().take(2).map(|it| it.sql).collect()
    }

    #[test]
    fn clauses_stand_behind_the_tables_name() {
        assert_eq!(
            first_two("ALTER TABLE `a b`.t ADD x int"),
            [
                "ALTER TABLE `a b`.t ALGORITHM=INSTANT, ADD x int",
                "ALTER TABLE `a b`.t ALGORITHM=INPLACE, LOCK=NONE, ADD x int"
            ]
        );
        assert_eq!(
            first_two("ALTER TABLE t PARTITION BY HASH (id)")[0],
            "ALTER TABLE t ALGORITHM=INSTANT PARTITION BY HASH (id)"
        );
    }

    #[test]
    fn an_indexs_clauses_stand_at_its_end() {
        let sql = "CREATE INDEX x ON t (a) COMMENT 'y' -- z";
        assert_eq!(first_two(sql)[1], "CREATE INDEX x ON t (a) COMMENT 'y' ALGORITHM=INPLACE LOCK=NONE -- z");
    }

    #[test]
    fn own_clauses_stay() {
        let all = |sql| requests(sql).into_iter().map(|it| it.sql).collect::<Vec<_>>();
        let both = "ALTER TABLE t ADD x int, ALGORITHM=INPLACE, LOCK = SHARED";
        assert_eq!(all(both), [both]);
        let instant = "ALTER TABLE t ADD x int, algorithm instant";
        assert_eq!(all(instant), [instant]);
        assert_eq!(
            all("ALTER TABLE t FORCE, ALGORITHM=COPY"),
            ["ALTER TABLE t LOCK=SHARED, FORCE, ALGORITHM=COPY", "ALTER TABLE t LOCK=EXCLUSIVE, FORCE, ALGORITHM=COPY"]
        );
        assert_eq!(requests("ALTER TABLE t ADD `lock` int, LOCK=SHARED").len(), 2);
        assert_eq!(all("ALTER TABLE t ADD x int, LOCK=NONE")[0], "ALTER TABLE t ADD x int, ALGORITHM=INSTANT");
    }

    #[test]
    fn other_statements_have_no_algorithm() {
        for sql in [
            "UPDATE t SET a = 1",
            "CREATE TABLE t (a int)",
            "CREATE ALGORITHM=MERGE VIEW v AS SELECT 1",
            "DROP TABLE t",
        ] {
            assert!(requests(sql).is_empty(), "{sql}");
        }
    }
}
