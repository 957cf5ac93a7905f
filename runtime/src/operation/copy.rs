//! What a server cannot do beside its clients: they wait while it reads or copies a whole table.
//!
//! It needs the author's word, which says up to how many rows (`generate --copy-rows`): without it the change is
//! refused before there is a migration, and with it a server refuses to run it on a larger table.

use super::{Context, Refusal, Staging};
use crate::dialect::{Dialect, mysql};
use crate::migration::{Algorithm, Assertion, Claim, Extent, LockClause, Stage, Step};

/// The assertion that the table is no larger than the author said, and a warning of what waits; or the refusal, where
/// nothing was said. `effect` tells what is done to which table, who waits, and the way round if there is one.
pub(super) fn allowed(
    context: &Context<'_>,
    stage: Stage,
    table: &str,
    effect: &str,
    staging: &mut Staging,
) -> Result<(), Refusal> {
    let server = match context.dialect {
        Dialect::Postgres => "PostgreSQL",
        Dialect::MySql => "MySQL",
    };
    let Some(rows) = context.intents.copy_rows else {
        return Err((
            format!("{server}: {effect}"),
            "if that is meant, say up to how many rows: `cargo xtask generate --copy-rows N`; a larger table is then left alone"
                .to_owned(),
        ));
    };
    staging.push(stage, Step::Assertion(small_enough(context, table, rows)));
    staging
        .warnings
        .push(format!("{server}: {effect}. It is refused where there are more than {rows} rows (`--copy-rows`)"));
    Ok(())
}

fn small_enough(context: &Context<'_>, table: &str, rows: u64) -> Assertion {
    let who = match context.dialect {
        Dialect::Postgres => "readers and writers",
        Dialect::MySql => "writers",
    };
    Assertion {
        message: format!(
            "table `{table}` has more than {rows} rows, and {who} would wait while all of them are read; if that is meant, \
             make the migration anew with `cargo xtask generate --rebase ID --copy-rows N`. Rows counted"
        ),
        sql: format!(
            "SELECT COUNT(*) FROM (SELECT 1 FROM {} LIMIT {}) AS counted HAVING COUNT(*) > {rows}",
            context.ident(table),
            rows.saturating_add(1)
        ),
        on_way_back: false,
        grace: None,
        line: 0,
    }
}

/// The claim of a MySQL ALTER that copies: reads go on, writers wait for the whole copy.
pub(super) fn mysql_claim(context: &Context<'_>, stage: Stage, table: &str) -> Claim {
    context
        .mysql_alter(stage, table, Algorithm::Copy)
        .how(Algorithm::Copy, LockClause::Shared)
        .rewrite(table)
        .scan(table)
        .blocking(Extent::Brief, Extent::Rows)
}

/// A MySQL ALTER that copies.
pub(super) fn mysql_sql(table: &str, what: &str) -> String {
    mysql::ddl::alter(table, what, "ALGORITHM=COPY, LOCK=SHARED")
}
