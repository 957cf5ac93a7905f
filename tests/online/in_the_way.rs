//! Who is in the way of a statement, how long we stand in theirs, and whom we may end.

use std::time::Duration;

use pontoon::Dialect;
use pontoon::exec::{EndBlockers, ExecError, Holder, Options, Patience, Runner};
use pontoon_xtask::verify::conn::Conn;

use crate::filling::until;
use crate::support::{Fresh, number, on_both_servers, run, sample, seen};

on_both_servers!(
    a_prepared_transaction_is_named_and_never_ended,
    a_table_locked_without_a_transaction,
    an_idle_session_is_ended_where_that_is_allowed,
    what_others_wait_for_all_attempts_has_an_end,
);

/// With little patience, and this about others.
fn impatient(db: &Fresh, end_blockers: Option<EndBlockers>) -> Runner {
    with_patience(db, Duration::from_secs(2), end_blockers)
}

/// For what is to succeed, however busy the machine is.
fn patient(db: &Fresh, end_blockers: Option<EndBlockers>) -> Runner {
    with_patience(db, Duration::from_secs(300), end_blockers)
}

fn with_patience(db: &Fresh, budget: Duration, end_blockers: Option<EndBlockers>) -> Runner {
    let lock_timeout = Duration::from_millis(100);
    let patience = Patience { lock_timeout, budget, end_blockers, ..Patience::default() };
    db.runner_with(sample(db.dialect, 2), Options { patience, ..Options::default() })
}

/// Users, and two connections: one that is in the way, and one that looks on.
async fn begun(dialect: Dialect) -> (Fresh, Conn, Conn) {
    let db = Fresh::new(dialect).await;
    db.runner(1).up().await.unwrap();
    let (other, looking) = (db.connect().await, db.connect().await);
    (db, other, looking)
}

async fn is_blocked(runner: &Runner) -> (String, Vec<pontoon::exec::Blocker>) {
    let error = runner.expand().await.unwrap_err();
    let text = error.to_string();
    let ExecError::Blocked { blockers, .. } = error else { panic!("{text}") };
    (text, blockers)
}

async fn a_prepared_transaction_is_named_and_never_ended(dialect: Dialect) {
    let (db, mut other, mut looking) = begun(dialect).await;
    let name = format!("in_the_way_{}", fastrand::u64(..));
    let insert = "INSERT INTO users (email, newsletter) VALUES ('a@b', true)";
    match dialect {
        Dialect::Postgres => {
            run(&mut other, "BEGIN").await;
            run(&mut other, insert).await;
            run(&mut other, &format!("PREPARE TRANSACTION '{name}'")).await;
        }
        Dialect::MySql => {
            run(&mut other, &format!("XA START '{name}'")).await;
            run(&mut other, insert).await;
            run(&mut other, &format!("XA END '{name}'")).await;
            run(&mut other, &format!("XA PREPARE '{name}'")).await;
        }
    }
    // its session is gone, and its lock is not
    other.close().await.unwrap();
    let any = EndBlockers { after: Duration::ZERO, active: true };
    let (text, blockers) = is_blocked(&impatient(&db, Some(any))).await;
    assert!(blockers.iter().any(|it| matches!(it.holder, Holder::Prepared(_)) && it.table == "users"), "{text}");
    let named = match dialect {
        Dialect::Postgres => format!("prepared transaction '{name}' holds `users`"),
        Dialect::MySql => "prepared transaction (see XA RECOVER) holds `users`".to_owned(),
    };
    assert!(text.contains(&named), "{text}");
    let commit = match dialect {
        Dialect::Postgres => format!("COMMIT PREPARED '{name}'"),
        Dialect::MySql => format!("XA COMMIT '{name}'"),
    };
    run(&mut looking, &commit).await;
    patient(&db, None).expand().await.unwrap();
    assert_eq!(number(&mut looking, "SELECT count(*) FROM users").await, 1);
    db.end().await;
}

/// `LOCK TABLES` is no transaction to MySQL.
async fn a_table_locked_without_a_transaction(dialect: Dialect) {
    let (db, mut other, _) = begun(dialect).await;
    match dialect {
        Dialect::Postgres => {
            run(&mut other, "BEGIN").await;
            run(&mut other, "LOCK TABLE users IN SHARE MODE").await;
        }
        Dialect::MySql => run(&mut other, "LOCK TABLES users READ").await,
    }
    let me = other.value(db.pick("SELECT pg_backend_pid()", "SELECT CONNECTION_ID()")).await.unwrap().unwrap();
    let (text, blockers) = is_blocked(&impatient(&db, None)).await;
    assert!(blockers.iter().any(|it| it.holder == Holder::Session(me.parse().unwrap())), "{text}");
    run(&mut other, db.pick("COMMIT", "UNLOCK TABLES")).await;
    patient(&db, None).expand().await.unwrap();
    db.end().await;
}

async fn an_idle_session_is_ended_where_that_is_allowed(dialect: Dialect) {
    let (db, mut other, mut looking) = begun(dialect).await;
    run(&mut other, "BEGIN").await;
    run(&mut other, "SELECT count(*) FROM users").await;
    // nobody is ended whom nobody said to end, nor one that is younger than was said
    is_blocked(&impatient(&db, None)).await;
    is_blocked(&impatient(&db, Some(EndBlockers { after: Duration::from_secs(600), active: true }))).await;
    run(&mut other, "SELECT count(*) FROM users").await;
    let idle = EndBlockers { after: Duration::from_millis(500), active: false };
    patient(&db, Some(idle)).expand().await.unwrap();
    let error = other.execute("SELECT count(*) FROM users").await.unwrap_err();
    drop(error);
    let ended = "SELECT count(*) FROM pontoon_ledger WHERE event = 'ended' AND detail LIKE '%holds `users`%'";
    assert_eq!(number(&mut looking, ended).await, 1);
    db.runner(2).undo().await.unwrap();

    // one that is at work is left alone, unless that was said
    let mut working = db.connect().await;
    run(&mut working, "BEGIN").await;
    run(&mut working, "SELECT count(*) FROM users").await;
    let sleep = db.pick("SELECT pg_sleep(3000)", "SELECT SLEEP(3000)");
    let at_work = tokio::spawn(async move { working.rows(sleep).await.is_err() });
    let sleeps = db.pick(
        "SELECT count(*) FROM pg_stat_activity WHERE wait_event = 'PgSleep' AND datname = current_database()",
        "SELECT COUNT(*) FROM performance_schema.processlist WHERE STATE = 'User sleep' AND DB = DATABASE()",
    );
    until(&mut looking, sleeps, 1).await;
    is_blocked(&impatient(&db, Some(idle))).await;
    assert!(!at_work.is_finished());
    let any = EndBlockers { active: true, ..idle };
    patient(&db, Some(any)).expand().await.unwrap();
    assert!(at_work.await.unwrap());
    db.end().await;
}

/// Two readers relieve each other: none is old, and the table is never free.
async fn what_others_wait_for_all_attempts_has_an_end(dialect: Dialect) {
    let (db, _, mut looking) = begun(dialect).await;
    let held = std::sync::Arc::new(std::sync::atomic::AtomicBool::new(true));
    let (mut one, mut two, still) = (db.connect().await, db.connect().await, held.clone());
    run(&mut one, "BEGIN").await;
    run(&mut one, "SELECT count(*) FROM users").await;
    let relay = tokio::spawn(async move {
        while still.load(std::sync::atomic::Ordering::Relaxed) {
            tokio::time::sleep(Duration::from_millis(60)).await;
            run(&mut two, "BEGIN").await;
            // waits behind us, if we stand in the queue, while the first one goes on holding the table
            run(&mut two, "SELECT count(*) FROM users").await;
            run(&mut one, "COMMIT").await;
            std::mem::swap(&mut one, &mut two);
        }
        run(&mut one, "COMMIT").await;
    });
    let patience = Patience {
        lock_timeout: Duration::from_millis(20),
        budget: Duration::from_secs(600),
        blocked_total: Duration::from_millis(200),
        ..Patience::default()
    };
    let observer = seen();
    let options = Options { patience, observer: observer.clone(), ..Options::default() };
    let runner = db.runner_with(sample(dialect, 2), options);
    let error = runner.expand().await.unwrap_err();
    let ExecError::Spent { blocked_ms, allowed_ms, .. } = &error else { panic!("{error}") };
    assert!(*blocked_ms >= 200 && *allowed_ms == 200, "{error}");
    assert!(error.to_string().contains("--blocked-total"), "{error}");
    assert_eq!(error.exit_code(), 2);
    let noted = "SELECT COALESCE(SUM(blocked_ms), 0) FROM pontoon_ledger WHERE event = 'gave_way'";
    assert_eq!(number(&mut looking, noted).await, i64::try_from(*blocked_ms).unwrap(), "each attempt is in the ledger");
    // what was spent stays spent: the next run does not try either
    let tried = observer.0.lock().unwrap().len();
    assert!(matches!(runner.expand().await.unwrap_err(), ExecError::Spent { .. }));
    let told = observer.0.lock().unwrap().clone();
    assert!(!told[tried..].iter().any(|it| it.starts_with("Retry") || it.starts_with("Done")), "{told:?}");
    held.store(false, std::sync::atomic::Ordering::Relaxed);
    relay.await.unwrap();
    // and another word lets it through
    db.runner(2).expand().await.unwrap();
    db.end().await;
}

/// An index is not begun while somebody holds a snapshot for whom its build would have to wait halfway.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_index_waits_for_old_snapshots_before_it_begins() {
    let db = Fresh::new(Dialect::Postgres).await;
    db.runner(3).up().await.unwrap();
    let runner = db.runner(4);
    runner.expand().await.unwrap();
    runner.backfill().await.unwrap();
    let mut other = db.connect().await;
    run(&mut other, "BEGIN ISOLATION LEVEL REPEATABLE READ").await;
    run(&mut other, "SELECT count(*) FROM users").await;
    let patience =
        Patience { budget: Duration::from_secs(1), old_transaction: Duration::from_millis(100), ..Patience::default() };
    tokio::time::sleep(Duration::from_millis(200)).await;
    let options = Options { patience, ..Options::default() };
    let runner = db.runner_with(sample(Dialect::Postgres, 4), options);
    let error = runner.validate().await.unwrap_err();
    let ExecError::Blocked { blockers, .. } = &error else { panic!("{error}") };
    assert!(blockers.iter().any(|it| it.query.contains("SELECT count(*) FROM users")), "{error}");
    let mut looking = db.connect().await;
    let begun = "SELECT count(*) FROM pg_index WHERE NOT indisvalid";
    assert_eq!(number(&mut looking, begun).await, 0, "nothing was begun");
    run(&mut other, "COMMIT").await;
    db.runner(4).validate().await.unwrap();
    db.end().await;
}

/// MySQL keeps so many versions of rows and no more; a migration that would need more is refused before it begins.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn row_versions_are_a_budget_known_before_the_run() {
    let db = Fresh::new(Dialect::MySql).await;
    db.runner(1).up().await.unwrap();
    let mut conn = db.connect().await;
    run(&mut conn, "INSERT INTO users (email, newsletter) VALUES ('a@b', true)").await;
    let used = "SELECT MAX(TOTAL_ROW_VERSIONS) FROM information_schema.INNODB_TABLES WHERE NAME = CONCAT(DATABASE(), '/users')";
    loop {
        if conn.execute("ALTER TABLE users ADD COLUMN zz int, ALGORITHM=INSTANT").await.is_err() {
            break;
        }
        if conn.execute("ALTER TABLE users DROP COLUMN zz, ALGORITHM=INSTANT").await.is_err() {
            break;
        }
    }
    let limit = number(&mut conn, used).await;
    conn.execute("ALTER TABLE users DROP COLUMN zz, ALGORITHM=INPLACE").await.ok();
    // one is left, where the column had to be dropped by a rebuild there are all
    let ddl = |n: i64| if n % 2 == 0 { "DROP COLUMN zz" } else { "ADD COLUMN zz int" };
    let mut n = 0;
    while number(&mut conn, used).await < limit {
        n += 1;
        run(&mut conn, &format!("ALTER TABLE users {}, ALGORITHM=INSTANT", ddl(n))).await;
    }
    let error = db.runner(2).expand().await.unwrap_err();
    assert!(matches!(error, ExecError::Refused(_)), "{error}");
    let text = error.to_string();
    assert!(
        text.contains("columns of table `users`") && text.contains(&format!("of the {limit} row versions")),
        "{text}"
    );
    assert_eq!(number(&mut conn, "SELECT count(*) FROM pontoon_ledger WHERE migration LIKE '0002%'").await, 0);
    // what it says helps
    let help = text.split("go on: ").nth(1).unwrap();
    run(&mut conn, help).await;
    db.runner(2).expand().await.unwrap();
    db.end().await;
}
