//! Starting a server's programs on a private data folder and port, never as root.

use std::fs;
use std::io;
use std::net::TcpListener;
use std::os::unix::fs::{MetadataExt as _, chown};
use std::os::unix::process::CommandExt as _;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};

use pontoon::Dialect;
use tempfile::TempDir;

use super::account::Account;
use super::spec::Extras;
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
    /// What starts it again.
    command: Command,
    folder: PathBuf,
    dialect: Dialect,
}

/// The file in a server's folder that it writes its messages to.
const LOG: &str = "log";

/// The folder in a server's folder that a small disk is mounted at.
const DISK: &str = "disk";

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
    extras: &Extras,
) -> Result<Started, String> {
    let version = installation.version.clone();
    let mut attempts = 1;
    loop {
        match attempt(installation.clone(), extras.clone()).await {
            Ok((process, admin_url)) => {
                let disk = extras.disk_mb.map(|_| process.folder.join(DISK).to_string_lossy().into_owned());
                return Ok(Started { admin_url, origin, source, disk, held: Held::Process(Box::new(process)) });
            }
            // between our finding a free port and the server's taking it somebody else may
            Err(reason) if attempts < 3 && reason.contains("in use") => attempts += 1,
            Err(reason) => return Err(format!("{version} {origin} does not start: {reason}")),
        }
    }
}

async fn attempt(installation: Installation, extras: Extras) -> Result<(Process, String), String> {
    let work = move || Ground::prepare(installation).and_then(|ground| ground.start(&extras));
    let (mut process, admin_url) = tokio::task::spawn_blocking(work).await.map_err(|error| error.to_string())??;
    process.until_it_answers(&admin_url).await?;
    Ok((process, admin_url))
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
                 CREATE USER IF NOT EXISTS root@'127.0.0.1' IDENTIFIED BY '{0}';\n\
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

    fn start(self, extras: &Extras) -> Result<(Process, String), String> {
        let port = free_port().map_err(|error| format!("no free port: {error}"))?;
        let dialect = self.installation.dialect;
        let mut command = match dialect {
            Dialect::Postgres => self.postgres(port),
            Dialect::MySql => self.serving_mysqld(port),
        };
        command.args(extras.options(&self.path(DISK).to_string_lossy()));
        if let Some(megabytes) = extras.disk_mb {
            command = self.with_disk(&command, megabytes).map_err(|error| format!("no small disk: {error}"))?;
        }
        let process = Process::begin(command, self.folder.path(), dialect);
        let process = process.map_err(|error| format!("cannot start it: {error}"))?;
        let _ = self.folder.keep();
        let admin_url = match dialect {
            Dialect::Postgres => format!("postgres://postgres:{}@127.0.0.1:{port}/postgres", self.password),
            Dialect::MySql => format!("mysql://root:{}@127.0.0.1:{port}/", self.password),
        };
        Ok((process, admin_url))
    }

    /// The same program in a mount namespace of its own, which has the disk and goes with the program.
    fn with_disk(&self, program: &Command, megabytes: u32) -> io::Result<Command> {
        let folder = self.path(DISK);
        fs::create_dir(&folder)?;
        let me = fs::metadata(self.folder.path())?;
        let mut command = Command::new("unshare");
        // whom the program runs as is said behind the mount, which wants a right that it is not to have
        let become_it = match self.account {
            Some(Account { uid, gid }) => format!("setpriv --reuid={uid} --regid={gid} --clear-groups"),
            None => {
                command.arg("--map-root-user");
                format!("unshare --user --map-user={} --map-group={}", me.uid(), me.gid())
            }
        };
        let script =
            format!("mount -t tmpfs -o size={megabytes}m,mode=1777 tmpfs \"$1\" && shift && exec {become_it} \"$@\"");
        command
            .args(["--mount", "sh", "-c", &script, "sh"])
            .arg(folder)
            .arg(program.get_program())
            .args(program.get_args());
        command.current_dir(self.folder.path()).stdin(Stdio::null());
        Ok(command)
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
    fn begin(mut command: Command, folder: &Path, dialect: Dialect) -> io::Result<Self> {
        let output = fs::File::create(folder.join(LOG))?;
        command.stdout(output.try_clone()?).stderr(output);
        // a group of its own: Ctrl-C in a terminal is for us, and the warden then ends the server
        let child = command.process_group(0).spawn()?;
        let mut process = Self { child, warden: None, command, folder: folder.to_owned(), dialect };
        if let Err(error) = process.guarded() {
            let _ = process.child.kill();
            return Err(error);
        }
        Ok(process)
    }

    /// Sets a warden over the child.
    fn guarded(&mut self) -> io::Result<()> {
        let pid = self.child.id().to_string();
        let _ = fs::write(self.folder.join(owner::PID_FILE), &pid);
        self.warden = Some(Warden::new(END, &[&self.folder.to_string_lossy(), &pid, self.dialect.name()])?);
        Ok(())
    }

    async fn until_it_answers(&mut self, admin_url: &str) -> Result<(), String> {
        let patience = ready::Patience::new();
        while let Err(reason) = ready::once(admin_url).await {
            if let Some(why) = self.ended() {
                return Err(why);
            }
            patience.wait(reason).await?;
        }
        Ok(())
    }

    /// Kills it and the processes that it has started, with all that they have not written.
    pub(super) fn crash(&mut self) -> io::Result<()> {
        let children = children_of(self.child.id());
        self.child.kill()?;
        // one that came in between ends by itself when it misses its parent
        Command::new("sh").args(["-c", "kill -9 \"$@\"", "sh"]).args(children).stderr(Stdio::null()).status()?;
        self.child.wait().map(drop)
    }

    /// Starts it on the same folder and port, after [`crash`](Self::crash).
    pub(super) async fn start_again(&mut self, admin_url: &str) -> Result<(), String> {
        let cannot = |error: io::Error| format!("it does not start again: {error}");
        let mut attempts = 1;
        loop {
            self.child = self.command.spawn().map_err(cannot)?;
            // the one of before is not to remove the folder
            if let Some(before) = self.warden.take() {
                before.dismiss();
            }
            self.guarded().map_err(cannot)?;
            match self.until_it_answers(admin_url).await {
                // one of the processes of before still ends
                Err(reason) if attempts < 20 && reason.contains("in use") => attempts += 1,
                outcome => return outcome,
            }
        }
    }

    /// If the server has ended: so, with its last words.
    fn ended(&mut self) -> Option<String> {
        let status = self.child.try_wait().ok()??;
        let log = fs::read(self.folder.join(LOG)).unwrap_or_default();
        Some(format!("it ended with {status}: {}", last_words(&String::from_utf8_lossy(&log))))
    }
}

/// The processes that a process has started, where the kernel tells.
fn children_of(parent: u32) -> Vec<String> {
    let numbers = fs::read_dir("/proc").into_iter().flatten().flatten().map(|it| it.file_name());
    let is_child = |pid: &String| {
        let stat = fs::read_to_string(format!("/proc/{pid}/stat")).unwrap_or_default();
        // `pid (name) state parent ...`, and a name may hold anything
        stat.rsplit_once(')').and_then(|(_, rest)| rest.split_whitespace().nth(1)) == Some(&parent.to_string())
    };
    numbers.filter_map(|it| it.into_string().ok()).filter(is_child).collect()
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
    fn a_process_knows_its_children() {
        let mut child = Command::new("sleep").arg("60").spawn().unwrap();
        assert!(children_of(std::process::id()).contains(&child.id().to_string()));
        child.kill().unwrap();
        child.wait().unwrap();
    }

    #[test]
    fn the_last_error_says_more_than_the_last_line() {
        let log = "LOG: a\nFATAL: could not bind: Address already in use\nLOG: database system is shut down\n";
        assert!(last_words(log).contains("in use"));
        assert_eq!(last_words("one\ntwo\n\n"), "two");
    }
}
