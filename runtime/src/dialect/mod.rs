//! The two SQL dialects. What differs between the servers in *spelling* lives below here,
//! under the same file names for both; what differs in *how a change is staged* lives in
//! [`crate::operation`].

use std::fmt;

/// A server family with its own SQL.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
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
}

impl fmt::Display for Dialect {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}
