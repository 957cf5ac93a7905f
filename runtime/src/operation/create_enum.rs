//! A new enum: on PostgreSQL a type of its own, before the first column that has it. MySQL keeps the values with
//! each column.

use super::{Context, Draft, Staging};
use crate::dialect::{Dialect, postgres};
use crate::migration::{Claim, Fact, Stage};

pub(super) fn stage(context: &Context<'_>, name: &str) -> Staging {
    let mut staging = Staging::default();
    let enums = context.target.enums();
    let Some((it, ..)) = enums.get(name).filter(|_| context.dialect == Dialect::Postgres) else { return staging };
    let sql = postgres::ddl::create_enum(&it.name, &it.values);
    let undo = format!("DROP TYPE {}", context.ident(name));
    let draft = Draft::new("A type that no column has yet.", sql, Claim::none(), Fact::Enum(name.to_owned()))
        .undo(undo, Claim::none());
    staging.push(Stage::Expand, draft.step());
    staging
}
