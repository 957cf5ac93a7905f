//! Indexes that are more than columns: what is wrong with a key is marked on it.

use pontoon::Table;

#[derive(Table)]
#[table(index(key(desc)), index(key("a", expression = "a + 1")), index(key("a", nulls = "middle")))]
#[table(index(key(expression = "a + 1")), index("a", include("a")), index("a", only = "oracle"))]
#[table(index(key("b", desc)), index(key(expression = "a", length = 3), name = "x"), index("a", using = "gin", filtre = "a > 0"))]
struct Thing {
    #[column(primary_key)]
    id: i64,
    a: i32,
}

fn main() {}
