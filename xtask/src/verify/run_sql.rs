//! Anybody's migrations: plain SQL files, judged by what they do.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::time::Duration;

use pontoon::Dialect;

use super::catalog::{self, Catalog};
use super::finding::{Finding, list};
use super::host::Host;
use super::limit::STATEMENT_LIMIT;
use super::observation::{Observation, Refusal};
use super::outcome::{Direction, Engine, MigrationRun, StatementRun};
use super::seed::{Later, Seeding};
use super::selection::Selection;
use super::server::Server;
use super::sql_files::{Script, SqlFile, SqlText, Unreadable, is_transaction_control, read_folder, read_script};
use super::verdict::refused;
use super::workbench::{RunError, Unrun, Workbench};
use super::{rule, unclaimed};

/// What to verify.
#[derive(Debug)]
pub struct SqlRun {
    /// The folder, or one file.
    pub folder: PathBuf,
    /// Whose SQL it is.
    pub dialect: Dialect,
    /// Runs first, unobserved.
    pub setup: Option<PathBuf>,
    /// Every file on a database of its own.
    pub isolated: bool,
    /// Rows for tables that hold none.
    pub rows: u64,
    /// Only this file is observed.
    pub only: Option<String>,
    /// How long a statement may run.
    pub limit: Duration,
}

impl SqlRun {
    /// Of all files of a folder, one after the other on one database.
    pub fn of(folder: impl Into<PathBuf>, dialect: Dialect, rows: u64) -> Self {
        let (setup, isolated, only, limit) = (None, false, None, STATEMENT_LIMIT);
        Self { folder: folder.into(), dialect, setup, isolated, rows, only, limit }
    }
}

/// Files that have been read.
#[derive(Debug)]
pub struct SqlMigrations {
    files: Vec<Result<SqlFile, Unreadable>>,
    setup: Option<Script>,
    selection: Selection,
}

impl SqlMigrations {
    /// The files, in their order, also those that cannot be read.
    pub fn files(&self) -> &[Result<SqlFile, Unreadable>] {
        &self.files
    }

    /// What the files hold, by their names in reports.
    pub fn texts(&self) -> impl Iterator<Item = (String, &str)> {
        let read = self.files.iter().filter_map(|it| it.as_ref().ok());
        let scripts = read.flat_map(|it| [Some(&it.up), it.down.as_ref()]).flatten();
        scripts.map(|it| (it.path.display().to_string(), it.text.as_str()))
    }

    /// The statements of all files, forth.
    fn statements(&self) -> impl Iterator<Item = &str> {
        self.files.iter().flatten().flat_map(|it| &it.up.statements).map(|it| it.sql.as_str())
    }

    /// How many of them are observed.
    pub fn count(&self) -> usize {
        self.files.iter().filter(|it| self.selection.has(stem(it))).count()
    }

    /// Which of them are observed.
    pub const fn selection(&self) -> &Selection {
        &self.selection
    }

    /// Observes those only that were selected before and of which a file is `new`.
    pub fn keep(&mut self, new: impl Fn(&Path) -> bool) {
        let stays = |it: &&Result<SqlFile, Unreadable>| {
            let is_new = match it {
                Ok(it) => [Some(&it.up), it.down.as_ref()].into_iter().flatten().any(|it| new(&it.path)),
                Err(it) => new(it.error.path()),
            };
            self.selection.has(stem(it)) && is_new
        };
        self.selection = Selection::of(self.files.iter().filter(stays).map(|it| stem(it).to_owned()));
    }
}

impl SqlRun {
    /// Reads all files.
    ///
    /// # Errors
    /// The folder or the setup file cannot be read; `--only` names no file. One of many files that cannot be read is a
    /// finding.
    pub fn read(&self) -> Result<SqlMigrations, RunError> {
        let refused = |error: super::sql_files::SqlFileError| RunError::Setup(error.to_string());
        let files = read_folder(&self.folder, self.dialect).map_err(refused)?;
        if let Some(only) = &self.only
            && !files.iter().any(|it| stem(it) == only)
        {
            let known: Vec<_> = files.iter().map(|it| stem(it).to_owned()).collect();
            return Err(RunError::Setup(format!("there is no migration `{only}`; there are {}", list(&known))));
        }
        let setup = self.setup.as_deref().map(|path| read_script(path, self.dialect)).transpose().map_err(refused)?;
        Ok(SqlMigrations { files, setup, selection: Selection::from(self.only.as_deref()) })
    }

    /// Runs all files on a server.
    ///
    /// # Errors
    /// The server is lost, or a setup file is refused. That a migration is refused, or breaks its connection, is a
    /// finding.
    pub async fn run(&self, migrations: &SqlMigrations, server: &Server) -> Result<Engine, RunError> {
        self.run_on(migrations, &mut Host::Given(server)).await
    }

    /// As [`run`](Self::run), where a server that a migration has ended is started again, so that the others are
    /// judged.
    ///
    /// # Errors
    /// See [`run`](Self::run); there is no other server.
    pub async fn run_on(&self, migrations: &SqlMigrations, host: &mut Host<'_>) -> Result<Engine, RunError> {
        let runs = match self.isolated {
            true => self.each_alone(migrations, host).await?,
            false => self.all_in_a_row(migrations, host).await?,
        };
        let server = host.server();
        Ok(Engine {
            engine: self.dialect.name(),
            version: server.version().to_owned(),
            source: server.source(),
            described: server.describe(),
            migrations: runs,
        })
    }

    async fn bench<'a>(&self, server: &'a Server, migrations: &SqlMigrations) -> Result<Workbench<'a>, RunError> {
        let later = Later::of(migrations.statements(), self.dialect);
        let seeding = Seeding { later, ..Seeding::of(self.rows, false) };
        Ok(Workbench::open(server, seeding).await?.with_limit(self.limit))
    }

    async fn each_alone(&self, migrations: &SqlMigrations, host: &mut Host<'_>) -> Result<Vec<MigrationRun>, RunError> {
        let mut runs = Vec::new();
        for file in migrations.files.iter().filter(|it| migrations.selection.has(stem(it))) {
            let file = match file {
                Ok(file) => file,
                Err(it) => {
                    runs.push(unreadable(it));
                    continue;
                }
            };
            match (self.alone(migrations, file, host.server()).await, runs.last_mut()) {
                (Ok(run), _) => runs.extend(run),
                (Err(RunError::Broken(run)), _) => {
                    runs.push(*run);
                    host.revive().await?;
                }
                // nothing of this file has run: it was the one before
                (Err(RunError::Connection(error)), Some(last)) => {
                    broken_behind(last, &error);
                    host.revive().await?;
                    runs.extend(self.alone(migrations, file, host.server()).await?);
                }
                (Err(error), _) => return Err(error),
            }
        }
        Ok(runs)
    }

    async fn alone(
        &self,
        migrations: &SqlMigrations,
        file: &SqlFile,
        server: &Server,
    ) -> Result<Vec<MigrationRun>, RunError> {
        let mut bench = self.bench(server, migrations).await?;
        let run = async {
            for setup in migrations.setup.iter().chain(&file.setup) {
                quietly(&mut bench, setup).await?;
            }
            Ok(vec![observed(&mut bench, file, 0).await?])
        };
        let run = run.await;
        finished(bench, run).await
    }

    /// All files on one database. One that breaks its connection is left out, and the others run anew without it.
    async fn all_in_a_row(
        &self,
        migrations: &SqlMigrations,
        host: &mut Host<'_>,
    ) -> Result<Vec<MigrationRun>, RunError> {
        let mut broken: Vec<MigrationRun> = Vec::new();
        let mut runs = loop {
            let mut bench = self.bench(host.server(), migrations).await?;
            let run = self.in_a_row(&mut bench, migrations, &broken).await;
            match finished(bench, run).await {
                Ok(runs) => break runs,
                Err(RunError::Broken(run)) => {
                    broken.push(*run);
                    host.revive().await?;
                }
                Err(error) => return Err(error),
            }
        };
        runs.extend(broken);
        runs.extend(migrations.files.iter().filter_map(|it| it.as_ref().err()).map(unreadable));
        runs.retain(|it| migrations.selection.has(&it.id));
        runs.sort_by_key(|run| migrations.files.iter().position(|it| stem(it) == run.id));
        Ok(runs)
    }

    async fn in_a_row(
        &self,
        bench: &mut Workbench<'_>,
        migrations: &SqlMigrations,
        without: &[MigrationRun],
    ) -> Result<Vec<MigrationRun>, RunError> {
        if let Some(setup) = &migrations.setup {
            quietly(bench, setup).await?;
        }
        let (mut runs, mut count) = (Vec::new(), 0);
        let reach = migrations.selection.reach(migrations.files.iter().map(stem));
        for file in &migrations.files[..reach] {
            let is_observed = migrations.selection.has(stem(file));
            let file = match file {
                Ok(file) if without.iter().any(|it| it.id == file.stem) => continue,
                Ok(file) => file,
                Err(_) if is_observed => continue,
                Err(it) => return Err(RunError::Setup(it.error.to_string())),
            };
            if !is_observed {
                quietly(bench, &file.up).await?;
                continue;
            }
            match (observed(bench, file, count).await, runs.pop()) {
                (Ok(run), last) => {
                    count += run.statements.len();
                    runs.extend(last);
                    runs.push(run);
                }
                // nothing of this file has run: it was the one before
                (Err(RunError::Connection(error)), Some(mut last)) => {
                    broken_behind(&mut last, &error);
                    return Err(RunError::Broken(Box::new(last)));
                }
                (Err(error), _) => return Err(error),
            }
        }
        Ok(runs)
    }
}

/// The name of a migration, whether it can be read or not.
fn stem(file: &Result<SqlFile, Unreadable>) -> &str {
    match file {
        Ok(it) => &it.stem,
        Err(it) => &it.stem,
    }
}

/// A migration that did not run, since it cannot be read.
fn unreadable(file: &Unreadable) -> MigrationRun {
    let (line, column) = file.error.place().unwrap_or((1, 1));
    let statement = StatementRun {
        stage: "sql",
        direction: Direction::Do,
        file: file.error.path().display().to_string(),
        line,
        column,
        sql: file.error.excerpt().to_owned(),
        claim: None,
        observation: None,
        findings: vec![Finding::of(rule::UNREADABLE, file.error.to_string())],
    };
    MigrationRun { id: file.stem.clone(), statements: vec![statement] }
}

/// Measures what ran; a run that came to nothing leaves nothing behind.
pub(super) async fn finished(
    bench: Workbench<'_>,
    runs: Result<Vec<MigrationRun>, RunError>,
) -> Result<Vec<MigrationRun>, RunError> {
    let mut runs = match runs {
        Ok(runs) => runs,
        Err(error) => {
            bench.discard().await;
            return Err(error);
        }
    };
    let mut entries: Vec<&mut StatementRun> = runs.iter_mut().flat_map(|it| &mut it.statements).collect();
    for measured in bench.measure().await? {
        if let Some(entry) = entries.get_mut(measured.entry)
            && let Some(observation) = &mut entry.observation
        {
            measured.apply(observation);
            entry.findings.extend(super::verdict::always(observation));
        }
    }
    Ok(runs)
}

/// Runs a file that is not judged.
async fn quietly(bench: &mut Workbench<'_>, script: &Script) -> Result<(), RunError> {
    bench.new_session().await?;
    for statement in &script.statements {
        bench.quiet(&statement.sql).await.map_err(|unrun| match unrun {
            Unrun::Refused(refusal) => {
                RunError::Setup(refused(&refusal).at(place(script, statement, &refusal)).message)
            }
            Unrun::Lost(error) => error.into(),
        })?;
    }
    Ok(())
}

/// Runs a file forth, and back and forth again where there is a way back.
async fn observed(bench: &mut Workbench<'_>, file: &SqlFile, first: usize) -> Result<MigrationRun, RunError> {
    bench.fill().await?;
    bench.new_session().await?;
    let before = catalog::read(bench.observer().watcher()).await?;
    let mut statements = Vec::new();
    match there_and_back(bench, file, first, &before, &mut statements).await {
        Ok(()) => Ok(MigrationRun { id: file.stem.clone(), statements }),
        Err(RunError::Connection(error)) => Err(RunError::Broken(Box::new(broken(file, statements, &error)))),
        Err(error) => Err(error),
    }
}

async fn there_and_back(
    bench: &mut Workbench<'_>,
    file: &SqlFile,
    first: usize,
    before: &Catalog,
    statements: &mut Vec<StatementRun>,
) -> Result<(), RunError> {
    let mut went = script(bench, &file.up, Direction::Do, first, statements).await?;
    if let (Some(down), true) = (&file.down, went) {
        bench.fill().await?;
        bench.new_session().await?;
        went = script(bench, down, Direction::Undo, first, statements).await?;
        let after = catalog::read(bench.observer().watcher()).await?;
        let difference = catalog::difference(before, &after);
        if went && !difference.is_empty() {
            add(statements, undo_differs(&difference));
        }
        if went && let Err(error) = quietly(bench, &file.up).await {
            add(statements, Finding::of(rule::UNDO_DIFFERS, format!("forth again after the way back: {error}")));
        }
    }
    Ok(())
}

/// What is known of a file whose connection was lost: at which statement. What ran before it was not measured, so
/// nothing is said of it.
fn broken(file: &SqlFile, seen: Vec<StatementRun>, error: &str) -> MigrationRun {
    let at = seen.len();
    let ways = [(Some(&file.up), Direction::Do), (file.down.as_ref(), Direction::Undo)];
    let all = ways.into_iter().filter_map(|(script, direction)| Some((script?, direction)));
    let mut statements: Vec<_> = all
        .flat_map(|(script, direction)| script.statements.iter().map(move |it| (script, it, direction)))
        .map(|(script, it, direction)| entry(script, it, direction, None, &BTreeSet::new()))
        .collect();
    let at = at.min(statements.len().saturating_sub(1));
    if let Some(it) = statements.get_mut(at) {
        it.findings.push(lost(it, error));
    }
    MigrationRun { id: file.stem.clone(), statements }
}

/// The same of one that seemed to end well.
fn broken_behind(run: &mut MigrationRun, error: &str) {
    for it in &mut run.statements {
        it.observation = None;
        it.findings.clear();
    }
    if let Some(it) = run.statements.last_mut() {
        it.findings.push(lost(it, error));
    }
}

fn lost(it: &StatementRun, error: &str) -> Finding {
    let message = format!("{}:{}:{}: the connection was lost: {error}", it.file, it.line, it.column);
    Finding::of(rule::CONNECTION_LOST, message)
}

/// The catalog after the way back is not the one before the way there.
pub(super) fn undo_differs(difference: &[String]) -> Finding {
    let message = format!("after the way back the schema is not what it was:\n{}", difference.join("\n"));
    Finding::of(rule::UNDO_DIFFERS, message)
}

fn add(statements: &mut [StatementRun], finding: Finding) {
    if let Some(last) = statements.last_mut() {
        last.findings.push(finding);
    }
}

/// Observes the statements of one file. `false` if one was refused; then the rest is skipped.
async fn script(
    bench: &mut Workbench<'_>,
    script: &Script,
    direction: Direction,
    first: usize,
    runs: &mut Vec<StatementRun>,
) -> Result<bool, RunError> {
    let in_use = bench.observer().tables_with_rows().await?;
    let texts: Vec<&str> = script.statements.iter().map(|it| it.sql.as_str()).collect();
    let ours = bench.observer().begin_file(&texts).await?;
    if ours {
        bench.note("BEGIN");
    }
    let start = runs.len();
    let mut went = true;
    for statement in &script.statements {
        let observation = match went {
            true => Some(bench.observe(first + runs.len(), &statement.sql).await?),
            false => None,
        };
        went &= observation.as_ref().is_some_and(|it| it.error.is_none());
        runs.push(entry(script, statement, direction, observation, &in_use));
    }
    if bench.observer().is_open() {
        bench.note(if ours { "COMMIT" } else { "ROLLBACK" });
        if !ours && went {
            add(&mut runs[start..], super::verdict::left_open());
        }
    }
    if let Err(refusal) = bench.observer().end_file().await {
        went = false;
        add(runs, refused(&refusal));
    }
    held_to_the_end(script, &mut runs[start..], &in_use);
    Ok(went)
}

fn entry(
    script: &Script,
    statement: &SqlText,
    direction: Direction,
    observation: Option<Observation>,
    in_use: &BTreeSet<String>,
) -> StatementRun {
    let mut findings = Vec::new();
    if let Some(seen) = &observation {
        findings = unclaimed::judge(seen, in_use, script.no_transaction);
        if let Some(error) = &seen.error {
            findings = vec![refused(error).at(place(script, statement, error))];
        }
    }
    StatementRun {
        stage: "sql",
        direction,
        file: script.path.display().to_string(),
        line: statement.line,
        column: statement.column,
        sql: statement.sql.clone(),
        claim: None,
        observation,
        findings,
    }
}

/// `file:line:column` of what the server points to, or of the statement.
fn place(script: &Script, statement: &SqlText, refusal: &Refusal) -> String {
    let (line, column) = pointed_at(statement, refusal.position);
    format!("{}:{line}:{column}", script.path.display())
}

fn pointed_at(statement: &SqlText, position: Option<usize>) -> (usize, usize) {
    let before: String = statement.sql.chars().take(position.map_or(0, |it| it.saturating_sub(1))).collect();
    match before.rsplit_once('\n') {
        Some((above, last)) => (statement.line + above.matches('\n').count() + 1, last.chars().count() + 1),
        None => (statement.line, statement.column + before.chars().count()),
    }
}

/// Most runners open a transaction around a PostgreSQL file. There, a strong lock that is brief by
/// itself is kept until the last statement is done.
fn held_to_the_end(script: &Script, runs: &mut [StatementRun], in_use: &BTreeSet<String>) {
    let own = script.statements.iter().any(|it| is_transaction_control(&it.sql));
    let outside = runs.iter().any(|it| it.observation.as_ref().is_some_and(|it| it.outside));
    if script.no_transaction || own || outside {
        return;
    }
    for seen in runs.iter_mut().filter_map(|it| it.observation.as_mut()) {
        seen.in_transaction = seen.locks.iter().any(|it| it.mode.dialect() == Dialect::Postgres);
    }
    for at in 0..runs.len() {
        let grows = |it: &&StatementRun| it.observation.as_ref().is_some_and(Observation::grows);
        let Some(later) = runs[at + 1..].iter().find(grows).map(|it| it.line) else { return };
        let Some(seen) = &runs[at].observation else { continue };
        if seen.locks.first().is_none_or(|it| it.mode.dialect() != Dialect::Postgres) {
            continue;
        }
        let held = seen.tables().filter(|it| it.mode.blocks_writes() && in_use.contains(&it.object));
        let held: Vec<_> = held.map(|it| format!("{} on `{}`", it.mode.name(), it.object)).collect();
        if !held.is_empty() {
            runs[at].findings.push(Finding::of(
                rule::LOCK_HELD_THROUGH_FILE,
                format!(
                    "run in one transaction, keeps {} while the statement on line {later} reads or rewrites a table",
                    held.join(", ")
                ),
            ));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_servers_pointer_is_a_place_in_the_file() {
        let statement =
            SqlText {
                sql: "ALTER TABLE t\n  ADD é int,\n  DROP y".into(), comment: String::new(), line: 7, column: 3
            };
        assert_eq!(pointed_at(&statement, None), (7, 3));
        assert_eq!(pointed_at(&statement, Some(7)), (7, 9));
        assert_eq!(pointed_at(&statement, Some(21)), (8, 7));
        assert_eq!(pointed_at(&statement, Some(30)), (9, 3));
    }
}
