//! The table of cases: a schema before and after, and what each code writes.

use pontoon::def::TableDef;
use pontoon::diff::settled;
use pontoon::migration::Stage;
use pontoon::schema::{Intents, Schema, from_defs};

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
    /// What it writes from validate on, if that is something else.
    pub(crate) later: Option<fn(i64) -> String>,
    /// Whether it writes NULL too.
    pub(crate) null: bool,
    /// What it writes into other tables around a row: `{id}` is the row's.
    pub(crate) before_insert: Option<&'static str>,
    pub(crate) after_insert: Option<&'static str>,
    pub(crate) after_delete: Option<&'static str>,
    /// Whether it writes the column at all, or reads what follows from others.
    pub(crate) writes: bool,
}

/// The values of one row, in the order of its columns.
pub(crate) type Row = Vec<Option<String>>;

/// What one application writes and reads where that is more than one column.
pub(crate) struct Columns {
    /// Each with PostgreSQL's type of it.
    pub(crate) columns: &'static [(&'static str, &'static str)],
    /// What it writes, from a number.
    pub(crate) value: fn(i64) -> Row,
    /// The columns that an INSERT names, by their place; the others are NULL then. Several kinds of INSERT.
    pub(crate) inserts: &'static [&'static [usize]],
    /// The columns that an UPDATE names, by their place. Several kinds of UPDATE.
    pub(crate) updates: &'static [&'static [usize]],
}

/// Both applications, in place of what [`Code`] says of one column.
pub(crate) struct Several {
    pub(crate) old: Columns,
    pub(crate) new: Columns,
    /// What new code sees of a row that old code wrote.
    pub(crate) to_new: fn(&[Option<String>]) -> Row,
    /// What old code sees of a row that new code wrote.
    pub(crate) to_old: fn(&[Option<String>]) -> Row,
}

/// The author's word on what is copied while writers wait.
pub(crate) const COPY_ROWS: u64 = 100_000;

/// One change.
pub(crate) struct Case {
    pub(crate) name: &'static str,
    /// What was there before that, where `before` came by a migration and not from nothing.
    pub(crate) first: Vec<TableDef>,
    pub(crate) before: Vec<TableDef>,
    pub(crate) after: Vec<TableDef>,
    /// Tables that are meant to go.
    pub(crate) dropped_tables: Vec<&'static str>,
    /// Tables that the migration before this one has renamed away, and that are meant to go for good.
    pub(crate) purged_tables: Vec<&'static str>,
    /// How many rows may be copied while writers wait.
    pub(crate) copy_rows: Option<u64>,
    /// Checks that are to be enforced from now on.
    pub(crate) enforced: Vec<&'static str>,
    /// SQL that runs before, for rows that neither code writes.
    pub(crate) rows: Vec<&'static str>,
    pub(crate) old: Code,
    pub(crate) new: Code,
    /// What new code sees of a value that old code wrote.
    pub(crate) to_new: fn(&str) -> String,
    /// What old code sees of a value that new code wrote.
    pub(crate) to_old: fn(&str) -> String,
    pub(crate) several: Option<Several>,
    /// The stage after which new code may run.
    pub(crate) new_from: Stage,
    /// Both codes use one column, which reads as before until a swap in validate, and as the new code wants it from then on.
    pub(crate) one_view: bool,
}

/// A migration's ends, and what its author says.
pub(crate) struct Way {
    pub(crate) id: &'static str,
    pub(crate) from: Schema,
    pub(crate) to: Schema,
    pub(crate) intents: Intents,
}

impl Case {
    /// What makes the schema of before, and last the change.
    pub(crate) fn ways(&self) -> Vec<Way> {
        let mut ways: Vec<Way> = Vec::new();
        let ends = [("0000_first", &self.first), ("0001_before", &self.before), ("0002_after", &self.after)];
        for (id, defs) in ends.into_iter().filter(|(_, defs)| !defs.is_empty()) {
            let model = from_defs(&defs.iter().collect::<Vec<_>>());
            let (to, mut intents) = model.unwrap_or_else(|errors| panic!("{}: {errors}", self.name));
            if id == "0002_after" {
                intents.dropped_tables.extend(self.dropped_tables.iter().map(|it| (*it).to_owned()));
                intents.purged_tables.extend(self.purged_tables.iter().map(|it| (*it).to_owned()));
                intents.enforced_checks.extend(self.enforced.iter().map(|it| (*it).to_owned()));
                intents.copy_rows = self.copy_rows;
            }
            if id == "0001_before" {
                intents.dropped_tables.extend(self.purged_tables.iter().map(|it| (*it).to_owned()));
            }
            let from: Schema = ways.last().map(|it| it.to.clone()).unwrap_or_default();
            ways.push(Way { id, to: settled(&from, &to, &intents).keeping(&from, &intents, id), from, intents });
        }
        ways
    }
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
            add_column_of_another_collation,
            drop_column,
            split_column_one_way,
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
            add_check_by_a_copy,
            drop_guarded_check,
            replace_guarded_check,
            enforce_guarded_check,
            rename_column_under_a_guarded_check,
            change_columns_beside_a_guarded_check,
            rename_table_under_a_guarded_check,
            drop_column_under_a_guarded_check,
            rename_column,
            rename_column_nullable,
            rename_column_to_a_narrower_one,
            rename_column_of_times,
            rename_column_of_floats_under_a_check,
            rename_column_of_cases,
            follow_column_of_cases,
            rename_column_with_index_and_check,
            split_column,
            split_column_nullable,
            split_nullable_column,
            merge_columns,
            reshape_columns,
            move_column,
            move_column_into_a_new_table,
            widen_in_place,
            change_type,
            change_type_nullable_and_indexed,
            change_type_under_special_indexes,
            change_type_under_checks,
            widen_key,
            widen_key_of_a_tree,
            change_key,
            number_the_rows,
            number_the_rows_without_a_key,
            begin_to_number_a_column,
            end_to_number_a_column,
            change_collation,
            change_collation_of_an_indexed_column,
            narrow_type,
            narrow_text_nullable_and_indexed,
            narrow_type_by_expressions,
            rename_column_with_another_type,
            add_column_of_an_enum,
            drop_column_of_an_enum,
            add_enum_value_last,
            add_enum_value_between,
            rename_enum_values,
            remove_enum_value,
            remove_unused_enum_value,
            remove_enum_value_by_expressions,
            reorder_enum_values,
            change_enum_of_a_nullable_column,
            change_enum_of_two_tables,
            rename_column_to_another_enum,
            add_column_generated_on_read,
            add_column_generated_and_stored,
            drop_generated_column,
            add_generated_column_beside_an_index_of_an_expression,
            drop_generated_column_beside_an_index_of_an_expression,
            drop_table,
            purge_table,
            rename_table,
            add_column_with_all_on_it,
            drop_column_with_all_on_it,
            rename_and_retype_with_all_on_it,
            retype_under_a_check_that_is_replaced,
            widen_under_a_check,
            replace_index,
            replace_foreign_key,
            drop_foreign_key,
            create_partitioned_table,
            change_columns_of_a_partitioned_table,
            drop_partitioned_table,
            attach_partition,
            attach_partitions_without_a_default,
            attach_table,
            attach_table_to_a_new_one,
            attach_numbered_table,
            detach_partition,
            detach_partition_beside_a_default,
            index_a_partitioned_table,
            drop_and_rename_indexes_of_a_partitioned_table,
            check_a_partitioned_table,
            uncheck_a_partitioned_table,
            set_not_null_in_a_partitioned_table,
            drop_not_null_in_a_partitioned_table,
            add_derived_column_to_a_partitioned_table,
            add_foreign_key_to_a_partitioned_table,
            drop_foreign_key_of_a_partitioned_table,
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
        later: None,
        null: false,
        before_insert: None,
        after_insert: None,
        after_delete: None,
        writes: true,
    }
}

/// Both codes write the same column, and the change is beside it.
fn beside(name: &'static str, before: TableDef, after: TableDef) -> Case {
    Case {
        name,
        first: Vec::new(),
        before: vec![before],
        after: vec![after],
        dropped_tables: Vec::new(),
        purged_tables: Vec::new(),
        copy_rows: Some(COPY_ROWS),
        enforced: Vec::new(),
        rows: Vec::new(),
        old: code("a"),
        new: code("a"),
        to_new: str::to_owned,
        to_old: str::to_owned,
        several: None,
        new_from: Stage::Expand,
        one_view: false,
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
mod attach;
mod column;
mod constraint;
mod drop;
mod enums;
mod generated;
mod guard;
mod identity;
mod index;
mod index_kinds;
mod key;
mod moved;
mod partition;
mod rename;
mod reshape;
mod retype;
mod table;
mod together;

pub(crate) use add::*;
pub(crate) use attach::*;
pub(crate) use column::*;
pub(crate) use constraint::*;
pub(crate) use drop::*;
pub(crate) use enums::*;
pub(crate) use generated::*;
pub(crate) use guard::*;
pub(crate) use identity::*;
pub(crate) use index::*;
pub(crate) use index_kinds::*;
pub(crate) use key::*;
pub(crate) use moved::*;
pub(crate) use partition::*;
pub(crate) use rename::*;
pub(crate) use reshape::*;
pub(crate) use retype::*;
pub(crate) use table::*;
pub(crate) use together::*;
