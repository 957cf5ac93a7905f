//! A claim held against an observation: pure.
//!
//! Wrong in either direction is wrong: a claim that says too much hides the day on which it
//! becomes true.

use std::collections::BTreeSet;
use std::fmt::Display;

use pontoon::migration::{Claim, Extent, LockMode};

use super::finding::{Finding, list};
use super::observation::{Observation, Refusal};
use super::rule::{self, RuleId};

/// Where a claim and an observation differ.
pub fn compare(claim: &Claim, seen: &Observation) -> Vec<Finding> {
    let mut findings = Vec::new();
    if let Some(error) = &seen.error {
        findings.push(refused(error));
        return findings;
    }
    locks(claim, seen, &mut findings);
    differs(rule::CLAIM_ALGORITHM, "ALGORITHM", claim.algorithm, seen.algorithm, &mut findings);
    differs(rule::CLAIM_LOCK_CLAUSE, "LOCK", claim.lock_clause, seen.lock_clause, &mut findings);
    sets(&REWRITES, &claim.rewrites, &seen.rewrites, seen, &mut findings);
    sets(&SCANS, &claim.scans, &seen.scans, seen, &mut findings);
    blocks("reads", claim.reads, seen.reads, &mut findings);
    blocks("writes", claim.writes, seen.writes, &mut findings);
    findings.extend(always(seen));
    findings
}

/// What is wrong whatever was claimed: clients were refused, or something could not be observed.
pub fn always(seen: &Observation) -> Vec<Finding> {
    let clients = seen.client_errors.iter().map(|error| {
        Finding::of(rule::CLIENT_ERROR, format!("a client that read or wrote the table meanwhile was told: {error}"))
    });
    let unobserved = seen.unobserved.iter().map(|what| unobserved(what));
    let stale = (!seen.stale_plans.is_empty()).then(|| {
        let message = format!(
            "another type under the same name: {}: {}",
            list(&seen.stale_plans),
            rule::STALE_PLAN.rule().effect
        );
        Finding::of(rule::STALE_PLAN, message)
    });
    clients.chain(unobserved).chain(stale).collect()
}

/// The server refused the statement, or it did not end in time.
pub fn refused(refusal: &Refusal) -> Finding {
    if refusal.over_limit {
        return Finding::of(rule::STATEMENT_LIMIT, &refusal.message);
    }
    let finding = Finding::of(rule::ERROR, format!("the server refused the statement: {}", refusal.message));
    match advice(&refusal.message) {
        Some(help) => Finding { help: help.to_owned(), ..finding },
        None => finding,
    }
}

/// What to do where the reason is the server on which it was verified, by the code in the server's message.
fn advice(message: &str) -> Option<&'static str> {
    let code = message.rsplit_once('(')?.1.strip_suffix(')')?;
    Some(match code {
        // feature not supported; undefined file, before PostgreSQL 15
        "0A000" | "58P01" if message.contains("extension") => {
            "verify on a server that has the extension: `--source` takes the URL of one; nothing but databases of its own \
             is made there"
        }
        // undefined object, invalid schema name: what is made outside of migrations
        "42704" if message.contains("role") => "make the role before, in a file given by `--setup`",
        "3F000" => "make the schema before, in a file given by `--setup`",
        // undefined table
        "42P01" | "42S02" => {
            "if something else makes the table, give its SQL by `--setup`; if an earlier file does, mend that one first"
        }
        // MySQL: undefined definer
        "HY000" if message.contains("definer") => "make the account before, in a file given by `--setup`",
        _ => return None,
    })
}

/// The file ends in the middle of a transaction or with tables locked.
pub fn left_open() -> Finding {
    let about = rule::LEFT_OPEN.rule();
    Finding::of(rule::LEFT_OPEN, format!("{}: {}", about.condition, about.effect))
}

/// Something could not be observed.
pub fn unobserved(what: &str) -> Finding {
    Finding::error(rule::UNOBSERVED, what, "what was not observed is not passed; make it observable")
}

fn locks(claim: &Claim, seen: &Observation, findings: &mut Vec<Finding>) {
    let tables: BTreeSet<&String> = claim.locks.keys().chain(seen.tables().map(|it| &it.object)).collect();
    for table in tables {
        let (claimed, found) = (claim.locks.get(table).copied(), seen.lock(table));
        // MySQL: shared with every reader and writer; which ends of foreign keys are looked at is the version's affair
        let shared = |mode| matches!(mode, LockMode::Shared | LockMode::SharedRead | LockMode::SharedUpgradable);
        let harmless = claimed.is_none() && found.is_some_and(shared);
        // seen from outside, or where no reader makes it wait, a lock may have been too short to be seen
        let lower_bound = (seen.outside || seen.unheld.contains(table)) && found < claimed;
        // MySQL: a table that its session has locked for writing keeps out all whom EXCLUSIVE would keep out, so no
        // reader can make the step from the one to the other wait until it is seen
        let within = claimed == Some(LockMode::MdlExclusive) && found == Some(LockMode::SharedNoReadWrite);
        // a lock on a partitioned table is claimed for its partitions, whoever made them
        let of_claimed = seen.partitions.get(table).and_then(|it| claim.locks.get(it).copied());
        let partition = claimed.is_none() && of_claimed.is_some() && found <= of_claimed;
        if partition {
            continue;
        }
        if claimed == found || harmless || lower_bound || within {
            continue;
        }
        let word = |mode: Option<LockMode>| mode.map_or("no lock", |mode| mode.name()).to_owned();
        let message = format!("claimed {} on `{table}`, seen {}", word(claimed), word(found));
        let help = match found {
            Some(mode) => format!("claim what it does, `locks {table} {}`, or change the statement", mode.name()),
            None => format!("take `{table}` out of the claim's locks, or correct the statement"),
        };
        findings.push(Finding::error(rule::CLAIM_LOCK, message, help));
    }
}

fn differs<T: Display + PartialEq>(
    rule: RuleId,
    what: &str,
    claimed: Option<T>,
    seen: Option<T>,
    findings: &mut Vec<Finding>,
) {
    if claimed == seen {
        return;
    }
    let word = |it: &Option<T>| it.as_ref().map_or_else(|| format!("no {what}"), |it| format!("{what}={it}"));
    findings.push(Finding::error(
        rule,
        format!("claimed {}, seen {}", word(&claimed), word(&seen)),
        "claim what the server does, or change the statement until it does what is claimed",
    ));
}

struct Verb {
    rule: RuleId,
    does: &'static str,
    word: &'static str,
}

const REWRITES: Verb = Verb { rule: rule::CLAIM_REWRITE, does: "rewrites", word: "rewrite" };
const SCANS: Verb = Verb { rule: rule::CLAIM_SCAN, does: "scans", word: "scan" };

fn sets(
    verb: &Verb,
    claimed: &BTreeSet<String>,
    found: &BTreeSet<String>,
    seen: &Observation,
    findings: &mut Vec<Finding>,
) {
    let Verb { rule, does, word } = *verb;
    let more: Vec<_> = found.difference(claimed).collect();
    if !more.is_empty() {
        let tables = list(more);
        findings.push(Finding::error(
            rule,
            format!("claimed no {word} of {tables}, but the statement {does} {tables}: its time grows with the rows"),
            format!("claim `{does}` if that is meant; otherwise change the statement"),
        ));
    }
    // how the proof of a foreign key reads its two tables is up to the planner, as long as nobody waits for it
    // (of a table that refers to itself, the weaker of its two locks is not among them)
    let proves_key = seen.proves || seen.tables().any(|it| it.mode == LockMode::RowShare);
    let looked_up = |table: &&String| match seen.lock(table) {
        Some(LockMode::ShareUpdateExclusive) => proves_key,
        Some(mode) => mode <= LockMode::RowShare,
        None => false,
    };
    let (seeable, hidden): (Vec<_>, Vec<_>) =
        claimed.difference(found).filter(|table| !looked_up(table)).partition(|table| seen.held_rows.contains(*table));
    if !seeable.is_empty() {
        let tables = list(seeable);
        findings.push(Finding::error(
            rule,
            format!("claimed that the statement {does} {tables}, seen no {word}"),
            format!("take {tables} out of the claim's `{does}`"),
        ));
    }
    if !hidden.is_empty() {
        let tables = list(hidden);
        findings
            .push(unobserved(&format!("claimed that the statement {does} {tables}, which held no row to see it by")));
    }
}

fn blocks(whom: &str, claimed: Extent, seen: Extent, findings: &mut Vec<Finding>) {
    if claimed == seen {
        return;
    }
    let how = |extent| match extent {
        Extent::No => "not blocked",
        Extent::Brief => "blocked briefly",
        Extent::Rows => "blocked for a time that grows with the table",
    };
    findings.push(Finding::error(
        rule::CLAIM_BLOCKS,
        format!("claimed that {whom} are {}, seen that they are {}", how(claimed), how(seen)),
        format!("claim `{whom} {seen}`, or change the statement"),
    ));
}

#[cfg(test)]
mod tests {
    use pontoon::migration::{Algorithm, LockClause};

    use super::*;
    use crate::verify::observation::{ObjectKind, ObservedLock};

    fn seen() -> Observation {
        let lock = |object: &str, kind, mode| ObservedLock { object: object.into(), kind, mode };
        Observation {
            locks: vec![
                lock("t", ObjectKind::Table, LockMode::AccessExclusive),
                lock("t_pkey", ObjectKind::Index, LockMode::AccessShare),
            ],
            reads: Extent::Brief,
            writes: Extent::Brief,
            held_rows: BTreeSet::from(["t".to_owned()]),
            ..Observation::default()
        }
    }

    fn rules(claim: &Claim, seen: &Observation) -> Vec<&'static str> {
        compare(claim, seen).into_iter().map(|it| it.rule.code()).collect()
    }

    #[test]
    fn what_was_claimed_and_seen_passes() {
        let claim = Claim::none().lock("t", LockMode::AccessExclusive);
        assert_eq!(rules(&claim, &seen()), [""; 0]);
    }

    #[test]
    fn each_kind_of_wrong_claim_has_its_rule() {
        let right = Claim::none().lock("t", LockMode::AccessExclusive);
        let wrong: [(Claim, &str); 7] = [
            (Claim { locks: Default::default(), ..right.clone() }, "claim-lock"),
            (right.clone().lock("u", LockMode::AccessShare), "claim-lock"),
            (Claim { algorithm: Some(Algorithm::Instant), ..right.clone() }, "claim-algorithm"),
            (Claim { lock_clause: Some(LockClause::None), ..right.clone() }, "claim-lock-clause"),
            (right.clone().rewrite("t"), "claim-rewrite"),
            (right.clone().scan("t"), "claim-scan"),
            (right.clone().blocking(Extent::Brief, Extent::Rows), "claim-blocks"),
        ];
        for (claim, rule) in wrong {
            assert_eq!(rules(&claim, &seen()), [rule], "{claim}");
        }
    }

    #[test]
    fn how_the_proof_of_a_foreign_key_reads_is_the_planners_choice() {
        let lock = |object: &str, mode| ObservedLock { object: object.into(), kind: ObjectKind::Table, mode };
        let mut seen = seen();
        seen.locks = vec![lock("t", LockMode::ShareUpdateExclusive), lock("u", LockMode::RowShare)];
        (seen.reads, seen.writes) = (Extent::No, Extent::No);
        seen.scans.insert("t".into());
        let claim = Claim::none().lock("t", LockMode::ShareUpdateExclusive).lock("u", LockMode::RowShare).scan("t");
        assert_eq!(rules(&claim, &seen), [""; 0]);
        assert_eq!(rules(&claim.clone().scan("u"), &seen), [""; 0]);
        assert_eq!(
            rules(&claim.clone().scan("u"), &Observation { scans: Default::default(), ..seen.clone() }),
            [""; 0]
        );
        assert_eq!(rules(&Claim { scans: Default::default(), ..claim }, &seen), ["claim-scan"]);
    }

    #[test]
    fn a_claim_about_an_empty_table_is_not_passed() {
        let claim = Claim::none().lock("t", LockMode::AccessExclusive).scan("t");
        let empty = Observation { held_rows: BTreeSet::new(), ..seen() };
        assert_eq!(rules(&claim, &empty), ["unobserved"]);
    }

    #[test]
    fn nobody_can_tell_exclusive_from_a_table_locked_for_writing() {
        let claim = |mode| Claim::none().lock("t", mode);
        let saw = |mode| {
            let lock = ObservedLock { object: "t".into(), kind: ObjectKind::Table, mode };
            Observation { locks: vec![lock], ..seen() }
        };
        let (exclusive, locked) = (LockMode::MdlExclusive, LockMode::SharedNoReadWrite);
        assert_eq!(rules(&claim(exclusive), &saw(locked)), [""; 0]);
        assert_eq!(rules(&claim(locked), &saw(exclusive)), ["claim-lock"]);
        assert_eq!(rules(&claim(exclusive), &saw(LockMode::SharedNoWrite)), ["claim-lock"]);
    }

    #[test]
    fn a_claim_on_a_table_is_one_on_its_partitions() {
        let claim = Claim::none().lock("events", LockMode::AccessExclusive);
        let lock = |object: &str, mode| ObservedLock { object: object.into(), kind: ObjectKind::Table, mode };
        let locks = ["events", "events_1"].map(|it| lock(it, LockMode::AccessExclusive)).to_vec();
        let partitions = [("events_1".to_owned(), "events".to_owned())].into();
        let seen = Observation { locks, partitions, ..seen() };
        assert_eq!(rules(&claim, &seen), [""; 0]);
        assert_eq!(rules(&claim, &Observation { partitions: Default::default(), ..seen.clone() }), ["claim-lock"]);
        let weaker = Claim::none().lock("events", LockMode::Share).blocking(Extent::Brief, Extent::Brief);
        assert_eq!(rules(&weaker, &seen), ["claim-lock", "claim-lock"]);
    }

    #[test]
    fn a_lock_too_short_to_be_seen_from_outside_is_no_lie() {
        let claim = Claim::none().lock("t", LockMode::AccessExclusive).lock("u", LockMode::AccessShare);
        let outside = Observation { outside: true, ..seen() };
        assert_eq!(rules(&claim, &outside), [""; 0]);
        let unheld = Observation { unheld: ["t", "u"].map(String::from).into(), ..seen() };
        assert_eq!(rules(&claim, &unheld), [""; 0]);
        let too_weak = Claim { reads: Extent::Brief, ..Claim::none().lock("t", LockMode::Share) };
        assert_eq!(rules(&too_weak, &outside), ["claim-lock"]);
    }
}
