//! `cargo xtask generate`, `verify-migrations`, `migrate` and `bench`, for a schema derived with Pontoon.
//!
//! A project's `xtask/src/main.rs` is one call:
//!
//! ```ignore
//! fn main() -> std::process::ExitCode {
//!     pontoon_xtask::main::<shop::Shop>()
//! }
//! ```

pub mod bench;
pub mod cli;
pub mod generate;
pub mod report;
pub mod verify;

pub use cli::{main, main_with};
