//! The table of cases: a schema before and after, and what each code writes.

use pontoon::def::TableDef;
use pontoon::migration::Stage;

/// What one application writes and reads, beside the key `id`.
pub(crate) struct Code {
    pub(crate) table: &'static str,
    pub(crate) column: &'static str,
    /// PostgreSQL's type of the column.
    pub(crate) ty: &'static str,
    /// Other columns that its INSERT names, with their values.
    pub(crate) extra: Vec<(&'static str, &'static str)>,
    /// What it writes, from a number.
    pub(crate) value: fn(i64) -> String,
    /// Whether it writes NULL too.
    pub(crate) null: bool,
    /// Whether it writes the column at all, or reads what follows from others.
    pub(crate) writes: bool,
}

/// One change.
pub(crate) struct Case {
    pub(crate) name: &'static str,
    pub(crate) before: Vec<TableDef>,
    pub(crate) after: Vec<TableDef>,
    /// Tables that are meant to go.
    pub(crate) dropped_tables: Vec<&'static str>,
    /// SQL that runs before, for rows that neither code writes.
    pub(crate) rows: Vec<&'static str>,
    pub(crate) old: Code,
    pub(crate) new: Code,
    /// What new code sees of a value that old code wrote.
    pub(crate) to_new: fn(&str) -> String,
    /// What old code sees of a value that new code wrote.
    pub(crate) to_old: fn(&str) -> String,
    /// The stage after which new code may run.
    pub(crate) new_from: Stage,
}

/// Every case, in the order of the documentation.
macro_rules! every_case {
    ($callback:ident) => {
        $callback! {
            add_column_nullable,
            add_column_with_default,
            add_columns_with_defaults_of_all_kinds,
            add_column_with_a_volatile_default,
            add_column_derived,
            add_column_that_follows,
            add_nullable_column_that_follows,
            drop_column,
            split_column,
            set_not_null,
            drop_not_null,
            set_default,
            add_unique_index,
            add_partial_index,
            add_expression_index,
            add_functional_index,
            add_ordered_index,
            add_text_index,
            drop_index,
            drop_text_index,
            widen_under_an_expression,
            rename_index,
            add_check,
            rename_column,
            rename_column_nullable,
            rename_column_of_times,
            rename_column_of_cases,
            follow_column_of_cases,
            rename_column_with_index_and_check,
            widen_in_place,
            change_type,
            change_type_nullable_and_indexed,
            change_type_under_special_indexes,
            change_type_under_checks,
            widen_key,
            widen_key_of_a_tree,
            change_key,
            narrow_type_by_expressions,
            rename_column_with_another_type,
            add_column_of_an_enum,
            drop_column_of_an_enum,
            add_enum_value_last,
            add_enum_value_between,
            rename_column_to_another_enum,
            add_column_generated_on_read,
            add_column_generated_and_stored,
            drop_generated_column,
            drop_table,
            rename_table,
            replace_index,
            replace_foreign_key,
            drop_foreign_key,
            create_partitioned_table,
            change_columns_of_a_partitioned_table,
            drop_partitioned_table,
        }
    };
}
pub(crate) use every_case;

macro_rules! table {
    ($name:ident { $($body:tt)* }) => { table!($name () { $($body)* }) };
    ($name:ident ($($attr:tt)*) { $($body:tt)* }) => {{
        #[derive(pontoon::Table)]
        #[table(name = "things", $($attr)*)]
        #[allow(dead_code)]
        struct $name {
            #[column(primary_key)]
            id: i64,
            $($body)*
        }
        <$name as pontoon::Table>::DEF
    }};
}

fn code(column: &'static str) -> Code {
    Code {
        table: "things",
        column,
        ty: "varchar",
        extra: Vec::new(),
        value: |n| format!("value {n}"),
        null: false,
        writes: true,
    }
}

/// Both codes write the same column, and the change is beside it.
fn beside(name: &'static str, before: TableDef, after: TableDef) -> Case {
    Case {
        name,
        before: vec![before],
        after: vec![after],
        dropped_tables: Vec::new(),
        rows: Vec::new(),
        old: code("a"),
        new: code("a"),
        to_new: str::to_owned,
        to_old: str::to_owned,
        new_from: Stage::Expand,
    }
}

fn plain() -> TableDef {
    table!(Thing {
        #[column(length = 40)]
        a: String,
    })
}

// below the macro that they use
mod add;
mod column;
mod constraint;
mod drop;
mod enums;
mod generated;
mod index;
mod index_kinds;
mod key;
mod partition;
mod rename;
mod retype;
mod table;

pub(crate) use add::*;
pub(crate) use column::*;
pub(crate) use constraint::*;
pub(crate) use drop::*;
pub(crate) use enums::*;
pub(crate) use generated::*;
pub(crate) use index::*;
pub(crate) use index_kinds::*;
pub(crate) use key::*;
pub(crate) use partition::*;
pub(crate) use rename::*;
pub(crate) use retype::*;
pub(crate) use table::*;
