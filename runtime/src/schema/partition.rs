//! Partitions (PostgreSQL): by what a table is cut, and the parts that are made with it or attached later.
//!
//! The list is not all there is: others make parts as time goes on, and take them away. What no
//! struct lists is none of our business.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::from_defs::check_name;
use super::{Schema, SchemaError, Table};
use crate::def::{BoundsDef, PartitionMethod, TableDef};
use crate::dialect::Dialect;

/// How a table is cut.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Partitioning {
    /// By what of a row.
    pub by: PartitionMethod,
    /// The columns that decide.
    pub columns: Vec<String>,
    /// On PostgreSQL alone: MySQL has a plain table.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub postgres_only: bool,
    /// The parts that the struct lists, by name.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub partitions: BTreeMap<String, Bounds>,
}

/// Which rows are in a part; the texts are SQL.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Bounds {
    /// From the first value, up to the other one and without it.
    Range {
        /// The first value.
        from: String,
        /// The first value that is not in it.
        to: String,
    },
    /// These values.
    List(Vec<String>),
    /// A share of all rows.
    Hash {
        /// How many shares there are.
        modulus: u32,
        /// Which one it is.
        remainder: u32,
    },
    /// What is in no other part.
    Default,
}

impl Partitioning {
    /// The condition, on a row, that a part of these bounds holds it, as the server itself puts it: it then takes a proven
    /// check of that for its own proof. None where it could be no check (by hash), or is not taken apart (several
    /// columns), or says what the others leave.
    pub(crate) fn condition(&self, bounds: &Bounds) -> Option<String> {
        let [column] = &self.columns[..] else { return None };
        let column = Dialect::Postgres.ident(column);
        let open = |it: &str| ["MINVALUE", "MAXVALUE"].iter().any(|word| it.trim().eq_ignore_ascii_case(word));
        let parts = match bounds {
            Bounds::Range { from, to } => {
                let ends = [(">=", from), ("<", to)].into_iter().filter(|(_, it)| !open(it));
                let ends = ends.map(|(operator, it)| format!("{column} {operator} {it}"));
                [format!("{column} IS NOT NULL")].into_iter().chain(ends).collect::<Vec<_>>().join(" AND ")
            }
            Bounds::List(values) => {
                let (nulls, values): (Vec<_>, Vec<_>) =
                    values.iter().map(String::as_str).partition(|it| it.trim().eq_ignore_ascii_case("NULL"));
                let among = format!("{column} IN ({})", values.join(", "));
                match (nulls.is_empty(), values.is_empty()) {
                    (true, _) => format!("{column} IS NOT NULL AND {among}"),
                    (false, true) => format!("{column} IS NULL"),
                    (false, false) => format!("{column} IS NULL OR {among}"),
                }
            }
            Bounds::Hash { .. } | Bounds::Default => return None,
        };
        Some(parts)
    }
}

/// What was written on the struct, and what is wrong with it.
pub(super) fn partitioning(def: &TableDef, table: &Table, errors: &mut Vec<SchemaError>) -> Option<Partitioning> {
    let written = def.partitioned?;
    let mut partitioning = Partitioning {
        by: written.by,
        columns: written.columns.iter().map(|it| (*it).to_owned()).collect(),
        postgres_only: written.only == Some(Dialect::Postgres.name()),
        partitions: BTreeMap::new(),
    };
    for it in written.partitions {
        check_name(def.at, "partition", it.name, errors);
        if partitioning.partitions.insert(it.name.to_owned(), bounds(it.bounds)).is_some() {
            errors.push(SchemaError {
                at: Some(def.at),
                message: format!("table `{}` has two partitions named `{}`", def.name, it.name),
                help: "give one of them another `name = \"...\"`".into(),
            });
        }
    }
    check_keys(def, table, &partitioning.columns, errors);
    Some(partitioning)
}

fn bounds(written: BoundsDef) -> Bounds {
    match written {
        BoundsDef::Range { from, to } => Bounds::Range { from: from.to_owned(), to: to.to_owned() },
        BoundsDef::List(values) => Bounds::List(values.iter().map(|it| (*it).to_owned()).collect()),
        BoundsDef::Hash { modulus, remainder } => Bounds::Hash { modulus, remainder },
        BoundsDef::Default => Bounds::Default,
    }
}

/// PostgreSQL looks for a value within one part alone, so what is unique there decides the part.
fn check_keys(def: &TableDef, table: &Table, columns: &[String], errors: &mut Vec<SchemaError>) {
    let by = columns.join(", ");
    let mut wrong = |message: String, help: String| errors.push(SchemaError { at: Some(def.at), message, help });
    let missing = |key: &[String]| columns.iter().find(|it| !key.contains(it)).cloned();
    if !table.primary_key.is_empty()
        && let Some(column) = missing(&table.primary_key)
    {
        wrong(
            format!(
                "table `{}` is partitioned by ({by}), and its primary key ({}) is without `{column}`",
                def.name,
                table.primary_key.join(", ")
            ),
            format!("add `primary_key` to `{column}`: PostgreSQL has no key that goes across partitions"),
        );
    }
    for (name, index) in table.indexes.iter().filter(|(_, it)| it.unique && it.is_for(Dialect::Postgres)) {
        if let Some(column) = missing(&index.columns) {
            wrong(
                format!(
                    "table `{}` is partitioned by ({by}), and its unique index `{name}` is without `{column}`",
                    def.name
                ),
                format!(
                    "add `{column}` to the index, or take `unique` away: PostgreSQL has no unique index that goes across partitions"
                ),
            );
        }
    }
    for name in columns {
        if table.column(name).is_some_and(|it| it.generated.is_some()) {
            wrong(
                format!("table `{}` is partitioned by `{name}`, which the server computes", def.name),
                "PostgreSQL takes no generated column for that: partition by one that is written".into(),
            );
        }
    }
}

/// Partitions are tables, and PostgreSQL has one space of names for tables and indexes. And a foreign key to a
/// partitioned table would lock partitions that others made, which nobody can claim.
pub(super) fn check(defs: &[&TableDef], schema: &Schema, errors: &mut Vec<SchemaError>) {
    if schema.tables.values().all(|it| it.partitioned.is_none()) {
        return;
    }
    let tables = schema.tables.values();
    let mut owners: BTreeMap<&str, &str> = tables.map(|it| (it.name.as_str(), it.name.as_str())).collect();
    for table in schema.tables.values() {
        owners.extend(table.indexes.keys().map(|it| (it.as_str(), table.name.as_str())));
    }
    for def in defs {
        let Some(table) = schema.tables.get(def.name) else { continue };
        let partitions = table.partitioned.iter().flat_map(|it| it.partitions.keys());
        for name in partitions {
            if let Some(other) = owners.insert(name, def.name) {
                errors.push(SchemaError {
                    at: Some(def.at),
                    message: format!(
                        "partition `{name}` of table `{}` has the name of something of table `{other}`",
                        def.name
                    ),
                    help: "give it another `name = \"...\"`: PostgreSQL has one space of names for tables, partitions and indexes"
                        .into(),
                });
            }
        }
        let columns = def.columns.iter().filter_map(|it| it.references.map(|reference| (it, reference)));
        for (column, reference) in columns {
            if schema.tables.get(reference.table).is_some_and(|it| it.partitioned.is_some()) {
                errors.push(SchemaError {
                    at: Some(column.at),
                    message: format!(
                        "column `{}.{}` refers to table `{}`, which is partitioned",
                        def.name, column.name, reference.table
                    ),
                    help: "a foreign key to a partitioned table is not derived: remove `references`".into(),
                });
            }
        }
    }
}
