//! The report as one HTML file, with everything in it: no scripts, and nothing from elsewhere. In dark, in light and on
//! paper.

mod timeline;

use std::fmt::Write as _;

use super::escape::{markup, prose};
use super::versions;
use super::words::{count, duration, effect, longest_stall, place, plural, servers, stage};
use crate::verify::finding::{Finding, Severity, Verdict};
use crate::verify::outcome::{Engine, MigrationRun, Outcome, StatementRun};

/// The look of it.
pub const STYLE: &str = include_str!("style.css");

/// The report as HTML.
pub fn html(outcome: &Outcome) -> String {
    let mut body = String::new();
    head(&mut body, outcome);
    problems(&mut body, outcome);
    for (at, engine) in outcome.engines.iter().enumerate() {
        let _ = writeln!(body, "<h2>{}</h2>", markup(&engine.described));
        body += if at == 0 { LEGEND } else { "" };
        for migration in &engine.migrations {
            fold(&mut body, engine, migration, outcome);
        }
    }
    let differences = versions::differences(&outcome.engines);
    if !differences.is_empty() {
        let _ = writeln!(
            body,
            "<h2>What the versions do differently</h2>\n<div class=\"box\"><pre>{}</pre></div>",
            markup(differences.trim_end())
        );
    }
    format!(
        "<!DOCTYPE html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n\
         <meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n\
         <meta name=\"color-scheme\" content=\"light dark\">\n<title>Migrations: {}</title>\n<style>\n{STYLE}</style>\n\
         </head>\n<body>\n<main>\n{body}<footer>Made by <code>verify-migrations</code> of Pontoon {}. Time between \
         statements is left out, and a short statement is drawn wider than its share, so that it is seen.</footer>\n</main>\n</body>\n</html>\n",
        verdict(outcome).1,
        env!("CARGO_PKG_VERSION")
    )
}

const LEGEND: &str = "<div class=\"legend\">\
    <span><i class=\"k-all\"></i>keeps out readers and writers</span>\
    <span><i class=\"k-writes\"></i>keeps out writers</span>\
    <span><i class=\"k-none\"></i>keeps out nobody</span>\
    <span><i class=\"k-kept\"></i>kept until the transaction ends</span>\
    <span><i class=\"k-reader thin\"></i>longest wait of a reader</span>\
    <span><i class=\"k-writer thin\"></i>longest wait of a writer</span></div>\n";

/// The class of its colour, and the word.
fn verdict(outcome: &Outcome) -> (&'static str, &'static str) {
    match () {
        () if outcome.nothing_new.is_some() => ("", "nothing new"),
        () if outcome.violated() => ("fail", "failed"),
        () if !outcome.ok() => ("fail", "not verified"),
        () if outcome.count(Severity::Warning) > 0 => ("warning", "passed, with warnings"),
        () => ("pass", "passed"),
    }
}

fn head(out: &mut String, outcome: &Outcome) {
    let (class, word) = verdict(outcome);
    let _ = writeln!(
        out,
        "<header>\n<div class=\"head\"><h1>Migrations</h1><span class=\"pill big {class}\">{word}</span></div>"
    );
    if let Some(why) = &outcome.nothing_new {
        let _ = writeln!(out, "<p>{}: nothing had to be verified.</p>\n</header>", prose(why));
        return;
    }
    let on = if outcome.engines.is_empty() { "no server".to_owned() } else { servers(outcome) };
    let _ = writeln!(out, "<p class=\"dim\">Run on {}</p>", markup(&on));
    for missing in &outcome.missing {
        let _ = writeln!(
            out,
            "<div class=\"box error\"><b>Not verified: {}</b><pre>{}</pre></div>",
            markup(&missing.engine),
            markup(&missing.reason)
        );
    }
    let of = |verdict| outcome.statements().filter(|it| it.verdict() == verdict).count();
    let migrations = outcome.engines.iter().map(|it| it.migrations.len()).sum::<usize>();
    out.push_str("<div class=\"tiles\">\n");
    for (number, word, class) in [
        (migrations, "migrations", ""),
        (outcome.ran(), "statements run", ""),
        (of(Verdict::Fail), "failed", "fail"),
        (of(Verdict::Skipped), "skipped", ""),
        (outcome.count(Severity::Error), "errors", "fail"),
        (outcome.count(Severity::Warning), "warnings", "warning"),
        (outcome.waived(), "waived", "waived"),
    ] {
        let class = if number > 0 { class } else { "" };
        let _ = writeln!(out, "<div class=\"tile {class}\"><b>{number}</b><span>{word}</span></div>");
    }
    if let Some((longest, anchor)) = longest_wait(outcome) {
        let _ = writeln!(
            out,
            "<div class=\"tile\"><b>{}</b><span><a href=\"#{anchor}\">longest wait</a></span></div>",
            duration(longest)
        );
    }
    out.push_str("</div>\n</header>\n");
}

/// The longest that anybody waited, and the name of the statement within the page.
fn longest_wait(outcome: &Outcome) -> Option<(f64, String)> {
    let mut longest: Option<(f64, String)> = None;
    for engine in &outcome.engines {
        for migration in &engine.migrations {
            for (at, seen) in
                migration.statements.iter().enumerate().filter_map(|(at, it)| Some((at, it.observation.as_ref()?)))
            {
                let stall = [seen.stall_read_ms, seen.stall_write_ms].into_iter().flatten().reduce(f64::max);
                if let Some(stall) = stall.filter(|it| longest.as_ref().is_none_or(|(most, _)| it > most)) {
                    longest = Some((stall, anchor(engine, migration, at)));
                }
            }
        }
    }
    longest
}

/// What has to be looked at, before all that is well.
fn problems(out: &mut String, outcome: &Outcome) {
    let mut found = Vec::new();
    for engine in &outcome.engines {
        for migration in &engine.migrations {
            for (at, run) in migration.statements.iter().enumerate() {
                for finding in run.findings.iter().filter(|it| it.counts(Severity::Warning)) {
                    found.push((anchor(engine, migration, at), engine, run, finding, outcome.engines.len() > 1));
                }
            }
        }
    }
    found.sort_by_key(|it| std::cmp::Reverse(it.3.severity));
    if found.is_empty() {
        return;
    }
    out.push_str("<h2>What to look at</h2>\n");
    for (anchor, engine, run, finding, several) in found {
        let on = if several { format!(" on {} {}", engine.engine, engine.version) } else { String::new() };
        let _ = writeln!(
            out,
            "<div class=\"box {}\">{} <a href=\"#{anchor}\"><code>{}</code></a>{}\n<pre>{}</pre>{}</div>",
            finding.word(),
            pill(finding),
            markup(&place(run)),
            markup(&on),
            markup(&run.sql),
            words(finding)
        );
    }
}

fn pill(finding: &Finding) -> String {
    format!("<span class=\"pill {0}\">{0}: {1}</span>", finding.word(), finding.rule)
}

fn words(finding: &Finding) -> String {
    let (label, text) = match &finding.waived {
        Some(reason) => ("Accepted", reason),
        None => ("Help", &finding.help),
    };
    format!(
        "<div class=\"finding {}\"><p>{}</p><p class=\"help\">{label}: {}</p></div>",
        finding.word(),
        prose(&finding.message),
        prose(text)
    )
}

/// A name for a statement within the page.
fn anchor(engine: &Engine, migration: &MigrationRun, at: usize) -> String {
    let safe = |text: &str| text.chars().map(|c| if c.is_ascii_alphanumeric() { c } else { '-' }).collect::<String>();
    format!("{}-{}-{}-{}", engine.engine, safe(&engine.version), safe(&migration.id), at + 1)
}

fn fold(out: &mut String, engine: &Engine, migration: &MigrationRun, outcome: &Outcome) {
    let failed = count(migration, Verdict::Fail);
    let skipped = count(migration, Verdict::Skipped);
    let warned = migration.statements.iter().flat_map(|it| &it.findings).any(|it| it.counts(Severity::Warning));
    let few = outcome.engines.iter().map(|it| it.migrations.len()).sum::<usize>() <= 3;
    let open = if warned || few { " open" } else { "" };
    let (class, word) = match (failed, warned) {
        (0, false) => ("pass", "passed".to_owned()),
        (0, true) => ("warning", "warnings".to_owned()),
        (failed, _) => ("fail", format!("{failed} failed")),
    };
    let total: f64 =
        migration.statements.iter().filter_map(|it| it.observation.as_ref()).map(|it| it.duration_ms).sum();
    let mut line = format!("{}, {}", plural(migration.statements.len(), "statement"), duration(total));
    if skipped > 0 {
        line += &format!(", {skipped} skipped");
    }
    if let Some(stall) = longest_stall(migration) {
        line += &format!(", longest wait {}", duration(stall));
    }
    let _ = writeln!(
        out,
        "<details class=\"migration\"{open}>\n<summary><b>{}</b><span class=\"pill {class}\">{word}</span><span class=\"dim\">{line}</span></summary>\n<div class=\"body\">",
        markup(&migration.id)
    );
    let _ = writeln!(out, "<div class=\"scroll\">\n{}</div>", timeline::timeline(migration));
    out.push_str(
        "<div class=\"scroll\"><table>\n<thead><tr><th>Stage</th><th>Statement</th><th>What it does</th>\
         <th class=\"num\">Time</th><th class=\"num\">Readers wait</th><th class=\"num\">Writers wait</th></tr></thead>\n<tbody>\n",
    );
    for (at, run) in migration.statements.iter().enumerate() {
        statement(out, &anchor(engine, migration, at), run);
    }
    out.push_str("</tbody>\n</table></div>\n</div>\n</details>\n");
}

fn statement(out: &mut String, anchor: &str, run: &StatementRun) {
    let (class, word) = match run.verdict() {
        Verdict::Pass => ("pass", "pass"),
        Verdict::Fail => ("fail", "fail"),
        Verdict::Skipped => ("", "skipped"),
    };
    let seen = run.observation.as_ref();
    let ms = |it: Option<f64>| it.map_or_else(|| "-".to_owned(), duration);
    let _ = writeln!(
        out,
        "<tr id=\"{anchor}\"><td>{}<br><span class=\"pill {class}\">{word}</span></td>\
         <td><pre>{}</pre><span class=\"place\">{}</span></td><td class=\"what\">{}",
        markup(&stage(run)),
        markup(&run.sql),
        markup(&place(run)),
        markup(&seen.map_or_else(|| "did not run".to_owned(), effect))
    );
    for finding in &run.findings {
        let _ = writeln!(out, "<div>{}</div>{}", pill(finding), words(finding));
    }
    let _ = writeln!(
        out,
        "</td><td class=\"num\">{}</td><td class=\"num\">{}</td><td class=\"num\">{}</td></tr>",
        ms(seen.map(|it| it.duration_ms)),
        ms(seen.and_then(|it| it.stall_read_ms)),
        ms(seen.and_then(|it| it.stall_write_ms))
    );
}
