//! Servers installed on this machine: where distributions put them, and below the folders that the user names.

use std::collections::BTreeSet;
use std::ffi::OsStr;
use std::path::{Path, PathBuf};
use std::process::Command;

use pontoon::Dialect;

use super::launch::{Installation, launch};
use super::spec::{EngineSpec, Extras, numbers, product};
use super::{Started, ready};

/// Names further folders to look in, separated as those of the PATH.
const FOLDERS: &str = "PONTOON_SERVERS";
/// How many folders below a named one a server's programs may be: unpacked packages have them in `usr/lib/postgresql/13/bin`.
const DEPTH: usize = 6;

/// Starts an installed server, or says why there is none.
pub(super) async fn start(spec: &EngineSpec, extras: &Extras) -> Result<Started, String> {
    let wanted = spec.clone();
    let installation = tokio::task::spawn_blocking(move || find(&wanted))
        .await
        .map_err(|error| format!("the search for installed servers failed: {error}"))??;
    let origin = format!("installed in {}", installation.programs.display());
    launch(installation, origin, "local", extras).await
}

/// The newest installed server that `spec` accepts.
fn find(spec: &EngineSpec) -> Result<Installation, String> {
    let mut found = Vec::new();
    let named = std::env::var_os(FOLDERS).unwrap_or_default();
    let (below, mut others) = below_named(&named, program(spec.dialect));
    for folder in folders(spec.dialect).into_iter().chain(below) {
        match examine(&folder, spec.dialect) {
            Some(Ok(it)) if spec.accepts(&it.version) => found.push(it),
            Some(Ok(it)) => others.push(format!("{} {}", product(spec.dialect), it.version)),
            Some(Err(reason)) => others.push(reason),
            None => {}
        }
    }
    others.sort();
    others.dedup();
    found.into_iter().max_by_key(|it| numbers(&it.version)).ok_or_else(|| match others.as_slice() {
        [] => format!(
            "no {} is installed (looked for `{}`; further folders to look in are named by {FOLDERS})",
            product(spec.dialect),
            program(spec.dialect)
        ),
        others => format!("installed is only: {}", others.join(", ")),
    })
}

const fn program(dialect: Dialect) -> &'static str {
    match dialect {
        Dialect::Postgres => "postgres",
        Dialect::MySql => "mysqld",
    }
}

/// Where servers are put: the PATH, and the places that distributions keep off the PATH.
fn folders(dialect: Dialect) -> Vec<PathBuf> {
    let mut folders: Vec<PathBuf> =
        std::env::var_os("PATH").map(|path| std::env::split_paths(&path).collect()).unwrap_or_default();
    match dialect {
        Dialect::Postgres => {
            for parent in ["/usr/lib/postgresql", "/usr/local/lib/postgresql", "/opt/homebrew/opt", "/usr/local/opt"] {
                folders.extend(children(parent).map(|it| it.join("bin")));
            }
            folders.extend(children("/usr").filter(|it| name_starts(it, "pgsql-")).map(|it| it.join("bin")));
        }
        Dialect::MySql => {
            folders.extend(["/usr/sbin", "/usr/libexec", "/usr/local/mysql/bin", "/opt/homebrew/bin"].map(Into::into));
        }
    }
    folders
}

/// The folders that hold `program` in and below those that the user names, and what cannot be looked into.
fn below_named(named: &OsStr, program: &str) -> (Vec<PathBuf>, Vec<String>) {
    let (mut found, mut refused) = (Vec::new(), Vec::new());
    // a link may lead back up
    let mut seen = BTreeSet::new();
    for root in std::env::split_paths(named).filter(|it| !it.as_os_str().is_empty()) {
        if let Err(error) = std::fs::read_dir(&root) {
            refused.push(format!("{}, which {FOLDERS} names, cannot be read: {error}", root.display()));
        }
        let mut level = vec![root];
        for _ in 0..=DEPTH {
            level.retain(|it| it.canonicalize().is_ok_and(|real| seen.insert(real)));
            found.extend(level.iter().filter(|it| it.join(program).is_file()).cloned());
            level = level.iter().flat_map(children).filter(|it| it.is_dir()).collect();
        }
    }
    (found, refused)
}

fn children(folder: impl AsRef<Path>) -> impl Iterator<Item = PathBuf> {
    std::fs::read_dir(folder).into_iter().flatten().flatten().map(|entry| entry.path())
}

fn name_starts(path: &Path, prefix: &str) -> bool {
    path.file_name().is_some_and(|name| name.to_string_lossy().starts_with(prefix))
}

/// What is in a folder: a server, a reason why it is none, or nothing of interest.
pub(super) fn examine(folder: &Path, dialect: Dialect) -> Option<Result<Installation, String>> {
    let file = folder.join(program(dialect));
    // a link on the PATH leads to where the server's other programs are
    let real = file.canonicalize().ok()?;
    let programs = match dialect {
        Dialect::Postgres => real.parent()?.to_owned(),
        Dialect::MySql => folder.to_owned(),
    };
    if dialect == Dialect::Postgres && !programs.join("initdb").exists() {
        return Some(Err(format!("{} without `initdb` beside it", real.display())));
    }
    let output = match Command::new(&file).arg("--version").output() {
        Ok(output) => String::from_utf8_lossy(&output.stdout).into_owned(),
        Err(error) => return Some(Err(format!("{}, which does not run: {error}", file.display()))),
    };
    if output.contains("MariaDB") {
        return Some(Err(format!("{}, which is MariaDB and not MySQL", file.display())));
    }
    Some(match ready::version_in(&output) {
        Some(version) => Ok(Installation { dialect, version, programs, basedir: None }),
        None => Err(format!("{}, which does not say its version", file.display())),
    })
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt as _;

    use super::*;

    fn fake(program: &str, says: &str) -> tempfile::TempDir {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join(program);
        std::fs::write(&file, format!("#!/bin/sh\necho '{says}'\n")).unwrap();
        std::fs::set_permissions(&file, std::fs::Permissions::from_mode(0o755)).unwrap();
        folder
    }

    #[test]
    fn mariadb_is_not_taken_for_mysql() {
        let folder = fake("mysqld", "mysqld  Ver 10.11.6-MariaDB-0+deb12u1 for debian-linux-gnu");
        let reason = examine(folder.path(), Dialect::MySql).unwrap().unwrap_err();
        assert!(reason.contains("MariaDB and not MySQL"), "{reason}");
    }

    #[test]
    fn a_server_is_known_by_what_it_says() {
        let folder = fake("mysqld", "/usr/sbin/mysqld  Ver 8.4.5 for Linux on x86_64 (MySQL Community Server - GPL)");
        assert_eq!(examine(folder.path(), Dialect::MySql).unwrap().unwrap().version, "8.4.5");
        let folder = fake("postgres", "postgres (PostgreSQL) 15.18 (Debian 15.18-0+deb12u1)");
        let reason = examine(folder.path(), Dialect::Postgres).unwrap().unwrap_err();
        assert!(reason.contains("without `initdb`"), "{reason}");
    }

    #[test]
    fn servers_are_found_below_the_folders_that_are_named() {
        let root = tempfile::tempdir().unwrap();
        let put = |folder: &str| {
            let folder = root.path().join(folder);
            std::fs::create_dir_all(&folder).unwrap();
            std::fs::write(folder.join("postgres"), "").unwrap();
        };
        put("a/node_modules/postgres-13/native/bin");
        put("a/node_modules/postgres-14/native/bin");
        put("b/usr/lib/postgresql/15/bin");
        put("b/1/2/3/4/5/6/7/too-deep");
        // a folder of the same name is no program, and a link that leads up does not lead round
        std::fs::create_dir_all(root.path().join("a/share/postgres")).unwrap();
        std::os::unix::fs::symlink(root.path(), root.path().join("b/up")).unwrap();
        let named =
            std::env::join_paths([root.path().join("a"), root.path().join("b"), root.path().join("c")]).unwrap();
        let (mut found, refused) = below_named(&named, "postgres");
        found.sort();
        let found: Vec<_> = found.iter().map(|it| it.strip_prefix(root.path()).unwrap().to_str().unwrap()).collect();
        assert_eq!(
            found,
            [
                "a/node_modules/postgres-13/native/bin",
                "a/node_modules/postgres-14/native/bin",
                "b/usr/lib/postgresql/15/bin",
            ]
        );
        assert_eq!(refused.len(), 1);
        assert!(refused[0].contains("/c, which PONTOON_SERVERS names, cannot be read"), "{refused:?}");
    }
}
