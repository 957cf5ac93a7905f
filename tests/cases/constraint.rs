//! Checks and foreign keys.

use pontoon::def::TableDef;
use pontoon::{Dialect, Table};

use super::{Case, beside, plain};

pub(super) fn others() -> TableDef {
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
