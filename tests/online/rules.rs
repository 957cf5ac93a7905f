//! The examples that `--explain` shows: on a real server, the bad one is found, and the good one is not.

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use pontoon::Dialect;
use pontoon::migration::file;
use pontoon_xtask::verify::finding::Severity;
use pontoon_xtask::verify::outcome::{Engine, MigrationRun, Outcome, StatementRun};
use pontoon_xtask::verify::policy::{self, Settings, Texts};
use pontoon_xtask::verify::rule::{self, Example, RuleId};
use pontoon_xtask::verify::run_history::{HistoryFile, run_history};
use pontoon_xtask::verify::run_sql::SqlRun;
use pontoon_xtask::verify::server::shared;
use tokio::sync::Semaphore;
use tokio::task::JoinSet;

const ROWS: u64 = 2_000;
/// They wait for servers more than they work.
const AT_ONCE: usize = 4;

/// The findings that say something is wrong, and the one that is asked for.
fn found(run: &MigrationRun, rule: RuleId) -> Vec<&'static str> {
    let all = run.statements.iter().flat_map(|it: &StatementRun| &it.findings);
    all.filter(|it| it.counts(Severity::Warning) || (it.rule == rule && it.waived.is_none()))
        .map(|it| it.rule.code())
        .collect()
}

fn check(rule: RuleId, bad: &MigrationRun, good: &MigrationRun, wrong: &mut Vec<String>) {
    let (bad, good) = (found(bad, rule), found(good, rule));
    // the runner, which fills the rows here too, asks the invariant itself and refuses to go on
    let told = if rule == rule::INVARIANT { rule::ERROR } else { rule };
    if !bad.contains(&told.code()) || !good.is_empty() {
        wrong.push(format!("{rule}: the bad example has {bad:?}, the good one {good:?}"));
    }
}

fn examples(claimed: bool) -> impl Iterator<Item = (RuleId, &'static Example)> {
    RuleId::all().map(|it| (it, &it.rule().example)).filter(move |(_, it)| it.is_claimed() == claimed)
}

#[tokio::test]
async fn examples_of_plain_files_are_found_and_not_found() {
    for dialect in Dialect::ALL {
        let folder = tempfile::tempdir().unwrap();
        let write = |name: &str, text: &str| std::fs::write(folder.path().join(name), text).unwrap();
        let mine: Vec<_> = examples(false).filter(|(_, it)| it.dialect == dialect).collect();
        let Some((_, first)) = mine.first() else { continue };
        let setup = tempfile::NamedTempFile::new().unwrap();
        std::fs::write(setup.path(), first.given().join(";\n")).unwrap();
        for (rule, example) in &mine {
            write(&format!("{rule}_bad.sql"), example.bad);
            write(&format!("{rule}_good.sql"), example.good);
        }
        let (path, setup) = (folder.path().to_owned(), Some(setup.path().to_owned()));
        let run = SqlRun { setup, isolated: true, ..SqlRun::of(path, dialect, ROWS) };
        let mut files = run.read().unwrap();
        let texts: Texts = files.texts().map(|(file, text)| (file, text.to_owned())).collect();
        let limited = |path: &Path| path.to_string_lossy().contains(rule::STATEMENT_LIMIT.code());
        files.keep(|path| !limited(path));
        let mut engine = run.run(&files, shared(dialect).await).await.unwrap();
        // the one that never ends need not run for minutes
        let mut files = run.read().unwrap();
        files.keep(limited);
        let short = SqlRun { limit: Duration::from_secs(15), ..run };
        engine.migrations.extend(short.run(&files, shared(dialect).await).await.unwrap().migrations);
        let mut wrong = Vec::new();
        for (rule, example) in &mine {
            let names = [format!("{rule}_bad"), format!("{rule}_good")];
            let take = |id: &String| {
                let at = engine.migrations.iter().position(|it| it.id == *id).unwrap();
                engine.migrations.swap_remove(at)
            };
            let migrations = names.iter().map(take).collect();
            let (name, described) = (engine.engine, engine.described.clone());
            let part = Engine { engine: name, version: String::new(), source: "", described, migrations };
            let mut outcome = Outcome { engines: vec![part], ..Outcome::default() };
            let settings = Settings::parse(&format!("[package.metadata.pontoon]\n{}", example.settings)).unwrap();
            policy::apply(&mut outcome, &settings, &texts);
            let [bad, good] = &outcome.engines[0].migrations[..] else { panic!("two") };
            check(*rule, bad, good, &mut wrong);
        }
        assert!(wrong.is_empty(), "{}", wrong.join("\n"));
    }
}

/// A migration that makes the tables which the examples are about.
fn given(example: &Example) -> String {
    let drop = match example.dialect {
        Dialect::Postgres => "ACCESS EXCLUSIVE",
        Dialect::MySql => "EXCLUSIVE",
    };
    let table = |(name, sql): (&str, &str)| {
        format!(
            "-- @claim locks none; reads no; writes no\n-- @done table {name}\n\
             -- @undo DROP TABLE {name};\n-- @undo-claim locks {name} {drop}; reads brief; writes brief\n{sql};\n\n"
        )
    };
    let tables = ["users", "orders"].into_iter().zip(example.given());
    "-- @stage expand\n\n".to_owned() + &tables.map(table).collect::<String>()
}

async fn history(example: &'static Example, text: &'static str) -> MigrationRun {
    let read = |id: &str, text: &str| {
        let migration = file::parse(id, example.dialect, id, text).unwrap_or_else(|error| panic!("{error}\n{text}"));
        HistoryFile { migration, file: id.to_owned() }
    };
    let files = [read("0001_given", &given(example)), read("0002_example", text)];
    let server = shared(example.dialect).await;
    let mut engine = run_history(&files, server, ROWS, Some("0002_example")).await.unwrap();
    engine.migrations.pop().unwrap()
}

#[tokio::test]
async fn examples_with_claims_are_found_and_not_found() {
    let mut wrong = Vec::new();
    let mut running = JoinSet::new();
    let turns = Arc::new(Semaphore::new(AT_ONCE));
    for (rule, example) in examples(true) {
        let turns = Arc::clone(&turns);
        running.spawn(async move {
            let _turn = turns.acquire().await.expect("never closed");
            (rule, history(example, example.bad).await, history(example, example.good).await)
        });
    }
    for (rule, bad, good) in running.join_all().await {
        check(rule, &bad, &good, &mut wrong);
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
    assert!(examples(true).any(|(it, _)| it == rule::CLAIM_ALGORITHM), "MySQL's are among them");
}
