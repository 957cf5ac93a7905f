//! Which files of a folder are migrations, which belong together, and in what order they come.

use std::cmp::Ordering;
use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

use super::Unreadable;
use super::error::SqlFileError;

/// The files of one migration.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Found {
    pub(super) stem: String,
    pub(super) up: PathBuf,
    pub(super) down: Option<PathBuf>,
    pub(super) setup: Option<PathBuf>,
    /// Said beside the files, as diesel's `metadata.toml` does.
    pub(super) no_transaction: bool,
}

/// What a file's name says it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Part {
    Up,
    Down,
    Setup,
}

/// The migrations of a folder, in their order.
pub(super) fn find(folder: &Path) -> Result<Vec<Result<Found, Unreadable>>, SqlFileError> {
    let io = |error| SqlFileError::Io { path: folder.to_owned(), error };
    let mut paths = if folder.is_file() {
        vec![folder.to_owned()]
    } else {
        let entries: Result<Vec<_>, _> = fs::read_dir(folder).map_err(io)?.collect();
        entries.map_err(io)?.into_iter().map(|entry| entry.path()).collect()
    };
    paths.sort();
    let mut parts: BTreeMap<String, BTreeMap<Part, PathBuf>> = BTreeMap::new();
    let mut found = Vec::new();
    for path in paths {
        if path.is_dir() {
            found.extend(in_folder(&path).transpose());
        } else if let Some((stem, part)) = name_of(&path) {
            let other = parts.entry(key(&stem)).or_default().insert(part, path.clone());
            if let Some(other) = other {
                return Err(SqlFileError::Twice { path, other });
            }
        }
    }
    for files in parts.into_values() {
        found.push(together(files));
    }
    let stem = |it: &Result<Found, Unreadable>| match it {
        Ok(it) => it.stem.clone(),
        Err(it) => it.stem.clone(),
    };
    found.sort_by(|a, b| natural(&stem(a), &stem(b)));
    Ok(found)
}

/// The migration and the part that a file's name says it is; `None` for what is no SQL file.
fn name_of(path: &Path) -> Option<(String, Part)> {
    let stem = path.file_name()?.to_str()?.strip_suffix(".sql")?;
    Some(match stem.rsplit_once('.') {
        Some((stem, "up")) => (stem.to_owned(), Part::Up),
        Some((stem, "down")) => (stem.to_owned(), Part::Down),
        Some((stem, "setup")) => (stem.to_owned(), Part::Setup),
        _ if version_of(stem, 'U').is_some() => (stem.to_owned(), Part::Down),
        _ => (stem.to_owned(), Part::Up),
    })
}

/// What the files of one migration have in common: refinery's by their version, others by their stem.
fn key(stem: &str) -> String {
    match version_of(stem, 'V').or_else(|| version_of(stem, 'U')) {
        Some(version) => format!("V{version}__"),
        None => stem.to_owned(),
    }
}

/// The version in `V12__name`.
fn version_of(stem: &str, letter: char) -> Option<&str> {
    let (version, _) = stem.strip_prefix(letter)?.split_once("__")?;
    let digits = |c: char| c.is_ascii_digit() || c == '.' || c == '_';
    (!version.is_empty() && version.chars().all(digits)).then_some(version)
}

fn together(mut files: BTreeMap<Part, PathBuf>) -> Result<Found, Unreadable> {
    let (down, setup) = (files.remove(&Part::Down), files.remove(&Part::Setup));
    let Some(up) = files.remove(&Part::Up) else {
        let path = down.or(setup).unwrap_or_default();
        let stem = name_of(&path).map(|(stem, _)| stem).unwrap_or_default();
        let wanted = match version_of(&stem, 'U') {
            Some(version) => format!("`V{version}__*.sql`"),
            None => format!("`{stem}.up.sql` or `{stem}.sql`"),
        };
        return Err(Unreadable { stem, error: SqlFileError::Alone { path, wanted } });
    };
    let stem = name_of(&up).map(|(stem, _)| stem).unwrap_or_default();
    Ok(Found { stem, up, down, setup, no_transaction: false })
}

/// Diesel's layout; nothing for a folder without `up.sql`.
fn in_folder(folder: &Path) -> Result<Option<Found>, Unreadable> {
    let file = |name: &str| Some(folder.join(name)).filter(|path| path.is_file());
    let stem = folder.file_name().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default();
    let Some(up) = file("up.sql") else {
        return match file("down.sql") {
            Some(path) => Err(Unreadable { stem, error: SqlFileError::Alone { path, wanted: "`up.sql`".into() } }),
            None => Ok(None),
        };
    };
    let metadata = file("metadata.toml").and_then(|path| fs::read_to_string(path).ok()).unwrap_or_default();
    Ok(Some(Found { stem, up, down: file("down.sql"), setup: file("setup.sql"), no_transaction: says_no(&metadata) }))
}

/// `run_in_transaction = false`
fn says_no(metadata: &str) -> bool {
    metadata.lines().any(|line| {
        let line = line.split('#').next().unwrap_or_default();
        line.split_once('=').is_some_and(|(key, value)| key.trim() == "run_in_transaction" && value.trim() == "false")
    })
}

/// Compares names, runs of digits as numbers: `V2__a` comes before `V10__a`.
fn natural(a: &str, b: &str) -> Ordering {
    let (mut left, mut right) = (chunks(a).into_iter(), chunks(b).into_iter());
    loop {
        return match (left.next(), right.next()) {
            (None, None) => a.cmp(b),
            (None, Some(_)) => Ordering::Less,
            (Some(_), None) => Ordering::Greater,
            (Some(a), Some(b)) => match a.cmp(&b) {
                Ordering::Equal => continue,
                unequal => unequal,
            },
        };
    }
}

/// A run of digits (as its length and digits without leading zeros, so that any number compares), or a character.
#[derive(PartialEq, Eq, PartialOrd, Ord)]
enum Chunk<'a> {
    Number(usize, &'a str),
    Other(char),
}

fn chunks(name: &str) -> Vec<Chunk<'_>> {
    let mut chunks = Vec::new();
    let mut rest = name;
    while let Some(first) = rest.chars().next() {
        let length = rest.find(|c: char| !c.is_ascii_digit()).unwrap_or(rest.len());
        if length == 0 {
            chunks.push(Chunk::Other(first));
            rest = &rest[first.len_utf8()..];
        } else {
            let digits = rest[..length].trim_start_matches('0');
            chunks.push(Chunk::Number(digits.len(), digits));
            rest = &rest[length..];
        }
    }
    chunks
}
