//! Other tools that can do the job: add the column, fill it for every row, and keep it right meanwhile. Those that copy the
//! table take no expression for old rows, and get the column as a generated one, which fills it in their copy.
//!
//! They are run as their manuals say for a server of its own, with nothing tuned, and are not installed by us.

use std::fs;
use std::path::Path;
use std::process::Stdio;

use pontoon::Dialect;
use serde_json::json;
use tempfile::TempDir;
use tokio::process::Command;

use super::job::Job;

/// A tool.
#[derive(Debug)]
pub(super) struct Peer {
    /// The program's name on the PATH.
    pub(super) name: &'static str,
    dialect: Dialect,
    /// The arguments of its calls, one after the other.
    calls: fn(&Task<'_>) -> Result<Vec<Vec<String>>, String>,
}

/// All that are known.
static PEERS: &[Peer] = &[
    Peer { name: "pgroll", dialect: Dialect::Postgres, calls: pgroll },
    Peer { name: "reshape", dialect: Dialect::Postgres, calls: reshape },
    Peer { name: "gh-ost", dialect: Dialect::MySql, calls: gh_ost },
    Peer { name: "pt-online-schema-change", dialect: Dialect::MySql, calls: pt_online_schema_change },
    Peer { name: "spirit", dialect: Dialect::MySql, calls: spirit },
];

/// Where a server is, in the parts that tools want.
struct Address {
    host: String,
    port: String,
    user: String,
    password: String,
    database: String,
}

/// What a tool is told.
struct Task<'a> {
    url: &'a str,
    address: Address,
    job: Job,
    /// For files that it reads.
    folder: &'a Path,
}

impl Address {
    /// Of a URL as Pontoon takes it.
    fn of(url: &str) -> Option<Self> {
        let (_, rest) = url.split_once("://")?;
        let (who, rest) = rest.rsplit_once('@')?;
        let (user, password) = who.split_once(':').unwrap_or((who, ""));
        let (server, database) = rest.split(['?', '#']).next()?.split_once('/')?;
        let (host, port) = server.rsplit_once(':').unwrap_or((server, "3306"));
        let [host, port, user, password, database] = [host, port, user, password, database].map(str::to_owned);
        Some(Self { host, port, user, password, database })
    }
}

impl PartialEq for Peer {
    fn eq(&self, other: &Self) -> bool {
        self.name == other.name
    }
}

impl Peer {
    /// Does the whole job.
    pub(super) async fn run(&self, url: &str, job: Job) -> Result<(), String> {
        let folder = TempDir::new().map_err(|error| format!("no folder for {}: {error}", self.name))?;
        let address =
            Address::of(url).ok_or_else(|| format!("{}: the URL of the server is not understood", self.name))?;
        let task = Task { url, address, job, folder: folder.path() };
        for call in (self.calls)(&task)? {
            let mut command = Command::new(self.name);
            command.args(&call).current_dir(folder.path()).stdin(Stdio::null());
            let output = command.output().await.map_err(|error| format!("{}: {error}", self.name))?;
            if !output.status.success() {
                let said = [output.stdout, output.stderr].concat();
                // tools print the calls that they make
                let said = String::from_utf8_lossy(&said).replace(task.address.password.as_str(), "***");
                return Err(format!("{} ended with {}:\n{said}", self.name, output.status));
            }
        }
        Ok(())
    }
}

/// Those that are installed; the others are named.
pub(super) fn found(dialect: Dialect) -> Vec<&'static Peer> {
    let path = std::env::var_os("PATH").unwrap_or_default();
    let installed = |it: &&Peer| std::env::split_paths(&path).any(|folder| folder.join(it.name).is_file());
    let (found, missing): (Vec<_>, Vec<_>) = PEERS.iter().filter(|it| it.dialect == dialect).partition(installed);
    for it in missing {
        eprintln!("pontoon: {} is not on the PATH, and left out", it.name);
    }
    found
}

impl Task<'_> {
    fn write(&self, name: &str, text: &str) -> Result<String, String> {
        let path = self.folder.join(name);
        fs::write(&path, text).map_err(|error| format!("{}: {error}", path.display()))?;
        Ok(path.to_string_lossy().into_owned())
    }

    fn generated(&self) -> String {
        format!("ADD COLUMN display_name varchar(64) GENERATED ALWAYS AS ({}) STORED", self.job.expression())
    }
}

fn owned<const N: usize>(args: [&str; N]) -> Vec<String> {
    args.map(str::to_owned).to_vec()
}

fn pgroll(task: &Task<'_>) -> Result<Vec<Vec<String>>, String> {
    let column = json!({ "name": "display_name", "type": "varchar(64)", "nullable": false });
    let operation = json!({ "add_column": { "table": "users", "up": task.job.expression(), "column": column } });
    let file = task.write("01_display_name.json", &json!({ "operations": [operation] }).to_string())?;
    let url = ["--postgres-url", task.url];
    Ok(vec![owned(["init", url[0], url[1]]), owned(["start", &file, "--complete", url[0], url[1]])])
}

fn reshape(task: &Task<'_>) -> Result<Vec<Vec<String>>, String> {
    fs::create_dir_all(task.folder.join("migrations")).map_err(|error| error.to_string())?;
    let migration = format!(
        "[[actions]]\ntype = \"add_column\"\ntable = \"users\"\nup = \"{}\"\n\n[actions.column]\nname = \"display_name\"\n\
         type = \"VARCHAR(64)\"\nnullable = false\n",
        task.job.expression()
    );
    task.write("migrations/1_display_name.toml", &migration)?;
    Ok(vec![owned(["migration", "start", "--complete", "--url", task.url])])
}

fn gh_ost(task: &Task<'_>) -> Result<Vec<Vec<String>>, String> {
    let Address { host, port, user, password, database } = &task.address;
    Ok(vec![owned([
        &format!("--host={host}"),
        &format!("--port={port}"),
        &format!("--user={user}"),
        &format!("--password={password}"),
        &format!("--database={database}"),
        "--table=users",
        &format!("--alter={}", task.generated()),
        "--allow-on-master",
        "--assume-rbr",
        "--initially-drop-ghost-table",
        "--ok-to-drop-table",
        "--execute",
    ])])
}

fn pt_online_schema_change(task: &Task<'_>) -> Result<Vec<Vec<String>>, String> {
    let Address { host, port, user, password, database } = &task.address;
    let table = format!("h={host},P={port},u={user},p={password},D={database},t=users");
    let alter = task.generated();
    Ok(vec![owned(["--alter", &alter, "--execute", "--no-version-check", "--recursion-method=none", &table])])
}

fn spirit(task: &Task<'_>) -> Result<Vec<Vec<String>>, String> {
    let Address { host, port, user, password, database } = &task.address;
    Ok(vec![owned([
        &format!("--host={host}:{port}"),
        &format!("--username={user}"),
        &format!("--password={password}"),
        &format!("--database={database}"),
        "--table=users",
        &format!("--alter={}", task.generated()),
    ])])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_url_has_parts() {
        let parts = |url| Address::of(url).map(|it| [it.host, it.port, it.user, it.password, it.database].join(" "));
        assert_eq!(parts("mysql://root:a:b@127.0.0.1:3307/shop?x=1").as_deref(), Some("127.0.0.1 3307 root a:b shop"));
        assert_eq!(parts("mysql://root@db/shop").as_deref(), Some("db 3306 root  shop"));
        assert_eq!(parts("127.0.0.1"), None);
    }
}
