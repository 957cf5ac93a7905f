//! The command line.

use std::process::ExitCode;

use clap::{Parser, Subcommand};

use crate::generate::{self, Failure, GenerateArgs};

/// Zero-downtime schema migrations, derived from annotated structs.
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
}

/// The whole of a project's `xtask`. Exits 0 if all is well, 1 if something is violated, 2 if
/// the command could not run.
pub fn main<S: pontoon::Schema>() -> ExitCode {
    match Cli::parse().command {
        Command::Generate(args) => match generate::run::<S>(&args) {
            Ok(text) => {
                println!("{text}");
                ExitCode::SUCCESS
            }
            Err(failure) => {
                eprintln!("error: {failure}");
                ExitCode::from(if matches!(failure, Failure::Refused(_)) { 1 } else { 2 })
            }
        },
    }
}
