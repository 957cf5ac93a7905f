//! Triggers that give a column its value on every write of old code (PostgreSQL manual,
//! "CREATE TRIGGER", "Trigger Functions").
//!
//! One trigger an event, each with a WHEN: entering PL/pgSQL costs a microsecond a row, a
//! WHEN that is false costs nothing, so neither the backfill nor new code pays.

use super::quote::ident;
use crate::operation::{Sync, Triggers, function_name, insert_name, update_name};

/// The function and the two triggers.
pub(crate) fn triggers<'a>(sync: &Sync<'a>) -> Triggers<'a> {
    let column = ident(sync.column);
    let exactly = |name: &str| exact(sync.collated.contains(&name));
    let own = exactly(sync.column);
    let keep = if !sync.follows() {
        String::new()
    } else {
        // the value of a row that somebody has set by hand stays, whatever its sources become
        format!(
            "    IF TG_OP = 'UPDATE' AND ({}) IS NOT TRUE AND OLD.{column}{own} IS DISTINCT FROM {} THEN\n        RETURN NEW;\n    END IF;\n",
            sync.left_out,
            sync.formula.value("OLD")
        )
    };
    let body = format!("{keep}    NEW.{column} := {};\n", sync.formula.value("NEW"));
    let changes = |source: &str| format!("OLD.{0}{1} IS DISTINCT FROM NEW.{0}", ident(source), exactly(source));
    let changed: Vec<_> = sync.formula.columns().map(changes).collect();
    let on_update = if !sync.follows() {
        sync.left_out.clone()
    } else {
        format!(
            "{} OR (NEW.{column}{own} IS NOT DISTINCT FROM OLD.{column} AND ({}))",
            sync.left_out,
            changed.join(" OR ")
        )
    };
    calling([sync.table, sync.column], &[sync.column], &body, Some(&sync.left_out), &on_update)
}

/// Compares letter by letter: a collation may take two texts for one, and two columns of different collations
/// are not compared at all.
pub(super) const fn exact(collated: bool) -> &'static str {
    if collated { " COLLATE \"C\"" } else { "" }
}

/// A function with that body, and triggers that call it when their condition holds. They are about
/// those columns of the table, and named after one.
pub(super) fn calling<'a>(
    [table, named_after]: [&'a str; 2],
    columns: &[&'a str],
    body: &str,
    on_insert: Option<&str>,
    on_update: &str,
) -> Triggers<'a> {
    let function = function_name(table, named_after);
    let trigger = |name: String, event: &str, when: Option<&str>| {
        format!(
            "CREATE TRIGGER {} BEFORE {event} ON {} FOR EACH ROW {}EXECUTE FUNCTION {}()",
            ident(&name),
            ident(table),
            when.map(|it| format!("WHEN ({it}) ")).unwrap_or_default(),
            ident(&function)
        )
    };
    Triggers {
        table,
        columns: columns.to_vec(),
        named_after,
        function: Some(format!(
            "CREATE FUNCTION {}() RETURNS trigger LANGUAGE plpgsql AS $pontoon$\nBEGIN\n{body}    RETURN NEW;\nEND\n$pontoon$",
            ident(&function)
        )),
        on_insert: trigger(insert_name(table, named_after), "INSERT", on_insert),
        on_update: trigger(update_name(table, named_after), "UPDATE", Some(on_update)),
    }
}
