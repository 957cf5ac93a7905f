//! Servers installed on this machine.

use std::path::{Path, PathBuf};
use std::process::Command;

use pontoon::Dialect;

use super::launch::{Installation, launch};
use super::spec::{EngineSpec, numbers, product};
use super::{Started, ready};

/// Starts an installed server, or says why there is none.
pub(super) async fn start(spec: &EngineSpec) -> Result<Started, String> {
    let wanted = spec.clone();
    let installation = tokio::task::spawn_blocking(move || find(&wanted))
        .await
        .map_err(|error| format!("the search for installed servers failed: {error}"))??;
    let origin = format!("installed in {}", installation.programs.display());
    launch(installation, origin, "local").await
}

/// The newest installed server that `spec` accepts.
fn find(spec: &EngineSpec) -> Result<Installation, String> {
    let mut found = Vec::new();
    let mut others = Vec::new();
    for folder in folders(spec.dialect) {
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
        [] => format!("no {} is installed (looked for `{}`)", product(spec.dialect), program(spec.dialect)),
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

fn children(folder: &str) -> impl Iterator<Item = PathBuf> {
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
}
