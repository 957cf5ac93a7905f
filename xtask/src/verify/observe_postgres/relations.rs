//! What PostgreSQL's catalog and counters say about the relations around a statement.

use std::collections::BTreeMap;

use crate::verify::conn::Conn;
use crate::verify::observation::ObjectKind;

/// A relation that was there before a statement.
#[derive(Debug, Clone)]
pub(super) struct Relation {
    pub(super) name: String,
    pub(super) kind: ObjectKind,
    /// For an index: its table.
    pub(super) table: Option<u32>,
    /// For a partition: the table that it is of.
    pub(super) partition_of: Option<String>,
    /// Whether the table (with its partitions) has any pages.
    pub(super) held_rows: bool,
}

/// All relations of users by their oid.
pub(super) type Relations = BTreeMap<u32, Relation>;

/// What the counters of a session's transaction, and the catalog as it sees it, say about one relation.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) struct Counters {
    /// The file that holds the rows; it changes when a table is written anew.
    pub(super) filenode: u32,
    pub(super) scans: u64,
    pub(super) returned: u64,
    pub(super) inserted: u64,
    pub(super) updated: u64,
    pub(super) deleted: u64,
}

/// Reads the relations, from a session that no lock of the statement can stop.
pub(super) async fn relations(conn: &mut Conn) -> Result<Relations, sqlx::Error> {
    let sql = "SELECT c.oid, CASE WHEN pg_catalog.pg_table_is_visible(c.oid) THEN c.relname \
                 ELSE n.nspname || '.' || c.relname END, c.relkind, i.indrelid, \
               CASE WHEN c.relkind IN ('r', 'm') THEN pg_catalog.pg_relation_size(c.oid) \
                 WHEN c.relkind = 'p' THEN (SELECT sum(pg_catalog.pg_relation_size(t.relid)) \
                   FROM pg_catalog.pg_partition_tree(c.oid) t WHERE t.isleaf) ELSE 0 END, \
               CASE WHEN c.relispartition AND c.relkind IN ('r', 'p', 'f') THEN (SELECT CASE WHEN pg_catalog.pg_table_is_visible(r.oid) \
                 THEN r.relname ELSE s.nspname || '.' || r.relname END FROM pg_catalog.pg_class r JOIN pg_catalog.pg_namespace s \
                 ON s.oid = r.relnamespace WHERE r.oid = pg_catalog.pg_partition_root(c.oid)) END \
               FROM pg_catalog.pg_class c JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace \
               LEFT JOIN pg_catalog.pg_index i ON i.indexrelid = c.oid \
               WHERE n.nspname !~ '^pg_' AND n.nspname <> 'information_schema' AND c.relkind <> 'c'";
    let rows = conn.rows(sql).await?;
    Ok(rows
        .into_iter()
        .map(|row| {
            let mut row = row.into_iter();
            let next = |row: &mut std::vec::IntoIter<Option<String>>| row.next().flatten().unwrap_or_default();
            let (oid, name, kind, table, bytes) =
                (next(&mut row), next(&mut row), next(&mut row), next(&mut row), next(&mut row));
            let kind = match kind.as_str() {
                "r" | "p" | "m" | "f" => ObjectKind::Table,
                "i" | "I" => ObjectKind::Index,
                _ => ObjectKind::Other,
            };
            let partition_of = row.next().flatten();
            let held_rows = number(&bytes) > 0;
            (number(&oid) as u32, Relation { name, kind, table: table.parse().ok(), partition_of, held_rows })
        })
        .collect())
}

/// Reads the counters inside the session that runs the statement: nobody else sees what has not been committed.
pub(super) async fn counters(conn: &mut Conn) -> Result<BTreeMap<u32, Counters>, sqlx::Error> {
    let sql = "SELECT c.oid, pg_catalog.pg_relation_filenode(c.oid), \
               pg_catalog.pg_stat_get_xact_numscans(c.oid), pg_catalog.pg_stat_get_xact_tuples_returned(c.oid), \
               pg_catalog.pg_stat_get_xact_tuples_inserted(c.oid), pg_catalog.pg_stat_get_xact_tuples_updated(c.oid), \
               pg_catalog.pg_stat_get_xact_tuples_deleted(c.oid) \
               FROM pg_catalog.pg_class c JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace \
               WHERE n.nspname !~ '^pg_' AND n.nspname <> 'information_schema' AND c.relkind IN ('r', 'm', 'p', 'i', 'I')";
    Ok(read(conn.rows(sql).await?))
}

/// The same of the whole server, for statements that run outside transactions.
pub(super) async fn shared_counters(conn: &mut Conn) -> Result<BTreeMap<u32, Counters>, sqlx::Error> {
    let sql = "SELECT c.oid, pg_catalog.pg_relation_filenode(c.oid), \
               pg_catalog.pg_stat_get_numscans(c.oid), pg_catalog.pg_stat_get_tuples_returned(c.oid), \
               pg_catalog.pg_stat_get_tuples_inserted(c.oid), pg_catalog.pg_stat_get_tuples_updated(c.oid), \
               pg_catalog.pg_stat_get_tuples_deleted(c.oid) \
               FROM pg_catalog.pg_class c JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace \
               WHERE n.nspname !~ '^pg_' AND n.nspname <> 'information_schema' AND c.relkind IN ('r', 'm', 'p', 'i', 'I')";
    Ok(read(conn.rows(sql).await?))
}

fn read(rows: Vec<Vec<Option<String>>>) -> BTreeMap<u32, Counters> {
    rows.into_iter()
        .map(|row| {
            let mut row = row.into_iter();
            let mut next = || number(&row.next().flatten().unwrap_or_default());
            let oid = next() as u32;
            let filenode = next() as u32;
            let (scans, returned, inserted, updated, deleted) = (next(), next(), next(), next(), next());
            (oid, Counters { filenode, scans, returned, inserted, updated, deleted })
        })
        .collect()
}

impl Counters {
    /// What has been added since `before`.
    pub(super) fn since(&self, before: &Self) -> Self {
        Self {
            filenode: self.filenode,
            scans: self.scans.saturating_sub(before.scans),
            returned: self.returned.saturating_sub(before.returned),
            inserted: self.inserted.saturating_sub(before.inserted),
            updated: self.updated.saturating_sub(before.updated),
            deleted: self.deleted.saturating_sub(before.deleted),
        }
    }
}

fn number(text: &str) -> u64 {
    text.parse().unwrap_or(0)
}
