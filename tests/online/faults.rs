//! What goes wrong on a real server while a fill runs, and goes right again by itself: each row once, and nobody asked.

use std::time::{Duration, Instant};

use pontoon::Dialect;
use pontoon::exec::backfill::BackfillOptions;

use crate::filling::{Gate, begin, each_row_once, expanded, hold_a_row, slow, small, until};
use crate::support::{Fresh, number, on_both_servers, run};

on_both_servers!(a_batch_is_the_victim_of_a_deadlock, leases_that_jump_with_the_clock_cost_nothing);

/// All rows in one batch.
fn at_once() -> BackfillOptions {
    BackfillOptions { batch: Some(Duration::from_secs(5)), passes: Some(1), ..BackfillOptions::default() }
}

/// A client has a row that the batch comes to, and waits for one that the batch has.
async fn a_batch_is_the_victim_of_a_deadlock(dialect: Dialect) {
    let db = Fresh::new(dialect).await;
    let mut conn = expanded(&db, 300).await;
    let gate = Gate::shut(&db, &mut conn, "NEW.email = 'user3@x'").await;
    let mut client = db.connect().await;
    if dialect == Dialect::Postgres {
        // who has waited for so long looks for a cycle: the batch
        let name = db.url.rsplit_once('/').unwrap().1;
        run(&mut conn, &format!("ALTER DATABASE \"{name}\" SET deadlock_timeout = '10ms'")).await;
        run(&mut client, "SET deadlock_timeout = '10min'").await;
    } else {
        // MySQL ends who has changed less
        run(&mut client, "CREATE TABLE ballast (n bigint)").await;
    }
    run(&mut client, "BEGIN").await;
    if dialect == Dialect::MySql {
        for _ in 0..12 {
            run(&mut client, "INSERT INTO ballast SELECT id FROM users").await;
        }
    }
    // a row of the batch's end, which is what a fill by ranges and by blocks comes to last
    run(&mut client, "UPDATE users SET newsletter = false WHERE email = 'user5@x'").await;
    let (work, events) = begin(&db, at_once());
    gate.reached_by(&mut conn, 1).await;
    // the batch has these, and comes to the client's while that one waits
    let me = db.pick("SELECT pg_backend_pid()", "SELECT CONNECTION_ID()");
    let me = number(&mut client, me).await;
    let waits = tokio::spawn(async move {
        run(&mut client, "UPDATE users SET newsletter = false WHERE email IN ('user1@x', 'user2@x', 'user3@x')").await;
        run(&mut client, "COMMIT").await;
    });
    let waiting = match dialect {
        Dialect::Postgres => format!("SELECT count(*) FROM pg_locks WHERE pid = {me} AND NOT granted"),
        Dialect::MySql => format!(
            "SELECT COUNT(*) FROM information_schema.INNODB_TRX WHERE trx_mysql_thread_id = {me} AND trx_state = 'LOCK WAIT'"
        ),
    };
    until(&mut conn, &waiting, 1).await;
    gate.open().await;
    waits.await.unwrap();
    work.await.unwrap().unwrap();
    let told = events.0.lock().unwrap().clone();
    let gave_way = told.iter().any(|it| it.starts_with("Retry") && it.to_lowercase().contains("deadlock"));
    assert!(gave_way, "{told:?}");
    assert_eq!(number(&mut conn, "SELECT count(*) FROM users WHERE newsletter").await, 296, "the client was not ended");
    assert_eq!(
        number(&mut conn, "SELECT count(*) FROM users WHERE display_name IS NULL OR display_name NOT LIKE 'user%'")
            .await,
        0
    );
    db.end().await;
}

/// A database whose transactions are serializable unless they say otherwise.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_batch_that_cannot_be_serialized_is_tried_again() {
    for level in ["repeatable read", "serializable"] {
        let db = Fresh::new(Dialect::Postgres).await;
        let mut conn = expanded(&db, 300).await;
        let gate = Gate::shut(&db, &mut conn, "NEW.email = 'user3@x'").await;
        let name = db.url.rsplit_once('/').unwrap().1;
        run(&mut conn, &format!("ALTER DATABASE \"{name}\" SET default_transaction_isolation = '{level}'")).await;
        let (work, events) = begin(&db, at_once());
        gate.reached_by(&mut conn, 1).await;
        // behind the batch's snapshot, before it comes to the row
        run(&mut conn, "UPDATE users SET email = 'other5@x' WHERE email = 'user5@x'").await;
        gate.open().await;
        work.await.unwrap().unwrap();
        let told = events.0.lock().unwrap().clone();
        let again = told.iter().any(|it| it.starts_with("Retry") && it.contains("could not serialize access"));
        assert!(again, "{level}: {told:?}");
        let right = "SELECT count(*) FROM users WHERE display_name = split_part(email, '@', 1)";
        assert_eq!(number(&mut conn, right).await, 300, "{level}");
        db.end().await;
    }
}

/// The server's clock jumps an hour ahead, and back, again and again: to the ranges that are dealt that is what it comes to. Ahead,
/// each lease has ended, and living workers take each other's ranges; back, no lease ends.
async fn leases_that_jump_with_the_clock_cost_nothing(dialect: Dialect) {
    let db = Fresh::new(dialect).await;
    let users = 10_000;
    let mut conn = expanded(&db, users).await;
    slow(&db, &mut conn, 0.0002, "NEW.id > 0").await;
    let mut holder = Some(hold_a_row(&db).await);
    let (work, events) = begin(&db, BackfillOptions { batch: Some(Duration::from_millis(40)), ..small(4) });
    let jump = |hours: i32| match dialect {
        Dialect::Postgres => format!("UPDATE pontoon_range SET lease_until = lease_until + interval '{hours} hours'"),
        Dialect::MySql => format!("UPDATE pontoon_range SET lease_until = lease_until + INTERVAL {hours} HOUR"),
    };
    let taken = || events.0.lock().unwrap().iter().filter(|it| it.starts_with("TakenOver")).count();
    let (mut jumps, begun) = (0, Instant::now());
    while !work.is_finished() {
        assert!(begun.elapsed() < Duration::from_secs(300), "{jumps} jumps, {} taken over", taken());
        // a worker has its own row when it commits; what it waits for is no more than a moment
        if conn.execute(&jump(if jumps % 3 == 2 { 2 } else { -1 })).await.is_ok() {
            jumps += 1;
        }
        tokio::time::sleep(Duration::from_millis(5)).await;
        // the fill does not end before ranges were taken from the living
        if jumps > 30 && taken() > 2 {
            holder = None;
        }
    }
    work.await.unwrap().unwrap();
    assert!(holder.is_none(), "it ended while somebody had one of its rows");
    each_row_once(&mut conn, dialect, users).await;
    db.end().await;
}
