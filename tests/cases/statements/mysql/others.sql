-- # CREATE TRIGGER (create-trigger), CREATE VIEW (create-view), CREATE PROCEDURE (create-procedure)
-- @claim locks t EXCLUSIVE; reads brief; writes brief
CREATE TRIGGER x BEFORE UPDATE ON t FOR EACH ROW SET NEW.a = 1;
-- @claim locks c EXCLUSIVE; reads brief; writes brief
CREATE TRIGGER x AFTER INSERT ON c FOR EACH ROW SET @n = 1;
-- @claim locks t EXCLUSIVE; reads brief; writes brief
DROP TRIGGER t_trigger;
-- @claim locks t SHARED_READ; reads no; writes no
CREATE VIEW x AS SELECT id FROM t;
-- @claim locks u SHARED_READ; reads no; writes no
-- @others v EXCLUSIVE
CREATE OR REPLACE VIEW v AS SELECT id, name FROM u;
-- @claim locks u SHARED_READ; reads no; writes no
-- @others v EXCLUSIVE
ALTER VIEW v AS SELECT id, name FROM u;
-- @claim locks none; reads no; writes no
-- @others v EXCLUSIVE
DROP VIEW v;
-- @claim locks none; reads no; writes no
-- @others v EXCLUSIVE
RENAME TABLE v TO vv;
-- @claim locks none; reads no; writes no
CREATE PROCEDURE x() BEGIN SELECT 1; SELECT 2; END;
-- @claim locks none; reads no; writes no
CREATE FUNCTION x() RETURNS int DETERMINISTIC RETURN 1;
-- @claim locks none; reads no; writes no
DROP PROCEDURE add_column;
-- @claim locks t EXCLUSIVE; reads brief; writes brief
CALL add_column();
-- @claim locks none; reads no; writes no
CREATE EVENT x ON SCHEDULE EVERY 1 DAY DISABLE DO SET @n = 1;
-- @claim locks none; reads no; writes no
SET foreign_key_checks = 0;
-- @claim locks none; reads no; writes no
SET SESSION lock_wait_timeout = 5;

-- # UPDATE (update), DELETE (delete), InnoDB Locking (innodb-locks-set)
-- @claim locks t SHARED_WRITE; scans t; reads no; writes rows
-- @whole t
UPDATE t SET b = 'x';
-- @claim locks t SHARED_WRITE; reads no; writes brief
UPDATE t SET b = 'x' WHERE id = 5;
-- @claim locks t SHARED_WRITE; scans t; reads no; writes rows
UPDATE t SET b = 'x' WHERE b = 'b7';
-- @claim locks c SHARED_READ, t SHARED_WRITE, u SHARED_WRITE; scans t, u; reads no; writes rows
-- @whole t
UPDATE t JOIN u ON u.id = t.uid SET t.b = u.name;
-- @claim locks c SHARED_READ, u SHARED_WRITE; scans u; reads no; writes rows
-- @whole u
UPDATE u SET name = 'x';
-- @claim locks c SHARED_WRITE, u SHARED_READ; scans c; reads no; writes rows
-- @whole c
UPDATE c SET uid = 7;
-- @claim locks t SHARED_WRITE; scans t; reads no; writes rows
-- @whole t
DELETE FROM t;
-- @claim locks t SHARED_WRITE; reads no; writes brief
DELETE FROM t WHERE id BETWEEN 5 AND 8;
-- @claim refused 23000
DELETE FROM u WHERE id = 5;
-- @claim locks c SHARED_WRITE, u SHARED_READ; scans c, u; reads no; writes rows
-- @whole c
DELETE c FROM c JOIN u ON u.id = c.uid;
-- @claim locks t SHARED_WRITE; reads no; writes no
INSERT INTO t (id, c) VALUES (5000, 'x');
-- @claim locks c SHARED_WRITE, u SHARED_READ; reads no; writes brief
INSERT INTO c VALUES (5000, 5);
-- @claim locks hollow SHARED_WRITE, u SHARED_READ; scans u; reads no; writes rows
INSERT INTO hollow SELECT id, id FROM u;
-- @first SET SESSION transaction_isolation = 'READ-COMMITTED'
-- @claim locks hollow SHARED_WRITE, u SHARED_READ; scans u; reads no; writes no
INSERT INTO hollow SELECT id, id FROM u;
-- @claim locks c SHARED_READ, u SHARED_WRITE; reads no; writes brief
INSERT INTO u VALUES (5, 'x') ON DUPLICATE KEY UPDATE name = 'x';
-- @claim locks c SHARED_READ, u SHARED_WRITE; scans u; reads no; writes rows
REPLACE INTO u SELECT id + 1000, name FROM u;
-- @claim locks t SHARED_READ; scans t; reads no; writes no
SELECT COUNT(*) FROM t WHERE b > '';
-- @claim locks t SHARED_READ; reads no; writes no
SELECT id FROM t WHERE id = 5;
-- @claim locks u SHARED_READ; scans u; reads no; writes no
-- @others v SHARED_READ
SELECT id FROM v;
-- @claim locks t SHARED_READ; scans t; reads no; writes rows
SELECT a FROM t WHERE a > -5 FOR SHARE;
-- @claim locks t SHARED_WRITE; scans t; reads no; writes rows
SELECT id FROM t FOR UPDATE;
-- @claim locks t SHARED_WRITE; reads no; writes brief
SELECT id FROM t WHERE id = 5 FOR UPDATE;
