//! Pontoon: zero-downtime schema migrations, derived from annotated structs, for PostgreSQL and MySQL.

pub mod def;
pub mod dialect;
pub mod diff;
pub mod drift;
pub mod fingerprint;
pub mod migration;
pub mod operation;
pub mod plan;
pub mod schema;
pub mod snapshot;
pub mod sql_type;

pub use def::{Schema, Table};
pub use dialect::Dialect;
pub use pontoon_macros::Table;
pub use sql_type::{Kind, SqlType};

/// What the derive's expansion names; no part of the API.
#[doc(hidden)]
pub mod __private {
    pub use crate::def::*;
    pub use crate::sql_type::{Kind, SqlType};
}
