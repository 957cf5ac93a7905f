//! The schema that rows begin with, in parts: making all of it for each of hundreds of rows would take minutes.

use std::path::Path;

use super::row::Row;

/// What a `setup.sql` holds.
pub(super) struct Setup {
    /// For every row.
    common: String,
    parts: Vec<Part>,
}

struct Part {
    /// What a row has to name.
    names: Vec<String>,
    sql: String,
}

impl Setup {
    pub(super) fn read(path: &Path) -> Self {
        let text = std::fs::read_to_string(path).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
        let mut pieces = text.split("\n-- @part ");
        let common = pieces.next().unwrap_or_default().to_owned();
        let part = |piece: &str| {
            let (names, sql) = piece.split_once('\n').expect("SQL below `@part`");
            Part { names: names.split(' ').map(str::to_owned).collect(), sql: sql.to_owned() }
        };
        Self { common, parts: pieces.map(part).collect() }
    }

    /// The SQL for a row: with the parts that it names, or `whole`.
    pub(super) fn of(&self, row: &Row, whole: bool) -> String {
        let named: Vec<&Part> = self.parts.iter().filter(|it| it.names.iter().any(|name| row.names(name))).collect();
        let parts = if whole || named.is_empty() { self.parts.iter().collect() } else { named };
        parts.iter().fold(self.common.clone(), |sql, part| sql + "\n" + &part.sql)
    }
}
