//! Columns of another table.

use pontoon::Dialect;
use pontoon::def::TableDef;

use super::{Case, beside};

mod before {
    #[derive(pontoon::Table)]
    #[table(name = "owners")]
    #[allow(dead_code)]
    pub(super) struct Owner {
        #[column(primary_key)]
        id: i64,
        #[column(length = 40)]
        a: Option<String>,
    }

    #[derive(pontoon::Table)]
    #[table(name = "things")]
    #[allow(dead_code)]
    pub(super) struct Thing {
        #[column(primary_key, references(table = "owners", on_delete = "cascade"))]
        id: i64,
        #[column(default = "7")]
        c: i32,
    }
}

mod after {
    #[derive(pontoon::Table)]
    #[table(name = "owners")]
    #[allow(dead_code)]
    pub(super) struct Owner {
        #[column(primary_key)]
        id: i64,
    }

    #[derive(pontoon::Table)]
    #[table(name = "things")]
    #[allow(dead_code)]
    pub(super) struct Thing {
        #[column(primary_key, references(table = "owners", on_delete = "cascade"))]
        id: i64,
        #[column(length = 40, moved_from(table = "owners", column = "a"))]
        b: Option<String>,
        #[column(default = "7")]
        c: i32,
    }
}

const OLD: TableDef = <before::Owner as pontoon::Table>::DEF;
const NEW: TableDef = <after::Owner as pontoon::Table>::DEF;
const WITHOUT: TableDef = <before::Thing as pontoon::Table>::DEF;
const WITH: TableDef = <after::Thing as pontoon::Table>::DEF;

/// Old code writes `owners.a`, new code `things.b` of the row with the same key.
fn moved(name: &'static str, before: Vec<TableDef>) -> Case {
    let mut case = beside(name, OLD, NEW);
    (case.before, case.after) = (before, vec![NEW, WITH]);
    case.old.table = "owners";
    case.new.column = "b";
    case.new.null = true;
    case.new.before_insert = Some("INSERT INTO owners (id) VALUES ({id})");
    case.new.after_delete = Some("DELETE FROM owners WHERE id = {id}");
    case
}

/// The table is there, and old code makes its rows itself.
pub(crate) fn move_column(_: Dialect) -> Case {
    let mut case = moved("move a column into another table", vec![OLD, WITHOUT]);
    case.old.null = true;
    case.old.after_insert = Some("INSERT INTO things (id) VALUES ({id})");
    case
}

/// The table is new, and a value that old code writes makes its row.
pub(crate) fn move_column_into_a_new_table(_: Dialect) -> Case {
    let mut case = moved("move a column into a new table", vec![OLD]);
    // the rows of before are made by the backfill
    case.new_from = pontoon::migration::Stage::Backfill;
    case
}
