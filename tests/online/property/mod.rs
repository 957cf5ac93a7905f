//! Any schema, and any changes of it that are not refused: the migration leads from the one catalog
//! to the other, and its way back to where it began, with the rows as they were.
//!
//! The cases are the same in each run. For others, or more of them:
//!
//! ```text
//! PONTOON_PROPERTY_SEED=1000 PONTOON_PROPERTY_CASES=500 cargo test -p pontoon-tests --test online property
//! ```
//!
//! A case's seed is that of the run and the case's number together, so `PONTOON_PROPERTY_CASES=1` with the
//! seed that a failure names runs that case alone.

mod case;
mod forms;
mod generate;
mod hold;
mod scaffold;
mod shrink;
mod values;

use fastrand::Rng;
use pontoon::Dialect;
use pontoon::schema::{Intents, Schema, SchemaErrors};

use crate::support::{Fresh, on_both_servers};
use case::Case;
use hold::{Failure, Verdict, holds, recorded};

fn number(variable: &str, otherwise: u64) -> u64 {
    let text = std::env::var(variable).ok().filter(|it| !it.is_empty());
    text.map_or(otherwise, |it| it.parse().unwrap_or_else(|error| panic!("{variable}: {error}")))
}

async fn any_changes_lead_to_their_target_and_back(dialect: Dialect) {
    let (seed, cases) = (number("PONTOON_PROPERTY_SEED", 1), number("PONTOON_PROPERTY_CASES", 12));
    let databases = [Fresh::new(dialect).await, Fresh::new(dialect).await];
    let mut refused = 0;
    for seed in seed..seed + cases {
        let case = generate::case(&mut Rng::with_seed(seed));
        let begun = std::time::Instant::now();
        let verdict = holds(&case, &databases).await;
        if std::env::var_os("PONTOON_PROPERTY_TIMES").is_some() {
            eprintln!("{dialect} {seed} {:?}", begun.elapsed());
        }
        match verdict {
            Ok(Verdict::Holds) => {}
            Ok(Verdict::Refused(refusal)) => {
                refused += 1;
                assert!(is_documented(&refusal), "seed {seed} on {dialect}: refused, and nothing says so: {refusal}");
            }
            Err(failure) => {
                let (case, failure) = shrink::shrink(case, failure, &databases).await;
                panic!("seed {seed} on {dialect}: {}", told(&case, &failure, dialect));
            }
        }
    }
    for fresh in databases {
        fresh.end().await;
    }
    println!("{dialect}: {cases} cases, of which {refused} were refused");
    assert!(cases < 10 || refused * 3 <= cases, "{refused} of {cases} cases were refused, so too little was tried");
}

on_both_servers!(any_changes_lead_to_their_target_and_back);

/// What is not derived, as the suites of refusals have it.
fn is_documented(refusal: &SchemaErrors) -> bool {
    const KNOWN: &[&str] = &[
        "is new and takes no NULL, so the rows that are there need a value",
        "takes no NULL any more, and rows with NULL need a value",
        "nullability or default changes too",
        "which is part of the primary key",
        "to which a foreign key of",
        "which has foreign key",
        "on which check",
        "and foreign key",
        "needs a backfill, and table",
        "which MySQL has not numbered yet",
        "which is new in the same migration",
        "has a key that no walk can follow",
        "changing a foreign key is not derived",
        "is generated",
        "with which MySQL changes none of them online",
        "is new or changes its type",
    ];
    refusal.0.iter().all(|it| KNOWN.iter().any(|known| it.message.contains(known) || it.help.contains(known)))
}

/// A case for its reader.
fn told(case: &Case, failure: &Failure, dialect: Dialect) -> String {
    let (target, intents) = case.target();
    let file = |schemas, intents| {
        recorded("0001", schemas, intents, dialect).map_or_else(|error| error.to_string(), |(_, text, _)| text)
    };
    let changes: Vec<_> = case.changes.iter().map(|it| format!("  {it:?}")).collect();
    format!(
        "{}: {}\n\nsource:\n{}\nchanges:\n{}\n\nmigration:\n{}",
        failure.at,
        failure.words,
        file([&Schema::default(), &case.source], &Intents::default()),
        changes.join("\n"),
        file([&case.source, &target], &intents),
    )
}
