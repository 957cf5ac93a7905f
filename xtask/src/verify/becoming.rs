//! Tables that become partitions of others: what is asked of their rows, so that those which are made up fit.

use pontoon::migration::{Fact, Migration, Statement, Step, Undo, UndoStatement};

/// The table that is asked for any row at all.
pub(super) fn must_be_empty(sql: &str) -> Option<&str> {
    sql.strip_prefix("SELECT 1 FROM ")?.strip_suffix(" LIMIT 1").filter(|it| !it.contains(' '))
}

/// Whether this table becomes a partition.
fn attaches(migration: &Migration, table: &str) -> bool {
    migration.steps.iter().any(
        |(_, step)| matches!(step, Step::Statement(Statement { done: Fact::Partition(_, name), .. }) if name == table),
    )
}

/// Tables that are bound to what they hold as partitions, each with the way back and the statement.
pub(super) fn bounds(migration: &Migration) -> impl Iterator<Item = (&str, &[UndoStatement], &str)> {
    migration.steps.iter().filter_map(|(_, step)| match step {
        Step::Statement(Statement {
            done: Fact::Constraint(table, name), undo: Undo::Statements(back), sql, ..
        }) => {
            let binds = name.starts_with("pontoon_") && attaches(migration, table);
            binds.then_some((table.as_str(), back.as_slice(), sql.as_str()))
        }
        _ => None,
    })
}
