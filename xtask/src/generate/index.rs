//! `migrations/index.rs`: generated, checked in, embedded by the application. It holds the
//! order, the hashes and the numbers of the schema (see `pontoon::fingerprint`).
//!
//! Two branches that both add a migration conflict here in Git, on purpose.

use std::fmt::Write as _;

use pontoon::def::TableDef;
use pontoon::fingerprint;

/// One migration, as the index has it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Entry {
    pub(super) id: String,
    pub(super) postgres: String,
    pub(super) mysql: String,
    /// A derived file was edited by hand since, so it cannot be made anew without loss.
    pub(super) edited: bool,
}

const EDITED: &str = "// edited by hand";

/// Where the numbers of the schema begin.
const NUMBERS: &str = "    tables: &[\n";

/// The index's text with the numbers of the one before: for structs whose changes no migration makes yet.
pub(super) fn render_with_old_numbers(entries: &[Entry], before: &str) -> Option<String> {
    let (_, numbers) = before.split_once(NUMBERS)?;
    let text = render(entries, &[]);
    let (list, _) = text.split_once(NUMBERS)?;
    Some([list, NUMBERS, numbers].concat())
}

/// The index's text.
pub(super) fn render(entries: &[Entry], tables: &[&TableDef]) -> String {
    let mut out = String::from(
        "// Written by `cargo xtask generate`; do not edit. Where Git reports a conflict here, two branches have\n\
         // both added a migration: take both sides, then `cargo xtask generate --rebase NNNN_yours`.\n\
         ::pontoon::migration::Embedded {\n    migrations: &[\n",
    );
    for entry in entries {
        let _ = writeln!(out, "        ::pontoon::migration::EmbeddedMigration {{");
        let _ = writeln!(out, "            id: \"{}\",", entry.id);
        if entry.edited {
            let _ = writeln!(out, "            {EDITED}");
        }
        for (server, sha256) in [("postgres", &entry.postgres), ("mysql", &entry.mysql)] {
            let _ = writeln!(out, "            {server}: ::pontoon::migration::EmbeddedFile {{");
            let _ = writeln!(out, "                sha256: \"{sha256}\",");
            let _ = writeln!(out, "                sql: include_str!(\"{}/{server}.sql\"),", entry.id);
            let _ = writeln!(out, "            }},");
        }
        let _ = writeln!(out, "        }},");
    }
    let mut sorted: Vec<&&TableDef> = tables.iter().collect();
    sorted.sort_by_key(|table| table.name);
    let _ = write!(out, "    ],\n{NUMBERS}");
    for table in &sorted {
        let _ = writeln!(out, "        ({:?}, 0x{:016x}),", table.name, fingerprint::of_table(table));
    }
    out.push_str("    ],\n    columns: &[\n");
    for table in &sorted {
        let mut columns: Vec<_> = table.columns.iter().collect();
        columns.sort_by_key(|column| column.name);
        for column in columns {
            let number = fingerprint::of_column(column);
            let _ = writeln!(out, "        ({:?}, {:?}, 0x{number:016x}),", table.name, column.name);
        }
    }
    out.push_str("    ],\n}\n");
    out
}

/// The migrations that an index names. Lines of a Git conflict are passed over: so both sides count.
pub(super) fn parse(file: &str, text: &str) -> Result<Vec<Entry>, String> {
    let mut entries: Vec<Entry> = Vec::new();
    for (at, line) in text.lines().enumerate() {
        let wrong = |what: &str| {
            format!(
                "{file}:{}: {what}\n  help: the file is written by `cargo xtask generate`; put it back with `git checkout`",
                at + 1
            )
        };
        let quoted = |prefix: &str| line.trim().strip_prefix(prefix).and_then(|rest| rest.strip_suffix("\","));
        if let Some(id) = quoted("id: \"") {
            if id.contains(['/', '\\', '"']) || id.starts_with('.') {
                return Err(wrong("this cannot be a migration's name"));
            }
            entries.push(Entry { id: id.to_owned(), postgres: String::new(), mysql: String::new(), edited: false });
        } else if line.trim() == EDITED {
            entries.last_mut().ok_or_else(|| wrong("this stands before the first migration"))?.edited = true;
        } else if let Some(sha256) = quoted("sha256: \"") {
            let entry = entries.last_mut().ok_or_else(|| wrong("a hash stands before the first migration"))?;
            if entry.postgres.is_empty() {
                entry.postgres = sha256.to_owned();
            } else if entry.mysql.is_empty() {
                entry.mysql = sha256.to_owned();
            } else {
                return Err(wrong("a migration has two files, and this is a third hash"));
            }
        }
    }
    match entries.iter().find(|entry| entry.mysql.is_empty()) {
        Some(entry) => Err(format!(
            "{file}: migration `{}` has no two hashes\n  help: the file is written by `cargo xtask generate`; put it back with \
             `git checkout`",
            entry.id
        )),
        None => Ok(entries),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn entry(id: &str) -> Entry {
        Entry { id: id.into(), postgres: format!("{id}p"), mysql: format!("{id}m"), edited: id == "0002_b" }
    }

    #[test]
    fn the_index_reads_back_also_in_conflict() {
        let both = [entry("0001_a"), entry("0002_b")];
        assert_eq!(parse("index.rs", &render(&both, &[])).unwrap(), both);
        let conflict =
            render(&both, &[]).replace("            id: \"0002_b\",", "<<<<<<< HEAD\n            id: \"0002_b\",");
        assert_eq!(parse("index.rs", &conflict).unwrap(), both);
    }

    #[test]
    fn half_an_index_is_refused() {
        let text = render(&[entry("0001_a")], &[]).replace("sha256: \"0001_am\",", "");
        assert!(
            parse("m/index.rs", &text).unwrap_err().starts_with("m/index.rs: migration `0001_a` has no two hashes")
        );
        assert!(parse("m/index.rs", "sha256: \"x\",").unwrap_err().starts_with("m/index.rs:1: a hash stands"));
    }
}
