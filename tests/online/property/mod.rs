//! Any schema, and any changes of it that are not refused: the migration leads from the one catalog
//! to the other, and its way back to where it began, with the rows as they were.
//!
//! Tables that are there become partitions of others, too: by a range of numbers or days, or a list of numbers or words, of
//! a table that is there (with a default partition or without) or comes with the same migration; some of them numbered, or
//! with a table that refers to them until then, and two at once (`attached`). Their rows are in both tables from validate on, for old code too, and
//! in the one of before after an undo (`becoming`). MySQL must refuse that while they have rows, and then keeps them, empty.
//!
//! Both codes write in between; it is undone after each stage, and in half of the cases the runner's connection is
//! lost in the midst of a statement. The cases are the same in each run, and few. For more of them, on any
//! server, with a line for each 20 and in the end what was tried and what was refused:
//!
//! ```text
//! PONTOON_PROPERTY_SEED=1000 PONTOON_PROPERTY_CASES=500 PONTOON_TEST_POSTGRES=postgres:18 cargo property
//! ```
//!
//! `PONTOON_PROPERTY_ONLY=Reshape,MoveColumn` passes over the cases that have none of these operations. A case's seed is
//! that of the run and the case's number together, so `PONTOON_PROPERTY_CASES=1` with the seed that a failure names runs
//! that case alone. A failure is shrunk and shown, and the run goes on to the next one.

mod attached;
mod becoming;
mod case;
mod change;
mod codes;
mod course;
mod earlier;
mod forms;
mod generate;
mod hold;
mod left;
mod moved;
mod parts;
mod plans;
mod reshape;
mod rows;
mod scaffold;
mod shrink;
mod tally;
mod values;

use fastrand::Rng;
use pontoon::Dialect;
use pontoon::schema::{Intents, Schema};

use crate::support::{Fresh, on_both_servers};
use case::Case;
use hold::{Failure, Verdict, holds, recorded};
use tally::{Tally, operations};

fn number(variable: &str, otherwise: u64) -> u64 {
    let text = std::env::var(variable).ok().filter(|it| !it.is_empty());
    text.map_or(otherwise, |it| it.parse().unwrap_or_else(|error| panic!("{variable}: {error}")))
}

/// Failures after which a run ends.
const ENOUGH: usize = 5;

async fn any_changes_lead_to_their_target_and_back(dialect: Dialect) {
    let (seed, cases) = (number("PONTOON_PROPERTY_SEED", 20), number("PONTOON_PROPERTY_CASES", 12));
    let only = std::env::var("PONTOON_PROPERTY_ONLY").unwrap_or_default();
    let databases = [Fresh::new(dialect).await, Fresh::new(dialect).await];
    let (mut tally, mut failed) = (Tally::new(), Vec::new());
    for seed in seed..seed + cases {
        let case = generate::case(&mut Rng::with_seed(seed));
        if !only.is_empty() && !operations(&case).iter().any(|it| only.split(',').any(|only| only == *it)) {
            continue;
        }
        match holds(&case, &databases).await {
            Ok(Verdict::Holds) => tally.planned(&case),
            Ok(Verdict::Refused(refusal)) => {
                if tally.refused(&refusal).is_err() {
                    failed.push(seed);
                    eprintln!("seed {seed} on {dialect}: refused, and nothing says so: {refusal}");
                }
            }
            Err(failure) => {
                failed.push(seed);
                let (case, failure) = shrink::shrink(case, failure, &databases).await;
                eprintln!("seed {seed} on {dialect}: {}", told(&case, &failure, dialect));
            }
        }
        if tally.cases % 20 == 0 {
            eprintln!("{dialect}: seed {seed} after {:.0} s", tally.seconds());
        }
        if failed.len() == ENOUGH {
            break;
        }
    }
    for fresh in databases {
        fresh.end().await;
    }
    println!("{dialect}, from seed {seed}: {}", tally.told());
    assert!(failed.is_empty(), "{dialect}: these seeds failed, see above: {failed:?}");
    let enough = tally.cases < 10 || tally.refused * 3 <= tally.cases;
    assert!(enough, "{} of {} cases were refused, so too little was tried", tally.refused, tally.cases);
}

on_both_servers!(any_changes_lead_to_their_target_and_back);

/// A case for its reader.
fn told(case: &Case, failure: &Failure, dialect: Dialect) -> String {
    let (target, intents) = case.target();
    let file = |schemas, intents| {
        recorded("0001", schemas, intents, dialect).map_or_else(|error| error.to_string(), |(_, text, _)| text)
    };
    let (course, source) = (&case.course, &case.source);
    let guarded = source.tables.values().flat_map(|it| &it.checks).filter(|(_, it)| it.guarded);
    let guarded: Vec<_> = guarded.map(|(name, _)| name).collect();
    let dropped: Vec<_> = source.dropped.values().map(|it| &it.table).collect();
    let changes: Vec<_> = case.changes.iter().map(|it| format!("  {it:?}")).collect();
    format!(
        "{}: {}\n\nsource:\n{}\nchecks that triggers hold: {guarded:?}\ndropped before: {dropped:?}\nchanges:\n{}\n{course:?}\n\nmigration:\n{}",
        failure.at,
        failure.words,
        file([&Schema::default(), &case.source], &Intents::default()),
        changes.join("\n"),
        file([&case.source, &target], &intents),
    )
}
