//! For which of a server's versions a statement is meant.
//!
//! One file runs on every version that is supported. Where the best statement differs, the file
//! holds both, each with the versions it is for; what is not for this server is skipped.

use std::fmt;
use std::str::FromStr;

use crate::dialect::Dialect;

/// A server's version; numbers that are not said are 0.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ServerVersion(pub [u32; 3]);

impl ServerVersion {
    /// The oldest that is supported.
    pub const fn oldest(dialect: Dialect) -> Self {
        match dialect {
            // 12 is out of support, and has no gen_random_uuid() of its own
            Dialect::Postgres => Self([13, 0, 0]),
            // 8.0.29 brought INSTANT columns anywhere, and lost rows on crash recovery
            Dialect::MySql => Self([8, 0, 30]),
        }
    }
}

/// `18`, `8.4`, `8.0.30`
impl fmt::Display for ServerVersion {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.0 {
            [major, 0, 0] => write!(f, "{major}"),
            [major, minor, 0] => write!(f, "{major}.{minor}"),
            [major, minor, patch] => write!(f, "{major}.{minor}.{patch}"),
        }
    }
}

impl FromStr for ServerVersion {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let wrong = || format!("`{text}` is no version; write numbers, as in `18` or `8.0.30`");
        let mut numbers = [0; 3];
        let mut places = numbers.iter_mut();
        for part in text.split('.') {
            *places.next().ok_or_else(wrong)? = part.parse().map_err(|_| wrong())?;
        }
        Ok(Self(numbers))
    }
}

/// A range of versions: all of them, if nothing is said.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Servers {
    /// The first that is meant.
    pub from: Option<ServerVersion>,
    /// The first that is not meant any more.
    pub below: Option<ServerVersion>,
}

impl Servers {
    /// From this version on.
    pub const fn from(version: ServerVersion) -> Self {
        Self { from: Some(version), below: None }
    }

    /// Before this version.
    pub const fn below(version: ServerVersion) -> Self {
        Self { from: None, below: Some(version) }
    }

    /// Whether every version is meant.
    pub const fn all(&self) -> bool {
        self.from.is_none() && self.below.is_none()
    }

    /// Whether this version is meant.
    pub fn include(&self, version: ServerVersion) -> bool {
        self.from.is_none_or(|from| from <= version) && self.below.is_none_or(|below| version < below)
    }

    /// Reads what [`Display`](fmt::Display) wrote.
    ///
    /// # Errors
    /// Says what is not understood, or that no server of the dialect would be meant.
    pub fn parse(text: &str, dialect: Dialect) -> Result<Self, String> {
        let mut servers = Self::default();
        for part in text.split(',').map(str::trim) {
            let (bound, version) = if let Some(version) = part.strip_prefix(">=") {
                (&mut servers.from, version)
            } else if let Some(version) = part.strip_prefix('<').filter(|it| !it.starts_with('=')) {
                (&mut servers.below, version)
            } else {
                return Err(format!(
                    "`{part}` is no range of versions; write `>= 18`, `< 18`, or both with a comma between"
                ));
            };
            if bound.replace(version.trim().parse()?).is_some() {
                return Err(format!("`{text}` says the same bound twice"));
            }
        }
        let oldest = ServerVersion::oldest(dialect);
        if servers.below.is_some_and(|below| below <= servers.from.unwrap_or(oldest).max(oldest)) {
            return Err(format!("no {dialect} server is `{text}`: the oldest that is supported is {oldest}"));
        }
        if servers.below.is_none() && servers.from.is_some_and(|from| from <= oldest) {
            return Err(format!(
                "every {dialect} server that is supported is `{text}` (the oldest is {oldest}): leave the directive out"
            ));
        }
        Ok(servers)
    }
}

/// `>= 17, < 18`
impl fmt::Display for Servers {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match (self.from, self.below) {
            (Some(from), Some(below)) => write!(f, ">= {from}, < {below}"),
            (Some(from), None) => write!(f, ">= {from}"),
            (None, Some(below)) => write!(f, "< {below}"),
            (None, None) => f.write_str("every version"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_range_reads_back_as_it_was_written_and_ends_before_its_end() {
        for text in [">= 18", "< 18", ">= 14, < 17.2"] {
            assert_eq!(Servers::parse(text, Dialect::Postgres).unwrap().to_string(), text);
        }
        let range = Servers::parse(">= 8.4, < 9", Dialect::MySql).unwrap();
        let meant = |text: &str| range.include(text.parse().unwrap());
        assert_eq!(["8.0.46", "8.4", "8.4.7", "9", "9.7"].map(meant), [false, true, true, false, false]);
    }

    #[test]
    fn nonsense_is_named() {
        let error = |text: &str| Servers::parse(text, Dialect::Postgres).unwrap_err();
        assert!(error("18").contains("`18` is no range of versions"));
        assert!(error("<= 18").contains("`<= 18` is no range"));
        assert!(error(">= new").contains("`new` is no version"));
        assert!(error(">= 1.2.3.4").contains("is no version"));
        assert!(error("< 18, < 17").contains("twice"));
        assert!(error(">= 18, < 17").contains("no postgres server is"));
        assert!(error("< 13").contains("no postgres server is `< 13`: the oldest that is supported is 13"));
        assert!(error(">= 12").contains("leave the directive out"));
    }
}
