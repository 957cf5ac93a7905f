//! The report for people: one line a statement, and what is wrong right below it.

use std::fmt::Write as _;
use std::io::IsTerminal as _;

use pontoon::Dialect;

use super::words::{effect, place, printable, shortened, summary};
use super::{clause, versions};
use crate::verify::finding::{Severity, Verdict};
use crate::verify::observation::Observation;
use crate::verify::outcome::{Direction, Outcome, StatementRun};

/// Whether a text is coloured.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Colours {
    /// For files and pipes.
    Off,
    /// For terminals.
    On,
}

impl Colours {
    /// For the standard output: on a terminal, unless its user wants none.
    pub fn of_stdout() -> Self {
        let unwanted = std::env::var_os("NO_COLOR").is_some_and(|it| !it.is_empty());
        let dumb = std::env::var_os("TERM").is_some_and(|it| it == "dumb");
        if std::io::stdout().is_terminal() && !unwanted && !dumb { Self::On } else { Self::Off }
    }

    /// The text in one of the terminal's own colours.
    fn paint(self, code: &str, text: &str) -> String {
        match self {
            Self::On => format!("\u{1b}[{code}m{text}\u{1b}[0m"),
            Self::Off => text.to_owned(),
        }
    }
}

const BOLD: &str = "1";
const DIM: &str = "2";
const RED: &str = "1;31";
const GREEN: &str = "32";
const YELLOW: &str = "1;33";
const BLUE: &str = "34";
const MAGENTA: &str = "35";

/// The report as plain text.
pub fn text(outcome: &Outcome) -> String {
    text_with(outcome, Colours::Off)
}

/// The report as text.
pub fn text_with(outcome: &Outcome, colours: Colours) -> String {
    let mut out = String::new();
    for engine in &outcome.engines {
        let _ = writeln!(out, "{}", colours.paint(BOLD, &engine.described));
        let dialect = Dialect::from_name(engine.engine).unwrap_or(Dialect::Postgres);
        for migration in &engine.migrations {
            let _ = writeln!(out, "\n  {}", colours.paint(BOLD, &migration.id));
            let mut heading = ("", Direction::Do);
            for statement in &migration.statements {
                if heading != (statement.stage, statement.direction) && statement.stage != "sql" {
                    let back = if statement.direction == Direction::Undo { ", back" } else { "" };
                    let _ = writeln!(out, "    {}{back}", statement.stage);
                }
                heading = (statement.stage, statement.direction);
                line(&mut out, statement, dialect, colours);
            }
        }
        out.push('\n');
    }
    out + &versions::differences(&outcome.engines) + &totals(outcome)
}

fn line(out: &mut String, run: &StatementRun, dialect: Dialect, colours: Colours) {
    let mark = match run.verdict() {
        Verdict::Pass => colours.paint(GREEN, "ok  "),
        Verdict::Fail => colours.paint(RED, "FAIL"),
        Verdict::Skipped => colours.paint(DIM, "skip"),
    };
    let back = if run.direction == Direction::Undo { "back: " } else { "" };
    let _ = writeln!(out, "    {mark} {back}{}", shortened(&run.sql));
    if let Some(seen) = &run.observation {
        let _ = writeln!(out, "           {}", colours.paint(DIM, &printable(&what(seen))));
    }
    if run.verdict() == Verdict::Skipped {
        for finding in &run.findings {
            let _ = writeln!(out, "           {}", printable(&finding.message));
        }
    }
    for finding in run.findings.iter().filter(|it| it.severity > Severity::Note || it.waived.is_some()) {
        let colour = match (&finding.waived, finding.severity) {
            (Some(_), _) => MAGENTA,
            (None, Severity::Error) => RED,
            (None, _) => YELLOW,
        };
        let word = colours.paint(colour, &format!("{}[{}]", finding.word(), finding.rule));
        let _ = writeln!(out, "         {}: {word}: {}", colours.paint(BLUE, &place(run)), printable(&finding.message));
        if let Some(excerpt) = clause::excerpt(run, finding, dialect, colours == Colours::On) {
            for line in excerpt.lines() {
                let _ = writeln!(out, "{}", format!("           {line}").trim_end());
            }
        }
        let _ = match &finding.waived {
            Some(reason) => writeln!(out, "           reason: {reason}"),
            None => writeln!(out, "           help: {}", finding.help),
        };
    }
}

/// What the server did, in a few words, and how long it took.
fn what(seen: &Observation) -> String {
    let mut text = effect(seen);
    let _ = write!(text, "; {:.1} ms", seen.duration_ms);
    if let (Some(read), Some(write)) = (seen.stall_read_ms, seen.stall_write_ms) {
        let _ = write!(text, "; readers waited {read:.1} ms, writers {write:.1} ms");
    }
    text
}

fn totals(outcome: &Outcome) -> String {
    let mut text = summary(outcome) + "\n";
    for missing in &outcome.missing {
        let _ = writeln!(text, "not verified: {}\n{}", missing.engine, missing.reason);
    }
    if let Some(why) = &outcome.nothing_new {
        return format!("{why}: nothing had to be verified\n");
    }
    if outcome.ran() == 0 {
        text += "nothing was verified\n";
    }
    text
}
