-- # Online DDL Operations (innodb-online-ddl-operations): table operations
-- @claim locks t EXCLUSIVE; algorithm INPLACE; lock NONE; rewrites t; scans t; reads brief; writes brief
ALTER TABLE t ROW_FORMAT=COMPRESSED;
-- @claim locks t EXCLUSIVE; algorithm INPLACE; lock NONE; rewrites t; scans t; reads brief; writes brief
ALTER TABLE t ROW_FORMAT=DYNAMIC;
-- @claim locks t EXCLUSIVE; algorithm INPLACE; lock NONE; rewrites t; scans t; reads brief; writes brief
ALTER TABLE t KEY_BLOCK_SIZE=8;
-- @claim locks t EXCLUSIVE; algorithm INPLACE; lock NONE; reads brief; writes brief
ALTER TABLE t STATS_PERSISTENT=0, STATS_SAMPLE_PAGES=20, STATS_AUTO_RECALC=1;
-- @claim locks t EXCLUSIVE; algorithm INPLACE; lock NONE; reads brief; writes brief
ALTER TABLE t COMMENT 'x';
-- @claim locks t EXCLUSIVE; algorithm INPLACE; lock NONE; reads brief; writes brief
-- @manual rewrites t. Specifying a character set: rebuilds the table if the new encoding is different.
ALTER TABLE t DEFAULT CHARACTER SET latin1;
-- @claim locks latin EXCLUSIVE; algorithm COPY; lock SHARED; rewrites latin; scans latin; reads brief; writes rows
ALTER TABLE latin CONVERT TO CHARACTER SET utf8mb4;
-- @claim locks latin EXCLUSIVE; algorithm INPLACE; lock NONE; reads brief; writes brief
-- @manual algorithm COPY. Converting a character set: in place No.
ALTER TABLE latin CONVERT TO CHARACTER SET latin1;
-- @claim locks bin EXCLUSIVE; algorithm INPLACE; lock NONE; reads brief; writes brief
-- @manual algorithm COPY. Converting a character set: in place No.
ALTER TABLE bin CONVERT TO CHARACTER SET utf8mb4 COLLATE utf8mb4_bin;
-- @claim locks latin EXCLUSIVE; algorithm COPY; lock SHARED; rewrites latin; scans latin; reads brief; writes rows
ALTER TABLE latin CONVERT TO CHARACTER SET latin1 COLLATE latin1_bin;
-- @claim locks bin EXCLUSIVE; algorithm INPLACE; lock NONE; reads brief; writes brief
ALTER TABLE bin MODIFY a varchar(20) COLLATE utf8mb4_bin;
-- @claim locks t EXCLUSIVE; rewrites t; scans t; reads brief; writes brief
OPTIMIZE TABLE t;
-- @claim locks full EXCLUSIVE; rewrites full; scans full; reads brief; writes rows
OPTIMIZE TABLE full;
-- @claim locks t EXCLUSIVE; algorithm INPLACE; lock NONE; rewrites t; scans t; reads brief; writes brief
ALTER TABLE t FORCE;
-- @claim locks full EXCLUSIVE; algorithm COPY; lock SHARED; rewrites full; scans full; reads brief; writes rows
ALTER TABLE full FORCE;
-- @claim locks t EXCLUSIVE; algorithm INPLACE; lock NONE; rewrites t; scans t; reads brief; writes brief
ALTER TABLE t ENGINE=InnoDB;
-- @claim locks t EXCLUSIVE; algorithm COPY; lock SHARED; rewrites t; scans t; reads brief; writes rows
ALTER TABLE t ENGINE=MyISAM;
-- @claim locks t EXCLUSIVE; algorithm COPY; lock SHARED; rewrites t; scans t; reads brief; writes rows
ALTER TABLE t ORDER BY b;
-- @first ALTER TABLE t ENGINE=MyISAM
-- @claim locks t EXCLUSIVE; algorithm COPY; lock SHARED; rewrites t; scans t; reads brief; writes rows
ALTER TABLE t ENGINE=InnoDB;
-- @claim locks t EXCLUSIVE; algorithm INSTANT; lock NONE; reads brief; writes brief
ALTER TABLE t RENAME TO tt;
-- @claim locks c EXCLUSIVE, u EXCLUSIVE; algorithm INSTANT; lock NONE; reads brief; writes brief
ALTER TABLE c RENAME TO cc;
-- @claim locks t EXCLUSIVE; reads brief; writes brief
RENAME TABLE t TO tt;
-- @claim locks c EXCLUSIVE, u EXCLUSIVE; reads brief; writes brief
RENAME TABLE c TO cc;
-- @claim locks hollow EXCLUSIVE, t EXCLUSIVE; reads brief; writes brief
RENAME TABLE t TO tt, hollow TO t;
-- @claim locks c EXCLUSIVE, u EXCLUSIVE; reads brief; writes brief
-- @others v EXCLUSIVE
RENAME TABLE u TO uu;
-- @claim locks t EXCLUSIVE; algorithm INPLACE; lock NONE; reads brief; writes brief
ALTER TABLE t ENCRYPTION='N';
-- @claim locks t EXCLUSIVE; reads brief; writes brief
ALTER TABLE t DISCARD TABLESPACE;
-- @claim locks t EXCLUSIVE; algorithm INSTANT; lock NONE; reads brief; writes brief
ALTER TABLE t ADD x int, RENAME TO tt;

-- # Online DDL Operations (innodb-online-ddl-operations): clauses of their own
-- @claim locks t EXCLUSIVE; algorithm INPLACE; lock NONE; rewrites t; scans t; reads brief; writes brief
ALTER TABLE t ADD x int, ALGORITHM=INPLACE;
-- @claim locks t EXCLUSIVE; algorithm COPY; lock SHARED; rewrites t; scans t; reads brief; writes rows
ALTER TABLE t ADD x int, ALGORITHM=COPY;
-- @claim locks t EXCLUSIVE; algorithm INSTANT; lock NONE; reads brief; writes brief
ALTER TABLE t ADD x int, ALGORITHM=DEFAULT;
-- @claim locks t EXCLUSIVE; algorithm INSTANT; lock NONE; reads brief; writes brief
ALTER TABLE t ADD x int, LOCK=NONE;
-- @claim locks t EXCLUSIVE; algorithm INPLACE; lock SHARED; rewrites t; scans t; reads brief; writes rows
ALTER TABLE t ADD x int, LOCK=SHARED;
-- @claim locks t EXCLUSIVE; algorithm INPLACE; lock EXCLUSIVE; rewrites t; scans t; reads rows; writes rows
ALTER TABLE t ADD x int, ALGORITHM=INPLACE, LOCK=EXCLUSIVE;
-- @claim locks t EXCLUSIVE; algorithm INPLACE; lock SHARED; scans t; reads brief; writes rows
ALTER TABLE t ADD INDEX x (b), ALGORITHM=INPLACE, LOCK=SHARED;
-- @claim locks t EXCLUSIVE; algorithm INPLACE; lock EXCLUSIVE; scans t; reads rows; writes rows
CREATE INDEX x ON t (b) LOCK=EXCLUSIVE;
-- @claim refused 0A000
ALTER TABLE t MODIFY a bigint, ALGORITHM=INPLACE;
-- @claim refused 0A000
ALTER TABLE t ADD CONSTRAINT x CHECK (a > -5), LOCK=NONE;

-- # Online DDL Operations (innodb-online-ddl-operations): partitioning operations
-- @claim locks num EXCLUSIVE; algorithm COPY; lock SHARED; rewrites num; scans num; reads brief; writes rows
ALTER TABLE num PARTITION BY HASH (id) PARTITIONS 2;
-- @claim locks p EXCLUSIVE; algorithm COPY; lock SHARED; rewrites p; scans p; reads brief; writes rows
ALTER TABLE p REMOVE PARTITIONING;
-- @claim locks p EXCLUSIVE; algorithm INPLACE; lock NONE; reads brief; writes brief
ALTER TABLE p ADD PARTITION (PARTITION p2 VALUES LESS THAN (9000));
-- @claim locks h EXCLUSIVE; algorithm INPLACE; lock SHARED; rewrites h; scans h; reads brief; writes rows
ALTER TABLE h ADD PARTITION PARTITIONS 2;
-- @claim locks p EXCLUSIVE; algorithm INPLACE; lock NONE; reads brief; writes brief
ALTER TABLE p DROP PARTITION p0;
-- @claim locks h EXCLUSIVE; algorithm INPLACE; lock SHARED; rewrites h; scans h; reads brief; writes rows
ALTER TABLE h COALESCE PARTITION 1;
-- @claim locks p EXCLUSIVE; algorithm INPLACE; lock SHARED; rewrites p; scans p; reads brief; writes rows
ALTER TABLE p REORGANIZE PARTITION p0 INTO (PARTITION n0 VALUES LESS THAN (50), PARTITION n1 VALUES LESS THAN (250));
-- @claim locks p EXCLUSIVE; algorithm INSTANT; lock NONE; reads brief; writes brief
ALTER TABLE p TRUNCATE PARTITION p0;
-- @claim locks p EXCLUSIVE; algorithm INPLACE; lock NONE; rewrites p; scans p; reads brief; writes brief
ALTER TABLE p OPTIMIZE PARTITION p0;
-- @claim locks p EXCLUSIVE; algorithm INPLACE; lock SHARED; rewrites p; scans p; reads brief; writes rows
ALTER TABLE p REBUILD PARTITION p0;
-- @claim locks p SHARED_READ; algorithm INSTANT; lock NONE; reads no; writes no
ALTER TABLE p ANALYZE PARTITION p0;
-- @claim locks p SHARED_READ; algorithm INSTANT; lock NONE; reads no; writes no
ALTER TABLE p CHECK PARTITION p0;
-- @claim locks loose EXCLUSIVE, p EXCLUSIVE; scans loose; reads brief; writes rows
ALTER TABLE p EXCHANGE PARTITION p0 WITH TABLE loose;
-- @claim locks loose EXCLUSIVE, p EXCLUSIVE; reads brief; writes brief
ALTER TABLE p EXCHANGE PARTITION p0 WITH TABLE loose WITHOUT VALIDATION;
-- @claim locks p EXCLUSIVE; reads brief; writes brief
ALTER TABLE p DISCARD PARTITION p0 TABLESPACE;

-- # CREATE TABLE (create-table), DROP TABLE (drop-table), TRUNCATE TABLE (truncate-table)
-- @claim locks none; reads no; writes no
CREATE TABLE x (id int);
-- @claim locks t SHARED; reads no; writes no
CREATE TABLE IF NOT EXISTS t (id int);
-- @claim locks t SHARED_READ; reads no; writes no
CREATE TABLE x LIKE t;
-- @claim locks t SHARED_READ; scans t; reads no; writes rows
CREATE TABLE x AS SELECT id FROM t;
-- @claim locks u EXCLUSIVE; reads brief; writes brief
CREATE TABLE x (id int, uid bigint, FOREIGN KEY (uid) REFERENCES u (id));
-- @claim locks none; reads no; writes no
CREATE TEMPORARY TABLE x (id int);
-- @claim locks hollow EXCLUSIVE; reads brief; writes brief
DROP TABLE hollow;
-- @claim locks none; reads no; writes no
DROP TABLE IF EXISTS nothing;
-- @claim locks c EXCLUSIVE, u EXCLUSIVE; reads brief; writes brief
DROP TABLE c;
-- @claim refused HY000
DROP TABLE u;
-- @claim locks p EXCLUSIVE; reads brief; writes brief
DROP TABLE p;
-- @claim locks hollow EXCLUSIVE, t EXCLUSIVE; reads brief; writes brief
DROP TABLE t, hollow;
-- @claim locks t EXCLUSIVE; reads brief; writes brief
TRUNCATE TABLE t;
-- @claim refused 42000
TRUNCATE TABLE u;
-- @claim locks p EXCLUSIVE; reads brief; writes brief
TRUNCATE TABLE p;

-- # LOCK TABLES (lock-tables), ANALYZE, CHECK and FLUSH TABLE
-- what CHECK reads, the server does not count as read; it keeps nobody waiting
-- @claim locks t SHARED_NO_READ_WRITE; reads brief; writes brief
LOCK TABLES t WRITE;
-- @claim locks t SHARED_READ_ONLY; reads no; writes brief
LOCK TABLES t READ;
-- @claim locks c SHARED_NO_READ_WRITE, u SHARED_READ_ONLY; reads brief; writes brief
LOCK TABLES c WRITE;
-- @claim locks c SHARED_READ_ONLY, u SHARED_NO_READ_WRITE; reads brief; writes brief
LOCK TABLES u WRITE;
-- @claim locks u SHARED_READ_ONLY; reads no; writes brief
-- @others v SHARED_READ_ONLY
LOCK TABLES v READ;
-- @claim locks t SHARED_NO_READ_WRITE, u SHARED_READ_ONLY; reads brief; writes brief
LOCK TABLES u READ, t WRITE;
-- @claim locks t SHARED_NO_WRITE; reads no; writes brief
FLUSH TABLES t WITH READ LOCK;
-- @claim locks t SHARED_READ; reads no; writes no
ANALYZE TABLE t;
-- @claim locks t SHARED_READ; scans t; reads no; writes no
ANALYZE TABLE t UPDATE HISTOGRAM ON a;
-- @claim locks t SHARED_READ; reads no; writes no
CHECK TABLE t;
