//! SARIF 2.1.0, as code scanning reads it: the rules with their help, and each finding at its line.

use serde_json::{Value, json};

use super::words::{effect, stage};
use crate::verify::finding::Finding;
use crate::verify::outcome::{Engine, MigrationRun, Outcome, StatementRun};
use crate::verify::rule::{RULES, Rule, RuleId};

const SCHEMA: &str = "https://json.schemastore.org/sarif-2.1.0.json";
const HOME: &str = env!("CARGO_PKG_REPOSITORY");

/// The report as SARIF. What several servers do alike is one result that names them.
///
/// # Errors
/// Only if memory runs out.
pub fn sarif(outcome: &Outcome) -> serde_json::Result<String> {
    let notifications: Vec<_> = outcome
        .missing
        .iter()
        .map(|it| {
            let text = format!("nothing is verified on {}: {}", it.engine, it.reason);
            json!({ "level": "error", "message": { "text": text } })
        })
        .collect();
    let run = json!({
        "tool": { "driver": {
            "name": "pontoon",
            "informationUri": HOME,
            "semanticVersion": env!("CARGO_PKG_VERSION"),
            "rules": RULES.iter().map(|it| rule(it)).collect::<Vec<_>>(),
        } },
        "automationDetails": { "id": "verify-migrations/" },
        "columnKind": "unicodeCodePoints",
        "invocations": [{
            "executionSuccessful": outcome.missing.is_empty(),
            "toolExecutionNotifications": notifications,
        }],
        "results": results(outcome),
    });
    let log = json!({ "$schema": SCHEMA, "version": "2.1.0", "runs": [run] });
    Ok(serde_json::to_string_pretty(&log)? + "\n")
}

fn rule(rule: &Rule) -> Value {
    let help = format!("{}. {}. Instead: {}.", capital(rule.condition), capital(rule.effect), rule.workaround);
    let markdown = format!(
        "{}: {}.\n\n**Instead:** {}.\n\nThis is found:\n\n```sql\n{}\n```\n\nand this is not:\n\n```sql\n{}\n```\n",
        capital(rule.condition),
        rule.effect,
        rule.workaround,
        rule.example.bad.trim_end(),
        rule.example.good.trim_end()
    );
    json!({
        "id": rule.code,
        "shortDescription": { "text": format!("{}.", capital(rule.condition)) },
        "fullDescription": { "text": format!("{}: {}.", capital(rule.condition), rule.effect) },
        "help": { "text": help, "markdown": markdown },
        "defaultConfiguration": { "level": rule.severity.word() },
    })
}

fn capital(text: &str) -> String {
    let mut chars = text.chars();
    chars.next().map_or_else(String::new, |first| first.to_uppercase().chain(chars).collect())
}

/// A finding, and the servers that it was made on.
struct Found<'a> {
    migration: &'a MigrationRun,
    run: &'a StatementRun,
    finding: &'a Finding,
    servers: Vec<String>,
}

fn results(outcome: &Outcome) -> Vec<Value> {
    let mut found: Vec<Found<'_>> = Vec::new();
    for engine in &outcome.engines {
        let server = server(engine);
        for migration in &engine.migrations {
            for run in &migration.statements {
                for finding in &run.findings {
                    let same = found.iter_mut().find(|it| {
                        (it.run.file.as_str(), it.run.line, it.run.column, it.finding)
                            == (run.file.as_str(), run.line, run.column, finding)
                    });
                    match same {
                        Some(same) if same.servers.contains(&server) => {}
                        Some(same) => same.servers.push(server.clone()),
                        None => found.push(Found { migration, run, finding, servers: vec![server.clone()] }),
                    }
                }
            }
        }
    }
    found.iter().map(result).collect()
}

fn server(engine: &Engine) -> String {
    format!("{} {}", engine.engine, engine.version)
}

fn result(found: &Found<'_>) -> Value {
    let Found { migration, run, finding, servers } = found;
    let text = format!("{} ({}). Help: {}", finding.message, servers.join(", "), finding.help);
    let mut result = json!({
        "ruleId": finding.rule.code(),
        "ruleIndex": index(finding.rule),
        "level": finding.severity.word(),
        "message": { "text": text },
        "locations": [{
            "physicalLocation": { "artifactLocation": artifact(&run.file), "region": region(run) },
            "logicalLocations": [{ "name": migration.id, "fullyQualifiedName": format!("{}: {}", migration.id, stage(run)) }],
        }],
        // lines move; what a statement is does not
        "partialFingerprints": {
            "pontoonStatement/v1": format!("{}:{}:{}:{}", migration.id, run.direction.word(), finding.rule, fingerprint(&run.sql)),
        },
        "properties": {
            "servers": servers,
            "observed": run.observation.as_ref().map(effect),
        },
    });
    if let Some(reason) = &finding.waived {
        result["suppressions"] = json!([{ "kind": "inSource", "justification": reason }]);
    }
    result
}

fn index(rule: RuleId) -> usize {
    RuleId::all().position(|it| it == rule).unwrap_or_default()
}

/// A file below the folder that the command ran in is named relative to the repository's root.
fn artifact(file: &str) -> Value {
    let path = file.strip_prefix("./").unwrap_or(file).replace('\\', "/");
    let uri: String = path.bytes().map(encoded).collect();
    if path.starts_with('/') {
        return json!({ "uri": format!("file://{uri}") });
    }
    json!({ "uri": uri, "uriBaseId": "%SRCROOT%" })
}

fn encoded(byte: u8) -> String {
    match byte {
        b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b'-' | b'.' | b'_' | b'~' | b'/' => char::from(byte).to_string(),
        _ => format!("%{byte:02X}"),
    }
}

fn region(run: &StatementRun) -> Value {
    // a line of 0 is none that SARIF knows
    let line = run.line.max(1);
    let mut region = json!({ "startLine": line, "snippet": { "text": run.sql } });
    // the way back stands in a comment, which has another first column and signs of its own
    if run.column > 0 {
        let last = run.sql.lines().last().unwrap_or_default().chars().count();
        let lines = run.sql.lines().count().max(1);
        region["startColumn"] = json!(run.column);
        region["endLine"] = json!(line + lines - 1);
        region["endColumn"] = json!(if lines == 1 { run.column + last } else { last + 1 });
    }
    region
}

/// FNV-1a: the same in every version and on every machine, which is all that is asked of it.
fn fingerprint(text: &str) -> String {
    let words = text.split_whitespace().collect::<Vec<_>>().join(" ");
    let hash = words
        .bytes()
        .fold(0xcbf2_9ce4_8422_2325_u64, |hash, byte| (hash ^ u64::from(byte)).wrapping_mul(0x0000_0100_0000_01b3));
    format!("{hash:016x}")
}
