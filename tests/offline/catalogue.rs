//! The operations as users read of them: `runtime/OPERATIONS.md` is made from what is planned for the
//! table of cases, and the claims in it are those that the online suite holds against the servers.
//!
//! After a change: `PONTOON_UPDATE=1 cargo test -p pontoon-tests --test offline catalogue`.

use std::collections::BTreeSet;
use std::fmt::Write as _;
use std::path::Path;

use pontoon::Dialect;
use pontoon::migration::{Claim, Extent, ServerVersion, Stage, Step, Undo};
use pontoon::plan::{Plan, plan};

use crate::cases::{self, Case};

const HEAD: &str = "# What each change does

Made from the planner by a test, and held against real servers by others; do not edit by hand.

- **strongest lock**: on any table, for how long others wait (`brief`: for a time that does not grow with the table)
- **longest work**: what grows with the table, and the lock it holds meanwhile
- **way back**: until when it is, and what goes with it

| change | server | expand | backfill | validate | contract | strongest lock | longest work | rewrites | way back |
|---|---|---|---|---|---|---|---|---|---|
";

macro_rules! functions {
    ($($name:ident,)*) => { &[$((stringify!($name), cases::$name as Made)),*] };
}

type Made = fn(Dialect) -> Case;

const ALL: &[(&str, Made)] = cases::every_case!(functions);

/// What the reviewer of each change sees, on each server.
#[test]
fn files() {
    let mut settings = insta::Settings::clone_current();
    settings.set_snapshot_path("../snapshots/operations");
    settings.set_prepend_module_to_snapshot(false);
    settings.set_omit_expression(true);
    settings.bind(|| {
        for (name, case) in ALL {
            for dialect in Dialect::ALL {
                let plan = planned(&case(dialect), dialect);
                let text = pontoon::migration::file::render(&plan.migration);
                let said: String = plan.warnings.iter().map(|it| format!("\nwarning: {it}\n")).collect();
                insta::assert_snapshot!(format!("{name}@{}", dialect.name()), format!("{text}{said}"));
            }
        }
    });
}

#[test]
fn catalogue() {
    let mut text = HEAD.to_owned();
    for (_, case) in ALL {
        for dialect in Dialect::ALL {
            let case = case(dialect);
            row(&mut text, &case, dialect, &planned(&case, dialect));
        }
    }
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../runtime/OPERATIONS.md");
    if std::env::var_os("PONTOON_UPDATE").is_some() {
        std::fs::write(&path, &text).unwrap();
    }
    let stored = std::fs::read_to_string(&path).unwrap();
    assert_eq!(stored, text, "runtime/OPERATIONS.md is not what the planner does; see the head of this file");
}

fn planned(case: &Case, dialect: Dialect) -> Plan {
    let ways = case.ways();
    let way = ways.last().unwrap();
    plan(way.id, &way.from, &way.to, &way.intents, dialect).unwrap()
}

fn row(text: &mut String, case: &Case, dialect: Dialect, plan: &Plan) {
    let servers = plan.migration.steps.iter().filter_map(|(_, step)| match step {
        Step::Statement(it) => it.servers.from,
        Step::Backfill(_) | Step::Assertion(_) | Step::Search(_) => None,
    });
    let versions: BTreeSet<_> = servers.chain([ServerVersion::oldest(dialect)]).collect();
    let steps = |stage| {
        let meant = |step: &Step, version| !matches!(step, Step::Statement(it) if !it.servers.include(version));
        let mut text = String::new();
        let mut before = None;
        for version in &versions {
            let count = plan.migration.stage(stage).filter(|(_, step)| meant(step, *version)).count();
            match before.replace(count) {
                None if count == 0 => text.push('-'),
                None => text = count.to_string(),
                Some(before) if before != count => text += &format!(" ({count} from {version})"),
                Some(_) => {}
            }
        }
        text
    };
    let claims: Vec<&Claim> = plan
        .migration
        .steps
        .iter()
        .filter_map(|(_, step)| match step {
            Step::Statement(it) => Some(&it.claim),
            Step::Backfill(it) => Some(&it.claim),
            Step::Assertion(_) | Step::Search(_) => None,
        })
        .collect();
    let server = match dialect {
        Dialect::Postgres => "PostgreSQL",
        Dialect::MySql => "MySQL",
    };
    let _ = writeln!(
        text,
        "| {} | {server} | {} | {} | {} | {} | {} | {} | {} | {} |",
        case.name,
        steps(Stage::Expand),
        steps(Stage::Backfill),
        steps(Stage::Validate),
        steps(Stage::Contract),
        strongest(&claims),
        longest(&claims),
        rewrites(&claims),
        way_back(plan),
    );
}

fn strongest(claims: &[&Claim]) -> String {
    let extent = |claim: &Claim| claim.reads.max(claim.writes);
    let lock = claims.iter().flat_map(|it| it.locks.values().map(|mode| (*mode, extent(it)))).max();
    lock.map_or_else(|| "none".into(), |(mode, extent)| format!("{}, {}", mode.name(), waiting(extent)))
}

const fn waiting(extent: Extent) -> &'static str {
    match extent {
        Extent::No => "nobody waits",
        Extent::Brief => "brief",
        Extent::Rows => "grows with the table",
    }
}

fn longest(claims: &[&Claim]) -> String {
    let long: BTreeSet<String> = claims
        .iter()
        .filter(|it| !it.scans.is_empty() || !it.rewrites.is_empty())
        .map(|it| {
            let lock = it.locks.values().max().map_or("no lock", |mode| mode.name());
            let writes = if it.writes == Extent::Rows { ", writers wait" } else { "" };
            let how = it.algorithm.map(|it| format!("{it}: ")).unwrap_or_default();
            match how.as_str() {
                "" => format!("{lock}{writes}"),
                // the strong lock is held at the ends alone
                how => {
                    format!("{how}{}{writes}", if writes.is_empty() { "reads and writes go on" } else { "reads go on" })
                }
            }
        })
        .collect();
    if long.is_empty() { "-".into() } else { long.into_iter().collect::<Vec<_>>().join("; ") }
}

fn rewrites(claims: &[&Claim]) -> &'static str {
    if claims.iter().any(|it| !it.rewrites.is_empty()) { "yes" } else { "no" }
}

fn way_back(plan: &Plan) -> String {
    let undos = plan.migration.steps.iter().filter_map(|(_, step)| match step {
        Step::Statement(it) => Some(&it.undo),
        _ => None,
    });
    let stays = undos.into_iter().find_map(|it| match it {
        Undo::Nothing(why) => why.split_once(" stays").map(|(what, _)| what),
        _ => None,
    });
    stays.map_or_else(|| "until contract".into(), |what| format!("until contract; {what} stays"))
}
