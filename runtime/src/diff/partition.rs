//! Partitioned tables. What changes the catalog alone goes through the table, and the server does the same to
//! every partition, whoever made it; what reads rows goes through the partitions that there are then
//! (`operation/partitions.rs`). What is not known to be sound there is refused by its name.

use super::Diff;
use crate::operation::Operation;
use crate::schema::{Schema, Table};

impl Diff<'_> {
    pub(super) fn partitions(&mut self, target: &Schema) {
        for after in target.tables.values() {
            match self.source.tables.get(&after.name) {
                Some(before) => self.partitioning(before, after),
                None => self.attached_to_new(after),
            }
        }
        let refused: Vec<_> = self.operations.iter().filter_map(|it| self.not_derived(it, target)).collect();
        for (table, column, message) in refused {
            self.refuse(&table, column.as_deref(), message, HELP);
        }
    }

    fn attached_to_new(&mut self, table: &Table) {
        for name in table.partitioned.iter().flat_map(|it| it.partitions.keys()) {
            if self.intents.attached.contains(&(table.name.clone(), name.clone())) {
                self.attach(None, table, name);
            }
        }
    }

    fn partitioning(&mut self, before: &Table, after: &Table) {
        let table = &after.name;
        let (old, new) = match (&before.partitioned, &after.partitioned) {
            (None, None) => return,
            (Some(old), Some(new)) => (old, new),
            (None, Some(_)) => {
                return self.refuse(table, None, format!("table `{table}` becomes partitioned"), OTHERWISE);
            }
            (Some(_), None) => {
                return self.refuse(table, None, format!("table `{table}` is partitioned no longer"), OTHERWISE);
            }
        };
        if (old.by, &old.columns, old.postgres_only) != (new.by, &new.columns, new.postgres_only) {
            return self.refuse(table, None, format!("table `{table}` is partitioned otherwise"), OTHERWISE);
        }
        for (name, bounds) in &new.partitions {
            let (table, partition) = (table.clone(), name.clone());
            match old.partitions.get(name) {
                None if self.intents.attached.contains(&(table.clone(), partition.clone())) => {
                    self.attach(Some(before), after, name);
                }
                None => self.operations.push(Operation::AttachPartition { table, partition }),
                Some(it) if it != bounds => self.refuse(
                    &table,
                    None,
                    format!("partition `{name}` of `{table}` has other bounds"),
                    "no server changes them: detach it (`detached`) in one migration, and list one of another name",
                ),
                Some(_) => {}
            }
        }
        for name in old.partitions.keys().filter(|it| !new.partitions.contains_key(*it)) {
            let key = (table.clone(), name.clone());
            if self.intents.detached.contains(&key) {
                let (table, partition) = key;
                self.operations.push(Operation::DetachPartition { table, partition });
            } else if !self.intents.unlisted.contains(&key) {
                self.refuse(
                    table,
                    None,
                    format!("partition `{name}` of `{table}` is in the last migration and no longer in the list"),
                    format!(
                        "detached, with its rows: #[table(detached(\"{name}\"))]; left as it is, for others to look after: \
                         #[table(unlisted(\"{name}\"))]"
                    ),
                );
            }
        }
    }

    /// What an operation does to a partitioned table, if that is not known to be sound.
    fn not_derived(&self, operation: &Operation, target: &Schema) -> Option<(String, Option<String>, String)> {
        let is_partitioned = |it: &Table| it.partitioned.is_some();
        let found = |name: &str| [self.source, target].into_iter().find_map(|it| it.tables.get(name));
        let (table, column) = operation.place();
        let what = match operation {
            // a new column is looked at by its operation, since only that knows whether rows are to be filled
            Operation::CreateTable { .. }
            | Operation::AttachPartition { .. }
            | Operation::AttachTable { .. }
            | Operation::DetachPartition { .. }
            | Operation::AddColumn { .. }
            | Operation::SetNotNull { .. }
            | Operation::DropNotNull { .. }
            | Operation::DropColumn { .. }
            | Operation::AddIndex { .. }
            | Operation::RenameIndex { .. }
            | Operation::DropIndex { .. }
            | Operation::AddCheck { .. }
            | Operation::EnforceCheck { .. }
            | Operation::DropCheck { .. }
            | Operation::AddForeignKey { replaces: false, .. }
            | Operation::DropForeignKey { .. }
            | Operation::SetDefault { .. }
            | Operation::DropDefault { .. }
            | Operation::DropTable { .. }
            | Operation::PurgeTable { .. }
            | Operation::CreateEnum { .. }
            | Operation::AddEnumValues { .. }
            | Operation::DropEnum { .. } => return None,
            Operation::RenameTable { from, .. } => {
                let before = self.source.tables.get(from).or_else(|| found(table))?;
                let refers = |it: &&Table| {
                    it.foreign_keys.values().any(|key| key.references == table || key.references == *from)
                };
                let child = target.tables.values().find(|it| is_partitioned(it) && refers(it));
                return match child {
                    _ if is_partitioned(before) => Some("renaming it".to_owned()),
                    Some(child) => Some(format!("renaming `{from}`, to which `{}` refers,", child.name)),
                    None => None,
                }
                .map(|what| (table.to_owned(), None, refusal(&what, child.map_or(table, |it| &it.name))));
            }
            Operation::RenameColumn { from, column, .. } => format!("renaming column `{from}` to `{column}`"),
            Operation::Reshape { columns, .. } => format!("filling column `{}` from others", columns[0]),
            Operation::MoveColumn { column, from_table, .. } => {
                if found(from_table).is_some_and(is_partitioned) {
                    let what = format!("moving column `{column}` from it");
                    return Some((table.to_owned(), Some(column.clone()), refusal(&what, from_table)));
                }
                format!("moving column `{column}` to it")
            }
            Operation::ChangeType { column, .. } => {
                // the foreign keys to it are made anew
                let mut children = self.source.tables.values().filter(|it| is_partitioned(it));
                let refers = |it: &&Table| {
                    let to = |name: &String| name == column;
                    it.foreign_keys.values().any(|key| key.references == table && key.referenced_columns.iter().any(to))
                };
                if let Some(child) = children.find(refers) {
                    let what = format!("changing the type of `{table}.{column}`, to which it refers,");
                    return Some((table.to_owned(), Some(column.clone()), refusal(&what, &child.name)));
                }
                format!("changing the type of column `{column}`")
            }
            Operation::ChangeKey { .. } => {
                let refers =
                    |it: &&Table| is_partitioned(it) && it.foreign_keys.values().any(|key| key.references == table);
                if let Some(child) = self.source.tables.values().find(refers) {
                    let what = format!("changing the primary key of `{table}`, to which it refers,");
                    return Some((table.to_owned(), None, refusal(&what, &child.name)));
                }
                "changing its primary key".to_owned()
            }
            Operation::SetIdentity { column, .. } => format!("beginning to number column `{column}`"),
            Operation::DropIdentity { column, .. } => format!("ending to number column `{column}`"),
            Operation::AddForeignKey { foreign_key, replaces: true, .. } => {
                format!("changing foreign key `{foreign_key}`")
            }
        };
        found(table)
            .is_some_and(is_partitioned)
            .then(|| (table.to_owned(), column.map(str::to_owned), refusal(&what, table)))
    }
}

fn refusal(what: &str, table: &str) -> String {
    format!("table `{table}` is partitioned, and {what} is not derived there")
}

const HELP: &str = "leave it as it is; a new column beside it can be filled by an SQL expression (`backfill`)";
const OTHERWISE: &str = "that is not derived: make a new table, and copy the rows";
