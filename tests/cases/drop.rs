//! Columns that go.

use pontoon::Dialect;
use pontoon::migration::Stage;

use super::{Case, beside, code, plain};

/// A column gives its values to two others, and goes; old code does not see theirs.
pub(crate) fn split_column_one_way(_: Dialect) -> Case {
    let after = table!(Thing (dropped("a", one_way)) {
        #[column(length = 40, backfill = "left(a, 5)")]
        b: String,
        #[column(length = 40, backfill = "upper(a)")]
        c: Option<String>,
    });
    let mut case = beside("split a column into two, one way", plain(), after);
    case.new = code("c");
    case.new.writes = false;
    case.to_new = str::to_uppercase;
    // a NULL of a row that is not filled yet is a NULL until it is
    case.new_from = Stage::Backfill;
    case
}

pub(crate) fn drop_column(dialect: Dialect) -> Case {
    let before = table!(Thing {
        #[column(length = 40)]
        a: String,
        #[column(unique)]
        b: i64,
    });
    let after = table!(Thing (dropped("b")) {
        #[column(length = 40)]
        a: String,
    });
    let mut case = beside("drop a column", before, after);
    let number = match dialect {
        Dialect::Postgres => "(random() * 1e15)::bigint",
        Dialect::MySql => "floor(rand() * 1e15)",
    };
    case.old.extra.push(("b", number));
    case
}
