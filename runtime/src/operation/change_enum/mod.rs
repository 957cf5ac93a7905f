//! An enum loses values, renames them or has them in another order; on MySQL also: gets some among the others.
//!
//! PostgreSQL renames a value in its catalog, for all columns at once: so it is where nothing else changes but
//! that values are added. It has no way to take a value from a type or to move it. MySQL adds values at the end of a
//! column's list, and copies the table for everything else. So there each column that has the enum gets a shadow, as
//! in [`super::change_type`]: it follows the column from expand on, is filled, and gets the column's indexes;
//! in validate the two swap their names, on PostgreSQL all of them in one transaction and together with the types.
//! Until contract the old columns follow, for the way back.
//!
//! The old type is given the new values as well, so that the old column holds whatever new code writes.
//!
//! One name has one list of values at a time. Up to the swap that is the old one, and old code lives as it did; from then
//! on it is the new one. There is no list in between that takes the values of both: neither server can shorten it
//! again but by another shadow of every column, and old code would read the new values all the same.

mod relabel;
mod shadow;
mod swap;

pub(crate) use relabel::Relabel;

use super::add_enum_values::add_value;
use super::change_type::{checks_on, in_a_text, indexes_on, named_by_check, other_changed, with_another};
use super::modify::{self, Standing};
use super::{Context, Draft, Refusal, Staging, implicit_key, linked_type};
use crate::dialect::{Dialect, mysql};
use crate::migration::{Claim, Fact, Stage};
use crate::schema::{Column, ColumnType, Enumeration, Table};
use shadow::Shadow;

/// A column that has the enum.
struct Member<'a> {
    source: &'a Table,
    target: &'a Table,
    before: &'a Column,
    after: &'a Column,
}

impl Member<'_> {
    fn place(&self) -> String {
        format!("`{}.{}`", self.target.name, self.after.name)
    }
}

/// Whether both have the same enum, with other values.
pub(super) fn is_one(before: &Column, after: &Column) -> bool {
    match (&before.ty.enumeration, &after.ty.enumeration) {
        (Some(before), Some(after)) => before.name == after.name && before.values != after.values,
        _ => false,
    }
}

/// All columns at once, where the first one's turn is.
pub(super) fn stage(
    context: &Context<'_>,
    [table, column]: [&str; 2],
    [before, after]: [&Enumeration; 2],
) -> Result<Staging, Refusal> {
    let mut staging = Staging::default();
    let relabel = Relabel::new(before, after, context.intents);
    let grows = relabel.keeps_order() && relabel.renamed().next().is_none();
    // the type gets them (`add_enum_values`)
    if context.dialect == Dialect::Postgres && grows {
        return Ok(staging);
    }
    let members = members(context, &after.name);
    let Some(first) = members.first() else { return Ok(staging) };
    if first.target.name != table || first.after.name != column {
        return Ok(staging);
    }
    let in_catalog = context.dialect == Dialect::Postgres && relabel.keeps_order();
    for member in &members {
        refuse(context, &members, member, &relabel, in_catalog)?;
    }
    if let Some((table, dropped, _)) = context.source.kept_enum(&after.name)
        && context.dialect == Dialect::Postgres
        && !in_catalog
    {
        return Err((
            format!(
                "enum `{}` loses values or changes their order, and `{}`, which was `{table}` until `{}` dropped it and keeps \
                 its rows, has it too: its type could not go",
                after.name, dropped.name, dropped.migration
            ),
            format!("let that table go for good first: `cargo xtask generate --purge-table {table}`"),
        ));
    }
    if in_catalog {
        rename_values(context, [before, after], &relabel, &mut staging);
    } else {
        let shadows = members.iter().map(|it| Shadow::of(context, it, &relabel)).collect::<Result<Vec<_>, _>>()?;
        by_shadows(context, [before, after], &relabel, &shadows, &mut staging)?;
    }
    warn(context, &after.name, &members, &relabel, in_catalog, &mut staging);
    Ok(staging)
}

/// On MySQL those alone that are neither a key nor tied to one: their tables are copied ([`linked_type`]).
fn members<'a>(context: &Context<'a>, name: &str) -> Vec<Member<'a>> {
    let mut members = Vec::new();
    for source in context.source.tables.values() {
        let Some(target) = context.target.tables.get(&source.name) else { continue };
        for before in &source.columns {
            let Some(after) = target.column(&before.name).filter(|it| is_one(before, it)) else { continue };
            let keyed = || linked_type::group(context.source, &source.name, &before.name).is_some();
            if after.ty.enumeration.as_ref().is_some_and(|it| it.name == name)
                && !(context.dialect == Dialect::MySql && keyed())
            {
                members.push(Member { source, target, before, after });
            }
        }
    }
    members
}

/// What is not done in one migration with it, or not at all.
fn refuse(
    context: &Context<'_>,
    members: &[Member<'_>],
    member: &Member<'_>,
    relabel: &Relabel<'_>,
    in_catalog: bool,
) -> Result<(), Refusal> {
    let Member { source, target, before, after } = member;
    let (dialect, place, column) = (context.dialect, member.place(), &before.name);
    if before.nullable != after.nullable || relabel.default(&before.default) != after.default {
        return Err((
            format!("the enum of {place} changes, and its nullability or default changes too"),
            "do one in this migration and the other in the next".into(),
        ));
    }
    // a text of the user's goes on meaning what it meant
    let names_gone = |sql: &str, what: &str| {
        relabel.gone_in(sql).map(|value| {
            (
                format!("the enum of {place} is to have `{value}` no longer, and {what} names it"),
                "correct it in the same change".to_owned(),
            )
        })
    };
    let checks = checks_on(dialect, source, target, column);
    for (check, sql) in &checks {
        names_gone(sql, &format!("check `{check}`")).map_or(Ok(()), Err)?;
    }
    for (name, index) in indexes_on(dialect, source, target, column) {
        let texts = index.form.filter.iter().map(String::as_str).chain(index.expressions(dialect));
        for text in texts {
            names_gone(text, &format!("index `{name}`")).map_or(Ok(()), Err)?;
        }
    }
    if let Some(default) = after.default.of(dialect) {
        names_gone(default, "its default").map_or(Ok(()), Err)?;
    }
    if in_catalog {
        return Ok(());
    }
    implicit_key::keeps_its_column(context, source, column)?;
    if linked_type::group(context.source, &source.name, column).is_some() {
        return Err((
            format!("the enum of {place} loses values or changes their order, and the column is a key or tied to one"),
            "keep the values and their order (some can be added or renamed), or make a new enum for a new column"
                .into(),
        ));
    }
    let is_member = |name: &str| members.iter().any(|it| it.target.name == target.name && it.after.name == name);
    let other = |among: &dyn Fn(&str) -> bool| other_changed(source, target, column, |it| !is_member(it) && among(it));
    for (check, _) in &checks {
        if dialect == Dialect::MySql {
            return Err((
                format!(
                    "the enum of {place} changes, check `{check}` stands on it, and MySQL renames no column under a check"
                ),
                format!(
                    "give the check another name in the same change (`check(name = \"...\", ...)` on the table): then it goes \
                     first, and is added again when the enum has changed; meanwhile nothing holds to `{check}`"
                ),
            ));
        }
        if let Some(other) = other(&|it| named_by_check(dialect, source, check, it)) {
            return Err(with_another(&place, other, &format!("check `{check}`")));
        }
    }
    for (name, index) in indexes_on(dialect, source, target, column) {
        if index.over(column, "").is_none() {
            return Err(in_a_text(&source.name, column, name));
        }
        if let Some(other) = other(&|it| index.names(it, dialect)) {
            return Err(with_another(&place, other, &format!("index `{name}`")));
        }
    }
    Ok(())
}

/// PostgreSQL: a change of the catalog.
fn rename_values(
    context: &Context<'_>,
    [before, after]: [&Enumeration; 2],
    relabel: &Relabel<'_>,
    staging: &mut Staging,
) {
    let name = &after.name;
    add_to_type(context, [before, after], relabel, staging);
    let sql = |to_new: bool| {
        let rename = |(old, new): (&str, &str)| {
            let [old, new] = [old, new].map(|it| context.dialect.literal(it));
            let (from, to) = if to_new { (old, new) } else { (new, old) };
            format!("ALTER TYPE {} RENAME VALUE {from} TO {to}", context.ident(name))
        };
        relabel.renamed().map(rename).collect::<Vec<_>>().join(";\n")
    };
    let Some((_, new)) = relabel.renamed().next() else { return };
    let fact = Fact::EnumValue(name.clone(), new.to_owned());
    let comment = "A change of the catalog: every row that holds the value has its new name from here on.";
    staging.push(
        Stage::Validate,
        Draft::new(comment, sql(true), Claim::none(), fact).undo(sql(false), Claim::none()).step(),
    );
}

/// PostgreSQL: the type that there is gets the new values, where they stand among those of before.
fn add_to_type(
    context: &Context<'_>,
    [before, after]: [&Enumeration; 2],
    relabel: &Relabel<'_>,
    staging: &mut Staging,
) {
    for value in relabel.added() {
        let place = after.values.iter().position(|it| it == value);
        let previous = place.and_then(|it| after.values.get(it.checked_sub(1)?)).map(|it| relabel.was(it));
        staging.push(Stage::Expand, add_value(context, before, value, previous).step());
    }
}

/// MySQL: so does the old column, at the end.
fn add_to_list(
    context: &Context<'_>,
    member: &Member<'_>,
    relabel: &Relabel<'_>,
    staging: &mut Staging,
) -> Result<(), Refusal> {
    let Member { source, before, .. } = member;
    let (added, Some(enumeration)) = (relabel.added(), &before.ty.enumeration) else { return Ok(()) };
    if added.is_empty() {
        return Ok(());
    }
    let values = enumeration.values.iter().cloned().chain(added.iter().map(|it| (*it).to_owned())).collect();
    let enumeration = Enumeration { name: enumeration.name.clone(), values };
    let ty = ColumnType { enumeration: Some(enumeration), ..before.ty.clone() };
    if !mysql::types::widens_in_place(&before.ty, &ty) {
        return Err((
            format!("the enum of {} gets more than 255 values, which MySQL keeps in another way", member.place()),
            "make the new enum a type of its own for a new column, with `renamed_from`".into(),
        ));
    }
    let place = [source.name.as_str(), before.name.as_str()];
    modify::in_place(context, Standing::Before, place, "gets more values")?;
    let wider = Column { ty, ..(*before).clone() };
    staging.steps.extend(super::change_type::in_place(context, &source.name, before, &wider).steps);
    Ok(())
}

fn by_shadows(
    context: &Context<'_>,
    [before, after]: [&Enumeration; 2],
    relabel: &Relabel<'_>,
    shadows: &[Shadow<'_>],
    staging: &mut Staging,
) -> Result<(), Refusal> {
    let forbidden = relabel.forbidden();
    let look = |stage, swapped: bool, staging: &mut Staging| {
        for shadow in shadows.iter().filter(|_| !forbidden.is_empty()) {
            let step = shadow.none_has(context, &after.name, &forbidden, swapped);
            staging.push(stage, step);
        }
    };
    look(Stage::Expand, false, staging);
    match context.dialect {
        Dialect::Postgres => {
            shadow::create_type(context, after, staging);
            add_to_type(context, [before, after], relabel, staging);
        }
        Dialect::MySql => {
            for shadow in shadows {
                add_to_list(context, shadow.member, relabel, staging)?;
            }
        }
    }
    for shadow in shadows {
        shadow.begin(context, staging)?;
    }
    look(Stage::Validate, false, staging);
    for shadow in shadows {
        shadow.prove(context, staging);
    }
    swap::stage(context, &after.name, shadows, staging)?;
    // from here on no code can write them any more
    look(Stage::Validate, true, staging);
    for shadow in shadows {
        shadow.end(context, staging)?;
    }
    if context.dialect == Dialect::Postgres {
        shadow::drop_type(context, &after.name, shadows, staging);
    }
    Ok(())
}

/// What the author of old and new code should know.
fn warn(
    context: &Context<'_>,
    name: &str,
    members: &[Member<'_>],
    relabel: &Relabel<'_>,
    in_catalog: bool,
    staging: &mut Staging,
) {
    let places: Vec<_> = members.iter().map(Member::place).collect();
    let places = places.join(", ");
    let listed = |values: Vec<&str>| values.iter().map(|it| format!("`{it}`")).collect::<Vec<_>>().join(", ");
    let gone: Vec<_> = relabel.gone().collect();
    if !gone.is_empty() {
        staging.warnings.push(format!(
            "from validate on, enum `{name}` has no {}: code that writes one of these to {places}, or looks for it there, fails \
             then. Deploy old code that does without them before `validate`; or give the new enum a column of its own with \
             `renamed_from`, where both live until contract",
            listed(gone)
        ));
    }
    for (old, new) in relabel.renamed() {
        staging.warnings.push(format!(
            "from validate on, a `{old}` in {places} reads `{new}`, in old code too, which must be able to read what it does not know"
        ));
    }
    for (old, new) in relabel.replaced() {
        staging.warnings.push(format!(
            "from validate on, a `{old}` in {places} reads `{new}`; the way back gives it back to rows that nobody has written since"
        ));
    }
    let forbidden = relabel.forbidden();
    if !forbidden.is_empty() {
        staging.warnings.push(format!(
            "no row may hold {} in {places}: `expand` and `validate` look at all rows, and refuse where they find one; `contract` \
             comes after that",
            listed(forbidden)
        ));
    }
    let added = relabel.added();
    // where no other value changes `add_enum_values` says it
    if !added.is_empty() && !relabel.keeps_order() || relabel.renamed().next().is_some() && !added.is_empty() {
        staging.warnings.push(super::add_enum_values::told(
            name,
            &added,
            [&members[0].target.name, &members[0].after.name],
        ));
    }
    if !in_catalog && context.dialect == Dialect::Postgres {
        staging.warnings.push(format!(
            "PostgreSQL: validate puts another type in the place of `{name}`. A statement that was prepared before and returns \
             {places} (0A000), writes it (42804) or compares it with a parameter (42883) fails until it is prepared anew; a client \
             that knows types by their numbers (sqlx does) must connect anew. Renew the pools of code that lives on"
        ));
    }
}
