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
mod json;

use std::process::ExitCode;
use std::sync::Arc;
use std::time::Duration;

use clap::{Args, Parser, Subcommand};

use crate::dialect::Dialect;
use crate::exec::backfill::{BackfillOptions, Functions, Measure, Replica, Wish};
use crate::exec::{EndBlockers, ExecError, Options, Outcome, Patience, Pool, Runner};
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
    /// How long others may have waited behind all attempts of a migration together, in seconds
    #[arg(long, global = true, default_value_t = 60)]
    blocked_total: u64,
    /// Ends sessions that have sat idle in a transaction for so long, in seconds, and are in the way; without it none is
    #[arg(long, global = true, value_name = "SECONDS")]
    end_idle_blockers: Option<u64>,
    /// The same, also for sessions that are at work
    #[arg(long, global = true, value_name = "SECONDS", conflicts_with = "end_idle_blockers")]
    end_blockers: Option<u64>,
    /// How long a batch of a backfill should take, in milliseconds [default: 8 on PostgreSQL, 20 on MySQL]
    #[arg(long, global = true, value_parser = clap::value_parser!(u64).range(1..))]
    batch: Option<u64>,
    /// How many connections of this process fill a column at the same time; the same command elsewhere adds more
    #[arg(long, global = true, default_value_t = 1, value_parser = clap::value_parser!(u32).range(1..=64))]
    workers: u32,
    /// What backfills give way to: lag=10s, wal=50 (MB a second), archive=32, wraparound, snapshot=10m, threads=50, history=1000000,
    /// latency=200ms, hours=22:00-06:00 (UTC), query=SELECT ...; several are allowed
    #[arg(long = "give-way", global = true, value_name = "MEASURE")]
    give_way: Vec<Measure>,
    /// The URL of a replica whose lag counts; without any, those that the server knows
    #[arg(long = "replica", global = true, value_name = "URL")]
    replicas: Vec<String>,
    /// PostgreSQL: keeps the table small while it is filled, by more passes over each page and a VACUUM after each tenth
    #[arg(long, global = true)]
    disk_short: bool,
    /// MySQL: how many times its size a table may have after a backfill that does not fit into its pages, such as 2.3
    #[arg(long, global = true, value_name = "TIMES")]
    accept_growth: Option<f64>,
    /// MySQL: writes only what has changed to the binary log; not for a log that others read rows from
    #[arg(long, global = true)]
    minimal_binlog: bool,
    /// MySQL: lets threads of the server write its redo log while a table is filled, so that nobody's commit stands for 100 ms
    #[arg(long, global = true)]
    log_writer_threads: bool,
    /// How to tell what happens: for people, or as one JSON object a line on standard output
    #[arg(long, global = true, value_enum, default_value_t = Events::Text)]
    events: Events,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
enum Events {
    Text,
    Json,
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
    /// Makes all backfills of the database stop after their batch, and wait
    Pause,
    /// Lets backfills go on that wait
    Resume,
    /// Makes backfills run so much of the time; `--batch` sets how long their batches take
    Speed {
        /// From 1 to 100, which is all the time
        #[arg(value_parser = clap::value_parser!(u32).range(1..=100), value_name = "PERCENT")]
        percent: u32,
    },
    /// Makes all backfills of the database stop after their batch, and end; what is filled stays
    Abort,
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
            blocked_total: Duration::from_secs(args.blocked_total),
            end_blockers: args.end_blockers.or(args.end_idle_blockers).map(|seconds| EndBlockers {
                after: Duration::from_secs(seconds),
                active: args.end_blockers.is_some(),
            }),
            ..Patience::default()
        },
        backfill: BackfillOptions {
            batch: args.batch.map(Duration::from_millis),
            budget: Duration::from_secs(args.budget),
            workers: args.workers,
            disk_short: args.disk_short,
            accept_growth: args.accept_growth,
            minimal_binlog: args.minimal_binlog,
            log_writer_threads: args.log_writer_threads,
            give_way: with_replicas(args.give_way, args.replicas)?,
            ..BackfillOptions::default()
        },
        functions,
        undo_drops_rows: matches!(args.command, Command::Undo { drop_rows: true }),
        contract_hides: matches!(args.command, Command::Contract { hide: true }),
        observer: match args.events {
            Events::Text => Arc::new(display::Display::new()),
            Events::Json => Arc::new(json::Json),
        },
        ..Options::default()
    };
    let json = args.events == Events::Json;
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
        Command::Pause => return ask(&runner, Wish::Pause).await,
        Command::Resume => return ask(&runner, Wish::Resume).await,
        Command::Abort => return ask(&runner, Wish::Abort).await,
        Command::Speed { percent } => {
            return ask(&runner, Wish::Speed(percent, args.batch.map(Duration::from_millis))).await;
        }
        Command::Up => {
            let outcomes = runner.up().await?;
            if json {
                outcomes.iter().for_each(json::outcome);
            } else if outcomes.is_empty() {
                println!("Nothing to do: all migrations are done.");
            } else {
                outcomes.iter().for_each(tell);
            }
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
    if json {
        json::outcome(&outcome)
    } else {
        tell(&outcome)
    }
    Ok(())
}

async fn ask(runner: &Runner, wish: Wish) -> Result<(), ExecError> {
    let user = ["USER", "LOGNAME", "USERNAME"].iter().find_map(|it| std::env::var(it).ok());
    let who = user.unwrap_or_else(|| format!("process {}", std::process::id()));
    runner.ask(wish, &who).await?;
    println!("Backfills of this database are {wish}.");
    Ok(())
}

/// Replicas that were named belong to the bound of their lag.
fn with_replicas(mut measures: Vec<Measure>, urls: Vec<String>) -> Result<Vec<Measure>, ExecError> {
    let named: Vec<_> = urls.into_iter().map(Replica).collect();
    if named.is_empty() {
        return Ok(measures);
    }
    let lag = measures.iter_mut().find_map(|it| match it {
        Measure::Lag { replicas, .. } => Some(replicas),
        _ => None,
    });
    let none = || {
        ExecError::Refused(
            "`--replica` says whose lag counts, and not how much\n  help: add `--give-way lag=10s`".into(),
        )
    };
    *lag.ok_or_else(none)? = named;
    Ok(measures)
}

fn tell(outcome: &Outcome) {
    match outcome {
        Outcome::Did { migration, stage } => println!("Done: {stage} of {migration}."),
        Outcome::Nothing(why) => println!("Nothing to do: {why}."),
    }
}
