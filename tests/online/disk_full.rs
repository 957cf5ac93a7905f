//! The server's disk is full: a table's, so that it says so, and that of MySQL's binary log, so that it says nothing and
//! waits. Each has a small disk of its own, which is really full.

use std::time::{Duration, Instant};

use pontoon::def::TableDef;
use pontoon::exec::backfill::{BackfillOptions, fill};
use pontoon::exec::{ExecError, Options, Outcome, Runner, Silent};
use pontoon::migration::history::Recorded;
use pontoon::migration::{Backfill, Stage, Step};
use pontoon::{Dialect, Table};
use pontoon_xtask::verify::conn::Conn;
use pontoon_xtask::verify::server::{Extras, Server};

use crate::copied::shell;
use crate::filling::{each_row_once, small, with_users};
use crate::support::{Fresh, from_one_to_the_other, number, on_both_servers, own_with, run, sample, seen};

on_both_servers!(a_full_disk_stops_a_command_and_room_lets_it_go_on);

const ROWS: i64 = 6_000;

fn before() -> TableDef {
    #[derive(Table)]
    #[table(name = "things")]
    #[allow(dead_code)]
    struct Thing {
        #[column(primary_key)]
        id: i64,
        #[column(length = 400)]
        a: String,
    }
    Thing::DEF
}

/// A new column as long as the old one, and an index over that.
fn after() -> TableDef {
    #[derive(Table)]
    #[table(name = "things", index("a"))]
    #[allow(dead_code)]
    struct Thing {
        #[column(primary_key)]
        id: i64,
        #[column(length = 400)]
        a: String,
        #[column(length = 400, backfill = "a")]
        b: String,
    }
    Thing::DEF
}

/// The migrations, with their table on the small disk.
fn migrations(dialect: Dialect, disk: &str) -> Vec<Recorded> {
    let mut migrations = from_one_to_the_other(dialect, &[before()], &[after()]);
    let mut moved = 0;
    for (_, step) in &mut migrations[0].migration.steps {
        if let Step::Statement(it) = step
            && it.sql.starts_with("CREATE TABLE")
        {
            it.sql = format!("{} {}", it.sql.trim_end_matches(';'), there(dialect, disk));
            moved += 1;
        }
    }
    assert_eq!(moved, 1);
    migrations
}

fn there(dialect: Dialect, disk: &str) -> String {
    match dialect {
        Dialect::Postgres => "TABLESPACE small".into(),
        Dialect::MySql => format!("DATA DIRECTORY = '{disk}'"),
    }
}

async fn with_small_disk(dialect: Dialect, options: &[&str]) -> (Server, String) {
    let mut options: Vec<_> = options.iter().map(|it| (*it).to_owned()).collect();
    if dialect == Dialect::MySql {
        options.push("--innodb-directories={disk}".into());
    }
    let server = own_with(dialect, &Extras { disk_mb: Some(32), options }).await;
    let disk = server.disk().expect("it has one").to_owned();
    (server, disk)
}

/// Takes all the room that is left on the small disk.
async fn fill_the_disk(conn: &mut Conn, disk: &str) {
    let dialect = conn.dialect();
    if dialect == Dialect::MySql {
        run(conn, "SET SESSION sql_log_bin = 0").await;
    }
    let mut refused = 0;
    for table in 0.. {
        let create = format!("CREATE TABLE ballast{table} (n int, t varchar(7000)) {}", there(dialect, disk));
        if !done(conn, &create).await {
            break;
        }
        let filler = match dialect {
            Dialect::Postgres => "(SELECT string_agg(md5(random()::text), '') FROM generate_series(1, 200))",
            Dialect::MySql => "REPEAT('x', 6400)",
        };
        for rows in [1_000, 100, 1, 1, 1] {
            let numbers = match dialect {
                Dialect::Postgres => format!("generate_series(1, {rows}) AS g(n)"),
                Dialect::MySql => format!(
                    "(WITH RECURSIVE s(n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM s WHERE n < {rows}) SELECT n FROM s) AS g"
                ),
            };
            let insert = format!("INSERT INTO ballast{table} SELECT g.n, {filler} FROM {numbers}");
            while done(conn, &insert).await {}
            refused += 1;
        }
        // of a table, a file stays that is empty
        if table > 40 {
            break;
        }
    }
    assert!(refused >= 5, "the disk is not full");
}

/// Whether there was room.
async fn done(conn: &mut Conn, sql: &str) -> bool {
    match conn.execute(sql).await {
        Ok(_) => true,
        Err(error) => {
            let said = error.to_string();
            assert!(said.contains("No space left") || said.contains("is full") || said.contains("errno: 28"), "{said}");
            false
        }
    }
}

async fn make_room(conn: &mut Conn) {
    let all = match conn.dialect() {
        Dialect::Postgres => "SELECT relname FROM pg_class WHERE relname LIKE 'ballast%' AND relkind = 'r'",
        Dialect::MySql => {
            "SELECT TABLE_NAME FROM information_schema.TABLES WHERE TABLE_NAME LIKE 'ballast%' AND TABLE_SCHEMA = DATABASE()"
        }
    };
    for row in conn.rows(all).await.unwrap() {
        run(conn, &format!("DROP TABLE {}", row[0].as_deref().unwrap())).await;
    }
}

/// It stops with what a person needs, and stops so again as long as nothing has changed.
async fn stops<F: Future<Output = Result<Outcome, ExecError>>>(what: impl Fn() -> F, names: &str) {
    for _ in 0..2 {
        let error = what().await.unwrap_err();
        let said = error.to_string();
        assert!(said.contains(names), "{names}: {said}");
        assert!(said.contains("the server has no room on its disk: "), "{said}");
        assert!(said.contains("help: nothing is lost") && said.contains("Make room on the disk"), "{said}");
        assert_eq!(error.exit_code(), 2, "nothing is wrong with the rows: {said}");
    }
}

async fn a_full_disk_stops_a_command_and_room_lets_it_go_on(dialect: Dialect) {
    let (server, disk) = with_small_disk(dialect, &[]).await;
    let db = Fresh::on(&server).await;
    let mut conn = db.connect().await;
    if dialect == Dialect::Postgres {
        shell(&mut conn, &format!("mkdir {disk}/tables")).await;
        run(&mut conn, &format!("CREATE TABLESPACE small LOCATION '{disk}/tables'")).await;
    }
    let migrations = migrations(dialect, &disk);
    let runner = |count: usize| -> Runner {
        let options = Options { backfill: small(1), ..Options::default() };
        db.runner_with(migrations[..count].to_vec(), options)
    };
    runner(1).up().await.unwrap();
    let numbers = match dialect {
        Dialect::Postgres => format!("SELECT generate_series(1, {ROWS}) AS n"),
        Dialect::MySql => {
            run(&mut conn, &format!("SET SESSION cte_max_recursion_depth = {ROWS}")).await;
            format!("WITH RECURSIVE s(n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM s WHERE n < {ROWS}) SELECT n FROM s")
        }
    };
    let insert = "INSERT INTO things SELECT n, concat('thing', n, repeat('x', 300)) FROM";
    run(&mut conn, &format!("{insert} ({numbers}) AS numbers")).await;
    runner(2).expand().await.unwrap();

    let mut filler = db.connect().await;
    fill_the_disk(&mut filler, &disk).await;
    stops(|| async { runner(2).backfill().await }, "filling `things.b` (line ").await;
    let noted = "SELECT (SELECT coalesce(sum(rows_filled), 0) FROM pontoon_backfill) \
                 + (SELECT coalesce(sum(rows_filled), 0) FROM pontoon_range)";
    let noted = number(&mut conn, noted).await;
    assert_eq!(number(&mut conn, "SELECT count(*) FROM things WHERE b = a").await, noted, "what is filled stays");
    assert!(noted < ROWS, "{noted}");
    make_room(&mut filler).await;
    assert!(matches!(runner(2).backfill().await.unwrap(), Outcome::Did { .. }));
    assert_eq!(number(&mut conn, "SELECT count(*) FROM things WHERE b = a").await, ROWS);
    assert_eq!(number(&mut conn, "SELECT rows_filled FROM pontoon_backfill").await, ROWS, "each row once");

    if dialect == Dialect::Postgres {
        let name = db.url.rsplit_once('/').unwrap().1;
        run(&mut conn, &format!("ALTER DATABASE \"{name}\" SET default_tablespace = small")).await;
    }
    fill_the_disk(&mut filler, &disk).await;
    stops(|| async { runner(2).validate().await }, &format!("0002_after/{dialect}.sql:")).await;
    if dialect == Dialect::Postgres {
        assert_eq!(number(&mut conn, "SELECT count(*) FROM pg_index WHERE NOT indisvalid").await, 0);
    }
    make_room(&mut filler).await;
    assert!(matches!(runner(2).validate().await.unwrap(), Outcome::Did { .. }));
    let of_a = db.pick(
        "SELECT count(*) FROM pg_indexes WHERE indexname = 'things_a_idx'",
        "SELECT COUNT(DISTINCT INDEX_NAME) FROM information_schema.STATISTICS WHERE INDEX_NAME = 'things_a_idx' AND TABLE_SCHEMA = DATABASE()",
    );
    assert_eq!(number(&mut conn, of_a).await, 1);
}

fn only_backfill(recorded: &Recorded) -> (usize, &Backfill) {
    let (at, step) = recorded.migration.stage(Stage::Backfill).next().expect("it has one");
    let Step::Backfill(backfill) = step else { panic!("{step:?}") };
    (at, backfill)
}

/// MySQL: there is no room for the binary log. Every commit waits and none fails; so does the command, and says why.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_server_that_waits_for_room_is_waited_for() {
    let (server, disk) = with_small_disk(Dialect::MySql, &["--log-bin={disk}/binlog"]).await;
    let db = Fresh::on(&server).await;
    let users = 20_000;
    let mut conn = with_users(&db, users).await;
    db.runner(2).expand().await.unwrap();
    crate::filling::count_updates(&db, &mut conn).await;
    let mut filler = db.connect().await;
    fill_the_disk(&mut filler, &disk).await;

    let events = seen();
    let runner = |budget: Duration| {
        let patience = pontoon::exec::Patience { budget, ..pontoon::exec::Patience::default() };
        let backfill: BackfillOptions = small(1);
        // what the one before it has begun still waits for its commit, with its lock
        let runner_lock = budget;
        let options = Options { backfill, patience, runner_lock, observer: events.clone(), ..Options::default() };
        db.runner_with(sample(Dialect::MySql, 2), options)
    };
    // by itself, under the name that the runner gives it
    let migrations = sample(Dialect::MySql, 2);
    let (at, backfill) = only_backfill(&migrations[1]);
    let options = BackfillOptions { budget: Duration::from_secs(3), ..small(1) };
    let alone = fill(&db.pool(), &format!("{}/{at}", migrations[1].migration.id), backfill, &options, &Silent).await;
    let brief = runner(Duration::from_secs(3)).backfill().await;
    for stopped in [alone.map(drop), brief.map(drop)] {
        let stopped = stopped.unwrap_err();
        assert!(matches!(stopped, ExecError::Stopped(_)), "{stopped}");
        for part in ["no room on its disk", "keeps every commit waiting", "binlog.", "do not kill it", "make room"] {
            assert!(stopped.to_string().contains(part), "{part}: {stopped}");
        }
    }
    let patient = runner(Duration::from_secs(600));
    let work = tokio::spawn(async move { patient.backfill().await });
    let begun = Instant::now();
    while events.0.lock().unwrap().iter().filter(|it| it.starts_with("Held")).count() < 2 {
        assert!(begun.elapsed() < Duration::from_secs(120) && !work.is_finished(), "it does not say that it waits");
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    make_room(&mut filler).await;
    assert!(matches!(work.await.unwrap().unwrap(), Outcome::Did { .. }));
    assert!(events.0.lock().unwrap().iter().any(|it| it == "Resumed"));
    each_row_once(&mut conn, Dialect::MySql, users).await;
}
