//! Triggers that keep two sides of columns the same, whichever is written.
//!
//! The backfill's own updates come by here too. What it writes is what the old columns give, and
//! then these stay: they must not be written anew from values that lost something on the way.

use super::quote::ident;
use super::sync::{calling, exact};
use crate::operation::mirror::{all, any};
use crate::operation::{Mirror, NewColumn, OldColumn, Triggers};

/// The function and the two triggers.
pub(crate) fn triggers<'a>(mirror: &Mirror<'a>) -> Triggers<'a> {
    let changed = any(mirror.new.iter().map(|it| differs(it.name, it.collated)));
    let body = format!(
        "    IF {} THEN
{}    ELSIF TG_OP = 'INSERT' THEN
{}{}    ELSIF {changed} THEN
{}{}    ELSE
{}    END IF;
",
        nobody_gave_one(mirror, &changed),
        mirror.new.iter().map(|it| forth(it, "NEW")).collect::<String>(),
        mirror.new.iter().map(|it| left_out_of_others(mirror, it)).collect::<String>(),
        mirror.old.iter().map(back).collect::<String>(),
        filled_first(mirror),
        mirror.old.iter().map(|it| back_if_it_says_otherwise(mirror, it)).collect::<String>(),
        mirror.new.iter().map(|it| forth_if_changed(mirror, it)).collect::<String>(),
    );
    let old_changed = mirror.old.iter().map(|it| differs(it.name, it.collated));
    let unfilled = mirror.unfilled();
    let unfilled = if unfilled.contains(" AND ") { format!("({unfilled})") } else { unfilled };
    let on_update = any([unfilled, changed].into_iter().chain(old_changed));
    calling([mirror.table, mirror.named_after], &mirror.new_names(), &body, None, &on_update)
}

fn differs(name: &str, collated: bool) -> String {
    format!("NEW.{0}{1} IS DISTINCT FROM OLD.{0}", ident(name), exact(collated))
}

/// All were left out of a new row, or the row that is written is not filled yet.
fn nobody_gave_one(mirror: &Mirror<'_>, changed: &str) -> String {
    let (inserted, unfilled) = (mirror.all_left_out(), mirror.unfilled());
    match &mirror.new[..] {
        [new] if new.null_is_left_out => format!("{inserted} AND NOT (TG_OP = 'UPDATE' AND {changed})"),
        [_] => format!("({inserted}) IS TRUE"),
        _ if inserted == unfilled => format!("{inserted} AND NOT (TG_OP = 'UPDATE' AND ({changed}))"),
        _ => format!("(TG_OP = 'INSERT' AND {inserted}) OR (TG_OP = 'UPDATE' AND {unfilled} AND NOT ({changed}))"),
    }
}

fn forth(new: &NewColumn<'_>, row: &str) -> String {
    format!("        NEW.{} := {};\n", ident(new.name), new.forth.value(row))
}

fn back(old: &OldColumn<'_>) -> String {
    format!("        NEW.{} := {};\n", ident(old.name), old.back.value("NEW"))
}

/// New code left this one out of a new row, and gave others their values.
fn left_out_of_others(mirror: &Mirror<'_>, new: &NewColumn<'_>) -> String {
    if mirror.new.len() == 1 {
        return String::new();
    }
    let given = mirror.sources_of_new(new).into_iter().map(given);
    let (name, forth) = (ident(new.name), new.forth.value("NEW"));
    let value = match new.default {
        None if new.takes_no_null => forth,
        default => format!("CASE WHEN {} THEN {forth} ELSE {} END", any(given), default.unwrap_or("NULL")),
    };
    format!("        IF {} THEN\n            NEW.{name} := {value};\n        END IF;\n", new.left_out)
}

/// New code changes some columns of a row that is not filled yet.
fn filled_first(mirror: &Mirror<'_>) -> String {
    if mirror.new.len() == 1 {
        return String::new();
    }
    let differs = mirror
        .old
        .iter()
        .map(|it| format!("OLD.{}{} IS DISTINCT FROM {}", ident(it.name), exact(it.collated), it.back.value("OLD")));
    let fill = mirror.new.iter().map(|it| {
        let (name, forth) = (ident(it.name), it.forth.value("OLD"));
        format!(
            "            IF NEW.{name}{} IS NOT DISTINCT FROM OLD.{name} THEN\n                NEW.{name} := {forth};\n            END IF;\n",
            exact(it.collated)
        )
    });
    // it says DEFAULT
    let marked = mirror.new.iter().filter(|it| !it.null_is_left_out).map(|it| left_out_of_others(mirror, it));
    format!(
        "        IF {} THEN\n{}        END IF;\n{}",
        mirror.was_unfilled(differs),
        fill.collect::<String>(),
        marked.collect::<String>()
    )
}

/// What new code changed is not what the old columns give anyway.
fn back_if_it_says_otherwise(mirror: &Mirror<'_>, old: &OldColumn<'_>) -> String {
    // those that came before this one may have been written already
    let row = if mirror.old.len() == 1 { "NEW" } else { "OLD" };
    let sources = mirror.sources_of_old(old);
    let otherwise = any(sources
        .iter()
        .map(|it| format!("NEW.{}{} IS DISTINCT FROM {}", ident(it.name), exact(it.collated), it.forth.value(row))));
    let condition = if mirror.old.len() == 1 && sources.len() == mirror.new.len() {
        otherwise
    } else {
        let changed = any(sources.iter().map(|it| differs(it.name, it.collated)));
        all([changed, otherwise].into_iter().map(|it| format!("({it})")))
    };
    format!("        IF {condition} THEN\n    {}        END IF;\n", back(old))
}

fn forth_if_changed(mirror: &Mirror<'_>, new: &NewColumn<'_>) -> String {
    let sources = mirror.sources_of_new(new);
    if sources.len() == mirror.old.len() {
        return forth(new, "NEW");
    }
    let changed = any(sources.iter().map(|it| differs(it.name, it.collated)));
    format!("        IF {changed} THEN\n    {}        END IF;\n", forth(new, "NEW"))
}

/// Whether the writer gave an old column a value too.
fn given(old: &OldColumn<'_>) -> String {
    let name = ident(old.name);
    match &old.left_out {
        None => format!("NEW.{name} IS NOT NULL"),
        Some(value) => {
            format!("(NEW.{name} IS NOT NULL AND NEW.{name}{} IS DISTINCT FROM {value})", exact(old.collated))
        }
    }
}
