//! `#[column(...)]`.

use syn::{Attribute, Ident, LitInt, LitStr};

use super::{Item, Once, PerServer, Value, items, per_server, text, unknown, word};
use crate::ctxt::Ctxt;
use crate::symbol::{
    ACTIONS, BACKFILL, BACKFILL_FN, CHECK, COLLATION, COLUMN, COLUMN_KEYS, DEFAULT, GENERATED, GENERATED_KEYS,
    IDENTITY, LENGTH, MOVED_FROM, MOVED_KEYS, MYSQL, NAME, ON_DELETE, ON_UPDATE, POSTGRES, PRECISION, PRIMARY_KEY,
    REFERENCE_KEYS, REFERENCES, RENAMED_FROM, REVERSE, SCALE, SQL_TYPE, TABLE, UNIQUE, VIRTUAL,
};

/// What was written on the field; each with the token that errors point at.
#[derive(Default)]
pub(crate) struct Column {
    pub(crate) name: Option<LitStr>,
    pub(crate) primary_key: Option<Ident>,
    pub(crate) identity: Option<Ident>,
    pub(crate) unique: Option<Ident>,
    pub(crate) length: Option<LitInt>,
    pub(crate) precision: Option<LitInt>,
    pub(crate) scale: Option<LitInt>,
    pub(crate) default: PerServer,
    pub(crate) generated: Option<Generated>,
    pub(crate) backfill: PerServer,
    pub(crate) reverse: PerServer,
    pub(crate) check: PerServer,
    pub(crate) sql_type: PerServer,
    pub(crate) collation: PerServer,
    pub(crate) references: Option<Reference>,
    pub(crate) renamed_from: Option<LitStr>,
    pub(crate) backfill_fn: Option<LitStr>,
    pub(crate) moved_from: Option<Moved>,
}

/// `moved_from(table = "users", column = "bio")`.
pub(crate) struct Moved {
    pub(crate) at: Ident,
    pub(crate) table: LitStr,
    pub(crate) column: LitStr,
}

/// `generated = "..."`, or `generated(virtual, postgres = "...", mysql = "...")`.
pub(crate) struct Generated {
    pub(crate) at: Ident,
    pub(crate) sql: PerServer,
    pub(crate) computed_on_read: bool,
}

pub(crate) struct Reference {
    pub(crate) table: LitStr,
    pub(crate) column: Option<LitStr>,
    /// The variant's name.
    pub(crate) on_delete: &'static str,
    pub(crate) on_update: &'static str,
}

impl Column {
    pub(crate) fn read(ctxt: &Ctxt, attributes: &[Attribute]) -> Self {
        let [mut name, mut renamed_from, mut backfill_fn] = [(); 3].map(|()| Once::default());
        let [mut primary_key, mut identity, mut unique] = [(); 3].map(|()| Once::default());
        let [mut length, mut precision, mut scale] = [(); 3].map(|()| Once::default());
        let [mut default, mut backfill, mut reverse, mut check, mut sql_type, mut collation] =
            [(); 6].map(|()| Once::default());
        let (mut references, mut generated, mut moved_from) = (Once::default(), Once::default(), Once::default());
        for item in items(ctxt, attributes, COLUMN) {
            let Item::Named(key, value) = &item else {
                unknown(ctxt, &item, COLUMN_KEYS, COLUMN);
                continue;
            };
            match key.to_string().as_str() {
                NAME => name.set(ctxt, key, text(ctxt, key, value)),
                RENAMED_FROM => renamed_from.set(ctxt, key, text(ctxt, key, value)),
                PRIMARY_KEY => primary_key.set(ctxt, key, word(ctxt, key, value)),
                IDENTITY => identity.set(ctxt, key, word(ctxt, key, value)),
                UNIQUE => unique.set(ctxt, key, word(ctxt, key, value)),
                LENGTH => length.set(ctxt, key, number(ctxt, key, value)),
                PRECISION => precision.set(ctxt, key, number(ctxt, key, value)),
                SCALE => scale.set(ctxt, key, number(ctxt, key, value)),
                DEFAULT => default.set(ctxt, key, per_server(ctxt, key, value)),
                GENERATED => generated.set(ctxt, key, computed(ctxt, key, value)),
                BACKFILL => backfill.set(ctxt, key, per_server(ctxt, key, value)),
                BACKFILL_FN => backfill_fn.set(ctxt, key, text(ctxt, key, value)),
                REVERSE => reverse.set(ctxt, key, per_server(ctxt, key, value)),
                CHECK => check.set(ctxt, key, per_server(ctxt, key, value)),
                SQL_TYPE => sql_type.set(ctxt, key, per_server(ctxt, key, value)),
                COLLATION => collation.set(ctxt, key, per_server(ctxt, key, value)),
                MOVED_FROM => moved_from.set(ctxt, key, moved(ctxt, key, value)),
                REFERENCES => references.set(ctxt, key, reference(ctxt, key, value)),
                _ => unknown(ctxt, &item, COLUMN_KEYS, COLUMN),
            }
        }
        Self {
            name: name.value,
            primary_key: primary_key.value,
            identity: identity.value,
            unique: unique.value,
            length: length.value,
            precision: precision.value,
            scale: scale.value,
            default: default.value.unwrap_or_default(),
            generated: generated.value,
            backfill: backfill.value.unwrap_or_default(),
            reverse: reverse.value.unwrap_or_default(),
            check: check.value.unwrap_or_default(),
            sql_type: sql_type.value.unwrap_or_default(),
            collation: collation.value.unwrap_or_default(),
            references: references.value,
            renamed_from: renamed_from.value,
            backfill_fn: backfill_fn.value,
            moved_from: moved_from.value,
        }
    }
}

fn number(ctxt: &Ctxt, name: &Ident, value: &Value) -> Option<LitInt> {
    if let Value::Lit(syn::Lit::Int(number)) = value {
        if number.base10_parse::<u32>().is_ok() {
            // without a suffix, so that `64u8` fits where a u32 is wanted
            return Some(LitInt::new(number.base10_digits(), number.span()));
        }
        ctxt.error(number, format!("`{name}` is a number from 0 to {}", u32::MAX));
        return None;
    }
    ctxt.error(name, format!("`{name}` takes a number: `{name} = 64`"));
    None
}

fn computed(ctxt: &Ctxt, key: &Ident, value: &Value) -> Option<Generated> {
    let at = key.clone();
    let Value::List(list) = value else {
        return per_server(ctxt, key, value).map(|sql| Generated { at, sql, computed_on_read: false });
    };
    let [mut postgres, mut mysql] = [(); 2].map(|()| Once::default());
    let mut on_read = Once::default();
    for item in list {
        match item {
            Item::Named(key, value) if key == VIRTUAL => on_read.set(ctxt, key, word(ctxt, key, value)),
            Item::Named(key, value) if key == POSTGRES => postgres.set(ctxt, key, text(ctxt, key, value)),
            Item::Named(key, value) if key == MYSQL => mysql.set(ctxt, key, text(ctxt, key, value)),
            other => unknown(ctxt, other, GENERATED_KEYS, GENERATED),
        }
    }
    let sql = PerServer { postgres: postgres.value, mysql: mysql.value };
    if sql.postgres.is_none() || sql.mysql.is_none() {
        ctxt.error(key, "`generated` wants an expression for each server: `generated(virtual, postgres = \"...\", mysql = \"...\")`");
    }
    Some(Generated { at, sql, computed_on_read: on_read.value.is_some() })
}

fn moved(ctxt: &Ctxt, key: &Ident, value: &Value) -> Option<Moved> {
    const FORM: &str = "`moved_from(table = \"users\", column = \"bio\")`";
    let Value::List(list) = value else {
        ctxt.error(key, format!("`moved_from` takes a table and its column: {FORM}"));
        return None;
    };
    let [mut table, mut column] = [(); 2].map(|()| Once::default());
    for item in list {
        match item {
            Item::Named(key, value) if key == TABLE => table.set(ctxt, key, text(ctxt, key, value)),
            Item::Named(key, value) if key == COLUMN => column.set(ctxt, key, text(ctxt, key, value)),
            other => {
                unknown(ctxt, other, MOVED_KEYS, MOVED_FROM);
                return None;
            }
        }
    }
    match (table.value, column.value) {
        (Some(table), Some(column)) => Some(Moved { at: key.clone(), table, column }),
        _ => {
            ctxt.error(key, format!("`moved_from` takes a table and its column: {FORM}"));
            None
        }
    }
}

fn reference(ctxt: &Ctxt, key: &Ident, value: &Value) -> Option<Reference> {
    const FORM: &str = "`references(table = \"users\", column = \"id\", on_delete = \"cascade\")`";
    let Value::List(list) = value else {
        ctxt.error(key, format!("`references` takes a table: {FORM}"));
        return None;
    };
    let [mut table, mut column] = [(); 2].map(|()| Once::default());
    let [mut on_delete, mut on_update] = [(); 2].map(|()| Once::default());
    let mut understood = true;
    for item in list {
        match item {
            Item::Named(key, value) if key == TABLE => table.set(ctxt, key, text(ctxt, key, value)),
            Item::Named(key, value) if key == COLUMN => column.set(ctxt, key, text(ctxt, key, value)),
            Item::Named(key, value) if key == ON_DELETE => on_delete.set(ctxt, key, action(ctxt, key, value)),
            Item::Named(key, value) if key == ON_UPDATE => on_update.set(ctxt, key, action(ctxt, key, value)),
            other => {
                unknown(ctxt, other, REFERENCE_KEYS, REFERENCES);
                understood = false;
            }
        }
    }
    let Some(table) = table.value else {
        // a word that is not known may have been meant for it
        if understood {
            ctxt.error(key, format!("`references` names no table: {FORM}"));
        }
        return None;
    };
    Some(Reference {
        table,
        column: column.value,
        on_delete: on_delete.value.unwrap_or("NoAction"),
        on_update: on_update.value.unwrap_or("NoAction"),
    })
}

fn action(ctxt: &Ctxt, key: &Ident, value: &Value) -> Option<&'static str> {
    let written = text(ctxt, key, value)?;
    let known = ACTIONS.iter().find(|(word, _)| *word == written.value().to_ascii_lowercase());
    if known.is_none() {
        let words: Vec<_> = ACTIONS.iter().map(|(word, _)| format!("\"{word}\"")).collect();
        ctxt.error(&written, format!("`{key}` is one of: {}", words.join(", ")));
    }
    known.map(|(_, variant)| *variant)
}
