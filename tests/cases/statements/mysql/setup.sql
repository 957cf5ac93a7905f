-- The schema that the rows begin with, on an empty database. Behind `@part` stand the names for which a row gets that
-- part: itself, or with something behind it (`t_a` for `t`). Who names none gets all.
CREATE TABLE numbers (n int PRIMARY KEY);
INSERT INTO numbers WITH RECURSIVE r (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM r WHERE i < 300) SELECT i FROM r;

-- @part u t c v
CREATE TABLE u (id bigint PRIMARY KEY, name varchar(40));
INSERT INTO u SELECT n, concat('n', n) FROM numbers;

-- @part t add_column
CREATE TABLE t (
    id bigint PRIMARY KEY, a int, b varchar(20), c varchar(40) NOT NULL, d datetime DEFAULT now(), uid bigint,
    e enum('x', 'y'), m decimal(10, 2), long_b varchar(300), KEY t_a (a), KEY t_u (uid), UNIQUE KEY t_unique (id, a)
);
INSERT INTO t SELECT n, n, concat('b', n), concat('c', n), now(), n, 'x', n, n FROM numbers;
CREATE TRIGGER t_trigger BEFORE INSERT ON t FOR EACH ROW SET NEW.a = NEW.a;
CREATE PROCEDURE add_column() ALTER TABLE t ADD x int;

-- @part c u
CREATE TABLE c (id bigint PRIMARY KEY, uid bigint, CONSTRAINT c_fk FOREIGN KEY (uid) REFERENCES u (id));
INSERT INTO c SELECT n, n FROM numbers;

-- @part u v
CREATE VIEW v AS SELECT id FROM u;

-- columns of special kinds: generated, numbered, a place, a document, with a check
-- @part gen
CREATE TABLE gen (
    id bigint PRIMARY KEY, a int, virt int GENERATED ALWAYS AS (a + 1) VIRTUAL, stor int GENERATED ALWAYS AS (a + 2) STORED,
    b int, KEY gen_virt (virt)
);
INSERT INTO gen (id, a, b) SELECT n, n, n FROM numbers;
-- @part num
CREATE TABLE num (id bigint AUTO_INCREMENT PRIMARY KEY, a int);
INSERT INTO num (a) SELECT n FROM numbers;
-- @part place
CREATE TABLE place (id bigint PRIMARY KEY, at point NOT NULL SRID 0, doc json, hidden int INVISIBLE);
INSERT INTO place (id, at, doc) SELECT n, point(n, n), '{"tags": [1, 2]}' FROM numbers;
-- @part checked
CREATE TABLE checked (id bigint PRIMARY KEY, a int, b int, CONSTRAINT checked_a CHECK (a > 0), CONSTRAINT checked_b CHECK (b > 0) NOT ENFORCED);
INSERT INTO checked SELECT n, n, n FROM numbers;
-- @part keyless
CREATE TABLE keyless (a int NOT NULL, b varchar(20));
INSERT INTO keyless SELECT n, n FROM numbers;
-- @part full
CREATE TABLE full (id bigint PRIMARY KEY, body varchar(100), FULLTEXT KEY full_body (body));
INSERT INTO full SELECT n, concat('word', n) FROM numbers;
-- @part packed
CREATE TABLE packed (id bigint PRIMARY KEY, a int) ROW_FORMAT=COMPRESSED;
INSERT INTO packed SELECT n, n FROM numbers;
-- @part latin
CREATE TABLE latin (id bigint PRIMARY KEY, a varchar(20), k varchar(20), KEY latin_k (k)) CHARACTER SET latin1;
INSERT INTO latin SELECT n, n, n FROM numbers;
-- @part bin
CREATE TABLE bin (id bigint PRIMARY KEY, a varchar(20)) CHARACTER SET utf8mb4;
INSERT INTO bin SELECT n, n FROM numbers;
-- @part order
CREATE TABLE `order` (id bigint PRIMARY KEY, `group` int);
INSERT INTO `order` SELECT n, n FROM numbers;
-- @part hollow
CREATE TABLE hollow (id bigint PRIMARY KEY, a int);

-- partitioned; `loose` could take the place of `p0`
-- @part p loose
CREATE TABLE p (id bigint PRIMARY KEY, k int) PARTITION BY RANGE (id)
    (PARTITION p0 VALUES LESS THAN (250), PARTITION p1 VALUES LESS THAN (5000));
INSERT INTO p SELECT n, n FROM numbers;
CREATE TABLE loose (id bigint PRIMARY KEY, k int);
INSERT INTO loose SELECT n, n FROM numbers WHERE n < 250;
-- @part h
CREATE TABLE h (id bigint PRIMARY KEY, k int) PARTITION BY HASH (id) PARTITIONS 2;
INSERT INTO h SELECT n, n FROM numbers;
