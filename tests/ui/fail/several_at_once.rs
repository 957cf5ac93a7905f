use pontoon::Table;

#[derive(Table)]
#[table(nmae = "users", index("id", "emial"))]
struct User {
    #[column(primary_key, identity, default = "1")]
    id: i64,
    #[column(lenght = 320, unique, unique)]
    email: String,
    #[column(primary_key = true)]
    name: String,
}

fn uses_it() -> &'static str {
    User::DEF.name
}

fn main() {
    uses_it();
}
