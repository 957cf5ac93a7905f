//! Rows of a catalog's answers.

use std::collections::HashMap;

use crate::verify::conn::TextRow;

/// The rows by their first value, which names a table.
pub(super) fn by_table(rows: Vec<TextRow>) -> HashMap<String, Vec<TextRow>> {
    let mut tables: HashMap<String, Vec<TextRow>> = HashMap::new();
    for row in rows {
        tables.entry(row[0].clone().unwrap_or_default()).or_default().push(row);
    }
    tables
}

/// The first values of a row; empty for NULL.
pub(super) fn texts<const N: usize>(row: &TextRow) -> [&str; N] {
    std::array::from_fn(|at| row.get(at).and_then(Option::as_deref).unwrap_or_default())
}
