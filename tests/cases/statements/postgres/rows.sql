-- # Explicit Locking (explicit-locking), UPDATE (sql-update), DELETE (sql-delete)
-- @claim locks t ROW EXCLUSIVE; scans t; reads no; writes rows
-- @whole t
UPDATE t SET b = 'x';
-- @claim locks t ROW EXCLUSIVE; reads no; writes brief
UPDATE t SET b = 'x' WHERE id = 5;
-- @claim locks t ROW EXCLUSIVE; scans t; reads no; writes brief
UPDATE t SET b = 'x' WHERE b = 'b7';
-- @claim locks t ROW EXCLUSIVE, u ACCESS SHARE; scans t, u; reads no; writes rows
-- @whole t
UPDATE t SET b = u.name FROM u WHERE u.id = t.uid;
-- @claim locks u ROW EXCLUSIVE; scans u; reads no; writes rows
-- @whole u
UPDATE u SET name = 'x';
-- @claim locks c ROW EXCLUSIVE, u ROW SHARE; scans c; reads no; writes rows
-- @whole c
UPDATE c SET uid = 7;
-- @claim locks p ROW EXCLUSIVE, p1 ROW EXCLUSIVE; scans p1; reads no; writes rows
-- @whole p1
UPDATE p SET k = 7;
-- @claim locks t ROW EXCLUSIVE; scans t; reads no; writes rows
-- @whole t
DELETE FROM t;
-- @claim locks t ROW EXCLUSIVE; reads no; writes brief
DELETE FROM t WHERE id BETWEEN 5 AND 8;
-- @claim locks c ROW EXCLUSIVE, u ACCESS SHARE; scans c, u; reads no; writes rows
-- @whole c
DELETE FROM c USING u WHERE u.id = c.uid;
-- @claim locks c ROW EXCLUSIVE; scans c; reads no; writes rows
-- @whole c
WITH gone AS (DELETE FROM c RETURNING id) SELECT count(*) FROM gone;

-- # INSERT (sql-insert), MERGE (sql-merge), COPY (sql-copy)
-- @claim locks t ROW EXCLUSIVE, u ROW SHARE; reads no; writes no
INSERT INTO t (id, a, c, uid) VALUES (5000, 1, 'x', 1);
-- @claim locks empty ROW EXCLUSIVE, u ACCESS SHARE; scans u; reads no; writes no
INSERT INTO empty SELECT id FROM u;
-- @claim locks u ROW EXCLUSIVE; reads no; writes brief
INSERT INTO u (id) VALUES (5) ON CONFLICT (id) DO UPDATE SET name = 'x';
-- @claim locks empty ROW EXCLUSIVE, u ACCESS SHARE; scans u; reads no; writes no
-- @claim < 15: refused 42601
MERGE INTO empty USING u ON u.id = empty.id WHEN NOT MATCHED THEN INSERT VALUES (u.id, 1);

-- # SELECT (sql-select): the locking clause
-- @claim locks t ACCESS SHARE; scans t; reads no; writes no
SELECT count(*) FROM t;
-- @claim locks t ACCESS SHARE; reads no; writes no
SELECT id FROM t WHERE id = 5;
-- @claim locks u ACCESS SHARE; scans u; reads no; writes no
SELECT id FROM v;
-- @claim locks t ROW SHARE; scans t; reads no; writes rows
SELECT id FROM t FOR UPDATE;
-- @claim locks t ROW SHARE; scans t; reads no; writes no
SELECT id FROM t FOR KEY SHARE;
-- @claim locks t ROW SHARE; reads no; writes no
SELECT id FROM t WHERE id = 5 FOR UPDATE;
-- @claim locks p ACCESS SHARE, p1 ACCESS SHARE; scans p1; reads no; writes no
SELECT count(*) FROM p WHERE id < 10;
