//! Drift as a build error: the structs against the numbers in the index, while the
//! application compiles.
//!
//! Both sides are walked once, in the order of the index; so the work is linear in the columns
//! once the tables are found, and a schema of hundreds of tables costs little.

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
    at = 0;
    while at < recorded.tables.len() {
        if find_def(tables, recorded.tables[at].0).is_none() {
            fail(recorded.tables[at].0, None, " is in the migrations and not in the schema");
        }
        at += 1;
    }
}

const fn table(def: &TableDef, recorded: &Embedded) {
    let mut at = 0;
    while at < recorded.tables.len() && !same(recorded.tables[at].0, def.name) {
        at += 1;
    }
    if at == recorded.tables.len() {
        fail(def.name, None, " has no migration");
    }
    let number = recorded.tables[at].1;
    let (first, end) = range(recorded, def.name);
    let mut column = 0;
    while column < def.columns.len() {
        one_column(def.name, &def.columns[column], recorded, first, end);
        column += 1;
    }
    let mut gone = first;
    while gone < end {
        if !has_column(def, recorded.columns[gone].1) {
            fail(def.name, Some(recorded.columns[gone].1), " is in the migrations and not in the struct");
        }
        gone += 1;
    }
    if number != fingerprint::of_table(def) {
        fail(def.name, None, " has changed its keys, indexes or checks since the last migration");
    }
}

const fn one_column(table: &str, column: &ColumnDef, recorded: &Embedded, first: usize, end: usize) {
    let mut at = first;
    while at < end {
        if same(recorded.columns[at].1, column.name) {
            if recorded.columns[at].2 != fingerprint::of_column(column) {
                fail(table, Some(column.name), " has changed since the last migration");
            }
            return;
        }
        at += 1;
    }
    fail(table, Some(column.name), " has no migration");
}

/// Where the table's columns stand in the index, which is sorted by table.
const fn range(recorded: &Embedded, table: &str) -> (usize, usize) {
    let mut first = 0;
    while first < recorded.columns.len() && !same(recorded.columns[first].0, table) {
        first += 1;
    }
    let mut end = first;
    while end < recorded.columns.len() && same(recorded.columns[end].0, table) {
        end += 1;
    }
    (first, end)
}

const fn find_def(tables: &[&TableDef], name: &str) -> Option<usize> {
    let mut at = 0;
    while at < tables.len() {
        if same(tables[at].name, name) {
            return Some(at);
        }
        at += 1;
    }
    None
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
    let (a, b) = (a.as_bytes(), b.as_bytes());
    if a.len() != b.len() {
        return false;
    }
    let mut at = 0;
    while at < a.len() {
        if a[at] != b[at] {
            return false;
        }
        at += 1;
    }
    true
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
