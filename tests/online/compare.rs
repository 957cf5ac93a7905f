//! Columns that go are compared with those that take their place before contract does anything: what differs is named by its key,
//! and nothing else is.

use pontoon::Dialect;
use pontoon::def::TableDef;
use pontoon::exec::Options;
use pontoon_xtask::verify::conn::Conn;
use rust_decimal::Decimal;

use crate::support::{Fresh, between, number, on_both_servers, run, things};

/// A write that no trigger of ours sees, as a restored backup or a replica's apply is.
async fn unseen(db: &Fresh, sql: &str) {
    let mut conn = db.connect().await;
    run(&mut conn, db.pick("SET session_replication_role = replica", "SET @pontoon_backfill = 1")).await;
    run(&mut conn, sql).await;
}

async fn columns(db: &Fresh, conn: &mut Conn) -> i64 {
    number(
        conn,
        db.pick(
            "SELECT count(*) FROM information_schema.columns WHERE table_schema = 'public' AND table_name IN ('things', 'owners')",
            "SELECT COUNT(*) FROM information_schema.COLUMNS WHERE TABLE_SCHEMA = DATABASE() AND TABLE_NAME IN ('things', 'owners')",
        ),
    )
    .await
}

fn renamed() -> [Vec<TableDef>; 2] {
    let before = things! { #[column(length = 40)] a: String, n: Option<i32>, };
    let after = things! { #[column(length = 40, renamed_from = "a")] b: String, n: Option<i64>, };
    [vec![before], vec![after]]
}

/// Two renamed columns, one of them with another type under its name.
async fn a_row_that_differs_is_named(dialect: Dialect) {
    let [before, after] = renamed();
    let (db, migrations) = between(dialect, before, after).await;
    let mut conn = db.connect().await;
    for id in 1..=2_500 {
        run(&mut conn, &format!("INSERT INTO things (id, a, n) VALUES ({id}, 'old {id}', {id})")).await;
    }
    let runner = db.runner_with(migrations, Options::default());
    for back in [true, false] {
        runner.expand().await.unwrap();
        runner.backfill().await.unwrap();
        runner.validate().await.unwrap();
        run(&mut conn, "UPDATE things SET b = 'new 1' WHERE id = 1").await;
        run(&mut conn, "UPDATE things SET a = 'old 2', n = NULL WHERE id = 2").await;
        for id in [3, 1_700, 1_701, 1_702, 1_703, 1_704, 2_500] {
            unseen(&db, &format!("UPDATE things SET b = 'odd {id}' WHERE id = {id}")).await;
        }
        let there = columns(&db, &mut conn).await;
        let error = runner.contract().await.unwrap_err().to_string();
        assert!(error.contains("`b` and `a`, which goes, say otherwise in rows of `things`"), "{error}");
        let named = "By (id, a, b): 3, old 3, odd 3; 1700, old 1700, odd 1700; 1701, old 1701, odd 1701; 1702, old 1702, odd 1702; \
                     1703, old 1703, odd 1703; and 2 more\n";
        assert!(error.contains(named) && error.contains("`undo`"), "{error}");
        assert!(error.contains(db.pick("0002_after/postgres.sql:", "0002_after/mysql.sql:")), "{error}");
        assert_eq!(columns(&db, &mut conn).await, there, "nothing is done");
        run(&mut conn, "UPDATE things SET a = 'by the trigger' WHERE id = 4").await;
        assert_eq!(number(&mut conn, "SELECT count(*) FROM things WHERE b = 'by the trigger'").await, 1);
        run(&mut conn, "UPDATE things SET a = 'old 4' WHERE id = 4").await;
        // the one side is right here, and the other there
        run(&mut conn, "UPDATE things SET b = 'right 3' WHERE id = 3").await;
        run(&mut conn, "UPDATE things SET b = a WHERE id > 1000").await;
        let error = {
            unseen(&db, "UPDATE things SET pontoon_n_old = NULL WHERE id = 7").await;
            unseen(&db, "UPDATE things SET pontoon_n_old = 5 WHERE id = 2").await;
            runner.contract().await.unwrap_err().to_string()
        };
        let named = "`n` and `pontoon_n_old`, which goes, say otherwise in rows of `things`";
        assert!(error.contains(named), "{error}");
        assert!(error.contains("By (id, pontoon_n_old, n): 2, 5, NULL; 7, NULL, 7\n"), "{error}");
        if back {
            runner.undo().await.unwrap();
            assert_eq!(number(&mut conn, "SELECT count(*) FROM things WHERE a = 'right 3' OR a = 'new 1'").await, 2);
            run(&mut conn, "UPDATE things SET n = id WHERE id IN (2, 7)").await;
            run(&mut conn, "UPDATE things SET a = 'old 3' WHERE id = 3").await;
        } else {
            run(&mut conn, "UPDATE things SET n = 77 WHERE id IN (2, 7)").await;
        }
    }
    runner.contract().await.unwrap();
    assert_eq!(
        number(&mut conn, "SELECT count(*) FROM things WHERE b = 'right 3' OR id IN (2, 7) AND n = 77").await,
        3
    );
    db.end().await;
}

/// What is lost one way is no difference: each row has what it was given from the one side or the other.
async fn what_is_lost_on_the_way_is_no_difference(dialect: Dialect) {
    let before = things! { #[column(length = 60)] a: String, };
    let after = things! { @(dropped("a", reverse = "concat(b, ' ', c)"))
        #[column(length = 40, backfill(postgres = "split_part(a, ' ', 1)", mysql = "substring_index(a, ' ', 1)"))]
        b: String,
        #[column(length = 40, backfill(
            postgres = "split_part(a, ' ', 2)", mysql = "substring_index(substring_index(concat(a, ' '), ' ', 2), ' ', -1)"
        ))]
        c: String,
    };
    let (db, migrations) = between(dialect, vec![before], vec![after]).await;
    let mut conn = db.connect().await;
    run(&mut conn, "INSERT INTO things (id, a) VALUES (1, 'one two three'), (2, 'one'), (3, 'a b'), (4, 'a b')").await;
    let runner = db.runner_with(migrations, Options::default());
    runner.expand().await.unwrap();
    runner.backfill().await.unwrap();
    runner.validate().await.unwrap();
    run(&mut conn, "INSERT INTO things (id, a) VALUES (5, 'four five six seven')").await;
    run(&mut conn, "INSERT INTO things (id, b, c) VALUES (6, 'two words', 'and more')").await;
    run(&mut conn, "UPDATE things SET c = 'two words' WHERE id = 3").await;
    run(&mut conn, "UPDATE things SET b = 'two words' WHERE id = 5").await;
    unseen(&db, "UPDATE things SET c = 'x' WHERE id = 4").await;
    let error = runner.contract().await.unwrap_err().to_string();
    assert!(error.contains("`b`, `c` and `a`, which goes, say otherwise in rows of `things`"), "{error}");
    assert!(error.contains("By (id, a, b, c): 4, a b, a, x\n"), "{error}");
    run(&mut conn, "UPDATE things SET c = 'y' WHERE id = 4").await;
    runner.contract().await.unwrap();
    db.end().await;
}

/// An assignment rounds, cuts and pads as its column does, and old code and new code write what the other's type does not hold.
async fn no_conversion_is_taken_for_a_difference(dialect: Dialect) {
    let before = things! {
        r: f32,
        #[column(precision = 12, scale = 4)] d: Decimal,
        e: f64,
        f: Option<f64>,
        #[column(length = 30)] t: Option<String>,
        w: chrono::NaiveDateTime,
        g: i32,
        k: bool,
        #[column(length = 20)] y: Vec<u8>,
    };
    let after = things! {
        #[column(renamed_from = "r")] r2: f64,
        #[column(renamed_from = "d", precision = 10, scale = 2, backfill = "d + 0", reverse = "d2 * 1.00005")] d2: Decimal,
        #[column(renamed_from = "e", backfill = "e", reverse = "e2")] e2: i64,
        #[column(renamed_from = "f", backfill = "f", reverse = "f2 / 3")] f2: Option<f32>,
        #[column(renamed_from = "t", length = 5, backfill = "left(t, 5)", reverse = "upper(t2)")] t2: Option<String>,
        #[column(
            renamed_from = "w",
            backfill(postgres = "w::date", mysql = "date(w)"),
            reverse(postgres = "w2 + interval '5 hours'", mysql = "date_add(w2, interval 5 hour)")
        )]
        w2: chrono::NaiveDate,
        #[column(renamed_from = "g", length = 12, backfill = "concat('<', g, '>')", reverse(
            postgres = "length(g2)", mysql = "char_length(g2)"
        ))]
        g2: String,
        #[column(renamed_from = "k", backfill(
            postgres = "CASE WHEN k THEN 1.6::float8 ELSE 2.5 END", mysql = "CASE WHEN k THEN 1.6e0 ELSE 2.5e0 END"
        ), reverse = "k2 > 1")]
        k2: i16,
        #[column(renamed_from = "y", length = 40, backfill(
            postgres = "sha256(y)", mysql = "unhex(sha2(y, 256))"
        ), reverse(postgres = "substr(y2, 1, 3)", mysql = "left(y2, 3)"))]
        y2: Vec<u8>,
    };
    let (db, migrations) = between(dialect, vec![before], vec![after]).await;
    let mut conn = db.connect().await;
    let bytes = |n: i64| format!("{}{n:02x}'", db.pick("'\\x", "X'"));
    let floats = ["0.1", "-2.5", "3.5", "16777217", "1e-7", "123456789.5", "0", "2.4999999"];
    let old = |id: i64| {
        let at = usize::try_from(id).unwrap() % floats.len();
        let t = ["'a'", "'blanks    '", "NULL", "'Long enough'", "''", "'ÄÖÜäöü'"][at % 6];
        format!(
            "INSERT INTO things (id, r, d, e, f, t, w, g, k, y) VALUES ({id}, {0}, {id}.{id:04}, {0}, {0}, {t}, \
             '2024-02-{1:02} 23:59:59.999999', {id}, {2}, {3})",
            floats[at],
            id % 28 + 1,
            id % 3 == 0,
            bytes(id % 90 + 10)
        )
    };
    let new = |id: i64| {
        let at = usize::try_from(id).unwrap() % floats.len();
        let t = ["'a'", "'b  '", "NULL", "'Long'", "'Äöü'"][at % 5];
        format!(
            "INSERT INTO things (id, r2, d2, e2, f2, t2, w2, g2, k2, y2) VALUES ({id}, {0}, {id}.25, {id}, {0}, {t}, '2024-03-{1:02}', \
             'new {id}', {2}, {3})",
            floats[at],
            id % 28 + 1,
            id % 3,
            bytes(id % 90 + 10)
        )
    };
    for id in 1..=40 {
        run(&mut conn, &old(id)).await;
    }
    let runner = db.runner_with(migrations, Options::default());
    runner.expand().await.unwrap();
    runner.backfill().await.unwrap();
    for id in 41..=80 {
        run(&mut conn, &old(id)).await;
    }
    runner.validate().await.unwrap();
    for id in 81..=120 {
        run(&mut conn, &new(id)).await;
    }
    for sql in [
        "UPDATE things SET r = r * 1.7, d = d + 0.0049, e = e - 0.5 WHERE id BETWEEN 35 AND 45",
        "UPDATE things SET f = f / 7, t = concat(t, ' and more'), g = g + 1 WHERE id BETWEEN 75 AND 85",
        "UPDATE things SET r2 = r2 * 1.7, d2 = d2 + 0.01, e2 = e2 - 1, f2 = f2 / 7 WHERE id BETWEEN 20 AND 25",
        "UPDATE things SET t2 = 'x  ', g2 = 'y', k2 = 7 WHERE id BETWEEN 22 AND 28",
        "UPDATE things SET w2 = '2025-01-01' WHERE id BETWEEN 22 AND 90",
    ] {
        run(&mut conn, sql).await;
    }
    runner.contract().await.unwrap();
    db.end().await;
}

/// The greatest numbers have no room for digits that they do not have.
async fn a_number_as_wide_as_can_be_is_no_difference(dialect: Dialect) {
    let before = things! { #[column(precision = 60, scale = 0)] a: Decimal, };
    let after = things! { #[column(renamed_from = "a", precision = 65, scale = 3)] b: Decimal, };
    let (db, migrations) = between(dialect, vec![before], vec![after]).await;
    let mut conn = db.connect().await;
    run(&mut conn, &format!("INSERT INTO things (id, a) VALUES (1, {0}), (2, -{0}), (3, 0)", "123456".repeat(10)))
        .await;
    let runner = db.runner_with(migrations, Options::default());
    runner.up().await.unwrap();
    db.end().await;
}

/// Several columns that all take NULL, and the old one has none too: a row whose new columns have no value yet says the same as before, and
/// is filled all the same.
async fn what_comes_of_no_value_is_filled(dialect: Dialect) {
    let before = things! { #[column(length = 40)] a: Option<String>, };
    let after = things! { @(dropped("a", reverse = "b"))
        #[column(length = 40, backfill = "a")]
        b: Option<String>,
        #[column(backfill = "CASE WHEN a IS NULL THEN 7 ELSE 8 END")]
        c: Option<i32>,
    };
    let (db, migrations) = between(dialect, vec![before], vec![after]).await;
    let mut conn = db.connect().await;
    run(&mut conn, "INSERT INTO things (id, a) VALUES (1, 'one'), (2, NULL)").await;
    let runner = db.runner_with(migrations, Options::default());
    runner.expand().await.unwrap();
    runner.backfill().await.unwrap();
    runner.validate().await.unwrap();
    const FILLED: &str =
        "SELECT count(*) FROM things WHERE id = 1 AND b = 'one' AND c = 8 OR id = 2 AND b IS NULL AND c = 7";
    assert_eq!(number(&mut conn, FILLED).await, 2);
    // NULL that new code means stays one
    run(&mut conn, "INSERT INTO things (id, b, c) VALUES (3, NULL, NULL)").await;
    run(&mut conn, "UPDATE things SET c = NULL WHERE id = 2").await;
    runner.contract().await.unwrap();
    assert_eq!(number(&mut conn, "SELECT count(*) FROM things WHERE b IS NULL AND c IS NULL").await, 2);
    db.end().await;
}

/// What either side gives need not be anything that the other's expression can be asked of.
async fn a_way_back_is_not_asked_of_what_came_forth(dialect: Dialect) {
    let before = things! { #[column(length = 40)] a: String, };
    let after = things! {
        #[column(renamed_from = "a", length = 40, backfill = "concat('n', lower(upper(lower(upper(a)))))",
            reverse(postgres = "b::int::text", mysql = "b"))]
        b: String,
    };
    let (db, migrations) = between(dialect, vec![before], vec![after]).await;
    let mut conn = db.connect().await;
    run(&mut conn, "INSERT INTO things (id, a) VALUES (1, 'x'), (2, 'y')").await;
    let runner = db.runner_with(migrations, Options::default());
    runner.expand().await.unwrap();
    runner.backfill().await.unwrap();
    runner.validate().await.unwrap();
    run(&mut conn, "INSERT INTO things (id, b) VALUES (3, '7')").await;
    runner.contract().await.unwrap();
    db.end().await;
}

mod moved {
    pub(super) mod before {
        #[derive(pontoon::Table)]
        #[table(name = "owners")]
        #[allow(dead_code)]
        pub(crate) struct Owner {
            #[column(primary_key)]
            id: i64,
            #[column(length = 40)]
            a: Option<String>,
        }

        #[derive(pontoon::Table)]
        #[table(name = "things")]
        #[allow(dead_code)]
        pub(crate) struct Thing {
            #[column(primary_key, references(table = "owners"))]
            id: i64,
        }
    }

    pub(super) mod after {
        #[derive(pontoon::Table)]
        #[table(name = "owners")]
        #[allow(dead_code)]
        pub(crate) struct Owner {
            #[column(primary_key)]
            id: i64,
        }

        #[derive(pontoon::Table)]
        #[table(name = "things")]
        #[allow(dead_code)]
        pub(crate) struct Thing {
            #[column(primary_key, references(table = "owners"))]
            id: i64,
            #[column(length = 40, moved_from(table = "owners", column = "a"))]
            b: Option<String>,
        }
    }
}

const OWNER: TableDef = <moved::before::Owner as pontoon::Table>::DEF;
const THING: TableDef = <moved::before::Thing as pontoon::Table>::DEF;

async fn moving(dialect: Dialect, before: Vec<TableDef>) -> (Fresh, Vec<pontoon::migration::history::Recorded>) {
    let after = vec![<moved::after::Owner as pontoon::Table>::DEF, <moved::after::Thing as pontoon::Table>::DEF];
    between(dialect, before, after).await
}

/// Both tables in one query, whichever of them is gone through.
async fn a_pair_of_rows_that_differ_is_named(dialect: Dialect) {
    for there in [true, false] {
        let before = if there { vec![OWNER, THING] } else { vec![OWNER] };
        let (db, migrations) = moving(dialect, before).await;
        let mut conn = db.connect().await;
        run(&mut conn, "INSERT INTO owners (id, a) VALUES (1, 'one'), (2, 'two'), (3, NULL), (4, 'four'), (5, NULL)")
            .await;
        if there {
            run(&mut conn, "INSERT INTO things (id) VALUES (1), (2), (3), (4)").await;
        }
        let runner = db.runner_with(migrations, Options::default());
        runner.expand().await.unwrap();
        runner.backfill().await.unwrap();
        runner.validate().await.unwrap();
        run(&mut conn, "UPDATE owners SET a = 'by old code' WHERE id = 1").await;
        run(&mut conn, "UPDATE things SET b = 'by new code' WHERE id = 2").await;
        unseen(&db, "UPDATE things SET b = 'FOUR' WHERE id = 4").await;
        unseen(&db, "UPDATE owners SET a = 'three' WHERE id = 3").await;
        let error = runner.contract().await.unwrap_err().to_string();
        assert!(error.contains("`things.b` and `owners.a`, which goes, say otherwise in a pair of rows"), "{error}");
        let table = if there { "things" } else { "owners" };
        assert!(error.contains(&format!("By (id, a, b) of `{table}`: 3, three, NULL; 4, four, FOUR\n")), "{error}");
        run(&mut conn, "UPDATE owners SET a = NULL WHERE id = 3").await;
        run(&mut conn, "UPDATE things SET b = 'right' WHERE id = 4").await;
        runner.contract().await.unwrap();
        assert_eq!(number(&mut conn, "SELECT count(*) FROM things WHERE b = 'right' OR b = 'by new code'").await, 2);
        db.end().await;
    }
}

/// A contract that has taken a column away goes on to its end, and asks nothing of it any more.
async fn a_contract_that_was_cut_off_goes_on(dialect: Dialect) {
    let (db, migrations) = moving(dialect, vec![OWNER, THING]).await;
    let mut conn = db.connect().await;
    run(&mut conn, "INSERT INTO owners (id, a) VALUES (1, 'one')").await;
    run(&mut conn, "INSERT INTO things (id) VALUES (1)").await;
    let runner = db.runner_with(migrations, Options::default());
    runner.expand().await.unwrap();
    runner.backfill().await.unwrap();
    runner.validate().await.unwrap();
    runner.contract().await.unwrap();
    // killed before the last note
    let note = "migration = '0002_after' AND stage = 'contract' AND step IS NULL AND event = 'done'";
    run(&mut conn, &format!("DELETE FROM pontoon_ledger WHERE {note}")).await;
    assert!(runner.undo().await.unwrap_err().to_string().contains("run `contract` to its end"));
    runner.contract().await.unwrap();
    assert_eq!(number(&mut conn, "SELECT count(*) FROM things WHERE b = 'one'").await, 1);
    db.end().await;
}

on_both_servers!(
    a_row_that_differs_is_named,
    what_is_lost_on_the_way_is_no_difference,
    no_conversion_is_taken_for_a_difference,
    a_number_as_wide_as_can_be_is_no_difference,
    a_way_back_is_not_asked_of_what_came_forth,
    what_comes_of_no_value_is_filled,
    a_pair_of_rows_that_differ_is_named,
    a_contract_that_was_cut_off_goes_on,
);
