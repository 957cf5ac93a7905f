//! In which order tables are filled.

use super::model::Table;

/// Every table behind those it refers to. In a circle, those come first whose references may be NULL.
pub(super) fn parents_first(tables: &[Table]) -> Vec<&Table> {
    let mut waiting: Vec<&Table> = tables.iter().collect();
    let mut ordered = Vec::new();
    while !waiting.is_empty() {
        let blocked = |table: &Table, only_not_null: bool| {
            table.foreign.iter().any(|key| {
                let nullable = key.columns.iter().any(|at| !table.columns[*at].not_null);
                key.parent != table.id && waiting.iter().any(|it| it.id == key.parent) && !(only_not_null && nullable)
            })
        };
        let next = waiting
            .iter()
            .position(|table| !blocked(table, false))
            .or_else(|| waiting.iter().position(|table| !blocked(table, true)))
            .unwrap_or(0);
        ordered.push(waiting.remove(next));
    }
    ordered
}
