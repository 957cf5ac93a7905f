//! Rows that would break a unique index, a foreign key or a check, or hold a value that is to go or does not fit a new type, are
//! looked for batch by batch, along the table's key: one query of the whole table would keep its snapshot for as long as it takes.

use super::fill::walk_key;
use super::{Context, until_contract};
use crate::dialect::{Dialect, columns_in, mysql, postgres};
use crate::migration::{Assertion, KeyColumn, Search, Stage, Step, Wrong};
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
        on_way_back: false,
        wrong: Wrong::Twice,
        table: table.to_owned(),
        sql: format!(
            "SELECT {}, {} FROM {} WHERE {}{given}{some}",
            hash(dialect, &weighed(context, table, index, &values)),
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
        on_way_back: false,
        wrong: Wrong::Rows,
        table: table.to_owned(),
        sql: format!(
            "SELECT {} FROM {} WHERE {} AND {} AND NOT EXISTS (SELECT 1 FROM {} AS parent WHERE {})",
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

/// The rows whose value does not fit, with their keys; in expand by the key as it is before anything is done. Where the table has none to
/// walk by, one query asks all of them.
pub(super) fn misfits(
    context: &Context<'_>,
    stage: Stage,
    table: &str,
    column: &str,
    fits: &str,
    message: &str,
) -> Step {
    let key = if stage == Stage::Expand { walk_of_before(context, table) } else { walk(context, table) };
    let (from, value) = (context.ident(table), shown(context.dialect, &context.ident(column)));
    let Some(key) = key else {
        return Step::Assertion(Assertion {
            message: format!("{message}. Among them"),
            sql: format!("SELECT {value} FROM {from} WHERE ({fits}) IS NOT TRUE LIMIT 5"),
            on_way_back: false,
            grace: None,
            line: 0,
        });
    };
    let apart = key.iter().all(|it| it.name != column);
    let names: Vec<_> = key.iter().map(|it| it.name.as_str()).chain(apart.then_some(column)).collect();
    let mut values = as_text(context.dialect, &key);
    values.extend(apart.then_some(value));
    Step::Search(Search {
        message: format!("{message}. By ({})", names.join(", ")),
        on_way_back: false,
        wrong: Wrong::Rows,
        table: table.to_owned(),
        sql: format!(
            "SELECT {} FROM {from} WHERE {} AND ({fits}) IS NOT TRUE",
            values.join(", "),
            range(context.dialect, &key)
        ),
        key,
        line: 0,
    })
}

fn walk_of_before(context: &Context<'_>, table: &str) -> Option<Vec<KeyColumn>> {
    let before = context.source.tables.get(table)?;
    walk_key(before)?.iter().map(|name| key_column(context.dialect, before, name)).collect()
}

/// Rows in which columns of before and those that take their place say otherwise, with their keys. Asked in contract: where the table
/// has no key to walk by, or not the one that it had, one query asks all of them.
pub(super) fn differing(context: &Context<'_>, table: &Table, columns: &[&str], differs: &str, message: &str) -> Step {
    let (dialect, from) = (context.dialect, context.ident(&table.name));
    let key = key_of_both(context, &table.name);
    let apart = |it: &KeyColumn| !columns.contains(&it.name.as_str());
    let of_key: Vec<KeyColumn> = key.iter().flatten().filter(|it| apart(it)).cloned().collect();
    let names: Vec<&str> = of_key.iter().map(|it| it.name.as_str()).chain(columns.iter().copied()).collect();
    let mut values = as_text(dialect, &of_key);
    values.extend(columns.iter().map(|it| shown(dialect, &context.ident(it))));
    let message = format!("{message}. By ({})", names.join(", "));
    let select = format!("SELECT {} FROM {from} WHERE", values.join(", "));
    match key {
        None => Step::Assertion(Assertion {
            message,
            sql: format!("{select} {differs} LIMIT 5"),
            on_way_back: false,
            grace: None,
            line: 0,
        }),
        Some(key) => Step::Search(Search {
            message,
            on_way_back: false,
            wrong: Wrong::Rows,
            table: table.name.clone(),
            sql: format!("{select} {} AND {differs}{}", range(dialect, &key), in_order(context, &table.name, &key)),
            key,
            line: 0,
        }),
    }
}

/// The key that is called the same before and after, as contract finds it.
pub(super) fn key_of_both(context: &Context<'_>, table: &str) -> Option<Vec<KeyColumn>> {
    let (before, after) = (context.source.tables.get(table)?, context.target.tables.get(table)?);
    let key = walk_key(after).filter(|it| walk_key(before) == Some(it))?;
    key.iter().map(|name| key_column(context.dialect, after, name)).collect()
}

/// So that the first ones are named. With the table's name: a bare one would mean the text that is selected.
pub(super) fn in_order(context: &Context<'_>, table: &str, key: &[KeyColumn]) -> String {
    let name = |it: &KeyColumn| format!("{}.{}", context.ident(table), context.ident(&it.name));
    format!(" ORDER BY {}", key.iter().map(name).collect::<Vec<_>>().join(", "))
}

/// Rows for which a check's condition is false; in one query, where the table has no key to walk by.
pub(super) fn breaking(
    context: &Context<'_>,
    table: &Table,
    check: &str,
    condition: &str,
) -> Result<Search, Assertion> {
    let dialect = context.dialect;
    let key = walk(context, &table.name);
    let named = columns_in(condition, table.columns.iter().map(|it| it.name.as_str()));
    let of_key = key.iter().flatten().map(|it| it.name.as_str()).filter(|it| !named.contains(it));
    let names: Vec<&str> = of_key.chain(named.iter().copied()).collect();
    let values: Vec<_> = names.iter().map(|it| shown(dialect, &context.ident(it))).collect();
    // where nothing is named, every row is wrong
    let values = if values.is_empty() { "1".to_owned() } else { values.join(", ") };
    let message = format!("check `{check}` does not hold for rows of `{}`; their ({})", table.name, names.join(", "));
    let rows =
        |range: &str| format!("SELECT {values} FROM {} WHERE {range}NOT ({condition})", context.ident(&table.name));
    match key {
        Some(key) => Ok(Search {
            message,
            on_way_back: false,
            wrong: Wrong::Rows,
            table: table.name.clone(),
            sql: rows(&format!("{} AND ", range(dialect, &key))),
            key,
            line: 0,
        }),
        None => {
            Err(Assertion { message, sql: format!("{} LIMIT 5", rows("")), on_way_back: false, grace: None, line: 0 })
        }
    }
}

/// Values that a column is to take no longer: rows that hold one. By one query where the table has no key to walk by.
pub(super) fn held(context: &Context<'_>, table: &Table, column: &str, values: &[&str], message: String) -> Step {
    let dialect = context.dialect;
    let listed: Vec<_> = values.iter().map(|it| dialect.literal(it)).collect();
    let ident = context.ident(column);
    let is_one = format!("{ident} IN ({})", listed.join(", "));
    let from = format!("FROM {} WHERE", context.ident(&table.name));
    let Some(key) = walk(context, &table.name) else {
        let sql = format!("SELECT {} {from} {is_one} LIMIT 5", text(dialect, &ident));
        return Step::Assertion(Assertion { message, sql, on_way_back: false, grace: None, line: 0 });
    };
    let columns = key.iter().map(|it| context.ident(&it.name)).chain([ident]);
    let shown: Vec<_> = columns.map(|it| text(dialect, &it)).collect();
    let sql = format!("SELECT {} {from} {} AND {is_one}", shown.join(", "), range(dialect, &key));
    Step::Search(Search {
        message,
        on_way_back: false,
        wrong: Wrong::Rows,
        table: table.name.clone(),
        sql,
        key,
        line: 0,
    })
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

pub(super) fn as_text(dialect: Dialect, key: &[KeyColumn]) -> Vec<String> {
    match dialect {
        Dialect::Postgres => postgres::backfill::key_as_text(key),
        Dialect::MySql => mysql::backfill::key_as_text(key),
    }
}

pub(super) fn range(dialect: Dialect, key: &[KeyColumn]) -> String {
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

/// What makes two rows the same to PostgreSQL's index: its collation may take two texts for one.
fn weighed(context: &Context<'_>, table: &str, index: &Index, values: &[String]) -> Vec<String> {
    if context.dialect == Dialect::MySql {
        return values.to_vec();
    }
    let name = |at: usize| match index.form.keys.get(at) {
        Some(IndexKey { of: KeyOf::Column(name), .. }) => Some(name),
        Some(_) => None,
        None => index.columns.get(at),
    };
    let target = context.table(table);
    let weigh = |(at, value): (usize, &String)| {
        let column = target
            .columns
            .iter()
            .find(|it| name(at).is_some_and(|name| until_contract(&it.name) == *name || it.name == *name));
        match column.and_then(|it| it.ty.collation.postgres.as_ref()) {
            Some(_) => format!("hashtextextended({value}, 0), hashtextextended({value}, 1)"),
            None => value.clone(),
        }
    };
    values.iter().enumerate().map(weigh).collect()
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

pub(super) fn shown(dialect: Dialect, value: &str) -> String {
    format!("LEFT({}, 60)", text(dialect, value))
}

fn text(dialect: Dialect, value: &str) -> String {
    match dialect {
        Dialect::Postgres => format!("({value})::text"),
        Dialect::MySql => format!("CAST({value} AS CHAR)"),
    }
}
