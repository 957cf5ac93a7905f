//! Triggers that keep two columns the same, whichever is written.
//!
//! The backfill's own updates come by here too. What it writes is what the old column gives, and
//! then the old column stays: it must not be written anew from a value that lost something on the way.

use super::quote::ident;
use super::sync::calling;
use crate::operation::{Mirror, Triggers};

/// The function and the two triggers.
pub(crate) fn triggers<'a>(mirror: &Mirror<'a>) -> Triggers<'a> {
    let (old, new) = (ident(mirror.old), ident(mirror.new));
    let changed = format!("NEW.{new} IS DISTINCT FROM OLD.{new}");
    let left_out = if mirror.null_is_left_out {
        format!("{} AND NOT (TG_OP = 'UPDATE' AND {changed})", mirror.left_out)
    } else {
        format!("({}) IS TRUE", mirror.left_out)
    };
    let (forth, back) = (mirror.forth.value("NEW"), mirror.back.value("NEW"));
    let body = format!(
        "    IF {left_out} THEN
        NEW.{new} := {forth};
    ELSIF TG_OP = 'INSERT' THEN
        NEW.{old} := {back};
    ELSIF {changed} THEN
        IF NEW.{new} IS DISTINCT FROM {forth} THEN
            NEW.{old} := {back};
        END IF;
    ELSE
        NEW.{new} := {forth};
    END IF;
"
    );
    let on_update = format!("{} OR {changed} OR NEW.{old} IS DISTINCT FROM OLD.{old}", mirror.left_out);
    calling([mirror.table, mirror.new, mirror.named_after], &body, None, &on_update)
}
