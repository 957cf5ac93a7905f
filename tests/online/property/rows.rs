//! Rows: what is there, and what either code writes.

use std::collections::{BTreeMap, BTreeSet};

use pontoon::schema::{Column, Schema, Table};
use pontoon::{Dialect, Kind};
use pontoon_xtask::verify::conn::Conn;

use super::forms::written;

/// Each table's rows, whose values are in the order of its columns, as SQL literals.
pub(super) type Rows = BTreeMap<String, Vec<Vec<Option<String>>>>;

/// What else is to be emptied before one code's rows are written.
#[derive(Debug, Default)]
pub(super) struct Emptied {
    /// What is a view yet, and the table that it shows.
    pub(super) views: BTreeMap<String, String>,
    /// Tables of the other code that refer to these.
    pub(super) others: Vec<String>,
}

/// One code's rows in place of all there are.
pub(super) async fn write(conn: &mut Conn, schema: &Schema, rows: &Rows, emptied: &Emptied) -> Result<(), sqlx::Error> {
    let dialect = conn.dialect();
    let insert = |table: &str| {
        let (rows, table) = (rows.get(table).filter(|it| !it.is_empty())?, &schema.tables[table]);
        let columns: Vec<_> = written(table).map(|it| it.name.as_str()).collect();
        let value = |row: &Vec<Option<String>>| {
            let pairs = row.iter().zip(&table.columns).filter(|(_, it)| it.generated.is_none());
            let values: Vec<_> = pairs.map(|(it, _)| it.clone().unwrap_or_else(|| "NULL".into())).collect();
            format!("({})", values.join(", "))
        };
        let values: Vec<_> = rows.iter().map(value).collect();
        let into = dialect.ident(&table.name);
        Some(format!("INSERT INTO {into} ({}) VALUES {}", dialect.idents(&columns), values.join(", ")))
    };
    let others = emptied.others.iter().map(String::as_str);
    let tables = schema.tables.keys().map(|it| emptied.views.get(it).unwrap_or(it).as_str());
    let tables: Vec<String> = others.chain(tables).map(|it| dialect.ident(it)).collect();
    match dialect {
        Dialect::Postgres => {
            conn.execute(format!("TRUNCATE {} CASCADE", tables.join(", "))).await?;
            // a circle in one statement, at whose end the foreign keys are checked
            for circle in in_order(schema) {
                let inserts = circle.into_iter().filter_map(insert);
                let parts: Vec<_> = inserts.enumerate().map(|(n, it)| format!("new_{n} AS ({it})")).collect();
                if !parts.is_empty() {
                    conn.execute(format!("WITH {} SELECT 1", parts.join(", "))).await?;
                }
            }
        }
        Dialect::MySql => {
            conn.execute("SET SESSION foreign_key_checks = 0").await?;
            for table in tables {
                conn.execute(format!("DELETE FROM {table}")).await?;
            }
            for insert in in_order(schema).into_iter().flatten().filter_map(insert) {
                conn.execute(insert).await?;
            }
            conn.execute("SET SESSION foreign_key_checks = 1").await?;
        }
    }
    Ok(())
}

/// The table, and all to which its foreign keys lead.
pub(super) fn reach<'a>(schema: &'a Schema, table: &'a str) -> BTreeSet<&'a str> {
    let (mut found, mut waiting) = (BTreeSet::new(), vec![table]);
    while let Some(table) = waiting.pop() {
        if let Some(it) = schema.tables.get(table).filter(|_| found.insert(table)) {
            waiting.extend(it.foreign_keys.values().map(|key| key.references.as_str()));
        }
    }
    found
}

/// The tables, each behind those to which it refers; those that refer to each other together.
fn in_order(schema: &Schema) -> Vec<Vec<&str>> {
    let mut order: Vec<Vec<&str>> = Vec::new();
    let mut left: BTreeMap<&str, BTreeSet<&str>> =
        schema.tables.keys().map(|it| (it.as_str(), reach(schema, it))).collect();
    // no table with a smaller reach is left: what this one reaches beside itself is there, or reaches it too
    while let Some((_, circle)) = left.iter().min_by_key(|(_, reach)| reach.len()) {
        let circle: Vec<&str> = circle.iter().copied().filter(|it| left.contains_key(it)).collect();
        left.retain(|it, _| !circle.contains(it));
        order.push(circle);
    }
    order
}

/// Gives a column of each table one of its values in all rows: the first that is free to have it. The tables that
/// are views yet are written as such.
/// `parts` are tables that have the table's rows too, since they are partitions of it.
pub(super) async fn update(
    conn: &mut Conn,
    schema: &Schema,
    rows: &mut Rows,
    free: &dyn Fn(&Table, &Column) -> bool,
    parts: &dyn Fn(&str) -> Vec<String>,
) -> Result<(), sqlx::Error> {
    let dialect = conn.dialect();
    for (name, table) in &schema.tables {
        let Some(own) = rows.get_mut(name) else { continue };
        let known = |it: &Vec<Option<String>>, at: usize| it[at].clone().filter(|it| it != "NULL");
        let value_of = |at: usize| own.iter().find_map(|row| known(row, at));
        let candidates = table.columns.iter().enumerate().filter(|(_, it)| it.generated.is_none() && free(table, it));
        let Some((at, value)) = candidates.filter_map(|(at, _)| Some((at, value_of(at)?))).last() else { continue };
        let column = dialect.ident(&table.columns[at].name);
        conn.execute(format!("UPDATE {} SET {column} = {value}", dialect.ident(name))).await?;
        let give = |rows: &mut Vec<Vec<Option<String>>>, at: usize| {
            rows.iter_mut().for_each(|row| row[at] = Some(value.clone()));
            rows.sort();
        };
        give(own, at);
        for part in parts(name) {
            let place = schema.tables[&part].columns.iter().position(|it| it.name == table.columns[at].name);
            if let Some((rows, at)) = rows.get_mut(&part).zip(place) {
                give(rows, at);
            }
        }
    }
    Ok(())
}

/// All rows, each value as an SQL literal, in an order of their own.
pub(super) async fn read(
    conn: &mut Conn,
    schema: &Schema,
    kept: &dyn Fn(&str, &Column) -> bool,
) -> Result<Rows, sqlx::Error> {
    let mut all = Rows::new();
    for (name, table) in &schema.tables {
        let columns: Vec<_> =
            table.columns.iter().filter(|it| kept(name, it)).map(|it| literal(conn.dialect(), it)).collect();
        let table = conn.dialect().ident(name);
        let mut rows = if columns.is_empty() {
            Vec::new()
        } else {
            conn.rows(format!("SELECT {} FROM {table}", columns.join(", "))).await?
        };
        rows.sort();
        all.insert(name.clone(), rows);
    }
    Ok(all)
}

/// Of rows with all columns, those that are kept.
pub(super) fn of_columns(rows: &Rows, schema: &Schema, kept: &dyn Fn(&str, &Column) -> bool) -> Rows {
    let of = |table: &Table, rows: &Vec<Vec<Option<String>>>| {
        let some = |row: &Vec<Option<String>>| {
            let pairs = row.iter().zip(&table.columns);
            pairs.filter(|(_, column)| kept(&table.name, column)).map(|(value, _)| value.clone()).collect()
        };
        let mut rows: Vec<Vec<_>> = rows.iter().map(some).collect();
        rows.retain(|row| !row.is_empty());
        rows.sort();
        rows
    };
    rows.iter().map(|(name, rows)| (name.clone(), of(&schema.tables[name], rows))).collect()
}

/// The condition that two values of the column's type are not the same letter by letter.
pub(super) fn differs(dialect: Dialect, column: &Column, [one, other]: [&str; 2]) -> String {
    match (dialect, column.ty.kind) {
        (Dialect::Postgres, _) => format!("({one}) IS DISTINCT FROM ({other})"),
        (Dialect::MySql, Kind::Text) => format!("NOT (CAST({one} AS BINARY) <=> CAST({other} AS BINARY))"),
        // a text and a moment are compared as texts, of which one has digits behind the second
        (Dialect::MySql, Kind::Json) => format!("NOT (({one}) <=> CAST(({other}) AS JSON))"),
        (Dialect::MySql, Kind::Time) => format!("NOT (({one}) <=> CAST(({other}) AS TIME(6)))"),
        (Dialect::MySql, Kind::DateTime | Kind::Timestamp) => {
            format!("NOT (({one}) <=> CAST(({other}) AS DATETIME(6)))")
        }
        (Dialect::MySql, _) => format!("NOT (({one}) <=> ({other}))"),
    }
}

/// An expression that gives the column's value as an SQL literal.
pub(super) fn literal(dialect: Dialect, column: &Column) -> String {
    let name = dialect.ident(&column.name);
    match (dialect, column.ty.kind) {
        (Dialect::Postgres, _) => format!("quote_nullable({name}::text)"),
        (Dialect::MySql, Kind::Bytes | Kind::Uuid) => format!("coalesce(concat('X''', hex({name}), ''''), 'NULL')"),
        (Dialect::MySql, _) => format!("quote({name})"),
    }
}

pub(super) fn differing(one: &Rows, other: &Rows) -> String {
    let mut lines = Vec::new();
    for (table, rows) in one {
        let others = &other[table];
        let shown = |rows: Vec<&Vec<Option<String>>>| format!("{:?}", &rows[..rows.len().min(3)]);
        let gone = rows.iter().filter(|it| !others.contains(it)).collect::<Vec<_>>();
        let new = others.iter().filter(|it| !rows.contains(it)).collect::<Vec<_>>();
        if rows != others {
            lines.push(format!(
                "{table}: {} rows, then {}\n- {}\n+ {}",
                rows.len(),
                others.len(),
                shown(gone),
                shown(new)
            ));
        }
    }
    lines.join("\n")
}
