use pontoon::Table;

#[derive(Table)]
#[table(name = "users")]
pub struct User {
    #[column(primary_key)]
    id: i64,
    email: String,
}

pontoon::schema! { App { User, User } }

const ID: u64 = pontoon::fingerprint::of_column(&User::DEF.columns[0]);
const EMAIL: u64 = pontoon::fingerprint::of_column(&User::DEF.columns[1]);
const USERS: u64 = pontoon::fingerprint::of_table(&User::DEF);

const INDEX: pontoon::migration::Embedded = pontoon::migration::Embedded {
    migrations: &[],
    tables: &[("orders", 1), ("users", USERS)],
    columns: &[("users", "email", EMAIL), ("users", "id", ID)],
};

const _: () = pontoon::drift::assert_none(<App as pontoon::Schema>::TABLES, &INDEX);

fn main() {}
