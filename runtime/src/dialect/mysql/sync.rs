//! Triggers that give a column its value on every write of old code (MySQL manual, "CREATE TRIGGER").
//!
//! Each is one statement, so that the file needs no DELIMITER. The backfill's own connection
//! sets `@pontoon_backfill`, which spares the trigger's work for rows it fills itself; a
//! variable that nobody set is NULL, and then the trigger works.

use super::quote::ident;
use crate::operation::{Sync, Triggers, insert_name, update_name};

/// The two triggers.
pub(crate) fn triggers<'a>(sync: &Sync<'a>) -> Triggers<'a> {
    let column = ident(sync.column);
    let insert = format!("SET NEW.{column} = IF({}, {}, NEW.{column})", sync.left_out, sync.formula.value("NEW"));
    let mut cases = format!(
        "WHEN @pontoon_backfill IS NOT NULL THEN NEW.{column}\n    WHEN {} THEN {}",
        sync.left_out,
        sync.formula.value("NEW")
    );
    if sync.follows() {
        // texts of two collations are not compared
        let before = sync.formula.value("OLD");
        let before = if sync.collated.contains(&sync.column) {
            format!("CONVERT({before} USING utf8mb4) COLLATE utf8mb4_bin")
        } else {
            before
        };
        let same: Vec<_> = sync.formula.columns().map(|source| unchanged(&ident(source))).collect();
        // the value of a row that somebody has set by hand stays, whatever its sources become
        cases.push_str(&format!(
            "\n    WHEN {} AND NOT ({}) AND OLD.{column} <=> {} THEN {}",
            unchanged(&column),
            same.join(" AND "),
            before,
            sync.formula.value("NEW")
        ));
    }
    let update = format!("SET NEW.{column} = CASE\n    {cases}\n    ELSE NEW.{column}\nEND");
    doing([sync.table, sync.column], &[sync.column], &insert, &update)
}

/// Whether the writer left the column as it was. A collation takes `Bob` for `bob`, and to take the one over the other
/// is a write like any other: so the bytes are compared too, of one column with itself.
pub(super) fn unchanged(column: &str) -> String {
    same(&format!("NEW.{column}"), &format!("OLD.{column}"))
}

/// Whether both are the same to the byte.
pub(super) fn same(one: &str, other: &str) -> String {
    format!("({one} <=> {other} AND CAST({one} AS BINARY) <=> CAST({other} AS BINARY))")
}

/// Triggers with these bodies, about those columns of the table, and named after one.
pub(super) fn doing<'a>(
    [table, named_after]: [&'a str; 2],
    columns: &[&'a str],
    on_insert: &str,
    on_update: &str,
) -> Triggers<'a> {
    let trigger = |name: String, event: &str, body: &str| {
        format!("CREATE TRIGGER {} BEFORE {event} ON {} FOR EACH ROW {body}", ident(&name), ident(table))
    };
    Triggers {
        table,
        columns: columns.to_vec(),
        named_after,
        function: None,
        on_insert: trigger(insert_name(table, named_after), "INSERT", on_insert),
        on_update: trigger(update_name(table, named_after), "UPDATE", on_update),
    }
}
