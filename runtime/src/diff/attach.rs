//! Tables that become partitions of others: which they are, and what is in the way. A partition has the columns and the
//! key of its table, and new code, which knows the table alone, must not meet a rule that only the partition has.

use std::collections::BTreeMap;

use super::Diff;
use crate::dialect::Dialect;
use crate::operation::Operation;
use crate::schema::{Column, Schema, Table};

const BEFORE: &str = "in a migration before this one";

impl Diff<'_> {
    /// Tables that are no longer in the schema since they become partitions, each with the table that they are attached to.
    pub(super) fn attached(&self, target: &Schema) -> BTreeMap<String, String> {
        let becomes = |(table, partition): &&(String, String)| {
            let lists = |it: &Schema| {
                let partitioned = it.tables.get(table).and_then(|it| it.partitioned.as_ref());
                partitioned.is_some_and(|it| it.partitions.contains_key(partition))
            };
            lists(target) && !lists(self.source) && self.source.tables.contains_key(partition)
        };
        let both = self.intents.attached.iter().filter(becomes);
        both.map(|(table, partition)| (partition.clone(), table.clone())).collect()
    }

    /// A table becomes a partition, or what is said to be one does not exist.
    pub(super) fn attach(&mut self, before: Option<&Table>, parent: &Table, partition: &str) {
        let Some(plain) = self.source.tables.get(partition) else {
            let message = format!(
                "partition `{partition}` of `{}` is said to be a table that is there, and the last migration has none of that name",
                parent.name
            );
            return self.refuse(
                &parent.name,
                None,
                message,
                "correct the name, or remove `attach`: then a new one is made",
            );
        };
        let place = |column: &Column| (Some(column.name.clone()), format!("`{}.{}`", parent.name, column.name));
        let mut wrong: Vec<(Option<String>, String, String)> = Vec::new();
        for column in &parent.columns {
            let (field, shown) = place(column);
            let (what, help) = match plain.column(&column.name) {
                None => (format!("column {shown} is not in it"), format!("add it there {BEFORE}")),
                Some(own) => match differ(own, column) {
                    Some(what) => (format!("column {shown} {what}"), format!("make both the same {BEFORE}")),
                    None => continue,
                },
            };
            wrong.push((field, what, help));
        }
        for column in plain.columns.iter().filter(|it| parent.column(&it.name).is_none()) {
            let what = format!("column `{partition}.{}` is not in `{}`", column.name, parent.name);
            wrong.push((None, what, format!("add it to `{}`, or drop it, {BEFORE}", parent.name)));
        }
        if plain.primary_key != parent.primary_key {
            let key = |it: &Table| it.primary_key.join(", ");
            let what = format!("its primary key is ({}) and that of `{}` ({})", key(plain), parent.name, key(parent));
            wrong.push((None, what, format!("give both the same key {BEFORE}")));
        }
        if plain.partitioned.is_some() {
            wrong.push((None, "it is partitioned itself".to_owned(), "attach its partitions instead".to_owned()));
        }
        if before.is_some_and(|it| !unpartitioned(it).same_as(&unpartitioned(parent))) {
            let what = format!("`{}` changes otherwise too", parent.name);
            wrong.push((None, what, "attach it in a migration of its own".to_owned()));
        }
        let refers =
            |it: &&Table| it.partitioned.is_some() && it.foreign_keys.values().any(|key| key.references == partition);
        for other in self.source.tables.values().filter(refers) {
            let what = format!(
                "`{}`, which is partitioned, refers to it until contract: PostgreSQL then takes it for referred to as a partition, \
                 and lets none of those go, so that nothing would lead back",
                other.name
            );
            wrong.push((None, what, format!("let that foreign key go {BEFORE}")));
        }
        wrong.extend(rules_of_its_own(plain, parent).map(|(what, help)| (None, what, help)));
        for (field, what, help) in wrong {
            let message = format!("table `{partition}` becomes a partition of `{}`, and {what}", parent.name);
            self.refuse(&parent.name, field.as_deref(), message, help);
        }
        let (table, partition) = (parent.name.clone(), partition.to_owned());
        self.operations.push(Operation::AttachTable { table, partition });
    }
}

fn unpartitioned(table: &Table) -> Table {
    Table { partitioned: None, ..table.clone() }
}

/// What the server would not take, or what new code would find different.
fn differ(own: &Column, column: &Column) -> Option<&'static str> {
    let takes = |it: &Column| if it.nullable { "takes NULL there" } else { "takes no NULL there" };
    let numbered = |it: &Column| {
        if it.identity { "is numbered by the server there" } else { "is not numbered by the server there" }
    };
    match () {
        () if own.ty != column.ty => Some("has another type there"),
        () if own.nullable != column.nullable => Some(takes(own)),
        () if own.generated != column.generated => Some("is computed otherwise there"),
        () if own.identity != column.identity => Some(numbered(own)),
        () => None,
    }
}

/// Checks, foreign keys and unique indexes that the partition would go on having by itself.
fn rules_of_its_own(plain: &Table, parent: &Table) -> impl Iterator<Item = (String, String)> {
    const ME: Dialect = Dialect::Postgres;
    let name = &parent.name;
    let here = |what: &str, it: &str| format!("`{name}` has no {what} like its `{it}`");
    let help = move || format!("give it to `{name}` too, or take it away {BEFORE}");
    let same_check = |sql: &str| parent.checks.values().any(|it| it.sql.of(ME) == Some(sql));
    let checks = plain.checks.iter().filter_map(|(it, check)| Some((it, check.sql.of(ME)?)));
    let checks: Vec<_> = checks.collect();
    let of_name = |(it, sql): &(&String, &str)| {
        let other = parent.checks.get(*it).and_then(|it| it.sql.of(ME));
        other.is_some_and(|other| other != *sql)
    };
    let renamed =
        checks.iter().filter(|it| of_name(it)).map(|(it, _)| format!("check `{it}` says something else there"));
    let mut wrong: Vec<_> = renamed.collect();
    wrong.extend(checks.iter().filter(|(_, sql)| !same_check(sql)).map(|(it, _)| here("check", it)));
    let keys = plain.foreign_keys.iter().filter(|(_, key)| !parent.foreign_keys.values().any(|it| it == *key));
    wrong.extend(keys.map(|(it, _)| here("foreign key", it)));
    let unique = plain.indexes.iter().filter(|(_, it)| it.unique && it.is_for(ME));
    let unique = unique.filter(|(_, index)| !parent.indexes.values().any(|it| it == *index));
    wrong.extend(unique.map(|(it, _)| here("unique index", it)));
    wrong.into_iter().map(move |it| (it, help()))
}
