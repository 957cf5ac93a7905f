//! Servers to verify on: found, started or fetched, and gone again when we are.
//!
//! `--source auto` takes, for each engine: a container, a server installed on the machine,
//! and on Debian and Ubuntu the distribution's packages unpacked into the user's cache.
//! Each source answers with a running server or with the reason why not; the reasons
//! together are the error's text.
//!
//! A server lives as long as its [`Server`]. Behind each stands a `warden` that ends it
//! when this process dies in any other way.

mod account;
mod apt;
mod container;
mod error;
mod installed;
mod launch;
mod owner;
mod packages;
mod ready;
mod shared;
mod spec;
mod warden;

use pontoon::Dialect;

pub use error::ServerError;
pub use shared::shared;
pub use spec::{EngineSpec, Engines, Extras, Source};

use super::conn::{Conn, dialect_of};

/// A running server that databases can be made on.
#[derive(Debug)]
pub struct Server {
    dialect: Dialect,
    version: String,
    origin: String,
    source: &'static str,
    admin_url: Url,
    disk: Option<String>,
    // dropped last: ends what we started
    held: Held,
}

/// A database of ours.
#[derive(Debug)]
pub struct Database {
    /// The database's name.
    pub name: String,
    url: Url,
}

impl Database {
    /// Where to connect to; holds the password.
    pub fn url(&self) -> &str {
        &self.url.0
    }
}

/// A URL with a password in it: never printed.
#[derive(Clone)]
struct Url(String);

impl std::fmt::Debug for Url {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&without_password(&self.0))
    }
}

/// What ends when a [`Server`] is dropped.
#[derive(Debug)]
enum Held {
    Container(Box<container::Container>),
    Process(Box<launch::Process>),
    /// A server of the user's.
    Nothing,
}

/// A server that a source has started and that answers.
struct Started {
    admin_url: String,
    origin: String,
    source: &'static str,
    /// The folder of a small disk of its own.
    disk: Option<String>,
    held: Held,
}

impl Server {
    /// Gives a server for `spec`.
    ///
    /// # Errors
    /// No source has one: the error tells each source's reason.
    pub async fn start(spec: &EngineSpec, source: &Source) -> Result<Self, ServerError> {
        Self::start_with(spec, source, &Extras::default()).await
    }

    /// As [`start`](Self::start), with something of its own.
    ///
    /// # Errors
    /// See there. A small disk wants the right to mount one, at least in a namespace of one's own.
    pub async fn start_with(spec: &EngineSpec, source: &Source, extras: &Extras) -> Result<Self, ServerError> {
        owner::sweep_once().await;
        let mut refusals = Vec::new();
        for name in source.names() {
            match start_from(name, spec, source, extras).await {
                Ok(started) => return Self::asked(spec, started).await,
                Err(reason) => refusals.push((name, reason)),
            }
        }
        Err(ServerError::NoServer { engine: spec.to_string(), refusals })
    }

    async fn asked(spec: &EngineSpec, started: Started) -> Result<Self, ServerError> {
        let version = ready::version(&started.admin_url).await.map_err(ServerError::Database)?;
        if let Some(wanted) = &spec.version
            && !spec::matches(wanted, &version)
        {
            return Err(ServerError::WrongVersion { engine: spec.to_string(), found: version, origin: started.origin });
        }
        Ok(Self {
            dialect: spec.dialect,
            version,
            origin: started.origin,
            source: started.source,
            admin_url: Url(started.admin_url),
            disk: started.disk,
            held: started.held,
        })
    }

    /// The server's dialect.
    pub const fn dialect(&self) -> Dialect {
        self.dialect
    }

    /// The version that the server says it is, such as `17.11`.
    pub fn version(&self) -> &str {
        &self.version
    }

    /// Where it came from: `docker`, `local`, `packages` or `url`.
    pub const fn source(&self) -> &'static str {
        self.source
    }

    /// One line for people: `PostgreSQL 17.11 from a container of postgres:17`.
    pub fn describe(&self) -> String {
        format!("{} {} {}", spec::product(self.dialect), self.version, self.origin)
    }

    /// Where an administrator connects to; holds the password.
    pub fn admin_url(&self) -> &str {
        &self.admin_url.0
    }

    /// Kills it as a power failure does: at once, with all that it has not written. What it has committed stays.
    ///
    /// # Errors
    /// It is a server of the user's, or cannot be killed.
    pub async fn crash(&mut self) -> Result<(), ServerError> {
        let outcome = match &mut self.held {
            Held::Container(container) => container.crash().await,
            Held::Process(process) => process.crash().map_err(|error| error.to_string()),
            Held::Nothing => Err("a server of the user's is not to be killed".to_owned()),
        };
        outcome.map_err(|reason| ServerError::Restart { origin: self.origin.clone(), reason })
    }

    /// Starts it again after [`crash`](Self::crash), and waits until it answers. What it had written is there. Its port may
    /// be another one.
    ///
    /// # Errors
    /// It does not start.
    pub async fn start_again(&mut self) -> Result<(), ServerError> {
        let outcome = match &mut self.held {
            Held::Container(container) => {
                container.start_again(&self.admin_url.0).await.map(|url| self.admin_url = Url(url))
            }
            Held::Process(process) => process.start_again(&self.admin_url.0).await,
            Held::Nothing => Err("a server of the user's is not ours to start".to_owned()),
        };
        outcome.map_err(|reason| ServerError::Restart { origin: self.origin.clone(), reason })
    }

    /// The folder of the small disk that it was started with, as the server sees it.
    pub fn disk(&self) -> Option<&str> {
        self.disk.as_deref()
    }

    /// Makes a new, empty database whose name begins with `prefix`.
    ///
    /// # Errors
    /// The server cannot be reached any more or refuses.
    pub async fn fresh_database(&self, prefix: &str) -> Result<Database, ServerError> {
        let name = format!("{prefix}_{}_{:08x}", std::process::id(), fastrand::u32(..));
        let mut admin = Conn::open(self.admin_url()).await.map_err(ServerError::Database)?;
        let made = admin.execute(format!("CREATE DATABASE {}", self.dialect.ident(&name))).await;
        let _ = admin.close().await;
        made.map_err(ServerError::Database)?;
        Ok(Database { url: Url(with_database(self.admin_url(), &name)), name })
    }

    /// Drops a database that [`fresh_database`](Self::fresh_database) made, with whoever is still connected to it.
    ///
    /// # Errors
    /// The server cannot be reached any more or refuses.
    pub async fn drop_database(&self, database: Database) -> Result<(), ServerError> {
        let force = if self.dialect == Dialect::Postgres { " WITH (FORCE)" } else { "" };
        let mut admin = Conn::open(self.admin_url()).await.map_err(ServerError::Database)?;
        let dropped = admin.execute(format!("DROP DATABASE {}{force}", self.dialect.ident(&database.name))).await;
        let _ = admin.close().await;
        dropped.map(drop).map_err(ServerError::Database)
    }
}

/// Starts a server for every engine, all at once; for both dialects if none is named.
///
/// # Errors
/// The first engine that no source has.
pub async fn start_all(engines: &[EngineSpec], source: &Source) -> Result<Vec<Server>, ServerError> {
    start_each(engines, source).await.into_iter().map(|(_, server)| server).collect()
}

/// As [`start_all`], with every engine that was asked for and its server, or why there is none.
pub async fn start_each(engines: &[EngineSpec], source: &Source) -> Vec<(EngineSpec, Result<Server, ServerError>)> {
    let engines = match (engines, source) {
        ([], Source::Url(url)) => dialect_of(url).into_iter().map(EngineSpec::any).collect(),
        ([], _) => Dialect::ALL.into_iter().map(EngineSpec::any).collect(),
        _ => engines.to_vec(),
    };
    let starting: Vec<_> = engines
        .into_iter()
        .map(|engine| {
            let (wanted, source) = (engine.clone(), source.clone());
            (engine, tokio::spawn(async move { Server::start(&wanted, &source).await }))
        })
        .collect();
    let mut servers = Vec::new();
    for (engine, server) in starting {
        let server = server.await.unwrap_or_else(|panic| Err(ServerError::Unfinished(panic.to_string())));
        servers.push((engine, server));
    }
    servers
}

async fn start_from(
    name: &'static str,
    spec: &EngineSpec,
    source: &Source,
    extras: &Extras,
) -> Result<Started, String> {
    match (name, source) {
        (_, Source::Url(url)) => existing(spec, url, extras).await,
        ("docker", _) => container::start(spec, extras).await,
        ("local", _) => installed::start(spec, extras).await,
        _ => packages::start(spec, extras).await,
    }
}

async fn existing(spec: &EngineSpec, url: &str, extras: &Extras) -> Result<Started, String> {
    if extras.disk_mb.is_some() || !extras.options.is_empty() {
        return Err("a server of the user's is taken as it is, without a disk or options of ours".into());
    }
    if dialect_of(url) != Some(spec.dialect) {
        return Err(format!("the URL names no {} server", spec::product(spec.dialect)));
    }
    ready::once(url).await?;
    let origin = format!("at {}", without_password(url));
    Ok(Started { admin_url: url.to_owned(), origin, source: "url", disk: None, held: Held::Nothing })
}

/// The same URL for another database.
fn with_database(url: &str, name: &str) -> String {
    let (base, query) = url.split_once('?').map_or((url, None), |(base, query)| (base, Some(query)));
    let authority = base.find("://").map_or(0, |at| at + 3);
    let end = base[authority..].find('/').map_or(base.len(), |at| authority + at);
    let query = query.map(|query| format!("?{query}")).unwrap_or_default();
    format!("{}/{name}{query}", &base[..end])
}

/// What may be shown of a URL: scheme, user, host and port, path.
fn without_password(url: &str) -> String {
    let base = url.split(['?', '#']).next().unwrap_or_default();
    let Some((scheme, rest)) = base.split_once("://") else { return "a URL".into() };
    match rest.rsplit_once('@') {
        Some((user, host)) => format!("{scheme}://{}@{host}", user.split(':').next().unwrap_or_default()),
        None => format!("{scheme}://{rest}"),
    }
}

/// One line to the user about something that takes a while.
fn say(line: &str) {
    eprintln!("pontoon: {line}");
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_database_takes_the_place_of_the_one_in_the_url() {
        for (url, expected) in [
            ("mysql://root:x@h:1/", "mysql://root:x@h:1/db"),
            ("mysql://root:x@h:1", "mysql://root:x@h:1/db"),
            ("postgres://h/a?sslmode=disable", "postgres://h/db?sslmode=disable"),
        ] {
            assert_eq!(with_database(url, "db"), expected);
        }
    }

    #[test]
    fn a_password_is_not_shown() {
        for url in ["postgres://me:s3cret@h:5/a", "mysql://me:s3c:r3t@cret@h/a?password=s3cret"] {
            let shown = format!("{:?} {}", Url(url.into()), without_password(url));
            assert!(!shown.contains("cret") && shown.contains("me@h"), "{shown}");
        }
    }
}
