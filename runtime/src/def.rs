//! What the derive emits: constants, and nothing that runs.
//!
//! A definition holds what was *written* on a struct. [`crate::schema`](mod@crate::schema) turns it into what
//! it *means* (an owned, checked model). Everything here is `const`, so that hundreds of
//! tables cost the compiler little and so that drift is found while the application builds.

use crate::sql_type::Kind;

/// Where a struct or a field stands in the user's source.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Location {
    /// The path as the compiler prints it.
    pub file: &'static str,
    /// Line, counted from 1.
    pub line: u32,
}

impl std::fmt::Display for Location {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}:{}", self.file, self.line)
    }
}

/// A piece of SQL, once for both servers or once each.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct PerServer {
    /// The text for PostgreSQL.
    pub postgres: Option<&'static str>,
    /// The text for MySQL.
    pub mysql: Option<&'static str>,
}

impl PerServer {
    /// Nothing for either server.
    pub const NONE: Self = Self { postgres: None, mysql: None };

    /// The same text for both servers.
    pub const fn both(text: &'static str) -> Self {
        Self { postgres: Some(text), mysql: Some(text) }
    }
}

/// One struct with `#[derive(Table)]`.
#[derive(Debug, Clone, Copy)]
pub struct TableDef {
    /// The table's name in the database.
    pub name: &'static str,
    /// The struct's name.
    pub struct_name: &'static str,
    /// Where the struct stands.
    pub at: Location,
    /// The fields, in their order.
    pub columns: &'static [ColumnDef],
    /// `#[table(index(...))]`; an index of one `unique` column is not among them.
    pub indexes: &'static [IndexDef],
    /// `#[table(check(...))]`; a column's own check is not among them.
    pub checks: &'static [CheckDef],
    /// `#[table(dropped("a", "b"))]`: columns whose disappearance is meant.
    pub dropped: &'static [DroppedDef],
    /// Intent: this table had another name in the last migration.
    pub renamed_from: Option<&'static str>,
    /// PostgreSQL: how it is partitioned.
    pub partitioned: Option<&'static PartitionedDef>,
}

/// `dropped("a", reverse = "...")`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct DroppedDef {
    /// The column that is gone.
    pub column: &'static str,
    /// Intent: the SQL expression over new columns that gives old code its value until contract.
    pub reverse: PerServer,
    /// Intent: new columns follow from it, and it from none of them.
    pub one_way: bool,
}

/// `#[table(partition_by(range("a")), partition(...))]`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct PartitionedDef {
    /// By what of a row.
    pub by: PartitionMethod,
    /// The columns that decide.
    pub columns: &'static [&'static str],
    /// The one server on which it is partitioned: `postgres`.
    pub only: Option<&'static str>,
    /// The partitions that are made with the table, or attached to it later.
    pub partitions: &'static [PartitionDef],
    /// Intent: these partitions leave the table.
    pub detached: &'static [&'static str],
    /// Intent: these partitions stay, and are no longer listed.
    pub unlisted: &'static [&'static str],
}

/// How a row's partition is found.
#[derive(Debug, Clone, Copy, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum PartitionMethod {
    /// Between two values.
    Range,
    /// Among values.
    List,
    /// By a number that is made of the value.
    Hash,
}

/// `partition(name = "...", ...)`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct PartitionDef {
    /// Its name.
    pub name: &'static str,
    /// The rows that it holds.
    pub bounds: BoundsDef,
    /// Intent: a table of that name was one of its own in the last migration, and becomes it.
    pub attach: bool,
}

/// The rows that a partition holds; the texts are SQL expressions.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum BoundsDef {
    /// From a value, up to another and without it.
    Range {
        /// The first value.
        from: &'static str,
        /// The first value that is not in it.
        to: &'static str,
    },
    /// These values.
    List(&'static [&'static str]),
    /// A share of all rows.
    Hash {
        /// How many shares there are.
        modulus: u32,
        /// Which one it is.
        remainder: u32,
    },
    /// What is in no other.
    Default,
}

/// One field.
#[derive(Debug, Clone, Copy)]
pub struct ColumnDef {
    /// The column's name in the database.
    pub name: &'static str,
    /// The field's name.
    pub field: &'static str,
    /// Where the field stands.
    pub at: Location,
    /// What the field's Rust type is to a database.
    pub kind: Kind,
    /// `true` for `Option<T>`.
    pub nullable: bool,
    /// Part of the primary key, in the order of the fields.
    pub primary_key: bool,
    /// Numbered by the server (`GENERATED BY DEFAULT AS IDENTITY`, `AUTO_INCREMENT`).
    pub identity: bool,
    /// Has a unique index of its own.
    pub unique: bool,
    /// Characters of a text, bytes of a byte string.
    pub length: Option<u32>,
    /// Digits of a decimal in all.
    pub precision: Option<u32>,
    /// Digits of a decimal behind the point.
    pub scale: Option<u32>,
    /// The field's type, where it is one of `#[derive(pontoon::Enum)]`.
    pub enum_def: Option<&'static EnumDef>,
    /// The type's SQL name, where the derived one will not do.
    pub sql_type: PerServer,
    /// How a text is compared and sorted, by the server's name of it.
    pub collation: PerServer,
    /// The default, as an SQL expression.
    pub default: PerServer,
    /// The server computes it from the row's other columns.
    pub generated: Option<GeneratedDef>,
    /// Intent: the SQL expression that gives rows of before this column their value.
    pub backfill: PerServer,
    /// Intent: the Rust function, by the name it is registered with, that gives rows of before this column their value.
    pub backfill_fn: Option<&'static str>,
    /// Intent: with a change of type, the SQL expression that gives old code its value from the new one.
    pub reverse: PerServer,
    /// A condition on this column.
    pub check: PerServer,
    /// A foreign key from this column alone.
    pub references: Option<ReferenceDef>,
    /// Intent: this column had another name in the last migration.
    pub renamed_from: Option<&'static str>,
    /// Intent: this column was one of another table in the last migration.
    pub moved_from: Option<MovedDef>,
}

impl ColumnDef {
    /// A column of which nothing was said. The derive writes what was said, and the rest from here:
    /// so much less is compiled for each field.
    pub const PLAIN: Self = Self {
        name: "",
        field: "",
        at: Location { file: "", line: 0 },
        kind: Kind::Custom,
        nullable: false,
        primary_key: false,
        identity: false,
        unique: false,
        length: None,
        precision: None,
        scale: None,
        enum_def: None,
        sql_type: PerServer::NONE,
        collation: PerServer::NONE,
        default: PerServer::NONE,
        generated: None,
        backfill: PerServer::NONE,
        backfill_fn: None,
        reverse: PerServer::NONE,
        check: PerServer::NONE,
        references: None,
        renamed_from: None,
        moved_from: None,
    };
}

/// One enum with `#[derive(Enum)]`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct EnumDef {
    /// The type's name in a database whose types have names.
    pub name: &'static str,
    /// The enum's name.
    pub enum_name: &'static str,
    /// Where the enum stands.
    pub at: Location,
    /// Its values, in the order of the variants.
    pub values: &'static [&'static str],
    /// Intent: values that had another one in the last migration, each with that.
    pub renamed: &'static [(&'static str, &'static str)],
    /// Intent: values whose disappearance is meant.
    pub dropped: &'static [DroppedValueDef],
}

/// `dropped("late", becomes = "done")`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct DroppedValueDef {
    /// The value that goes.
    pub value: &'static str,
    /// What becomes of rows that hold it; without it none may.
    pub becomes: Option<&'static str>,
}

/// `generated = "..."`, or `generated(virtual, postgres = "...", mysql = "...")`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct GeneratedDef {
    /// The expression.
    pub sql: PerServer,
    /// Computed when it is read, where every version of the server can: on MySQL. PostgreSQL stores it.
    pub computed_on_read: bool,
}

/// `moved_from(table = "...", column = "...")`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct MovedDef {
    /// The other table.
    pub table: &'static str,
    /// Its column.
    pub column: &'static str,
}

/// `references(table = "...", column = "...", on_delete = "...", on_update = "...")`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ReferenceDef {
    /// The table referred to.
    pub table: &'static str,
    /// Its column.
    pub column: &'static str,
    /// What happens to this row when the other goes.
    pub on_delete: ReferentialAction,
    /// What happens to this row when the other's key changes.
    pub on_update: ReferentialAction,
}

/// What a foreign key does to the referring row.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ReferentialAction {
    /// Refuse (checked at the end of the statement).
    NoAction,
    /// Refuse at once.
    Restrict,
    /// Do the same to the referring row.
    Cascade,
    /// Set the referring column to NULL.
    SetNull,
}

impl ReferentialAction {
    /// Every action, as it is written in an attribute and in SQL (in lower case).
    pub const ALL: [(&'static str, Self); 4] = [
        ("no action", Self::NoAction),
        ("restrict", Self::Restrict),
        ("cascade", Self::Cascade),
        ("set null", Self::SetNull),
    ];
}

/// `#[table(index("a", "b", unique, name = "..."))]`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct IndexDef {
    /// The name, if one was given.
    pub name: Option<&'static str>,
    /// Column names, in the index's order; those of expressions are not among them.
    pub columns: &'static [&'static str],
    /// No two rows may have the same values.
    pub unique: bool,
    /// What else was said; nothing for an index of plain columns.
    pub form: Option<&'static IndexFormDef>,
}

/// What makes an index another one than an ascending B-tree of plain columns on both servers.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct IndexFormDef {
    /// Every key, in the index's order.
    pub keys: &'static [KeyDef],
    /// PostgreSQL: columns that it holds beside its keys.
    pub include: &'static [&'static str],
    /// PostgreSQL: the condition of rows that are in it.
    pub filter: Option<&'static str>,
    /// The access method: `gin`, `gist`, `spgist`, `brin`, `hash`; `fulltext`, `spatial` on MySQL.
    pub using: PerServer,
    /// The one server that has it: `postgres` or `mysql`.
    pub only: Option<&'static str>,
}

/// `key("a", desc)`, or `key(expression = "lower(a)")`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct KeyDef {
    /// A column; else it is an expression.
    pub column: Option<&'static str>,
    /// An expression.
    pub expression: PerServer,
    /// Greatest first.
    pub descending: bool,
    /// PostgreSQL: where NULLs stand, if not where the server puts them.
    pub nulls: Option<Nulls>,
    /// MySQL: so many characters or bytes of it.
    pub length: Option<u32>,
    /// PostgreSQL: the operator class.
    pub operators: Option<&'static str>,
}

impl KeyDef {
    /// A key of which nothing was said.
    pub const PLAIN: Self = Self {
        column: None,
        expression: PerServer::NONE,
        descending: false,
        nulls: None,
        length: None,
        operators: None,
    };
}

/// Where an index has its NULLs.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Nulls {
    /// Before every value.
    First,
    /// Behind every value.
    Last,
}

/// `#[table(check(name = "...", sql = "..."))]`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct CheckDef {
    /// The name, if one was given.
    pub name: Option<&'static str>,
    /// The condition.
    pub sql: PerServer,
}

/// A struct that stands for a table. Derive it: `#[derive(pontoon::Table)]`.
#[diagnostic::on_unimplemented(
    message = "`{Self}` is not a table",
    label = "no `Table` here",
    note = "put `#[derive(pontoon::Table)]` on the struct"
)]
pub trait Table {
    /// What was written on the struct.
    const DEF: TableDef;

    /// This struct's staged migration, as a value: from the table as `from` has it (an
    /// empty schema if it is new) to the struct.
    ///
    /// # Errors
    /// Whatever `cargo xtask generate` would refuse, each naming the field.
    fn stages(
        from: &crate::schema::Schema,
        dialect: crate::dialect::Dialect,
    ) -> Result<crate::migration::Migration, crate::plan::PlanErrors> {
        crate::plan::stages_of_table(&Self::DEF, from, dialect)
    }
}

/// All tables of an application; made by [`schema!`](crate::schema!).
pub trait Schema {
    /// The tables, in the order they were listed.
    const TABLES: &'static [&'static TableDef];
    /// The folder of the crate that lists them.
    const MANIFEST_DIR: &'static str;
    /// The migrations' folder, relative to [`MANIFEST_DIR`](Self::MANIFEST_DIR).
    const MIGRATIONS: &'static str;
}

/// Lists an application's tables: `pontoon::schema! { pub Shop { User, Order } }`.
///
/// The list is explicit on purpose: a table that a linker dropped without a word would
/// look like a table to be dropped from the database.
///
/// The migrations live in `migrations` beside the crate's `Cargo.toml`; another folder is
/// named with `schema! { pub Shop { User, Order } migrations "db/migrations" }`.
#[macro_export]
macro_rules! schema {
    ($(#[$meta:meta])* $vis:vis $name:ident { $($table:ty),* $(,)? }) => {
        $crate::schema! { $(#[$meta])* $vis $name { $($table),* } migrations "migrations" }
    };
    ($(#[$meta:meta])* $vis:vis $name:ident { $($table:ty),* $(,)? } migrations $dir:literal) => {
        $(#[$meta])*
        #[derive(Debug, Clone, Copy)]
        $vis struct $name;

        impl $crate::def::Schema for $name {
            const TABLES: &'static [&'static $crate::def::TableDef] =
                &[$(&<$table as $crate::def::Table>::DEF),*];
            const MANIFEST_DIR: &'static str = ::core::env!("CARGO_MANIFEST_DIR");
            const MIGRATIONS: &'static str = $dir;
        }
    };
}
