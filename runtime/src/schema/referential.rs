//! What MySQL does not take together: checks and foreign keys that write; checks or indexes of expressions, and numbers it
//! gives itself.

use super::{KeyOf, Schema, SchemaError, Table};
use crate::def::{Location, ReferentialAction, TableDef};
use crate::dialect::{Dialect, columns_in};

pub(super) fn check(defs: &[&TableDef], schema: &Schema, errors: &mut Vec<SchemaError>) {
    for def in defs {
        let Some(table) = schema.tables.get(def.name) else { continue };
        checks(def, table, errors);
        expressions(def, table, errors);
        for column in def.columns.iter().filter(|it| !it.nullable) {
            if column.references.is_some_and(|it| it.on_update == ReferentialAction::SetNull) {
                errors.push(SchemaError {
                    at: Some(column.at),
                    message: format!(
                        "column `{}.{}` is set to NULL on update, and takes no NULL",
                        def.name, column.name
                    ),
                    help: "make the field an `Option`, or choose another `on_update`".into(),
                });
            }
        }
    }
}

fn checks(def: &TableDef, table: &Table, errors: &mut Vec<SchemaError>) {
    for (name, check) in &table.checks {
        let Some(condition) = check.sql.of(Dialect::MySql) else { continue };
        let at = place(def, check.column.as_deref());
        for column in named(table, condition) {
            if table.column(column).is_some_and(|it| it.identity) {
                errors.push(SchemaError {
                    at,
                    message: format!(
                        "check `{name}` is over `{}.{column}`, an identity, and MySQL takes no check over one",
                        def.name
                    ),
                    help: "leave the column out, or give the check to PostgreSQL alone: check(postgres = \"...\")"
                        .into(),
                });
            }
            let written = |key: &&super::ForeignKey| key.writes_rows() && key.columns.iter().any(|it| it == column);
            if let Some(key) = table.foreign_keys.values().find(written) {
                errors.push(SchemaError {
                    at,
                    message: format!(
                        "check `{name}` is over `{}.{column}`, which changes with the rows of `{}`, and MySQL takes no check \
                         over a column that a foreign key writes",
                        def.name, key.references
                    ),
                    help: "choose `on_update` and `on_delete` that do not write it, or give the check to PostgreSQL alone: \
                           check(postgres = \"...\")"
                        .into(),
                });
            }
        }
    }
}

/// The columns that the condition names, and those from which one of them is generated: by a cascade it changes with them.
fn named<'a>(table: &'a Table, condition: &str) -> Vec<&'a str> {
    let among = |sql: &str| columns_in(sql, table.columns.iter().map(|it| it.name.as_str()));
    let mut named = among(condition);
    for column in named.clone() {
        let generated = table.column(column).and_then(|it| it.generated.as_ref());
        named.extend(generated.and_then(|it| it.sql.of(Dialect::MySql)).into_iter().flat_map(among));
    }
    named
}

/// Error 3754.
fn expressions(def: &TableDef, table: &Table, errors: &mut Vec<SchemaError>) {
    for (name, index) in table.indexes.iter().filter(|(_, it)| it.is_for(Dialect::MySql)) {
        let expressions = index.form.keys.iter().filter_map(|it| match &it.of {
            KeyOf::Expression(sql) => sql.of(Dialect::MySql),
            KeyOf::Column(_) => None,
        });
        let numbered = || table.columns.iter().filter(|it| it.identity).map(|it| it.name.as_str());
        for column in expressions.flat_map(|sql| columns_in(sql, numbered())) {
            errors.push(SchemaError {
                at: Some(def.at),
                message: format!(
                    "index `{name}` is over an expression of `{}.{column}`, an identity, and MySQL takes none over one",
                    def.name
                ),
                help: "leave the column out, or give the index to PostgreSQL alone: `only = \"postgres\"`".into(),
            });
        }
    }
}

fn place(def: &TableDef, column: Option<&str>) -> Option<Location> {
    let field = def.columns.iter().find(|it| Some(it.name) == column);
    Some(field.map_or(def.at, |it| it.at))
}
