//! The batches of a backfill (MySQL manual, "UPDATE", "Range Optimization").

use super::quote::ident;
use super::types;
use crate::migration::{KeyCast, KeyColumn, Walk, WalkBy};
use crate::schema::Table;

/// By ranges of the key.
pub(crate) fn walks(table: &Table, key: &[String], assignment: &str, unfilled: &str) -> Vec<Walk> {
    let Some(columns) = key_columns(table, key) else { return Vec::new() };
    let range = range(&columns);
    let sql = format!("UPDATE {} SET {assignment} WHERE {range} AND {unfilled}", ident(&table.name));
    vec![Walk { by: WalkBy::Keys(columns), sql, line: 0 }]
}

pub(crate) fn key_columns(table: &Table, key: &[String]) -> Option<Vec<KeyColumn>> {
    let columns: Option<Vec<_>> = key
        .iter()
        .map(|name| Some(KeyColumn { name: name.clone(), cast: types::key_cast(&table.column(name)?.ty)? }))
        .collect();
    columns.filter(|it| !it.is_empty())
}

/// The key's columns as [`WalkBy::Keys`] binds them.
pub(crate) fn key_as_text(columns: &[KeyColumn]) -> Vec<String> {
    let shown = |it: &KeyColumn| match it.cast {
        KeyCast::Text => ident(&it.name),
        KeyCast::Hex => format!("HEX({})", ident(&it.name)),
        KeyCast::Type(_) => format!("CAST({} AS CHAR)", ident(&it.name)),
    };
    columns.iter().map(shown).collect()
}

/// The row of one key.
pub(crate) fn row(columns: &[KeyColumn]) -> String {
    let one = |it: &KeyColumn| format!("{} = {}", ident(&it.name), parameter(it));
    columns.iter().map(one).collect::<Vec<_>>().join(" AND ")
}

fn parameter(column: &KeyColumn) -> String {
    match &column.cast {
        KeyCast::Text => "?".to_owned(),
        KeyCast::Hex => "UNHEX(?)".to_owned(),
        KeyCast::Type(name) => format!("CAST(? AS {name})"),
    }
}

/// The rows from one key to another, both among them; for the parameters see [`WalkBy::Keys`].
pub(crate) fn range(columns: &[KeyColumn]) -> String {
    format!("{} AND {}", bound(columns, ">"), bound(columns, "<"))
}

/// `(a > ? OR (a = ? AND b >= ?))`: the range optimizer understands this, and not `(a, b) >= (?, ?)`.
fn bound(columns: &[KeyColumn], direction: &str) -> String {
    let Some((first, rest)) = columns.split_first() else { return String::new() };
    let name = ident(&first.name);
    let parameter = parameter(first);
    if rest.is_empty() {
        format!("{name} {direction}= {parameter}")
    } else {
        format!("({name} {direction} {parameter} OR ({name} = {parameter} AND {}))", bound(rest, direction))
    }
}
