//! New columns.

use pontoon::Dialect;

use super::{Case, beside, code, plain};

pub(crate) fn add_column_nullable(_: Dialect) -> Case {
    let after = table!(Thing {
        #[column(length = 40)]
        a: String,
        b: Option<i32>,
    });
    let mut case = beside("add a nullable column", plain(), after);
    case.new.extra.push(("b", "7"));
    case
}

pub(crate) fn add_column_with_default(_: Dialect) -> Case {
    let after = table!(Thing {
        #[column(length = 40)]
        a: String,
        #[column(default = "5")]
        b: i32,
    });
    beside("add a column with a default", plain(), after)
}

pub(crate) fn add_column_derived(_: Dialect) -> Case {
    let after = table!(Thing {
        #[column(length = 40)]
        a: String,
        #[column(length = 40, backfill = "upper(a)")]
        b: String,
    });
    let mut case = beside("add a column with a backfill", plain(), after);
    case.new.extra.push(("b", "'chosen'"));
    case
}

/// What new code reads of rows that old code goes on writing.
pub(crate) fn add_column_that_follows(dialect: Dialect) -> Case {
    let mut case = add_column_derived(dialect);
    case.name = "add a column that follows another";
    case.new = code("b");
    case.new.writes = false;
    case.to_new = str::to_uppercase;
    case
}

pub(crate) fn add_nullable_column_that_follows(_: Dialect) -> Case {
    let after = table!(Thing {
        #[column(length = 40)]
        a: String,
        #[column(length = 40, backfill = "upper(a)")]
        b: Option<String>,
    });
    let mut case = beside("add a nullable column that follows another", plain(), after);
    case.new = code("b");
    case.new.writes = false;
    case.to_new = str::to_uppercase;
    case
}
