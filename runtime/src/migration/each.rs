//! A statement for each partition of a table.
//!
//! Which partitions there are, only the catalog knows, at the moment: others make them, and take them away. So the
//! file holds the statement once, with `"{partition}"` where the partition's name is to stand, and that is what is
//! reviewed. Nothing else of it changes: names that begin with the placeholder go on as they are written, and are cut
//! as all generated names are.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;

use super::claim::{name_then_rest, quote};
use super::{Claim, Fact, Statement, UndoStatement};
use crate::dialect::Dialect;
use crate::schema::limited;

/// What stands for a partition's name, inside quotes.
pub const PARTITION: &str = "{partition}";

/// For which partitions a statement is meant.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Each {
    /// The partitioned table.
    pub table: String,
    /// Only its default partition, if it has one.
    pub default_only: bool,
}

impl Each {
    /// All partitions of this table.
    pub fn partition_of(table: &str) -> Self {
        Self { table: table.to_owned(), default_only: false }
    }

    /// The default partition of this table.
    pub fn default_of(table: &str) -> Self {
        Self { table: table.to_owned(), default_only: true }
    }

    /// Reads what [`Display`](fmt::Display) wrote.
    ///
    /// # Errors
    /// Says what is not understood.
    pub fn parse(text: &str) -> Result<Self, String> {
        let wrong = || format!("`{text}` is neither `partition of TABLE` nor `default partition of TABLE`");
        let (default_only, rest) = match text.strip_prefix("default ") {
            Some(rest) => (true, rest),
            None => (false, text),
        };
        let (table, rest) = name_then_rest(rest.strip_prefix("partition of ").ok_or_else(wrong)?)?;
        if rest.is_empty() { Ok(Self { table, default_only }) } else { Err(wrong()) }
    }
}

/// `partition of events`, `default partition of events`
impl fmt::Display for Each {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}partition of {}", if self.default_only { "default " } else { "" }, quote(&self.table))
    }
}

impl Statement {
    /// What runs for this partition; a statement that is for no partitions as it is.
    pub fn for_partition(&self, partition: &str) -> Self {
        if self.each.is_none() {
            return self.clone();
        }
        Self {
            sql: sql(&self.sql, partition),
            claim: claim(&self.claim, partition),
            done: fact(&self.done, partition),
            unless: self.unless.as_ref().map(|it| fact(it, partition)),
            each: None,
            ..self.clone()
        }
    }
}

impl UndoStatement {
    /// As [`Statement::for_partition`].
    pub fn for_partition(&self, partition: &str) -> Self {
        if self.each.is_none() {
            return self.clone();
        }
        Self {
            sql: sql(&self.sql, partition),
            claim: claim(&self.claim, partition),
            done: fact(&self.done, partition),
            unless: self.unless.as_ref().map(|it| fact(it, partition)),
            each: None,
            ..self.clone()
        }
    }
}

/// A name with the partition's in the placeholder's place.
fn name(written: &str, partition: &str) -> String {
    match written.strip_prefix(PARTITION) {
        Some("") => partition.to_owned(),
        Some(rest) => limited(&format!("{partition}{rest}")),
        None => written.to_owned(),
    }
}

fn claim(claim: &Claim, partition: &str) -> Claim {
    let names = |set: &BTreeSet<String>| set.iter().map(|it| name(it, partition)).collect();
    // the strongest, should two names become one
    let mut locks = BTreeMap::new();
    for (table, mode) in &claim.locks {
        let held = locks.entry(name(table, partition)).or_insert(*mode);
        *held = (*held).max(*mode);
    }
    Claim { locks, rewrites: names(&claim.rewrites), scans: names(&claim.scans), ..claim.clone() }
}

fn fact(fact: &Fact, partition: &str) -> Fact {
    match fact {
        Fact::Query(text) => Fact::Query(sql(text, partition)),
        Fact::Not(inner) => Fact::Not(Box::new(self::fact(inner, partition))),
        other => other.renamed(|it| name(it, partition)),
    }
}

/// The text with every quoted name that begins with the placeholder filled in.
fn sql(text: &str, partition: &str) -> String {
    let begin = format!("\"{PARTITION}");
    let mut out = String::new();
    let mut rest = text;
    while let Some(at) = rest.find(&begin) {
        out.push_str(&rest[..at]);
        let Ok((written, _)) = name_then_rest(&rest[at..]) else { break };
        let quoted = Dialect::Postgres.ident(&written).len();
        out.push_str(&Dialect::Postgres.ident(&name(&written, partition)));
        rest = &rest[at + quoted..];
    }
    out.push_str(rest);
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn whom_it_is_for_reads_back() {
        for text in ["partition of events", "default partition of \"my events\""] {
            assert_eq!(Each::parse(text).unwrap().to_string(), text);
        }
        for text in ["events", "partition of", "partition of a b", "default events"] {
            assert!(Each::parse(text).is_err(), "{text}");
        }
    }

    #[test]
    fn only_names_that_begin_with_the_placeholder_change() {
        let text = "CREATE INDEX \"{partition}_a_idx\" ON \"{partition}\" (\"a{partition}\") WHERE b = '{partition}'";
        assert_eq!(
            sql(text, "p\"1"),
            "CREATE INDEX \"p\"\"1_a_idx\" ON \"p\"\"1\" (\"a{partition}\") WHERE b = '{partition}'"
        );
        let long = "p".repeat(60);
        let index = name("{partition}_a_idx", &long);
        assert_eq!((index.len(), index.ends_with("_a_idx")), (62, true), "{index}");
        let told = Claim::none().lock("{partition}", crate::migration::LockMode::Share).scan("{partition}");
        assert_eq!(claim(&told, "p1").to_string(), "locks p1 SHARE; scans p1; reads no; writes brief");
        let done = Fact::Index(PARTITION.into(), "{partition}_a_idx".into()).negated();
        assert_eq!(fact(&done, "p1").to_string(), "not index p1.p1_a_idx");
    }
}
