//! What the suites share: a fresh database on the process's server, and the sample's history.

use std::sync::Arc;

use pontoon::Dialect;
use pontoon::def::TableDef;
use pontoon::exec::{Options, Pool, Runner};
use pontoon::migration::ServerVersion;
use pontoon::migration::history::Recorded;
use pontoon::plan::plan;
use pontoon::schema::{Intents, Schema, from_defs};
use pontoon_xtask::verify::conn::Conn;
use pontoon_xtask::verify::server::{Database, EngineSpec, Extras, Server, Source, shared};

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

/// The definition of a table `things` with a numbered key and these fields; `@(...)` before them is what else the table has.
macro_rules! things {
    (@($($attribute:tt)*) $($fields:tt)*) => {{
        #[derive(pontoon::Table)]
        #[table(name = "things", $($attribute)*)]
        #[allow(dead_code)]
        struct Thing {
            #[column(primary_key)]
            id: i64,
            $($fields)*
        }
        <Thing as pontoon::Table>::DEF
    }};
    ($($fields:tt)*) => { things!(@() $($fields)*) };
}
pub(crate) use things;

/// Where the tests' servers come from.
pub(crate) fn source() -> Source {
    std::env::var("PONTOON_TEST_SOURCE").map_or(Source::Auto, |it| it.parse().unwrap())
}

/// A server that is this test's alone.
pub(crate) async fn own(dialect: Dialect) -> Server {
    own_with(dialect, &Extras::default()).await
}

/// The same with something of its own.
pub(crate) async fn own_with(dialect: Dialect, extras: &Extras) -> Server {
    Server::start_with(&EngineSpec::any(dialect), &source(), extras).await.unwrap_or_else(|error| panic!("{error}"))
}

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

    /// The database that a URL names.
    pub(crate) fn at(url: &str, dialect: Dialect) -> Self {
        Self { dialect, url: url.to_owned(), database: None }
    }

    /// A database on a server of the test's own, which goes with it.
    pub(crate) async fn on(server: &Server) -> Self {
        let database = server.fresh_database("online").await.expect("a fresh database");
        Self { dialect: server.dialect(), url: database.url().to_owned(), database: None }
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

/// Whether PostgreSQL can ask for a range of addresses; what walks by blocks needs that.
pub(crate) async fn ranges_of_tids() -> bool {
    let version: ServerVersion = shared(Dialect::Postgres).await.version().parse().expect("a version");
    version >= ServerVersion([14, 0, 0])
}

/// A database at the first schema, and the migrations to the second.
pub(crate) async fn between(dialect: Dialect, before: Vec<TableDef>, after: Vec<TableDef>) -> (Fresh, Vec<Recorded>) {
    let migrations = from_one_to_the_other(dialect, &before, &after);
    let db = Fresh::new(dialect).await;
    db.runner_with(migrations[..1].to_vec(), Options::default()).up().await.unwrap();
    (db, migrations)
}

/// The migrations to the first schema and to the second.
pub(crate) fn from_one_to_the_other(dialect: Dialect, before: &[TableDef], after: &[TableDef]) -> Vec<Recorded> {
    let model = |defs: &[TableDef]| from_defs(&defs.iter().collect::<Vec<_>>()).unwrap_or_else(|it| panic!("{it}"));
    let ((before, _), (after, mut intents)) = (model(before), model(after));
    // MySQL builds an index over an expression while writers wait
    intents.copy_rows = Some(100_000);
    let recorded = |id: &str, from: &Schema, to: &Schema, intents: &Intents| {
        let plan = plan(id, from, to, intents, dialect).unwrap_or_else(|errors| panic!("{errors}"));
        let text = pontoon::migration::file::render(&plan.migration);
        let migration = pontoon::migration::file::parse(id, dialect, id, &text).unwrap_or_else(|it| panic!("{it}"));
        Recorded { migration, sha256: pontoon::migration::file::sha256(&text) }
    };
    vec![
        recorded("0001_before", &Schema::default(), &before, &Intents::default()),
        recorded("0002_after", &before, &after, &intents),
    ]
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

/// What an observer does with a database, in the middle of an event. On a thread of its own: a second `block_on` on the
/// runner's thread takes the wake-ups that are the runner's, which then never comes back.
pub(crate) fn meanwhile<T: Send>(work: impl Future<Output = T> + Send) -> T {
    let handle = tokio::runtime::Handle::current();
    let done = tokio::task::block_in_place(|| std::thread::scope(|scope| scope.spawn(|| handle.block_on(work)).join()));
    done.unwrap_or_else(|panic| std::panic::resume_unwind(panic))
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
