//! `#[table(...)]`.

use syn::{Attribute, Ident, LitStr, Path};

use super::{
    Index, Item, Once, Partition, PartitionBy, PerServer, Value, items, per_server, text, texts_of, unknown, word,
};
use crate::ctxt::Ctxt;
use crate::symbol::{
    CHECK, CHECK_KEYS, CRATE, DETACHED, DROPPED, DROPPED_KEYS, INDEX, MYSQL, NAME, ONE_WAY, PARTITION, PARTITION_BY,
    POSTGRES, RENAMED_FROM, REVERSE, SQL, TABLE, TABLE_KEYS, UNLISTED,
};

/// What was written on the struct.
#[derive(Default)]
pub(crate) struct Table {
    pub(crate) name: Option<LitStr>,
    pub(crate) indexes: Vec<Index>,
    pub(crate) checks: Vec<Check>,
    pub(crate) dropped: Vec<Dropped>,
    pub(crate) renamed_from: Option<LitStr>,
    pub(crate) partition_by: Option<PartitionBy>,
    pub(crate) partitions: Vec<Partition>,
    /// Partitions that leave the list and the table.
    pub(crate) detached: Vec<LitStr>,
    /// Partitions that leave the list alone.
    pub(crate) unlisted: Vec<LitStr>,
    pub(crate) krate: Option<Path>,
}

/// A column of `dropped("a", "b")`, `dropped("a", reverse = "...")` or `dropped("a", one_way)`.
pub(crate) struct Dropped {
    pub(crate) column: LitStr,
    pub(crate) reverse: PerServer,
    pub(crate) one_way: bool,
}

pub(crate) struct Check {
    pub(crate) name: Option<LitStr>,
    pub(crate) sql: PerServer,
}

impl Table {
    pub(crate) fn read(ctxt: &Ctxt, attributes: &[Attribute]) -> Self {
        let mut table = Self::default();
        let [mut name, mut renamed_from] = [(); 2].map(|()| Once::default());
        let (mut partition_by, mut krate) = (Once::default(), Once::default());
        for item in items(ctxt, attributes, TABLE) {
            match &item {
                Item::Named(key, value) if key == NAME => name.set(ctxt, key, text(ctxt, key, value)),
                Item::Named(key, value) if key == RENAMED_FROM => renamed_from.set(ctxt, key, text(ctxt, key, value)),
                Item::Named(key, value) if key == CRATE => krate.set(ctxt, key, path(ctxt, key, value)),
                Item::Named(key, value) if key == INDEX => table.indexes.extend(Index::read(ctxt, key, value)),
                Item::Named(key, value) if key == CHECK => table.checks.extend(check(ctxt, key, value)),
                Item::Named(key, value) if key == DROPPED => table.dropped.extend(dropped(ctxt, key, value)),
                Item::Named(key, value) if key == PARTITION_BY => {
                    partition_by.set(ctxt, key, PartitionBy::read(ctxt, key, value));
                }
                Item::Named(key, value) if key == PARTITION => {
                    table.partitions.extend(Partition::read(ctxt, key, value));
                }
                Item::Named(key, value) if key == DETACHED => {
                    table.detached.extend(texts_of(ctxt, key, value, "partition"));
                }
                Item::Named(key, value) if key == UNLISTED => {
                    table.unlisted.extend(texts_of(ctxt, key, value, "partition"));
                }
                other => unknown(ctxt, other, TABLE_KEYS, TABLE),
            }
        }
        Self {
            name: name.value,
            renamed_from: renamed_from.value,
            partition_by: partition_by.value,
            krate: krate.value,
            ..table
        }
    }
}

pub(crate) fn path(ctxt: &Ctxt, key: &Ident, value: &Value) -> Option<Path> {
    match value {
        Value::Path(path) => Some(path.clone()),
        Value::Lit(syn::Lit::Str(text)) => text.parse().map_err(|error| ctxt.push(error)).ok(),
        _ => {
            ctxt.error(key, "`crate` takes a path: `crate = other::pontoon`");
            None
        }
    }
}

fn dropped(ctxt: &Ctxt, key: &Ident, value: &Value) -> Vec<Dropped> {
    let Value::List(list) = value else {
        ctxt.error(key, format!("`{key}` takes columns: `{key}(\"a\", \"b\")`"));
        return Vec::new();
    };
    let mut columns = Vec::new();
    let (mut reverse, mut one_way) = (Once::default(), Once::default());
    for item in list {
        match item {
            Item::Lit(syn::Lit::Str(text)) => columns.push(text.clone()),
            Item::Lit(lit) => ctxt.error(lit, "a column's name is a text"),
            Item::Named(key, value) if key == REVERSE => reverse.set(ctxt, key, per_server(ctxt, key, value)),
            Item::Named(key, value) if key == ONE_WAY => one_way.set(ctxt, key, word(ctxt, key, value)),
            Item::Named(name, Value::None) => ctxt.error(name, format!("a column's name is a text: \"{name}\"")),
            other => unknown(ctxt, other, DROPPED_KEYS, DROPPED),
        }
    }
    let (reverse, one_way) = (reverse.value.unwrap_or_default(), one_way.value);
    if let Some(word) = one_way.as_ref().filter(|_| !reverse.is_none()) {
        ctxt.error(word, "`reverse` is the way back, and `one_way` says that there is none");
    }
    match (&columns[..], reverse.is_none()) {
        ([column], false) => return vec![Dropped { column: column.clone(), reverse, one_way: false }],
        (_, false) => ctxt.error(key, "`reverse` gives one column its value: `dropped(\"name\", reverse = \"...\")`"),
        ([], true) if reverse.is_none() && one_way.is_some() => ctxt.error(key, "`dropped` names no column"),
        _ => {}
    }
    let of = |column| Dropped { column, reverse: PerServer::default(), one_way: one_way.is_some() };
    columns.into_iter().map(of).collect()
}

fn check(ctxt: &Ctxt, key: &Ident, value: &Value) -> Option<Check> {
    let Value::List(list) = value else {
        let sql = text(ctxt, key, value)?;
        return Some(Check { name: None, sql: PerServer { postgres: Some(sql.clone()), mysql: Some(sql) } });
    };
    let [mut name, mut sql, mut postgres, mut mysql] = [(); 4].map(|()| Once::default());
    for item in list {
        match item {
            Item::Named(key, value) if key == NAME => name.set(ctxt, key, text(ctxt, key, value)),
            Item::Named(key, value) if key == SQL => sql.set(ctxt, key, text(ctxt, key, value)),
            Item::Named(key, value) if key == POSTGRES => postgres.set(ctxt, key, text(ctxt, key, value)),
            Item::Named(key, value) if key == MYSQL => mysql.set(ctxt, key, text(ctxt, key, value)),
            other => unknown(ctxt, other, CHECK_KEYS, CHECK),
        }
    }
    let each = postgres.value.is_some() || mysql.value.is_some();
    let sql = match (sql.value, each) {
        (Some(sql), true) => {
            ctxt.error(sql, "`sql` is for both servers, and stands beside `postgres` or `mysql`");
            return None;
        }
        (Some(sql), false) => PerServer { postgres: Some(sql.clone()), mysql: Some(sql) },
        (None, true) => PerServer { postgres: postgres.value, mysql: mysql.value },
        (None, false) => {
            ctxt.error(key, "`check` has no condition: `check(name = \"...\", sql = \"...\")`");
            return None;
        }
    };
    Some(Check { name: name.value, sql })
}
