//! `cargo xtask verify-migrations`.

use std::path::PathBuf;
use std::process::ExitCode;

use clap::{Args, ValueEnum};
use pontoon::Dialect;
use pontoon::exec::backfill::Functions;

use super::outcome::Outcome;
use super::run_history::{HistoryFile, run_history_with};
use super::run_sql::{SqlMigrations, SqlRun};
use super::server::{EngineSpec, Server, Source, start_all};
use super::workbench::RunError;
use crate::generate::Folder;
use crate::report;

/// Runs every statement on real servers and says what it locks, rewrites and scans.
#[derive(Debug, Clone, Args)]
pub struct VerifyArgs {
    /// A server to verify on, such as `postgres:17` or `mysql`; may be given several times. Without it, one of each
    #[arg(long = "engine", value_name = "ENGINE")]
    pub engines: Vec<EngineSpec>,
    /// Where servers come from: auto, docker, local, packages, or the URL of a server of yours
    #[arg(long, default_value = "auto", value_name = "SOURCE")]
    pub source: Source,
    /// Observe this migration only; those before it run too
    #[arg(long, value_name = "ID")]
    pub only: Option<String>,
    /// How many rows tables get that hold none
    #[arg(long, default_value_t = 50_000, value_name = "N")]
    pub rows: u64,
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
}

/// How a report is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum Format {
    /// For people
    Text,
    /// For programs
    Json,
}

fn parse_dialect(text: &str) -> Result<Dialect, String> {
    Dialect::from_name(text).ok_or_else(|| format!("`{text}` is none of: postgres, mysql"))
}

/// What is to be verified.
enum Work {
    Sql(SqlRun, SqlMigrations),
    History(Folder),
}

/// Runs the command: exits 0 if all is well, 1 if something is violated, 2 if it could not run.
/// `history` reads the project's own migrations; it is not called with `--sql`.
pub async fn run(
    args: VerifyArgs,
    functions: &Functions,
    history: impl FnOnce() -> Result<Folder, String>,
) -> ExitCode {
    match verify(&args, functions, history).await.and_then(|outcome| finish(&args, &outcome)) {
        Ok(code) => code,
        Err(message) => {
            eprintln!("error: {message}");
            ExitCode::from(2)
        }
    }
}

async fn verify(
    args: &VerifyArgs,
    functions: &Functions,
    history: impl FnOnce() -> Result<Folder, String>,
) -> Result<Outcome, String> {
    let work = match (&args.sql, args.dialect) {
        (Some(folder), Some(dialect)) => {
            let run = SqlRun {
                folder: folder.clone(),
                dialect,
                setup: args.setup.clone(),
                isolated: args.isolated,
                rows: args.rows,
                only: args.only.clone(),
            };
            let migrations = run.read().map_err(|error| error.to_string())?;
            Work::Sql(run, migrations)
        }
        _ => Work::History(history()?),
    };
    let engines = engines(args)?;
    let servers = start_all(&engines, &args.source).await.map_err(|error| error.to_string())?;
    let mut outcome = Outcome::default();
    for server in &servers {
        eprintln!("verifying on {}", server.describe());
        outcome.engines.push(one(&work, args, functions, server).await.map_err(|error| error.to_string())?);
    }
    Ok(outcome)
}

/// The engines that were asked for; those of the files' dialect where there are files.
fn engines(args: &VerifyArgs) -> Result<Vec<EngineSpec>, String> {
    let Some(dialect) = args.dialect else { return Ok(args.engines.clone()) };
    if let Some(other) = args.engines.iter().find(|it| it.dialect != dialect) {
        return Err(format!("the files are for {dialect}, and `--engine {other}` is not"));
    }
    if args.engines.is_empty() {
        return Ok(vec![EngineSpec::any(dialect)]);
    }
    Ok(args.engines.clone())
}

async fn one(
    work: &Work,
    args: &VerifyArgs,
    functions: &Functions,
    server: &Server,
) -> Result<super::outcome::Engine, RunError> {
    match work {
        Work::Sql(run, migrations) => run.run(migrations, server).await,
        Work::History(folder) => {
            let files = history_files(folder, server.dialect()).map_err(RunError::Setup)?;
            if let Some(only) = &args.only
                && !files.iter().any(|it| it.migration.id == *only)
            {
                let known: Vec<_> = files.iter().map(|it| it.migration.id.as_str()).collect();
                return Err(RunError::Setup(format!("there is no migration `{only}`; there are {}", known.join(", "))));
            }
            run_history_with(&files, server, args.rows, args.only.as_deref(), functions).await
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
    let report = match args.format {
        Format::Text => report::text(outcome),
        Format::Json => report::json(outcome).map_err(|error| error.to_string())?,
    };
    match &args.output {
        Some(path) => {
            std::fs::write(path, report).map_err(|error| format!("{} cannot be written: {error}", path.display()))?;
        }
        None => print!("{report}"),
    }
    if outcome.ran() == 0 {
        return Err("no statement ran, so nothing is verified".into());
    }
    Ok(ExitCode::from(u8::from(!outcome.ok())))
}
