//! Whole tables.

use pontoon::{Dialect, Table};

use super::constraint::others;
use super::{Case, beside, plain};

pub(crate) fn drop_table(_: Dialect) -> Case {
    let mut case = beside("drop a table", plain(), plain());
    case.before.push(others());
    case.dropped_tables.push("others");
    case
}

/// Its rows have been there for as long as was said; in a new database there are none.
pub(crate) fn purge_table(_: Dialect) -> Case {
    let mut case = beside("drop a table that was renamed away", plain(), plain());
    case.first = vec![plain(), others()];
    case.purged_tables.push("others");
    case
}

/// Old code knows one table, new code the other.
pub(crate) fn rename_table(_: Dialect) -> Case {
    #[derive(Table)]
    #[table(
        name = "stuff",
        renamed_from = "things",
        index("a", name = "by_a"),
        index("a", "id", only = "postgres"),
        index("id", "a", only = "mysql")
    )]
    #[allow(dead_code)]
    struct Stuff {
        #[column(primary_key)]
        id: i64,
        #[column(length = 40, unique)]
        a: String,
        #[column(references(table = "stuff"))]
        parent: Option<i64>,
    }
    #[derive(Table)]
    #[table(name = "others")]
    #[allow(dead_code)]
    struct Other {
        #[column(primary_key)]
        id: i64,
        #[column(references(table = "stuff"))]
        thing: Option<i64>,
    }
    let before = table!(Thing (
        index("a", name = "by_a"),
        index("a", "id", only = "postgres"),
        index("id", "a", only = "mysql")
    ) {
        #[column(length = 40, unique)]
        a: String,
        #[column(references(table = "things"))]
        parent: Option<i64>,
    });
    let mut case = beside("rename a table", before, Stuff::DEF);
    case.before.push(others());
    case.after.push(Other::DEF);
    case.new.table = "stuff";
    case
}
