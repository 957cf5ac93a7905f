//! Whether this is a server and a connection that we can work with; asked before anything else.

use super::{ExecError, Session, version};
use crate::dialect::Dialect;
use crate::migration::ServerVersion;

/// Refuses what would fail later, or worse, not fail.
///
/// `other` is a second connection of the same pool.
pub(crate) async fn preflight(session: &mut Session, other: &mut Session) -> Result<(), ExecError> {
    supported(session).await?;
    writable(session).await?;
    same_session(session, other).await
}

async fn supported(session: &mut Session) -> Result<(), ExecError> {
    let (found, oldest) = (version::of(session).await?, ServerVersion::oldest(session.dialect()));
    if found >= oldest {
        return Ok(());
    }
    Err(ExecError::Connect(match session.dialect() {
        Dialect::Postgres => format!("the server is PostgreSQL {found}; Pontoon supports {oldest} and later"),
        Dialect::MySql => format!(
            "the server is MySQL {found}; Pontoon supports {oldest} and later, which add and drop columns INSTANT"
        ),
    }))
}

/// A pooler that gives each transaction another server session loses settings and locks.
///
/// While nobody else is there it would give the same one again and again. So `other` opens a
/// transaction in between: a pooler gives it the server session that we have just had, and us
/// another one.
async fn same_session(session: &mut Session, other: &mut Session) -> Result<(), ExecError> {
    let doing = "looking whether the connection keeps its session";
    let nonce = fastrand::u64(..);
    let (set, get) = match session.dialect() {
        Dialect::Postgres => (
            format!("SELECT set_config('pontoon.session', '{nonce}', false)"),
            "SELECT current_setting('pontoon.session', true) || ' ' || pg_backend_pid()",
        ),
        Dialect::MySql => {
            (format!("SET @pontoon_session = '{nonce}'"), "SELECT CONCAT(@pontoon_session, ' ', CONNECTION_ID())")
        }
    };
    session.execute(&set).await.map_err(ExecError::server(doing))?;
    let ours = session.value(get).await.map_err(ExecError::server(doing))?;
    for _ in 0..3 {
        other.execute("BEGIN").await.map_err(ExecError::server(doing))?;
        let theirs = other.value(get).await.map_err(ExecError::server(doing))?;
        // where the pooler has one server session, ours would now wait for it
        let again = match theirs.is_some() && theirs == ours {
            true => None,
            false => tokio::time::timeout(PATIENCE, session.value(get)).await.ok(),
        };
        other.execute("COMMIT").await.map_err(ExecError::server(doing))?;
        match again {
            Some(again) if again.as_ref().is_ok_and(|it| *it == ours) => {}
            Some(Err(error)) => return Err(ExecError::server(doing)(error)),
            _ => return Err(pooled()),
        }
    }
    if ours.is_some_and(|it| it.starts_with(&nonce.to_string())) { Ok(()) } else { Err(pooled()) }
}

/// How long a server may take to answer what needs no work.
const PATIENCE: std::time::Duration = std::time::Duration::from_secs(10);

fn pooled() -> ExecError {
    ExecError::Connect(
        "the connection goes through a pooler that changes the server session between transactions, so locks and settings \
         would be lost\n  help: give the URL of the server itself, or of a pool in session mode"
            .into(),
    )
}

/// A standby takes no changes, and where no schema is named nothing can be looked up.
async fn writable(session: &mut Session) -> Result<(), ExecError> {
    let (standby, schema) = match session.dialect() {
        Dialect::Postgres => {
            ("SELECT CASE WHEN pg_is_in_recovery() THEN '1' ELSE '0' END", "SELECT current_schema()::text")
        }
        Dialect::MySql => ("SELECT @@GLOBAL.super_read_only", "SELECT DATABASE()"),
    };
    let doing = "asking where the connection leads";
    if session.value(standby).await.map_err(ExecError::server(doing))?.as_deref() == Some("1") {
        return Err(ExecError::Connect(
            "the server is a read-only replica\n  help: give the URL of the server that takes writes".into(),
        ));
    }
    if session.value(schema).await.map_err(ExecError::server(doing))?.is_none() {
        return Err(ExecError::Connect(
            "the connection names no database, or none of the schemas in its search_path is there\n  help: end the URL with \
             the database's name; on PostgreSQL, make the schema first"
                .into(),
        ));
    }
    Ok(())
}
