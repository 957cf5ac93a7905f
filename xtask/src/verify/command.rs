//! `cargo xtask verify-migrations`.

use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::time::Duration;

use clap::{Args, ValueEnum};
use pontoon::Dialect;
use pontoon::exec::backfill::Functions;

use super::host::Host;
use super::limit::STATEMENT_LIMIT;
use super::outcome::{Missing, Outcome};
use super::policy::{self, Settings, Texts};
use super::run_history::{HistoryFile, run_history_with};
use super::run_sql::{SqlMigrations, SqlRun};
use super::selection::Selection;
use super::server::{EngineSpec, Engines, Source, start_each};
use super::workbench::RunError;
use super::{listing, rule, since};
use crate::generate::Folder;
use crate::report::{self, Colours};

/// Runs every statement on real servers and says what it locks, rewrites and scans.
#[derive(Debug, Clone, Args)]
pub struct VerifyArgs {
    /// A server to verify on, such as `postgres:17`, `mysql`, or each of `postgres:13..18`; may be given several
    /// times. Without it, one of each
    #[arg(long = "engine", value_name = "ENGINE")]
    pub engines: Vec<Engines>,
    /// Where servers come from: auto, docker, local (installed, also below the folders that the variable
    /// PONTOON_SERVERS names), packages, or the URL of a server of yours
    #[arg(long, default_value = "auto", value_name = "SOURCE")]
    pub source: Source,
    /// Observe this migration only; those before it run too
    #[arg(long, value_name = "ID")]
    pub only: Option<String>,
    /// Observe only migrations that are new or changed against this commit, branch or tag of Git; those before run too
    #[arg(long, value_name = "REF")]
    pub since: Option<String>,
    /// How many rows tables get that hold none
    #[arg(long, default_value_t = 50_000, value_name = "N")]
    pub rows: u64,
    /// How many seconds a statement may run before it is ended and found
    #[arg(long, default_value_t = STATEMENT_LIMIT.as_secs(), value_name = "SECONDS", value_parser = clap::value_parser!(u64).range(1..))]
    pub statement_limit: u64,
    /// Verify the SQL files of this folder instead of your own migrations
    #[arg(long, value_name = "DIR", requires = "dialect")]
    pub sql: Option<PathBuf>,
    /// Whose SQL the files are
    #[arg(long, value_name = "postgres|mysql", value_parser = parse_dialect, requires = "sql")]
    pub dialect: Option<Dialect>,
    /// An SQL file that runs first, unobserved
    #[arg(long, value_name = "FILE", requires = "sql")]
    pub setup: Option<PathBuf>,
    /// Run every file on a database of its own, made by --setup and then by `x.setup.sql` beside `x.sql`
    #[arg(long, requires = "sql")]
    pub isolated: bool,
    /// How the report is written
    #[arg(long, value_enum, default_value_t = Format::Text)]
    pub format: Format,
    /// Where the report is written to, instead of the standard output
    #[arg(long, value_name = "FILE")]
    pub output: Option<PathBuf>,
    /// Write the report in another format too, such as `sarif=migrations.sarif`; may be given several times
    #[arg(long, value_name = "FORMAT=FILE", value_parser = parse_also)]
    pub also: Vec<(Format, PathBuf)>,
    /// Show what would be verified, and start no server
    #[arg(long)]
    pub list: bool,
    /// Explain the rule with this code, with examples; without a code, list all rules
    #[arg(long, value_name = "CODE", num_args = 0..=1, default_missing_value = "", conflicts_with = "list")]
    pub explain: Option<String>,
    /// List all rules
    #[arg(long, conflicts_with_all = ["list", "explain"])]
    pub list_rules: bool,
}

/// How a report is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum Format {
    /// For people
    Text,
    /// For programs
    Json,
    /// One file with pictures, for people
    Html,
    /// For CI systems that show tests
    Junit,
    /// For code scanning
    Sarif,
    /// For a comment on a pull request
    Markdown,
}

fn parse_dialect(text: &str) -> Result<Dialect, String> {
    Dialect::from_name(text).ok_or_else(|| format!("`{text}` is none of: postgres, mysql"))
}

fn parse_also(text: &str) -> Result<(Format, PathBuf), String> {
    let (format, file) = text
        .split_once('=')
        .filter(|(_, file)| !file.is_empty())
        .ok_or_else(|| format!("`{text}` is no format with a file; write it as in `--also html=migrations.html`"))?;
    Ok((Format::from_str(format, false).map_err(|_| format!("`{format}` is no format of a report"))?, file.into()))
}

/// What is to be verified.
enum Work {
    Sql(SqlRun, SqlMigrations),
    History(Folder, Selection),
}

/// Runs the command: exits 0 if all is well, 1 if something is violated, 2 if it could not run.
/// `history` reads the project's own migrations; it is not called with `--sql`.
pub async fn run(
    args: VerifyArgs,
    functions: &Functions,
    history: impl FnOnce() -> Result<Folder, String>,
) -> ExitCode {
    match answer(&args, functions, history).await {
        Ok(code) => code,
        Err(message) => {
            eprintln!("error: {message}");
            ExitCode::from(2)
        }
    }
}

async fn answer(
    args: &VerifyArgs,
    functions: &Functions,
    history: impl FnOnce() -> Result<Folder, String>,
) -> Result<ExitCode, String> {
    if args.list_rules || args.explain.as_deref() == Some("") {
        return print(args, &rule::list());
    }
    if let Some(code) = &args.explain {
        return print(args, &rule::explain(code)?);
    }
    let work = Work::read(args, history)?;
    if args.list {
        return print(args, &work.list(args)?);
    }
    let settings = Settings::of(work.folder())?;
    let mut outcome = verify(&work, args, functions).await?;
    policy::apply(&mut outcome, &settings, &work.texts());
    finish(args, &outcome)
}

fn print(args: &VerifyArgs, text: &str) -> Result<ExitCode, String> {
    write(args, text).map(|()| ExitCode::SUCCESS)
}

impl Work {
    fn read(args: &VerifyArgs, history: impl FnOnce() -> Result<Folder, String>) -> Result<Self, String> {
        let (Some(folder), Some(dialect)) = (&args.sql, args.dialect) else {
            let folder = history()?;
            let known: Vec<_> = folder.migrations.iter().map(|it| it.id.as_str()).collect();
            if let Some(only) = args.only.as_deref().filter(|only| !known.contains(only)) {
                return Err(format!("there is no migration `{only}`; there are {}", known.join(", ")));
            }
            let mut selection = Selection::from(args.only.as_deref());
            if let Some(reference) = &args.since {
                let changed = since::changed(folder.path(), reference)?;
                let sql = |path: &&PathBuf| path.extension().is_some_and(|it| it == "sql");
                let new: Vec<_> = changed.iter().filter(sql).filter_map(|it| it.parent()).collect();
                let stays = |id: &&str| selection.has(id) && new.contains(&Path::new(id));
                selection = Selection::of(known.into_iter().filter(stays).map(str::to_owned));
            }
            return Ok(Self::History(folder, selection));
        };
        let run = SqlRun {
            folder: folder.clone(),
            dialect,
            setup: args.setup.clone(),
            isolated: args.isolated,
            rows: args.rows,
            only: args.only.clone(),
            limit: Duration::from_secs(args.statement_limit),
        };
        let mut migrations = run.read().map_err(|error| error.to_string())?;
        if let Some(reference) = &args.since {
            let changed = since::changed(folder, reference)?;
            let base = if folder.is_dir() { Some(folder.as_path()) } else { folder.parent() };
            let is_new =
                |path: &Path| base.and_then(|it| path.strip_prefix(it).ok()).is_some_and(|it| changed.contains(it));
            migrations.keep(is_new);
        }
        Ok(Self::Sql(run, migrations))
    }

    /// Where the migrations are.
    fn folder(&self) -> &Path {
        match self {
            Self::Sql(run, _) => &run.folder,
            Self::History(folder, _) => folder.path(),
        }
    }

    fn texts(&self) -> Texts {
        let owned = |(file, text): (String, &str)| (file, text.to_owned());
        match self {
            Self::Sql(_, migrations) => migrations.texts().map(owned).collect(),
            Self::History(folder, _) => Dialect::ALL.into_iter().flat_map(|it| folder.texts(it)).map(owned).collect(),
        }
    }

    /// How many migrations are to be observed.
    fn count(&self) -> usize {
        match self {
            Self::Sql(_, migrations) => migrations.count(),
            Self::History(folder, selection) => folder.migrations.iter().filter(|it| selection.has(&it.id)).count(),
        }
    }

    fn list(&self, args: &VerifyArgs) -> Result<String, String> {
        let text = match self {
            Self::Sql(_, migrations) => listing::of_files(migrations.files(), migrations.selection()),
            Self::History(folder, selection) => {
                let asked: Vec<_> = engines(args)?.iter().map(|it| it.dialect).collect();
                let dialects = Dialect::ALL.into_iter().filter(|it| asked.is_empty() || asked.contains(it));
                let files = dialects.map(|it| Ok(listing::of_history(&history_files(folder, it)?, selection)));
                files.collect::<Result<Vec<_>, String>>()?.concat()
            }
        };
        Ok(if text.is_empty() { nothing(args) + "\n" } else { text })
    }
}

/// Why nothing is to be verified.
fn nothing(args: &VerifyArgs) -> String {
    match &args.since {
        Some(reference) => format!("no migration is new or changed against `{reference}`"),
        None => "there are no migrations".to_owned(),
    }
}

async fn verify(work: &Work, args: &VerifyArgs, functions: &Functions) -> Result<Outcome, String> {
    let engines = engines(args)?;
    let mut outcome = Outcome::default();
    if args.since.is_some() && work.count() == 0 {
        return Ok(Outcome { nothing_new: Some(nothing(args)), ..outcome });
    }
    for (engine, server) in start_each(&engines, &args.source).await {
        match server {
            Ok(server) => {
                eprintln!("verifying on {}", server.describe());
                let mut host = Host::Own { engine: engine.clone(), source: args.source.clone(), server };
                match one(work, args, functions, &mut host).await {
                    Ok(verified) => outcome.engines.push(verified),
                    // the other servers may do
                    Err(error @ (RunError::Connection(_) | RunError::Broken(_) | RunError::Server(_))) => {
                        let reason = format!("the server was lost: {error}");
                        outcome.missing.push(Missing { engine: engine.to_string(), reason });
                    }
                    Err(error) => return Err(error.to_string()),
                }
            }
            Err(error) => outcome.missing.push(Missing { engine: engine.to_string(), reason: error.to_string() }),
        }
    }
    match outcome.missing.as_slice() {
        [first, ..] if outcome.engines.is_empty() => Err(first.reason.clone()),
        _ => Ok(outcome),
    }
}

/// The engines that were asked for; those of the files' dialect where there are files.
fn engines(args: &VerifyArgs) -> Result<Vec<EngineSpec>, String> {
    let engines = Engines::flat(&args.engines);
    let Some(dialect) = args.dialect else { return Ok(engines) };
    if let Some(other) = engines.iter().find(|it| it.dialect != dialect) {
        return Err(format!("the files are for {dialect}, and `--engine {other}` is not"));
    }
    Ok(if engines.is_empty() { vec![EngineSpec::any(dialect)] } else { engines })
}

async fn one(
    work: &Work,
    args: &VerifyArgs,
    functions: &Functions,
    host: &mut Host<'_>,
) -> Result<super::outcome::Engine, RunError> {
    match work {
        Work::Sql(run, migrations) => run.run_on(migrations, host).await,
        Work::History(folder, selection) => {
            let server = host.server();
            let limit = Duration::from_secs(args.statement_limit);
            let files = history_files(folder, server.dialect()).map_err(RunError::Setup)?;
            run_history_with(&files, server, args.rows, selection.clone(), functions, limit).await
        }
    }
}

/// The migrations of a folder for one server.
///
/// # Errors
/// A file that is not what was recorded, or is not understood.
pub fn history_files(folder: &Folder, dialect: Dialect) -> Result<Vec<HistoryFile>, String> {
    let recorded = folder.recorded(dialect).map_err(|error| error.to_string())?;
    let named = |migration: pontoon::migration::Migration| {
        let file = folder.file(&migration.id, dialect);
        HistoryFile { migration, file }
    };
    Ok(recorded.into_iter().map(|it| named(it.migration)).collect())
}

/// Writes the report; what did not run is never good.
fn finish(args: &VerifyArgs, outcome: &Outcome) -> Result<ExitCode, String> {
    let colours = if args.output.is_some() { Colours::Off } else { Colours::of_stdout() };
    write(args, &rendered(args.format, outcome, colours)?)?;
    for (format, path) in &args.also {
        write_to(path, &rendered(*format, outcome, Colours::Off)?)?;
    }
    if outcome.nothing_new.is_some() {
        return Ok(ExitCode::SUCCESS);
    }
    if outcome.ran() == 0 {
        return Err("no statement ran, so nothing is verified".into());
    }
    if outcome.violated() {
        return Ok(ExitCode::from(1));
    }
    match outcome.missing.iter().map(|it| it.engine.as_str()).collect::<Vec<_>>()[..] {
        [] => Ok(ExitCode::SUCCESS),
        ref missing => Err(format!("nothing is verified on {}: the report says why", missing.join(", "))),
    }
}

fn rendered(format: Format, outcome: &Outcome, colours: Colours) -> Result<String, String> {
    Ok(match format {
        Format::Text => report::text_with(outcome, colours),
        Format::Json => report::json(outcome).map_err(|error| error.to_string())?,
        Format::Html => report::html(outcome),
        Format::Junit => report::junit(outcome),
        Format::Sarif => report::sarif(outcome).map_err(|error| error.to_string())?,
        Format::Markdown => report::markdown(outcome),
    })
}

fn write(args: &VerifyArgs, text: &str) -> Result<(), String> {
    match &args.output {
        Some(path) => write_to(path, text),
        // who reads the beginning only has all that is asked for
        None => match std::io::stdout().write_all(text.as_bytes()) {
            Err(error) if error.kind() != std::io::ErrorKind::BrokenPipe => {
                Err(format!("the report cannot be written: {error}"))
            }
            _ => Ok(()),
        },
    }
}

fn write_to(path: &Path, text: &str) -> Result<(), String> {
    std::fs::write(path, text).map_err(|error| format!("{} cannot be written: {error}", path.display()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_second_report_is_a_format_and_a_file() {
        assert_eq!(parse_also("html=a=b.html"), Ok((Format::Html, "a=b.html".into())));
        assert!(parse_also("html").unwrap_err().contains("write it as in `--also html=migrations.html`"));
        assert!(parse_also("html=").is_err());
        assert_eq!(parse_also("pdf=x").unwrap_err(), "`pdf` is no format of a report");
    }
}
