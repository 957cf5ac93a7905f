//! Typed schema changes, one a file. Each file owns the whole thought "how does this happen
//! without stopping anybody": its fields, and its staging on both servers side by side.
//!
//! How a server spells a thing is [`crate::dialect`]'s. Adding an operation: `ARCHITECTURE.md`.

mod add_check;
mod add_column;
mod add_enum_values;
mod add_foreign_key;
mod add_generated;
mod add_identity;
mod add_index;
mod attach_partition;
mod attach_table;
mod change_enum;
mod change_key;
mod change_type;
mod collation;
mod compare;
mod copy;
mod create_enum;
mod create_table;
mod dependants;
mod detach_partition;
mod drop_check;
mod drop_column;
mod drop_default;
mod drop_enum;
mod drop_foreign_key;
mod drop_identity;
mod drop_index;
mod drop_not_null;
mod drop_table;
mod enforce_check;
mod fill;
mod filled_column;
mod follow;
mod formula;
pub(crate) mod guard;
mod implicit_key;
mod linked_type;
pub(crate) mod mirror;
mod modify;
mod move_column;
mod narrow;
mod partitions;
mod purge_table;
mod rename_column;
mod rename_index;
mod rename_table;
pub(crate) mod reshape;
mod search;
mod set_default;
mod set_identity;
mod set_not_null;
mod statement;
mod sync;
mod triggers;

pub(crate) use add_foreign_key::foreign_key_sql;
pub(crate) use change_enum::Relabel;
pub(crate) use compare::Assigned;
pub(crate) use drop_table::renamed_away;
pub(crate) use follow::Follow;
pub(crate) use mirror::{Mirror, NewColumn, OldColumn};
pub(crate) use rename_table::{Renames, moved};
pub(crate) use statement::Draft;
pub(crate) use sync::Sync;
pub(crate) use triggers::{Triggers, function_name, insert_name, update_name};

use std::collections::{BTreeMap, BTreeSet};

use crate::def::ReferentialAction;
use crate::dialect::Dialect;
use crate::migration::{Algorithm, Claim, LockClause, LockMode, Stage, Step};
use crate::schema::{Column, Intents, Schema, Table};
use crate::sql_type::Kind;

/// One typed schema change. Names are enough: the rest stands in the source and target schema.
///
/// The order of the variants is the order in which each stage runs them: a column is filled
/// before it is indexed, foreign keys are the last that validate adds and the first that
/// contract drops (see `Context::children`), an index goes before its column.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub enum Operation {
    /// A new enum.
    CreateEnum {
        /// The enum.
        name: String,
        /// The first table that has it.
        table: String,
        /// The first column of that table that has it.
        column: String,
    },
    /// An enum has more values.
    AddEnumValues {
        /// The enum.
        name: String,
        /// The first table that has it.
        table: String,
        /// The first column of that table that has it.
        column: String,
    },
    /// A table has another name.
    RenameTable {
        /// The old name.
        from: String,
        /// The new name.
        table: String,
    },
    /// A foreign key goes.
    DropForeignKey {
        /// The referring table.
        table: String,
        /// The foreign key.
        foreign_key: String,
    },
    /// A new table, but for the foreign keys that are added later (`deferred`), because the
    /// table they refer to comes after this one.
    CreateTable {
        /// The table.
        table: String,
        /// Foreign keys that [`Operation::AddForeignKey`] adds.
        deferred: BTreeSet<String>,
    },
    /// A new partition of a table that is there.
    AttachPartition {
        /// The table.
        table: String,
        /// The partition.
        partition: String,
    },
    /// A new column of a table that is there.
    AddColumn {
        /// The table.
        table: String,
        /// The column.
        column: String,
    },
    /// A column has another name: a new one that mirrors the old until [`Operation::DropColumn`].
    RenameColumn {
        /// The table.
        table: String,
        /// The old name.
        from: String,
        /// The new name.
        column: String,
    },
    /// Columns take the place of others, and both sides mirror each other until [`Operation::DropColumn`].
    Reshape {
        /// The table.
        table: String,
        /// The old columns, by name.
        from: Vec<String>,
        /// The new columns, by name.
        columns: Vec<String>,
    },
    /// A column has moved here from another table, and both mirror each other until [`Operation::DropColumn`].
    MoveColumn {
        /// The table.
        table: String,
        /// The column.
        column: String,
        /// The table that had it.
        from_table: String,
        /// The column's name there.
        from: String,
    },
    /// A column has another type.
    ChangeType {
        /// The table.
        table: String,
        /// The column.
        column: String,
    },
    /// A column takes no NULL any more.
    SetNotNull {
        /// The table.
        table: String,
        /// The column.
        column: String,
    },
    /// A column takes NULL.
    DropNotNull {
        /// The table.
        table: String,
        /// The column.
        column: String,
    },
    /// A column has a default, or another one.
    SetDefault {
        /// The table.
        table: String,
        /// The column.
        column: String,
    },
    /// A column has no default any more.
    DropDefault {
        /// The table.
        table: String,
        /// The column.
        column: String,
    },
    /// The server begins to number a column.
    SetIdentity {
        /// The table.
        table: String,
        /// The column.
        column: String,
    },
    /// The server numbers a column no longer.
    DropIdentity {
        /// The table.
        table: String,
        /// The column.
        column: String,
    },
    /// A new index.
    AddIndex {
        /// The table.
        table: String,
        /// The index.
        index: String,
        /// Another one has its name until [`Operation::DropIndex`].
        replaces: bool,
    },
    /// An index has another name.
    RenameIndex {
        /// The table.
        table: String,
        /// The old name.
        from: String,
        /// The new name.
        index: String,
    },
    /// The primary key has other columns.
    ChangeKey {
        /// The table.
        table: String,
    },
    /// A new check.
    AddCheck {
        /// The table.
        table: String,
        /// The check.
        check: String,
    },
    /// A check that triggers have held becomes one that the server enforces (MySQL).
    EnforceCheck {
        /// The table.
        table: String,
        /// The check.
        check: String,
    },
    /// A new foreign key.
    AddForeignKey {
        /// The referring table.
        table: String,
        /// The foreign key.
        foreign_key: String,
        /// Another one has its name until contract.
        replaces: bool,
    },
    /// A table that is there becomes a partition of another one.
    AttachTable {
        /// The partitioned table.
        table: String,
        /// The table that becomes its partition.
        partition: String,
    },
    /// A check goes.
    DropCheck {
        /// The table.
        table: String,
        /// The check.
        check: String,
    },
    /// An index goes.
    DropIndex {
        /// The table.
        table: String,
        /// The index.
        index: String,
        /// Another one, by [`Operation::AddIndex`], takes its name.
        replaced: bool,
    },
    /// A column goes.
    DropColumn {
        /// The table.
        table: String,
        /// The column.
        column: String,
        /// The column that took its place, by [`Operation::RenameColumn`].
        renamed_to: Option<String>,
    },
    /// A partition leaves its table.
    DetachPartition {
        /// The table.
        table: String,
        /// The partition.
        partition: String,
    },
    /// A table goes.
    DropTable {
        /// The table.
        table: String,
    },
    /// An enum goes, with the last column that had it.
    DropEnum {
        /// The enum.
        name: String,
        /// The first table that had it.
        table: String,
    },
    /// A table that went before, by [`Operation::DropTable`], goes for good.
    PurgeTable {
        /// The table, by the name it had.
        table: String,
    },
}

/// What an operation looks at.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Context<'a> {
    pub(crate) dialect: Dialect,
    pub(crate) source: &'a Schema,
    pub(crate) target: &'a Schema,
    pub(crate) intents: &'a Intents,
}

/// What an operation does in which stage, and what its author should know.
#[derive(Debug, Default)]
pub(crate) struct Staging {
    pub(crate) steps: Vec<(Stage, Step)>,
    /// Where a server has no way that others do not feel: what it does instead.
    pub(crate) warnings: Vec<String>,
}

impl Staging {
    pub(crate) fn push(&mut self, stage: Stage, step: Step) {
        self.steps.push((stage, step));
    }

    /// What can come in more than one stage: in contract there is no way back from it.
    pub(crate) fn push_drafted(&mut self, stage: Stage, draft: Draft) {
        let step = if stage == Stage::Contract { draft.last() } else { draft.step() };
        self.push(stage, step);
    }
}

/// What something is called while another one has its name.
pub(crate) fn until_contract(name: &str) -> String {
    crate::schema::limited(&format!("pontoon_{name}_new"))
}

/// Why an operation cannot be staged: what is wrong, and what to do.
pub(crate) type Refusal = (String, String);

impl Operation {
    /// The operation's steps.
    pub(crate) fn stage(&self, context: &Context<'_>) -> Result<Staging, Refusal> {
        if self.changes_columns() {
            add_index::no_fulltext(context, self.place().0)?;
        }
        match self {
            Self::CreateEnum { name, .. } => create_enum::stage(context, name),
            Self::AddEnumValues { name, .. } => Ok(add_enum_values::stage(context, name)),
            Self::DropEnum { name, .. } => Ok(drop_enum::stage(context, name)),
            Self::RenameTable { from, table } => rename_table::stage(context, from, table),
            Self::CreateTable { table, deferred } => create_table::stage(context, table, deferred),
            Self::AddColumn { table, column } => add_column::stage(context, table, column),
            Self::RenameColumn { table, from, column } => rename_column::stage(context, table, from, column),
            Self::Reshape { table, columns, .. } => reshape::stage(context, table, &columns[0]),
            Self::MoveColumn { table, column, from_table, from } => {
                move_column::stage(context, [table, column], [from_table, from])
            }
            Self::ChangeType { table, column } => change_type::stage(context, table, column),
            Self::SetNotNull { table, column } => set_not_null::stage(context, table, column),
            Self::DropNotNull { table, column } => drop_not_null::stage(context, table, column),
            Self::SetDefault { table, column } => set_default::stage(context, table, column),
            Self::DropDefault { table, column } => drop_default::stage(context, table, column),
            Self::SetIdentity { table, column } => set_identity::stage(context, table, column),
            Self::DropIdentity { table, column } => drop_identity::stage(context, table, column),
            Self::AddIndex { table, index, replaces } => add_index::stage(context, table, index, *replaces),
            Self::RenameIndex { table, from, index } => rename_index::stage(context, table, from, index),
            Self::ChangeKey { table } => change_key::stage(context, table),
            Self::AddCheck { table, check } => add_check::stage(context, table, check),
            Self::EnforceCheck { table, check } => enforce_check::stage(context, table, check),
            Self::AddForeignKey { table, foreign_key, replaces } => {
                Ok(add_foreign_key::stage(context, table, foreign_key, *replaces))
            }
            Self::DropForeignKey { table, foreign_key } => Ok(drop_foreign_key::stage(context, table, foreign_key)),
            Self::DropCheck { table, check } => drop_check::stage(context, table, check),
            Self::DropIndex { table, index, replaced } => drop_index::stage(context, table, index, *replaced),
            Self::DropColumn { table, column, renamed_to } => {
                drop_column::stage(context, table, column, renamed_to.as_deref())
            }
            Self::AttachPartition { table, partition } => attach_partition::stage(context, table, partition),
            Self::AttachTable { table, partition } => attach_table::stage(context, table, partition),
            Self::DetachPartition { table, partition } => Ok(detach_partition::stage(context, table, partition)),
            Self::DropTable { table } => Ok(drop_table::stage(context, table)),
            Self::PurgeTable { table } => purge_table::stage(context, table),
        }
    }

    /// Whether the server makes a column, takes one away or changes what it holds.
    const fn changes_columns(&self) -> bool {
        matches!(
            self,
            Self::AddColumn { .. }
                | Self::RenameColumn { .. }
                | Self::Reshape { .. }
                | Self::MoveColumn { .. }
                | Self::ChangeType { .. }
                | Self::SetNotNull { .. }
                | Self::DropNotNull { .. }
                | Self::DropColumn { .. }
        )
    }

    /// The table and, where it is about one, the column: where in the structs it comes from.
    pub fn place(&self) -> (&str, Option<&str>) {
        match self {
            Self::CreateEnum { table, column, .. }
            | Self::AddEnumValues { table, column, .. }
            | Self::AddColumn { table, column }
            | Self::RenameColumn { table, column, .. }
            | Self::MoveColumn { table, column, .. }
            | Self::ChangeType { table, column }
            | Self::SetNotNull { table, column }
            | Self::DropNotNull { table, column }
            | Self::SetDefault { table, column }
            | Self::DropDefault { table, column }
            | Self::SetIdentity { table, column }
            | Self::DropIdentity { table, column }
            | Self::DropColumn { table, column, .. } => (table, Some(column)),
            Self::Reshape { table, columns, .. } => (table, Some(&columns[0])),
            Self::RenameTable { table, .. }
            | Self::CreateTable { table, .. }
            | Self::AddIndex { table, .. }
            | Self::RenameIndex { table, .. }
            | Self::ChangeKey { table }
            | Self::AddCheck { table, .. }
            | Self::EnforceCheck { table, .. }
            | Self::AddForeignKey { table, .. }
            | Self::DropForeignKey { table, .. }
            | Self::DropCheck { table, .. }
            | Self::DropIndex { table, .. }
            | Self::AttachPartition { table, .. }
            | Self::AttachTable { table, .. }
            | Self::DetachPartition { table, .. }
            | Self::DropTable { table }
            | Self::PurgeTable { table }
            | Self::DropEnum { table, .. } => (table, None),
        }
    }
}

impl<'a> Context<'a> {
    /// A table of the target. The planner names only tables that are there.
    pub(crate) fn table(&self, name: &str) -> &'a Table {
        &self.target.tables[name]
    }

    /// The columns that a row has until contract: those of the target, and those that go.
    pub(crate) fn columns_until_contract(&self, table: &'a Table) -> impl Iterator<Item = &'a str> + Clone {
        let new = table.columns.iter();
        let gone = self.source.tables.get(&table.name).into_iter().flat_map(|it| &it.columns);
        new.chain(gone.filter(|it| table.column(&it.name).is_none())).map(|it| it.name.as_str())
    }

    /// The columns that are called so for a while or for good, before and after.
    fn called(&self, table: &'a str, name: &'a str) -> impl Iterator<Item = &'a Column> {
        let tables = [self.source.tables.get(table), self.target.tables.get(table)].into_iter().flatten();
        tables.flat_map(|it| &it.columns).filter(move |it| {
            let names = change_type::Names::of(&it.name);
            it.name == name || names.new == name || names.old == name
        })
    }

    /// Whether it is a text.
    pub(crate) fn is_text(&self, table: &'a str, name: &'a str) -> bool {
        self.called(table, name).any(|it| it.ty.kind == Kind::Text)
    }

    /// Whether it is a text with a collation of its own: one that may take different texts for the same, and that the server
    /// does not compare with a text of another collation.
    pub(crate) fn is_collated(&self, table: &'a str, name: &'a str) -> bool {
        self.called(table, name).any(|it| it.ty.collation.of(self.dialect).is_some())
    }

    pub(crate) fn ident(&self, name: &str) -> String {
        self.dialect.ident(name)
    }

    /// The claim of a short ALTER: the strongest lock, for a moment, and on MySQL how.
    pub(crate) fn alter(&self, stage: Stage, table: &str) -> Claim {
        match self.dialect {
            Dialect::Postgres => Claim::none().lock(table, LockMode::AccessExclusive),
            Dialect::MySql => self.mysql_alter(stage, table, Algorithm::Instant),
        }
    }

    /// The claim of a MySQL ALTER that lets reads and writes by. Any ALTER of a table locks
    /// the tables that refer to it as well.
    pub(crate) fn mysql_alter(&self, stage: Stage, table: &str, algorithm: Algorithm) -> Claim {
        let mut claim = Claim::none().lock(table, LockMode::MdlExclusive).how(algorithm, LockClause::None);
        for child in self.children(stage, table) {
            claim = claim.lock(child, LockMode::MdlExclusive);
        }
        claim
    }

    /// The claim of statements under `LOCK TABLES ... WRITE`, which locks more than it names (manual, "LOCK
    /// TABLES"): the tables at the other ends of foreign keys for reads, and those to which a
    /// cascade writes as itself, with all that follows from that.
    pub(crate) fn mysql_locked(&self, table: &str) -> Claim {
        let mut locks = BTreeMap::from([(table, LockMode::MdlExclusive)]);
        let mut written = vec![table];
        while let Some(table) = written.pop() {
            for (child, key) in self.tables().flat_map(|it| it.foreign_keys.values().map(move |key| (it, key))) {
                let (other, mode) = if child.name == table {
                    (key.references.as_str(), LockMode::SharedReadOnly)
                } else if key.references != table {
                    continue;
                } else if key.writes_rows() || key.on_delete == ReferentialAction::Cascade {
                    (child.name.as_str(), LockMode::SharedNoReadWrite)
                } else {
                    (child.name.as_str(), LockMode::SharedReadOnly)
                };
                let before = locks.get(other).copied();
                if before.is_none_or(|before| before < mode) {
                    locks.insert(other, mode);
                    if mode == LockMode::SharedNoReadWrite {
                        written.push(other);
                    }
                }
            }
        }
        locks.into_iter().fold(Claim::none(), |claim, (table, mode)| claim.lock(table, mode))
    }

    /// The tables before contract: those of before, and the new ones.
    fn tables(&self) -> impl Iterator<Item = &'a Table> {
        let new = self.target.tables.values().filter(|it| !self.source.tables.contains_key(&it.name));
        self.source.tables.values().chain(new)
    }

    /// The tables that refer to this one at that stage, but for itself. Foreign keys are the last
    /// that validate adds, and the first that contract drops.
    pub(crate) fn children(&self, stage: Stage, table: &str) -> BTreeSet<&'a str> {
        let refers = |it: &&'a Table| it.foreign_keys.values().any(|key| key.references == table);
        let children: Vec<&'a Table> = if stage == Stage::Contract {
            self.target.tables.values().filter(refers).collect()
        } else {
            self.tables().filter(refers).collect()
        };
        children.into_iter().map(|it| it.name.as_str()).filter(|name| *name != table).collect()
    }
}
