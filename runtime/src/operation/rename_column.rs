//! A column has another name, and perhaps another type.
//!
//! A rename in place would break old code at once, so both names live: a new column mirrors the
//! old one, whichever is written, from expand to contract. Indexes, keys and checks of the new
//! name are operations of their own. The old column goes by [`super::drop_column`], with the triggers,
//! when nothing else stands on it any more.

use super::change_type::expressions;
use super::filled_column::{FilledColumn, Pair, Source};
use super::formula::Formula;
use super::{Context, Refusal, Staging};
use crate::schema::{Column, Table};

pub(super) fn stage(context: &Context<'_>, table: &str, from: &str, to: &str) -> Result<Staging, Refusal> {
    let (before, after) = (&context.source.tables[table], context.table(table));
    let (Some(old), Some(new)) = (before.column(from), after.column(to)) else { return Ok(Staging::default()) };
    let mut staging = Staging::default();
    refuse(context, before, old, new)?;
    let expressions = expressions(context, table, [old, new])?;
    mirrored(context, after, old, new, &expressions).begin(context, &mut staging)?;
    Ok(staging)
}

/// The old column's successor while both live: its value from the old one, and the old one's from it.
pub(super) fn mirrored<'a>(
    context: &Context<'a>,
    table: &'a Table,
    old: &'a Column,
    new: &'a Column,
    [forth, back]: &'a [String; 2],
) -> FilledColumn<'a> {
    let names = context.columns_before_contract(table);
    let before = names.clone().filter(|it| *it != new.name);
    let after = names.filter(|it| *it != old.name);
    let pair = Pair {
        old: &old.name,
        forth: Formula::over(context.dialect, &table.name, forth, before),
        back: Formula::over(context.dialect, &table.name, back, after),
        named_after: &new.name,
    };
    FilledColumn::new(context, table, new, Source::Mirror(pair))
}

fn refuse(context: &Context<'_>, table: &Table, old: &Column, new: &Column) -> Result<(), Refusal> {
    let place = format!("`{}.{}`", table.name, old.name);
    let keep = format!("keep the column's name with #[column(name = \"{}\")]", old.name);
    if table.primary_key.contains(&old.name) || old.identity {
        return Err((format!("column {place} is part of the primary key, and is renamed to `{}`", new.name), keep));
    }
    if old.nullable != new.nullable || old.default != new.default {
        return Err((
            format!("column {place} is renamed to `{}`, and its nullability or default changes too", new.name),
            "do one in this migration and the other in the next: rename the field first, as it is".to_owned(),
        ));
    }
    let refers = |it: &&Table| {
        it.foreign_keys.values().any(|key| key.references == table.name && key.referenced_columns.contains(&old.name))
    };
    if let Some(other) = context.source.tables.values().find(refers) {
        return Err((
            format!("column {place} is renamed to `{}`, and a foreign key of `{}` refers to it", new.name, other.name),
            keep,
        ));
    }
    // on MySQL a cascade passes the triggers by
    let cascades = table.foreign_keys.iter().find(|(_, key)| key.columns.contains(&old.name) && key.writes_rows());
    if let Some((name, _)) = cascades {
        return Err((
            format!("column {place} is renamed to `{}`, and foreign key `{name}` writes it by a cascade", new.name),
            format!("MySQL runs no triggers for cascades, so the new column would not follow: {keep}"),
        ));
    }
    Ok(())
}
