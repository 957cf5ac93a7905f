//! A running PostgreSQL server copied into a second one beside it: a standby of it, or a server of its own.
//!
//! All of it by SQL, so that it works wherever the server came from: the server's own shell copies its data folder
//! while a backup is on (PostgreSQL manual, "Making a Base Backup Using the Low Level API"), and starts the copy as
//! the server itself was started.

use std::net::TcpListener;

use pontoon_xtask::verify::conn::Conn;
use pontoon_xtask::verify::server::Server;

use crate::support::{number, run};

/// The copy; it ends with the server that it is of.
pub(crate) struct Copied {
    /// Where an administrator connects to.
    pub(crate) admin_url: String,
    folder: String,
}

/// Whether the copy follows the server.
#[derive(PartialEq)]
pub(crate) enum As {
    Standby,
    Server,
}

impl Copied {
    /// Copies and starts; `settings` are more options of `postgres`.
    pub(crate) async fn of(server: &Server, kind: As, settings: &str) -> Self {
        let mut conn = Conn::open(server.admin_url()).await.unwrap();
        let old = number(&mut conn, "SELECT current_setting('server_version_num')::int").await < 150_000;
        let folder = format!("/tmp/pontoon-copy-{:08x}", fastrand::u32(..));
        // below those that clients' connections get, of which there are many until the copy takes it
        let any = std::iter::repeat_with(|| fastrand::u16(15_000..32_000));
        let free = any.take(100).find(|it| TcpListener::bind(("127.0.0.1", *it)).is_ok()).unwrap();
        let text = async |conn: &mut Conn, sql: &str| conn.value(sql).await.unwrap().unwrap();
        let host = text(&mut conn, "SELECT host(inet_server_addr())").await;
        let port = text(&mut conn, "SHOW port").await;
        let password = server.admin_url().split_once("postgres:").unwrap().1;
        let password = password.split_once("postgres:").unwrap_or(("", password)).1.split('@').next().unwrap();
        shell(&mut conn, "echo 'host replication all all scram-sha-256' >> pg_hba.conf").await;
        run(&mut conn, "SELECT pg_reload_conf()").await;
        let [begin, end] = match old {
            true => ["pg_start_backup('copy', true, false)", "pg_stop_backup(false, false)"],
            false => ["pg_backup_start('copy', true)", "pg_backup_stop(false)"],
        };
        run(&mut conn, &format!("SELECT {begin}")).await;
        // files may go while they are copied; the log says how they end
        let copy = format!(
            "mkdir -m 700 {folder} {folder}/data && cp -a . {folder}/data 2>/dev/null; cd {folder}/data && \
             rm -f postmaster.pid postmaster.opts && test -s PG_VERSION"
        );
        shell(&mut conn, &copy).await;
        let label = text(&mut conn, &format!("SELECT labelfile FROM {end}")).await;
        file(&mut conn, &format!("{folder}/data/backup_label"), &label).await;
        // with the record of the backup's end
        shell(&mut conn, &format!("cp -a pg_wal/. {folder}/data/pg_wal")).await;
        let mut options = settings.to_owned();
        if kind == As::Standby {
            file(&mut conn, &format!("{folder}/data/standby.signal"), "").await;
            options += &format!(
                " -c primary_conninfo='host=127.0.0.1 port={port} user=postgres password={password} application_name=copy'"
            );
        }
        let listen = text(&mut conn, "SHOW listen_addresses").await;
        let start = format!(
            "postmaster=$(head -n 1 postmaster.pid)\n\
             tr '\\000' '\\n' < /proc/$postmaster/cmdline > {folder}/cmdline\n\
             set --; while read -r word; do case $word in -D*|-c|-p*) break;; esac; set -- \"$@\" \"$word\"; \
             done < {folder}/cmdline\n\
             (\"$@\" -D {folder}/data -p {free} -c listen_addresses='{listen}' -c unix_socket_directories= \
             -c max_prepared_transactions=16 -c max_connections=300 {options} > {folder}/log 2>&1 & copy=$!\n\
             while kill -0 $postmaster && [ ! -e {folder}/stop ]; do sleep 0.2; done\n\
             kill -QUIT $copy; sleep 1; kill -9 $copy; rm -rf {folder}) < /dev/null > /dev/null 2>&1 &"
        );
        shell(&mut conn, &start).await;
        let admin_url = format!("postgres://postgres:{password}@{host}:{free}/postgres");
        let copied = Self { admin_url, folder };
        for _ in 0..900 {
            if Conn::open(&copied.admin_url).await.is_ok() {
                return copied;
            }
            tokio::time::sleep(std::time::Duration::from_millis(200)).await;
        }
        let log = conn.value(format!("SELECT pg_read_file('{}/log')", copied.folder)).await;
        panic!("the copy does not start: {log:?}");
    }

    pub(crate) async fn connect(&self) -> Conn {
        Conn::open(&self.admin_url).await.unwrap()
    }

    /// Ends it.
    pub(crate) async fn end(&self, server: &Server) {
        let mut conn = Conn::open(server.admin_url()).await.unwrap();
        shell(&mut conn, &format!("touch {}/stop", self.folder)).await;
    }
}

/// Runs a script by the server's account, in its data folder.
pub(crate) async fn shell(conn: &mut Conn, script: &str) {
    run(conn, &format!("COPY (SELECT {}) TO PROGRAM 'base64 -d | sh'", encoded(script))).await;
}

async fn file(conn: &mut Conn, path: &str, text: &str) {
    run(conn, &format!("COPY (SELECT {}) TO PROGRAM 'base64 -d > {path}'", encoded(text))).await;
}

fn encoded(text: &str) -> String {
    format!("replace(encode(convert_to($text${text}$text$, 'UTF8'), 'base64'), E'\\n', '')")
}
