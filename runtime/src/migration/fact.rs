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
    /// `default users.email`: the column is there and has a default.
    Default(String, String),
    /// `index users.users_email_key`: the index is there and valid. `not index ...` says that none is there: one
    /// that is not valid is neither.
    Index(String, String),
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
    /// `partition events.events_2026`: PostgreSQL has the second table as a partition of the first.
    Partition(String, String),
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
        if key == "type" {
            return if rest.is_empty() {
                Err(format!("`{text}` names no type"))
            } else {
                Ok(Self::Type(first, second, rest.trim().to_owned()))
            };
        }
        let make = match key {
            "column" => Self::Column,
            "nullable" => Self::Nullable,
            "not-null" => Self::NotNull,
            "default" => Self::Default,
            "index" => Self::Index,
            "hidden" => Self::Hidden,
            "constraint" => Self::Constraint,
            "validated" => Self::Validated,
            "trigger" => Self::Trigger,
            "value" => Self::EnumValue,
            "partition" => Self::Partition,
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
            Self::Column(table, name) => ("column", table, name),
            Self::Nullable(table, name) => ("nullable", table, name),
            Self::NotNull(table, name) => ("not-null", table, name),
            Self::Default(table, name) => ("default", table, name),
            Self::Index(table, name) => ("index", table, name),
            Self::Hidden(table, name) => ("hidden", table, name),
            Self::Constraint(table, name) => ("constraint", table, name),
            Self::Validated(table, name) => ("validated", table, name),
            Self::Trigger(table, name) => ("trigger", table, name),
            Self::EnumValue(name, value) => ("value", name, value),
            Self::Partition(table, name) => ("partition", table, name),
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
            "not-null users.a",
            "index users.\"Größe.x\"",
            "not hidden users.by_name",
            "function pontoon_f",
            "enum state",
            "value state.\"half paid\"",
            "partition events.events_2026",
            "repeatable",
            "not query SELECT 1\nFROM settings WHERE name = 'a.b'",
        ] {
            assert_eq!(Fact::parse(text).unwrap().to_string(), text);
        }
    }

    #[test]
    fn half_a_fact_is_refused() {
        for text in ["column users", "type users.a", "table", "table a b", "color a.b", "query", "not query ;"] {
            assert!(Fact::parse(text).is_err(), "{text}");
        }
    }
}
