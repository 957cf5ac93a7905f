//! What is wrong with a statement that claims nothing: judged by what the server did.
//!
//! All rules stand in [`RULES`]; its order is that of the findings.

use std::collections::BTreeSet;

use pontoon::migration::Extent;

use super::finding::{Finding, Severity, list};
use super::observation::Observation;
use super::verdict::{always, refused};

/// A rule on statements that nobody has claimed anything about.
#[derive(Debug)]
pub struct Rule {
    /// Its stable name.
    pub id: &'static str,
    /// How bad it is.
    pub severity: Severity,
    /// When it applies.
    pub condition: &'static str,
    /// What it does to whoever uses the tables.
    pub effect: &'static str,
    /// What to do instead.
    pub workaround: &'static str,
    /// What was seen, in the finding's words; nothing if the rule does not apply.
    seen: fn(&Seen<'_>) -> Option<String>,
}

/// A statement with what surrounds it.
#[derive(Debug)]
struct Seen<'a> {
    observation: &'a Observation,
    /// Tables that held rows before the statement's file: the ones that somebody uses.
    in_use: &'a BTreeSet<String>,
    /// The file asks not to be run in a transaction.
    no_transaction: bool,
}

impl Seen<'_> {
    fn used<'a>(&'a self, tables: &'a BTreeSet<String>) -> Vec<&'a String> {
        tables.intersection(self.in_use).collect()
    }

    /// Tables in use with a lock that blocks, with the lock's name.
    fn locked(&self, blocks: fn(pontoon::migration::LockMode) -> bool) -> Vec<String> {
        let locks = self.observation.tables().filter(|it| blocks(it.mode) && self.in_use.contains(&it.object));
        locks.map(|it| format!("{} on `{}`", it.mode.name(), it.object)).collect()
    }

    /// A lock that an earlier statement of the same transaction took is not this one's; what it reads is.
    fn touches_used(&self) -> bool {
        self.observation.tables().any(|it| self.in_use.contains(&it.object))
            || !self.used(&self.observation.scans).is_empty()
            || !self.used(&self.observation.rewrites).is_empty()
    }
}

/// All rules.
pub const RULES: &[Rule] = &[
    Rule {
        id: "rewrite",
        severity: Severity::Error,
        condition: "all rows of a table in use are written anew",
        effect: "the time, the disk space and the replicas' lag grow with the table",
        workaround: "add a new column or table beside it, fill it in batches, and switch over; or find the spelling \
                     that changes the catalog alone",
        seen: |seen| {
            let tables = seen.used(&seen.observation.rewrites);
            (!tables.is_empty()).then(|| format!("writes every row of {} anew", list(tables)))
        },
    },
    Rule {
        id: "blocks-reads-rows",
        severity: Severity::Error,
        condition: "readers of a table in use are kept out while rows are read or written",
        effect: "every query on the table waits, and all connections fill up behind it",
        workaround: "split the statement: take the strong lock for a change of the catalog alone, and do the long work \
                     under a weaker one (NOT VALID then VALIDATE, CREATE INDEX CONCURRENTLY, ALGORITHM=INPLACE)",
        seen: |seen| {
            let applies = seen.observation.reads == Extent::Rows && seen.touches_used();
            applies.then(|| format!("keeps readers out for a time that grows with the table{}", by(seen, true)))
        },
    },
    Rule {
        id: "blocks-writes-rows",
        severity: Severity::Error,
        condition: "writers of a table in use are kept out while rows are read or written",
        effect: "every insert, update and delete waits for the whole time",
        workaround: "build indexes CONCURRENTLY (PostgreSQL) or with LOCK=NONE (MySQL), prove constraints with NOT VALID \
                     and VALIDATE, change rows in batches",
        seen: |seen| {
            let whole = !seen.used(&seen.observation.whole_writes).is_empty();
            let applies = seen.observation.writes == Extent::Rows && seen.touches_used() && !whole;
            applies.then(|| format!("keeps writers out for a time that grows with the table{}", by(seen, false)))
        },
    },
    Rule {
        id: "whole-table-write",
        severity: Severity::Error,
        condition: "one UPDATE or DELETE changes all rows of a table in use",
        effect: "every row stays locked until the end, the log and the replicas lag behind, and a rollback takes as long",
        workaround: "change the rows in batches by ranges of the key, each in its own transaction",
        seen: |seen| {
            let tables = seen.used(&seen.observation.whole_writes);
            (!tables.is_empty()).then(|| format!("changes all rows of {} in one transaction", list(tables)))
        },
    },
    Rule {
        id: "needs-no-transaction",
        severity: Severity::Warning,
        condition: "a statement that cannot run in a transaction stands in a file that is run in one",
        effect: "the migration fails where the runner opens a transaction around the file",
        workaround: "write `-- no-transaction` in the file's first line, and leave the statement alone in its file",
        seen: |seen| {
            let applies = seen.observation.outside && !seen.no_transaction;
            applies.then(|| "cannot run inside a transaction, and the file does not say `-- no-transaction`".into())
        },
    },
    Rule {
        id: "brief-lock",
        severity: Severity::Note,
        condition: "a lock keeps everybody out of a table in use, for a moment",
        effect: "while the statement waits for the lock, everybody who comes later waits behind it",
        workaround: "set a short lock_timeout (MySQL: lock_wait_timeout) and try again when it runs out",
        seen: |seen| {
            let locked = seen.locked(|mode| mode.blocks_reads());
            let brief = seen.observation.reads == Extent::Brief && !locked.is_empty();
            brief.then(|| format!("takes {} for a moment", locked.join(", ")))
        },
    },
];

fn by(seen: &Seen<'_>, reads: bool) -> String {
    let locked = if reads { seen.locked(|it| it.blocks_reads()) } else { seen.locked(|it| it.blocks_writes()) };
    let work = match (seen.used(&seen.observation.rewrites), seen.used(&seen.observation.scans)) {
        (rewrites, _) if !rewrites.is_empty() => format!(" while it rewrites {}", list(rewrites)),
        (_, scans) if !scans.is_empty() => format!(" while it reads {}", list(scans)),
        _ => String::new(),
    };
    if locked.is_empty() { work } else { format!(", by {}{work}", locked.join(", ")) }
}

/// Judges a statement that claims nothing. `in_use` are the tables that held rows before its file.
pub fn judge(observation: &Observation, in_use: &BTreeSet<String>, no_transaction: bool) -> Vec<Finding> {
    if let Some(error) = &observation.error {
        return vec![refused(&error.message)];
    }
    let seen = Seen { observation, in_use, no_transaction };
    let found = RULES.iter().filter_map(|rule| {
        let message = format!("{}: {}", (rule.seen)(&seen)?, rule.effect);
        Some(Finding { rule: rule.id, severity: rule.severity, message, help: rule.workaround.to_owned() })
    });
    found.chain(always(observation)).collect()
}

#[cfg(test)]
mod tests {
    use pontoon::migration::LockMode;

    use super::*;
    use crate::verify::observation::{ObjectKind, ObservedLock};

    fn seen(reads: Extent, writes: Extent) -> Observation {
        let lock = ObservedLock { object: "t".into(), kind: ObjectKind::Table, mode: LockMode::AccessExclusive };
        Observation { locks: vec![lock], reads, writes, ..Observation::default() }
    }

    fn rules(observation: &Observation, in_use: &[&str]) -> Vec<&'static str> {
        let in_use = in_use.iter().map(|it| (*it).to_owned()).collect();
        judge(observation, &in_use, false).into_iter().map(|it| it.rule).collect()
    }

    #[test]
    fn a_table_that_nobody_uses_is_nobodys_lock() {
        let mut observation = seen(Extent::Rows, Extent::Rows);
        observation.rewrites.insert("t".into());
        assert_eq!(rules(&observation, &[]), [""; 0]);
        assert_eq!(rules(&observation, &["t"]), ["rewrite", "blocks-reads-rows", "blocks-writes-rows"]);
    }

    #[test]
    fn a_brief_lock_passes_with_a_note() {
        let findings = judge(&seen(Extent::Brief, Extent::Brief), &BTreeSet::from(["t".into()]), false);
        assert_eq!(
            findings.iter().map(|it| (it.rule, it.severity)).collect::<Vec<_>>(),
            [("brief-lock", Severity::Note)]
        );
    }

    #[test]
    fn a_whole_tables_update_is_said_once() {
        let mut observation = seen(Extent::No, Extent::Rows);
        observation.locks[0].mode = LockMode::RowExclusive;
        observation.whole_writes.insert("t".into());
        assert_eq!(rules(&observation, &["t"]), ["whole-table-write"]);
    }

    #[test]
    fn every_rule_has_a_name_of_its_own() {
        let names: BTreeSet<_> = RULES.iter().map(|it| it.id).collect();
        assert_eq!(names.len(), RULES.len());
    }
}
