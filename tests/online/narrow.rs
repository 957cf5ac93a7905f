//! Values that a narrower type does not hold: named before anything is done, let by until validate, and refused from there on.

use std::sync::{Arc, Mutex};

use pontoon::Dialect;
use pontoon::def::TableDef;
use pontoon::exec::{Event, Observer, Options};
use pontoon_xtask::verify::conn::Conn;
use rust_decimal::Decimal;

use crate::support::{between, number, on_both_servers, run, things};

fn wide() -> Vec<TableDef> {
    vec![things! { a: i64, #[column(length = 300)] t: Option<String> }]
}

fn narrow() -> Vec<TableDef> {
    vec![things! { a: i32, #[column(length = 20)] t: Option<String> }]
}

const TOO_LONG: &str = "123456789012345678901";

async fn refused(conn: &mut Conn, sql: &str) -> String {
    match conn.execute(sql).await {
        Ok(_) => panic!("must be refused: {sql}"),
        Err(error) => error.to_string(),
    }
}

/// Old code, which writes what does not fit as soon as that must be refused.
struct OldCode {
    url: String,
    begun: Mutex<String>,
    heard: Mutex<Vec<String>>,
}

impl Observer for OldCode {
    fn event(&self, event: &Event) {
        match event {
            Event::Statement { sql } => sql.clone_into(&mut self.begun.lock().unwrap()),
            Event::Done { .. } => {
                let begun = self.begun.lock().unwrap().clone();
                let bound = begun.contains("ADD CONSTRAINT \"pontoon_things_t_fits\"")
                    || begun.contains("CREATE TRIGGER `pontoon_things_t_fits_ins`");
                if bound && !begun.contains("RENAME") {
                    let write = async {
                        let mut conn = Conn::open(&self.url).await.unwrap();
                        for sql in [
                            format!("INSERT INTO things (id, a, t) VALUES (99, 1, '{TOO_LONG}')"),
                            format!("UPDATE things SET t = '{TOO_LONG}' WHERE id = 3"),
                        ] {
                            let error = refused(&mut conn, &sql).await;
                            self.heard.lock().unwrap().push(error);
                        }
                        run(&mut conn, "INSERT INTO things (id, a, t) VALUES (100, 1, '12345678901234567890')").await;
                    };
                    crate::support::meanwhile(write);
                }
            }
            _ => {}
        }
    }
}

async fn what_does_not_fit_is_named_and_nothing_is_done(dialect: Dialect) {
    let (db, migrations) = between(dialect, wide(), narrow()).await;
    let mut conn = db.connect().await;
    for id in 1..=9 {
        run(&mut conn, &format!("INSERT INTO things (id, a, t) VALUES ({id}, {}, NULL)", 3_000_000_000_i64 + id)).await;
    }
    run(&mut conn, "INSERT INTO things (id, a, t) VALUES (10, 2147483647, 'fits'), (11, -2147483647, NULL)").await;
    let runner = db.runner_with(migrations, Options::default());
    let error = runner.expand().await.unwrap_err().to_string();
    let ty = db.pick("`integer`. By", "`int` (nor does -2147483648, which marks rows without a value meanwhile). By");
    let named = "(id, a): 1, 3000000001; 2, 3000000002; 3, 3000000003; 4, 3000000004; 5, 3000000005; and 4 more\n";
    assert!(error.contains(&format!("`things.a` has values that do not fit its new type {ty} {named}")), "{error}");
    let columns = db.pick(
        "SELECT count(*) FROM information_schema.columns WHERE table_name = 'things' AND table_schema = 'public'",
        "SELECT COUNT(*) FROM information_schema.COLUMNS WHERE TABLE_NAME = 'things' AND TABLE_SCHEMA = DATABASE()",
    );
    assert_eq!(number(&mut conn, columns).await, 3, "nothing was done");
    run(&mut conn, "UPDATE things SET a = id WHERE a > 2147483647").await;
    // blanks alone are too long too
    run(&mut conn, "UPDATE things SET t = 'blank                    ' WHERE id = 3").await;
    let error = runner.expand().await.unwrap_err().to_string();
    assert!(error.contains("`things.t` has values that do not fit") && error.contains("(id, t): 3, blank"), "{error}");
    run(&mut conn, "UPDATE things SET t = 'blank' WHERE id = 3").await;
    runner.expand().await.unwrap();
    db.end().await;
}

async fn old_code_goes_on_until_validate(dialect: Dialect) {
    let (db, migrations) = between(dialect, wide(), narrow()).await;
    let mut conn = db.connect().await;
    run(&mut conn, "INSERT INTO things (id, a, t) VALUES (1, 1, 'one'), (2, 2, NULL), (3, 3, 'three'), (4, 4, 'four')")
        .await;
    let begun = Mutex::default();
    let old = Arc::new(OldCode { url: db.url.clone(), begun, heard: Mutex::default() });
    let runner = db.runner_with(migrations, Options { observer: old.clone(), ..Options::default() });
    runner.expand().await.unwrap();
    // not filled yet, inserted, and filled later and changed
    run(&mut conn, &format!("UPDATE things SET t = '{TOO_LONG}' WHERE id = 1")).await;
    run(&mut conn, &format!("INSERT INTO things (id, a, t) VALUES (5, 5000000000, '{TOO_LONG}'), (6, 6, NULL)")).await;
    runner.backfill().await.unwrap();
    run(&mut conn, "UPDATE things SET a = -5000000000 WHERE id = 2").await;
    run(&mut conn, "UPDATE things SET a = 5000000000, t = 'x                    ' WHERE id = 4").await;
    run(&mut conn, "UPDATE things SET a = 44 WHERE id = 4").await;
    let error = runner.validate().await.unwrap_err().to_string();
    assert!(error.contains("(id, a): 2, -5000000000; 5, 5000000000\n"), "{error}");
    run(&mut conn, "UPDATE things SET a = id WHERE id IN (2, 5)").await;
    let error = runner.validate().await.unwrap_err().to_string();
    assert!(error.contains(&format!("(id, t): 1, {TOO_LONG}; 4, x                    ; 5, {TOO_LONG}\n")), "{error}");
    assert_eq!(number(&mut conn, "SELECT char_length(t) FROM things WHERE id = 4").await, 21, "nothing is cut");
    run(&mut conn, "UPDATE things SET t = 'short' WHERE id IN (1, 4, 5)").await;
    runner.validate().await.unwrap();
    let heard = old.heard.lock().unwrap().clone();
    let by_name = db.pick("pontoon_things_t_fits", "the value does not fit the new type of things.t");
    assert!(heard.len() == 2 && heard.iter().all(|it| it.contains(by_name)), "{heard:?}");
    let right = "SELECT count(*) FROM things WHERE a IN (id, 44, 1) AND (t IN ('short', 'three', '12345678901234567890') OR t IS NULL AND id IN (2, 6))";
    for undone in [false, true] {
        assert_eq!(number(&mut conn, right).await, 7);
        assert_eq!(number(&mut conn, "SELECT count(*) FROM things").await, 7);
        if !undone {
            // from the swap on the new type alone decides
            refused(&mut conn, "INSERT INTO things (id, a, t) VALUES (7, 5000000000, NULL)").await;
            runner.undo().await.unwrap();
        }
    }
    run(&mut conn, &format!("INSERT INTO things (id, a, t) VALUES (7, 5000000000, '{TOO_LONG}')")).await;
    db.end().await;
}

/// Both columns live until contract, and new code reads the new one from validate on.
async fn a_narrower_column_of_another_name_refuses_by_name(dialect: Dialect) {
    let before = things! {
        #[column(precision = 12, scale = 4)] a: Option<Decimal>,
        #[column(length = 300)] n: String,
    };
    let after = things! {
        #[column(precision = 8, scale = 2, renamed_from = "a")] b: Option<Decimal>,
        #[column(length = 20, renamed_from = "n")] m: String,
    };
    let (db, migrations) = between(dialect, vec![before], vec![after]).await;
    let mut conn = db.connect().await;
    run(&mut conn, "INSERT INTO things VALUES (1, 1.2345, 'n'), (2, 12345678, 'n'), (3, 1.2300, 'n'), (4, NULL, 'n')")
        .await;
    let runner = db.runner_with(migrations, Options::default());
    let error = runner.expand().await.unwrap_err().to_string();
    assert!(error.contains("(id, a): 1, 1.2345; 2, 12345678.0000\n"), "what is rounded does not fit: {error}");
    run(&mut conn, "UPDATE things SET a = 999999.99 WHERE id < 3").await;
    runner.expand().await.unwrap();
    runner.backfill().await.unwrap();
    runner.validate().await.unwrap();
    for (sql, by_name) in [
        ("UPDATE things SET a = 1.001 WHERE id = 4", db.pick("pontoon_things_b_fits", "the new type of things.b")),
        (
            "INSERT INTO things (id, a, n) VALUES (5, 1000000, 'n')",
            db.pick("pontoon_things_b_fits", "type of things.b"),
        ),
        (
            "UPDATE things SET n = '123456789012345678901' WHERE id = 4",
            db.pick("null value in column \"m\"", "type of things.m"),
        ),
    ] {
        let error = refused(&mut conn, sql).await;
        assert!(error.contains(by_name), "{error}");
    }
    run(&mut conn, "INSERT INTO things (id, a, n) VALUES (5, 2.5, 'old')").await;
    run(&mut conn, "INSERT INTO things (id, b, m) VALUES (6, 3.25, 'new'), (7, NULL, 'new')").await;
    assert_eq!(number(&mut conn, "SELECT count(*) FROM things WHERE a = b AND m = n").await, 5);
    runner.contract().await.unwrap();
    run(&mut conn, "INSERT INTO things (id, b, m) VALUES (8, 3.25, 'new')").await;
    assert_eq!(number(&mut conn, "SELECT count(*) FROM things WHERE b IS NULL").await, 2);
    db.end().await;
}

/// So many that nobody wants to count them, far apart.
async fn many_are_counted_up_to_a_bound(dialect: Dialect) {
    let (db, migrations) = between(dialect, wide(), narrow()).await;
    let mut conn = db.connect().await;
    let rows = "INSERT INTO things (id, a, t) SELECT n, 5000000000, NULL FROM";
    if dialect == Dialect::MySql {
        run(&mut conn, "SET SESSION cte_max_recursion_depth = 100000").await;
        run(&mut conn, "INSERT INTO things (id, a, t) WITH RECURSIVE n AS (SELECT 1 AS n UNION ALL SELECT n + 1 FROM n WHERE n < 9000) SELECT n, 5000000000, NULL FROM n").await;
    } else {
        run(&mut conn, &format!("{rows} generate_series(1, 9000) AS n")).await;
    }
    let runner = db.runner_with(migrations, Options::default());
    let error = runner.expand().await.unwrap_err().to_string();
    assert!(error.contains("5, 5000000000; and at least 995 more\n"), "{error}");
    db.end().await;
}

/// The author says how, and the result must fit.
async fn the_result_of_an_expression_is_asked(dialect: Dialect) {
    let after = things! {
        #[column(backfill = "a * 100", reverse = "a / 100")] a: i32,
        #[column(length = 300)] t: Option<String>,
    };
    let (db, migrations) = between(dialect, wide(), vec![after]).await;
    let mut conn = db.connect().await;
    run(&mut conn, "INSERT INTO things (id, a, t) VALUES (1, 21474836, NULL), (2, 21474837, NULL), (3, 3, NULL)").await;
    let runner = db.runner_with(migrations, Options::default());
    let error = runner.expand().await.unwrap_err().to_string();
    assert!(error.contains("(id, a): 2, 21474837\n"), "{error}");
    run(&mut conn, "DELETE FROM things WHERE id = 2").await;
    runner.expand().await.unwrap();
    run(&mut conn, "INSERT INTO things (id, a, t) VALUES (2, 21474837, NULL)").await;
    runner.backfill().await.unwrap();
    assert!(runner.validate().await.unwrap_err().to_string().contains("(id, a): 2, 21474837\n"));
    run(&mut conn, "UPDATE things SET a = 5 WHERE id = 2").await;
    runner.validate().await.unwrap();
    assert_eq!(number(&mut conn, "SELECT sum(a) FROM things").await, 2_147_483_600 + 500 + 300);
    runner.contract().await.unwrap();
    db.end().await;
}

/// A key, whose new type the server itself holds old code to from expand on.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_key_that_does_not_fit_is_named() {
    #[derive(pontoon::Table)]
    #[table(name = "things")]
    #[allow(dead_code)]
    struct Thing {
        #[column(primary_key, backfill = "id", reverse = "id")]
        id: i32,
    }
    let (db, migrations) = between(Dialect::Postgres, vec![things! {}], vec![<Thing as pontoon::Table>::DEF]).await;
    let mut conn = db.connect().await;
    run(&mut conn, "INSERT INTO things VALUES (1), (3000000000)").await;
    let runner = db.runner_with(migrations, Options::default());
    let error = runner.expand().await.unwrap_err().to_string();
    assert!(error.contains("`things.id` has values that do not fit its new type `integer`"), "{error}");
    assert!(error.contains("By (id): 3000000000\n"), "{error}");
    run(&mut conn, "DELETE FROM things WHERE id > 1").await;
    runner.expand().await.unwrap();
    refused(&mut conn, "INSERT INTO things VALUES (3000000000)").await;
    runner.backfill().await.unwrap();
    runner.validate().await.unwrap();
    runner.contract().await.unwrap();
    db.end().await;
}

on_both_servers!(
    what_does_not_fit_is_named_and_nothing_is_done,
    old_code_goes_on_until_validate,
    a_narrower_column_of_another_name_refuses_by_name,
    many_are_counted_up_to_a_bound,
    the_result_of_an_expression_is_asked,
);
