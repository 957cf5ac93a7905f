//! Our own migrations: every claim held against what the server does, forth and back.
//!
//! One database goes through the whole history. Before each migration its tables get rows. A
//! migration is taken through expand, back, and through expand again; then through backfill and
//! validate, all the way back, and forth again to its end. Every statement is observed
//! the first time it runs in a direction; the other times only prove that it can.

use std::collections::BTreeSet;
use std::time::{Duration, Instant};

use pontoon::Dialect;
use pontoon::exec::backfill::Functions;
use pontoon::exec::{Pool, Session, Silent, holds, partitions};
use pontoon::migration::{
    Assertion, Backfill, Claim, Each, Fact, Migration, Search, ServerVersion, Stage, Statement, Step, Undo,
    UndoStatement,
};

use super::becoming::{bounds, must_be_empty};
use super::catalog::{self, Catalog};
use super::conn::message_of;
use super::finding::Finding;
use super::limit::STATEMENT_LIMIT;
use super::observation::{Observation, Refusal};
use super::observe_batch::observe_batch;
use super::observe_postgres::STAYS;
use super::outcome::{Direction, Engine, MigrationRun, StatementRun};
use super::rule;
use super::run_sql::{finished, undo_differs};
use super::seed::Seeding;
use super::selection::Selection;
use super::server::Server;
use super::verdict::{compare, refused};
use super::workbench::{RunError, Unrun, Workbench};

/// A migration, and the file it was read from.
#[derive(Debug, Clone)]
pub struct HistoryFile {
    /// What it does.
    pub migration: Migration,
    /// The file, as messages name it.
    pub file: String,
}

/// Verifies a history on a server; what is not selected runs unobserved.
///
/// # Errors
/// The server is lost, or a migration that is not observed is refused.
pub async fn run_history(
    history: &[HistoryFile],
    server: &Server,
    rows: u64,
    only: impl Into<Selection>,
) -> Result<Engine, RunError> {
    run_history_with(history, server, rows, only, &Functions::new(), STATEMENT_LIMIT).await
}

/// As [`run_history`], with Rust functions for the backfills that name them; those of others are skipped. Ends
/// statements that run for longer than `limit`.
///
/// # Errors
/// See [`run_history`].
pub async fn run_history_with(
    history: &[HistoryFile],
    server: &Server,
    rows: u64,
    only: impl Into<Selection>,
    functions: &Functions,
    limit: Duration,
) -> Result<Engine, RunError> {
    let bench = Workbench::open(server, Seeding::of(rows, true)).await?;
    let bench = bench.with_functions(functions.clone()).with_limit(limit);
    let pool = Pool::connect_lazy(&stays(bench.url(), server.dialect()))
        .map_err(|error| RunError::Connection(error.to_string()))?;
    let facts = pool.session().await.map_err(|error| RunError::Connection(error.to_string()))?;
    let version = server.version().parse().map_err(RunError::Setup)?;
    let mut run = Run { bench, version, facts, file: "", count: 0, entries: Vec::new(), skipped: BTreeSet::new() };
    let runs = whole(&mut run, history, &only.into()).await;
    let Run { bench, facts, .. } = run;
    drop((facts, pool));
    Ok(Engine {
        engine: server.dialect().name(),
        version: server.version().to_owned(),
        source: server.source(),
        described: server.describe(),
        migrations: finished(bench, runs).await?,
    })
}

/// The same database, for a session that only asks the catalog, and that an observer of PostgreSQL need not see end.
fn stays(url: &str, dialect: Dialect) -> String {
    match dialect {
        Dialect::Postgres => format!("{url}{}application_name={STAYS}", if url.contains('?') { '&' } else { '?' }),
        Dialect::MySql => url.to_owned(),
    }
}

/// All migrations, until one is refused.
async fn whole<'a>(
    run: &mut Run<'a>,
    history: &'a [HistoryFile],
    only: &Selection,
) -> Result<Vec<MigrationRun>, RunError> {
    let mut migrations = Vec::new();
    for it in &history[..only.reach(history.iter().map(|it| it.migration.id.as_str()))] {
        run.file = &it.file;
        if !only.has(&it.migration.id) {
            let went = run.forth(&it.migration, &Stage::ALL, Eyes::Closed).await;
            run.complain(&it.migration)?;
            went?;
            continue;
        }
        let refused = run.migration(&it.migration).await?;
        migrations.push(MigrationRun { id: it.migration.id.clone(), statements: std::mem::take(&mut run.entries) });
        if refused {
            break;
        }
    }
    Ok(migrations)
}

/// Whether statements are observed, or only run.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Eyes {
    Open,
    Closed,
}

/// A history at work on one server.
struct Run<'a> {
    bench: Workbench<'a>,
    version: ServerVersion,
    /// Answers what the catalog says.
    facts: Session,
    file: &'a str,
    /// Entries of earlier migrations.
    count: usize,
    entries: Vec<StatementRun>,
    /// The lines of statements that were not needed: there is no way back from them.
    skipped: BTreeSet<usize>,
}

/// A statement of either direction.
struct Task<'s> {
    stage: Stage,
    direction: Direction,
    sql: &'s str,
    transactional: bool,
    settings: &'s [(String, String)],
    claim: &'s Claim,
    done: &'s Fact,
    line: usize,
}

impl Run<'_> {
    /// `true` if a statement was refused: then the history ends here.
    async fn migration(&mut self, migration: &Migration) -> Result<bool, RunError> {
        let first = self.count;
        self.fill(migration).await?;
        let before = self.catalog().await?;
        let early = [Stage::Expand];
        let late = [Stage::Backfill, Stage::Validate];
        let way = async {
            self.forth(migration, &early, Eyes::Open).await?;
            // expand alone can be taken back too
            self.back(migration, &early, Eyes::Closed).await?;
            self.same(migration, &before).await?;
            self.forth(migration, &early, Eyes::Closed).await?;
            self.forth(migration, &late, Eyes::Open).await?;
            self.back(migration, &[Stage::Expand, Stage::Backfill, Stage::Validate], Eyes::Open).await?;
            self.same(migration, &before).await?;
            self.forth(migration, &early, Eyes::Closed).await?;
            self.forth(migration, &late, Eyes::Closed).await?;
            self.forth(migration, &[Stage::Contract], Eyes::Open).await
        };
        let result: Result<(), RunError> = way.await;
        self.count = first + self.entries.len();
        match result {
            Err(RunError::Refused) => Ok(true),
            other => other.map(|()| false),
        }
    }

    /// Gives rows to tables without any: where one becomes a partition, rows that fit, and those of an earlier filling that
    /// do not are gone. Where others refer to these, they stay, and are told.
    async fn fill(&mut self, migration: &Migration) -> Result<(), RunError> {
        for (table, _, sql) in bounds(migration) {
            let table = self.bench.dialect().ident(table);
            if let Some((_, condition)) = sql.rsplit_once(" CHECK ") {
                let condition = condition.trim_end_matches(" NOT VALID");
                let _ = self.bench.quiet(&format!("DELETE FROM {table} WHERE {condition} IS NOT TRUE")).await;
            }
            self.bench.quiet(sql).await?;
        }
        self.bench.fill().await?;
        for (_, undo, _) in bounds(migration) {
            for it in undo {
                self.bench.quiet(&it.sql).await?;
            }
        }
        Ok(())
    }

    /// A migration that is not observed has been refused: there is nothing to go on from.
    fn complain(&mut self, migration: &Migration) -> Result<(), RunError> {
        match self.entries.drain(..).flat_map(|it| it.findings).next() {
            Some(finding) => Err(RunError::Setup(format!("{}: {}", migration.id, finding.message))),
            None => Ok(()),
        }
    }

    async fn forth(&mut self, migration: &Migration, stages: &[Stage], eyes: Eyes) -> Result<(), RunError> {
        for stage in stages {
            for (_, step) in migration.stage(*stage) {
                match step {
                    Step::Statement(it) if !it.servers.include(self.version) => self.skip(*stage, it, eyes),
                    Step::Statement(it) => self.whole(*stage, it, eyes).await?,
                    Step::Backfill(it) => self.backfill(*stage, it, eyes).await?,
                    Step::Assertion(it) => self.assertion(*stage, it, eyes).await?,
                    Step::Search(it) if it.on_way_back => {}
                    Step::Search(it) => self.search(*stage, it, eyes).await?,
                }
            }
        }
        Ok(())
    }

    async fn back(&mut self, migration: &Migration, stages: &[Stage], eyes: Eyes) -> Result<(), RunError> {
        for (stage, step) in migration.steps.iter().rev().filter(|(stage, _)| stages.contains(stage)) {
            match step {
                Step::Statement(Statement { undo: Undo::Statements(undo), servers, .. })
                    if servers.include(self.version) && !self.skipped.contains(&step.line()) =>
                {
                    for it in undo {
                        self.whole_back(*stage, it, eyes).await?;
                    }
                }
                Step::Search(it) if it.on_way_back => self.search(*stage, it, eyes).await?,
                _ => {}
            }
        }
        Ok(())
    }

    /// A statement, or what it is for each partition; unless that is done already.
    async fn whole(&mut self, stage: Stage, it: &Statement, eyes: Eyes) -> Result<(), RunError> {
        self.skipped.remove(&it.line);
        let Some(each) = &it.each else {
            if let Some(fact) = &it.unless
                && self.holds(fact).await?
            {
                self.skipped.insert(it.line);
                self.not_needed(stage, it, format!("`{fact}` holds already"), eyes);
                return Ok(());
            }
            return self.statement(&forth(stage, it), eyes).await;
        };
        let mut any = false;
        for partition in self.partitions(each).await? {
            let it = it.for_partition(&partition);
            if !self.holds_any([it.unless.as_ref(), Some(&it.done)]).await? {
                self.statement(&forth(stage, &it), eyes).await?;
                any = true;
            }
        }
        if !any {
            self.not_needed(stage, it, format!("there is no {each} that needs it"), eyes);
        }
        Ok(())
    }

    async fn whole_back(&mut self, stage: Stage, it: &UndoStatement, eyes: Eyes) -> Result<(), RunError> {
        let Some(each) = &it.each else {
            if self.holds_any([it.unless.as_ref(), None]).await? {
                return Ok(());
            }
            return self.statement(&back(stage, it), eyes).await;
        };
        for partition in self.partitions(each).await? {
            let it = it.for_partition(&partition);
            if !self.holds_any([it.unless.as_ref(), Some(&it.done)]).await? {
                self.statement(&back(stage, &it), eyes).await?;
            }
        }
        Ok(())
    }

    async fn partitions(&mut self, each: &Each) -> Result<Vec<String>, RunError> {
        partitions(&mut self.facts, each).await.map_err(|error| RunError::Setup(error.to_string()))
    }

    async fn holds_any(&mut self, facts: [Option<&Fact>; 2]) -> Result<bool, RunError> {
        for fact in facts.into_iter().flatten() {
            if self.holds(fact).await? {
                return Ok(true);
            }
        }
        Ok(false)
    }

    /// What had nothing to do is neither passed nor failed.
    fn not_needed(&mut self, stage: Stage, it: &Statement, why: String, eyes: Eyes) {
        if eyes == Eyes::Open {
            let help = "where it is needed, it is verified";
            let mut run = self.bare(stage, it.line, &it.sql, vec![Finding::note(rule::NOT_NEEDED, why, help)]);
            run.claim = Some(it.claim.clone());
            self.entries.push(run);
        }
    }

    /// What is not for this server's version is neither passed nor failed.
    fn skip(&mut self, stage: Stage, it: &Statement, eyes: Eyes) {
        if eyes == Eyes::Open {
            let message = format!("for servers {}, and this one is {}", it.servers, self.version);
            let finding = Finding::note(rule::OTHER_SERVER, message, "verify it on such a server too: `--engine`");
            let mut run = self.bare(stage, it.line, &it.sql, vec![finding]);
            run.claim = Some(it.claim.clone());
            self.entries.push(run);
        }
    }

    async fn statement(&mut self, task: &Task<'_>, eyes: Eyes) -> Result<(), RunError> {
        for (name, value) in task.settings {
            self.bench.quiet(&format!("SET SESSION {name} = {value}")).await?;
        }
        let result = match eyes {
            Eyes::Open => self.observed(task).await,
            Eyes::Closed => self.unobserved(task).await,
        };
        for (name, _) in task.settings {
            self.bench.quiet(&reset(name, self.bench.dialect())).await?;
        }
        result
    }

    async fn observed(&mut self, task: &Task<'_>) -> Result<(), RunError> {
        let done_before = self.holds(task.done).await?;
        let observation = self.bench.observe(self.count + self.entries.len(), task.sql).await?;
        let mut findings = compare(task.claim, &observation);
        let went = observation.error.is_none();
        if let Some(error) = &observation.error {
            findings = vec![refused(error).at(format_args!("{}:{}", self.file, task.line))];
        } else if *task.done != Fact::Repeatable {
            let done_after = self.holds(task.done).await?;
            // on the way back, what a later step has removed already is gone
            let done_before = done_before && task.direction == Direction::Do;
            findings.extend(done_fact(task.done, done_before, done_after));
        }
        if went && self.bench.dialect() == Dialect::Postgres && task.transactional == observation.outside {
            findings.push(transaction(task.transactional));
        }
        self.entries.push(StatementRun {
            stage: task.stage.name(),
            direction: task.direction,
            file: self.file.to_owned(),
            line: task.line,
            column: 0,
            sql: task.sql.to_owned(),
            claim: Some(task.claim.clone()),
            observation: Some(observation),
            findings,
        });
        if went { Ok(()) } else { Err(RunError::Refused) }
    }

    async fn unobserved(&mut self, task: &Task<'_>) -> Result<(), RunError> {
        match self.bench.quiet(task.sql).await {
            Ok(()) => Ok(()),
            Err(Unrun::Refused(refusal)) => {
                let again = if task.direction == Direction::Do { "forth" } else { "back" };
                let message = format!(
                    "{}:{}: {again} once more, the server refused the statement: {}",
                    self.file, task.line, refusal.message
                );
                let finding = Finding { message, ..refused(&refusal) };
                self.entries.push(self.bare(task.stage, task.line, task.sql, vec![finding]));
                Err(RunError::Refused)
            }
            Err(error) => Err(error.into()),
        }
    }

    async fn backfill(&mut self, stage: Stage, backfill: &Backfill, eyes: Eyes) -> Result<(), RunError> {
        let entry = self.count + self.entries.len();
        let missing =
            backfill.function.as_ref().filter(|it| !self.bench.functions().has(self.bench.dialect(), &it.name));
        if let Some(function) = missing {
            if eyes == Eyes::Open {
                let message = format!(
                    "the Rust function `{}`, which fills `{}.{}`, is not known here, so its batches did not run",
                    function.name, backfill.table, backfill.column
                );
                let note = Finding::note(rule::NOT_REGISTERED, message, "give it to `pontoon_xtask::main_with`");
                self.entries.push(self.bare(stage, backfill.line, &backfill.walks[0].sql, vec![note]));
            }
            return Ok(());
        }
        if eyes == Eyes::Closed {
            return match self.bench.backfill(backfill).await {
                Ok(()) => Ok(()),
                Err(error) => self.failed(stage, backfill.line, &backfill.invariant, &error),
            };
        }
        let observation = match observe_batch(&mut self.bench, backfill, entry).await? {
            Ok(observation) => observation,
            Err(error) => return self.failed(stage, backfill.line, &backfill.invariant, &error),
        };
        let mut findings = compare(&backfill.claim, &observation);
        let left = self.bench.observer().session().value(backfill.invariant.as_str()).await?;
        if left.as_deref() != Some("0") {
            let message = format!("{} rows have no value after the backfill", left.unwrap_or_default());
            findings.push(Finding::error(rule::INVARIANT, message, "correct the expression or the invariant"));
        }
        let sql = backfill.walks.first().map_or("", |walk| walk.sql.as_str());
        let mut run = self.bare(stage, backfill.line, sql, findings);
        run.claim = Some(backfill.claim.clone());
        run.observation = Some(observation);
        self.entries.push(run);
        Ok(())
    }

    async fn assertion(&mut self, stage: Stage, assertion: &Assertion, eyes: Eyes) -> Result<(), RunError> {
        // the rows that wait are ours, and time does not pass here
        if assertion.grace.is_some() {
            return Ok(());
        }
        let begun = Instant::now();
        if let Some(table) = must_be_empty(&assertion.sql).filter(|_| stage == Stage::Expand) {
            // the rows were made up; where others refer to them, they are told
            let _ = self.bench.quiet(&format!("DELETE FROM {table}")).await;
        }
        let rows = match self.bench.observer().session().rows(assertion.sql.as_str()).await {
            Ok(rows) => rows,
            Err(error) => return self.failed(stage, assertion.line, &assertion.sql, &message_of(&error)),
        };
        let wrong = rows.first().map(|row| {
            let shown: Vec<_> = row.iter().map(|it| it.as_deref().unwrap_or("NULL")).collect();
            format!("{}: the first is ({})", assertion.message, shown.join(", "))
        });
        self.asked((stage, assertion.line, &assertion.sql), begun.elapsed(), wrong, eyes);
        Ok(())
    }

    async fn search(&mut self, stage: Stage, search: &Search, eyes: Eyes) -> Result<(), RunError> {
        let pool = Pool::connect_lazy(self.bench.url()).map_err(|error| RunError::Connection(error.to_string()))?;
        let mut begun = Instant::now();
        let mut found = pontoon::exec::search::search(&pool, search, &Silent).await;
        if stage == Stage::Expand && matches!(found, Ok(Some(_))) && self.make_room(search).await {
            begun = Instant::now();
            found = pontoon::exec::search::search(&pool, search, &Silent).await;
        }
        let wrong = match found {
            Ok(found) => found.map(|found| format!("{}: {found}", search.message)),
            Err(error) => return self.failed(stage, search.line, &search.sql, &error.to_string()),
        };
        self.asked((stage, search.line, &search.sql), begun.elapsed(), wrong, eyes);
        Ok(())
    }

    /// Rows that were made up hold values that the migration's author knows no real one has: they get one that other rows
    /// have. `false` if the search is of another kind, or there is no such value; then what it finds is told.
    async fn make_room(&mut self, search: &Search) -> bool {
        let dialect = self.bench.dialect();
        let Some((column, condition)) = one_of_values(&search.sql) else { return false };
        let table = dialect.ident(&search.table);
        let session = self.bench.observer().session();
        let other = format!("SELECT {column} FROM {table} WHERE NOT ({condition}) LIMIT 1");
        let other = match dialect {
            Dialect::Postgres => other.replacen(column, &format!("CAST({column} AS text)"), 1),
            Dialect::MySql => other.replacen(column, &format!("CAST({column} AS CHAR)"), 1),
        };
        let Ok(Some(value)) = session.value(other).await else { return false };
        let sql = format!("UPDATE {table} SET {column} = {} WHERE {condition}", dialect.literal(&value));
        session.execute(sql).await.is_ok()
    }

    /// Notes a question that should have found nothing.
    fn asked(&mut self, (stage, line, sql): (Stage, usize, &str), took: Duration, wrong: Option<String>, eyes: Eyes) {
        let findings: Vec<_> = wrong
            .into_iter()
            .map(|it| Finding::error(rule::ASSERTION, it, "correct the rows, or the step that should have"))
            .collect();
        if eyes == Eyes::Open || !findings.is_empty() {
            let duration_ms = took.as_secs_f64() * 1_000.0;
            let mut run = self.bare(stage, line, sql, findings);
            run.observation = Some(Observation { duration_ms, ..Observation::default() });
            self.entries.push(run);
        }
    }

    fn failed(&mut self, stage: Stage, line: usize, sql: &str, error: &str) -> Result<(), RunError> {
        let message = format!("{}:{line}: {error}", self.file);
        let run = self.bare(stage, line, sql, vec![Finding { message, ..refused(&Refusal::said(error)) }]);
        self.entries.push(run);
        Err(RunError::Refused)
    }

    fn bare(&self, stage: Stage, line: usize, sql: &str, findings: Vec<Finding>) -> StatementRun {
        StatementRun {
            stage: stage.name(),
            direction: Direction::Do,
            file: self.file.to_owned(),
            line,
            column: 0,
            sql: sql.to_owned(),
            claim: None,
            observation: None,
            findings,
        }
    }

    async fn holds(&mut self, fact: &Fact) -> Result<bool, RunError> {
        holds(&mut self.facts, fact).await.map_err(|error| RunError::Connection(error.to_string()))
    }

    async fn catalog(&mut self) -> Result<Catalog, RunError> {
        Ok(catalog::read(self.bench.observer().watcher()).await?)
    }

    /// The way back has led back.
    async fn same(&mut self, migration: &Migration, before: &Catalog) -> Result<(), RunError> {
        let mut difference = catalog::difference(before, &self.catalog().await?);
        let stays: Vec<_> = widened(migration).collect();
        difference.retain(|line| !stays.iter().any(|(table, column)| catalog::is_of_column(line, table, column)));
        let grown: Vec<_> = grown(migration).collect();
        difference.retain(|line| !grown.iter().any(|name| catalog::is_of_type(line, name)));
        let attached: Vec<_> = attached(migration).collect();
        difference.retain(|line| !attached.iter().any(|name| catalog::is_of_table(line, name)));
        if let (false, Some(last)) = (difference.is_empty(), self.entries.last_mut()) {
            last.findings.push(undo_differs(&difference));
        }
        Ok(())
    }
}

/// The column, and the condition that it has one of some values, with which a search for these ends.
fn one_of_values(sql: &str) -> Option<(&str, &str)> {
    let (_, condition) = sql.rsplit_once(" AND ")?;
    let (column, _) = condition.split_once(" IN ('")?;
    (column.starts_with(['"', '`']) && condition.ends_with("')")).then_some((column, condition))
}

/// The columns whose type stays what it became, as their statements say.
fn widened(migration: &Migration) -> impl Iterator<Item = (&str, &str)> {
    migration.steps.iter().filter_map(|(_, step)| match step {
        Step::Statement(Statement { done: Fact::Type(table, column, _), undo: Undo::Nothing(_), .. }) => {
            Some((table.as_str(), column.as_str()))
        }
        _ => None,
    })
}

/// The partitions that stay, as their statements say.
fn attached(migration: &Migration) -> impl Iterator<Item = &str> {
    migration.steps.iter().filter_map(|(_, step)| match step {
        Step::Statement(Statement { done: Fact::Partition(_, name), undo: Undo::Nothing(_), .. }) => {
            Some(name.as_str())
        }
        _ => None,
    })
}

/// The types whose values stay, as their statements say.
fn grown(migration: &Migration) -> impl Iterator<Item = &str> {
    migration.steps.iter().filter_map(|(_, step)| match step {
        Step::Statement(Statement { done: Fact::EnumValue(name, _), undo: Undo::Nothing(_), .. }) => {
            Some(name.as_str())
        }
        _ => None,
    })
}

const fn forth(stage: Stage, it: &Statement) -> Task<'_> {
    Task {
        stage,
        direction: Direction::Do,
        sql: it.sql.as_str(),
        transactional: it.transactional,
        settings: it.settings.as_slice(),
        claim: &it.claim,
        done: &it.done,
        line: it.line,
    }
}

const fn back(stage: Stage, it: &UndoStatement) -> Task<'_> {
    Task {
        stage,
        direction: Direction::Undo,
        sql: it.sql.as_str(),
        transactional: it.transactional,
        settings: it.settings.as_slice(),
        claim: &it.claim,
        done: &it.done,
        line: it.line,
    }
}

fn reset(name: &str, dialect: Dialect) -> String {
    match dialect {
        Dialect::Postgres => format!("RESET {name}"),
        Dialect::MySql => format!("SET SESSION {name} = DEFAULT"),
    }
}

/// A crash between work and note is mended by asking the catalog: its answer must tell before from after.
fn done_fact(fact: &Fact, before: bool, after: bool) -> Option<Finding> {
    let message = match (before, after) {
        (false, true) => return None,
        (true, _) => format!("`{fact}` held before the statement ran already"),
        (_, false) => format!("`{fact}` does not hold after the statement"),
    };
    Some(Finding::error(rule::DONE_FACT, message, "let `@done` name something that this statement alone makes true"))
}

fn transaction(transactional: bool) -> Finding {
    if transactional {
        Finding::error(
            rule::NEEDS_NO_TRANSACTION,
            "cannot run inside a transaction, and the file says that it does",
            "write `-- @no-transaction` above the statement",
        )
    } else {
        Finding::warning(
            rule::NEEDS_NO_TRANSACTION,
            "could run inside a transaction, where its note in the ledger commits with it",
            "remove the directive that takes it out of the transaction",
        )
    }
}
