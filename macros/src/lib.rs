//! `#[derive(Table)]`: from an annotated struct to a constant definition; and `#[derive(Enum)]`, for a field's type.
//!
//! Tokens in, constants out: no I/O, no knowledge of SQL, none of what a type is (that the
//! compiler answers, through `pontoon::SqlType`). The modules are the steps:
//! `ast` (the struct), `attr` (what was written), `check` (what clashes), `expand` (the
//! constant), `fallback` (what stands in where something is wrong).

mod ast;
mod attr;
mod check;
mod ctxt;
mod enumeration;
mod expand;
mod fallback;
mod symbol;

use proc_macro::TokenStream;
use syn::{DeriveInput, parse_macro_input};

/// Derives `pontoon::Table`.
///
/// On the struct, `#[table(...)]`:
///
/// | | |
/// |---|---|
/// | `name = "users"` | the table's name; the struct's name in snake case if left out |
/// | `index("a", "b", unique, name = "...")` | an index of these columns; may be repeated |
/// | `index(key("a", desc), ...)` | a key that is more than a column: `desc`, `nulls = "first"`, `operators = "gin_trgm_ops"` (PostgreSQL), `length = 20` (MySQL) |
/// | `index(key(expression = "lower(a)"), name = "...")` | a key that is an expression |
/// | `index("a", filter = "a > 0", only = "postgres")` | of rows that meet a condition (PostgreSQL) |
/// | `index("a", include("b"), only = "postgres")` | holds another column beside its keys (PostgreSQL) |
/// | `index("a", using(postgres = "gin", mysql = "fulltext"))` | another access method: `gin`, `gist`, `spgist`, `brin`, `hash`; `fulltext`, `spatial` |
/// | `index("a", only = "mysql")` | on one server alone |
/// | `check(name = "...", sql = "...")` | a condition; `postgres = "..."`, `mysql = "..."` for one each; may be repeated |
/// | `partition_by(range("created_at"))` | partitioned (PostgreSQL); `list`, `hash`; with `only = "postgres"` MySQL has a plain table |
/// | `partition(name = "...", from = "'2026-11-01'", to = "'2026-12-01'")` | a partition that is made with the table, by SQL expressions; `values("'a'", "'b'")`, `modulus = 4, remainder = 0`, `default`; may be repeated. In a later commit it is made and attached; rows that have been written into the default partition stop that. Those that others make are left alone |
/// | `partition(name = "events_2025", from = "'2025-01-01'", to = "'2026-01-01'", attach)` | a table of that name had a struct of its own in the last migration, with the same columns, and becomes a partition with all its rows. On MySQL it stays, and must be empty |
/// | `detached("events_2025_01")` | the partition is gone from the list, and leaves the table in contract: it is a plain table then, with its rows |
/// | `unlisted("events_2025_01")` | the partition is gone from the list, and stays as it is: it is others' from now on |
/// | `dropped("a", "b")` | these columns are gone on purpose |
/// | `dropped("name", reverse = "concat(first, ' ', last)")` | the column gave its value to new ones (their `backfill` names it), and this is its value from theirs, for old code until contract: a split, or with several of them a merge |
/// | `dropped("name", one_way)` | the column gave its value to new ones, and old code does not see what new code writes there |
/// | `renamed_from = "old"` | the table's name in the last migration |
/// | `crate = path` | where `pontoon` is, if not at `::pontoon` |
///
/// On a field, `#[column(...)]`:
///
/// | | |
/// |---|---|
/// | `name = "email"` | the column's name; the field's if left out |
/// | `primary_key` | part of the primary key, in the fields' order |
/// | `identity` | numbered by the server; for a key, also for one that comes to a table with rows, or that code has given numbers to so far |
/// | `unique` | has a unique index |
/// | `length = 320` | characters of a text, bytes of a byte string |
/// | `precision = 12, scale = 2` | digits of a decimal, in all and behind the point |
/// | `default = "now()"` | an SQL expression |
/// | `generated = "..."` | computed by the server from the row's other columns, and stored; `generated(virtual, postgres = "...", mysql = "...")`: computed when it is read, on MySQL |
/// | `backfill = "..."` | an SQL expression over the row, for rows of before this column; with a change of type, over the old value, and to a type that holds less only if values that do not fit shall change: those that fit are kept, and rows of others are named before anything is done; with `reverse`, also for values of an enum of which the enum says nothing, as a text |
/// | `backfill_fn = "name"` | rows of before get their value from the Rust function of that name; for an `Option` |
/// | `reverse = "..."` | with a change of type, the old value from the new one, for old code until contract |
/// | `check = "..."` | a condition |
/// | `sql_type = "..."` | the type's SQL name |
/// | `collation(postgres = "C", mysql = "utf8mb4_bin")` | how a text is compared and sorted, by the server's name of it; on MySQL it tells the character set too |
/// | `references(table = "users", column = "id", on_delete = "cascade", on_update = "restrict")` | a foreign key |
/// | `renamed_from = "old"` | the column's name in the last migration |
/// | `moved_from(table = "users", column = "bio")` | the column was one of another table in the last migration, which has one row for each of this one: this table refers to it by a unique column. For an `Option` |
///
/// A check that comes to a table that is there is held by triggers on MySQL, with the server's own error; with
/// `cargo xtask generate --copy-rows N` the server enforces it, for which it copies the table. A new table's checks are enforced.
///
/// `default`, `backfill`, `reverse`, `check`, `sql_type` and `collation` take one text for both servers, or one each:
/// `backfill(postgres = "...", mysql = "...")`.
#[proc_macro_derive(Table, attributes(table, column))]
pub fn table(input: TokenStream) -> TokenStream {
    let input = parse_macro_input!(input as DeriveInput);
    let ctxt = ctxt::Ctxt::new();
    let table = ast::Table::read(&ctxt, &input);
    if let Some(table) = &table {
        check::check(&ctxt, table);
    }
    match (ctxt.check(), table) {
        (Ok(()), Some(table)) => expand::expand(&table).into(),
        (Ok(()), None) => TokenStream::new(),
        (Err(errors), table) => {
            let mut tokens = errors.to_compile_error();
            tokens.extend(fallback::fallback(&input, table.as_ref()));
            tokens.into()
        }
    }
}

/// Derives `pontoon::SqlType` for an enum without fields: a type of its own on PostgreSQL (`CREATE TYPE ... AS ENUM`),
/// `enum(...)` on MySQL. One enum may be the type of many columns.
///
/// On the enum, `#[enumeration(...)]`:
///
/// | | |
/// |---|---|
/// | `name = "order_state"` | the type's name; the enum's name in snake case if left out |
/// | `dropped("late", becomes = "done")` | this value is gone on purpose, and rows that hold it get the other; without `becomes` no row may hold it, which is looked at before anything changes; several values may stand before `becomes`, and it may be repeated |
/// | `crate = path` | where `pontoon` is, if not at `::pontoon` |
///
/// On a variant, `#[value("...")]`: its value; the variant's name in snake case if left out. The order of the
/// variants is the order in which the database sorts. `#[enumeration(renamed_from = "old")]`: its value in the last
/// migration.
///
/// From `validate` on, all code reads and writes the new values under the column's one name: old code that writes one that is
/// gone fails then. Where it must go on, give the new enum a column of its own (`#[column(renamed_from = "...")]`).
///
/// Drivers have their own derive, which stands beside this one:
/// `#[derive(pontoon::Enum, sqlx::Type)] #[sqlx(type_name = "order_state", rename_all = "snake_case")]`.
#[proc_macro_derive(Enum, attributes(enumeration, value))]
pub fn enumeration(input: TokenStream) -> TokenStream {
    let input = parse_macro_input!(input as DeriveInput);
    let ctxt = ctxt::Ctxt::new();
    let enumeration = enumeration::Enumeration::read(&ctxt, &input);
    match ctxt.check() {
        Ok(()) => enumeration.expand(false).into(),
        Err(errors) => {
            let mut tokens = errors.to_compile_error();
            tokens.extend(enumeration.expand(true));
            tokens.into()
        }
    }
}
