//! The result of a verification: what every report is made from.

use pontoon::migration::Claim;

use super::finding::{Finding, Severity, Verdict};
use super::observation::Observation;

/// All of it.
#[derive(Debug, Default)]
pub struct Outcome {
    /// One entry a server.
    pub engines: Vec<Engine>,
    /// The engines that were asked for and that there is no server of.
    pub missing: Vec<Missing>,
    /// Why there was nothing to verify, where that is no fault: no migration is new since a reference.
    pub nothing_new: Option<String>,
}

/// An engine on which nothing was verified.
#[derive(Debug)]
pub struct Missing {
    /// As it was asked for: `postgres:13`.
    pub engine: String,
    /// Why there is no server of it.
    pub reason: String,
}

/// What was verified on one server.
#[derive(Debug)]
pub struct Engine {
    /// `postgres` or `mysql`.
    pub engine: &'static str,
    /// The server's version.
    pub version: String,
    /// Where the server came from: `docker`, `local`, `packages` or `url`.
    pub source: &'static str,
    /// The server in one line, for people.
    pub described: String,
    /// The migrations, in the order they ran.
    pub migrations: Vec<MigrationRun>,
}

/// What was seen of one migration.
#[derive(Debug)]
pub struct MigrationRun {
    /// Its name, or the stem of its file.
    pub id: String,
    /// Its statements, in the order they ran.
    pub statements: Vec<StatementRun>,
}

/// Which way a statement leads.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Direction {
    /// There.
    Do,
    /// Back.
    Undo,
}

impl Direction {
    /// The word in reports.
    pub const fn word(self) -> &'static str {
        match self {
            Self::Do => "do",
            Self::Undo => "undo",
        }
    }
}

/// One statement, run once.
#[derive(Debug)]
pub struct StatementRun {
    /// `expand`, `backfill`, `validate`, `contract` or `sql`.
    pub stage: &'static str,
    /// Which way.
    pub direction: Direction,
    /// The file.
    pub file: String,
    /// Where in the file it begins, counted from 1.
    pub line: usize,
    /// The same, in characters, where it is known.
    pub column: usize,
    /// Its text.
    pub sql: String,
    /// What was claimed.
    pub claim: Option<Claim>,
    /// What was seen; nothing if it did not run.
    pub observation: Option<Observation>,
    /// What is to be said about it.
    pub findings: Vec<Finding>,
}

impl StatementRun {
    /// Whether it did what it may.
    pub fn verdict(&self) -> Verdict {
        match &self.observation {
            None if Verdict::of(&self.findings) == Verdict::Pass => Verdict::Skipped,
            _ => Verdict::of(&self.findings),
        }
    }
}

impl Outcome {
    /// Every statement, on every server.
    pub fn statements(&self) -> impl Iterator<Item = &StatementRun> {
        self.engines.iter().flat_map(|it| &it.migrations).flat_map(|it| &it.statements)
    }

    /// How many statements ran.
    pub fn ran(&self) -> usize {
        self.statements().filter(|it| it.observation.is_some()).count()
    }

    /// Whether something ran or nothing had to, nothing is violated, and no engine that was asked for is missing.
    pub fn ok(&self) -> bool {
        (self.ran() > 0 || self.nothing_new.is_some()) && self.missing.is_empty() && !self.violated()
    }

    /// Whether a statement did what it may not.
    pub fn violated(&self) -> bool {
        self.statements().any(|it| it.verdict() == Verdict::Fail)
    }

    /// How many findings are this bad, and accepted by nobody.
    pub fn count(&self, severity: Severity) -> usize {
        let findings = self.statements().flat_map(|it| &it.findings);
        findings.filter(|it| it.severity == severity && it.waived.is_none()).count()
    }

    /// How many findings somebody has accepted.
    pub fn waived(&self) -> usize {
        self.statements().flat_map(|it| &it.findings).filter(|it| it.waived.is_some()).count()
    }
}
