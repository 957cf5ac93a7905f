use pontoon::Table;

#[derive(Table)]
enum Choice {
    A,
}

#[derive(Table)]
struct Tuple(i64);

#[derive(Table)]
struct Unit;

#[derive(Table)]
struct Empty {}

#[derive(Table)]
struct Generic<T> {
    id: T,
}

#[derive(Table)]
union Both {
    a: i64,
    b: i64,
}

fn main() {
    let _ = Choice::A;
    let _ = (Tuple::DEF, Unit::DEF);
}
