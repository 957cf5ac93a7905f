//! PostgreSQL: an autovacuum has the table when a statement wants a strong lock on it.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};

use pontoon::Dialect;
use pontoon::exec::Options;
use pontoon_xtask::verify::server::Extras;

use crate::filling::{heard, until, with_users};
use crate::support::{Fresh, own_with, run, sample, seen};

/// One that would go on for hours is ended by the server after `deadlock_timeout`, here 6 seconds; nobody else waits for
/// that, or a client that waits for no lock longer than 3 seconds would be told.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn nobody_waits_while_an_autovacuum_is_in_the_way() {
    let options = ["-c", "deadlock_timeout=6s", "-c", "autovacuum_naptime=1s"].map(str::to_owned).to_vec();
    let server = own_with(Dialect::Postgres, &Extras { options, ..Extras::default() }).await;
    let db = Fresh::on(&server).await;
    let mut conn = with_users(&db, 5_000).await;
    // it pauses for a tenth of a second at every page
    let slowly = "ALTER TABLE users SET (autovacuum_vacuum_threshold = 0, autovacuum_vacuum_scale_factor = 0, \
                  autovacuum_vacuum_cost_limit = 1, autovacuum_vacuum_cost_delay = 100)";
    run(&mut conn, slowly).await;
    run(&mut conn, "UPDATE users SET email = email").await;
    let at_work = "SELECT count(*) FROM pg_locks l JOIN pg_stat_activity a USING (pid) WHERE a.query LIKE 'autovacuum: VACUUM%users%' \
                   AND l.relation = 'users'::regclass AND l.mode = 'ShareUpdateExclusiveLock' \
                   AND a.xact_start < clock_timestamp() - interval '300 milliseconds'";
    until(&mut conn, at_work, 1).await;

    let (stop, done) = (Arc::new(AtomicBool::new(false)), Arc::new(AtomicU64::new(0)));
    let mut client = db.connect().await;
    run(&mut client, "SET lock_timeout = '3s'").await;
    let (stops, counts) = (stop.clone(), done.clone());
    let working = tokio::spawn(async move {
        while !stops.load(Ordering::Relaxed) {
            client.rows("SELECT email FROM users WHERE id = 1").await?;
            client.execute("UPDATE users SET newsletter = NOT newsletter WHERE id = 1").await?;
            counts.fetch_add(1, Ordering::Relaxed);
        }
        Ok::<_, sqlx::Error>(())
    });
    let events = seen();
    let runner =
        db.runner_with(sample(Dialect::Postgres, 2), Options { observer: events.clone(), ..Options::default() });
    let expanding = tokio::spawn(async move { runner.expand().await });
    heard(&events, |it| it.starts_with("Waiting") && it.contains("autovacuum")).await;
    let then = done.load(Ordering::Relaxed);
    expanding.await.unwrap().unwrap();
    assert!(done.load(Ordering::Relaxed) > then, "clients worked meanwhile");
    stop.store(true, Ordering::Relaxed);
    working.await.unwrap().unwrap_or_else(|error| panic!("a client waited: {error}"));
}
