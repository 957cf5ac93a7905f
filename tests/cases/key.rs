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
