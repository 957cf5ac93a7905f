//! Whole verifications: a wrong claim of each kind is caught, and anybody's files are judged.

use std::path::Path;

use pontoon::Dialect;
use pontoon::migration::file;
use pontoon_xtask::report;
use pontoon_xtask::verify::finding::Verdict;
use pontoon_xtask::verify::outcome::{Direction, Engine, Outcome, StatementRun};
use pontoon_xtask::verify::run_history::{HistoryFile, run_history};
use pontoon_xtask::verify::run_sql::SqlRun;
use pontoon_xtask::verify::server::shared;

const ROWS: u64 = 2_000;

async fn verified(dialect: Dialect, migrations: &[(&str, &str)]) -> Engine {
    let read = |(id, text): &(&str, &str)| {
        let path = format!("{id}/{dialect}.sql");
        HistoryFile { migration: file::parse(id, dialect, &path, text).unwrap_or_else(|e| panic!("{e}")), file: path }
    };
    let history: Vec<_> = migrations.iter().map(read).collect();
    run_history(&history, shared(dialect).await, ROWS, None).await.unwrap()
}

/// The rules of the errors of each statement that has any, in the order they ran.
fn errors(engine: &Engine) -> Vec<(Direction, String, Vec<&'static str>)> {
    let statements = engine.migrations.iter().flat_map(|it| &it.statements);
    let failed = statements.filter(|it| it.verdict() == Verdict::Fail);
    let name = |it: &StatementRun| it.sql.split_whitespace().last().unwrap().to_owned();
    failed.map(|it| (it.direction, name(it), it.findings.iter().map(|it| it.rule.code()).collect())).collect()
}

fn expected(list: &[(Direction, &str, &[&'static str])]) -> Vec<(Direction, String, Vec<&'static str>)> {
    list.iter().map(|(direction, name, rules)| (*direction, (*name).to_owned(), rules.to_vec())).collect()
}

const POSTGRES_TABLE: &str = "-- @stage expand
-- @claim locks none; reads no; writes no
-- @done table t
-- @undo DROP TABLE t;
-- @undo-claim locks t ACCESS EXCLUSIVE; reads brief; writes brief
CREATE TABLE t (id bigint PRIMARY KEY, b int NOT NULL);
";

/// Each statement ends in a word that says what is wrong with it.
const POSTGRES_WRONG: &str = "-- @stage expand
-- @claim locks t ACCESS EXCLUSIVE; reads brief; writes brief
-- @done column t.right
-- @undo ALTER TABLE t DROP \"right\";
-- @undo-claim locks t ACCESS EXCLUSIVE; reads brief; writes brief
ALTER TABLE t ADD \"right\" int;

-- @claim locks t SHARE; reads brief; writes brief
-- @done column t.lock
-- @undo ALTER TABLE t DROP lock;
-- @undo-claim locks t ACCESS EXCLUSIVE; scans t; reads brief; writes brief
ALTER TABLE t ADD COLUMN lock int -- lock
;

-- @claim locks t ACCESS EXCLUSIVE; reads no; writes brief
-- @done column t.blocks
-- @undo ALTER TABLE t DROP blocks;
-- @undo-claim locks t ACCESS EXCLUSIVE; rewrites t; reads brief; writes brief
ALTER TABLE t ADD blocks int -- blocks
;

-- @claim locks t SHARE; reads no; writes rows
-- @done index t.t_scan
-- @undo DROP INDEX t_scan;
-- @undo-claim locks t ACCESS EXCLUSIVE; reads brief; writes brief
CREATE INDEX t_scan ON t (b) -- scan
;

-- @claim locks t ACCESS EXCLUSIVE; scans t; reads rows; writes rows
-- @done column t.rewrite
-- @undo ALTER TABLE t DROP rewrite;
-- @undo-claim locks t ACCESS EXCLUSIVE, u SHARE; reads brief; writes brief
ALTER TABLE t ADD rewrite double precision DEFAULT random() -- rewrite
;

-- @claim locks t ACCESS EXCLUSIVE; reads brief; writes brief
-- @done column t.id
-- @undo ALTER TABLE t DROP fact;
-- @undo-claim locks t ACCESS EXCLUSIVE; reads brief; writes brief
-- @undo-done not column t.fact
ALTER TABLE t ADD fact int -- fact
;
";

#[tokio::test]
async fn a_wrong_claim_of_each_kind_is_caught_on_postgres() {
    let engine = verified(Dialect::Postgres, &[("0001_table", POSTGRES_TABLE), ("0002_wrong", POSTGRES_WRONG)]).await;
    let wanted = expected(&[
        (Direction::Do, "lock", &["claim-lock"]),
        (Direction::Do, "blocks", &["claim-blocks"]),
        (Direction::Do, "scan", &["claim-scan"]),
        (Direction::Do, "rewrite", &["claim-rewrite"]),
        (Direction::Do, "fact", &["done-fact"]),
        (Direction::Undo, "rewrite", &["claim-lock"]),
        (Direction::Undo, "blocks", &["claim-rewrite"]),
        (Direction::Undo, "lock", &["claim-scan"]),
    ]);
    assert_eq!(errors(&engine), wanted);
    let message = &engine.migrations[1].statements[1].findings[0].message;
    assert_eq!(message, "claimed SHARE on `t`, seen ACCESS EXCLUSIVE");
    // every statement was measured under traffic too
    assert!(engine.migrations[1].statements.iter().all(|it| it.observation.as_ref().unwrap().stall_write_ms.is_some()));
}

const MYSQL_TABLE: &str = "-- @stage expand
-- @claim locks none; reads no; writes no
-- @done table t
-- @undo DROP TABLE t;
-- @undo-claim locks t EXCLUSIVE; reads brief; writes brief
CREATE TABLE t (id bigint PRIMARY KEY, b int NOT NULL);
";

const MYSQL_WRONG: &str = "-- @stage expand
-- @claim locks t EXCLUSIVE; algorithm INSTANT; lock NONE; reads brief; writes brief
-- @done column t.good
-- @undo ALTER TABLE t DROP good, ALGORITHM=INSTANT;
-- @undo-claim locks t EXCLUSIVE; algorithm INSTANT; lock NONE; reads brief; writes brief
ALTER TABLE t ADD good int, ALGORITHM=INSTANT;

-- @claim locks t EXCLUSIVE; algorithm INPLACE; lock NONE; reads brief; writes brief
-- @done column t.algorithm
-- @undo ALTER TABLE t DROP `algorithm`;
-- @undo-claim locks t SHARED_NO_WRITE; algorithm INSTANT; lock NONE; reads brief; writes brief
ALTER TABLE t ADD `algorithm` int;

-- @claim locks t EXCLUSIVE; algorithm INPLACE; lock NONE; scans t; reads brief; writes rows
-- @done index t.clause
-- @undo ALTER TABLE t DROP INDEX clause;
-- @undo-claim locks t EXCLUSIVE; algorithm INPLACE; lock NONE; reads brief; writes no
CREATE INDEX clause ON t ((b + 1));

-- @claim locks t EXCLUSIVE; algorithm INPLACE; lock NONE; reads brief; writes brief
-- @done index t.scan
-- @undo ALTER TABLE t DROP INDEX scan;
-- @undo-claim locks t EXCLUSIVE; algorithm INPLACE; lock SHARED; reads brief; writes brief
CREATE INDEX scan ON t (b);

-- @claim locks t EXCLUSIVE; algorithm INPLACE; lock NONE; scans t; reads brief; writes brief
-- @done nullable t.b
-- @undo ALTER TABLE t MODIFY b int NOT NULL;
-- @undo-claim locks t EXCLUSIVE; algorithm INPLACE; lock NONE; rewrites t; reads brief; writes brief
ALTER TABLE t MODIFY b int NULL;
";

#[tokio::test]
async fn a_wrong_claim_of_each_kind_is_caught_on_mysql() {
    let engine = verified(Dialect::MySql, &[("0001_table", MYSQL_TABLE), ("0002_wrong", MYSQL_WRONG)]).await;
    let wanted = expected(&[
        (Direction::Do, "int", &["claim-algorithm"]),
        (Direction::Do, "1));", &["claim-lock-clause"]),
        (Direction::Do, "(b)", &["claim-scan"]),
        (Direction::Do, "NULL", &["claim-rewrite"]),
        (Direction::Undo, "NULL", &["claim-scan"]),
        (Direction::Undo, "scan", &["claim-lock-clause"]),
        (Direction::Undo, "clause", &["claim-blocks"]),
        (Direction::Undo, "`algorithm`", &["claim-lock"]),
    ]);
    let trimmed = |list: Vec<(Direction, String, Vec<&'static str>)>| -> Vec<_> {
        list.into_iter()
            .map(|(direction, word, rules)| (direction, word.trim_end_matches(';').to_owned(), rules))
            .collect()
    };
    assert_eq!(trimmed(errors(&engine)), trimmed(wanted));
}

#[tokio::test]
async fn a_way_back_that_leads_elsewhere_is_caught() {
    for (dialect, first) in [(Dialect::Postgres, POSTGRES_TABLE), (Dialect::MySql, MYSQL_TABLE)] {
        let (lock, how) = match dialect {
            Dialect::Postgres => ("ACCESS EXCLUSIVE", ""),
            Dialect::MySql => ("EXCLUSIVE", "; algorithm INSTANT; lock NONE"),
        };
        let claim = format!("locks t {lock}{how}; reads brief; writes brief");
        let wrong = format!(
            "-- @stage expand\n-- @claim {claim}\n-- @done not default t.b\n-- @undo ALTER TABLE t ALTER b SET DEFAULT 7;\n\
             -- @undo-claim {claim}\n-- @undo-done default t.b\nALTER TABLE t ALTER b DROP DEFAULT;\n"
        );
        let engine = verified(dialect, &[("0001_table", first), ("0002_back", &wrong)]).await;
        let run = &engine.migrations[1].statements;
        let found = run.iter().flat_map(|it| &it.findings).find(|it| it.rule == "undo-differs").unwrap();
        assert!(
            found.message.to_lowercase().contains("default '7'") || found.message.contains("default 7"),
            "{}",
            found.message
        );
    }
}

fn write(folder: &Path, files: &[(&str, &str)]) {
    for (name, text) in files {
        let path = folder.join(name);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(path, text).unwrap();
    }
}

async fn sql(dialect: Dialect, isolated: bool, files: &[(&str, &str)]) -> Engine {
    let folder = tempfile::tempdir().unwrap();
    write(folder.path(), files);
    let setup = folder.path().join("setup/setup.sql");
    let setup = setup.exists().then_some(setup);
    let run = SqlRun { setup, isolated, ..SqlRun::of(folder.path(), dialect, ROWS) };
    run.run(&run.read().unwrap(), shared(dialect).await).await.unwrap()
}

/// Each file's rules, notes left out.
fn judged(engine: &Engine) -> Vec<(String, Vec<&'static str>)> {
    use pontoon_xtask::verify::finding::Severity;
    let rules = |it: &StatementRun| {
        it.findings.iter().filter(|it| it.severity > Severity::Note).map(|it| it.rule.code()).collect::<Vec<_>>()
    };
    engine.migrations.iter().map(|it| (it.id.clone(), it.statements.iter().flat_map(rules).collect())).collect()
}

#[tokio::test]
async fn files_that_nobody_here_wrote_are_judged_in_a_row() {
    let engine = sql(
        Dialect::Postgres,
        false,
        &[
            (
                "001_table.sql",
                "CREATE TABLE t (id bigserial PRIMARY KEY, a int, b varchar(10));\nCREATE INDEX t_a ON t (a);",
            ),
            ("002_column.up.sql", "ALTER TABLE t ADD c int;"),
            ("002_column.down.sql", "ALTER TABLE t DROP c;"),
            ("003_index.sql", "CREATE INDEX t_b ON t (b);"),
            ("004_type.sql", "ALTER TABLE t ALTER a TYPE bigint;"),
            ("005_fill.sql", "UPDATE t SET c = 1;"),
            ("006_online.sql", "-- no-transaction\nCREATE INDEX CONCURRENTLY t_c ON t (c);"),
            ("007_online.sql", "CREATE INDEX CONCURRENTLY t_c2 ON t (c);"),
            ("008_wrong.sql", "ALTER TABLE t ADD d int;\nALTER TABLE t\n  ADD e nonsense;\nALTER TABLE t ADD f int;"),
            ("009_back.up.sql", "ALTER TABLE t ADD g int;"),
            ("009_back.down.sql", "SELECT 1;"),
            ("010_tx.sql", "BEGIN;\nALTER TABLE t ADD h int;\nALTER TABLE t ADD CHECK (h > 0);\nCOMMIT;"),
            ("0101_tx_type.sql", "BEGIN;\nALTER TABLE t ALTER b TYPE varchar(20);\nALTER TABLE t ADD i int;\nCOMMIT;"),
            (
                "011_long.sql",
                "ALTER TABLE t ADD CONSTRAINT p CHECK (id > 0) NOT VALID;\nALTER TABLE t VALIDATE CONSTRAINT p;",
            ),
        ],
    )
    .await;
    let wanted: [(&str, &[&str]); 12] = [
        ("001_table", &[]),
        ("002_column", &[]),
        ("003_index", &["blocks-writes-rows"]),
        ("004_type", &["rewrite", "blocks-reads-rows", "blocks-writes-rows", "stale-plan"]),
        ("005_fill", &["whole-table-write"]),
        ("006_online", &[]),
        ("007_online", &["needs-no-transaction"]),
        ("008_wrong", &["error"]),
        ("009_back", &["undo-differs", "undo-differs"]),
        ("010_tx", &["blocks-reads-rows", "blocks-writes-rows"]),
        ("011_long", &["lock-held-through-file"]),
        // the columns that come beside it are no news to a statement that names its own
        ("0101_tx_type", &["stale-plan"]),
    ];
    let wanted: Vec<_> = wanted.iter().map(|(id, rules)| ((*id).to_owned(), rules.to_vec())).collect();
    assert_eq!(judged(&engine), wanted);
    let wrong = &engine.migrations[7].statements;
    assert!(wrong[1].findings[0].message.contains("008_wrong.sql:3:9: "), "{}", wrong[1].findings[0].message);
    assert_eq!(wrong[2].verdict(), Verdict::Skipped);
    let back: Vec<_> = engine.migrations[1].statements.iter().map(|it| it.direction).collect();
    assert_eq!(back, [Direction::Do, Direction::Undo]);

    let outcome = Outcome { engines: vec![engine], ..Outcome::default() };
    let json: serde_json::Value = serde_json::from_str(&report::json(&outcome).unwrap()).unwrap();
    assert_eq!((json["version"].as_u64(), json["ok"].as_bool()), (Some(1), Some(false)));
    let index = &json["engines"][0]["migrations"][2]["stages"][0]["statements"][0];
    assert_eq!(json["engines"][0]["migrations"][2]["stages"][0]["stage"], "sql");
    assert_eq!(index["observed"]["locks"][0], serde_json::json!({"object": "t", "mode": "SHARE"}));
    assert_eq!(index["observed"]["blocks"], serde_json::json!({"reads": "no", "writes": "rows"}));
    assert_eq!(index["observed"]["scans"], serde_json::json!(["t"]));
    assert!(index["observed"]["stall_ms"]["write"].is_f64() && index["claim"].is_null());
    assert_eq!((index["verdict"].as_str(), index["line"].as_u64()), (Some("fail"), Some(1)));
    assert!(report::text(&outcome).contains("004_type.sql:1:1: error[rewrite]: "));
    let stale = |at: usize| {
        json["engines"][0]["migrations"][at]["stages"][0]["statements"]
            .as_array()
            .unwrap()
            .iter()
            .map(|it| {
                it["observed"]["stale_plans"]
                    .as_array()
                    .unwrap()
                    .iter()
                    .map(|it| it.as_str().unwrap().to_owned())
                    .collect()
            })
            .collect::<Vec<Vec<String>>>()
    };
    assert_eq!(stale(3), [["t.a"]]);
    let none = Vec::<String>::new();
    assert_eq!(stale(11), [none.clone(), vec!["t.b".to_owned()], none.clone(), none]);
}

#[tokio::test]
async fn isolated_files_have_databases_of_their_own() {
    for dialect in Dialect::ALL {
        let engine = sql(
            dialect,
            true,
            &[
                ("setup/setup.sql", "CREATE TABLE t (id bigint PRIMARY KEY, a int);"),
                ("1_one.sql", "ALTER TABLE t ADD b int;"),
                ("2_refused.sql", "ALTER TABLE nowhere ADD b int;"),
                ("3_two.sql", "ALTER TABLE t ADD b int;"),
                ("4_own.setup.sql", "CREATE TABLE own (id bigint PRIMARY KEY);"),
                ("4_own.sql", "ALTER TABLE own ADD b int;"),
            ],
        )
        .await;
        let verdicts: Vec<_> =
            engine.migrations.iter().map(|it| (it.id.as_str(), it.statements[0].verdict())).collect();
        let (pass, fail) = (Verdict::Pass, Verdict::Fail);
        assert_eq!(verdicts, [("1_one", pass), ("2_refused", fail), ("3_two", pass), ("4_own", pass)]);
        let refused = &engine.migrations[1].statements[0].findings[0];
        assert_eq!(refused.rule, "error");
        assert!(
            refused.message.contains("2_refused.sql:1:") && refused.message.contains("nowhere"),
            "{}",
            refused.message
        );
        assert!(engine.migrations[3].statements[0].observation.as_ref().unwrap().held_rows.contains("own"));
    }
}

#[tokio::test]
async fn mysql_files_are_judged_too() {
    let engine = sql(
        Dialect::MySql,
        false,
        &[
            ("V1__table.sql", "CREATE TABLE t (id bigint PRIMARY KEY AUTO_INCREMENT, a int, b varchar(10));"),
            ("V2__column.sql", "ALTER TABLE t ADD c int;"),
            ("V3__index.sql", "CREATE INDEX t_b ON t (b);"),
            ("V4__type.sql", "ALTER TABLE t MODIFY a bigint;"),
            ("V5__fill.sql", "UPDATE t SET c = 1;"),
            (
                "V6__trigger.sql",
                "CREATE TRIGGER t_i BEFORE INSERT ON t FOR EACH ROW BEGIN SET NEW.a = 1; SET NEW.b = ''; END;",
            ),
            ("V7__wrong.sql", "ALTER TABLE t\n  ADD e nonsense;"),
            ("V8__lock.sql", "LOCK TABLES t WRITE;\nALTER TABLE t ADD z int;\nUNLOCK TABLES;"),
        ],
    )
    .await;
    let wanted: [(&str, &[&str]); 8] = [
        ("V1__table", &[]),
        ("V2__column", &[]),
        ("V3__index", &[]),
        ("V4__type", &["rewrite", "blocks-writes-rows"]),
        ("V5__fill", &["whole-table-write"]),
        ("V6__trigger", &[]),
        ("V7__wrong", &["error"]),
        ("V8__lock", &[]),
    ];
    let wanted: Vec<_> = wanted.iter().map(|(id, rules)| ((*id).to_owned(), rules.to_vec())).collect();
    assert_eq!(judged(&engine), wanted);
}

/// More rows than the smaller type has numbers.
#[tokio::test]
async fn a_type_that_gets_smaller_finds_rows_that_fit() {
    for (dialect, change) in [
        (Dialect::Postgres, "ALTER TABLE t ADD b int, ALTER COLUMN tries TYPE smallint"),
        (Dialect::MySql, "ALTER TABLE t ADD b int, MODIFY tries tinyint NOT NULL"),
    ] {
        let folder = tempfile::tempdir().unwrap();
        write(
            folder.path(),
            &[("1.sql", "CREATE TABLE t (id bigint PRIMARY KEY, tries int NOT NULL)"), ("2.sql", change)],
        );
        let run = SqlRun::of(folder.path(), dialect, 40_000);
        let engine = run.run(&run.read().unwrap(), shared(dialect).await).await.unwrap();
        let rules = &judged(&engine)[1].1;
        assert!(rules.contains(&"rewrite") && !rules.contains(&"error"), "{dialect:?}: {rules:?}");
    }
}
