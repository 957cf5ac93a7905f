//! Indexes: what they stand on, and how.

use serde::{Deserialize, Serialize};

use super::Texts;
use crate::def::Nulls;
use crate::dialect::{Dialect, columns_in};

/// An index.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Index {
    /// The columns that its keys stand on, in its order; those that an expression names as well.
    pub columns: Vec<String>,
    /// No two rows may have the same values.
    pub unique: bool,
    /// What makes it another one than an ascending B-tree of these columns on both servers.
    #[serde(default, skip_serializing_if = "IndexForm::is_plain")]
    pub form: IndexForm,
}

/// What makes an index a special one.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct IndexForm {
    /// Every key; none for plain columns.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub keys: Vec<IndexKey>,
    /// PostgreSQL: columns that it holds beside its keys.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub include: Vec<String>,
    /// PostgreSQL: the condition of rows that are in it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub filter: Option<String>,
    /// The access method, in lower case.
    #[serde(default, skip_serializing_if = "Texts::is_empty")]
    pub using: Texts,
    /// The one server that has it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub only: Option<Dialect>,
}

/// One key.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct IndexKey {
    /// What it is over.
    #[serde(flatten)]
    pub of: KeyOf,
    /// Greatest first.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub descending: bool,
    /// PostgreSQL: where NULLs stand.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub nulls: Option<Nulls>,
    /// MySQL: so many characters or bytes of it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub length: Option<u32>,
    /// PostgreSQL: the operator class.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub operators: Option<String>,
}

/// What a key is over.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum KeyOf {
    /// A column.
    Column(String),
    /// An expression.
    Expression(Texts),
}

impl IndexForm {
    /// Nothing special.
    pub fn is_plain(&self) -> bool {
        *self == Self::default()
    }
}

impl Index {
    /// An ascending B-tree of these columns, on both servers.
    pub fn plain(columns: Vec<String>, unique: bool) -> Self {
        Self { columns, unique, form: IndexForm::default() }
    }

    /// Whether this server has it.
    pub fn is_for(&self, dialect: Dialect) -> bool {
        self.form.only.is_none_or(|only| only == dialect)
    }

    /// Whether no two rows have the same values in these columns, for it.
    pub fn makes_unique(&self, columns: &[String]) -> bool {
        self.unique && self.columns == columns && self.is_whole() && self.form.keys.is_empty()
    }

    /// Whether a foreign key of these columns needs no other index, on both servers. MySQL 9.7 makes one of its own
    /// beside an index that is descending there, though it then lets go of that one.
    pub fn serves(&self, columns: &[String]) -> bool {
        self.finds(columns) && !self.form.keys.iter().take(columns.len()).any(|it| it.descending)
    }

    /// Whether rows are found by it that have these values in these columns, on both servers.
    pub(crate) fn finds(&self, columns: &[String]) -> bool {
        let by_columns = self.form.keys.iter().all(|it| matches!(it.of, KeyOf::Column(_)) && it.length.is_none());
        self.columns.starts_with(columns) && self.is_whole() && by_columns && self.form.using.is_empty()
    }

    /// Every row is in it, on both servers.
    fn is_whole(&self) -> bool {
        self.form.filter.is_none() && self.form.only.is_none()
    }

    /// MySQL's full-text index.
    pub fn is_fulltext(&self) -> bool {
        self.is_for(Dialect::MySql) && self.form.using.mysql.as_deref() == Some("fulltext")
    }

    /// The expressions among its keys.
    pub(crate) fn expressions(&self, dialect: Dialect) -> impl Iterator<Item = &str> {
        self.form.keys.iter().filter_map(move |key| match &key.of {
            KeyOf::Expression(texts) => texts.of(dialect),
            KeyOf::Column(_) => None,
        })
    }

    /// Whether one of its keys is an expression.
    pub fn has_expressions(&self) -> bool {
        self.form.keys.iter().any(|it| matches!(it.of, KeyOf::Expression(_)))
    }

    /// Whether it names the column: in a key, beside the keys or in its condition.
    pub fn names(&self, column: &str, dialect: Dialect) -> bool {
        let in_filter = |sql: &String| !columns_in(sql, std::iter::once(column)).is_empty();
        self.columns.iter().chain(&self.form.include).any(|it| it == column)
            || dialect == Dialect::Postgres && self.form.filter.as_ref().is_some_and(in_filter)
    }

    /// The same over another column; nothing where a text of the user's names the column.
    pub(crate) fn over(&self, from: &str, to: &str) -> Option<Self> {
        let in_text = |sql: &str| !columns_in(sql, std::iter::once(from)).is_empty();
        let in_expression = |it: &IndexKey| match &it.of {
            KeyOf::Column(_) => false,
            KeyOf::Expression(texts) => Dialect::ALL.into_iter().any(|it| texts.of(it).is_some_and(in_text)),
        };
        if self.form.filter.as_deref().is_some_and(in_text) || self.form.keys.iter().any(in_expression) {
            return None;
        }
        let other = |name: &String| if name == from { to.to_owned() } else { name.clone() };
        let mut index = self.clone();
        index.columns = self.columns.iter().map(other).collect();
        index.form.include = self.form.include.iter().map(other).collect();
        for key in &mut index.form.keys {
            if let KeyOf::Column(name) = &mut key.of {
                *name = other(name);
            }
        }
        Some(index)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_descending_key_serves_no_foreign_key() {
        let columns = ["a".to_owned(), "b".to_owned()];
        let mut index = Index::plain(columns.to_vec(), false);
        let key = |descending, name: &String| IndexKey {
            of: KeyOf::Column(name.clone()),
            descending,
            nulls: None,
            length: None,
            operators: None,
        };
        index.form.keys = vec![key(false, &columns[0]), key(true, &columns[1])];
        assert!(index.serves(&columns[..1]));
        assert!(!index.serves(&columns));
        assert!(index.finds(&columns));
    }
}
