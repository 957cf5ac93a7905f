//! What a generated column cannot be.

#[derive(pontoon::Table)]
struct Thing {
    #[column(primary_key, generated = "a + 1")]
    id: i64,
    a: i64,
    #[column(generated = "a", default = "1")]
    b: i64,
    #[column(generated(virtul, postgres = "a", mysql = "a"))]
    c: i64,
    #[column(generated(virtual, mysql = "a"))]
    d: i64,
    #[column(generated)]
    e: i64,
}

fn main() {}
