//! Indexes that are more than columns.

use pontoon::Dialect;

use super::{Case, beside, plain};

/// Of some rows, or of the beginning of a value.
pub(crate) fn add_partial_index(_: Dialect) -> Case {
    let after = table!(Thing (
        index("a", filter = "a <> 'value 7'", only = "postgres", name = "things_a_some"),
        index(key("a", length = 5), only = "mysql", name = "things_a_begin"),
    ) {
        #[column(length = 40)]
        a: String,
    });
    beside("add a partial index (PostgreSQL), one of a prefix (MySQL)", plain(), after)
}

pub(crate) fn add_expression_index(_: Dialect) -> Case {
    let after = table!(Thing (index(key(expression = "lower(a)"), "id", unique, name = "things_a_lower")) {
        #[column(length = 40)]
        a: String,
    });
    beside("add a unique index of an expression", plain(), after)
}

pub(crate) fn add_functional_index(_: Dialect) -> Case {
    let after = table!(Thing (index(key(expression = "upper(a)", desc), "id", name = "things_a_upper")) {
        #[column(length = 40)]
        a: String,
    });
    beside("add an index of an expression", plain(), after)
}

/// Order, columns beside the keys, and a method that holds little.
pub(crate) fn add_ordered_index(_: Dialect) -> Case {
    let after = table!(Thing (
        index(key("a", desc, nulls = "last"), include("id"), only = "postgres", name = "things_a_desc"),
        index("id", using(postgres = "brin"), only = "postgres", name = "things_id_brin"),
        index(key("a", desc), "id", only = "mysql", name = "things_a_desc_id"),
    ) {
        #[column(length = 40)]
        a: String,
    });
    beside("add descending, covering (PostgreSQL) and BRIN indexes", plain(), after)
}

/// Words in texts.
pub(crate) fn add_text_index(_: Dialect) -> Case {
    let after = table!(Thing (
        index(key(expression = "to_tsvector('simple', a)"), using(postgres = "gin"), only = "postgres", name = "things_words"),
        index("a", using(mysql = "fulltext"), only = "mysql", name = "things_text"),
    ) {
        #[column(length = 40)]
        a: String,
    });
    beside("add a GIN index (PostgreSQL), a full-text index (MySQL)", plain(), after)
}

pub(crate) fn drop_index(_: Dialect) -> Case {
    let before = table!(Thing (index("a", "id")) {
        #[column(length = 40)]
        a: String,
    });
    beside("drop an index", before, plain())
}

/// Old code searches for words until contract, which fails without the index.
pub(crate) fn drop_text_index(_: Dialect) -> Case {
    let before = table!(Thing (
        index("a", using(mysql = "fulltext"), only = "mysql", name = "things_text"),
        index(key(expression = "lower(a)"), only = "postgres", name = "things_lower"),
    ) {
        #[column(length = 40)]
        a: String,
    });
    beside("drop a full-text index (MySQL), one of an expression (PostgreSQL)", before, plain())
}

/// In place PostgreSQL would build the index anew, while everybody waits.
pub(crate) fn widen_under_an_expression(_: Dialect) -> Case {
    let before = table!(Thing (
        index(key(expression = "lower(a)"), only = "postgres", name = "things_lower"),
        index("id", filter = "a <> ''", only = "postgres", name = "things_some"),
    ) {
        #[column(length = 30)]
        a: String,
    });
    let after = table!(Thing (
        index(key(expression = "lower(a)"), only = "postgres", name = "things_lower_2"),
        index("id", filter = "a <> ''", only = "postgres", name = "things_some_2"),
    ) {
        #[column(length = 60)]
        a: String,
    });
    let mut case = beside("widen a text under indexes that compute from it", before, after);
    case.new_from = pontoon::migration::Stage::Validate;
    case
}

pub(crate) fn rename_index(_: Dialect) -> Case {
    let before = table!(Thing (index(key("a", desc), name = "things_before")) {
        #[column(length = 40)]
        a: String,
    });
    let after = table!(Thing (index(key("a", desc), name = "things_after")) {
        #[column(length = 40)]
        a: String,
    });
    beside("rename an index", before, after)
}

/// What is copied with its column.
pub(crate) fn change_type_under_special_indexes(_: Dialect) -> Case {
    let before = table!(Thing (
        index(key("a", desc), "id", name = "things_a_desc"),
        index("id", include("a"), only = "postgres", name = "things_id_a"),
    ) {
        a: i32,
    });
    let after = table!(Thing (
        index(key("a", desc), "id", name = "things_a_desc"),
        index("id", include("a"), only = "postgres", name = "things_id_a"),
    ) {
        a: i64,
    });
    super::retype::wider_integer("change the type under descending and covering indexes", before, after)
}
