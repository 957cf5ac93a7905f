//! Partitioned tables: on PostgreSQL; MySQL has a plain table of each.

use pontoon::{Dialect, Table};

use super::constraint::others;
use super::{Case, beside, plain};

/// With an index, a foreign key and partitions from the beginning.
pub(crate) fn create_partitioned_table(_: Dialect) -> Case {
    #[derive(Table)]
    #[table(
        name = "events",
        index("kind", "at"),
        partition_by(range("at"), only = "postgres"),
        partition(name = "events_2026_11", from = "'2026-11-01'", to = "'2026-12-01'"),
        partition(name = "events_rest", default)
    )]
    #[allow(dead_code)]
    struct Event {
        #[column(primary_key)]
        id: i64,
        #[column(primary_key, default = "now()")]
        at: chrono::DateTime<chrono::Utc>,
        #[column(length = 20)]
        kind: String,
        #[column(references(table = "things"))]
        thing: Option<i64>,
    }
    let mut case = beside("create a partitioned table", plain(), plain());
    case.after.push(Event::DEF);
    case
}

/// All that goes through the table to every partition.
pub(crate) fn change_columns_of_a_partitioned_table(_: Dialect) -> Case {
    let before = table!(Thing (
        partition_by(range("id"), only = "postgres"),
        partition(name = "things_low", from = "MINVALUE", to = "1000"),
        partition(name = "things_rest", default)
    ) {
        #[column(length = 40)]
        a: String,
        #[column(default = "7")]
        b: i32,
        #[column(default = "1")]
        c: i32,
        #[column(default = "1")]
        d: Option<i32>,
        e: Option<i32>,
    });
    // `things_low` is listed no more, and stays
    let after = table!(Thing (
        dropped("b", "e"),
        partition_by(range("id"), only = "postgres"),
        partition(name = "things_rest", default)
    ) {
        #[column(length = 40)]
        a: String,
        #[column(default = "2")]
        c: i32,
        d: Option<i32>,
        f: Option<i32>,
        #[column(default = "5")]
        g: i32,
    });
    beside("add and drop columns of a partitioned table, and change defaults", before, after)
}

pub(crate) fn drop_partitioned_table(_: Dialect) -> Case {
    #[derive(Table)]
    #[table(
        name = "parts",
        partition_by(list("kind"), only = "postgres"),
        partition(name = "parts_a", values("'a'", "'b'"))
    )]
    #[allow(dead_code)]
    struct Part {
        #[column(primary_key)]
        id: i64,
        #[column(primary_key, length = 20)]
        kind: String,
    }
    let mut case = beside("drop a partitioned table", plain(), plain());
    case.before.extend([Part::DEF, others()]);
    case.after.push(others());
    case.dropped_tables.push("parts");
    case
}
