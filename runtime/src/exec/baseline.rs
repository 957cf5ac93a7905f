//! Whether a database looks as if migrations had run on it: what their steps leave behind is asked of
//! the catalog.

use std::collections::BTreeMap;

use super::{ExecError, Session, introspect, version};
use crate::migration::history::Recorded;
use crate::migration::{Fact, ServerVersion, Step};
use crate::operation::guard;

/// The facts that should hold and do not, and those that hold and should not, as they are written in files.
pub(super) async fn missing(session: &mut Session, until: &[Recorded]) -> Result<Vec<String>, ExecError> {
    let mut wrong = Vec::new();
    let server = version::of(session).await?;
    for (fact, wanted) in left_behind(until, server) {
        if introspect::holds(session, &fact).await? != wanted {
            wrong.push(if wanted { fact.to_string() } else { fact.negated().to_string() });
        }
    }
    Ok(wrong)
}

/// What is so after the last step: a later fact takes an earlier one's place, and what goes takes
/// along what was on it.
fn left_behind(until: &[Recorded], server: ServerVersion) -> Vec<(Fact, bool)> {
    let mut facts: BTreeMap<Fact, bool> = BTreeMap::new();
    let mut views: BTreeMap<String, Option<String>> = BTreeMap::new();
    for step in until.iter().flat_map(|it| &it.migration.steps) {
        let (_, Step::Statement(statement)) = step else { continue };
        // partitions come and go without us
        if !statement.servers.include(server) || statement.each.is_some() {
            continue;
        }
        let (fact, holds) = match &statement.done {
            // what a query asks may be otherwise by now, and nobody knows what later steps did about it
            Fact::Query(_)
            | Fact::Repeatable
            | Fact::Partition(..)
            | Fact::Detaching(..)
            | Fact::AnyIndex(..)
            | Fact::PartOf(..) => continue,
            Fact::Not(inner) if matches!(**inner, Fact::Query(_) | Fact::Partition(..) | Fact::Detaching(..)) => {
                continue;
            }
            Fact::Not(inner) => ((**inner).clone(), false),
            other => (other.clone(), true),
        };
        if !holds {
            facts.retain(|it, _| !belongs(it, &fact));
        }
        if let (Fact::Nullable(table, column), true) = (&fact, holds) {
            facts.remove(&Fact::NotNull(table.clone(), column.clone()));
        }
        if let Fact::Type(table, column, _) = &fact {
            facts.retain(|it, _| !matches!(it, Fact::Type(t, c, _) if t == table && c == column));
        }
        if let Fact::Collation(table, column, _) = &fact {
            facts.retain(|it, _| !matches!(it, Fact::Collation(t, c, _) if t == table && c == column));
        }
        if let Fact::View(view) = &fact {
            // the view reads one table, whose name it takes over
            views.insert(view.clone(), statement.claim.locks.keys().next().cloned());
        }
        if let Fact::Table(table) = &fact
            && let Some(Some(renamed)) = views.remove(table)
        {
            let (view, renamed) = (Fact::View(table.clone()), Fact::Table(renamed));
            facts.retain(|it, _| *it != view && *it != renamed && !belongs(it, &renamed));
        }
        facts.insert(fact, holds);
    }
    // names of ours change hands by renames, of which no fact tells
    facts.into_iter().filter(|(fact, _)| !is_ours(fact)).collect()
}

/// Whether this is a fact about a column or table that goes with the other.
fn belongs(fact: &Fact, gone: &Fact) -> bool {
    match (fact, gone) {
        (
            Fact::Nullable(table, column)
            | Fact::NotNull(table, column)
            | Fact::Default(table, column)
            | Fact::Type(table, column, _)
            | Fact::Collation(table, column, _),
            Fact::Column(gone_table, gone_column),
        ) => table == gone_table && column == gone_column,
        (
            Fact::Column(table, _)
            | Fact::Nullable(table, _)
            | Fact::NotNull(table, _)
            | Fact::Default(table, _)
            | Fact::Type(table, _, _)
            | Fact::Collation(table, _, _)
            | Fact::Index(table, _)
            | Fact::Hidden(table, _)
            | Fact::Constraint(table, _)
            | Fact::Validated(table, _)
            | Fact::Trigger(table, _),
            Fact::Table(gone),
        ) => table == gone,
        (Fact::Hidden(table, name), Fact::Index(gone_table, gone)) => table == gone_table && name == gone,
        (Fact::EnumValue(name, _), Fact::Enum(gone)) => name == gone,
        (Fact::Validated(table, name), Fact::Constraint(gone_table, gone)) => table == gone_table && name == gone,
        _ => false,
    }
}

fn is_ours(fact: &Fact) -> bool {
    match fact {
        Fact::Trigger(_, name) if name.ends_with(guard::ENDING) => false,
        Fact::Column(_, name)
        | Fact::Nullable(_, name)
        | Fact::NotNull(_, name)
        | Fact::Default(_, name)
        | Fact::Type(_, name, _)
        | Fact::Collation(_, name, _)
        | Fact::Index(_, name)
        | Fact::Hidden(_, name)
        | Fact::Constraint(_, name)
        | Fact::Validated(_, name)
        | Fact::Trigger(_, name)
        | Fact::Function(name)
        | Fact::Enum(name)
        | Fact::EnumValue(name, _)
        | Fact::Table(name)
        | Fact::View(name) => name.starts_with("pontoon_"),
        Fact::Query(_)
        | Fact::AnyIndex(..)
        | Fact::PartOf(..)
        | Fact::Partition(..)
        | Fact::Detaching(..)
        | Fact::Repeatable
        | Fact::Not(_) => true,
    }
}
