-- # CREATE VIEW (sql-createview), ALTER VIEW (sql-alterview), DROP VIEW (sql-dropview)
-- @claim locks t ACCESS SHARE; reads no; writes no
CREATE VIEW n AS SELECT id FROM t;
-- @claim locks u ACCESS SHARE; reads no; writes no
-- @others v ACCESS EXCLUSIVE
CREATE OR REPLACE VIEW v AS SELECT id, name FROM u;
-- @claim locks none; reads no; writes no
-- @others v ACCESS EXCLUSIVE
ALTER VIEW v RENAME TO vv;
-- @claim locks none; reads no; writes no
-- @others v ACCESS EXCLUSIVE
ALTER VIEW v RENAME COLUMN id TO x;
-- @claim locks none; reads no; writes no
-- @others v ACCESS EXCLUSIVE
ALTER VIEW v SET (security_barrier = true);
-- @claim locks none; reads no; writes no
-- @others v ACCESS EXCLUSIVE
ALTER VIEW v ALTER id SET DEFAULT 1;
-- @claim locks none; reads no; writes no
-- @others v ACCESS EXCLUSIVE
DROP VIEW v;

-- # CREATE, ALTER, REFRESH and DROP MATERIALIZED VIEW (sql-refreshmaterializedview)
-- @claim locks t ACCESS SHARE; scans t; reads no; writes no
CREATE MATERIALIZED VIEW n AS SELECT id FROM t;
-- @claim locks t ACCESS SHARE; reads no; writes no
CREATE MATERIALIZED VIEW n AS SELECT id FROM t WITH NO DATA;
-- @claim locks mv ACCESS EXCLUSIVE, u ACCESS SHARE; rewrites mv; scans u; reads rows; writes rows
REFRESH MATERIALIZED VIEW mv;
-- @claim locks mv ACCESS EXCLUSIVE; reads brief; writes brief
REFRESH MATERIALIZED VIEW mv WITH NO DATA;
-- @claim locks mv EXCLUSIVE, u ACCESS SHARE; scans mv, u; reads no; writes rows
REFRESH MATERIALIZED VIEW CONCURRENTLY mv;
-- @claim locks mv ACCESS EXCLUSIVE; reads brief; writes brief
ALTER MATERIALIZED VIEW mv RENAME TO mv2;
-- @claim locks mv SHARE UPDATE EXCLUSIVE; reads no; writes no
ALTER MATERIALIZED VIEW mv CLUSTER ON mv_id;
-- @claim locks mv ACCESS EXCLUSIVE; reads brief; writes brief
DROP MATERIALIZED VIEW mv;

-- # CREATE SEQUENCE (sql-createsequence), ALTER SEQUENCE (sql-altersequence), DROP SEQUENCE (sql-dropsequence)
-- @claim locks none; reads no; writes no
CREATE SEQUENCE n;
-- @claim locks t ACCESS SHARE; reads no; writes no
CREATE SEQUENCE n OWNED BY t.a;
-- @claim locks none; reads no; writes no
-- @others s SHARE ROW EXCLUSIVE
ALTER SEQUENCE s INCREMENT 10;
-- @claim locks none; reads no; writes no
-- @others s SHARE ROW EXCLUSIVE
ALTER SEQUENCE s RESTART WITH 100;
-- @claim locks t ACCESS SHARE; reads no; writes no
-- @others s SHARE ROW EXCLUSIVE
ALTER SEQUENCE s OWNED BY t.a;
-- @claim locks none; reads no; writes no
-- @others s ACCESS EXCLUSIVE
ALTER SEQUENCE s RENAME TO ss;
-- @claim locks none; reads no; writes no
-- @others num_n_seq SHARE ROW EXCLUSIVE
ALTER SEQUENCE num_n_seq AS bigint;
-- @claim locks none; reads no; writes no
-- @others s ACCESS EXCLUSIVE
DROP SEQUENCE s;
-- @claim locks num ACCESS EXCLUSIVE; reads brief; writes brief
-- @others num_n_seq ACCESS EXCLUSIVE
DROP SEQUENCE num_n_seq CASCADE;
-- @claim locks none; reads no; writes no
SELECT nextval('s');
-- @claim locks none; reads no; writes no
SELECT setval('s', 500);

-- # CREATE TYPE (sql-createtype), ALTER TYPE (sql-altertype), DROP TYPE (sql-droptype)
-- @claim locks none; reads no; writes no
CREATE TYPE n AS ENUM ('x', 'y');
-- @claim locks none; reads no; writes no
ALTER TYPE mood ADD VALUE 'happy';
-- @claim locks none; reads no; writes no
ALTER TYPE mood ADD VALUE IF NOT EXISTS 'ok';
-- @claim locks none; reads no; writes no
ALTER TYPE mood ADD VALUE 'so-so' BEFORE 'ok';
-- @claim locks none; reads no; writes no
ALTER TYPE mood RENAME VALUE 'ok' TO 'fine';
-- @claim locks none; reads no; writes no
ALTER TYPE mood RENAME TO temper;
-- @claim locks none; reads no; writes no
ALTER TYPE pair ADD ATTRIBUTE z int;
-- @claim locks none; reads no; writes no
DROP TYPE pair;
-- @claim locks typed ACCESS EXCLUSIVE; reads brief; writes brief
DROP TYPE mood CASCADE;

-- # CREATE DOMAIN (sql-createdomain), ALTER DOMAIN (sql-alterdomain)
-- @claim locks none; reads no; writes no
CREATE DOMAIN n AS int NOT NULL;
-- @claim locks typed SHARE; scans typed; reads no; writes rows
ALTER DOMAIN positive ADD CONSTRAINT x CHECK (VALUE > -5);
-- @claim locks none; reads no; writes no
ALTER DOMAIN positive ADD CONSTRAINT x CHECK (VALUE > -5) NOT VALID;
-- @claim locks typed SHARE; scans typed; reads no; writes rows
ALTER DOMAIN positive SET NOT NULL;
-- @claim locks none; reads no; writes no
ALTER DOMAIN positive SET DEFAULT 1;
-- @claim locks none; reads no; writes no
ALTER DOMAIN positive DROP CONSTRAINT positive_check;

-- # CREATE TRIGGER (sql-createtrigger), ALTER TRIGGER (sql-altertrigger), DROP TRIGGER (sql-droptrigger)
-- @claim locks t SHARE ROW EXCLUSIVE; reads no; writes brief
CREATE TRIGGER x BEFORE INSERT ON t FOR EACH ROW EXECUTE FUNCTION f();
-- @claim locks t SHARE ROW EXCLUSIVE; reads no; writes brief
-- @claim < 14: refused 42601
CREATE OR REPLACE TRIGGER x BEFORE INSERT ON t FOR EACH ROW EXECUTE FUNCTION f();
-- @claim locks t SHARE ROW EXCLUSIVE, u ACCESS SHARE; reads no; writes brief
CREATE CONSTRAINT TRIGGER x AFTER INSERT ON t FROM u DEFERRABLE FOR EACH ROW EXECUTE FUNCTION f();
-- @claim locks p SHARE ROW EXCLUSIVE, p1 SHARE ROW EXCLUSIVE; reads no; writes brief
CREATE TRIGGER x AFTER INSERT ON p FOR EACH ROW EXECUTE FUNCTION f();
-- @claim locks w ACCESS EXCLUSIVE; reads brief; writes brief
ALTER TRIGGER w_trigger ON w RENAME TO x;
-- @claim locks w ACCESS EXCLUSIVE; reads brief; writes brief
DROP TRIGGER w_trigger ON w;

-- # CREATE RULE (sql-createrule), CREATE POLICY (sql-createpolicy), CREATE STATISTICS (sql-createstatistics)
-- @claim locks t ACCESS EXCLUSIVE; reads brief; writes brief
CREATE RULE x AS ON INSERT TO t DO ALSO NOTHING;
-- @claim locks w ACCESS EXCLUSIVE; reads brief; writes brief
DROP RULE w_rule ON w;
-- @claim locks t ACCESS EXCLUSIVE; reads brief; writes brief
CREATE POLICY x ON t USING (a > 0);
-- @claim locks w ACCESS EXCLUSIVE; reads brief; writes brief
ALTER POLICY w_policy ON w USING (a > 0);
-- @claim locks w ACCESS EXCLUSIVE; reads brief; writes brief
ALTER POLICY w_policy ON w RENAME TO x;
-- @claim locks w ACCESS EXCLUSIVE; reads brief; writes brief
DROP POLICY w_policy ON w;
-- @claim locks t SHARE UPDATE EXCLUSIVE; reads no; writes no
CREATE STATISTICS x ON a, b FROM t;
-- @claim locks none; reads no; writes no
ALTER STATISTICS w_statistics SET STATISTICS 500;
-- @claim locks w SHARE UPDATE EXCLUSIVE; reads no; writes no
DROP STATISTICS w_statistics;
-- @claim locks t SHARE UPDATE EXCLUSIVE; reads no; writes no
CREATE PUBLICATION x FOR TABLE t;

-- # COMMENT (sql-comment), GRANT (sql-grant)
-- @claim locks t SHARE UPDATE EXCLUSIVE; reads no; writes no
COMMENT ON TABLE t IS 'x';
-- @claim locks t SHARE UPDATE EXCLUSIVE; reads no; writes no
COMMENT ON COLUMN t.a IS 'x';
-- @claim locks none; reads no; writes no
-- @others t_a SHARE UPDATE EXCLUSIVE
COMMENT ON INDEX t_a IS 'x';
-- @claim locks t ACCESS SHARE; reads no; writes no
-- @manual locks t SHARE UPDATE EXCLUSIVE. "Explicit Locking" lists COMMENT ON; that of a constraint takes less.
COMMENT ON CONSTRAINT t_c ON t IS 'x';
-- @claim locks none; reads no; writes no
-- @others v SHARE UPDATE EXCLUSIVE
COMMENT ON VIEW v IS 'x';
-- @claim locks none; reads no; writes no
-- @claim >= 18: locks t ACCESS SHARE; reads no; writes no
GRANT SELECT ON t TO PUBLIC;
-- @claim locks none; reads no; writes no
-- @claim >= 18: locks t ACCESS SHARE; reads no; writes no
GRANT SELECT (a) ON t TO PUBLIC;
-- @claim locks none; reads no; writes no
-- @claim >= 18: locks t ACCESS SHARE; reads no; writes no
REVOKE ALL ON t FROM PUBLIC;
-- @claim locks none; reads no; writes no
GRANT USAGE ON SEQUENCE s TO PUBLIC;
-- @claim locks none; reads no; writes no
ALTER DEFAULT PRIVILEGES IN SCHEMA public GRANT SELECT ON TABLES TO PUBLIC;
-- @claim locks none; reads no; writes no
CREATE SCHEMA n;

-- # CREATE FUNCTION (sql-createfunction), DO (sql-do), CALL (sql-call)
-- @claim locks none; reads no; writes no
CREATE OR REPLACE FUNCTION f() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN RETURN NULL; END';
-- @claim locks none; reads no; writes no
DROP FUNCTION add_column();
-- @claim locks t ACCESS EXCLUSIVE; reads brief; writes brief
SELECT add_column();
-- @claim locks t ROW EXCLUSIVE; scans t; reads no; writes rows
-- @whole t
CALL in_two();
-- @claim locks t ACCESS EXCLUSIVE; rewrites t; scans t; reads rows; writes rows
DO $$ BEGIN ALTER TABLE t ALTER a TYPE bigint; END $$;
-- @claim locks none; reads no; writes no
DO $$ BEGIN IF false THEN ALTER TABLE t ALTER a TYPE bigint; END IF; END $$;
-- @claim locks t SHARE; scans t; reads no; writes rows
DO $$ BEGIN EXECUTE 'CREATE INDEX x ON t (b)'; END $$;
-- @claim locks t ROW EXCLUSIVE; reads no; writes rows
-- @whole t
DO $$ BEGIN FOR i IN 0..3 LOOP UPDATE t SET b = 'x' WHERE id > i * 500 AND id <= i * 500 + 500; END LOOP; END $$;
-- @claim locks t ROW EXCLUSIVE; scans t; reads no; writes rows
-- @whole t
DO $$ BEGIN UPDATE t SET b = 'x' WHERE id <= 1000; COMMIT; UPDATE t SET b = 'y' WHERE id <= 1000; END $$;

-- # SET (sql-set)
-- @claim locks none; reads no; writes no
SET lock_timeout = '3s';
-- @claim locks none; reads no; writes no
SET LOCAL lock_timeout = '3s';
