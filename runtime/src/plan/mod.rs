//! Source, target and intents to a staged migration.

use std::collections::BTreeSet;

use crate::def::TableDef;
use crate::dialect::Dialect;
use crate::diff::{diff, settled};
use crate::migration::{Assertion, Fact, Migration, Search, Stage, Statement, Step};
use crate::operation::Context;
use crate::schema::{Intents, Schema, SchemaError, SchemaErrors, from_def_among};

/// Why there is no plan: every mistake, each naming the field.
pub type PlanErrors = SchemaErrors;

/// A staged migration, and what its author should know about it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Plan {
    /// What runs. Without a step where nothing changes.
    pub migration: Migration,
    /// Where a server has no way that others do not feel.
    pub warnings: Vec<String>,
}

/// Plans the way from `source` to `target` on one server.
///
/// # Errors
/// Everything that cannot be derived.
pub fn plan(
    id: &str,
    source: &Schema,
    target: &Schema,
    intents: &Intents,
    dialect: Dialect,
) -> Result<Plan, PlanErrors> {
    let target = &settled(source, target, intents);
    let context = Context { dialect, source, target, intents };
    let (mut steps, mut warnings, mut errors) = (Vec::new(), Vec::new(), Vec::new());
    for operation in diff(source, target, intents)? {
        match operation.stage(&context) {
            Ok(staging) => {
                steps.extend(staging.steps);
                warnings.extend(staging.warnings);
            }
            Err((message, help)) => {
                let (table, column) = operation.place();
                let field = column.and_then(|it| intents.columns_at.get(&(table.to_owned(), it.to_owned())));
                let at = field.or_else(|| intents.tables_at.get(table)).copied();
                errors.push(SchemaError { at, message, help });
            }
        }
    }
    errors.extend(twice(dialect, &steps));
    if !errors.is_empty() {
        errors.sort();
        return Err(SchemaErrors(errors));
    }
    // each stage in the operations' order, which a stable sort keeps, but for what comes first
    steps.sort_by_key(|(stage, step): &(Stage, Step)| (*stage, rank(*stage, step)));
    Ok(Plan { migration: Migration { id: id.to_owned(), dialect, steps }, warnings })
}

/// A function (PostgreSQL) or trigger (MySQL) that two columns would make: `b_c` of `a`, and `c` of `a_b`.
fn twice(dialect: Dialect, steps: &[(Stage, Step)]) -> Vec<SchemaError> {
    let mut seen = BTreeSet::new();
    let made = steps.iter().filter_map(|(stage, step)| match step {
        Step::Statement(Statement { done: Fact::Function(name), .. }) if dialect == Dialect::Postgres => {
            (*stage < Stage::Contract).then_some(name)
        }
        Step::Statement(Statement { done: Fact::Trigger(_, name), .. }) if dialect == Dialect::MySql => {
            (*stage < Stage::Contract).then_some(name)
        }
        _ => None,
    });
    let error = |name: &String| SchemaError {
        at: None,
        message: format!(
            "two columns of this migration need triggers of one name, `{name}`: table and column, put together, read the same"
        ),
        help: "change one of them in this migration, and the other in the next".into(),
    };
    made.filter(|name| !seen.insert(*name)).map(error).collect()
}

/// What comes first in its stage, and what last.
fn rank(stage: Stage, step: &Step) -> u8 {
    match step {
        // before the first statement; what is asked on the way back stands where it is asked
        Step::Search(Search { on_way_back: false, .. }) | Step::Assertion(Assertion { on_way_back: false, .. })
            if stage == Stage::Expand =>
        {
            0
        }
        // before there is no way back any more; and `expand` looks ahead to them
        Step::Assertion(_) if stage == Stage::Contract => 0,
        Step::Search(_) if stage == Stage::Contract => 1,
        // what can be taken back comes before what cannot
        Step::Statement(Statement { done: Fact::Hidden(..), .. }) => 2,
        // PostgreSQL lets no column of a trigger's condition change its type
        Step::Statement(Statement { done: Fact::Type(..) | Fact::Collation(..), .. }) => 2,
        // a column takes along what stands on it, which another operation wants to drop; and a type goes behind it
        Step::Statement(Statement { done: Fact::Not(gone), .. }) if stage == Stage::Contract => match **gone {
            Fact::Column(..) => 4,
            Fact::Table(_) => 5,
            Fact::Enum(_) => 6,
            _ => 3,
        },
        _ => 3,
    }
}

/// One struct's migration; see [`crate::Table::stages`].
pub(crate) fn stages_of_table(def: &TableDef, from: &Schema, dialect: Dialect) -> Result<Migration, PlanErrors> {
    let (target, mut intents) = from_def_among(def, from)?;
    let target = settled(from, &target, &intents);
    // nobody is there to give a word, so no row is copied
    intents.copy_rows.get_or_insert(0);
    Ok(plan(def.name, from, &target, &intents, dialect)?.migration)
}
