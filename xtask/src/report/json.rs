//! The JSON report, version 1: a contract. Fields may be added, those that are here stay.

use pontoon::migration::Claim;
use serde::Serialize;

use crate::verify::finding::Finding;
use crate::verify::observation::Observation;
use crate::verify::outcome::{MigrationRun, Outcome, StatementRun};

#[derive(Serialize)]
struct Report<'a> {
    version: u32,
    ok: bool,
    engines: Vec<EngineReport<'a>>,
    not_verified: Vec<MissingReport<'a>>,
    /// Why nothing had to be verified, if so.
    #[serde(skip_serializing_if = "Option::is_none")]
    nothing_new: Option<&'a str>,
}

#[derive(Serialize)]
struct MissingReport<'a> {
    engine: &'a str,
    reason: &'a str,
}

#[derive(Serialize)]
struct EngineReport<'a> {
    engine: &'a str,
    version: &'a str,
    source: &'a str,
    migrations: Vec<MigrationReport<'a>>,
}

#[derive(Serialize)]
struct MigrationReport<'a> {
    id: &'a str,
    stages: Vec<StageReport<'a>>,
}

#[derive(Serialize)]
struct StageReport<'a> {
    stage: &'a str,
    statements: Vec<StatementReport<'a>>,
}

#[derive(Serialize)]
struct StatementReport<'a> {
    index: usize,
    file: &'a str,
    line: usize,
    column: usize,
    sql: &'a str,
    direction: &'a str,
    claim: Option<ClaimReport>,
    observed: Option<ObservedReport<'a>>,
    verdict: &'a str,
    findings: Vec<FindingReport<'a>>,
}

#[derive(Serialize)]
struct LockReport<'a> {
    object: &'a str,
    mode: &'a str,
}

#[derive(Serialize)]
struct OwnedLockReport {
    object: String,
    mode: &'static str,
}

#[derive(Serialize)]
struct BlocksReport {
    reads: &'static str,
    writes: &'static str,
}

#[derive(Serialize)]
struct ClaimReport {
    locks: Vec<OwnedLockReport>,
    algorithm: Option<&'static str>,
    lock_clause: Option<&'static str>,
    rewrites: Vec<String>,
    scans: Vec<String>,
    blocks: BlocksReport,
}

#[derive(Serialize)]
struct StallReport {
    read: Option<f64>,
    write: Option<f64>,
}

#[derive(Serialize)]
struct ObservedReport<'a> {
    locks: Vec<LockReport<'a>>,
    algorithm: Option<&'a str>,
    lock_clause: Option<&'a str>,
    rewrites: Vec<&'a str>,
    scans: Vec<&'a str>,
    blocks: BlocksReport,
    duration_ms: f64,
    stall_ms: StallReport,
    stale_plans: Vec<&'a str>,
    outside_transaction: bool,
    error: Option<&'a str>,
}

#[derive(Serialize)]
struct FindingReport<'a> {
    rule: &'a str,
    severity: &'a str,
    message: &'a str,
    help: &'a str,
    /// Why somebody accepts it, if so: then it fails nothing.
    #[serde(skip_serializing_if = "Option::is_none")]
    waived: Option<&'a str>,
}

/// The report as JSON, with a line break at its end.
///
/// # Errors
/// Only if memory runs out.
pub fn json(outcome: &Outcome) -> serde_json::Result<String> {
    let engines = outcome.engines.iter().map(|it| EngineReport {
        engine: it.engine,
        version: &it.version,
        source: it.source,
        migrations: it.migrations.iter().map(migration).collect(),
    });
    let missing = outcome.missing.iter().map(|it| MissingReport { engine: &it.engine, reason: &it.reason });
    let report = Report {
        version: 1,
        ok: outcome.ok(),
        engines: engines.collect(),
        not_verified: missing.collect(),
        nothing_new: outcome.nothing_new.as_deref(),
    };
    Ok(serde_json::to_string_pretty(&report)? + "\n")
}

/// A stage is a run of statements: one that is gone through forth, back and forth again stands there once a way.
fn migration(run: &MigrationRun) -> MigrationReport<'_> {
    let mut stages: Vec<StageReport<'_>> = Vec::new();
    for (at, it) in run.statements.iter().enumerate() {
        let report = statement(at + 1, it);
        match stages.iter_mut().find(|stage| stage.stage == it.stage) {
            Some(stage) => stage.statements.push(report),
            None => stages.push(StageReport { stage: it.stage, statements: vec![report] }),
        }
    }
    MigrationReport { id: &run.id, stages }
}

fn statement(index: usize, run: &StatementRun) -> StatementReport<'_> {
    StatementReport {
        index,
        file: &run.file,
        line: run.line,
        column: run.column,
        sql: &run.sql,
        direction: run.direction.word(),
        claim: run.claim.as_ref().map(claim),
        observed: run.observation.as_ref().map(observed),
        verdict: run.verdict().word(),
        findings: run.findings.iter().map(finding).collect(),
    }
}

fn claim(claim: &Claim) -> ClaimReport {
    ClaimReport {
        locks: claim
            .locks
            .iter()
            .map(|(object, mode)| OwnedLockReport { object: object.clone(), mode: mode.name() })
            .collect(),
        algorithm: claim.algorithm.map(|it| it.word()),
        lock_clause: claim.lock_clause.map(|it| it.word()),
        rewrites: claim.rewrites.iter().cloned().collect(),
        scans: claim.scans.iter().cloned().collect(),
        blocks: BlocksReport { reads: claim.reads.word(), writes: claim.writes.word() },
    }
}

fn observed(seen: &Observation) -> ObservedReport<'_> {
    ObservedReport {
        locks: seen.locks.iter().map(|it| LockReport { object: &it.object, mode: it.mode.name() }).collect(),
        algorithm: seen.algorithm.map(|it| it.word()),
        lock_clause: seen.lock_clause.map(|it| it.word()),
        rewrites: seen.rewrites.iter().map(String::as_str).collect(),
        scans: seen.scans.iter().map(String::as_str).collect(),
        blocks: BlocksReport { reads: seen.reads.word(), writes: seen.writes.word() },
        duration_ms: rounded(seen.duration_ms),
        stall_ms: StallReport { read: seen.stall_read_ms.map(rounded), write: seen.stall_write_ms.map(rounded) },
        stale_plans: seen.stale_plans.iter().map(String::as_str).collect(),
        outside_transaction: seen.outside,
        error: seen.error.as_ref().map(|it| it.message.as_str()),
    }
}

fn finding(finding: &Finding) -> FindingReport<'_> {
    FindingReport {
        rule: finding.rule.code(),
        severity: finding.severity.word(),
        message: &finding.message,
        help: &finding.help,
        waived: finding.waived.as_deref(),
    }
}

/// To microseconds: more digits are noise.
fn rounded(ms: f64) -> f64 {
    (ms * 1_000.0).round() / 1_000.0
}
