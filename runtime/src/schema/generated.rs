//! Columns that the server computes, and what neither server lets them be.

use super::SchemaError;
use crate::def::{ColumnDef, GeneratedDef, PerServer, ReferentialAction, TableDef};
use crate::dialect::columns_in;

/// What a generated column has against its table's other columns.
pub(super) fn check(defs: &[&TableDef], errors: &mut Vec<SchemaError>) {
    for (def, column) in defs.iter().flat_map(|def| def.columns.iter().map(move |column| (def, column))) {
        if let Some(generated) = &column.generated {
            let place = format!("`{}.{}`", def.name, column.name);
            let said = alone(column, generated).or_else(|| among(def, column, generated));
            if let Some((what, help)) = said {
                let message = format!("column {place} is generated, and {what}");
                errors.push(SchemaError { at: Some(column.at), message, help: help.to_owned() });
            }
        }
    }
}

fn alone(column: &ColumnDef, generated: &GeneratedDef) -> Option<(String, &'static str)> {
    if generated.sql.postgres.is_none() || generated.sql.mysql.is_none() {
        return Some((
            "one server has no expression".into(),
            "give both: generated(postgres = \"...\", mysql = \"...\")",
        ));
    }
    if column.primary_key {
        return Some((
            "part of the primary key".into(),
            "MySQL takes no such key: remove `primary_key` or `generated`",
        ));
    }
    if column.references.is_some() {
        return Some((
            "has a foreign key".into(),
            "the servers take few of them or none: remove `references` or `generated`",
        ));
    }
    let other = [
        ("`default`", column.default != PerServer::NONE),
        ("`backfill`", column.backfill != PerServer::NONE),
        ("`reverse`", column.reverse != PerServer::NONE),
        ("`identity`", column.identity),
    ];
    let (word, _) = other.into_iter().find(|(_, is)| *is)?;
    Some((format!("has {word}"), "nobody but the server gives it a value: remove it"))
}

fn among(def: &TableDef, column: &ColumnDef, generated: &GeneratedDef) -> Option<(String, &'static str)> {
    let texts = [generated.sql.postgres, generated.sql.mysql];
    let named = |other: &&ColumnDef| {
        texts.into_iter().flatten().any(|sql| !columns_in(sql, std::iter::once(other.name)).is_empty())
    };
    for other in def.columns.iter().filter(named) {
        let name = other.name;
        if name == column.name {
            return Some(("names itself".into(), "write the expression over other columns"));
        }
        if other.generated.is_some() {
            return Some((format!("names `{name}`, which is generated too"), "write out the other's expression"));
        }
        if other.identity {
            return Some((
                format!("names `{name}`, which MySQL numbers too late for it"),
                "write it over other columns",
            ));
        }
        let writes = |action| matches!(action, ReferentialAction::Cascade | ReferentialAction::SetNull);
        let cascades =
            |it: &crate::def::ReferenceDef| writes(it.on_update) || it.on_delete == ReferentialAction::SetNull;
        if other.references.is_some_and(|it| cascades(&it)) {
            return Some((
                format!("names `{name}`, whose foreign key writes it by a cascade"),
                "MySQL takes no such expression: write it over other columns, or choose another action",
            ));
        }
        let goes = |it: &crate::def::ReferenceDef| it.on_delete == ReferentialAction::Cascade;
        if other.references.is_some_and(|it| goes(&it)) && !generated.computed_on_read {
            return Some((
                format!("stored, and names `{name}`, whose foreign key deletes its rows by a cascade"),
                "MySQL takes none that is stored: make it `virtual`, write it over other columns, or choose another `on_delete`",
            ));
        }
    }
    None
}
