//! What a project accepts: budgets and severities from its `Cargo.toml`, and waivers beside the statements. Pure: what
//! was observed is judged already, and here is said how much of it matters.

mod settings;
mod waiver;

use std::collections::{BTreeMap, BTreeSet};

use pontoon::Dialect;
use pontoon::migration::LockMode;

use super::finding::{Finding, Severity};
use super::observation::{Observation, ObservedLock};
use super::outcome::{Engine, Outcome, StatementRun};
use super::rule;
use waiver::Written;

pub use settings::Settings;

/// The texts of the files that ran, under the names that the report has for them.
pub type Texts = BTreeMap<String, String>;

/// A waiver: its file, and the line and column that it begins at.
type Place = (String, usize, usize);

/// Applies budgets, severities and waivers to what was found.
pub fn apply(outcome: &mut Outcome, settings: &Settings, texts: &Texts) {
    let mut used: BTreeSet<Place> = BTreeSet::new();
    let mut waivers: BTreeMap<(String, &'static str), Vec<Written>> = BTreeMap::new();
    for engine in &mut outcome.engines {
        let Some(dialect) = Dialect::from_name(engine.engine) else { continue };
        for run in statements(engine) {
            budgets(run, settings, dialect);
            for finding in &mut run.findings {
                if let Some(severity) = settings.severity.get(&finding.rule) {
                    finding.severity = *severity;
                }
            }
            small_tables(run, settings);
            let key = (run.file.clone(), dialect.name());
            let read = || texts.get(&run.file).map(|text| waiver::read(text, dialect)).unwrap_or_default();
            waive(run, waivers.entry(key).or_insert_with(read), &mut used);
        }
    }
    told(outcome, &waivers, &used);
}

fn statements(engine: &mut Engine) -> impl Iterator<Item = &mut StatementRun> {
    engine.migrations.iter_mut().flat_map(|it| &mut it.statements)
}

/// What goes beyond a budget is a finding.
fn budgets(run: &mut StatementRun, settings: &Settings, dialect: Dialect) {
    let Some(seen) = &run.observation else { return };
    let mut found = Vec::new();
    if let Some(budget) = settings.longest_stall_ms {
        for (who, stall) in [("a reader", seen.stall_read_ms), ("a writer", seen.stall_write_ms)] {
            if let Some(stall) = stall.filter(|it| *it > budget) {
                let message = format!("{who} waited {stall:.1} ms, and the project allows {budget} ms");
                found.push(Finding::of(rule::LONGEST_STALL, message));
            }
        }
    }
    for lock in seen.tables() {
        found.extend(strongest_lock(lock, settings, dialect));
    }
    if let (Some(most), Some(claim)) = (settings.rewrite_rows, &run.claim) {
        for table in claim.rewrites.intersection(&seen.rewrites) {
            if let Some(rows) = settings.rows.get(table).filter(|it| **it > most) {
                let message =
                    format!("writes every row of `{table}` anew: it has {rows}, and the project allows {most}");
                found.push(Finding::of(rule::REWRITE, message));
            }
        }
    }
    run.findings.extend(found);
}

fn strongest_lock(lock: &ObservedLock, settings: &Settings, dialect: Dialect) -> Option<Finding> {
    let allowed = LockMode::from_name(settings.strongest_lock.get(&lock.object)?, dialect)?;
    (lock.mode > allowed).then(|| {
        let message = format!(
            "takes {} on `{}`, and the project allows no more than {}",
            lock.mode.name(),
            lock.object,
            allowed.name()
        );
        Finding::of(rule::STRONGEST_LOCK, message)
    })
}

/// Where the rows of a table are known to be few, it does not matter that the time grows with them.
fn small_tables(run: &mut StatementRun, settings: &Settings) {
    let (Some(most), Some(seen), None) = (settings.rewrite_rows, &run.observation, &run.claim) else { return };
    let tables: BTreeSet<&String> = grown(seen).collect();
    let small = |table: &&String| settings.rows.get(*table).is_some_and(|rows| *rows <= most);
    if tables.is_empty() || !tables.iter().all(small) {
        return;
    }
    let grows = [rule::REWRITE, rule::BLOCKS_READS_ROWS, rule::BLOCKS_WRITES_ROWS, rule::WHOLE_TABLE_WRITE];
    for finding in run.findings.iter_mut().filter(|it| grows.contains(&it.rule)) {
        finding.severity = Severity::Note;
        finding.message += &format!(" (in tables of at most {most} rows, which the project accepts)");
    }
}

/// The tables with rows whose size the statement's time grows with.
fn grown(seen: &Observation) -> impl Iterator<Item = &String> {
    let all = seen.rewrites.iter().chain(&seen.scans).chain(&seen.whole_writes);
    all.filter(|it| seen.held_rows.contains(*it))
}

/// Marks what a waiver beside the statement allows.
fn waive(run: &mut StatementRun, written: &[Written], used: &mut BTreeSet<Place>) {
    for it in written {
        if !is_beside(it, run) {
            continue;
        }
        let Ok(waiver) = &it.waiver else { continue };
        for finding in run.findings.iter_mut().filter(|it| waiver.rules.contains(&it.rule)) {
            used.insert((run.file.clone(), it.line, it.column));
            finding.waived.get_or_insert_with(|| waiver.reason.clone());
        }
    }
}

/// A way back that stands in a comment above its statement is the statement's.
fn is_beside(it: &Written, run: &StatementRun) -> bool {
    match it.beside {
        Some(extent) if run.column > 0 => extent.sql == (run.line, run.column),
        Some(extent) => (extent.first..=extent.last).contains(&run.line),
        None => false,
    }
}

/// A waiver that is wrong, or that no server needed, is a finding on the first run of its statement.
fn told(outcome: &mut Outcome, waivers: &BTreeMap<(String, &'static str), Vec<Written>>, used: &BTreeSet<Place>) {
    for ((file, dialect), written) in waivers {
        for it in written.iter().filter(|it| !used.contains(&(file.clone(), it.line, it.column))) {
            let of_file = outcome.engines.iter_mut().filter(|engine| engine.engine == *dialect).flat_map(statements);
            let mut of_file = of_file.filter(|run| run.file == *file);
            // one behind the last statement is told with that
            let run = match it.beside {
                Some(_) => of_file.find(|run| is_beside(it, run)),
                None => of_file.last(),
            };
            let Some(run) = run else { continue };
            match &it.waiver {
                Err(wrong) => {
                    let message = format!("the waiver on line {} {wrong}", it.line);
                    run.findings.push(Finding::of(rule::WAIVER, message));
                }
                Ok(waiver) if run.observation.is_some() => {
                    let codes: Vec<_> = waiver.rules.iter().map(|it| format!("`{it}`")).collect();
                    let message =
                        format!("the waiver on line {} allows {}, which was not found", it.line, codes.join(", "));
                    run.findings.push(Finding::of(rule::WAIVER_UNUSED, message));
                }
                Ok(_) => {}
            }
        }
    }
}

#[cfg(test)]
mod tests;
