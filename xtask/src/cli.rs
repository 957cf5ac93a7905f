//! The command line.

use std::process::ExitCode;

use clap::{Parser, Subcommand};
use pontoon::cli::MigrateArgs;
use pontoon::exec::backfill::Functions;
use pontoon::migration::history::HistoryError;

use crate::bench::{self, BenchArgs};
use crate::generate::{self, Failure, Folder, GenerateArgs};
use crate::verify::command::{self as verify, VerifyArgs};

/// Zero-downtime schema migrations, derived from annotated structs.
///
/// Exits 0 if all is well, 1 if something is violated or refused, 2 if the command could not run.
#[derive(Debug, Parser)]
#[command(name = "cargo xtask", bin_name = "cargo xtask", version, max_term_width = 100)]
struct Cli {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Writes the migration from the last snapshot to the structs
    Generate(GenerateArgs),
    /// Runs every statement on real servers and says what it locks, rewrites and scans
    VerifyMigrations(VerifyArgs),
    /// Runs migrations on a database, stage by stage
    Migrate(MigrateArgs),
    /// Measures, and says how
    Bench(BenchArgs),
}

/// The whole of a project's `xtask`. Exits 0 if all is well, 1 if something is violated, 2 if
/// the command could not run.
pub fn main<S: pontoon::Schema>() -> ExitCode {
    main_with::<S>(Functions::new())
}

/// As [`main`], with the Rust functions that backfills name (`#[column(backfill_fn = "...")]`).
pub fn main_with<S: pontoon::Schema>(functions: Functions) -> ExitCode {
    match Cli::parse().command {
        Command::Generate(args) => generate::<S>(&args),
        Command::VerifyMigrations(args) => block_on(verify::run(args, &functions, || {
            Folder::read(&generate::migrations_dir::<S>()).map_err(|failure| failure.to_string())
        })),
        Command::Migrate(args) => block_on(migrate::<S>(args, functions)),
        Command::Bench(args) => block_on(bench::run(args)),
    }
}

fn generate<S: pontoon::Schema>(args: &GenerateArgs) -> ExitCode {
    match generate::run::<S>(args) {
        Ok(text) => {
            println!("{text}");
            ExitCode::SUCCESS
        }
        Err(failure) => failed(&failure),
    }
}

fn failed(failure: &Failure) -> ExitCode {
    eprintln!("error: {failure}");
    ExitCode::from(if matches!(failure, Failure::Refused(_)) { 1 } else { 2 })
}

async fn migrate<S: pontoon::Schema>(args: MigrateArgs, functions: Functions) -> ExitCode {
    let folder = match Folder::read(&generate::migrations_dir::<S>()) {
        Ok(folder) => folder,
        Err(failure) => return failed(&failure),
    };
    pontoon::cli::run_with(args, functions, |dialect| -> Result<_, HistoryError> { folder.recorded(dialect) }).await
}

fn block_on(work: impl Future<Output = ExitCode>) -> ExitCode {
    match tokio::runtime::Builder::new_multi_thread().enable_all().build() {
        Ok(runtime) => runtime.block_on(work),
        Err(error) => {
            eprintln!("error: no runtime: {error}");
            ExitCode::from(2)
        }
    }
}
