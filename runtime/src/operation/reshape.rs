//! Columns take the place of others: one is split into several, several are merged into one, or some into some.
//!
//! The author says how each new column follows from the old ones (`backfill`) and how each old one follows from the
//! new ones (`dropped("...", reverse = "...")`); what is tied by these expressions is one group. Both sides live from
//! expand to contract, like those of a renamed column, and the old ones go by [`super::drop_column`].

use super::drop_column::when_left_out;
use super::filled_column::{Before, FilledColumn, Mirrored};
use super::formula::Formula;
use super::rename_column::none_refers;
use super::{Context, Refusal, Staging};
use crate::dialect::{Dialect, columns_in};
use crate::schema::{Column, Intents, Table, Texts};

/// Old columns, and the new ones in their place.
pub(crate) struct Group<'a> {
    pub(crate) old: Vec<&'a Column>,
    pub(crate) new: Vec<&'a Column>,
}

/// All groups of a table, each with its columns by name.
pub(crate) fn groups<'a>(before: &'a Table, after: &'a Table, intents: &Intents) -> Vec<Group<'a>> {
    let key = |column: &Column| (after.name.clone(), column.name.clone());
    let mut waiting: Vec<&Column> = before.columns.iter().filter(|it| after.column(&it.name).is_none()).collect();
    waiting.retain(|it| intents.dropped.contains(&key(it)) && intents.reverses.contains_key(&key(it)));
    waiting.sort_by(|a, b| a.name.cmp(&b.name));
    let mut new: Vec<&Column> = after.columns.iter().filter(|it| before.column(&it.name).is_none()).collect();
    new.retain(|it| !intents.renamed_from.contains_key(&key(it)));
    new.sort_by(|a, b| a.name.cmp(&b.name));
    let tied = |old: &Column, new: &Column| {
        intents.reverses.get(&key(old)).is_some_and(|it| names(it, &new.name))
            || intents.backfills.get(&key(new)).is_some_and(|it| names(it, &old.name))
    };
    let mut groups = Vec::new();
    while !waiting.is_empty() {
        let mut group = Group { old: vec![waiting.remove(0)], new: Vec::new() };
        loop {
            let size = group.old.len() + group.new.len();
            let (more, others) = new.into_iter().partition(|new| group.old.iter().any(|old| tied(old, new)));
            group.new.extend::<Vec<_>>(more);
            new = others;
            let (more, others) = waiting.into_iter().partition(|old| group.new.iter().any(|new| tied(old, new)));
            group.old.extend::<Vec<_>>(more);
            waiting = others;
            if group.old.len() + group.new.len() == size {
                break;
            }
        }
        group.old.sort_by(|a, b| a.name.cmp(&b.name));
        group.new.sort_by(|a, b| a.name.cmp(&b.name));
        groups.push(group);
    }
    groups
}

/// Whether the text for one of the servers names the column.
pub(crate) fn names(texts: &Texts, column: &str) -> bool {
    let named = |sql: &str| !columns_in(sql, std::iter::once(column)).is_empty();
    Dialect::ALL.into_iter().filter_map(|it| texts.of(it)).any(named)
}

/// The group of a column, old or new.
pub(super) fn group_of<'a>(context: &Context<'a>, table: &str, column: &str) -> Option<Group<'a>> {
    let (before, after) = (context.source.tables.get(table)?, context.target.tables.get(table)?);
    let holds = |it: &Group<'_>| it.old.iter().chain(&it.new).any(|it| it.name == column);
    groups(before, after, context.intents).into_iter().find(holds)
}

pub(super) fn stage(context: &Context<'_>, table: &str, column: &str) -> Result<Staging, Refusal> {
    let mut staging = Staging::default();
    let Some(group) = group_of(context, table, column) else { return Ok(staging) };
    filled(context, table, &group)?.begin(context, &mut staging)?;
    let olds: Vec<_> = group.old.iter().map(|it| format!("`{table}.{}`", it.name)).collect();
    staging.warnings.push(format!(
        "until contract, what `reverse` makes of new code's values must fit {}, with every rule that stands on it",
        olds.join(", ")
    ));
    Ok(staging)
}

/// The new columns, while both sides live.
pub(super) fn filled<'a>(context: &Context<'a>, table: &str, group: &Group<'a>) -> Result<FilledColumn<'a>, Refusal> {
    let (before, target) = (&context.source.tables[table], context.table(table));
    for old in &group.old {
        refuse_old(context, before, old)?;
    }
    let said = |kind: &str, column: &Column| {
        let texts = if kind == "reverse" { &context.intents.reverses } else { &context.intents.backfills };
        let texts = texts.get(&(table.to_owned(), column.name.clone()));
        let server = if texts.is_some() { format!(" for {}", context.dialect) } else { String::new() };
        texts.and_then(|it| it.of(context.dialect)).ok_or_else(|| {
            let help = if kind == "reverse" {
                format!(
                    "say it for both: #[table(dropped(\"{}\", reverse(postgres = \"...\", mysql = \"...\")))]",
                    column.name
                )
            } else {
                "add #[column(backfill = \"...\")], an SQL expression over the columns that go".to_owned()
            };
            let names = |it: &[&Column]| it.iter().map(|it| format!("`{}`", it.name)).collect::<Vec<_>>().join(", ");
            (
                format!(
                    "{} of `{table}` in the place of {}: `{}` has no `{kind}`{server}",
                    names(&group.new),
                    names(&group.old),
                    column.name
                ),
                help,
            )
        })
    };
    let formula = |column: &Column, kind: &str, others: &[&'a Column]| -> Result<Formula<'a>, Refusal> {
        let sql = said(kind, column)?;
        let others = others.iter().map(|it| it.name.as_str());
        let key = target.primary_key.iter().map(String::as_str).filter(|it| before.column(it).is_some());
        let may_name: Vec<&str> = others.clone().chain(key).collect();
        let all = context.columns_until_contract(target);
        if let Some(other) = columns_in(sql, all.filter(|it| !may_name.contains(it))).first() {
            return Err(other_named(table, column, kind, other));
        }
        let formula = Formula::over(context.dialect, &target.name, sql, may_name.into_iter());
        if kind == "reverse" && !formula.columns().any(|it| others.clone().any(|other| other == it)) {
            return Err((
                format!(
                    "the `reverse` of `{table}.{}` names no new column, so old code would not see what new code writes",
                    column.name
                ),
                format!(
                    "write it over the new columns; or, if that is meant: #[table(dropped(\"{}\", one_way))]",
                    column.name
                ),
            ));
        }
        Ok(formula)
    };
    let mut old = Vec::new();
    for column in &group.old {
        let default = column.default.of(context.dialect).filter(|it| !it.contains('(')).map(str::to_owned);
        let left_out = default.or_else(|| when_left_out(context, target, column));
        old.push(Before { name: &column.name, left_out, back: formula(column, "reverse", &group.new)? });
    }
    let mut new = Vec::new();
    for column in &group.new {
        let plain = column.generated.is_none() && !column.identity && !target.primary_key.contains(&column.name);
        if !plain {
            return Err((
                format!(
                    "column `{table}.{}` takes the place of others, and is a key or given its value by the server",
                    column.name
                ),
                "make it a plain column in this migration".to_owned(),
            ));
        }
        new.push((*column, formula(column, "backfill", &group.old)?));
    }
    let named_after = group.new.first().map_or("", |it| it.name.as_str());
    Ok(FilledColumn::mirrored(context, target, Mirrored { old, new, named_after }))
}

fn other_named(table: &str, column: &Column, kind: &str, other: &str) -> Refusal {
    (
        format!(
            "the `{kind}` of `{table}.{}` names `{other}`, which is not of the columns that take each other's place: when it \
             changes alone, it cannot be told which of them are to follow",
            column.name
        ),
        format!(
            "write it without `{other}`, over the columns of the other side and the key; if `{other}` goes too, give it a `reverse`"
        ),
    )
}

fn refuse_old(context: &Context<'_>, table: &Table, old: &Column) -> Result<(), Refusal> {
    let place = format!("column `{}.{}`", table.name, old.name);
    if old.generated.is_some() {
        return Err((
            format!("{place} is generated, and nothing can be written back into it"),
            format!("remove `reverse`: #[table(dropped(\"{}\"))]", old.name),
        ));
    }
    none_refers(context, table, old, "gives its place to others", "keep the column")
}
