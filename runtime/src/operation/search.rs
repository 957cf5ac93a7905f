//! Rows that would break a unique index or a foreign key are looked for batch by batch, along the table's key: one
//! query of the whole table would keep its snapshot for as long as it takes.

use super::Context;
use super::fill::walk_key;
use crate::dialect::{Dialect, mysql, postgres};
use crate::migration::{KeyColumn, Search, Step, Wrong};
use crate::schema::{ForeignKey, Index, IndexKey, KeyOf, Table};

/// Before a unique index is built: its build would fail at the first value that comes twice, hours later, and name no
/// other. Nothing where the table has no key to walk by, and the build alone tells; nor where that key is part of the index.
pub(super) fn duplicates(context: &Context<'_>, table: &str, name: &str, index: &Index) -> Option<Step> {
    let (dialect, key) = (context.dialect, walk(context, table)?);
    if holds_the_key(index, &key) {
        return None;
    }
    let values = values(context, index);
    let given = values.iter().map(|it| format!(" AND {it} IS NOT NULL")).collect::<String>();
    let some = index.form.filter.as_ref().filter(|_| dialect == Dialect::Postgres);
    let some = some.map(|it| format!(" AND ({it})")).unwrap_or_default();
    let shown: Vec<_> = values.iter().map(|it| shown(dialect, it)).collect();
    Some(Step::Search(Search {
        message: format!(
            "unique index `{name}` cannot be: rows of `{table}` have the same ({})",
            names(dialect, index).join(", ")
        ),
        wrong: Wrong::Twice,
        table: table.to_owned(),
        sql: format!(
            "SELECT {}, {} FROM {} WHERE {}{given}{some}",
            hash(dialect, &values),
            shown.join(", "),
            context.ident(table),
            range(dialect, &key)
        ),
        key,
        line: 0,
    }))
}

/// Behind a foreign key that binds new rows: those of before that refer to nobody. Nothing where the table has no key
/// to walk by.
pub(super) fn orphans(context: &Context<'_>, table: &str, foreign_key: &ForeignKey) -> Option<Step> {
    let key = walk(context, table)?;
    let both = foreign_key.columns.iter().zip(&foreign_key.referenced_columns);
    // the child has its own name: the key's columns are those of no alias
    let child = |column: &str| format!("{}.{}", context.ident(table), context.ident(column));
    let pairs: Vec<_> = both.map(|(from, to)| format!("parent.{} = {}", context.ident(to), child(from))).collect();
    let given: Vec<_> = foreign_key.columns.iter().map(|it| format!("{} IS NOT NULL", child(it))).collect();
    let shown: Vec<_> = foreign_key.columns.iter().map(|it| text(context.dialect, &child(it))).collect();
    Some(Step::Search(Search {
        message: format!("rows of `{table}` refer to rows of `{}` that do not exist", foreign_key.references),
        wrong: Wrong::Rows,
        table: table.to_owned(),
        sql: format!(
            "SELECT {} FROM {} WHERE {} AND {} AND NOT EXISTS (SELECT 1 FROM {} AS parent WHERE {}) LIMIT 5",
            shown.join(", "),
            context.ident(table),
            range(context.dialect, &key),
            given.join(" AND "),
            context.ident(&foreign_key.references),
            pairs.join(" AND ")
        ),
        key,
        line: 0,
    }))
}

/// The key of before that is still the same.
fn walk(context: &Context<'_>, table: &str) -> Option<Vec<KeyColumn>> {
    let (before, after) = (context.source.tables.get(table)?, context.target.tables.get(table)?);
    let key = walk_key(before)?;
    let same = |name: &String| match (before.column(name), after.column(name)) {
        (Some(before), Some(after)) => before.ty == after.ty,
        _ => false,
    };
    let columns: Option<Vec<_>> = key.iter().map(|name| key_column(context.dialect, before, name)).collect();
    columns.filter(|_| key.iter().all(same))
}

fn key_column(dialect: Dialect, table: &Table, name: &str) -> Option<KeyColumn> {
    let ty = &table.column(name)?.ty;
    let cast = match dialect {
        Dialect::Postgres => postgres::types::key_cast(ty),
        Dialect::MySql => mysql::types::key_cast(ty),
    };
    Some(KeyColumn { name: name.to_owned(), cast: cast? })
}

fn range(dialect: Dialect, key: &[KeyColumn]) -> String {
    match dialect {
        Dialect::Postgres => postgres::backfill::range(key),
        Dialect::MySql => mysql::backfill::range(key),
    }
}

/// What the index's keys stand for in a row.
fn values(context: &Context<'_>, index: &Index) -> Vec<String> {
    if index.form.keys.is_empty() {
        return index.columns.iter().map(|it| context.ident(it)).collect();
    }
    let value = |key: &IndexKey| match (&key.of, key.length) {
        (KeyOf::Column(name), Some(length)) => format!("LEFT({}, {length})", context.ident(name)),
        (KeyOf::Column(name), None) => context.ident(name),
        (KeyOf::Expression(texts), _) => format!("({})", texts.of(context.dialect).unwrap_or_default()),
    };
    index.form.keys.iter().map(value).collect()
}

/// Rows that are unique by less are unique by it.
fn holds_the_key(index: &Index, key: &[KeyColumn]) -> bool {
    let plain = |name: &String| {
        index.form.keys.is_empty() && index.columns.contains(name)
            || index.form.keys.iter().any(|it| it.length.is_none() && it.of == KeyOf::Column(name.clone()))
    };
    key.iter().all(|it| plain(&it.name))
}

fn names(dialect: Dialect, index: &Index) -> Vec<&str> {
    if index.form.keys.is_empty() {
        return index.columns.iter().map(String::as_str).collect();
    }
    index
        .form
        .keys
        .iter()
        .map(|key| match &key.of {
            KeyOf::Column(name) => name.as_str(),
            KeyOf::Expression(texts) => texts.of(dialect).unwrap_or_default(),
        })
        .collect()
}

/// One number for all values. What is equal in other ways than by its text (`1.0` and `1.00` in a number without a
/// scale) is left to the index: an alarm must be true.
fn hash(dialect: Dialect, values: &[String]) -> String {
    match dialect {
        // the text of a row quotes what could be mistaken
        Dialect::Postgres => {
            let row = format!("ROW({})::text", values.join(", "));
            format!("left(encode(sha256(convert_to({row}, 'UTF8')), 'hex'), 32)")
        }
        // the weights of a text are what its collation compares; what has none is as exact in JSON as it is
        Dialect::MySql => {
            let one =
                |it: &String| format!("SHA2(COALESCE(HEX(WEIGHT_STRING({it})), CAST(JSON_ARRAY({it}) AS CHAR)), 256)");
            let each: Vec<_> = values.iter().map(one).collect();
            match &each[..] {
                [one] => format!("LEFT({one}, 32)"),
                _ => format!("LEFT(SHA2(CONCAT({}), 256), 32)", each.join(", ")),
            }
        }
    }
}

fn shown(dialect: Dialect, value: &str) -> String {
    format!("LEFT({}, 60)", text(dialect, value))
}

fn text(dialect: Dialect, value: &str) -> String {
    match dialect {
        Dialect::Postgres => format!("({value})::text"),
        Dialect::MySql => format!("CAST({value} AS CHAR)"),
    }
}
