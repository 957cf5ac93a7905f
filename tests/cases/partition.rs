//! Partitioned tables: on PostgreSQL; MySQL has a plain table of each.

use pontoon::def::TableDef;
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
        unlisted("things_low"),
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

/// One that a job made: no struct lists it.
fn with_others_partition(mut case: Case, dialect: Dialect, columns: &'static str) -> Case {
    if dialect == Dialect::Postgres {
        case.rows.push("CREATE TABLE things_job PARTITION OF things FOR VALUES FROM (5000000) TO (6000000)");
        case.rows.push(columns);
    }
    case
}

fn kinds() -> TableDef {
    #[derive(Table)]
    #[table(name = "kinds")]
    #[allow(dead_code)]
    struct Kind {
        #[column(primary_key)]
        id: i64,
    }
    Kind::DEF
}

/// Beside a default one, which is full and must be proven to have no row of it.
pub(crate) fn attach_partition(_: Dialect) -> Case {
    let before = table!(Thing (
        index("a"),
        partition_by(range("id"), only = "postgres"),
        partition(name = "things_rest", default)
    ) {
        #[column(length = 40, check = "a <> ''")]
        a: String,
        #[column(references(table = "kinds"))]
        kind: Option<i64>,
        #[column(default = "7")]
        n: i32,
    });
    let after = table!(Thing (
        index("a"),
        partition_by(range("id"), only = "postgres"),
        partition(name = "things_far", from = "1000000", to = "2000000"),
        partition(name = "things_rest", default)
    ) {
        #[column(length = 40, check = "a <> ''")]
        a: String,
        #[column(references(table = "kinds"))]
        kind: Option<i64>,
        #[column(default = "7")]
        n: i32,
    });
    let mut case = beside("attach a partition beside a default one", before, after);
    case.before.push(kinds());
    case.after.push(kinds());
    case
}

pub(crate) fn attach_partitions_without_a_default(dialect: Dialect) -> Case {
    let before = table!(Thing (
        partition_by(range("id"), only = "postgres"),
        partition(name = "things_low", from = "MINVALUE", to = "1000000")
    ) {
        #[column(length = 40)]
        a: String,
    });
    let after = table!(Thing (
        partition_by(range("id"), only = "postgres"),
        partition(name = "things_low", from = "MINVALUE", to = "1000000"),
        partition(name = "things_high", from = "1000000", to = "2000000"),
        partition(name = "things_rest", default)
    ) {
        #[column(length = 40)]
        a: String,
    });
    let case = beside("attach partitions, the last the default one", before, after);
    with_others_partition(case, dialect, "INSERT INTO things VALUES (5000001, 'x')")
}

pub(crate) fn detach_partition(_: Dialect) -> Case {
    let before = table!(Thing (
        index("a"),
        partition_by(range("id"), only = "postgres"),
        partition(name = "things_low", from = "0", to = "1000000"),
        partition(name = "things_high", from = "1000000", to = "2000000")
    ) {
        #[column(length = 40)]
        a: String,
    });
    let after = table!(Thing (
        index("a"),
        partition_by(range("id"), only = "postgres"),
        partition(name = "things_low", from = "0", to = "1000000"),
        detached("things_high")
    ) {
        #[column(length = 40)]
        a: String,
    });
    beside("detach a partition", before, after)
}

/// A default partition leaves one way alone.
pub(crate) fn detach_partition_beside_a_default(_: Dialect) -> Case {
    let before = table!(Thing (
        partition_by(range("id"), only = "postgres"),
        partition(name = "things_high", from = "1000000", to = "2000000"),
        partition(name = "things_rest", default)
    ) {
        #[column(length = 40)]
        a: String,
        #[column(references(table = "kinds"))]
        kind: Option<i64>,
    });
    let after = table!(Thing (
        partition_by(range("id"), only = "postgres"),
        partition(name = "things_rest", default),
        detached("things_high")
    ) {
        #[column(length = 40)]
        a: String,
        #[column(references(table = "kinds"))]
        kind: Option<i64>,
    });
    let mut case = beside("detach a partition beside a default one", before, after);
    case.before.push(kinds());
    case.after.push(kinds());
    case
}

/// Two partitions, the first of which holds what codes write.
macro_rules! parted {
    ({ $($body:tt)* }) => { parted!(() { $($body)* }) };
    (($($attr:tt)*) { $($body:tt)* }) => {
        table!(Thing (
            partition_by(range("id"), only = "postgres"),
            partition(name = "things_low", from = "0", to = "1000000"),
            partition(name = "things_high", from = "1000000", to = "2000000"),
            $($attr)*
        ) { $($body)* })
    };
}

pub(crate) fn index_a_partitioned_table(dialect: Dialect) -> Case {
    let before = parted!({
        #[column(length = 40)]
        a: String,
    });
    let after = parted!((index("a"), index("a", "id", unique)) {
        #[column(length = 40)]
        a: String,
    });
    let case = beside("add indexes to a partitioned table", before, after);
    with_others_partition(case, dialect, "INSERT INTO things VALUES (5000001, 'x')")
}

pub(crate) fn drop_and_rename_indexes_of_a_partitioned_table(dialect: Dialect) -> Case {
    let before = parted!((index("a"), index("a", "id", unique)) {
        #[column(length = 40)]
        a: String,
    });
    let after = parted!((index("a", "id", unique, name = "things_by_a")) {
        #[column(length = 40)]
        a: String,
    });
    let case = beside("drop and rename indexes of a partitioned table", before, after);
    with_others_partition(case, dialect, "INSERT INTO things VALUES (5000001, 'x')")
}

pub(crate) fn check_a_partitioned_table(dialect: Dialect) -> Case {
    let before = parted!({
        #[column(length = 40)]
        a: String,
    });
    let after = parted!({
        #[column(length = 40, check = "a <> ''")]
        a: String,
    });
    let case = beside("add a check to a partitioned table", before, after);
    with_others_partition(case, dialect, "INSERT INTO things VALUES (5000001, 'x')")
}

pub(crate) fn uncheck_a_partitioned_table(dialect: Dialect) -> Case {
    let mut case = check_a_partitioned_table(dialect);
    case.name = "drop a check of a partitioned table";
    std::mem::swap(&mut case.before, &mut case.after);
    case
}

pub(crate) fn set_not_null_in_a_partitioned_table(dialect: Dialect) -> Case {
    let before = parted!({
        #[column(length = 40)]
        a: Option<String>,
    });
    let after = parted!({
        #[column(length = 40, backfill = "'none'")]
        a: String,
    });
    let case = beside("set NOT NULL in a partitioned table", before, after);
    with_others_partition(case, dialect, "INSERT INTO things VALUES (5000001, NULL), (5000002, NULL)")
}

/// One column takes NULL, and one goes that took none.
pub(crate) fn drop_not_null_in_a_partitioned_table(dialect: Dialect) -> Case {
    let before = parted!({
        #[column(length = 40)]
        a: String,
        b: i32,
        #[column(length = 40)]
        c: String,
    });
    let after = parted!((dropped("c")) {
        #[column(length = 40)]
        a: String,
        b: Option<i32>,
    });
    let mut case = beside("drop NOT NULL in a partitioned table", before, after);
    case.old.extra.extend([("b", "1"), ("c", "'c'")]);
    with_others_partition(case, dialect, "INSERT INTO things VALUES (5000001, 'x', 1, 'c')")
}

pub(crate) fn add_derived_column_to_a_partitioned_table(dialect: Dialect) -> Case {
    let before = parted!({
        #[column(length = 40)]
        a: String,
    });
    let after = parted!({
        #[column(length = 40)]
        a: String,
        #[column(length = 40, backfill = "upper(a)")]
        b: String,
    });
    let mut case = beside("add a column with a backfill to a partitioned table", before, after);
    case.new = super::code("b");
    case.new.writes = false;
    case.to_new = str::to_uppercase;
    with_others_partition(case, dialect, "INSERT INTO things VALUES (5000001, 'x')")
}

pub(crate) fn add_foreign_key_to_a_partitioned_table(dialect: Dialect) -> Case {
    let before = parted!((index("kind")) {
        #[column(length = 40)]
        a: String,
        kind: Option<i64>,
    });
    let after = parted!((index("kind")) {
        #[column(length = 40)]
        a: String,
        #[column(references(table = "kinds"))]
        kind: Option<i64>,
    });
    let mut case = beside("add a foreign key to a partitioned table", before, after);
    case.before.push(kinds());
    case.after.push(kinds());
    with_others_partition(case, dialect, "INSERT INTO things VALUES (5000001, 'x', NULL)")
}

pub(crate) fn drop_foreign_key_of_a_partitioned_table(dialect: Dialect) -> Case {
    let mut case = add_foreign_key_to_a_partitioned_table(dialect);
    case.name = "drop a foreign key of a partitioned table";
    std::mem::swap(&mut case.before, &mut case.after);
    case
}
