//! A dropped table keeps its rows for as long as its owner said, and goes with them only then.

use pontoon::Dialect;
use pontoon::exec::{Options, Outcome};
use pontoon::migration::file;
use pontoon::migration::history::Recorded;
use pontoon::plan::plan;
use pontoon::schema::{Intents, Schema, from_defs};

use crate::support::{Fresh, number, on_both_servers, run};

#[derive(pontoon::Enum)]
#[allow(dead_code)]
enum Paper {
    Matte,
    Glossy,
}

#[derive(pontoon::Table)]
#[table(name = "faxes")]
#[allow(dead_code)]
struct Fax {
    #[column(primary_key)]
    id: i64,
    paper: Paper,
    #[column(references(table = "users"))]
    user_id: Option<i64>,
}

#[derive(pontoon::Table)]
#[table(name = "users")]
#[allow(dead_code)]
struct User {
    #[column(primary_key)]
    id: i64,
}

/// Makes two tables, drops one, and lets its rows go.
fn migrations(dialect: Dialect, grace_hours: Option<u32>) -> Vec<Recorded> {
    let model = |defs: &[&pontoon::def::TableDef]| from_defs(defs).unwrap_or_else(|it| panic!("{it}")).0;
    let (fax, user) = (<Fax as pontoon::Table>::DEF, <User as pontoon::Table>::DEF);
    let (both, one) = (model(&[&fax, &user]), model(&[&user]));
    let names = || [String::from("faxes")].into();
    let steps = [
        ("0001_both", both, Intents::default()),
        ("0002_drop", one.clone(), Intents { dropped_tables: names(), ..Intents::default() }),
        ("0003_purge", one, Intents { purged_tables: names(), grace_hours, ..Intents::default() }),
    ];
    let mut source = Schema::default();
    let recorded = steps.into_iter().map(|(id, target, intents)| {
        let plan = plan(id, &source, &target, &intents, dialect).unwrap_or_else(|it| panic!("{it}"));
        source = target.keeping(&source, &intents, id);
        let text = file::render(&plan.migration);
        let migration = file::parse(id, dialect, id, &text).unwrap_or_else(|it| panic!("{it}"));
        Recorded { migration, sha256: file::sha256(&text) }
    });
    recorded.collect()
}

async fn rows_stay_for_their_time(dialect: Dialect) {
    let db = Fresh::new(dialect).await;
    let migrations = migrations(dialect, None);
    db.runner_with(migrations[..1].to_vec(), Options::default()).up().await.unwrap();
    let mut conn = db.connect().await;
    run(&mut conn, "INSERT INTO faxes (id, paper) VALUES (1, 'matte')").await;
    let runner = db.runner_with(migrations[..2].to_vec(), Options::default());
    runner.up().await.unwrap();
    assert_eq!(number(&mut conn, "SELECT count(*) FROM pontoon_dropped_faxes").await, 1);
    // brought back, and away again
    let [back, away] = [
        ("ALTER TABLE pontoon_dropped_faxes RENAME TO faxes", "RENAME TABLE pontoon_dropped_faxes TO faxes"),
        ("ALTER TABLE faxes RENAME TO pontoon_dropped_faxes", "RENAME TABLE faxes TO pontoon_dropped_faxes"),
    ]
    .map(|(postgres, mysql)| db.pick(postgres, mysql));
    run(&mut conn, back).await;
    run(&mut conn, "INSERT INTO faxes (id, paper) VALUES (2, 'glossy')").await;
    run(&mut conn, away).await;

    let runner = db.runner_with(migrations, Options::default());
    let error = runner.expand().await.unwrap_err().to_string();
    let until = db.pick(
        "SELECT to_char((max(at) + interval '30 days') AT TIME ZONE 'UTC', 'YYYY-MM-DD') FROM pontoon_ledger WHERE migration = '0002_drop'",
        "SELECT DATE_FORMAT(MAX(at) + INTERVAL 30 DAY, '%Y-%m-%d') FROM pontoon_ledger WHERE migration = '0002_drop'",
    );
    let until = conn.value(until).await.unwrap().unwrap();
    assert!(
        error.contains("the rows of `faxes`, which is `pontoon_dropped_faxes` now, stay for some time yet: until"),
        "{error}"
    );
    assert!(
        error.contains(&format!("until {until}")) && error.contains(" UTC, which is 30d after `0002_drop`"),
        "{error}"
    );
    assert!(matches!(runner.undo().await.unwrap(), Outcome::Did { .. }), "so that others can go first");

    // an hour before its time, and an hour after
    let earlier = |hours: u32| match dialect {
        Dialect::Postgres => format!("UPDATE pontoon_ledger SET at = at - interval '{hours} hours'"),
        Dialect::MySql => format!("UPDATE pontoon_ledger SET at = at - INTERVAL {hours} HOUR"),
    };
    run(&mut conn, &earlier(30 * 24 - 1)).await;
    assert!(runner.expand().await.unwrap_err().to_string().contains("stay for some time yet"));
    run(&mut conn, &earlier(2)).await;
    run(&mut conn, "CREATE VIEW their_view AS SELECT id FROM pontoon_dropped_faxes").await;
    run(&mut conn, "CREATE TABLE their_table (fax bigint, CONSTRAINT their_key FOREIGN KEY (fax) REFERENCES pontoon_dropped_faxes (id))").await;
    let error = runner.expand().await.unwrap_err().to_string();
    assert!(error.contains("others stand on it") && error.contains("view, their_view"), "{error}");
    assert!(error.contains("foreign key, their_key, their_table"), "{error}");
    run(&mut conn, "DROP VIEW their_view").await;
    run(&mut conn, "DROP TABLE their_table").await;
    for stage in [runner.expand().await, runner.backfill().await, runner.validate().await] {
        stage.unwrap();
    }
    assert_eq!(number(&mut conn, "SELECT count(*) FROM pontoon_dropped_faxes").await, 2);
    runner.contract().await.unwrap();
    let left = db.pick(
        "SELECT (SELECT count(*) FROM pg_class WHERE relname LIKE '%faxes%') + (SELECT count(*) FROM pg_type WHERE typname = 'paper')",
        "SELECT COUNT(*) FROM information_schema.TABLES WHERE TABLE_SCHEMA = DATABASE() AND TABLE_NAME LIKE '%faxes%'",
    );
    assert_eq!(number(&mut conn, left).await, 0, "its enum goes with it");
    db.end().await;
}

/// A table that nobody has used need not wait: a new database runs all migrations at once.
async fn a_new_database_does_not_wait(dialect: Dialect) {
    let db = Fresh::new(dialect).await;
    let runner = db.runner_with(migrations(dialect, Some(36)), Options::default());
    assert_eq!(runner.up().await.unwrap().len(), 12);
    db.end().await;
}

/// Its enum goes neither with the last other column that has it nor comes anew with the next: it goes with the table.
async fn an_enum_stays_with_the_rows_that_have_it(dialect: Dialect) {
    #[derive(pontoon::Table)]
    #[table(name = "users")]
    #[allow(dead_code)]
    struct Reader {
        #[column(primary_key)]
        id: i64,
        likes: Option<Paper>,
    }
    #[derive(pontoon::Table)]
    #[table(name = "users", dropped("likes"))]
    #[allow(dead_code)]
    struct Other {
        #[column(primary_key)]
        id: i64,
    }
    let (fax, reader) = (<Fax as pontoon::Table>::DEF, <Reader as pontoon::Table>::DEF);
    let goes = <Other as pontoon::Table>::DEF;
    let said = |dropped: &[&str], purged: &[&str]| {
        let names = |of: &[&str]| of.iter().map(|it| (*it).to_owned()).collect();
        (names(dropped), names(purged))
    };
    let steps: [(&str, &[&pontoon::def::TableDef], _); 5] = [
        ("0001_both", &[&fax, &reader], said(&[], &[])),
        ("0002_drop", &[&reader], said(&["faxes"], &[])),
        ("0003_unlike", &[&goes], said(&[], &[])),
        ("0004_like", &[&reader], said(&[], &[])),
        ("0005_purge", &[&goes], said(&[], &["faxes"])),
    ];
    let mut source = Schema::default();
    let recorded = steps.into_iter().map(|(id, defs, (dropped_tables, purged_tables))| {
        let (target, intents) = from_defs(defs).unwrap_or_else(|it| panic!("{it}"));
        let intents = Intents { dropped_tables, purged_tables, grace_hours: Some(0), ..intents };
        let plan = plan(id, &source, &target, &intents, dialect).unwrap_or_else(|it| panic!("{it}"));
        source = target.keeping(&source, &intents, id);
        let text = file::render(&plan.migration);
        let migration = file::parse(id, dialect, id, &text).unwrap_or_else(|it| panic!("{it}"));
        Recorded { migration, sha256: file::sha256(&text) }
    });
    let migrations: Vec<_> = recorded.collect();
    let db = Fresh::new(dialect).await;
    let mut conn = db.connect().await;
    db.runner_with(migrations[..1].to_vec(), Options::default()).up().await.unwrap();
    run(&mut conn, "INSERT INTO faxes (id, paper) VALUES (1, 'matte')").await;
    db.runner_with(migrations[..4].to_vec(), Options::default()).up().await.unwrap();
    run(&mut conn, "INSERT INTO users (id, likes) VALUES (1, 'glossy')").await;
    assert_eq!(number(&mut conn, "SELECT count(*) FROM pontoon_dropped_faxes WHERE paper = 'matte'").await, 1);
    db.runner_with(migrations, Options::default()).up().await.unwrap();
    if dialect == Dialect::Postgres {
        assert_eq!(number(&mut conn, "SELECT count(*) FROM pg_type WHERE typname = 'paper'").await, 0);
    }
    db.end().await;
}

on_both_servers!(rows_stay_for_their_time, a_new_database_does_not_wait, an_enum_stays_with_the_rows_that_have_it);
