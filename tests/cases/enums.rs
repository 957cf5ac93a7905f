//! Columns of few values.

use pontoon::Dialect;
use pontoon::def::TableDef;

use super::{Case, beside, code, plain};

macro_rules! values {
    ($($variant:ident),*) => {
        #[derive(pontoon::Enum)]
        #[allow(dead_code)]
        enum State { $($variant),* }
    };
}

fn two() -> TableDef {
    values!(Open, Done);
    table!(Thing { a: State })
}

/// Both codes write the values of before.
fn valued(name: &'static str, before: TableDef, after: TableDef) -> Case {
    let mut case = beside(name, before, after);
    for code in [&mut case.old, &mut case.new] {
        code.ty = "state";
        code.value = |n| if n % 2 == 0 { "open".into() } else { "done".into() };
    }
    case
}

pub(crate) fn add_column_of_an_enum(_: Dialect) -> Case {
    values!(Open, Done);
    let after = table!(Thing {
        #[column(length = 40)]
        a: String,
        #[column(default = "'open'")]
        b: State,
        #[column(backfill(
            postgres = "CASE WHEN a LIKE '%1' THEN 'done'::state END",
            mysql = "CASE WHEN a LIKE '%1' THEN 'done' END"
        ))]
        c: Option<State>,
    });
    let mut case = beside("add a column of an enum", plain(), after);
    case.new.extra.push(("c", "'done'"));
    case
}

pub(crate) fn drop_column_of_an_enum(_: Dialect) -> Case {
    values!(Open, Done);
    let before = table!(Thing {
        #[column(length = 40)]
        a: String,
        b: State,
    });
    let after = table!(Thing (dropped("b")) {
        #[column(length = 40)]
        a: String,
    });
    let mut case = beside("drop the last column of an enum", before, after);
    case.old.extra.push(("b", "'done'"));
    case
}

pub(crate) fn add_enum_value_last(_: Dialect) -> Case {
    values!(Open, Done, HalfDone, Late);
    let mut case = valued("add values at an enum's end", two(), table!(Thing { a: State }));
    // old code reads what it does not know, as this one can
    case.new.value = |n| if n % 2 == 0 { "half_done".into() } else { "late".into() };
    case
}

/// MySQL adds none but at the end.
pub(crate) fn add_enum_value_between(dialect: Dialect) -> Case {
    let after = match dialect {
        Dialect::Postgres => {
            values!(New, Open, HalfDone, Done);
            table!(Thing { a: State })
        }
        Dialect::MySql => {
            values!(Open, Done, New, HalfDone);
            table!(Thing { a: State })
        }
    };
    let mut case = valued("add values among an enum's (PostgreSQL)", two(), after);
    case.new.value = |n| if n % 2 == 0 { "half_done".into() } else { "new".into() };
    case
}

pub(crate) fn rename_column_to_another_enum(_: Dialect) -> Case {
    #[derive(pontoon::Enum)]
    #[enumeration(name = "progress")]
    #[allow(dead_code)]
    enum Progress {
        #[value("in work")]
        InWork,
        #[value("it's done")]
        Done,
    }
    let after = table!(Thing {
        #[column(
            renamed_from = "a",
            backfill(
                postgres = "(CASE a WHEN 'open' THEN 'in work' ELSE 'it''s done' END)::progress",
                mysql = "CASE a WHEN 'open' THEN 'in work' ELSE 'it''s done' END"
            ),
            reverse(
                postgres = "(CASE b WHEN 'in work' THEN 'open' ELSE 'done' END)::state",
                mysql = "CASE b WHEN 'in work' THEN 'open' ELSE 'done' END"
            )
        )]
        b: Progress,
    });
    let mut case = valued("rename a column and an enum's values", two(), after);
    case.new = code("b");
    case.new.ty = "progress";
    case.new.value = |n| if n % 2 == 0 { "in work".into() } else { "it's done".into() };
    case.to_new = |old| if old == "open" { "in work".into() } else { "it's done".into() };
    case.to_old = |new| if new == "in work" { "open".into() } else { "done".into() };
    case
}
