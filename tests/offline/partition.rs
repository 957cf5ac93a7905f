//! What is not derived of partitioned tables.

use pontoon::def::TableDef;
use pontoon::plan::plan;
use pontoon::schema::{Schema, from_defs};
use pontoon::{Dialect, Table};

macro_rules! table {
    (($($attr:tt)*) { $($body:tt)* }) => {{
        #[derive(Table)]
        #[table(name = "events", $($attr)*)]
        #[allow(dead_code)]
        struct Event { $($body)* }
        Event::DEF
    }};
}

/// What is said to the way from one table to the other, without places.
#[track_caller]
fn refusal(before: &[TableDef], after: &[TableDef], dialect: Dialect) -> String {
    let model = |defs: &[TableDef]| from_defs(&defs.iter().collect::<Vec<_>>());
    let source = if before.is_empty() { Schema::default() } else { model(before).unwrap().0 };
    let errors = match model(after) {
        Ok((target, intents)) => plan("0002_x", &source, &target, &intents, dialect).expect_err("must be refused"),
        Err(errors) => errors,
    };
    errors.0.into_iter().map(|it| it.message).collect::<Vec<_>>().join("\n")
}

fn events() -> TableDef {
    table!((partition_by(list("id"), only = "postgres"), partition(name = "events_1", values("1"))) {
        #[column(primary_key)]
        id: i64,
        a: Option<i32>,
    })
}

#[test]
fn mysql_has_none() {
    let def = table!((partition_by(hash("id"))) { #[column(primary_key)] id: i64 });
    assert_eq!(
        refusal(&[], &[def], Dialect::MySql),
        "table `events` is partitioned, and Pontoon partitions no table on MySQL"
    );
}

#[test]
fn what_is_unique_has_the_partition_key() {
    let def = table!((partition_by(range("at"))) {
        #[column(primary_key)]
        id: i64,
        #[column(unique)]
        at: i64,
        #[column(unique)]
        number: i64,
    });
    assert_eq!(
        refusal(&[], &[def], Dialect::Postgres),
        "table `events` is partitioned by (at), and its primary key (id) is without `at`\n\
         table `events` is partitioned by (at), and its unique index `events_number_key` is without `at`"
    );
}

#[test]
fn names_and_references() {
    #[derive(Table)]
    #[table(name = "events_1")]
    #[allow(dead_code)]
    struct Other {
        #[column(primary_key)]
        id: i64,
        #[column(references(table = "events"))]
        event: i64,
    }
    assert_eq!(
        refusal(&[], &[events(), Other::DEF], Dialect::Postgres),
        "partition `events_1` of table `events` has the name of something of table `events_1`\n\
         column `events_1.event` refers to table `events`, which is partitioned"
    );
}

#[test]
fn changes_that_are_not_derived() {
    let plain = table!(() { #[column(primary_key)] id: i64, a: Option<i32> });
    let otherwise =
        table!((partition_by(hash("id"), only = "postgres")) { #[column(primary_key)] id: i64, a: Option<i32> });
    let more = table!((
        partition_by(list("id"), only = "postgres"),
        partition(name = "events_1", values("1", "2")),
        partition(name = "events_3", values("3"))
    ) { #[column(primary_key)] id: i64, a: Option<i32> });
    let changed = table!((partition_by(list("id"), only = "postgres"), partition(name = "events_1", values("1"))) {
        #[column(primary_key)]
        id: i64,
        a: Option<i64>,
    });
    let gone = table!((partition_by(list("id"), only = "postgres")) { #[column(primary_key)] id: i64, a: Option<i32> });
    let renamed = table!((partition_by(list("id"), only = "postgres"), partition(name = "events_1", values("1"))) {
        #[column(primary_key)]
        id: i64,
        #[column(renamed_from = "a")]
        b: Option<i32>,
    });
    let numbered = table!((partition_by(list("id"), only = "postgres"), partition(name = "events_1", values("1"))) {
        #[column(primary_key)]
        id: i64,
        a: Option<i32>,
        #[column(generated = "a + 1")]
        b: Option<i32>,
    });
    let by_function = table!((partition_by(list("id"), only = "postgres"), partition(name = "events_1", values("1"))) {
        #[column(primary_key)]
        id: i64,
        a: Option<i32>,
        #[column(backfill_fn = "b_of")]
        b: Option<i32>,
    });
    let without_key = table!((partition_by(list("id"), only = "postgres")) { id: i64, a: Option<i32> });
    let not_null = table!((partition_by(list("id"), only = "postgres")) {
        id: i64,
        #[column(backfill = "0")]
        a: i32,
    });
    let by_nullable = |value: Option<&str>| match value {
        None => table!((partition_by(list("id"), only = "postgres")) { id: Option<i64>, a: i32 }),
        Some(_) => table!((partition_by(list("id"), only = "postgres")) {
            #[column(backfill = "0")]
            id: i64,
            a: i32,
        }),
    };
    let by_two = |more: bool| {
        if more {
            table!((
                partition_by(range("id", "a"), only = "postgres"),
                partition(name = "events_2", from = "1, 1", to = "2, 1"),
                partition(name = "events_rest", default)
            ) { id: i64, a: i32 })
        } else {
            table!((partition_by(range("id", "a"), only = "postgres"), partition(name = "events_rest", default)) {
                id: i64,
                a: i32,
            })
        }
    };
    let said = |before: TableDef, after: TableDef| refusal(&[before], &[after], Dialect::Postgres);
    assert_eq!(said(plain, events()), "table `events` becomes partitioned");
    assert_eq!(said(events(), plain), "table `events` is partitioned no longer");
    assert_eq!(said(events(), otherwise), "table `events` is partitioned otherwise");
    assert_eq!(said(events(), more), "partition `events_1` of `events` has other bounds");
    assert_eq!(
        said(events(), changed),
        "table `events` is partitioned, and changing the type of column `a` is not derived there"
    );
    assert_eq!(
        said(events(), gone),
        "partition `events_1` of `events` is in the last migration and no longer in the list"
    );
    assert_eq!(
        said(events(), numbered),
        "table `events` is partitioned, and new column `b` is numbered, generated or filled by a Rust function, which is not \
         derived there"
    );
    assert_eq!(said(events(), by_function), said(events(), numbered));
    assert_eq!(
        said(events(), renamed),
        "table `events` is partitioned, and renaming column `a` to `b` is not derived there"
    );
    assert_eq!(
        said(without_key, not_null),
        "column `events.a` needs a backfill, and table `events` has no key to walk by"
    );
    assert_eq!(
        said(by_nullable(None), by_nullable(Some("0"))),
        "column `events.id` takes no NULL any more, and decides the partition of a row, which no trigger may change"
    );
    assert_eq!(
        said(by_two(false), by_two(true)),
        "partition `events_2` of `events` is new, and `events_rest` is the default one: by several columns, nothing but reading it \
         whole under a lock proves that no row of it belongs into the new one"
    );
}
