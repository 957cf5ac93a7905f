//! What the target asks of rows that are there, put on the source while its tables are filled: a
//! unique index on rows that are not, or a check that they break, stops in `validate`, as it should.

use pontoon::Dialect;
use pontoon::schema::{Intents, Schema, Table};
use pontoon_xtask::verify::conn::Conn;

use super::case::{names, renamed};
use super::parts::{column_of, condition};

pub(super) struct Scaffold {
    put: Vec<String>,
    take: Vec<String>,
}

impl Scaffold {
    pub(super) fn new(source: &Schema, target: &Schema, intents: &Intents, dialect: Dialect) -> Self {
        let mut it = Self { put: Vec::new(), take: Vec::new() };
        for (before, after) in source.tables.values().filter_map(|it| Some((it, target.tables.get(&it.name)?))) {
            it.table(before, after, intents, source, dialect);
        }
        if dialect == Dialect::Postgres {
            for (parent, part) in &intents.attached {
                let (Some(plain), Some(parent)) = (source.tables.get(part), target.tables.get(parent)) else {
                    continue;
                };
                it.table(plain, &Table { name: part.clone(), ..parent.clone() }, intents, source, dialect);
                it.bounds(parent, part);
            }
        }
        // foreign keys, which came last, go first
        it.take.reverse();
        it
    }

    fn table(&mut self, before: &Table, after: &Table, intents: &Intents, source: &Schema, dialect: Dialect) {
        let old = |column: &String| {
            let from = intents.renamed_from.get(&(after.name.clone(), column.clone())).unwrap_or(column);
            before.column(from).map(|it| it.name.clone())
        };
        let table = dialect.ident(&after.name);
        for index in after.indexes.iter().filter(|(name, it)| it.unique && before.indexes.get(*name) != Some(it)) {
            let columns: Vec<String> = index.1.columns.iter().filter_map(old).collect();
            if columns.is_empty() {
                continue;
            }
            let name = format!("scaffold_{}", self.put.len());
            self.put.push(format!("CREATE UNIQUE INDEX {name} ON {table} ({})", dialect.idents(&columns)));
            let on = if dialect == Dialect::MySql { format!(" ON {table}") } else { String::new() };
            self.take.push(format!("DROP INDEX {name}{on}"));
        }
        for (_, check) in after.checks.iter().filter(|(name, it)| before.checks.get(*name) != Some(it)) {
            let named = after.columns.iter().find(|it| names(&check.sql, &it.name));
            let Some((new, old)) = named.and_then(|it| Some((it.name.clone(), old(&it.name)?))) else { continue };
            let name = format!("scaffold_{}", self.put.len());
            let sql = renamed(&check.sql, &new, &old);
            let sql = sql.of(dialect).unwrap_or_default();
            self.put.push(format!("ALTER TABLE {table} ADD CONSTRAINT {name} CHECK ({sql})"));
            self.take.push(format!("ALTER TABLE {table} DROP CONSTRAINT {name}"));
        }
        for (_, key) in after.foreign_keys.iter().filter(|(name, it)| before.foreign_keys.get(*name) != Some(it)) {
            let Some(column) = old(&key.columns[0]) else { continue };
            let there =
                source.tables.get(&key.references).is_some_and(|it| it.column(&key.referenced_columns[0]).is_some());
            if !there {
                continue;
            }
            let (name, column) = (format!("scaffold_{}", self.put.len()), dialect.ident(&column));
            if dialect == Dialect::MySql {
                self.put.push(format!("CREATE INDEX {name} ON {table} ({column})"));
                self.take.push(format!("DROP INDEX {name} ON {table}"));
            }
            self.put.push(format!(
                "ALTER TABLE {table} ADD CONSTRAINT {name} FOREIGN KEY ({column}) REFERENCES {} ({})",
                dialect.ident(&key.references),
                dialect.idents(&key.referenced_columns)
            ));
            let what = if dialect == Dialect::MySql { "FOREIGN KEY" } else { "CONSTRAINT" };
            self.take.push(format!("ALTER TABLE {table} DROP {what} {name}"));
        }
    }

    /// Rows that it may hold as a partition.
    fn bounds(&mut self, parent: &Table, part: &str) {
        let partitioning = parent.partitioned.as_ref();
        let bounds = partitioning.and_then(|it| it.partitions.get(part));
        let by = column_of(parent).map(|it| it.name.as_str()).unwrap_or_default();
        let Some(condition) = bounds.and_then(|it| condition(it, by)) else { return };
        let (table, name) = (Dialect::Postgres.ident(part), format!("scaffold_{}", self.put.len()));
        self.put.push(format!("ALTER TABLE {table} ADD CONSTRAINT {name} CHECK ({condition})"));
        self.take.push(format!("ALTER TABLE {table} DROP CONSTRAINT {name}"));
    }

    pub(super) async fn put(&self, conn: &mut Conn) -> Result<(), sqlx::Error> {
        run(conn, &self.put).await
    }

    pub(super) async fn take(&self, conn: &mut Conn) -> Result<(), sqlx::Error> {
        run(conn, &self.take).await
    }
}

async fn run(conn: &mut Conn, statements: &[String]) -> Result<(), sqlx::Error> {
    for sql in statements {
        conn.execute(sql.as_str()).await?;
    }
    Ok(())
}
