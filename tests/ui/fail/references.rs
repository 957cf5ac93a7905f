use pontoon::Table;

#[derive(Table)]
struct Order {
    #[column(references)]
    a: i64,
    #[column(references(column = "id"))]
    b: i64,
    #[column(references(table = "users", on_delete = "explode"))]
    c: i64,
    #[column(references(tabel = "users"))]
    d: i64,
}

fn main() {}
