//! Servers out of the distribution's packages, unpacked into the user's cache.
//!
//! For Debian and Ubuntu machines without a container engine and without an installed
//! server. Nothing of the system is touched and no right of root is needed. A server runs
//! with its own packages' C library, so that its suite may be newer than the machine's.

use std::fs;
use std::os::unix::fs::{MetadataExt as _, PermissionsExt as _};
use std::path::{Path, PathBuf};

use pontoon::Dialect;

use super::apt::{Apt, Distribution};
use super::installed::examine;
use super::launch::{Installation, launch};
use super::spec::{EngineSpec, Extras, numbers};
use super::{Started, say};

/// Starts a server out of packages, fetched before or now, or says why there is none.
pub(super) async fn start(spec: &EngineSpec, extras: &Extras) -> Result<Started, String> {
    let wanted = spec.clone();
    let (installation, origin) = tokio::task::spawn_blocking(move || obtain(&wanted))
        .await
        .map_err(|error| format!("fetching packages failed: {error}"))??;
    launch(installation, origin, "packages", extras).await
}

fn obtain(spec: &EngineSpec) -> Result<(Installation, String), String> {
    let distribution = Distribution::of_this_machine()?;
    let store = store()?;
    let cannot = |error: std::io::Error| format!("cannot use {}: {error}", store.display());
    fs::create_dir_all(&store).map_err(cannot)?;
    // held until this returns: two processes do not fetch the same at once
    let lock = fs::File::create(store.join("lock")).map_err(cannot)?;
    lock.lock().map_err(cannot)?;
    let found = match stored(&store, spec) {
        Some(found) => found,
        None => {
            fetch(&distribution, spec, &store)?;
            stored(&store, spec).ok_or("the fetched server does not run, or is of another version")?
        }
    };
    Ok((found, format!("from {}'s packages in {}", distribution.name, store.display())))
}

/// The newest server in the cache that `spec` accepts.
fn stored(store: &Path, spec: &EngineSpec) -> Option<Installation> {
    let prefix = format!("{}-", spec.dialect);
    let roots = fs::read_dir(store).ok()?.flatten().filter(|it| it.file_name().to_string_lossy().starts_with(&prefix));
    roots
        .filter_map(|entry| installation(&entry.path(), spec.dialect))
        .filter(|it| spec.accepts(&it.version))
        .max_by_key(|it| numbers(&it.version))
}

fn installation(root: &Path, dialect: Dialect) -> Option<Installation> {
    let found = examine(&programs(root, dialect)?, dialect)?.ok()?;
    Some(Installation { basedir: Some(root.join("usr")), ..found })
}

/// The folder of the server's programs below `root`.
fn programs(root: &Path, dialect: Dialect) -> Option<PathBuf> {
    match dialect {
        Dialect::Postgres => {
            let versions = fs::read_dir(root.join("usr/lib/postgresql")).ok()?.flatten();
            versions.map(|it| it.path().join("bin")).find(|it| it.join("postgres").exists())
        }
        Dialect::MySql => Some(root.join("usr/sbin")),
    }
}

fn fetch(distribution: &Distribution, spec: &EngineSpec, store: &Path) -> Result<(), String> {
    let mut reasons = Vec::new();
    for suite in distribution.suites(spec) {
        let apt = Apt::new(distribution, &suite)?;
        let (package, version) = match apt.server_package(spec)? {
            Ok(found) => found,
            Err(there) => {
                reasons.push(format!("{suite} ({there})"));
                continue;
            }
        };
        // named by its version: a newer one does not take the place of one that somebody is running
        let root = store.join(format!("{}-{suite}-{package}-{version}", spec.dialect));
        let partial = store.join(format!(".partial-{}", std::process::id()));
        say(&format!(
            "fetching {package} {version} of {} {suite} and its libraries into {}",
            distribution.name,
            store.display()
        ));
        let unpacked = unpack(&apt, &package, spec.dialect, &partial).and_then(|()| {
            let _ = fs::remove_dir_all(&root);
            fs::rename(&partial, &root).map_err(|error| format!("{}: {error}", root.display()))
        });
        if unpacked.is_err() {
            let _ = fs::remove_dir_all(&partial);
        }
        return unpacked;
    }
    Err(format!("{} has no `{spec}`; it has: {}", distribution.name, reasons.join(", ")))
}

fn unpack(apt: &Apt, package: &str, dialect: Dialect, root: &Path) -> Result<(), String> {
    let _ = fs::remove_dir_all(root);
    fs::create_dir_all(root).map_err(|error| format!("{}: {error}", root.display()))?;
    apt.unpack(package, root)?;
    let folder = programs(root, dialect).ok_or_else(|| format!("{package} holds no server"))?;
    let names: &[&str] = match dialect {
        Dialect::Postgres => &["initdb", "postgres"],
        Dialect::MySql => &["mysqld"],
    };
    let wrapper = wrapper(root)?;
    for name in names {
        wrap(&folder.join(name), &wrapper).map_err(|error| format!("{name}: {error}"))?;
    }
    if dialect == Dialect::Postgres {
        // its compiler was not fetched; without this file the server does not look for it
        let _ = fs::remove_file(folder.with_file_name("lib").join("llvmjit.so"));
    }
    Ok(())
}

/// A script that starts the program beside it through the loader and with the libraries below the same root.
fn wrapper(root: &Path) -> Result<String, String> {
    let mut libraries = Vec::new();
    let mut loader = None;
    for base in ["lib", "usr/lib"] {
        for triplet in names(&root.join(base)).filter(|name| name.contains("-linux-gnu")) {
            let folder = format!("{base}/{triplet}");
            let found =
                names(&root.join(&folder)).find(|name| name.starts_with("ld-linux") || name.starts_with("ld64"));
            loader = loader.or(found.map(|name| format!("{folder}/{name}")));
            libraries.push(format!("$root/{folder}"));
        }
    }
    let loader = loader.ok_or("the packages hold no loader")?;
    Ok(format!(
        "#!/bin/sh\nroot=${{0%/usr/*}}\nexec \"$root/{loader}\" --library-path \"{}\" \"$0.real\" \"$@\"\n",
        libraries.join(":")
    ))
}

fn names(folder: &Path) -> impl Iterator<Item = String> {
    fs::read_dir(folder).into_iter().flatten().flatten().map(|it| it.file_name().to_string_lossy().into_owned())
}

fn wrap(program: &Path, script: &str) -> std::io::Result<()> {
    let mut real = program.as_os_str().to_owned();
    real.push(".real");
    fs::rename(program, real)?;
    fs::write(program, script)?;
    fs::set_permissions(program, fs::Permissions::from_mode(0o755))
}

/// The folder for unpacked servers. As root the servers run as somebody else, who must be able to get there.
fn store() -> Result<PathBuf, String> {
    let variable = |name| std::env::var_os(name).filter(|it| !it.is_empty()).map(PathBuf::from);
    let cache = variable("XDG_CACHE_HOME").or_else(|| variable("HOME").map(|home| home.join(".cache")));
    let root = fs::metadata("/proc/self").is_ok_and(|it| it.uid() == 0);
    let cache = match cache {
        Some(cache) if cache.is_absolute() && (!root || open_to_all(&cache)) => cache,
        _ if root => PathBuf::from("/var/cache"),
        _ => return Err("neither XDG_CACHE_HOME nor HOME names a folder".into()),
    };
    Ok(cache.join("pontoon/servers"))
}

/// Whether everybody may walk through the folders that are there already.
fn open_to_all(path: &Path) -> bool {
    path.ancestors().filter_map(|it| fs::metadata(it).ok()).all(|it| it.mode() & 0o001 != 0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_wrapper_uses_what_lies_below_its_own_root() {
        let root = tempfile::tempdir().unwrap();
        let libraries = root.path().join("usr/lib/x86_64-linux-gnu");
        fs::create_dir_all(&libraries).unwrap();
        fs::write(libraries.join("ld-linux-x86-64.so.2"), "#!/bin/sh\necho \"$@\"\n").unwrap();
        fs::set_permissions(libraries.join("ld-linux-x86-64.so.2"), fs::Permissions::from_mode(0o755)).unwrap();
        let program = root.path().join("usr/sbin/mysqld");
        fs::create_dir_all(program.parent().unwrap()).unwrap();
        fs::write(&program, "").unwrap();
        wrap(&program, &wrapper(root.path()).unwrap()).unwrap();
        let output = std::process::Command::new(&program).args(["--an", "option"]).output().unwrap();
        let root = root.path().display();
        assert_eq!(
            String::from_utf8_lossy(&output.stdout),
            format!("--library-path {root}/usr/lib/x86_64-linux-gnu {root}/usr/sbin/mysqld.real --an option\n")
        );
    }
}
