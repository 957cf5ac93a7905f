//! Triggers that give a column its value on every write of old code (PostgreSQL manual,
//! "CREATE TRIGGER", "Trigger Functions").
//!
//! One trigger an event, each with a WHEN: entering PL/pgSQL costs a microsecond a row, a
//! WHEN that is false costs nothing, so neither the backfill nor new code pays.

use super::quote::ident;
use crate::operation::Sync;

/// The function, and its name.
pub(crate) fn function(sync: &Sync<'_>) -> (String, String) {
    let name = sync.name("");
    let column = ident(sync.column);
    let keep = if !sync.follows() {
        String::new()
    } else {
        // the value of a row that somebody has set by hand stays, whatever its sources become
        format!(
            "    IF TG_OP = 'UPDATE' AND ({}) IS NOT TRUE AND OLD.{column} IS DISTINCT FROM {} THEN\n        RETURN NEW;\n    END IF;\n",
            sync.left_out,
            sync.value("OLD")
        )
    };
    let sql = format!(
        "CREATE FUNCTION {}() RETURNS trigger LANGUAGE plpgsql AS $pontoon$\nBEGIN\n{keep}    NEW.{column} := {};\n    RETURN NEW;\nEND\n$pontoon$",
        ident(&name),
        sync.value("NEW")
    );
    (sql, name)
}

/// The two triggers with their names: for INSERT, and for UPDATE.
pub(crate) fn triggers(sync: &Sync<'_>) -> Vec<(String, String)> {
    let column = ident(sync.column);
    let changed: Vec<_> =
        sync.sources.iter().map(|source| format!("OLD.{0} IS DISTINCT FROM NEW.{0}", ident(source))).collect();
    let on_update = if !sync.follows() {
        sync.left_out.clone()
    } else {
        format!("{} OR (NEW.{column} IS NOT DISTINCT FROM OLD.{column} AND ({}))", sync.left_out, changed.join(" OR "))
    };
    let trigger = |suffix: &str, event: &str, when: &str| {
        let name = sync.name(suffix);
        let sql = format!(
            "CREATE TRIGGER {} BEFORE {event} ON {} FOR EACH ROW WHEN ({when}) EXECUTE FUNCTION {}()",
            ident(&name),
            ident(sync.table),
            ident(&sync.name(""))
        );
        (sql, name)
    };
    vec![trigger("_ins", "INSERT", &sync.left_out), trigger("_upd", "UPDATE", &on_update)]
}
