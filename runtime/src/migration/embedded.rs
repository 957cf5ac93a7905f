//! The migrations, as an application embeds them.

use super::history::{Entry, HistoryError, Recorded, load};
use crate::dialect::Dialect;

/// What `migrations/index.rs` holds: an expression of this type, written by `cargo xtask generate`.
#[derive(Debug, Clone, Copy)]
pub struct Embedded {
    /// The migrations, in their order.
    pub migrations: &'static [EmbeddedMigration],
    /// Each table's number, by name ([`crate::fingerprint::of_table`]).
    pub tables: &'static [(&'static str, u64)],
    /// Each column's number, by table and column ([`crate::fingerprint::of_column`]).
    pub columns: &'static [(&'static str, &'static str, u64)],
}

/// One migration.
#[derive(Debug, Clone, Copy)]
pub struct EmbeddedMigration {
    /// `NNNN_name`
    pub id: &'static str,
    /// Its file for PostgreSQL.
    pub postgres: EmbeddedFile,
    /// Its file for MySQL.
    pub mysql: EmbeddedFile,
}

/// One file.
#[derive(Debug, Clone, Copy)]
pub struct EmbeddedFile {
    /// SHA-256 as it was recorded, in hexadecimal digits.
    pub sha256: &'static str,
    /// The text.
    pub sql: &'static str,
}

impl Embedded {
    /// The migrations for one server.
    ///
    /// # Errors
    /// The first that is not what was recorded, or is not understood.
    pub fn load(&self, dialect: Dialect) -> Result<Vec<Recorded>, HistoryError> {
        let files: Vec<_> = self.migrations.iter().map(|it| format!("{}/{dialect}.sql", it.id)).collect();
        let entries: Vec<_> = self
            .migrations
            .iter()
            .zip(&files)
            .map(|(it, file)| {
                let EmbeddedFile { sha256, sql } = match dialect {
                    Dialect::Postgres => it.postgres,
                    Dialect::MySql => it.mysql,
                };
                Entry { id: it.id, file, sha256, sql }
            })
            .collect();
        load(dialect, &entries)
    }
}

/// Embeds an application's migrations, and stops its build when its structs have changes that
/// no migration makes.
///
/// ```ignore
/// pontoon::migrations! { pub MIGRATIONS: shop::Shop = "migrations/index.rs" }
/// ```
///
/// The path is relative to the crate's `Cargo.toml`. Put this into the application, not into
/// the crate of the structs: that one is linked by `cargo xtask generate`, which mends a drift.
#[macro_export]
macro_rules! migrations {
    ($(#[$meta:meta])* $vis:vis $name:ident: $schema:ty = $path:literal) => {
        $(#[$meta])*
        $vis const $name: $crate::migration::Embedded =
            ::core::include!(::core::concat!(::core::env!("CARGO_MANIFEST_DIR"), "/", $path));

        // a large schema is compared in linear time, and still in more steps than the lint expects
        #[allow(long_running_const_eval)]
        const _: () = $crate::drift::assert_none(<$schema as $crate::def::Schema>::TABLES, &$name);
    };
}
