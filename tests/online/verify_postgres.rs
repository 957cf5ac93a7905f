//! What PostgreSQL does, statement by statement: each expectation was measured by hand first.

use pontoon::Dialect;
use pontoon::migration::{Claim, ServerVersion};
use pontoon_xtask::verify::observation::Observation;
use pontoon_xtask::verify::observe_postgres::PostgresObserver;
use pontoon_xtask::verify::server::shared;

/// 2,000 rows in each: `u` is the parent of `c`; `p` is partitioned, with `p1` and, apart from it, `p2`.
const SETUP: &str = "
DROP SCHEMA public CASCADE; CREATE SCHEMA public; SET search_path = public;
CREATE TABLE u (id bigint PRIMARY KEY, name text);
CREATE TABLE t (id bigint PRIMARY KEY, a int, b varchar(20), c text NOT NULL, d timestamptz DEFAULT now(), uid bigint);
CREATE INDEX t_a ON t (a);
CREATE UNIQUE INDEX t_unique ON t (id, a);
CREATE TABLE c (id bigint PRIMARY KEY, uid bigint CONSTRAINT c_fk REFERENCES u);
CREATE TABLE p (id bigint, k int) PARTITION BY RANGE (id);
CREATE TABLE p1 PARTITION OF p FOR VALUES FROM (1) TO (10000);
CREATE TABLE p2 (id bigint, k int);
CREATE TABLE empty (id bigint PRIMARY KEY, a int);
CREATE VIEW v AS SELECT id FROM u;
CREATE FUNCTION f() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN RETURN NEW; END';
INSERT INTO u SELECT i, 'n' || i FROM generate_series(1, 2000) i;
INSERT INTO t SELECT i, i, 'b' || i, 'c' || i, now(), i FROM generate_series(1, 2000) i;
INSERT INTO c SELECT i, i FROM generate_series(1, 2000) i;
INSERT INTO p SELECT i, i FROM generate_series(1, 2000) i;
INSERT INTO p2 SELECT i, i FROM generate_series(10001, 12000) i;
ALTER TABLE t ADD CONSTRAINT t_c CHECK (a > 0) NOT VALID, ADD CONSTRAINT t_nn CHECK (a IS NOT NULL) NOT VALID;
ALTER TABLE t ADD CONSTRAINT t_fk FOREIGN KEY (uid) REFERENCES u NOT VALID;
ANALYZE;";

const AEL_BRIEF: &str = "locks t ACCESS EXCLUSIVE; reads brief; writes brief";
const AEL_SCAN: &str = "locks t ACCESS EXCLUSIVE; scans t; reads rows; writes rows";
const AEL_REWRITE: &str = "locks t ACCESS EXCLUSIVE; rewrites t; scans t; reads rows; writes rows";
const NOTHING: &str = "locks none; reads no; writes no";

#[rustfmt::skip]
const TABLE: &[(&str, &str)] = &[
    // columns
    ("ALTER TABLE t ADD x int", AEL_BRIEF),
    ("ALTER TABLE t ADD x int NOT NULL DEFAULT 1", AEL_BRIEF),
    ("ALTER TABLE t ADD x timestamptz DEFAULT now()", AEL_BRIEF),
    ("ALTER TABLE t ADD x timestamptz DEFAULT clock_timestamp()", AEL_REWRITE),
    ("ALTER TABLE t ADD x uuid DEFAULT gen_random_uuid()", AEL_REWRITE),
    ("ALTER TABLE t ADD x bigserial", AEL_REWRITE),
    ("ALTER TABLE t ADD x int CHECK (x > 0)", AEL_SCAN),
    ("ALTER TABLE t ADD x int GENERATED ALWAYS AS (a + 1) STORED", AEL_REWRITE),
    ("ALTER TABLE t DROP b", AEL_BRIEF),
    ("ALTER TABLE t RENAME b TO bb", AEL_BRIEF),
    ("ALTER TABLE t ALTER b TYPE varchar(40)", AEL_BRIEF),
    ("ALTER TABLE t ALTER b TYPE text", AEL_BRIEF),
    ("ALTER TABLE t ALTER b TYPE varchar(10)", AEL_REWRITE),
    ("ALTER TABLE t ALTER a TYPE bigint", AEL_REWRITE),
    ("ALTER TABLE t ALTER a SET DEFAULT 5", AEL_BRIEF),
    ("ALTER TABLE t ALTER d DROP DEFAULT", AEL_BRIEF),
    ("ALTER TABLE t ALTER b SET NOT NULL", AEL_SCAN),
    ("ALTER TABLE t ALTER c DROP NOT NULL", AEL_BRIEF),
    ("ALTER TABLE t ALTER a SET STATISTICS 500", "locks t SHARE UPDATE EXCLUSIVE; reads no; writes no"),
    ("ALTER TABLE t SET (fillfactor = 80)", "locks t SHARE UPDATE EXCLUSIVE; reads no; writes no"),
    ("ALTER TABLE t RENAME TO tt", AEL_BRIEF),
    ("ALTER TABLE t SET UNLOGGED", AEL_REWRITE),
    // constraints
    ("ALTER TABLE t ADD CONSTRAINT x CHECK (a > -5)", AEL_SCAN),
    ("ALTER TABLE t ADD CONSTRAINT x CHECK (a > -5) NOT VALID", AEL_BRIEF),
    ("ALTER TABLE t VALIDATE CONSTRAINT t_c", "locks t SHARE UPDATE EXCLUSIVE; scans t; reads no; writes no"),
    ("ALTER TABLE t VALIDATE CONSTRAINT t_fk", "locks t SHARE UPDATE EXCLUSIVE, u ROW SHARE; scans t, u; reads no; writes no"),
    ("ALTER TABLE t DROP CONSTRAINT t_c", AEL_BRIEF),
    ("ALTER TABLE t ADD CONSTRAINT x FOREIGN KEY (uid) REFERENCES u",
     "locks t SHARE ROW EXCLUSIVE, u SHARE ROW EXCLUSIVE; scans t, u; reads no; writes rows"),
    ("ALTER TABLE t ADD CONSTRAINT x FOREIGN KEY (uid) REFERENCES u NOT VALID",
     "locks t SHARE ROW EXCLUSIVE, u SHARE ROW EXCLUSIVE; reads no; writes brief"),
    ("ALTER TABLE c DROP CONSTRAINT c_fk", "locks c ACCESS EXCLUSIVE, u ACCESS EXCLUSIVE; reads brief; writes brief"),
    ("ALTER TABLE t ADD UNIQUE (b)", AEL_SCAN),
    ("ALTER TABLE t ADD CONSTRAINT t_unique2 UNIQUE USING INDEX t_unique", AEL_BRIEF),
    // indexes
    ("CREATE INDEX x ON t (b)", "locks t SHARE; scans t; reads no; writes rows"),
    ("CREATE INDEX CONCURRENTLY x ON t (b)", "locks t SHARE UPDATE EXCLUSIVE; scans t; reads no; writes no"),
    ("CREATE UNIQUE INDEX CONCURRENTLY x ON t (b)", "locks t SHARE UPDATE EXCLUSIVE; scans t; reads no; writes no"),
    ("DROP INDEX t_a", AEL_BRIEF),
    ("DROP INDEX CONCURRENTLY t_a", "locks t SHARE UPDATE EXCLUSIVE; reads no; writes no"),
    ("REINDEX INDEX t_a", "locks t SHARE; scans t; reads rows; writes rows"),
    ("REINDEX TABLE t", "locks t SHARE; scans t; reads rows; writes rows"),
    ("REINDEX INDEX CONCURRENTLY t_a", "locks t SHARE UPDATE EXCLUSIVE; scans t; reads no; writes no"),
    ("ALTER INDEX t_a RENAME TO t_a2", NOTHING),
    // tables
    ("CREATE TABLE n (id int)", NOTHING),
    ("CREATE TABLE n (id int, uid bigint REFERENCES u)", "locks u SHARE ROW EXCLUSIVE; reads no; writes brief"),
    ("DROP TABLE c", "locks c ACCESS EXCLUSIVE, u ACCESS EXCLUSIVE; reads brief; writes brief"),
    ("TRUNCATE t", AEL_BRIEF),
    ("VACUUM FULL t", AEL_REWRITE),
    ("VACUUM t", "locks t SHARE UPDATE EXCLUSIVE; reads no; writes no"),
    ("CREATE TABLE n AS SELECT * FROM t", "locks t ACCESS SHARE; scans t; reads no; writes no"),
    ("ALTER TABLE p DETACH PARTITION p1", "locks p ACCESS EXCLUSIVE, p1 ACCESS EXCLUSIVE; reads brief; writes brief"),
    ("ALTER TABLE p DETACH PARTITION p1 CONCURRENTLY",
     "locks p SHARE UPDATE EXCLUSIVE, p1 ACCESS EXCLUSIVE; reads brief; writes brief"),
    ("ALTER TABLE p ATTACH PARTITION p2 FOR VALUES FROM (10000) TO (20000)",
     "locks p SHARE UPDATE EXCLUSIVE, p2 ACCESS EXCLUSIVE; scans p2; reads rows; writes rows"),
    // triggers, views, comments
    ("CREATE TRIGGER x BEFORE INSERT ON t FOR EACH ROW EXECUTE FUNCTION f()",
     "locks t SHARE ROW EXCLUSIVE; reads no; writes brief"),
    ("CREATE OR REPLACE FUNCTION f() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN RETURN NULL; END'", NOTHING),
    ("COMMENT ON COLUMN t.a IS 'x'", "locks t SHARE UPDATE EXCLUSIVE; reads no; writes no"),
    ("CREATE VIEW w AS SELECT id FROM t", "locks t ACCESS SHARE; reads no; writes no"),
    ("SET lock_timeout = '3s'", NOTHING),
    // rows
    ("UPDATE t SET b = 'x'", "locks t ROW EXCLUSIVE; scans t; reads no; writes rows"),
    ("SELECT id FROM t FOR UPDATE", "locks t ROW SHARE; scans t; reads no; writes rows"),
    ("SELECT id FROM t WHERE id = 5 FOR UPDATE", "locks t ROW SHARE; reads no; writes no"),
    ("UPDATE t SET b = 'x' WHERE id = 5", "locks t ROW EXCLUSIVE; reads no; writes brief"),
    ("UPDATE t SET b = 'x' WHERE b = 'b7'", "locks t ROW EXCLUSIVE; scans t; reads no; writes brief"),
    ("DELETE FROM t", "locks t ROW EXCLUSIVE; scans t; reads no; writes rows"),
    ("DELETE FROM t WHERE id BETWEEN 5 AND 8", "locks t ROW EXCLUSIVE; reads no; writes brief"),
    ("INSERT INTO t (id, a, c) VALUES (5000, 1, 'x')", "locks t ROW EXCLUSIVE; reads no; writes no"),
    ("INSERT INTO empty SELECT id FROM u", "locks empty ROW EXCLUSIVE, u ACCESS SHARE; scans u; reads no; writes no"),
    ("SELECT count(*) FROM t", "locks t ACCESS SHARE; scans t; reads no; writes no"),
];

/// What servers before 14 do differently. All else is the same on every version.
#[rustfmt::skip]
const BEFORE_14: &[(&str, &str)] = &[
    ("ALTER TABLE p DETACH PARTITION p1", "locks p ACCESS EXCLUSIVE, p1 SHARE UPDATE EXCLUSIVE; reads brief; writes brief"),
    ("ALTER TABLE p DETACH PARTITION p1 CONCURRENTLY", "error: syntax error at or near \"CONCURRENTLY\" (42601)"),
];

/// Locks on indexes, which claims need not name.
const INDEX_LOCKS: &[(&str, &str, &str)] = &[
    ("DROP INDEX t_a", "t_a", "ACCESS EXCLUSIVE"),
    ("DROP INDEX CONCURRENTLY t_a", "t_a", "ACCESS EXCLUSIVE"),
    ("REINDEX INDEX CONCURRENTLY t_a", "t_a", "ACCESS EXCLUSIVE"),
    ("REINDEX INDEX t_a", "t_a", "ACCESS EXCLUSIVE"),
    ("ALTER INDEX t_a RENAME TO t_a2", "t_a", "SHARE UPDATE EXCLUSIVE"),
];

#[tokio::test]
async fn a_short_lock_on_an_index_does_not_slip_by() {
    let server = shared(Dialect::Postgres).await;
    let database = server.fresh_database("observe").await.unwrap();
    let mut observer = PostgresObserver::open(database.url()).await.unwrap();
    for (sql, index, expected) in INDEX_LOCKS {
        observer.session().execute(SETUP).await.unwrap();
        let observation = observer.observe(sql).await.unwrap();
        assert_eq!(observation.lock(index).map(|it| it.name()), Some(*expected), "{sql}: {observation:?}");
    }
    drop(observer);
    server.drop_database(database).await.unwrap();
}

/// The observation, in the words of a claim.
fn as_claim(observation: &Observation) -> Claim {
    let mut claim = Claim::none();
    claim.locks = observation.tables().map(|lock| (lock.object.clone(), lock.mode)).collect();
    claim.rewrites = observation.rewrites.clone();
    claim.scans = observation.scans.clone();
    (claim.reads, claim.writes) = (observation.reads, observation.writes);
    claim
}

#[tokio::test]
async fn each_statement_is_seen_as_what_it_is() {
    let server = shared(Dialect::Postgres).await;
    let database = server.fresh_database("observe").await.unwrap();
    let mut observer = PostgresObserver::open(database.url()).await.unwrap();
    let mut wrong = String::new();
    let version: ServerVersion = server.version().parse().unwrap();
    let older = if version < ServerVersion([14, 0, 0]) { BEFORE_14 } else { &[] };
    for (sql, expected) in TABLE {
        let expected = older.iter().find(|it| it.0 == *sql).map_or(expected, |it| &it.1);
        observer.session().execute(SETUP).await.unwrap();
        let observation = observer.observe(sql).await.unwrap();
        let seen = match &observation.error {
            Some(error) => format!("error: {}", error.message),
            None => as_claim(&observation).to_string(),
        };
        if seen != *expected {
            wrong += &format!("\n{sql}\n  expected {expected}\n  seen     {seen}\n  all locks {:?}", observation.locks);
        }
    }
    assert!(wrong.is_empty(), "{wrong}");
    drop(observer);
    server.drop_database(database).await.unwrap();
}
