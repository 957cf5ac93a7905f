//! What a server does not look at when a column goes: triggers (on both, PostgreSQL's by their
//! functions' text) and on MySQL views. Every write through such a trigger would fail from then on.

use super::Context;
use crate::dialect::Dialect;
use crate::migration::Assertion;

/// Finds the triggers and views of others that name this column; ours go with it.
pub(super) fn none_on_column(context: &Context<'_>, table: &str, column: &str) -> Assertion {
    let literal = |text: &str| context.dialect.literal(text);
    let sql = match context.dialect {
        Dialect::Postgres => {
            let relation = literal(&context.ident(table));
            format!(
                "SELECT 'trigger', t.tgname::text FROM pg_trigger t JOIN pg_proc p ON p.oid = t.tgfoid \
                 WHERE t.tgrelid = {relation}::regclass AND NOT t.tgisinternal AND t.tgname NOT LIKE 'pontoon|_%' ESCAPE '|' AND p.prosrc ~ {}\n\
                 UNION ALL SELECT DISTINCT 'view', r.ev_class::regclass::text FROM pg_depend d JOIN pg_rewrite r ON r.oid = d.objid \
                 JOIN pg_attribute a ON a.attrelid = d.refobjid AND a.attnum = d.refobjsubid \
                 WHERE d.classid = 'pg_rewrite'::regclass AND d.refobjid = {relation}::regclass AND a.attname = {}",
                literal(&format!("(^|[^[:alnum:]_]){}($|[^[:alnum:]_])", plain(column))),
                literal(column)
            )
        }
        Dialect::MySql => format!(
            "SELECT 'trigger', TRIGGER_NAME FROM information_schema.TRIGGERS WHERE TRIGGER_SCHEMA = DATABASE() \
             AND EVENT_OBJECT_TABLE = {} AND TRIGGER_NAME NOT LIKE 'pontoon|_%' ESCAPE '|' AND ACTION_STATEMENT REGEXP {}\n\
             UNION ALL SELECT 'view', TABLE_NAME FROM information_schema.VIEWS WHERE TABLE_SCHEMA = DATABASE() \
             AND LOCATE({}, VIEW_DEFINITION) > 0 AND LOCATE({}, VIEW_DEFINITION) > 0",
            literal(table),
            literal(&format!("(^|[^[:alnum:]_]){}($|[^[:alnum:]_])", plain(column))),
            literal(&context.ident(table)),
            literal(&context.ident(column))
        ),
    };
    Assertion {
        message: format!("`{table}.{column}` goes, and others name it: change or drop them first"),
        sql,
        on_way_back: false,
        grace: None,
        line: 0,
    }
}

/// The same of a column that gave its name to its successor: on PostgreSQL a view follows the column,
/// not the name, and nothing else does.
pub(super) fn none_on_old_column(context: &Context<'_>, table: &str, column: &str) -> Option<Assertion> {
    let swapped = column.starts_with("pontoon_") && context.dialect == Dialect::Postgres;
    swapped.then(|| Assertion {
        message: format!(
            "`{table}.{column}` goes, and views made before the swap still read it: make them anew (`CREATE VIEW` gives them \
             the new column)"
        ),
        ..none_on_column(context, table, column)
    })
}

/// A name in a regular expression, whatever signs it holds.
fn plain(name: &str) -> String {
    name.chars().map(|c| if c.is_alphanumeric() || c == '_' { c.to_string() } else { format!("\\{c}") }).collect()
}
