//! Measures, and says how. Every figure is a ratio against something run side by side.

mod backfill;
mod derive;
mod load;
mod memory;
mod plan;
mod soak;

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
    /// The memory of the runner while it fills many rows beside clients that write, and that no row is lost
    Soak(soak::SoakArgs),
}

/// Runs one bench.
pub async fn run(args: BenchArgs) -> ExitCode {
    let outcome = match args.what {
        What::Backfill(args) => backfill::run(&args).await,
        What::Derive(args) => derive::run(&args),
        What::Plan(args) => plan::run(&args),
        What::Soak(args) => soak::run(&args).await,
    };
    match outcome {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("error: {error}");
            ExitCode::from(2)
        }
    }
}
