//! The walk by ranges of a unique key.

use std::time::Instant;

use super::super::ExecError;
use super::super::ranges::{self, Key, Ranges};
use super::Run;
use super::checkpoint::Checkpoint;
use super::pace::Pace;
use crate::dialect::Dialect;
use crate::migration::KeyColumn;

pub(super) async fn walk(
    run: &mut Run<'_>,
    columns: &[KeyColumn],
    checkpoint: Option<Checkpoint>,
) -> Result<(), ExecError> {
    let dialect = run.session.dialect();
    let ranges = Ranges::new(dialect, &run.backfill.table, columns, run.doing());
    let earlier = checkpoint.and_then(|it| Some((unpack(&it.place)?, unpack(&it.bound)?)));
    let Some(lowest) = ranges.first(&mut run.session).await? else { return Ok(()) };
    let (mut first, bound) = match earlier {
        Some(found) => found,
        None => match ranges.last(&mut run.session).await? {
            Some(last) => (lowest.clone(), last),
            None => return Ok(()),
        },
    };
    let expected =
        ranges::estimate(&mut run.session, &run.backfill.table).await.map_err(ExecError::server(run.doing()))?;
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
        let last = ranges.end_of_batch(&mut run.session, &first, &bound, size).await?;
        let full = last.is_some();
        let last = last.unwrap_or_else(|| bound.clone());
        let args = ranges.parameters(&first, &last);
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

/// How far a key of one number is between two others, from 0 to 1.
fn along(lowest: &Key, key: &Key, bound: &Key) -> Option<f64> {
    let ([lowest], [key], [bound]) = (&lowest[..], &key[..], &bound[..]) else { return None };
    let (lowest, key, bound): (i128, i128, i128) = (lowest.parse().ok()?, key.parse().ok()?, bound.parse().ok()?);
    (bound > lowest).then(|| ((key - lowest) as f64 / (bound - lowest) as f64).clamp(0.0, 1.0))
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
}
