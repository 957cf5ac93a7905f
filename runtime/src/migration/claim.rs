//! What we say a statement locks, rewrites and scans.
//!
//! A claim is written beside its statement in the migration file and held against what the
//! server did by `verify-migrations`. The words are the servers' own.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::str::FromStr;

use crate::dialect::Dialect;

macro_rules! words {
    ($(#[$meta:meta])* $name:ident { $($(#[$vmeta:meta])* $variant:ident = $word:literal),* $(,)? }) => {
        $(#[$meta])*
        #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub enum $name { $($(#[$vmeta])* $variant),* }

        impl $name {
            /// All of them, weakest first.
            pub const ALL: &'static [Self] = &[$(Self::$variant),*];

            /// The word in reports and migration files.
            pub const fn word(self) -> &'static str {
                match self { $(Self::$variant => $word),* }
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(self.word())
            }
        }

        impl FromStr for $name {
            type Err = String;
            fn from_str(text: &str) -> Result<Self, String> {
                Self::ALL.iter().copied().find(|it| it.word() == text).ok_or_else(|| {
                    let known: Vec<_> = Self::ALL.iter().map(|it| it.word()).collect();
                    format!("`{text}` is none of: {}", known.join(", "))
                })
            }
        }
    };
}

words! {
    /// A lock on a table, by the server's own name, each server's weakest first.
    ///
    /// PostgreSQL: manual, "Explicit Locking". MySQL: the metadata lock types of
    /// `performance_schema.metadata_locks`.
    LockMode {
        /// PostgreSQL: reads.
        AccessShare = "ACCESS SHARE",
        /// PostgreSQL: `SELECT ... FOR UPDATE` and the referenced table of a write.
        RowShare = "ROW SHARE",
        /// PostgreSQL: writes.
        RowExclusive = "ROW EXCLUSIVE",
        /// PostgreSQL: VACUUM, concurrent index builds, VALIDATE.
        ShareUpdateExclusive = "SHARE UPDATE EXCLUSIVE",
        /// PostgreSQL: a plain index build; stops writes.
        Share = "SHARE",
        /// PostgreSQL: triggers and foreign keys; stops writes.
        ShareRowExclusive = "SHARE ROW EXCLUSIVE",
        /// PostgreSQL: lets only plain reads by.
        Exclusive = "EXCLUSIVE",
        /// PostgreSQL: stops everything.
        AccessExclusive = "ACCESS EXCLUSIVE",
        /// MySQL: looks at the table's definition.
        Shared = "SHARED",
        /// MySQL: the same, of high priority.
        SharedHighPrio = "SHARED_HIGH_PRIO",
        /// MySQL: reads.
        SharedRead = "SHARED_READ",
        /// MySQL: writes.
        SharedWrite = "SHARED_WRITE",
        /// MySQL: writes of low priority.
        SharedWriteLowPrio = "SHARED_WRITE_LOW_PRIO",
        /// MySQL: an ALTER at work; lets reads and writes by.
        SharedUpgradable = "SHARED_UPGRADABLE",
        /// MySQL: `LOCK TABLES ... READ`; stops writes.
        SharedReadOnly = "SHARED_READ_ONLY",
        /// MySQL: a copying ALTER at work; stops writes.
        SharedNoWrite = "SHARED_NO_WRITE",
        /// MySQL: `LOCK TABLES ... WRITE`; stops everything.
        SharedNoReadWrite = "SHARED_NO_READ_WRITE",
        /// MySQL: stops everything. PostgreSQL has a lock mode of the same name, see [`Exclusive`](Self::Exclusive).
        MdlExclusive = "EXCLUSIVE_MDL",
    }
}

impl LockMode {
    /// The server's own name of this lock, as reports print it.
    pub const fn name(self) -> &'static str {
        match self {
            Self::MdlExclusive => "EXCLUSIVE",
            other => other.word(),
        }
    }

    /// Reads a server's own name of a lock.
    pub fn from_name(name: &str, dialect: Dialect) -> Option<Self> {
        Self::ALL.iter().copied().find(|mode| mode.name() == name && mode.dialect() == dialect)
    }

    /// The server that has this lock.
    pub const fn dialect(self) -> Dialect {
        match self {
            Self::AccessShare
            | Self::RowShare
            | Self::RowExclusive
            | Self::ShareUpdateExclusive
            | Self::Share
            | Self::ShareRowExclusive
            | Self::Exclusive
            | Self::AccessExclusive => Dialect::Postgres,
            Self::Shared
            | Self::SharedHighPrio
            | Self::SharedRead
            | Self::SharedWrite
            | Self::SharedWriteLowPrio
            | Self::SharedUpgradable
            | Self::SharedReadOnly
            | Self::SharedNoWrite
            | Self::SharedNoReadWrite
            | Self::MdlExclusive => Dialect::MySql,
        }
    }

    /// Whether a plain `SELECT` waits for this lock.
    pub const fn blocks_reads(self) -> bool {
        matches!(self, Self::AccessExclusive | Self::SharedNoReadWrite | Self::MdlExclusive)
    }

    /// Whether an `INSERT`, `UPDATE` or `DELETE` waits for this lock.
    pub const fn blocks_writes(self) -> bool {
        matches!(
            self,
            Self::Share
                | Self::ShareRowExclusive
                | Self::Exclusive
                | Self::AccessExclusive
                | Self::SharedReadOnly
                | Self::SharedNoWrite
                | Self::SharedNoReadWrite
                | Self::MdlExclusive
        )
    }
}

words! {
    /// How MySQL carries out an ALTER.
    Algorithm {
        /// The dictionary alone.
        Instant = "INSTANT",
        /// Inside the storage engine.
        Inplace = "INPLACE",
        /// Row by row into a new table.
        Copy = "COPY",
    }
}

words! {
    /// The least `LOCK=` that MySQL accepts for an ALTER.
    LockClause {
        /// Reads and writes go on.
        None = "NONE",
        /// Reads go on.
        Shared = "SHARED",
        /// Nothing goes on.
        Exclusive = "EXCLUSIVE",
    }
}

words! {
    /// For how long others are kept out.
    Extent {
        /// Not at all.
        No = "no",
        /// For a time that does not grow with the table.
        Brief = "brief",
        /// For a time that grows with the table.
        Rows = "rows",
    }
}

/// What a statement is said to do to the tables that were there before it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Claim {
    /// The strongest lock on each table.
    pub locks: BTreeMap<String, LockMode>,
    /// MySQL: how.
    pub algorithm: Option<Algorithm>,
    /// MySQL: the least lock it accepts.
    pub lock_clause: Option<LockClause>,
    /// Tables whose rows are all written anew.
    pub rewrites: BTreeSet<String>,
    /// Tables that are read whole.
    pub scans: BTreeSet<String>,
    /// How long readers wait.
    pub reads: Extent,
    /// How long writers wait.
    pub writes: Extent,
}

impl Default for Claim {
    fn default() -> Self {
        Self::none()
    }
}

impl Claim {
    /// Touches no table that was there before.
    pub const fn none() -> Self {
        Self {
            locks: BTreeMap::new(),
            algorithm: None,
            lock_clause: None,
            rewrites: BTreeSet::new(),
            scans: BTreeSet::new(),
            reads: Extent::No,
            writes: Extent::No,
        }
    }

    /// Takes `mode` on `table`, and nothing that lasts: who conflicts with the lock waits briefly.
    pub fn lock(mut self, table: &str, mode: LockMode) -> Self {
        let held = self.locks.entry(table.to_owned()).or_insert(mode);
        *held = (*held).max(mode);
        if mode.blocks_reads() {
            self.reads = self.reads.max(Extent::Brief);
        }
        if mode.blocks_writes() {
            self.writes = self.writes.max(Extent::Brief);
        }
        self
    }

    /// MySQL: with this algorithm, accepting this lock clause.
    pub fn how(mut self, algorithm: Algorithm, clause: LockClause) -> Self {
        self.algorithm = Some(algorithm);
        self.lock_clause = Some(clause);
        self
    }

    /// Reads the whole of `table`.
    pub fn scan(mut self, table: &str) -> Self {
        self.scans.insert(table.to_owned());
        self
    }

    /// Writes every row of `table` anew.
    pub fn rewrite(mut self, table: &str) -> Self {
        self.rewrites.insert(table.to_owned());
        self
    }

    /// How long readers and writers wait, where that does not follow from the lock.
    pub const fn blocking(mut self, reads: Extent, writes: Extent) -> Self {
        self.reads = reads;
        self.writes = writes;
        self
    }
}

/// One line: `locks users ACCESS EXCLUSIVE; reads brief; writes brief`.
impl fmt::Display for Claim {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let list = |names: &BTreeSet<String>| names.iter().map(|it| quote(it)).collect::<Vec<_>>().join(", ");
        let locks: Vec<_> =
            self.locks.iter().map(|(table, mode)| format!("{} {}", quote(table), mode.name())).collect();
        if locks.is_empty() {
            f.write_str("locks none")?;
        } else {
            write!(f, "locks {}", locks.join(", "))?;
        }
        if let Some(algorithm) = self.algorithm {
            write!(f, "; algorithm {algorithm}")?;
        }
        if let Some(clause) = self.lock_clause {
            write!(f, "; lock {clause}")?;
        }
        if !self.rewrites.is_empty() {
            write!(f, "; rewrites {}", list(&self.rewrites))?;
        }
        if !self.scans.is_empty() {
            write!(f, "; scans {}", list(&self.scans))?;
        }
        write!(f, "; reads {}; writes {}", self.reads, self.writes)
    }
}

impl Claim {
    /// Reads what [`Display`](fmt::Display) wrote.
    ///
    /// # Errors
    /// Says which word is not understood, and which ones are.
    pub fn parse(text: &str, dialect: Dialect) -> Result<Self, String> {
        let mut claim = Self::none();
        let (mut reads, mut writes, mut locks) = (None, None, false);
        for part in split_outside_quotes(text, ';') {
            let part = part.trim();
            let (key, value) = part.split_once(' ').unwrap_or((part, ""));
            let value = value.trim();
            match key {
                "locks" => {
                    locks = true;
                    if value != "none" {
                        for lock in split_outside_quotes(value, ',') {
                            let (table, mode) = name_then_rest(lock.trim())?;
                            let mode = LockMode::from_name(mode, dialect)
                                .ok_or_else(|| format!("`{mode}` is no lock mode of {dialect}"))?;
                            claim.locks.insert(table, mode);
                        }
                    }
                }
                "algorithm" => claim.algorithm = Some(value.parse()?),
                "lock" => claim.lock_clause = Some(value.parse()?),
                "rewrites" => claim.rewrites = names(value)?,
                "scans" => claim.scans = names(value)?,
                "reads" => reads = Some(value.parse()?),
                "writes" => writes = Some(value.parse()?),
                "" => {}
                other => {
                    return Err(format!(
                        "`{other}` is none of: locks, algorithm, lock, rewrites, scans, reads, writes"
                    ));
                }
            }
        }
        if !locks {
            return Err("a claim says `locks <table> <mode>`, or `locks none`".into());
        }
        claim.reads = reads.ok_or("a claim says `reads no`, `reads brief` or `reads rows`")?;
        claim.writes = writes.ok_or("a claim says `writes no`, `writes brief` or `writes rows`")?;
        Ok(claim)
    }
}

/// A name as directives write it: bare where nothing in it can be misread.
pub(crate) fn quote(name: &str) -> String {
    let bare = !name.is_empty()
        && name.chars().all(|c| c.is_ascii_alphanumeric() || c == '_' || c == '$')
        && !name.starts_with(|c: char| c.is_ascii_digit());
    if bare { name.to_owned() } else { format!("\"{}\"", name.replace('"', "\"\"")) }
}

/// The name at the start of `text`, and what follows it.
pub(crate) fn name_then_rest(text: &str) -> Result<(String, &str), String> {
    let Some(inner) = text.strip_prefix('"') else {
        let end = text.find([' ', '.']).unwrap_or(text.len());
        return match &text[..end] {
            "" => Err("a name is missing".into()),
            name => Ok((name.to_owned(), text[end..].trim_start())),
        };
    };
    let mut name = String::new();
    let mut chars = inner.char_indices().peekable();
    while let Some((at, c)) = chars.next() {
        if c != '"' {
            name.push(c);
        } else if chars.next_if(|(_, next)| *next == '"').is_some() {
            name.push('"');
        } else {
            return Ok((name, inner[at + 1..].trim_start()));
        }
    }
    Err(format!("`{text}` has no closing quote"))
}

fn names(list: &str) -> Result<BTreeSet<String>, String> {
    split_outside_quotes(list, ',').into_iter().map(|it| Ok(name_then_rest(it.trim())?.0)).collect()
}

fn split_outside_quotes(text: &str, separator: char) -> Vec<&str> {
    let mut quoted = false;
    text.split(move |c| {
        if c == '"' {
            quoted = !quoted;
        }
        c == separator && !quoted
    })
    .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn round_trip(text: &str, dialect: Dialect) {
        assert_eq!(Claim::parse(text, dialect).unwrap().to_string(), text);
    }

    #[test]
    fn a_claim_reads_back_as_it_was_written() {
        round_trip("locks users ACCESS EXCLUSIVE; reads brief; writes brief", Dialect::Postgres);
        round_trip(
            "locks \"Order, old; \"\"x\"\"\" SHARE, users ROW SHARE; scans users; reads no; writes rows",
            Dialect::Postgres,
        );
        round_trip("locks t EXCLUSIVE; algorithm INSTANT; lock NONE; reads brief; writes brief", Dialect::MySql);
        round_trip("locks none; reads no; writes no", Dialect::MySql);
    }

    #[test]
    fn a_wrong_word_is_named() {
        let error = Claim::parse("locks users BIG LOCK; reads no; writes no", Dialect::Postgres).unwrap_err();
        assert_eq!(error, "`BIG LOCK` is no lock mode of postgres");
        let error = Claim::parse("locks users SHARE; reads sometimes; writes no", Dialect::Postgres).unwrap_err();
        assert!(error.contains("`sometimes` is none of: no, brief, rows"), "{error}");
        assert!(Claim::parse("locks users SHARE; reads no", Dialect::Postgres).unwrap_err().contains("writes"));
    }
}
