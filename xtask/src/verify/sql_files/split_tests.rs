use super::*;

/// The statements of a text, each as `line:column sql`.
fn shown(text: &str, dialect: Dialect) -> Vec<String> {
    let slices = slices(text, dialect).unwrap();
    let whole: String = slices.iter().map(|it| &text[it.start..it.end]).collect();
    assert_eq!(whole, text, "the slices side by side are the text");
    split(text, dialect).unwrap().iter().map(|it| format!("{}:{} {}", it.line, it.column, it.sql)).collect()
}

fn postgres(text: &str) -> Vec<String> {
    shown(text, Dialect::Postgres)
}

fn mysql(text: &str) -> Vec<String> {
    shown(text, Dialect::MySql)
}

#[test]
fn a_statement_begins_behind_its_comment() {
    let text = "-- first\n/* more */ SELECT 1;\n\n  SELECT 'a;b' -- ; not here\n;;\n-- the end\n";
    for dialect in Dialect::ALL {
        assert_eq!(shown(text, dialect), ["2:12 SELECT 1", "4:3 SELECT 'a;b'"]);
    }
    assert_eq!(split(text, Dialect::Postgres).unwrap()[0].comment, "-- first\n/* more */");
}

#[test]
fn columns_are_counted_in_characters() {
    assert_eq!(postgres("/* größer */ SELECT 'ä'; SELECT 2"), ["1:14 SELECT 'ä'", "1:26 SELECT 2"]);
    assert_eq!(postgres("SELECT 1;\r\n\r\nSELECT 2;\r\n"), ["1:1 SELECT 1", "3:1 SELECT 2"]);
}

#[test]
fn nothing_is_no_statement() {
    for text in ["", ";", " \n -- x\n", "/* x */;\n;"] {
        assert_eq!(postgres(text), [""; 0], "{text}");
        assert_eq!(mysql(text), [""; 0], "{text}");
    }
}

#[test]
fn functions_of_postgres_hold_semicolons() {
    let dollar =
        "CREATE FUNCTION f() RETURNS trigger LANGUAGE plpgsql AS $body$\nBEGIN\n  NEW.a := 1; RETURN NEW;\nEND $body$";
    let atomic = "CREATE OR REPLACE FUNCTION g(a int) RETURNS int LANGUAGE sql BEGIN ATOMIC\n\
                  SELECT CASE WHEN a > 0 THEN 1 ELSE 2 END;\nSELECT 3;\nEND";
    let procedure = "create procedure p() begin atomic insert into t values (1); end";
    let block = "DO $$ BEGIN PERFORM 1; END $$";
    let text = format!("{dollar};\n{atomic};{procedure};{block};SELECT 1;");
    let statements = postgres(&text);
    let expected = [dollar, atomic, procedure, block, "SELECT 1"];
    assert_eq!(statements.len(), expected.len());
    for (statement, expected) in statements.iter().zip(expected) {
        assert_eq!(statement.split_once(' ').unwrap().1, expected);
    }
}

#[test]
fn transactions_of_postgres_are_statements_of_their_own() {
    let text = "BEGIN; CREATE TABLE begin_t (a int); COMMIT; SELECT 1; END;";
    assert_eq!(postgres(text).len(), 5);
    assert_eq!(mysql("BEGIN; INSERT INTO t VALUES (1); COMMIT;").len(), 3);
}

#[test]
fn a_rule_of_postgres_holds_semicolons() {
    let rule = "CREATE RULE r AS ON DELETE TO t DO ALSO (INSERT INTO a VALUES (1); DELETE FROM b)";
    assert_eq!(
        postgres(&format!("{rule};SELECT 1")),
        [format!("1:1 {rule}"), format!("1:{} SELECT 1", rule.len() + 2)]
    );
}

/// Each is one statement, whatever follows it.
const ROUTINES: &[&str] = &[
    "CREATE TRIGGER t BEFORE INSERT ON a FOR EACH ROW SET NEW.b = IF(NEW.c > 0, 1, 2)",
    "CREATE TRIGGER t BEFORE INSERT ON a FOR EACH ROW BEGIN SET NEW.b = 1; SET NEW.c = 2; END",
    "CREATE TRIGGER t BEFORE INSERT ON a FOR EACH ROW IF NEW.b IS NULL THEN SET NEW.b = 1; END IF",
    "CREATE TRIGGER t BEFORE INSERT ON a FOR EACH ROW FOLLOWS u IF (NEW.b) THEN SET NEW.b = 1; ELSE SET NEW.b = 2; END IF",
    "CREATE TRIGGER t BEFORE UPDATE ON a FOR EACH ROW BEGIN IF (NEW.b <=> OLD.b) THEN\n  SET NEW.c = CASE WHEN 1 THEN IF(1, 2, 3) ELSE IF(4, 5, 6) END;\nELSEIF EXISTS (SELECT 1) THEN SET NEW.d = 4; END IF; END",
    "CREATE DEFINER=`root`@`localhost` TRIGGER IF NOT EXISTS t AFTER DELETE ON a FOR EACH ROW BEGIN DELETE FROM b; END",
    "CREATE DEFINER = CURRENT_USER() PROCEDURE p() BEGIN DECLARE x int DEFAULT 0; WHILE x < 3 DO SET x = x + 1; END WHILE; END",
    "CREATE AGGREGATE FUNCTION f RETURNS STRING SONAME 'f.so'",
    "CREATE PROCEDURE p(IN a int) l: LOOP SELECT 1; LEAVE l; END LOOP l",
    "CREATE PROCEDURE p() REPEAT SET @x = REPEAT('a', 3); UNTIL @x END REPEAT",
    "CREATE PROCEDURE p() BEGIN CASE a WHEN 1 THEN SELECT 1; ELSE BEGIN END; END CASE; DROP TABLE IF EXISTS t; END",
    "CREATE PROCEDURE p() CASE a WHEN 1 THEN IF (b) THEN SELECT 1; END IF; END CASE",
    "CREATE FUNCTION f(a int) RETURNS int DETERMINISTIC RETURN IF(a > 0, CASE WHEN a THEN 1 END, 2)",
    "CREATE FUNCTION f(a int) RETURNS int DETERMINISTIC BEGIN RETURN (SELECT CASE a WHEN 1 THEN 2 END); END",
    "CREATE PROCEDURE IF NOT EXISTS p() SELECT 1",
    "CREATE EVENT e ON SCHEDULE EVERY 1 DAY STARTS '2020-01-01' ENDS '2030-01-01' DO BEGIN DELETE FROM a; END",
    "ALTER EVENT e DO BEGIN DELETE FROM a; END",
    "/*!50003 CREATE*/ /*!50017 DEFINER=`a`@`%`*/ /*!50003 TRIGGER t BEFORE INSERT ON a FOR EACH ROW BEGIN SET @x = 1; END */",
    "CREATE PROCEDURE p() BEGIN DECLARE EXIT HANDLER FOR SQLEXCEPTION BEGIN ROLLBACK; END; SELECT `if`, 'begin' FROM `end`; END",
    "CREATE TABLE begin_case (a int, `if` int)",
    "CREATE VIEW v AS SELECT CASE WHEN a THEN 1 END FROM t",
    "DROP TRIGGER IF EXISTS t",
];

#[test]
fn routines_of_mysql_hold_semicolons() {
    for routine in ROUTINES {
        let statements = mysql(&format!("{routine};\nSELECT 1;"));
        assert_eq!(statements.len(), 2, "{statements:#?}");
        assert_eq!(statements[0], format!("1:1 {routine}"));
    }
    let all = ROUTINES.join(";\n");
    assert_eq!(mysql(&all).len(), ROUTINES.len());
}

#[test]
fn delimiters_of_mysqls_client_are_understood() {
    let text = "DELIMITER //\nCREATE PROCEDURE p()\nBEGIN\n  SELECT 1; SELECT '//';\nEND//\ndelimiter ;\nSELECT 2;\n  DELIMITER $$\nSELECT 3$$\nSELECT END$$ SELECT 4 $$ DELIMITER ;";
    assert_eq!(
        split(text, Dialect::MySql).unwrap().iter().map(|it| it.sql.as_str()).collect::<Vec<_>>(),
        [
            "CREATE PROCEDURE p()\nBEGIN\n  SELECT 1; SELECT '//';\nEND",
            "SELECT 2",
            "SELECT 3",
            "SELECT END",
            "SELECT 4",
            "DELIMITER ;",
        ]
    );
}

#[test]
fn what_psql_is_told_beside_the_sql_is_passed_over() {
    let text = "\\restrict x9\n\\set ON_ERROR_STOP on\n-- why\nSELECT 1;\n\\echo done; really\n  \\timing\nSELECT 2;\n\\unrestrict x9\n";
    assert_eq!(postgres(text), ["4:1 SELECT 1", "7:1 SELECT 2"]);
    for text in ["\\set age 7\n", "SELECT \\echo\n", "\\i other.sql\n", "\\gexec\n"] {
        assert!(slices(text, Dialect::Postgres).is_err(), "{text}");
    }
}

#[test]
fn what_is_left_open_is_told_where_it_begins() {
    let error = |text, dialect| {
        let error = split(text, dialect).unwrap_err();
        let (line, column) = place(text, error.at);
        format!("{line}:{column} {}", error.message)
    };
    for (text, expected) in [
        ("SELECT 1;\n SELECT 'a;\n", "2:9 the closing `'` of what begins here is missing"),
        ("SELECT $a$ x;", "1:8 the closing dollar quote of what begins here is missing"),
        ("SELECT 1; /* x", "1:11 the closing `*/` of what begins here is missing"),
        ("SELECT (1; SELECT 2", "1:1 the closing `)` of the statement that begins here is missing"),
        (
            "SELECT 1;\n\\connect x\n",
            "2:1 `\\connect` is a command to psql and no SQL: take it out, or write what it does as SQL",
        ),
    ] {
        assert_eq!(error(text, Dialect::Postgres), expected);
    }
    let copied = error("SELECT 1;\nCOPY t (a) FROM stdin WITH CSV;\nit's\n\\.\n", Dialect::Postgres);
    assert!(copied.starts_with("2:1 `COPY ... FROM stdin` takes rows from psql: write INSERT"), "{copied}");
    let trigger = "CREATE TRIGGER t BEFORE INSERT ON a FOR EACH ROW BEGIN SET @a = 1;";
    assert_eq!(error(trigger, Dialect::MySql), "1:1 the END of the statement that begins here is missing");
}

/// Random mixtures of what is easily mistaken: whatever comes out, nothing is lost or made up.
#[test]
fn the_slices_of_any_text_are_the_text() {
    let parts = [
        "SELECT",
        " ",
        "\n",
        ";",
        "'",
        "''",
        "\"",
        "`",
        "$$",
        "$a$",
        "--",
        "-- x\n",
        "/*",
        "*/",
        "/*!50000 ",
        "#",
        "(",
        ")",
        "\\",
        "BEGIN",
        "END",
        "CASE",
        "IF",
        "CREATE FUNCTION",
        "CREATE TRIGGER",
        "DELIMITER //\n",
        "//",
        "é",
        "E'",
        "1.5",
        "$1",
    ];
    let mut random = fastrand::Rng::with_seed(7);
    for _ in 0..20_000 {
        let text: String = (0..random.usize(0..16)).map(|_| parts[random.usize(0..parts.len())]).collect();
        for dialect in Dialect::ALL {
            let Ok(slices) = slices(&text, dialect) else { continue };
            let mut at = 0;
            for slice in slices {
                assert!(
                    slice.start == at
                        && slice.start <= slice.sql
                        && slice.sql <= slice.sql_end
                        && slice.sql_end <= slice.end
                );
                at = slice.end;
            }
            assert_eq!(at, text.len(), "{text}");
        }
    }
}

#[test]
fn a_backslash_at_the_end_of_a_line_is_for_mysqls_client() {
    let text = "INSERT INTO t VALUES (1, \\\n  'a\\\nb', \\\r\n  2); SELECT '\\\\'";
    let expected = ["1:1 INSERT INTO t VALUES (1,  \n  'a\\\nb',  \r\n  2)", "4:7 SELECT '\\\\'"];
    assert_eq!(mysql(text), expected);
}
