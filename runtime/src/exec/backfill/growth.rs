//! Whether the values fit into the pages of a table of MySQL, asked before the first row is filled.
//!
//! InnoDB fills a page to 15/16 when rows come in the key's order, and a row that is updated grows in its page. Where all
//! rows of a page together grow by less than it has free, the file stays as it is; where they do not, nearly every page
//! splits, and the file is twice as large. Which one it is hangs on a byte or two in a row (measured: 80 rows of 12 bytes
//! fit, one byte more in each did not). So rows are filled in a transaction that is rolled back, and looked at.

use std::fmt;

use super::super::event::Event;
use super::super::ranges::{Key, Ranges};
use super::super::{ExecError, Session, retry};
use super::batch;
use super::keys::end_among;
use super::team::Team;
use crate::dialect::{Dialect, mysql};
use crate::migration::{KeyColumn, WalkBy};

/// How many rows are looked at, at each end of the table.
const SAMPLE: u64 = 300;

/// How often a sample is tried while others hold its rows.
const ATTEMPTS: u32 = 5;

/// What a page has for rows: without header, trailer and directory.
const PAGE: f64 = 16_384.0;
const USABLE: f64 = PAGE - 128.0;

/// What a page that was filled in the key's order has free.
const FREE: f64 = PAGE / 16.0;

/// How many times as large a table is whose every page has split: twice, and what extents and inner pages take beyond
/// that (measured on a million rows: 2.12 with rows of 90 bytes, 2.24 with rows of 190 that grew by 27).
const SPLIT: f64 = 2.15;

/// What a filled table is predicted to be.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Growth {
    /// Bytes of the table now.
    pub bytes: f64,
    /// How many times that it will have.
    pub times: f64,
    /// Bytes by which a row grows.
    pub row: f64,
    /// Rows in a page.
    pub rows_in_page: f64,
    /// Bytes that a page has free.
    pub free: f64,
}

impl Growth {
    /// From bytes of the table and its rows, bytes of a row as it is, and by how much it grows.
    fn predict(bytes: f64, rows: f64, row_now: f64, row: f64) -> Self {
        let rows_in_page = (USABLE / (bytes / rows.max(1.0)).max(1.0)).max(1.0);
        // pages of a table that was filled in no order have more; how much, is known but roughly
        let found = USABLE - rows_in_page * row_now;
        let free = if found > USABLE * 0.2 { found * 0.8 } else { FREE };
        let times = if rows_in_page * row <= free {
            1.0
        } else {
            // a page splits into halves, and again where the halves are too small
            (rows_in_page * (row_now + row) / (USABLE * 0.7)).max(SPLIT)
        };
        Self { bytes, times, row, rows_in_page, free }
    }

    /// Whether the values find room.
    pub fn fits(&self) -> bool {
        self.times <= 1.0
    }
}

impl fmt::Display for Growth {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { bytes, times, row, rows_in_page, free } = self;
        let mega = |bytes: f64| bytes / f64::from(1 << 20);
        match self.fits() {
            true => write!(f, "keeps its {:.0} MB", mega(*bytes))?,
            false => write!(
                f,
                "grows from {:.0} MB to about {:.0} MB ({times:.1} times)",
                mega(*bytes),
                mega(bytes * times)
            )?,
        }
        write!(f, ": each row grows by {row:.0} bytes, a page has {rows_in_page:.0} rows and {free:.0} bytes free")
    }
}

/// Refuses a fill that does not fit and was not accepted, with the number.
pub(super) async fn accepted(session: &mut Session, team: &Team<'_>) -> Result<(), ExecError> {
    let WalkBy::Keys(columns) = &team.walk.by else { return Ok(()) };
    if team.backfill.function.is_some() {
        return Ok(());
    }
    let Some(growth) = predict(session, team, columns).await? else { return Ok(()) };
    let (table, column) = (&team.backfill.table, &team.backfill.column);
    team.tell(&Event::Growth { table: table.clone(), column: column.clone(), growth });
    let more = growth.bytes * (growth.times - 1.0);
    if growth.fits() || more < team.options.growth_unasked as f64 {
        return Ok(());
    }
    if team.options.accept_growth.is_some_and(|most| most >= growth.times) {
        return Ok(());
    }
    let times = (growth.times * 10.0).ceil() / 10.0;
    Err(ExecError::Refused(format!(
        "the values of `{table}.{column}` do not fit into the pages of `{table}`, which {growth}\n  help: if the disk has \
         room for that, say so: `--accept-growth {times:.1}`; nothing was filled"
    )))
}

/// Predicts; nothing for a table without rows.
async fn predict(session: &mut Session, team: &Team<'_>, columns: &[KeyColumn]) -> Result<Option<Growth>, ExecError> {
    let doing = || ExecError::server(team.doing());
    let table = Dialect::MySql.literal(&team.backfill.table);
    // what the server has cached of this may be a day old
    session.execute("SET SESSION information_schema_stats_expiry = 0").await.map_err(doing())?;
    let sql = format!(
        "SELECT DATA_LENGTH, TABLE_ROWS FROM information_schema.TABLES WHERE TABLE_SCHEMA = DATABASE() AND TABLE_NAME = {table}"
    );
    let found = session.rows(&sql).await.map_err(doing())?;
    let number = |at: usize| found.first().and_then(|row| row.get(at)?.as_ref()?.parse::<f64>().ok()).unwrap_or(0.0);
    let (bytes, rows) = (number(0), number(1));
    // not worth a question, however much it grew
    if bytes * 10.0 < team.options.growth_unasked as f64 {
        return Ok(None);
    }
    let ranges = Ranges::new(Dialect::MySql, &team.backfill.table, columns, team.doing());
    let ends = ranges.first(session).await?.zip(ranges.last(session).await?);
    let Some((first, last)) = ends.filter(|_| rows >= 1.0) else { return Ok(None) };
    batch::prepare(session, team.store(), team.walk, Some(&ranges), false).await?;
    let stored = stored(session, team).await?;
    let mut found = Vec::new();
    for from in [Some(first.clone()), ranges.before_the_last(session, SAMPLE).await?].into_iter().flatten() {
        let text = batch::execute(Dialect::MySql, "pontoon_end", &ranges.parameters(&from, &last), Some(SAMPLE));
        let end = end_among(&session.rows(&text).await.map_err(doing())?).unwrap_or_else(|| last.clone());
        found.extend(patient_sample(session, team, &ranges, columns, &stored, [&from, &end]).await?);
    }
    if found.is_empty() {
        let message = format!("how much `{}` grows could not be predicted: others hold its rows", team.backfill.table);
        team.tell(&Event::Notice { message });
    }
    // two samples count alike
    let mean = |of: fn(&(f64, f64)) -> f64| found.iter().map(of).sum::<f64>() / found.len().max(1) as f64;
    let (now, then) = (mean(|it| it.0), mean(|it| it.1));
    Ok((!found.is_empty()).then(|| Growth::predict(bytes, rows, now + stored.fixed, then + stored.grows)))
}

/// How a row is stored.
struct Stored {
    /// Bytes of a row that do not hang on its values, without those of the column that is filled.
    fixed: f64,
    /// Bytes of the other columns' values, as an expression.
    others: String,
    /// Bytes of the column's value, as an expression.
    value: String,
    /// Bytes that the column takes beside its value.
    grows: f64,
}

/// A sample, in spite of others that hold its rows for a moment. What the statement itself does wrong is for the fill to
/// tell.
async fn patient_sample(
    session: &mut Session,
    team: &Team<'_>,
    ranges: &Ranges,
    columns: &[KeyColumn],
    stored: &Stored,
    ends: [&Key; 2],
) -> Result<Option<(f64, f64)>, ExecError> {
    for attempt in 1..=ATTEMPTS {
        match sample(session, team, ranges, columns, stored, ends).await {
            Err(ExecError::Server { error: sqlx::Error::Database(error), .. }) => {
                session.execute("ROLLBACK").await.map_err(ExecError::server(team.doing()))?;
                if !retry::gave_way(&sqlx::Error::Database(error)) {
                    return Ok(None);
                }
                tokio::time::sleep(retry::pause(attempt)).await;
            }
            other => return other,
        }
    }
    Ok(None)
}

/// Fills the rows between two keys, looks at them, and takes it all back.
async fn sample(
    session: &mut Session,
    team: &Team<'_>,
    ranges: &Ranges,
    columns: &[KeyColumn],
    stored: &Stored,
    [first, end]: [&Key; 2],
) -> Result<Option<(f64, f64)>, ExecError> {
    let doing = || ExecError::server(team.doing());
    let args = ranges.parameters(first, end);
    let fill = batch::execute(Dialect::MySql, "pontoon_batch", &args, None);
    session.execute(&format!("BEGIN; {fill}")).await.map_err(doing())?;
    let sql = format!(
        "SELECT CAST(AVG({}) AS CHAR), CAST(AVG({}) AS CHAR) FROM {} WHERE {}",
        stored.others,
        stored.value,
        Dialect::MySql.ident(&team.backfill.table),
        mysql::backfill::range(columns)
    );
    let found = session.query(&sql, &args).await;
    session.execute("ROLLBACK").await.map_err(doing())?;
    let found = found.map_err(doing())?;
    let number = |at: usize| found.first()?.get(at)?.as_ref()?.parse::<f64>().ok();
    Ok(number(0).zip(number(1)))
}

/// Reads the columns (manual, "InnoDB Row Formats" and "Data Type Storage Requirements").
async fn stored(session: &mut Session, team: &Team<'_>) -> Result<Stored, ExecError> {
    let sql = format!(
        "SELECT COLUMN_NAME, LOWER(DATA_TYPE), IS_NULLABLE, CHARACTER_MAXIMUM_LENGTH, CHARACTER_OCTET_LENGTH, NUMERIC_PRECISION, \
         NUMERIC_SCALE, DATETIME_PRECISION, EXTRA LIKE '%VIRTUAL%' FROM information_schema.COLUMNS \
         WHERE TABLE_SCHEMA = DATABASE() AND TABLE_NAME = {} ORDER BY ORDINAL_POSITION",
        Dialect::MySql.literal(&team.backfill.table)
    );
    let rows = session.rows(&sql).await.map_err(ExecError::server(team.doing()))?;
    // a record's header, its transaction and its roll pointer, and its part of the page's directory
    let mut stored = Stored { fixed: 5.0 + 13.0 + 0.5, others: "0".into(), value: "0".into(), grows: 1.0 };
    let mut nullable = 0.0;
    for row in rows {
        let text = |at: usize| row.get(at).cloned().flatten().unwrap_or_default();
        let number = |at: usize| text(at).parse::<f64>().unwrap_or(0.0);
        if text(8) == "1" {
            continue;
        }
        let name = Dialect::MySql.ident(&text(0));
        let (bytes, length) = size(&text(1), &name, [number(3), number(4), number(5), number(6), number(7)]);
        if text(0) == team.backfill.column {
            // the first column of a table that takes NULL brings the bytes that note it
            stored.grows += length + if text(2) == "YES" && nullable == 0.0 { 1.0 } else { 0.0 };
            stored.value = bytes;
        } else {
            nullable += if text(2) == "YES" { 1.0 } else { 0.0 };
            stored.fixed += length;
            stored.others = format!("{} + {bytes}", stored.others);
        }
    }
    stored.fixed += (nullable / 8.0_f64).ceil();
    Ok(stored)
}

/// Bytes of a value, as an expression, and of its length.
fn size(ty: &str, name: &str, [chars, octets, precision, scale, fraction]: [f64; 5]) -> (String, f64) {
    let fixed = |bytes: f64| (format!("IF({name} IS NULL, 0, {bytes})"), 0.0);
    let parts = |digits: f64| (digits / 9.0).floor() * 4.0 + ((digits % 9.0) / 2.0).ceil();
    match ty {
        "tinyint" | "year" | "enum" => fixed(1.0),
        "smallint" => fixed(2.0),
        "mediumint" | "date" => fixed(3.0),
        "int" | "float" => fixed(4.0),
        "bigint" | "double" => fixed(8.0),
        "decimal" => fixed(parts(precision - scale) + parts(scale)),
        "time" => fixed(3.0 + (fraction / 2.0).ceil()),
        "timestamp" => fixed(4.0 + (fraction / 2.0).ceil()),
        "datetime" => fixed(5.0 + (fraction / 2.0).ceil()),
        "bit" => fixed((precision / 8.0).ceil()),
        "set" => fixed(8.0),
        "binary" => fixed(octets),
        // at least a byte for each character
        "char" => (format!("GREATEST(COALESCE(LENGTH({name}), 0), {chars})"), 1.0),
        // what is long is kept elsewhere
        _ => (format!("LEAST(COALESCE(LENGTH({name}), 0), 8000)"), if octets > 255.0 { 1.5 } else { 1.0 }),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_hangs_on_a_byte() {
        // as measured: 80 rows a page
        let of = |row: f64| Growth::predict(200e6, 1e6, 180.0, row);
        assert!(of(12.0).fits(), "{}", of(12.0));
        assert!(!of(14.0).fits(), "{}", of(14.0));
        assert_eq!(of(29.0).times, SPLIT);
    }

    #[test]
    fn emptier_pages_have_room() {
        // filled in no order: 70 % full
        let growth = Growth::predict(260e6, 1e6, 180.0, 29.0);
        assert!(growth.fits(), "{growth}");
    }
}
