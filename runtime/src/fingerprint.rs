//! A column's meaning as a number, computed by the compiler.
//!
//! The index of the checked-in migrations holds these numbers, and the application's build
//! compares them with its structs (see [`crate::drift`]). FNV-1a, because it is a few lines of
//! `const fn`; nothing here guards against malice, and files are hashed with SHA-256.

use crate::def::{
    BoundsDef, CheckDef, ColumnDef, EnumDef, IndexDef, IndexFormDef, KeyDef, Nulls, PartitionDef, PartitionedDef,
    PerServer, ReferenceDef, TableDef,
};

const OFFSET: u64 = 0xcbf2_9ce4_8422_2325;
const PRIME: u64 = 0x0000_0100_0000_01b3;

/// The number of a text.
pub const fn of_str(text: &str) -> u64 {
    str(OFFSET, text)
}

/// The number of a column: everything that is part of the schema, nothing that is an intent
/// or a place in the source.
pub const fn of_column(column: &ColumnDef) -> u64 {
    let mut hash = str(OFFSET, column.name);
    hash = byte(hash, column.kind as u8);
    hash = byte(hash, column.nullable as u8);
    hash = byte(hash, column.primary_key as u8);
    hash = byte(hash, column.identity as u8);
    hash = byte(hash, column.unique as u8);
    hash = number(hash, column.length);
    hash = number(hash, column.precision);
    hash = number(hash, column.scale);
    hash = per_server(hash, column.sql_type);
    hash = per_server(hash, column.default);
    hash = per_server(hash, column.check);
    // what came later counts only where it is written: the numbers of before stay
    if let Some(it) = column.enum_def {
        hash = enumeration(hash, it);
    }
    if let Some(it) = column.generated {
        hash = byte(per_server(byte(hash, 5), it.sql), it.computed_on_read as u8);
    }
    if column.collation.postgres.is_some() || column.collation.mysql.is_some() {
        hash = per_server(byte(hash, 9), column.collation);
    }
    match column.references {
        None => byte(hash, 0),
        Some(ReferenceDef { table, column, on_delete, on_update }) => {
            hash = str(str(byte(hash, 1), table), column);
            byte(byte(hash, on_delete as u8), on_update as u8)
        }
    }
}

const fn enumeration(hash: u64, it: &EnumDef) -> u64 {
    let mut hash = str(byte(hash, 4), it.name);
    let mut at = 0;
    while at < it.values.len() {
        hash = str(hash, it.values[at]);
        at += 1;
    }
    hash
}

/// The number of what stands on the table and on none of its columns: indexes and checks, and
/// the order of the key's columns.
pub const fn of_table(table: &TableDef) -> u64 {
    let mut hash = str(OFFSET, table.name);
    let mut at = 0;
    while at < table.columns.len() {
        if table.columns[at].primary_key {
            hash = str(hash, table.columns[at].name);
        }
        at += 1;
    }
    at = 0;
    while at < table.indexes.len() {
        hash = index(hash, &table.indexes[at]);
        at += 1;
    }
    at = 0;
    while at < table.checks.len() {
        hash = check(hash, &table.checks[at]);
        at += 1;
    }
    match table.partitioned {
        None => hash,
        Some(it) => partitioned(byte(hash, 7), it),
    }
}

const fn partitioned(hash: u64, it: &PartitionedDef) -> u64 {
    let mut hash = option(byte(hash, it.by as u8), it.only);
    let mut at = 0;
    while at < it.columns.len() {
        hash = str(hash, it.columns[at]);
        at += 1;
    }
    at = 0;
    while at < it.partitions.len() {
        hash = partition(byte(hash, 8), &it.partitions[at]);
        at += 1;
    }
    hash
}

const fn partition(hash: u64, it: &PartitionDef) -> u64 {
    let mut hash = str(hash, it.name);
    match it.bounds {
        BoundsDef::Range { from, to } => str(str(byte(hash, 1), from), to),
        BoundsDef::List(values) => {
            hash = byte(hash, 2);
            let mut at = 0;
            while at < values.len() {
                hash = str(hash, values[at]);
                at += 1;
            }
            hash
        }
        BoundsDef::Hash { modulus, remainder } => number(number(byte(hash, 3), Some(modulus)), Some(remainder)),
        BoundsDef::Default => byte(hash, 4),
    }
}

const fn index(mut hash: u64, index: &IndexDef) -> u64 {
    hash = option(byte(hash, 2), index.name);
    let mut at = 0;
    while at < index.columns.len() {
        hash = str(hash, index.columns[at]);
        at += 1;
    }
    hash = byte(hash, index.unique as u8);
    match index.form {
        None => hash,
        Some(form) => index_form(byte(hash, 4), form),
    }
}

const fn index_form(mut hash: u64, form: &IndexFormDef) -> u64 {
    let mut at = 0;
    while at < form.keys.len() {
        hash = key(byte(hash, 5), &form.keys[at]);
        at += 1;
    }
    at = 0;
    while at < form.include.len() {
        hash = str(byte(hash, 6), form.include[at]);
        at += 1;
    }
    option(per_server(option(hash, form.filter), form.using), form.only)
}

const fn key(hash: u64, key: &KeyDef) -> u64 {
    let hash = byte(per_server(option(hash, key.column), key.expression), key.descending as u8);
    let nulls = match key.nulls {
        None => 0,
        Some(Nulls::First) => 1,
        Some(Nulls::Last) => 2,
    };
    option(number(byte(hash, nulls), key.length), key.operators)
}

const fn check(hash: u64, check: &CheckDef) -> u64 {
    per_server(option(byte(hash, 3), check.name), check.sql)
}

const fn per_server(hash: u64, texts: PerServer) -> u64 {
    option(option(hash, texts.postgres), texts.mysql)
}

const fn option(hash: u64, text: Option<&str>) -> u64 {
    match text {
        None => byte(hash, 0),
        Some(text) => str(byte(hash, 1), text),
    }
}

const fn number(hash: u64, value: Option<u32>) -> u64 {
    match value {
        None => byte(hash, 0),
        Some(value) => {
            let bytes = value.to_le_bytes();
            byte(byte(byte(byte(byte(hash, 1), bytes[0]), bytes[1]), bytes[2]), bytes[3])
        }
    }
}

/// The text and an end mark, so that `ab` + `c` is not `a` + `bc`.
const fn str(mut hash: u64, text: &str) -> u64 {
    let bytes = text.as_bytes();
    let length = bytes.len();
    let mut at = 0;
    while at < length {
        // as `byte`, without its calls: most of a build's time for the drift check is this loop
        hash = ((hash ^ bytes[at] as u64) as u128 * PRIME as u128) as u64;
        at += 1;
    }
    byte(hash, 0xFF)
}

/// The product cannot overflow in 128 bits, and is cut to 64. `wrapping_mul` means the same and is a
/// call, which costs the compiler's interpreter more than the product.
const fn byte(hash: u64, value: u8) -> u64 {
    ((hash ^ value as u64) as u128 * PRIME as u128) as u64
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn another_collation_is_a_drift() {
        let collated = |collation| ColumnDef { collation, ..ColumnDef::PLAIN };
        let of = |collation| of_column(&collated(collation));
        let numbers = [
            of(PerServer::NONE),
            of(PerServer::both("C")),
            of(PerServer { postgres: Some("C"), mysql: None }),
            of(PerServer { postgres: None, mysql: Some("C") }),
        ];
        for (at, one) in numbers.iter().enumerate() {
            assert!(!numbers[..at].contains(one));
        }
    }
}
