//! What MySQL's dictionary and counters say about the tables around a statement.

use std::collections::{BTreeMap, BTreeSet};

use pontoon::Dialect;

use crate::verify::conn::Conn;

/// The tables of the database.
#[derive(Debug, Clone, Default)]
pub(super) struct Dictionary {
    pub(super) tables: BTreeMap<String, Table>,
    /// Child and parent of each foreign key.
    pub(super) foreign_keys: Vec<(String, String)>,
    /// The table of each trigger.
    pub(super) triggers: BTreeMap<String, String>,
}

/// One table or view.
#[derive(Debug, Clone, Default)]
pub(super) struct Table {
    pub(super) view: bool,
    /// InnoDB's dictionary does not show the indexes of such a table.
    pub(super) partitioned: bool,
    pub(super) held_rows: bool,
    /// InnoDB's ids of the table, or of its partitions; they change when rows are written anew.
    pub(super) ids: BTreeSet<u64>,
    /// InnoDB's ids of the indexes.
    pub(super) indexes: BTreeSet<(u64, u64)>,
}

/// How many rows were read and changed through the server's handlers.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Io {
    pub(super) fetched: u64,
    /// How many of those by no index: in a scan of the table.
    pub(super) scanned: u64,
    pub(super) inserted: u64,
    pub(super) changed: u64,
    pub(super) deleted: u64,
}

impl Dictionary {
    /// Reads the dictionary; with `rows`, looks into every table whether it holds any.
    pub(super) async fn read(conn: &mut Conn, rows: bool) -> Result<Self, sqlx::Error> {
        // the session does not wait for long, and the dictionary itself can be locked by others' statements
        for _ in 0..9 {
            match Self::read_once(conn, rows).await {
                Err(sqlx::Error::Database(error))
                    if error.message().contains("Lock wait timeout") || error.message().contains("Deadlock found") => {}
                other => return other,
            }
        }
        Self::read_once(conn, rows).await
    }

    async fn read_once(conn: &mut Conn, rows: bool) -> Result<Self, sqlx::Error> {
        let mut found = Self::default();
        let tables = "SELECT TABLE_NAME, TABLE_TYPE FROM information_schema.TABLES WHERE TABLE_SCHEMA = DATABASE()";
        for [name, kind] in texts(conn.rows(tables).await?) {
            found.tables.insert(name, Table { view: kind != "BASE TABLE", ..Table::default() });
        }
        let keys = "SELECT TABLE_NAME, REFERENCED_TABLE_NAME FROM information_schema.REFERENTIAL_CONSTRAINTS \
                    WHERE CONSTRAINT_SCHEMA = DATABASE()";
        found.foreign_keys = texts(conn.rows(keys).await?).into_iter().map(|[child, parent]| (child, parent)).collect();
        let triggers = "SELECT TRIGGER_NAME, EVENT_OBJECT_TABLE FROM information_schema.TRIGGERS \
                        WHERE TRIGGER_SCHEMA = DATABASE()";
        found.triggers = texts(conn.rows(triggers).await?).into_iter().map(|[name, table]| (name, table)).collect();
        found.read_ids(conn).await?;
        if rows {
            found.look_for_rows(conn).await?;
        }
        Ok(found)
    }

    async fn read_ids(&mut self, conn: &mut Conn) -> Result<(), sqlx::Error> {
        let ids = "SELECT t.NAME, t.TABLE_ID, i.INDEX_ID FROM information_schema.INNODB_TABLES t \
                   LEFT JOIN information_schema.INNODB_INDEXES i ON i.TABLE_ID = t.TABLE_ID \
                   WHERE t.NAME LIKE CONCAT(REPLACE(DATABASE(), '_', '\\\\_'), '/%')";
        for [name, table, index] in texts(conn.rows(ids).await?) {
            let file = name.split_once('/').map_or("", |(_, name)| name);
            let name = name_in_file(file);
            let Some(entry) = self.tables.get_mut(&name) else { continue };
            let id = number(&table);
            entry.partitioned |= file.to_ascii_lowercase().contains("#p#");
            entry.ids.insert(id);
            entry.indexes.insert((id, number(&index)));
        }
        Ok(())
    }

    async fn look_for_rows(&mut self, conn: &mut Conn) -> Result<(), sqlx::Error> {
        for (name, table) in self.tables.iter_mut().filter(|(_, table)| !table.view) {
            let sql = format!("SELECT 1 FROM {} LIMIT 1", Dialect::MySql.ident(name));
            table.held_rows = match conn.value(sql).await {
                Ok(row) => row.is_some(),
                // locked by the file itself: taken for a table with rows
                Err(sqlx::Error::Database(_)) => true,
                Err(error) => return Err(error),
            };
        }
        Ok(())
    }

    /// The tables and views whose lock a statement that names `named` may reach: these, and the other
    /// ends of their foreign keys.
    pub(super) fn with_neighbours(&self, named: &BTreeSet<String>) -> BTreeSet<String> {
        let mut reached = named.clone();
        for (child, parent) in &self.foreign_keys {
            if named.contains(child) {
                reached.insert(parent.clone());
            }
            if named.contains(parent) {
                reached.insert(child.clone());
            }
        }
        reached.retain(|name| self.tables.contains_key(name));
        reached
    }

    /// Whether it is the other end of a foreign key of one of these tables.
    pub(super) fn is_neighbour(&self, name: &str, of: impl Fn(&str) -> bool) -> bool {
        self.foreign_keys.iter().any(|(child, parent)| child == name && of(parent) || parent == name && of(child))
    }

    pub(super) fn views(&self) -> BTreeSet<String> {
        self.tables.iter().filter(|(_, it)| it.view).map(|(name, _)| name.clone()).collect()
    }
}

/// The counters of every table of the database.
pub(super) async fn io(conn: &mut Conn) -> Result<BTreeMap<String, Io>, sqlx::Error> {
    let sql = "SELECT OBJECT_NAME, CAST(SUM(COUNT_FETCH) AS CHAR), CAST(SUM(IF(INDEX_NAME IS NULL, COUNT_FETCH, 0)) AS CHAR), \
               CAST(SUM(COUNT_INSERT) AS CHAR), CAST(SUM(COUNT_UPDATE) AS CHAR), CAST(SUM(COUNT_DELETE) AS CHAR) \
               FROM performance_schema.table_io_waits_summary_by_index_usage WHERE OBJECT_SCHEMA = DATABASE() GROUP BY OBJECT_NAME";
    let row = |[name, fetched, scanned, inserted, updated, deleted]: [String; 6]| {
        let (fetched, scanned, inserted) = (number(&fetched), number(&scanned), number(&inserted));
        let (deleted, updated) = (number(&deleted), number(&updated));
        (name, Io { fetched, scanned, inserted, changed: updated + deleted, deleted })
    };
    Ok(texts(conn.rows(sql).await?).into_iter().map(row).collect())
}

impl Io {
    /// What has been added since `before`.
    pub(super) fn since(self, before: Self) -> Self {
        Self {
            fetched: self.fetched.saturating_sub(before.fetched),
            scanned: self.scanned.saturating_sub(before.scanned),
            inserted: self.inserted.saturating_sub(before.inserted),
            changed: self.changed.saturating_sub(before.changed),
            deleted: self.deleted.saturating_sub(before.deleted),
        }
    }
}

/// Rows of `N` columns, NULL as the empty text.
pub(super) fn texts<const N: usize>(rows: Vec<Vec<Option<String>>>) -> Vec<[String; N]> {
    rows.into_iter()
        .map(|row| {
            let mut row = row.into_iter();
            std::array::from_fn(|_| row.next().flatten().unwrap_or_default())
        })
        .collect()
}

pub(super) fn number(text: &str) -> u64 {
    text.parse().unwrap_or(0)
}

/// A table's name out of InnoDB's: without its partition, and `@002d` read back as the sign it stands for.
fn name_in_file(encoded: &str) -> String {
    let end = [encoded.find("#p#"), encoded.find("#P#")].into_iter().flatten().min().unwrap_or(encoded.len());
    let mut name = String::new();
    let mut rest = &encoded[..end];
    while let Some(at) = rest.find('@') {
        name.push_str(&rest[..at]);
        let digits = rest.get(at + 1..at + 5).and_then(|it| u32::from_str_radix(it, 16).ok());
        match digits.and_then(char::from_u32) {
            Some(sign) => {
                name.push(sign);
                rest = &rest[at + 5..];
            }
            None => {
                name.push('@');
                rest = &rest[at + 1..];
            }
        }
    }
    name + rest
}

#[cfg(test)]
mod tests {
    use super::name_in_file;

    #[test]
    fn names_of_files_are_read_back() {
        for (encoded, name) in
            [("users", "users"), ("order@002ditems", "order-items"), ("t#p#p0", "t"), ("a@0020b#P#p1#SP#s", "a b")]
        {
            assert_eq!(name_in_file(encoded), name);
        }
    }
}
