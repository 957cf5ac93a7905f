//! The sample's history in production: stage by stage, while old and new code write.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicI64, Ordering};
use std::time::Duration;

use pontoon::Dialect;
use pontoon::exec::{Options, Outcome};
use pontoon::migration::history::Recorded;
use pontoon::migration::{Stage, file};
use pontoon::schema::Schema;
use pontoon_xtask::verify::conn::Conn;

use crate::support::{Fresh, number, on_both_servers, run};

on_both_servers!(
    a_new_database_gets_everything,
    old_and_new_code_write_all_the_while,
    undo_at_every_stage_keeps_what_was_written,
    a_null_that_is_meant_stays_null,
    each_command_can_be_given_twice,
    rows_that_move_while_they_are_filled,
    a_generated_column_stands_before_what_it_is_made_from,
);

/// Users as old code writes them, before `display_name` was there.
async fn insert_users(conn: &mut Conn, dialect: Dialect, count: u32) {
    let numbers = match dialect {
        Dialect::Postgres => format!("generate_series(1, {count}) AS n"),
        Dialect::MySql => format!(
            "(WITH RECURSIVE s(n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM s WHERE n < {count}) SELECT n FROM s) AS numbers"
        ),
    };
    if dialect == Dialect::MySql {
        run(conn, "SET SESSION cte_max_recursion_depth = 10000000").await;
    }
    run(
        conn,
        &format!(
            "INSERT INTO users (email, newsletter) SELECT concat('user', n, '@old.example'), false FROM {numbers}"
        ),
    )
    .await;
}

/// Rows whose display name is not what it must be. Rows of new code chose `N` and their number.
fn wrong_names(dialect: Dialect) -> &'static str {
    match dialect {
        Dialect::Postgres => {
            "SELECT count(*) FROM users WHERE display_name IS DISTINCT FROM \
             CASE WHEN full_name LIKE 'N%' THEN full_name ELSE split_part(email, '@', 1) END"
        }
        Dialect::MySql => {
            "SELECT count(*) FROM users WHERE NOT (display_name <=> \
             CASE WHEN full_name LIKE 'N%' THEN full_name ELSE substring_index(email, '@', 1) END)"
        }
    }
}

async fn a_new_database_gets_everything(dialect: Dialect) {
    let db = Fresh::new(dialect).await;
    let runner = db.runner(6);
    let outcomes = runner.up().await.unwrap();
    assert_eq!(outcomes.len(), 24);
    assert_eq!(runner.status().await.unwrap().next(), None);
    assert_eq!(runner.up().await.unwrap(), []);
    let mut conn = db.connect().await;
    run(&mut conn, "INSERT INTO users (email, display_name, newsletter) VALUES ('a@b', 'a', true)").await;
    // no trigger of ours is left
    let triggers = db.pick(
        "SELECT count(*) FROM pg_trigger WHERE tgname LIKE 'pontoon%'",
        "SELECT count(*) FROM information_schema.TRIGGERS WHERE TRIGGER_SCHEMA = DATABASE()",
    );
    assert_eq!(number(&mut conn, triggers).await, 0);
    db.end().await;
}

/// Old code: it does not know the column. Inserts, changes the address of others, deletes.
async fn old_code(url: String, stop: Arc<AtomicBool>, written: Arc<AtomicI64>) {
    let mut conn = Conn::open(&url).await.unwrap();
    let mut n = 0;
    while !stop.load(Ordering::Relaxed) {
        n += 1;
        run(&mut conn, &format!("INSERT INTO users (email, newsletter) VALUES ('live{n}@old.example', true)")).await;
        run(&mut conn, &format!("UPDATE users SET email = 'moved{n}@old.example' WHERE email = 'user{n}@old.example'"))
            .await;
        run(&mut conn, &format!("UPDATE users SET newsletter = true WHERE email = 'user{}@old.example'", 3_000 - n))
            .await;
        if n % 7 == 0 {
            run(&mut conn, &format!("DELETE FROM users WHERE email = 'live{}@old.example'", n - 3)).await;
            written.fetch_sub(1, Ordering::Relaxed);
        }
        written.fetch_add(1, Ordering::Relaxed);
        tokio::time::sleep(Duration::from_millis(1)).await;
    }
    conn.close().await.ok();
}

async fn old_and_new_code_write_all_the_while(dialect: Dialect) {
    let db = Fresh::new(dialect).await;
    db.runner(1).up().await.unwrap();
    let mut conn = db.connect().await;
    insert_users(&mut conn, dialect, 3_000).await;

    let (stop, written) = (Arc::new(AtomicBool::new(false)), Arc::new(AtomicI64::new(3_000)));
    let old = tokio::spawn(old_code(db.url.clone(), stop.clone(), written.clone()));
    let runner = db.runner(2);
    for outcome in [runner.expand().await, runner.backfill().await, runner.validate().await] {
        assert!(matches!(outcome.unwrap(), Outcome::Did { migration, .. } if migration == "0002_display_name"));
    }
    // the new code is deployed beside the old: it chooses names of its own, empty ones too
    for n in 1..=50 {
        run(&mut conn, &format!("INSERT INTO users (email, full_name, display_name, newsletter) VALUES ('new{n}@new', 'N{n}', 'N{n}', false)")).await;
        run(
            &mut conn,
            &format!("UPDATE users SET full_name = 'N-{n}', display_name = 'N-{n}' WHERE email = 'new{n}@new'"),
        )
        .await;
        // changing the address of somebody with a name of their own does not touch the name
        run(&mut conn, &format!("UPDATE users SET email = 'newer{n}@new' WHERE email = 'new{n}@new'")).await;
    }
    run(&mut conn, "INSERT INTO users (email, display_name, newsletter) VALUES ('empty@new', '', false)").await;
    assert_eq!(
        number(&mut conn, "SELECT count(*) FROM users WHERE display_name = '' AND email = 'empty@new'").await,
        1
    );
    run(&mut conn, "DELETE FROM users WHERE email = 'empty@new'").await;
    stop.store(true, Ordering::Relaxed);
    old.await.expect("no write of old code failed");
    runner.contract().await.unwrap();

    assert_eq!(number(&mut conn, wrong_names(dialect)).await, 0);
    assert_eq!(number(&mut conn, "SELECT count(*) FROM users").await, written.load(Ordering::Relaxed) + 50);
    let error = conn.execute("INSERT INTO users (email, newsletter) VALUES ('late@old', true)").await;
    assert!(error.is_err(), "without a name nothing is written any more");
    db.end().await;
}

async fn undo_at_every_stage_keeps_what_was_written(dialect: Dialect) {
    let db = Fresh::new(dialect).await;
    db.runner(1).up().await.unwrap();
    let mut conn = db.connect().await;
    insert_users(&mut conn, dialect, 500).await;
    let runner = db.runner(2);
    for stages in 1..=3 {
        for stage in &Stage::ALL[..stages] {
            match stage {
                Stage::Expand => runner.expand().await,
                Stage::Backfill => runner.backfill().await,
                Stage::Validate => runner.validate().await,
                Stage::Contract => unreachable!("not among the first three"),
            }
            .unwrap();
        }
        run(&mut conn, &format!("INSERT INTO users (email, newsletter) VALUES ('round{stages}@old', true)")).await;
        assert!(matches!(runner.undo().await.unwrap(), Outcome::Did { .. }));
        assert!(conn.execute("SELECT display_name FROM users").await.is_err(), "the column is gone again");
        run(&mut conn, &format!("UPDATE users SET email = 'back{stages}@old' WHERE email = 'round{stages}@old'")).await;
        assert!(matches!(runner.undo().await.unwrap(), Outcome::Nothing(_)));
    }
    assert_eq!(number(&mut conn, "SELECT count(*) FROM users").await, 503);
    runner.up().await.unwrap();
    assert_eq!(number(&mut conn, wrong_names(dialect)).await, 0);
    assert!(matches!(runner.undo().await.unwrap(), Outcome::Nothing(_)), "what is contracted stays");
    db.end().await;
}

/// The last migration of the sample adds a column that takes NULL and has a backfill.
async fn a_null_that_is_meant_stays_null(dialect: Dialect) {
    let db = Fresh::new(dialect).await;
    db.runner(5).up().await.unwrap();
    let mut conn = db.connect().await;
    run(&mut conn, "INSERT INTO users (email, display_name, newsletter) VALUES ('a@b', 'a', true)").await;
    let order = db.pick(
        "INSERT INTO orders (id, user_id, total, address) SELECT gen_random_uuid(), id, 1, '{}' FROM users",
        "INSERT INTO orders (id, user_id, total, address) SELECT uuid_to_bin(uuid()), id, 1, '{}' FROM users",
    );
    run(&mut conn, order).await;
    let item = |line: u32, more: &str, values: &str| {
        format!(
            "INSERT INTO order_items (order_id, line, description, quantity, unit_price, options{more}) \
             SELECT id, {line}, 'x', 2, 1.50, '{{}}'{values} FROM orders"
        )
    };
    run(&mut conn, &item(1, "", "")).await;
    let runner = db.runner(6);
    runner.expand().await.unwrap();
    run(&mut conn, &item(2, "", "")).await;
    runner.backfill().await.unwrap();
    run(&mut conn, &item(3, "", "")).await;
    runner.validate().await.unwrap();
    run(&mut conn, &item(4, ", line_total", ", NULL")).await;
    run(&mut conn, &item(5, ", line_total", ", 7")).await;
    run(&mut conn, "UPDATE order_items SET line_total = NULL WHERE line = 3").await;
    run(&mut conn, "UPDATE order_items SET quantity = 3 WHERE line IN (2, 5)").await;
    runner.contract().await.unwrap();
    run(&mut conn, &item(6, "", "")).await;
    let rows = conn.rows("SELECT line, line_total FROM order_items ORDER BY line").await.unwrap();
    let totals: Vec<_> = rows.iter().map(|row| row[1].as_deref()).collect();
    assert_eq!(totals, [Some("300"), Some("450"), None, None, Some("7"), None]);
    db.end().await;
}

async fn each_command_can_be_given_twice(dialect: Dialect) {
    let db = Fresh::new(dialect).await;
    let runner = db.runner(1);
    for _ in 0..2 {
        runner.expand().await.unwrap();
    }
    assert!(matches!(runner.expand().await.unwrap(), Outcome::Nothing(why) if why.contains("next: `backfill`")));
    let error = runner.contract().await.unwrap_err().to_string();
    assert!(error.contains("`contract` of `0001_initial` comes after `backfill`, which is not done"), "{error}");
    runner.backfill().await.unwrap();
    runner.validate().await.unwrap();
    let status = runner.status().await.unwrap();
    assert_eq!(status.next(), Some(("0001_initial", Stage::Contract)));
    assert!(status.to_string().contains("deploy the new code"), "{status}");
    runner.contract().await.unwrap();
    assert!(matches!(runner.contract().await.unwrap(), Outcome::Nothing(why) if why == "all migrations are done"));
    db.end().await;
}

/// A column whose values come from its default has no trigger that fills a row when old code
/// updates it; and an update moves the row. (`verify-migrations` found this, with its clients.)
async fn rows_that_move_while_they_are_filled(dialect: Dialect) {
    let db = Fresh::new(dialect).await;
    db.runner(3).up().await.unwrap();
    let mut conn = db.connect().await;
    run(&mut conn, "INSERT INTO users (email, display_name, newsletter) VALUES ('a@b', 'a', true)").await;
    let orders = match dialect {
        Dialect::Postgres => {
            "INSERT INTO orders (id, user_id, total, fax_number) SELECT gen_random_uuid(), id, 1, '' FROM users, generate_series(1, 20000)"
        }
        Dialect::MySql => {
            "INSERT INTO orders (id, user_id, total, fax_number) WITH RECURSIVE s(n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM s WHERE n < 20000) \
             SELECT uuid_to_bin(uuid()), id, 1, '' FROM users, s"
        }
    };
    if dialect == Dialect::MySql {
        run(&mut conn, "SET SESSION cte_max_recursion_depth = 100000").await;
    }
    run(&mut conn, orders).await;
    let runner = db.runner(4);
    runner.expand().await.unwrap();
    let (stop, url) = (Arc::new(AtomicBool::new(false)), db.url.clone());
    let writer = tokio::spawn({
        let stop = stop.clone();
        async move {
            let mut conn = Conn::open(&url).await.unwrap();
            while !stop.load(Ordering::Relaxed) {
                let some = match dialect {
                    Dialect::Postgres => {
                        "UPDATE orders SET total = total + 1 WHERE id IN (SELECT id FROM orders TABLESAMPLE SYSTEM (5) LIMIT 50)"
                    }
                    Dialect::MySql => "UPDATE orders SET total = total + 1 WHERE id >= uuid_to_bin(uuid()) LIMIT 5",
                };
                run(&mut conn, some).await;
            }
        }
    });
    let outcome = runner.backfill().await;
    stop.store(true, Ordering::Relaxed);
    writer.await.unwrap();
    outcome.unwrap();
    runner.validate().await.unwrap();
    db.end().await;
}

/// MySQL takes a generated column only behind those that have an expression as their default.
async fn a_generated_column_stands_before_what_it_is_made_from(dialect: Dialect) {
    #[derive(pontoon::Table)]
    #[table(name = "codes")]
    #[allow(dead_code)]
    struct Code {
        #[column(primary_key)]
        id: i64,
        #[column(generated(virtual, postgres = "length(code)", mysql = "length(code)"))]
        length: Option<i32>,
        #[column(length = 40, default(postgres = "left(md5(random()::text), 5)", mysql = "left(uuid(), 5)"))]
        code: String,
    }
    let db = Fresh::new(dialect).await;
    let (schema, intents) = pontoon::schema::from_defs(&[&<Code as pontoon::Table>::DEF]).unwrap();
    let plan = pontoon::plan::plan("0001_codes", &Schema::default(), &schema, &intents, dialect).unwrap();
    let text = file::render(&plan.migration);
    let migration = file::parse("0001_codes", dialect, "0001_codes", &text).unwrap();
    let recorded = Recorded { migration, sha256: file::sha256(&text) };
    db.runner_with(vec![recorded], Options::default()).up().await.unwrap();
    let mut conn = db.connect().await;
    run(&mut conn, "INSERT INTO codes (id) VALUES (1)").await;
    assert_eq!(number(&mut conn, "SELECT length FROM codes").await, 5);
    db.end().await;
}
