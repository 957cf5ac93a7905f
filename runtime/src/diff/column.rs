//! What changes in a table's columns.

use super::Diff;
use crate::dialect::Dialect;
use crate::operation::Operation;
use crate::schema::{Column, ColumnType, Table};

impl Diff<'_> {
    pub(super) fn columns(&mut self, before: &Table, after: &Table) {
        let gone: Vec<&Column> = before.columns.iter().filter(|it| after.column(&it.name).is_none()).collect();
        let new: Vec<&Column> = after.columns.iter().filter(|it| before.column(&it.name).is_none()).collect();
        self.dropped_or_renamed(after, &gone, &new);
        for column in &new {
            self.operations.push(Operation::AddColumn { table: after.name.clone(), column: column.name.clone() });
            if column.identity {
                self.refuse(
                    &after.name,
                    Some(&column.name),
                    format!("column `{}.{}` is new and numbered by the server", after.name, column.name),
                    "adding an identity column to a table is not derived: leave it out of an existing table",
                );
            }
        }
        for column in &gone {
            self.operations.push(Operation::DropColumn { table: after.name.clone(), column: column.name.clone() });
        }
        for column in &after.columns {
            if let Some(earlier) = before.column(&column.name) {
                self.column(&after.name, earlier, column);
            }
        }
    }

    /// A drop and an add may be a rename: only the author knows.
    fn dropped_or_renamed(&mut self, table: &Table, gone: &[&Column], new: &[&Column]) {
        let name = &table.name;
        let key = |column: &str| (name.clone(), column.to_owned());
        let mut unexplained: Vec<&str> = Vec::new();
        for column in gone {
            if !self.intents.dropped.contains(&key(&column.name)) {
                unexplained.push(&column.name);
            }
        }
        for column in new {
            let Some(old) = self.intents.renamed_from.get(&key(&column.name)).cloned() else { continue };
            let known = gone.iter().any(|it| it.name == old);
            unexplained.retain(|it| *it != old);
            let message = if known {
                format!("column `{name}.{old}` is renamed to `{}`", column.name)
            } else {
                format!(
                    "column `{name}.{}` is said to be renamed from `{old}`, which is not in the last migration",
                    column.name
                )
            };
            let help = if known {
                format!(
                    "a rename is not derived; keep the column's name with #[column(name = \"{old}\")], or keep the old field, \
                     add the new one with #[column(backfill = \"{old}\")], and remove the old one in a later migration"
                )
            } else {
                "remove `renamed_from`, or correct the name".to_owned()
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
        if before.ty != after.ty {
            let [from, to] = [&before.ty, &after.ty].map(spelled);
            self.refuse(
                &table,
                Some(&column),
                format!("the type of `{table}.{column}` changes from {from} to {to}"),
                format!(
                    "a change of type is not derived; add a new field with #[column(backfill = \"...\")] that casts `{column}`, \
                     and remove the old one in a later migration"
                ),
            );
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

fn spelled(ty: &ColumnType) -> String {
    let [postgres, mysql] = Dialect::ALL.map(|dialect| dialect.type_name(ty));
    if postgres == mysql { format!("`{postgres}`") } else { format!("`{postgres}` (MySQL `{mysql}`)") }
}
