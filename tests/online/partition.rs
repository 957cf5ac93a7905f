//! Partitions that come, go and stand in the way while a migration of their table is at work (PostgreSQL).

use std::sync::{Arc, Mutex};

use pontoon::Dialect;
use pontoon::exec::{Event, Observer, Options};
use pontoon::migration::history::Recorded;
use pontoon_xtask::verify::conn::Conn;

use crate::cases::{self, Case};
use crate::filling::until;
use crate::operations::history;
use crate::support::{Fresh, number, run, seen};

/// A database at the case's first migration.
async fn before(case: &Case) -> (Fresh, Conn, Vec<Recorded>) {
    let db = Fresh::new(Dialect::Postgres).await;
    let migrations = history(case, Dialect::Postgres);
    db.runner_with(migrations[..1].to_vec(), Options::default()).up().await.unwrap();
    let conn = db.connect().await;
    (db, conn, migrations)
}

/// Creates a partition as soon as the first part of the index is built.
struct Job(Mutex<Option<Conn>>);

impl Observer for Job {
    fn event(&self, event: &Event) {
        if !matches!(event, Event::Done { .. }) {
            return;
        }
        // the table's own index is the first statement, and a partition's the second
        let mut conn = self.0.lock().unwrap();
        if let Some(conn) = conn.as_mut() {
            let work = async {
                let built = "SELECT count(*) FROM pg_index WHERE indexrelid = to_regclass('\"things_high_things_a_idx\"') AND indisvalid";
                if number(conn, built).await == 1 {
                    let sql = "CREATE TABLE IF NOT EXISTS things_new PARTITION OF things FOR VALUES FROM (7000000) TO (8000000)";
                    run(conn, sql).await;
                }
            };
            crate::support::meanwhile(work);
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_partition_that_comes_while_an_index_is_built_has_its_part() {
    let case = cases::index_a_partitioned_table(Dialect::Postgres);
    let (db, mut conn, migrations) = before(&case).await;
    run(&mut conn, "INSERT INTO things SELECT i * 1000, i::text FROM generate_series(0, 1999) i").await;
    let job = Arc::new(Job(Mutex::new(Some(db.connect().await))));
    let runner = db.runner_with(migrations, Options { observer: job.clone(), ..Options::default() });
    runner.expand().await.unwrap();
    runner.backfill().await.unwrap();
    runner.validate().await.unwrap();
    let parts = "SELECT count(*) FROM pg_inherits h JOIN pg_index x ON x.indexrelid = h.inhrelid \
                 WHERE h.inhparent = 'things_a_idx'::regclass AND x.indisvalid";
    assert_eq!(number(&mut conn, parts).await, 3, "of things_low, things_high and things_new");
    let of_new = "SELECT count(*) FROM pg_index WHERE indrelid = 'things_new'::regclass";
    assert_eq!(number(&mut conn, of_new).await, 3, "its key and one for each of the two, and not built twice");
    let valid = "SELECT count(*) FROM pg_index WHERE indexrelid = 'things_a_idx'::regclass AND indisvalid";
    assert_eq!(number(&mut conn, valid).await, 1);
    runner.undo().await.unwrap();
    let left = "SELECT count(*) FROM pg_class WHERE relkind IN ('i', 'I') AND relname LIKE '%things_a%'";
    assert_eq!(number(&mut conn, left).await, 0);
    *job.0.lock().unwrap() = None;
    db.end().await;
}

/// An index of a partition whose build was cut off is taken away, and built again.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_invalid_part_of_an_index_is_built_again() {
    let case = cases::index_a_partitioned_table(Dialect::Postgres);
    let (db, mut conn, migrations) = before(&case).await;
    run(&mut conn, "INSERT INTO things SELECT i * 1000, i::text FROM generate_series(0, 1999) i").await;
    let seen = seen();
    let runner = db.runner_with(migrations, Options { observer: seen.clone(), ..Options::default() });
    runner.expand().await.unwrap();
    runner.backfill().await.unwrap();
    run(&mut conn, "CREATE INDEX \"things_high_things_a_idx\" ON things_high (a)").await;
    run(
        &mut conn,
        "UPDATE pg_index SET indisvalid = false WHERE indexrelid = '\"things_high_things_a_idx\"'::regclass",
    )
    .await;
    runner.validate().await.unwrap();
    let valid = "SELECT count(*) FROM pg_index WHERE indisvalid AND indexrelid IN ('things_a_idx'::regclass, \
                 '\"things_high_things_a_idx\"'::regclass)";
    assert_eq!(number(&mut conn, valid).await, 2);
    let built = |name: &str| {
        let told = seen.0.lock().unwrap();
        told.iter().filter(|it| it.starts_with("Statement") && it.contains(&format!("CONCURRENTLY \\\"{name}"))).count()
    };
    assert_eq!((built("things_high_things_a_idx"), built("things_low_things_a_idx")), (1, 1));
    db.end().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_detach_that_was_cut_off_is_ended() {
    let case = cases::detach_partition(Dialect::Postgres);
    let (db, mut conn, migrations) = before(&case).await;
    if number(&mut conn, "SHOW server_version_num").await < 140_000 {
        return db.end().await;
    }
    run(&mut conn, "INSERT INTO things VALUES (1, 'low'), (1000001, 'high')").await;
    let runner = Arc::new(db.runner_with(migrations, Options::default()));
    runner.expand().await.unwrap();
    runner.backfill().await.unwrap();
    runner.validate().await.unwrap();
    let mut reader = db.connect().await;
    run(&mut reader, "BEGIN").await;
    // of the table alone: a reader of the partition would be waited for before it begins
    run(&mut reader, "LOCK TABLE ONLY things IN ACCESS SHARE MODE").await;
    let contract = tokio::spawn({
        let runner = runner.clone();
        async move { runner.contract().await }
    });
    let pending = "SELECT count(*) FROM pg_inherits WHERE inhdetachpending";
    // it waits for the reader
    until(&mut conn, pending, 1).await;
    // a runner that lives begins again
    contract.abort();
    let detaching = "FROM pg_stat_activity WHERE query LIKE '%DETACH PARTITION%CONCURRENTLY%' AND pid <> pg_backend_pid() \
                     AND datname = current_database()";
    run(&mut conn, &format!("SELECT pg_terminate_backend(pid) {detaching}")).await;
    assert!(contract.await.unwrap_err().is_cancelled());
    until(&mut conn, &format!("SELECT count(*) {detaching}"), 0).await;
    run(&mut reader, "COMMIT").await;
    assert_eq!(number(&mut conn, pending).await, 1, "what was begun is not ended");
    let error = runner.undo().await.unwrap_err().to_string();
    assert!(error.contains("contract of `0002_after` has begun"), "{error}");
    runner.contract().await.unwrap();
    assert_eq!(number(&mut conn, "SELECT count(*) FROM pg_inherits WHERE inhrelid = 'things_high'::regclass").await, 0);
    assert_eq!(number(&mut conn, "SELECT count(*) FROM things_high").await, 1);
    assert_eq!(number(&mut conn, "SELECT count(*) FROM things").await, 1);
    db.end().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn rows_of_a_new_partition_in_the_default_one_are_named() {
    let case = cases::attach_partition(Dialect::Postgres);
    let (db, mut conn, migrations) = before(&case).await;
    run(&mut conn, "INSERT INTO things (id, a) VALUES (1, 'a'), (1500000, 'far')").await;
    let runner = db.runner_with(migrations, Options::default());
    let error = runner.expand().await.unwrap_err().to_string();
    assert!(error.contains("belong into the new partition `things_far`") && error.contains("1500000"), "{error}");
    assert_eq!(number(&mut conn, "SELECT count(*) FROM pg_class WHERE relname = 'things_far'").await, 0);
    run(&mut conn, "DELETE FROM things WHERE id = 1500000").await;
    runner.expand().await.unwrap();
    run(&mut conn, "INSERT INTO things (id, a) VALUES (1500000, 'far')").await;
    assert_eq!(number(&mut conn, "SELECT count(*) FROM things_far").await, 1);
    // it stays with its rows, and the next way forth finds it
    runner.undo().await.unwrap();
    assert_eq!(number(&mut conn, "SELECT count(*) FROM things WHERE id = 1500000").await, 1);
    runner.expand().await.unwrap();
    runner.undo().await.unwrap();
    db.end().await;
}

/// By what a list holds, with and without NULL: the proof is the server's own, so that it reads nothing under its lock.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_default_partition_is_not_read_while_it_is_locked() {
    use pontoon::migration::Step;
    use pontoon::plan::plan;
    use pontoon::schema::{Intents, Schema, from_defs};

    macro_rules! parts {
        ($by:ident, $ty:ty, $($more:tt)*) => {{
            #[derive(pontoon::Table)]
            #[table(name = "parts", partition_by($by("k")), partition(name = "parts_rest", default), $($more)*)]
            #[allow(dead_code)]
            struct Part { id: i64, #[column(length = 20)] k: $ty }
            let (schema, _) = from_defs(&[&<Part as pontoon::Table>::DEF]).unwrap();
            schema
        }};
    }
    macro_rules! parts_of_times {
        ($($more:tt)*) => {{
            #[derive(pontoon::Table)]
            #[table(name = "parts", partition_by(range("k")), partition(name = "parts_rest", default), $($more)*)]
            #[allow(dead_code)]
            struct Part { id: i64, k: Option<chrono::DateTime<chrono::Utc>> }
            let (schema, _) = from_defs(&[&<Part as pontoon::Table>::DEF]).unwrap();
            schema
        }};
    }
    let ways: [(Schema, Schema); 5] = [
        (parts!(list, String,), parts!(list, String, partition(name = "p", values("'a'", "'b'")))),
        (parts!(list, String,), parts!(list, String, partition(name = "p", values("'a'")))),
        (parts!(list, Option<String>,), parts!(list, Option<String>, partition(name = "p", values("'a'", "NULL")))),
        (parts!(list, Option<String>,), parts!(list, Option<String>, partition(name = "p", values("NULL")))),
        (parts_of_times!(), parts_of_times!(partition(name = "p", from = "'2026-11-01 00:00:00+00'", to = "MAXVALUE"))),
    ];
    for (before, after) in ways {
        let db = Fresh::new(Dialect::Postgres).await;
        let mut conn = db.connect().await;
        let sql = |from: &Schema, to: &Schema| {
            let plan = plan("0001_x", from, to, &Intents::default(), Dialect::Postgres).unwrap();
            plan.migration.steps.into_iter().filter_map(|(_, step)| match step {
                Step::Statement(it) => Some(it.for_partition("parts_rest")),
                _ => None,
            })
        };
        for it in sql(&Schema::default(), &before) {
            run(&mut conn, &it.sql).await;
        }
        let mut attached = 0;
        for it in sql(&before, &after) {
            if !it.sql.contains("ATTACH PARTITION") {
                run(&mut conn, &it.sql).await;
            } else if std::mem::replace(&mut attached, 1) == 0 {
                let scans = "SELECT coalesce(sum(pg_stat_get_xact_numscans('parts_rest'::regclass)), 0)";
                run(&mut conn, "BEGIN").await;
                let began = number(&mut conn, scans).await;
                run(&mut conn, &it.sql).await;
                assert_eq!(number(&mut conn, scans).await, began, "{}", it.sql);
                run(&mut conn, "COMMIT").await;
            }
        }
        assert_eq!(attached, 1);
        db.end().await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_partition_that_is_partitioned_itself_is_named_before_anything_runs() {
    let case = cases::index_a_partitioned_table(Dialect::Postgres);
    let (db, mut conn, migrations) = before(&case).await;
    let nested =
        "CREATE TABLE things_nested PARTITION OF things FOR VALUES FROM (9000000) TO (9100000) PARTITION BY RANGE (id)";
    run(&mut conn, nested).await;
    let seen = seen();
    let runner = db.runner_with(migrations, Options { observer: seen.clone(), ..Options::default() });
    let error = runner.expand().await.unwrap_err().to_string();
    assert!(error.contains("partition `things_nested` of `things` is partitioned itself"), "{error}");
    assert!(seen.0.lock().unwrap().is_empty(), "nothing has run");
    run(&mut conn, "DROP TABLE things_nested").await;
    runner.expand().await.unwrap();
    db.end().await;
}

/// A table that becomes a partition: rows that do not fit are named before anything is done, and again before its proof.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn rows_that_a_new_partition_cannot_hold_are_named() {
    let case = cases::attach_table(Dialect::Postgres);
    let (db, mut conn, migrations) = before(&case).await;
    run(&mut conn, "INSERT INTO things_old (id, a) VALUES (1, 'a'), (2000000, 'beyond')").await;
    let runner = db.runner_with(migrations, Options::default());
    let error = runner.expand().await.unwrap_err().to_string();
    assert!(error.contains("rows of `things_old` are not within the bounds") && error.contains("2000000"), "{error}");
    run(&mut conn, "DELETE FROM things_old WHERE id = 2000000").await;
    runner.expand().await.unwrap();
    runner.backfill().await.unwrap();
    run(&mut conn, "INSERT INTO things_old (id, a) VALUES (3000000, 'later')").await;
    let error = runner.validate().await.unwrap_err().to_string();
    assert!(error.contains("3000000"), "{error}");
    run(&mut conn, "DELETE FROM things_old WHERE id = 3000000").await;
    runner.validate().await.unwrap();
    // new code's row is one of the table that comes back
    run(&mut conn, "INSERT INTO things (id, a) VALUES (2, 'new')").await;
    runner.undo().await.unwrap();
    assert_eq!(number(&mut conn, "SELECT count(*) FROM things").await, 0);
    assert_eq!(number(&mut conn, "SELECT count(*) FROM things_old").await, 2);
    db.end().await;
}

/// Neither the table that becomes a partition nor the default one is read while it is locked, and no index is built; and
/// what it has becomes part of what the other table has.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_table_is_not_read_while_it_becomes_a_partition() {
    use pontoon::migration::Step;

    let case = cases::attach_table(Dialect::Postgres);
    let (db, mut conn, migrations) = before(&case).await;
    run(&mut conn, "INSERT INTO kinds SELECT generate_series(1, 9)").await;
    run(&mut conn, "INSERT INTO things_old SELECT i, i::text, i % 9 + 1, 1 FROM generate_series(1, 2000) i").await;
    run(&mut conn, "INSERT INTO things SELECT i + 2000000, i::text FROM generate_series(1, 2000) i").await;
    let mut attached = 0;
    for (_, step) in &migrations[1].migration.steps {
        let Step::Statement(it) = step else { continue };
        let sql = it.for_partition("things_rest").sql;
        if !sql.contains("ATTACH PARTITION") {
            run(&mut conn, &sql).await;
        } else if std::mem::replace(&mut attached, 1) == 0 {
            let scans = "SELECT sum(pg_stat_get_xact_numscans(oid))::bigint FROM pg_class WHERE relname IN ('things_old', 'things_rest')";
            let indexes = "SELECT count(*) FROM pg_index WHERE indrelid = 'things_old'::regclass";
            run(&mut conn, "BEGIN").await;
            let began = (number(&mut conn, scans).await, number(&mut conn, indexes).await);
            run(&mut conn, &sql).await;
            assert_eq!((number(&mut conn, scans).await, number(&mut conn, indexes).await), began);
            run(&mut conn, "COMMIT").await;
        }
    }
    assert_eq!(attached, 1);
    let indexes = "SELECT count(*) FROM pg_index x WHERE indrelid = 'things_old'::regclass \
                   AND EXISTS (SELECT FROM pg_inherits WHERE inhrelid = indexrelid)";
    assert_eq!(number(&mut conn, indexes).await, 5, "the key, two that it had, and two that were built");
    let keys = "SELECT count(*) FROM pg_constraint WHERE conrelid = 'things_old'::regclass AND contype = 'f'";
    assert_eq!(number(&mut conn, &format!("{keys} AND conparentid <> 0")).await, 2);
    assert_eq!(number(&mut conn, keys).await, 2);
    let checks = "SELECT count(*) FROM pg_constraint WHERE conrelid = 'things_old'::regclass AND contype = 'c'";
    assert_eq!(number(&mut conn, checks).await, 2, "those of the table");
    db.end().await;
}

/// What was attached leaves its table as any other partition does, with its rows.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_table_that_became_a_partition_can_leave_again() {
    use pontoon::migration::file;
    use pontoon::plan::plan;
    use pontoon::schema::Intents;

    let case = cases::attach_numbered_table(Dialect::Postgres);
    let (db, mut conn, mut migrations) = before(&case).await;
    run(&mut conn, "INSERT INTO things_old (a) VALUES ('old')").await;
    let attached = case.ways().pop().unwrap().to;
    assert!(!attached.tables.contains_key("things_old"), "the snapshot knows it as a partition");
    let mut detached = attached.clone();
    let partitions = &mut detached.tables.get_mut("things").unwrap().partitioned.as_mut().unwrap().partitions;
    partitions.remove("things_old").unwrap();
    let detached_by = [("things".to_owned(), "things_old".to_owned())].into();
    let intents = Intents { detached: detached_by, ..Intents::default() };
    let plan = plan("0003_detach", &attached, &detached, &intents, Dialect::Postgres).unwrap();
    let text = file::render(&plan.migration);
    let migration = file::parse("0003_detach", Dialect::Postgres, "0003_detach", &text).unwrap();
    migrations.push(Recorded { migration, sha256: file::sha256(&text) });
    let runner = db.runner_with(migrations[..2].to_vec(), Options::default());
    runner.up().await.unwrap();
    assert_eq!(number(&mut conn, "SELECT count(*) FROM things").await, 1);
    db.runner_with(migrations, Options::default()).up().await.unwrap();
    assert_eq!(number(&mut conn, "SELECT count(*) FROM things").await, 0);
    assert_eq!(number(&mut conn, "SELECT count(*) FROM things_old").await, 1);
    db.end().await;
}

/// MySQL moves no rows without a word.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_table_with_rows_does_not_vanish_on_mysql() {
    let case = cases::attach_table(Dialect::MySql);
    let db = Fresh::new(Dialect::MySql).await;
    let migrations = history(&case, Dialect::MySql);
    db.runner_with(migrations[..1].to_vec(), Options::default()).up().await.unwrap();
    let mut conn = db.connect().await;
    run(&mut conn, "INSERT INTO things_old (id, a) VALUES (1, 'a')").await;
    let runner = db.runner_with(migrations, Options::default());
    let error = runner.expand().await.unwrap_err().to_string();
    assert!(error.contains("`things` has no partitions on MySQL") && error.contains("rows of `things_old`"), "{error}");
    run(&mut conn, "DELETE FROM things_old").await;
    runner.up().await.unwrap();
    db.end().await;
}
