//! The enums of all structs together: on PostgreSQL each is a type of the schema, beside the tables.

use std::collections::{BTreeMap, BTreeSet};

use super::from_defs::check_name;
use super::{Intents, Schema, SchemaError};
use crate::def::{ColumnDef, EnumDef, PerServer, TableDef};

/// What two structs, or an enum and a struct, have against each other.
pub(super) fn check(defs: &[&TableDef], schema: &Schema, errors: &mut Vec<SchemaError>) {
    let mut known: BTreeMap<&str, &EnumDef> = BTreeMap::new();
    for (def, column) in defs.iter().flat_map(|def| def.columns.iter().map(move |column| (def, column))) {
        let Some(it) = column.enum_def else { continue };
        column_of(def, column, it, errors);
        match known.insert(it.name, it) {
            // the same enum, in another column
            Some(other) if other == it => continue,
            Some(other) => errors.push(SchemaError {
                at: Some(it.at),
                message: format!("enum `{}` is already defined at {}", it.name, other.at),
                help: format!("give `{}` another name: #[enumeration(name = \"...\")]", it.enum_name),
            }),
            None => {}
        }
        itself(it, schema, errors);
    }
}

/// What it says of values of before.
pub(super) fn intents(it: &EnumDef, intents: &mut Intents) {
    let key = |value: &str| (it.name.to_owned(), value.to_owned());
    intents.enums.insert(it.name.to_owned(), it.enum_name.to_owned());
    intents.renamed_values.extend(it.renamed.iter().map(|(new, old)| (key(new), (*old).to_owned())));
    intents.dropped_values.extend(it.dropped.iter().map(|it| (key(it.value), it.becomes.map(str::to_owned))));
}

fn itself(it: &EnumDef, schema: &Schema, errors: &mut Vec<SchemaError>) {
    check_name(it.at, "enum", it.name, errors);
    if schema.tables.contains_key(it.name) {
        errors.push(SchemaError {
            at: Some(it.at),
            message: format!("enum `{}` has the name of a table, which is a type to PostgreSQL too", it.name),
            help: format!("give `{}` another name: #[enumeration(name = \"...\")]", it.enum_name),
        });
    }
    let mut seen = BTreeSet::new();
    for value in it.values {
        let wrong = if value.is_empty() || value.len() > 63 {
            "has not 1 to 63 bytes, which PostgreSQL wants"
        } else if value.ends_with(' ') || value.chars().any(|c| c.is_control() || c == '\\') {
            "holds a backslash or a control character, or ends with a space"
        } else if !seen.insert(value.to_lowercase()) {
            "stands twice (MySQL knows no case here)"
        } else {
            continue;
        };
        errors.push(SchemaError {
            at: Some(it.at),
            message: format!("the value `{value}` of enum `{}` {wrong}", it.name),
            help: "give the variant another value: #[value(\"...\")]".into(),
        });
    }
}

fn column_of(def: &TableDef, column: &ColumnDef, it: &EnumDef, errors: &mut Vec<SchemaError>) {
    let place = format!("`{}.{}`", def.name, column.name);
    let mut wrong = |message: String, help: String| errors.push(SchemaError { at: Some(column.at), message, help });
    if column.sql_type != PerServer::NONE {
        wrong(
            format!("column {place} has an enum's type, and its type is spelled too"),
            format!(
                "remove `sql_type`, or spell it for both servers; then `{}` is no type of the schema",
                it.enum_name
            ),
        );
    }
    for text in [column.default.postgres, column.default.mysql].into_iter().flatten() {
        let literal = text.trim().strip_prefix('\'').and_then(|it| it.strip_suffix('\''));
        if let Some(value) =
            literal.map(|it| it.replace("''", "'")).filter(|value| !it.values.contains(&value.as_str()))
        {
            wrong(
                format!("the default of column {place} is `{value}`, which is no value of enum `{}`", it.name),
                format!("the values are: {}", it.values.join(", ")),
            );
            return;
        }
    }
}
