//! What verification can find, each thing under a stable code: the words of `--explain`, of SARIF's rules and of the
//! help below a finding.
//!
//! A [`RuleId`] can only be made of a code that stands in [`RULES`], and that is asked when the crate is built. So
//! there is no finding whose code nobody can look up.

mod claims;
mod effects;
mod explain;
mod outcomes;
mod project;
mod registry;

use std::fmt;

use pontoon::Dialect;

use super::finding::Severity;

pub use explain::{explain, list};
pub use registry::*;

/// Something that can be found.
#[derive(Debug)]
pub struct Rule {
    /// Its stable code.
    pub code: &'static str,
    /// How bad it is unless the project says otherwise.
    pub severity: Severity,
    /// Whether somebody may accept it, or call it less bad, with a reason. What was refused, what is claimed wrongly and
    /// what was not seen at all is no matter of opinion.
    pub waivable: bool,
    /// When it applies.
    pub condition: &'static str,
    /// What it does to whoever uses the tables.
    pub effect: &'static str,
    /// What to do instead.
    pub workaround: &'static str,
    /// Files that show it.
    pub example: Example,
}

/// Two migrations, on the tables of [`Example::given`]: one that is found, and one that does the same and is not.
#[derive(Debug)]
pub struct Example {
    /// Whose SQL it is.
    pub dialect: Dialect,
    /// What is found.
    pub bad: &'static str,
    /// What to write instead.
    pub good: &'static str,
    /// What `[package.metadata.pontoon]` says meanwhile.
    pub settings: &'static str,
}

impl Example {
    const fn postgres(bad: &'static str, good: &'static str) -> Self {
        Self { dialect: Dialect::Postgres, bad, good, settings: "" }
    }

    const fn mysql(bad: &'static str, good: &'static str) -> Self {
        Self { dialect: Dialect::MySql, bad, good, settings: "" }
    }

    const fn with(self, settings: &'static str) -> Self {
        Self { settings, ..self }
    }

    /// The tables that are there before, with rows in them.
    pub const fn given(&self) -> [&'static str; 2] {
        [
            "CREATE TABLE users (id bigint PRIMARY KEY, email varchar(320) NOT NULL, name varchar(64))",
            "CREATE TABLE orders (id bigint PRIMARY KEY, user_id bigint NOT NULL, total integer NOT NULL)",
        ]
    }

    /// Whether the files are migrations of Pontoon, with claims; otherwise they are anybody's.
    pub fn is_claimed(&self) -> bool {
        self.bad.starts_with("-- @stage")
    }
}

/// The code of a rule in [`RULES`].
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct RuleId(usize);

impl RuleId {
    /// The rule with this code.
    ///
    /// # Panics
    /// There is none: while the crate is built, since this is called for constants.
    const fn of(code: &str) -> Self {
        let mut at = 0;
        while at < RULES.len() {
            if same(RULES[at].code, code) {
                return Self(at);
            }
            at += 1;
        }
        panic!("a finding's code is not among the rules");
    }

    /// The rule with this code, as a user writes it.
    pub fn named(code: &str) -> Option<Self> {
        RULES.iter().position(|it| it.code == code).map(Self)
    }

    /// All of them, in their order.
    pub fn all() -> impl Iterator<Item = Self> {
        (0..RULES.len()).map(Self)
    }

    /// The stable code.
    pub const fn code(self) -> &'static str {
        RULES[self.0].code
    }

    /// What is known about it.
    pub const fn rule(self) -> &'static Rule {
        RULES[self.0]
    }
}

const fn same(one: &str, other: &str) -> bool {
    let (one, other) = (one.as_bytes(), other.as_bytes());
    let mut at = 0;
    while at < one.len() && at < other.len() && one[at] == other[at] {
        at += 1;
    }
    at == one.len() && at == other.len()
}

impl fmt::Display for RuleId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.code())
    }
}

impl fmt::Debug for RuleId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(self.code(), f)
    }
}

impl PartialEq<&str> for RuleId {
    fn eq(&self, code: &&str) -> bool {
        self.code() == *code
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    #[test]
    fn every_rule_has_a_code_of_its_own_and_all_its_words() {
        let codes: BTreeSet<_> = RULES.iter().map(|it| it.code).collect();
        assert_eq!(codes.len(), RULES.len());
        for rule in RULES {
            assert!(rule.code.chars().all(|c| c.is_ascii_lowercase() || c == '-'), "{}", rule.code);
            for text in [rule.condition, rule.effect, rule.workaround, rule.example.bad, rule.example.good] {
                assert!(!text.trim().is_empty(), "{}", rule.code);
            }
            assert_ne!(rule.example.bad, rule.example.good, "{}", rule.code);
        }
    }

    #[test]
    fn what_was_refused_or_not_seen_is_never_waived() {
        for rule in [ERROR, UNOBSERVED, CLAIM_LOCK, DONE_FACT, INVARIANT] {
            assert!(!rule.rule().waivable, "{rule}");
        }
        assert!(REWRITE.rule().waivable);
    }
}
