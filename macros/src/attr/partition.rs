//! `partition_by(...)` and `partition(...)` in `#[table(...)]`.

use syn::{Ident, LitInt, LitStr};

use super::{Item, Once, Value, text, texts, unknown, word};
use crate::ctxt::Ctxt;
use crate::symbol::{
    ATTACH, DEFAULT, FROM, METHODS, MODULUS, NAME, ONLY, PARTITION, PARTITION_BY, PARTITION_BY_KEYS, PARTITION_KEYS,
    POSTGRES, REMAINDER, TO, VALUES,
};

/// How the table is cut.
pub(crate) struct PartitionBy {
    pub(crate) method: Ident,
    pub(crate) columns: Vec<LitStr>,
    pub(crate) only: Option<LitStr>,
}

/// A part that is made with it.
pub(crate) struct Partition {
    pub(crate) name: LitStr,
    pub(crate) bounds: Bounds,
    /// A table of that name is there, and becomes it.
    pub(crate) attach: bool,
}

pub(crate) enum Bounds {
    Range { from: LitStr, to: LitStr },
    List(Vec<LitStr>),
    Hash { modulus: LitInt, remainder: LitInt },
    Default,
}

impl Bounds {
    /// The method that it is for; any but `hash` has a default.
    pub(crate) fn fits(&self, method: &Ident) -> bool {
        match self {
            Self::Range { .. } => method == "range",
            Self::List(_) => method == "list",
            Self::Hash { .. } => method == "hash",
            Self::Default => method != "hash",
        }
    }
}

impl PartitionBy {
    pub(super) fn read(ctxt: &Ctxt, key: &Ident, value: &Value) -> Option<Self> {
        let Value::List(list) = value else {
            ctxt.error(key, "`partition_by` takes a way and columns: `partition_by(range(\"created_at\"))`");
            return None;
        };
        let (mut by, mut only) = (Once::default(), Once::default());
        for item in list {
            match item {
                Item::Named(it, value) if METHODS.iter().any(|method| it == method) => {
                    by.set(ctxt, it, Some((it.clone(), texts(ctxt, it, value))));
                }
                Item::Named(it, value) if it == ONLY => {
                    let server = text(ctxt, it, value);
                    if let Some(other) = server.as_ref().filter(|server| server.value() != POSTGRES) {
                        ctxt.error(other, "`only` is `postgres`: Pontoon partitions no table on another server");
                    }
                    only.set(ctxt, it, server);
                }
                other => unknown(ctxt, other, PARTITION_BY_KEYS, PARTITION_BY),
            }
        }
        let Some((method, columns)) = by.value else {
            ctxt.error(key, "`partition_by` says no way: `partition_by(range(\"created_at\"))`, `list`, `hash`");
            return None;
        };
        if columns.is_empty() {
            ctxt.error(&method, format!("`{method}` names no column: `{method}(\"created_at\")`"));
        }
        if let ("list", Some(second)) = (method.to_string().as_str(), columns.get(1)) {
            ctxt.error(second, "`list` takes one column");
        }
        Some(Self { method, columns, only: only.value })
    }
}

impl Partition {
    pub(super) fn read(ctxt: &Ctxt, key: &Ident, value: &Value) -> Option<Self> {
        let Value::List(list) = value else {
            ctxt.error(key, HELP);
            return None;
        };
        let [mut name, mut from, mut to] = [(); 3].map(|()| Once::default());
        let [mut modulus, mut remainder] = [(); 2].map(|()| Once::default());
        let (mut values, mut default, mut attach) = (Once::default(), Once::default(), Once::default());
        for item in list {
            match item {
                Item::Named(it, value) if it == NAME => name.set(ctxt, it, text(ctxt, it, value)),
                Item::Named(it, value) if it == FROM => from.set(ctxt, it, text(ctxt, it, value)),
                Item::Named(it, value) if it == TO => to.set(ctxt, it, text(ctxt, it, value)),
                Item::Named(it, value) if it == VALUES => values.set(ctxt, it, Some(texts(ctxt, it, value))),
                Item::Named(it, value) if it == MODULUS => modulus.set(ctxt, it, number(ctxt, it, value)),
                Item::Named(it, value) if it == REMAINDER => remainder.set(ctxt, it, number(ctxt, it, value)),
                Item::Named(it, value) if it == DEFAULT => default.set(ctxt, it, word(ctxt, it, value)),
                Item::Named(it, value) if it == ATTACH => attach.set(ctxt, it, word(ctxt, it, value)),
                other => unknown(ctxt, other, PARTITION_KEYS, PARTITION),
            }
        }
        let share = (modulus.value, remainder.value);
        let bounds = match (from.value, to.value, values.value, share, default.value) {
            (Some(from), Some(to), None, (None, None), None) => Bounds::Range { from, to },
            (None, None, Some(values), (None, None), None) if !values.is_empty() => Bounds::List(values),
            (None, None, None, (Some(modulus), Some(remainder)), None) => Bounds::Hash { modulus, remainder },
            (None, None, None, (None, None), Some(_)) => Bounds::Default,
            _ => {
                ctxt.error(key, HELP);
                return None;
            }
        };
        let Some(name) = name.value else {
            ctxt.error(key, "`partition` has no name: `name = \"...\"`");
            return None;
        };
        Some(Self { name, bounds, attach: attach.value.is_some() })
    }
}

const HELP: &str = "`partition` takes a name and one of: `from = \"...\", to = \"...\"`; `values(\"...\")`; \
                    `modulus = 4, remainder = 0`; `default`";

fn number(ctxt: &Ctxt, name: &Ident, value: &Value) -> Option<LitInt> {
    match value {
        Value::Lit(syn::Lit::Int(number)) if number.base10_parse::<u32>().is_ok() => Some(number.clone()),
        _ => {
            ctxt.error(name, format!("`{name}` takes a number: `{name} = 4`"));
            None
        }
    }
}
