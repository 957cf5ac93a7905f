//! An application whose structs are those of its migrations builds.

use pontoon::Table;

#[derive(Table)]
#[table(name = "users")]
pub struct User {
    #[column(primary_key)]
    id: i64,
}

pontoon::schema! { App { User } }

const INDEX: pontoon::migration::Embedded = pontoon::migration::Embedded {
    migrations: &[],
    tables: &[("users", pontoon::fingerprint::of_table(&User::DEF))],
    columns: &[("users", "id", pontoon::fingerprint::of_column(&User::DEF.columns[0]))],
};

const _: () = pontoon::drift::assert_none(<App as pontoon::Schema>::TABLES, &INDEX);

fn main() {}
