//! What was written in `#[table(...)]` and `#[column(...)]`.

mod column;
mod index;
mod item;
mod partition;
mod table;

pub(crate) use column::{Column, Generated, Moved, Reference};
pub(crate) use index::{Index, Key};
pub(crate) use item::{Item, Value, items};
pub(crate) use partition::{Bounds, Partition, PartitionBy};
pub(crate) use table::{Check, Dropped, Table, path};

use proc_macro2::TokenStream;
use quote::{ToTokens, quote};
use syn::{Ident, LitStr};

use crate::ctxt::Ctxt;
use crate::symbol::{MYSQL, POSTGRES, SERVER_KEYS};

/// A text for each server.
#[derive(Default)]
pub(crate) struct PerServer {
    pub(crate) postgres: Option<LitStr>,
    pub(crate) mysql: Option<LitStr>,
}

impl PerServer {
    pub(crate) fn is_none(&self) -> bool {
        self.postgres.is_none() && self.mysql.is_none()
    }

    /// The constant, behind the path of the private module.
    pub(crate) fn expand(&self, private: &TokenStream) -> TokenStream {
        let [postgres, mysql] = [&self.postgres, &self.mysql].map(option);
        quote!(#private::PerServer { postgres: #postgres, mysql: #mysql })
    }
}

/// `Some(value)` or `None`, as tokens.
pub(crate) fn option<T: ToTokens>(value: &Option<T>) -> TokenStream {
    match value {
        Some(value) => quote!(::core::option::Option::Some(#value)),
        None => quote!(::core::option::Option::None),
    }
}

/// A value that may be set once.
pub(crate) struct Once<T> {
    pub(crate) value: Option<T>,
}

impl<T> Default for Once<T> {
    fn default() -> Self {
        Self { value: None }
    }
}

impl<T> Once<T> {
    pub(crate) fn set(&mut self, ctxt: &Ctxt, name: &Ident, value: Option<T>) {
        if self.value.is_some() {
            ctxt.error(name, format!("`{name}` stands twice"));
        } else {
            self.value = value;
        }
    }
}

/// `name = "text"`, not empty.
pub(crate) fn text(ctxt: &Ctxt, name: &Ident, value: &Value) -> Option<LitStr> {
    match value {
        Value::Lit(syn::Lit::Str(text)) if text.value().trim().is_empty() => {
            ctxt.error(text, format!("`{name}` is empty"));
            None
        }
        Value::Lit(syn::Lit::Str(text)) => Some(text.clone()),
        _ => {
            ctxt.error(name, format!("`{name}` takes a text: `{name} = \"...\"`"));
            None
        }
    }
}

/// `name` alone.
fn word(ctxt: &Ctxt, name: &Ident, value: &Value) -> Option<Ident> {
    if matches!(value, Value::None) {
        Some(name.clone())
    } else {
        ctxt.error(name, format!("`{name}` stands alone, without a value"));
        None
    }
}

/// The texts of a list: `dropped("a", "b")`.
fn texts(ctxt: &Ctxt, key: &Ident, value: &Value) -> Vec<LitStr> {
    texts_of(ctxt, key, value, "column")
}

/// The same of names of another kind: `detached("events_2025")`.
fn texts_of(ctxt: &Ctxt, key: &Ident, value: &Value, kind: &str) -> Vec<LitStr> {
    let Value::List(list) = value else {
        ctxt.error(key, format!("`{key}` takes {kind}s: `{key}(\"a\", \"b\")`"));
        return Vec::new();
    };
    let text = |item: &Item| match item {
        Item::Lit(syn::Lit::Str(text)) => Some(text.clone()),
        Item::Lit(lit) => {
            ctxt.error(lit, format!("a {kind}'s name is a text"));
            None
        }
        Item::Named(name, _) => {
            ctxt.error(name, format!("a {kind}'s name is a text: \"{name}\""));
            None
        }
    };
    list.iter().filter_map(text).collect()
}

/// `name = "text"`, or `name(postgres = "...", mysql = "...")`.
fn per_server(ctxt: &Ctxt, name: &Ident, value: &Value) -> Option<PerServer> {
    let Value::List(list) = value else {
        if let Value::None = value {
            ctxt.error(
                name,
                format!("`{name}` takes a text, `{name} = \"...\"`, or one each, `{name}(postgres = \"...\", mysql = \"...\")`"),
            );
            return None;
        }
        let text = text(ctxt, name, value)?;
        return Some(PerServer { postgres: Some(text.clone()), mysql: Some(text) });
    };
    let (mut postgres, mut mysql) = (Once::default(), Once::default());
    for item in list {
        match item {
            Item::Named(key, value) if key == POSTGRES => postgres.set(ctxt, key, text(ctxt, key, value)),
            Item::Named(key, value) if key == MYSQL => mysql.set(ctxt, key, text(ctxt, key, value)),
            other => unknown(ctxt, other, SERVER_KEYS, &name.to_string()),
        }
    }
    let both = PerServer { postgres: postgres.value, mysql: mysql.value };
    if both.is_none() && list.is_empty() {
        ctxt.error(name, format!("`{name}` names no server: postgres, mysql"));
    }
    Some(both)
}

/// A word that is not known here, with those that are, and the one that was perhaps meant.
pub(crate) fn unknown(ctxt: &Ctxt, item: &Item, known: &[&str], place: &str) {
    let list = known.join(", ");
    match item {
        Item::Lit(lit) => ctxt.error(lit, format!("`{place}` takes no bare value here; it knows: {list}")),
        Item::Named(name, _) => {
            let written = name.to_string();
            let near = known.iter().filter(|it| distance(it, &written) <= 2).min_by_key(|it| distance(it, &written));
            let hint = near.map(|it| format!(" (did you mean `{it}`?)")).unwrap_or_default();
            ctxt.error(name, format!("`{place}` does not know `{written}`{hint}; it knows: {list}"));
        }
    }
}

/// How many letters differ (Levenshtein).
fn distance(a: &str, b: &str) -> usize {
    let b: Vec<char> = b.chars().collect();
    let mut row: Vec<usize> = (0..=b.len()).collect();
    for (i, from) in a.chars().enumerate() {
        let mut before = row[0];
        row[0] = i + 1;
        for (j, to) in b.iter().enumerate() {
            let replaced = before + usize::from(from != *to);
            before = row[j + 1];
            row[j + 1] = replaced.min(row[j] + 1).min(row[j + 1] + 1);
        }
    }
    row[b.len()]
}
