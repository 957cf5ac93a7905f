//! Indexes.

use pontoon::Dialect;

use super::{Case, beside, plain};

pub(crate) fn add_unique_index(_: Dialect) -> Case {
    let after = table!(Thing {
        #[column(length = 40, unique)]
        a: String,
    });
    beside("add a unique index", plain(), after)
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
