//! Drift as a build error: the structs against the numbers in the index, while the
//! application compiles.
//!
//! The index is sorted by name, so every name is found in a few steps, and the work is linear in
//! the columns: a schema of hundreds of tables costs little (`cargo xtask bench derive`).

use core::cmp::Ordering;

use crate::def::{ColumnDef, TableDef};
use crate::fingerprint;
use crate::migration::Embedded;

/// Stops the build if the structs have changes that no migration makes.
///
/// # Panics
/// At compile time, naming the first table and column that differ and the command to run.
pub const fn assert_none(tables: &[&TableDef], recorded: &Embedded) {
    let mut at = 0;
    while at < tables.len() {
        table(tables[at], recorded);
        at += 1;
    }
    // every struct has its entry: more entries than structs are tables that are gone
    if recorded.tables.len() > tables.len() {
        at = 0;
        while at < recorded.tables.len() {
            if !has_table(tables, recorded.tables[at].0) {
                fail(recorded.tables[at].0, None, " is in the migrations and not in the schema");
            }
            at += 1;
        }
    }
}

const fn table(def: &TableDef, recorded: &Embedded) {
    let place = table_place(recorded, def.name);
    if place == recorded.tables.len() || !same(recorded.tables[place].0, def.name) {
        fail(def.name, None, " has no migration");
    }
    let mut at = 0;
    while at < def.columns.len() {
        column(def.name, &def.columns[at], recorded);
        at += 1;
    }
    let first = column_place(recorded, def.name, "");
    let mut end = first;
    while end < recorded.columns.len() && same(recorded.columns[end].0, def.name) {
        end += 1;
    }
    // every field has its entry: more entries than fields are columns that are gone
    at = first;
    while end - first > def.columns.len() && at < end {
        if !has_column(def, recorded.columns[at].1) {
            fail(def.name, Some(recorded.columns[at].1), " is in the migrations and not in the struct");
        }
        at += 1;
    }
    if recorded.tables[place].1 != fingerprint::of_table(def) {
        fail(def.name, None, " has changed its keys, indexes or checks since the last migration");
    }
}

const fn column(table: &str, column: &ColumnDef, recorded: &Embedded) {
    let place = column_place(recorded, table, column.name);
    if place == recorded.columns.len() {
        fail(table, Some(column.name), " has no migration");
    }
    let (of, name, number) = recorded.columns[place];
    if !same(of, table) || !same(name, column.name) {
        fail(table, Some(column.name), " has no migration");
    }
    if number != fingerprint::of_column(column) {
        fail(table, Some(column.name), " has changed since the last migration");
    }
}

/// The first entry that is not before this table.
const fn table_place(recorded: &Embedded, table: &str) -> usize {
    let (mut low, mut high) = (0, recorded.tables.len());
    while low < high {
        let middle = low + (high - low) / 2;
        if matches!(compare(recorded.tables[middle].0, table), Ordering::Less) {
            low = middle + 1;
        } else {
            high = middle;
        }
    }
    low
}

/// The first entry that is not before this column.
const fn column_place(recorded: &Embedded, table: &str, column: &str) -> usize {
    let (mut low, mut high) = (0, recorded.columns.len());
    while low < high {
        let middle = low + (high - low) / 2;
        let order = match compare(recorded.columns[middle].0, table) {
            Ordering::Equal => compare(recorded.columns[middle].1, column),
            other => other,
        };
        if matches!(order, Ordering::Less) {
            low = middle + 1;
        } else {
            high = middle;
        }
    }
    low
}

const fn has_table(tables: &[&TableDef], name: &str) -> bool {
    let mut at = 0;
    while at < tables.len() {
        if same(tables[at].name, name) {
            return true;
        }
        at += 1;
    }
    false
}

const fn has_column(def: &TableDef, name: &str) -> bool {
    let mut at = 0;
    while at < def.columns.len() {
        if same(def.columns[at].name, name) {
            return true;
        }
        at += 1;
    }
    false
}

const fn same(a: &str, b: &str) -> bool {
    matches!(compare(a, b), Ordering::Equal)
}

/// As `str` orders itself, which is how the index is sorted.
const fn compare(a: &str, b: &str) -> Ordering {
    let (a, b) = (a.as_bytes(), b.as_bytes());
    let mut at = 0;
    while at < a.len() && at < b.len() {
        if a[at] != b[at] {
            return if a[at] < b[at] { Ordering::Less } else { Ordering::Greater };
        }
        at += 1;
    }
    if a.len() == b.len() {
        Ordering::Equal
    } else if a.len() < b.len() {
        Ordering::Less
    } else {
        Ordering::Greater
    }
}

/// The message is put together in a fixed buffer: there is no `format!` while compiling.
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
