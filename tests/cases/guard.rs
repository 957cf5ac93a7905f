//! Checks, which triggers hold on MySQL where no row may be copied.

use pontoon::def::TableDef;
use pontoon::{Dialect, Table};

use super::rename::renamed;
use super::{COPY_ROWS, Case, beside, plain};

fn checked() -> TableDef {
    table!(Thing {
        #[column(length = 40, check = "a <> ''")]
        a: String,
    })
}

/// Without a word that rows may be copied.
pub(super) fn uncopied(mut case: Case) -> Case {
    case.copy_rows = None;
    case
}

/// The check of before came to a table that was there, and so triggers hold it.
fn guarded(first: TableDef, mut case: Case) -> Case {
    case.first.push(first);
    uncopied(case)
}

pub(crate) fn add_check(_: Dialect) -> Case {
    uncopied(beside("add a check", plain(), checked()))
}

pub(crate) fn add_check_by_a_copy(_: Dialect) -> Case {
    beside("add a check (by a copy on MySQL)", plain(), checked())
}

pub(crate) fn drop_guarded_check(_: Dialect) -> Case {
    guarded(plain(), beside("drop a check (held by triggers on MySQL)", checked(), plain()))
}

/// The same name, another condition.
pub(crate) fn replace_guarded_check(_: Dialect) -> Case {
    let after = table!(Thing {
        #[column(length = 40, check(postgres = "a <> 'none'", mysql = "a <> 'none' AND char_length(a) < 30"))]
        a: String,
    });
    guarded(plain(), beside("replace a check (held by triggers on MySQL)", checked(), after))
}

/// Beside a column, since PostgreSQL has nothing to enforce.
pub(crate) fn enforce_guarded_check(_: Dialect) -> Case {
    let after = table!(Thing {
        #[column(length = 40, check = "a <> ''")]
        a: String,
        b: Option<i32>,
    });
    let name = "enforce a check that triggers hold (MySQL), and add a column";
    let mut case = guarded(plain(), beside(name, checked(), after));
    case.enforced.push("things_a_check");
    case.copy_rows = Some(COPY_ROWS);
    case
}

pub(crate) fn rename_column_under_a_guarded_check(_: Dialect) -> Case {
    let after = table!(Thing {
        #[column(length = 40, check = "b <> ''", renamed_from = "a")]
        b: String,
    });
    guarded(plain(), renamed("rename a column with a check (held by triggers on MySQL)", checked(), after))
}

/// All that writes or defines a column whose row a check judges, and other columns: a wider type, NULL taken away,
/// one that follows, one that is copied while it is numbered by a default.
pub(crate) fn change_columns_beside_a_guarded_check(_: Dialect) -> Case {
    let first = table!(Thing {
        #[column(length = 40)]
        a: String,
        #[column(length = 20)]
        nick: Option<String>,
        number: i32,
        day: Option<chrono::NaiveDate>,
    });
    let before = table!(Thing (check(name = "things_are_so", sql = "a <> '' AND coalesce(day, '2020-02-02') > '1000-1-1' AND nick <> ''")) {
        #[column(length = 40)]
        a: String,
        #[column(length = 20)]
        nick: Option<String>,
        number: i32,
        day: Option<chrono::NaiveDate>,
    });
    let after = table!(Thing (check(name = "things_are_so", sql = "a <> '' AND coalesce(day, '2020-02-02') > '1000-1-1' AND nick <> ''")) {
        #[column(length = 50)]
        a: String,
        #[column(length = 20, backfill = "'yes'")]
        nick: String,
        number: i64,
        day: Option<chrono::NaiveDate>,
        #[column(length = 50, backfill = "upper(a)")]
        loud: String,
    });
    let mut case = guarded(first, beside("change columns beside a check (held by triggers on MySQL)", before, after));
    case.rows.push("INSERT INTO things (id, a, nick, number, day) VALUES (-1, 'x', NULL, 5, '2021-01-01'), (-2, 'y', 'z', 5, NULL)");
    for code in [&mut case.old, &mut case.new] {
        code.extra.push(("number", "7"));
    }
    case.new.extra.extend([("nick", "'n'"), ("loud", "'l'")]);
    case
}

pub(crate) fn rename_table_under_a_guarded_check(_: Dialect) -> Case {
    #[derive(Table)]
    #[table(name = "stuff", renamed_from = "things", check(name = "a_is_said", sql = "a <> ''"))]
    #[allow(dead_code)]
    struct Stuff {
        #[column(primary_key)]
        id: i64,
        #[column(length = 40)]
        a: String,
    }
    let before = table!(Thing (check(name = "a_is_said", sql = "a <> ''")) {
        #[column(length = 40)]
        a: String,
    });
    let mut case =
        guarded(plain(), beside("rename a table with a check (held by triggers on MySQL)", before, Stuff::DEF));
    case.new.table = "stuff";
    case
}

pub(crate) fn drop_column_under_a_guarded_check(_: Dialect) -> Case {
    let first = table!(Thing {
        #[column(length = 40)]
        a: String,
        b: i32,
    });
    let before = table!(Thing (check(name = "things_both", sql = "a <> '' AND b > 0")) {
        #[column(length = 40)]
        a: String,
        b: i32,
    });
    let after = table!(Thing (dropped("b")) {
        #[column(length = 40)]
        a: String,
    });
    let mut case = guarded(first, beside("drop a column with a check (held by triggers on MySQL)", before, after));
    case.old.extra.push(("b", "7"));
    case
}
