//! A text is compared and sorted otherwise.
//!
//! Where nothing stands on the column, both servers only note it in their catalogs. Where an index does, they would build that
//! anew while everybody waits (PostgreSQL) or copy the table (MySQL): so it goes by a shadow column, as any other
//! change of type. Two values that are one by the new collation are found before its unique index is built.

use super::change_type::{spelled, stale_plans};
use super::modify::{self, Standing};
use super::{Context, Draft, Refusal, Staging, linked_type};
use crate::dialect::{Dialect, mysql};
use crate::migration::{Algorithm, Fact, Stage};
use crate::schema::{Column, Index, Table};

/// The character set that holds every character of any other.
const WHOLE: &str = "utf8mb4";

/// Whether it is the collation alone that changes.
pub(super) fn alone(context: &Context<'_>, before: &Column, after: &Column) -> bool {
    let collations = [before, after].map(|it| it.ty.collation.of(context.dialect));
    let types = [before, after].map(|it| context.dialect.type_name(&it.ty));
    collations[0] != collations[1] && types[0] == types[1]
}

/// Whether the catalog alone changes.
pub(super) fn in_place(context: &Context<'_>, source: &Table, target: &Table, before: &Column, after: &Column) -> bool {
    let one_set = match context.dialect {
        Dialect::Postgres => true,
        Dialect::MySql => {
            let sets = [before, after].map(|it| it.ty.collation.mysql.as_deref().map(mysql::types::charset));
            sets[0].is_some() && sets[0] == sets[1]
        }
    };
    let (name, dialect) = (&before.name, context.dialect);
    let stands_on = |table: &Table| {
        table.indexes.values().any(|it| it.is_for(dialect) && it.names(name, dialect))
            || table.checks_on(name, dialect).next().is_some()
            || table.columns.iter().any(|it| it.generated.as_ref().is_some_and(|it| it.names(name)))
            || table.partitioned.as_ref().is_some_and(|it| it.columns.contains(name))
    };
    one_set && !stands_on(source) && !stands_on(target)
}

pub(super) fn stage(context: &Context<'_>, table: &Table, before: &Column, after: &Column) -> Result<Staging, Refusal> {
    let mut staging = Staging::default();
    modify::in_place(context, Standing::Before, [&table.name, &after.name], "gets another collation")?;
    let fact = |column: &Column| match column.ty.collation.of(context.dialect) {
        Some(collation) => Fact::Collation(table.name.clone(), column.name.clone(), collation.to_owned()),
        None => Fact::Collation(table.name.clone(), column.name.clone(), "default".to_owned()),
    };
    let claim = || match context.dialect {
        Dialect::Postgres => context.alter(Stage::Expand, &table.name),
        Dialect::MySql => context.mysql_alter(Stage::Expand, &table.name, Algorithm::Inplace),
    };
    let comment =
        "A change of the catalog, since no index is sorted by it. Both codes compare and sort by it from here on.";
    let draft = Draft::new(comment, sql(context, &table.name, after), claim(), fact(after)).undo_until(
        sql(context, &table.name, before),
        claim(),
        fact(before),
        true,
    );
    staging.push(Stage::Expand, draft.step());
    if context.dialect == Dialect::Postgres {
        staging.warnings.push(stale_plans(&table.name, &after.name));
    }
    Ok(staging)
}

fn sql(context: &Context<'_>, table: &str, column: &Column) -> String {
    match context.dialect {
        Dialect::Postgres => {
            let default = if column.ty.collation.postgres.is_none() { " COLLATE \"default\"" } else { "" };
            format!(
                "ALTER TABLE {} ALTER COLUMN {} TYPE {}{default}",
                context.ident(table),
                context.ident(&column.name),
                context.dialect.type_definition(&column.ty)
            )
        }
        Dialect::MySql => {
            let definition = mysql::ddl::column(column, column.nullable, column.default.of(Dialect::MySql));
            mysql::ddl::alter(table, &format!("MODIFY COLUMN {definition}"), "ALGORITHM=INPLACE, LOCK=NONE")
        }
    }
}

/// What is not derived.
pub(super) fn refused(context: &Context<'_>, table: &Table, before: &Column, after: &Column) -> Option<Refusal> {
    let [from, to] = [before, after].map(|it| it.ty.collation.of(context.dialect));
    if from == to {
        return None;
    }
    let place = format!("`{}.{}`", table.name, before.name);
    if linked_type::group(context.source, &table.name, &before.name).is_some() {
        return Some((
            format!(
                "the collation of {place} changes from {} to {}, and it is a key or tied to one by a foreign key",
                spelled(before),
                spelled(after)
            ),
            "keep it as it was; or give the new column a name of its own, and make that the key".to_owned(),
        ));
    }
    if context.dialect == Dialect::Postgres {
        return None;
    }
    let Some(to) = to else {
        return Some((
            format!(
                "{place} has no collation any more, and what MySQL gives it then is the table's, which is not known here"
            ),
            "name it: #[column(collation(mysql = \"utf8mb4_0900_ai_ci\"))] is what MySQL has by itself".to_owned(),
        ));
    };
    let sets = [from, Some(to)].map(|it| it.map(mysql::types::charset));
    (sets[1] != Some(WHOLE) && sets[0] != sets[1]).then(|| {
        (
            format!(
                "the collation of {place} changes to `{to}`, whose character set may not hold what the rows have now"
            ),
            format!("choose a collation of {WHOLE}; or give the new column a name of its own, with a `backfill`"),
        )
    })
}

/// Both unique indexes live until contract.
pub(super) fn unique_by_both(table: &str, column: &str, indexes: &[(&String, &Index)]) -> Option<String> {
    let (name, _) = indexes.iter().find(|(_, it)| it.unique)?;
    Some(format!(
        "until contract, a value of `{table}.{column}` must be unique by its old collation too (index `{name}`)"
    ))
}
