//! A key that outgrows its type, while rows are numbered by the server and others refer to them.

use pontoon::Dialect;
use pontoon::exec::Options;

use crate::operations::history;
use crate::support::{Fresh, number, on_both_servers, run};

/// Numbers go on, on whichever side of the swap; on PostgreSQL the rows of others follow.
async fn numbers_go_on(dialect: Dialect) {
    let case = crate::cases::widen_key(dialect);
    let db = Fresh::new(dialect).await;
    let migrations = history(&case, dialect);
    db.runner_with(migrations[..1].to_vec(), Options::default()).up().await.unwrap();
    let mut conn = db.connect().await;
    let children = dialect == Dialect::Postgres;
    let runner = db.runner_with(migrations, Options::default());
    let mut there = 0;
    for back in [true, false] {
        for stage in 0..4 {
            for _ in 0..3 {
                run(&mut conn, "INSERT INTO things (a) VALUES ('numbered')").await;
                there += 1;
            }
            if children {
                let last = "INSERT INTO others (id, thing_id, second_id) SELECT max(id) * 10 + 1, max(id), min(id) FROM things";
                run(&mut conn, last).await;
                let nobody = "INSERT INTO others (id, thing_id) VALUES (77, 77777)";
                assert!(conn.execute(nobody).await.is_err(), "a row of nobody after stage {stage}");
            }
            assert_eq!(number(&mut conn, "SELECT count(*) FROM things").await, there);
            assert_eq!(
                number(&mut conn, "SELECT max(id) FROM things").await,
                there,
                "no number is left out or given twice"
            );
            match stage {
                0 => runner.expand().await.unwrap(),
                1 => runner.backfill().await.unwrap(),
                2 => runner.validate().await.unwrap(),
                _ if back => runner.undo().await.unwrap(),
                _ => runner.contract().await.unwrap(),
            };
        }
    }
    run(&mut conn, "INSERT INTO things (id, a) VALUES (3000000000, 'large')").await;
    if children {
        run(&mut conn, "INSERT INTO others (id, thing_id) VALUES (1, 3000000000)").await;
        run(&mut conn, "DELETE FROM things WHERE id = 3000000000").await;
        assert_eq!(number(&mut conn, "SELECT count(*) FROM others WHERE id = 1").await, 0, "the cascade goes on");
        run(&mut conn, "DELETE FROM things WHERE id = 1").await;
        assert_eq!(number(&mut conn, "SELECT count(*) FROM others WHERE second_id IS NOT NULL").await, 0);
        let left = "SELECT count(*) FROM information_schema.columns WHERE column_name LIKE 'pontoon%' AND table_name IN ('things', 'others')";
        assert_eq!(number(&mut conn, left).await, 0);
    }
    db.end().await;
}

on_both_servers!(numbers_go_on);

/// What does not fit the old column is taken, and ends the way back.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_number_beyond_the_old_type() {
    let dialect = Dialect::Postgres;
    let case = crate::cases::widen_key(dialect);
    let db = Fresh::new(dialect).await;
    let migrations = history(&case, dialect);
    db.runner_with(migrations[..1].to_vec(), Options::default()).up().await.unwrap();
    let mut conn = db.connect().await;
    run(&mut conn, "INSERT INTO things (a) SELECT 'old' FROM generate_series(1, 50)").await;
    let runner = db.runner_with(migrations, Options::default());
    runner.expand().await.unwrap();
    runner.backfill().await.unwrap();
    runner.validate().await.unwrap();
    run(&mut conn, "SELECT setval(pg_get_serial_sequence('things', 'id'), 2147483647)").await;
    run(&mut conn, "INSERT INTO things (a) VALUES ('beyond')").await;
    run(&mut conn, "INSERT INTO others (id, thing_id) VALUES (1, 2147483648)").await;
    run(&mut conn, "UPDATE things SET a = 'still' WHERE id = 2147483648").await;
    assert_eq!(number(&mut conn, "SELECT max(id) FROM things").await, 2_147_483_648);
    let error = runner.undo().await.unwrap_err().to_string();
    assert!(error.contains("`others.thing_id` has values that its old type does not hold"), "{error}");
    assert!(error.contains("2147483648"), "{error}");
    // nothing was undone
    run(&mut conn, "INSERT INTO things (a) VALUES ('and on')").await;
    assert_eq!(number(&mut conn, "SELECT max(id) FROM things").await, 2_147_483_649);
    // without them there is a way back
    run(&mut conn, "DELETE FROM things WHERE id > 2147483647").await;
    runner.undo().await.unwrap();
    assert_eq!(number(&mut conn, "SELECT count(*) FROM things").await, 50);
    let ty = "SELECT count(*) FROM information_schema.columns WHERE column_name = 'id' AND table_name = 'things' AND data_type = 'integer' AND is_identity = 'YES'";
    assert_eq!(number(&mut conn, ty).await, 1);
    db.end().await;
}
