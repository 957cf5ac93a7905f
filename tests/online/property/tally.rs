//! What was tried: which operations, and what was refused for which reason.

use std::collections::BTreeMap;
use std::time::Instant;

use pontoon::diff::diff;
use pontoon::operation::Operation;
use pontoon::schema::SchemaErrors;

use super::case::Case;

/// Names every operation, in one place that the compiler holds complete: an operation that is new is named
/// here first, and then the test over plans asks the generator for it.
macro_rules! operations {
    ($($name:ident),* $(,)?) => {
        /// Every operation there is.
        pub(super) const OPERATIONS: &[&str] = &[$(stringify!($name)),*];

        fn name(operation: &Operation) -> &'static str {
            match operation {
                $(Operation::$name { .. } => stringify!($name),)*
            }
        }
    };
}

operations! {
    CreateEnum, AddEnumValues, RenameTable, DropForeignKey, CreateTable, AddColumn, RenameColumn, ChangeType, SetNotNull,
    DropNotNull, SetDefault, DropDefault, AddIndex, RenameIndex, ChangeKey, AddCheck, AddForeignKey, DropCheck, DropIndex,
    DropColumn, DropTable, DropEnum, AttachPartition, AttachTable, SetIdentity, DropIdentity, DetachPartition, EnforceCheck, PurgeTable,
    Reshape, MoveColumn,
}

/// What refusals say, by which they are counted; each of them is in the suites of refusals.
const REFUSALS: &[&str] = &[
    "is new and takes no NULL, so the rows that are there need a value",
    "takes no NULL any more, and rows with NULL need a value",
    "nullability or default changes too",
    "its type, NULL or default changes too",
    "which is part of the primary key",
    "is part of the primary key, and is renamed to",
    "to which a foreign key of",
    "which has foreign key",
    "on which check",
    "and foreign key",
    "needs a backfill, and table",
    "which MySQL has not numbered yet",
    "which is new in the same migration",
    "has dropped is still there as",
    "comes with other values than it has in",
    "has it too: its type could not go",
    "has a key that no walk can follow",
    "changing a foreign key is not derived",
    "and no foreign key on a unique column pairs their rows",
    "and what pairs their rows is new or changes in the same migration",
    "has other columns too",
    "is over it: MySQL takes none over a column that it numbers",
    "is generated",
    "stands until contract and acts by a cascade",
    "which does not hold every value as it is",
    "a key's, to one that does not hold every value as it is",
    "which MySQL believes without a look at the rows",
    "and columns to which a foreign key ties it change theirs",
    "and columns to which it is tied by a foreign key change their type",
    "with which MySQL changes none of them online",
    "is new or changes its type",
    "with which it stands in index",
    "by such a unique index: it does not go online",
    "no other column takes the place of this one online",
    "is numbered and not its first column",
    "after which MySQL changes none of them online",
    "is renamed from",
    "and changes otherwise too",
    "and MySQL changes no column in place where it enforces a check over",
    "loses values or changes their order, and",
    "which rows and old code may hold",
    "and MySQL renames no column under a check",
    "with which it stands in check",
    "is partitioned, and",
    "names the column in an expression or condition",
    "becomes a partition of",
    "writes until contract",
    "by hash, by several columns or as the default partition",
    "change, which a foreign key ties, and MySQL changes neither while it stands",
];

/// What a case's changes come to.
pub(super) fn operations(case: &Case) -> Vec<&'static str> {
    let (target, intents) = case.target();
    diff(&case.source, &target, &intents).unwrap_or_default().iter().map(name).collect()
}

/// A reason that nobody has documented.
pub(super) struct Undocumented;

/// What a run has tried so far.
pub(super) struct Tally {
    begun: Instant,
    pub(super) cases: usize,
    pub(super) refused: usize,
    operations: BTreeMap<&'static str, usize>,
    refusals: BTreeMap<&'static str, usize>,
}

impl Tally {
    pub(super) fn new() -> Self {
        let operations = OPERATIONS.iter().map(|it| (*it, 0)).collect();
        Self { begun: Instant::now(), cases: 0, refused: 0, operations, refusals: BTreeMap::new() }
    }

    /// A case that had a plan.
    pub(super) fn planned(&mut self, case: &Case) {
        self.cases += 1;
        for it in operations(case) {
            *self.operations.entry(it).or_default() += 1;
        }
    }

    /// A case that had none.
    pub(super) fn refused(&mut self, refusal: &SchemaErrors) -> Result<(), Undocumented> {
        self.cases += 1;
        self.refused += 1;
        for error in &refusal.0 {
            let says = |it: &&&str| error.message.contains(**it) || error.help.contains(**it);
            let reason = REFUSALS.iter().find(says).ok_or(Undocumented)?;
            *self.refusals.entry(reason).or_default() += 1;
        }
        Ok(())
    }

    pub(super) fn seconds(&self) -> f64 {
        self.begun.elapsed().as_secs_f64()
    }

    /// Operations that no case had.
    pub(super) fn missing(&self) -> Vec<&'static str> {
        self.operations.iter().filter(|(_, times)| **times == 0).map(|(name, _)| *name).collect()
    }

    /// For the reader of a run.
    pub(super) fn told(&self) -> String {
        let lines = |counts: &BTreeMap<&'static str, usize>| {
            let mut counts: Vec<_> = counts.iter().collect();
            counts.sort_by_key(|(_, times)| std::cmp::Reverse(**times));
            counts.iter().map(|(what, times)| format!("\n{times:>8}  {what}")).collect::<String>()
        };
        let Self { cases, refused, operations, refusals, .. } = self;
        let seconds = self.seconds();
        format!(
            "{cases} cases in {seconds:.1} s, of which {refused} were refused\n  operations of the others:{}\n  refused since:{}",
            lines(operations),
            lines(refusals)
        )
    }
}
