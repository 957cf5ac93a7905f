//! A column that the server begins to number, or numbers no longer.

use pontoon::def::TableDef;
use pontoon::{Dialect, Table};

use super::constraint::others;
use super::{Case, beside, plain};

fn numbered() -> TableDef {
    #[derive(Table)]
    #[table(name = "things")]
    #[allow(dead_code)]
    struct Thing {
        #[column(primary_key, identity)]
        id: i64,
        #[column(length = 40)]
        a: String,
    }
    Thing::DEF
}

/// Another table refers to it.
pub(crate) fn begin_to_number_a_column(_: Dialect) -> Case {
    let mut case = beside("begin to number a column that is there", plain(), numbered());
    case.before.push(others());
    case.after.push(others());
    // beside the rows whose numbers are given
    case.new.after_insert = Some("INSERT INTO things (a) SELECT 'numbered' FROM things WHERE id = {id}");
    case
}

pub(crate) fn end_to_number_a_column(dialect: Dialect) -> Case {
    let mut case = beside("number a column no longer", numbered(), plain());
    case.before.push(others());
    case.after.push(others());
    case.rows.push(match dialect {
        Dialect::Postgres => "ALTER TABLE things ALTER COLUMN id RESTART WITH 500000",
        Dialect::MySql => "ALTER TABLE things AUTO_INCREMENT = 500000",
    });
    case.old.after_insert = Some("INSERT INTO things (a) SELECT 'numbered' FROM things WHERE id = {id}");
    case
}
