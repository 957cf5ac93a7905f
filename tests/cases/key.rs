//! Keys.

use pontoon::def::TableDef;
use pontoon::migration::Stage;
use pontoon::{Dialect, Table};

use super::{Case, beside};

macro_rules! keyed {
    ($key:ty) => {{
        #[derive(Table)]
        #[table(name = "things", index("a", "id"))]
        #[allow(dead_code)]
        struct Thing {
            #[column(primary_key, identity)]
            id: $key,
            #[column(length = 40)]
            a: String,
        }
        <Thing as Table>::DEF
    }};
}

macro_rules! child {
    ($key:ty) => {{
        #[derive(Table)]
        #[table(name = "others")]
        #[allow(dead_code)]
        struct Other {
            #[column(primary_key)]
            id: i64,
            #[column(references(table = "things", on_delete = "cascade"))]
            thing_id: $key,
            #[column(references(table = "things", on_delete = "set null"))]
            second_id: Option<$key>,
        }
        <Other as Table>::DEF
    }};
}

/// A table numbered by the server, from `int` to `bigint`; on PostgreSQL with one that refers to it twice.
pub(crate) fn widen_key(dialect: Dialect) -> Case {
    let (before, after) = widened_keys(dialect);
    let name = match dialect {
        Dialect::Postgres => "widen a key that others refer to",
        Dialect::MySql => "widen a key to which nobody refers",
    };
    let mut case = beside(name, keyed!(i32), keyed!(i64));
    (case.before, case.after) = (before, after);
    case.rows.push("INSERT INTO things (id, a) VALUES (1000001, 'a'), (1000002, 'b')");
    if dialect == Dialect::Postgres {
        case.rows.push("INSERT INTO others (id, thing_id, second_id) VALUES (1, 1000001, 1000002), (2, 1000002, NULL)");
    }
    case.new_from = Stage::Validate;
    case
}

/// The tables before and after.
pub(crate) fn widened_keys(dialect: Dialect) -> (Vec<TableDef>, Vec<TableDef>) {
    match dialect {
        Dialect::Postgres => (vec![keyed!(i32), child!(i32)], vec![keyed!(i64), child!(i64)]),
        // which changes neither end of a foreign key
        Dialect::MySql => (vec![keyed!(i32)], vec![keyed!(i64)]),
    }
}

/// Another key, while old code may still need the old one to be unique.
pub(crate) fn change_key(_: Dialect) -> Case {
    let before = {
        #[derive(Table)]
        #[table(name = "things")]
        #[allow(dead_code)]
        struct Thing {
            #[column(primary_key)]
            id: i64,
            #[column(length = 40)]
            a: String,
            #[column(default = "3")]
            tenant: i32,
        }
        <Thing as Table>::DEF
    };
    let after = {
        #[derive(Table)]
        #[table(name = "things")]
        #[allow(dead_code)]
        struct Thing {
            #[column(length = 40)]
            a: String,
            #[column(default = "3", primary_key)]
            tenant: i32,
            #[column(primary_key)]
            id: i64,
        }
        <Thing as Table>::DEF
    };
    let mut case = beside("change the columns of the primary key", before, after);
    case.new_from = Stage::Validate;
    case
}

/// Rows get numbers, and the numbers are the key.
macro_rules! numbered {
    ($name:literal, [$($table:tt)*], [$($key:tt)*]) => {{
        let before = {
            #[derive(Table)]
            #[table(name = "things" $($table)*)]
            #[allow(dead_code)]
            struct Thing {
                $($key)*
                id: i64,
                #[column(length = 40)]
                a: String,
            }
            <Thing as Table>::DEF
        };
        let after = {
            #[derive(Table)]
            #[table(name = "things", index("id"))]
            #[allow(dead_code)]
            struct Thing {
                #[column(primary_key, identity)]
                number: i64,
                id: i64,
                #[column(length = 40)]
                a: String,
            }
            <Thing as Table>::DEF
        };
        beside($name, before, after)
    }};
}

pub(crate) fn number_the_rows(_: Dialect) -> Case {
    numbered!("number the rows, and make that the key", [], [#[column(primary_key)]])
}

pub(crate) fn number_the_rows_without_a_key(_: Dialect) -> Case {
    numbered!("number the rows of a table without a key", [, index("id")], [])
}

macro_rules! tree {
    ($key:ty $(, $more:ident)?) => {{
        #[derive(Table)]
        #[table(name = "things")]
        #[allow(dead_code)]
        struct Thing {
            $($more: Option<i32>,)?
            #[column(primary_key)]
            tenant: i32,
            #[column(primary_key, unique)]
            id: $key,
            #[column(references(table = "things", on_delete = "cascade"))]
            above: Option<$key>,
            #[column(length = 40)]
            a: String,
        }
        <Thing as Table>::DEF
    }};
}

/// Part of a key, with rows that refer to others of their table; MySQL changes neither end of a foreign key.
pub(crate) fn widen_key_of_a_tree(dialect: Dialect) -> Case {
    let after = match dialect {
        Dialect::Postgres => tree!(i64),
        Dialect::MySql => tree!(i32, more),
    };
    let mut case = beside("widen a part of a key to which its own table refers (PostgreSQL)", tree!(i32), after);
    case.rows
        .push("INSERT INTO things (tenant, id, above, a) VALUES (1, 1000001, NULL, 'a'), (1, 1000002, 1000001, 'b')");
    for code in [&mut case.old, &mut case.new] {
        code.extra = vec![("tenant", "2"), ("above", "1000001")];
    }
    case.new_from = Stage::Validate;
    case
}
