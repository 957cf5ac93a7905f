//! Drift as a build error: the structs against the numbers in the index, while the
//! application compiles.
//!
//! The compiler interprets this, at a microsecond or so for each call and turn of a loop, and warns
//! about a constant that takes millions of them. So a name is searched among its own table's
//! entries alone, and inner loops call nothing: hundreds of tables cost a second (`cargo xtask
//! bench derive`), and most of that are the numbers.
//!
//! Every function here passes its caller on (`track_caller`): the compiler then marks the line
//! where the application embeds its migrations, and none of these.

use core::cmp::Ordering;

use crate::def::{ColumnDef, TableDef};
use crate::fingerprint;
use crate::migration::Embedded;

/// Stops the build if the structs have changes that no migration makes.
///
/// # Panics
/// At compile time, naming the first table and column that differ and the command to run.
#[track_caller]
pub const fn assert_none(tables: &[&TableDef], recorded: &Embedded) {
    if has_mistakes(tables) {
        return;
    }
    let mut met = Met::new(recorded.tables.len());
    let mut at = 0;
    while at < tables.len() {
        let def = tables[at];
        let place = table_place(recorded, def.name);
        if place == recorded.tables.len() || !same(recorded.tables[place].0, def.name) {
            fail(def.name, None, " has no migration");
        }
        if met.before(place) {
            fail(def.name, None, " stands twice in the schema");
        }
        columns(def, recorded);
        if recorded.tables[place].1 != fingerprint::of_table(def) {
            fail(def.name, None, " has changed its keys, indexes or checks since the last migration");
        }
        at += 1;
    }
    if let Some(gone) = met.first_missing() {
        fail(recorded.tables[gone].0, None, " is in the migrations and not in the schema");
    }
}

/// A struct with mistakes in its attributes has no name here, and has said what is wrong with it.
const fn has_mistakes(tables: &[&TableDef]) -> bool {
    let mut at = 0;
    while at < tables.len() {
        if tables[at].name.is_empty() {
            return true;
        }
        at += 1;
    }
    false
}

#[track_caller]
const fn columns(def: &TableDef, recorded: &Embedded) {
    let entries = recorded.columns;
    let first = first_column(entries, def.name);
    let end = end_of_columns(entries, def.name, first);
    let mut met = Met::new(end - first);
    let mut at = 0;
    while at < def.columns.len() {
        let column: &ColumnDef = &def.columns[at];
        let place = column_place(entries, column.name, first, end);
        if place == end || !same(entries[place].1, column.name) {
            fail(def.name, Some(column.name), " has no migration");
        }
        if met.before(place - first) {
            fail(def.name, Some(column.name), " stands twice in the struct");
        }
        if entries[place].2 != fingerprint::of_column(column) {
            fail(def.name, Some(column.name), " has changed since the last migration");
        }
        at += 1;
    }
    if let Some(gone) = met.first_missing() {
        fail(def.name, Some(entries[first + gone].1), " is in the migrations and not in the struct");
    }
}

/// The first table that is not before this one.
const fn table_place(recorded: &Embedded, table: &str) -> usize {
    let tables = recorded.tables;
    let (mut low, mut high) = (0, tables.len());
    while low < high {
        let middle = low + (high - low) / 2;
        match compare(tables[middle].0, table) {
            Ordering::Less => low = middle + 1,
            _ => high = middle,
        }
    }
    low
}

/// The first column that is of this table, or would be.
const fn first_column(entries: &[(&str, &str, u64)], table: &str) -> usize {
    let (mut low, mut high) = (0, entries.len());
    while low < high {
        let middle = low + (high - low) / 2;
        match compare(entries[middle].0, table) {
            Ordering::Less => low = middle + 1,
            _ => high = middle,
        }
    }
    low
}

/// The first column from `first` on that is of another table.
const fn end_of_columns(entries: &[(&str, &str, u64)], table: &str, first: usize) -> usize {
    let (mut low, mut high) = (first, entries.len());
    while low < high {
        let middle = low + (high - low) / 2;
        match compare(entries[middle].0, table) {
            Ordering::Greater => high = middle,
            _ => low = middle + 1,
        }
    }
    low
}

/// Among one table's columns, the first that is not before this one.
const fn column_place(entries: &[(&str, &str, u64)], column: &str, first: usize, end: usize) -> usize {
    let (mut low, mut high) = (first, end);
    while low < high {
        let middle = low + (high - low) / 2;
        match compare(entries[middle].1, column) {
            Ordering::Less => low = middle + 1,
            _ => high = middle,
        }
    }
    low
}

const fn same(a: &str, b: &str) -> bool {
    matches!(compare(a, b), Ordering::Equal)
}

/// As `str` orders itself, which is how the index is sorted.
const fn compare(a: &str, b: &str) -> Ordering {
    let (a, b) = (a.as_bytes(), b.as_bytes());
    let (a_length, b_length) = (a.len(), b.len());
    let both = if a_length < b_length { a_length } else { b_length };
    let mut at = 0;
    while at < both {
        if a[at] != b[at] {
            return if a[at] < b[at] { Ordering::Less } else { Ordering::Greater };
        }
        at += 1;
    }
    if a_length == b_length {
        Ordering::Equal
    } else if a_length < b_length {
        Ordering::Less
    } else {
        Ordering::Greater
    }
}

/// Which entries the structs have met. Counting them would not do: a struct that is listed twice
/// would stand in for one that is gone.
struct Met {
    bits: [u64; ENTRIES_MAX / 64],
    length: usize,
    count: usize,
}

/// Tables of a schema, or columns of a table; both servers take fewer columns.
const ENTRIES_MAX: usize = 16_384;

impl Met {
    const fn new(length: usize) -> Self {
        assert!(length <= ENTRIES_MAX, "an index of migrations holds at most 16384 tables");
        Self { bits: [0; ENTRIES_MAX / 64], length, count: 0 }
    }

    /// Whether this entry was met before; now it is.
    const fn before(&mut self, place: usize) -> bool {
        let bit = 1 << (place % 64);
        if self.bits[place / 64] & bit != 0 {
            return true;
        }
        self.bits[place / 64] |= bit;
        self.count += 1;
        false
    }

    const fn first_missing(&self) -> Option<usize> {
        let mut place = 0;
        while self.count < self.length && place < self.length {
            if self.bits[place / 64] & (1 << (place % 64)) == 0 {
                return Some(place);
            }
            place += 1;
        }
        None
    }
}

/// The message is put together in a fixed buffer: there is no `format!` while compiling.
#[track_caller]
const fn fail(table: &str, column: Option<&str>, what: &str) -> ! {
    let mut text = Buffer { bytes: [0; 512], length: 0 };
    text = text.push(if column.is_some() { "schema drift: column `" } else { "schema drift: table `" }).push(table);
    if let Some(column) = column {
        text = text.push(".").push(column);
    }
    text = text.push("`").push(what).push("; run `cargo xtask generate`");
    let (message, _) = text.bytes.split_at(text.length);
    match core::str::from_utf8(message) {
        Ok(message) => panic!("{}", message),
        Err(_) => panic!("schema drift; run `cargo xtask generate`"),
    }
}

struct Buffer {
    bytes: [u8; 512],
    length: usize,
}

impl Buffer {
    const fn push(mut self, text: &str) -> Self {
        let text = text.as_bytes();
        let mut at = 0;
        while at < text.len() && self.length < self.bytes.len() {
            self.bytes[self.length] = text[at];
            self.length += 1;
            at += 1;
        }
        self
    }
}
