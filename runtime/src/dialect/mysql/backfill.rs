//! The batches of a backfill (MySQL manual, "UPDATE", "Range Optimization").

use super::quote::ident;
use super::types;
use crate::migration::{KeyCast, KeyColumn, Walk, WalkBy};
use crate::schema::Table;

/// By ranges of the key.
pub(crate) fn walks(table: &Table, key: &[String], assignment: &str, unfilled: &str) -> Vec<Walk> {
    let columns: Option<Vec<_>> = key
        .iter()
        .map(|name| Some(KeyColumn { name: name.clone(), cast: types::key_cast(&table.column(name)?.ty)? }))
        .collect();
    let Some(columns) = columns.filter(|it| !it.is_empty()) else { return Vec::new() };
    let range = range(&columns);
    let sql = format!("UPDATE {} SET {assignment} WHERE {range} AND {unfilled}", ident(&table.name));
    vec![Walk { by: WalkBy::Keys(columns), sql, line: 0 }]
}

/// The rows from one key to another, both among them; for the parameters see [`WalkBy::Keys`].
pub(crate) fn range(columns: &[KeyColumn]) -> String {
    format!("{} AND {}", bound(columns, ">"), bound(columns, "<"))
}

/// `(a > ? OR (a = ? AND b >= ?))`: the range optimizer understands this, and not `(a, b) >= (?, ?)`.
fn bound(columns: &[KeyColumn], direction: &str) -> String {
    let Some((first, rest)) = columns.split_first() else { return String::new() };
    let name = ident(&first.name);
    let parameter = match &first.cast {
        KeyCast::Text => "?".to_owned(),
        KeyCast::Hex => "UNHEX(?)".to_owned(),
        KeyCast::Type(name) => format!("CAST(? AS {name})"),
    };
    if rest.is_empty() {
        format!("{name} {direction}= {parameter}")
    } else {
        format!("({name} {direction} {parameter} OR ({name} = {parameter} AND {}))", bound(rest, direction))
    }
}
