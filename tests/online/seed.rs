//! Filling tables from the catalog alone.

use pontoon::Dialect;
use pontoon_xtask::verify::conn::Conn;
use pontoon_xtask::verify::seed::{Filled, Seeding, fill_empty_tables};
use pontoon_xtask::verify::server::{Database, shared};

/// A database with `schema`, filled; and what was said of each table.
async fn filled(dialect: Dialect, schema: &str, rows: u64) -> (Database, Conn, Vec<Filled>) {
    let database = shared(dialect).await.fresh_database("servers_seed").await.unwrap();
    let mut conn = Conn::open(database.url()).await.unwrap();
    conn.execute(schema).await.unwrap();
    let filled = fill_empty_tables(database.url(), &Seeding::of(rows, true)).await.unwrap();
    (database, conn, filled)
}

async fn number(conn: &mut Conn, sql: &str) -> u64 {
    conn.value(sql).await.unwrap().unwrap().parse().unwrap()
}

fn of<'a>(filled: &'a [Filled], table: &str) -> &'a Filled {
    filled.iter().find(|it| it.table == table).unwrap_or_else(|| panic!("`{table}` is not among {filled:?}"))
}

fn assert_full(filled: &[Filled], rows: u64) {
    for table in filled {
        assert_eq!((table.rows, &table.note), (rows, &None), "{table:?}");
    }
}

async fn done(dialect: Dialect, database: Database, conn: Conn) {
    conn.close().await.unwrap();
    shared(dialect).await.drop_database(database).await.unwrap();
}

const POSTGRES_TYPES: &str = r#"
CREATE TYPE mood AS ENUM ('sad', 'it''s ok', 'happy');
CREATE DOMAIN positive AS numeric(8,2) NOT NULL CHECK (VALUE > 0);
CREATE DOMAIN code AS text CHECK (VALUE ~ '^[A-Z]{3}-\d{2}$');
CREATE SCHEMA "Other schema";
CREATE TABLE "Other schema"."Every type" (
    id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    "small" smallint NOT NULL, "int" int NOT NULL, "big" bigint, ser serial,
    num numeric NOT NULL, price numeric(5,2) NOT NULL, whole numeric(3) NOT NULL, r real, d double precision, cash money,
    t text NOT NULL, v varchar(4) NOT NULL UNIQUE, c char(3) NOT NULL, n name, ch "char",
    b boolean NOT NULL, by bytea NOT NULL, bits bit(5), vbits varbit(12), u uuid NOT NULL UNIQUE,
    j json NOT NULL, jb jsonb NOT NULL, x tsvector, q tsquery,
    da date NOT NULL, ti time NOT NULL, ttz timetz, ts timestamp NOT NULL, tz timestamptz NOT NULL, iv interval,
    m mood NOT NULL, p positive, co code NOT NULL,
    ia int[] NOT NULL, ta text[] NOT NULL, ma mood[] NOT NULL, va varchar(3)[],
    ip inet NOT NULL, ci cidr NOT NULL, mac macaddr NOT NULL,
    ir int4range NOT NULL, tr tstzrange NOT NULL, dr daterange NOT NULL, nr numrange,
    po point, bo box, lsn pg_lsn,
    gen text GENERATED ALWAYS AS (t || '!') STORED,
    EXCLUDE USING gist (ir WITH &&)
);"#;

const MYSQL_TYPES: &str = r#"
CREATE TABLE `Every type` (
    id bigint unsigned AUTO_INCREMENT PRIMARY KEY,
    ti tinyint NOT NULL, tu tinyint unsigned, tb tinyint(1) NOT NULL, si smallint NOT NULL, mi mediumint, i int NOT NULL, bi bigint,
    price decimal(5,2) NOT NULL, whole decimal(3,0), fine decimal(20,8) NOT NULL UNIQUE, f float, d double,
    t text NOT NULL, v varchar(4) NOT NULL UNIQUE, c char(3) NOT NULL, tt tinytext, lt longtext,
    vb varbinary(16) NOT NULL UNIQUE, b binary(4) NOT NULL, bl blob, bits bit(5), b1 bit(1),
    j json NOT NULL, da date NOT NULL, tm time, dt datetime(6) NOT NULL, ts timestamp NOT NULL DEFAULT CURRENT_TIMESTAMP,
    y year NOT NULL, e enum('sad','it''s ok','happy') NOT NULL, s set('a','b') NOT NULL,
    po point NOT NULL SRID 4326, ve varchar(40) GENERATED ALWAYS AS (concat(t, '!')) VIRTUAL,
    st varchar(40) GENERATED ALWAYS AS (concat(c, '!')) STORED,
    lo text NOT NULL, UNIQUE KEY prefix (lo(6)), UNIQUE KEY functional ((lower(v)))
);"#;

#[tokio::test]
async fn every_type_gets_values() {
    for (dialect, schema, sql) in [
        (Dialect::Postgres, POSTGRES_TYPES, "SELECT count(*) FROM \"Other schema\".\"Every type\" WHERE big IS NULL"),
        (Dialect::MySql, MYSQL_TYPES, "SELECT count(*) FROM `Every type` WHERE bi IS NULL"),
    ] {
        let (database, mut conn, filled) = filled(dialect, schema, 2_000).await;
        assert_eq!(filled.len(), 1);
        assert_full(&filled, 2_000);
        assert_eq!(number(&mut conn, sql).await, 200, "one of ten where NULL may stand");
        done(dialect, database, conn).await;
    }
}

/// The same on both servers, but for how a column is numbered.
const SHOP: &str = "
CREATE TABLE users (id bigint PRIMARY KEY, email varchar(320) NOT NULL UNIQUE, tenant int NOT NULL, UNIQUE (tenant, id));
CREATE TABLE tags (id int PRIMARY KEY, label varchar(20) NOT NULL);
CREATE TABLE orders (id bigint PRIMARY KEY, user_id bigint NOT NULL REFERENCES users (id), total decimal(10,2) NOT NULL,
    FOREIGN KEY (user_id) REFERENCES users (id));
CREATE TABLE order_tags (order_id bigint NOT NULL, tag_id int NOT NULL, PRIMARY KEY (tag_id, order_id),
    FOREIGN KEY (order_id) REFERENCES orders (id), FOREIGN KEY (tag_id) REFERENCES tags (id));
CREATE TABLE profiles (user_id bigint PRIMARY KEY, bio text, FOREIGN KEY (user_id) REFERENCES users (id));
CREATE TABLE addresses (id int PRIMARY KEY, tenant int NOT NULL, user_id bigint NOT NULL,
    FOREIGN KEY (tenant, user_id) REFERENCES users (tenant, id));
CREATE TABLE shipments (id int PRIMARY KEY, tenant int NOT NULL, from_user bigint NOT NULL, to_user bigint NOT NULL,
    FOREIGN KEY (tenant, from_user) REFERENCES users (tenant, id), FOREIGN KEY (tenant, to_user) REFERENCES users (tenant, id));
CREATE TABLE categories (id int PRIMARY KEY, parent_id int, FOREIGN KEY (parent_id) REFERENCES categories (id));
CREATE TABLE nodes (id int PRIMARY KEY, root_id int NOT NULL, FOREIGN KEY (root_id) REFERENCES nodes (id));
CREATE TABLE pontoon_ledger (id int PRIMARY KEY);
CREATE TABLE a (id int PRIMARY KEY, b_id int NOT NULL);
CREATE TABLE b (id int PRIMARY KEY, a_id int, FOREIGN KEY (a_id) REFERENCES a (id));
ALTER TABLE a ADD FOREIGN KEY (b_id) REFERENCES b (id);
CREATE TABLE has_a_row (id int PRIMARY KEY);
INSERT INTO has_a_row VALUES (7)";

#[tokio::test]
async fn foreign_keys_of_all_shapes_hold() {
    for dialect in Dialect::ALL {
        let (database, mut conn, filled) = filled(dialect, SHOP, 1_000).await;
        assert_full(&filled, 1_000);
        assert_eq!(filled.len(), 11, "neither the ledger nor what has rows: {filled:?}");
        assert!(number(&mut conn, "SELECT count(DISTINCT user_id) FROM orders").await > 100);
        assert!(number(&mut conn, "SELECT count(DISTINCT order_id) FROM order_tags").await > 100);
        assert_eq!(number(&mut conn, "SELECT count(*) FROM has_a_row").await, 1);
        done(dialect, database, conn).await;
    }
}

#[tokio::test]
async fn what_has_few_values_gets_few_rows_and_a_note() {
    for dialect in Dialect::ALL {
        let schema = "
            CREATE TABLE flags (flag bool NOT NULL UNIQUE, name text);
            CREATE TABLE letters (letter char(1) PRIMARY KEY);
            CREATE TABLE kinds (kind varchar(9) NOT NULL, flag bool NOT NULL, CHECK (kind IN ('a', 'b')), UNIQUE (kind, flag));
            CREATE TABLE pairs (a char(1) NOT NULL, b char(1) NOT NULL, PRIMARY KEY (a, b), FOREIGN KEY (a) REFERENCES letters (letter),
                FOREIGN KEY (b) REFERENCES letters (letter))";
        let (database, conn, filled) = filled(dialect, schema, 5_000).await;
        for (table, rows) in [("flags", 2), ("letters", 36), ("kinds", 4), ("pairs", 36 * 36)] {
            let filled = of(&filled, table);
            assert_eq!(filled.rows, rows, "{filled:?}");
            let note = filled.note.as_deref().unwrap();
            assert!(note.starts_with(&format!("{rows} rows only: ")) && note.contains("unique"), "{note}");
        }
        done(dialect, database, conn).await;
    }
}

#[tokio::test]
async fn conditions_hold() {
    for dialect in Dialect::ALL {
        let json =
            if dialect == Dialect::Postgres { "jsonb_typeof(tags) = 'array'" } else { "json_type(tags) = 'ARRAY'" };
        let regex = if dialect == Dialect::Postgres {
            "sku ~ '^[A-Z]{2}[0-9]{3,}$'"
        } else {
            "sku REGEXP '^[A-Z]{2}[0-9]{3,}$'"
        };
        let jsonb = if dialect == Dialect::Postgres { "jsonb" } else { "json" };
        let schema = format!(
            "CREATE TABLE checked (id int PRIMARY KEY, age smallint NOT NULL CHECK (age >= 18 AND age < 120),
                price decimal(8,2) NOT NULL CHECK (price > 0), share decimal(4,3) CHECK (share BETWEEN 0 AND 1),
                debt int NOT NULL CHECK (debt <= 0), status varchar(20) NOT NULL CHECK (status IN ('new', 'it''s done')),
                currency char(3) NOT NULL CHECK (char_length(currency) = 3), password varchar(100) CHECK (char_length(password) >= 30),
                mail varchar(99) NOT NULL UNIQUE CHECK (mail LIKE '%@%.de'), sku varchar(20) NOT NULL CHECK ({regex}),
                tags {jsonb} NOT NULL CHECK ({json}), since date NOT NULL, until date NOT NULL, CHECK (until > since),
                low int NOT NULL, high int NOT NULL, CHECK (low < high), phone varchar(20), fax varchar(20),
                CHECK (phone IS NOT NULL OR fax IS NOT NULL), code varchar(9) NOT NULL CHECK (code = upper(code)),
                odd int NOT NULL CHECK (odd % 2 = 1 OR odd > 5),
                cold int NOT NULL CHECK (cold > -7 AND cold < -2));
            CREATE TABLE one_of_two (id int PRIMARY KEY, note text, a int, b int REFERENCES checked (id), CHECK ((a IS NULL) <> (b IS NULL)));
            CREATE TABLE odd_text (id int PRIMARY KEY, t text NOT NULL, CHECK (length(replace(t, 'bc', '')) = 1));
            CREATE TABLE never (id int PRIMARY KEY, CONSTRAINT impossible CHECK (id + 1 = id))"
        );
        let (database, conn, filled) = filled(dialect, &schema, 1_000).await;
        assert_eq!((of(&filled, "checked").rows, &of(&filled, "checked").note), (1_000, &None));
        assert_eq!((of(&filled, "odd_text").rows, &of(&filled, "odd_text").note), (1_000, &None));
        let never = of(&filled, "never");
        assert_eq!(never.rows, 0);
        let note = never.note.as_deref().unwrap();
        assert!(note.starts_with("could not be filled: ") && note.contains("impossible"), "{note}");
        assert_eq!((of(&filled, "one_of_two").rows, &of(&filled, "one_of_two").note), (1_000, &None));
        done(dialect, database, conn).await;
    }
}

#[tokio::test]
async fn triggers_fire_and_may_refuse() {
    let postgres = "
        CREATE TABLE log (n int);
        CREATE TABLE logged (id int PRIMARY KEY);
        CREATE FUNCTION note() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN INSERT INTO log VALUES (NEW.id); RETURN NEW; END $$;
        CREATE TRIGGER note AFTER INSERT ON logged FOR EACH ROW EXECUTE FUNCTION note();
        CREATE TABLE refused (id int PRIMARY KEY);
        CREATE FUNCTION refuse() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN RAISE EXCEPTION 'not today'; END $$;
        CREATE TRIGGER refuse BEFORE INSERT ON refused FOR EACH ROW EXECUTE FUNCTION refuse();";
    let mysql = "
        CREATE TABLE log (n int);
        CREATE TABLE logged (id int PRIMARY KEY);
        CREATE TRIGGER note AFTER INSERT ON logged FOR EACH ROW INSERT INTO log VALUES (NEW.id);
        CREATE TABLE refused (id int PRIMARY KEY);
        CREATE TRIGGER refuse BEFORE INSERT ON refused FOR EACH ROW SIGNAL SQLSTATE '45000' SET MESSAGE_TEXT = 'not today';";
    for (dialect, schema) in [(Dialect::Postgres, postgres), (Dialect::MySql, mysql)] {
        let (database, mut conn, filled) = filled(dialect, schema, 300).await;
        assert_eq!(number(&mut conn, "SELECT count(*) FROM log").await, 600);
        assert_eq!(of(&filled, "logged").rows, 300);
        let note = of(&filled, "refused").note.as_deref().unwrap();
        assert!(note.contains("not today"), "{note}");
        done(dialect, database, conn).await;
    }
}

#[tokio::test]
async fn rows_fit_the_partitions_that_are_there() {
    let postgres = "
        CREATE TABLE events (id bigint GENERATED ALWAYS AS IDENTITY, at timestamptz NOT NULL, PRIMARY KEY (id, at)) PARTITION BY RANGE (at);
        CREATE TABLE events_1 PARTITION OF events FOR VALUES FROM ('2024-01-01') TO ('2024-02-01');
        CREATE TABLE events_2 PARTITION OF events FOR VALUES FROM ('2024-02-01') TO ('2024-03-01');
        CREATE TABLE ids (id int PRIMARY KEY) PARTITION BY RANGE (id);
        CREATE TABLE ids_1 PARTITION OF ids FOR VALUES FROM (MINVALUE) TO (500);
        CREATE TABLE ids_2 PARTITION OF ids FOR VALUES FROM (500) TO (9000);
        CREATE TABLE numbered (id bigint GENERATED BY DEFAULT AS IDENTITY PRIMARY KEY) PARTITION BY RANGE (id);
        CREATE TABLE numbered_1 PARTITION OF numbered FOR VALUES FROM (5000) TO (9000);
        CREATE TABLE numbered_0 (id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY, CHECK (id IS NOT NULL AND id >= 3000 AND id < 5000));
        CREATE TABLE kinds (id int, kind text NOT NULL, PRIMARY KEY (id, kind)) PARTITION BY LIST (kind);
        CREATE TABLE kinds_1 PARTITION OF kinds FOR VALUES IN ('a', 'b');
        CREATE TABLE kinds_2 PARTITION OF kinds FOR VALUES IN ('c') PARTITION BY HASH (id);
        CREATE TABLE kinds_3 PARTITION OF kinds_2 FOR VALUES WITH (modulus 1, remainder 0);
        CREATE TABLE bare (id int) PARTITION BY LIST (id);";
    let mysql = "
        CREATE TABLE events (id bigint AUTO_INCREMENT, at datetime NOT NULL, PRIMARY KEY (id, at)) PARTITION BY RANGE COLUMNS (at) (
            PARTITION p1 VALUES LESS THAN ('2024-01-01'), PARTITION p2 VALUES LESS THAN ('2024-02-01'));
        CREATE TABLE ids (id int PRIMARY KEY) PARTITION BY RANGE (id) (
            PARTITION p1 VALUES LESS THAN (500), PARTITION p2 VALUES LESS THAN (9000));
        CREATE TABLE kinds (id int, kind varchar(9) NOT NULL, PRIMARY KEY (id, kind)) PARTITION BY LIST COLUMNS (kind) (
            PARTITION p1 VALUES IN ('a', 'b'), PARTITION p2 VALUES IN ('c'));";
    for (dialect, schema) in [(Dialect::Postgres, postgres), (Dialect::MySql, mysql)] {
        let (database, mut conn, filled) = filled(dialect, schema, 1_000).await;
        for table in ["events", "ids", "kinds"] {
            assert_eq!((of(&filled, table).rows, &of(&filled, table).note), (1_000, &None));
        }
        if dialect == Dialect::Postgres {
            assert_eq!(number(&mut conn, "SELECT count(*) FROM events_2").await, 483);
            // no number that the server gives by itself fits; it goes on behind those that do
            for table in ["numbered", "numbered_0"] {
                assert_eq!((of(&filled, table).rows, &of(&filled, table).note), (1_000, &None), "{table}");
                conn.execute(format!("INSERT INTO {table} DEFAULT VALUES")).await.unwrap();
            }
            assert!(of(&filled, "bare").note.as_deref().unwrap().contains("no partitions"));
        }
        done(dialect, database, conn).await;
    }
}

#[tokio::test]
async fn numbering_goes_on_behind_what_was_filled() {
    let schema = "CREATE TABLE t (id int GENERATED BY DEFAULT AS IDENTITY PRIMARY KEY, root int NOT NULL REFERENCES t (id), note text);
                  CREATE TABLE s (id serial PRIMARY KEY, note text)";
    let (database, mut conn, filled) = filled(Dialect::Postgres, schema, 100).await;
    assert_full(&filled, 100);
    conn.execute("INSERT INTO t (root) VALUES (1); INSERT INTO s (note) VALUES ('x')").await.unwrap();
    done(Dialect::Postgres, database, conn).await;
}
