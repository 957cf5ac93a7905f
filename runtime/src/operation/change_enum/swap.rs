//! The moment in which columns, indexes, checks and types take their successors' names.

use std::collections::BTreeMap;

use super::shadow::Shadow;
use crate::dialect::postgres::ddl::compile_triggers_anew;
use crate::dialect::{Dialect, with_column};
use crate::migration::{Claim, Fact, LockMode, Stage};
use crate::operation::change_type::{Names, Renames, checks_on, in_a_text, indexes_on, mysql_swap};
use crate::operation::{Context, Draft, Refusal, Staging, add_check, add_index, drop_index};
use crate::schema::{Index, Table};

/// The shadows of one table.
struct Group<'a> {
    source: &'a Table,
    shadows: Vec<&'a Shadow<'a>>,
    indexes: BTreeMap<&'a str, &'a Index>,
    checks: Vec<&'a str>,
}

/// The copies of what stands on the columns, the swap of all, and in contract the end of what the copies replace.
pub(super) fn stage(
    context: &Context<'_>,
    name: &str,
    shadows: &[Shadow<'_>],
    staging: &mut Staging,
) -> Result<(), Refusal> {
    let groups = groups(context, shadows);
    for group in &groups {
        group.copy(context, staging)?;
    }
    match context.dialect {
        Dialect::Postgres => staging.push(Stage::Validate, postgres(context, name, &groups).step()),
        Dialect::MySql => {
            for group in &groups {
                let [there, back] = [true, false].map(|there| group.renames(there));
                let triggers =
                    |swapped| group.shadows.iter().map(|it| it.triggers(context, swapped)).collect::<Vec<_>>();
                let old = &group.shadows[0].names.old;
                mysql_swap(
                    context,
                    [&group.source.name, old],
                    [&there, &back],
                    [triggers(false), triggers(true)],
                    [Vec::new(), Vec::new()],
                    staging,
                );
            }
        }
    }
    for group in &groups {
        group.retire(context, staging);
    }
    if groups.len() > 1 && context.dialect == Dialect::Postgres {
        let list: Vec<_> = groups.iter().map(|it| format!("`{}`", it.source.name)).collect();
        staging.warnings.push(format!("validate locks {} for a moment, all at once", list.join(", ")));
    }
    Ok(())
}

fn groups<'a>(context: &Context<'_>, shadows: &'a [Shadow<'a>]) -> Vec<Group<'a>> {
    let mut groups: Vec<Group<'a>> = Vec::new();
    for shadow in shadows {
        let (source, target, name) = (shadow.member.source, shadow.member.target, &shadow.member.after.name);
        if groups.last().is_none_or(|it| it.source.name != source.name) {
            groups.push(Group { source, shadows: Vec::new(), indexes: BTreeMap::new(), checks: Vec::new() });
        }
        let Some(group) = groups.last_mut() else { continue };
        group.shadows.push(shadow);
        // one of two columns of the enum is one
        let indexes = indexes_on(context.dialect, source, target, name);
        group.indexes.extend(indexes.into_iter().map(|(name, index)| (name.as_str(), index)));
        for (check, _) in checks_on(context.dialect, source, target, name) {
            if !group.checks.contains(&check.as_str()) {
                group.checks.push(check);
            }
        }
    }
    groups
}

impl Group<'_> {
    fn columns(&self) -> impl Iterator<Item = (&str, &Names)> {
        self.shadows.iter().map(|it| (it.member.after.name.as_str(), &it.names))
    }

    fn copy(&self, context: &Context<'_>, staging: &mut Staging) -> Result<(), Refusal> {
        let table = &self.source.name;
        for (name, index) in &self.indexes {
            let mut copy = (*index).clone();
            for (column, names) in self.columns().filter(|(column, _)| index.names(column, context.dialect)) {
                copy = copy.over(column, &names.new).ok_or_else(|| in_a_text(table, column, name))?;
            }
            add_index::build(context, Some(self.source), table, &Names::of(name).new, &copy, staging)?;
        }
        for check in &self.checks {
            let Some(condition) = self.source.checks[*check].sql.of(context.dialect) else { continue };
            let copy = self.columns().fold(condition.to_owned(), |sql, (column, names)| {
                with_column(&sql, column, &context.ident(&names.new))
            });
            add_check::postgres(context, table, &Names::of(check).new, &copy, staging);
        }
        Ok(())
    }

    /// To the new columns, or back to the old ones.
    fn renames(&self, there: bool) -> Renames {
        let columns: Vec<_> = self.columns().map(|(name, _)| name).collect();
        let indexes: Vec<_> = self.indexes.keys().copied().collect();
        Renames::new([&columns, &indexes, &self.checks], there)
    }

    fn retire(&self, context: &Context<'_>, staging: &mut Staging) {
        let table = &self.source.name;
        for (name, index) in &self.indexes {
            let step = drop_index::draft(context, table, &Names::of(name).old, index);
            staging.push(Stage::Contract, step.last());
        }
        for check in &self.checks {
            let old = Names::of(check).old;
            let sql = format!("ALTER TABLE {} DROP CONSTRAINT {}", context.ident(table), context.ident(&old));
            let fact = Fact::Constraint(table.clone(), old).negated();
            staging.push(Stage::Contract, Draft::new("", sql, context.alter(Stage::Contract, table), fact).last());
        }
    }
}

/// All tables in one transaction, under locks that are taken first.
fn postgres(context: &Context<'_>, name: &str, groups: &[Group<'_>]) -> Draft {
    let tables: Vec<_> = groups.iter().map(|it| context.ident(&it.source.name)).collect();
    let locked = format!("LOCK TABLE {} IN ACCESS EXCLUSIVE MODE", tables.join(", "));
    let names = Names::of(name);
    let rename_type =
        |from: &str, to: &str| format!("ALTER TYPE {} RENAME TO {}", context.ident(from), context.ident(to));
    let sql = |there: bool| {
        let (away, in_place) = if there { (&names.old, &names.new) } else { (&names.new, &names.old) };
        let mut sql = vec![locked.clone()];
        let shadows = || groups.iter().flat_map(|it| &it.shadows);
        let defaults = || shadows().filter_map(|it| it.set_default(context, there));
        // each by the name that its column has by then
        if !there {
            sql.extend(defaults());
        }
        sql.extend([rename_type(name, away), rename_type(in_place, name)]);
        sql.extend(groups.iter().flat_map(|it| it.renames(there).postgres(context, &it.source.name)));
        if there {
            sql.extend(defaults());
        }
        let functions = shadows().filter_map(|it| it.triggers(context, there).function);
        sql.extend(functions.map(|it| it.replacen("CREATE", "CREATE OR REPLACE", 1)));
        sql.extend(groups.iter().map(|it| compile_triggers_anew(&it.source.name)));
        sql.join(";\n")
    };
    let claim =
        || groups.iter().fold(Claim::none(), |it, group| it.lock(&group.source.name, LockMode::AccessExclusive));
    let first = &groups[0];
    let fact = Fact::Column(first.source.name.clone(), first.shadows[0].names.old.clone());
    let comment = "The type, its columns and what stands on them change places with their successors, in one moment.";
    Draft::new(comment, sql(true), claim(), fact).undo(sql(false), claim())
}
