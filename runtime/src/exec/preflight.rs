//! Whether this is a server and a connection that we can work with; asked before anything else.

use super::{ExecError, Session};
use crate::dialect::Dialect;

/// Refuses what would fail later, or worse, not fail.
pub(crate) async fn preflight(session: &mut Session) -> Result<(), ExecError> {
    version(session).await?;
    same_session(session).await
}

async fn version(session: &mut Session) -> Result<(), ExecError> {
    let doing = "asking the server for its version";
    match session.dialect() {
        Dialect::Postgres => {
            let number = session.value("SHOW server_version_num").await.map_err(ExecError::server(doing))?;
            let number: u32 = number.and_then(|it| it.parse().ok()).unwrap_or_default();
            if number < 130_000 {
                return Err(ExecError::Connect(format!(
                    "the server is PostgreSQL {}; Pontoon supports 13 and later",
                    number / 10_000
                )));
            }
        }
        Dialect::MySql => {
            let version =
                session.value("SELECT VERSION()").await.map_err(ExecError::server(doing))?.unwrap_or_default();
            if version.to_ascii_lowercase().contains("mariadb") {
                return Err(ExecError::Connect(format!(
                    "the server is MariaDB ({version}), which is not MySQL: its online DDL differs; it is not supported"
                )));
            }
            let mut numbers = version.split(['.', '-']).map(|it| it.parse::<u32>().unwrap_or_default());
            let mut next = || numbers.next().unwrap_or_default();
            let version_of = (next(), next(), next());
            // 8.0.29 brought INSTANT columns anywhere, and lost rows on crash recovery
            if version_of < (8, 0, 30) {
                return Err(ExecError::Connect(format!(
                    "the server is MySQL {version}; Pontoon supports 8.0.30 and later, which add and drop columns INSTANT"
                )));
            }
        }
    }
    Ok(())
}

/// A pooler that gives each transaction another server session loses settings and locks.
async fn same_session(session: &mut Session) -> Result<(), ExecError> {
    let doing = "looking whether the connection keeps its session";
    let (set, get) = match session.dialect() {
        Dialect::Postgres => {
            ("SET application_name = 'pontoon'", "SELECT current_setting('application_name') || pg_backend_pid()")
        }
        Dialect::MySql => ("SET @pontoon = 'pontoon'", "SELECT CONCAT(@pontoon, CONNECTION_ID())"),
    };
    session.execute(set).await.map_err(ExecError::server(doing))?;
    let mut seen = Vec::new();
    for _ in 0..8 {
        session.execute("BEGIN").await.map_err(ExecError::server(doing))?;
        seen.push(session.value(get).await.map_err(ExecError::server(doing))?);
        session.execute("COMMIT").await.map_err(ExecError::server(doing))?;
    }
    let kept = seen.windows(2).all(|pair| pair[0] == pair[1])
        && seen[0].as_deref().is_some_and(|it| it.starts_with("pontoon"));
    if kept {
        return Ok(());
    }
    Err(ExecError::Connect(
        "the connection goes through a pooler that changes the server session between transactions, so locks and settings \
         would be lost\n  help: give the URL of the server itself, or of a pool in session mode"
            .into(),
    ))
}
