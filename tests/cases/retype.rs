//! Columns with another type.

use pontoon::Dialect;
use pontoon::def::TableDef;
use pontoon::migration::Stage;

use super::{Case, beside};

/// Both codes write one name; the values fit both types.
fn retyped(name: &'static str, before: TableDef, after: TableDef) -> Case {
    let mut case = beside(name, before, after);
    case.new_from = Stage::Validate;
    case
}

pub(crate) fn widen_in_place(_: Dialect) -> Case {
    let before = table!(Thing {
        #[column(length = 30, unique)]
        a: String,
    });
    let after = table!(Thing {
        #[column(length = 60, unique)]
        a: String,
    });
    let mut case = retyped("widen a text in place", before, after);
    case.new.value = |n| format!("{n:->50}");
    case
}

pub(crate) fn change_type(_: Dialect) -> Case {
    let before = table!(Thing { a: i32 });
    let after = table!(Thing { a: i64 });
    wider_integer("change an integer's type", before, after)
}

pub(super) fn wider_integer(name: &'static str, before: TableDef, after: TableDef) -> Case {
    let mut case = retyped(name, before, after);
    case.old.ty = "integer";
    case.new.ty = "bigint";
    for code in [&mut case.old, &mut case.new] {
        code.value = |n| n.to_string();
    }
    case
}

pub(crate) fn change_type_nullable_and_indexed(_: Dialect) -> Case {
    let before = table!(Thing (index("a", "id")) {
        #[column(unique)]
        a: Option<i32>,
    });
    let after = table!(Thing (index("a", "id")) {
        #[column(unique)]
        a: Option<i64>,
    });
    let mut case = retyped("change the type of an indexed column", before, after);
    case.old.ty = "integer";
    case.new.ty = "bigint";
    for code in [&mut case.old, &mut case.new] {
        code.value = |n| n.to_string();
        code.null = true;
    }
    case
}

pub(crate) fn narrow_type_by_expressions(_: Dialect) -> Case {
    let before = table!(Thing { a: i64 });
    let after = table!(Thing {
        #[column(
            backfill(postgres = "least(greatest(a, 0), 1000000000)", mysql = "least(greatest(a, 0), 1000000000)"),
            reverse = "a"
        )]
        a: i32,
    });
    let mut case = retyped("narrow an integer", before, after);
    case.old.ty = "bigint";
    case.new.ty = "integer";
    for code in [&mut case.old, &mut case.new] {
        code.value = |n| n.to_string();
    }
    case
}

/// Nothing stands on it, so the catalog alone changes.
pub(crate) fn change_collation(_: Dialect) -> Case {
    let before = table!(Thing {
        #[column(length = 40, collation(postgres = "C", mysql = "utf8mb4_0900_ai_ci"))]
        a: Option<String>,
    });
    let after = table!(Thing {
        #[column(length = 40, collation(postgres = "POSIX", mysql = "utf8mb4_bin"))]
        a: Option<String>,
    });
    let mut case = beside("change a collation", before, after);
    case.old.null = true;
    case.new.null = true;
    case
}

pub(crate) fn change_collation_of_an_indexed_column(_: Dialect) -> Case {
    let before = table!(Thing (index("a", "id")) {
        #[column(length = 40, unique)]
        a: String,
    });
    let after = table!(Thing (index("a", "id")) {
        #[column(length = 40, unique, collation(postgres = "C", mysql = "utf8mb4_0900_as_cs"))]
        a: String,
    });
    retyped("change the collation of an indexed column", before, after)
}

/// Each value that fits is kept as it is, so nobody need say how.
pub(crate) fn narrow_type(_: Dialect) -> Case {
    let mut case =
        wider_integer("narrow an integer whose values fit", table!(Thing { a: i64 }), table!(Thing { a: i32 }));
    std::mem::swap(&mut case.old.ty, &mut case.new.ty);
    case
}

pub(crate) fn narrow_text_nullable_and_indexed(_: Dialect) -> Case {
    let before = table!(Thing (index("a", "id")) {
        #[column(length = 300, unique)]
        a: Option<String>,
    });
    let after = table!(Thing (index("a", "id")) {
        #[column(length = 40, unique)]
        a: Option<String>,
    });
    let mut case = retyped("narrow a text that takes NULL", before, after);
    case.old.null = true;
    case.new.null = true;
    case
}

/// Checks of PostgreSQL's, which go along; MySQL renames no column under one.
pub(crate) fn change_type_under_checks(_: Dialect) -> Case {
    let before = table!(Thing (check(name = "things_both", postgres = "a > 0 AND id > 0")) {
        #[column(check(postgres = "a > 0"))]
        a: i32,
    });
    let after = table!(Thing (check(name = "things_both", postgres = "a > 0 AND id > 0")) {
        #[column(check(postgres = "a > 0"))]
        a: i64,
    });
    wider_integer("change the type under checks (PostgreSQL)", before, after)
}
