//! Numbers that old code gives and numbers of the server's, side by side.

use pontoon::Dialect;
use pontoon::exec::{Options, Runner};
use pontoon::migration::history::Recorded;
use pontoon_xtask::verify::conn::Conn;

use crate::cases::{self, Case};
use crate::operations::history;
use crate::support::{Fresh, number, run};

async fn before(case: &Case, dialect: Dialect) -> (Fresh, Conn, Vec<Recorded>) {
    let db = Fresh::new(dialect).await;
    let migrations = history(case, dialect);
    db.runner_with(migrations[..1].to_vec(), Options::default()).up().await.unwrap();
    let conn = db.connect().await;
    (db, conn, migrations)
}

async fn three_stages(runner: &Runner) {
    runner.expand().await.unwrap();
    runner.backfill().await.unwrap();
    runner.validate().await.unwrap();
}

/// Old code counts on from its own numbers, takes the next one to the greatest, and begins blocks far ahead; wherever it
/// goes, the server's number is one that nobody has.
async fn the_server_never_gives_a_number_that_is_there(dialect: Dialect) {
    let case = cases::begin_to_number_a_column(dialect);
    let (db, mut conn, migrations) = before(&case, dialect).await;
    run(&mut conn, "INSERT INTO things (id, a) VALUES (-3, 'below'), (7, 'seven'), (100, 'old')").await;
    let runner = db.runner_with(migrations, Options::default());
    three_stages(&runner).await;
    const NEW: &str = "INSERT INTO things (a) VALUES ('new')";
    run(&mut conn, NEW).await;
    let first = number(&mut conn, "SELECT max(id) FROM things").await;
    assert!(first >= 1_000_000, "{first}: old code has room to count on");
    for id in 101..120 {
        run(&mut conn, &format!("INSERT INTO things (id, a) VALUES ({id}, 'old')")).await;
        run(&mut conn, NEW).await;
    }
    // the next to the greatest; a block far ahead; one that is no longer the greatest; and one by an UPDATE
    for ahead in [1, 1, 2_000_000, -500_000, 1, 50, 30_000] {
        let id = number(&mut conn, "SELECT max(id) FROM things").await + ahead;
        run(&mut conn, &format!("INSERT INTO things (id, a) VALUES ({id}, 'old')")).await;
        run(&mut conn, NEW).await;
        run(&mut conn, NEW).await;
    }
    let next = number(&mut conn, "SELECT max(id) FROM things").await + 1;
    if dialect == Dialect::Postgres {
        // InnoDB's numbers follow no UPDATE, here or anywhere (manual, "AUTO_INCREMENT Handling in InnoDB")
        run(&mut conn, &format!("UPDATE things SET id = {next} WHERE id = 7")).await;
    }
    run(&mut conn, NEW).await;
    runner.contract().await.unwrap();
    run(&mut conn, NEW).await;
    db.end().await;
}

/// Several of them at once, each in transactions of its own.
async fn the_server_never_gives_a_number_that_another_session_gave(dialect: Dialect) {
    let case = cases::begin_to_number_a_column(dialect);
    let (db, mut conn, migrations) = before(&case, dialect).await;
    run(&mut conn, "INSERT INTO things (id, a) VALUES (1, 'old')").await;
    let runner = db.runner_with(migrations, Options::default());
    three_stages(&runner).await;
    let mut sessions = Vec::new();
    for session in 0..4_i64 {
        let mut conn = db.connect().await;
        sessions.push(tokio::spawn(async move {
            for at in 0..150_i64 {
                let sql = match session {
                    // blocks of numbers, each some way ahead of the other's
                    0 | 1 => {
                        let id = 2_000_000 + at * 30_000 + session * 15_000;
                        format!("INSERT INTO things (id, a) VALUES ({id}, 'old')")
                    }
                    _ => "INSERT INTO things (a) VALUES ('new'), ('new'), ('new')".to_owned(),
                };
                run(&mut conn, &sql).await;
            }
        }));
    }
    for session in sessions {
        session.await.unwrap();
    }
    let greatest = number(&mut conn, "SELECT max(id) FROM things").await;
    run(&mut conn, "INSERT INTO things (a) VALUES ('last')").await;
    assert!(number(&mut conn, "SELECT max(id) FROM things").await > greatest);
    db.end().await;
}

/// PostgreSQL: who may write the table, and nothing else, meets no sequence that it may not set.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn who_writes_the_table_needs_no_right_on_the_sequence() {
    let case = cases::begin_to_number_a_column(Dialect::Postgres);
    let (db, mut conn, migrations) = before(&case, Dialect::Postgres).await;
    let runner = db.runner_with(migrations, Options::default());
    three_stages(&runner).await;
    let role = format!("writer_{:08x}", fastrand::u32(..));
    run(&mut conn, &format!("CREATE ROLE {role}")).await;
    run(&mut conn, &format!("GRANT SELECT, INSERT, UPDATE ON things TO {role}")).await;
    run(&mut conn, &format!("SET ROLE {role}")).await;
    for sql in ["INSERT INTO things (id, a) VALUES (5000000, 'old')", "INSERT INTO things (a) VALUES ('new')"] {
        run(&mut conn, sql).await;
    }
    run(&mut conn, "RESET ROLE").await;
    assert_eq!(number(&mut conn, "SELECT max(id) FROM things").await, 5_000_001);
    run(&mut conn, &format!("DROP OWNED BY {role}")).await;
    run(&mut conn, &format!("DROP ROLE {role}")).await;
    db.end().await;
}

/// MySQL takes a 0 for no number, also in rows of before.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_row_with_number_zero_is_named() {
    let case = cases::begin_to_number_a_column(Dialect::MySql);
    let (db, mut conn, migrations) = before(&case, Dialect::MySql).await;
    run(&mut conn, "INSERT INTO things (id, a) VALUES (0, 'zero'), (3, 'three')").await;
    let runner = db.runner_with(migrations, Options::default());
    let error = runner.expand().await.unwrap_err().to_string();
    assert!(error.contains("a row of `things` has the number 0 in `id`"), "{error}");
    run(&mut conn, "UPDATE things SET id = 4 WHERE id = 0").await;
    runner.expand().await.unwrap();
    runner.undo().await.unwrap();
    db.end().await;
}

crate::support::on_both_servers!(
    the_server_never_gives_a_number_that_is_there,
    the_server_never_gives_a_number_that_another_session_gave
);
