//! What MySQL does to views, again and again. What each kind of statement does is in `statements`.

use pontoon::Dialect;
use pontoon::migration::{Claim, Extent, LockMode};
use pontoon_xtask::verify::conn::Conn;
use pontoon_xtask::verify::observe_mysql::MySqlObserver;
use pontoon_xtask::verify::server::shared;

/// A view is gone in a moment. Its reader keeps the statement waiting, and what reads a table through a view is in
/// nobody's way.
#[tokio::test]
async fn a_short_lock_on_a_view_does_not_slip_by() {
    let server = shared(Dialect::MySql).await;
    let database = server.fresh_database("observe").await.unwrap();
    let mut conn = Conn::open(database.url()).await.unwrap();
    conn.execute("CREATE TABLE a (id int); CREATE TABLE z (id int); INSERT INTO a VALUES (1), (2), (3)").await.unwrap();
    let mut observer = MySqlObserver::open(database.url()).await.unwrap();
    for _ in 0..10 {
        conn.execute("CREATE VIEW v AS SELECT id FROM a; CREATE VIEW w AS SELECT COUNT(*) AS n FROM v").await.unwrap();
        for (sql, seen, below) in [
            ("CREATE OR REPLACE VIEW w AS SELECT COUNT(*) + 1 AS n FROM v", "w", ""),
            ("DROP VIEW w", "w", ""),
            ("RENAME TABLE v TO x, a TO v", "v", "a"),
            ("RENAME TABLE v TO a, x TO v", "x", "v"),
            ("DROP VIEW v", "v", ""),
        ] {
            let observation = observer.observe(sql).await.unwrap();
            assert_eq!(observation.error, None, "{sql}");
            let lock = observation.lock(seen);
            if sql.starts_with("RENAME") {
                // it waits for the table first, which the view's reader holds too
                assert_eq!(observation.lock(below), Some(LockMode::MdlExclusive), "{sql}: {:?}", observation.locks);
                assert!(lock.is_some() || observation.unheld.contains(seen), "{sql}: {observation:?}");
            } else {
                assert_eq!(lock, Some(LockMode::MdlExclusive), "{sql}: {:?}", observation.locks);
            }
            assert!(observation.scans.is_empty(), "{sql}: {:?}", observation.scans);
        }
    }
    // nobody can read a view of what is not there, so nobody makes its DROP wait
    conn.execute("CREATE VIEW v AS SELECT id FROM z; DROP TABLE z").await.unwrap();
    let observation = observer.observe("DROP VIEW v").await.unwrap();
    assert!(observation.error.is_none() && observation.unheld.contains("v"), "{observation:?}");
    let claim = Claim::none().lock("v", LockMode::MdlExclusive).blocking(Extent::No, Extent::No);
    assert_eq!(pontoon_xtask::verify::verdict::compare(&claim, &observation), []);
    drop(observer);
    server.drop_database(database).await.unwrap();
}
