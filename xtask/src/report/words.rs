//! The words that reports have in common.

use std::fmt::Write as _;

use crate::verify::finding::Verdict;
use crate::verify::observation::Observation;
use crate::verify::outcome::{Direction, MigrationRun, Outcome, StatementRun};

/// More of a statement than this does not help to recognise it.
const SQL_CHARS: usize = 72;

/// A statement on one line, cut off where it is long.
pub(crate) fn shortened(sql: &str) -> String {
    cut(sql, SQL_CHARS)
}

/// The same, with a length.
pub(super) fn cut(sql: &str, chars: usize) -> String {
    let line = printable(&sql.split_whitespace().collect::<Vec<_>>().join(" "));
    if line.chars().count() <= chars {
        return line;
    }
    line.chars().take(chars - 3).collect::<String>().trim_end().to_owned() + "..."
}

/// Without what a terminal would take for a command: names can hold anything.
pub(super) fn printable(text: &str) -> String {
    text.chars().map(|c| if c.is_control() && !matches!(c, '\n' | '\t') { '\u{fffd}' } else { c }).collect()
}

/// `file:line:column`.
pub(super) fn place(run: &StatementRun) -> String {
    if run.column > 0 {
        format!("{}:{}:{}", run.file, run.line, run.column)
    } else {
        format!("{}:{}", run.file, run.line)
    }
}

/// A number with what is counted.
pub(super) fn plural(count: usize, word: &str) -> String {
    format!("{count} {word}{}", if count == 1 { "" } else { "s" })
}

/// `1.9 ms`, `120 ms`, `2.40 s`.
pub(super) fn duration(ms: f64) -> String {
    match ms {
        _ if ms < 10.0 => format!("{ms:.1} ms"),
        _ if ms < 1_000.0 => format!("{ms:.0} ms"),
        _ => format!("{:.2} s", ms / 1_000.0),
    }
}

/// What the server did, in a few words: the same from run to run.
pub(super) fn effect(seen: &Observation) -> String {
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
    parts.join("; ")
}

/// The stage, and whether it is the way back.
pub(super) fn stage(run: &StatementRun) -> String {
    match run.direction {
        Direction::Do => run.stage.to_owned(),
        Direction::Undo => format!("{}, back", run.stage),
    }
}

/// The longest that anybody waited for a statement of a migration.
pub(super) fn longest_stall(run: &MigrationRun) -> Option<f64> {
    let seen = run.statements.iter().filter_map(|it| it.observation.as_ref());
    seen.flat_map(|it| [it.stall_read_ms, it.stall_write_ms]).flatten().reduce(f64::max)
}

/// How many statements of a migration have this verdict.
pub(super) fn count(run: &MigrationRun, verdict: Verdict) -> usize {
    run.statements.iter().filter(|it| it.verdict() == verdict).count()
}

/// The servers, with where they came from.
pub(super) fn servers(outcome: &Outcome) -> String {
    let servers = outcome.engines.iter().map(|it| format!("{} {} ({})", it.engine, it.version, it.source));
    servers.collect::<Vec<_>>().join(", ")
}

/// The result in one sentence: how many statements ran, where, and what came of it.
pub(super) fn summary(outcome: &Outcome) -> String {
    let failed = outcome.statements().filter(|it| it.verdict() == Verdict::Fail).count();
    let skipped = outcome.statements().filter(|it| it.verdict() == Verdict::Skipped).count();
    let mut text = format!("{} run", plural(outcome.ran(), "statement"));
    if !outcome.engines.is_empty() {
        let _ = write!(text, " on {}", servers(outcome));
    }
    let _ = write!(text, ": {} failed", if failed == 0 { "none".to_owned() } else { failed.to_string() });
    if skipped > 0 {
        let _ = write!(text, ", {skipped} skipped");
    }
    use crate::verify::finding::Severity;
    let (errors, warnings) = (outcome.count(Severity::Error), outcome.count(Severity::Warning));
    let _ = write!(text, "; {}, {}", plural(errors, "error"), plural(warnings, "warning"));
    if outcome.waived() > 0 {
        let _ = write!(text, ", {} waived", outcome.waived());
    }
    text
}
