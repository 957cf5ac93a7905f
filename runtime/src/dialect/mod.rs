//! The two SQL dialects. What differs between the servers in *spelling* lives below here,
//! under the same file names for both; what differs in *how a change is staged* lives in
//! [`crate::operation`].

mod assignable;
pub mod mysql;
pub mod postgres;
mod sql_words;

use std::fmt;

pub(crate) use assignable::{assignable, holds, integers, is_number, narrows};
pub(crate) use sql_words::{columns_in, default_is_stable, is_repeatable, with_column};

use crate::schema::ColumnType;
use crate::sql_type::Kind;

/// A server family with its own SQL.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Dialect {
    /// PostgreSQL 13 and later.
    Postgres,
    /// MySQL 8.0 and later; not MariaDB.
    MySql,
}

impl Dialect {
    /// Both.
    pub const ALL: [Self; 2] = [Self::Postgres, Self::MySql];

    /// The name in commands, files and reports.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Postgres => "postgres",
            Self::MySql => "mysql",
        }
    }

    /// Reads a name.
    pub fn from_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|dialect| dialect.name() == name)
    }

    /// A name as SQL writes it, always quoted.
    pub fn ident(self, name: &str) -> String {
        match self {
            Self::Postgres => postgres::quote::ident(name),
            Self::MySql => mysql::quote::ident(name),
        }
    }

    /// Names, quoted, between commas.
    pub fn idents<S: AsRef<str>>(self, names: &[S]) -> String {
        names.iter().map(|name| self.ident(name.as_ref())).collect::<Vec<_>>().join(", ")
    }

    /// A text as an SQL literal.
    pub fn literal(self, text: &str) -> String {
        match self {
            Self::Postgres => postgres::quote::literal(text),
            Self::MySql => mysql::quote::literal(text),
        }
    }

    /// A column's type as SQL writes it.
    pub fn type_name(self, ty: &ColumnType) -> String {
        match self {
            Self::Postgres => postgres::types::name(ty),
            Self::MySql => mysql::types::name(ty),
        }
    }

    /// A column's type as its definition has it: with its collation, where one is given.
    pub(crate) fn type_definition(self, ty: &ColumnType) -> String {
        match self {
            Self::Postgres => postgres::types::definition(ty),
            Self::MySql => mysql::types::definition(ty),
        }
    }

    /// A column's type as the catalog shows it.
    pub(crate) fn catalog_type(self, ty: &ColumnType) -> String {
        match self {
            Self::Postgres => postgres::types::catalog_name(ty),
            Self::MySql => mysql::types::name(ty),
        }
    }

    /// A value of the one type as one of the other, to which it can be assigned: PostgreSQL does not know that two
    /// enums have values in common.
    pub(crate) fn converted(self, value: &str, [from, to]: [&ColumnType; 2]) -> String {
        if self == Self::Postgres && from.enumeration.is_some() && self.type_name(from) != self.type_name(to) {
            format!("CAST(CAST({value} AS text) AS {})", self.type_name(to))
        } else {
            value.to_owned()
        }
    }

    /// A marker (`types::left_out`) as an expression beside values of its type: MySQL takes hexadecimal digits for bytes, and a
    /// text beside bytes for bytes.
    pub(crate) fn marker_in_text(self, ty: &ColumnType, marker: &str) -> String {
        match (self, ty.kind) {
            (Self::MySql, Kind::Text) => format!("_utf8mb4 {marker}"),
            _ => marker.to_owned(),
        }
    }

    /// A default as `DEFAULT` takes it.
    pub fn default_value(self, ty: &ColumnType, sql: &str) -> String {
        match self {
            Self::Postgres => sql.to_owned(),
            Self::MySql => mysql::types::default_value(ty, sql),
        }
    }
}

impl fmt::Display for Dialect {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}
