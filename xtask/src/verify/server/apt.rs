//! A private apt: its own lists, its own idea of what is installed (nothing), and one
//! source, which is the machine's own mirror. Signatures are checked as ever.

use std::fs;
use std::path::Path;
use std::process::Command;

use pontoon::Dialect;
use tempfile::TempDir;

use super::spec::EngineSpec;

/// The machine's distribution.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Distribution {
    /// `Debian` or `Ubuntu`.
    pub(super) name: &'static str,
    codename: String,
}

impl Distribution {
    pub(super) fn of_this_machine() -> Result<Self, String> {
        let text = fs::read_to_string("/etc/os-release").unwrap_or_default();
        let this = Self::parse(&text).ok_or("this machine is neither a Debian nor an Ubuntu")?;
        if Command::new("apt-get").arg("--version").output().is_err() {
            return Err("`apt-get` does not run here".into());
        }
        Ok(this)
    }

    fn parse(os_release: &str) -> Option<Self> {
        let field = |key: &str| {
            let value = os_release.lines().find_map(|line| line.strip_prefix(key)?.strip_prefix('='))?;
            Some(value.trim_matches('"').to_owned())
        };
        let name = match field("ID")?.as_str() {
            "debian" => "Debian",
            "ubuntu" => "Ubuntu",
            _ => return None,
        };
        // a testing or unstable Debian may have no code name
        Some(Self { name, codename: field("VERSION_CODENAME").unwrap_or_else(|| "sid".into()) })
    }

    /// Where to look for a server: the machine's own suite first. Debian has MySQL in unstable only.
    pub(super) fn suites(&self, spec: &EngineSpec) -> Vec<String> {
        let mut suites = match (self.name, spec.dialect) {
            ("Debian", Dialect::MySql) => vec!["sid".to_owned()],
            _ => vec![self.codename.clone()],
        };
        if self.name == "Debian" && spec.dialect == Dialect::Postgres && spec.version.is_some() {
            suites.extend(["oldstable", "stable", "testing", "sid"].map(str::to_owned));
        }
        suites
    }

    const fn keyring(&self) -> &'static str {
        match self.name.as_bytes() {
            b"Ubuntu" => "/usr/share/keyrings/ubuntu-archive-keyring.gpg",
            _ => "/usr/share/keyrings/debian-archive-keyring.gpg",
        }
    }

    const fn components(&self) -> &'static str {
        match self.name.as_bytes() {
            b"Ubuntu" => "main universe",
            _ => "main",
        }
    }

    /// The mirror that this machine uses; asked from apt, and where its lists are empty read from its sources.
    fn mirror(&self) -> Result<String, String> {
        let format = "$(CODENAME) $(RELEASE) $(REPO_URI)";
        let listed = Command::new("apt-get").args(["indextargets", "--format", format]).output();
        let listed = listed.map(|it| String::from_utf8_lossy(&it.stdout).into_owned()).unwrap_or_default();
        let from_lists = listed.lines().find_map(|line| match line.split(' ').collect::<Vec<_>>()[..] {
            [codename, release, uri] if codename == self.codename && !release.contains('-') => Some(uri.to_owned()),
            _ => None,
        });
        from_lists
            .or_else(|| sources().iter().find_map(|text| mirror_in(text, &self.codename)))
            .ok_or_else(|| format!("apt knows no mirror of {} {}", self.name, self.codename))
    }
}

fn sources() -> Vec<String> {
    let mut files = vec!["/etc/apt/sources.list".into()];
    let parts = fs::read_dir("/etc/apt/sources.list.d").into_iter().flatten().flatten().map(|it| it.path());
    files.extend(parts);
    files.iter().filter_map(|file| fs::read_to_string(file).ok()).collect()
}

/// The mirror of a suite in a sources file, of either form.
fn mirror_in(sources: &str, suite: &str) -> Option<String> {
    let mut uri = None;
    let mut of_suite = false;
    for line in sources.lines().map(str::trim).chain([""]) {
        if line.is_empty() {
            // the end of a stanza
            if let (Some(uri), true) = (uri.take(), std::mem::take(&mut of_suite)) {
                return Some(uri);
            }
        } else if let Some(rest) = line.strip_prefix("deb ") {
            let rest = rest.trim_start();
            let rest = if rest.starts_with('[') { rest.split_once(']')?.1 } else { rest };
            let mut words = rest.split_whitespace();
            if let (Some(uri), Some(of)) = (words.next(), words.next())
                && of == suite
            {
                return Some(uri.to_owned());
            }
        } else if let Some(rest) = line.strip_prefix("URIs:") {
            uri = rest.split_whitespace().next().map(str::to_owned);
        } else if let Some(rest) = line.strip_prefix("Suites:") {
            of_suite = rest.split_whitespace().any(|it| it == suite);
        }
    }
    None
}

/// A private apt of one suite, with its lists.
#[derive(Debug)]
pub(super) struct Apt {
    folder: TempDir,
}

impl Apt {
    pub(super) fn new(distribution: &Distribution, suite: &str) -> Result<Self, String> {
        let mirror = distribution.mirror()?;
        let unwritable = |error: std::io::Error| format!("no folder for apt: {error}");
        let folder = tempfile::Builder::new().prefix("pontoon-apt-").tempdir().map_err(unwritable)?;
        let at = |name: &str| folder.path().join(name);
        for name in ["state", "lists", "cache", "sources", "packages"] {
            fs::create_dir(at(name)).map_err(unwritable)?;
        }
        let keyring = distribution.keyring();
        let signed = if Path::new(keyring).exists() { format!(" signed-by={keyring}") } else { String::new() };
        let source = format!("deb [target=Packages{signed}] {mirror} {suite} {}\n", distribution.components());
        fs::write(at("sources/pontoon.list"), source).map_err(unwritable)?;
        fs::write(at("status"), "").map_err(unwritable)?;
        fs::write(at("apt.conf"), configuration(folder.path())).map_err(unwritable)?;
        let apt = Self { folder };
        apt.run("apt-get", &["-q", "update"])?;
        Ok(apt)
    }

    /// The newest package that holds a server of `spec`, and its server's version. Otherwise what there is.
    pub(super) fn server_package(&self, spec: &EngineSpec) -> Result<Result<(String, String), String>, String> {
        let prefix = match spec.dialect {
            Dialect::Postgres => "postgresql-",
            Dialect::MySql => "mysql-server-core",
        };
        let names = self.run("apt-cache", &["pkgnames", prefix])?;
        let Some(name) = best_package(names.lines(), prefix, spec) else { return Ok(Err("none".into())) };
        let shown = self.run("apt-cache", &["show", "--no-all-versions", &name])?;
        let version = version_of_package(&shown).ok_or_else(|| format!("apt does not say the version of `{name}`"))?;
        Ok(if spec.accepts(&version) { Ok((name, version)) } else { Err(version) })
    }

    /// Unpacks a package and the libraries it needs into a folder.
    pub(super) fn unpack(&self, package: &str, into: &Path) -> Result<(), String> {
        let uris = self.run("apt-get", &["install", "--print-uris", "-qq", "-y", package])?;
        let needed: Vec<_> = uris.lines().filter_map(package_of).filter(|it| is_needed(it, package)).collect();
        if needed.is_empty() {
            return Err(format!("apt does not say what `{package}` needs"));
        }
        let arguments: Vec<_> = ["-q", "download"].into_iter().chain(needed).collect();
        self.run("apt-get", &arguments)?;
        let files = fs::read_dir(self.folder.path().join("packages")).map_err(|error| error.to_string())?;
        for file in files.flatten() {
            let unpacked = Command::new("dpkg-deb").arg("-x").arg(file.path()).arg(into).output();
            let unpacked = unpacked.map_err(|error| format!("`dpkg-deb` does not run: {error}"))?;
            if !unpacked.status.success() {
                return Err(format!("dpkg-deb: {}", String::from_utf8_lossy(&unpacked.stderr).trim()));
            }
        }
        Ok(())
    }

    fn run(&self, program: &str, arguments: &[&str]) -> Result<String, String> {
        let output = Command::new(program)
            .args(arguments)
            .current_dir(self.folder.path().join("packages"))
            .env("APT_CONFIG", self.folder.path().join("apt.conf"))
            .env("LC_ALL", "C")
            .output()
            .map_err(|error| format!("`{program}` does not run: {error}"))?;
        let errors = String::from_utf8_lossy(&output.stderr);
        // an update that reaches nothing warns and succeeds
        let bad = errors.lines().find(|line| line.starts_with("E:") || line.contains("Failed to fetch"));
        match bad {
            Some(line) => Err(format!("{program}: {}", line.trim_start_matches(['E', 'W', ':', ' ']))),
            None if !output.status.success() => Err(format!("{program}: {}", errors.trim())),
            None => Ok(String::from_utf8_lossy(&output.stdout).into_owned()),
        }
    }
}

/// Of the system's own configuration only what reaches the mirror stays in force, such as a proxy.
fn configuration(folder: &Path) -> String {
    let folder = folder.display();
    format!(
        "Dir::State \"{folder}/state\";\n\
         Dir::State::Lists \"{folder}/lists\";\n\
         Dir::State::status \"{folder}/status\";\n\
         Dir::Cache \"{folder}/cache\";\n\
         Dir::Etc::SourceList \"/dev/null\";\n\
         Dir::Etc::SourceParts \"{folder}/sources\";\n\
         Dir::Etc::Preferences \"/dev/null\";\n\
         Dir::Etc::PreferencesParts \"/dev/null\";\n\
         Debug::NoLocking \"true\";\n\
         Acquire::Check-Valid-Until \"false\";\n\
         Acquire::Languages \"none\";\n\
         APT::Install-Recommends \"false\";\n\
         APT::Sandbox::User \"root\";\n"
    )
}

/// `postgresql-17` for PostgreSQL 17; `mysql-server-core` or Ubuntu's `mysql-server-core-8.0` for MySQL.
fn best_package<'a>(names: impl Iterator<Item = &'a str>, prefix: &str, spec: &EngineSpec) -> Option<String> {
    let version = |name: &str| -> Option<Vec<u32>> {
        match name.strip_prefix(prefix)?.trim_start_matches('-') {
            "" => Some(Vec::new()),
            rest => super::spec::numbers(rest),
        }
    };
    let fits = |found: &[u32]| match spec.version.as_deref().and_then(super::spec::numbers) {
        Some(wanted) => found.iter().zip(&wanted).all(|(a, b)| a == b),
        None => true,
    };
    let found = names.filter_map(|name| Some((version(name)?, name))).filter(|(it, _)| fits(it));
    found.max().map(|(_, name)| name.to_owned())
}

/// The server's part of a package's version: `9.7.4` of `1:9.7.4-1+b2`.
fn version_of_package(shown: &str) -> Option<String> {
    let version = shown.lines().find_map(|line| line.strip_prefix("Version:"))?.trim();
    super::ready::version_in(version.split_once(':').map_or(version, |(_, version)| version))
}

/// The package's name in a line `'URI' name_version_arch.deb size hash`.
fn package_of(line: &str) -> Option<&str> {
    line.split(' ').nth(1)?.split('_').next()
}

/// The server and libraries; neither Perl nor the compiler that PostgreSQL can do without.
fn is_needed(name: &str, server: &str) -> bool {
    let without = ["libllvm", "libz3", "libperl", "libc-l10n", "libc-bin", "libjson-perl"];
    name == server || (name.starts_with("lib") && !without.iter().any(|it| name.starts_with(it)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_mirror_is_read_from_either_form_of_sources() {
        let new = "# x\nTypes: deb\nURIs: http://a.test/security\nSuites: bookworm-security\n\n\
                   Types: deb\nURIs: http://a.test/debian\nSuites: bookworm bookworm-updates\nComponents: main\n";
        assert_eq!(mirror_in(new, "bookworm").as_deref(), Some("http://a.test/debian"));
        let old = "# deb http://x.test/ noble main\ndeb http://b.test/s noble-security main\n\
                   deb [arch=amd64] http://b.test/ubuntu noble main\n";
        assert_eq!(mirror_in(old, "noble").as_deref(), Some("http://b.test/ubuntu"));
        assert_eq!(mirror_in(old, "jammy"), None);
    }

    #[test]
    fn the_package_is_the_newest_that_fits() {
        let best = |names: &[&str], spec: &str| {
            let spec: EngineSpec = spec.parse().unwrap();
            let prefix = if spec.dialect == Dialect::Postgres { "postgresql-" } else { "mysql-server-core" };
            best_package(names.iter().copied(), prefix, &spec)
        };
        let postgres = ["postgresql-9", "postgresql-17", "postgresql-client-17", "postgresql-16", "postgresql-17-cron"];
        assert_eq!(best(&postgres, "postgres").as_deref(), Some("postgresql-17"));
        assert_eq!(best(&postgres, "postgres:16.2").as_deref(), Some("postgresql-16"));
        assert_eq!(best(&postgres, "postgres:15"), None);
        assert_eq!(best(&["mysql-server-core"], "mysql:9.7").as_deref(), Some("mysql-server-core"));
        assert_eq!(best(&["mysql-server-core-8.0"], "mysql").as_deref(), Some("mysql-server-core-8.0"));
        assert_eq!(best(&["mysql-server-core-8.0"], "mysql:9.7"), None);
    }

    #[test]
    fn the_servers_version_is_in_the_packages() {
        let shown = "Package: mysql-server-core\nVersion: 1:9.7.4-1+b2\nDescription: 5.7 was before\n";
        assert_eq!(version_of_package(shown).as_deref(), Some("9.7.4"));
        assert_eq!(version_of_package("Version: 17.11-0+deb13u1").as_deref(), Some("17.11"));
    }

    #[test]
    fn only_debian_and_ubuntu_are_known() {
        let debian = Distribution::parse("NAME=\"Debian GNU/Linux\"\nVERSION_CODENAME=bookworm\nID=debian\n").unwrap();
        assert_eq!((debian.name, debian.codename.as_str()), ("Debian", "bookworm"));
        assert_eq!(debian.suites(&"mysql".parse().unwrap()), ["sid"]);
        assert_eq!(Distribution::parse("ID=fedora\nVERSION_CODENAME=\"\"\n"), None);
    }
}
