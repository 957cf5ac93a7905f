//! MySQL: two columns take each other's names in several commits. Wherever it ends in their midst, no write is
//! made that the other column does not see, and the way on and the way back both end right.

use pontoon::Dialect;
use pontoon::exec::Options;
use pontoon::migration::history::Recorded;
use pontoon::migration::{Stage, Statement, Step, Undo};
use pontoon_xtask::verify::conn::Conn;

use crate::support::{Fresh, number, run};

/// The statement that swaps: its place, and what it consists of.
fn swap(migration: &Recorded) -> (usize, &Statement) {
    let mut steps = migration.migration.steps.iter().enumerate();
    let found = steps.find_map(|(at, (stage, step))| match step {
        Step::Statement(it) if *stage == Stage::Validate && it.sql.contains("RENAME COLUMN") => Some((at, it)),
        _ => None,
    });
    found.expect("a swap")
}

/// Begins it as a runner does that is lost after so many of its commits; `false` where it has fewer.
async fn cut_off(db: &Fresh, migration: &Recorded, [direction, sql]: [&str; 2], at: usize, commits: usize) -> bool {
    let parts: Vec<_> = sql.split(";\n").collect();
    let mut conn = db.connect().await;
    let part = if direction == "undo" { "0" } else { "NULL" };
    run(
        &mut conn,
        &format!(
            "INSERT INTO pontoon_ledger (runner, migration, file_sha256, stage, step, part, direction, event) VALUES \
             ('cut off', '{}', '{}', 'validate', {at}, {part}, '{direction}', 'started')",
            migration.migration.id, migration.sha256
        ),
    )
    .await;
    // the first one locks the table, and the last one lets go of it, as the connection's end does
    let (lock, rest) = (parts[0], &parts[1..parts.len() - 1]);
    let enough = commits <= rest.len();
    run(&mut conn, lock).await;
    for sql in rest.iter().take(commits) {
        run(&mut conn, sql).await;
    }
    conn.close().await.unwrap();
    enough
}

/// Old code goes on: what it is told to have written, it has written.
async fn write(conn: &mut Conn, next: &mut i64, written: &mut Vec<(i64, i64)>) {
    let (id, value) = (*next, *next * 10);
    *next += 1;
    if conn.execute(format!("INSERT INTO things (id, a) VALUES ({id}, {value})")).await.is_ok() {
        written.push((id, value));
    }
    if let Some(last) = written.first_mut()
        && conn.execute(format!("UPDATE things SET a = a + 1 WHERE id = {}", last.0)).await.is_ok()
    {
        last.1 += 1;
    }
}

async fn all_written(conn: &mut Conn, written: &[(i64, i64)], when: &str) {
    for (id, value) in written {
        let found = number(conn, &format!("SELECT a FROM things WHERE id = {id}")).await;
        assert_eq!(found, *value, "row {id}, {when}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_swap_that_is_cut_off_loses_no_write() {
    let case = crate::cases::change_type(Dialect::MySql);
    let history = crate::operations::history(&case, Dialect::MySql);
    let (at, statement) = swap(&history[1]);
    let Undo::Statements(back) = &statement.undo else { panic!("a way back") };
    for commits in 0.. {
        let mut enough = false;
        // cut off there and undone, there and run again, and on the way back
        for (undone, ways) in
            [(true, ["do", &statement.sql]), (false, ["do", &statement.sql]), (true, ["undo", &back[0].sql])]
        {
            let db = Fresh::new(Dialect::MySql).await;
            db.runner_with(history[..1].to_vec(), Options::default()).up().await.unwrap();
            let mut conn = db.connect().await;
            run(&mut conn, "INSERT INTO things (id, a) VALUES (1, 10), (2, 20)").await;
            let (mut next, mut written) = (3, vec![(1, 10), (2, 20)]);
            let runner = db.runner_with(history.clone(), Options::default());
            runner.expand().await.unwrap();
            runner.backfill().await.unwrap();
            if ways[0] == "undo" {
                runner.validate().await.unwrap();
                let stage = "UPDATE pontoon_marker SET state = 'undoing'";
                run(&mut conn, stage).await;
                let (id, sha) = (&history[1].migration.id, &history[1].sha256);
                run(
                    &mut conn,
                    &format!(
                        "INSERT INTO pontoon_ledger (runner, migration, file_sha256, stage, direction, event) VALUES \
                     ('cut off', '{id}', '{sha}', 'expand', 'undo', 'started')"
                    ),
                )
                .await;
            }
            enough |= cut_off(&db, &history[1], ways, at, commits).await;
            let when = format!("{} commits of {}, {}", commits, ways[0], if undone { "undone" } else { "run again" });
            write(&mut conn, &mut next, &mut written).await;
            if undone {
                runner.undo().await.unwrap_or_else(|error| panic!("{when}: {error}"));
            } else {
                runner.validate().await.unwrap_or_else(|error| panic!("{when}: {error}"));
                all_written(&mut conn, &written, &when).await;
                write(&mut conn, &mut next, &mut written).await;
                runner.undo().await.unwrap_or_else(|error| panic!("{when}: {error}"));
            }
            all_written(&mut conn, &written, &when).await;
            let before = written.len();
            write(&mut conn, &mut next, &mut written).await;
            assert_eq!(written.len(), before + 1, "old code writes again after {when}");
            let left = "SELECT COUNT(*) FROM information_schema.TRIGGERS WHERE TRIGGER_SCHEMA = DATABASE()";
            assert_eq!(number(&mut conn, left).await, 0, "{when}");
            db.end().await;
        }
        if !enough {
            break;
        }
    }
}
