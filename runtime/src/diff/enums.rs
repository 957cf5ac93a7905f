//! What changes in the enums, which on PostgreSQL are types beside the tables.

use super::Diff;
use crate::operation::Operation;
use crate::schema::{Enumeration, Schema};

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
                Some((earlier, ..)) => self.other_values(&table, &column, earlier, it),
            }
        }
        for (name, (_, table, _)) in &before {
            if !after.contains_key(name) {
                self.operations.push(Operation::DropEnum { name: (*name).to_owned(), table: table.name.clone() });
            }
        }
    }

    /// A value goes or moves: rows and code of before know it.
    fn other_values(&mut self, table: &str, column: &str, before: &Enumeration, after: &Enumeration) {
        let gone: Vec<_> =
            before.values.iter().filter(|it| !after.values.contains(it)).map(|it| format!("`{it}`")).collect();
        let what = if gone.is_empty() {
            "its values change their order".into()
        } else {
            format!("it loses {}", gone.join(", "))
        };
        let key = (table.to_owned(), column.to_owned());
        let field = self.intents.fields.get(&key).cloned().unwrap_or_else(|| column.to_owned());
        self.refuse(
            table,
            Some(column),
            format!("enum `{}` changes and {what}, which rows and old code may hold", after.name),
            format!(
                "make the new enum a type of its own, #[enumeration(name = \"...\")], for a column of its own, so that both can \
                 live: a new field for `{field}` with #[column(renamed_from = \"{column}\", backfill = \"...\", reverse = \"...\")]"
            ),
        );
    }
}

/// Whether every value of before is still there, in the order of before.
fn only_more(before: &Enumeration, after: &Enumeration) -> bool {
    let kept = after.values.iter().filter(|it| before.values.contains(it));
    kept.eq(&before.values)
}
