//! Partitioned tables. What changes the catalog alone goes through the table, and the server does the same to
//! every partition, whoever made it. What reads or writes rows, or wants a statement for each partition, is
//! refused by its name.

use super::Diff;
use crate::dialect::Dialect;
use crate::operation::Operation;
use crate::schema::{Schema, Table};

impl Diff<'_> {
    pub(super) fn partitions(&mut self, target: &Schema) {
        for after in target.tables.values() {
            if let Some(before) = self.source.tables.get(&after.name) {
                self.partitioning(before, after);
            }
        }
        let refused: Vec<_> = self.operations.iter().filter_map(|it| self.not_derived(it, target)).collect();
        for (table, column, message) in refused {
            self.refuse(&table, column.as_deref(), message, HELP);
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
            self.refuse(table, None, format!("table `{table}` is partitioned otherwise"), OTHERWISE);
        }
        for (name, bounds) in &new.partitions {
            let message = match old.partitions.get(name) {
                None => format!("partition `{name}` of `{table}` is new, and the table is not"),
                Some(it) if it != bounds => format!("partition `{name}` of `{table}` has other bounds"),
                Some(_) => continue,
            };
            self.refuse(
                table,
                None,
                message,
                "only the partitions that a new table begins with are derived: make it where others are made \
                 (pg_partman, a job), and take it out of the struct; what no struct lists is left alone",
            );
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
            | Operation::AddColumn { .. }
            | Operation::SetDefault { .. }
            | Operation::DropDefault { .. }
            | Operation::DropTable { .. }
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
            Operation::SetNotNull { column, .. } => format!("taking NULL from column `{column}`"),
            // NOT NULL goes first from a column that new code leaves out, and the way back reads every row
            Operation::DropColumn { table, column, renamed_to } => {
                let takes_none = self.source.tables.get(table).and_then(|it| it.column(column));
                if renamed_to.is_none()
                    && takes_none.is_some_and(|it| it.nullable || it.default.of(Dialect::Postgres).is_some())
                {
                    return None;
                }
                format!("dropping column `{column}`, which takes no NULL and has no default,")
            }
            Operation::DropNotNull { column, .. } => format!("letting column `{column}` take NULL"),
            Operation::ChangeKey { .. } => {
                let refers =
                    |it: &&Table| is_partitioned(it) && it.foreign_keys.values().any(|key| key.references == table);
                if let Some(child) = self.source.tables.values().find(refers) {
                    let what = format!("changing the primary key of `{table}`, to which it refers,");
                    return Some((table.to_owned(), None, refusal(&what, &child.name)));
                }
                "changing its primary key".to_owned()
            }
            Operation::AddIndex { index, .. } => format!("adding index `{index}`"),
            Operation::RenameIndex { from, index, .. } => format!("renaming index `{from}` to `{index}`"),
            Operation::DropIndex { index, .. } => format!("dropping index `{index}`"),
            Operation::AddCheck { check, .. } => format!("adding check `{check}`"),
            Operation::DropCheck { check, .. } => format!("dropping check `{check}`"),
            Operation::AddForeignKey { foreign_key, .. } => format!("adding foreign key `{foreign_key}`"),
            Operation::DropForeignKey { foreign_key, .. } => format!("dropping foreign key `{foreign_key}`"),
        };
        found(table)
            .is_some_and(is_partitioned)
            .then(|| (table.to_owned(), column.map(str::to_owned), refusal(&what, table)))
    }
}

fn refusal(what: &str, table: &str) -> String {
    format!("table `{table}` is partitioned, and {what} is not derived there")
}

const HELP: &str = "leave it as it is; columns that need no value for each row can be added and dropped, and defaults set and \
                    dropped";
const OTHERWISE: &str = "that is not derived: make a new table, and copy the rows";
