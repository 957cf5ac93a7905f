//! A table that becomes a partition of another one: on PostgreSQL. MySQL keeps it, empty, and both codes use another one.

use pontoon::def::TableDef;
use pontoon::migration::Stage;
use pontoon::{Dialect, Table};

use super::{Case, beside, plain};

fn kinds() -> TableDef {
    #[derive(Table)]
    #[table(name = "kinds")]
    #[allow(dead_code)]
    struct Kind {
        #[column(primary_key)]
        id: i64,
    }
    Kind::DEF
}

fn named_kinds() -> TableDef {
    #[derive(Table)]
    #[table(name = "kinds")]
    #[allow(dead_code)]
    struct Kind {
        #[column(primary_key)]
        id: i64,
        #[column(length = 40)]
        name: Option<String>,
    }
    Kind::DEF
}

/// Old code writes the table by its name, and new code the other one.
fn by_its_name(mut case: Case, dialect: Dialect, [old, new]: [&'static str; 2]) -> Case {
    if dialect == Dialect::Postgres {
        (case.old.table, case.new.table) = (old, new);
        case.new_from = Stage::Validate;
    }
    case
}

/// With a check, foreign keys and indexes, of which it has some, by names of its own; and beside a default partition.
pub(crate) fn attach_table(dialect: Dialect) -> Case {
    #[derive(Table)]
    #[table(name = "things_old", index("a"))]
    #[allow(dead_code)]
    struct Old {
        #[column(primary_key)]
        id: i64,
        #[column(length = 40, check = "a <> ''")]
        a: String,
        #[column(references(table = "kinds"))]
        kind: Option<i64>,
        other: Option<i64>,
    }
    macro_rules! things {
        ($($old:tt)*) => {
            table!(Thing (
                index("a"),
                index("id", "a", unique),
                check(name = "others", sql = "other <> 0"),
                partition_by(range("id"), only = "postgres"),
                partition(name = "things_far", from = "5000000", to = "9000000"),
                partition(name = "things_rest", default),
                $($old)*
            ) {
                #[column(length = 40, check = "a <> ''")]
                a: String,
                #[column(references(table = "kinds"))]
                kind: Option<i64>,
                #[column(references(table = "kinds"))]
                other: Option<i64>,
            })
        };
    }
    let after = things!(partition(name = "things_old", from = "1", to = "1000000", attach));
    let mut case = beside("attach a table as a partition beside a default one", things!(), after);
    case.before.extend([Old::DEF, kinds()]);
    case.after.push(kinds());
    if dialect == Dialect::Postgres {
        // it writes the other table too, into a partition that is there
        case.old.after_insert = Some("INSERT INTO things (id, a) VALUES ({id} + 5000000, 'beside')");
        case.old.after_delete = Some("DELETE FROM things WHERE id = {id} + 5000000");
    }
    by_its_name(case, dialect, ["things_old", "things"])
}

/// By a list, to a table that comes in the same migration.
pub(crate) fn attach_table_to_a_new_one(dialect: Dialect) -> Case {
    macro_rules! parts {
        ($name:ident, $table:literal, $($attr:tt)*) => {{
            #[derive(Table)]
            #[table(name = $table, $($attr)*)]
            #[allow(dead_code)]
            struct $name {
                #[column(primary_key)]
                id: i64,
                #[column(primary_key, length = 20)]
                kind: String,
                #[column(length = 40)]
                a: String,
                #[column(references(table = "kinds"))]
                of: Option<i64>,
            }
            $name::DEF
        }};
    }
    let new = parts!(
        Part,
        "parts",
        index("a"),
        partition_by(list("kind"), only = "postgres"),
        partition(name = "parts_new", values("'new'")),
        partition(name = "parts_old", values("'old'", "'older'"), attach),
    );
    let mut case = beside("attach a table as a partition of a new one", plain(), plain());
    // its rows were there before another migration
    case.first = vec![plain(), parts!(First, "parts_old",), kinds()];
    case.before.extend([parts!(Old, "parts_old",), named_kinds()]);
    case.after.extend([new, named_kinds()]);
    if dialect == Dialect::Postgres {
        case.old.extra.push(("kind", "'older'"));
        case.new.extra.push(("kind", "'old'"));
    }
    by_its_name(case, dialect, ["parts_old", "parts"])
}

/// Both number their rows, and one goes on where the other ends.
pub(crate) fn attach_numbered_table(dialect: Dialect) -> Case {
    macro_rules! things {
        ($name:ident, $table:literal, $($attr:tt)*) => {{
            #[derive(Table)]
            #[table(name = $table, $($attr)*)]
            #[allow(dead_code)]
            struct $name {
                #[column(primary_key, identity)]
                id: i64,
                #[column(length = 40)]
                a: String,
            }
            $name::DEF
        }};
    }
    let before = things!(
        Before,
        "things",
        partition_by(range("id"), only = "postgres"),
        partition(name = "things_new", from = "1000000", to = "2000000"),
    );
    let after = things!(
        After,
        "things",
        partition_by(range("id"), only = "postgres"),
        partition(name = "things_new", from = "1000000", to = "2000000"),
        partition(name = "things_old", from = "1", to = "1000000", attach),
    );
    macro_rules! children {
        ($name:ident, $($thing:tt)*) => {{
            #[derive(Table)]
            #[table(name = "children", index("thing"))]
            #[allow(dead_code)]
            struct $name {
                #[column(primary_key)]
                id: i64,
                #[column($($thing)*)]
                thing: Option<i64>,
            }
            $name::DEF
        }};
    }
    let mut case = beside("attach a numbered table as a partition", before, after);
    case.before.push(things!(Old, "things_old",));
    if dialect == Dialect::Postgres {
        // a table that refers to it until contract
        case.before.push(children!(Child, references(table = "things_old")));
        case.after.push(children!(Free,));
        // beside the rows whose numbers are given
        case.rows.push("ALTER TABLE things_old ALTER COLUMN id RESTART WITH 500000");
        case.old.after_insert = Some("INSERT INTO things_old (a) SELECT 'numbered' WHERE {id} > 0");
        case.new.after_insert = Some("INSERT INTO things (a) SELECT 'numbered' WHERE {id} > 0");
    }
    by_its_name(case, dialect, ["things_old", "things"])
}
