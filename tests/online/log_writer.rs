//! MySQL: who writes the redo log while a table is filled. On a server of the test's own, since that is set for all of it.

use pontoon::Dialect;
use pontoon::exec::Silent;
use pontoon::exec::backfill::{BackfillOptions, fill};
use pontoon_xtask::verify::server::{Extras, Server};

use crate::filling::{backfill_of, begin, hold_a_row, small, until, with_users};
use crate::support::{Fresh, number, own_with, run};

const ON: &str = "SELECT COUNT(*) FROM performance_schema.global_variables WHERE VARIABLE_NAME = 'innodb_log_writer_threads' \
                  AND VARIABLE_VALUE = 'ON'";

async fn server() -> Server {
    let off = Extras { options: vec!["--innodb-log-writer-threads=OFF".into()], ..Extras::default() };
    own_with(Dialect::MySql, &off).await
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn log_writer_threads_are_on_for_as_long_as_a_fill_that_asks_for_them() {
    let server = server().await;
    for asks in [false, true] {
        let db = Fresh::on(&server).await;
        let mut conn = with_users(&db, 300).await;
        // a table that is large enough to be told of
        run(&mut conn, "ALTER TABLE users ADD COLUMN notes LONGTEXT").await;
        run(&mut conn, "UPDATE users SET notes = REPEAT('x', 80000)").await;
        run(&mut conn, "ANALYZE TABLE users").await;
        db.runner(2).expand().await.unwrap();
        assert_eq!(number(&mut conn, ON).await, 0, "before");
        let mut holder = hold_a_row(&db).await;
        let (filling, events) =
            begin(&db, BackfillOptions { log_writer_threads: asks, accept_growth: Some(9.0), ..small(1) });
        // a worker is there: what is set at the start is set
        until(&mut conn, "SELECT COUNT(*) FROM pontoon_range", 1).await;
        assert_eq!(number(&mut conn, ON).await, i64::from(asks), "meanwhile");
        run(&mut holder, "ROLLBACK").await;
        filling.await.unwrap().unwrap();
        assert_eq!(number(&mut conn, ON).await, 0, "afterwards");
        let told = events.0.lock().unwrap();
        assert_eq!(told.iter().any(|it| it.contains("--log-writer-threads")), !asks, "{told:?}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn log_writer_threads_want_a_privilege() {
    let server = server().await;
    let db = Fresh::on(&server).await;
    let mut conn = with_users(&db, 10).await;
    db.runner(2).expand().await.unwrap();
    run(&mut conn, "CREATE USER small IDENTIFIED BY 'secret'").await;
    let (_, tail) = db.url.rsplit_once('@').unwrap();
    let database = tail.rsplit_once('/').unwrap().1.split('?').next().unwrap();
    run(&mut conn, &format!("GRANT ALL ON `{database}`.* TO small")).await;
    let pool = pontoon::exec::Pool::connect_lazy(&format!("mysql://small:secret@{tail}")).unwrap();
    let options = BackfillOptions { log_writer_threads: true, ..small(1) };
    let error = fill(&pool, "w", &backfill_of(Dialect::MySql), &options, &Silent).await.unwrap_err().to_string();
    assert!(error.contains("grant SYSTEM_VARIABLES_ADMIN") && !error.contains("secret"), "{error}");
    assert_eq!(number(&mut conn, "SELECT COUNT(*) FROM pontoon_range").await, 0, "nothing was begun");
}
