use pontoon::Table;

#[derive(Table)]
struct User {
    #[column]
    id: i64,
    #[column(identity)]
    number: i64,
    #[column(length = 0)]
    a: String,
    #[column(length = "64")]
    b: String,
    #[column(length = 99999999999)]
    c: String,
    #[column(precision = 2, scale = 4)]
    d: i64,
    #[column(precision = 2)]
    e: i64,
    #[column(default)]
    f: i64,
    #[column(default = "")]
    g: i64,
    #[column(default(sqlite = "1"))]
    h: i64,
    #[column("i")]
    i: i64,
    #[column(renamed_from = "j")]
    j: i64,
    #[column(primary_key)]
    k: Option<i64>,
    #[table(name = "x")]
    l: i64,
    #[column(name = "a")]
    m: i64,
    #[column(sql_type(postgres = "varchar", mysql = "varchar"), length = 3)]
    n: String,
    #[column(sql_type(mysql = "text"), collation = "C")]
    o: String,
    #[column(unique = )]
    p: i64,
}

fn main() {}
