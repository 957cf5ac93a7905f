//! The generated SQL under review, as insta snapshots in a project's own tests.

use crate::dialect::Dialect;
use crate::migration::Embedded;

/// One file to review.
#[derive(Debug, Clone, Copy)]
pub struct File {
    /// The migration's name.
    pub id: &'static str,
    /// `postgres` or `mysql`.
    pub server: &'static str,
    /// The text, exactly as it will run.
    pub sql: &'static str,
}

/// Every file of every migration.
pub fn files(migrations: &Embedded) -> impl Iterator<Item = File> {
    migrations.migrations.iter().flat_map(|it| {
        [(Dialect::Postgres, it.postgres), (Dialect::MySql, it.mysql)].map(|(dialect, file)| File {
            id: it.id,
            server: dialect.name(),
            sql: file.sql,
        })
    })
}

/// Compares every migration's SQL, exactly as it will run, with its insta snapshot:
///
/// ```ignore
/// #[test]
/// fn migrations() {
///     pontoon::review!(my_app::MIGRATIONS);
/// }
/// ```
///
/// The project has `insta` among its dev-dependencies. `cargo insta review` shows what is new.
/// Settings that are bound around the call (such as the snapshots' folder) are kept.
#[macro_export]
macro_rules! review {
    ($migrations:expr) => {
        for file in $crate::review::files(&$migrations) {
            let mut settings = ::insta::Settings::clone_current();
            settings.set_prepend_module_to_snapshot(false);
            settings.set_omit_expression(true);
            settings.set_snapshot_suffix(file.server);
            settings.bind(|| ::insta::assert_snapshot!(file.id, file.sql));
        }
    };
}
