//! `verify-migrations` as it is called: options, files, formats, what the project accepts, and the exit code.

use std::path::Path;
use std::process::{Command, ExitCode};

use pontoon::Dialect;
use pontoon::exec::backfill::Functions;
use pontoon_xtask::verify::command::{self, Format, VerifyArgs};
use pontoon_xtask::verify::limit::STATEMENT_LIMIT;
use pontoon_xtask::verify::server::{Source, shared};

const ROWS: u64 = 2_000;

/// The command on the folder's files, with the report in a file.
async fn args(folder: &Path, format: Format) -> VerifyArgs {
    VerifyArgs {
        engines: Vec::new(),
        source: Source::Url(shared(Dialect::Postgres).await.admin_url().to_owned()),
        only: None,
        since: None,
        rows: ROWS,
        statement_limit: STATEMENT_LIMIT.as_secs(),
        sql: Some(folder.join("migrations")),
        dialect: Some(Dialect::Postgres),
        setup: None,
        isolated: false,
        format,
        output: Some(folder.join("report")),
        also: vec![(Format::Markdown, folder.join("also.md"))],
        list: false,
        explain: None,
        list_rules: false,
    }
}

async fn run(args: VerifyArgs) -> (ExitCode, String) {
    let output = args.output.clone().expect("a file");
    let _ = std::fs::remove_file(&output);
    let code = command::run(args, &Functions::new(), || panic!("with --sql there is no history")).await;
    (code, std::fs::read_to_string(output).unwrap_or_default())
}

fn folder(files: &[(&str, &str)]) -> tempfile::TempDir {
    let folder = tempfile::tempdir().unwrap();
    std::fs::create_dir(folder.path().join("migrations")).unwrap();
    for (name, text) in files {
        std::fs::write(folder.path().join(name), text).unwrap();
    }
    folder
}

const TABLE: (&str, &str) = (
    "migrations/001_table.sql",
    "CREATE TABLE \"<i>\" (id bigint PRIMARY KEY, a int NOT NULL);\nCREATE TABLE small (id bigint PRIMARY KEY, a int);",
);

#[tokio::test]
async fn each_format_is_written_and_the_exit_code_is_the_verdict() {
    let folder = folder(&[TABLE, ("migrations/002_index.sql", "CREATE INDEX i ON \"<i>\" (a);")]);
    for (format, parts) in [
        (Format::Text, ["002_index.sql:1:1: error[blocks-writes-rows]: ", "\n1 | CREATE INDEX i ON"]),
        (Format::Json, ["\"rule\": \"blocks-writes-rows\"", "\"ok\": false"]),
        (Format::Junit, ["<failure type=\"blocks-writes-rows\"", "SHARE on `&lt;i&gt;`"]),
        (Format::Sarif, ["\"ruleId\": \"blocks-writes-rows\"", "\"startLine\": 1"]),
        (Format::Markdown, ["### ❌ Migrations: 1 statement failed", "SHARE on <code>&lt;i&gt;</code>"]),
        (Format::Html, ["<span class=\"pill big fail\">failed</span>", "<svg viewBox="]),
    ] {
        let (code, text) = run(args(folder.path(), format).await).await;
        assert_eq!(code, ExitCode::from(1), "{format:?}");
        for part in parts {
            let text = text.replace("           1 |", "1 |");
            assert!(text.contains(part), "{format:?} without {part:?}:\n{text}");
        }
        let also = std::fs::read_to_string(folder.path().join("also.md")).unwrap();
        assert!(also.contains("### ❌ Migrations: 1 statement failed"), "{also}");
    }
}

#[tokio::test]
async fn what_a_project_accepts_does_not_fail() {
    let waiver = "-- pontoon: allow(blocks-writes-rows, reason = \"nobody writes it\")\n";
    let index = format!("{waiver}CREATE INDEX i ON \"<i>\" (a);");
    let folder = folder(&[
        TABLE,
        ("migrations/002_index.sql", &index),
        ("migrations/003_type.sql", "ALTER TABLE small ALTER a TYPE bigint;"),
        (
            "Cargo.toml",
            "[package]\nname = \"x\"\n[package.metadata.pontoon]\nrewrite-rows = 100\nrows = { small = 40 }\n",
        ),
    ]);
    let (code, text) = run(args(folder.path(), Format::Json).await).await;
    assert_eq!(code, ExitCode::SUCCESS, "{text}");
    let json: serde_json::Value = serde_json::from_str(&text).unwrap();
    let of = |at: usize| &json["engines"][0]["migrations"][at]["stages"][0]["statements"][0];
    assert_eq!(of(1)["findings"][0]["waived"], "nobody writes it");
    assert_eq!((&of(2)["findings"][0]["rule"], &of(2)["findings"][0]["severity"]), (&"rewrite".into(), &"note".into()));

    std::fs::write(
        folder.path().join("migrations/002_index.sql"),
        index.replace(", reason = \"nobody writes it\"", ""),
    )
    .unwrap();
    let (code, text) = run(args(folder.path(), Format::Text).await).await;
    assert_eq!(code, ExitCode::from(1));
    assert!(text.contains("error[waiver]: the waiver on line 1 gives no reason"), "{text}");
    std::fs::write(folder.path().join("Cargo.toml"), "[package.metadata.pontoon]\nrewrite-row = 1\n").unwrap();
    assert_eq!(run(args(folder.path(), Format::Text).await).await.0, ExitCode::from(2), "settings that nobody knows");
}

#[tokio::test]
async fn only_what_is_new_is_observed_and_the_rest_runs() {
    let folder = folder(&[TABLE, ("migrations/002_index.sql", "CREATE INDEX i ON \"<i>\" (a);")]);
    let git = |arguments: &[&str]| {
        let identity = ["-c", "user.name=t", "-c", "user.email=t@example.org", "-c", "commit.gpgsign=false"];
        let mut command = Command::new("git");
        assert!(command.arg("-C").arg(folder.path()).args(identity).args(arguments).status().unwrap().success());
    };
    git(&["init", "--quiet"]);
    git(&["add", "."]);
    git(&["commit", "--quiet", "-m", "before"]);
    let since = |args: VerifyArgs| VerifyArgs { since: Some("HEAD".into()), ..args };
    let nowhere = Source::Url("postgres://nobody@127.0.0.1:1/".into());
    let (code, text) = run(VerifyArgs { source: nowhere, ..since(args(folder.path(), Format::Json).await) }).await;
    assert_eq!(code, ExitCode::SUCCESS, "there is nothing to start a server for");
    assert!(text.contains("\"ok\": true") && text.contains("no migration is new or changed against `HEAD`"), "{text}");

    std::fs::write(folder.path().join("migrations/003_new.sql"), "ALTER TABLE small ADD b int;").unwrap();
    let (code, text) = run(since(args(folder.path(), Format::Json).await)).await;
    assert_eq!(code, ExitCode::SUCCESS, "{text}");
    let json: serde_json::Value = serde_json::from_str(&text).unwrap();
    let ids: Vec<_> = json["engines"][0]["migrations"].as_array().unwrap().iter().map(|it| &it["id"]).collect();
    assert_eq!(ids, ["003_new"]);

    let list = VerifyArgs { list: true, ..since(args(folder.path(), Format::Text).await) };
    let (code, text) = run(list).await;
    assert_eq!(code, ExitCode::SUCCESS);
    assert!(
        text.starts_with("003_new  ") && text.ends_with("/003_new.sql\n       1: ALTER TABLE small ADD b int\n"),
        "{text}"
    );
    let unknown = VerifyArgs { since: Some("nowhere".into()), ..args(folder.path(), Format::Text).await };
    assert_eq!(run(unknown).await.0, ExitCode::from(2));
}

#[tokio::test]
async fn rules_are_explained_without_a_server() {
    let folder = folder(&[]);
    let explain = |code: &str, args: VerifyArgs| VerifyArgs { explain: Some(code.into()), ..args };
    let (code, text) = run(explain("rewrite", args(folder.path(), Format::Text).await)).await;
    assert_eq!(code, ExitCode::SUCCESS);
    assert!(text.starts_with("rewrite (error)\n"), "{text}");
    let (_, all) = run(explain("", args(folder.path(), Format::Text).await)).await;
    assert!(all.contains("\nwaiver-unused "), "{all}");
    assert_eq!(run(explain("nonsense", args(folder.path(), Format::Text).await)).await.0, ExitCode::from(2));
}
