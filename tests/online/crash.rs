//! The application is killed (SIGKILL) at any moment, again and again, while old code writes. In the
//! end everything is as if nothing had happened, and nothing was done twice.

use std::process::{Command, Stdio};
use std::time::Duration;

use pontoon::Dialect;

use crate::support::{Fresh, number, on_both_servers, run};

on_both_servers!(killed_again_and_again);

async fn killed_again_and_again(dialect: Dialect) {
    let db = Fresh::new(dialect).await;
    db.runner(1).up().await.unwrap();
    let mut conn = db.connect().await;
    if dialect == Dialect::MySql {
        run(&mut conn, "SET SESSION cte_max_recursion_depth = 100000").await;
    }
    run(&mut conn, db.pick(
        "INSERT INTO users (email, newsletter) SELECT 'user' || n || '@x', true FROM generate_series(1, 20000) AS n",
        "INSERT INTO users (email, newsletter) WITH RECURSIVE s(n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM s WHERE n < 20000) \
         SELECT concat('user', n, '@x'), true FROM s",
    )).await;
    let shop = env!("CARGO_BIN_EXE_shop");
    let (mut kills, mut written) = (0, 20_000);
    loop {
        let mut child = Command::new(shop)
            .args(["up", "--batch", "2"])
            .env("DATABASE_URL", &db.url)
            .stdout(Stdio::null())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        let patience = Duration::from_millis(40 + fastrand::u64(0..160));
        let begun = std::time::Instant::now();
        let ended = loop {
            if let Some(status) = child.try_wait().unwrap() {
                break Some(status);
            }
            if begun.elapsed() > patience && kills < 40 {
                break None;
            }
            // old code goes on; after contract it is new code
            let n = written;
            let sql = format!("INSERT INTO users (email, newsletter) VALUES ('live{n}@x', true)");
            if conn.execute(sql).await.is_ok() {
                written += 1;
            }
            tokio::time::sleep(Duration::from_millis(3)).await;
        };
        match ended {
            Some(status) if status.success() => break,
            Some(status) => {
                let output = child.wait_with_output().unwrap();
                panic!("{status} after {kills} kills: {}", String::from_utf8_lossy(&output.stderr));
            }
            None => {
                child.kill().unwrap();
                child.wait().unwrap();
                kills += 1;
            }
        }
    }
    assert!(kills > 3, "it was too quick to be killed");
    let wrong = db.pick(
        "SELECT count(*) FROM users WHERE display_name IS DISTINCT FROM split_part(email, '@', 1)",
        "SELECT count(*) FROM users WHERE NOT (display_name <=> substring_index(email, '@', 1))",
    );
    assert_eq!(number(&mut conn, wrong).await, 0);
    assert_eq!(number(&mut conn, "SELECT count(*) FROM users").await, written);
    let twice = "SELECT count(*) FROM (SELECT migration, step FROM pontoon_ledger WHERE event = 'done' AND direction = 'do' \
                 AND step IS NOT NULL GROUP BY migration, step HAVING count(*) > 1) AS twice";
    assert_eq!(number(&mut conn, twice).await, 0);
    // each row of before was filled once: by a batch, or by a trigger when old code wrote it
    let filled = number(&mut conn, "SELECT rows_filled FROM pontoon_checkpoint WHERE backfill LIKE '0002%'").await;
    assert!(filled <= written, "{filled}");
    assert!(filled >= 20_000, "{filled}");
    eprintln!("{dialect}: {kills} kills");
    db.end().await;
}
