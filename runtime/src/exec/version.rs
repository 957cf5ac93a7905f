//! Which version the server is.

use super::{ExecError, Session};
use crate::dialect::Dialect;
use crate::migration::ServerVersion;

/// The server's version.
///
/// # Errors
/// Whatever the server says, and what is no server of a dialect that we know.
pub(crate) async fn of(session: &mut Session) -> Result<ServerVersion, ExecError> {
    let sql = match session.dialect() {
        Dialect::Postgres => "SHOW server_version_num",
        Dialect::MySql => "SELECT VERSION()",
    };
    let said = session.value(sql).await.map_err(ExecError::server("asking the server for its version"))?;
    read(session.dialect(), &said.unwrap_or_default()).map_err(ExecError::Connect)
}

/// What the server said: `170011`, `8.4.7` or `8.0.46-log`.
fn read(dialect: Dialect, said: &str) -> Result<ServerVersion, String> {
    if said.to_ascii_lowercase().contains("mariadb") {
        return Err(format!(
            "the server is MariaDB ({said}), which is not MySQL: its online DDL differs; it is not supported"
        ));
    }
    match dialect {
        Dialect::Postgres => {
            let number: u32 = said.parse().unwrap_or_default();
            Ok(ServerVersion([number / 10_000, number % 10_000, 0]))
        }
        Dialect::MySql => {
            let mut numbers = said.split(['.', '-']).map(|it| it.parse::<u32>().unwrap_or_default());
            let mut next = || numbers.next().unwrap_or_default();
            Ok(ServerVersion([next(), next(), next()]))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_server_says_it_in_its_way() {
        let read = |dialect, said| read(dialect, said).map(|it| it.to_string());
        assert_eq!(read(Dialect::Postgres, "170011").unwrap(), "17.11");
        assert_eq!(read(Dialect::MySql, "8.0.46-log").unwrap(), "8.0.46");
        assert!(read(Dialect::MySql, "11.4.2-MariaDB").unwrap_err().contains("MariaDB"));
    }
}
