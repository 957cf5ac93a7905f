//! What people ask of a fill while it runs, from any machine: one row, which every worker reads with every batch.

use std::fmt;
use std::time::Duration;

use super::super::session::Row;
use super::super::{ExecError, Session};
use super::store::now;
use crate::dialect::Dialect;

/// What was asked last.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Control {
    /// Nothing is to be done until it is resumed.
    pub paused: bool,
    /// How much of the time batches may run, in percent.
    pub speed: u32,
    /// How long a batch should take, where that was asked.
    pub batch: Option<Duration>,
    /// How often everybody was asked to stop.
    pub aborts: u64,
    /// Who asked.
    pub asked_by: String,
}

impl Default for Control {
    fn default() -> Self {
        Self { paused: false, speed: 100, batch: None, aborts: 0, asked_by: String::new() }
    }
}

/// A wish.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Wish {
    /// Stop after the batch that runs, and wait.
    Pause,
    /// Go on.
    Resume,
    /// Run so much of the time, in percent from 1 to 100, and, if given, in batches of that length.
    Speed(u32, Option<Duration>),
    /// Stop after the batch that runs, and end.
    Abort,
}

impl Control {
    /// The columns of `pontoon_control c`.
    pub(super) const SELECTED: &'static str = "c.paused, c.speed, c.batch_ms, c.aborts, c.asked_by";
    pub(super) const COLUMNS: usize = 5;

    /// Reads the columns of [`Self::SELECTED`], all of which are NULL while nothing was ever asked.
    pub(super) fn read(row: &[Option<String>]) -> Self {
        let number = |at: usize| row.get(at).and_then(|it| it.as_deref()).and_then(|it| it.parse::<u64>().ok());
        let Some(paused) = number(0) else { return Self::default() };
        Self {
            paused: paused != 0,
            speed: number(1).and_then(|it| u32::try_from(it).ok()).unwrap_or(100).clamp(1, 100),
            batch: number(2).map(Duration::from_millis),
            aborts: number(3).unwrap_or_default(),
            asked_by: row.get(4).cloned().flatten().unwrap_or_default(),
        }
    }

    /// How long to rest after so much work, to keep the speed that was asked.
    pub(super) fn rest(&self, worked: Duration) -> Duration {
        worked * (100 - self.speed.clamp(1, 100)) / self.speed.clamp(1, 100)
    }
}

impl fmt::Display for Wish {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Pause => f.write_str("paused"),
            Self::Resume => f.write_str("resumed"),
            Self::Abort => f.write_str("told to stop"),
            Self::Speed(speed, None) => write!(f, "at {speed} % of the time"),
            Self::Speed(speed, Some(batch)) => write!(f, "at {speed} % of the time, in batches of {batch:?}"),
        }
    }
}

/// Reads what was asked last.
pub(crate) async fn read(session: &mut Session) -> Result<Control, ExecError> {
    let sql = format!("SELECT {} FROM pontoon_control c WHERE c.only_row = 1", Control::SELECTED);
    let rows: Vec<Row> = session.rows(&sql).await.map_err(ExecError::server("reading pontoon_control"))?;
    Ok(rows.first().map_or_else(Control::default, |row| Control::read(row)))
}

/// Writes a wish.
pub(crate) async fn ask(session: &mut Session, wish: Wish, who: &str) -> Result<(), ExecError> {
    only_row(session).await?;
    let dialect = session.dialect();
    let (who, now) = (dialect.literal(who), now(dialect));
    let set = match wish {
        Wish::Pause => "paused = 1".to_owned(),
        Wish::Resume => "paused = 0".to_owned(),
        Wish::Abort => "aborts = aborts + 1, paused = 0".to_owned(),
        Wish::Speed(speed, batch) => {
            let batch = batch.map_or_else(|| "NULL".to_owned(), |it| it.as_millis().max(1).to_string());
            format!("speed = {}, batch_ms = {batch}", speed.clamp(1, 100))
        }
    };
    let sql = format!("UPDATE pontoon_control SET {set}, asked_by = {who}, at = {now} WHERE only_row = 1");
    session.execute(&sql).await.map_err(ExecError::server("writing pontoon_control")).map(drop)
}

/// Makes the row, where nobody has asked for anything yet.
pub(super) async fn only_row(session: &mut Session) -> Result<(), ExecError> {
    let dialect = session.dialect();
    let unless = match dialect {
        Dialect::Postgres => "ON CONFLICT (only_row) DO NOTHING",
        Dialect::MySql => "ON DUPLICATE KEY UPDATE only_row = 1",
    };
    let sql = format!(
        "INSERT INTO pontoon_control (only_row, paused, speed, batch_ms, aborts, asked_by, at) \
         VALUES (1, 0, 100, NULL, 0, '', {}) {unless}",
        now(dialect)
    );
    session.execute(&sql).await.map_err(ExecError::server("writing pontoon_control")).map(drop)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_speed_is_a_share_of_the_time() {
        let at = |speed| Control { speed, ..Control::default() }.rest(Duration::from_millis(10));
        assert_eq!([at(100), at(50), at(10)], [0, 10, 90].map(Duration::from_millis));
    }

    #[test]
    fn nothing_asked_is_full_speed() {
        assert_eq!(Control::read(&[None, None, None, None, None]), Control::default());
        let row = ["1", "25", "40", "3", "ada"].map(|it| Some(it.to_owned()));
        let read = Control::read(&row);
        assert_eq!((read.paused, read.speed, read.batch, read.aborts), (true, 25, Some(Duration::from_millis(40)), 3));
    }
}
