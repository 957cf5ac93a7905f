//! What has to be known of a table to fill it.

use super::wish::Wish;

/// A table that rows can be put into.
#[derive(Debug, Clone)]
pub(super) struct Table {
    /// What foreign keys of other tables call it.
    pub(super) id: String,
    /// For people: with its schema, unless that is the usual one.
    pub(super) display: String,
    /// For SQL: quoted.
    pub(super) sql: String,
    pub(super) columns: Vec<Column>,
    pub(super) uniques: Vec<Unique>,
    pub(super) foreign: Vec<ForeignKey>,
    /// Conditions that are not understood.
    pub(super) riddles: bool,
    /// Why no row can be put into it, if that is known beforehand.
    pub(super) hopeless: Option<String>,
}

#[derive(Debug, Clone)]
pub(super) struct Column {
    pub(super) name: String,
    pub(super) kind: Kind,
    /// PostgreSQL: the type that a value is cast to.
    pub(super) cast: Option<String>,
    pub(super) not_null: bool,
    pub(super) has_default: bool,
    /// Numbered by the server.
    pub(super) numbered: bool,
    /// Computed by the server.
    pub(super) generated: bool,
    /// What conditions say of its values.
    pub(super) wish: Wish,
}

/// Columns that no two rows may agree in.
#[derive(Debug, Clone)]
pub(super) struct Unique {
    pub(super) columns: Vec<usize>,
    pub(super) nulls_distinct: bool,
}

#[derive(Debug, Clone)]
pub(super) struct ForeignKey {
    pub(super) columns: Vec<usize>,
    pub(super) parent: String,
    pub(super) parent_sql: String,
    pub(super) parent_display: String,
    pub(super) parent_columns: Vec<String>,
}

/// What values a column takes, as far as making some up needs it.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Kind {
    Bool,
    /// Whole numbers, first and last.
    Integer(i128, i128),
    /// Digits in all (if limited) and behind the point.
    Decimal(Option<u32>, u32),
    Float,
    /// Characters at most.
    Text(Option<u64>),
    /// Bytes at most, and whether there are always that many.
    Bytes(Option<u64>, bool),
    /// Bits, and whether there are always that many.
    Bits(u64),
    Uuid,
    Json,
    Date,
    Time,
    /// With a time zone or not.
    Timestamp(bool),
    Interval,
    Year,
    Enum(Vec<String>),
    Array(Box<Kind>, String),
    /// Of what, and the functions that make one: the range's, and the multirange's around it.
    Range(Box<Kind>, String, String, Option<String>),
    /// An expression with `\u{1}` for a number that differs from row to row.
    Template(&'static str),
    /// MySQL: a point in a spatial reference system.
    Point(u32),
    Unknown,
}
