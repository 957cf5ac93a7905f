//! One server a process and dialect, for tests.

use std::sync::OnceLock;

use pontoon::Dialect;
use tokio::sync::OnceCell;

use super::{EngineSpec, Server, Source, say};

/// The process's server of a dialect; started by the first that asks, ended with the process.
///
/// `PONTOON_TEST_POSTGRES` and `PONTOON_TEST_MYSQL` say which it is (as `--engine`) or are the
/// URL of a server of yours; `PONTOON_TEST_SOURCE` says where servers come from (as `--source`).
///
/// # Panics
/// There is no such server: a test that did not run must not pass.
pub async fn shared(dialect: Dialect) -> &'static Server {
    static POSTGRES: OnceCell<Server> = OnceCell::const_new();
    static MYSQL: OnceCell<Server> = OnceCell::const_new();
    let cell = match dialect {
        Dialect::Postgres => &POSTGRES,
        Dialect::MySql => &MYSQL,
    };
    cell.get_or_init(|| start(dialect)).await
}

/// The first failure is kept: without a server every test fails at once, not each after its own search.
async fn start(dialect: Dialect) -> Server {
    static FAILED: [OnceLock<String>; 2] = [const { OnceLock::new() }; 2];
    let failed = &FAILED[dialect as usize];
    if let Some(reason) = failed.get() {
        panic!("{reason}");
    }
    let variable = match dialect {
        Dialect::Postgres => "PONTOON_TEST_POSTGRES",
        Dialect::MySql => "PONTOON_TEST_MYSQL",
    };
    let (spec, source) = match parsed(variable) {
        Some(Which::At(source)) => (EngineSpec::any(dialect), Some(source)),
        Some(Which::Engine(spec)) => (spec, None),
        None => (EngineSpec::any(dialect), None),
    };
    let source = source.or_else(|| parsed("PONTOON_TEST_SOURCE")).unwrap_or(Source::Auto);
    match Server::start(&spec, &source).await {
        Ok(server) => {
            say(&format!("testing on {}", server.describe()));
            server
        }
        Err(error) => panic!("{}", failed.get_or_init(|| error.to_string())),
    }
}

enum Which {
    Engine(EngineSpec),
    At(Source),
}

impl std::str::FromStr for Which {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        if text.contains("://") { text.parse().map(Self::At) } else { text.parse().map(Self::Engine) }
    }
}

fn parsed<T: std::str::FromStr<Err = String>>(variable: &str) -> Option<T> {
    let text = std::env::var(variable).ok().filter(|text| !text.is_empty())?;
    Some(text.parse().unwrap_or_else(|error| panic!("{variable}: {error}")))
}
