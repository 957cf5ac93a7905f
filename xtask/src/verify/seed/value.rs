//! Expressions that make up values: one for each number, and different ones for different numbers.

use pontoon::Dialect;

use super::model::{Column, Kind};
use super::wish::Wish;

/// Stands for the number in a template.
pub(super) const NUMBER: char = '\u{1}';

/// No practical limit.
const MANY: u64 = 1 << 62;
const ALPHABET: &str = "abcdefghijklmnopqrstuvwxyz0123456789";

/// How a column's values are made.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Generator {
    template: String,
    /// So many numbers, from 0, give different values.
    pub(super) capacity: u64,
}

impl Generator {
    /// The value for a number, given as an expression.
    pub(super) fn at(&self, number: &str) -> String {
        self.template.replace(NUMBER, &format!("({number})"))
    }
}

/// What makes `column`'s values for `rows` rows; `None` if its type is unknown.
/// `text` is a guess for texts whose conditions are not understood.
pub(super) fn generator(column: &Column, rows: u64, text: Option<&str>, dialect: Dialect) -> Option<Generator> {
    let wish = &column.wish;
    let (template, capacity) = if !wish.one_of.is_empty() {
        listed(&wish.one_of, &column.kind, dialect)
    } else if let (Some((before, after)), Kind::Text(_)) = (&wish.around, &column.kind) {
        (concatenation(&[literal(before, dialect), number_text(dialect), literal(after, dialect)], dialect), MANY)
    } else if let (Some(text), Kind::Text(_)) = (text, &column.kind) {
        (literal(text, dialect), 1)
    } else {
        of_kind(&column.kind, column, rows, dialect)?
    };
    // what must be ahead of another column is so by some numbers
    let template = match wish.ahead {
        0 => template,
        ahead => template.replace(NUMBER, &format!("({NUMBER} + {ahead})")),
    };
    let template = match &column.cast {
        Some(cast) => format!("({template})::{cast}"),
        None => template,
    };
    Some(Generator { template, capacity })
}

fn of_kind(kind: &Kind, column: &Column, rows: u64, dialect: Dialect) -> Option<(String, u64)> {
    let n = NUMBER;
    let wish = &column.wish;
    let postgres = dialect == Dialect::Postgres;
    Some(match kind {
        Kind::Bool if postgres => (format!("{n} % 2 = 1"), 2),
        Kind::Bool => (format!("{n} % 2"), 2),
        Kind::Integer(first, last) => number(wish, 0, (*first, *last), rows),
        Kind::Decimal(precision, scale) => {
            let last = 10_i128.pow(precision.unwrap_or(18).min(30)) - 1;
            number(wish, *scale, (-last, last), rows)
        }
        Kind::Float => number(wish, 3, (-(1 << 23), 1 << 23), rows),
        Kind::Text(limit) => text(column, *limit, rows, dialect),
        Kind::Bytes(limit, fixed) => bytes(wish, *limit, *fixed, dialect),
        Kind::Bits(bits) if postgres => (format!("{n}::bigint::bit({})", (*bits).min(64)), two_to(*bits)),
        Kind::Bits(bits) => (n.to_string(), two_to(*bits)),
        Kind::Uuid => (format!("md5('pontoon' || {n}::text)"), MANY),
        Kind::Json => json(wish.json_array, dialect),
        Kind::Date => date(wish, rows, dialect),
        Kind::Time if postgres => (format!("time '00:00' + {n} * interval '1 second'"), 86_400),
        Kind::Time => (format!("SEC_TO_TIME({n})"), 86_400),
        Kind::Timestamp(zone) => timestamp(wish, *zone, rows, dialect),
        Kind::Interval => (format!("{n} * interval '1 second'"), MANY),
        Kind::Year => (format!("1970 + {n}"), 180),
        Kind::Enum(labels) => listed(labels, kind, dialect),
        Kind::Array(inner, name) => {
            let (element, capacity) = of_kind(inner, &plain(inner, column), rows, dialect)?;
            (format!("ARRAY[({element})::{name}]"), capacity)
        }
        Kind::Range(inner, subtype, range, multirange) => {
            let (lower, capacity) = of_kind(inner, &plain(inner, column), rows, dialect)?;
            let upper = lower.replace(NUMBER, &format!("({n} + 1)"));
            let made = format!("{range}(({lower})::{subtype}, ({upper})::{subtype})");
            (multirange.as_ref().map_or(made.clone(), |outer| format!("{outer}({made})")), capacity)
        }
        Kind::Template(template) => ((*template).to_owned(), MANY),
        Kind::Point(system) => (format!("ST_SRID(POINT({n} % 90, {n} DIV 90 % 90), {system})"), 8_100),
        Kind::Unknown => return None,
    })
}

/// The elements of a column's value are under none of its conditions.
fn plain(kind: &Kind, column: &Column) -> Column {
    Column { kind: kind.clone(), wish: Wish::default(), cast: None, ..column.clone() }
}

fn listed(values: &[String], kind: &Kind, dialect: Dialect) -> (String, u64) {
    let n = NUMBER;
    let items: Vec<String> = values
        .iter()
        .map(|value| match (dialect, value.as_str(), kind) {
            (Dialect::MySql, "true" | "false", Kind::Bool | Kind::Integer(..)) => u8::from(value == "true").to_string(),
            _ => literal(value, dialect),
        })
        .collect();
    let items = items.join(", ");
    let template = match dialect {
        // the numbers of rows are bigint, and subscripts are not
        Dialect::Postgres => format!("(ARRAY[{items}])[1 + ({n} % {})::int]", values.len()),
        Dialect::MySql => format!("ELT(1 + {n} % {}, {items})", values.len()),
    };
    (template, values.len() as u64)
}

/// Numbers with `scale` digits behind the point; `whole` are the type's first and last, without the point.
fn number(wish: &Wish, scale: u32, whole: (i128, i128), rows: u64) -> (String, u64) {
    let unit = 10_f64.powi(scale as i32);
    let limit = |bound: &Option<String>| bound.as_ref()?.parse::<f64>().ok().map(|it| (it, true));
    let min = wish.min.or_else(|| limit(&wish.after));
    let max = wish.max.or_else(|| limit(&wish.before));
    let min = min.map(|(it, itself)| if itself { (it * unit).ceil() as i128 } else { (it * unit).floor() as i128 + 1 });
    let max = max.map(|(it, itself)| if itself { (it * unit).floor() as i128 } else { (it * unit).ceil() as i128 - 1 });
    let last = max.unwrap_or(whole.1).clamp(whole.0, whole.1);
    let wanted = i128::from(rows);
    let first = match min {
        Some(min) => min.clamp(whole.0, whole.1),
        None if last >= wanted => 1,
        // a small type, or a low ceiling: below zero too
        None => (last - wanted + 1).max(whole.0),
    };
    let capacity = u64::try_from(last - first + 1).unwrap_or(MANY).clamp(1, MANY);
    let step = if wish.spread { (capacity / rows.max(1)).max(1) } else { 1 };
    let n = NUMBER;
    let plain = if step == 1 { format!("{first} + {n}") } else { format!("{first} + {n} * {step}") };
    match scale {
        0 => (plain, capacity / step),
        // a decimal literal, so that it stays exact
        _ => (format!("({plain}) * 0.{}1", "0".repeat(scale as usize - 1)), capacity / step),
    }
}

fn text(column: &Column, limit: Option<u64>, rows: u64, dialect: Dialect) -> (String, u64) {
    let wish = &column.wish;
    let limit = [limit, wish.max_length].into_iter().flatten().min().unwrap_or(u64::MAX);
    let digits = (rows + 1).to_string().len() as u64;
    let email = column.name.to_lowercase().contains("email");
    let (template, capacity, longest) = if email && limit >= digits + 16 {
        let parts = [literal("user", dialect), number_text(dialect), literal("@example.com", dialect)];
        (concatenation(&parts, dialect), MANY, digits + 16)
    } else if limit >= digits {
        // digits can be read as a number and as JSON, where a later migration makes the column one of these
        (concatenation(&[number_text(dialect)], dialect), MANY, digits)
    } else {
        let length = limit.clamp(1, 12);
        let letters: Vec<String> = (0..length as u32).rev().map(|at| letter(at, dialect)).collect();
        (concatenation(&letters, dialect), 36_u64.saturating_pow(length as u32).min(MANY), length)
    };
    let template = match wish.min_length {
        // never cut off, for then different values would be the same
        Some(length) if length > longest => format!("rpad({template}, {length}, 'x')"),
        Some(length) if length > 1 => format!("rpad({template}, {longest}, 'x')"),
        _ => template,
    };
    (if wish.upper { format!("upper({template})") } else { template }, if limit == 0 { 1 } else { capacity })
}

/// The number's digit at a place, to the base of 36, as a letter.
fn letter(place: u32, dialect: Dialect) -> String {
    let (n, power) = (NUMBER, 36_u64.saturating_pow(place));
    match dialect {
        Dialect::Postgres => format!("substr('{ALPHABET}', 1 + ({n} / {power} % 36)::int, 1)"),
        Dialect::MySql => format!("SUBSTR('{ALPHABET}', 1 + {n} DIV {power} % 36, 1)"),
    }
}

fn bytes(wish: &Wish, limit: Option<u64>, fixed: bool, dialect: Dialect) -> (String, u64) {
    let limit = [limit, wish.max_length].into_iter().flatten().min().unwrap_or(u64::MAX);
    let length = if fixed { limit } else { limit.min(16).max(wish.min_length.unwrap_or(1)) };
    let (n, digits) = (NUMBER, length * 2);
    let template = match dialect {
        Dialect::Postgres => format!("decode(lpad(to_hex({n}), {digits}, '0'), 'hex')"),
        Dialect::MySql => format!("UNHEX(LPAD(HEX({n}), {digits}, '0'))"),
    };
    (template, two_to(length.saturating_mul(8)))
}

fn json(array: bool, dialect: Dialect) -> (String, u64) {
    let n = NUMBER;
    let template = match (dialect, array) {
        (Dialect::Postgres, true) => format!("'[' || {n} || ']'"),
        (Dialect::Postgres, false) => format!("'{{\"n\":' || {n} || ',\"tag\":\"tag ' || {n} % 10 || '\"}}'"),
        (Dialect::MySql, true) => format!("JSON_ARRAY({n})"),
        (Dialect::MySql, false) => format!("JSON_OBJECT('n', {n}, 'tag', CONCAT('tag ', {n} % 10))"),
    };
    (template, MANY)
}

fn date(wish: &Wish, rows: u64, dialect: Dialect) -> (String, u64) {
    let n = NUMBER;
    let day = |text: &str| text.get(..10).unwrap_or(text).to_owned();
    let (first, direction) = bounds(wish, "2020-01-01");
    let (first, last) = (literal(&day(&first), dialect), wish.before.as_deref().map(|it| literal(&day(it), dialect)));
    match (dialect, last.filter(|_| wish.spread)) {
        (Dialect::Postgres, Some(last)) => {
            (format!("date {first} + ((date {last} - date {first}) * {n} / {rows})::int"), 1)
        }
        (Dialect::Postgres, None) => (format!("date {first} + ({direction}{n})::int"), 1_000_000),
        (Dialect::MySql, Some(last)) => {
            (format!("DATE {first} + INTERVAL (DATEDIFF({last}, {first}) * {n} DIV {rows}) DAY"), 1)
        }
        (Dialect::MySql, None) => (format!("DATE {first} + INTERVAL ({direction}{n}) DAY"), 1_000_000),
    }
}

fn timestamp(wish: &Wish, zone: bool, rows: u64, dialect: Dialect) -> (String, u64) {
    let n = NUMBER;
    let (first, direction) = bounds(wish, "2020-01-01 00:00:00");
    let kind = if zone { "timestamptz" } else { "timestamp" };
    let (first, last) = (literal(&first, dialect), wish.before.as_deref().map(|it| literal(it, dialect)));
    let template = match (dialect, last.filter(|_| wish.spread)) {
        (Dialect::Postgres, Some(last)) => {
            format!("{kind} {first} + ({kind} {last} - {kind} {first}) * ({n}::float8 / {rows})")
        }
        (Dialect::Postgres, None) => format!("{kind} {first} + ({direction}{n}) * interval '1 second'"),
        (Dialect::MySql, Some(last)) => {
            format!(
                "CAST({first} AS DATETIME) + INTERVAL (TIMESTAMPDIFF(SECOND, {first}, {last}) * {n} DIV {rows}) SECOND"
            )
        }
        (Dialect::MySql, None) => format!("CAST({first} AS DATETIME) + INTERVAL ({direction}{n}) SECOND"),
    };
    (template, if wish.spread && dialect == Dialect::MySql { 1 } else { 500_000_000 })
}

/// Where to begin, and in which direction to go: what must lie before a time goes backwards from it.
fn bounds(wish: &Wish, usual: &str) -> (String, &'static str) {
    match (&wish.after, &wish.before) {
        (Some(after), Some(_)) if wish.spread => (after.clone(), ""),
        (Some(after), _) => (after.clone(), "1 + "),
        (None, Some(before)) => (before.clone(), "-1 - "),
        (None, None) => (usual.to_owned(), ""),
    }
}

fn literal(text: &str, dialect: Dialect) -> String {
    dialect.literal(text)
}

fn number_text(dialect: Dialect) -> String {
    match dialect {
        Dialect::Postgres => format!("{NUMBER}::text"),
        Dialect::MySql => NUMBER.to_string(),
    }
}

fn concatenation(parts: &[String], dialect: Dialect) -> String {
    match dialect {
        Dialect::Postgres => format!("({})", parts.join(" || ")),
        Dialect::MySql => format!("CONCAT({})", parts.join(", ")),
    }
}

fn two_to(bits: u64) -> u64 {
    if bits >= 62 { MANY } else { 1 << bits }
}
