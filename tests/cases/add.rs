//! New columns.

use pontoon::Dialect;

use super::{Case, beside, code, plain};

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

/// The column and its source are of two collations, which neither server compares.
pub(crate) fn add_column_of_another_collation(_: Dialect) -> Case {
    let after = table!(Thing {
        #[column(length = 40)]
        a: String,
        #[column(length = 40, backfill = "upper(a)", collation(postgres = "C", mysql = "utf8mb4_0900_as_cs"))]
        b: String,
        #[column(length = 40, backfill = "lower(a)", collation(postgres = "POSIX", mysql = "utf8mb4_bin"))]
        c: Option<String>,
    });
    let mut case = beside("add columns of other collations", plain(), after);
    case.new = code("b");
    case.new.writes = false;
    case.to_new = str::to_uppercase;
    case
}

/// Each type that one of the servers gives no default, or another one; the same value for all rows.
pub(crate) fn add_columns_with_defaults_of_all_kinds(_: Dialect) -> Case {
    let after = table!(Thing {
        #[column(length = 40)]
        a: String,
        #[column(default = "'{\"a\": 1}'")]
        json: serde_json::Value,
        #[column(default = "'[]'")]
        nullable_json: Option<serde_json::Value>,
        #[column(length = 8, default(postgres = "'\\x00ff'", mysql = "X'00FF'"))]
        short_bytes: Vec<u8>,
        #[column(default(postgres = "'\\x00ff'", mysql = "X'00FF'"))]
        bytes: Vec<u8>,
        #[column(default = "'it''s'")]
        text: String,
        #[column(length = 20, default(postgres = "upper('x')", mysql = "(upper('x'))"))]
        upper: String,
        #[column(default = "1 + 2")]
        sum: i32,
        #[column(default = "now()")]
        at: chrono::DateTime<chrono::Utc>,
    });
    beside("add columns with a default of every kind", plain(), after)
}

/// Another value for each row, which neither server keeps for the rows of before.
pub(crate) fn add_column_with_a_volatile_default(_: Dialect) -> Case {
    let after = table!(Thing {
        #[column(length = 40)]
        a: String,
        #[column(default(postgres = "gen_random_uuid()", mysql = "(uuid_to_bin(uuid()))"))]
        public_id: uuid::Uuid,
        #[column(default(postgres = "gen_random_uuid()", mysql = "(uuid_to_bin(uuid()))"))]
        other_id: Option<uuid::Uuid>,
        #[column(default(postgres = "random()", mysql = "(rand())"))]
        dice: f64,
    });
    beside("add columns with a volatile default", plain(), after)
}
