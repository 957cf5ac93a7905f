-- # Online DDL Operations (innodb-online-ddl-operations): index operations
-- @claim locks t EXCLUSIVE; algorithm INPLACE; lock NONE; scans t; reads brief; writes brief
ALTER TABLE t ADD INDEX x (b);
-- @claim locks t EXCLUSIVE; algorithm INPLACE; lock NONE; scans t; reads brief; writes brief
CREATE INDEX x ON t (b);
-- @claim locks t EXCLUSIVE; algorithm INPLACE; lock NONE; scans t; reads brief; writes brief
CREATE UNIQUE INDEX x ON t (b);
-- @claim refused 23000
CREATE UNIQUE INDEX x ON t (e);
-- @claim locks t EXCLUSIVE; algorithm INPLACE; lock NONE; scans t; reads brief; writes brief
CREATE INDEX x ON t (b(10), a DESC);
-- @claim locks t EXCLUSIVE; algorithm INPLACE; lock NONE; scans t; reads brief; writes brief
CREATE INDEX x ON t (b) INVISIBLE;
-- @claim locks t EXCLUSIVE; algorithm INPLACE; lock SHARED; scans t; reads brief; writes rows
CREATE INDEX x ON t ((a + 1));
-- @claim locks place EXCLUSIVE; algorithm INPLACE; lock SHARED; scans place; reads brief; writes rows
CREATE INDEX x ON place ((CAST(doc -> '$.tags' AS unsigned ARRAY)));
-- @claim locks gen EXCLUSIVE; algorithm INPLACE; lock NONE; scans gen; reads brief; writes brief
CREATE INDEX x ON gen (virt);
-- @claim locks gen EXCLUSIVE; algorithm INPLACE; lock NONE; scans gen; reads brief; writes brief
CREATE INDEX x ON gen (stor);
-- @claim locks hollow EXCLUSIVE; algorithm INPLACE; lock NONE; reads brief; writes brief
CREATE INDEX x ON hollow (a);
-- @claim locks p EXCLUSIVE; algorithm INPLACE; lock NONE; scans p; reads brief; writes brief
CREATE INDEX x ON p (k);
-- @claim locks c EXCLUSIVE, u EXCLUSIVE; algorithm INPLACE; lock NONE; scans u; reads brief; writes brief
CREATE INDEX x ON u (name);
-- @claim locks t EXCLUSIVE; algorithm INPLACE; lock SHARED; rewrites t; scans t; reads brief; writes rows
CREATE FULLTEXT INDEX x ON t (b);
-- @claim locks t EXCLUSIVE; algorithm INPLACE; lock SHARED; rewrites t; scans t; reads brief; writes rows
CREATE FULLTEXT INDEX x ON t (b) WITH PARSER ngram;
-- @claim locks full EXCLUSIVE; algorithm INPLACE; lock SHARED; scans full; reads brief; writes rows
ALTER TABLE full ADD FULLTEXT INDEX x (body) WITH PARSER ngram;
-- @claim locks place EXCLUSIVE; algorithm INPLACE; lock SHARED; scans place; reads brief; writes rows
CREATE SPATIAL INDEX x ON place (at);
-- @claim locks t EXCLUSIVE; algorithm INPLACE; lock NONE; scans t; reads brief; writes brief
ALTER TABLE t ADD INDEX x (b), ADD INDEX y (c);
-- @claim locks t EXCLUSIVE; algorithm INPLACE; lock NONE; rewrites t; scans t; reads brief; writes brief
ALTER TABLE t ADD INDEX x (b), ADD y int;
-- @claim locks t EXCLUSIVE; algorithm INPLACE; lock NONE; reads brief; writes brief
DROP INDEX t_a ON t;
-- @claim locks full EXCLUSIVE; algorithm INPLACE; lock NONE; reads brief; writes brief
DROP INDEX full_body ON full;
-- @claim locks gen EXCLUSIVE; algorithm INPLACE; lock NONE; reads brief; writes brief
DROP INDEX gen_virt ON gen;
-- @claim refused 42000
ALTER TABLE t DROP INDEX nothing;
-- @claim locks t EXCLUSIVE; algorithm INPLACE; lock NONE; scans t; reads brief; writes brief
ALTER TABLE t DROP INDEX t_a, ADD INDEX t_a (b);
-- @claim locks t EXCLUSIVE; algorithm INPLACE; lock NONE; reads brief; writes brief
ALTER TABLE t RENAME INDEX t_a TO t_b;
-- @claim locks t EXCLUSIVE; algorithm INPLACE; lock NONE; reads brief; writes brief
ALTER TABLE t ALTER INDEX t_a INVISIBLE;
-- @claim locks t EXCLUSIVE; algorithm INSTANT; lock NONE; reads brief; writes brief
ALTER TABLE t DROP INDEX t_a, ADD INDEX t_a (a) USING BTREE;
-- @claim locks t EXCLUSIVE; algorithm INSTANT; lock NONE; reads brief; writes brief
ALTER TABLE t DISABLE KEYS;

-- # Online DDL Operations (innodb-online-ddl-operations): primary key operations
-- @claim locks keyless EXCLUSIVE; algorithm INPLACE; lock NONE; rewrites keyless; scans keyless; reads brief; writes brief
ALTER TABLE keyless ADD PRIMARY KEY (a);
-- @claim refused 42000
ALTER TABLE checked ADD PRIMARY KEY (a);
-- @claim locks t EXCLUSIVE; algorithm COPY; lock SHARED; rewrites t; scans t; reads brief; writes rows
ALTER TABLE t DROP PRIMARY KEY;
-- @claim locks t EXCLUSIVE; algorithm INPLACE; lock NONE; rewrites t; scans t; reads brief; writes brief
ALTER TABLE t DROP PRIMARY KEY, ADD PRIMARY KEY (id, a);
-- @claim refused 42000
ALTER TABLE num DROP PRIMARY KEY;

-- # Online DDL Operations (innodb-online-ddl-operations): foreign key operations
-- @claim locks t EXCLUSIVE, u EXCLUSIVE; algorithm COPY; lock SHARED; rewrites t; scans t; reads brief; writes rows
ALTER TABLE t ADD CONSTRAINT x FOREIGN KEY (uid) REFERENCES u (id);
-- @first SET foreign_key_checks = 0
-- @claim locks t EXCLUSIVE, u EXCLUSIVE; algorithm INPLACE; lock NONE; reads brief; writes brief
ALTER TABLE t ADD CONSTRAINT x FOREIGN KEY (uid) REFERENCES u (id);
-- @first SET foreign_key_checks = 0
-- @claim locks t EXCLUSIVE, u EXCLUSIVE; algorithm INPLACE; lock NONE; reads brief; writes brief
ALTER TABLE t ADD CONSTRAINT x FOREIGN KEY (uid) REFERENCES u (id) ON DELETE CASCADE;
-- @first SET foreign_key_checks = 0
-- @claim refused HY000
ALTER TABLE t ADD CONSTRAINT x FOREIGN KEY (m) REFERENCES u (id);
-- @claim locks hollow EXCLUSIVE, u EXCLUSIVE; algorithm COPY; lock SHARED; rewrites hollow; reads brief; writes brief
ALTER TABLE hollow ADD CONSTRAINT x FOREIGN KEY (id) REFERENCES u (id);
-- @claim locks num EXCLUSIVE; algorithm COPY; lock SHARED; rewrites num; scans num; reads brief; writes rows
ALTER TABLE num ADD parent bigint, ADD CONSTRAINT x FOREIGN KEY (parent) REFERENCES num (id);
-- @claim locks c EXCLUSIVE, u EXCLUSIVE; algorithm INPLACE; lock NONE; reads brief; writes brief
ALTER TABLE c DROP FOREIGN KEY c_fk;
-- @claim locks c EXCLUSIVE, u EXCLUSIVE; algorithm COPY; lock SHARED; rewrites c; scans c; reads brief; writes rows
ALTER TABLE c DROP FOREIGN KEY c_fk, ADD CONSTRAINT c_fk2 FOREIGN KEY (uid) REFERENCES u (id);
-- @claim locks t EXCLUSIVE, u EXCLUSIVE; algorithm COPY; lock SHARED; rewrites t; scans t; reads brief; writes rows
ALTER TABLE t ADD x bigint, ADD FOREIGN KEY (x) REFERENCES u (id);

-- # CHECK Constraints (create-table-check-constraints), ALTER TABLE (alter-table)
-- @claim locks t EXCLUSIVE; algorithm COPY; lock SHARED; rewrites t; scans t; reads brief; writes rows
ALTER TABLE t ADD CONSTRAINT x CHECK (a > -5);
-- @claim locks t EXCLUSIVE; algorithm INSTANT; lock NONE; reads brief; writes brief
ALTER TABLE t ADD CONSTRAINT x CHECK (a > -5) NOT ENFORCED;
-- @claim locks hollow EXCLUSIVE; algorithm COPY; lock SHARED; rewrites hollow; reads brief; writes brief
ALTER TABLE hollow ADD CONSTRAINT x CHECK (a > -5);
-- @claim locks checked EXCLUSIVE; algorithm COPY; lock SHARED; rewrites checked; scans checked; reads brief; writes rows
ALTER TABLE checked ALTER CHECK checked_b ENFORCED;
-- @claim locks checked EXCLUSIVE; algorithm INSTANT; lock NONE; reads brief; writes brief
ALTER TABLE checked ALTER CHECK checked_a NOT ENFORCED;
-- @claim locks checked EXCLUSIVE; algorithm INSTANT; lock NONE; reads brief; writes brief
ALTER TABLE checked DROP CHECK checked_a;
-- @claim locks checked EXCLUSIVE; algorithm INSTANT; lock NONE; reads brief; writes brief
ALTER TABLE checked DROP CONSTRAINT checked_b;
