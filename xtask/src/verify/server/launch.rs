//! Starting a server's programs on a private data folder and port, never as root.

use std::fs;
use std::io;
use std::net::TcpListener;
use std::os::unix::fs::chown;
use std::os::unix::process::CommandExt as _;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};

use pontoon::Dialect;
use tempfile::TempDir;

use super::account::Account;
use super::warden::Warden;
use super::{Held, Started, owner, ready};

/// A server's programs.
#[derive(Debug, Clone)]
pub(super) struct Installation {
    pub(super) dialect: Dialect,
    pub(super) version: String,
    /// The folder of `initdb` and `postgres`, or of `mysqld`.
    pub(super) programs: PathBuf,
    /// Where MySQL finds its messages and plugins, if not where it was built for.
    pub(super) basedir: Option<PathBuf>,
}

/// A running server of ours.
#[derive(Debug)]
pub(super) struct Process {
    child: Child,
    // ends the server and removes its folder
    warden: Option<Warden>,
}

/// PostgreSQL stops at once on QUIT and takes its children along; MySQL has nothing to save.
/// Who is left after two seconds is killed.
const END: &str = "kill -QUIT \"$2\" || kill -9 \"$2\"
[ \"$3\" = mysql ] && kill -9 \"$2\"
i=0; while kill -0 \"$2\" && [ $i -lt 40 ]; do sleep 0.05; i=$((i+1)); done
kill -9 \"$2\"; rm -rf \"$1\"";

impl Drop for Process {
    fn drop(&mut self) {
        let (child, warden) = (&mut self.child, self.warden.take());
        // a child that nobody waits for looks alive to the warden
        std::thread::scope(|scope| {
            scope.spawn(|| child.wait());
            drop(warden);
        });
    }
}

/// Initialises and starts a server, and waits until it answers.
pub(super) async fn launch(
    installation: Installation,
    origin: String,
    source: &'static str,
) -> Result<Started, String> {
    let version = installation.version.clone();
    let mut attempts = 1;
    loop {
        match attempt(installation.clone()).await {
            Ok((process, admin_url)) => {
                return Ok(Started { admin_url, origin, source, held: Held::Process { _process: process } });
            }
            // between our finding a free port and the server's taking it somebody else may
            Err(reason) if attempts < 3 && reason.contains("in use") => attempts += 1,
            Err(reason) => return Err(format!("{version} {origin} does not start: {reason}")),
        }
    }
}

async fn attempt(installation: Installation) -> Result<(Process, String), String> {
    let work = move || Ground::prepare(installation).and_then(Ground::start);
    let mut running = tokio::task::spawn_blocking(work).await.map_err(|error| error.to_string())??;
    let patience = ready::Patience::new();
    while let Err(reason) = ready::once(&running.admin_url).await {
        if let Some(why) = running.process.ended(&running.log) {
            return Err(why);
        }
        patience.wait(reason).await?;
    }
    Ok((running.process, running.admin_url))
}

/// PostgreSQL's defaults, durability above all, but for these: migrations may prepare transactions, and have them in their way;
/// and each statement that is observed has connections that hold its tables.
pub(super) const POSTGRES_SETTINGS: [&str; 4] = ["-c", "max_prepared_transactions=16", "-c", "max_connections=300"];

/// A folder with an initialised, empty server in it.
struct Ground {
    installation: Installation,
    folder: TempDir,
    account: Option<Account>,
    password: String,
}

struct Running {
    process: Process,
    admin_url: String,
    log: PathBuf,
}

impl Ground {
    fn prepare(installation: Installation) -> Result<Self, String> {
        let unwritable = |error| format!("no folder for its data: {error}");
        let folder = tempfile::Builder::new()
            .prefix(&format!("{}{}-", owner::FOLDER_PREFIX, std::process::id()))
            .tempdir()
            .map_err(unwritable)?;
        let account = Account::for_server(folder.path(), installation.dialect).map_err(unwritable)?;
        let ground = Self { installation, folder, account, password: format!("{:016x}", fastrand::u64(..)) };
        ground.lay_out().map_err(unwritable)?;
        match ground.installation.dialect {
            Dialect::Postgres => ground.init_postgres()?,
            Dialect::MySql => ground.init_mysql()?,
        }
        Ok(ground)
    }

    fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    fn lay_out(&self) -> io::Result<()> {
        fs::write(self.path(owner::OWNER_FILE), owner::me())?;
        fs::create_dir(self.path("data"))?;
        let secret = match self.installation.dialect {
            Dialect::Postgres => format!("{}\n", self.password),
            Dialect::MySql => format!(
                "ALTER USER root@localhost IDENTIFIED BY '{0}';\n\
                 CREATE USER root@'127.0.0.1' IDENTIFIED BY '{0}';\n\
                 GRANT ALL ON *.* TO root@'127.0.0.1' WITH GRANT OPTION;\n",
                self.password
            ),
        };
        fs::write(self.path("secret"), secret)?;
        if let Some(account) = self.account {
            for path in [self.folder.path().to_owned(), self.path("data"), self.path("secret")] {
                chown(path, Some(account.uid), Some(account.gid))?;
            }
        }
        Ok(())
    }

    fn init_postgres(&self) -> Result<(), String> {
        let init = |locale: &str| {
            let mut command = self.command("initdb");
            command.arg("-D").arg(self.path("data")).args(["-U", "postgres", "--auth=scram-sha-256", "--pwfile"]);
            command.arg(self.path("secret")).args(["--encoding=UTF8", "--no-sync"]).arg(format!("--locale={locale}"));
            finished(command)
        };
        // not every C library has the first
        init("C.UTF-8").or_else(|_| init("C")).map_err(|error| format!("initdb: {error}"))
    }

    fn init_mysql(&self) -> Result<(), String> {
        let mut command = self.mysqld();
        command.arg("--initialize-insecure");
        finished(command).map_err(|error| format!("mysqld --initialize-insecure: {error}"))
    }

    fn start(self) -> Result<Running, String> {
        let port = free_port().map_err(|error| format!("no free port: {error}"))?;
        let log = self.path("log");
        let mut command = match self.installation.dialect {
            Dialect::Postgres => self.postgres(port),
            Dialect::MySql => self.serving_mysqld(port),
        };
        let cannot = |error: io::Error| format!("cannot start it: {error}");
        let output = fs::File::create(&log).map_err(cannot)?;
        command.stdout(output.try_clone().map_err(cannot)?).stderr(output);
        // a group of its own: Ctrl-C in a terminal is for us, and the warden then ends the server
        let child = command.process_group(0).spawn().map_err(cannot)?;
        let pid = child.id().to_string();
        let mut process = Process { child, warden: None };
        let folder = self.folder.path().to_string_lossy();
        match Warden::new(END, &[&folder, &pid, self.installation.dialect.name()]) {
            Ok(warden) => process.warden = Some(warden),
            Err(error) => {
                let _ = process.child.kill();
                return Err(cannot(error));
            }
        }
        let admin_url = match self.installation.dialect {
            Dialect::Postgres => format!("postgres://postgres:{}@127.0.0.1:{port}/postgres", self.password),
            Dialect::MySql => format!("mysql://root:{}@127.0.0.1:{port}/", self.password),
        };
        let _ = fs::write(self.path(owner::PID_FILE), &pid);
        let _ = self.folder.keep();
        Ok(Running { process, admin_url, log })
    }

    fn postgres(&self, port: u16) -> Command {
        let mut command = self.command("postgres");
        command.arg("-D").arg(self.path("data")).args(["-c", "listen_addresses=127.0.0.1"]);
        command.args(["-c", "unix_socket_directories="]).arg("-p").arg(port.to_string()).args(POSTGRES_SETTINGS);
        command
    }

    fn mysqld(&self) -> Command {
        let mut command = self.command("mysqld");
        command.arg("--no-defaults");
        let mut path = |name: &str, path: &Path| {
            let mut option = std::ffi::OsString::from(format!("--{name}="));
            option.push(path);
            command.arg(option);
        };
        if let Some(base) = &self.installation.basedir {
            path("basedir", base);
            path("lc-messages-dir", &base.join("share/mysql"));
            path("plugin-dir", &base.join("lib/mysql/plugin"));
        }
        path("datadir", &self.path("data"));
        command.args(["--secure-file-priv=", "--mysqlx=0"]);
        command
    }

    fn serving_mysqld(&self, port: u16) -> Command {
        let mut command = self.mysqld();
        // relative to the data folder: the paths of sockets must be short
        command.args(["--bind-address=127.0.0.1", "--socket=mysqld.sock", "--pid-file=mysqld.pid"]);
        command.arg(format!("--port={port}")).arg(format!("--init-file={}", self.path("secret").display()));
        command
    }

    fn command(&self, program: &str) -> Command {
        let mut command = Command::new(self.installation.programs.join(program));
        command.current_dir(self.folder.path()).stdin(Stdio::null());
        if let Some(account) = self.account {
            command.uid(account.uid).gid(account.gid);
        }
        command
    }
}

impl Process {
    /// If the server has ended: so, with its last words.
    fn ended(&mut self, log: &Path) -> Option<String> {
        let status = self.child.try_wait().ok()??;
        let log = fs::read(log).unwrap_or_default();
        Some(format!("it ended with {status}: {}", last_words(&String::from_utf8_lossy(&log))))
    }
}

fn finished(mut command: Command) -> Result<(), String> {
    let output = command.output().map_err(|error| error.to_string())?;
    if output.status.success() {
        return Ok(());
    }
    Err(format!("{}: {}", output.status, last_words(&String::from_utf8_lossy(&output.stderr))))
}

/// The last line that reports an error, or else the last one.
fn last_words(log: &str) -> &str {
    let lines = || log.lines().rev().map(str::trim).filter(|line| !line.is_empty());
    let grave = |line: &&str| ["FATAL", "[ERROR]", "error:"].iter().any(|word| line.contains(word));
    lines().find(grave).or_else(|| lines().next()).unwrap_or("it said nothing")
}

/// One below those that systems give to clients' connections (Linux from 32768 on), or every client of ours might take it
/// before the server does.
fn free_port() -> io::Result<u16> {
    for _ in 0..100 {
        if let Ok(listener) = TcpListener::bind(("127.0.0.1", fastrand::u16(15_000..32_000))) {
            return Ok(listener.local_addr()?.port());
        }
    }
    Ok(TcpListener::bind(("127.0.0.1", 0))?.local_addr()?.port())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_last_error_says_more_than_the_last_line() {
        let log = "LOG: a\nFATAL: could not bind: Address already in use\nLOG: database system is shut down\n";
        assert!(last_words(log).contains("in use"));
        assert_eq!(last_words("one\ntwo\n\n"), "two");
    }
}
