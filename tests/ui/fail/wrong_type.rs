use pontoon::Table;

struct Colour;

#[derive(Table)]
struct User {
    #[column(primary_key)]
    id: i64,
    favourite: Colour,
    others: Option<Vec<Colour>>,
}

fn main() {
    let _ = User::DEF;
}
