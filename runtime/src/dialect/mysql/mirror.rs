//! Triggers that keep two columns the same, whichever is written.
//!
//! The old column comes first in each SET: the second assignment sees the first, and must still find
//! what the writer gave.

use super::quote::ident;
use super::sync::{doing, unchanged};
use crate::operation::{Mirror, Triggers};

/// The two triggers.
pub(crate) fn triggers<'a>(mirror: &Mirror<'a>) -> Triggers<'a> {
    let (old, new) = (ident(mirror.old), ident(mirror.new));
    let (forth, back) = (mirror.forth.value("NEW"), mirror.back.value("NEW"));
    let left_out = &mirror.left_out;
    let insert = format!(
        "SET NEW.{old} = IF({left_out}, NEW.{old}, {back}),\n    NEW.{new} = IF({left_out}, {forth}, NEW.{new})"
    );
    let (kept, old_kept) = (unchanged(&new), unchanged(&old));
    let fill = if mirror.null_is_left_out { format!("{left_out} AND {kept}") } else { left_out.clone() };
    let update = format!(
        "SET NEW.{old} = CASE
        WHEN @pontoon_backfill IS NOT NULL OR {kept} OR ({fill}) THEN NEW.{old}
        ELSE {back}
    END,
    NEW.{new} = CASE
        WHEN @pontoon_backfill IS NOT NULL THEN NEW.{new}
        WHEN ({fill}) OR ({kept} AND NOT {old_kept}) THEN {forth}
        ELSE NEW.{new}
    END"
    );
    doing([mirror.table, mirror.new, mirror.named_after], &insert, &update)
}
