//! What each report says, of one verification that is the same every time.

use std::collections::BTreeSet;

use pontoon::migration::{Algorithm, Claim, Extent, LockClause, LockMode};
use pontoon_xtask::report;
use pontoon_xtask::verify::finding::Finding;
use pontoon_xtask::verify::observation::{ObjectKind, Observation, ObservedLock, Refusal};
use pontoon_xtask::verify::outcome::{Direction, Engine, MigrationRun, Missing, Outcome, StatementRun};
use pontoon_xtask::verify::rule;

/// A table as nobody should name it.
const EVIL: &str = "<script>alert('1')</script>|`x`";

fn names(names: &[&str]) -> BTreeSet<String> {
    names.iter().map(|it| (*it).to_owned()).collect()
}

fn seen(locks: &[(&str, LockMode)], reads: Extent, writes: Extent, ms: [f64; 3]) -> Observation {
    let lock = |(object, mode): &(&str, LockMode)| ObservedLock {
        object: (*object).to_owned(),
        kind: ObjectKind::Table,
        mode: *mode,
    };
    Observation {
        locks: locks.iter().map(lock).collect(),
        reads,
        writes,
        duration_ms: ms[0],
        stall_read_ms: Some(ms[1]),
        stall_write_ms: Some(ms[2]),
        held_rows: locks.iter().map(|(object, _)| (*object).to_owned()).collect(),
        ..Observation::default()
    }
}

fn statement(stage: &'static str, (file, line, column): (&str, usize, usize), sql: &str) -> StatementRun {
    StatementRun {
        stage,
        direction: Direction::Do,
        file: file.to_owned(),
        line,
        column,
        sql: sql.to_owned(),
        claim: None,
        observation: None,
        findings: Vec::new(),
    }
}

/// Our own migration: every stage, back and forth, one claim wrong.
fn ours() -> MigrationRun {
    let file = "migrations/0002_display_name/postgres.sql";
    let strong = [("users", LockMode::AccessExclusive)];
    let brief = |ms| seen(&strong, Extent::Brief, Extent::Brief, ms);
    let add = StatementRun {
        claim: Some(Claim::none().lock("users", LockMode::AccessExclusive)),
        observation: Some(brief([1.9, 1.4, 1.6])),
        ..statement("expand", (file, 11, 0), "ALTER TABLE \"users\" ADD COLUMN \"display_name\" varchar(64)")
    };
    let trigger = StatementRun {
        claim: Some(Claim::none().lock("users", LockMode::Share)),
        observation: Some(seen(&[("users", LockMode::ShareRowExclusive)], Extent::No, Extent::Brief, [0.8, 0.3, 0.7])),
        findings: vec![Finding::error(
            rule::CLAIM_LOCK,
            "claimed SHARE on `users`, seen SHARE ROW EXCLUSIVE",
            "claim what it does, `locks users SHARE ROW EXCLUSIVE`, or change the statement",
        )],
        ..statement(
            "expand",
            (file, 34, 0),
            "CREATE TRIGGER \"fills\" BEFORE UPDATE ON \"users\" FOR EACH ROW EXECUTE FUNCTION \"fill\"()",
        )
    };
    let back = StatementRun {
        direction: Direction::Undo,
        observation: Some(brief([2.1, 1.8, 1.9])),
        ..statement("expand", (file, 9, 0), "ALTER TABLE \"users\" DROP COLUMN \"display_name\"")
    };
    let fill = StatementRun {
        observation: Some(seen(&[("users", LockMode::RowExclusive)], Extent::No, Extent::Brief, [412.0, 0.6, 6.4])),
        ..statement(
            "backfill",
            (file, 51, 0),
            "UPDATE \"users\" SET \"display_name\" = split_part(email, '@', 1) WHERE \"id\" >= $1::text::bigint AND \"id\" <= $2::text::bigint AND \"display_name\" IS NULL",
        )
    };
    let mut proof = seen(&[("users", LockMode::ShareUpdateExclusive)], Extent::No, Extent::No, [38.5, 0.5, 0.9]);
    proof.scans = names(&["users"]);
    let proof = StatementRun {
        observation: Some(proof),
        ..statement("validate", (file, 70, 0), "ALTER TABLE \"users\" VALIDATE CONSTRAINT \"display_name_not_null\"")
    };
    let skipped = StatementRun {
        findings: vec![Finding::of(rule::OTHER_SERVER, "for servers >= 18, and this one is 17.5")],
        ..statement(
            "validate",
            (file, 77, 0),
            "ALTER TABLE \"users\" ADD CONSTRAINT \"n\" NOT NULL \"display_name\" NOT VALID",
        )
    };
    let last = StatementRun {
        observation: Some(brief([0.7, 0.4, 0.5])),
        ..statement("contract", (file, 90, 0), "DROP TRIGGER \"fills\" ON \"users\"")
    };
    MigrationRun { id: "0002_display_name".into(), statements: vec![add, trigger, back, fill, proof, skipped, last] }
}

/// Somebody's file: a rewrite, one that is accepted, one that is refused, and what did not run.
fn theirs() -> MigrationRun {
    let file = "sql/007 widen <ids>.sql";
    let strong = [(EVIL, LockMode::AccessExclusive), ("orders", LockMode::Share)];
    let observed = |ms| {
        let rewrites = names(&[EVIL]);
        Observation { rewrites, in_transaction: true, ..seen(&strong, Extent::Rows, Extent::Rows, ms) }
    };
    let rewrite = |text: &str| Finding::of(rule::REWRITE, format!("writes every row of `{text}` anew"));
    let widen = StatementRun {
        observation: Some(observed([1_240.0, 1_236.2, 1_238.9])),
        findings: vec![rewrite(EVIL), Finding::of(rule::LOCK_HELD_THROUGH_FILE, "keeps <b>it</b> & more")],
        ..statement("sql", (file, 3, 5), "ALTER TABLE \"<script>\"\n  ALTER COLUMN a\n  TYPE bigint")
    };
    let small = seen(&[("small", LockMode::AccessExclusive)], Extent::Rows, Extent::Rows, [95.0, 90.0, 91.0]);
    let accepted = StatementRun {
        observation: Some(Observation { in_transaction: true, rewrites: names(&["small"]), ..small }),
        findings: vec![Finding { waived: Some("forty rows <and> no more".into()), ..rewrite("small") }],
        ..statement("sql", (file, 8, 1), "ALTER TABLE small ALTER COLUMN a TYPE bigint")
    };
    let message = "ERROR: type \"integr\" does not exist (42704)";
    let refused = StatementRun {
        observation: Some(Observation::refused(Refusal { position: Some(25), ..Refusal::said(message) })),
        findings: vec![Finding::of(rule::ERROR, format!("{file}:9:25: the server refused the statement: {message}"))],
        ..statement("sql", (file, 9, 1), "ALTER TABLE small\n  ADD COLUMN b integr")
    };
    let rest = statement("sql", (file, 11, 1), "DROP TABLE gone");
    MigrationRun { id: "007 widen <ids>".into(), statements: vec![widen, accepted, refused, rest] }
}

fn on_mysql() -> MigrationRun {
    let mut add = seen(&[("users", LockMode::MdlExclusive)], Extent::Brief, Extent::Brief, [9.8, 4.0, 4.2]);
    (add.algorithm, add.lock_clause) = (Some(Algorithm::Instant), Some(LockClause::None));
    let add = StatementRun {
        observation: Some(add),
        findings: vec![Finding::of(rule::BRIEF_LOCK, "takes EXCLUSIVE on `users` for a moment")],
        ..statement("sql", ("sql/V2__column.sql", 1, 1), "ALTER TABLE users ADD COLUMN age int, ALGORITHM=INSTANT")
    };
    MigrationRun { id: "V2__column".into(), statements: vec![add] }
}

fn outcome() -> Outcome {
    let engine = |engine, version: &str, described: &str, migrations| Engine {
        engine,
        version: version.to_owned(),
        source: "docker",
        described: described.to_owned(),
        migrations,
    };
    Outcome {
        engines: vec![
            engine("postgres", "17.5", "PostgreSQL 17.5 from a container of postgres:17", vec![ours(), theirs()]),
            engine("mysql", "9.7.4", "MySQL 9.7.4 from a container of mysql:9.7", vec![on_mysql()]),
        ],
        missing: vec![Missing {
            engine: "postgres:13".into(),
            reason: "no server for `postgres:13`: <none> & \"no\"".into(),
        }],
        nothing_new: None,
    }
}

/// All formats, with what their files end in.
fn reports(outcome: &Outcome) -> [(&'static str, String); 6] {
    [
        ("txt", report::text(outcome)),
        ("json", report::json(outcome).unwrap()),
        ("xml", report::junit(outcome)),
        ("sarif", report::sarif(outcome).unwrap()),
        ("md", report::markdown(outcome)),
        ("html", report::html(outcome)),
    ]
}

#[test]
fn each_report_says_the_same_every_time() {
    let mut settings = insta::Settings::clone_current();
    settings.set_snapshot_path("../snapshots/reports");
    settings.set_prepend_module_to_snapshot(false);
    settings.set_omit_expression(true);
    settings.bind(|| {
        for (format, text) in reports(&outcome()) {
            // the look and the rules stand in files of their own
            let text = text.replace(report::STYLE, "...\n");
            let text = match format {
                "sarif" => {
                    let mut log: serde_json::Value = serde_json::from_str(&text).unwrap();
                    log["runs"][0]["tool"]["driver"]["rules"] = "...".into();
                    serde_json::to_string_pretty(&log).unwrap()
                }
                _ => text,
            };
            insta::assert_snapshot!(format!("report@{format}"), text);
        }
    });
    if let Ok(folder) = std::env::var("PONTOON_SHOW_REPORTS") {
        for (format, text) in reports(&outcome()) {
            std::fs::write(std::path::Path::new(&folder).join(format!("report.{format}")), text).unwrap();
        }
    }
}

/// The tags of a text, in their order, each checked to be closed; what is between them is given back.
fn well_formed(text: &str, void: &[&str]) -> Vec<String> {
    let (mut open, mut between) = (Vec::new(), Vec::new());
    let mut rest = text;
    while let Some(at) = rest.find('<') {
        between.push(rest[..at].to_owned());
        let end = at + rest[at..].find('>').expect("a tag ends");
        let tag = &rest[at + 1..end];
        rest = &rest[end + 1..];
        let name = tag.trim_start_matches('/').split(|c: char| c.is_whitespace() || c == '/').next().unwrap();
        match tag {
            _ if tag.starts_with(['?', '!']) || tag.ends_with('/') || void.contains(&name) => {}
            _ if tag.starts_with('/') => assert_eq!(open.pop(), Some(name), "before {:.80}", rest),
            _ => open.push(name),
        }
    }
    assert!(open.is_empty(), "{open:?}");
    between
}

#[test]
fn nothing_that_a_name_says_becomes_markup() {
    for (format, text) in reports(&outcome()) {
        if ["txt", "json", "sarif"].contains(&format) {
            continue;
        }
        assert!(!text.contains("<script") && !text.contains("<b>it</b>") && !text.contains("<ids>"), "{format}");
        assert!(text.contains("&lt;script&gt;"), "{format}");
        let body = match format {
            "md" => continue,
            _ => text.replace(report::STYLE, ""),
        };
        for between in well_formed(&body, &["meta", "br"]) {
            let entities = between.replace("&lt;", "").replace("&gt;", "").replace("&amp;", "");
            let entities = entities.replace("&quot;", "").replace("&#39;", "");
            assert!(!entities.contains('&'), "{format}: {between}");
        }
    }
}

#[test]
fn a_row_of_markdown_has_as_many_cells_as_its_heading() {
    let text = report::markdown(&outcome());
    let mut cells = 0;
    for line in text.lines() {
        let here = line.matches('|').count();
        match line.starts_with('|') {
            true if cells == 0 => cells = here,
            true => assert_eq!(here, cells, "{line}"),
            false => cells = 0,
        }
    }
    assert_eq!(text.matches("<details").count(), text.matches("</details>").count());
}

#[test]
fn a_comment_that_would_be_too_long_keeps_what_failed() {
    let mut many = outcome();
    for at in 0..2_000 {
        let run = MigrationRun { id: format!("passes_{at}"), ..on_mysql() };
        many.engines[1].migrations.push(run);
    }
    let text = report::markdown(&many);
    assert!(text.chars().count() < 65_536, "{}", text.chars().count());
    let few = Outcome { engines: many.engines.into_iter().take(1).collect(), ..Outcome::default() };
    assert!(report::markdown(&few).contains("claimed SHARE on"));
}

#[test]
fn the_page_needs_nothing_from_elsewhere() {
    let html = report::html(&outcome());
    for part in ["src=", "http", "url(", "@import", "<link", "javascript:", "onclick"] {
        assert!(!html.contains(part), "{part}");
    }
    for (style, why) in [("prefers-color-scheme: dark", "dark"), ("@media print", "paper")] {
        assert!(html.contains(style), "{why}");
    }
    // what is linked within the page is there, once
    for link in html.split("href=\"#").skip(1).map(|it| it.split('"').next().unwrap()) {
        assert_eq!(html.matches(&format!("id=\"{link}\"")).count(), 1, "{link}");
    }
}

#[test]
fn sarif_is_as_its_schema_wants_it() {
    let log: serde_json::Value = serde_json::from_str(&report::sarif(&outcome()).unwrap()).unwrap();
    assert_eq!(log["version"], "2.1.0");
    let run = &log["runs"][0];
    let rules = run["tool"]["driver"]["rules"].as_array().unwrap();
    assert_eq!(rules.len(), rule::RULES.len());
    for rule in rules {
        for key in ["/shortDescription/text", "/fullDescription/text", "/help/text", "/help/markdown"] {
            assert!(rule.pointer(key).unwrap().as_str().is_some_and(|it| !it.is_empty()), "{rule}");
        }
        let level = rule.pointer("/defaultConfiguration/level").unwrap().as_str().unwrap();
        assert!(["none", "note", "warning", "error"].contains(&level), "{level}");
    }
    assert_eq!(run["invocations"][0]["executionSuccessful"], false, "an engine is missing");
    let results = run["results"].as_array().unwrap();
    assert_eq!(results.len(), outcome().statements().map(|it| it.findings.len()).sum::<usize>());
    for result in results {
        let index = result["ruleIndex"].as_u64().unwrap() as usize;
        assert_eq!(rules[index]["id"], result["ruleId"]);
        assert!(["note", "warning", "error"].contains(&result["level"].as_str().unwrap()));
        assert!(result["message"]["text"].as_str().is_some_and(|it| !it.is_empty()));
        let place = &result["locations"][0]["physicalLocation"];
        let uri = place["artifactLocation"]["uri"].as_str().unwrap();
        assert!(!uri.contains([' ', '<', '>', '\\']), "{uri}");
        let region = &place["region"];
        assert!(region["startLine"].as_u64().unwrap() >= 1);
        if let Some(column) = region["startColumn"].as_u64() {
            assert!(column >= 1 && region["endLine"].as_u64() >= region["startLine"].as_u64());
        }
        for value in result["partialFingerprints"].as_object().unwrap().values() {
            assert!(value.is_string());
        }
    }
    let widen = &results.iter().find(|it| it["ruleId"] == "rewrite").unwrap()["locations"][0]["physicalLocation"];
    assert_eq!(widen["artifactLocation"]["uri"], "sql/007%20widen%20%3Cids%3E.sql");
    let region = ["startLine", "startColumn", "endLine", "endColumn"].map(|it| widen["region"][it].as_u64().unwrap());
    assert_eq!(region, [3, 5, 5, 14]);
    let waived: Vec<_> = results.iter().filter(|it| it.get("suppressions").is_some()).collect();
    assert_eq!(waived.len(), 1);
    assert_eq!(waived[0]["suppressions"][0]["justification"], "forty rows <and> no more");
}

#[test]
fn what_two_versions_do_alike_is_one_result_of_sarif() {
    let mut twice = outcome();
    let Some(first) = twice.engines.first() else { panic!("there is one") };
    let second = Engine {
        engine: "postgres",
        version: "18.1".into(),
        source: first.source,
        described: first.described.clone(),
        migrations: vec![ours(), theirs()],
    };
    twice.engines.push(second);
    let log: serde_json::Value = serde_json::from_str(&report::sarif(&twice).unwrap()).unwrap();
    let results = log["runs"][0]["results"].as_array().unwrap();
    let rewrite = results.iter().find(|it| it["ruleId"] == "rewrite").unwrap();
    assert_eq!(rewrite["properties"]["servers"], serde_json::json!(["postgres 17.5", "postgres 18.1"]));
    assert_eq!(results.iter().filter(|it| it["ruleId"] == "claim-lock").count(), 1);
}

#[test]
fn junit_counts_what_it_has() {
    let xml = report::junit(&outcome());
    let sums = |at: &str| -> Vec<usize> {
        let head = xml[xml.find(at).unwrap()..].split('>').next().unwrap();
        let number = |name: &str| {
            let value = head.split(&format!("{name}=\"")).nth(1).unwrap().split('"').next().unwrap();
            value.parse().unwrap()
        };
        ["tests", "failures", "errors", "skipped"].map(number).to_vec()
    };
    assert_eq!(sums("<testsuites"), [13, 3, 1, 2]);
    let counts = ["<testcase", "<failure", "<error", "<skipped"].map(|it| xml.matches(it).count());
    assert_eq!(counts, [13, 3, 1, 2]);
}

#[test]
fn where_nothing_is_new_every_report_says_so() {
    let why = "no migration is new or changed against `main`";
    let outcome = Outcome { nothing_new: Some(why.into()), ..Outcome::default() };
    assert!(outcome.ok());
    for (format, text) in reports(&outcome) {
        let said = text.contains("no migration is new") || ["xml", "sarif"].contains(&format);
        assert!(said, "{format}: {text}");
    }
}

/// The page for users lists all rules; `PONTOON_UPDATE=1` writes them.
#[test]
fn the_page_lists_every_rule() {
    let path = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("../xtask/VERIFY.md");
    let stored = std::fs::read_to_string(&path).unwrap();
    let (begin, end) = ("<!-- rules -->\n", "<!-- /rules -->");
    let (before, rest) = stored.split_once(begin).expect("the rules begin");
    let (_, after) = rest.split_once(end).expect("the rules end");
    let row = |it: &&rule::Rule| format!("| `{}` | {} | {} |\n", it.code, it.severity, it.condition);
    let rows: String = rule::RULES.iter().map(row).collect();
    let heading = "| rule | | found when |\n|---|---|---|\n";
    let text = format!("{before}{begin}{heading}{rows}{end}{after}");
    if std::env::var_os("PONTOON_UPDATE").is_some() {
        std::fs::write(&path, &text).unwrap();
    }
    assert_eq!(std::fs::read_to_string(&path).unwrap(), text, "xtask/VERIFY.md does not list the rules as they are");
}

#[test]
fn a_terminal_takes_nothing_for_a_command_that_a_name_says() {
    let mut evil = outcome();
    let run = &mut evil.engines[0].migrations[1].statements[0];
    run.sql = "ALTER TABLE \"\u{1b}[2J\" ALTER a TYPE bigint".into();
    run.findings[0].message = "writes \u{1b}]0;x\u{7}".into();
    let text = report::text(&evil);
    assert!(!text.contains(['\u{1b}', '\u{7}']), "{text:?}");
    let coloured = report::text_with(&evil, report::Colours::On);
    assert!(coloured.contains("\u{1b}[1;31mFAIL\u{1b}[0m") && !coloured.contains("\u{1b}[2J"), "{coloured:?}");
}
