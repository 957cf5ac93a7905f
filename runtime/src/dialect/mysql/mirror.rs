//! Triggers that keep two sides of columns the same, whichever is written.
//!
//! Each assignment of a SET sees those before it. In a pair the old column comes first: the second assignment must
//! still find what the writer gave. In a group it is said first, in a variable, which side the writer meant; then the
//! new columns get what they lack, and at last the old ones follow.

use super::quote::ident;
use super::sync::{doing, same, unchanged};
use crate::operation::mirror::{all, any};
use crate::operation::{Mirror, NewColumn, OldColumn, Triggers};

/// The two triggers.
pub(crate) fn triggers<'a>(mirror: &Mirror<'a>) -> Triggers<'a> {
    let [insert, update] = match mirror.pair() {
        Some((old, new)) => [insert_pair(old, new), update_pair(old, new)],
        None => [insert(mirror), update(mirror)],
    };
    doing([mirror.table, mirror.named_after], &mirror.new_names(), &insert, &update)
}

fn insert_pair(old: &OldColumn<'_>, new: &NewColumn<'_>) -> String {
    let left_out = &new.left_out;
    let (forth, back) = (new.forth.value("NEW"), old.back.value("NEW"));
    let (old, new) = (ident(old.name), ident(new.name));
    format!("SET NEW.{old} = IF({left_out}, NEW.{old}, {back}),\n    NEW.{new} = IF({left_out}, {forth}, NEW.{new})")
}

fn update_pair(old: &OldColumn<'_>, new: &NewColumn<'_>) -> String {
    let (forth, back) = (new.forth.value("NEW"), old.back.value("NEW"));
    let (left_out, null_is_left_out) = (&new.left_out, new.null_is_left_out);
    let (old, new) = (ident(old.name), ident(new.name));
    let (kept, old_kept) = (unchanged(&new), unchanged(&old));
    let fill = if null_is_left_out { format!("{left_out} AND {kept}") } else { left_out.clone() };
    format!(
        "SET NEW.{old} = CASE
        WHEN @pontoon_backfill IS NOT NULL OR {kept} OR ({fill}) THEN NEW.{old}
        ELSE {back}
    END,
    NEW.{new} = CASE
        WHEN @pontoon_backfill IS NOT NULL THEN NEW.{new}
        WHEN ({fill}) OR ({kept} AND NOT {old_kept}) THEN {forth}
        ELSE NEW.{new}
    END"
    )
}

fn insert(mirror: &Mirror<'_>) -> String {
    let writer = format!("SET @pontoon_writer = IF({}, 'old', 'new')", mirror.all_left_out());
    let new = mirror.new.iter().map(|it| {
        let (name, forth) = (ident(it.name), it.forth.value("NEW"));
        let given = mirror.sources_of_new(it).into_iter().map(given);
        let own = match it.default {
            None if it.takes_no_null => forth.clone(),
            default => format!("IF({}, {forth}, {})", any(given), default.unwrap_or("NULL")),
        };
        format!(
            "NEW.{name} = CASE
        WHEN @pontoon_writer = 'old' THEN {forth}
        WHEN {} THEN {own}
        ELSE NEW.{name}
    END",
            it.left_out
        )
    });
    let old = mirror.old.iter().map(|it| {
        let (name, back) = (ident(it.name), it.back.value("NEW"));
        format!("NEW.{name} = IF(@pontoon_writer = 'old', NEW.{name}, {back})")
    });
    std::iter::once(writer).chain(new).chain(old).collect::<Vec<_>>().join(",\n    ")
}

fn update(mirror: &Mirror<'_>) -> String {
    let kept = all(mirror.new.iter().map(|it| unchanged(&ident(it.name))));
    let old_kept = all(mirror.old.iter().map(|it| unchanged(&ident(it.name))));
    let unfilled = mirror.unfilled();
    let writer = format!(
        "SET @pontoon_writer = CASE
        WHEN @pontoon_backfill IS NOT NULL THEN 'backfill'
        WHEN NOT ({kept}) THEN 'new'
        WHEN {unfilled} THEN 'first'
        WHEN NOT ({old_kept}) THEN 'old'
        ELSE 'other'
    END"
    );
    let differs = mirror.old.iter().map(|it| {
        let name = ident(it.name);
        format!("NOT {}", same(&format!("OLD.{name}"), &it.back.value("OLD")))
    });
    let was_unfilled = mirror.was_unfilled(differs);
    let new = mirror.new.iter().map(|it| {
        let name = ident(it.name);
        let kept = unchanged(&name);
        let filled_first = format!("{kept} AND {was_unfilled}");
        // a NULL that is there in a row that was filled is meant
        let fill = match it.null_is_left_out {
            true => filled_first,
            false => format!("({}) OR ({filled_first})", it.left_out),
        };
        let sources = mirror.sources_of_new(it);
        let by_old = if sources.len() == mirror.old.len() {
            "@pontoon_writer IN ('first', 'old')".to_owned()
        } else {
            let kept = all(sources.iter().map(|it| unchanged(&ident(it.name))));
            format!("@pontoon_writer = 'first' OR (@pontoon_writer = 'old' AND NOT ({kept}))")
        };
        format!(
            "NEW.{name} = CASE
        WHEN {by_old} THEN {}
        WHEN @pontoon_writer = 'new' AND ({fill}) THEN {}
        ELSE NEW.{name}
    END",
            it.forth.value("NEW"),
            it.forth.value("OLD"),
        )
    });
    let old = mirror.old.iter().map(|it| {
        let (name, back) = (ident(it.name), it.back.value("NEW"));
        format!("NEW.{name} = IF(@pontoon_writer = 'new'{}, {back}, NEW.{name})", says_otherwise(mirror, it))
    });
    std::iter::once(writer).chain(new).chain(old).collect::<Vec<_>>().join(",\n    ")
}

/// What the writer changed, and not what was filled beside it, gives this column another value.
fn says_otherwise(mirror: &Mirror<'_>, old: &OldColumn<'_>) -> String {
    let sources = mirror.sources_of_old(old);
    if mirror.old.len() == 1 && sources.len() == mirror.new.len() {
        return String::new();
    }
    let kept = all(sources.iter().map(|it| unchanged(&ident(it.name))));
    let as_given = all(sources.iter().map(|it| same(&format!("NEW.{}", ident(it.name)), &it.forth.value("OLD"))));
    format!(" AND NOT ({kept}) AND NOT ({as_given})")
}

/// Whether the writer gave an old column a value too.
fn given(old: &OldColumn<'_>) -> String {
    let name = ident(old.name);
    match &old.left_out {
        None => format!("NEW.{name} IS NOT NULL"),
        Some(value) => format!("NEW.{name} <> {value}"),
    }
}
