//! The least case that fails in the same place: without changes, tables, and what stands in them.

use super::attached::Attached;
use super::case::{Case, drop_column, index_foreign_keys};
use super::change::Change;
use super::hold::{Failure, holds};
use crate::support::Fresh;
use pontoon::schema::Schema;

/// Tries that a failure is worth.
const TRIES: usize = 150;

/// Leaves out what can be left out while it still fails there.
pub(super) async fn shrink(mut case: Case, mut failure: Failure, databases: &[Fresh; 2]) -> (Case, Failure) {
    let mut tries = 0;
    'smaller: loop {
        for less in smaller(&case) {
            if tries == TRIES {
                break 'smaller;
            }
            tries += 1;
            match holds(&less, databases).await {
                Err(again) if again.at == failure.at => {
                    (case, failure) = (less, again);
                    continue 'smaller;
                }
                _ => {}
            }
        }
        break;
    }
    (case, failure)
}

/// Each case with one thing less; the largest things first.
fn smaller(case: &Case) -> Vec<Case> {
    let mut less = Vec::new();
    let mut without = |remove: &dyn Fn(&mut Case)| {
        let mut smaller = case.clone();
        remove(&mut smaller);
        smaller.source.tables.values_mut().for_each(index_foreign_keys);
        less.push(smaller);
    };
    for at in 0..case.changes.len() {
        without(&|it| drop(it.changes.remove(at)));
    }
    without(&|it| it.course.cut = None);
    for at in 0..case.course.turns.len() {
        without(&|it| drop(it.course.turns.remove(at)));
    }
    without(&|it| it.course.last.old_code.clear());
    for at in 0..case.course.turns.len() {
        without(&|it| it.course.turns[at].old_code.clear());
        without(&|it| it.course.turns[at].new_code = false);
    }
    for name in case.source.tables.keys().filter(|_| case.source.tables.len() > 1) {
        without(&|it| {
            it.source.tables.remove(name);
            for other in it.source.tables.values_mut() {
                other.foreign_keys.retain(|_, key| key.references != *name);
            }
        });
    }
    for name in case.source.dropped.keys() {
        without(&|it| drop(it.source.dropped.remove(name)));
    }
    for (at, change) in case.changes.iter().enumerate() {
        let Change::Attach(attached) = change else { continue };
        let change = |it: &mut Case, less: &dyn Fn(&mut Attached, &mut Schema)| {
            let Case { source, changes, .. } = it;
            if let Some(Change::Attach(attached)) = changes.get_mut(at) {
                less(attached, source);
            }
        };
        for column in attached.columns(&case.source) {
            without(&|it| change(it, &|attached, source| attached.without_column(source, &column)));
        }
        without(&|it| change(it, &|attached, _| attached.made().into_iter().for_each(|it| it.checks.clear())));
        without(&|it| change(it, &|attached, _| attached.made().into_iter().for_each(|it| it.foreign_keys.clear())));
        without(&|it| change(it, &|attached, _| attached.made().into_iter().for_each(|it| it.indexes.clear())));
    }
    for (name, table) in &case.source.tables {
        let of = |it: &mut Case, remove: &dyn Fn(&mut pontoon::schema::Table)| {
            if let Some(table) = it.source.tables.get_mut(name) {
                remove(table);
            }
        };
        for key in table.foreign_keys.keys() {
            without(&|it| of(it, &|table| drop(table.foreign_keys.remove(key))));
        }
        for column in table.columns.iter().filter(|it| it.name != "id" && !table.primary_key.contains(&it.name)) {
            without(&|it| of(it, &|table| drop_column(table, &column.name)));
        }
        for check in table.checks.keys() {
            without(&|it| of(it, &|table| drop(table.checks.remove(check))));
            without(&|it| of(it, &|table| table.checks.values_mut().for_each(|it| it.guarded = false)));
        }
        for index in table.indexes.keys().filter(|_| !table.primary_key.is_empty()) {
            without(&|it| of(it, &|table| drop(table.indexes.remove(index))));
        }
    }
    // what only the foreign keys' indexes would bring back is no less
    less.retain(|it| format!("{it:?}") != format!("{case:?}"));
    less
}
