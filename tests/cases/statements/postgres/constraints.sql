-- # ALTER TABLE (sql-altertable): ADD table_constraint
-- @claim locks t ACCESS EXCLUSIVE; scans t; reads rows; writes rows
ALTER TABLE t ADD CONSTRAINT x CHECK (a > -5);
-- @claim locks t ACCESS EXCLUSIVE; reads brief; writes brief
ALTER TABLE t ADD CONSTRAINT x CHECK (a > -5) NOT VALID;
-- @claim refused 42601
-- @claim >= 18: locks t ACCESS EXCLUSIVE; reads brief; writes brief
ALTER TABLE t ADD CONSTRAINT x CHECK (a > -5) NOT ENFORCED;
-- @claim locks empty ACCESS EXCLUSIVE; reads brief; writes brief
ALTER TABLE empty ADD CONSTRAINT x CHECK (a > -5);
-- @claim locks p ACCESS EXCLUSIVE, p1 ACCESS EXCLUSIVE; scans p1; reads rows; writes rows
ALTER TABLE p ADD CONSTRAINT x CHECK (k > -5);
-- @claim locks p ACCESS EXCLUSIVE, p1 ACCESS EXCLUSIVE; reads brief; writes brief
ALTER TABLE p ADD CONSTRAINT x CHECK (k > -5) NOT VALID;
-- @claim locks ancestor ACCESS EXCLUSIVE, heir ACCESS EXCLUSIVE; scans ancestor, heir; reads rows; writes rows
ALTER TABLE ancestor ADD CONSTRAINT x CHECK (a > -5);
-- @claim locks ancestor ACCESS EXCLUSIVE; scans ancestor; reads rows; writes rows
-- @claim >= 18: locks ancestor ACCESS EXCLUSIVE, heir ACCESS EXCLUSIVE; scans ancestor; reads rows; writes rows
ALTER TABLE ancestor ADD CONSTRAINT x CHECK (a > -5) NO INHERIT;
-- @claim refused 42601
-- @claim >= 18: locks t ACCESS EXCLUSIVE; scans t; reads rows; writes rows
ALTER TABLE t ADD CONSTRAINT x NOT NULL b;
-- @claim refused 42601
-- @claim >= 18: locks t ACCESS EXCLUSIVE; reads brief; writes brief
ALTER TABLE t ADD CONSTRAINT x NOT NULL b NOT VALID;
-- @claim locks t ACCESS EXCLUSIVE; scans t; reads rows; writes rows
ALTER TABLE t ADD UNIQUE (b);
-- @claim locks t ACCESS EXCLUSIVE; scans t; reads rows; writes rows
-- @claim < 15: refused 42601
ALTER TABLE t ADD UNIQUE NULLS NOT DISTINCT (b);
-- @claim locks t ACCESS EXCLUSIVE; reads brief; writes brief
ALTER TABLE t ADD CONSTRAINT x UNIQUE USING INDEX t_unique;
-- @claim locks t ACCESS EXCLUSIVE; reads brief; writes brief
ALTER TABLE t ADD CONSTRAINT t_unique UNIQUE USING INDEX t_unique;
-- @claim locks num ACCESS EXCLUSIVE; reads brief; writes brief
ALTER TABLE num ADD PRIMARY KEY USING INDEX num_key;
-- @claim locks gen ACCESS EXCLUSIVE; scans gen; reads rows; writes rows
ALTER TABLE gen ADD PRIMARY KEY (id);
-- @claim locks gen ACCESS EXCLUSIVE; scans gen; reads rows; writes rows
ALTER TABLE gen ADD PRIMARY KEY (a);
-- @claim locks t ACCESS EXCLUSIVE; scans t; reads rows; writes rows
ALTER TABLE t ADD CONSTRAINT x EXCLUDE (b WITH =);
-- @claim locks p ACCESS EXCLUSIVE, p1 SHARE; scans p1; reads rows; writes rows
-- @claim >= 18: locks p ACCESS EXCLUSIVE, p1 ACCESS EXCLUSIVE; scans p1; reads rows; writes rows
ALTER TABLE p ADD PRIMARY KEY (id);

-- # ALTER TABLE (sql-altertable): ADD FOREIGN KEY
-- @claim locks t SHARE ROW EXCLUSIVE, u SHARE ROW EXCLUSIVE; scans t, u; reads no; writes rows
ALTER TABLE t ADD CONSTRAINT x FOREIGN KEY (uid) REFERENCES u;
-- @claim locks t SHARE ROW EXCLUSIVE, u SHARE ROW EXCLUSIVE; reads no; writes brief
ALTER TABLE t ADD CONSTRAINT x FOREIGN KEY (uid) REFERENCES u NOT VALID;
-- @claim refused 42601
-- @claim >= 18: locks t SHARE ROW EXCLUSIVE, u SHARE ROW EXCLUSIVE; reads no; writes brief
ALTER TABLE t ADD CONSTRAINT x FOREIGN KEY (uid) REFERENCES u NOT ENFORCED;
-- @claim locks t SHARE ROW EXCLUSIVE; scans t; reads no; writes rows
ALTER TABLE t ADD CONSTRAINT x FOREIGN KEY (uid) REFERENCES t;
-- @claim locks t SHARE ROW EXCLUSIVE, u SHARE ROW EXCLUSIVE; scans t, u; reads no; writes rows
ALTER TABLE t ADD CONSTRAINT x FOREIGN KEY (uid) REFERENCES u ON DELETE CASCADE DEFERRABLE INITIALLY DEFERRED;
-- @claim locks empty SHARE ROW EXCLUSIVE, u SHARE ROW EXCLUSIVE; reads no; writes brief
ALTER TABLE empty ADD CONSTRAINT x FOREIGN KEY (id) REFERENCES u;
-- @claim locks p SHARE ROW EXCLUSIVE, p1 SHARE ROW EXCLUSIVE, u SHARE ROW EXCLUSIVE; scans p1, u; reads no; writes rows
ALTER TABLE p ADD CONSTRAINT x FOREIGN KEY (id) REFERENCES u;
-- @claim refused 42809
-- @claim >= 18: locks p SHARE ROW EXCLUSIVE, p1 SHARE ROW EXCLUSIVE, u SHARE ROW EXCLUSIVE; reads no; writes brief
ALTER TABLE p ADD CONSTRAINT x FOREIGN KEY (id) REFERENCES u NOT VALID;

-- # ALTER TABLE (sql-altertable): VALIDATE, ALTER, RENAME and DROP CONSTRAINT
-- @claim locks t SHARE UPDATE EXCLUSIVE; scans t; reads no; writes no
ALTER TABLE t VALIDATE CONSTRAINT t_c;
-- @claim locks t SHARE UPDATE EXCLUSIVE, u ROW SHARE; scans t, u; reads no; writes no
ALTER TABLE t VALIDATE CONSTRAINT t_fk;
-- @claim locks t SHARE UPDATE EXCLUSIVE; reads no; writes no
ALTER TABLE t VALIDATE CONSTRAINT t_proof;
-- @claim locks c ACCESS EXCLUSIVE; reads brief; writes brief
ALTER TABLE c ALTER CONSTRAINT c_fk DEFERRABLE INITIALLY DEFERRED;
-- @claim refused 42601
-- @claim >= 18: locks c ACCESS EXCLUSIVE, u ACCESS EXCLUSIVE; reads brief; writes brief
ALTER TABLE c ALTER CONSTRAINT c_fk NOT ENFORCED;
-- @first >= 18: ALTER TABLE c ALTER CONSTRAINT c_fk NOT ENFORCED
-- @claim refused 42601
-- @claim >= 18: locks c ACCESS EXCLUSIVE, u SHARE ROW EXCLUSIVE; scans c, u; reads rows; writes rows
ALTER TABLE c ALTER CONSTRAINT c_fk ENFORCED;
-- @claim locks t ACCESS EXCLUSIVE; reads brief; writes brief
ALTER TABLE t RENAME CONSTRAINT t_c TO t_cc;
-- @claim locks t ACCESS EXCLUSIVE; reads brief; writes brief
ALTER TABLE t RENAME CONSTRAINT t_pkey TO t_key;
-- @claim locks t ACCESS EXCLUSIVE; reads brief; writes brief
ALTER TABLE t DROP CONSTRAINT t_c;
-- @claim locks t ACCESS EXCLUSIVE; reads brief; writes brief
ALTER TABLE t DROP CONSTRAINT t_pkey;
-- @claim locks c ACCESS EXCLUSIVE, u ACCESS EXCLUSIVE; reads brief; writes brief
ALTER TABLE c DROP CONSTRAINT c_fk;
-- @claim refused 2BP01
ALTER TABLE u DROP CONSTRAINT u_pkey;
-- @claim locks c ACCESS EXCLUSIVE, t ACCESS EXCLUSIVE, u ACCESS EXCLUSIVE; reads brief; writes brief
ALTER TABLE u DROP CONSTRAINT u_pkey CASCADE;
