//! One migration as a picture: a row for each statement along the time, with what it kept out and for how long
//! clients waited, and below it each table's locks.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use pontoon::migration::LockMode;

use crate::report::escape::markup;
use crate::report::words::{cut, duration, stage};
use crate::verify::finding::{Severity, Verdict};
use crate::verify::observation::Observation;
use crate::verify::outcome::{Direction, MigrationRun, StatementRun};

/// Where the texts end and the time begins, and where it ends.
const LEFT: f64 = 440.0;
const RIGHT: f64 = 1_000.0;
/// The whole width, with figures right of the time.
const WIDTH: f64 = 1_140.0;
const ROW: f64 = 30.0;
const HEADING: f64 = 26.0;
const LANE: f64 = 22.0;
const TOP: f64 = 24.0;
/// Something that took no time to speak of is still seen.
const BAR_MIN: f64 = 2.5;
/// The least width of a statement's time, and of what is between two numbers.
const SHARE_MIN: f64 = 26.0;
const TICK_MIN: f64 = 48.0;
/// So many characters of a statement fit.
const SQL_CHARS: usize = 58;
const TABLE_CHARS: usize = 56;

/// What a lock keeps out, as the class of its colour.
fn class(mode: LockMode) -> &'static str {
    match mode {
        _ if mode.blocks_reads() => "all",
        _ if mode.blocks_writes() => "writes",
        _ => "none",
    }
}

/// A statement with its time, counted from the first one's begin.
struct Bar<'a> {
    run: &'a StatementRun,
    seen: &'a Observation,
    from: f64,
    to: f64,
    /// Until when its locks are kept, where that is longer.
    kept: f64,
}

/// The statements that ran, one after the other: what lies between them is not the migration's.
fn bars(migration: &MigrationRun) -> Vec<Bar<'_>> {
    let mut now = 0.0;
    let mut bars: Vec<Bar<'_>> = Vec::new();
    for run in &migration.statements {
        let Some(seen) = &run.observation else { continue };
        let (from, to) = (now, now + seen.duration_ms);
        bars.push(Bar { run, seen, from, to, kept: to });
        now = to;
    }
    // what one transaction holds, it holds until its last statement is done
    for at in 0..bars.len() {
        if !bars[at].seen.in_transaction {
            continue;
        }
        let (file, direction) = (&bars[at].run.file, bars[at].run.direction);
        let mine = |it: &&Bar<'_>| it.seen.in_transaction && it.run.file == *file && it.run.direction == direction;
        let last = bars[at..].iter().take_while(mine).last().map(|it| it.to);
        bars[at].kept = last.unwrap_or(bars[at].to);
    }
    bars
}

/// From milliseconds to a place. Each statement gets its share of the width, and a short one a little more than that:
/// beside a backfill that takes minutes, the lock that takes a millisecond is what has to be seen.
struct Scale {
    /// Moments and their places, in order.
    points: Vec<(f64, f64)>,
}

impl Scale {
    fn of(bars: &[Bar<'_>]) -> Self {
        let count = bars.len().max(1) as f64;
        let least = (SHARE_MIN).min((RIGHT - LEFT) / count / 2.0);
        let total = bars.last().map_or(0.0, |it| it.to).max(f64::MIN_POSITIVE);
        let mut points = vec![(0.0, LEFT)];
        let mut x = LEFT;
        for it in bars {
            x += least + (RIGHT - LEFT - least * count) * (it.to - it.from) / total;
            points.push((it.to, x));
        }
        Self { points }
    }

    fn x(&self, ms: f64) -> f64 {
        let behind = self.points.windows(2).find(|it| ms < it[1].0);
        behind.map_or(RIGHT, |it| {
            let ((from, left), (to, right)) = (it[0], it[1]);
            left + (right - left) * ((ms - from) / (to - from)).clamp(0.0, 1.0)
        })
    }

    /// A bar that is seen, and stays within the picture.
    fn bar(&self, from: f64, to: f64) -> (f64, f64) {
        let (x, end) = (self.x(from), self.x(to));
        let width = (end - x).max(BAR_MIN);
        (x.min(RIGHT - width), width)
    }

    /// Round moments, as many as can be read.
    fn ticks(&self) -> Vec<f64> {
        let total = self.points.last().map_or(0.0, |it| it.0).max(0.001);
        let rough = total / 5.0;
        let power = 10_f64.powf(rough.log10().floor());
        let step = [1.0, 2.0, 5.0, 10.0].into_iter().map(|it| it * power).find(|it| *it >= rough).unwrap_or(rough);
        let count = (total / step).floor() as usize;
        let mut last = f64::MIN;
        let mut ticks = Vec::new();
        for moment in (0..=count).map(|it| it as f64 * step) {
            if self.x(moment) - last >= TICK_MIN {
                last = self.x(moment);
                ticks.push(moment);
            }
        }
        ticks
    }
}

/// The picture; nothing if no statement ran.
pub(super) fn timeline(migration: &MigrationRun) -> String {
    let bars = bars(migration);
    let Some(total) = bars.last().map(|it| it.to) else { return String::new() };
    let scale = Scale::of(&bars);
    let lanes = lanes(&bars);
    let mut body = String::new();
    let mut y = TOP;
    let mut heading = String::new();
    for bar in &bars {
        let stage = stage(bar.run);
        if stage != heading && bar.run.stage != "sql" || heading.is_empty() && bar.run.stage == "sql" {
            if bar.run.stage != "sql" {
                y = rule(&mut body, &stage, y);
            }
            heading = stage;
        }
        row(&mut body, bar, &scale, y);
        y += ROW;
    }
    if !lanes.is_empty() {
        y = rule(&mut body, "locks held", y + 4.0);
        for (table, held) in &lanes {
            lane(&mut body, table, held, &scale, y);
            y += LANE;
        }
    }
    let height = y + 8.0;
    let mut out = format!(
        "<svg viewBox=\"0 0 {WIDTH} {height:.0}\" role=\"img\" aria-label=\"{}\">\n",
        markup(&format!("Timeline of {}: {}", migration.id, duration(total)))
    );
    for tick in scale.ticks() {
        let x = scale.x(tick);
        let _ = writeln!(out, "<line class=\"grid\" x1=\"{x:.1}\" x2=\"{x:.1}\" y1=\"{TOP}\" y2=\"{:.1}\"/>", y + 2.0);
        let _ =
            writeln!(out, "<text class=\"small\" x=\"{x:.1}\" y=\"15\" text-anchor=\"middle\">{}</text>", label(tick));
    }
    out + &body + "</svg>\n"
}

fn label(ms: f64) -> String {
    match ms {
        _ if ms == 0.0 => "0".to_owned(),
        _ if ms < 1.0 => format!("{} ms", (ms * 1_000.0).round() / 1_000.0),
        _ if ms < 1_000.0 => format!("{} ms", (ms * 10.0).round() / 10.0),
        _ => format!("{} s", (ms / 10.0).round() / 100.0),
    }
}

/// A heading over the rows that follow; where these begin.
fn rule(out: &mut String, text: &str, y: f64) -> f64 {
    let _ = writeln!(
        out,
        "<rect class=\"band\" x=\"0\" y=\"{:.1}\" width=\"{WIDTH}\" height=\"{:.1}\" rx=\"3\"/>",
        y + 3.0,
        HEADING - 6.0
    );
    let _ = writeln!(out, "<text class=\"stage\" x=\"8\" y=\"{:.1}\">{}</text>", y + 17.0, markup(text));
    y + HEADING
}

fn row(out: &mut String, bar: &Bar<'_>, scale: &Scale, y: f64) {
    let Bar { run, seen, from, to, .. } = bar;
    let sign = match run.verdict() {
        Verdict::Fail => "<tspan class=\"failed\">✗ </tspan>",
        _ if run.findings.iter().any(|it| it.counts(Severity::Warning)) => "<tspan class=\"warned\">! </tspan>",
        _ => "",
    };
    let back = if run.direction == Direction::Undo { "↩ " } else { "" };
    let strongest = seen.tables().map(|it| it.mode).max();
    let _ = writeln!(out, "<g><title>{}</title>", markup(&told(bar)));
    let _ = writeln!(
        out,
        "<text class=\"sql\" x=\"8\" y=\"{:.1}\">{sign}{}</text>",
        y + 16.0,
        markup(&format!("{back}{}", cut(&run.sql, SQL_CHARS)))
    );
    if seen.error.is_some() {
        let x = scale.x(*from);
        let _ = writeln!(
            out,
            "<text class=\"small failed\" x=\"{:.1}\" y=\"{:.1}\" text-anchor=\"{}\">refused</text></g>",
            x,
            y + 16.0,
            if x > RIGHT - 60.0 { "end" } else { "start" }
        );
        return;
    }
    let (x, width) = scale.bar(*from, *to);
    let class = strongest.map_or("none", class);
    let _ = writeln!(
        out,
        "<rect class=\"{class}\" x=\"{x:.1}\" y=\"{:.1}\" width=\"{width:.1}\" height=\"10\" rx=\"1.5\"/>",
        y + 4.0
    );
    for (at, (class, stall)) in
        [("reader", seen.stall_read_ms), ("writer", seen.stall_write_ms)].into_iter().enumerate()
    {
        if let Some(ms) = stall.filter(|it| *it > 0.0) {
            let (x, width) = scale.bar(*from, from + ms);
            let y = y + 16.0 + at as f64 * 5.0;
            let _ = writeln!(
                out,
                "<rect class=\"{class}\" x=\"{x:.1}\" y=\"{y:.1}\" width=\"{width:.1}\" height=\"3.5\" rx=\"1\"/>"
            );
        }
    }
    let _ = writeln!(
        out,
        "<text class=\"small\" x=\"{:.1}\" y=\"{:.1}\">{}</text>",
        RIGHT + 12.0,
        y + 13.0,
        duration(seen.duration_ms)
    );
    if let Some(stall) = [seen.stall_read_ms, seen.stall_write_ms].into_iter().flatten().reduce(f64::max) {
        let _ = writeln!(
            out,
            "<text class=\"small\" x=\"{:.1}\" y=\"{:.1}\">wait {}</text>",
            RIGHT + 66.0,
            y + 13.0,
            duration(stall)
        );
    }
    out.push_str("</g>\n");
}

/// Everything about a statement, for who points at it.
fn told(bar: &Bar<'_>) -> String {
    let mut text = format!("{}\n{}", bar.run.sql, crate::report::words::effect(bar.seen));
    let _ = write!(text, "\n{}", duration(bar.seen.duration_ms));
    if let (Some(read), Some(write)) = (bar.seen.stall_read_ms, bar.seen.stall_write_ms) {
        let _ = write!(text, "; readers waited {}, writers {}", duration(read), duration(write));
    }
    text
}

/// A lock on a table: which, from when, until when, and until when it is kept.
struct Held {
    mode: LockMode,
    from: f64,
    to: f64,
    kept: f64,
}

/// The tables that were locked, with their locks in the order of time.
fn lanes<'a>(bars: &[Bar<'a>]) -> BTreeMap<&'a str, Vec<Held>> {
    let mut lanes: BTreeMap<&str, Vec<Held>> = BTreeMap::new();
    for bar in bars {
        for lock in bar.seen.tables() {
            let held = Held { mode: lock.mode, from: bar.from, to: bar.to, kept: bar.kept };
            lanes.entry(&lock.object).or_default().push(held);
        }
    }
    lanes
}

fn lane(out: &mut String, table: &str, held: &[Held], scale: &Scale, y: f64) {
    let _ =
        writeln!(out, "<text class=\"sql\" x=\"8\" y=\"{:.1}\">{}</text>", y + 14.0, markup(&cut(table, TABLE_CHARS)));
    // what is kept lies below what is taken meanwhile
    for it in held.iter().filter(|it| it.kept > it.to) {
        let (x, width) = scale.bar(it.from, it.kept);
        let _ = writeln!(
            out,
            "<rect class=\"{} kept\" x=\"{x:.1}\" y=\"{:.1}\" width=\"{width:.1}\" height=\"11\" rx=\"1.5\"><title>{}</title></rect>",
            class(it.mode),
            y + 4.0,
            markup(&format!("{} on {table}, kept until the transaction ends", it.mode.name()))
        );
    }
    for it in held {
        let (x, width) = scale.bar(it.from, it.to);
        let _ = writeln!(
            out,
            "<rect class=\"{}\" x=\"{x:.1}\" y=\"{:.1}\" width=\"{width:.1}\" height=\"11\" rx=\"1.5\"><title>{}</title></rect>",
            class(it.mode),
            y + 4.0,
            markup(&format!("{} on {table}, {}", it.mode.name(), duration(it.to - it.from)))
        );
    }
    if let Some(strongest) = held.iter().map(|it| it.mode).max() {
        let name = cut(strongest.name(), 24);
        let _ = writeln!(
            out,
            "<text class=\"small\" x=\"{:.1}\" y=\"{:.1}\">{}</text>",
            RIGHT + 12.0,
            y + 13.0,
            markup(&name)
        );
    }
}
