//! `postgres:17`, `postgres:13..18` and `--source auto`, as values.

use std::fmt;
use std::str::FromStr;

use pontoon::Dialect;

use crate::verify::conn::dialect_of;

/// An engine to verify on: `postgres`, `postgres:17`, `mysql:9.7`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct EngineSpec {
    /// The server's dialect.
    pub dialect: Dialect,
    /// The version's first numbers; any version if there is none.
    pub version: Option<String>,
}

impl EngineSpec {
    /// Any version of a server.
    pub const fn any(dialect: Dialect) -> Self {
        Self { dialect, version: None }
    }

    /// Whether a server that says it is `version` will do.
    pub fn accepts(&self, version: &str) -> bool {
        self.version.as_deref().is_none_or(|wanted| matches(wanted, version))
    }
}

impl fmt::Display for EngineSpec {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.version {
            Some(version) => write!(f, "{}:{version}", self.dialect),
            None => self.dialect.fmt(f),
        }
    }
}

impl FromStr for EngineSpec {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let (name, version) = text.split_once(':').map_or((text, None), |(name, version)| (name, Some(version)));
        let dialect = match name {
            "postgresql" => Some(Dialect::Postgres),
            other => Dialect::from_name(other),
        };
        let dialect =
            dialect.ok_or_else(|| format!("`{name}` is no engine; write `postgres` or `mysql`, or `postgres:17`"))?;
        match version {
            Some(it) if numbers(it).is_none() => {
                Err(format!("`{it}` is no version; write numbers, as in `postgres:17` or `mysql:9.7`"))
            }
            version => Ok(Self { dialect, version: version.map(str::to_owned) }),
        }
    }
}

/// What a server of a test's own has that others have not.
#[derive(Debug, Clone, Default)]
pub struct Extras {
    /// The megabytes of a small disk beside the server's own, whose folder [`Server::disk`](super::Server::disk) tells.
    pub disk_mb: Option<u32>,
    /// More options of the server's program; `{disk}` in them is that folder.
    pub options: Vec<String>,
}

impl Extras {
    /// The options, with the folder as the server sees it.
    pub(super) fn options(&self, disk: &str) -> Vec<String> {
        self.options.iter().map(|it| it.replace("{disk}", disk)).collect()
    }
}

/// The release series of each server: those of PostgreSQL, and those of MySQL that get fixes for years.
const POSTGRES: &[&str] = &["13", "14", "15", "16", "17", "18"];
const MYSQL: &[&str] = &["8.0", "8.4", "9.7"];

/// What `--engine` names: one engine, or the series from one version to another, both among them (`postgres:13..18`).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Engines(pub Vec<EngineSpec>);

impl Engines {
    /// The engines of several of these, each once, in the order in which they are named.
    pub fn flat(many: &[Self]) -> Vec<EngineSpec> {
        let mut flat = Vec::new();
        for spec in many.iter().flat_map(|it| &it.0) {
            if !flat.contains(spec) {
                flat.push(spec.clone());
            }
        }
        flat
    }
}

impl FromStr for Engines {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let Some((first, last)) = text.split_once("..") else { return Ok(Self(vec![text.parse()?])) };
        let first: EngineSpec = first.parse()?;
        let Some(from) = first.version.as_deref() else {
            return Err(format!("`{text}` has no version to begin with; write `postgres:13..18`"));
        };
        // both ends are meant, so the way that Rust writes it means the same
        let last = last.strip_prefix('=').unwrap_or(last);
        let series = match first.dialect {
            Dialect::Postgres => POSTGRES,
            Dialect::MySql => MYSQL,
        };
        let place = |version: &str| {
            series.iter().position(|it| *it == version).ok_or_else(|| {
                format!("a range of {} is between two of {}; `{version}` is none", first.dialect, series.join(", "))
            })
        };
        let (from, to) = (place(from)?, place(last)?);
        if from > to {
            return Err(format!("`{text}` is empty: the older version comes first"));
        }
        let one = |version: &&str| EngineSpec { dialect: first.dialect, version: Some((*version).to_owned()) };
        Ok(Self(series[from..=to].iter().map(one).collect()))
    }
}

/// Where servers are taken from.
#[derive(Clone, PartialEq, Eq)]
pub enum Source {
    /// The first of the following that has a server.
    Auto,
    /// A container of the official image.
    Docker,
    /// A server installed on this machine.
    Local,
    /// The distribution's packages, unpacked into the user's cache.
    Packages,
    /// A server of the user's. Only databases made by us are touched on it.
    Url(String),
}

impl Source {
    /// The sources to try, in their order.
    pub(super) fn names(&self) -> Vec<&'static str> {
        match self {
            Self::Auto => vec!["docker", "local", "packages"],
            Self::Docker => vec!["docker"],
            Self::Local => vec!["local"],
            Self::Packages => vec!["packages"],
            Self::Url(_) => vec!["url"],
        }
    }
}

impl fmt::Debug for Source {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Url(url) => f.write_str(&super::without_password(url)),
            other => f.write_str(if *other == Self::Auto { "auto" } else { other.names()[0] }),
        }
    }
}

impl FromStr for Source {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        match text {
            "auto" => Ok(Self::Auto),
            "docker" => Ok(Self::Docker),
            "local" => Ok(Self::Local),
            "packages" => Ok(Self::Packages),
            url if dialect_of(url).is_some() => Ok(Self::Url(url.to_owned())),
            // may be a URL with a password: not repeated
            _ => {
                Err("write `auto`, `docker`, `local`, `packages`, or a URL that starts with postgres:// or mysql://"
                    .into())
            }
        }
    }
}

/// The name people call a server by.
pub(super) const fn product(dialect: Dialect) -> &'static str {
    match dialect {
        Dialect::Postgres => "PostgreSQL",
        Dialect::MySql => "MySQL",
    }
}

/// A version's numbers, for comparing.
pub(super) fn numbers(version: &str) -> Option<Vec<u32>> {
    version.split('.').map(|part| part.parse().ok()).collect()
}

/// Whether `version` begins with the numbers of `wanted`: `17` is met by `17.11` and not by `1`.
pub(super) fn matches(wanted: &str, version: &str) -> bool {
    match (numbers(wanted), numbers(version)) {
        (Some(wanted), Some(version)) => version.starts_with(&wanted),
        _ => wanted == version,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_engine_reads_back_as_it_was_written() {
        for text in ["postgres", "postgres:17", "mysql:9.7", "mysql"] {
            assert_eq!(text.parse::<EngineSpec>().unwrap().to_string(), text);
        }
    }

    #[test]
    fn a_wrong_engine_says_how_to_write_it() {
        assert!("oracle".parse::<EngineSpec>().unwrap_err().contains("`oracle` is no engine"));
        assert!("mysql:latest".parse::<EngineSpec>().unwrap_err().contains("`latest` is no version"));
    }

    #[test]
    fn a_range_names_every_series_between_its_ends() {
        let names =
            |text: &str| -> Vec<_> { text.parse::<Engines>().unwrap().0.iter().map(ToString::to_string).collect() };
        assert_eq!(names("postgres:16..18"), ["postgres:16", "postgres:17", "postgres:18"]);
        assert_eq!(names("postgresql:13..=14"), ["postgres:13", "postgres:14"]);
        assert_eq!(names("mysql:8.0..9.7"), ["mysql:8.0", "mysql:8.4", "mysql:9.7"]);
        assert_eq!(names("mysql"), ["mysql"]);
        let flat = ["postgres:13..14", "mysql", "postgres:14..15"].map(|it| it.parse().unwrap());
        let flat: Vec<_> = Engines::flat(&flat).iter().map(ToString::to_string).collect();
        assert_eq!(flat, ["postgres:13", "postgres:14", "mysql", "postgres:15"]);
    }

    #[test]
    fn a_wrong_range_says_what_may_be_written() {
        let error = |text: &str| text.parse::<Engines>().unwrap_err();
        assert!(error("postgres..18").contains("no version to begin with"));
        assert!(error("postgres:18..13").contains("is empty"));
        assert!(error("postgres:12..18").contains("`12` is none"), "{}", error("postgres:12..18"));
        assert!(error("mysql:8.0..9").contains("between two of 8.0, 8.4, 9.7; `9` is none"));
        assert!(error("oracle:1..2").contains("`oracle` is no engine"));
    }

    #[test]
    fn a_version_is_met_number_by_number() {
        let spec: EngineSpec = "postgres:1".parse().unwrap();
        assert!(!spec.accepts("17.11") && spec.accepts("1.0"));
        assert!("mysql:9.7".parse::<EngineSpec>().unwrap().accepts("9.7.4"));
    }

    #[test]
    fn a_wrong_source_does_not_repeat_what_may_be_a_password() {
        assert!(!"mariadb://u:s3cret@h/".parse::<Source>().unwrap_err().contains("s3cret"));
        let shown = format!("{:?}", "mysql://u:s3cret@h/".parse::<Source>().unwrap());
        assert_eq!(shown, "mysql://u@h/");
    }
}
