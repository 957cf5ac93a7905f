//! A question to the catalog whose answer says whether a statement has been done.
//!
//! On MySQL every DDL commits, and on either server the connection can be lost between the
//! work and the ledger's note of it. Then nothing is repeated before the catalog was asked.

use std::fmt;

use super::claim::{name_then_rest, quote};

/// Something that is so, or is not, in a database's catalog.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub enum Fact {
    /// `table users`
    Table(String),
    /// `view people`
    View(String),
    /// `column users.email`
    Column(String, String),
    /// `nullable users.email`: the column is there and takes NULL.
    Nullable(String, String),
    /// `not-null users.email`: the column is there, takes no NULL, and no row has one: PostgreSQL 18 knows columns
    /// that take none, and rows of before not looked at yet.
    NotNull(String, String),
    /// `type users.email character varying(320)`: the column is there and of this type, by the catalog's name.
    Type(String, String, String),
    /// `collation users.email utf8mb4_bin`: the column is there and has this collation, by its name.
    Collation(String, String, String),
    /// `default users.email`: the column is there and has a default.
    Default(String, String),
    /// `index users.users_email_key`: the index is there and valid. `not index ...` says that none is there: one
    /// that is not valid is neither.
    Index(String, String),
    /// `any-index users.users_email_key`: the index is there, valid or not. That of a partitioned table is not until each
    /// partition has its part of it.
    AnyIndex(String, String),
    /// `part-of events_2026.events_at_idx`: the partition has a valid index that is its part of that index of its table.
    PartOf(String, String),
    /// `hidden users.users_email_key`: the index is there, and no query uses it.
    Hidden(String, String),
    /// `constraint users.fk`: a foreign key or check is there, proven or not.
    Constraint(String, String),
    /// `validated users.fk`: it is there, and proven (PostgreSQL) or enforced (MySQL).
    Validated(String, String),
    /// `trigger users.sync`
    Trigger(String, String),
    /// `function sync`
    Function(String),
    /// `enum state`: PostgreSQL has a type of that name.
    Enum(String),
    /// `value state.paid`: and it has that value.
    EnumValue(String, String),
    /// `partition events.events_2026`: PostgreSQL has the second table as a partition of the first, and not on its way out.
    Partition(String, String),
    /// `detaching events.events_2026`: it is on its way out, and what was begun is still to be ended.
    Detaching(String, String),
    /// `query SELECT ...`: the query finds a row. For steps written by hand, whose work no other fact tells of.
    Query(String),
    /// `repeatable`: the catalog cannot tell, and the statement can be run again. Never holds.
    Repeatable,
    /// `not ...`
    Not(Box<Fact>),
}

impl Fact {
    /// The opposite.
    pub fn negated(&self) -> Self {
        match self {
            Self::Not(inner) => (**inner).clone(),
            Self::Repeatable => Self::Repeatable,
            other => Self::Not(Box::new(other.clone())),
        }
    }

    /// The same of other things: every name as `name` has it. A query says its names itself.
    pub(crate) fn renamed(&self, name: impl Fn(&str) -> String) -> Self {
        let mut fact = self.clone();
        for it in fact.names_mut() {
            *it = name(it);
        }
        fact
    }

    fn names_mut(&mut self) -> Vec<&mut String> {
        match self {
            Self::Repeatable | Self::Query(_) => Vec::new(),
            Self::Not(inner) => inner.names_mut(),
            Self::Table(name) | Self::View(name) | Self::Function(name) | Self::Enum(name) => vec![name],
            Self::Column(table, name)
            | Self::Nullable(table, name)
            | Self::NotNull(table, name)
            | Self::Type(table, name, _)
            | Self::Collation(table, name, _)
            | Self::Default(table, name)
            | Self::Index(table, name)
            | Self::AnyIndex(table, name)
            | Self::PartOf(table, name)
            | Self::Hidden(table, name)
            | Self::Constraint(table, name)
            | Self::Validated(table, name)
            | Self::Trigger(table, name)
            | Self::EnumValue(table, name)
            | Self::Partition(table, name)
            | Self::Detaching(table, name) => vec![table, name],
        }
    }

    /// Reads what [`Display`](fmt::Display) wrote.
    ///
    /// # Errors
    /// Says which word is not understood.
    pub fn parse(text: &str) -> Result<Self, String> {
        if text == "repeatable" {
            return Ok(Self::Repeatable);
        }
        let (key, rest) = text.split_once(char::is_whitespace).ok_or_else(|| format!("`{text}` is no fact"))?;
        let rest = rest.trim();
        if key == "not" {
            return Ok(Self::Not(Box::new(Self::parse(rest)?)));
        }
        if key == "query" {
            let sql = rest.strip_suffix(';').unwrap_or(rest).trim_end();
            return if sql.is_empty() {
                Err("`query` is followed by no query".into())
            } else {
                Ok(Self::Query(sql.into()))
            };
        }
        let (first, rest) = name_then_rest(rest)?;
        let Some(second) = rest.strip_prefix('.') else {
            return match (key, rest) {
                ("table", "") => Ok(Self::Table(first)),
                ("view", "") => Ok(Self::View(first)),
                ("function", "") => Ok(Self::Function(first)),
                ("enum", "") => Ok(Self::Enum(first)),
                _ => Err(format!("`{text}` is no fact")),
            };
        };
        let (second, rest) = name_then_rest(second)?;
        if key == "type" || key == "collation" {
            let make = if key == "type" { Self::Type } else { Self::Collation };
            return if rest.is_empty() {
                Err(format!("`{text}` names no {key}"))
            } else {
                Ok(make(first, second, rest.trim().to_owned()))
            };
        }
        let make = match key {
            "column" => Self::Column,
            "nullable" => Self::Nullable,
            "not-null" => Self::NotNull,
            "default" => Self::Default,
            "index" => Self::Index,
            "any-index" => Self::AnyIndex,
            "part-of" => Self::PartOf,
            "hidden" => Self::Hidden,
            "constraint" => Self::Constraint,
            "validated" => Self::Validated,
            "trigger" => Self::Trigger,
            "value" => Self::EnumValue,
            "partition" => Self::Partition,
            "detaching" => Self::Detaching,
            _ => return Err(format!("`{key}` is no kind of fact")),
        };
        if rest.is_empty() { Ok(make(first, second)) } else { Err(format!("`{rest}` is one word too many")) }
    }
}

impl fmt::Display for Fact {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (key, table, name) = match self {
            Self::Not(inner) => return write!(f, "not {inner}"),
            Self::Repeatable => return f.write_str("repeatable"),
            Self::Query(sql) => return write!(f, "query {sql}"),
            Self::Table(name) => return write!(f, "table {}", quote(name)),
            Self::View(name) => return write!(f, "view {}", quote(name)),
            Self::Function(name) => return write!(f, "function {}", quote(name)),
            Self::Enum(name) => return write!(f, "enum {}", quote(name)),
            Self::Type(table, name, ty) => return write!(f, "type {}.{} {ty}", quote(table), quote(name)),
            Self::Collation(table, name, collation) => {
                return write!(f, "collation {}.{} {collation}", quote(table), quote(name));
            }
            Self::Column(table, name) => ("column", table, name),
            Self::Nullable(table, name) => ("nullable", table, name),
            Self::NotNull(table, name) => ("not-null", table, name),
            Self::Default(table, name) => ("default", table, name),
            Self::Index(table, name) => ("index", table, name),
            Self::AnyIndex(table, name) => ("any-index", table, name),
            Self::PartOf(table, name) => ("part-of", table, name),
            Self::Hidden(table, name) => ("hidden", table, name),
            Self::Constraint(table, name) => ("constraint", table, name),
            Self::Validated(table, name) => ("validated", table, name),
            Self::Trigger(table, name) => ("trigger", table, name),
            Self::EnumValue(name, value) => ("value", name, value),
            Self::Partition(table, name) => ("partition", table, name),
            Self::Detaching(table, name) => ("detaching", table, name),
        };
        write!(f, "{key} {}.{}", quote(table), quote(name))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_fact_reads_back_as_it_was_written() {
        for text in [
            "table users",
            "not column users.a",
            "type users.a varchar(9)",
            "collation users.a de-x-icu",
            "not-null users.a",
            "index users.\"Größe.x\"",
            "not hidden users.by_name",
            "function pontoon_f",
            "enum state",
            "value state.\"half paid\"",
            "partition events.events_2026",
            "not detaching events.events_2026",
            "any-index events.events_at_idx",
            "part-of \"{partition}\".events_at_idx",
            "repeatable",
            "not query SELECT 1\nFROM settings WHERE name = 'a.b'",
        ] {
            assert_eq!(Fact::parse(text).unwrap().to_string(), text);
        }
    }

    #[test]
    fn half_a_fact_is_refused() {
        for text in [
            "column users",
            "type users.a",
            "collation users.a",
            "table",
            "table a b",
            "color a.b",
            "query",
            "not query ;",
        ] {
            assert!(Fact::parse(text).is_err(), "{text}");
        }
    }
}
