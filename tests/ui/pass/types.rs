//! What counts is the type, not how it is written.

use pontoon::{Kind, Schema as _, SqlType, Table};

type Email = String;
type Maybe<T> = Option<T>;

struct UserId(#[allow(dead_code)] i64);

impl SqlType for UserId {
    const KIND: Kind = <i64 as SqlType>::KIND;
}

struct Point;

#[derive(pontoon::Enum)]
#[enumeration(name = "outcome_of_it")]
#[allow(dead_code)]
enum Outcome {
    TooLate,
    #[value("it's in")]
    In,
}

#[derive(Table)]
pub struct LoginAttempt {
    #[column(primary_key)]
    id: UserId,
    #[column(length = 320, unique)]
    email: Email,
    r#type: Maybe<i32>,
    plain: std::option::Option<bool>,
    public_id: uuid::Uuid,
    #[column(sql_type(postgres = "point", mysql = "point"))]
    place: Point,
    #[column(sql_type(postgres = "point", mysql = "point"))]
    last_place: Option<Point>,
    outcome: Maybe<Outcome>,
}

pontoon::schema! { pub App { LoginAttempt } }

fn main() {
    let table = &LoginAttempt::DEF;
    assert_eq!(table.name, "login_attempt");
    let outcome = table.columns[7].enum_def.unwrap();
    assert_eq!((outcome.name, outcome.values), ("outcome_of_it", &["too_late", "it's in"][..]));
    assert_eq!(table.at.line, 26);
    let seen: Vec<_> = table.columns.iter().map(|it| (it.name, it.kind, it.nullable, it.at.line)).collect();
    assert_eq!(
        seen,
        [
            ("id", Kind::BigInt, false, 28),
            ("email", Kind::Text, false, 30),
            ("type", Kind::Integer, true, 31),
            ("plain", Kind::Boolean, true, 32),
            ("public_id", Kind::Uuid, false, 33),
            ("place", Kind::Custom, false, 35),
            ("last_place", Kind::Custom, true, 37),
            ("outcome", Kind::Enum, true, 38),
        ]
    );
    assert_eq!(App::TABLES.len(), 1);
    assert_eq!(App::MIGRATIONS, "migrations");
}
