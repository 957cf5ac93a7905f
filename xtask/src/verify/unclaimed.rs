//! What is wrong with a statement that claims nothing: judged by what the server did.
//!
//! What each rule says about itself stands in [`rule`]; here is what tells that it applies, in the order of the findings.

use std::collections::BTreeSet;
use std::time::Duration;

use pontoon::migration::Extent;

use super::finding::{Finding, list};
use super::observation::Observation;
use super::rule::{self, RuleId};
use super::verdict::{always, refused};

/// Who gives up by then makes nobody wait for long.
const SOON: Duration = Duration::from_secs(5);

/// What was seen, in the finding's words; nothing if the rule does not apply.
type Applies = fn(&Seen<'_>) -> Option<String>;

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

/// The rules on statements that nobody has claimed anything about, with what tells that they apply.
const JUDGES: &[(RuleId, Applies)] = &[
    (rule::REWRITE, |seen| {
        let tables = seen.used(&seen.observation.rewrites);
        (!tables.is_empty()).then(|| format!("writes every row of {} anew", list(tables)))
    }),
    (rule::BLOCKS_READS_ROWS, |seen| {
        let applies = seen.observation.reads == Extent::Rows && seen.touches_used();
        applies.then(|| format!("keeps readers out for a time that grows with the table{}", by(seen, true)))
    }),
    (rule::BLOCKS_WRITES_ROWS, |seen| {
        let whole = !seen.used(&seen.observation.whole_writes).is_empty();
        let applies = seen.observation.writes == Extent::Rows && seen.touches_used() && !whole;
        applies.then(|| format!("keeps writers out for a time that grows with the table{}", by(seen, false)))
    }),
    (rule::WHOLE_TABLE_WRITE, |seen| {
        let tables = seen.used(&seen.observation.whole_writes);
        (!tables.is_empty()).then(|| format!("changes all rows of {} in one transaction", list(tables)))
    }),
    (rule::NEEDS_NO_TRANSACTION, |seen| {
        let applies = seen.observation.outside && !seen.no_transaction;
        applies.then(|| "cannot run inside a transaction, and the file does not say `-- no-transaction`".into())
    }),
    (rule::BRIEF_LOCK, |seen| {
        let locked = seen.locked(|mode| mode.blocks_reads());
        let gives_up = seen.observation.gives_up;
        let patient = gives_up.is_none_or(|it| it > SOON);
        let brief = seen.observation.reads == Extent::Brief && !locked.is_empty() && patient;
        let waits = gives_up.map_or_else(|| "for ever".to_owned(), |it| format!("for {} s", it.as_secs_f64()));
        brief.then(|| format!("takes {} for a moment, and waits for it {waits} if need be", locked.join(", ")))
    }),
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
        return vec![refused(error)];
    }
    let seen = Seen { observation, in_use, no_transaction };
    let found = JUDGES
        .iter()
        .filter_map(|(rule, applies)| Some(Finding::of(*rule, format!("{}: {}", applies(&seen)?, rule.rule().effect))));
    found.chain(always(observation)).collect()
}

#[cfg(test)]
mod tests {
    use pontoon::migration::LockMode;

    use super::*;
    use crate::verify::finding::Severity;
    use crate::verify::observation::{ObjectKind, ObservedLock};

    fn seen(reads: Extent, writes: Extent) -> Observation {
        let lock = ObservedLock { object: "t".into(), kind: ObjectKind::Table, mode: LockMode::AccessExclusive };
        Observation { locks: vec![lock], reads, writes, ..Observation::default() }
    }

    fn rules(observation: &Observation, in_use: &[&str]) -> Vec<&'static str> {
        let in_use = in_use.iter().map(|it| (*it).to_owned()).collect();
        judge(observation, &in_use, false).into_iter().map(|it| it.rule.code()).collect()
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
            findings.iter().map(|it| (it.rule.code(), it.severity)).collect::<Vec<_>>(),
            [("brief-lock", Severity::Note)]
        );
        let after = |seconds| Observation {
            gives_up: Some(Duration::from_secs(seconds)),
            ..seen(Extent::Brief, Extent::Brief)
        };
        assert_eq!(rules(&after(60), &["t"]), ["brief-lock"]);
        assert_eq!(rules(&after(2), &["t"]), [""; 0], "it gives up before anybody minds");
    }

    #[test]
    fn a_whole_tables_update_is_said_once() {
        let mut observation = seen(Extent::No, Extent::Rows);
        observation.locks[0].mode = LockMode::RowExclusive;
        observation.whole_writes.insert("t".into());
        assert_eq!(rules(&observation, &["t"]), ["whole-table-write"]);
    }
}
