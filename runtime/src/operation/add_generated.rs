//! A new column that the server computes.
//!
//! MySQL computes a virtual one when it is read: a change of its catalog. One that is stored is written into every
//! row at once, and neither server has a way to do that beside readers and writers: MySQL copies the table while writers
//! wait, PostgreSQL writes it anew while everybody does. So that is done only where it holds few rows. Triggers
//! that keep an ordinary column right would not be the column that was asked for.

use super::add_check::{mysql_claim, small_enough};
use super::{Context, Draft, Refusal, Staging};
use crate::dialect::{Dialect, mysql, postgres};
use crate::migration::{Claim, Extent, Fact, LockMode, Stage, Step};
use crate::schema::{Column, Table};

pub(super) fn stage(context: &Context<'_>, table: &Table, column: &Column) -> Result<Staging, Refusal> {
    let mut staging = Staging::default();
    let on_read = context.dialect == Dialect::MySql && column.generated.as_ref().is_some_and(|it| it.computed_on_read);
    if on_read && !column.nullable {
        return Err((
            format!(
                "column `{}.{}` is new, generated when it is read, and takes no NULL, which MySQL believes without a look at the rows",
                table.name, column.name
            ),
            "make the field an `Option`, or leave `virtual` out".to_owned(),
        ));
    }
    if !on_read {
        copied(context, table, column, &mut staging);
    }
    let comment = if on_read { "A change of the catalog; no row is touched." } else { "Writes every row." };
    staging.push(Stage::Expand, add(context, table, column, comment, on_read).step());
    Ok(staging)
}

fn copied(context: &Context<'_>, table: &Table, column: &Column, staging: &mut Staging) {
    let mut small = small_enough(context, &table.name);
    if context.dialect == Dialect::Postgres {
        small.message = small.message.replacen("writers would wait", "readers and writers would wait", 1);
    }
    staging.push(Stage::Expand, Step::Assertion(small));
    let (place, rows) = (format!("`{}.{}`", table.name, column.name), context.copy_rows());
    staging.warnings.push(match context.dialect {
        Dialect::Postgres => format!(
            "PostgreSQL: the stored column {place} writes its table anew, and readers and writers wait for all of it; there is \
             no other way to such a column in every version. It is refused where there are more than {rows} rows (`--copy-rows`)"
        ),
        Dialect::MySql => format!(
            "MySQL: the stored column {place} copies its table, and writers wait for the whole copy; one that is `virtual` \
             does not. It is refused where there are more than {rows} rows (`--copy-rows`)"
        ),
    });
}

fn add(context: &Context<'_>, table: &Table, column: &Column, comment: &str, on_read: bool) -> Draft {
    let (name, ident) = (&table.name, context.ident(&column.name));
    let brief = context.alter(Stage::Expand, name);
    let (sql, undo, claim) = match context.dialect {
        Dialect::Postgres => {
            let definition = postgres::ddl::column(column, column.nullable, None);
            let claim = Claim::none().lock(name, LockMode::AccessExclusive).rewrite(name).scan(name);
            (
                format!("ALTER TABLE {} ADD COLUMN {definition}", context.ident(name)),
                format!("ALTER TABLE {} DROP COLUMN {ident}", context.ident(name)),
                claim.blocking(Extent::Rows, Extent::Rows),
            )
        }
        Dialect::MySql => {
            let definition = mysql::ddl::column(column, column.nullable, None);
            let how = if on_read { "ALGORITHM=INSTANT" } else { "ALGORITHM=COPY, LOCK=SHARED" };
            (
                mysql::ddl::alter(name, &format!("ADD COLUMN {definition}"), how),
                mysql::ddl::alter(name, &format!("DROP COLUMN {ident}"), "ALGORITHM=INSTANT"),
                if on_read { brief.clone() } else { mysql_claim(context, Stage::Expand, name) },
            )
        }
    };
    Draft::new(comment, sql, claim, Fact::Column(name.clone(), column.name.clone())).undo(undo, brief)
}
