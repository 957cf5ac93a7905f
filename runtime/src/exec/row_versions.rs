//! MySQL: how often a table's columns can still be changed INSTANT.
//!
//! Each such change leaves rows of one more version in the table, and the server keeps 64 of them, from 9.1 on 255
//! (manual, "Online DDL Operations", column operations); then it refuses (error 4092), in the middle of a migration. So
//! the budget is looked at before the first statement.

use std::collections::BTreeMap;

use super::{ExecError, Session};
use crate::dialect::Dialect;
use crate::migration::history::Recorded;
use crate::migration::{Algorithm, ServerVersion, Statement, Step};

/// From which version on the server keeps more.
const MORE: ServerVersion = ServerVersion([9, 1, 0]);

/// Refuses a migration that would need more versions than are left. Who may not look (the privilege PROCESS) learns it from
/// the server, in its turn.
pub(crate) async fn enough(session: &mut Session, recorded: &Recorded, server: ServerVersion) -> Result<(), ExecError> {
    if session.dialect() != Dialect::MySql {
        return Ok(());
    }
    let limit: u64 = if server < MORE { 64 } else { 255 };
    for (table, wanted) in wanted(recorded, server) {
        let Some(used) = used(session, &table).await else { continue };
        if used + wanted > limit {
            return Err(ExecError::Refused(format!(
                "migration `{}` changes the columns of table `{table}` {wanted} times INSTANT, and of the {limit} row versions \
                 that this server keeps {used} are used\n  help: rebuild the table first, while reads and writes go on: ALTER TABLE \
                 {} FORCE, ALGORITHM=INPLACE, LOCK=NONE",
                recorded.migration.id,
                Dialect::MySql.ident(&table)
            )));
        }
    }
    Ok(())
}

/// How many versions each table gets by the migration's statements.
fn wanted(recorded: &Recorded, server: ServerVersion) -> BTreeMap<String, u64> {
    let mut wanted = BTreeMap::new();
    for (_, step) in &recorded.migration.steps {
        let Step::Statement(it) = step else { continue };
        if !it.servers.include(server) || !makes_a_version(it) {
            continue;
        }
        if let Some(table) = altered(&it.sql) {
            *wanted.entry(table).or_default() += 1;
        }
    }
    wanted
}

/// The table that the text's first ALTER names.
fn altered(sql: &str) -> Option<String> {
    const ALTER: &str = "ALTER TABLE ";
    let name = sql.get(sql.to_ascii_uppercase().find(ALTER)? + ALTER.len()..)?.trim_start();
    match name.strip_prefix('`') {
        Some(quoted) => {
            let end = quoted.replace("``", "\0\0").find('`')?;
            Some(quoted[..end].replace("``", "`"))
        }
        None => name.split(|c: char| c.is_whitespace()).next().map(str::to_owned),
    }
}

fn makes_a_version(statement: &Statement) -> bool {
    let sql = statement.sql.to_ascii_uppercase();
    statement.claim.algorithm == Some(Algorithm::Instant)
        && ["ADD COLUMN", "DROP COLUMN"].iter().any(|it| sql.contains(it))
}

/// The versions that a table has, the most of any of its partitions.
async fn used(session: &mut Session, table: &str) -> Option<u64> {
    let database = session.value("SELECT DATABASE()").await.ok()??;
    let name = format!("{}/{}", name_in_file(&database)?, name_in_file(table)?);
    let literal = |text: &str| Dialect::MySql.literal(text);
    let sql = format!(
        "SELECT MAX(TOTAL_ROW_VERSIONS) FROM information_schema.INNODB_TABLES WHERE NAME = {} OR LEFT(NAME, {}) = {}",
        literal(&name),
        name.len() + 3,
        literal(&format!("{name}#p#"))
    );
    session.value(&sql).await.ok()??.parse().ok()
}

/// How the dictionary spells a name (manual, "Mapping of Identifiers to File Names"); letters beyond ASCII, which have rules
/// of their own, are left to the server.
fn name_in_file(name: &str) -> Option<String> {
    let spelled = |c: char| match c {
        _ if !c.is_ascii() => None,
        'a'..='z' | 'A'..='Z' | '0'..='9' | '_' => Some(c.to_string()),
        _ => Some(format!("@{:04x}", u32::from(c))),
    };
    name.chars().map(spelled).collect()
}

#[cfg(test)]
mod tests {
    use super::{altered, name_in_file};

    #[test]
    fn the_table_is_read_from_the_text() {
        assert_eq!(altered("ALTER TABLE `log entry` ADD COLUMN a int").as_deref(), Some("log entry"));
        assert_eq!(altered("LOCK TABLES a WRITE;\nalter table  a DROP COLUMN b").as_deref(), Some("a"));
        assert_eq!(altered("ALTER TABLE `a``b` ADD COLUMN a int").as_deref(), Some("a`b"));
        assert_eq!(altered("CREATE TABLE t (a int)"), None);
    }

    #[test]
    fn names_are_spelled_as_in_files() {
        assert_eq!(name_in_file("log entry").as_deref(), Some("log@0020entry"));
        assert_eq!(name_in_file("a_1").as_deref(), Some("a_1"));
        assert_eq!(name_in_file("größe"), None);
    }
}
