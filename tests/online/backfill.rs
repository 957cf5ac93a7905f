//! The walks: every kind of key, and blocks; nothing left out, nothing filled twice.

use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use pontoon::Dialect;
use pontoon::exec::backfill::{BackfillOptions, fill};
use pontoon::exec::{Event, Observer, Silent};
use pontoon::migration::{Backfill, Step, WalkBy};
use pontoon::plan::plan;
use pontoon::schema::{Column, Intents, Schema, Table, Texts};
use pontoon::sql_type::Kind;
use tokio::sync::Notify;

use crate::filling::heard;
use crate::support::{Fresh, number, on_both_servers, ranges_of_tids, run, seen};

on_both_servers!(
    a_number_as_key,
    a_text_as_key,
    a_uuid_as_key,
    a_pair_as_key,
    an_empty_table,
    a_moment_as_key,
    goes_on_where_it_was_stopped,
    a_row_that_somebody_holds,
    odd_names_everywhere,
);

const ROWS: i64 = 5_000;

fn column(name: &str, kind: Kind, length: Option<u32>) -> Column {
    let ty = pontoon::schema::ColumnType { length, ..pontoon::schema::ColumnType::plain(kind) };
    Column { name: name.into(), ty, nullable: false, identity: false, default: Texts::default(), generated: None }
}

/// The backfill of a new column `filled` from `source`, of a table with this key.
fn backfill_of(
    dialect: Dialect,
    name: &str,
    key: &[(&str, Kind, Option<u32>)],
    source: &str,
) -> (Vec<String>, Backfill) {
    let mut before = Table {
        partitioned: None,
        name: name.into(),
        columns: key.iter().map(|(name, kind, length)| column(name, *kind, *length)).collect(),
        primary_key: key.iter().map(|(name, ..)| (*name).to_owned()).collect(),
        indexes: Default::default(),
        foreign_keys: Default::default(),
        checks: Default::default(),
    };
    before.columns.push(column(source, Kind::Integer, None));
    let mut after = before.clone();
    after.columns.push(column("filled", Kind::Integer, None));
    let schema = |table: &Table| Schema { tables: [(name.to_owned(), table.clone())].into(), ..Schema::default() };
    let mut intents = Intents::default();
    let expression = format!("{} + 1", dialect.ident(source));
    let texts = Texts { postgres: Some(expression.clone()), mysql: Some(expression) };
    intents.backfills.insert((name.into(), "filled".into()), texts);
    let create = plan("1", &Schema::default(), &schema(&before), &intents, dialect).unwrap().migration;
    let add = plan("2", &schema(&before), &schema(&after), &intents, dialect).unwrap().migration;
    let mut statements = Vec::new();
    let mut backfill = None;
    for (_, step) in create.steps.into_iter().chain(add.steps) {
        match step {
            Step::Statement(it) if backfill.is_none() => statements.push(it.sql),
            Step::Backfill(it) => backfill = Some(it),
            Step::Statement(_) | Step::Assertion(_) | Step::Search(_) => {}
        }
    }
    (statements, backfill.expect("a backfill"))
}

/// Numbers 1 to `ROWS` as `n`.
fn numbers(dialect: Dialect) -> String {
    match dialect {
        Dialect::Postgres => format!("generate_series(1, {ROWS}) AS n"),
        Dialect::MySql => format!(
            "(WITH RECURSIVE s(n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM s WHERE n < {ROWS}) SELECT n FROM s) AS numbers"
        ),
    }
}

/// Fills a table with such a key by every walk it has, and looks at every row.
async fn check(dialect: Dialect, table: &str, key: &[(&str, Kind, Option<u32>)], values: &str, source: &str) {
    let (statements, backfill) = backfill_of(dialect, table, key, source);
    for only in 0..backfill.walks.len() {
        let db = Fresh::new(dialect).await;
        let mut conn = db.connect().await;
        let [create, rest @ ..] = &statements[..] else { panic!("no table") };
        run(&mut conn, create).await;
        if dialect == Dialect::MySql {
            run(&mut conn, "SET SESSION cte_max_recursion_depth = 100000").await;
        }
        run(&mut conn, &format!("INSERT INTO {} SELECT {values}, n FROM {}", dialect.ident(table), numbers(dialect)))
            .await;
        for sql in rest {
            run(&mut conn, sql).await;
        }
        let one_walk = Backfill { walks: vec![backfill.walks[only].clone()], ..backfill.clone() };
        let options = BackfillOptions { batch: Some(Duration::from_millis(2)), ..BackfillOptions::default() };
        let by = &one_walk.walks[0].by;
        let filled = fill(&db.pool(), "t", &one_walk, &options, &Silent).await;
        if *by == WalkBy::Blocks && !ranges_of_tids().await {
            assert!(filled.unwrap_err().to_string().contains("has no walk for this server"));
            db.end().await;
            continue;
        }
        let filled = filled.unwrap();
        assert_eq!(filled.rows, ROWS as u64, "{by:?}");
        assert!(filled.batches > 1, "{by:?}");
        let right =
            format!("SELECT count(*) FROM {} WHERE filled = {} + 1", dialect.ident(table), dialect.ident(source));
        assert_eq!(number(&mut conn, &right).await, ROWS, "{by:?}");
        db.end().await;
    }
}

async fn a_number_as_key(dialect: Dialect) {
    check(dialect, "t", &[("id", Kind::BigInt, None)], "n * 7 - 9000", "source").await;
}

async fn a_text_as_key(dialect: Dialect) {
    check(dialect, "t", &[("code", Kind::Text, Some(60))], "concat('Ünï ''\\\\ ', n)", "source").await;
}

async fn a_uuid_as_key(dialect: Dialect) {
    let uuid = match dialect {
        Dialect::Postgres => "gen_random_uuid()",
        Dialect::MySql => "uuid_to_bin(uuid(), n % 2)",
    };
    check(dialect, "t", &[("id", Kind::Uuid, None)], uuid, "source").await;
}

async fn a_pair_as_key(dialect: Dialect) {
    let key = [("tenant", Kind::Text, Some(10)), ("day", Kind::Date, None), ("number", Kind::Integer, None)];
    let day = match dialect {
        Dialect::Postgres => "date '2020-01-01' + n % 7",
        Dialect::MySql => "date_add('2020-01-01', interval n % 7 day)",
    };
    check(dialect, "t", &key, &format!("concat('t', n % 3), {day}, n"), "source").await;
}

async fn a_moment_as_key(dialect: Dialect) {
    let moment = match dialect {
        Dialect::Postgres => "timestamptz '2020-01-01 00:00:00+00' + n * interval '1 microsecond'",
        Dialect::MySql => "date_add('2020-01-01 00:00:00', interval n microsecond)",
    };
    check(dialect, "t", &[("at", Kind::Timestamp, None)], moment, "source").await;
}

async fn odd_names_everywhere(dialect: Dialect) {
    let name = match dialect {
        Dialect::Postgres => "Order \"x\" größe",
        Dialect::MySql => "Order `x` \"größe\"",
    };
    check(dialect, name, &[("select", Kind::Integer, None)], "n", "Quelle'; --").await;
}

async fn an_empty_table(dialect: Dialect) {
    let db = Fresh::new(dialect).await;
    let mut conn = db.connect().await;
    let (statements, backfill) = backfill_of(dialect, "t", &[("id", Kind::BigInt, None)], "source");
    for sql in &statements {
        run(&mut conn, sql).await;
    }
    let filled = fill(&db.pool(), "t", &backfill, &BackfillOptions::default(), &Silent).await.unwrap();
    assert_eq!(filled.rows, 0);
    db.end().await;
}

/// Stops a fill by dropping it somewhere, again and again; what was filled is counted by a trigger.
async fn goes_on_where_it_was_stopped(dialect: Dialect) {
    let (statements, mut backfill) = backfill_of(dialect, "t", &[("id", Kind::BigInt, None)], "source");
    if dialect == Dialect::Postgres {
        // a table that has a key is a table all the same
        let (_, keyless) = backfill_of(dialect, "t", &[], "source");
        backfill.walks.extend(keyless.walks.into_iter().filter(|it| it.by == WalkBy::Tids));
        assert_eq!(backfill.walks.len(), 3);
        if !ranges_of_tids().await {
            backfill.walks.retain(|it| it.by != WalkBy::Blocks);
        }
    }
    for only in 0..backfill.walks.len() {
        let db = Fresh::new(dialect).await;
        let mut conn = db.connect().await;
        run(&mut conn, &statements[0]).await;
        match dialect {
            // some twenty windows, so that there are batches enough whatever their size
            Dialect::Postgres => run(&mut conn, "ALTER TABLE t SET (fillfactor = 10)").await,
            Dialect::MySql => run(&mut conn, "SET SESSION cte_max_recursion_depth = 100000").await,
        }
        run(&mut conn, &format!("INSERT INTO t SELECT n, n FROM {}", numbers(dialect))).await;
        for sql in &statements[1..] {
            run(&mut conn, sql).await;
        }
        // a row for every update of a row
        run(&mut conn, "CREATE TABLE updates (id bigint)").await;
        run(&mut conn, db.pick(
            "CREATE FUNCTION count_it() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN INSERT INTO updates VALUES (NEW.id); RETURN NULL; END $$; \
             CREATE TRIGGER z AFTER UPDATE ON t FOR EACH ROW EXECUTE FUNCTION count_it()",
            "CREATE TRIGGER z AFTER UPDATE ON t FOR EACH ROW INSERT INTO updates VALUES (NEW.id)",
        )).await;
        let one_walk = Backfill { walks: vec![backfill.walks[only].clone()], ..backfill.clone() };
        let options = BackfillOptions { batch: Some(Duration::from_millis(1)), ..BackfillOptions::default() };
        let mut stops = 0;
        loop {
            let pool = db.pool();
            let batches = if stops < 3 { 1 } else { fastrand::u32(1..6) };
            let stop = StopAfter { batches: batches.into(), enough: Notify::new() };
            tokio::select! {
                filled = fill(&pool, "t", &one_walk, &options, &stop) => {
                    assert_eq!(filled.unwrap().rows, ROWS as u64);
                    break;
                }
                () = stop.enough.notified() => stops += 1,
            }
        }
        assert!(stops >= 3, "it was stopped {stops} times only");
        let by: &WalkBy = &one_walk.walks[0].by;
        assert_eq!(number(&mut conn, "SELECT count(*) FROM updates").await, ROWS, "{by:?} after {stops} stops");
        assert_eq!(number(&mut conn, "SELECT count(*) FROM t WHERE filled = source + 1").await, ROWS);
        db.end().await;
    }
}

/// Somebody has a row in an open transaction for longer than a batch waits.
async fn a_row_that_somebody_holds(dialect: Dialect) {
    let db = Fresh::new(dialect).await;
    let mut conn = db.connect().await;
    let (statements, backfill) = backfill_of(dialect, "t", &[("id", Kind::BigInt, None)], "source");
    run(&mut conn, &statements[0]).await;
    run(&mut conn, "INSERT INTO t VALUES (1, 1), (2, 2), (3, 3)").await;
    for sql in &statements[1..] {
        run(&mut conn, sql).await;
    }
    run(&mut conn, "BEGIN").await;
    run(&mut conn, "UPDATE t SET source = 20 WHERE id = 2").await;
    let (pool, events) = (db.pool(), seen());
    let observer = events.clone();
    let work = tokio::spawn(async move { fill(&pool, "t", &backfill, &BackfillOptions::default(), &*observer).await });
    heard(&events, |it| it.starts_with("Retry")).await;
    tokio::time::sleep(Duration::from_millis(500)).await;
    assert!(!work.is_finished());
    run(&mut conn, "COMMIT").await;
    work.await.unwrap().unwrap();
    assert_eq!(number(&mut conn, "SELECT count(*) FROM t WHERE filled = source + 1").await, 3);
    db.end().await;
}

/// Asks to be stopped after so many batches: the fill is dropped in the middle of the next one.
struct StopAfter {
    batches: AtomicU32,
    enough: Notify,
}

impl Observer for StopAfter {
    fn event(&self, event: &Event) {
        if matches!(event, Event::Batch { .. }) && self.batches.fetch_sub(1, Ordering::Relaxed) == 1 {
            self.enough.notify_one();
        }
    }
}
