//! The batches of a backfill (PostgreSQL manual, "UPDATE", "TID range scan" of release 14, "Tid Scan" before it).

use super::quote::ident;
use super::types;
use crate::migration::{KeyCast, KeyColumn, Walk, WalkBy};
use crate::schema::Table;

/// By blocks, in passes over the rows' classes. For servers before 14, by ranges of the key; where there is none, by
/// blocks all the same, whose rows are asked for one by one.
pub(crate) fn walks(table: &Table, key: &[String], assignment: &str, unfilled: &str) -> Vec<Walk> {
    let update = format!("UPDATE {} SET {assignment}", ident(&table.name));
    let mut walks = vec![Walk {
        by: WalkBy::Blocks,
        sql: format!(
            "{update} WHERE ctid >= $1::text::tid AND ctid < $2::text::tid AND (hashtid(ctid) & $3::int) <= $4::int AND {unfilled}"
        ),
        line: 0,
    }];
    walks.push(match key_columns(table, key) {
        Some(columns) => {
            let range = range(&columns);
            Walk { by: WalkBy::Keys(columns), sql: format!("{update} WHERE {range} AND {unfilled}"), line: 0 }
        }
        None => Walk { by: WalkBy::Tids, sql: format!("{update} WHERE ctid = ANY ({TIDS}) AND {unfilled}"), line: 0 },
    });
    walks
}

/// The addresses that rows of the slice's classes may have: a row takes 28 bytes of its page at least, 4 of them for
/// the pointer to it. An address without a row costs a look at a page that is in memory already.
const TIDS: &str = "ARRAY(SELECT format('(%s,%s)', b, o)::tid \
    FROM generate_series(($1::text::point)[0]::bigint, ($2::text::point)[0]::bigint - 1) AS b, \
    generate_series(1, current_setting('block_size')::int / 28) AS o WHERE (o & $3::int) <= $4::int)";

pub(crate) fn key_columns(table: &Table, key: &[String]) -> Option<Vec<KeyColumn>> {
    let columns: Option<Vec<_>> = key
        .iter()
        .map(|name| Some(KeyColumn { name: name.clone(), cast: types::key_cast(&table.column(name)?.ty)? }))
        .collect();
    columns.filter(|it| !it.is_empty())
}

/// The rows from one key to another, both among them: `$1` and so on are the first, then the last.
pub(crate) fn range(columns: &[KeyColumn]) -> String {
    let first = parameters(columns, 1);
    let last = parameters(columns, 1 + columns.len());
    let names = columns.iter().map(|it| ident(&it.name)).collect::<Vec<_>>().join(", ");
    if columns.len() == 1 {
        format!("{names} >= {first} AND {names} <= {last}")
    } else {
        format!("({names}) >= ({first}) AND ({names}) <= ({last})")
    }
}

/// The key's columns as [`WalkBy::Keys`] binds them.
pub(crate) fn key_as_text(columns: &[KeyColumn]) -> Vec<String> {
    let shown = |it: &KeyColumn| match it.cast {
        KeyCast::Hex => format!("encode({}, 'hex')", ident(&it.name)),
        KeyCast::Text | KeyCast::Type(_) => format!("{}::text", ident(&it.name)),
    };
    columns.iter().map(shown).collect()
}

/// The row of one key, whose columns are the parameters from `$2` on.
pub(crate) fn row(columns: &[KeyColumn]) -> String {
    let one = |(at, it): (usize, &KeyColumn)| {
        format!("{} = {}", ident(&it.name), parameters(std::slice::from_ref(it), 2 + at))
    };
    columns.iter().enumerate().map(one).collect::<Vec<_>>().join(" AND ")
}

fn parameters(columns: &[KeyColumn], from: usize) -> String {
    let parameter = |(at, column): (usize, &KeyColumn)| match &column.cast {
        KeyCast::Text => format!("${}::text", from + at),
        KeyCast::Hex => format!("decode(${}::text, 'hex')", from + at),
        KeyCast::Type(name) => format!("${}::text::{name}", from + at),
    };
    columns.iter().enumerate().map(parameter).collect::<Vec<_>>().join(", ")
}
