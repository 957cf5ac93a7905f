//! What later files make of columns: values that are made up must fit there too, as real ones do.
//!
//! Whoever makes a column's type smaller knows that its values are small. Nothing in the catalog says so, but the
//! statement does.

use std::collections::BTreeMap;

use pontoon::Dialect;

use super::model::{Kind, Table};
use crate::verify::words::{Word, words};

/// Whole numbers, first and last.
type Range = (i128, i128);

/// The smallest types that columns get, by the columns' names: their tables may be renamed on the way.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Later {
    ranges: BTreeMap<String, Range>,
}

impl Later {
    /// What `statements` say.
    pub fn of<'a>(statements: impl IntoIterator<Item = &'a str>, dialect: Dialect) -> Self {
        let mut later = Self::default();
        for statement in statements {
            let words = words(statement, dialect);
            if words.first().is_some_and(|it| it.is("ALTER")) {
                for at in 0..words.len() {
                    later.note(&words[at..], dialect);
                }
            }
        }
        later
    }

    fn note(&mut self, words: &[Word], dialect: Dialect) {
        let Some((name, kind)) = changed(words, dialect) else { return };
        let Some(range) = range(kind) else { return };
        let noted = self.ranges.entry(name.text.to_lowercase()).or_insert(range);
        *noted = (noted.0.max(range.0), noted.1.min(range.1));
    }

    /// Keeps what is made up within what comes.
    pub(super) fn restrict(&self, tables: &mut [Table]) {
        for column in tables.iter_mut().flat_map(|it| &mut it.columns) {
            if let (Kind::Integer(first, last), Some(range)) =
                (&mut column.kind, self.ranges.get(&column.name.to_lowercase()))
            {
                (*first, *last) = ((*first).max(range.0), (*last).min(range.1));
            }
        }
    }
}

/// The column whose type is changed where `words` begin, and the words of its new type.
fn changed(words: &[Word], dialect: Dialect) -> Option<(&Word, &[Word])> {
    let is = |at: usize, word: &str| words.get(at).is_some_and(|it: &Word| it.is(word));
    let after_column = if is(1, "COLUMN") { 2 } else { 1 };
    let name = words.get(after_column)?;
    let kind = match dialect {
        Dialect::Postgres if !is(0, "ALTER") => return None,
        Dialect::Postgres if is(after_column + 1, "TYPE") => after_column + 2,
        Dialect::Postgres if is(after_column + 3, "TYPE") => after_column + 4,
        Dialect::MySql if is(0, "MODIFY") => after_column + 1,
        Dialect::MySql if is(0, "CHANGE") => after_column + 2,
        _ => return None,
    };
    Some((name, words.get(kind..)?))
}

fn range(kind: &[Word]) -> Option<Range> {
    let bits: u32 = match kind.first()?.text.to_lowercase().as_str() {
        "tinyint" | "int1" => 8,
        "smallint" | "int2" => 16,
        "mediumint" | "int3" => 24,
        _ => return None,
    };
    let clause = kind.iter().take_while(|it| !it.is(","));
    let unsigned = clause.into_iter().any(|it| it.is("UNSIGNED"));
    Some(if unsigned { (0, (1 << bits) - 1) } else { (-(1 << (bits - 1)), (1 << (bits - 1)) - 1) })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_type_that_gets_smaller_is_read_from_the_statement() {
        let of = |sql, dialect| Later::of([sql], dialect).ranges.into_iter().collect::<Vec<_>>();
        let postgres = "ALTER TABLE s.t ALTER \"Rank\" TYPE int2, ALTER COLUMN tries SET DATA TYPE smallint USING tries, \
                        ALTER COLUMN n TYPE bigint, ALTER x SET DEFAULT 3";
        let small = (-32_768, 32_767);
        assert_eq!(of(postgres, Dialect::Postgres), [("rank".into(), small), ("tries".into(), small)]);
        let mysql = "ALTER TABLE t MODIFY a TINYINT NOT NULL, CHANGE COLUMN b c SMALLINT UNSIGNED, MODIFY COLUMN d INT";
        assert_eq!(of(mysql, Dialect::MySql), [("a".into(), (-128, 127)), ("b".into(), (0, 65_535))]);
        assert_eq!(of("UPDATE t SET modify = a, tinyint = 2", Dialect::MySql), []);
    }
}
