//! What verification has to say about a statement.

use std::fmt;

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
    /// The rule's stable name.
    pub rule: &'static str,
    /// How bad it is.
    pub severity: Severity,
    /// What was seen, and what that does to whoever uses the tables.
    pub message: String,
    /// What to do.
    pub help: String,
}

impl Finding {
    /// A finding that fails its statement.
    pub fn error(rule: &'static str, message: impl Into<String>, help: impl Into<String>) -> Self {
        Self { rule, severity: Severity::Error, message: message.into(), help: help.into() }
    }

    /// A finding that does not.
    pub fn warning(rule: &'static str, message: impl Into<String>, help: impl Into<String>) -> Self {
        Self { rule, severity: Severity::Warning, message: message.into(), help: help.into() }
    }

    /// Good to know.
    pub fn note(rule: &'static str, message: impl Into<String>, help: impl Into<String>) -> Self {
        Self { rule, severity: Severity::Note, message: message.into(), help: help.into() }
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
        if findings.iter().any(|it| it.severity == Severity::Error) { Self::Fail } else { Self::Pass }
    }
}

/// Names in backquotes, with commas between.
pub(crate) fn list<'a>(names: impl IntoIterator<Item = &'a String>) -> String {
    names.into_iter().map(|it| format!("`{it}`")).collect::<Vec<_>>().join(", ")
}
