//! What changes in the enums, which on PostgreSQL are types beside the tables.

use std::collections::{BTreeMap, BTreeSet};

use super::Diff;
use crate::dialect::Dialect;
use crate::operation::{Operation, Relabel};
use crate::schema::{Column, Enumeration, Schema, Table};

impl Diff<'_> {
    pub(super) fn enums(&mut self, target: &Schema) {
        let (before, after) = (self.source.enums(), target.enums());
        for (name, (it, table, column)) in &after {
            let (name, table, column) = ((*name).to_owned(), table.name.clone(), column.name.clone());
            match before.get(it.name.as_str()) {
                None => self.operations.push(Operation::CreateEnum { name, table, column }),
                Some((earlier, ..)) if earlier == it => {}
                Some((earlier, ..)) if only_more(earlier, it) => {
                    self.operations.push(Operation::AddEnumValues { name, table, column });
                }
                Some((earlier, ..)) => self.other_values(target, [&table, &column], earlier, it),
            }
        }
        for (name, (_, table, _)) in &before {
            if !after.contains_key(name) {
                self.operations.push(Operation::DropEnum { name: (*name).to_owned(), table: table.name.clone() });
            }
        }
    }

    /// A value goes, moves or has another name: what rows that hold it get is the author's to say. The columns'
    /// changes of type do it.
    fn other_values(&mut self, target: &Schema, [table, column]: [&str; 2], before: &Enumeration, after: &Enumeration) {
        let relabel = Relabel::new(before, after, self.intents);
        let name = &after.name;
        let mut wrong: Vec<(String, String)> = Vec::new();
        for new in after.values.iter().filter(|it| !before.values.contains(it)) {
            let key = (name.clone(), new.clone());
            if let Some(old) = self.intents.renamed_values.get(&key).filter(|it| !before.values.contains(it)) {
                wrong.push((
                    format!("the value `{new}` of enum `{name}` is said to be renamed from `{old}`, which is none of its values"),
                    "correct the value, or remove `renamed_from`".into(),
                ));
            }
        }
        let same_but_for_case = |new: &str, old: &str| new.to_lowercase() == old.to_lowercase();
        for new in relabel.added() {
            if let Some(old) = relabel.gone().find(|old| same_but_for_case(new, old)) {
                wrong.push((
                    format!("the value `{new}` of enum `{name}` is new, and `{old}` goes, which are one to MySQL"),
                    format!("#[enumeration(renamed_from = \"{old}\")] on the variant"),
                ));
            }
        }
        let unexplained = relabel.unexplained();
        if !unexplained.is_empty() && !self.by_hand(target, name, &unexplained) {
            wrong.extend(unexplained.iter().map(|old| self.unexplained([table, column], name, old, &relabel)));
        }
        wrong.extend(self.not_alone(target, name));
        for (message, help) in wrong {
            self.refuse(table, Some(column), message, help);
        }
    }

    /// Whether each column that has the enum says how itself: expressions that do not name these values are left over
    /// from another migration.
    fn by_hand(&self, target: &Schema, name: &str, values: &[&str]) -> bool {
        columns(target, name).into_iter().all(|(table, column)| {
            let key = (table.to_owned(), column.to_owned());
            let names = |sql: &String| values.iter().all(|it| sql.contains(&Dialect::Postgres.literal(it)));
            let texts = self.intents.backfills.get(&key);
            texts.is_some_and(|it| it.postgres.iter().chain(&it.mysql).all(names))
                && self.intents.reverses.contains_key(&key)
        })
    }

    /// It may be dropped or renamed, and how: only the author knows.
    fn unexplained(
        &self,
        [table, column]: [&str; 2],
        name: &str,
        old: &str,
        relabel: &Relabel<'_>,
    ) -> (String, String) {
        let known = |map: &BTreeMap<_, String>, key, otherwise: &str| {
            map.get(key).cloned().unwrap_or_else(|| otherwise.to_owned())
        };
        let field = known(&self.intents.fields, &(table.to_owned(), column.to_owned()), column);
        let rust = self.intents.enums.get(name).cloned().unwrap_or_else(|| name.to_owned());
        let added: Vec<_> = relabel.added().iter().map(|it| format!("`{it}`")).collect();
        let renamed = match added.is_empty() {
            true => String::new(),
            false => {
                format!("renamed: #[enumeration(renamed_from = \"{old}\")] on the variant of {}; ", added.join(" or "))
            }
        };
        (
            format!("enum `{name}` loses `{old}`, which rows and old code may hold"),
            format!(
                "{renamed}dropped: #[enumeration(dropped(\"{old}\", becomes = \"...\"))] on `{rust}`, or \
                 #[enumeration(dropped(\"{old}\"))] if no row holds it; by the row's other columns: #[column(backfill = \"...\", \
                 reverse = \"...\")] on `{field}`, two SQL expressions that give the value as a text, and the first names '{old}'. Where old code must go on \
                 writing it: a new enum, #[enumeration(name = \"...\")], for a new field with #[column(renamed_from = \"{column}\", \
                 backfill = \"...\", reverse = \"...\")]"
            ),
        )
    }

    /// PostgreSQL has one type for all columns, and they change together.
    fn not_alone(&self, target: &Schema, name: &str) -> Option<(String, String)> {
        let (before, after) = (columns(self.source, name), columns(target, name));
        let (what, (table, column)) = before
            .iter()
            .find(|it| !after.contains(it))
            .map(|it| ("goes, or has another name or type", it))
            .or_else(|| after.iter().find(|it| !before.contains(it)).map(|it| ("is new", it)))?;
        Some((
            format!(
                "enum `{name}` loses values or changes their order, and column `{table}.{column}`, which has it, {what}"
            ),
            "do one in this migration and the other in the next".into(),
        ))
    }
}

/// Those that have the enum, with their tables.
fn columns<'a>(schema: &'a Schema, name: &str) -> BTreeSet<(&'a str, &'a str)> {
    let has_it = |it: &&Column| it.ty.enumeration.as_ref().is_some_and(|it| it.name == name);
    let of = |table: &'a Table| table.columns.iter().filter(has_it).map(|it| (table.name.as_str(), it.name.as_str()));
    schema.tables.values().flat_map(of).collect()
}

/// Whether every value of before is still there, in the order of before.
fn only_more(before: &Enumeration, after: &Enumeration) -> bool {
    let kept = after.values.iter().filter(|it| before.values.contains(it));
    kept.eq(&before.values)
}
