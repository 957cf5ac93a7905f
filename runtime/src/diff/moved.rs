//! Columns of another table.

use super::Diff;
use crate::operation::Operation;
use crate::schema::Schema;

impl Diff<'_> {
    /// Those that are new where the author says they come to, and gone where they come from.
    pub(super) fn moved_columns(&mut self, target: &Schema) {
        let of = |schema: &Schema, table: &str, column: &str| {
            schema.tables.get(table).is_some_and(|it| it.column(column).is_some())
        };
        for ((table, column), (from_table, from)) in &self.intents.moved_from {
            if !of(target, table, column) || of(self.source, table, column) {
                continue;
            }
            let said = format!("column `{table}.{column}` is said to be moved from `{from_table}.{from}`, which");
            if !of(self.source, from_table, from) {
                self.refuse(
                    table,
                    Some(column),
                    format!("{said} is not there to be moved"),
                    "correct the names, or remove `moved_from`",
                );
            } else if of(target, from_table, from) || !target.tables.contains_key(from_table) {
                let (what, help) = match target.tables.contains_key(from_table) {
                    true => ("is still a field", "remove the field there; it is kept for old code until contract"),
                    false => {
                        ("goes with its table", "move the column in this migration, and drop the table in the next")
                    }
                };
                self.refuse(table, Some(column), format!("{said} {what}"), help);
            } else {
                self.operations.push(Operation::MoveColumn {
                    table: table.clone(),
                    column: column.clone(),
                    from_table: from_table.clone(),
                    from: from.clone(),
                });
            }
        }
    }
}
