//! Every attribute once, and what it says.

mod elsewhere {
    pub use ::pontoon as renamed;
}

use elsewhere::renamed::Table;
use elsewhere::renamed::def::{PerServer, ReferentialAction};

#[derive(Table)]
#[table(name = "Käufe", crate = crate::elsewhere::renamed)]
#[table(index("a", "b", unique, name = "by_both"), index("b"))]
#[table(check(name = "positive", sql = "a > 0"), check = "b > 0", check(postgres = "a < 9"))]
#[table(dropped("old", "older"), dropped("split", reverse = "a"))]
#[table(dropped("merged", reverse(postgres = "b::text", mysql = "b")), dropped("oldest", one_way))]
struct Purchase {
    #[column(primary_key, identity)]
    id: i64,
    #[column(name = "a", default = "1", check = "a < 100", renamed_from = "alpha")]
    first: i32,
    #[column(backfill(postgres = "1::int", mysql = "1"), default(mysql = "2"))]
    b: i32,
    #[column(precision = 12, scale = 2, sql_type(postgres = "money"))]
    price: i64,
    #[column(references(table = "users", on_delete = "set null", on_update = "cascade"))]
    user_id: Option<i64>,
    #[column(length = 3, unique, collation(mysql = "utf8mb4_bin"))]
    code: String,
    #[column(length = 3, moved_from(table = "users", column = "notes"))]
    note: Option<String>,
}

fn main() {
    let table = &Purchase::DEF;
    assert_eq!((table.name, table.struct_name), ("Käufe", "Purchase"));
    let dropped: Vec<_> = table.dropped.iter().map(|it| (it.column, it.reverse, it.one_way)).collect();
    let way_back = PerServer { postgres: Some("b::text"), mysql: Some("b") };
    assert_eq!(
        dropped,
        [
            ("old", PerServer::NONE, false),
            ("older", PerServer::NONE, false),
            ("split", PerServer::both("a"), false),
            ("merged", way_back, false),
            ("oldest", PerServer::NONE, true),
        ]
    );
    assert_eq!(table.indexes.len(), 2);
    assert_eq!(table.indexes[0].columns, ["a", "b"]);
    assert!(table.indexes[0].unique && table.indexes[0].name == Some("by_both"));
    assert_eq!(table.checks[0].name, Some("positive"));
    assert_eq!(table.checks[1].sql, PerServer::both("b > 0"));
    assert_eq!(table.checks[2].sql, PerServer { postgres: Some("a < 9"), mysql: None });
    let [id, first, b, price, user_id, code, note] = table.columns else { panic!("seven columns") };
    assert_eq!(note.moved_from.map(|it| (it.table, it.column)), Some(("users", "notes")));
    assert!(id.primary_key && id.identity && !id.unique);
    assert_eq!((first.name, first.field, first.renamed_from), ("a", "first", Some("alpha")));
    assert_eq!((first.default, first.check), (PerServer::both("1"), PerServer::both("a < 100")));
    assert_eq!(b.backfill, PerServer { postgres: Some("1::int"), mysql: Some("1") });
    assert_eq!(b.default, PerServer { postgres: None, mysql: Some("2") });
    assert_eq!((price.precision, price.scale), (Some(12), Some(2)));
    assert_eq!(price.sql_type, PerServer { postgres: Some("money"), mysql: None });
    let reference = user_id.references.expect("a reference");
    assert_eq!((reference.table, reference.column), ("users", "id"));
    assert_eq!((reference.on_delete, reference.on_update), (ReferentialAction::SetNull, ReferentialAction::Cascade));
    assert!(user_id.nullable && code.unique);
    assert_eq!(code.length, Some(3));
    assert_eq!(code.collation, PerServer { postgres: None, mysql: Some("utf8mb4_bin") });
}
