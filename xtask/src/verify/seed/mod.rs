//! Filling tables with rows that nobody has to write: from the live catalog alone.
//!
//! A statement that rewrites an empty table takes no time and finds no wrong row. So every
//! table that holds no row gets some, of the right types, within its keys and conditions as
//! far as these can be understood. What cannot be filled is said, and stops nothing.

mod catalog_mysql;
mod catalog_postgres;
mod expression;
mod insert;
mod keys;
mod later;
mod model;
mod order;
mod partition;
mod rows;
mod sample;
mod types_postgres;
mod value;
mod wish;

use pontoon::Dialect;

pub use self::later::Later;

use self::insert::{Filling, Manner, Nulls, Parent, filling};
use self::model::Table;
use super::conn::{Conn, message_of};

/// What became of a table that held no row.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Filled {
    /// The table; with its schema, unless that is PostgreSQL's `public`.
    pub table: String,
    /// How many rows it has now.
    pub rows: u64,
    /// Why these are fewer than were asked for.
    pub note: Option<String>,
}

/// The catalog could not be read, or the connection was lost.
#[derive(Debug)]
#[non_exhaustive]
pub struct SeedError(pub sqlx::Error);

impl std::fmt::Display for SeedError {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "tables cannot be filled: {}", message_of(&self.0))
    }
}

impl std::error::Error for SeedError {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        Some(&self.0)
    }
}

impl From<sqlx::Error> for SeedError {
    fn from(error: sqlx::Error) -> Self {
        Self(error)
    }
}

/// How tables are filled.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Seeding {
    /// Rows of each table.
    pub rows: u64,
    /// Whether a tenth of the values is NULL where the schema lets it be. Good for finding out what a
    /// backfill does with it; not for judging what SET NOT NULL locks, which NULL would make fail.
    pub nulls: bool,
    /// What the values must fit into later on.
    pub later: Later,
}

impl Seeding {
    /// So many rows, with or without NULL.
    pub fn of(rows: u64, nulls: bool) -> Self {
        Self { rows, nulls, later: Later::default() }
    }
}

/// Gives rows to every table of the database that holds none, those of Pontoon itself excepted.
///
/// # Errors
/// The database cannot be reached or its catalog not be read. A table that cannot be filled is no error.
pub async fn fill_empty_tables(url: &str, seeding: &Seeding) -> Result<Vec<Filled>, SeedError> {
    let mut conn = Conn::open(url).await?;
    let filled = fill(&mut conn, seeding).await?;
    let _ = conn.close().await;
    Ok(filled)
}

async fn fill(conn: &mut Conn, seeding: &Seeding) -> Result<Vec<Filled>, SeedError> {
    let rows = seeding.rows;
    let mut tables = match conn.dialect() {
        Dialect::Postgres => catalog_postgres::tables(conn).await?,
        Dialect::MySql => {
            // so many numbers in a row, and no hour that daylight saving leaves out
            let depth = rows.max(1_000).min(u64::from(u32::MAX));
            conn.execute(format!("SET SESSION cte_max_recursion_depth = {depth}, time_zone = '+00:00'")).await?;
            catalog_mysql::tables(conn).await?
        }
    };
    seeding.later.restrict(&mut tables);
    let mut filled = Vec::new();
    for table in order::parents_first(&tables) {
        if rows > 0 && count(conn, &table.sql, 1).await? == 0 {
            let (there, note) = fill_table(conn, table, seeding).await?;
            filled.push(Filled { table: table.display.clone(), rows: there, note });
        }
    }
    Ok(filled)
}

/// Tries one manner after the other; gives the number of rows and why they are too few.
async fn fill_table(conn: &mut Conn, table: &Table, seeding: &Seeding) -> Result<(u64, Option<String>), sqlx::Error> {
    let (rows, nulls) = (seeding.rows, seeding.nulls);
    if let Some(reason) = &table.hopeless {
        return Ok((0, Some(format!("could not be filled: {reason}"))));
    }
    let mut parents = Vec::new();
    for key in &table.foreign {
        let there = if key.parent == table.id { 0 } else { count(conn, &key.parent_sql, rows).await? };
        parents.push(Parent { key, rows: there });
    }
    let mut reason = None;
    let mut manners = manners(table, nulls);
    let mut at = 0;
    while let Some(manner) = manners.get(at).copied() {
        at += 1;
        let filling = match filling(table, &parents, rows, manner, conn.dialect()) {
            Ok(filling) => filling,
            Err(why) => {
                reason.get_or_insert(why);
                continue;
            }
        };
        match conn.execute(filling.sql.clone()).await {
            Ok(_) => return finish(conn, table, filling, rows).await,
            Err(sqlx::Error::Database(error)) => {
                if error.is_unique_violation() && !manner.skip {
                    manners.insert(at, Manner { skip: true, ..manner });
                }
                reason.get_or_insert(message_of(&sqlx::Error::Database(error)));
            }
            Err(lost) => return Err(lost),
        }
    }
    Ok((0, Some(format!("could not be filled: {}", reason.unwrap_or_default()))))
}

/// What is tried, in this order: first what is most like real rows.
fn manners(table: &Table, nulls: bool) -> Vec<Manner> {
    let first = Manner { nulls: Nulls::Some, only_required: false, text: None, skip: false };
    let none = Manner { nulls: Nulls::None, ..first };
    let likely = if nulls { [first, none] } else { [none, first] };
    let mut manners =
        vec![likely[0], likely[1], Manner { nulls: Nulls::All, ..first }, Manner { only_required: true, ..none }];
    if table.riddles {
        let nullable =
            table.columns.iter().enumerate().filter(|(_, it)| !it.not_null && !it.generated).map(|(at, _)| at);
        manners.extend(nullable.take(8).map(|at| Manner { nulls: Nulls::AllBut(at), ..first }));
        let texts = [
            "abc",
            "ABC",
            "a",
            "A",
            "123",
            "0",
            "12345",
            "a@example.com",
            "https://example.com",
            "/a",
            "a-b",
            "{}",
            "#aabbcc",
        ];
        manners.extend(texts.map(|text| Manner { text: Some(text), ..none }));
    }
    manners
}

async fn finish(
    conn: &mut Conn,
    table: &Table,
    filling: Filling,
    wanted: u64,
) -> Result<(u64, Option<String>), sqlx::Error> {
    for column in &filling.renumber {
        if conn.dialect() == Dialect::Postgres {
            let (name, literal) = (conn.dialect().literal(column), conn.dialect().literal(&table.sql));
            let sequence = format!("pg_get_serial_sequence({literal}, {name})");
            // bounds may have asked for numbers far above
            let last = format!("greatest({wanted}, (SELECT max({}) FROM {}))", conn.dialect().ident(column), table.sql);
            conn.execute(format!("SELECT setval({sequence}, {last} + 1) WHERE {sequence} IS NOT NULL")).await?;
        }
    }
    let analyze = match conn.dialect() {
        Dialect::Postgres => format!("ANALYZE {}", table.sql),
        Dialect::MySql => format!("ANALYZE NO_WRITE_TO_BINLOG TABLE {}", table.sql),
    };
    conn.execute(analyze).await?;
    let there = count(conn, &table.sql, u64::MAX >> 1).await?;
    let note = filling.note.filter(|_| there < wanted);
    let note = note.or_else(|| (there < wanted).then(|| "further rows would have broken a unique key".to_owned()));
    Ok((there, note.map(|note| format!("{there} rows only: {note}"))))
}

/// How many rows a table holds, counted up to `limit`.
async fn count(conn: &mut Conn, table: &str, limit: u64) -> Result<u64, sqlx::Error> {
    let sql = format!("SELECT count(*) FROM (SELECT 1 FROM {table} LIMIT {limit}) AS t");
    Ok(conn.value(sql).await?.and_then(|it| it.parse().ok()).unwrap_or(0))
}
