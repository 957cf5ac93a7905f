//! What the suites share: a fresh database on the process's server, and the sample's history.

use std::sync::Arc;

use pontoon::Dialect;
use pontoon::exec::{Options, Pool, Runner};
use pontoon::migration::history::Recorded;
use pontoon_xtask::verify::conn::Conn;
use pontoon_xtask::verify::server::{Database, shared};

pontoon::migrations! { pub SAMPLE: shop::Shop = "shop/migrations/index.rs" }

/// Runs each scenario on both servers, as tests of their own.
macro_rules! on_both_servers {
    ($($scenario:ident),* $(,)?) => {
        mod postgres {
            $(#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
            async fn $scenario() {
                super::$scenario(pontoon::Dialect::Postgres).await;
            })*
        }
        mod mysql {
            $(#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
            async fn $scenario() {
                super::$scenario(pontoon::Dialect::MySql).await;
            })*
        }
    };
}
pub(crate) use on_both_servers;

/// A fresh database, dropped when the test is over.
pub(crate) struct Fresh {
    pub(crate) dialect: Dialect,
    pub(crate) url: String,
    database: Option<Database>,
}

impl Fresh {
    pub(crate) async fn new(dialect: Dialect) -> Self {
        let database = shared(dialect).await.fresh_database("online").await.expect("a fresh database");
        Self { dialect, url: database.url().to_owned(), database: Some(database) }
    }

    pub(crate) fn pool(&self) -> Pool {
        Pool::connect_lazy(&self.url).expect("a URL of ours")
    }

    pub(crate) async fn connect(&self) -> Conn {
        Conn::open(&self.url).await.expect("a connection")
    }

    /// A runner of the sample's first migrations.
    pub(crate) fn runner(&self, migrations: usize) -> Runner {
        self.runner_with(sample(self.dialect, migrations), Options::default())
    }

    pub(crate) fn runner_with(&self, migrations: Vec<Recorded>, options: Options) -> Runner {
        Runner::new(self.pool(), migrations, options)
    }

    /// The text for this server.
    pub(crate) fn pick(&self, postgres: &'static str, mysql: &'static str) -> &'static str {
        match self.dialect {
            Dialect::Postgres => postgres,
            Dialect::MySql => mysql,
        }
    }

    pub(crate) async fn end(mut self) {
        if let Some(database) = self.database.take() {
            shared(self.dialect).await.drop_database(database).await.ok();
        }
    }
}

/// The sample's first migrations.
pub(crate) fn sample(dialect: Dialect, migrations: usize) -> Vec<Recorded> {
    let mut all = SAMPLE.load(dialect).expect("the sample is as recorded");
    all.truncate(migrations);
    all
}

/// One number from a query.
pub(crate) async fn number(conn: &mut Conn, sql: &str) -> i64 {
    let value = conn.value(sql).await.unwrap_or_else(|error| panic!("{sql}: {error}"));
    let text = value.unwrap_or_else(|| panic!("{sql}: NULL"));
    text.parse::<f64>().unwrap_or_else(|error| panic!("{sql}: {text}: {error}")) as i64
}

/// Runs SQL that must work.
pub(crate) async fn run(conn: &mut Conn, sql: &str) {
    conn.execute(sql).await.unwrap_or_else(|error| panic!("{sql}: {error}"));
}

/// An observer that remembers.
#[derive(Default)]
pub(crate) struct Seen(pub(crate) std::sync::Mutex<Vec<String>>);

impl pontoon::exec::Observer for Seen {
    fn event(&self, event: &pontoon::exec::Event) {
        self.0.lock().expect("not poisoned").push(format!("{event:?}"));
    }
}

pub(crate) fn seen() -> Arc<Seen> {
    Arc::new(Seen::default())
}
