//! Tables with another name.

use std::collections::BTreeMap;

use super::Diff;
use crate::operation::{Operation, Renames, moved};
use crate::schema::{Intents, Schema};

/// New name to old, where the author says so and the old one is there to be renamed.
pub(super) fn tables(source: &Schema, target: &Schema, intents: &Intents) -> BTreeMap<String, String> {
    let fits = |(new, old): &(&String, &String)| {
        target.tables.contains_key(*new)
            && !source.tables.contains_key(*new)
            && source.tables.contains_key(*old)
            && !target.tables.contains_key(*old)
    };
    intents.renamed_tables.iter().filter(fits).map(|(new, old)| (new.clone(), old.clone())).collect()
}

/// The source with the new names.
pub(super) fn moved_all(source: &Schema, renamed: &BTreeMap<String, String>) -> Schema {
    let all = source
        .tables
        .values()
        .map(|table| renamed.iter().fold(table.clone(), |table, (new, old)| moved(&table, old, new)));
    Schema { tables: all.map(|it| (it.name.clone(), it)).collect(), dropped: source.dropped.clone() }
}

impl Diff<'_> {
    pub(super) fn renamed_tables(&mut self, renamed: &BTreeMap<String, String>, target: &Schema) {
        for (new, old) in renamed {
            if Renames::between(&self.source.tables[new], &target.tables[new]).is_none() {
                self.refuse(
                    new,
                    None,
                    format!("table `{old}` is renamed to `{new}`, and changes otherwise too"),
                    "rename it in this migration, as it is, and change it in the next",
                );
            }
            self.operations.push(Operation::RenameTable { from: old.clone(), table: new.clone() });
        }
        for (new, old) in &self.intents.renamed_tables {
            let known = renamed.contains_key(new) || self.source.tables.contains_key(new);
            if !known && target.tables.contains_key(new) {
                self.refuse(
                    new,
                    None,
                    format!("table `{new}` is said to be renamed from `{old}`, which is not there to be renamed"),
                    "correct the name, or remove `renamed_from`",
                );
            }
        }
    }

    /// Until contract the new name is a view, to which no foreign key can refer.
    pub(super) fn keys_to_renamed(
        &mut self,
        renamed: &BTreeMap<String, String>,
        created: &[Operation],
        target: &Schema,
    ) {
        let new_keys: Vec<(String, String)> = self
            .operations
            .iter()
            .chain(created)
            .flat_map(|operation| match operation {
                Operation::AddForeignKey { table, foreign_key, .. } => vec![(table.clone(), foreign_key.clone())],
                Operation::CreateTable { table, .. } => {
                    target.tables[table].foreign_keys.keys().map(|key| (table.clone(), key.clone())).collect()
                }
                _ => Vec::new(),
            })
            .collect();
        for (table, key) in new_keys {
            let parent = &target.tables[&table].foreign_keys[&key].references;
            if let Some(old) = renamed.get(parent) {
                let message = format!(
                    "foreign key `{key}` of `{table}` is new and refers to `{parent}`, which is renamed from `{old}` in the same migration"
                );
                self.refuse(
                    &table,
                    None,
                    message,
                    "rename the table in this migration, and add the foreign key in the next",
                );
            }
        }
    }
}
