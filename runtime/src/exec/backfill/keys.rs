//! The walk by ranges of a unique key.
//!
//! Where a range ends is looked up in the key's index; the range itself is updated with its two
//! ends bound, so that the server reads nothing else.

use std::time::Instant;

use super::super::ExecError;
use super::Run;
use super::checkpoint::Checkpoint;
use super::pace::Pace;
use crate::dialect::{Dialect, mysql, postgres};
use crate::migration::{KeyCast, KeyColumn};

/// The values of a key's columns, as text.
type Key = Vec<String>;

pub(super) async fn walk(
    run: &mut Run<'_>,
    columns: &[KeyColumn],
    checkpoint: Option<Checkpoint>,
) -> Result<(), ExecError> {
    let dialect = run.session.dialect();
    let queries = Queries::new(dialect, &run.backfill.table, columns);
    let earlier = checkpoint.and_then(|it| Some((unpack(&it.place)?, unpack(&it.bound)?)));
    let Some(lowest) = one(run, &queries.first, &[]).await? else { return Ok(()) };
    let (mut first, bound) = match earlier {
        Some(found) => found,
        None => match one(run, &queries.last, &[]).await? {
            Some(last) => (lowest.clone(), last),
            None => return Ok(()),
        },
    };
    let expected = estimate(run).await?;
    run.from = along(&lowest, &first, &bound).unwrap_or(run.filled.rows as f64 / expected.max(1.0)).min(0.99);
    // below 200 rows the commits cost more than the batches
    let largest = match dialect {
        Dialect::Postgres => 10_000,
        Dialect::MySql => 2_000,
    };
    // a function's rows are written one by one
    let (first_size, smallest) = if run.backfill.function.is_some() { (50, 10) } else { (500, 200) };
    let mut pace = Pace::new(first_size, smallest, largest, run.batch_target());
    let mut walked = run.filled.rows;
    loop {
        let size = pace.size();
        let mut args = parameters(dialect, &first);
        args.extend(parameters(dialect, &bound));
        let last = one(run, &queries.end_of_batch(size), &args).await?;
        let full = last.is_some();
        let last = last.unwrap_or_else(|| bound.clone());
        let mut args = parameters(dialect, &first);
        args.extend(parameters(dialect, &last));
        let checkpoint = Checkpoint { place: pack(&last), bound: pack(&bound), rows_filled: 0 };
        let begun = Instant::now();
        let Some(batch) = run.batch(&args, &checkpoint, "").await? else {
            pace.gave_way();
            continue;
        };
        let took = begun.elapsed();
        if full {
            pace.took(batch.update);
        }
        walked += size;
        let done = last == bound;
        let position = match along(&lowest, &last, &bound) {
            _ if done => 1.0,
            Some(position) => position,
            None if expected > 0.0 => (walked as f64 / expected).min(0.99),
            None => run.from,
        };
        run.count(batch.rows, took, position);
        if done {
            return Ok(());
        }
        first = last;
    }
}

/// The queries that find a range's ends.
struct Queries {
    first: String,
    last: String,
    /// Without its LIMIT.
    range: String,
}

impl Queries {
    fn new(dialect: Dialect, table: &str, columns: &[KeyColumn]) -> Self {
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
            first: format!("{from} ORDER BY {} LIMIT 1", names.join(", ")),
            last: format!("{from} ORDER BY {} LIMIT 1", descending.join(", ")),
            range: format!("{from} WHERE {range} ORDER BY {}", names.join(", ")),
        }
    }

    /// The key so many rows behind the first; nothing where the walk's end comes before.
    fn end_of_batch(&self, size: u64) -> String {
        format!("{} LIMIT 1 OFFSET {size}", self.range)
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

/// The parameters of one end; see [`crate::migration::WalkBy::Keys`].
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

async fn one(run: &mut Run<'_>, sql: &str, args: &[String]) -> Result<Option<Key>, ExecError> {
    let rows = run.session.query(sql, args).await.map_err(ExecError::server(run.doing()))?;
    Ok(rows.into_iter().next().map(|row| row.into_iter().map(Option::unwrap_or_default).collect()))
}

/// How far a key of one number is between two others, from 0 to 1.
fn along(lowest: &Key, key: &Key, bound: &Key) -> Option<f64> {
    let ([lowest], [key], [bound]) = (&lowest[..], &key[..], &bound[..]) else { return None };
    let (lowest, key, bound): (i128, i128, i128) = (lowest.parse().ok()?, key.parse().ok()?, bound.parse().ok()?);
    (bound > lowest).then(|| ((key - lowest) as f64 / (bound - lowest) as f64).clamp(0.0, 1.0))
}

/// How many rows the server believes the table has: for the display alone.
async fn estimate(run: &mut Run<'_>) -> Result<f64, ExecError> {
    let dialect = run.session.dialect();
    let table = &run.backfill.table;
    let sql = match dialect {
        Dialect::Postgres => format!(
            "SELECT reltuples::text FROM pg_class WHERE oid = to_regclass({})::oid",
            dialect.literal(&dialect.ident(table))
        ),
        Dialect::MySql => format!(
            "SELECT CAST(TABLE_ROWS AS CHAR) FROM information_schema.TABLES WHERE TABLE_SCHEMA = DATABASE() AND TABLE_NAME = {}",
            dialect.literal(table)
        ),
    };
    let rows = run.session.value(&sql).await.map_err(ExecError::server(run.doing()))?;
    Ok(rows.and_then(|it| it.parse().ok()).unwrap_or(0.0))
}

/// A key as one text: its values' lengths, so that no value can be mistaken for two.
fn pack(key: &Key) -> String {
    key.iter().map(|value| format!("{}:{value}", value.len())).collect()
}

fn unpack(text: &str) -> Option<Key> {
    let mut key = Vec::new();
    let mut rest = text;
    while !rest.is_empty() {
        let (length, after) = rest.split_once(':')?;
        let length: usize = length.parse().ok()?;
        key.push(after.get(..length)?.to_owned());
        rest = after.get(length..)?;
    }
    Some(key)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_key_survives_as_text() {
        for key in [vec!["7"], vec!["a:b", "", "3:x"], vec!["Größe", "\n"]] {
            let key: Key = key.into_iter().map(str::to_owned).collect();
            assert_eq!(unpack(&pack(&key)), Some(key));
        }
        assert_eq!(unpack("5:ab"), None);
    }

    #[test]
    fn a_number_says_how_far_it_is() {
        let key = |text: &str| vec![text.to_owned()];
        assert_eq!(along(&key("-50"), &key("0"), &key("150")), Some(0.25));
        assert_eq!(along(&key("a"), &key("b"), &key("c")), None);
        assert_eq!(along(&key("7"), &key("7"), &key("7")), None);
    }

    #[test]
    fn mysql_takes_all_values_but_the_last_twice() {
        let key: Key = vec!["a".into(), "b".into(), "c".into()];
        assert_eq!(parameters(Dialect::MySql, &key), ["a", "a", "b", "b", "c"]);
        assert_eq!(parameters(Dialect::Postgres, &key), ["a", "b", "c"]);
    }
}
