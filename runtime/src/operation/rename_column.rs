//! A column has another name, and perhaps another type.
//!
//! A rename in place would break old code at once, so both names live: a new column mirrors the
//! old one, whichever is written, from expand to contract. Indexes, keys and checks of the new
//! name are operations of their own. The old column goes by [`super::drop_column`], with the triggers,
//! when nothing else stands on it any more.

use super::filled_column::{Before, FilledColumn, Mirrored};
use super::formula::Formula;
use super::narrow::Conversion;
use super::{Context, Refusal, Staging};
use crate::schema::{Column, Table};

pub(super) fn stage(context: &Context<'_>, table: &str, from: &str, to: &str) -> Result<Staging, Refusal> {
    let (before, after) = (&context.source.tables[table], context.table(table));
    let (Some(old), Some(new)) = (before.column(from), after.column(to)) else { return Ok(Staging::default()) };
    let mut staging = Staging::default();
    refuse(context, before, old, new)?;
    let conversion = Conversion::of(context, table, [old, new])?;
    mirrored(context, after, old, new, &conversion).begin(context, &mut staging)?;
    Ok(staging)
}

/// The old column's successor while both live: its value from the old one, and the old one's from it.
pub(super) fn mirrored<'a>(
    context: &Context<'a>,
    table: &'a Table,
    old: &'a Column,
    new: &'a Column,
    conversion: &'a Conversion,
) -> FilledColumn<'a> {
    let names = || context.columns_until_contract(table);
    let before = names().filter(|it| *it != new.name);
    let back = Formula::over(context.dialect, &table.name, &conversion.back, names().filter(|it| *it != old.name));
    let mirrored = Mirrored {
        old: vec![Before { name: &old.name, left_out: None, back }],
        new: vec![(new, Formula::over(context.dialect, &table.name, &conversion.forth, before))],
        named_after: &new.name,
    };
    let filled = FilledColumn::mirrored(context, table, mirrored);
    filled.narrowed(context, conversion.narrowing.as_ref(), &new.name)
}

fn refuse(context: &Context<'_>, table: &Table, old: &Column, new: &Column) -> Result<(), Refusal> {
    let place = format!("`{}.{}`", table.name, old.name);
    let keep = format!("keep the column's name with #[column(name = \"{}\")]", old.name);
    none_refers(context, table, old, &format!("is renamed to `{}`", new.name), &keep)?;
    if old.nullable != new.nullable || old.default != new.default {
        return Err((
            format!("column {place} is renamed to `{}`, and its nullability or default changes too", new.name),
            "do one in this migration and the other in the next: rename the field first, as it is".to_owned(),
        ));
    }
    Ok(())
}

/// What a column cannot be whose value other columns take over: a key, tied to one, or written past the triggers.
pub(super) fn none_refers(
    context: &Context<'_>,
    table: &Table,
    old: &Column,
    what: &str,
    keep: &str,
) -> Result<(), Refusal> {
    let place = format!("`{}.{}`", table.name, old.name);
    if table.primary_key.contains(&old.name) || old.identity {
        return Err((format!("column {place} is part of the primary key, and {what}"), keep.to_owned()));
    }
    let refers = |it: &&Table| {
        it.foreign_keys.values().any(|key| key.references == table.name && key.referenced_columns.contains(&old.name))
    };
    if let Some(other) = context.source.tables.values().find(refers) {
        return Err((
            format!("column {place} {what}, and a foreign key of `{}` refers to it", other.name),
            keep.to_owned(),
        ));
    }
    // on MySQL a cascade passes the triggers by
    let cascades = table.foreign_keys.iter().find(|(_, key)| key.columns.contains(&old.name) && key.writes_rows());
    if let Some((name, _)) = cascades {
        return Err((
            format!("column {place} {what}, and foreign key `{name}` writes it by a cascade"),
            format!("MySQL runs no triggers for cascades, so the new column would not follow: {keep}"),
        ));
    }
    Ok(())
}
