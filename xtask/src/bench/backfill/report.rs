//! The figures, for people and for programs.

use std::thread::available_parallelism;

use serde_json::{Value, json};

use super::fill::Measured;
use super::job::Job;
use super::spread::Spread;
use super::{Key, Repeated, Table};
use crate::bench::load::Felt;
use crate::verify::server::Server;

/// What each column is, and its figure; nothing where it was not measured.
type Column = (&'static str, usize, fn(&Measured, unit: f64) -> Option<f64>);

const COLUMNS: &[Column] = &[
    ("s", 2, |it, _| Some(it.seconds)),
    ("x", 2, |it, unit| Some(it.seconds / unit)),
    ("whole s", 2, |it, _| Some(it.whole)),
    ("table x", 2, |it, _| Some(it.table)),
    ("predicted x", 2, |it, _| it.predicted.map(|it| it.times)),
    ("index x", 2, |it, _| it.indexes),
    ("peak x", 2, |it, _| Some(it.peak)),
    ("log MB", 0, |it, _| Some(it.log / MEGA)),
    ("cpu s", 1, |it, _| (it.cpu > 0.0).then_some(it.cpu)),
    ("memory MB", 0, |it, _| (it.memory > 0.0).then_some(it.memory / MEGA)),
    ("p99 ms", 1, |it, _| during(it, |felt| felt.p99)),
    ("read ms", 0, |it, _| during(it, |felt| felt.longest_read)),
    ("write ms", 0, |it, _| during(it, |felt| felt.longest_write)),
    ("throughput", 3, |it, _| it.felt.map(|(before, felt)| felt.per_second / before.per_second)),
    ("failed", 0, |it, _| during(it, |felt| felt.failed as f64)),
];

const MEGA: f64 = (1 << 20) as f64;

/// What the columns mean, and what they are compared with.
const LEGEND: &str = "\
s: seconds of the fill (of another tool, of all it does); x: over those of one plain UPDATE of the table on the idle server, measured in
the same repetition; whole s: from the first statement to the last, contract included. table, index x: bytes after it over those
before; predicted: as the fill predicted it before its first row; peak: the most that the database's tables took meanwhile. log MB: WAL
or binary log, what clients wrote included. cpu s, memory MB: of this process, whose clients count too. p99, read, write: what 4 clients felt
during all of it at 400 operations a second in all, the longest read and write; throughput: their operations a second over those before;
failed: operations that were told an error. Medians, with the least and the greatest.";

fn during(it: &Measured, of: fn(Felt) -> f64) -> Option<f64> {
    it.felt.map(|(_, felt)| of(felt))
}

impl Repeated {
    fn spread(&self, (_, _, of): &Column) -> Option<Spread> {
        Spread::of(self.runs.iter().filter_map(|(unit, it)| of(it, *unit)))
    }

    fn cells(&self) -> Vec<String> {
        let figure = |column: &Column| self.spread(column).map_or_else(String::new, |it| format!("{it:.*}", column.1));
        std::iter::once(self.name()).chain(COLUMNS.iter().map(figure)).collect()
    }
}

fn title(server: &Server, job: Job) -> String {
    let key = if job.key == Key::Uuid { ", uuids as keys" } else { "" };
    format!("{}: {} rows{key}, `{}`", server.describe(), job.rows, job.update())
}

fn machine() -> String {
    let memory = std::fs::read_to_string("/proc/meminfo").unwrap_or_default();
    let kilobytes = memory.split_whitespace().nth(1).and_then(|it| it.parse::<f64>().ok());
    let memory = kilobytes.map_or_else(String::new, |it| format!(", {:.0} GB", it / 1_048_576.0));
    format!("{} processors{memory}", available_parallelism().map_or(1, usize::from))
}

fn header() -> Vec<String> {
    std::iter::once("").chain(COLUMNS.iter().map(|it| it.0)).map(str::to_owned).collect()
}

/// What the clients felt before, and in which stage they waited longest.
fn notes(fill: &Repeated) -> Vec<String> {
    let felt = |it: Felt| format!("p99 {:.1}, read {:.0}, write {:.0} ms", it.p99, it.longest_read, it.longest_write);
    let mut notes = Vec::new();
    for (_, run) in &fill.runs {
        let Some((before, _)) = run.felt else { continue };
        let stages: String = run.stages.iter().map(|(stage, it)| format!("; {stage}: {}", felt(*it))).collect();
        let failure = run.failure.as_ref().map_or_else(String::new, |it| format!("; the first that failed: {it}"));
        notes.push(format!("{}: before: {}{stages}{failure}", fill.name(), felt(before)));
    }
    notes
}

pub(super) fn print_text(server: &Server, tables: &[Table]) {
    for table in tables {
        println!("\n{}\n", title(server, table.job));
        let rows: Vec<_> = std::iter::once(header()).chain(table.fills.iter().map(Repeated::cells)).collect();
        let width = |at: usize| rows.iter().map(|row| row[at].chars().count()).max().unwrap_or(0);
        // what nothing has is left out
        let shown: Vec<_> = (0..rows[0].len()).filter(|at| rows[1..].iter().any(|row| !row[*at].is_empty())).collect();
        for row in &rows {
            let line: Vec<_> = shown.iter().map(|at| format!("{:>1$}", row[*at], width(*at))).collect();
            println!("{}", line.join("  "));
        }
        println!();
        table.fills.iter().flat_map(notes).for_each(|it| println!("{it}"));
    }
    println!("\n{LEGEND}\nMeasured on {}. {}", machine(), again());
}

pub(super) fn print_markdown(server: &Server, tables: &[Table]) {
    for table in tables {
        println!("\n{}\n", title(server, table.job));
        let rows: Vec<_> = std::iter::once(header()).chain(table.fills.iter().map(Repeated::cells)).collect();
        let shown: Vec<_> = (0..rows[0].len()).filter(|at| rows[1..].iter().any(|row| !row[*at].is_empty())).collect();
        for (number, row) in rows.iter().enumerate() {
            let cells: Vec<_> = shown.iter().map(|at| row[*at].as_str()).collect();
            println!("| {} |", cells.join(" | "));
            if number == 0 {
                println!("|{}", "---|".repeat(shown.len()));
            }
        }
    }
    println!("\nMeasured on {}. {}", machine(), again());
}

/// How to measure it again.
fn again() -> String {
    let args: Vec<_> = std::env::args().skip(1).collect();
    format!("To repeat it: `cargo xtask {}`.", args.join(" "))
}

pub(super) fn json(server: &Server, tables: &[Table]) -> Value {
    let felt = |it: Felt| {
        json!({ "operations": it.operations, "per_second": it.per_second, "failed": it.failed, "p99_ms": it.p99,
                "longest_read_ms": it.longest_read, "longest_write_ms": it.longest_write })
    };
    let run = |(unit, it): &(f64, Measured)| {
        let stages: serde_json::Map<_, _> =
            it.stages.iter().map(|(stage, it)| (stage.name().to_owned(), felt(*it))).collect();
        json!({
            "seconds": it.seconds, "ratio": it.seconds / unit, "whole_seconds": it.whole, "table_growth": it.table,
            "index_growth": it.indexes, "peak": it.peak, "log_bytes": it.log,
            "predicted_growth": it.predicted.map(|it| it.times), "cpu_seconds": it.cpu, "memory_bytes": it.memory,
            "clients_before": it.felt.map(|(before, _)| felt(before)), "clients": it.felt.map(|(_, during)| felt(during)),
            "clients_by_stage": stages, "failure": it.failure,
        })
    };
    let table = |it: &Table| {
        let fills: Vec<_> = it
            .fills
            .iter()
            .map(|fill| {
                let figures: serde_json::Map<_, _> = COLUMNS
                    .iter()
                    .filter_map(|column| {
                        let it = fill.spread(column)?;
                        let figure = json!({ "median": it.median, "least": it.least, "most": it.most });
                        Some((column.0.to_owned(), figure))
                    })
                    .collect();
                json!({ "name": fill.name(), "load": fill.load, "figures": figures, "runs": fill.runs.iter().map(run).collect::<Vec<_>>() })
            })
            .collect();
        json!({ "rows": it.job.rows, "key": if it.job.key == Key::Uuid { "uuid" } else { "number" }, "update": it.job.update(), "fills": fills })
    };
    json!({ "engine": server.dialect().name(), "version": server.version(), "source": server.source(),
            "settings": super::settings(server.dialect()), "tables": tables.iter().map(table).collect::<Vec<_>>() })
}

pub(super) fn print_json(engines: Vec<Value>) {
    let report = json!({ "version": 2, "bench": "backfill", "machine": machine(), "engines": engines });
    println!("{report:#}");
}
