//! What MySQL does, statement by statement: each expectation was measured by hand first.

use pontoon::Dialect;
use pontoon::migration::{Claim, Extent, LockMode};
use pontoon_xtask::verify::conn::Conn;
use pontoon_xtask::verify::observation::Observation;
use pontoon_xtask::verify::observe_mysql::MySqlObserver;
use pontoon_xtask::verify::server::shared;

/// 2,000 rows in each: `u` is the parent of `c`; `p` is partitioned; `f` has a full-text index.
const SETUP: &str = "
CREATE TABLE n (n int PRIMARY KEY);
INSERT INTO n WITH RECURSIVE r (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM r WHERE i < 900) SELECT i FROM r;
INSERT INTO n SELECT n + 900 FROM n; INSERT INTO n SELECT n + 1800 FROM n WHERE n <= 200;
CREATE TABLE u (id bigint PRIMARY KEY, name varchar(40));
CREATE TABLE t (id bigint PRIMARY KEY, a int, b varchar(20), c varchar(40) NOT NULL, d datetime DEFAULT now(),
  uid bigint, e enum('x', 'y'), KEY t_a (a), KEY t_u (uid));
CREATE TABLE c (id bigint PRIMARY KEY, uid bigint, CONSTRAINT c_fk FOREIGN KEY (uid) REFERENCES u (id));
CREATE TABLE p (id bigint PRIMARY KEY, k int) PARTITION BY RANGE (id)
  (PARTITION p0 VALUES LESS THAN (1000), PARTITION p1 VALUES LESS THAN (5000));
CREATE TABLE f (id bigint PRIMARY KEY, body varchar(100), FULLTEXT KEY f_body (body));
CREATE TABLE `order` (id bigint PRIMARY KEY, `group` int);
CREATE TABLE e (id bigint PRIMARY KEY, a int);
CREATE TRIGGER t_old BEFORE INSERT ON t FOR EACH ROW SET NEW.a = NEW.a;
INSERT INTO u SELECT n, concat('n', n) FROM n;
INSERT INTO t SELECT n, n, concat('b', n), concat('c', n), now(), n, 'x' FROM n;
INSERT INTO c SELECT n, n FROM n;
INSERT INTO p SELECT n, n FROM n;
INSERT INTO f SELECT n, concat('word', n) FROM n;
INSERT INTO `order` SELECT n, n FROM n;
DROP TABLE n;";

const INSTANT: &str = "locks t EXCLUSIVE; algorithm INSTANT; lock NONE; reads brief; writes brief";
const META: &str = "locks t EXCLUSIVE; algorithm INPLACE; lock NONE; reads brief; writes brief";
const INDEX: &str = "locks t EXCLUSIVE; algorithm INPLACE; lock NONE; scans t; reads brief; writes brief";
const INDEX_SHARED: &str = "locks t EXCLUSIVE; algorithm INPLACE; lock SHARED; scans t; reads brief; writes rows";
const REBUILD: &str = "locks t EXCLUSIVE; algorithm INPLACE; lock NONE; rewrites t; scans t; reads brief; writes brief";
const COPY: &str = "locks t EXCLUSIVE; algorithm COPY; lock SHARED; rewrites t; scans t; reads brief; writes rows";
const EXCLUSIVE: &str = "locks t EXCLUSIVE; reads brief; writes brief";
const NOTHING: &str = "locks none; reads no; writes no";

#[rustfmt::skip]
const TABLE: &[(&str, &str)] = &[
    // columns
    ("ALTER TABLE t ADD x int", INSTANT),
    ("ALTER TABLE t ADD x int NOT NULL DEFAULT 1 AFTER a", INSTANT),
    ("ALTER TABLE t ADD x datetime DEFAULT CURRENT_TIMESTAMP", INSTANT),
    ("ALTER TABLE t ADD x int GENERATED ALWAYS AS (a + 1) VIRTUAL", INSTANT),
    ("ALTER TABLE t ADD x int GENERATED ALWAYS AS (a + 1) STORED", COPY),
    ("ALTER TABLE t ADD x int CHECK (x > 0)", COPY),
    ("ALTER TABLE t DROP COLUMN b", INSTANT),
    ("ALTER TABLE t RENAME COLUMN b TO bb", INSTANT),
    ("ALTER TABLE t MODIFY b varchar(30)", META),
    ("ALTER TABLE t MODIFY b varchar(10)", COPY),
    ("ALTER TABLE t MODIFY a bigint", COPY),
    ("ALTER TABLE t MODIFY a int NOT NULL", REBUILD),
    ("ALTER TABLE t MODIFY c varchar(40) NULL", REBUILD),
    ("ALTER TABLE t MODIFY e enum('x', 'y', 'z')", INSTANT),
    ("ALTER TABLE t ALTER a SET DEFAULT 5", INSTANT),
    ("ALTER TABLE t ALTER d DROP DEFAULT", INSTANT),
    ("ALTER TABLE f ADD x int", "locks f EXCLUSIVE; algorithm COPY; lock SHARED; rewrites f; scans f; reads brief; writes rows"),
    ("ALTER TABLE `order` ADD `x y` int",
     "locks order EXCLUSIVE; algorithm INSTANT; lock NONE; reads brief; writes brief"),
    // indexes
    ("ALTER TABLE t ADD INDEX x (b)", INDEX),
    ("CREATE INDEX x ON t (b)", INDEX),
    ("CREATE UNIQUE INDEX x ON t (b)", INDEX),
    ("CREATE INDEX x ON t ((a + 1))", INDEX_SHARED),
    ("CREATE FULLTEXT INDEX x ON t (b)", "locks t EXCLUSIVE; algorithm INPLACE; lock SHARED; rewrites t; scans t; reads brief; writes rows"),
    ("DROP INDEX t_a ON t", META),
    ("ALTER TABLE t RENAME INDEX t_a TO t_b", META),
    ("ALTER TABLE t ALTER INDEX t_a INVISIBLE", META),
    ("ALTER TABLE t DROP PRIMARY KEY, ADD PRIMARY KEY (id, a)", REBUILD),
    // constraints
    ("ALTER TABLE t ADD CONSTRAINT x CHECK (a > -5)", COPY),
    ("ALTER TABLE t ADD CONSTRAINT x CHECK (a > -5) NOT ENFORCED", INSTANT),
    ("ALTER TABLE t ADD CONSTRAINT x FOREIGN KEY (uid) REFERENCES u (id)",
     "locks t EXCLUSIVE, u EXCLUSIVE; algorithm COPY; lock SHARED; rewrites t; scans t; reads brief; writes rows"),
    ("ALTER TABLE c DROP FOREIGN KEY c_fk", "locks c EXCLUSIVE, u EXCLUSIVE; algorithm INPLACE; lock NONE; reads brief; writes brief"),
    ("ALTER TABLE u ADD x int", "locks c EXCLUSIVE, u EXCLUSIVE; algorithm INSTANT; lock NONE; reads brief; writes brief"),
    ("ALTER TABLE c ADD x int", "locks c EXCLUSIVE, u SHARED_UPGRADABLE; algorithm INSTANT; lock NONE; reads brief; writes brief"),
    // with clauses of their own
    ("ALTER TABLE t ADD x int, ALGORITHM=INPLACE", REBUILD),
    ("ALTER TABLE t ADD x int, ALGORITHM=COPY", COPY),
    ("ALTER TABLE t ADD INDEX x (b), ALGORITHM=INPLACE, LOCK=SHARED", INDEX_SHARED),
    ("ALTER TABLE t ADD x int, LOCK=NONE", INSTANT),
    ("ALTER TABLE t ADD x int, ALGORITHM=DEFAULT", INSTANT),
    // tables
    ("ALTER TABLE t FORCE", REBUILD),
    ("ALTER TABLE t ENGINE=InnoDB", REBUILD),
    ("ALTER TABLE t COMMENT 'x'", META),
    ("ALTER TABLE t RENAME TO tt", INSTANT),
    ("OPTIMIZE TABLE t", "locks t EXCLUSIVE; rewrites t; scans t; reads brief; writes brief"),
    ("ALTER TABLE p OPTIMIZE PARTITION p0", "locks p EXCLUSIVE; algorithm INPLACE; lock NONE; rewrites p; scans p; reads brief; writes brief"),
    ("ALTER TABLE p TRUNCATE PARTITION p0", "locks p EXCLUSIVE; algorithm INSTANT; lock NONE; reads brief; writes brief"),
    ("ALTER TABLE p ADD PARTITION (PARTITION p2 VALUES LESS THAN (9000))",
     "locks p EXCLUSIVE; algorithm INPLACE; lock NONE; reads brief; writes brief"),
    ("CREATE TABLE x (id int)", NOTHING),
    ("CREATE TABLE x (id int, uid bigint, FOREIGN KEY (uid) REFERENCES u (id))", "locks u EXCLUSIVE; reads brief; writes brief"),
    ("DROP TABLE c", "locks c EXCLUSIVE, u EXCLUSIVE; reads brief; writes brief"),
    ("RENAME TABLE t TO tt", EXCLUSIVE),
    ("TRUNCATE TABLE t", EXCLUSIVE),
    // triggers, views, routines
    ("CREATE TRIGGER x BEFORE UPDATE ON t FOR EACH ROW SET NEW.a = 1", EXCLUSIVE),
    ("DROP TRIGGER t_old", EXCLUSIVE),
    ("CREATE PROCEDURE x() BEGIN SELECT 1; SELECT 2; END", NOTHING),
    ("SET foreign_key_checks = 0", NOTHING),
    // rows
    ("UPDATE t SET b = 'x'", "locks t SHARED_WRITE; scans t; reads no; writes rows"),
    ("UPDATE t SET b = 'x' WHERE id = 5", "locks t SHARED_WRITE; reads no; writes brief"),
    ("DELETE FROM t", "locks t SHARED_WRITE; scans t; reads no; writes rows"),
    ("INSERT INTO t (id, c) VALUES (5000, 'x')", "locks t SHARED_WRITE; reads no; writes no"),
    ("INSERT INTO e SELECT id, id FROM u", "locks e SHARED_WRITE, u SHARED_READ; scans u; reads no; writes rows"),
    ("SELECT a FROM t WHERE a > -5 FOR SHARE", "locks t SHARED_READ; scans t; reads no; writes rows"),
    ("SELECT COUNT(*) FROM t WHERE b > ''", "locks t SHARED_READ; scans t; reads no; writes no"),
];

/// The observation, in the words of a claim.
fn as_claim(observation: &Observation) -> Claim {
    let mut claim = Claim::none();
    claim.locks = observation.tables().map(|lock| (lock.object.clone(), lock.mode)).collect();
    (claim.algorithm, claim.lock_clause) = (observation.algorithm, observation.lock_clause);
    claim.rewrites = observation.rewrites.clone();
    claim.scans = observation.scans.clone();
    (claim.reads, claim.writes) = (observation.reads, observation.writes);
    claim
}

#[tokio::test]
async fn each_statement_is_seen_as_what_it_is() {
    let server = shared(Dialect::MySql).await;
    let mut wrong = String::new();
    for (sql, expected) in TABLE {
        let database = server.fresh_database("observe").await.unwrap();
        Conn::open(database.url()).await.unwrap().execute(SETUP).await.unwrap();
        let mut observer = MySqlObserver::open(database.url()).await.unwrap();
        let observation = observer.observe(sql).await.unwrap();
        let seen = match &observation.error {
            Some(error) => format!("error: {}", error.message),
            None => as_claim(&observation).to_string(),
        };
        if seen != *expected {
            wrong += &format!("\n{sql}\n  expected {expected}\n  seen     {seen}\n  all locks {:?}", observation.locks);
        }
        drop(observer);
        server.drop_database(database).await.unwrap();
    }
    assert!(wrong.is_empty(), "{wrong}");
}

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
