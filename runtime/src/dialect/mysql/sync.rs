//! Triggers that give a column its value on every write of old code (MySQL manual, "CREATE TRIGGER").
//!
//! Each is one statement, so that the file needs no DELIMITER. The backfill's own connection
//! sets `@pontoon_backfill`, which spares the trigger's work for rows it fills itself; a
//! variable that nobody set is NULL, and then the trigger works.

use super::quote::ident;
use crate::operation::Sync;

/// The two triggers with their names: for INSERT, and for UPDATE.
pub(crate) fn triggers(sync: &Sync<'_>) -> Vec<(String, String)> {
    let column = ident(sync.column);
    let insert = format!("SET NEW.{column} = IF({}, {}, NEW.{column})", sync.left_out, sync.value("NEW"));
    let mut cases = format!(
        "WHEN @pontoon_backfill IS NOT NULL THEN NEW.{column}\n    WHEN {} THEN {}",
        sync.left_out,
        sync.value("NEW")
    );
    if sync.follows() {
        let same: Vec<_> = sync.sources.iter().map(|source| format!("OLD.{0} <=> NEW.{0}", ident(source))).collect();
        // the value of a row that somebody has set by hand stays, whatever its sources become
        cases.push_str(&format!(
            "\n    WHEN NEW.{column} <=> OLD.{column} AND NOT ({}) AND OLD.{column} <=> {} THEN {}",
            same.join(" AND "),
            sync.value("OLD"),
            sync.value("NEW")
        ));
    }
    let update = format!("SET NEW.{column} = CASE\n    {cases}\n    ELSE NEW.{column}\nEND");
    let trigger = |suffix: &str, event: &str, body: &str| {
        let name = sync.name(suffix);
        let sql =
            format!("CREATE TRIGGER {} BEFORE {event} ON {} FOR EACH ROW {body}", ident(&name), ident(sync.table));
        (sql, name)
    };
    vec![trigger("_ins", "INSERT", &insert), trigger("_upd", "UPDATE", &update)]
}
