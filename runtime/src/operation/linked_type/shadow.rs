//! PostgreSQL: a shadow for each column, and the stages around their swap.

use std::collections::BTreeMap;

use super::Member;
use super::swap::{Swap, Tie};
use crate::dialect::{assignable, integers};
use crate::migration::{Assertion, Stage, Step};
use crate::operation::change_type::{Names, mirrored};
use crate::operation::drop_column::retire;
use crate::operation::filled_column::FilledColumn;
use crate::operation::narrow::{Conversion, Narrowing};
use crate::operation::{Context, Refusal, Staging, add_foreign_key, drop_index};
use crate::schema::{Column, Table};

pub(super) fn by_shadows(context: &Context<'_>, members: &[Member<'_>]) -> Result<Staging, Refusal> {
    let mut staging = Staging::default();
    let shadows = members.iter().map(|it| Shadow::of(context, it)).collect::<Result<Vec<_>, _>>()?;
    for shadow in &shadows {
        if let Some(narrowing) = &shadow.narrowing {
            narrowing.search(context, Stage::Expand, &shadow.member.target.name, &mut staging);
        }
        shadow.filled(context, false).begin(context, &mut staging)?;
    }
    let tables: BTreeMap<&str, &Table> = members.iter().map(|it| (it.target.name.as_str(), it.target)).collect();
    let mut swap = Swap { context, shadows: &shadows, tables: &tables, indexes: Vec::new(), ties: Vec::new() };
    for (name, table) in &tables {
        let source = &context.source.tables[*name];
        swap.copy_indexes(source, table, &mut staging)?;
        let tied = source.foreign_keys.iter().filter(|(_, key)| key.columns.iter().any(|it| swap.is_member(name, it)));
        let ties: Vec<_> = tied.map(|(key_name, key)| Tie { table: &source.name, name: key_name, key }).collect();
        swap.ties.extend(ties);
    }
    staging.push(Stage::Validate, swap.draft().step());
    for shadow in shadows.iter().filter(|it| it.outgrows()) {
        if let Some(assertion) = no_way_back(context, shadow) {
            staging.push(Stage::Validate, Step::Assertion(assertion));
        }
    }
    for tie in &swap.ties {
        staging.push(Stage::Validate, add_foreign_key::postgres_validate(context, tie.table, tie.name, tie.key).step());
    }
    swap.warn(&mut staging);
    for (table, name, index) in &swap.indexes {
        let old = Names::of(name).old;
        if !swap.is_key(table, name) {
            staging.push(Stage::Contract, drop_index::draft(context, table, &old, index).last());
        }
    }
    for shadow in &shadows {
        let Member { target, before, .. } = shadow.member;
        // nobody need give it a value
        let old =
            Column { name: shadow.names.old.clone(), nullable: true, default: Default::default(), ..(*before).clone() };
        retire(context, target, &[&old], &shadow.filled(context, true), &mut staging)?;
    }
    Ok(staging)
}

/// The old column does not hold these.
fn no_way_back(context: &Context<'_>, shadow: &Shadow<'_>) -> Option<Assertion> {
    let Member { target, before, after, .. } = shadow.member;
    let (low, high) = integers(before.ty.kind)?;
    let [table, column] = [&target.name, &after.name].map(|it| context.ident(it));
    Some(Assertion {
        message: format!(
            "`{}.{}` has values that its old type does not hold, so there is no way back: go on to `contract`. Among them",
            target.name, after.name
        ),
        sql: format!("SELECT {column} FROM {table} WHERE {column} > {high} OR {column} < {low} LIMIT 5"),
        on_way_back: true,
        grace: None,
        line: 0,
    })
}

/// A member with what its steps borrow.
pub(super) struct Shadow<'a> {
    pub(super) member: &'a Member<'a>,
    pub(super) names: Names,
    /// Under its name until the swap, and by the written name after it.
    pub(super) columns: [Column; 2],
    pub(super) earlier: [String; 3],
    pub(super) later: [String; 3],
    pub(super) expressions: [String; 2],
    narrowing: Option<Narrowing>,
}

impl<'a> Shadow<'a> {
    fn of(context: &Context<'_>, member: &'a Member<'a>) -> Result<Self, Refusal> {
        let Member { target, before, after, .. } = *member;
        let names = Names::of(&after.name);
        let Conversion { forth, back, narrowing } = Conversion::of(context, &target.name, [before, after])?;
        let name = &after.name;
        Ok(Self {
            member,
            // the number comes with the swap
            columns: [&names.new, name].map(|name| Column { name: name.clone(), identity: false, ..after.clone() }),
            earlier: [name, &names.new, name].map(String::clone),
            later: [&names.old, name, name].map(String::clone),
            expressions: [forth, fitting(context, member, back)],
            narrowing,
            names,
        })
    }

    pub(super) fn filled<'s>(&'s self, context: &Context<'s>, swapped: bool) -> FilledColumn<'s> {
        let (column, names) = if swapped { (&self.columns[1], &self.later) } else { (&self.columns[0], &self.earlier) };
        mirrored(context, self.member.target, column, names, [&self.expressions[0], &self.expressions[1]])
    }

    /// The statement that makes one of the two places of the pair be named otherwise.
    pub(super) fn rename(&self, context: &Context<'_>, from: &str, to: &str) -> String {
        let [table, from, to] = [&self.member.target.name, from, to].map(|it| context.ident(it));
        format!("ALTER TABLE {table} RENAME COLUMN {from} TO {to}")
    }

    /// Whether a value of the new type may be none of the old one.
    pub(super) fn outgrows(&self) -> bool {
        !assignable(&self.member.after.ty, &self.member.before.ty)
    }
}

/// NULL for what does not fit the old column.
fn fitting(context: &Context<'_>, member: &Member<'_>, back: String) -> String {
    let column = context.ident(&member.after.name);
    match integers(member.before.ty.kind) {
        Some((low, high)) if back == column => format!("CASE WHEN {column} BETWEEN {low} AND {high} THEN {column} END"),
        _ => back,
    }
}
