//! Which part of a statement a finding is about, where that is known, and that part as an excerpt with carets.

use std::ops::Range;

use annotate_snippets::{AnnotationKind, Group, Level, Renderer, Snippet};
use pontoon::Dialect;

use crate::verify::finding::{Finding, Severity};
use crate::verify::outcome::StatementRun;
use crate::verify::rule::{self, RuleId};
use crate::verify::words::{Word, begins, words};

/// The lines of the statement with the clause at fault, each indented; nothing where no clause is.
pub(super) fn excerpt(run: &StatementRun, finding: &Finding, dialect: Dialect, colours: bool) -> Option<String> {
    let span = clause(run, finding.rule, dialect)?;
    // the first line stands in the file behind what is before it
    let before = " ".repeat(run.column.saturating_sub(1));
    let source = format!("{before}{}", run.sql);
    let span = span.start + before.len()..span.end + before.len();
    let level = match finding.severity {
        Severity::Error => Level::ERROR,
        Severity::Warning => Level::WARNING,
        Severity::Note => Level::NOTE,
    };
    let snippet = Snippet::source(source).line_start(run.line.max(1)).annotation(AnnotationKind::Primary.span(span));
    let renderer = if colours { Renderer::styled() } else { Renderer::plain() };
    Some(renderer.render(&[Group::with_level(level).element(snippet)]))
}

/// The clause at fault, in bytes of the statement.
fn clause(run: &StatementRun, rule: RuleId, dialect: Dialect) -> Option<Range<usize>> {
    let found = words(&run.sql, dialect);
    match rule {
        rule::ERROR => pointed_at(run, &found),
        rule::NEEDS_NO_TRANSACTION => found.iter().find(|it| it.is("concurrently")).map(|it| it.start..it.end),
        rule::CLAIM_ALGORITHM => option(&found, "algorithm"),
        rule::CLAIM_LOCK_CLAUSE => option(&found, "lock"),
        rule::REWRITE
        | rule::BLOCKS_READS_ROWS
        | rule::BLOCKS_WRITES_ROWS
        | rule::CLAIM_REWRITE
        | rule::CLAIM_SCAN
        | rule::CLAIM_BLOCKS => only_action(&found).or_else(|| index(&found)),
        _ => None,
    }
}

/// The word that the server points to.
fn pointed_at(run: &StatementRun, found: &[Word]) -> Option<Range<usize>> {
    let position = run.observation.as_ref()?.error.as_ref()?.position?;
    let at = run.sql.char_indices().nth(position.checked_sub(1)?)?.0;
    let length = run.sql[at..].chars().next()?.len_utf8();
    let word = found.iter().find(|it| (it.start..it.end).contains(&at));
    Some(word.map_or(at..at + length, |it| at..it.end))
}

/// `ALGORITHM=INPLACE`, `LOCK = NONE`
fn option(found: &[Word], name: &str) -> Option<Range<usize>> {
    let at = found.iter().position(|it| it.depth == 0 && it.is(name))?;
    let value = found[at + 1..].iter().find(|it| it.text != "=")?;
    Some(found[at].start..value.end)
}

/// What an `ALTER TABLE` does, if that is one thing: of several, nobody knows which it was.
fn only_action(found: &[Word]) -> Option<Range<usize>> {
    if !begins(found, &["ALTER", "TABLE"]) {
        return None;
    }
    let optional = ["if", "exists", "only"];
    let name = 2 + found[2..].iter().take_while(|it| optional.iter().any(|word| it.is(word))).count();
    let dots = found[name..].windows(2).step_by(2).take_while(|it| it[1].text == "." && !it[1].quoted).count();
    let rest = found.get(name + 1 + 2 * dots..)?;
    let options = |it: &Word| it.is("algorithm") || it.is("lock");
    let mut end = rest.len();
    for (at, _) in rest.iter().enumerate().filter(|(_, it)| it.depth == 0 && it.text == "," && !it.quoted) {
        if !rest.get(at + 1).is_some_and(options) {
            return None;
        }
        end = end.min(at);
    }
    let (first, last) = (rest.first()?, rest[..end].last()?);
    Some(first.start..last.end)
}

/// `CREATE UNIQUE INDEX`
fn index(found: &[Word]) -> Option<Range<usize>> {
    let at = found.iter().take(3).position(|it| it.is("index"))?;
    found[0].is("create").then(|| found[0].start..found[at].end)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::verify::observation::{Observation, Refusal};
    use crate::verify::outcome::Direction;

    fn run(sql: &str, position: Option<usize>) -> StatementRun {
        let refusal = Refusal { position, ..Refusal::said("") };
        StatementRun {
            stage: "sql",
            direction: Direction::Do,
            file: "m.sql".into(),
            line: 7,
            column: 3,
            sql: sql.into(),
            claim: None,
            observation: Some(Observation::refused(refusal)),
            findings: Vec::new(),
        }
    }

    #[test]
    fn the_clause_at_fault_is_found_where_there_is_one() {
        for (rule, dialect, sql, expected) in [
            (
                rule::REWRITE,
                Dialect::Postgres,
                "ALTER TABLE ONLY a.\"t\" ALTER b TYPE numeric(3, 1)",
                Some("ALTER b TYPE numeric(3, 1)"),
            ),
            (rule::REWRITE, Dialect::MySql, "ALTER TABLE t MODIFY a bigint, ALGORITHM=COPY", Some("MODIFY a bigint")),
            (rule::REWRITE, Dialect::Postgres, "ALTER TABLE t ADD a int, ALTER b TYPE bigint", None),
            (
                rule::BLOCKS_WRITES_ROWS,
                Dialect::Postgres,
                "CREATE UNIQUE INDEX i ON t (a)",
                Some("CREATE UNIQUE INDEX"),
            ),
            (
                rule::CLAIM_ALGORITHM,
                Dialect::MySql,
                "ALTER TABLE t ADD a int, ALGORITHM = INPLACE, LOCK=NONE",
                Some("ALGORITHM = INPLACE"),
            ),
            (rule::CLAIM_LOCK_CLAUSE, Dialect::MySql, "ALTER TABLE t ADD a int, LOCK=NONE", Some("LOCK=NONE")),
            (
                rule::NEEDS_NO_TRANSACTION,
                Dialect::Postgres,
                "CREATE INDEX concurrently i ON t (a)",
                Some("concurrently"),
            ),
            (rule::NEEDS_NO_TRANSACTION, Dialect::Postgres, "VACUUM t", None),
            (rule::UNDO_DIFFERS, Dialect::Postgres, "ALTER TABLE t ADD a int", None),
            (rule::REWRITE, Dialect::Postgres, "ALTER TABLE", None),
        ] {
            let run = run(sql, None);
            assert_eq!(clause(&run, rule, dialect).map(|it| &sql[it]), expected, "{sql}");
        }
    }

    #[test]
    fn carets_stand_below_what_the_server_points_to() {
        let run = run("ALTER TABLE é\n  ADD b integr", Some(23));
        let text = excerpt(&run, &Finding::of(rule::ERROR, ""), Dialect::Postgres, false).unwrap();
        let lines: Vec<_> = text.lines().map(str::trim_end).collect();
        assert_eq!(lines, ["  |", "8 |   ADD b integr", "  |         ^^^^^^"], "{text}");
        let beyond = self::run("SELECT", Some(99));
        assert_eq!(excerpt(&beyond, &Finding::of(rule::ERROR, ""), Dialect::Postgres, false), None);
    }

    #[test]
    fn the_first_line_is_shown_where_it_stands_in_the_file() {
        let run = run("ALTER TABLE t ALTER a TYPE bigint", None);
        let text = excerpt(&run, &Finding::of(rule::REWRITE, ""), Dialect::Postgres, false).unwrap();
        assert!(text.contains("7 |   ALTER TABLE t ALTER a TYPE bigint\n"), "{text}");
        assert!(text.contains("  |                 ^^^^^^^^^^^^^^^^^^^"), "{text}");
        let coloured = excerpt(&run, &Finding::of(rule::REWRITE, ""), Dialect::Postgres, true).unwrap();
        assert!(coloured.contains("\u{1b}["));
    }
}
