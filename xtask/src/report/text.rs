//! The report for people: one line a statement, and what is wrong right below it.

use std::fmt::Write as _;

use crate::verify::finding::{Severity, Verdict};
use crate::verify::observation::Observation;
use crate::verify::outcome::{Direction, Outcome, StatementRun};

/// More of a statement than this does not help to recognise it.
const SQL_CHARS: usize = 72;

/// The report as text.
pub fn text(outcome: &Outcome) -> String {
    let mut out = String::new();
    for engine in &outcome.engines {
        let _ = writeln!(out, "{}", engine.described);
        for migration in &engine.migrations {
            let _ = writeln!(out, "\n  {}", migration.id);
            let mut heading = ("", Direction::Do);
            for statement in &migration.statements {
                if heading != (statement.stage, statement.direction) && statement.stage != "sql" {
                    let back = if statement.direction == Direction::Undo { ", back" } else { "" };
                    let _ = writeln!(out, "    {}{back}", statement.stage);
                }
                heading = (statement.stage, statement.direction);
                line(&mut out, statement);
            }
        }
        out.push('\n');
    }
    out + &totals(outcome)
}

fn line(out: &mut String, run: &StatementRun) {
    let mark = match run.verdict() {
        Verdict::Pass => "ok  ",
        Verdict::Fail => "FAIL",
        Verdict::Skipped => "skip",
    };
    let back = if run.direction == Direction::Undo { "back: " } else { "" };
    let _ = writeln!(out, "    {mark} {back}{}", shortened(&run.sql));
    if let Some(seen) = &run.observation {
        let _ = writeln!(out, "           {}", what(seen));
    }
    if run.verdict() == Verdict::Skipped {
        for finding in &run.findings {
            let _ = writeln!(out, "           {}", finding.message);
        }
    }
    for finding in run.findings.iter().filter(|it| it.severity > Severity::Note) {
        let place = if run.column > 0 {
            format!("{}:{}:{}", run.file, run.line, run.column)
        } else {
            format!("{}:{}", run.file, run.line)
        };
        let _ = writeln!(out, "         {place}: {}[{}]: {}", finding.severity, finding.rule, finding.message);
        let _ = writeln!(out, "           help: {}", finding.help);
    }
}

/// What the server did, in a few words.
fn what(seen: &Observation) -> String {
    let mut parts: Vec<String> = Vec::new();
    if let (Some(algorithm), Some(lock)) = (seen.algorithm, seen.lock_clause) {
        parts.push(format!("{algorithm}, LOCK={lock}"));
    }
    let locks: Vec<_> = seen.tables().map(|it| format!("{} {}", it.object, it.mode.name())).collect();
    parts.push(if locks.is_empty() { "no lock".into() } else { format!("locks {}", locks.join(", ")) });
    let names = |set: &std::collections::BTreeSet<String>| set.iter().cloned().collect::<Vec<_>>().join(", ");
    if !seen.rewrites.is_empty() {
        parts.push(format!("rewrites {}", names(&seen.rewrites)));
    }
    if !seen.scans.is_empty() {
        parts.push(format!("scans {}", names(&seen.scans)));
    }
    parts.push(format!("reads {}, writes {}", seen.reads, seen.writes));
    parts.push(format!("{:.1} ms", seen.duration_ms));
    if let (Some(read), Some(write)) = (seen.stall_read_ms, seen.stall_write_ms) {
        parts.push(format!("readers waited {read:.1} ms, writers {write:.1} ms"));
    }
    parts.join("; ")
}

fn shortened(sql: &str) -> String {
    let line = sql.split_whitespace().collect::<Vec<_>>().join(" ");
    if line.chars().count() <= SQL_CHARS {
        return line;
    }
    line.chars().take(SQL_CHARS - 3).collect::<String>().trim_end().to_owned() + "..."
}

fn totals(outcome: &Outcome) -> String {
    let plural = |count: usize, word: &str| format!("{count} {word}{}", if count == 1 { "" } else { "s" });
    let failed = outcome.statements().filter(|it| it.verdict() == Verdict::Fail).count();
    let skipped = outcome.statements().filter(|it| it.verdict() == Verdict::Skipped).count();
    let mut text = format!("{} run", plural(outcome.ran(), "statement"));
    let servers: Vec<_> =
        outcome.engines.iter().map(|it| format!("{} {} ({})", it.engine, it.version, it.source)).collect();
    if !servers.is_empty() {
        let _ = write!(text, " on {}", servers.join(", "));
    }
    let _ = write!(text, ": {} failed", if failed == 0 { "none".to_owned() } else { failed.to_string() });
    if skipped > 0 {
        let _ = write!(text, ", {skipped} skipped");
    }
    let _ = writeln!(
        text,
        "; {}, {}",
        plural(outcome.count(Severity::Error), "error"),
        plural(outcome.count(Severity::Warning), "warning")
    );
    if outcome.ran() == 0 {
        text += "nothing was verified\n";
    }
    text
}
