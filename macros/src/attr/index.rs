//! `index(...)` in `#[table(...)]`.

use syn::{Ident, LitInt, LitStr};

use super::{Item, Once, PerServer, Value, per_server, text, texts, unknown, word};
use crate::ctxt::Ctxt;
use crate::symbol::{
    DESC, EXPRESSION, FILTER, INCLUDE, INDEX, INDEX_KEYS, KEY, KEY_KEYS, LENGTH, MYSQL, NAME, NULLS, ONLY, OPERATORS,
    POSTGRES, UNIQUE, USING,
};

/// What was written of an index.
pub(crate) struct Index {
    pub(crate) keys: Vec<Key>,
    pub(crate) unique: bool,
    pub(crate) name: Option<LitStr>,
    pub(crate) include: Vec<LitStr>,
    pub(crate) filter: Option<LitStr>,
    pub(crate) using: PerServer,
    pub(crate) only: Option<LitStr>,
}

/// One of its keys.
#[derive(Default)]
pub(crate) struct Key {
    pub(crate) column: Option<LitStr>,
    pub(crate) expression: PerServer,
    pub(crate) descending: bool,
    pub(crate) nulls: Option<LitStr>,
    pub(crate) length: Option<LitInt>,
    pub(crate) operators: Option<LitStr>,
}

impl Index {
    pub(super) fn read(ctxt: &Ctxt, key: &Ident, value: &Value) -> Option<Self> {
        let Value::List(list) = value else {
            ctxt.error(key, "`index` takes columns: `index(\"a\", \"b\", unique, name = \"...\")`");
            return None;
        };
        let (mut keys, mut unique, mut include) = (Vec::new(), Once::default(), Vec::new());
        let [mut name, mut filter, mut only] = [(); 3].map(|()| Once::default());
        let mut using = Once::default();
        for item in list {
            match item {
                Item::Lit(syn::Lit::Str(column)) => keys.push(Key { column: Some(column.clone()), ..Key::default() }),
                Item::Named(word, value) if word == KEY => keys.extend(Key::read(ctxt, word, value)),
                Item::Named(it, value) if it == UNIQUE => unique.set(ctxt, it, word(ctxt, it, value)),
                Item::Named(it, value) if it == NAME => name.set(ctxt, it, text(ctxt, it, value)),
                Item::Named(it, value) if it == INCLUDE => include.extend(texts(ctxt, it, value)),
                Item::Named(it, value) if it == FILTER => filter.set(ctxt, it, text(ctxt, it, value)),
                Item::Named(it, value) if it == USING => using.set(ctxt, it, per_server(ctxt, it, value)),
                Item::Named(it, value) if it == ONLY => {
                    only.set(ctxt, it, one_of(ctxt, it, value, &[POSTGRES, MYSQL]));
                }
                other => unknown(ctxt, other, INDEX_KEYS, INDEX),
            }
        }
        if keys.is_empty() {
            // a key with a mistake has said so
            if !list.iter().any(|it| matches!(it, Item::Named(word, _) if word == KEY)) {
                ctxt.error(key, "`index` names no column: `index(\"a\", \"b\")`");
            }
            return None;
        }
        let name: Option<LitStr> = name.value;
        if name.is_none() && keys.iter().any(|it| it.column.is_none()) {
            ctxt.error(key, "an index of an expression has no name by itself: add `name = \"...\"`");
        }
        Some(Self {
            keys,
            unique: unique.value.is_some(),
            name,
            include,
            filter: filter.value,
            using: using.value.unwrap_or_default(),
            only: only.value,
        })
    }

    /// Whether it is more than its columns.
    pub(crate) fn has_form(&self) -> bool {
        let Self { keys, unique: _, name: _, include, filter, using, only } = self;
        let plain = |key: &Key| {
            let Key { column, expression: _, descending, nulls, length, operators } = key;
            column.is_some() && !descending && nulls.is_none() && length.is_none() && operators.is_none()
        };
        !keys.iter().all(plain) || !include.is_empty() || filter.is_some() || !using.is_none() || only.is_some()
    }

    /// The columns among its keys.
    pub(crate) fn columns(&self) -> impl Iterator<Item = &LitStr> {
        self.keys.iter().filter_map(|it| it.column.as_ref())
    }
}

impl Key {
    fn read(ctxt: &Ctxt, key: &Ident, value: &Value) -> Option<Self> {
        let Value::List(list) = value else {
            ctxt.error(
                key,
                "`key` takes a column or an expression: `key(\"a\", desc)`, `key(expression = \"lower(a)\")`",
            );
            return None;
        };
        let (mut column, mut expression, mut descending) = (Once::default(), Once::default(), Once::default());
        let [mut nulls, mut operators] = [(); 2].map(|()| Once::default());
        let mut length = Once::default();
        for item in list {
            match item {
                Item::Lit(syn::Lit::Str(name)) => column.set(ctxt, key, Some(name.clone())),
                Item::Named(it, value) if it == EXPRESSION => expression.set(ctxt, it, per_server(ctxt, it, value)),
                Item::Named(it, value) if it == DESC => descending.set(ctxt, it, word(ctxt, it, value)),
                Item::Named(it, value) if it == NULLS => {
                    nulls.set(ctxt, it, one_of(ctxt, it, value, &["first", "last"]));
                }
                Item::Named(it, value) if it == LENGTH => length.set(ctxt, it, number(ctxt, it, value)),
                Item::Named(it, value) if it == OPERATORS => operators.set(ctxt, it, text(ctxt, it, value)),
                other => unknown(ctxt, other, KEY_KEYS, KEY),
            }
        }
        let expression: PerServer = expression.value.unwrap_or_default();
        let (column, length) = (column.value, length.value);
        match (&column, expression.is_none()) {
            (None, true) => {
                ctxt.error(key, "`key` has neither column nor expression: `key(\"a\", desc)`");
                return None;
            }
            (Some(column), false) => {
                ctxt.error(column, "a key is over a column or an expression: remove one of them");
                return None;
            }
            _ => {}
        }
        if let (None, Some(length)) = (&column, &length) {
            ctxt.error(length, "`length` is for columns; an expression is cut by itself: `left(a, 20)`");
        }
        let descending = descending.value.is_some();
        Some(Self { column, expression, descending, nulls: nulls.value, length, operators: operators.value })
    }
}

/// `name = "one of these"`.
fn one_of(ctxt: &Ctxt, name: &Ident, value: &Value, known: &[&str]) -> Option<LitStr> {
    let text = text(ctxt, name, value)?;
    if known.contains(&text.value().as_str()) {
        return Some(text);
    }
    ctxt.error(&text, format!("`{name}` is one of: {}", known.join(", ")));
    None
}

fn number(ctxt: &Ctxt, name: &Ident, value: &Value) -> Option<LitInt> {
    match value {
        Value::Lit(syn::Lit::Int(number)) if number.base10_parse::<u32>().is_ok_and(|it| it > 0) => {
            Some(number.clone())
        }
        _ => {
            ctxt.error(name, format!("`{name}` takes a number of at least 1: `{name} = 20`"));
            None
        }
    }
}
