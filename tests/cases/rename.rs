//! Columns with another name.

use pontoon::Dialect;
use pontoon::def::TableDef;

use super::{Case, beside, code, plain};

/// Old code writes one name, new code the other.
pub(super) fn renamed(name: &'static str, before: TableDef, after: TableDef) -> Case {
    let mut case = beside(name, before, after);
    case.new = code("b");
    case
}

pub(crate) fn rename_column(_: Dialect) -> Case {
    let after = table!(Thing {
        #[column(length = 40, renamed_from = "a")]
        b: String,
    });
    renamed("rename a column", plain(), after)
}

pub(crate) fn rename_column_nullable(_: Dialect) -> Case {
    let before = table!(Thing { a: Option<i64> });
    let after = table!(Thing {
        #[column(renamed_from = "a")]
        b: Option<i64>,
    });
    let mut case = renamed("rename a nullable column", before, after);
    for code in [&mut case.old, &mut case.new] {
        code.ty = "bigint";
        code.value = |n| n.to_string();
        code.null = true;
    }
    case
}

pub(crate) fn rename_column_to_a_narrower_one(_: Dialect) -> Case {
    let before = table!(Thing { a: Option<i64> });
    let after = table!(Thing {
        #[column(renamed_from = "a")]
        b: Option<i32>,
    });
    let mut case = renamed("rename a nullable column and narrow its type", before, after);
    case.old.ty = "bigint";
    case.new.ty = "integer";
    for code in [&mut case.old, &mut case.new] {
        code.value = |n| n.to_string();
        code.null = true;
    }
    case
}

pub(crate) fn rename_column_of_times(dialect: Dialect) -> Case {
    let before = table!(Thing { a: chrono::NaiveTime });
    let after = table!(Thing {
        #[column(renamed_from = "a")]
        b: chrono::NaiveTime,
    });
    let mut case = renamed("rename a column of times", before, after);
    for code in [&mut case.old, &mut case.new] {
        code.ty = "time";
        code.value = match dialect {
            Dialect::Postgres => |n| format!("10:{:02}:{:02}", n / 60 % 60, n % 60),
            Dialect::MySql => |n| format!("10:{:02}:{:02}.000000", n / 60 % 60, n % 60),
        };
    }
    case
}

/// MySQL copies the table for the check, and keeps no more than six digits of a float's default.
pub(crate) fn rename_column_of_floats_under_a_check(_: Dialect) -> Case {
    let before = table!(Thing {
        #[column(check = "a >= 0")]
        a: f32,
    });
    let after = table!(Thing {
        #[column(check = "b >= 0", renamed_from = "a")]
        b: f32,
    });
    let mut case = renamed("rename a column of floats under a check", before, after);
    for code in [&mut case.old, &mut case.new] {
        code.ty = "real";
        code.value = |n| format!("{n}.5");
    }
    case
}

pub(crate) fn rename_column_with_index_and_check(_: Dialect) -> Case {
    let before = table!(Thing {
        #[column(length = 40, unique, check = "a <> ''")]
        a: String,
    });
    let after = table!(Thing {
        #[column(length = 40, unique, check = "b <> ''", renamed_from = "a")]
        b: String,
    });
    renamed("rename a column with an index and a check", before, after)
}

/// Each value is another one in the other type, so each has a name of its own.
pub(crate) fn rename_column_with_another_type(_: Dialect) -> Case {
    let after = table!(Thing {
        #[column(
            renamed_from = "a",
            backfill(
                postgres = "('0' || left(regexp_replace(a, '[^0-9]', '', 'g'), 9))::integer",
                mysql = "cast(concat('0', left(regexp_replace(a, '[^0-9]', ''), 9)) as signed)"
            ),
            reverse = "concat('value ', b)"
        )]
        b: i32,
    });
    let mut case = renamed("rename a text to a number", plain(), after);
    case.new.ty = "integer";
    case.new.value = |n| n.to_string();
    case.to_new = |text| text["value ".len()..].to_owned();
    case.to_old = |number| format!("value {number}");
    case
}

/// A collation may take both for the same value, and still the one is written over the other.
pub(crate) fn rename_column_of_cases(dialect: Dialect) -> Case {
    let mut case = rename_column(dialect);
    case.name = "rename a column whose values change by case alone";
    for code in [&mut case.old, &mut case.new] {
        code.value = |n| if n % 2 == 0 { "bob".into() } else { "Bob".into() };
    }
    case
}

pub(crate) fn follow_column_of_cases(_: Dialect) -> Case {
    let after = table!(Thing {
        #[column(length = 40)]
        a: String,
        #[column(length = 41, backfill = "concat(a, '!')")]
        b: String,
    });
    let mut case = beside("follow a column whose values change by case alone", plain(), after);
    case.old.value = |n| if n % 2 == 0 { "bob".into() } else { "Bob".into() };
    case.new = code("b");
    case.new.writes = false;
    case.to_new = |old| format!("{old}!");
    case
}
