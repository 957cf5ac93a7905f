//! The table of cases: a schema before and after, and what each code writes.

use pontoon::def::TableDef;
use pontoon::migration::Stage;
use pontoon::{Dialect, Table};

/// What one application writes and reads, beside the key `id`.
pub(crate) struct Code {
    pub(crate) table: &'static str,
    pub(crate) column: &'static str,
    /// PostgreSQL's type of the column.
    pub(crate) ty: &'static str,
    /// Other columns that its INSERT names, with their values.
    pub(crate) extra: Vec<(&'static str, &'static str)>,
    /// What it writes, from a number.
    pub(crate) value: fn(i64) -> String,
    /// Whether it writes NULL too.
    pub(crate) null: bool,
    /// Whether it writes the column at all, or reads what follows from others.
    pub(crate) writes: bool,
}

/// One change.
pub(crate) struct Case {
    pub(crate) name: &'static str,
    pub(crate) before: Vec<TableDef>,
    pub(crate) after: Vec<TableDef>,
    /// Tables that are meant to go.
    pub(crate) dropped_tables: Vec<&'static str>,
    /// SQL that runs before, for rows that neither code writes.
    pub(crate) rows: Vec<&'static str>,
    pub(crate) old: Code,
    pub(crate) new: Code,
    /// What new code sees of a value that old code wrote.
    pub(crate) to_new: fn(&str) -> String,
    /// What old code sees of a value that new code wrote.
    pub(crate) to_old: fn(&str) -> String,
    /// The stage after which new code may run.
    pub(crate) new_from: Stage,
}

/// Every case, in the order of the documentation.
macro_rules! every_case {
    ($callback:ident) => {
        $callback! {
            add_column_nullable,
            add_column_with_default,
            add_column_derived,
            add_column_that_follows,
            add_nullable_column_that_follows,
            drop_column,
            split_column,
            set_not_null,
            drop_not_null,
            set_default,
            add_unique_index,
            add_check,
            rename_column,
            rename_column_nullable,
            rename_column_of_times,
            rename_column_with_index_and_check,
            widen_in_place,
            change_type,
            change_type_nullable_and_indexed,
            narrow_type_by_expressions,
            rename_column_with_another_type,
            drop_table,
            rename_table,
            replace_index,
            replace_foreign_key,
            drop_foreign_key,
        }
    };
}
pub(crate) use every_case;

macro_rules! table {
    ($name:ident { $($body:tt)* }) => { table!($name () { $($body)* }) };
    ($name:ident ($($attr:tt)*) { $($body:tt)* }) => {{
        #[derive(Table)]
        #[table(name = "things", $($attr)*)]
        #[allow(dead_code)]
        struct $name {
            #[column(primary_key)]
            id: i64,
            $($body)*
        }
        $name::DEF
    }};
}

fn code(column: &'static str) -> Code {
    Code {
        table: "things",
        column,
        ty: "varchar",
        extra: Vec::new(),
        value: |n| format!("value {n}"),
        null: false,
        writes: true,
    }
}

/// Both codes write the same column, and the change is beside it.
fn beside(name: &'static str, before: TableDef, after: TableDef) -> Case {
    Case {
        name,
        before: vec![before],
        after: vec![after],
        dropped_tables: Vec::new(),
        rows: Vec::new(),
        old: code("a"),
        new: code("a"),
        to_new: str::to_owned,
        to_old: str::to_owned,
        new_from: Stage::Expand,
    }
}

fn plain() -> TableDef {
    table!(Thing {
        #[column(length = 40)]
        a: String,
    })
}

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

/// A column gives its values to two others, and goes.
pub(crate) fn split_column(_: Dialect) -> Case {
    let after = table!(Thing (dropped("a")) {
        #[column(length = 40, backfill = "left(a, 5)")]
        b: String,
        #[column(length = 40, backfill = "upper(a)")]
        c: Option<String>,
    });
    let mut case = beside("split a column into two", plain(), after);
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

pub(crate) fn set_not_null(_: Dialect) -> Case {
    let before = table!(Thing {
        #[column(length = 40)]
        a: Option<String>,
    });
    let after = table!(Thing {
        #[column(length = 40, backfill = "'none'")]
        a: String,
    });
    let mut case = beside("set NOT NULL", before, after);
    case.rows.push("INSERT INTO things (id, a) VALUES (-1, NULL), (-2, NULL)");
    case
}

pub(crate) fn drop_not_null(_: Dialect) -> Case {
    let after = table!(Thing {
        #[column(length = 40)]
        a: Option<String>,
    });
    beside("drop NOT NULL", plain(), after)
}

pub(crate) fn set_default(_: Dialect) -> Case {
    let before = table!(Thing {
        #[column(length = 40)]
        a: String,
        at: chrono::DateTime<chrono::Utc>,
    });
    let after = table!(Thing {
        #[column(length = 40)]
        a: String,
        #[column(default = "now()")]
        at: chrono::DateTime<chrono::Utc>,
    });
    let mut case = beside("set a default", before, after);
    case.old.extra.push(("at", "'2026-01-01 00:00:00'"));
    case
}

pub(crate) fn add_unique_index(_: Dialect) -> Case {
    let after = table!(Thing {
        #[column(length = 40, unique)]
        a: String,
    });
    beside("add a unique index", plain(), after)
}

pub(crate) fn add_check(_: Dialect) -> Case {
    let after = table!(Thing {
        #[column(length = 40, check = "a <> ''")]
        a: String,
    });
    beside("add a check", plain(), after)
}

/// Old code writes one name, new code the other.
fn renamed(name: &'static str, before: TableDef, after: TableDef) -> Case {
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
    let mut case = retyped("change an integer's type", before, after);
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

fn others() -> TableDef {
    #[derive(Table)]
    #[table(name = "others")]
    #[allow(dead_code)]
    struct Other {
        #[column(primary_key)]
        id: i64,
        #[column(references(table = "things"))]
        thing: Option<i64>,
    }
    Other::DEF
}

pub(crate) fn drop_table(_: Dialect) -> Case {
    let mut case = beside("drop a table", plain(), plain());
    case.before.push(others());
    case.dropped_tables.push("others");
    case
}

pub(crate) fn replace_index(_: Dialect) -> Case {
    let before = table!(Thing (index("a", name = "by_a")) {
        #[column(length = 40)]
        a: String,
    });
    let after = table!(Thing (index("a", "id", unique, name = "by_a")) {
        #[column(length = 40)]
        a: String,
    });
    beside("replace an index", before, after)
}

pub(crate) fn replace_foreign_key(_: Dialect) -> Case {
    #[derive(Table)]
    #[table(name = "others")]
    #[allow(dead_code)]
    struct Other {
        #[column(primary_key)]
        id: i64,
        #[column(references(table = "things", on_delete = "cascade"))]
        thing: Option<i64>,
    }
    let mut case = beside("replace a foreign key", plain(), plain());
    case.before.push(others());
    case.after.push(Other::DEF);
    case
}

pub(crate) fn drop_foreign_key(_: Dialect) -> Case {
    #[derive(Table)]
    #[table(name = "others", index("thing"))]
    #[allow(dead_code)]
    struct Other {
        #[column(primary_key)]
        id: i64,
        thing: Option<i64>,
    }
    let mut case = beside("drop a foreign key", plain(), plain());
    case.before.push(others());
    case.after.push(Other::DEF);
    case
}

/// Old code knows one table, new code the other.
pub(crate) fn rename_table(_: Dialect) -> Case {
    #[derive(Table)]
    #[table(name = "stuff", renamed_from = "things", index("a", name = "by_a"))]
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
    let before = table!(Thing (index("a", name = "by_a")) {
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
