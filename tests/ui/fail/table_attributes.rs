use pontoon::Table;

#[derive(Table)]
#[table(name = "a", name = "b")]
#[table(index, index(), index("id", "id"), index("id", uniqe))]
#[table(check, check(name = "c"), check(sql = "1", postgres = "2"), check(name = ""))]
#[table(dropped, dropped(id), dropped("id"), crate = 3)]
#[column(name = "x")]
struct User {
    id: i64,
}

fn main() {}
