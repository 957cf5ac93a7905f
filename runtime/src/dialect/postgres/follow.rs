//! Triggers that keep one column at what another one gives.
//!
//! They stay when the two columns swap their names, and only their function changes: so their condition is the
//! same for both.

use super::quote::ident;
use super::sync::calling;
use crate::operation::{Follow, Triggers};

/// The function and the two triggers.
pub(crate) fn triggers<'a>(follow: &Follow<'a>) -> Triggers<'a> {
    let (written, follower) = (ident(follow.written), ident(follow.follower));
    let assignment = format!("NEW.{follower} := {};", follow.value.value("NEW"));
    let body = match &follow.agrees {
        None => format!("    {assignment}\n"),
        Some(agrees) => format!(
            "    IF TG_OP = 'INSERT' OR NEW.{written} IS DISTINCT FROM {} THEN\n        {assignment}\n    END IF;\n",
            agrees.value("NEW")
        ),
    };
    let changed = |column: &str| format!("NEW.{column} IS DISTINCT FROM OLD.{column}");
    // one that has no value yet gets it by any update
    let on_update = format!("NEW.{follower} IS NULL OR {} OR {}", changed(&follower), changed(&written));
    calling([follow.table, follow.named_after], &[follow.follower], &body, None, &on_update)
}
