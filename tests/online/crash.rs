//! The application is killed (SIGKILL), or its connections are cut, and it is run again. In the end everything is as if
//! nothing had happened, and nothing was done twice.
//!
//! Once at any moment, again and again, while old code writes; and once at every point: before and after each
//! statement of every migration of the sample. A test run takes some of those points, and tells which;
//! `PONTOON_CRASH_POINTS=all cargo test -p pontoon-tests --test online crash` takes all of them.

use std::collections::{BTreeMap, BTreeSet};
use std::io::{BufRead as _, BufReader};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::time::{Duration, Instant};

use pontoon::Dialect;
use pontoon_xtask::verify::catalog::{self, Catalog};
use pontoon_xtask::verify::conn::Conn;

use crate::support::{Fresh, number, on_both_servers, run};

on_both_servers!(killed_again_and_again, stopped_at_each_point);

/// How the runner is stopped.
#[derive(Debug, Clone, Copy)]
enum Stop {
    /// SIGKILL.
    Kill,
    /// The server ends its sessions, as a failover does.
    Cut,
}

/// A database as a run leaves it.
struct End {
    catalog: Catalog,
    /// By table and column: the values, in the order of the table's first column.
    values: BTreeMap<(String, String), Vec<Option<String>>>,
    /// How many lines the run told.
    lines: usize,
}

async fn stopped_at_each_point(dialect: Dialect) {
    let one = undisturbed(dialect).await;
    // times and random keys differ from run to run
    tokio::time::sleep(Duration::from_millis(1_100)).await;
    let two = undisturbed(dialect).await;
    let same = |place: &&(String, String)| one.values[*place] == two.values[*place];
    let stable: BTreeSet<_> = one.values.keys().filter(same).collect();
    assert!(stable.len() > 15 && stable.len() * 3 > one.values.len() * 2, "{stable:?}");
    let points = points(one.lines);
    let mut survived = 0;
    for (at, point) in points.iter().enumerate() {
        let stop = if at % 2 == 0 { Stop::Kill } else { Stop::Cut };
        let db = with_rows(dialect).await;
        let first = stopped(&db, *point, stop).await;
        let end = run_to_its_end(&db, *point, stop).await;
        let what = format!("{stop:?} at line {point} of {} on {dialect}, which ended it with {first:?}", one.lines);
        assert_eq!(catalog::difference(&one.catalog, &end.catalog), Vec::<String>::new(), "{what}");
        for place in &stable {
            assert_eq!(one.values[*place], end.values[*place], "{what}: {place:?}");
        }
        nothing_twice(&db, &what).await;
        survived += 1;
        db.end().await;
    }
    println!("{dialect}: {} points tried ({points:?} of {} lines), {survived} survived", points.len(), one.lines);
}

/// Some of the lines, or all of them twice: one for each way to stop.
fn points(lines: usize) -> Vec<usize> {
    let wanted = std::env::var("PONTOON_CRASH_POINTS").unwrap_or_else(|_| "10".into());
    if wanted == "all" {
        return (1..=lines).flat_map(|line| [line, line]).collect();
    }
    let wanted: usize = wanted.parse().unwrap_or_else(|error| panic!("PONTOON_CRASH_POINTS: {error}"));
    let first = fastrand::usize(..lines);
    (0..wanted).map(|at| (first + at * lines / wanted.max(1)) % lines + 1).collect()
}

/// The first migration, and rows in its tables.
async fn with_rows(dialect: Dialect) -> Fresh {
    let db = Fresh::new(dialect).await;
    db.runner(1).up().await.unwrap();
    let mut conn = db.connect().await;
    let numbers = db.pick(
        "SELECT generate_series(1, 300) AS n",
        "WITH RECURSIVE s(n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM s WHERE n < 300) SELECT n FROM s",
    );
    let users = "INSERT INTO users (email, newsletter) SELECT concat('user', n, '@x'), true FROM";
    run(&mut conn, &format!("{users} ({numbers}) AS numbers")).await;
    let id = db.pick("('00000000-0000-0000-0000-' || lpad(id::text, 12, '0'))::uuid", "unhex(lpad(hex(id), 32, '0'))");
    run(&mut conn, &format!("INSERT INTO orders (id, user_id, total, fax_number) SELECT {id}, id, id, '' FROM users"))
        .await;
    let items = "INSERT INTO order_items (order_id, line, description, quantity, unit_price, options) \
                 SELECT id, 1, 'one', user_id, total, '{}' FROM orders";
    run(&mut conn, items).await;
    db
}

async fn undisturbed(dialect: Dialect) -> End {
    let db = with_rows(dialect).await;
    let end = run_to_its_end(&db, 0, Stop::Kill).await;
    db.end().await;
    end
}

fn shop_up(db: &Fresh) -> Child {
    let mut command = Command::new(env!("CARGO_BIN_EXE_shop"));
    command.arg("up").env("DATABASE_URL", &db.url).stdout(Stdio::null()).stderr(Stdio::piped()).spawn().unwrap()
}

/// Whether it ended because the server still works for the one that was killed before it, which has the runner's lock.
fn was_busy(told: &str) -> bool {
    told.contains("another runner is at work on this database")
}

/// Runs it, and stops it a moment after it has told so many lines.
async fn stopped(db: &Fresh, point: usize, stop: Stop) -> ExitStatus {
    let mut conn = db.connect().await;
    let mut child = shop_up(db);
    let mut lines = BufReader::new(child.stderr.take().unwrap()).lines();
    let mut told = String::new();
    for line in lines.by_ref().take(point) {
        told += &format!("{}\n", line.unwrap());
    }
    std::thread::sleep(Duration::from_micros(fastrand::u64(..4_000)));
    match stop {
        Stop::Kill => child.kill().unwrap(),
        Stop::Cut => cut(&mut conn, db.dialect).await,
    }
    for line in lines {
        told += &format!("{}\n", line.unwrap_or_default());
    }
    let status = child.wait().unwrap();
    // cut off, it begins again by itself
    assert!(matches!(stop, Stop::Kill) || status.success(), "{status}: {told}");
    status
}

/// Ends all sessions of the database but this one.
async fn cut(conn: &mut Conn, dialect: Dialect) {
    match dialect {
        Dialect::Postgres => {
            let all = "SELECT pg_terminate_backend(pid) FROM pg_stat_activity \
                       WHERE datname = current_database() AND pid <> pg_backend_pid()";
            run(conn, all).await;
        }
        Dialect::MySql => {
            let all = "SELECT ID FROM performance_schema.processlist WHERE DB = DATABASE() AND ID <> CONNECTION_ID()";
            for row in conn.rows(all).await.unwrap() {
                // one that has just gone by itself
                conn.execute(format!("KILL {}", row[0].as_deref().unwrap())).await.ok();
            }
        }
    }
}

async fn run_to_its_end(db: &Fresh, point: usize, stop: Stop) -> End {
    let begun = Instant::now();
    let (output, told) = loop {
        let output = shop_up(db).wait_with_output().unwrap();
        let told = String::from_utf8_lossy(&output.stderr).into_owned();
        if !was_busy(&told) || begun.elapsed() > Duration::from_secs(120) {
            break (output, told);
        }
    };
    assert!(output.status.success(), "after {stop:?} at line {point}: {told}");
    let mut conn = db.connect().await;
    let columns = db.pick(
        "SELECT table_name, column_name FROM information_schema.columns WHERE table_schema = 'public' \
         AND table_name NOT LIKE 'pontoon\\_%' ORDER BY table_name, ordinal_position",
        "SELECT TABLE_NAME, COLUMN_NAME FROM information_schema.COLUMNS WHERE TABLE_SCHEMA = DATABASE() \
         AND TABLE_NAME NOT LIKE 'pontoon\\_%' ORDER BY TABLE_NAME, ORDINAL_POSITION",
    );
    let (mut values, mut first) = (BTreeMap::new(), BTreeMap::new());
    for row in conn.rows(columns).await.unwrap() {
        let [Some(table), Some(column)] = &row[..] else { panic!("{row:?}") };
        let [table_sql, column_sql] = [table, column].map(|it| db.dialect.ident(it));
        let text = match db.dialect {
            Dialect::Postgres => format!("{column_sql}::text"),
            Dialect::MySql => format!("HEX({column_sql})"),
        };
        let first = first.entry(table.clone()).or_insert_with(|| column_sql.clone());
        let sql = format!("SELECT {text} FROM {table_sql} ORDER BY {table_sql}.{first}");
        let rows = conn.rows(&sql).await.unwrap_or_else(|error| panic!("{sql}: {error}"));
        values.insert((table.clone(), column.clone()), rows.into_iter().map(|mut row| row.remove(0)).collect());
    }
    End { catalog: catalog::read(&mut conn).await.unwrap(), values, lines: told.lines().count() }
}

async fn nothing_twice(db: &Fresh, what: &str) {
    let mut conn = db.connect().await;
    let twice = "SELECT count(*) FROM (SELECT migration, step FROM pontoon_ledger WHERE event = 'done' AND direction = 'do' \
                 AND step IS NOT NULL GROUP BY migration, step HAVING count(*) > 1) AS twice";
    assert_eq!(number(&mut conn, twice).await, 0, "{what}");
}

async fn killed_again_and_again(dialect: Dialect) {
    let db = Fresh::new(dialect).await;
    db.runner(1).up().await.unwrap();
    let mut conn = db.connect().await;
    if dialect == Dialect::MySql {
        run(&mut conn, "SET SESSION cte_max_recursion_depth = 100000").await;
    }
    run(&mut conn, db.pick(
        "INSERT INTO users (email, newsletter) SELECT 'user' || n || '@x', true FROM generate_series(1, 20000) AS n",
        "INSERT INTO users (email, newsletter) WITH RECURSIVE s(n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM s WHERE n < 20000) \
         SELECT concat('user', n, '@x'), true FROM s",
    )).await;
    // so that a run takes longer than the killings, whatever the machine
    crate::filling::slow(&db, &mut conn, 0.0002, "TRUE").await;
    let shop = env!("CARGO_BIN_EXE_shop");
    let (mut kills, mut busy, mut written) = (0, 0, 20_000);
    loop {
        let mut child = Command::new(shop)
            .args(["up", "--batch", "2"])
            .env("DATABASE_URL", &db.url)
            .stdout(Stdio::null())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        let patience = Duration::from_millis(40 + fastrand::u64(0..160));
        let begun = Instant::now();
        let ended = loop {
            if let Some(status) = child.try_wait().unwrap() {
                break Some(status);
            }
            if begun.elapsed() > patience && kills < 40 {
                break None;
            }
            // old code goes on; after contract it is new code
            let n = written;
            let sql = format!("INSERT INTO users (email, newsletter) VALUES ('live{n}@x', true)");
            if conn.execute(sql).await.is_ok() {
                written += 1;
            }
            tokio::time::sleep(Duration::from_millis(3)).await;
        };
        match ended {
            Some(status) if status.success() => break,
            Some(status) => {
                let output = child.wait_with_output().unwrap();
                let told = String::from_utf8_lossy(&output.stderr).into_owned();
                busy += u32::from(was_busy(&told));
                assert!(was_busy(&told) && busy < 20, "{status} after {kills} kills: {told}");
            }
            None => {
                child.kill().unwrap();
                child.wait().unwrap();
                kills += 1;
            }
        }
    }
    assert!(kills > 3, "it was too quick to be killed");
    let wrong = db.pick(
        "SELECT count(*) FROM users WHERE display_name IS DISTINCT FROM split_part(email, '@', 1)",
        "SELECT count(*) FROM users WHERE NOT (display_name <=> substring_index(email, '@', 1))",
    );
    assert_eq!(number(&mut conn, wrong).await, 0);
    assert_eq!(number(&mut conn, "SELECT count(*) FROM users").await, written);
    nothing_twice(&db, "killed again and again").await;
    // each row of before was filled once: by a batch, or by a trigger when old code wrote it
    let filled = number(&mut conn, "SELECT rows_filled FROM pontoon_backfill WHERE backfill LIKE '0002%'").await;
    assert!(filled <= written, "{filled}");
    assert!(filled >= 20_000, "{filled}");
    eprintln!("{dialect}: {kills} kills");
    db.end().await;
}
