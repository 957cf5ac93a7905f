//! Several changes in one migration, whose order matters.

use pontoon::def::TableDef;
use pontoon::{Dialect, Table};

use super::guard::uncopied;
use super::rename::renamed;
use super::{Case, beside, plain};

fn owners() -> TableDef {
    #[derive(Table)]
    #[table(name = "owners")]
    #[allow(dead_code)]
    struct Owner {
        #[column(primary_key)]
        id: i64,
        #[column(unique)]
        number: Option<i32>,
    }
    Owner::DEF
}

/// A column with all that can stand on it, and the table to which it refers.
pub(crate) fn add_column_with_all_on_it(_: Dialect) -> Case {
    let after = table!(Thing (index("owner", "a"), check(name = "owner_is_one", sql = "owner > 0 AND a <> ''")) {
        #[column(length = 40)]
        a: String,
        #[column(unique, check = "owner < 1000000", references(table = "owners"))]
        owner: Option<i64>,
        #[column(length = 40, default = "'x'", check = "b <> ''")]
        b: String,
        #[column(length = 41, backfill = "concat(a, '!')", check = "c <> ''")]
        c: String,
    });
    let mut case =
        uncopied(beside("add columns with indexes, checks and a foreign key to a new table", plain(), after));
    case.after.push(owners());
    case.new.extra.push(("c", "'chosen'"));
    case
}

/// The same on the way out.
pub(crate) fn drop_column_with_all_on_it(_: Dialect) -> Case {
    let first = table!(Thing {
        #[column(length = 40)]
        a: String,
        #[column(unique, references(table = "owners"))]
        owner: Option<i64>,
        #[column(length = 40)]
        b: String,
    });
    let before = table!(Thing (index("owner", "a"), index("b", "a"), check(name = "owner_is_one", sql = "coalesce(owner, 1) <> 0 AND a <> ''")) {
        #[column(length = 40)]
        a: String,
        #[column(unique, references(table = "owners"))]
        owner: Option<i64>,
        #[column(length = 40, check = "b <> 'none'")]
        b: String,
    });
    let after = table!(Thing (dropped("owner", "b"), index("a")) {
        #[column(length = 40)]
        a: String,
    });
    let mut case = uncopied(beside("drop columns with their indexes, checks and foreign key", before, after));
    case.first.extend([first, owners()]);
    case.before.push(owners());
    case.after.push(owners());
    case.old.extra.push(("b", "'b'"));
    case
}

/// Another name, another type, and all that stands on it under its new name.
pub(crate) fn rename_and_retype_with_all_on_it(_: Dialect) -> Case {
    let before = table!(Thing (index("a", "id"), check(name = "a_is_one", sql = "a > 0")) {
        #[column(unique)]
        a: i32,
    });
    let after = table!(Thing (index("b", "id"), check(name = "a_is_one", sql = "b > 0")) {
        #[column(unique, renamed_from = "a")]
        b: i64,
    });
    let mut case = uncopied(renamed("rename a column with another type, its indexes and check", before, after));
    for (code, ty) in [(&mut case.old, "integer"), (&mut case.new, "bigint")] {
        code.ty = ty;
        code.value = |n| n.to_string();
    }
    case
}

/// Where a check is in the way of a type it goes first, and another comes behind.
pub(crate) fn retype_under_a_check_that_is_replaced(_: Dialect) -> Case {
    let first = table!(Thing { a: i32 });
    let before = table!(Thing (check(name = "a_is_one", sql = "a > 0")) { a: i32 });
    let after = table!(Thing (check(name = "a_is_still_one", sql = "a > 0")) { a: i64 });
    let mut case = super::retype::wider_integer("change a type and replace the check on it", before, after);
    case.first.push(first);
    uncopied(case)
}

/// On PostgreSQL the check would be proven anew while everybody waits.
pub(crate) fn widen_under_a_check(_: Dialect) -> Case {
    let before = table!(Thing {
        #[column(length = 30, check = "a <> ''")]
        a: String,
    });
    let after = table!(Thing {
        #[column(length = 60, check = "a <> ''")]
        a: String,
    });
    let mut case = beside("widen a text under a check", before, after);
    case.new_from = pontoon::migration::Stage::Validate;
    case
}
