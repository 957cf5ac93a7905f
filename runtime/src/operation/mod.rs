//! Typed schema changes, one a file. Each file owns the whole thought "how does this happen
//! without stopping anybody": its fields, and its staging on both servers side by side.
//!
//! How a server spells a thing is [`crate::dialect`]'s. Adding an operation: `ARCHITECTURE.md`.

mod add_check;
mod add_column;
mod add_enum_values;
mod add_foreign_key;
mod add_generated;
mod add_index;
mod change_key;
mod change_type;
mod create_enum;
mod create_table;
mod dependants;
mod drop_check;
mod drop_column;
mod drop_default;
mod drop_enum;
mod drop_foreign_key;
mod drop_index;
mod drop_not_null;
mod drop_table;
mod fill;
mod filled_column;
mod formula;
mod implicit_key;
mod linked_type;
mod mirror;
mod modify;
mod rename_column;
mod rename_index;
mod rename_table;
mod search;
mod set_default;
mod set_not_null;
mod statement;
mod sync;
mod triggers;

pub(crate) use add_foreign_key::foreign_key_sql;
pub(crate) use mirror::Mirror;
pub(crate) use rename_table::{Renames, moved};
pub(crate) use statement::Draft;
pub(crate) use sync::Sync;
pub(crate) use triggers::{Triggers, function_name, insert_name, update_name};

use std::collections::{BTreeMap, BTreeSet};

use crate::def::ReferentialAction;
use crate::dialect::Dialect;
use crate::migration::{Algorithm, Claim, LockClause, LockMode, Stage, Step};
use crate::schema::{Intents, Schema, Table};

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
    /// A new foreign key.
    AddForeignKey {
        /// The referring table.
        table: String,
        /// The foreign key.
        foreign_key: String,
        /// Another one has its name until contract.
        replaces: bool,
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
            Self::CreateEnum { name, .. } => Ok(create_enum::stage(context, name)),
            Self::AddEnumValues { name, .. } => Ok(add_enum_values::stage(context, name)),
            Self::DropEnum { name, .. } => Ok(drop_enum::stage(context, name)),
            Self::RenameTable { from, table } => rename_table::stage(context, from, table),
            Self::CreateTable { table, deferred } => create_table::stage(context, table, deferred),
            Self::AddColumn { table, column } => add_column::stage(context, table, column),
            Self::RenameColumn { table, from, column } => rename_column::stage(context, table, from, column),
            Self::ChangeType { table, column } => change_type::stage(context, table, column),
            Self::SetNotNull { table, column } => set_not_null::stage(context, table, column),
            Self::DropNotNull { table, column } => drop_not_null::stage(context, table, column),
            Self::SetDefault { table, column } => Ok(set_default::stage(context, table, column)),
            Self::DropDefault { table, column } => Ok(drop_default::stage(context, table, column)),
            Self::AddIndex { table, index, replaces } => Ok(add_index::stage(context, table, index, *replaces)),
            Self::RenameIndex { table, from, index } => Ok(rename_index::stage(context, table, from, index)),
            Self::ChangeKey { table } => change_key::stage(context, table),
            Self::AddCheck { table, check } => add_check::stage(context, table, check),
            Self::AddForeignKey { table, foreign_key, replaces } => {
                Ok(add_foreign_key::stage(context, table, foreign_key, *replaces))
            }
            Self::DropForeignKey { table, foreign_key } => Ok(drop_foreign_key::stage(context, table, foreign_key)),
            Self::DropCheck { table, check } => drop_check::stage(context, table, check),
            Self::DropIndex { table, index, replaced } => drop_index::stage(context, table, index, *replaced),
            Self::DropColumn { table, column, renamed_to } => {
                drop_column::stage(context, table, column, renamed_to.as_deref())
            }
            Self::DropTable { table } => Ok(drop_table::stage(context, table)),
        }
    }

    /// Whether the server makes a column, takes one away or changes what it holds.
    const fn changes_columns(&self) -> bool {
        matches!(
            self,
            Self::AddColumn { .. }
                | Self::RenameColumn { .. }
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
            | Self::ChangeType { table, column }
            | Self::SetNotNull { table, column }
            | Self::DropNotNull { table, column }
            | Self::SetDefault { table, column }
            | Self::DropDefault { table, column }
            | Self::DropColumn { table, column, .. } => (table, Some(column)),
            Self::RenameTable { table, .. }
            | Self::CreateTable { table, .. }
            | Self::AddIndex { table, .. }
            | Self::RenameIndex { table, .. }
            | Self::ChangeKey { table }
            | Self::AddCheck { table, .. }
            | Self::AddForeignKey { table, .. }
            | Self::DropForeignKey { table, .. }
            | Self::DropCheck { table, .. }
            | Self::DropIndex { table, .. }
            | Self::DropTable { table }
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

    pub(crate) fn ident(&self, name: &str) -> String {
        self.dialect.ident(name)
    }

    /// How many rows a statement may copy while writers wait.
    pub(crate) fn copy_rows(&self) -> u64 {
        self.intents.copy_rows.unwrap_or(100_000)
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
