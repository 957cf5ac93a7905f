//! The commands of a migration, for an application's own binary and for `cargo xtask migrate`.
//!
//! ```ignore
//! #[tokio::main]
//! async fn main() -> std::process::ExitCode {
//!     pontoon::cli::main(|dialect| MIGRATIONS.load(dialect)).await
//! }
//! ```
//!
//! Exit codes: 0 done, 1 refused or violated, 2 could not run.

mod display;

use std::process::ExitCode;
use std::sync::Arc;
use std::time::Duration;

use clap::{Args, Parser, Subcommand};

use crate::dialect::Dialect;
use crate::exec::backfill::{BackfillOptions, Functions};
use crate::exec::{ExecError, Options, Outcome, Patience, Pool, Runner};
use crate::migration::history::{HistoryError, Recorded};

/// Runs the application's migrations, stage by stage.
#[derive(Debug, Args)]
pub struct MigrateArgs {
    #[command(subcommand)]
    command: Command,
    /// The database: postgres://user:password@host/name or mysql://...
    #[arg(long, env = "DATABASE_URL", hide_env_values = true, global = true)]
    database_url: Option<String>,
    /// How long an attempt stands in the queue for a lock, in milliseconds; others wait behind it
    #[arg(long, global = true, default_value_t = 500, value_parser = clap::value_parser!(u64).range(1..))]
    lock_timeout: u64,
    /// How long one statement may be tried in all, in seconds
    #[arg(long, global = true, default_value_t = 300)]
    budget: u64,
    /// How long a batch of a backfill should take, in milliseconds [default: 8 on PostgreSQL, 20 on MySQL]
    #[arg(long, global = true, value_parser = clap::value_parser!(u64).range(1..))]
    batch: Option<u64>,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Says where the database is and what comes next
    Status,
    /// Adds what new code needs, in ways that old code does not notice
    Expand,
    /// Gives the rows of before their values, in batches
    Backfill,
    /// Proves constraints and builds indexes; then deploy the new code
    Validate,
    /// Takes away what only old code needed; after it there is no way back
    Contract {
        /// Only makes invisible the indexes that go (MySQL), to see how production does without them
        #[arg(long)]
        hide: bool,
    },
    /// Takes back the migration in flight; what was written since stays
    Undo {
        /// Drops new tables even if they have rows by now
        #[arg(long)]
        drop_rows: bool,
    },
    /// Runs all stages of all migrations: for a new database, where no old code runs
    Up,
    /// Notes all migrations up to one as done, without running them
    Baseline {
        /// The last migration that the database has
        #[arg(long, value_name = "ID")]
        to: String,
    },
}

#[derive(Debug, Parser)]
#[command(version, max_term_width = 100)]
struct Cli {
    #[command(flatten)]
    args: MigrateArgs,
}

/// A whole command line: parses the process's arguments and runs them.
pub async fn main(migrations: impl Fn(Dialect) -> Result<Vec<Recorded>, HistoryError>) -> ExitCode {
    run(Cli::parse().args, migrations).await
}

/// As [`main`], with Rust functions for the backfills that name them.
pub async fn main_with(
    functions: Functions,
    migrations: impl Fn(Dialect) -> Result<Vec<Recorded>, HistoryError>,
) -> ExitCode {
    run_with(Cli::parse().args, functions, migrations).await
}

/// Runs one command. `migrations` gives those of the server that the URL names.
pub async fn run(args: MigrateArgs, migrations: impl Fn(Dialect) -> Result<Vec<Recorded>, HistoryError>) -> ExitCode {
    run_with(args, Functions::new(), migrations).await
}

/// As [`run`], with Rust functions for the backfills that name them.
pub async fn run_with(
    args: MigrateArgs,
    functions: Functions,
    migrations: impl Fn(Dialect) -> Result<Vec<Recorded>, HistoryError>,
) -> ExitCode {
    match command(args, functions, migrations).await {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("error: {error}");
            ExitCode::from(error.exit_code())
        }
    }
}

async fn command(
    args: MigrateArgs,
    functions: Functions,
    migrations: impl Fn(Dialect) -> Result<Vec<Recorded>, HistoryError>,
) -> Result<(), ExecError> {
    let url = args.database_url.ok_or_else(|| {
        ExecError::Connect("no database is named\n  help: give `--database-url URL`, or set DATABASE_URL".into())
    })?;
    let pool = Pool::connect_lazy(&url)?;
    let migrations = migrations(pool.dialect()).map_err(|error| ExecError::Refused(error.to_string()))?;
    let options = Options {
        patience: Patience {
            lock_timeout: Duration::from_millis(args.lock_timeout),
            budget: Duration::from_secs(args.budget),
        },
        backfill: BackfillOptions {
            batch: args.batch.map(Duration::from_millis),
            budget: Duration::from_secs(args.budget),
            ..BackfillOptions::default()
        },
        functions,
        undo_drops_rows: matches!(args.command, Command::Undo { drop_rows: true }),
        contract_hides: matches!(args.command, Command::Contract { hide: true }),
        observer: Arc::new(display::Display::new()),
        ..Options::default()
    };
    let runner = Runner::new(pool, migrations, options);
    let outcome = match args.command {
        Command::Status => {
            let status = runner.status().await?;
            print!("{status}");
            return match status.trouble {
                Some(_) => Err(ExecError::Refused("the database and the migrations do not fit".into())),
                None => Ok(()),
            };
        }
        Command::Up => {
            let outcomes = runner.up().await?;
            if outcomes.is_empty() {
                println!("Nothing to do: all migrations are done.");
            }
            outcomes.iter().for_each(tell);
            return Ok(());
        }
        Command::Expand => runner.expand().await?,
        Command::Backfill => runner.backfill().await?,
        Command::Validate => runner.validate().await?,
        Command::Contract { .. } => runner.contract().await?,
        Command::Baseline { to } => {
            runner.baseline(&to).await?;
            println!("Noted: the database is as {to} leaves it.");
            return Ok(());
        }
        Command::Undo { .. } => match runner.undo().await? {
            Outcome::Did { migration, .. } => {
                println!("Undone: {migration}.");
                return Ok(());
            }
            nothing @ Outcome::Nothing(_) => nothing,
        },
    };
    tell(&outcome);
    Ok(())
}

fn tell(outcome: &Outcome) {
    match outcome {
        Outcome::Did { migration, stage } => println!("Done: {stage} of {migration}."),
        Outcome::Nothing(why) => println!("Nothing to do: {why}."),
    }
}
