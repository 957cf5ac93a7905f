//! Zero-downtime schema migrations for PostgreSQL and MySQL, derived from annotated structs, run
//! in stages with a batched backfill, and proven on real servers for what they lock.
//!
//! ```
//! use pontoon::Table;
//!
//! #[derive(Table)]
//! #[table(name = "users")]
//! pub struct User {
//!     #[column(primary_key, identity)]
//!     pub id: i64,
//!     #[column(unique, length = 320)]
//!     pub email: String,
//!     #[column(length = 64, backfill(
//!         postgres = "split_part(email, '@', 1)",
//!         mysql = "substring_index(email, '@', 1)"))]
//!     pub display_name: String,
//! }
//!
//! pontoon::schema! { pub Shop { User } }
//! ```
//!
//! `cargo xtask generate` (from the crate `pontoon-xtask`) writes the migrations of such a schema,
//! [`migrations!`] embeds them into the application, and `pontoon::exec` runs them. `ARCHITECTURE.md`
//! beside this crate's manifest is the map of the code.

#[cfg(all(feature = "cli", feature = "exec"))]
pub mod cli;
pub mod def;
pub mod dialect;
pub mod diff;
pub mod drift;
#[cfg(feature = "exec")]
pub mod exec;
pub mod fingerprint;
pub mod migration;
pub mod operation;
pub mod plan;
pub mod review;
pub mod schema;
pub mod snapshot;
pub mod sql_type;

pub use def::{Schema, Table};
pub use dialect::Dialect;
pub use pontoon_macros::{Enum, Table};
pub use sql_type::{Kind, SqlType};

/// What the derive's expansion names; no part of the API.
#[doc(hidden)]
pub mod __private {
    pub use crate::def::*;
    pub use crate::sql_type::{Kind, SqlType};
}
