//! A new enum: on PostgreSQL a type of its own, before the first column that has it. MySQL keeps the values with
//! each column.
//!
//! The type may be there still, with a table that has been dropped and keeps its rows: then it is that one.

use super::{Context, Draft, Refusal, Staging};
use crate::dialect::{Dialect, postgres};
use crate::migration::{Claim, Fact, Stage};

pub(super) fn stage(context: &Context<'_>, name: &str) -> Result<Staging, Refusal> {
    let mut staging = Staging::default();
    let enums = context.target.enums();
    let Some((it, ..)) = enums.get(name).filter(|_| context.dialect == Dialect::Postgres) else { return Ok(staging) };
    match context.source.kept_enum(name) {
        None => {}
        Some((.., kept)) if kept.values == it.values => return Ok(staging),
        Some((table, dropped, _)) => {
            return Err((
                format!(
                    "enum `{name}` comes with other values than it has in `{}`, which was `{table}` until `{}` dropped it and \
                     keeps its rows",
                    dropped.name, dropped.migration
                ),
                format!(
                    "let that table go for good first (`cargo xtask generate --purge-table {table}`); or give the enum the \
                     values that it had, or another name"
                ),
            ));
        }
    }
    let sql = postgres::ddl::create_enum(&it.name, &it.values);
    let undo = format!("DROP TYPE {}", context.ident(name));
    let draft = Draft::new("A type that no column has yet.", sql, Claim::none(), Fact::Enum(name.to_owned()))
        .undo(undo, Claim::none());
    staging.push(Stage::Expand, draft.step());
    Ok(staging)
}
