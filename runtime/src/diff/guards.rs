//! How MySQL holds to a check that comes to a table that is there. A check that it enforces itself copies the table
//! while writers wait, which is for the author to allow (`generate --copy-rows`); where nothing is allowed, triggers hold
//! to it. Which of them it is stands in the snapshot and in no struct: the structs say what is to hold.

use std::collections::BTreeMap;

use super::Diff;
use crate::dialect::Dialect;
use crate::operation::Operation;
use crate::schema::{Check, Intents, Schema, Table};

/// The target as the migration from `source` makes it, with [`Check::guarded`] as it will be. The same again where that
/// has been said already.
pub fn settled(source: &Schema, target: &Schema, intents: &Intents) -> Schema {
    let mut settled = target.clone();
    for table in settled.tables.values_mut() {
        let before = before(source, intents, &table.name);
        for (name, check) in &mut table.checks {
            check.guarded = check.sql.of(Dialect::MySql).is_some()
                && before.is_some_and(|it| is_guarded(it.checks.get(name), name, check, intents));
        }
    }
    settled
}

/// The table as it was, perhaps by another name.
fn before<'a>(source: &'a Schema, intents: &Intents, table: &str) -> Option<&'a Table> {
    source.tables.get(table).or_else(|| source.tables.get(intents.renamed_tables.get(table)?))
}

fn is_guarded(before: Option<&Check>, name: &String, check: &Check, intents: &Intents) -> bool {
    match before.filter(|it| it.same_as(check)) {
        Some(before) => before.guarded && !intents.enforced_checks.contains(name),
        None => check.guarded || intents.copy_rows.is_none() || intents.guarded_checks.contains(name),
    }
}

impl Diff<'_> {
    /// What the author says of checks by name must be about a check that it can be about.
    pub(super) fn held_on_mysql(&mut self, renamed: &BTreeMap<String, String>, target: &Schema) {
        for name in &self.intents.guarded_checks {
            let is_new = |it: &Operation| matches!(it, Operation::AddCheck { check, .. } if check == name);
            if !self.operations.iter().any(is_new) {
                self.refuse(
                    "",
                    None,
                    format!("check `{name}` is said to be held by triggers, and no table gets a check of that name"),
                    "correct the name after `--guard`",
                );
            }
        }
        for name in &self.intents.enforced_checks {
            let stays = |before: &Table| {
                let check = before.checks.get(name).filter(|it| it.guarded)?;
                target.tables.get(&before.name)?.checks.get(name).filter(|it| it.same_as(check))
            };
            match self.source.tables.values().find(|it| stays(it).is_some()) {
                // until contract the new name is a view
                Some(table) if renamed.contains_key(&table.name) => self.refuse(
                    &table.name,
                    None,
                    format!("check `{name}` is said to be enforced from now on, and its table is renamed to `{}`", table.name),
                    "rename the table in this migration, and enforce the check in the next",
                ),
                Some(table) => {
                    let (table, check) = (table.name.clone(), name.clone());
                    self.operations.push(Operation::EnforceCheck { table, check });
                }
                None => self.refuse(
                    "",
                    None,
                    format!("check `{name}` is said to be enforced from now on, and no table has one of that name that triggers hold"),
                    "correct the name after `--enforce`",
                ),
            }
        }
    }
}
