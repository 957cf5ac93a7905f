//! Questions to the catalog.

#[cfg(feature = "mysql")]
mod mysql;
#[cfg(feature = "postgres")]
mod postgres;

use super::{ExecError, Session};
use crate::dialect::Dialect;
use crate::migration::{Each, Fact};

/// Whether a fact holds in the database. [`Fact::Repeatable`] never does; a [`Fact::Query`] is asked as it stands.
///
/// # Errors
/// Whatever the server says.
pub async fn holds(session: &mut Session, fact: &Fact) -> Result<bool, ExecError> {
    let (fact, wanted) = match fact {
        Fact::Repeatable => return Ok(false),
        Fact::Not(inner) => (&**inner, false),
        other => (other, true),
    };
    let rows = match (session.dialect(), fact, wanted) {
        (_, Fact::Query(sql), _) => session.rows(sql).await,
        #[cfg(feature = "postgres")]
        (Dialect::Postgres, Fact::Index(..), false) => session.query(postgres::ANY_INDEX, &names(fact)).await,
        (dialect, ..) => {
            let (sql, args) = question(dialect, fact);
            session.query(sql, &args).await
        }
    };
    let rows = rows.map_err(ExecError::server(format!("asking whether `{fact}`")))?;
    Ok(rows.is_empty() != wanted)
}

/// A query that finds a row if the fact holds, with its parameters.
fn question(dialect: Dialect, fact: &Fact) -> (&'static str, Vec<String>) {
    let sql = match dialect {
        #[cfg(feature = "postgres")]
        Dialect::Postgres => postgres::question(fact),
        #[cfg(feature = "mysql")]
        Dialect::MySql => mysql::question(fact),
        #[cfg(not(all(feature = "postgres", feature = "mysql")))]
        _ => "SELECT 1 WHERE 1 = 0",
    };
    (sql, names(fact))
}

fn names(fact: &Fact) -> Vec<String> {
    match fact {
        Fact::Repeatable | Fact::Query(_) => Vec::new(),
        Fact::Not(inner) => names(inner),
        Fact::Table(name) | Fact::View(name) | Fact::Function(name) | Fact::Enum(name) => vec![name.clone()],
        Fact::Type(table, name, ty) | Fact::Collation(table, name, ty) => vec![table.clone(), name.clone(), ty.clone()],
        Fact::Column(table, name)
        | Fact::Nullable(table, name)
        | Fact::NotNull(table, name)
        | Fact::Default(table, name)
        | Fact::Index(table, name)
        | Fact::AnyIndex(table, name)
        | Fact::PartOf(table, name)
        | Fact::Hidden(table, name)
        | Fact::Constraint(table, name)
        | Fact::Validated(table, name)
        | Fact::Trigger(table, name)
        | Fact::EnumValue(table, name)
        | Fact::Partition(table, name)
        | Fact::Detaching(table, name) => vec![table.clone(), name.clone()],
    }
}

/// The partitions that are meant, as the catalog has them now; whoever made them. None on a server that has none.
///
/// # Errors
/// Names one on which a statement for each partition would not do what was reviewed: it is partitioned itself, a
/// foreign table, or in another schema.
pub async fn partitions(session: &mut Session, each: &Each) -> Result<Vec<String>, ExecError> {
    #[cfg(feature = "postgres")]
    if session.dialect() == Dialect::Postgres {
        let doing = || ExecError::server(format!("listing the partitions of `{}`", each.table));
        let rows = session.query(postgres::PARTITIONS, std::slice::from_ref(&each.table)).await.map_err(doing())?;
        let mut names = Vec::new();
        for row in rows {
            let [Some(name), trouble, default] = &row[..] else { continue };
            if each.default_only && default.is_none() {
                continue;
            }
            if let Some(trouble) = trouble {
                return Err(ExecError::Refused(format!(
                    "partition `{name}` of `{}` {trouble}, and a statement goes through the partitions one by one\n  help: \
                     detach it meanwhile, or write this migration by hand",
                    each.table
                )));
            }
            names.push(name.clone());
        }
        return Ok(names);
    }
    let _ = (session, each);
    Ok(Vec::new())
}

/// The user's tables: all but ours and those of extensions.
pub(crate) async fn tables(session: &mut Session) -> Result<Vec<String>, ExecError> {
    let sql = match session.dialect() {
        Dialect::Postgres => {
            "SELECT relname::text FROM pg_class c WHERE relnamespace = current_schema()::regnamespace \
             AND relkind IN ('r', 'p') AND relname NOT LIKE 'pontoon\\_%' AND NOT EXISTS (SELECT FROM pg_depend \
             WHERE classid = 'pg_class'::regclass AND objid = c.oid AND deptype = 'e') ORDER BY 1"
        }
        Dialect::MySql => {
            "SELECT CAST(TABLE_NAME AS CHAR) FROM information_schema.TABLES WHERE TABLE_SCHEMA = DATABASE() \
             AND TABLE_TYPE = 'BASE TABLE' AND TABLE_NAME NOT LIKE 'pontoon|_%' ESCAPE '|' ORDER BY 1"
        }
    };
    let rows = session.rows(sql).await.map_err(ExecError::server("looking for tables"))?;
    Ok(rows.into_iter().filter_map(|row| row.into_iter().next().flatten()).collect())
}
