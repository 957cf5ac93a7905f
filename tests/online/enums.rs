//! An enum's value is taken away only where no row holds it, and what else is made with the enum is found.

use std::sync::Arc;

use pontoon::Dialect;
use pontoon::exec::{Event, Observer, Options, Outcome};
use pontoon_xtask::verify::conn::Conn;

use crate::support::{Fresh, between, number, on_both_servers, run, seen};

macro_rules! things {
    ($(#[$attr:meta])* [$($variant:ident),*] $ty:ty) => {{
        #[derive(pontoon::Enum)]
        $(#[$attr])*
        #[allow(dead_code)]
        enum State { $($variant),* }
        #[derive(pontoon::Table)]
        #[table(name = "things")]
        #[allow(dead_code)]
        struct Thing {
            #[column(primary_key)]
            id: i64,
            a: $ty,
        }
        <Thing as pontoon::Table>::DEF
    }};
}

const COLUMNS: &str = "SELECT count(*) FROM information_schema.columns WHERE table_name = 'things' AND table_schema = ";

async fn columns(db: &Fresh, conn: &mut Conn) -> i64 {
    number(conn, &format!("{COLUMNS}{}", db.pick("current_schema()", "DATABASE()"))).await
}

/// The claim that a value still in use is refused, before the first statement and again before the swap.
async fn a_value_in_use_stays(dialect: Dialect) {
    let before = things!([Open, Late, Done] State);
    let after = things!(#[enumeration(dropped("late"))] [Open, Done] State);
    let (db, migrations) = between(dialect, vec![before], vec![after]).await;
    let mut conn = db.connect().await;
    run(&mut conn, "INSERT INTO things (id, a) VALUES (1, 'open'), (7, 'late'), (9, 'done'), (12, 'late')").await;
    let told = seen();
    let runner = db.runner_with(migrations, Options { observer: told.clone(), ..Options::default() });
    let error = runner.expand().await.unwrap_err().to_string();
    assert!(error.contains("enum `state` is to lose `late`, and rows of `things` hold it in `a`"), "{error}");
    assert!(error.contains("dropped(\"...\", becomes = \"...\")"), "{error}");
    assert!(error.contains("Among them: 7, late; 12, late\n"), "{error}");
    assert!(!told.0.lock().unwrap().iter().any(|it| it.starts_with("Statement")), "nothing was done");
    assert_eq!(columns(&db, &mut conn).await, 2);

    run(&mut conn, "UPDATE things SET a = 'done' WHERE a = 'late'").await;
    runner.expand().await.unwrap();
    runner.backfill().await.unwrap();
    // old code lives as it did
    run(&mut conn, "INSERT INTO things (id, a) VALUES (13, 'late')").await;
    run(&mut conn, "UPDATE things SET a = 'late' WHERE id = 1").await;
    let error = runner.validate().await.unwrap_err().to_string();
    assert!(error.contains("Among them: 1, late; 13, late\n"), "{error}");
    assert_eq!(columns(&db, &mut conn).await, 3, "not swapped");
    run(&mut conn, "UPDATE things SET a = 'open' WHERE a = 'late'").await;
    runner.validate().await.unwrap();
    let error = conn.execute("INSERT INTO things (id, a) VALUES (14, 'late')").await.unwrap_err().to_string();
    assert!(error.contains(db.pick("invalid input value for enum state", "Data truncated for column 'a'")), "{error}");
    runner.contract().await.unwrap();
    assert_eq!(number(&mut conn, "SELECT count(*) FROM things WHERE a = 'open'").await, 2);
    db.end().await;
}

/// Old code that writes what was just looked for, in the last moment.
struct LastMoment(String);

impl Observer for LastMoment {
    fn event(&self, event: &Event) {
        if matches!(event, Event::Statement { sql } if sql.contains("RENAME COLUMN")) {
            crate::support::meanwhile(async {
                let mut conn = Conn::open(&self.0).await.unwrap();
                run(&mut conn, "UPDATE things SET a = 'late' WHERE id = 2").await;
                conn.close().await.unwrap();
            });
        }
    }
}

async fn a_value_written_just_before_the_swap_is_found_behind_it(dialect: Dialect) {
    let before = things!([Open, Late, Done] Option<State>);
    let after = things!(#[enumeration(dropped("late"))] [Open, Done] Option<State>);
    let (db, migrations) = between(dialect, vec![before], vec![after]).await;
    let mut conn = db.connect().await;
    run(&mut conn, "INSERT INTO things (id, a) VALUES (1, 'open'), (2, 'done'), (3, NULL)").await;
    let options = Options { observer: Arc::new(LastMoment(db.url.clone())), ..Options::default() };
    let runner = db.runner_with(migrations.clone(), options);
    runner.expand().await.unwrap();
    runner.backfill().await.unwrap();
    let error = runner.validate().await.unwrap_err().to_string();
    assert!(error.contains("hold it in `pontoon_a_old`, which was `a` before"), "{error}");
    assert!(error.contains("Among them: 2, late\n"), "{error}");
    let runner = db.runner_with(migrations, Options::default());
    assert!(runner.contract().await.is_err(), "validate is not done");
    assert!(matches!(runner.undo().await.unwrap(), Outcome::Did { .. }));
    assert_eq!(number(&mut conn, "SELECT id FROM things WHERE a = 'late'").await, 2, "nothing is lost");
    run(&mut conn, "UPDATE things SET a = 'open' WHERE id = 2").await;
    for stage in 0..4 {
        match stage {
            0 => runner.expand().await.map(drop).unwrap(),
            1 => runner.backfill().await.map(drop).unwrap(),
            2 => runner.validate().await.map(drop).unwrap(),
            _ => runner.contract().await.map(drop).unwrap(),
        }
    }
    assert_eq!(number(&mut conn, "SELECT count(*) FROM things WHERE a = 'open'").await, 2);
    db.end().await;
}

/// PostgreSQL: a function that takes the type, and a column that no struct has, are told of before anything is done.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_others_made_with_the_type_is_found() {
    let before = things!([Open, Done] State);
    let after = things!([Done, Open] State);
    let (db, migrations) = between(Dialect::Postgres, vec![before], vec![after]).await;
    let mut conn = db.connect().await;
    run(&mut conn, "CREATE TABLE theirs (states state[])").await;
    run(&mut conn, "CREATE FUNCTION theirs(state) RETURNS int LANGUAGE sql AS 'SELECT 1'").await;
    let told = seen();
    let runner = db.runner_with(migrations, Options { observer: told.clone(), ..Options::default() });
    runner.expand().await.unwrap();
    let found = |text: &str| {
        assert!(text.contains("the type of enum `state` goes, and others are made with it"), "{text}");
        assert!(text.contains("column states of table theirs") && text.contains("function theirs("), "{text}");
        assert!(!text.contains("things"), "{text}");
    };
    found(told.0.lock().unwrap().iter().find(|it| it.starts_with("Ahead")).unwrap());
    runner.backfill().await.unwrap();
    runner.validate().await.unwrap();
    found(&runner.contract().await.unwrap_err().to_string());
    run(&mut conn, "DROP FUNCTION theirs(pontoon_state_old)").await;
    run(&mut conn, "ALTER TABLE theirs ALTER states TYPE state[] USING states::text::state[]").await;
    runner.contract().await.unwrap();
    db.end().await;
}

on_both_servers!(
    a_value_in_use_stays,
    a_value_written_just_before_the_swap_is_found_behind_it,
    a_null_that_new_code_means_stays_beside_a_filled_column,
);

/// Of two columns in the place of one, the one that takes no NULL tells that the row is filled.
async fn a_null_that_new_code_means_stays_beside_a_filled_column(dialect: Dialect) {
    let before = {
        #[derive(pontoon::Table)]
        #[table(name = "things")]
        #[allow(dead_code)]
        struct Thing {
            #[column(primary_key)]
            id: i64,
            a: i32,
        }
        <Thing as pontoon::Table>::DEF
    };
    let after = {
        #[derive(pontoon::Enum)]
        #[allow(dead_code)]
        enum Size {
            Small,
            Large,
        }
        #[derive(pontoon::Table)]
        #[table(name = "things", dropped("a", reverse = "b"))]
        #[allow(dead_code)]
        struct Thing {
            #[column(primary_key)]
            id: i64,
            #[column(backfill = "a")]
            b: i32,
            #[column(backfill(
                postgres = "CASE WHEN a > 9 THEN CAST('large' AS size) ELSE CAST('small' AS size) END",
                mysql = "CASE WHEN a > 9 THEN 'large' ELSE 'small' END"
            ))]
            c: Option<Size>,
        }
        <Thing as pontoon::Table>::DEF
    };
    let (db, migrations) = between(dialect, vec![before], vec![after]).await;
    let mut conn = db.connect().await;
    run(&mut conn, "INSERT INTO things (id, a) VALUES (1, 5), (2, 50)").await;
    let runner = db.runner_with(migrations, Options::default());
    runner.expand().await.unwrap();
    runner.backfill().await.unwrap();
    assert_eq!(
        number(&mut conn, "SELECT count(*) FROM things WHERE id = 1 AND c = 'small' OR id = 2 AND c = 'large'").await,
        2
    );
    run(&mut conn, "UPDATE things SET c = NULL WHERE id = 2").await;
    run(&mut conn, "UPDATE things SET b = 60 WHERE id = 2").await;
    runner.validate().await.unwrap();
    let kept = "SELECT count(*) FROM things WHERE id = 2 AND c IS NULL AND b = 60 AND a = 60";
    assert_eq!(number(&mut conn, kept).await, 1);
    runner.contract().await.unwrap();
    assert_eq!(number(&mut conn, "SELECT count(*) FROM things WHERE id = 2 AND c IS NULL AND b = 60").await, 1);
    db.end().await;
}
