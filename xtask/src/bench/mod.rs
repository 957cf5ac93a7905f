//! Measures, and says how. Every figure is a ratio against something run side by side.

mod backfill;
mod derive;
mod load;
mod plan;

use std::process::ExitCode;

use clap::{Args, Subcommand};

/// What to measure.
#[derive(Debug, Args)]
pub struct BenchArgs {
    #[command(subcommand)]
    what: What,
}

#[derive(Debug, Subcommand)]
enum What {
    /// The rows a second of a backfill, against one plain UPDATE, and what clients feel meanwhile
    Backfill(backfill::BackfillArgs),
    /// The build seconds that the derive adds, against `serde::Serialize` on the same structs
    Derive(derive::DeriveArgs),
    /// The seconds that planning takes for schemas of three sizes
    Plan(plan::PlanArgs),
}

/// Runs one bench.
pub async fn run(args: BenchArgs) -> ExitCode {
    let outcome = match args.what {
        What::Backfill(args) => backfill::run(&args).await,
        What::Derive(args) => derive::run(&args),
        What::Plan(args) => plan::run(&args),
    };
    match outcome {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("error: {error}");
            ExitCode::from(2)
        }
    }
}
