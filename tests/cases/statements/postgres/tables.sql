-- # ALTER TABLE (sql-altertable): the table itself
-- @claim locks t ACCESS EXCLUSIVE; reads brief; writes brief
ALTER TABLE t RENAME TO tt;
-- @claim locks none; reads no; writes no
ALTER TABLE IF EXISTS nothing RENAME TO tt;
-- @first CREATE SCHEMA elsewhere
-- @claim locks t ACCESS EXCLUSIVE; reads brief; writes brief
ALTER TABLE t SET SCHEMA elsewhere;
-- @claim locks t SHARE UPDATE EXCLUSIVE; reads no; writes no
ALTER TABLE t SET (fillfactor = 80);
-- @claim locks t SHARE UPDATE EXCLUSIVE; reads no; writes no
ALTER TABLE t RESET (fillfactor);
-- @claim locks t SHARE UPDATE EXCLUSIVE; reads no; writes no
ALTER TABLE t SET (autovacuum_enabled = false);
-- @claim locks t SHARE UPDATE EXCLUSIVE; reads no; writes no
ALTER TABLE t SET (parallel_workers = 2);
-- @claim locks t ACCESS EXCLUSIVE; reads brief; writes brief
ALTER TABLE t SET (user_catalog_table = true);
-- @claim locks t SHARE UPDATE EXCLUSIVE; reads no; writes no
ALTER TABLE t SET (toast.autovacuum_enabled = false);
-- @claim locks gen ACCESS EXCLUSIVE; rewrites gen; scans gen; reads rows; writes rows
ALTER TABLE gen SET UNLOGGED;
-- @claim locks gen ACCESS EXCLUSIVE; reads brief; writes brief
ALTER TABLE gen SET LOGGED;
-- @claim locks unlogged ACCESS EXCLUSIVE; rewrites unlogged; scans unlogged; reads rows; writes rows
ALTER TABLE unlogged SET LOGGED;
-- @claim locks t ACCESS EXCLUSIVE; reads brief; writes brief
-- @claim < 15: refused 42601
ALTER TABLE t SET ACCESS METHOD heap;
-- @claim locks t ACCESS EXCLUSIVE; reads brief; writes brief
ALTER TABLE t SET TABLESPACE pg_default;
-- @claim locks t ACCESS EXCLUSIVE; reads brief; writes brief
ALTER TABLE t SET WITHOUT OIDS;
-- @claim locks t ACCESS EXCLUSIVE; reads brief; writes brief
ALTER TABLE t OWNER TO CURRENT_USER;
-- @claim locks t SHARE UPDATE EXCLUSIVE; reads no; writes no
ALTER TABLE t CLUSTER ON t_a;
-- @claim locks t SHARE UPDATE EXCLUSIVE; reads no; writes no
ALTER TABLE t SET WITHOUT CLUSTER;
-- @claim locks t ACCESS EXCLUSIVE; reads brief; writes brief
ALTER TABLE t REPLICA IDENTITY FULL;
-- @claim locks num ACCESS EXCLUSIVE; reads brief; writes brief
ALTER TABLE num REPLICA IDENTITY USING INDEX num_key;
-- @claim locks ancestor SHARE UPDATE EXCLUSIVE, stranger ACCESS EXCLUSIVE; reads brief; writes brief
ALTER TABLE stranger INHERIT ancestor;
-- @claim locks ancestor ACCESS SHARE, heir ACCESS EXCLUSIVE; reads brief; writes brief
ALTER TABLE heir NO INHERIT ancestor;
-- @claim locks w SHARE ROW EXCLUSIVE; reads no; writes brief
ALTER TABLE w DISABLE TRIGGER w_trigger;
-- @claim locks w SHARE ROW EXCLUSIVE; reads no; writes brief
ALTER TABLE w ENABLE TRIGGER ALL;
-- @claim locks w SHARE ROW EXCLUSIVE; reads no; writes brief
ALTER TABLE w ENABLE REPLICA TRIGGER w_trigger;
-- @claim locks w ACCESS EXCLUSIVE; reads brief; writes brief
ALTER TABLE w DISABLE RULE w_rule;
-- @claim locks w ACCESS EXCLUSIVE; reads brief; writes brief
ALTER TABLE w ENABLE ROW LEVEL SECURITY;
-- @claim locks w ACCESS EXCLUSIVE; reads brief; writes brief
ALTER TABLE w FORCE ROW LEVEL SECURITY;

-- # CREATE TABLE (sql-createtable)
-- @claim locks none; reads no; writes no
CREATE TABLE n (id int);
-- @claim locks none; reads no; writes no
CREATE TABLE IF NOT EXISTS t (id int);
-- @claim locks u SHARE ROW EXCLUSIVE; reads no; writes brief
CREATE TABLE n (id int, uid bigint REFERENCES u);
-- @claim locks t ACCESS SHARE; reads no; writes no
CREATE TABLE n (LIKE t INCLUDING ALL);
-- @claim locks ancestor SHARE UPDATE EXCLUSIVE; reads no; writes no
CREATE TABLE n (z int) INHERITS (ancestor);
-- @claim locks p ACCESS EXCLUSIVE; reads brief; writes brief
CREATE TABLE p3 PARTITION OF p FOR VALUES FROM (20000) TO (30000);
-- @claim locks q ACCESS EXCLUSIVE, q_default ACCESS EXCLUSIVE; scans q_default; reads rows; writes rows
CREATE TABLE q3 PARTITION OF q FOR VALUES FROM (20000) TO (30000);
-- @claim locks none; reads no; writes no
CREATE TEMPORARY TABLE n (id int);
-- @claim locks none; reads no; writes no
CREATE TABLE n OF pair;

-- # CREATE TABLE AS (sql-createtableas), SELECT INTO (sql-selectinto)
-- @claim locks t ACCESS SHARE; scans t; reads no; writes no
CREATE TABLE n AS SELECT * FROM t;
-- @claim locks t ACCESS SHARE; reads no; writes no
CREATE TABLE n AS SELECT * FROM t WITH NO DATA;
-- @claim locks t ACCESS SHARE; scans t; reads no; writes no
SELECT * INTO n FROM t;

-- # DROP TABLE (sql-droptable)
-- @claim locks empty ACCESS EXCLUSIVE; reads brief; writes brief
DROP TABLE empty;
-- @claim locks none; reads no; writes no
DROP TABLE IF EXISTS nothing;
-- @claim locks c ACCESS EXCLUSIVE, u ACCESS EXCLUSIVE; reads brief; writes brief
DROP TABLE c;
-- @claim refused 2BP01
DROP TABLE u;
-- @claim locks c ACCESS EXCLUSIVE, mv ACCESS EXCLUSIVE, t ACCESS EXCLUSIVE, u ACCESS EXCLUSIVE; reads brief; writes brief
-- @others v ACCESS EXCLUSIVE
DROP TABLE u CASCADE;
-- @claim locks p ACCESS EXCLUSIVE, p1 ACCESS EXCLUSIVE; reads brief; writes brief
DROP TABLE p;
-- @claim locks p ACCESS EXCLUSIVE, p1 ACCESS EXCLUSIVE; reads brief; writes brief
DROP TABLE p1;
-- @claim locks q ACCESS EXCLUSIVE, q1 ACCESS EXCLUSIVE, q_default ACCESS EXCLUSIVE; reads brief; writes brief
DROP TABLE q1;
-- @claim locks heir ACCESS EXCLUSIVE; reads brief; writes brief
DROP TABLE heir;
-- @claim locks num ACCESS EXCLUSIVE; reads brief; writes brief
-- @others num_id_seq ACCESS EXCLUSIVE, num_n_seq ACCESS EXCLUSIVE
DROP TABLE num;

-- # TRUNCATE (sql-truncate)
-- @claim locks t ACCESS EXCLUSIVE; reads brief; writes brief
TRUNCATE t;
-- @claim refused 0A000
TRUNCATE u;
-- @claim locks c ACCESS EXCLUSIVE, t ACCESS EXCLUSIVE, u ACCESS EXCLUSIVE; reads brief; writes brief
TRUNCATE u CASCADE;
-- @claim locks c ACCESS EXCLUSIVE, t ACCESS EXCLUSIVE; reads brief; writes brief
TRUNCATE c, t;
-- @claim locks p ACCESS EXCLUSIVE, p1 ACCESS EXCLUSIVE; reads brief; writes brief
TRUNCATE p;
-- @claim locks num ACCESS EXCLUSIVE; reads brief; writes brief
-- @others num_id_seq ACCESS EXCLUSIVE, num_n_seq ACCESS EXCLUSIVE
TRUNCATE num RESTART IDENTITY;

-- # Table Partitioning (ddl-partitioning), ALTER TABLE (sql-altertable): ATTACH and DETACH PARTITION
-- @claim locks p SHARE UPDATE EXCLUSIVE, p2 ACCESS EXCLUSIVE; scans p2; reads rows; writes rows
ALTER TABLE p ATTACH PARTITION p2 FOR VALUES FROM (10000) TO (20000);
-- @first ALTER TABLE p2 ADD CONSTRAINT x CHECK (id >= 10000 AND id < 20000)
-- @claim locks p SHARE UPDATE EXCLUSIVE, p2 ACCESS EXCLUSIVE; reads brief; writes brief
ALTER TABLE p ATTACH PARTITION p2 FOR VALUES FROM (10000) TO (20000);
-- @claim locks q SHARE UPDATE EXCLUSIVE, q2 ACCESS EXCLUSIVE, q_default ACCESS EXCLUSIVE; scans q_default; reads rows; writes rows
ALTER TABLE q ATTACH PARTITION q2 FOR VALUES FROM (1000) TO (2000);
-- @first ALTER TABLE q_default ADD CONSTRAINT x CHECK (id < 1000 OR id >= 2000)
-- @claim locks q SHARE UPDATE EXCLUSIVE, q2 ACCESS EXCLUSIVE, q_default ACCESS EXCLUSIVE; reads brief; writes brief
ALTER TABLE q ATTACH PARTITION q2 FOR VALUES FROM (1000) TO (2000);
-- @first ALTER TABLE q_default ADD CONSTRAINT x CHECK (id < 1000 OR id >= 2000)
-- @first DROP INDEX q2_id
-- @claim locks q SHARE UPDATE EXCLUSIVE, q2 ACCESS EXCLUSIVE, q_default ACCESS EXCLUSIVE; scans q2; reads rows; writes rows
ALTER TABLE q ATTACH PARTITION q2 FOR VALUES FROM (1000) TO (2000);
-- @claim locks p ACCESS EXCLUSIVE, p1 ACCESS EXCLUSIVE; reads brief; writes brief
-- @claim < 14: locks p ACCESS EXCLUSIVE, p1 SHARE UPDATE EXCLUSIVE; reads brief; writes brief
ALTER TABLE p DETACH PARTITION p1;
-- @claim locks p SHARE UPDATE EXCLUSIVE, p1 ACCESS EXCLUSIVE; reads brief; writes brief
-- @claim < 14: refused 42601
ALTER TABLE p DETACH PARTITION p1 CONCURRENTLY;
-- @claim locks q ACCESS EXCLUSIVE, q1 ACCESS EXCLUSIVE, q_default ACCESS EXCLUSIVE; reads brief; writes brief
-- @claim < 14: locks q ACCESS EXCLUSIVE, q1 SHARE UPDATE EXCLUSIVE, q_default ACCESS EXCLUSIVE; reads brief; writes brief
-- @others < 14: q1_id_idx ACCESS EXCLUSIVE
ALTER TABLE q DETACH PARTITION q1;
-- @claim locks q ACCESS EXCLUSIVE, q_default ACCESS EXCLUSIVE; reads brief; writes brief
ALTER TABLE q DETACH PARTITION q_default;
-- @claim refused 55000
-- @claim < 14: refused 42601
ALTER TABLE q DETACH PARTITION q1 CONCURRENTLY;

-- # VACUUM (sql-vacuum), ANALYZE (sql-analyze), CLUSTER (sql-cluster)
-- what VACUUM and ANALYZE read, the server does not count as read; it keeps nobody waiting
-- @claim locks t SHARE UPDATE EXCLUSIVE; reads no; writes no
VACUUM t;
-- @claim locks t SHARE UPDATE EXCLUSIVE; reads no; writes no
VACUUM (ANALYZE) t;
-- @claim locks t SHARE UPDATE EXCLUSIVE; reads no; writes no
VACUUM (FREEZE) t;
-- @claim locks t ACCESS EXCLUSIVE; rewrites t; scans t; reads rows; writes rows
VACUUM FULL t;
-- @claim locks empty ACCESS EXCLUSIVE; rewrites empty; reads brief; writes brief
VACUUM FULL empty;
-- @claim locks t SHARE UPDATE EXCLUSIVE; reads no; writes no
ANALYZE t;
-- @claim locks ancestor SHARE UPDATE EXCLUSIVE, c SHARE UPDATE EXCLUSIVE, empty SHARE UPDATE EXCLUSIVE, gen SHARE UPDATE EXCLUSIVE, heir SHARE UPDATE EXCLUSIVE, mv SHARE UPDATE EXCLUSIVE, num SHARE UPDATE EXCLUSIVE, p SHARE UPDATE EXCLUSIVE, p1 SHARE UPDATE EXCLUSIVE, p2 SHARE UPDATE EXCLUSIVE, q SHARE UPDATE EXCLUSIVE, q1 SHARE UPDATE EXCLUSIVE, q2 SHARE UPDATE EXCLUSIVE, q_default SHARE UPDATE EXCLUSIVE, stranger SHARE UPDATE EXCLUSIVE, t SHARE UPDATE EXCLUSIVE, typed SHARE UPDATE EXCLUSIVE, u SHARE UPDATE EXCLUSIVE, unlogged SHARE UPDATE EXCLUSIVE, w SHARE UPDATE EXCLUSIVE; reads no; writes no
ANALYZE;
-- @claim locks t ACCESS EXCLUSIVE; rewrites t; scans t; reads rows; writes rows
CLUSTER t USING t_a;

-- # LOCK (sql-lock)
-- @claim locks t ACCESS EXCLUSIVE; reads brief; writes brief
LOCK TABLE t;
-- @claim locks t ACCESS SHARE; reads no; writes no
LOCK TABLE t IN ACCESS SHARE MODE;
-- @claim locks t ROW SHARE; reads no; writes no
LOCK TABLE t IN ROW SHARE MODE;
-- @claim locks t ROW EXCLUSIVE; reads no; writes no
LOCK TABLE t IN ROW EXCLUSIVE MODE;
-- @claim locks t SHARE UPDATE EXCLUSIVE; reads no; writes no
LOCK TABLE t IN SHARE UPDATE EXCLUSIVE MODE;
-- @claim locks t SHARE; reads no; writes brief
LOCK TABLE t IN SHARE MODE;
-- @claim locks t SHARE ROW EXCLUSIVE; reads no; writes brief
LOCK TABLE t IN SHARE ROW EXCLUSIVE MODE;
-- @claim locks t EXCLUSIVE; reads no; writes brief
LOCK TABLE t IN EXCLUSIVE MODE;
-- @claim locks u EXCLUSIVE; reads no; writes brief
-- @others v EXCLUSIVE
LOCK TABLE v IN EXCLUSIVE MODE;
-- @claim locks p SHARE, p1 SHARE; reads no; writes brief
LOCK TABLE p IN SHARE MODE;
-- @claim locks p SHARE; reads no; writes brief
LOCK TABLE ONLY p IN SHARE MODE;
-- @claim locks t SHARE, u SHARE; reads no; writes brief
LOCK TABLE t, u IN SHARE MODE NOWAIT;
