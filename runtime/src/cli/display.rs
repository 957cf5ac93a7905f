//! What a person sees while a command runs: a progress bar with the time to go on a terminal,
//! a line for each thing that happened elsewhere.

use std::io::IsTerminal as _;
use std::sync::Mutex;
use std::time::{Duration, Instant};

use indicatif::{ProgressBar, ProgressStyle};

use crate::exec::{Event, Observer};

/// How often a backfill tells of itself where there is no terminal.
const EVERY: Duration = Duration::from_secs(5);

pub(super) struct Display {
    terminal: bool,
    bar: Mutex<Option<ProgressBar>>,
    told: Mutex<Option<Instant>>,
}

impl Display {
    pub(super) fn new() -> Self {
        Self { terminal: std::io::stderr().is_terminal(), bar: Mutex::new(None), told: Mutex::new(None) }
    }

    fn batch(&self, what: &str, rows: u64, position: f64, rows_per_second: f64, eta_seconds: Option<f64>) {
        let eta = eta_seconds.map_or_else(|| "?".to_owned(), |it| format!("{it:.0} s"));
        let text = format!("{what}: {rows} rows, {rows_per_second:.0} rows/s, {eta} to go");
        if self.terminal {
            let Ok(mut bar) = self.bar.lock() else { return };
            let bar = bar.get_or_insert_with(|| {
                let style = ProgressStyle::with_template("{bar:30} {percent:>3} % {msg}");
                ProgressBar::new(1_000).with_style(style.unwrap_or_else(|_| ProgressStyle::default_bar()))
            });
            bar.set_position((position * 1_000.0) as u64);
            bar.set_message(text);
            return;
        }
        self.now_and_then(|| format!("{:.0} % {text}", position * 100.0));
    }

    fn now_and_then(&self, text: impl FnOnce() -> String) {
        let Ok(mut told) = self.told.lock() else { return };
        if told.is_none_or(|it| it.elapsed() >= EVERY) {
            eprintln!("  {}", text());
            *told = Some(Instant::now());
        }
    }
}

impl Observer for Display {
    fn event(&self, event: &Event) {
        match event {
            Event::Stage { migration, stage, undo } => {
                eprintln!("{}{stage} of {migration}", if *undo { "undo of " } else { "" });
            }
            Event::Ahead { message } => eprintln!("  `contract` will be refused until this is mended: {message}"),
            Event::Statement { sql } => eprintln!("  {}", first_line(sql)),
            Event::Skipped { sql, reason } => eprintln!("  skipped ({reason}): {}", first_line(sql)),
            Event::Done { duration_ms, waited_ms, attempts } => {
                let waited = if *waited_ms > 0 { format!(", after {waited_ms} ms of waiting") } else { String::new() };
                let tries = if *attempts > 1 { format!(", attempt {attempts}") } else { String::new() };
                eprintln!("    {duration_ms} ms{waited}{tries}");
            }
            Event::Found { sql } => eprintln!("  was done already: {}", first_line(sql)),
            Event::Waiting { blockers } => {
                for blocker in blockers {
                    eprintln!("    waiting: {blocker}");
                }
            }
            Event::Ended { blocker } => eprintln!("    ended, since it was in the way: {blocker}"),
            Event::Retry { reason } => eprintln!("    gave way ({reason}); trying again"),
            Event::Lost { reason } => eprintln!("  lost the connection, and begins again: {}", first_line(reason)),
            Event::Batch { table, column, rows, position, rows_per_second, eta_seconds } => {
                self.batch(&format!("{table}.{column}"), *rows, *position, *rows_per_second, *eta_seconds);
            }
            Event::Joined { migration } => eprintln!("backfill of {migration}, beside another runner"),
            Event::TakenOver { table, column, worker } => {
                eprintln!("  took over a range of {table}.{column} from worker {worker}, which is gone");
            }
            Event::Notice { message } => eprintln!("  note: {message}"),
            Event::Growth { table, growth, .. } => eprintln!("  note: `{table}` {growth}"),
            Event::Held { reason } => eprintln!("  waiting: {reason}"),
            Event::Resumed => eprintln!("  going on"),
            Event::Search { table, rows } => self.now_and_then(|| format!("searching {table}: {rows} rows")),
            Event::Filled { table, column, rows } => {
                if let Some(bar) = self.bar.lock().ok().and_then(|mut bar| bar.take()) {
                    bar.finish_and_clear();
                }
                eprintln!("  filled {table}.{column}: {rows} rows");
            }
        }
    }
}

fn first_line(sql: &str) -> String {
    let mut line: String = sql.lines().next().unwrap_or_default().chars().take(160).collect();
    if line.len() < sql.len() {
        line.push_str(" ...");
    }
    line
}
