//! Columns that the server computes.

use pontoon::Dialect;

use super::{Case, beside, code, plain};

pub(crate) fn add_column_generated_on_read(_: Dialect) -> Case {
    let after = table!(Thing (index("b")) {
        #[column(length = 40)]
        a: String,
        #[column(length = 40, generated(virtual, postgres = "upper(a)", mysql = "upper(a)"))]
        b: Option<String>,
    });
    read_only(beside("add a generated column (virtual on MySQL)", plain(), after))
}

pub(crate) fn add_column_generated_and_stored(_: Dialect) -> Case {
    let after = table!(Thing {
        #[column(length = 40)]
        a: String,
        #[column(length = 40, generated = "upper(a)")]
        b: String,
    });
    read_only(beside("add a generated column (stored)", plain(), after))
}

/// New code reads what follows from old code's writes.
fn read_only(mut case: Case) -> Case {
    case.new = code("b");
    case.new.writes = false;
    case.to_new = str::to_uppercase;
    case
}

/// The column from which it is generated goes too, and has the lesser name.
pub(crate) fn drop_generated_column(_: Dialect) -> Case {
    let before = table!(Thing (index("c")) {
        #[column(length = 40)]
        a: String,
        #[column(length = 40, default = "'b'")]
        b: String,
        #[column(length = 40, generated = "upper(b)")]
        c: String,
        #[column(length = 40, generated(virtual, postgres = "upper(b)", mysql = "upper(b)"))]
        d: String,
    });
    let after = table!(Thing (dropped("b", "c", "d")) {
        #[column(length = 40)]
        a: String,
    });
    beside("drop a generated column and what it is made from", before, after)
}

/// To MySQL such an index is one over a hidden virtual column, beside which no other comes at once.
pub(crate) fn add_generated_column_beside_an_index_of_an_expression(_: Dialect) -> Case {
    let before = table!(Thing (index(key(expression = "upper(a)"), name = "things_a_upper")) {
        #[column(length = 40)]
        a: String,
    });
    let after = table!(Thing (index(key(expression = "upper(a)"), name = "things_a_upper")) {
        #[column(length = 40)]
        a: String,
        #[column(length = 40, generated(virtual, postgres = "upper(a)", mysql = "upper(a)"))]
        b: Option<String>,
    });
    read_only(beside("add a generated column beside an index of an expression", before, after))
}

pub(crate) fn drop_generated_column_beside_an_index_of_an_expression(_: Dialect) -> Case {
    let before = table!(Thing (index(key(expression = "upper(a)"), name = "things_a_upper")) {
        #[column(length = 40)]
        a: String,
        #[column(length = 40, generated(virtual, postgres = "upper(a)", mysql = "upper(a)"))]
        b: Option<String>,
    });
    let after = table!(Thing (dropped("b"), index(key(expression = "upper(a)"), name = "things_a_upper")) {
        #[column(length = 40)]
        a: String,
    });
    beside("drop a generated column beside an index of an expression", before, after)
}
