//! A database's schema as lines of text, to see whether a way back led back.
//!
//! The lines are sorted, and none tells of positions: a column that went and came again
//! stands at the end of its table, which is no difference to anybody. Pontoon's own tables
//! are left out.

use std::collections::BTreeSet;

use pontoon::Dialect;

use super::conn::Conn;

/// One line for each table, column, index, constraint, trigger, view and routine.
pub type Catalog = BTreeSet<String>;

/// Reads the schema.
///
/// # Errors
/// The server cannot be asked.
pub async fn read(conn: &mut Conn) -> Result<Catalog, sqlx::Error> {
    match conn.dialect() {
        Dialect::Postgres => postgres(conn).await,
        Dialect::MySql => mysql(conn).await,
    }
}

/// What was there only before (`-`) and only after (`+`).
pub fn difference(before: &Catalog, after: &Catalog) -> Vec<String> {
    let gone = before.difference(after).map(|line| format!("- {line}"));
    gone.chain(after.difference(before).map(|line| format!("+ {line}"))).collect()
}

/// Whether a line of [`difference`] tells of this column's definition.
pub fn is_of_column(line: &str, table: &str, column: &str) -> bool {
    let said = line.trim_start_matches(['-', '+', ' ']);
    let names = Dialect::ALL.map(|dialect| dialect.ident(table)).into_iter().chain([table.to_owned()]);
    names.into_iter().any(|name| {
        said.starts_with(&format!("column {name}.{column}: "))
            || said.starts_with(&format!("table {name}: {} ", Dialect::MySql.ident(column)))
    })
}

/// Whether a line of [`difference`] tells of this table of PostgreSQL's, or of what stands on it.
pub fn is_of_table(line: &str, table: &str) -> bool {
    let said = line.trim_start_matches(['-', '+', ' ']);
    [Dialect::Postgres.ident(table), table.to_owned()].iter().any(|name| {
        let on = ["table", "column", "constraint", "trigger"].map(|kind| format!("{kind} {name}"));
        on.iter().any(|on| said.strip_prefix(on.as_str()).is_some_and(|rest| rest.starts_with([':', '.'])))
            || said.starts_with("index ")
                && [format!(" ON {name} "), format!(".{name} USING")].iter().any(|on| said.contains(on.as_str()))
    })
}

/// Whether a line of [`difference`] tells of this type's definition.
pub fn is_of_type(line: &str, name: &str) -> bool {
    let said = line.trim_start_matches(['-', '+', ' ']);
    [Dialect::Postgres.ident(name), name.to_owned()].iter().any(|name| said.starts_with(&format!("type {name}: ")))
}

/// Every query gives lines of two columns: the object, and what it is.
const POSTGRES: &[&str] = &[
    "SELECT 'table ' || c.oid::regclass::text, c.relkind::text || c.relpersistence::text || coalesce(array_to_string(c.reloptions, ','), '') \
       || coalesce(' partition of ' || (SELECT inhparent::regclass::text FROM pg_inherits WHERE inhrelid = c.oid LIMIT 1) \
       || ' ' || pg_get_expr(c.relpartbound, c.oid), '') FROM pg_class c WHERE {user} AND c.relkind IN ('r', 'p', 'f')",
    "SELECT 'column ' || c.oid::regclass::text || '.' || a.attname, format_type(a.atttypid, a.atttypmod) \
       || CASE WHEN a.attnotnull THEN ' not null' ELSE '' END || ' identity ' || a.attidentity::text || ' generated ' || a.attgenerated::text \
       || coalesce(' default ' || pg_get_expr(d.adbin, d.adrelid), '') || ' collation ' || a.attcollation::text \
       FROM pg_class c JOIN pg_attribute a ON a.attrelid = c.oid \
       LEFT JOIN pg_attrdef d ON d.adrelid = c.oid AND d.adnum = a.attnum \
       WHERE {user} AND c.relkind IN ('r', 'p', 'f') AND a.attnum > 0 AND NOT a.attisdropped",
    // a partition's part of an index is told by the whole, which is not valid without it
    "SELECT 'index ' || c.oid::regclass::text, pg_get_indexdef(i.indexrelid) || CASE WHEN i.indisvalid THEN '' ELSE ' INVALID' END \
       FROM pg_class c JOIN pg_index i ON i.indexrelid = c.oid JOIN pg_class t ON t.oid = i.indrelid \
       WHERE {user} AND NOT c.relispartition AND t.relname NOT LIKE 'pontoon\\_%'",
    // a NOT NULL is told by its column
    "SELECT 'constraint ' || c.oid::regclass::text || '.' || k.conname, pg_get_constraintdef(k.oid) \
       || CASE WHEN k.convalidated THEN '' ELSE ' (not validated)' END \
       FROM pg_class c JOIN pg_constraint k ON k.conrelid = c.oid WHERE {user} AND k.contype NOT IN ('n', 't')",
    "SELECT 'trigger ' || c.oid::regclass::text || '.' || t.tgname, pg_get_triggerdef(t.oid) || ' ' || t.tgenabled::text \
       FROM pg_class c JOIN pg_trigger t ON t.tgrelid = c.oid WHERE {user} AND NOT t.tgisinternal",
    "SELECT 'view ' || c.oid::regclass::text, pg_get_viewdef(c.oid) FROM pg_class c WHERE {user} AND c.relkind IN ('v', 'm')",
    "SELECT 'sequence ' || c.oid::regclass::text, format_type(s.seqtypid, NULL) || ' start ' || s.seqstart::text || ' by ' || s.seqincrement::text \
       FROM pg_class c JOIN pg_sequence s ON s.seqrelid = c.oid WHERE {user}",
    "SELECT 'function ' || p.oid::regprocedure::text, pg_get_functiondef(p.oid) FROM pg_proc p \
       JOIN pg_namespace n ON n.oid = p.pronamespace WHERE n.nspname !~ '^pg_' AND n.nspname <> 'information_schema' \
       AND p.prokind IN ('f', 'p') AND NOT EXISTS (SELECT 1 FROM pg_depend x WHERE x.objid = p.oid AND x.deptype = 'e')",
    "SELECT 'type ' || t.oid::regtype::text, t.typtype::text || ' ' || coalesce((SELECT string_agg(e.enumlabel, ',' ORDER BY e.enumsortorder) \
       FROM pg_enum e WHERE e.enumtypid = t.oid), '') || coalesce(format_type(t.typbasetype, t.typtypmod), '') \
       FROM pg_type t JOIN pg_namespace n ON n.oid = t.typnamespace \
       WHERE n.nspname !~ '^pg_' AND n.nspname <> 'information_schema' AND t.typtype IN ('e', 'd', 'r')",
    "SELECT 'schema ' || n.nspname, '' FROM pg_namespace n WHERE n.nspname !~ '^pg_' AND n.nspname <> 'information_schema'",
    "SELECT 'extension ' || extname, '' FROM pg_extension",
];

async fn postgres(conn: &mut Conn) -> Result<Catalog, sqlx::Error> {
    let user = "c.relname NOT LIKE 'pontoon\\_%' AND EXISTS (SELECT 1 FROM pg_namespace n WHERE n.oid = c.relnamespace \
                AND n.nspname !~ '^pg_' AND n.nspname <> 'information_schema')";
    let mut lines = Catalog::new();
    for query in POSTGRES {
        lines.extend(conn.rows(query.replace("{user}", user)).await?.into_iter().map(line));
    }
    Ok(lines)
}

async fn mysql(conn: &mut Conn) -> Result<Catalog, sqlx::Error> {
    let mut lines = Catalog::new();
    let tables = "SELECT TABLE_NAME, TABLE_TYPE FROM information_schema.TABLES WHERE TABLE_SCHEMA = DATABASE() \
                  AND TABLE_NAME NOT LIKE 'pontoon\\_%'";
    for row in conn.rows(tables).await? {
        let [Some(table), Some(kind)] = &row[..] else { continue };
        if kind == "VIEW" {
            continue;
        }
        let shown = conn.rows(format!("SHOW CREATE TABLE {}", Dialect::MySql.ident(table))).await?;
        let text = shown.into_iter().next().and_then(|row| row.into_iter().nth(1).flatten()).unwrap_or_default();
        lines.extend(text.lines().map(|text| format!("table {table}: {}", without_counter(text))));
    }
    let others = [
        "SELECT CONCAT('view ', TABLE_NAME), VIEW_DEFINITION FROM information_schema.VIEWS WHERE TABLE_SCHEMA = DATABASE()",
        // the triggers that hold a check write nothing, so their order says nothing
        "SELECT CONCAT('trigger ', EVENT_OBJECT_TABLE, '.', TRIGGER_NAME), CONCAT_WS(' ', ACTION_TIMING, EVENT_MANIPULATION, \
           IF(holds, NULL, ROW_NUMBER() OVER (PARTITION BY EVENT_OBJECT_TABLE, ACTION_TIMING, EVENT_MANIPULATION, holds \
           ORDER BY ACTION_ORDER)), ACTION_STATEMENT) FROM (SELECT t.*, TRIGGER_NAME LIKE 'pontoon|_%|_guard' ESCAPE '|' AS holds \
           FROM information_schema.TRIGGERS t WHERE TRIGGER_SCHEMA = DATABASE()) t",
        "SELECT CONCAT(ROUTINE_TYPE, ' ', ROUTINE_NAME), CONCAT_WS(' ', DTD_IDENTIFIER, ROUTINE_DEFINITION) \
           FROM information_schema.ROUTINES WHERE ROUTINE_SCHEMA = DATABASE()",
        "SELECT CONCAT('event ', EVENT_NAME), EVENT_DEFINITION FROM information_schema.EVENTS WHERE EVENT_SCHEMA = DATABASE()",
    ];
    for query in others {
        lines.extend(conn.rows(query).await?.into_iter().map(line));
    }
    Ok(lines)
}

fn line(row: Vec<Option<String>>) -> String {
    row.into_iter().flatten().collect::<Vec<_>>().join(": ")
}

/// A line of `SHOW CREATE TABLE`: without the counter, which tells of rows, and without what joins it to the next.
fn without_counter(text: &str) -> String {
    let words = text.trim().trim_end_matches(',').split(' ').filter(|word| !word.starts_with("AUTO_INCREMENT="));
    words.collect::<Vec<_>>().join(" ")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_counter_is_no_difference() {
        assert_eq!(
            without_counter(") ENGINE=InnoDB AUTO_INCREMENT=7 DEFAULT CHARSET=utf8mb4"),
            ") ENGINE=InnoDB DEFAULT CHARSET=utf8mb4"
        );
    }

    #[test]
    fn what_stands_on_a_table_is_told_from_others() {
        let lines = [
            "+ table p1: rp partition of things FOR VALUES",
            "+ column p1.a: integer",
            "+ index p1_a_idx: CREATE INDEX p1_a_idx ON public.p1 USING btree (a)",
            "+ constraint p1.p1_pkey: PRIMARY KEY (a)",
        ];
        for line in lines {
            assert!(is_of_table(line, "p1"), "{line}");
            assert!(!is_of_table(line, "p") && !is_of_table(line, "p11"), "{line}");
        }
    }

    #[test]
    fn differences_say_which_side() {
        let (before, after) = (Catalog::from(["a".into(), "b".into()]), Catalog::from(["b".into(), "c".into()]));
        assert_eq!(difference(&before, &after), ["- a", "+ c"]);
    }
}
