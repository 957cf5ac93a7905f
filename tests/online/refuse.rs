//! What the runner will not do: each with what is so, what to do, and nothing changed.

use std::time::Duration;

use pontoon::Dialect;
use pontoon::exec::{ExecError, Options, Outcome, Patience, Pool, Runner};
use pontoon::migration::Step;

use crate::filling::heard;
use crate::support::{Fresh, number, on_both_servers, run, sample, seen};

on_both_servers!(
    two_runners_at_once,
    somebody_holds_the_table,
    a_short_transaction_is_waited_for,
    a_file_that_changed_after_it_ran,
    a_history_that_does_not_fit,
    a_database_of_somebody_else,
    contract_while_rows_have_no_value,
    a_baseline_is_what_it_says,
    undo_keeps_the_rows_of_a_new_table,
    validate_asks_the_invariant_and_backfill_mends_it,
    a_backfill_that_gives_no_value,
    a_duplicate_under_a_new_unique_index,
    a_wrong_password_is_not_repeated,
);

async fn two_runners_at_once(dialect: Dialect) {
    let db = Fresh::new(dialect).await;
    let runner =
        db.runner_with(sample(dialect, 1), Options { runner_lock: Duration::from_millis(300), ..Options::default() });
    runner.expand().await.unwrap();
    let mut other = db.connect().await;
    let take = db.pick(
        "SELECT pg_advisory_lock(31647717582139246)",
        "SELECT GET_LOCK(CONCAT('pontoon.', LEFT(SHA2(DATABASE(), 256), 40)), 0)",
    );
    run(&mut other, take).await;
    let error = runner.backfill().await.unwrap_err();
    assert!(matches!(error, ExecError::Busy(_)), "{error}");
    assert!(error.to_string().contains("another runner is at work on this database: session "), "{error}");
    other.close().await.unwrap();
    let options = Options { runner_lock: Duration::from_secs(180), ..Options::default() };
    db.runner_with(sample(dialect, 1), options).backfill().await.unwrap();
    db.end().await;
}

/// Many at once: each statement is run once, whoever wins.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn eight_runners_at_once() {
    for dialect in Dialect::ALL {
        let db = Fresh::new(dialect).await;
        let runners = (0..8).map(|_| {
            let runner = db.runner_with(
                sample(dialect, 6),
                Options { runner_lock: Duration::from_secs(600), ..Options::default() },
            );
            tokio::spawn(async move { runner.up().await })
        });
        for runner in runners.collect::<Vec<_>>() {
            runner.await.unwrap().unwrap();
        }
        let mut conn = db.connect().await;
        let twice = "SELECT count(*) FROM (SELECT migration, step FROM pontoon_ledger WHERE event = 'done' AND step IS NOT NULL \
                     GROUP BY migration, step HAVING count(*) > 1) AS twice";
        assert_eq!(number(&mut conn, twice).await, 0);
        db.end().await;
    }
}

async fn somebody_holds_the_table(dialect: Dialect) {
    let db = Fresh::new(dialect).await;
    db.runner(1).up().await.unwrap();
    let mut reader = db.connect().await;
    run(&mut reader, "BEGIN").await;
    run(&mut reader, "SELECT count(*) FROM users").await;
    let patience =
        Patience { lock_timeout: Duration::from_millis(100), budget: Duration::from_secs(3), ..Patience::default() };
    // a transaction that is younger is not told of: it may be over in a moment
    tokio::time::sleep(Duration::from_millis(1_500)).await;
    let observer = seen();
    let options = Options { patience, observer: observer.clone(), ..Options::default() };
    let runner = db.runner_with(sample(dialect, 2), options);
    let error = runner.expand().await.unwrap_err();
    let ExecError::Blocked { blockers, .. } = &error else { panic!("{error}") };
    assert_eq!(blockers[0].table, "users");
    assert!(error.to_string().contains("0002_display_name/"), "{error}");
    assert!(error.to_string().contains("nothing was changed"), "{error}");
    assert!(observer.0.lock().unwrap().iter().any(|it| it.starts_with("Waiting")));
    // nobody queued behind us: the column is not there, and the reader still reads
    run(&mut reader, "SELECT count(*) FROM users").await;
    run(&mut reader, "COMMIT").await;
    db.runner(2).expand().await.unwrap();
    db.end().await;
}

async fn a_short_transaction_is_waited_for(dialect: Dialect) {
    let db = Fresh::new(dialect).await;
    db.runner(1).up().await.unwrap();
    let mut reader = db.connect().await;
    run(&mut reader, "BEGIN").await;
    run(&mut reader, "SELECT count(*) FROM users").await;
    let observer = seen();
    let runner = db.runner_with(sample(dialect, 2), Options { observer: observer.clone(), ..Options::default() });
    let expand = tokio::spawn(async move { runner.expand().await });
    heard(&observer, |it| it.starts_with("Waiting") || it.starts_with("Retry")).await;
    assert!(!expand.is_finished());
    run(&mut reader, "COMMIT").await;
    expand.await.unwrap().unwrap();
    db.end().await;
}

async fn a_file_that_changed_after_it_ran(dialect: Dialect) {
    let db = Fresh::new(dialect).await;
    db.runner(1).up().await.unwrap();
    let mut edited = sample(dialect, 2);
    edited[0].sha256 = "0".repeat(64);
    let runner = db.runner_with(edited, Options::default());
    let error = runner.expand().await.unwrap_err().to_string();
    assert!(error.contains("migration `0001_initial` is not what the database has run"), "{error}");
    assert!(runner.status().await.unwrap().trouble.is_some());
    let mut conn = db.connect().await;
    assert!(conn.execute("SELECT display_name FROM users").await.is_err(), "nothing was changed");
    db.end().await;
}

async fn a_history_that_does_not_fit(dialect: Dialect) {
    let db = Fresh::new(dialect).await;
    db.runner(2).up().await.unwrap();
    let missing = db.runner_with(sample(dialect, 3).split_off(2), Options::default());
    let error = missing.expand().await.unwrap_err().to_string();
    assert!(error.contains("the database has run migration `0001_initial`, which is not among these"), "{error}");
    let mut reordered = sample(dialect, 3);
    reordered.swap(0, 2);
    let error = db.runner_with(reordered, Options::default()).expand().await.unwrap_err().to_string();
    assert!(error.contains("has run migration `0001_initial` as number 1, and here it is number 3"), "{error}");
    db.end().await;
}

async fn a_database_of_somebody_else(dialect: Dialect) {
    let db = Fresh::new(dialect).await;
    let mut conn = db.connect().await;
    run(&mut conn, "CREATE TABLE theirs (id int PRIMARY KEY)").await;
    let runner = db.runner(1);
    let error = runner.expand().await.unwrap_err().to_string();
    assert!(error.contains("the database has tables (`theirs`) and no history"), "{error}");
    assert!(error.contains("baseline --to ID"), "{error}");
    let ours = db.pick(
        "SELECT count(*) FROM pg_tables WHERE tablename LIKE 'pontoon%'",
        "SELECT count(*) FROM information_schema.TABLES WHERE TABLE_SCHEMA = DATABASE() AND TABLE_NAME LIKE 'pontoon%'",
    );
    assert_eq!(number(&mut conn, ours).await, 0, "not even a table of ours");
    let error = runner.baseline("0001_initial").await.unwrap_err().to_string();
    assert!(error.contains("not as `0001_initial` leaves it") && error.contains("table users"), "{error}");
    assert_eq!(number(&mut conn, ours).await, 0, "not even a table of ours");
    // the tables of the migration, made by other means
    for (_, step) in &sample(dialect, 1)[0].migration.steps {
        if let Step::Statement(statement) = step {
            run(&mut conn, &statement.sql).await;
        }
    }
    runner.baseline("0001_initial").await.unwrap();
    assert_eq!(runner.status().await.unwrap().next(), None);
    db.end().await;
}

async fn contract_while_rows_have_no_value(dialect: Dialect) {
    let db = Fresh::new(dialect).await;
    db.runner(1).up().await.unwrap();
    let mut conn = db.connect().await;
    run(&mut conn, "INSERT INTO users (email, newsletter) VALUES ('a@b', true), ('c@d', true)").await;
    let runner = db.runner(2);
    runner.expand().await.unwrap();
    runner.backfill().await.unwrap();
    runner.validate().await.unwrap();
    // somebody switches the triggers off
    let spoil = db.pick(
        "ALTER TABLE users DISABLE TRIGGER USER; ALTER TABLE users ALTER display_name DROP NOT NULL; \
         UPDATE users SET display_name = NULL WHERE email = 'a@b'",
        "SET @pontoon_backfill = 1; UPDATE users SET display_name = X'1A' WHERE email = 'a@b'",
    );
    run(&mut conn, spoil).await;
    let error = runner.contract().await.unwrap_err();
    assert!(matches!(error, ExecError::Incomplete(_)), "{error}");
    assert!(error.to_string().starts_with("1 rows of `users` have no `display_name`"), "{error}");
    run(&mut conn, "UPDATE users SET display_name = 'a' WHERE email = 'a@b'").await;
    runner.contract().await.unwrap();
    db.end().await;
}

/// The expression gives NULL for a row: PostgreSQL finds it at the end, MySQL in its batch.
async fn a_backfill_that_gives_no_value(dialect: Dialect) {
    let db = Fresh::new(dialect).await;
    db.runner(1).up().await.unwrap();
    let mut conn = db.connect().await;
    run(&mut conn, "INSERT INTO users (email, newsletter) VALUES ('a@b', true), ('null', true)").await;
    let mut migrations = sample(dialect, 2);
    for (_, step) in &mut migrations[1].migration.steps {
        let spoil = |sql: &mut String| *sql = sql.replace("(email,", "(nullif(email, 'null'),");
        match step {
            pontoon::migration::Step::Backfill(backfill) => backfill.walks.iter_mut().for_each(|it| spoil(&mut it.sql)),
            pontoon::migration::Step::Statement(statement) => spoil(&mut statement.sql),
            pontoon::migration::Step::Assertion(_) | pontoon::migration::Step::Search(_) => {}
        }
    }
    let runner = db.runner_with(migrations, Options::default());
    runner.expand().await.unwrap();
    let error = runner.backfill().await.unwrap_err();
    assert!(matches!(error, ExecError::Incomplete(_)), "{error}");
    assert!(error.to_string().contains("display_name"), "{error}");
    runner.undo().await.unwrap();
    db.end().await;
}

async fn a_duplicate_under_a_new_unique_index(dialect: Dialect) {
    let db = Fresh::new(dialect).await;
    db.runner(3).up().await.unwrap();
    let mut conn = db.connect().await;
    run(&mut conn, "INSERT INTO users (email, display_name, newsletter) VALUES ('a@b', 'a', true)").await;
    for n in [1, 2] {
        let id = match dialect {
            Dialect::Postgres => format!("'00000000-0000-0000-0000-00000000000{n}'"),
            Dialect::MySql => format!("X'0000000000000000000000000000000{n}'"),
        };
        run(
            &mut conn,
            &format!("INSERT INTO orders (id, user_id, total, fax_number) SELECT {id}, id, 1, '' FROM users"),
        )
        .await;
    }
    let runner = db.runner(4);
    runner.expand().await.unwrap();
    runner.backfill().await.unwrap();
    run(
        &mut conn,
        db.pick(
            "UPDATE orders SET receipt_id = '00000000-0000-0000-0000-00000000000a'",
            "UPDATE orders SET receipt_id = X'0000000000000000000000000000000A'",
        ),
    )
    .await;
    let error = runner.validate().await.unwrap_err().to_string();
    assert!(error.contains("0004_receipts/") && error.contains("help: the rows are not unique"), "{error}");
    // no half-built index is left to refuse rows
    run(&mut conn, db.pick(
        "INSERT INTO orders (id, user_id, total, fax_number, receipt_id) SELECT gen_random_uuid(), user_id, 1, '', receipt_id FROM orders LIMIT 1",
        "INSERT INTO orders (id, user_id, total, fax_number, receipt_id) SELECT uuid_to_bin(uuid()), user_id, 1, '', receipt_id FROM orders LIMIT 1",
    )).await;
    run(
        &mut conn,
        db.pick(
            "UPDATE orders SET receipt_id = gen_random_uuid()",
            "UPDATE orders SET receipt_id = uuid_to_bin(uuid())",
        ),
    )
    .await;
    runner.validate().await.unwrap();
    runner.contract().await.unwrap();
    db.end().await;
}

async fn a_wrong_password_is_not_repeated(dialect: Dialect) {
    let db = Fresh::new(dialect).await;
    for wrong in [
        "not a url at all",
        "postgres://u:s3cret@127.0.0.1:1/x",
        "mysql://u:s3cret@127.0.0.1:1/x",
        "oracle://u:s3cret@h/x",
        "postgres://u:s3cret@[/x",
    ] {
        let error = match Pool::connect_lazy(wrong) {
            Ok(pool) => Runner::new(pool, Vec::new(), Options::default()).status().await.unwrap_err(),
            Err(error) => error,
        };
        assert!(!format!("{error} {error:?}").contains("s3cret"), "{error:?}");
        assert_eq!(error.exit_code(), 2);
    }
    db.end().await;
}

async fn forget_the_history(db: &Fresh) {
    let mut conn = db.connect().await;
    for table in ["pontoon_ledger", "pontoon_marker", "pontoon_backfill", "pontoon_range"] {
        run(&mut conn, &format!("DROP TABLE IF EXISTS {table}")).await;
    }
}

async fn a_baseline_is_what_it_says(dialect: Dialect) {
    let db = Fresh::new(dialect).await;
    db.runner(1).up().await.unwrap();
    forget_the_history(&db).await;
    let error = db.runner(2).baseline("0002_display_name").await.unwrap_err().to_string();
    assert!(error.contains("not as `0002_display_name` leaves it"), "{error}");
    assert!(error.contains("\n  column users.display_name"), "{error}");
    db.runner(2).baseline("0001_initial").await.unwrap();
    // all of the sample's migrations, renames and swaps among them, leave what a baseline looks for
    db.runner(usize::MAX).up().await.unwrap();
    forget_the_history(&db).await;
    let all = sample(dialect, usize::MAX);
    let runner = db.runner(usize::MAX);
    runner.baseline(&all[all.len() - 1].migration.id).await.unwrap();
    assert_eq!(runner.status().await.unwrap().next(), None);
    db.end().await;
}

async fn undo_keeps_the_rows_of_a_new_table(dialect: Dialect) {
    let db = Fresh::new(dialect).await;
    db.runner(1).expand().await.unwrap();
    let mut conn = db.connect().await;
    run(&mut conn, "INSERT INTO users (email, newsletter) VALUES ('a@b', true)").await;
    let error = db.runner(1).undo().await.unwrap_err().to_string();
    assert!(error.contains("`undo` drops table `users`, and it has rows"), "{error}");
    assert!(error.contains("--drop-rows"), "{error}");
    assert_eq!(number(&mut conn, "SELECT count(*) FROM users").await, 1);
    let options = Options { undo_drops_rows: true, ..Options::default() };
    db.runner_with(sample(dialect, 1), options).undo().await.unwrap();
    assert!(conn.execute("SELECT 1 FROM users").await.is_err());
    db.end().await;
}

async fn validate_asks_the_invariant_and_backfill_mends_it(dialect: Dialect) {
    let db = Fresh::new(dialect).await;
    db.runner(1).up().await.unwrap();
    let mut conn = db.connect().await;
    for n in 1..=20 {
        run(&mut conn, &format!("INSERT INTO users (email, newsletter) VALUES ('user{n}@b', true)")).await;
    }
    let runner = db.runner(2);
    runner.expand().await.unwrap();
    runner.backfill().await.unwrap();
    // somebody writes past the triggers
    match dialect {
        Dialect::Postgres => {
            run(&mut conn, "ALTER TABLE users DISABLE TRIGGER USER").await;
            run(&mut conn, "UPDATE users SET display_name = NULL WHERE email LIKE 'user1%'").await;
            run(&mut conn, "ALTER TABLE users ENABLE TRIGGER USER").await;
        }
        Dialect::MySql => {
            run(&mut conn, "SET @pontoon_backfill = 1").await;
            run(&mut conn, "UPDATE users SET display_name = X'1A' WHERE email LIKE 'user1%'").await;
            run(&mut conn, "SET @pontoon_backfill = NULL").await;
        }
    }
    let error = runner.validate().await.unwrap_err().to_string();
    assert!(
        error.contains("11 rows of `users` have no `display_name`") && error.contains("`backfill` fills"),
        "{error}"
    );
    assert!(matches!(runner.backfill().await.unwrap(), Outcome::Did { .. }));
    assert!(matches!(runner.backfill().await.unwrap(), Outcome::Nothing(_)));
    runner.validate().await.unwrap();
    assert_eq!(number(&mut conn, "SELECT count(*) FROM users WHERE display_name LIKE 'user%'").await, 20);
    db.end().await;
}
