//! What the versions of one server do differently, as a part of the report for people.

use std::fmt::Write as _;

use super::words::{effect, shortened};
use crate::verify::finding::{Severity, Verdict};
use crate::verify::outcome::{Direction, Engine, StatementRun};
use crate::verify::rule;

/// The statements that one version answers in another way than the next, each with what they do; nothing where only
/// one version was verified. Durations are no difference: they differ from run to run.
pub(super) fn differences(engines: &[Engine]) -> String {
    let mut text = String::new();
    let mut names: Vec<_> = engines.iter().map(|it| it.engine).collect();
    names.dedup();
    for name in names {
        let versions: Vec<_> = engines.iter().filter(|it| it.engine == name).collect();
        if versions.len() > 1 {
            text += &between(name, &versions);
        }
    }
    text
}

fn between(name: &str, versions: &[&Engine]) -> String {
    let numbers: Vec<_> = versions.iter().map(|it| it.version.as_str()).collect();
    let mut text = format!("{name} {} differ", numbers.join(", "));
    let heading = text.len();
    let mut last = None;
    for (migration, at) in places(versions) {
        let answers: Vec<_> = versions.iter().map(|it| (it.version.as_str(), answer(it, migration, at))).collect();
        if answers.iter().all(|(_, answer)| *answer == answers[0].1) {
            continue;
        }
        if last.replace(migration) != Some(migration) {
            let _ = write!(text, "\n\n  {migration}");
        }
        text.push('\n');
        let Some(statement) = versions.iter().find_map(|it| nth(it, migration, at)) else { continue };
        let back = if statement.direction == Direction::Undo { "back: " } else { "" };
        let _ = write!(text, "    {}: {back}{}", statement.stage, shortened(&statement.sql));
        for (versions, answer) in grouped(&answers) {
            let _ = write!(text, "\n      {}: {answer}", versions.join(", "));
        }
    }
    if text.len() == heading {
        text += " in nothing";
    }
    text + "\n\n"
}

/// Which statement of a migration: the place in the file it begins at, its way, and the how manyth run of it.
type Place<'a> = (&'a str, usize, &'static str, &'a str, usize);

/// Every statement that ran somewhere, by its migration, in the order of the first version that has it.
fn places<'a>(versions: &[&'a Engine]) -> Vec<(&'a str, Place<'a>)> {
    let mut places = Vec::new();
    for migration in versions.iter().flat_map(|it| &it.migrations) {
        for place in places_of(&migration.statements) {
            if !places.contains(&(migration.id.as_str(), place)) {
                places.push((migration.id.as_str(), place));
            }
        }
    }
    places
}

/// A statement that runs forth, back and forth again stands there once a run.
fn places_of(statements: &[StatementRun]) -> Vec<Place<'_>> {
    let mut places: Vec<Place<'_>> = Vec::new();
    for it in statements {
        let (file, line, way, sql) = (it.file.as_str(), it.line, it.direction.word(), it.sql.as_str());
        let before = places.iter().filter(|it| (it.0, it.1, it.2, it.3) == (file, line, way, sql)).count();
        places.push((file, line, way, sql, before));
    }
    places
}

fn nth<'a>(engine: &'a Engine, migration: &str, at: Place<'_>) -> Option<&'a StatementRun> {
    let statements = &engine.migrations.iter().find(|it| it.id == migration)?.statements;
    let place = places_of(statements).iter().position(|it| *it == at)?;
    statements.get(place)
}

/// What is the same from run to run of what a version made of a statement.
fn answer(engine: &Engine, migration: &str, at: Place<'_>) -> String {
    let Some(run) = nth(engine, migration, at) else { return "was not come to".to_owned() };
    let messages = |least: Severity| {
        let findings = run.findings.iter().filter(|it| it.severity >= least);
        findings.map(|it| format!("{}[{}]", it.word(), it.rule)).collect::<Vec<_>>()
    };
    let mut parts = vec![match run.verdict() {
        Verdict::Pass => "ok".to_owned(),
        Verdict::Fail => "FAIL".to_owned(),
        Verdict::Skipped => "skipped".to_owned(),
    }];
    match &run.observation {
        Some(seen) => match &seen.error {
            Some(refusal) => parts.push(refusal.message.clone()),
            None => parts.push(effect(seen)),
        },
        // its message names the version, which is no difference
        None if run.findings.iter().any(|it| it.rule == rule::OTHER_SERVER) => {
            parts.push("meant for others".to_owned())
        }
        None => parts.extend(run.findings.iter().map(|it| it.message.clone())),
    }
    parts.extend(messages(Severity::Warning));
    parts.join("; ")
}

/// The versions of each answer, in the order of the first of them.
fn grouped<'a>(answers: &'a [(&'a str, String)]) -> Vec<(Vec<&'a str>, &'a str)> {
    let mut groups: Vec<(Vec<&str>, &str)> = Vec::new();
    for (version, answer) in answers {
        match groups.iter_mut().find(|it| it.1 == answer) {
            Some(group) => group.0.push(version),
            None => groups.push((vec![version], answer)),
        }
    }
    groups
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::verify::finding::Finding;
    use crate::verify::observation::{ObjectKind, Observation, ObservedLock};
    use crate::verify::outcome::{MigrationRun, Missing, Outcome};
    use pontoon::migration::LockMode;

    fn statement(line: usize, sql: &str, observation: Option<Observation>, findings: Vec<Finding>) -> StatementRun {
        StatementRun {
            stage: "validate",
            direction: Direction::Do,
            file: "m.sql".into(),
            line,
            column: 0,
            sql: sql.into(),
            claim: None,
            observation,
            findings,
        }
    }

    fn engine(engine: &'static str, version: &str, statements: Vec<StatementRun>) -> Engine {
        let migrations = vec![MigrationRun { id: "0002_x".into(), statements }];
        Engine { engine, version: version.into(), source: "local", described: version.into(), migrations }
    }

    fn locking(mode: LockMode, duration_ms: f64) -> Option<Observation> {
        let lock = ObservedLock { object: "t".into(), kind: ObjectKind::Table, mode };
        Some(Observation { locks: vec![lock], duration_ms, ..Observation::default() })
    }

    #[test]
    fn what_differs_stands_below_its_statement_and_durations_do_not() {
        let skipped = |version: &str| {
            vec![Finding::note(rule::OTHER_SERVER, format!("for servers >= 18, and this one is {version}"), "")]
        };
        let run = |version: &str, weak: LockMode, ms: f64, native: Option<Observation>, findings| {
            let both = statement(3, "ALTER TABLE t ADD a int", locking(LockMode::AccessExclusive, ms), Vec::new());
            let other = statement(7, "ALTER TABLE t DETACH p", locking(weak, ms), Vec::new());
            engine("postgres", version, vec![both, other, statement(9, "ALTER TABLE t b", native, findings)])
        };
        let engines = [
            run("13.23", LockMode::AccessExclusive, 1.0, None, skipped("13.23")),
            run("14.23", LockMode::ShareUpdateExclusive, 2.0, None, skipped("14.23")),
            run("18.4", LockMode::ShareUpdateExclusive, 3.0, locking(LockMode::AccessExclusive, 1.0), Vec::new()),
            engine("mysql", "9.7.4", Vec::new()),
        ];
        assert_eq!(
            differences(&engines),
            "postgres 13.23, 14.23, 18.4 differ\n\n  0002_x\n    \
             validate: ALTER TABLE t DETACH p\n      \
             13.23: ok; locks t ACCESS EXCLUSIVE; reads no, writes no\n      \
             14.23, 18.4: ok; locks t SHARE UPDATE EXCLUSIVE; reads no, writes no\n    \
             validate: ALTER TABLE t b\n      \
             13.23, 14.23: skipped; meant for others\n      \
             18.4: ok; locks t ACCESS EXCLUSIVE; reads no, writes no\n\n"
        );
        assert_eq!(differences(&engines[2..]), "", "one version of each");
        let same = ["17.1", "18.4"].map(|it| engine("postgres", it, Vec::new()));
        assert_eq!(differences(&same), "postgres 17.1, 18.4 differ in nothing\n\n");
    }

    #[test]
    fn a_statement_that_runs_again_is_compared_with_its_own_run() {
        let run = |version: &str, second: LockMode| {
            let again = |mode| statement(3, "ALTER TABLE t ADD a int", locking(mode, 1.0), Vec::new());
            engine("postgres", version, vec![again(LockMode::Share), again(second)])
        };
        let text = differences(&[run("13.1", LockMode::Share), run("14.1", LockMode::AccessExclusive)]);
        assert_eq!(text.matches("ALTER TABLE t ADD").count(), 1, "{text}");
        assert!(text.contains("14.1: ok; locks t ACCESS EXCLUSIVE"), "{text}");
    }

    #[test]
    fn an_engine_that_is_missing_is_named_and_not_passed() {
        let statements = vec![statement(3, "ALTER TABLE t ADD a int", locking(LockMode::Share, 1.0), Vec::new())];
        let missing = Missing { engine: "postgres:13".into(), reason: "no server for `postgres:13`: ...".into() };
        let outcome = Outcome {
            engines: vec![engine("postgres", "18.4", statements)],
            missing: vec![missing],
            ..Outcome::default()
        };
        assert!(!outcome.ok() && !outcome.violated());
        let text = crate::report::text(&outcome);
        assert!(text.ends_with("not verified: postgres:13\nno server for `postgres:13`: ...\n"), "{text}");
        let json: serde_json::Value = serde_json::from_str(&crate::report::json(&outcome).unwrap()).unwrap();
        assert_eq!(json["ok"], false);
        assert_eq!(json["not_verified"][0]["engine"], "postgres:13");
    }
}
