-- # Online DDL Operations (innodb-online-ddl-operations): column operations
-- @claim locks t EXCLUSIVE; algorithm INSTANT; lock NONE; reads brief; writes brief
ALTER TABLE t ADD x int;
-- @claim locks t EXCLUSIVE; algorithm INSTANT; lock NONE; reads brief; writes brief
ALTER TABLE t ADD x int FIRST;
-- @claim locks t EXCLUSIVE; algorithm INSTANT; lock NONE; reads brief; writes brief
ALTER TABLE t ADD x int NOT NULL DEFAULT 1 AFTER a;
-- @claim locks t EXCLUSIVE; algorithm INSTANT; lock NONE; reads brief; writes brief
ALTER TABLE t ADD x int NOT NULL;
-- @claim locks t EXCLUSIVE; algorithm INSTANT; lock NONE; reads brief; writes brief
ALTER TABLE t ADD x datetime DEFAULT CURRENT_TIMESTAMP;
-- @claim locks t EXCLUSIVE; algorithm COPY; lock SHARED; rewrites t; scans t; reads brief; writes rows
ALTER TABLE t ADD x varchar(40) DEFAULT (concat('a', 'b'));
-- @claim refused HY000
ALTER TABLE t ADD x char(36) DEFAULT (uuid());
-- @claim locks t EXCLUSIVE; algorithm INSTANT; lock NONE; reads brief; writes brief
ALTER TABLE t ADD x json;
-- @claim locks t EXCLUSIVE; algorithm INSTANT; lock NONE; reads brief; writes brief
ALTER TABLE t ADD x int INVISIBLE;
-- @claim locks t EXCLUSIVE; algorithm COPY; lock SHARED; rewrites t; scans t; reads brief; writes rows
ALTER TABLE t ADD x int CHECK (x > 0);
-- @claim locks t EXCLUSIVE; algorithm INPLACE; lock NONE; rewrites t; scans t; reads brief; writes brief
ALTER TABLE t ADD x int UNIQUE;
-- @claim locks t EXCLUSIVE; algorithm INSTANT; lock NONE; reads brief; writes brief
ALTER TABLE t ADD x int, ADD y int, DROP COLUMN b;
-- @claim locks keyless EXCLUSIVE; algorithm INPLACE; lock SHARED; rewrites keyless; scans keyless; reads brief; writes rows
ALTER TABLE keyless ADD x bigint AUTO_INCREMENT PRIMARY KEY;
-- @claim refused 42S21
ALTER TABLE t ADD a int;
-- @claim locks full EXCLUSIVE; algorithm COPY; lock SHARED; rewrites full; scans full; reads brief; writes rows
ALTER TABLE full ADD x int;
-- @claim locks packed EXCLUSIVE; algorithm INPLACE; lock NONE; rewrites packed; scans packed; reads brief; writes brief
ALTER TABLE packed ADD x int;
-- @claim locks p EXCLUSIVE; algorithm INSTANT; lock NONE; reads brief; writes brief
ALTER TABLE p ADD x int;
-- @claim locks hollow EXCLUSIVE; algorithm INSTANT; lock NONE; reads brief; writes brief
ALTER TABLE hollow ADD x int;
-- @claim locks order EXCLUSIVE; algorithm INSTANT; lock NONE; reads brief; writes brief
ALTER TABLE `order` ADD `x y` int;
-- @claim locks c EXCLUSIVE, u EXCLUSIVE; algorithm INSTANT; lock NONE; reads brief; writes brief
-- @others v EXCLUSIVE
ALTER TABLE u ADD x int;
-- @claim locks c EXCLUSIVE, u SHARED_UPGRADABLE; algorithm INSTANT; lock NONE; reads brief; writes brief
ALTER TABLE c ADD x int;
-- @claim locks t EXCLUSIVE; algorithm INSTANT; lock NONE; reads brief; writes brief
ALTER TABLE t DROP COLUMN b;
-- @claim locks t EXCLUSIVE; algorithm INPLACE; lock NONE; rewrites t; scans t; reads brief; writes brief
ALTER TABLE t DROP COLUMN a;
-- @claim locks full EXCLUSIVE; algorithm INPLACE; lock NONE; rewrites full; scans full; reads brief; writes brief
ALTER TABLE full DROP COLUMN body;
-- @claim locks packed EXCLUSIVE; algorithm INPLACE; lock NONE; rewrites packed; scans packed; reads brief; writes brief
ALTER TABLE packed DROP COLUMN a;
-- @claim refused HY000
ALTER TABLE gen DROP COLUMN a;
-- @claim locks checked EXCLUSIVE; algorithm INSTANT; lock NONE; reads brief; writes brief
ALTER TABLE checked DROP COLUMN a;
-- @claim refused HY000
ALTER TABLE c DROP COLUMN uid;
-- @claim locks t EXCLUSIVE; algorithm INSTANT; lock NONE; reads brief; writes brief
ALTER TABLE t RENAME COLUMN b TO bb;
-- @claim locks t EXCLUSIVE; algorithm INSTANT; lock NONE; reads brief; writes brief
ALTER TABLE t CHANGE b bb varchar(20);
-- @claim locks t EXCLUSIVE; algorithm INPLACE; lock NONE; reads brief; writes brief
ALTER TABLE t CHANGE b bb varchar(40);
-- @claim locks c EXCLUSIVE, u SHARED_UPGRADABLE; algorithm INSTANT; lock NONE; reads brief; writes brief
ALTER TABLE c RENAME COLUMN uid TO u;
-- @claim locks c EXCLUSIVE, u EXCLUSIVE; algorithm INPLACE; lock NONE; reads brief; writes brief
-- @others v EXCLUSIVE
ALTER TABLE u RENAME COLUMN id TO key_;
-- @claim refused HY000
ALTER TABLE checked RENAME COLUMN a TO aa;
-- @claim locks p EXCLUSIVE; algorithm INSTANT; lock NONE; reads brief; writes brief
ALTER TABLE p RENAME COLUMN k TO kk;
-- @claim locks t EXCLUSIVE; algorithm INPLACE; lock NONE; rewrites t; scans t; reads brief; writes brief
ALTER TABLE t MODIFY b varchar(20) FIRST;
-- @claim locks t EXCLUSIVE; algorithm INPLACE; lock NONE; rewrites t; scans t; reads brief; writes brief
ALTER TABLE t MODIFY b varchar(20) AFTER c;

-- # Online DDL Operations (innodb-online-ddl-operations): changing the data type, extending VARCHAR, ENUM
-- @claim locks t EXCLUSIVE; algorithm COPY; lock SHARED; rewrites t; scans t; reads brief; writes rows
ALTER TABLE t MODIFY a bigint;
-- @claim locks t EXCLUSIVE; algorithm COPY; lock SHARED; rewrites t; scans t; reads brief; writes rows
ALTER TABLE t MODIFY a int unsigned;
-- @claim locks t EXCLUSIVE; algorithm INSTANT; lock NONE; reads brief; writes brief
ALTER TABLE t MODIFY a int;
-- @claim locks t EXCLUSIVE; algorithm INPLACE; lock NONE; reads brief; writes brief
ALTER TABLE t MODIFY b varchar(30);
-- @claim locks t EXCLUSIVE; algorithm INPLACE; lock NONE; reads brief; writes brief
ALTER TABLE t MODIFY b varchar(63);
-- @claim locks t EXCLUSIVE; algorithm COPY; lock SHARED; rewrites t; scans t; reads brief; writes rows
ALTER TABLE t MODIFY b varchar(64);
-- @claim locks t EXCLUSIVE; algorithm COPY; lock SHARED; rewrites t; scans t; reads brief; writes rows
ALTER TABLE t MODIFY b varchar(10);
-- @claim locks t EXCLUSIVE; algorithm COPY; lock SHARED; rewrites t; scans t; reads brief; writes rows
ALTER TABLE t MODIFY b text;
-- @claim locks t EXCLUSIVE; algorithm COPY; lock SHARED; rewrites t; scans t; reads brief; writes rows
ALTER TABLE t MODIFY b char(20);
-- @claim locks t EXCLUSIVE; algorithm INPLACE; lock NONE; reads brief; writes brief
ALTER TABLE t MODIFY long_b varchar(400);
-- @claim locks t EXCLUSIVE; algorithm COPY; lock SHARED; rewrites t; scans t; reads brief; writes rows
ALTER TABLE t MODIFY m decimal(12, 2);
-- @claim locks t EXCLUSIVE; algorithm COPY; lock SHARED; rewrites t; scans t; reads brief; writes rows
ALTER TABLE t MODIFY d datetime(6);
-- @claim locks t EXCLUSIVE; algorithm COPY; lock SHARED; rewrites t; scans t; reads brief; writes rows
ALTER TABLE t MODIFY d timestamp;
-- @claim locks t EXCLUSIVE; algorithm INSTANT; lock NONE; reads brief; writes brief
ALTER TABLE t MODIFY e enum('x', 'y', 'z');
-- @claim locks t EXCLUSIVE; algorithm COPY; lock SHARED; rewrites t; scans t; reads brief; writes rows
ALTER TABLE t MODIFY e enum('z', 'x', 'y');
-- @claim locks t EXCLUSIVE; algorithm COPY; lock SHARED; rewrites t; scans t; reads brief; writes rows
ALTER TABLE t MODIFY e enum('x');
-- @claim locks t EXCLUSIVE; algorithm COPY; lock SHARED; rewrites t; scans t; reads brief; writes rows
ALTER TABLE t MODIFY e varchar(20);
-- @claim refused HY000
ALTER TABLE u MODIFY id int;
-- @claim locks num EXCLUSIVE; algorithm COPY; lock SHARED; rewrites num; scans num; reads brief; writes rows
ALTER TABLE num MODIFY id bigint unsigned AUTO_INCREMENT;
-- @claim locks latin EXCLUSIVE; algorithm INPLACE; lock NONE; reads brief; writes brief
ALTER TABLE latin MODIFY a varchar(30) CHARACTER SET latin1;

-- # Online DDL Operations (innodb-online-ddl-operations): defaults, NULL, auto-increment, comments
-- @claim locks t EXCLUSIVE; algorithm INSTANT; lock NONE; reads brief; writes brief
ALTER TABLE t ALTER a SET DEFAULT 5;
-- @claim locks t EXCLUSIVE; algorithm INSTANT; lock NONE; reads brief; writes brief
ALTER TABLE t ALTER a SET DEFAULT (1 + 1);
-- @claim locks t EXCLUSIVE; algorithm INSTANT; lock NONE; reads brief; writes brief
ALTER TABLE t ALTER d DROP DEFAULT;
-- @claim locks t EXCLUSIVE; algorithm INSTANT; lock NONE; reads brief; writes brief
ALTER TABLE t MODIFY a int DEFAULT 5;
-- @claim locks t EXCLUSIVE; algorithm INSTANT; lock NONE; reads brief; writes brief
ALTER TABLE t MODIFY a int COMMENT 'x';
-- @claim locks t EXCLUSIVE; algorithm INPLACE; lock NONE; rewrites t; scans t; reads brief; writes brief
ALTER TABLE t MODIFY a int NOT NULL;
-- @claim locks t EXCLUSIVE; algorithm INPLACE; lock NONE; rewrites t; scans t; reads brief; writes brief
ALTER TABLE t MODIFY c varchar(40) NULL;
-- @claim locks t EXCLUSIVE; algorithm INPLACE; lock NONE; rewrites t; scans t; reads brief; writes brief
ALTER TABLE t MODIFY a int NOT NULL DEFAULT 5;
-- @claim locks checked EXCLUSIVE; algorithm INPLACE; lock NONE; rewrites checked; scans checked; reads brief; writes brief
ALTER TABLE checked MODIFY a int NOT NULL;
-- @claim locks t EXCLUSIVE; algorithm INSTANT; lock NONE; reads brief; writes brief
ALTER TABLE t ALTER COLUMN a SET INVISIBLE;
-- @claim locks place EXCLUSIVE; algorithm INSTANT; lock NONE; reads brief; writes brief
ALTER TABLE place ALTER COLUMN hidden SET VISIBLE;
-- @claim locks num EXCLUSIVE; algorithm INPLACE; lock NONE; reads brief; writes brief
ALTER TABLE num AUTO_INCREMENT = 10000;
-- @claim locks num EXCLUSIVE; algorithm COPY; lock SHARED; rewrites num; scans num; reads brief; writes rows
ALTER TABLE num MODIFY id bigint;
-- @claim locks gen EXCLUSIVE; algorithm COPY; lock SHARED; rewrites gen; scans gen; reads brief; writes rows
ALTER TABLE gen MODIFY id bigint AUTO_INCREMENT;

-- # Online DDL Operations (innodb-online-ddl-operations): generated column operations
-- @claim locks t EXCLUSIVE; algorithm INSTANT; lock NONE; reads brief; writes brief
ALTER TABLE t ADD x int GENERATED ALWAYS AS (a + 1) VIRTUAL;
-- @claim locks p EXCLUSIVE; algorithm INSTANT; lock NONE; reads brief; writes brief
-- @manual algorithm COPY. Adding a VIRTUAL column is not in place for partitioned tables.
ALTER TABLE p ADD x int GENERATED ALWAYS AS (k + 1) VIRTUAL;
-- @claim locks t EXCLUSIVE; algorithm INPLACE; lock SHARED; scans t; reads brief; writes rows
ALTER TABLE t ADD x int GENERATED ALWAYS AS (a + 1) VIRTUAL, ADD INDEX x_i (x);
-- @claim locks t EXCLUSIVE; algorithm INSTANT; lock NONE; reads brief; writes brief
ALTER TABLE t ADD x int GENERATED ALWAYS AS (a + 1) VIRTUAL NOT NULL;
-- @claim locks t EXCLUSIVE; algorithm COPY; lock SHARED; rewrites t; scans t; reads brief; writes rows
ALTER TABLE t ADD x int GENERATED ALWAYS AS (a + 1) STORED;
-- @claim locks gen EXCLUSIVE; algorithm INPLACE; lock NONE; reads brief; writes brief
ALTER TABLE gen DROP COLUMN virt;
-- @first DROP INDEX gen_virt ON gen
-- @claim locks gen EXCLUSIVE; algorithm INSTANT; lock NONE; reads brief; writes brief
ALTER TABLE gen DROP COLUMN virt;
-- @claim locks gen EXCLUSIVE; algorithm INSTANT; lock NONE; reads brief; writes brief
-- @manual algorithm INPLACE; rewrites gen. Dropping a STORED column: rebuilds the table.
ALTER TABLE gen DROP COLUMN stor;
-- @claim locks gen EXCLUSIVE; algorithm INSTANT; lock NONE; reads brief; writes brief
-- @manual algorithm COPY. Modifying VIRTUAL column order: in place No.
ALTER TABLE gen MODIFY virt int GENERATED ALWAYS AS (a + 1) VIRTUAL FIRST;
-- @claim locks gen EXCLUSIVE; algorithm INPLACE; lock NONE; rewrites gen; scans gen; reads brief; writes brief
-- @manual algorithm COPY; lock SHARED. Modifying STORED column order: in place No, no concurrent DML.
ALTER TABLE gen MODIFY stor int GENERATED ALWAYS AS (a + 2) STORED FIRST;
-- @claim locks gen EXCLUSIVE; algorithm COPY; lock SHARED; rewrites gen; scans gen; reads brief; writes rows
ALTER TABLE gen MODIFY virt int GENERATED ALWAYS AS (a + 3) VIRTUAL;
-- @claim locks gen EXCLUSIVE; algorithm COPY; lock SHARED; rewrites gen; scans gen; reads brief; writes rows
ALTER TABLE gen MODIFY stor int GENERATED ALWAYS AS (a + 3) STORED;
-- @claim refused HY000
ALTER TABLE gen MODIFY virt int GENERATED ALWAYS AS (a + 1) STORED;
-- @claim locks gen EXCLUSIVE; algorithm COPY; lock SHARED; rewrites gen; scans gen; reads brief; writes rows
ALTER TABLE gen MODIFY stor int;
-- @claim locks gen EXCLUSIVE; algorithm INSTANT; lock NONE; reads brief; writes brief
ALTER TABLE gen ADD x int;
-- @claim locks gen EXCLUSIVE; algorithm INSTANT; lock NONE; reads brief; writes brief
ALTER TABLE gen RENAME COLUMN virt TO virtual_;
