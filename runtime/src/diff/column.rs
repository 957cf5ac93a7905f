//! What changes in a table's columns.

use std::collections::BTreeMap;

use super::Diff;
use crate::dialect::Dialect;
use crate::operation::reshape::{self, Group};
use crate::operation::{Operation, Relabel};
use crate::schema::{Column, Table};

impl Diff<'_> {
    pub(super) fn columns(&mut self, before: &Table, after: &Table) {
        let gone: Vec<&Column> = before.columns.iter().filter(|it| after.column(&it.name).is_none()).collect();
        let new: Vec<&Column> = after.columns.iter().filter(|it| before.column(&it.name).is_none()).collect();
        self.dropped_or_renamed(after, &gone, &new);
        self.generated(before, after);
        let renamed: BTreeMap<&str, &str> = new.iter().filter_map(|it| self.renamed(after, &gone, it)).collect();
        let groups = reshape::groups(before, after, self.intents);
        self.ways_back(after, &gone, &new, &groups);
        let names = |it: &[&Column]| it.iter().map(|it| it.name.clone()).collect();
        for group in groups.iter().filter(|it| !it.new.is_empty()) {
            self.operations.push(Operation::Reshape {
                table: after.name.clone(),
                from: names(&group.old),
                columns: names(&group.new),
            });
        }
        let grouped = |column: &&&Column| groups.iter().any(|group| group.new.contains(*column));
        let key = |column: &Column| (after.name.clone(), column.name.clone());
        let moved = |column: &&&Column| self.intents.moved_from.contains_key(&key(column));
        for column in new.iter().filter(|it| !grouped(it) && !moved(it)).collect::<Vec<_>>() {
            let (table, column_name) = (after.name.clone(), column.name.clone());
            let from = renamed.iter().find(|(_, to)| **to == column.name);
            self.operations.push(match from {
                Some((from, _)) => Operation::RenameColumn { table, from: (*from).to_owned(), column: column_name },
                None => Operation::AddColumn { table, column: column_name },
            });
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
                if earlier.identity != column.identity {
                    self.identity([before, after], earlier, column);
                } else {
                    self.column(&after.name, earlier, column);
                }
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
        let added: Vec<_> =
            added.into_iter().filter(|it| !self.intents.moved_from.contains_key(&key(&it.name))).collect();
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

    /// Old code reads a column from which new ones follow, and new code writes those: only the author knows how the one
    /// becomes the other again, or that nobody needs it.
    fn ways_back(&mut self, table: &Table, gone: &[&Column], new: &[&Column], groups: &[Group<'_>]) {
        let key = |column: &Column| (table.name.clone(), column.name.clone());
        let renamed = |old: &Column| new.iter().any(|it| self.intents.renamed_from.get(&key(it)) == Some(&old.name));
        let follows = |new: &Column, old: &Column| {
            self.intents.backfills.get(&key(new)).is_some_and(|it| reshape::names(it, &old.name))
        };
        let mut refused = Vec::new();
        for old in gone.iter().filter(|it| self.intents.dropped.contains(&key(it))) {
            let place = format!("`{}.{}`", table.name, old.name);
            if self.intents.reverses.contains_key(&key(old)) {
                let alone = groups.iter().any(|it| it.new.is_empty() && it.old.contains(old));
                if renamed(old) {
                    refused.push((
                        None,
                        format!("column {place} is said to be renamed, and to give its place to others"),
                        format!("remove `renamed_from`, or remove \"{}\" from #[table(dropped(...))]", old.name),
                    ));
                } else if alone {
                    refused.push((
                        None,
                        format!("column {place} has a `reverse`, which names no new column"),
                        "write it over the new columns that follow from it, or remove it".to_owned(),
                    ));
                }
                continue;
            }
            let follower = new.iter().find(|it| follows(it, old));
            if let Some(new) = follower.filter(|_| !renamed(old) && !self.intents.one_way.contains(&key(old))) {
                refused.push((
                    Some(new.name.clone()),
                    format!(
                        "column {place} goes and `{0}.{1}` follows from it, so until contract old code reads what new code no \
                         longer writes",
                        table.name, new.name
                    ),
                    format!(
                        "both ways: #[table(dropped(\"{0}\", reverse = \"...\"))] on the struct of `{1}`, its value over the new \
                         columns; if old code can do without: #[table(dropped(\"{0}\", one_way))]",
                        old.name, table.name
                    ),
                ));
            }
        }
        for (column, message, help) in refused {
            self.refuse(&table.name, column.as_deref(), message, help);
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
        match (before.nullable, after.nullable) {
            (true, false) => {
                self.operations.push(Operation::SetNotNull { table: table.clone(), column: column.clone() })
            }
            (false, true) => {
                self.operations.push(Operation::DropNotNull { table: table.clone(), column: column.clone() })
            }
            _ => {}
        }
        // a default that goes on meaning what it did is no other one
        let earlier = match (&before.ty.enumeration, &after.ty.enumeration) {
            (Some(from), Some(to)) if from.name == to.name => {
                Relabel::new(from, to, self.intents).default(&before.default)
            }
            _ => before.default.clone(),
        };
        let changes = |to_some: bool| {
            Dialect::ALL.into_iter().any(|dialect| {
                let (from, to) = (earlier.of(dialect), after.default.of(dialect));
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

    /// The server begins or ends to number a column.
    fn identity(&mut self, [source, target]: [&Table; 2], before: &Column, after: &Column) {
        let table = &target.name;
        let column = after.name.clone();
        let mut wrong = |what: &str, help: &str| {
            let begins = if after.identity { "begins to be numbered by the server" } else { "is numbered no longer" };
            let message = format!("column `{table}.{column}` {begins}, and {what}");
            self.refuse(table, Some(&column), message, help);
        };
        if before.ty != after.ty || before.nullable != after.nullable || before.default != after.default {
            wrong("its type, NULL or default changes too", "change that in a migration before this one");
        } else if source.primary_key != target.primary_key {
            wrong("the primary key changes too", "change the key in a migration before this one");
        } else if target.primary_key.first() != Some(&column) {
            wrong(
                "it is not the first column of the primary key, whose index tells the greatest number",
                "put its field before the others of the key, in a migration before this one",
            );
        }
        let (table, column) = (table.to_owned(), column);
        self.operations.push(if after.identity {
            Operation::SetIdentity { table, column }
        } else {
            Operation::DropIdentity { table, column }
        });
    }
}
