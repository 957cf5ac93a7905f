//! Files that cannot be read or do not end, statements that no server takes, servers that die: each is named with its
//! place and what to do, and the others are judged.

use std::path::Path;
use std::time::Duration;

use pontoon::Dialect;
use pontoon_xtask::verify::finding::{Finding, Verdict};
use pontoon_xtask::verify::host::Host;
use pontoon_xtask::verify::outcome::{Engine, MigrationRun};
use pontoon_xtask::verify::run_sql::SqlRun;
use pontoon_xtask::verify::server::{EngineSpec, Server, shared};

use crate::support::{on_both_servers, source};

on_both_servers!(a_server_that_a_file_ends_is_another_one_for_the_others);

const ROWS: u64 = 200;
/// More than any of these statements takes, but for those that never end.
const LIMIT: Duration = Duration::from_secs(20);

fn folder(files: &[(&str, &[u8])]) -> tempfile::TempDir {
    let folder = tempfile::tempdir().unwrap();
    for (name, text) in files {
        std::fs::write(folder.path().join(name), text).unwrap();
    }
    folder
}

fn run(folder: &Path, dialect: Dialect) -> SqlRun {
    SqlRun { limit: LIMIT, ..SqlRun::of(folder, dialect, ROWS) }
}

fn migration<'a>(engine: &'a Engine, id: &str) -> &'a MigrationRun {
    engine.migrations.iter().find(|it| it.id == id).unwrap_or_else(|| panic!("nothing is said of {id}"))
}

/// The one thing that is wrong with a migration.
fn fault<'a>(engine: &'a Engine, id: &str) -> &'a Finding {
    let statements = &migration(engine, id).statements;
    let failed: Vec<_> = statements.iter().filter(|it| it.verdict() == Verdict::Fail).collect();
    let [statement] = failed[..] else { panic!("{id}: {statements:#?}") };
    &statement.findings[0]
}

fn passed(engine: &Engine, id: &str) {
    let statements = &migration(engine, id).statements;
    assert!(!statements.is_empty());
    assert!(statements.iter().all(|it| it.verdict() == Verdict::Pass), "{id}: {statements:#?}");
}

#[tokio::test]
async fn on_postgres_what_cannot_be_judged_is_named_and_the_others_are_judged() {
    let files: [(&str, &[u8]); 10] = [
        ("001_table.sql", b"CREATE TABLE t (id bigint PRIMARY KEY, a int);"),
        ("002_latin1.sql", b"-- first\nCOMMENT ON TABLE t IS 'Gr\xf6\xdfe';"),
        ("003_typo.sql", b"ALTER TABLE t ADD b int;\nALTER TABEL t ADD c int;\nALTER TABLE t ADD d int;"),
        ("004_extension.sql", b"CREATE EXTENSION no_such_extension;"),
        ("005_rows.sql", b"COPY t (id) FROM stdin;\n1\n\\.\n"),
        ("006_client.sql", b"\\connect elsewhere\nSELECT 1;"),
        ("007_endless.sql", b"ALTER TABLE t ADD e int;\nDO $$ BEGIN LOOP PERFORM pg_sleep(1); END LOOP; END $$;"),
        ("008_role.sql", b"GRANT SELECT ON t TO nobody_of_this_name;"),
        ("009_alone.down.sql", b"DROP TABLE t;"),
        ("010_last.sql", b"ALTER TABLE t ADD f int;"),
    ];
    let folder = folder(&files);
    let run = run(folder.path(), Dialect::Postgres);
    let engine = run.run(&run.read().unwrap(), shared(Dialect::Postgres).await).await.unwrap();
    let ids: Vec<_> = engine.migrations.iter().map(|it| it.id.as_str()).collect();
    assert_eq!(ids, files.map(|(name, _)| name.trim_end_matches(".sql").trim_end_matches(".down")));
    passed(&engine, "001_table");
    passed(&engine, "010_last");
    for (id, rule, message, help) in [
        ("002_latin1", "unreadable", "002_latin1.sql:2: byte 34 is not UTF-8; save the file as UTF-8", "correct it"),
        ("003_typo", "error", "003_typo.sql:2:7: the server refused the statement: syntax error", "correct it"),
        (
            "004_extension",
            "error",
            "004_extension.sql:1:1: the server refused the statement: ",
            "`--source` takes the URL",
        ),
        (
            "005_rows",
            "unreadable",
            "005_rows.sql:1:1: `COPY ... FROM stdin` takes rows from psql: write INSERT",
            "correct it",
        ),
        ("006_client", "unreadable", "006_client.sql:1:1: `\\connect` is a command to psql and no SQL", "correct it"),
        (
            "007_endless",
            "statement-limit",
            "007_endless.sql:2:1: it was still running after 20 s",
            "`--statement-limit`",
        ),
        ("008_role", "error", "role \"nobody_of_this_name\" does not exist", "`--setup`"),
        ("009_alone", "unreadable", "there is no `009_alone.up.sql` or `009_alone.sql` beside it", "correct it"),
    ] {
        let found = fault(&engine, id);
        assert_eq!(found.rule, rule, "{found:?}");
        assert!(found.message.contains(message) && found.help.contains(help), "{found:?}");
    }
    let typo: Vec<_> = migration(&engine, "003_typo").statements.iter().map(|it| it.verdict()).collect();
    assert_eq!(typo, [Verdict::Pass, Verdict::Fail, Verdict::Skipped]);
}

#[tokio::test]
async fn on_mysql_what_cannot_be_judged_is_named_and_the_others_are_judged() {
    let trigger = b"DELIMITER //\nCREATE TRIGGER t_i BEFORE INSERT ON t FOR EACH ROW\nBEGIN\n  SET NEW.a = 1; SET NEW.a = 2;\nEND//\nDELIMITER ;\nALTER TABLE t ADD g int;";
    let files: [(&str, &[u8]); 8] = [
        ("001_table.sql", b"CREATE TABLE t (id bigint PRIMARY KEY AUTO_INCREMENT, a int);"),
        ("002_latin1.sql", b"ALTER TABLE t COMMENT 'Gr\xf6\xdfe';"),
        ("003_typo.sql", b"ALTER TABEL t ADD c int;"),
        ("004_trigger.sql", trigger),
        ("005_open.sql", b"ALTER TABLE t ADD d int;\n  ALTER TABLE t COMMENT 'open;\n"),
        ("006_endless.sql", b"DO SLEEP(3600);"),
        ("007_lost.sql", b"ALTER TABLE t ADD e int;\nKILL CONNECTION_ID();"),
        ("008_last.sql", b"ALTER TABLE t ADD f int;"),
    ];
    let folder = folder(&files);
    let run = run(folder.path(), Dialect::MySql);
    let engine = run.run(&run.read().unwrap(), shared(Dialect::MySql).await).await.unwrap();
    for id in ["001_table", "004_trigger", "008_last"] {
        passed(&engine, id);
    }
    for (id, rule, message) in [
        ("002_latin1", "unreadable", "002_latin1.sql:1: byte 25 is not UTF-8; save the file as UTF-8"),
        (
            "003_typo",
            "error",
            "003_typo.sql:1:1: the server refused the statement: You have an error in your SQL syntax",
        ),
        ("005_open", "unreadable", "005_open.sql:2:25: the closing `'` of what begins here is missing"),
        ("006_endless", "statement-limit", "006_endless.sql:1:1: it was still running after 20 s, and was ended"),
        ("007_lost", "error", "007_lost.sql:2:1: the server refused the statement: Query execution was interrupted"),
    ] {
        let found = fault(&engine, id);
        assert_eq!(found.rule, rule, "{found:?}");
        assert!(found.message.contains(message), "{found:?}");
    }
}

/// The file's own statement waits until the server is told to go.
async fn a_server_that_a_file_ends_is_another_one_for_the_others(dialect: Dialect) {
    let deadly: &[u8] = match dialect {
        // the first line of this file is the number of the server's first process; in a container that is 1, which takes
        // no SIGKILL from within
        Dialect::Postgres => {
            b"COPY (SELECT 1) TO PROGRAM 'cat > /dev/null; kill -QUIT $(head -1 postmaster.pid)';\nSELECT pg_sleep(600);"
        }
        Dialect::MySql => b"SHUTDOWN;\nDO SLEEP(600);",
    };
    let folder = folder(&[
        ("1_table.sql", b"CREATE TABLE t (id bigint PRIMARY KEY, a int);"),
        ("2_deadly.sql", deadly),
        ("3_column.sql", b"ALTER TABLE t ADD b int;"),
    ]);
    let engine = EngineSpec::any(dialect);
    let server = Server::start(&engine, &source()).await.unwrap();
    let first = server.admin_url().to_owned();
    let mut host = Host::Own { engine, source: source(), server };
    let run = run(folder.path(), dialect);
    let engine = run.run_on(&run.read().unwrap(), &mut host).await.unwrap();
    passed(&engine, "1_table");
    passed(&engine, "3_column");
    let found = fault(&engine, "2_deadly");
    assert_eq!(found.rule, "connection-lost", "{found:?}");
    assert_ne!(host.server().admin_url(), first, "it is another server");
}
