//! The model: what a schema *is*, owned, ordered by name, with no server's spelling in it
//! but for texts that the user wrote.
//!
//! [`from_defs`] makes it from what the derive emitted and reports every mistake that needs
//! more than one struct to see. What an attribute says about the *way* (backfill, renamed
//! from, dropped) is kept apart, as [`Intents`]: it is no part of the schema.

mod enums;
mod from_defs;
mod from_index;
mod generated;
mod index;
mod partition;
mod referential;

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

pub use index::{Index, IndexForm, IndexKey, KeyOf};
pub use partition::{Bounds, Partitioning};

pub use from_defs::{SchemaError, SchemaErrors, from_defs, from_schema};
pub(crate) use from_defs::{from_def_among, limited};

use crate::def::{Location, ReferentialAction};
use crate::dialect::Dialect;
use crate::sql_type::Kind;

/// All tables, by name.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Schema {
    /// The tables, by name.
    pub tables: BTreeMap<String, Table>,
    /// Tables that have been dropped and keep their rows under another name, by the name they had.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub dropped: BTreeMap<String, Dropped>,
}

/// A table that was dropped, and is only renamed away so far.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Dropped {
    /// What it is called now.
    pub name: String,
    /// The migration that renamed it.
    pub migration: String,
    /// The table as it was, without its foreign keys.
    pub table: Table,
}

impl Schema {
    /// The schema with what it keeps of `source` although no struct knows it: the tables that are renamed away, before and by
    /// this migration, but for those that it drops for good.
    #[must_use]
    pub fn keeping(&self, source: &Self, intents: &Intents, migration: &str) -> Self {
        let gone = |name: &&String| intents.dropped_tables.contains(*name) && !self.tables.contains_key(*name);
        let new = source.tables.keys().filter(gone).map(|name| {
            let table = Table { foreign_keys: BTreeMap::new(), ..source.tables[name].clone() };
            let away = crate::operation::renamed_away(name);
            (name.clone(), Dropped { name: away, migration: migration.to_owned(), table })
        });
        let kept = source.dropped.iter().filter(|(name, _)| !intents.purged_tables.contains(*name));
        let mut dropped: BTreeMap<_, _> = kept.map(|(name, it)| (name.clone(), it.clone())).chain(new).collect();
        // on PostgreSQL the type is theirs too
        let enums = self.enums();
        for it in dropped.values_mut().flat_map(|it| &mut it.table.columns).filter_map(|it| it.ty.enumeration.as_mut())
        {
            if let Some((now, ..)) = enums.get(it.name.as_str()) {
                it.values.clone_from(&now.values);
            }
        }
        Self { tables: self.tables.clone(), dropped }
    }

    /// A table that has been dropped and keeps its rows, with a column of that enum; the enum as that column has it.
    pub(crate) fn kept_enum(&self, name: &str) -> Option<(&str, &Dropped, &Enumeration)> {
        self.dropped.iter().find_map(|(table, it)| {
            let mut enums = it.table.columns.iter().filter_map(|it| it.ty.enumeration.as_ref());
            Some((table.as_str(), it, enums.find(|it| it.name == name)?))
        })
    }

    /// The enums of its columns by name, each with the first column that has it.
    pub(crate) fn enums(&self) -> BTreeMap<&str, (&Enumeration, &Table, &Column)> {
        let columns = self.tables.values().flat_map(|table| table.columns.iter().map(move |it| (table, it)));
        let mut enums = BTreeMap::new();
        for (table, column) in columns {
            if let Some(it) = &column.ty.enumeration {
                enums.entry(it.name.as_str()).or_insert((it, table, column));
            }
        }
        enums
    }
}

/// One table.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Table {
    /// Its name.
    pub name: String,
    /// Its columns, in the order a new table would have them. The order is no part of what
    /// the schema means: see [`Table::same_as`].
    pub columns: Vec<Column>,
    /// The primary key's columns, in its order; empty without one.
    pub primary_key: Vec<String>,
    /// Indexes by name; a `unique` column is one of them.
    pub indexes: BTreeMap<String, Index>,
    /// Foreign keys by name.
    pub foreign_keys: BTreeMap<String, ForeignKey>,
    /// Checks by name.
    pub checks: BTreeMap<String, Check>,
    /// PostgreSQL: how it is partitioned.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub partitioned: Option<Partitioning>,
}

impl Table {
    /// The column of that name.
    pub fn column(&self, name: &str) -> Option<&Column> {
        self.columns.iter().find(|column| column.name == name)
    }

    /// The checks that stand on this column.
    pub(crate) fn checks_on<'a>(&'a self, column: &'a str, dialect: Dialect) -> impl Iterator<Item = &'a String> {
        let named = move |sql: &str| !crate::dialect::columns_in(sql, std::iter::once(column)).is_empty();
        self.checks.iter().filter(move |(_, check)| check.sql.of(dialect).is_some_and(named)).map(|(name, _)| name)
    }

    /// Whether both mean the same, whatever the order of their columns.
    pub fn same_as(&self, other: &Self) -> bool {
        let sorted = |table: &Self| {
            let mut table = table.clone();
            table.columns.sort_by(|a, b| a.name.cmp(&b.name));
            table
        };
        sorted(self) == sorted(other)
    }
}

/// One column.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Column {
    /// Its name.
    pub name: String,
    /// Its type.
    #[serde(rename = "type")]
    pub ty: ColumnType,
    /// Whether it takes NULL.
    pub nullable: bool,
    /// Whether the server numbers it.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub identity: bool,
    /// Its default.
    #[serde(default, skip_serializing_if = "Texts::is_empty")]
    pub default: Texts,
    /// How the server computes it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub generated: Option<Generated>,
}

/// A column that nobody writes.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Generated {
    /// The expression over the row's other columns.
    pub sql: Texts,
    /// Computed when it is read, on MySQL; PostgreSQL stores it.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub computed_on_read: bool,
}

impl Generated {
    /// Whether it names that column.
    pub(crate) fn names(&self, column: &str) -> bool {
        let texts = [self.sql.postgres.as_deref(), self.sql.mysql.as_deref()];
        texts.into_iter().flatten().any(|sql| !crate::dialect::columns_in(sql, std::iter::once(column)).is_empty())
    }
}

/// A column's type before any server spells it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ColumnType {
    /// What the value is.
    pub kind: Kind,
    /// Characters of a text, bytes of a byte string.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub length: Option<u32>,
    /// Digits of a decimal in all.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub precision: Option<u32>,
    /// Digits of a decimal behind the point.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub scale: Option<u32>,
    /// The values of an enum.
    #[serde(default, rename = "enum", skip_serializing_if = "Option::is_none")]
    pub enumeration: Option<Enumeration>,
    /// The user's own spelling.
    #[serde(default, skip_serializing_if = "Texts::is_empty")]
    pub spelled: Texts,
    /// How a text is compared and sorted.
    #[serde(default, skip_serializing_if = "Texts::is_empty")]
    pub collation: Texts,
}

impl ColumnType {
    /// A type of which there is nothing more to say.
    pub const fn plain(kind: Kind) -> Self {
        let [spelled, collation] = [const { Texts { postgres: None, mysql: None } }; 2];
        Self { kind, length: None, precision: None, scale: None, enumeration: None, spelled, collation }
    }

    /// An enum's values; none for any other type.
    pub(crate) fn values(&self) -> &[String] {
        self.enumeration.as_ref().map_or(&[], |it| &it.values)
    }
}

/// An enum: on PostgreSQL a type of the schema, which columns of many tables may share.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Enumeration {
    /// Its name.
    pub name: String,
    /// Its values, in their order.
    pub values: Vec<String>,
}

/// A piece of the user's SQL, for each server.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Default, Serialize, Deserialize)]
pub struct Texts {
    /// For PostgreSQL.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub postgres: Option<String>,
    /// For MySQL.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub mysql: Option<String>,
}

impl Texts {
    /// Nothing for either server.
    pub const fn is_empty(&self) -> bool {
        self.postgres.is_none() && self.mysql.is_none()
    }

    /// The text for one server.
    pub fn of(&self, dialect: Dialect) -> Option<&str> {
        match dialect {
            Dialect::Postgres => self.postgres.as_deref(),
            Dialect::MySql => self.mysql.as_deref(),
        }
    }
}

/// A foreign key.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ForeignKey {
    /// The referring columns.
    pub columns: Vec<String>,
    /// The table referred to.
    pub references: String,
    /// Its columns.
    pub referenced_columns: Vec<String>,
    /// What happens to the row when the other goes.
    pub on_delete: ReferentialAction,
    /// What happens to the row when the other's key changes.
    pub on_update: ReferentialAction,
}

impl ForeignKey {
    /// Whether it writes the referring rows when the other table's change.
    pub fn writes_rows(&self) -> bool {
        use ReferentialAction as Action;
        matches!(self.on_update, Action::Cascade | Action::SetNull) || self.on_delete == Action::SetNull
    }
}

/// A check.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Check {
    /// The condition.
    pub sql: Texts,
    /// The column it was written on, if it was written on one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub column: Option<String>,
    /// MySQL: triggers hold writes to it, and the server's own constraint is `NOT ENFORCED`. No struct says so, but the
    /// way that the check came by: see [`settled`](crate::diff::settled).
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub guarded: bool,
}

impl Check {
    /// Whether both say the same, however MySQL holds to it.
    pub fn same_as(&self, other: &Self) -> bool {
        self.sql == other.sql && self.column == other.column
    }
}

/// What the attributes say about the way from one schema to the next, and where they stand.
#[derive(Debug, Clone, Default)]
pub struct Intents {
    /// `backfill`, by table and column.
    pub backfills: BTreeMap<(String, String), Texts>,
    /// `backfill_fn`, by table and column.
    pub functions: BTreeMap<(String, String), String>,
    /// `reverse`, by table and column: of a column that changes its type, or of one that is dropped.
    pub reverses: BTreeMap<(String, String), Texts>,
    /// `renamed_from`, by table and (new) column.
    pub renamed_from: BTreeMap<(String, String), String>,
    /// `moved_from`, by table and (new) column: the other table and its column.
    pub moved_from: BTreeMap<(String, String), (String, String)>,
    /// `dropped(...)`: table and column.
    pub dropped: std::collections::BTreeSet<(String, String)>,
    /// `partition(..., attach)`: table and partition.
    pub attached: std::collections::BTreeSet<(String, String)>,
    /// `detached(...)`: table and partition.
    pub detached: std::collections::BTreeSet<(String, String)>,
    /// `unlisted(...)`: table and partition.
    pub unlisted: std::collections::BTreeSet<(String, String)>,
    /// `dropped(..., one_way)`: table and column.
    pub one_way: std::collections::BTreeSet<(String, String)>,
    /// `renamed_from` of tables, by their (new) name.
    pub renamed_tables: BTreeMap<String, String>,
    /// `renamed_from` of enums' values, by enum and (new) value.
    pub renamed_values: BTreeMap<(String, String), String>,
    /// `dropped(...)` of enums' values, by enum and (old) value: what their rows get, if anything.
    pub dropped_values: BTreeMap<(String, String), Option<String>>,
    /// What each enum is called in Rust, by its name.
    pub enums: BTreeMap<String, String>,
    /// Tables whose disappearance is meant: `generate --drop-table`.
    pub dropped_tables: std::collections::BTreeSet<String>,
    /// Tables that were dropped before and are meant to go for good: `generate --purge-table`.
    pub purged_tables: std::collections::BTreeSet<String>,
    /// For how many hours such a table's rows stay at least: `generate --grace`; 30 days, if nothing is said.
    pub grace_hours: Option<u32>,
    /// How many rows a statement may copy while writers wait, where a server has no other way:
    /// `generate --copy-rows`; if nothing is said, such a statement is refused.
    pub copy_rows: Option<u64>,
    /// Checks that triggers are to hold on MySQL although rows may be copied: `generate --guard`.
    pub guarded_checks: std::collections::BTreeSet<String>,
    /// Checks that triggers have held on MySQL, and the server is to enforce: `generate --enforce`.
    pub enforced_checks: std::collections::BTreeSet<String>,
    /// Where each struct stands.
    pub tables_at: BTreeMap<String, Location>,
    /// Where each field stands, by table and column.
    pub columns_at: BTreeMap<(String, String), Location>,
    /// What each field is called, by table and column.
    pub fields: BTreeMap<(String, String), String>,
}
