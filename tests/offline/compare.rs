//! What contract compares before it takes a column away, and what it leaves out since the triggers promise less.

use pontoon::def::TableDef;
use pontoon::migration::{Search, Stage, Step};
use pontoon::plan::{Plan, plan};
use pontoon::schema::from_defs;
use pontoon::{Dialect, Table};

macro_rules! things {
    (@($($attribute:tt)*) $($fields:tt)*) => {{
        #[derive(Table)]
        #[table(name = "things", $($attribute)*)]
        #[allow(dead_code)]
        struct Thing {
            #[column(primary_key)]
            id: i64,
            $($fields)*
        }
        <Thing as Table>::DEF
    }};
    ($($fields:tt)*) => { things!(@() $($fields)*) };
}

fn planned(dialect: Dialect, before: TableDef, after: TableDef) -> Plan {
    let (before, _) = from_defs(&[&before]).unwrap();
    let (after, intents) = from_defs(&[&after]).unwrap();
    plan("0002", &before, &after, &intents, dialect).unwrap()
}

fn searches(plan: &Plan) -> Vec<&Search> {
    let steps = plan.migration.stage(Stage::Contract);
    let search = steps.map(|(_, step)| match step {
        Step::Search(it) => Some(it),
        Step::Statement(_) | Step::Backfill(_) | Step::Assertion(_) => None,
    });
    search.flatten().collect()
}

/// Nothing in contract, and why.
#[track_caller]
fn left_out(before: TableDef, after: TableDef, why: &str) {
    for dialect in Dialect::ALL {
        let plan = planned(dialect, before, after);
        assert_eq!(searches(&plan), Vec::<&Search>::new(), "{dialect}: {why}");
        let said =
            plan.warnings.iter().any(|it| it.starts_with("contract does not compare `things.") && it.contains(why));
        assert!(said, "{dialect}: {why}: {:?}", plan.warnings);
    }
}

#[test]
fn a_comparison_comes_before_anything_is_done() {
    for dialect in Dialect::ALL {
        let plan = planned(dialect, things! { a: i64, }, things! { #[column(renamed_from = "a")] b: i64, });
        let is = |step: &Step| [matches!(step, Step::Search(_)), matches!(step, Step::Statement(_))];
        let kinds: Vec<_> = plan.migration.stage(Stage::Contract).map(|(_, step)| is(step)).collect();
        let [search, statement] = [0, 1].map(|kind| kinds.iter().position(|it| it[kind]).unwrap());
        assert!(search < statement, "{dialect}: {kinds:?}");
    }
}

/// A column of the same name in the text of a type stays what it is, and the old column is the one that has another name by then.
#[test]
fn a_swapped_column_is_named_as_contract_finds_it() {
    let before = things! { date: chrono::NaiveDateTime, };
    let after = things! {
        #[column(sql_type(postgres = "timestamp(0)", mysql = "datetime"), backfill(postgres = "date::timestamp(0)", mysql = "date"),
            reverse = "date")]
        date: chrono::NaiveDateTime,
    };
    let plan = planned(Dialect::Postgres, before, after);
    let sql = &searches(&plan)[0].sql;
    assert!(
        sql.contains(
            "(SELECT date::timestamp(0) FROM (SELECT \"things\".\"pontoon_date_old\" AS \"date\") AS \"things\")"
        ),
        "{sql}"
    );
}

/// One query for a table that has no key to go by.
#[test]
fn a_table_without_a_key_is_asked_at_once() {
    macro_rules! keyless {
        ($($fields:tt)*) => {{
            #[derive(Table)]
            #[table(name = "things")]
            #[allow(dead_code)]
            struct Thing { $($fields)* }
            <Thing as Table>::DEF
        }};
    }
    let plan = planned(Dialect::Postgres, keyless! { a: i64 }, keyless! { #[column(renamed_from = "a")] b: i64 });
    let asked = |(_, step): (usize, &Step)| match step {
        Step::Assertion(it) => it.sql.contains("NOT (\"b\" IS NOT DISTINCT FROM \"a\") LIMIT 5"),
        _ => false,
    };
    assert!(plan.migration.stage(Stage::Contract).any(asked));
}

#[test]
fn what_may_rightly_differ_is_left_out() {
    let whole = || things! { #[column(length = 40)] a: String, c: i64, };
    left_out(
        whole(),
        things! { #[column(length = 60, renamed_from = "a", backfill = "concat(a, c)", reverse = "left(b, 40)")] b: String, c: i64, },
        "names other columns too",
    );
    left_out(
        whole(),
        things! { #[column(length = 60, renamed_from = "a", backfill = "concat(a, my_own(a))", reverse = "left(b, 40)")] b: String, c: i64, },
        "may give another value another time",
    );
    left_out(
        whole(),
        things! {
            @(dropped("a", reverse = "b"))
            #[column(length = 40, backfill = "left(a, 2)")] b: String,
            #[column(length = 40, backfill = "right(a, 2)")] d: String,
            c: i64,
        },
        "does not name all columns of the other side",
    );
}

/// Which day it is depends on who asks.
#[test]
fn a_moment_is_compared_in_a_zone_that_is_said() {
    let before = || things! { a: chrono::DateTime<chrono::Utc>, };
    let day = |zone: bool| {
        let after = if zone {
            things! {
                #[column(renamed_from = "a", backfill(postgres = "(a AT TIME ZONE 'UTC')::date", mysql = "date(a)"),
                    reverse(postgres = "b::timestamp AT TIME ZONE 'UTC'", mysql = "b"))]
                b: chrono::NaiveDate,
            }
        } else {
            things! {
                #[column(renamed_from = "a", backfill(postgres = "a::date", mysql = "date(a)"), reverse = "b")]
                b: chrono::NaiveDate,
            }
        };
        Dialect::ALL.map(|dialect| searches(&planned(dialect, before(), after)).len())
    };
    assert_eq!((day(true), day(false)), ([1, 1], [0, 1]), "MySQL's moments have no zone");
    let assigned = || things! { #[column(renamed_from = "a", backfill = "a", reverse = "b")] b: chrono::NaiveDate, };
    let searched = Dialect::ALL.map(|dialect| searches(&planned(dialect, before(), assigned())).len());
    assert_eq!(searched, [0, 1], "an assignment takes the session's zone too");
}
