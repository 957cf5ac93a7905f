//! A text that is compared otherwise: what becomes one by the new collation is named, and no write is taken for none.

use pontoon::Dialect;
use pontoon::def::TableDef;
use pontoon::exec::Options;

use crate::support::{between, number, on_both_servers, run};

macro_rules! users {
    ($($fields:tt)*) => {{
        #[derive(pontoon::Table)]
        #[table(name = "users")]
        #[allow(dead_code)]
        struct User {
            #[column(primary_key)]
            id: i64,
            $($fields)*
        }
        vec![<User as pontoon::Table>::DEF]
    }};
}

fn exact() -> Vec<TableDef> {
    users! {
        #[column(length = 40, unique, collation(postgres = "C", mysql = "utf8mb4_bin"))]
        email: String,
    }
}

const MAKE: &str = "CREATE COLLATION ci (provider = icu, locale = 'und-u-ks-level2', deterministic = false)";

/// How many rows have the value, letter by letter.
fn like(dialect: Dialect, column: &str, value: &str) -> String {
    match dialect {
        Dialect::Postgres => format!("SELECT count(*) FROM users WHERE {column} COLLATE \"C\" = '{value}'"),
        Dialect::MySql => format!("SELECT COUNT(*) FROM users WHERE CAST({column} AS BINARY) = '{value}'"),
    }
}

async fn what_becomes_one_is_named(dialect: Dialect) {
    let after = users! {
        #[column(length = 40, unique, collation(postgres = "ci", mysql = "utf8mb4_0900_ai_ci"))]
        email: String,
    };
    let (db, migrations) = between(dialect, exact(), after).await;
    let mut conn = db.connect().await;
    if dialect == Dialect::Postgres {
        run(&mut conn, MAKE).await;
    }
    run(&mut conn, "INSERT INTO users VALUES (1, 'Bob'), (2, 'BOB'), (3, 'eve'), (4, 'ann')").await;
    let runner = db.runner_with(migrations, Options::default());
    runner.expand().await.unwrap();
    // an empty text, which is no marker; and a change of the letters' case alone, before and after the row is filled
    run(&mut conn, "INSERT INTO users (id, email) VALUES (5, '')").await;
    run(&mut conn, "UPDATE users SET email = 'ANN' WHERE id = 4").await;
    runner.backfill().await.unwrap();
    run(&mut conn, "UPDATE users SET email = 'Eve' WHERE id = 3").await;
    let error = runner.validate().await.unwrap_err().to_string();
    let named = ["Bob (2 rows)\n", "BOB (2 rows)\n"].iter().any(|it| error.contains(it));
    assert!(error.contains("cannot be: rows of `users` have the same (pontoon_email_new)") && named, "{error}");
    run(&mut conn, "UPDATE users SET email = 'Bill' WHERE id = 2").await;
    runner.validate().await.unwrap();
    for value in ["Bob", "Bill", "Eve", "ANN", ""] {
        assert_eq!(number(&mut conn, &like(dialect, "email", value)).await, 1, "{value}");
    }
    assert!(conn.execute("INSERT INTO users (id, email) VALUES (6, 'bob')").await.is_err());
    run(&mut conn, "UPDATE users SET email = 'eVe' WHERE id = 3").await;
    run(&mut conn, "INSERT INTO users (id, email) VALUES (7, 'new')").await;
    assert_eq!(number(&mut conn, &like(dialect, "pontoon_email_old", "eVe")).await, 1);
    runner.undo().await.unwrap();
    for value in ["Bob", "Bill", "eVe", "ANN", "", "new"] {
        assert_eq!(number(&mut conn, &like(dialect, "email", value)).await, 1, "{value}");
    }
    run(&mut conn, "INSERT INTO users (id, email) VALUES (6, 'bob')").await;
    run(&mut conn, "DELETE FROM users WHERE id = 6").await;
    runner.up().await.unwrap();
    assert!(conn.execute("INSERT INTO users (id, email) VALUES (6, 'bob')").await.is_err());
    let collation = db.pick(
        "SELECT count(*) FROM pg_attribute a JOIN pg_collation l ON l.oid = a.attcollation WHERE attname = 'email' AND collname = 'ci'",
        "SELECT COUNT(*) FROM information_schema.COLUMNS WHERE TABLE_SCHEMA = DATABASE() AND COLUMN_NAME = 'email' \
         AND COLLATION_NAME = 'utf8mb4_0900_ai_ci'",
    );
    assert_eq!(number(&mut conn, collation).await, 1);
    db.end().await;
}

/// A column that follows another, or takes its name, where both collations take two texts for one.
async fn a_change_of_case_is_a_write(dialect: Dialect) {
    let before = users! {
        #[column(length = 40, collation(postgres = "C", mysql = "utf8mb4_0900_ai_ci"))]
        name: String,
        #[column(length = 40, collation(postgres = "C", mysql = "utf8mb4_0900_ai_ci"))]
        nick: Option<String>,
    };
    let after = users! {
        #[column(length = 40, collation(postgres = "ci", mysql = "utf8mb4_0900_as_ci"), renamed_from = "name")]
        title: String,
        #[column(length = 40, collation(postgres = "C", mysql = "utf8mb4_0900_ai_ci"))]
        nick: Option<String>,
        #[column(length = 40, collation(postgres = "ci", mysql = "utf8mb4_0900_as_ci"), backfill = "nick")]
        call: Option<String>,
    };
    let (db, migrations) = between(dialect, before, after).await;
    let mut conn = db.connect().await;
    if dialect == Dialect::Postgres {
        run(&mut conn, MAKE).await;
    }
    run(&mut conn, "INSERT INTO users VALUES (1, 'a', 'a'), (2, 'b', ''), (3, 'c', NULL)").await;
    let runner = db.runner_with(migrations, Options::default());
    runner.expand().await.unwrap();
    runner.backfill().await.unwrap();
    run(&mut conn, "UPDATE users SET name = 'A', nick = 'A' WHERE id = 1").await;
    run(
        &mut conn,
        db.pick(
            "UPDATE users SET title = 'B', \"call\" = NULL WHERE id = 2",
            "UPDATE users SET title = 'B', `call` = NULL WHERE id = 2",
        ),
    )
    .await;
    run(&mut conn, "INSERT INTO users (id, name, nick) VALUES (4, '', '')").await;
    for (column, value) in [
        ("title", "A"),
        (db.pick("\"call\"", "`call`"), "A"),
        ("name", "B"),
        ("title", ""),
        (db.pick("\"call\"", "`call`"), ""),
    ] {
        assert_eq!(number(&mut conn, &like(dialect, column, value)).await, 1, "{column} {value}");
    }
    runner.validate().await.unwrap();
    runner.contract().await.unwrap();
    db.end().await;
}

on_both_servers!(what_becomes_one_is_named, a_change_of_case_is_a_write);
