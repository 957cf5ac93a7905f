//! A struct with a mistake is no drift: there is one message, the mistake's own.

use pontoon::Table;

#[derive(Table)]
#[table(name = "users")]
pub struct User {
    #[column(primary_kye)]
    id: i64,
}

pontoon::schema! { App { User } }

const INDEX: pontoon::migration::Embedded =
    pontoon::migration::Embedded { migrations: &[], tables: &[("users", 1)], columns: &[("users", "id", 1)] };

const _: () = pontoon::drift::assert_none(<App as pontoon::Schema>::TABLES, &INDEX);

fn main() {}
