use super::*;
use crate::verify::finding::Verdict;
use crate::verify::observation::ObjectKind;
use crate::verify::outcome::{Direction, MigrationRun};

const FILE: &str = "m/001.sql";

fn rewrite() -> Finding {
    Finding::of(rule::REWRITE, "writes every row of `t` anew")
}

fn seen() -> Observation {
    let names = || BTreeSet::from(["t".to_owned()]);
    let lock = ObservedLock { object: "t".into(), kind: ObjectKind::Table, mode: LockMode::AccessExclusive };
    Observation {
        locks: vec![lock],
        rewrites: names(),
        held_rows: names(),
        stall_read_ms: Some(80.0),
        stall_write_ms: Some(20.0),
        ..Observation::default()
    }
}

fn run(line: usize, column: usize, findings: Vec<Finding>) -> StatementRun {
    StatementRun {
        stage: "sql",
        direction: Direction::Do,
        file: FILE.into(),
        line,
        column,
        sql: "ALTER TABLE t".into(),
        claim: None,
        observation: Some(seen()),
        findings,
    }
}

fn outcome(runs: impl IntoIterator<Item = StatementRun>) -> Outcome {
    let migrations = vec![MigrationRun { id: "001".into(), statements: runs.into_iter().collect() }];
    let engine =
        Engine { engine: "postgres", version: "17.0".into(), source: "local", described: String::new(), migrations };
    Outcome { engines: vec![engine], ..Outcome::default() }
}

fn applied(mut outcome: Outcome, settings: &str, text: &str) -> Outcome {
    let settings = Settings::parse(&format!("[package.metadata.pontoon]\n{settings}\n")).unwrap();
    apply(&mut outcome, &settings, &Texts::from([(FILE.to_owned(), text.to_owned())]));
    outcome
}

/// Code, severity and whether it is waived, of each finding of each statement.
fn findings(outcome: &Outcome) -> Vec<Vec<(&'static str, &'static str, bool)>> {
    let of = |it: &StatementRun| {
        it.findings.iter().map(|it| (it.rule.code(), it.severity.word(), it.waived.is_some())).collect()
    };
    outcome.statements().map(of).collect()
}

#[test]
fn a_waiver_is_for_the_statement_beside_it_and_shown() {
    let text = "-- Small.\n-- pontoon: allow(rewrite, reason = \"forty rows\")\nALTER TABLE t;\nALTER TABLE t;\n";
    let outcome = applied(outcome([run(3, 1, vec![rewrite()]), run(4, 1, vec![rewrite()])]), "", text);
    assert_eq!(findings(&outcome), [vec![("rewrite", "error", true)], vec![("rewrite", "error", false)]]);
    let verdicts: Vec<_> = outcome.statements().map(StatementRun::verdict).collect();
    assert_eq!(verdicts, [Verdict::Pass, Verdict::Fail]);
    assert_eq!(outcome.count(Severity::Error), 1);
    let json: serde_json::Value = serde_json::from_str(&crate::report::json(&outcome).unwrap()).unwrap();
    let first = |at: usize| &json["engines"][0]["migrations"][0]["stages"][0]["statements"][at]["findings"][0];
    assert_eq!((&first(0)["waived"], &first(1)["waived"]), (&"forty rows".into(), &serde_json::Value::Null));
    let text = crate::report::text(&outcome);
    assert!(text.contains("m/001.sql:3:1: waived[rewrite]: writes every row"), "{text}");
    assert!(text.contains("reason: forty rows"), "{text}");
}

#[test]
fn of_two_statements_on_a_line_one_is_waived() {
    let text = "ALTER TABLE t; ALTER TABLE t; -- pontoon: allow(rewrite, reason = \"x\")\n";
    let outcome = applied(outcome([run(1, 1, vec![rewrite()]), run(1, 16, vec![rewrite()])]), "", text);
    assert_eq!(findings(&outcome), [vec![("rewrite", "error", false)], vec![("rewrite", "error", true)]]);
}

#[test]
fn the_way_back_above_a_statement_is_the_statements() {
    let text = "-- @stage expand\n\n-- pontoon: allow(undo-differs, reason = \"x\")\n-- @undo ALTER TABLE t;\nALTER TABLE t;\n";
    let back = StatementRun { direction: Direction::Undo, ..run(4, 0, vec![Finding::of(rule::UNDO_DIFFERS, "x")]) };
    let outcome = applied(outcome([run(5, 0, Vec::new()), back]), "", text);
    assert_eq!(findings(&outcome), [vec![], vec![("undo-differs", "error", true)]]);
}

#[test]
fn a_waiver_that_is_wrong_fails_and_one_that_nothing_used_is_told() {
    let text = "-- pontoon: allow(rewrite)\nALTER TABLE t;\n-- pontoon: allow(brief-lock, reason = \"x\")\nALTER TABLE t;\n\
                -- pontoon: allow(rewrite, reason = \"x\")\n";
    let outcome = applied(outcome([run(2, 1, Vec::new()), run(4, 1, Vec::new())]), "", text);
    let told =
        [vec![("waiver", "error", false)], vec![("waiver-unused", "warning", false), ("waiver", "error", false)]];
    assert_eq!(findings(&outcome), told);
    let messages: Vec<_> = outcome.statements().flat_map(|it| &it.findings).map(|it| it.message.as_str()).collect();
    assert!(messages[0].starts_with("the waiver on line 1 gives no reason: write `-- pontoon: allow"), "{messages:?}");
    assert_eq!(messages[1], "the waiver on line 3 allows `brief-lock`, which was not found");
    assert!(messages[2].starts_with("the waiver on line 5 stands beside no statement"), "{messages:?}");
}

#[test]
fn a_waiver_that_one_version_needs_is_used() {
    let text = "-- pontoon: allow(rewrite, reason = \"x\")\nALTER TABLE t;\n";
    let mut both = outcome([run(2, 1, Vec::new())]);
    both.engines.extend(outcome([run(2, 1, vec![rewrite()])]).engines);
    assert_eq!(findings(&applied(both, "", text)), [vec![], vec![("rewrite", "error", true)]]);
}

#[test]
fn what_was_not_run_does_not_tell_whether_its_waiver_is_used() {
    let text = "-- pontoon: allow(rewrite, reason = \"x\")\nALTER TABLE t;\n";
    let skipped = StatementRun { observation: None, ..run(2, 1, Vec::new()) };
    assert_eq!(findings(&applied(outcome([skipped]), "", text)), [vec![]]);
}

#[test]
fn a_project_says_how_bad_a_rule_is_and_how_long_somebody_may_wait() {
    let settings = "longest-stall-ms = 50\nseverity = { rewrite = \"warning\" }";
    let outcome = applied(outcome([run(1, 1, vec![rewrite()])]), settings, "ALTER TABLE t;");
    assert_eq!(findings(&outcome), [vec![("rewrite", "warning", false), ("longest-stall", "error", false)]]);
    let message = &outcome.engines[0].migrations[0].statements[0].findings[1].message;
    assert_eq!(message, "a reader waited 80.0 ms, and the project allows 50 ms");
}

#[test]
fn a_lock_stronger_than_a_table_may_have_is_found() {
    let settings = |lock: &str| format!("strongest-lock = {{ t = \"{lock}\", u = \"SHARE\" }}");
    let found = |lock: &str| findings(&applied(outcome([run(1, 1, Vec::new())]), &settings(lock), "ALTER TABLE t;"));
    assert_eq!(found("SHARE UPDATE EXCLUSIVE"), [vec![("strongest-lock", "error", false)]]);
    assert_eq!(found("ACCESS EXCLUSIVE"), [vec![]]);
}

#[test]
fn a_table_of_few_rows_may_be_rewritten_and_one_of_many_may_not() {
    let found = |settings: &str, claimed: bool| {
        let mut run = run(1, 1, if claimed { Vec::new() } else { vec![rewrite()] });
        run.claim = claimed.then(|| pontoon::migration::Claim::none().rewrite("t"));
        findings(&applied(outcome([run]), settings, "ALTER TABLE t;"))
    };
    assert_eq!(found("rewrite-rows = 100\nrows = { t = 100 }", false), [vec![("rewrite", "note", false)]]);
    assert_eq!(found("rewrite-rows = 100\nrows = { t = 101 }", false), [vec![("rewrite", "error", false)]]);
    assert_eq!(found("rewrite-rows = 100", false), [vec![("rewrite", "error", false)]]);
    assert_eq!(found("rewrite-rows = 100\nrows = { t = 101 }", true), [vec![("rewrite", "error", false)]]);
    assert_eq!(found("rewrite-rows = 100\nrows = { t = 100 }", true), [vec![]]);
}
