//! Plans alone, of many cases: no server is asked.

use fastrand::Rng;
use pontoon::Dialect;
use pontoon::migration::file;
use pontoon::plan::plan;
use pontoon::schema::{Intents, Schema};

use super::generate;
use super::tally::Tally;

const CASES: u64 = 500;

/// The file; or why there is none. What is said beside it; that names a field, and the first of several.
fn text(source: &Schema, target: &Schema, intents: &Intents, dialect: Dialect) -> (String, Vec<String>) {
    match plan("0002_change", source, target, intents, dialect) {
        Ok(plan) => (file::render(&plan.migration), plan.warnings),
        Err(refusal) => (refusal.to_string(), Vec::new()),
    }
}

/// The columns of every table the other way round: their order carries no meaning where no table is made.
fn turned_round(schema: &Schema, there: &Schema) -> Schema {
    let mut schema = schema.clone();
    for table in schema.tables.values_mut().filter(|it| there.tables.contains_key(&it.name)) {
        table.columns.reverse();
    }
    schema
}

#[test]
fn any_plan_is_the_same_twice_and_whatever_the_order_of_the_fields() {
    for seed in 0..CASES {
        let case = generate::case(&mut Rng::with_seed(seed));
        let (target, intents) = case.target();
        for dialect in Dialect::ALL {
            let once = text(&case.source, &target, &intents, dialect);
            assert_eq!(once, text(&case.source, &target, &intents, dialect), "seed {seed}: the same again");
            let source = turned_round(&case.source, &case.source);
            assert_eq!(once, text(&source, &target, &intents, dialect), "seed {seed}: the snapshot in another order");
            let again = text(&case.source, &turned_round(&target, &case.source), &intents, dialect);
            assert_eq!(once.0, again.0, "seed {seed}: the structs in another order");
        }
    }
}

#[test]
fn the_cases_have_every_operation_and_few_of_them_are_refused() {
    let mut tallies = Dialect::ALL.map(|dialect| (dialect, Tally::new()));
    for seed in 0..CASES {
        let case = generate::case(&mut Rng::with_seed(seed));
        let (target, intents) = case.target();
        for (dialect, tally) in &mut tallies {
            match plan("0002_change", &case.source, &target, &intents, *dialect) {
                Ok(_) => tally.planned(&case),
                Err(refusal) => {
                    let documented = tally.refused(&refusal);
                    assert!(documented.is_ok(), "seed {seed} on {dialect}: refused, and nothing says so: {refusal}");
                }
            }
        }
    }
    for (dialect, tally) in tallies {
        println!("{dialect}, plans alone: {}", tally.told());
        let missing = tally.missing();
        assert!(missing.is_empty(), "{dialect}: no case has {}", missing.join(", "));
        assert!(tally.refused * 3 <= tally.cases, "{dialect}: too little is tried: {}", tally.told());
    }
}
