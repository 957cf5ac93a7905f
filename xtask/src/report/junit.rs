//! JUnit's XML, as CI systems read it: a suite for each migration on each server, a test for each statement.

use std::fmt::Write as _;

use super::escape::markup;
use super::words::{effect, place, shortened, stage};
use crate::verify::finding::{Finding, Severity, Verdict};
use crate::verify::outcome::{Direction, Engine, MigrationRun, Outcome, StatementRun};

/// What a suite adds up to.
#[derive(Default)]
struct Sum {
    tests: usize,
    failures: usize,
    errors: usize,
    skipped: usize,
    ms: f64,
}

impl Sum {
    fn of(run: &MigrationRun) -> Self {
        let mut sum = Self::default();
        for it in &run.statements {
            sum.tests += 1;
            sum.failures += usize::from(it.verdict() == Verdict::Fail);
            sum.skipped += usize::from(it.verdict() == Verdict::Skipped);
            sum.ms += duration_ms(it);
        }
        sum
    }

    fn add(&mut self, other: &Self) {
        self.tests += other.tests;
        self.failures += other.failures;
        self.errors += other.errors;
        self.skipped += other.skipped;
        self.ms += other.ms;
    }

    fn attributes(&self) -> String {
        format!(
            "tests=\"{}\" failures=\"{}\" errors=\"{}\" skipped=\"{}\" time=\"{}\"",
            self.tests,
            self.failures,
            self.errors,
            self.skipped,
            seconds(self.ms)
        )
    }
}

fn duration_ms(run: &StatementRun) -> f64 {
    run.observation.as_ref().map_or(0.0, |it| it.duration_ms)
}

fn seconds(ms: f64) -> String {
    format!("{:.6}", ms / 1_000.0)
}

/// The report as JUnit's XML.
pub fn junit(outcome: &Outcome) -> String {
    let mut sum = Sum::default();
    let mut suites = String::new();
    for engine in &outcome.engines {
        for run in &engine.migrations {
            sum.add(&Sum::of(run));
            suite(&mut suites, engine, run);
        }
    }
    for missing in &outcome.missing {
        let one = Sum { tests: 1, errors: 1, ..Sum::default() };
        sum.add(&one);
        let engine = markup(&missing.engine);
        let _ = writeln!(suites, "  <testsuite name=\"{engine}\" {}>", one.attributes());
        let _ = writeln!(
            suites,
            "    <testcase name=\"not verified\" classname=\"{engine}\" time=\"{}\">\n      \
             <error type=\"not-verified\" message=\"nothing is verified on {engine}\">{}</error>\n    </testcase>",
            seconds(0.0),
            markup(&missing.reason)
        );
        suites += "  </testsuite>\n";
    }
    format!(
        "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<testsuites name=\"verify-migrations\" {}>\n{suites}</testsuites>\n",
        sum.attributes()
    )
}

fn suite(out: &mut String, engine: &Engine, run: &MigrationRun) {
    let name = markup(&format!("{} {}: {}", engine.engine, engine.version, run.id));
    let _ = writeln!(out, "  <testsuite name=\"{name}\" {}>", Sum::of(run).attributes());
    for it in &run.statements {
        case(out, engine, run, it);
    }
    out.push_str("  </testsuite>\n");
}

fn case(out: &mut String, engine: &Engine, migration: &MigrationRun, run: &StatementRun) {
    let back = if run.direction == Direction::Undo { "back: " } else { "" };
    let name = format!("line {}: {back}{}", run.line, shortened(&run.sql));
    let class = format!("{}.{}.{}", engine.engine, migration.id, run.stage);
    let _ = write!(
        out,
        "    <testcase name=\"{}\" classname=\"{}\" file=\"{}\" line=\"{}\" time=\"{}\">",
        markup(&name),
        markup(&class),
        markup(&run.file),
        run.line,
        seconds(duration_ms(run))
    );
    out.push('\n');
    let (failed, rest): (Vec<_>, Vec<_>) = run.findings.iter().partition(|it| it.counts(Severity::Error));
    if run.verdict() == Verdict::Skipped {
        let why: Vec<_> = run.findings.iter().map(|it| it.message.as_str()).collect();
        let why = if why.is_empty() { "a statement before it was refused".to_owned() } else { why.join("; ") };
        let _ = writeln!(out, "      <skipped message=\"{}\"/>", markup(&why));
    }
    // readers of this format take one failure a test
    if let Some(first) = failed.first() {
        let text: Vec<_> = failed.iter().map(|it| told(run, it)).collect();
        let message = markup(&first.message);
        let text = markup(&format!("{}\n\n{}", text.join("\n"), run.sql));
        let _ = writeln!(out, "      <failure type=\"{}\" message=\"{message}\">{text}</failure>", first.rule);
    }
    let mut said: Vec<_> = run.observation.iter().map(|it| format!("{}: {}", stage(run), effect(it))).collect();
    if run.verdict() != Verdict::Skipped {
        said.extend(rest.iter().map(|it| told(run, it)));
    }
    if !said.is_empty() {
        let _ = writeln!(out, "      <system-out>{}</system-out>", markup(&said.join("\n")));
    }
    out.push_str("    </testcase>\n");
}

fn told(run: &StatementRun, finding: &Finding) -> String {
    let (label, text) = match &finding.waived {
        Some(reason) => ("reason", reason),
        None => ("help", &finding.help),
    };
    format!("{}: {}[{}]: {}\n  {label}: {text}", place(run), finding.word(), finding.rule, finding.message)
}
