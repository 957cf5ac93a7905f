//! Ranges of a unique key: how a table is gone through in batches.
//!
//! Where a range ends is looked up in the key's index; a batch has its two ends bound, so that the server reads
//! nothing else.

use super::{ExecError, Session};
use crate::dialect::{Dialect, mysql, postgres};
use crate::migration::{KeyCast, KeyColumn};

/// The values of a key's columns, as text.
pub(super) type Key = Vec<String>;

/// The queries that find a range's ends.
pub(super) struct Ranges {
    dialect: Dialect,
    first: String,
    last: String,
    /// Without its LIMIT.
    range: String,
    columns: usize,
    doing: String,
}

impl Ranges {
    pub(super) fn new(dialect: Dialect, table: &str, columns: &[KeyColumn], doing: String) -> Self {
        // with the table's name: a bare one would mean the text that is selected, and its order
        let names: Vec<_> =
            columns.iter().map(|it| format!("{}.{}", dialect.ident(table), dialect.ident(&it.name))).collect();
        let shown: Vec<_> = columns.iter().map(|it| shown(dialect, it)).collect();
        let descending: Vec<_> = names.iter().map(|it| format!("{it} DESC")).collect();
        let from = format!("SELECT {} FROM {}", shown.join(", "), dialect.ident(table));
        let range = match dialect {
            Dialect::Postgres => postgres::backfill::range(columns),
            Dialect::MySql => mysql::backfill::range(columns),
        };
        Self {
            dialect,
            first: format!("{from} ORDER BY {} LIMIT 1", names.join(", ")),
            last: format!("{from} ORDER BY {} LIMIT 1", descending.join(", ")),
            range: format!("{from} WHERE {range} ORDER BY {}", names.join(", ")),
            columns: columns.len(),
            doing,
        }
    }

    /// The table's first key; nothing where it has no rows.
    pub(super) async fn first(&self, session: &mut Session) -> Result<Option<Key>, ExecError> {
        self.one(session, &self.first, &[]).await
    }

    /// The table's last key.
    pub(super) async fn last(&self, session: &mut Session) -> Result<Option<Key>, ExecError> {
        self.one(session, &self.last, &[]).await
    }

    /// The key so many rows before the last one; nothing where there are fewer.
    pub(super) async fn before_the_last(&self, session: &mut Session, rows: u64) -> Result<Option<Key>, ExecError> {
        self.one(session, &format!("{} OFFSET {rows}", self.last), &[]).await
    }

    /// The query for the key so many rows behind the first, which finds nothing where the walk's end comes before: its
    /// last parameter is that number. A tag stands before its columns.
    pub(super) fn end_of_batch_tagged(&self) -> String {
        let size = match self.dialect {
            Dialect::Postgres => format!("${}", self.columns * 2 + 1),
            Dialect::MySql => "?".to_owned(),
        };
        format!("{} LIMIT 1 OFFSET {size}", self.range.replacen("SELECT ", "SELECT 'end', ", 1))
    }

    /// The last key of a batch of so many rows, and the first of the next one. Without a next one the batch ends where
    /// the walk does.
    pub(super) async fn batch(
        &self,
        session: &mut Session,
        first: &Key,
        bound: &Key,
        size: u64,
    ) -> Result<(Option<Key>, Option<Key>), ExecError> {
        let sql = format!("{} LIMIT 2 OFFSET {}", self.range, size.saturating_sub(1));
        let mut keys = self.all(session, &sql, &self.parameters(first, bound)).await?.into_iter();
        let (last, next) = (keys.next(), keys.next());
        Ok((last.filter(|_| next.is_some()), next))
    }

    /// What a batch binds; see [`crate::migration::WalkBy::Keys`].
    pub(super) fn parameters(&self, first: &Key, last: &Key) -> Vec<String> {
        [first, last].into_iter().flat_map(|key| parameters(self.dialect, key)).collect()
    }

    async fn one(&self, session: &mut Session, sql: &str, args: &[String]) -> Result<Option<Key>, ExecError> {
        Ok(self.all(session, sql, args).await?.into_iter().next())
    }

    async fn all(&self, session: &mut Session, sql: &str, args: &[String]) -> Result<Vec<Key>, ExecError> {
        let rows = session.query(sql, args).await.map_err(ExecError::server(self.doing.as_str()))?;
        Ok(rows.into_iter().map(|row| row.into_iter().map(Option::unwrap_or_default).collect()).collect())
    }
}

fn shown(dialect: Dialect, column: &KeyColumn) -> String {
    let name = dialect.ident(&column.name);
    match (dialect, &column.cast) {
        (Dialect::Postgres, KeyCast::Hex) => format!("encode({name}, 'hex')"),
        (Dialect::Postgres, _) => format!("{name}::text"),
        (Dialect::MySql, KeyCast::Hex) => format!("HEX({name})"),
        (Dialect::MySql, KeyCast::Text) => name,
        (Dialect::MySql, KeyCast::Type(_)) => format!("CAST({name} AS CHAR)"),
    }
}

fn parameters(dialect: Dialect, key: &Key) -> Vec<String> {
    match dialect {
        Dialect::Postgres => key.clone(),
        Dialect::MySql => {
            let twice = key.len().saturating_sub(1);
            let repeated =
                key.iter().enumerate().map(|(at, value)| vec![value.clone(); if at < twice { 2 } else { 1 }]);
            repeated.flatten().collect()
        }
    }
}

/// How many rows the server believes the table has: for sizes and the display alone.
pub(super) async fn estimate(session: &mut Session, table: &str) -> Result<f64, sqlx::Error> {
    let dialect = session.dialect();
    let sql = match dialect {
        Dialect::Postgres => format!(
            "SELECT sum(greatest(reltuples, 0))::text FROM pg_class WHERE relkind <> 'p' AND oid IN (SELECT to_regclass({0})::oid \
             UNION SELECT inhrelid FROM pg_inherits WHERE inhparent = to_regclass({0}))",
            dialect.literal(&dialect.ident(table))
        ),
        Dialect::MySql => format!(
            "SELECT CAST(TABLE_ROWS AS CHAR) FROM information_schema.TABLES WHERE TABLE_SCHEMA = DATABASE() AND TABLE_NAME = {}",
            dialect.literal(table)
        ),
    };
    let rows = session.value(&sql).await?;
    Ok(rows.and_then(|it| it.parse().ok()).unwrap_or(0.0))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn mysql_takes_all_values_but_the_last_twice() {
        let key: Key = vec!["a".into(), "b".into(), "c".into()];
        assert_eq!(parameters(Dialect::MySql, &key), ["a", "a", "b", "b", "c"]);
        assert_eq!(parameters(Dialect::Postgres, &key), ["a", "b", "c"]);
    }
}
