//! Triggers that keep one column at what another one gives.

use super::quote::ident;
use super::sync::{doing, unchanged};
use crate::operation::{Follow, Triggers};

/// The two triggers.
pub(crate) fn triggers<'a>(follow: &Follow<'a>) -> Triggers<'a> {
    let (written, follower) = (ident(follow.written), ident(follow.follower));
    let value = follow.value.value("NEW");
    let insert = format!("SET NEW.{follower} = {value}");
    let stays = match &follow.agrees {
        None => "@pontoon_backfill IS NOT NULL".to_owned(),
        Some(agrees) => format!(
            "@pontoon_backfill IS NOT NULL OR {} OR NEW.{written} <=> {}",
            unchanged(&written),
            agrees.value("NEW")
        ),
    };
    let update = format!("SET NEW.{follower} = IF({stays}, NEW.{follower}, {value})");
    doing([follow.table, follow.named_after], &[follow.follower], &insert, &update)
}
