//! Finding and starting servers, and that none is left behind.

use std::io::{BufRead as _, BufReader};
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use pontoon::Dialect;
use pontoon_xtask::verify::conn::Conn;
use pontoon_xtask::verify::server::{EngineSpec, Server, Source, shared, start_all};

use crate::support::own;

#[tokio::test]
async fn a_shared_server_gives_databases_of_their_own() {
    for dialect in Dialect::ALL {
        let server = shared(dialect).await;
        assert_eq!(server.dialect(), dialect);
        assert!(EngineSpec::any(dialect).accepts(server.version()), "{}", server.version());
        let (one, two) =
            (server.fresh_database("servers").await.unwrap(), server.fresh_database("servers").await.unwrap());
        let mut conn = Conn::open(one.url()).await.unwrap();
        conn.execute("CREATE TABLE t (a int); INSERT INTO t VALUES (1), (NULL)").await.unwrap();
        assert_eq!(conn.rows("SELECT a FROM t ORDER BY a IS NULL").await.unwrap(), [[Some("1".to_owned())], [None]]);
        let mut other = Conn::open(two.url()).await.unwrap();
        assert!(other.execute("SELECT * FROM t").await.is_err());
        // somebody is still connected to both
        let (name, url) = (one.name.clone(), one.url().to_owned());
        server.drop_database(one).await.unwrap();
        server.drop_database(two).await.unwrap();
        assert!(Conn::open(&url).await.is_err(), "`{name}` is still there");
    }
}

#[tokio::test]
async fn a_servers_description_has_no_password() {
    for dialect in Dialect::ALL {
        let server = shared(dialect).await;
        let password = server.admin_url().split([':', '@']).nth(2).unwrap();
        let shown = format!("{} {server:?}", server.describe());
        assert!(!shown.contains(&format!(":{password}@")), "{shown}");
        // a server of the user's own may have a password that is a name too
        let without = server.admin_url().replacen(&format!(":{password}@"), "@", 1);
        assert!(without.contains(password) || !shown.contains(password), "{shown}");
        assert!(shown.contains(server.version()), "{shown}");
    }
}

#[tokio::test]
async fn a_server_of_the_users_is_used_as_it_is() {
    let theirs = shared(Dialect::Postgres).await;
    let source: Source = theirs.admin_url().parse().unwrap();
    let spec = EngineSpec::any(Dialect::Postgres);
    let server = Server::start(&spec, &source).await.unwrap();
    assert_eq!((server.source(), server.version()), ("url", theirs.version()));
    let database = server.fresh_database("servers").await.unwrap();
    server.drop_database(database).await.unwrap();

    let wrong = Server::start(&"postgres:7".parse().unwrap(), &source).await.unwrap_err().to_string();
    assert!(wrong.contains("`postgres:7` was asked for") && wrong.contains(theirs.version()), "{wrong}");
    let wrong = Server::start(&EngineSpec::any(Dialect::MySql), &source).await.unwrap_err().to_string();
    assert!(wrong.contains("names no MySQL server"), "{wrong}");
}

#[tokio::test]
async fn where_there_is_no_server_each_source_says_why() {
    let source = Source::Local;
    let error = Server::start(&"postgres:7".parse().unwrap(), &source).await.unwrap_err().to_string();
    assert!(error.starts_with("no server for `postgres:7`:\n  local: "), "{error}");
    assert!(error.contains("--source postgres://"), "{error}");

    let source: Source = "mysql://root:s3cret@127.0.0.1:9/".parse().unwrap();
    let error = Server::start(&EngineSpec::any(Dialect::MySql), &source).await.unwrap_err().to_string();
    assert!(error.contains("refused") && !error.contains("s3cret"), "{error}");
}

#[tokio::test]
async fn without_a_name_there_is_one_server_of_each() {
    let servers = start_all(&[], &source()).await.unwrap();
    assert_eq!(servers.iter().map(Server::dialect).collect::<Vec<_>>(), Dialect::ALL);
    let none = start_all(&["mysql:5.1".parse().unwrap()], &Source::Local).await.unwrap_err().to_string();
    assert!(none.starts_with("no server for `mysql:5.1`"), "{none}");
}

#[tokio::test]
async fn a_server_ends_when_it_is_dropped() {
    for dialect in Dialect::ALL {
        let server = own(dialect).await;
        let url = server.admin_url().to_owned();
        drop(server);
        assert!(Conn::open(&url).await.is_err());
    }
}

/// Not a test by itself: what the next test runs in a process of its own.
#[tokio::test]
async fn hold() {
    let Ok(dialect) = std::env::var("PONTOON_HOLD") else { return };
    let server = own(Dialect::from_name(&dialect).unwrap()).await;
    println!("\nholds {}", server.admin_url());
    tokio::time::sleep(Duration::from_secs(600)).await;
}

#[tokio::test]
async fn a_server_ends_when_its_process_is_killed() {
    for dialect in Dialect::ALL {
        let mut holder = Command::new(std::env::current_exe().unwrap())
            .args(["server::hold", "--exact", "--nocapture"])
            .env("PONTOON_HOLD", dialect.name())
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let lines = BufReader::new(holder.stdout.take().unwrap()).lines();
        let url = lines.map_while(Result::ok).find_map(|line| Some(line.strip_prefix("holds ")?.to_owned()));
        let url = url.expect("the holder starts its server");
        Conn::open(&url).await.unwrap().close().await.unwrap();
        holder.kill().unwrap();
        holder.wait().unwrap();
        let begun = Instant::now();
        while Conn::open(&url).await.is_ok() {
            assert!(begun.elapsed() < Duration::from_secs(60), "a killed process leaves its {dialect} server behind");
            tokio::time::sleep(Duration::from_millis(100)).await;
        }
    }
}

fn source() -> Source {
    std::env::var("PONTOON_TEST_SOURCE").map_or(Source::Auto, |it| it.parse().unwrap())
}
