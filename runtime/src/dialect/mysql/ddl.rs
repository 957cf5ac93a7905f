//! CREATE TABLE, ALTER TABLE, and the triggers of a check (MySQL manual, "Data Definition Statements", "Online DDL
//! Operations", "SIGNAL Statement").

use super::quote::{ident, literal};
use super::types;
use crate::dialect::Dialect;
use crate::schema::{Column, ForeignKey, Index, IndexKey, KeyOf, Table};

const ME: Dialect = Dialect::MySql;

/// `` `email` varchar(320) NOT NULL DEFAULT '' ``
pub(crate) fn column(column: &Column, nullable: bool, default: Option<&str>) -> String {
    let mut sql = format!("{} {}", ident(&column.name), types::definition(&column.ty));
    if let Some((it, expression)) = column.generated.as_ref().and_then(|it| Some((it, it.sql.of(ME)?))) {
        let when = if it.computed_on_read { "VIRTUAL" } else { "STORED" };
        sql.push_str(&format!(" GENERATED ALWAYS AS ({expression}) {when}"));
    }
    sql.push_str(if nullable { " NULL" } else { " NOT NULL" });
    if let Some(default) = default {
        sql.push_str(&format!(" DEFAULT {}", types::default_value(&column.ty, default)));
    }
    if column.identity {
        sql.push_str(" AUTO_INCREMENT");
    }
    sql
}

/// The table with everything that belongs to it, but for foreign keys not named.
pub(crate) fn create_table(table: &Table, foreign_keys: &[(&String, &ForeignKey)]) -> String {
    let columns = in_order(table).into_iter();
    let mut parts: Vec<String> = columns.map(|it| column(it, it.nullable, it.default.of(ME))).collect();
    if !table.primary_key.is_empty() {
        parts.push(format!("PRIMARY KEY ({})", ME.idents(&table.primary_key)));
    }
    parts.extend(table.indexes.iter().filter(|(_, it)| it.is_for(ME)).map(|(name, it)| index(name, it)));
    for (name, check) in &table.checks {
        if let Some(sql) = check.sql.of(ME) {
            parts.push(format!("CONSTRAINT {} CHECK ({sql})", ident(name)));
        }
    }
    parts.extend(foreign_keys.iter().map(|(name, key)| crate::operation::foreign_key_sql(ME, name, key)));
    format!("CREATE TABLE {} (\n    {}\n) ENGINE=InnoDB", ident(&table.name), parts.join(",\n    "))
}

/// A generated column behind those that the server computes too, by a default or otherwise, and that it names: MySQL
/// takes no other order. All others as they are.
fn in_order(table: &Table) -> Vec<&Column> {
    let by_default =
        |it: &Column| it.default.of(ME).is_some_and(|sql| types::default_value(&it.ty, sql).starts_with('('));
    let mut left: Vec<&Column> = table.columns.iter().collect();
    let mut ordered = Vec::new();
    while !left.is_empty() {
        let waits = |it: &&&Column| {
            let others = left.iter().filter(|other| other.name != it.name);
            let mut computed = others.filter(|other| other.generated.is_some() || by_default(other));
            it.generated.as_ref().is_some_and(|generated| computed.any(|other| generated.names(&other.name)))
        };
        // in a circle nothing comes first, which the server says best
        let next = left.iter().position(|it| !waits(&it)).unwrap_or(0);
        ordered.push(left.remove(next));
    }
    ordered
}

/// `UNIQUE INDEX ...`, as CREATE TABLE and ALTER TABLE ADD take it.
pub(crate) fn index(name: &str, index: &Index) -> String {
    let kind = match index.form.using.of(ME) {
        Some("fulltext") => "FULLTEXT ",
        Some("spatial") => "SPATIAL ",
        _ if index.unique => "UNIQUE ",
        _ => "",
    };
    format!("{kind}INDEX {} ({})", ident(name), keys(index))
}

fn keys(index: &Index) -> String {
    if index.form.keys.is_empty() {
        return ME.idents(&index.columns);
    }
    let key = |key: &IndexKey| {
        let mut sql = match &key.of {
            KeyOf::Column(name) => ident(name),
            KeyOf::Expression(texts) => format!("({})", texts.of(ME).unwrap_or_default()),
        };
        if let Some(length) = key.length {
            sql.push_str(&format!("({length})"));
        }
        if key.descending {
            sql.push_str(" DESC");
        }
        sql
    };
    index.form.keys.iter().map(key).collect::<Vec<_>>().join(", ")
}

/// An ALTER that fails rather than do more than is said.
pub(crate) fn alter(table: &str, what: &str, how: &str) -> String {
    format!("ALTER TABLE {} {what}, {how}", ident(table))
}

/// Statements of one session that others see as one. The tables at the other ends of foreign keys
/// are locked by themselves.
pub(crate) fn locked(table: &str, statements: &[String]) -> String {
    format!("LOCK TABLES {} WRITE;\n{};\nUNLOCK TABLES", ident(table), statements.join(";\n"))
}

/// A trigger that refuses a row for which `holds` is false, with the error of the server's own check.
pub(crate) fn guard(name: &str, event: &str, table: &str, check: &str, holds: &str) -> String {
    let said = literal(&format!("Check constraint '{check}' is violated."));
    format!(
        "CREATE TRIGGER {} AFTER {event} ON {} FOR EACH ROW IF NOT {holds} THEN
    SIGNAL SQLSTATE 'HY000' SET MYSQL_ERRNO = 3819, MESSAGE_TEXT = {said};
END IF",
        ident(name),
        ident(table)
    )
}
