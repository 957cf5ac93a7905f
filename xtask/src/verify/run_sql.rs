//! Anybody's migrations: plain SQL files, judged by what they do.

use std::collections::BTreeSet;
use std::path::PathBuf;

use pontoon::Dialect;

use super::catalog;
use super::conn::message_of;
use super::finding::{Finding, list};
use super::observation::{Observation, Refusal};
use super::outcome::{Direction, Engine, MigrationRun, StatementRun};
use super::seed::Seeding;
use super::selection::Selection;
use super::server::Server;
use super::sql_files::{Script, SqlFile, SqlText, is_transaction_control, read_folder, read_script};
use super::workbench::{RunError, Workbench};
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
}

/// Files that have been read.
#[derive(Debug)]
pub struct SqlMigrations {
    files: Vec<SqlFile>,
    setup: Option<Script>,
    selection: Selection,
}

impl SqlMigrations {
    /// The files, in their order.
    pub fn files(&self) -> &[SqlFile] {
        &self.files
    }

    /// What the files hold, by their names in reports.
    pub fn texts(&self) -> impl Iterator<Item = (String, &str)> {
        let scripts = self.files.iter().flat_map(|it| [Some(&it.up), it.down.as_ref()]).flatten();
        scripts.map(|it| (it.path.display().to_string(), it.text.as_str()))
    }

    /// Which of them are observed.
    pub const fn selection(&self) -> &Selection {
        &self.selection
    }

    /// Observes those only that were selected before and are `new`.
    pub fn keep(&mut self, new: impl Fn(&SqlFile) -> bool) {
        let stays = |it: &&SqlFile| self.selection.has(&it.stem) && new(it);
        self.selection = Selection::of(self.files.iter().filter(stays).map(|it| it.stem.clone()));
    }
}

impl SqlRun {
    /// Reads all files.
    ///
    /// # Errors
    /// Names the file, and where in it, that cannot be read; `--only` names none.
    pub fn read(&self) -> Result<SqlMigrations, RunError> {
        let unreadable = |error: super::sql_files::SqlFileError| RunError::Setup(error.to_string());
        let files = read_folder(&self.folder, self.dialect).map_err(unreadable)?;
        if let Some(only) = &self.only
            && !files.iter().any(|it| it.stem == *only)
        {
            let known: Vec<_> = files.iter().map(|it| it.stem.clone()).collect();
            return Err(RunError::Setup(format!("there is no migration `{only}`; there are {}", list(&known))));
        }
        let setup =
            self.setup.as_deref().map(|path| read_script(path, self.dialect)).transpose().map_err(unreadable)?;
        Ok(SqlMigrations { files, setup, selection: Selection::from(self.only.as_deref()) })
    }

    /// Runs all files on a server.
    ///
    /// # Errors
    /// The server is lost, or a setup file is refused. That a migration is refused is a finding.
    pub async fn run(&self, migrations: &SqlMigrations, server: &Server) -> Result<Engine, RunError> {
        let mut runs = Vec::new();
        if self.isolated {
            for file in migrations.files.iter().filter(|it| migrations.selection.has(&it.stem)) {
                let mut bench = Workbench::open(server, Seeding { rows: self.rows, nulls: false }).await?;
                let run = self.alone(&mut bench, migrations, file).await;
                runs.extend(finished(bench, run).await?);
            }
        } else {
            let mut bench = Workbench::open(server, Seeding { rows: self.rows, nulls: false }).await?;
            let run = self.in_a_row(&mut bench, migrations).await;
            runs = finished(bench, run).await?;
        }
        Ok(Engine {
            engine: self.dialect.name(),
            version: server.version().to_owned(),
            source: server.source(),
            described: server.describe(),
            migrations: runs,
        })
    }

    async fn alone(
        &self,
        bench: &mut Workbench<'_>,
        migrations: &SqlMigrations,
        file: &SqlFile,
    ) -> Result<Vec<MigrationRun>, RunError> {
        for setup in migrations.setup.iter().chain(&file.setup) {
            quietly(bench, setup).await?;
        }
        Ok(vec![observed(bench, file, 0).await?])
    }

    async fn in_a_row(
        &self,
        bench: &mut Workbench<'_>,
        migrations: &SqlMigrations,
    ) -> Result<Vec<MigrationRun>, RunError> {
        if let Some(setup) = &migrations.setup {
            quietly(bench, setup).await?;
        }
        let (mut runs, mut count) = (Vec::new(), 0);
        let reach = migrations.selection.reach(migrations.files.iter().map(|it| it.stem.as_str()));
        for file in &migrations.files[..reach] {
            if !migrations.selection.has(&file.stem) {
                quietly(bench, &file.up).await?;
                continue;
            }
            let run = observed(bench, file, count).await?;
            count += run.statements.len();
            runs.push(run);
        }
        Ok(runs)
    }
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
        bench.quiet(&statement.sql).await.map_err(|error| {
            let place = place(script, statement, &super::observe_postgres::refusal(&error));
            RunError::Setup(format!("{place}: the server refused the statement: {}", message_of(&error)))
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
    let mut went = script(bench, &file.up, Direction::Do, first, &mut statements).await?;
    if let (Some(down), true) = (&file.down, went) {
        bench.fill().await?;
        bench.new_session().await?;
        went = script(bench, down, Direction::Undo, first, &mut statements).await?;
        let after = catalog::read(bench.observer().watcher()).await?;
        let difference = catalog::difference(&before, &after);
        if went && !difference.is_empty() {
            add(&mut statements, undo_differs(&difference));
        }
        if went && let Err(error) = quietly(bench, &file.up).await {
            add(&mut statements, Finding::of(rule::UNDO_DIFFERS, format!("forth again after the way back: {error}")));
        }
    }
    Ok(MigrationRun { id: file.stem.clone(), statements })
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
        add(runs, super::verdict::refused(&refusal.message));
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
            let message =
                format!("{}: the server refused the statement: {}", place(script, statement, error), error.message);
            findings = vec![Finding { message, ..super::verdict::refused(&error.message) }];
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
