//! What verification has to say about a statement.

use std::fmt;

use super::rule::RuleId;

/// How bad a finding is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Severity {
    /// Good to know.
    Note,
    /// Likely to hurt; does not fail the statement.
    Warning,
    /// Fails the statement.
    Error,
}

impl Severity {
    /// The word in reports.
    pub const fn word(self) -> &'static str {
        match self {
            Self::Note => "note",
            Self::Warning => "warning",
            Self::Error => "error",
        }
    }
}

impl fmt::Display for Severity {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.word())
    }
}

/// One thing to say about a statement.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Finding {
    /// The rule.
    pub rule: RuleId,
    /// How bad it is.
    pub severity: Severity,
    /// What was seen, and what that does to whoever uses the tables.
    pub message: String,
    /// What to do.
    pub help: String,
    /// Why somebody accepts it, if so: then it does not count.
    pub waived: Option<String>,
}

impl Finding {
    /// A finding in the rule's own words for what to do, as bad as the rule is.
    pub fn of(rule: RuleId, message: impl Into<String>) -> Self {
        let about = rule.rule();
        Self {
            rule,
            severity: about.severity,
            message: message.into(),
            help: about.workaround.to_owned(),
            waived: None,
        }
    }

    /// A finding that fails its statement.
    pub fn error(rule: RuleId, message: impl Into<String>, help: impl Into<String>) -> Self {
        Self { rule, severity: Severity::Error, message: message.into(), help: help.into(), waived: None }
    }

    /// A finding that does not.
    pub fn warning(rule: RuleId, message: impl Into<String>, help: impl Into<String>) -> Self {
        Self { rule, severity: Severity::Warning, message: message.into(), help: help.into(), waived: None }
    }

    /// Good to know.
    pub fn note(rule: RuleId, message: impl Into<String>, help: impl Into<String>) -> Self {
        Self { rule, severity: Severity::Note, message: message.into(), help: help.into(), waived: None }
    }
}

impl Finding {
    /// The same with its place said first: `file:line`.
    pub fn at(self, place: impl fmt::Display) -> Self {
        Self { message: format!("{place}: {}", self.message), ..self }
    }

    /// Whether it is at least this bad, and nobody has accepted it.
    pub fn counts(&self, least: Severity) -> bool {
        self.waived.is_none() && self.severity >= least
    }

    /// `error`, `warning`, `note` or `waived`.
    pub const fn word(&self) -> &'static str {
        match self.waived {
            Some(_) => "waived",
            None => self.severity.word(),
        }
    }
}

/// Whether a statement did what it may.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Verdict {
    /// It did.
    Pass,
    /// It did not, or that could not be seen.
    Fail,
    /// It was not run.
    Skipped,
}

impl Verdict {
    /// The word in reports.
    pub const fn word(self) -> &'static str {
        match self {
            Self::Pass => "pass",
            Self::Fail => "fail",
            Self::Skipped => "skipped",
        }
    }

    /// What the findings amount to.
    pub fn of(findings: &[Finding]) -> Self {
        if findings.iter().any(|it| it.counts(Severity::Error)) { Self::Fail } else { Self::Pass }
    }
}

/// Names in backquotes, with commas between.
pub(crate) fn list<'a>(names: impl IntoIterator<Item = &'a String>) -> String {
    names.into_iter().map(|it| format!("`{it}`")).collect::<Vec<_>>().join(", ")
}
