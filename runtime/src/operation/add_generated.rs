//! A new column that the server computes.
//!
//! MySQL computes a virtual one when it is read: a change of its catalog. One that is stored is written into every
//! row at once, and neither server has a way to do that beside readers and writers: MySQL copies the table while writers
//! wait, PostgreSQL writes it anew while everybody does. So that is done only where it holds few rows. Triggers
//! that keep an ordinary column right would not be the column that was asked for. Where the table has an index of an
//! expression, which is one over a hidden virtual column, MySQL copies it for another virtual one too (error 1846).

use super::{Context, Draft, Refusal, Staging, copy};
use crate::def::ReferentialAction;
use crate::dialect::{Dialect, columns_in, mysql, postgres};
use crate::migration::{Algorithm, Claim, Extent, Fact, LockMode, Stage};
use crate::schema::{Column, ForeignKey, Table};

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
    not_over_a_cascade(context, table, column, on_read)?;
    let hidden = hidden_column(context, Stage::Expand, &table.name);
    let at_once = on_read && hidden.is_none();
    if !at_once {
        copied(context, table, column, hidden.filter(|_| on_read), &mut staging)?;
    }
    let comment = if at_once { "A change of the catalog; no row is touched." } else { "Writes every row." };
    staging.push(Stage::Expand, add(context, table, column, comment, at_once).step());
    Ok(staging)
}

/// MySQL: a foreign key that goes does so in contract, and until then takes no such column over its own (1215). One that stays
/// is a mistake of the struct.
fn not_over_a_cascade(context: &Context<'_>, table: &Table, column: &Column, on_read: bool) -> Result<(), Refusal> {
    let sql = column.generated.as_ref().and_then(|it| it.sql.of(Dialect::MySql));
    let (Some(sql), Some(before)) = (sql, context.source.tables.get(&table.name)) else { return Ok(()) };
    if context.dialect != Dialect::MySql {
        return Ok(());
    }
    let in_the_way = |key: &ForeignKey| {
        let cascades = key.writes_rows() || !on_read && key.on_delete == ReferentialAction::Cascade;
        cascades && !columns_in(sql, key.columns.iter().map(String::as_str)).is_empty()
    };
    match before.foreign_keys.iter().find(|(_, key)| in_the_way(key)) {
        None => Ok(()),
        Some((name, _)) => Err((
            format!(
                "column `{}.{}` is new, and generated over a column whose foreign key `{name}` stands until contract and acts by a \
                 cascade: MySQL takes none such",
                table.name, column.name
            ),
            "remove the foreign key in this migration, and add the column in the next".to_owned(),
        )),
    }
}

/// The statement that drops it, and its claim.
pub(super) fn drop(context: &Context<'_>, stage: Stage, table: &str, column: &Column) -> (String, Claim) {
    let what = format!("DROP COLUMN {}", context.ident(&column.name));
    let on_read = column.generated.as_ref().is_some_and(|it| it.computed_on_read);
    match context.dialect {
        Dialect::Postgres => (format!("ALTER TABLE {} {what}", context.ident(table)), context.alter(stage, table)),
        Dialect::MySql if on_read && hidden_column(context, stage, table).is_some() => (
            mysql::ddl::alter(table, &what, "ALGORITHM=INPLACE, LOCK=NONE"),
            context.mysql_alter(stage, table, Algorithm::Inplace),
        ),
        Dialect::MySql => (mysql::ddl::alter(table, &what, "ALGORITHM=INSTANT"), context.alter(stage, table)),
    }
}

/// MySQL: the index that has a hidden virtual column at that stage.
fn hidden_column<'a>(context: &Context<'a>, stage: Stage, table: &str) -> Option<&'a str> {
    // indexes come in validate
    let new = Some(context.target).filter(|_| stage == Stage::Contract);
    let tables = [Some(context.source), new].into_iter().flatten().filter_map(|it| it.tables.get(table));
    let mut indexes = tables.filter(|_| context.dialect == Dialect::MySql).flat_map(|it| &it.indexes);
    let found = indexes.find(|(_, it)| it.is_for(Dialect::MySql) && it.has_expressions());
    found.map(|(name, _)| name.as_str())
}

fn copied(
    context: &Context<'_>,
    table: &Table,
    column: &Column,
    hidden: Option<&str>,
    staging: &mut Staging,
) -> Result<(), Refusal> {
    let place = format!("`{}.{}`", table.name, column.name);
    let effect = match (context.dialect, hidden) {
        (Dialect::MySql, Some(index)) => format!(
            "the virtual column {place} copies its table, and writers wait for the whole copy, since index `{index}` is of an \
             expression"
        ),
        (Dialect::Postgres, _) => format!(
            "the stored column {place} writes its table anew, and readers and writers wait for all of it; there is no other \
             way to such a column in every version"
        ),
        (Dialect::MySql, None) => format!(
            "the stored column {place} copies its table, and writers wait for the whole copy; one that is `virtual` does not"
        ),
    };
    copy::allowed(context, Stage::Expand, &table.name, &effect, staging)
}

fn add(context: &Context<'_>, table: &Table, column: &Column, comment: &str, at_once: bool) -> Draft {
    let name = &table.name;
    let brief = context.alter(Stage::Expand, name);
    let (undo, undo_claim) = drop(context, Stage::Expand, name, column);
    let (sql, claim) = match context.dialect {
        Dialect::Postgres => {
            let definition = postgres::ddl::column(column, column.nullable, None);
            let claim = Claim::none().lock(name, LockMode::AccessExclusive).rewrite(name).scan(name);
            (
                format!("ALTER TABLE {} ADD COLUMN {definition}", context.ident(name)),
                claim.blocking(Extent::Rows, Extent::Rows),
            )
        }
        Dialect::MySql => {
            let definition = mysql::ddl::column(column, column.nullable, None);
            let what = format!("ADD COLUMN {definition}");
            (
                if at_once {
                    mysql::ddl::alter(name, &what, "ALGORITHM=INSTANT")
                } else {
                    copy::mysql_sql(name, &what)
                },
                if at_once { brief } else { copy::mysql_claim(context, Stage::Expand, name) },
            )
        }
    };
    Draft::new(comment, sql, claim, Fact::Column(name.clone(), column.name.clone())).undo(undo, undo_claim)
}
