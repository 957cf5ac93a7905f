//! A row of the table: a statement of a SQL file, and what the comment above it expects.
//!
//! ```sql
//! -- # ALTER TABLE
//! --
//! -- @claim locks t ACCESS EXCLUSIVE; scans t; reads rows; writes rows
//! -- @claim >= 18: locks t ACCESS EXCLUSIVE; reads brief; writes brief
//! -- @others t_a SHARE UPDATE EXCLUSIVE
//! -- @manual scans none. Why this is not so.
//! ALTER TABLE t ...;
//! ```
//!
//! `# PAGE` is the page of the manual for this statement and those below it. The last `@claim` that is for the server's
//! version holds: the words of a migration's claims, or `refused CODE`. `@others` are the strongest locks on indexes,
//! sequences and views, without those that let everybody read and write,
//! and those of an index (by its name, `TABLE_...`) whose table is locked as strongly; `@whole` the tables that an UPDATE or DELETE
//! changes whole; `@first` is run before, in the same session. `@server` leaves
//! servers out whose locks are too weak and too short to be seen. `@manual` says what the manual states otherwise. It must be
//! otherwise: a server that has come to do as its manual says fails the row.

use std::collections::BTreeMap;
use std::path::Path;

use pontoon::Dialect;
use pontoon::migration::{Claim, LockMode, ServerVersion, Servers};
use pontoon_xtask::verify::observation::{ObjectKind, Observation, ObservedLock};
use pontoon_xtask::verify::sql_files::{SqlText, read_script};

/// A statement, and what is expected of it.
pub(super) struct Row {
    pub(super) sql: String,
    /// File and line.
    pub(super) place: String,
    pub(super) page: String,
    servers: Servers,
    first: Vec<(Servers, String)>,
    claims: Vec<(Servers, String)>,
    others: Vec<(Servers, String)>,
    whole: Vec<(Servers, String)>,
    manual: Vec<(Servers, String)>,
}

/// The rows of a file, in their order.
pub(super) fn read(path: &Path, dialect: Dialect) -> Vec<Row> {
    let script = read_script(path, dialect).unwrap_or_else(|error| panic!("{error}"));
    let mut page = String::new();
    let file = path.file_name().unwrap_or_default().to_string_lossy();
    let row = |text: &SqlText| {
        let place = format!("{file}:{}", text.line);
        Row::parse(text, &place, &mut page, dialect).unwrap_or_else(|error| panic!("{place}: {error}"))
    };
    script.statements.iter().map(row).collect()
}

impl Row {
    fn parse(text: &SqlText, place: &str, page: &mut String, dialect: Dialect) -> Result<Self, String> {
        let (sql, place) = (text.sql.clone(), place.to_owned());
        let mut row_servers = Servers::default();
        let (mut first, mut claims, mut others, mut whole, mut manual) = (vec![], vec![], vec![], vec![], vec![]);
        for line in text.comment.lines().filter_map(|line| line.trim().strip_prefix("--")).map(str::trim) {
            if let Some(heading) = line.strip_prefix("# ") {
                heading.clone_into(page);
            }
            let Some((directive, value)) = line.strip_prefix('@').map(|it| it.split_once(' ').unwrap_or((it, "")))
            else {
                continue;
            };
            if directive == "server" {
                row_servers = Servers::parse(value, dialect)?;
                continue;
            }
            let (servers, value) = ranged(value, dialect)?;
            match directive {
                "claim" if value.starts_with("refused ") => claims.push((servers, value.to_owned())),
                "claim" => claims.push((servers, Claim::parse(value, dialect)?.to_string())),
                "others" => others.push((servers, others_of(value, dialect)?)),
                "whole" => whole.push((servers, value.to_owned())),
                "manual" => manual.push((servers, value.to_owned())),
                "first" => first.push((servers, value.to_owned())),
                other => {
                    return Err(format!("`@{other}` is none of @server, @claim, @others, @whole, @manual, @first"));
                }
            }
        }
        if page.is_empty() {
            return Err("above it stands no `# PAGE` of the manual".into());
        }
        Ok(Self { sql, place, page: page.clone(), servers: row_servers, first, claims, others, whole, manual })
    }

    /// Whether its SQL has this name in it, by itself or with something behind it (`t_a` for `t`).
    pub(super) fn names(&self, name: &str) -> bool {
        let texts = std::iter::once(&self.sql).chain(self.first.iter().map(|(_, sql)| sql));
        let mut words = texts.flat_map(|it| it.split(|c: char| !c.is_alphanumeric() && c != '_'));
        words.any(|word| word == name || word.strip_prefix(name).is_some_and(|rest| rest.starts_with('_')))
    }

    /// Whether a server of this version is asked.
    pub(super) fn is_for(&self, version: ServerVersion) -> bool {
        self.servers.include(version)
    }

    /// What is run before it on a server of this version.
    pub(super) fn first(&self, version: ServerVersion) -> impl Iterator<Item = &str> {
        self.first.iter().filter(move |(servers, _)| servers.include(version)).map(|(_, sql)| sql.as_str())
    }

    /// What tells it from all others.
    pub(super) fn key(&self) -> (&str, Vec<&str>) {
        (&self.sql, self.first.iter().map(|(_, sql)| sql.as_str()).collect())
    }

    /// What a server of this version is expected to do.
    pub(super) fn expected(&self, version: ServerVersion) -> String {
        let claim = last(&self.claims, version).unwrap_or("no @claim is for this version");
        if claim.starts_with("refused ") {
            return claim.to_owned();
        }
        let part = |name: &str, rows: &[(Servers, String)]| {
            last(rows, version).filter(|it| *it != "none").map(|it| format!("; {name} {it}")).unwrap_or_default()
        };
        format!("{claim}{}{}", part("others", &self.others), part("whole", &self.whole))
    }

    /// Whether the manual says otherwise, or what it says that the server does after all.
    pub(super) fn manual_differs(&self, version: ServerVersion, seen: &str) -> Result<bool, String> {
        let Some(manual) = last(&self.manual, version) else { return Ok(false) };
        let (said, reason) = manual.split_once(". ").ok_or("`@manual` gives no reason")?;
        let seen = parts(seen);
        for (key, value) in parts(said) {
            if seen.get(key).copied().unwrap_or("none") == value {
                return Err(format!(
                    "the server does what the manual says ({key} {value}), and `@manual` that it does not"
                ));
            }
        }
        if reason.is_empty() { Err("`@manual` gives no reason".into()) } else { Ok(true) }
    }
}

fn last(rows: &[(Servers, String)], version: ServerVersion) -> Option<&str> {
    rows.iter().rev().find(|(servers, _)| servers.include(version)).map(|(_, it)| it.as_str())
}

/// `>= 14: what` for these versions, or `what` for all.
fn ranged(value: &str, dialect: Dialect) -> Result<(Servers, &str), String> {
    match value.split_once(": ") {
        Some((range, rest)) if range.starts_with(['<', '>']) => Ok((Servers::parse(range, dialect)?, rest)),
        _ => Ok((Servers::default(), value)),
    }
}

fn others_of(value: &str, dialect: Dialect) -> Result<String, String> {
    if value == "none" {
        return Ok(value.to_owned());
    }
    let claim = Claim::parse(&format!("locks {value}; reads no; writes no"), dialect)?;
    Ok(locks(claim.locks.iter().map(|(name, mode)| (name.as_str(), *mode))))
}

fn locks<'a>(locks: impl Iterator<Item = (&'a str, LockMode)>) -> String {
    let sorted: BTreeMap<_, _> = locks.collect();
    sorted.iter().map(|(name, mode)| format!("{name} {}", mode.name())).collect::<Vec<_>>().join(", ")
}

/// `locks ...; scans ...` by their first words.
fn parts(text: &str) -> BTreeMap<&str, &str> {
    text.split(';').filter_map(|part| part.trim().split_once(' ')).collect()
}

/// What was seen, in the words of a row.
pub(super) fn seen(observation: &Observation) -> String {
    if let Some(error) = &observation.error {
        let code = error.message.rsplit_once('(').map_or("", |(_, code)| code.trim_end_matches(')'));
        return format!("refused {code}");
    }
    let mut claim = Claim::none();
    claim.locks = observation.tables().map(|lock| (lock.object.clone(), lock.mode)).collect();
    (claim.algorithm, claim.lock_clause) = (observation.algorithm, observation.lock_clause);
    (claim.rewrites, claim.scans) = (observation.rewrites.clone(), observation.scans.clone());
    (claim.reads, claim.writes) = (observation.reads, observation.writes);
    let strong = |mode: LockMode| !matches!(mode, LockMode::AccessShare | LockMode::RowShare | LockMode::RowExclusive);
    // who waits for an index that is locked as its table is waits for the table
    let with_table = |it: &&ObservedLock| {
        let mut tables = observation.tables();
        it.kind == ObjectKind::Index
            && tables.any(|table| it.object.starts_with(&format!("{}_", table.object)) && table.mode >= it.mode)
    };
    let others = observation.locks.iter().filter(|it| it.kind != ObjectKind::Table && strong(it.mode));
    let others = others.filter(|it| !with_table(it));
    let others = locks(others.map(|it| (it.object.as_str(), it.mode)));
    let mut text = claim.to_string();
    let lists = [
        ("others", others),
        ("whole", observation.whole_writes.iter().cloned().collect::<Vec<_>>().join(", ")),
        ("unheld", observation.unheld.iter().cloned().collect::<Vec<_>>().join(", ")),
        ("unobserved", observation.unobserved.join(", ")),
    ];
    for (name, list) in lists.iter().filter(|(_, list)| !list.is_empty()) {
        text += &format!("; {name} {list}");
    }
    text
}
