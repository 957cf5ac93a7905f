//! Columns of few values.

use pontoon::Dialect;
use pontoon::def::TableDef;
use pontoon::migration::Stage;

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

pub(crate) fn add_enum_value_between(_: Dialect) -> Case {
    values!(New, Open, HalfDone, Done);
    let mut case = valued("add values among an enum's", two(), table!(Thing { a: State }));
    case.new.value = |n| if n % 2 == 0 { "half_done".into() } else { "new".into() };
    case
}

/// Old code leaves what goes alone from validate on, as it is told.
fn under_one_name(name: &'static str, before: Vec<TableDef>, after: Vec<TableDef>) -> Case {
    let mut case = valued(name, before[0], after[0]);
    (case.before, case.after) = (before, after);
    case.new_from = Stage::Validate;
    case.one_view = true;
    case
}

fn three(n: i64) -> String {
    ["open", "late", "done"][(n % 3) as usize].into()
}

pub(crate) fn rename_enum_values(_: Dialect) -> Case {
    let before = {
        values!(Open, Late, Done);
        table!(Thing {
            #[column(default = "'late'")]
            a: State
        })
    };
    #[derive(pontoon::Enum)]
    #[allow(dead_code)]
    enum State {
        Open,
        #[enumeration(renamed_from = "late")]
        #[value("it's late")]
        Late,
        HalfDone,
        #[enumeration(renamed_from = "done")]
        Finished,
    }
    let after = table!(Thing {
        #[column(default = "'it''s late'")]
        a: State
    });
    let mut case = under_one_name("rename an enum's values", vec![before], vec![after]);
    case.old.value = three;
    case.old.later = Some(|_| "open".into());
    case.new.value = |n| ["open", "it's late", "half_done", "finished"][(n % 4) as usize].into();
    case.to_new = |old| match old {
        "late" => "it's late".into(),
        "done" => "finished".into(),
        _ => old.into(),
    };
    case.to_old = |new| match new {
        "it's late" => "late".into(),
        "finished" => "done".into(),
        _ => new.into(),
    };
    case
}

pub(crate) fn remove_enum_value(_: Dialect) -> Case {
    let before = {
        values!(Open, Late, Done);
        table!(Thing { a: State })
    };
    #[derive(pontoon::Enum)]
    #[enumeration(dropped("late", becomes = "done"))]
    #[allow(dead_code)]
    enum State {
        Open,
        Done,
    }
    let mut case = under_one_name("remove a value of an enum", vec![before], vec![table!(Thing { a: State })]);
    case.old.value = three;
    case.old.later = Some(case.new.value);
    case.to_new = |old| if old == "late" { "done".into() } else { old.into() };
    case
}

pub(crate) fn remove_unused_enum_value(_: Dialect) -> Case {
    let before = {
        values!(Open, Late, Done);
        table!(Thing { a: Option<State> })
    };
    #[derive(pontoon::Enum)]
    #[enumeration(dropped("late"))]
    #[allow(dead_code)]
    enum State {
        Open,
        Done,
    }
    let after = vec![table!(Thing { a: Option<State> })];
    let mut case = under_one_name("remove a value of an enum that no row holds", vec![before], after);
    for code in [&mut case.old, &mut case.new] {
        code.null = true;
    }
    case
}

/// What a value becomes depends on the row.
pub(crate) fn remove_enum_value_by_expressions(_: Dialect) -> Case {
    let before = {
        values!(Open, Late, Done);
        table!(Thing { a: State })
    };
    values!(Done, Open);
    let after = table!(Thing {
        #[column(
            backfill = "CASE WHEN a = 'late' AND id > 0 THEN 'done' WHEN a = 'late' THEN 'open' ELSE concat(a) END",
            reverse = "concat(a)"
        )]
        a: State
    });
    let mut case = under_one_name("remove a value of an enum by expressions", vec![before], vec![after]);
    case.old.value = three;
    case.old.later = Some(case.new.value);
    case.to_new = |old| if old == "late" { "done".into() } else { old.into() };
    case
}

/// The check is PostgreSQL's, where it goes along; MySQL renames no column under one.
pub(crate) fn reorder_enum_values(_: Dialect) -> Case {
    macro_rules! checked {
        () => {
            table!(Thing (index("a", "id")) {
                #[column(default = "'done'", check(postgres = "a <> 'done' OR id > 0"))]
                a: State
            })
        };
    }
    let before = {
        values!(Open, Done);
        checked!()
    };
    values!(Done, Open);
    under_one_name("reorder an enum's values, with an index", vec![before], vec![checked!()])
}

/// Everything at once.
pub(crate) fn change_enum_of_a_nullable_column(_: Dialect) -> Case {
    let before = {
        values!(Open, Late, Odd, Done);
        table!(Thing (index("b", "a")) {
            #[column(default = "'late'")]
            a: Option<State>,
            b: Option<State>,
        })
    };
    #[derive(pontoon::Enum)]
    #[enumeration(dropped("late", "odd", becomes = "open"))]
    #[allow(dead_code)]
    enum State {
        #[enumeration(renamed_from = "done")]
        Finished,
        New,
        Open,
    }
    let after = table!(Thing (index("b", "a")) {
        #[column(default = "'open'")]
        a: Option<State>,
        b: Option<State>,
    });
    let mut case = under_one_name("change an enum of nullable columns", vec![before], vec![after]);
    case.old.value = |n| ["open", "late", "odd", "done"][(n % 4) as usize].into();
    case.old.later = Some(|_| "open".into());
    case.old.null = true;
    case.new.value = |n| ["open", "new", "finished"][(n % 3) as usize].into();
    case.new.null = true;
    case.to_new = |old| match old {
        "late" | "odd" => "open".into(),
        "done" => "finished".into(),
        _ => old.into(),
    };
    case.to_old = |new| if new == "finished" { "done".into() } else { new.into() };
    case.rows = vec!["INSERT INTO things (id, a, b) VALUES (-1, 'odd', 'done'), (-2, NULL, 'late')"];
    case
}

pub(crate) fn change_enum_of_two_tables(_: Dialect) -> Case {
    macro_rules! other {
        () => {{
            #[derive(pontoon::Table)]
            #[table(name = "others")]
            #[allow(dead_code)]
            struct Other {
                #[column(primary_key)]
                id: i64,
                #[column(default = "'open'")]
                state: State,
                past: Option<State>,
            }
            <Other as pontoon::Table>::DEF
        }};
    }
    let before = {
        values!(Open, Late, Done);
        vec![table!(Thing { a: State }), other!()]
    };
    #[derive(pontoon::Enum)]
    #[enumeration(dropped("late", becomes = "done"))]
    #[allow(dead_code)]
    enum State {
        Done,
        Open,
    }
    let after = vec![table!(Thing { a: State }), other!()];
    let mut case = under_one_name("change an enum that two tables have", before, after);
    case.old.value = three;
    case.old.later = Some(case.new.value);
    case.to_new = |old| if old == "late" { "done".into() } else { old.into() };
    case.rows = vec!["INSERT INTO others (id, state, past) VALUES (1, 'late', 'open'), (2, 'done', NULL)"];
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
