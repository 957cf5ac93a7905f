use pontoon::Table;

#[derive(Table)]
#[table(name = "a", name = "b")]
#[table(index, index(), index("id", "id"), index("id", uniqe))]
#[table(check, check(name = "c"), check(sql = "1", postgres = "2"), check(name = ""))]
#[table(dropped, dropped(id), dropped("id"), crate = 3)]
#[table(dropped("a", reverse = "b", one_way), dropped("a", "b", reverse = "c"), dropped(one_way), dropped("a", reverze = "b"))]
#[column(name = "x")]
struct User {
    id: i64,
}

fn main() {}
