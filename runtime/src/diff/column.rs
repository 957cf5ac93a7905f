//! What changes in a table's columns.

use std::collections::BTreeMap;

use super::Diff;
use crate::dialect::Dialect;
use crate::operation::Operation;
use crate::schema::{Column, Table};

impl Diff<'_> {
    pub(super) fn columns(&mut self, before: &Table, after: &Table) {
        let gone: Vec<&Column> = before.columns.iter().filter(|it| after.column(&it.name).is_none()).collect();
        let new: Vec<&Column> = after.columns.iter().filter(|it| before.column(&it.name).is_none()).collect();
        self.dropped_or_renamed(after, &gone, &new);
        self.generated(before, after);
        let renamed: BTreeMap<&str, &str> = new.iter().filter_map(|it| self.renamed(after, &gone, it)).collect();
        for column in &new {
            let (table, column_name) = (after.name.clone(), column.name.clone());
            let from = renamed.iter().find(|(_, to)| **to == column.name);
            self.operations.push(match from {
                Some((from, _)) => Operation::RenameColumn { table, from: (*from).to_owned(), column: column_name },
                None => Operation::AddColumn { table, column: column_name },
            });
            if column.identity && from.is_none() {
                self.refuse(
                    &after.name,
                    Some(&column.name),
                    format!("column `{}.{}` is new and numbered by the server", after.name, column.name),
                    "adding an identity column to a table is not derived: leave it out of an existing table",
                );
            }
        }
        for column in &gone {
            self.operations.push(Operation::DropColumn {
                table: after.name.clone(),
                column: column.name.clone(),
                renamed_to: renamed.get(column.name.as_str()).map(|it| (*it).to_owned()),
            });
        }
        for column in &after.columns {
            if let Some(earlier) = before.column(&column.name) {
                self.column(&after.name, earlier, column);
            }
        }
    }

    /// Old and new name, where the author says so and the old one is there to be renamed.
    fn renamed<'n>(&self, table: &Table, gone: &[&'n Column], new: &'n Column) -> Option<(&'n str, &'n str)> {
        let old = self.intents.renamed_from.get(&(table.name.clone(), new.name.clone()))?;
        gone.iter().find(|it| it.name == *old).map(|it| (it.name.as_str(), new.name.as_str()))
    }

    /// A drop and an add may be a rename: only the author knows.
    fn dropped_or_renamed(&mut self, table: &Table, gone: &[&Column], new: &[&Column]) {
        let name = &table.name;
        let key = |column: &str| (name.clone(), column.to_owned());
        let mut unexplained: Vec<&str> = gone.iter().map(|it| it.name.as_str()).collect();
        unexplained.retain(|it| !self.intents.dropped.contains(&key(it)));
        let mut successors: BTreeMap<String, &str> = BTreeMap::new();
        for column in new {
            let Some(old) = self.intents.renamed_from.get(&key(&column.name)).cloned() else { continue };
            unexplained.retain(|it| *it != old);
            let (message, help) = if !gone.iter().any(|it| it.name == old) {
                (
                    format!(
                        "column `{name}.{}` is said to be renamed from `{old}`, which is not there to be renamed",
                        column.name
                    ),
                    "correct the name, or remove `renamed_from`",
                )
            } else if let Some(other) = successors.insert(old.clone(), &column.name) {
                (
                    format!(
                        "columns `{name}.{other}` and `{name}.{}` are both said to be renamed from `{old}`",
                        column.name
                    ),
                    "remove `renamed_from` from one, and give that one a `backfill`",
                )
            } else {
                continue;
            };
            self.refuse(name, Some(&column.name), message, help);
        }
        let added: Vec<&&Column> =
            new.iter().filter(|it| !self.intents.renamed_from.contains_key(&key(&it.name))).collect();
        if unexplained.is_empty() || added.is_empty() {
            return;
        }
        for old in unexplained {
            let spellings = |column: &&&Column| {
                let field = self.intents.fields.get(&key(&column.name)).cloned().unwrap_or_else(|| column.name.clone());
                format!("#[column(renamed_from = \"{old}\")] on `{field}`")
            };
            let renamed: Vec<_> = added.iter().map(spellings).collect();
            let help = format!(
                "dropped: #[table(dropped(\"{old}\"))] on the struct of `{name}`; renamed: {}",
                renamed.join(" or ")
            );
            let names: Vec<_> = added.iter().map(|it| format!("`{name}.{}`", it.name)).collect();
            let message =
                format!("column `{name}.{old}` is gone and {} is new: dropped, or renamed?", names.join(", "));
            self.refuse(name, Some(&added[0].name), message, help);
        }
    }

    fn column(&mut self, table: &str, before: &Column, after: &Column) {
        let (table, column) = (table.to_owned(), after.name.clone());
        if before.generated.is_some() || after.generated.is_some() {
            return self.generated_column(&table, before, after);
        }
        if before.ty != after.ty {
            self.operations.push(Operation::ChangeType { table: table.clone(), column: column.clone() });
        }
        if before.identity != after.identity {
            self.refuse(
                &table,
                Some(&column),
                format!("column `{table}.{column}` begins or ends to be numbered by the server"),
                "changing `identity` is not derived: keep it as it was",
            );
        }
        match (before.nullable, after.nullable) {
            (true, false) => {
                self.operations.push(Operation::SetNotNull { table: table.clone(), column: column.clone() })
            }
            (false, true) => {
                self.operations.push(Operation::DropNotNull { table: table.clone(), column: column.clone() })
            }
            _ => {}
        }
        let changes = |to_some: bool| {
            Dialect::ALL.into_iter().any(|dialect| {
                let (from, to) = (before.default.of(dialect), after.default.of(dialect));
                from != to && to.is_some() == to_some
            })
        };
        if changes(true) {
            self.operations.push(Operation::SetDefault { table: table.clone(), column: column.clone() });
        }
        if changes(false) {
            self.operations.push(Operation::DropDefault { table, column });
        }
    }
}
