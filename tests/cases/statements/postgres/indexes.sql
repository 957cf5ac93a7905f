-- # CREATE INDEX (sql-createindex)
-- @claim locks t SHARE; scans t; reads no; writes rows
CREATE INDEX x ON t (b);
-- @claim locks t SHARE; reads no; writes brief
CREATE INDEX IF NOT EXISTS t_a ON t (b);
-- @claim locks t SHARE; scans t; reads no; writes rows
CREATE UNIQUE INDEX x ON t (b);
-- @claim locks t SHARE; scans t; reads no; writes rows
CREATE INDEX x ON t (lower(b));
-- @claim locks t SHARE; scans t; reads no; writes rows
CREATE INDEX x ON t (b) WHERE a > 10;
-- @claim locks t SHARE; scans t; reads no; writes rows
CREATE INDEX x ON t (b) INCLUDE (c);
-- @claim locks t SHARE; scans t; reads no; writes rows
CREATE INDEX x ON t USING hash (b);
-- @claim locks t SHARE; scans t; reads no; writes rows
CREATE INDEX x ON t USING brin (a);
-- @claim locks empty SHARE; reads no; writes brief
CREATE INDEX x ON empty (a);
-- @claim locks p SHARE, p1 SHARE; scans p1; reads no; writes rows
CREATE INDEX x ON p (k);
-- @claim locks p SHARE; reads no; writes brief
CREATE INDEX x ON ONLY p (k);
-- @claim locks mv SHARE; scans mv; reads no; writes rows
CREATE INDEX x ON mv (id);
-- @claim locks t SHARE UPDATE EXCLUSIVE; scans t; reads no; writes no
CREATE INDEX CONCURRENTLY x ON t (b);
-- @claim locks t SHARE UPDATE EXCLUSIVE; reads no; writes no
CREATE INDEX CONCURRENTLY IF NOT EXISTS t_a ON t (b);
-- @claim locks t SHARE UPDATE EXCLUSIVE; scans t; reads no; writes no
CREATE UNIQUE INDEX CONCURRENTLY x ON t (b);
-- @claim locks t SHARE UPDATE EXCLUSIVE; scans t; reads no; writes no
CREATE INDEX CONCURRENTLY x ON t ((a % 7));
-- @claim refused 0A000
CREATE INDEX CONCURRENTLY x ON p (k);
-- @claim locks p1 SHARE UPDATE EXCLUSIVE; scans p1; reads no; writes no
CREATE INDEX CONCURRENTLY x ON p1 (k);

-- # DROP INDEX (sql-dropindex)
-- @claim locks t ACCESS EXCLUSIVE; reads brief; writes brief
DROP INDEX t_a;
-- @claim locks none; reads no; writes no
DROP INDEX IF EXISTS nothing;
-- @claim refused 2BP01
DROP INDEX t_pkey;
-- @claim locks q ACCESS EXCLUSIVE, q1 ACCESS EXCLUSIVE, q_default ACCESS EXCLUSIVE; reads brief; writes brief
DROP INDEX q_id;
-- @claim locks t SHARE UPDATE EXCLUSIVE; reads no; writes no
-- @others t_a ACCESS EXCLUSIVE
DROP INDEX CONCURRENTLY t_a;
-- @claim locks none; reads no; writes no
DROP INDEX CONCURRENTLY IF EXISTS nothing;
-- @claim refused 0A000
DROP INDEX CONCURRENTLY q_id;

-- # REINDEX (sql-reindex)
-- @claim locks t SHARE; scans t; reads rows; writes rows
-- @others t_a ACCESS EXCLUSIVE
REINDEX INDEX t_a;
-- @claim locks t SHARE; scans t; reads rows; writes rows
-- @others t_a ACCESS EXCLUSIVE, t_pkey ACCESS EXCLUSIVE, t_unique ACCESS EXCLUSIVE
REINDEX TABLE t;
-- @claim locks q SHARE, q1 SHARE, q_default SHARE; scans q1, q_default; reads rows; writes rows
-- @others q1_id_idx ACCESS EXCLUSIVE, q_default_id_idx ACCESS EXCLUSIVE, q_id ACCESS EXCLUSIVE
-- @claim < 14: refused 0A000
REINDEX INDEX q_id;
-- @claim locks p SHARE, p1 SHARE; reads no; writes brief
-- @claim < 14: locks p SHARE; reads no; writes brief
REINDEX TABLE p;
-- @claim locks t SHARE UPDATE EXCLUSIVE; scans t; reads no; writes no
-- @others t_a ACCESS EXCLUSIVE
REINDEX INDEX CONCURRENTLY t_a;
-- @claim locks q SHARE UPDATE EXCLUSIVE, q1 SHARE UPDATE EXCLUSIVE, q_default SHARE UPDATE EXCLUSIVE; scans q1, q_default; reads no; writes no
-- @others q1_id_idx ACCESS EXCLUSIVE, q_default_id_idx ACCESS EXCLUSIVE
-- @claim < 14: refused 0A000
REINDEX INDEX CONCURRENTLY q_id;
-- @claim locks q SHARE UPDATE EXCLUSIVE, q1 SHARE, q_default SHARE; scans q1, q_default; reads no; writes brief
-- @others q1_by_k ACCESS EXCLUSIVE, q1_id_idx ACCESS EXCLUSIVE, q_default_id_idx ACCESS EXCLUSIVE
-- @server >= 14
-- @manual writes no. "Without taking any locks that prevent concurrent inserts, updates, or deletes": partitions are listed under SHARE.
REINDEX TABLE CONCURRENTLY q;
-- @claim locks t SHARE UPDATE EXCLUSIVE; scans t; reads no; writes no
-- @others t_a ACCESS EXCLUSIVE, t_pkey ACCESS EXCLUSIVE, t_unique ACCESS EXCLUSIVE
REINDEX TABLE CONCURRENTLY t;
-- @claim locks u SHARE UPDATE EXCLUSIVE; scans u; reads no; writes no
-- @others u_pkey ACCESS EXCLUSIVE
REINDEX INDEX CONCURRENTLY u_pkey;

-- # ALTER INDEX (sql-alterindex)
-- @claim locks none; reads no; writes no
-- @others t_a SHARE UPDATE EXCLUSIVE
ALTER INDEX t_a RENAME TO t_a2;
-- @claim locks none; reads brief; writes brief
-- @others t_a ACCESS EXCLUSIVE
ALTER TABLE t_a RENAME TO t_a2;
-- @claim locks none; reads no; writes no
-- @others t_a SHARE UPDATE EXCLUSIVE
ALTER INDEX t_a SET (fillfactor = 80);
-- @claim locks none; reads no; writes no
-- @others t_a SHARE UPDATE EXCLUSIVE
ALTER INDEX t_a RESET (fillfactor);
-- @claim locks none; reads brief; writes brief
-- @others t_a ACCESS EXCLUSIVE
ALTER INDEX t_a SET TABLESPACE pg_default;
-- @claim locks q ACCESS SHARE, q1 ACCESS SHARE; reads brief; writes brief
-- @others q1_by_k ACCESS EXCLUSIVE, q_k SHARE UPDATE EXCLUSIVE
ALTER INDEX q_k ATTACH PARTITION q1_by_k;
