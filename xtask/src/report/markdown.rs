//! Markdown for a comment on a pull request: what matters on top, and a fold for each migration.

use std::fmt::Write as _;

use super::escape::{markdown as cell, markup, plain};
use super::versions;
use super::words::{count, duration, effect, longest_stall, plural, shortened, stage, summary};
use crate::verify::finding::{Finding, Severity, Verdict};
use crate::verify::outcome::{Engine, MigrationRun, Outcome, StatementRun};

/// By this a workflow finds its comment again.
const MARK: &str = "<!-- pontoon: verify-migrations -->";
/// GitHub takes comments of 65 536 characters.
const CHARS_MAX: usize = 60_000;

/// The report as Markdown.
pub fn markdown(outcome: &Outcome) -> String {
    let whole = written(outcome, true);
    if whole.chars().count() <= CHARS_MAX {
        return whole;
    }
    let failed = written(outcome, false);
    if failed.chars().count() <= CHARS_MAX {
        return failed;
    }
    // cut between lines, and not within a fold
    let end = failed.char_indices().nth(CHARS_MAX).map_or(failed.len(), |(at, _)| at);
    let end = failed[..end].rfind("\n<details").unwrap_or(end);
    failed[..end].to_owned() + "\n\nThe rest is too long for a comment; the HTML report has all of it.\n"
}

fn written(outcome: &Outcome, passed_too: bool) -> String {
    let mut out = format!("{MARK}\n### {}\n\n", headline(outcome));
    if let Some(why) = &outcome.nothing_new {
        let _ = writeln!(out, "{}: nothing had to be verified.", cell(why));
        return out;
    }
    let _ = writeln!(out, "{}.\n", cell(&summary(outcome)));
    for missing in &outcome.missing {
        let _ = writeln!(out, "> **Not verified: {}.** {}\n", cell(&missing.engine), cell(&missing.reason));
    }
    out += "| | migration | server | statements | errors | warnings | longest wait |\n|---|---|---|--:|--:|--:|--:|\n";
    for engine in &outcome.engines {
        for run in &engine.migrations {
            row(&mut out, engine, run);
        }
    }
    for engine in &outcome.engines {
        for run in engine.migrations.iter().filter(|it| passed_too || level(it) > Some(Severity::Note)) {
            fold(&mut out, engine, run);
        }
    }
    if !passed_too {
        out += "\nMigrations that passed are left out here, since the comment would be too long.\n";
    }
    let differences = versions::differences(&outcome.engines);
    if !differences.is_empty() {
        let text = markup(differences.trim_end());
        let _ = write!(
            out,
            "\n<details><summary>What the versions do differently</summary>\n\n<pre>{text}</pre>\n</details>\n"
        );
    }
    out
}

fn headline(outcome: &Outcome) -> String {
    let failed = outcome.statements().filter(|it| it.verdict() == Verdict::Fail).count();
    let warnings = outcome.count(Severity::Warning);
    match () {
        () if outcome.nothing_new.is_some() => "➖ Migrations: nothing new".to_owned(),
        () if failed > 0 => format!("❌ Migrations: {} failed", plural(failed, "statement")),
        () if !outcome.ok() => "❌ Migrations: not verified".to_owned(),
        () if warnings > 0 => format!("⚠️ Migrations: passed, with {}", plural(warnings, "warning")),
        () => "✅ Migrations: passed".to_owned(),
    }
}

/// The worst finding of a migration that nobody has accepted.
fn level(run: &MigrationRun) -> Option<Severity> {
    let findings = run.statements.iter().flat_map(|it| &it.findings);
    findings.filter(|it| it.waived.is_none()).map(|it| it.severity).max()
}

fn mark(run: &MigrationRun) -> &'static str {
    match level(run) {
        Some(Severity::Error) => "❌",
        Some(Severity::Warning) => "⚠️",
        _ => "✅",
    }
}

fn findings(run: &MigrationRun, severity: Severity) -> usize {
    let all = run.statements.iter().flat_map(|it| &it.findings);
    all.filter(|it| it.severity == severity && it.waived.is_none()).count()
}

fn row(out: &mut String, engine: &Engine, run: &MigrationRun) {
    let _ = writeln!(
        out,
        "| {} | {} | {} {} | {} | {} | {} | {} |",
        mark(run),
        plain(&run.id),
        engine.engine,
        cell(&engine.version),
        run.statements.len(),
        findings(run, Severity::Error),
        findings(run, Severity::Warning),
        longest_stall(run).map_or_else(|| "-".to_owned(), duration)
    );
}

fn fold(out: &mut String, engine: &Engine, run: &MigrationRun) {
    let open = if level(run) == Some(Severity::Error) { " open" } else { "" };
    let mut counts = plural(run.statements.len(), "statement");
    for (verdict, word) in [(Verdict::Fail, "failed"), (Verdict::Skipped, "skipped")] {
        match count(run, verdict) {
            0 => {}
            many => counts += &format!(", {many} {word}"),
        }
    }
    let _ = write!(
        out,
        "\n<details{open}><summary>{} <b>{}</b> on {} {}: {counts}</summary>\n\n",
        mark(run),
        plain(&run.id),
        engine.engine,
        cell(&engine.version)
    );
    out.push_str(
        "| | stage | statement | what it does | time | readers wait | writers wait |\n|---|---|---|---|--:|--:|--:|\n",
    );
    for it in &run.statements {
        statement(out, it);
    }
    let told: Vec<_> =
        run.statements.iter().flat_map(|it| it.findings.iter().map(move |finding| (it, finding))).collect();
    let mut told = told.into_iter().filter(|(_, it)| it.severity > Severity::Note || it.waived.is_some()).peekable();
    if told.peek().is_some() {
        out.push('\n');
    }
    for (run, finding) in told {
        item(out, run, finding);
    }
    out.push_str("\n</details>\n");
}

fn statement(out: &mut String, run: &StatementRun) {
    let mark = match run.verdict() {
        Verdict::Pass if run.findings.iter().any(|it| it.counts(Severity::Warning)) => "⚠️",
        Verdict::Pass => "✅",
        Verdict::Fail => "❌",
        Verdict::Skipped => "➖",
    };
    let seen = run.observation.as_ref();
    let ms = |it: Option<f64>| it.map_or_else(|| "-".to_owned(), duration);
    let what = match seen {
        Some(seen) => effect(seen),
        None => run.findings.first().map_or_else(|| "did not run".to_owned(), |it| it.message.clone()),
    };
    let _ = writeln!(
        out,
        "| {mark} | {} | <code>{}</code> | {} | {} | {} | {} |",
        stage(run),
        plain(&shortened(&run.sql)),
        plain(&what),
        ms(seen.map(|it| it.duration_ms)),
        ms(seen.and_then(|it| it.stall_read_ms)),
        ms(seen.and_then(|it| it.stall_write_ms))
    );
}

fn item(out: &mut String, run: &StatementRun, finding: &Finding) {
    let _ = write!(
        out,
        "- **{}** <code>{}</code> at {}: {}",
        finding.word(),
        finding.rule,
        plain(&super::words::place(run)),
        cell(&finding.message)
    );
    let _ = match &finding.waived {
        Some(reason) => writeln!(out, "<br>reason: {}", cell(reason)),
        None => writeln!(out, "<br>help: {}", cell(&finding.help)),
    };
}
