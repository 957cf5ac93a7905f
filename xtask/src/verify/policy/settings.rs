//! What a project says about its migrations in `Cargo.toml`: `[package.metadata.pontoon]`, and
//! `[workspace.metadata.pontoon]` for what its package leaves open.

use std::collections::BTreeMap;
use std::path::Path;

use pontoon::Dialect;
use pontoon::migration::LockMode;
use serde::Deserialize;

use crate::verify::finding::Severity;
use crate::verify::rule::RuleId;

/// Budgets, and how bad findings are.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Settings {
    /// The longest that a client may wait for a statement, in milliseconds.
    pub longest_stall_ms: Option<f64>,
    /// A table of at most so many rows may be rewritten, scanned and changed whole.
    pub rewrite_rows: Option<u64>,
    /// How many rows the tables have in production, where that is known.
    pub rows: BTreeMap<String, u64>,
    /// The strongest lock that a table may be given, by the server's name of it.
    pub strongest_lock: BTreeMap<String, String>,
    /// How bad a rule's findings are.
    pub severity: BTreeMap<RuleId, Severity>,
}

#[derive(Deserialize, Default)]
struct Manifest {
    package: Option<Section>,
    workspace: Option<Section>,
}

#[derive(Deserialize)]
struct Section {
    metadata: Option<Metadata>,
}

#[derive(Deserialize)]
struct Metadata {
    pontoon: Option<Written>,
}

/// As it is written.
#[derive(Deserialize, Default)]
#[serde(deny_unknown_fields, rename_all = "kebab-case", default)]
struct Written {
    longest_stall_ms: Option<f64>,
    rewrite_rows: Option<u64>,
    rows: BTreeMap<String, u64>,
    strongest_lock: BTreeMap<String, String>,
    severity: BTreeMap<String, String>,
}

impl Settings {
    /// Those of the package that `path` lies in, and of its workspace; none where there is no `Cargo.toml`.
    ///
    /// # Errors
    /// Names the file, and what in it is not understood.
    pub fn of(path: &Path) -> Result<Self, String> {
        let path = std::path::absolute(path).map_err(|error| format!("{}: {error}", path.display()))?;
        let mut package: Option<Written> = None;
        for folder in path.ancestors() {
            let file = folder.join("Cargo.toml");
            let text = match std::fs::read_to_string(&file) {
                Ok(text) => text,
                Err(error) if error.kind() == std::io::ErrorKind::NotFound => continue,
                // a path through a file has no folder there either
                Err(error) if error.kind() == std::io::ErrorKind::NotADirectory => continue,
                Err(error) => return Err(format!("{} cannot be read: {error}", file.display())),
            };
            let manifest: Manifest = toml::from_str(&text).map_err(|error| format!("{}: {error}", file.display()))?;
            if package.is_none() {
                package = Some(manifest.package.and_then(written).unwrap_or_default());
            }
            if let Some(workspace) = manifest.workspace {
                let workspace = written(workspace).unwrap_or_default();
                let both = package.unwrap_or_default().over(workspace);
                return both.checked().map_err(|error| format!("{}: {error}", file.display()));
            }
        }
        package.unwrap_or_default().checked()
    }

    /// Those of a manifest's text alone.
    ///
    /// # Errors
    /// What is not understood.
    pub fn parse(text: &str) -> Result<Self, String> {
        let manifest: Manifest = toml::from_str(text).map_err(|error| error.to_string())?;
        let (package, workspace) = (manifest.package.and_then(written), manifest.workspace.and_then(written));
        package.unwrap_or_default().over(workspace.unwrap_or_default()).checked()
    }
}

fn written(section: Section) -> Option<Written> {
    section.metadata?.pontoon
}

impl Written {
    /// What is not said here is taken from `other`.
    fn over(self, mut other: Self) -> Self {
        other.rows.extend(self.rows);
        other.strongest_lock.extend(self.strongest_lock);
        other.severity.extend(self.severity);
        Self {
            longest_stall_ms: self.longest_stall_ms.or(other.longest_stall_ms),
            rewrite_rows: self.rewrite_rows.or(other.rewrite_rows),
            ..other
        }
    }

    fn checked(self) -> Result<Settings, String> {
        let mut severity = BTreeMap::new();
        for (code, word) in self.severity {
            let at = format!("metadata.pontoon.severity.{code}");
            let rule = RuleId::named(&code).ok_or_else(|| format!("{at}: there is no such rule; see --list-rules"))?;
            let all = [Severity::Note, Severity::Warning, Severity::Error];
            let level = all.into_iter().find(|it| it.word() == word);
            let level = level.ok_or_else(|| format!("{at}: `{word}` is none of: note, warning, error"))?;
            if level < rule.rule().severity && !rule.rule().waivable {
                return Err(format!(
                    "{at}: this rule stays an {}: it says that something is wrong or unknown",
                    rule.rule().severity
                ));
            }
            severity.insert(rule, level);
        }
        for (table, lock) in &self.strongest_lock {
            if Dialect::ALL.into_iter().all(|dialect| LockMode::from_name(lock, dialect).is_none()) {
                return Err(format!(
                    "metadata.pontoon.strongest-lock.{table}: no server has a lock `{lock}`; write one as \
                     reports do, such as `SHARE UPDATE EXCLUSIVE` or `SHARED_UPGRADABLE`"
                ));
            }
        }
        Ok(Settings {
            longest_stall_ms: self.longest_stall_ms,
            rewrite_rows: self.rewrite_rows,
            rows: self.rows,
            strongest_lock: self.strongest_lock,
            severity,
        })
    }
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::*;
    use crate::verify::rule;

    #[test]
    fn a_package_says_more_than_its_workspace_and_a_folder_outside_has_none() {
        let root = tempfile::tempdir().unwrap();
        let migrations = root.path().join("crates/shop/migrations");
        fs::create_dir_all(&migrations).unwrap();
        assert_eq!(Settings::of(&migrations).unwrap(), Settings::default());
        fs::write(
            root.path().join("Cargo.toml"),
            "[workspace.metadata.pontoon]\nlongest-stall-ms = 500\nrewrite-rows = 100\n\
             [workspace.metadata.pontoon.severity]\nbrief-lock = \"warning\"\nrewrite = \"note\"\n",
        )
        .unwrap();
        fs::write(
            root.path().join("crates/shop/Cargo.toml"),
            "[package]\nname = \"shop\"\n[package.metadata.docs]\nx = 1\n[package.metadata.pontoon]\n\
             longest-stall-ms = 50.5\nrows = { countries = 250 }\nseverity = { rewrite = \"warning\" }\n",
        )
        .unwrap();
        let settings = Settings::of(&migrations.join("001.sql")).unwrap();
        assert_eq!((settings.longest_stall_ms, settings.rewrite_rows), (Some(50.5), Some(100)));
        assert_eq!(settings.rows["countries"], 250);
        let severity = [(rule::REWRITE, Severity::Warning), (rule::BRIEF_LOCK, Severity::Warning)];
        assert_eq!(settings.severity, BTreeMap::from(severity));
    }

    #[test]
    fn what_is_not_understood_is_named() {
        for (text, wrong) in [
            ("longest-stal-ms = 5", "unknown field `longest-stal-ms`"),
            ("severity = { rewrit = \"note\" }", "metadata.pontoon.severity.rewrit: there is no such rule"),
            ("severity = { rewrite = \"off\" }", "`off` is none of: note, warning, error"),
            (
                "severity = { unobserved = \"warning\" }",
                "metadata.pontoon.severity.unobserved: this rule stays an error",
            ),
            (
                "strongest-lock = { users = \"WEAK\" }",
                "metadata.pontoon.strongest-lock.users: no server has a lock `WEAK`",
            ),
        ] {
            let error = Settings::parse(&format!("[package.metadata.pontoon]\n{text}\n")).unwrap_err();
            assert!(error.contains(wrong), "{text}: {error}");
        }
    }
}
