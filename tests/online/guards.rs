//! Checks that triggers hold on MySQL: who is refused when, and by which error. PostgreSQL, which needs no triggers for
//! it, goes the same ways.

use pontoon::def::TableDef;
use pontoon::diff::settled;
use pontoon::exec::{Options, Runner};
use pontoon::migration::history::Recorded;
use pontoon::plan::plan;
use pontoon::schema::{Intents, Schema, from_defs};
use pontoon::{Dialect, Table};
use pontoon_xtask::verify::conn::{Conn, message_of};

use crate::support::{Fresh, number, on_both_servers, run};

macro_rules! table {
    ($($attr:literal,)? { $($fields:tt)* }) => { table!(() { $($fields)* }) };
    (($($attr:tt)*) { $($fields:tt)* }) => {{
        #[derive(Table)]
        #[table(name = "users", $($attr)*)]
        #[allow(dead_code)]
        struct User { $($fields)* }
        User::DEF
    }};
}

fn plain() -> TableDef {
    table!(() {
        #[column(primary_key)]
        id: i64,
        #[column(length = 20)]
        nick: Option<String>,
    })
}

fn checked() -> TableDef {
    table!((check(name = "nick_is_said", sql = "nick <> ''")) {
        #[column(primary_key)]
        id: i64,
        #[column(length = 20)]
        nick: Option<String>,
    })
}

/// A migration for each of the schemas, which leads there from the one before it.
fn history(dialect: Dialect, schemas: &[TableDef]) -> Vec<Recorded> {
    let mut from = Schema::default();
    let mut history = Vec::new();
    for (number, def) in schemas.iter().enumerate() {
        let (to, intents): (Schema, Intents) = from_defs(&[def]).unwrap_or_else(|errors| panic!("{errors}"));
        let to = settled(&from, &to, &intents);
        let id = format!("{number:04}_to");
        let plan = plan(&id, &from, &to, &intents, dialect).unwrap_or_else(|errors| panic!("{errors}"));
        let text = pontoon::migration::file::render(&plan.migration);
        let migration = pontoon::migration::file::parse(&id, dialect, &id, &text).unwrap_or_else(|it| panic!("{it}"));
        history.push(Recorded { migration, sha256: pontoon::migration::file::sha256(&text) });
        from = to;
    }
    history
}

/// A database at the last but one of the schemas, and a runner to the last.
async fn before(dialect: Dialect, schemas: &[TableDef]) -> (Fresh, Runner, Conn) {
    let db = Fresh::new(dialect).await;
    let history = history(dialect, schemas);
    db.runner_with(history[..history.len() - 1].to_vec(), Options::default()).up().await.unwrap();
    let runner = db.runner_with(history, Options::default());
    let conn = db.connect().await;
    (db, runner, conn)
}

async fn to_validate(runner: &Runner) -> Result<(), String> {
    runner.expand().await.map_err(|it| it.to_string())?;
    runner.backfill().await.map_err(|it| it.to_string())?;
    runner.validate().await.map(drop).map_err(|it| it.to_string())
}

/// Ways to write a row whose `nick` is `value`, of which none leaves a row behind where it is refused. Row 1 is there.
fn writes(dialect: Dialect, value: &str) -> Vec<String> {
    let mut writes = vec![
        format!("INSERT INTO users (id, nick) VALUES (50, {value})"),
        format!("INSERT INTO users (id, nick) VALUES (51, 'a'), (52, {value}), (53, 'b')"),
        format!("INSERT INTO users (id, nick) SELECT id + 60, {value} FROM users WHERE id = 1"),
        format!("UPDATE users SET nick = {value} WHERE id = 1"),
    ];
    writes.extend(match dialect {
        Dialect::Postgres => {
            vec![format!("INSERT INTO users (id, nick) VALUES (1, 'a') ON CONFLICT (id) DO UPDATE SET nick = {value}")]
        }
        Dialect::MySql => vec![
            format!("INSERT INTO users (id, nick) VALUES (1, 'a') ON DUPLICATE KEY UPDATE nick = {value}"),
            format!("REPLACE INTO users (id, nick) VALUES (1, {value})"),
            format!("INSERT IGNORE INTO users (id, nick) VALUES (54, 'a'), (55, {value})"),
            format!("UPDATE IGNORE users SET nick = {value} WHERE id = 1"),
            format!("UPDATE users, (SELECT 1 AS one) AS other SET nick = {value} WHERE id = other.one"),
        ],
    });
    writes
}

/// All of these are refused, each with the server's error for a check, and none of their rows is there.
async fn refused(conn: &mut Conn, value: &str) {
    let (dialect, rows) = (conn.dialect(), "SELECT count(*) FROM users");
    let before = number(conn, rows).await;
    for sql in writes(dialect, value) {
        let error = conn.execute(sql.as_str()).await.expect_err(&sql);
        let code = error.as_database_error().and_then(|it| it.code()).unwrap_or_default().into_owned();
        let said = message_of(&error);
        match dialect {
            Dialect::Postgres => assert_eq!(code, "23514", "{sql}: {said}"),
            Dialect::MySql => {
                assert_eq!(code, "HY000", "{sql}: {said}");
                assert!(said.contains("Check constraint 'nick_is_said' is violated."), "{sql}: {said}");
                let sqlx::Error::Database(error) = &error else { panic!("{sql}") };
                let number = error.downcast_ref::<sqlx::mysql::MySqlDatabaseError>().number();
                assert_eq!(number, 3819, "{sql}: {said}");
            }
        }
        assert_eq!(number(conn, rows).await, before, "{sql} left rows behind");
    }
}

/// All of these pass; what they wrote is taken back.
async fn taken(conn: &mut Conn, value: &str) {
    for sql in writes(conn.dialect(), value) {
        run(conn, "BEGIN").await;
        run(conn, &sql).await;
        run(conn, "ROLLBACK").await;
    }
}

async fn both_codes_are_bound_from_validate_on(dialect: Dialect) {
    let (db, runner, mut conn) = before(dialect, &[plain(), checked()]).await;
    run(&mut conn, "INSERT INTO users VALUES (1, 'ann'), (2, NULL)").await;
    for back in [true, false] {
        taken(&mut conn, "''").await;
        runner.expand().await.unwrap();
        taken(&mut conn, "''").await;
        runner.backfill().await.unwrap();
        taken(&mut conn, "''").await;
        runner.validate().await.unwrap();
        refused(&mut conn, "''").await;
        taken(&mut conn, "'bob'").await;
        taken(&mut conn, "NULL").await;
        if back {
            runner.undo().await.unwrap();
        }
    }
    runner.contract().await.unwrap();
    refused(&mut conn, "''").await;
    taken(&mut conn, "NULL").await;
    db.end().await;
}

/// New writes are bound while rows of before are mended.
async fn rows_of_before_are_named(dialect: Dialect) {
    let (db, runner, mut conn) = before(dialect, &[plain(), checked()]).await;
    run(&mut conn, "INSERT INTO users VALUES (1, 'ann'), (7, ''), (8, NULL), (9, '')").await;
    let error = to_validate(&runner).await.unwrap_err();
    if dialect == Dialect::MySql {
        assert!(
            error.contains("check `nick_is_said` does not hold for rows of `users`; their (id, nick): 7, ; 9, \n"),
            "{error}"
        );
    }
    refused(&mut conn, "''").await;
    // as with PostgreSQL's NOT VALID, a row that breaks it is not written until it is mended
    assert!(conn.execute("UPDATE users SET id = 70 WHERE id = 7").await.is_err());
    run(&mut conn, "UPDATE users SET nick = 'x' WHERE nick = ''").await;
    runner.validate().await.unwrap();
    runner.contract().await.unwrap();
    db.end().await;
}

/// The way back binds again, and then asks for the rows that were written meanwhile, as often as it takes.
async fn a_check_that_goes_comes_back_with_its_proof(dialect: Dialect) {
    let (db, runner, mut conn) = before(dialect, &[plain(), checked(), plain()]).await;
    run(&mut conn, "INSERT INTO users VALUES (1, 'ann')").await;
    refused(&mut conn, "''").await;
    runner.expand().await.unwrap();
    taken(&mut conn, "''").await;
    run(&mut conn, "INSERT INTO users VALUES (2, '')").await;
    to_validate(&runner).await.unwrap();
    for _ in 0..2 {
        let error = runner.undo().await.unwrap_err().to_string();
        match dialect {
            Dialect::Postgres => assert!(error.contains("nick_is_said"), "{error}"),
            Dialect::MySql => {
                assert!(
                    error.contains("check `nick_is_said` does not hold for rows of `users`; their (id, nick): 2, \n"),
                    "{error}"
                );
            }
        }
        refused(&mut conn, "''").await;
    }
    run(&mut conn, "DELETE FROM users WHERE id = 2").await;
    runner.undo().await.unwrap();
    refused(&mut conn, "''").await;
    to_validate(&runner).await.unwrap();
    runner.contract().await.unwrap();
    taken(&mut conn, "''").await;
    let left = db.pick(
        "SELECT count(*) FROM pg_trigger WHERE NOT tgisinternal",
        "SELECT COUNT(*) FROM information_schema.TRIGGERS WHERE TRIGGER_SCHEMA = DATABASE()",
    );
    assert_eq!(number(&mut conn, left).await, 0);
    db.end().await;
}

async fn another_condition_takes_the_names_of_the_one_before(dialect: Dialect) {
    let other = table!((check(name = "nick_is_said", sql = "nick <> 'none'")) {
        #[column(primary_key)]
        id: i64,
        #[column(length = 20)]
        nick: Option<String>,
    });
    let (db, runner, mut conn) = before(dialect, &[plain(), checked(), other]).await;
    run(&mut conn, "INSERT INTO users VALUES (1, 'ann')").await;
    for back in [true, false] {
        refused(&mut conn, "''").await;
        taken(&mut conn, "'none'").await;
        to_validate(&runner).await.unwrap();
        refused(&mut conn, "'none'").await;
        taken(&mut conn, "''").await;
        if back {
            runner.undo().await.unwrap();
        }
    }
    runner.contract().await.unwrap();
    refused(&mut conn, "'none'").await;
    db.end().await;
}

/// A trigger of a later migration writes the column of a check that is there: the check judges what it wrote.
async fn a_check_judges_what_younger_triggers_write(dialect: Dialect) {
    let before_it = |nick: TableDef| nick;
    let after = table!((check(name = "nick_is_said", sql = "nick <> ''")) {
        #[column(primary_key)]
        id: i64,
        #[column(length = 20, backfill = "''")]
        nick: String,
    });
    let (db, runner, mut conn) = before(dialect, &[plain(), before_it(checked()), after]).await;
    run(&mut conn, "INSERT INTO users VALUES (1, 'ann')").await;
    runner.expand().await.unwrap();
    // old code's NULL becomes an empty text
    refused(&mut conn, "NULL").await;
    taken(&mut conn, "'bob'").await;
    runner.backfill().await.unwrap();
    runner.validate().await.unwrap();
    runner.undo().await.unwrap();
    taken(&mut conn, "NULL").await;
    db.end().await;
}

/// What a server compares as times it does not compare letter by letter, nor as numbers what are days.
async fn values_are_judged_as_the_server_does(dialect: Dialect) {
    macro_rules! hours {
        ($($attr:tt)*) => {
            table!(($($attr)*) {
                #[column(primary_key)]
                id: i64,
                at: Option<chrono::NaiveTime>,
                day: Option<chrono::NaiveDate>,
                due: Option<chrono::NaiveDateTime>,
                #[column(precision = 10, scale = 2)]
                price: Option<rust_decimal::Decimal>,
            })
        };
    }
    const SQL: &str = "at < '12:00:00' AND at <> '10:00:00' AND day >= '2020-01-01' AND due > '2020-01-01' AND price BETWEEN 0.01 AND 9.9";
    let after = hours!(check(
        name = "values_are_so",
        sql = "at < '12:00:00' AND at <> '10:00:00' AND day >= '2020-01-01' AND due > '2020-01-01' AND price BETWEEN 0.01 AND 9.9"
    ));
    let (db, runner, mut conn) = before(dialect, &[hours!(), after]).await;
    to_validate(&runner).await.unwrap();
    // the same check, enforced
    run(&mut conn, "CREATE TABLE twins AS SELECT * FROM users").await;
    run(&mut conn, &format!("ALTER TABLE twins ADD CONSTRAINT twins_check CHECK ({SQL})")).await;
    let columns: [(&str, &[&str]); 4] = [
        ("at", &["'9:00:00'", "'11:59:59'", "'12:00:00'", "'12:30'", "'10:00'", "NULL"]),
        ("day", &["'2020-01-01'", "'2019-12-31'", "'2020-9-1'", "NULL"]),
        ("due", &["'2020-01-01 00:00:00'", "'2020-01-01 00:00:01'", "'2019-12-31 23:59:59'"]),
        ("price", &["0.01", "0.009", "0.00", "9.90", "9.91", "10"]),
    ];
    let mut id = 0;
    let mut refused = 0;
    for (column, values) in columns {
        for value in values {
            id += 1;
            let mut went = Vec::new();
            for table in ["users", "twins"] {
                let sql = format!("INSERT INTO {table} (id, {column}) VALUES ({id}, {value})");
                went.push(conn.execute(sql).await.is_ok());
            }
            assert_eq!(went[0], went[1], "{column} {value}");
            refused += i32::from(!went[0]);
        }
    }
    assert_eq!(refused, 9);
    db.end().await;
}

on_both_servers!(
    both_codes_are_bound_from_validate_on,
    rows_of_before_are_named,
    a_check_that_goes_comes_back_with_its_proof,
    another_condition_takes_the_names_of_the_one_before,
    a_check_judges_what_younger_triggers_write,
    values_are_judged_as_the_server_does,
);

/// MySQL: without a key the rows are asked in one query, there and back.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_table_without_a_key_is_looked_at_too() {
    let plain = table!(() {
        #[column(length = 20)]
        nick: Option<String>,
    });
    let checked = table!((check(name = "nick_is_said", sql = "nick <> ''")) {
        #[column(length = 20)]
        nick: Option<String>,
    });
    let (db, runner, mut conn) = before(Dialect::MySql, &[plain, checked]).await;
    run(&mut conn, "INSERT INTO users VALUES ('')").await;
    let error = to_validate(&runner).await.unwrap_err();
    assert!(error.contains("check `nick_is_said` does not hold for rows of `users`; their (nick): \n"), "{error}");
    run(&mut conn, "DELETE FROM users").await;
    runner.validate().await.unwrap();
    runner.contract().await.unwrap();
    let runner = db.runner_with(history(Dialect::MySql, &[plain, checked, plain]), Options::default());
    to_validate(&runner).await.unwrap();
    run(&mut conn, "INSERT INTO users VALUES ('')").await;
    let error = runner.undo().await.unwrap_err().to_string();
    assert!(error.contains("check `nick_is_said` does not hold for rows of `users`"), "{error}");
    run(&mut conn, "DELETE FROM users").await;
    runner.undo().await.unwrap();
    assert!(conn.execute("INSERT INTO users VALUES ('')").await.is_err());
    db.end().await;
}

/// MySQL: whoever takes the triggers away by hand is found out.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_baseline_misses_the_triggers() {
    let (db, runner, mut conn) = before(Dialect::MySql, &[plain(), checked()]).await;
    runner.up().await.unwrap();
    for table in ["pontoon_ledger", "pontoon_marker", "pontoon_backfill", "pontoon_range", "pontoon_control"] {
        run(&mut conn, &format!("DROP TABLE IF EXISTS {table}")).await;
    }
    run(&mut conn, "DROP TRIGGER pontoon_nick_is_said_ins_guard").await;
    let error = runner.baseline("0001_to").await.unwrap_err().to_string();
    assert!(error.contains("\n  trigger users.pontoon_nick_is_said_ins_guard"), "{error}");
    assert!(!error.contains("upd_guard"), "{error}");
    db.end().await;
}
