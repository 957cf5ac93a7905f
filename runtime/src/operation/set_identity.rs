//! The server begins to number a column that is there. In expand: new code may leave the column out, and old code goes on
//! giving numbers of its own until contract.
//!
//! Both must never come to the same number by themselves. So the server's begin far above the greatest there is, and old
//! code, which may count on, has room below. Should it give a number beyond the server's (the greatest plus one, say), a
//! trigger lets the sequence follow before the row is there: one number after the other, which nobody can turn back, and
//! in one step only where the way is long. InnoDB does the same by itself.
//!
//! PostgreSQL changes its catalog, and asks the key's index for the greatest number. MySQL copies the table, in every
//! version; and it would take a 0 for no number at all, so rows with one are in the way.

use std::iter::once;

use super::triggers::{function_name, insert_name, update_name};
use super::{Context, Draft, Refusal, Staging, Triggers, copy};
use crate::dialect::{Dialect, columns_in, mysql};
use crate::migration::{Algorithm, Assertion, Claim, Fact, LockMode, Stage, Step};
use crate::schema::{Column, IndexKey, KeyOf, Schema, Table, Texts};
use crate::sql_type::Kind;

/// From how far behind on the sequence follows in one step.
const LONG_WAY: u32 = 10_000;

pub(super) fn stage(context: &Context<'_>, table: &str, column: &str) -> Result<Staging, Refusal> {
    let mut staging = Staging::default();
    let table = context.table(table);
    let Some(after) = table.column(column) else { return Ok(staging) };
    let (name, column) = (&table.name, &after.name);
    let room = room(after);
    match context.dialect {
        Dialect::Postgres => {
            follow(context, table, after).install(context, &mut staging);
            staging.push(Stage::Expand, postgres(context, table, after, room).step());
            follow(context, table, after).remove(context, &mut staging);
        }
        Dialect::MySql => {
            let effect = format!(
                "`{name}.{column}` begins to be numbered, which copies the table, and writers wait for the whole copy"
            );
            copy::allowed(context, Stage::Expand, name, &effect, &mut staging)?;
            nothing_over(
                context.source,
                [name, column],
                "begins to be numbered",
                "remove that in a migration before this one",
            )?;
            staging.push(Stage::Expand, Step::Assertion(zero(context, table, after)));
            let draft = mysql_modify(context, Stage::Expand, table, after, true);
            let (back, claim) = mysql_sql(context, Stage::Expand, table, after, false);
            staging.push(Stage::Expand, draft.undo(back, claim).undo_set("foreign_key_checks", "0").step());
            staging.push(Stage::Expand, leave_room(context, table, after, room).step());
        }
    }
    staging.warnings.push(format!(
        "until contract old code gives numbers to `{name}.{column}` and the server does too, from {room} above the greatest on: old \
         code that counts further than that meets the server's"
    ));
    Ok(staging)
}

/// MySQL takes no expression over a column that it numbers, and what goes may stand until contract, as what is new may come before
/// it.
pub(super) fn nothing_over(schema: &Schema, [table, column]: [&str; 2], what: &str, help: &str) -> Result<(), Refusal> {
    let Some(it) = schema.tables.get(table) else { return Ok(()) };
    let names = |sql: &Texts| sql.of(Dialect::MySql).is_some_and(|sql| !columns_in(sql, once(column)).is_empty());
    let check = || it.checks.iter().find(|(_, it)| names(&it.sql)).map(|(name, _)| format!("check `{name}`"));
    let generated = || {
        let over = |it: &&Column| it.generated.as_ref().is_some_and(|it| names(&it.sql));
        it.columns.iter().find(over).map(|it| format!("generated column `{table}.{}`", it.name))
    };
    let index = || {
        let over = |key: &IndexKey| matches!(&key.of, KeyOf::Expression(sql) if names(sql));
        let mut indexes = it.indexes.iter().filter(|(_, it)| it.is_for(Dialect::MySql));
        indexes.find(|(_, it)| it.form.keys.iter().any(over)).map(|(name, _)| format!("index `{name}`"))
    };
    match check().or_else(generated).or_else(index) {
        None => Ok(()),
        Some(over) => Err((
            format!(
                "column `{table}.{column}` {what}, and {over} is over it: MySQL takes none over a column that it numbers"
            ),
            help.to_owned(),
        )),
    }
}

/// How far above the greatest number the server begins.
fn room(column: &Column) -> u32 {
    if column.ty.kind == Kind::SmallInt { 1_000 } else { 1_000_000 }
}

/// The server's fact, asked of the catalog.
pub(super) fn is_numbered(context: &Context<'_>, table: &str, column: &str) -> Fact {
    let literal = |text: &str| context.dialect.literal(text);
    Fact::Query(match context.dialect {
        Dialect::Postgres => format!(
            "SELECT 1 FROM pg_attribute WHERE attrelid = {}::regclass AND attname = {} AND attidentity <> ''",
            literal(&context.ident(table)),
            literal(column)
        ),
        Dialect::MySql => format!(
            "SELECT 1 FROM information_schema.COLUMNS WHERE TABLE_SCHEMA = DATABASE() AND TABLE_NAME = {} AND COLUMN_NAME = {} \
             AND EXTRA LIKE '%auto_increment%'",
            literal(table),
            literal(column)
        ),
    })
}

/// PostgreSQL: the triggers by which the sequence follows numbers that are given.
pub(super) fn follow<'a>(context: &Context<'_>, table: &'a Table, column: &'a Column) -> Triggers<'a> {
    let function = function_name(&table.name, &column.name);
    let [table_sql, column_sql, call] = [&table.name, &column.name, &function].map(|it| context.ident(it));
    let literal = |text: &str| context.dialect.literal(text);
    let body = format!(
        "DECLARE\n  numbers regclass := pg_get_serial_sequence({}, {});\nBEGIN\n  \
         IF numbers IS NULL OR NEW.{column_sql} <= coalesce(pg_sequence_last_value(numbers), 0) THEN\n    RETURN NEW;\n  END IF;\n  \
         IF NEW.{column_sql} - {LONG_WAY} > coalesce(pg_sequence_last_value(numbers), 0) THEN\n    \
         PERFORM pg_advisory_xact_lock(numbers::oid::bigint);\n    \
         IF NEW.{column_sql} - {LONG_WAY} > coalesce(pg_sequence_last_value(numbers), 0) THEN\n      \
         PERFORM setval(numbers, NEW.{column_sql});\n    END IF;\n  END IF;\n  \
         WHILE NEW.{column_sql} > coalesce(pg_sequence_last_value(numbers), 0) LOOP\n    PERFORM nextval(numbers);\n  END LOOP;\n  \
         RETURN NEW;\nEND",
        literal(&table_sql),
        literal(&column.name)
    );
    let trigger = |name: String, event: &str| {
        let name = context.ident(&name);
        format!("CREATE TRIGGER {name} BEFORE {event} ON {table_sql} FOR EACH ROW EXECUTE FUNCTION {call}()")
    };
    Triggers {
        table: &table.name,
        columns: vec![&column.name],
        named_after: &column.name,
        // who writes the table need not be allowed to set its sequence
        function: Some(format!(
            "CREATE FUNCTION {call}() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER SET search_path FROM CURRENT AS \
             $pontoon$\n{body}\n$pontoon$"
        )),
        on_insert: trigger(insert_name(&table.name, &column.name), "INSERT"),
        on_update: trigger(update_name(&table.name, &column.name), &format!("UPDATE OF {column_sql}")),
    }
}

fn postgres(context: &Context<'_>, table: &Table, column: &Column, room: u32) -> Draft {
    let [table_sql, column_sql] = [&table.name, &column.name].map(|it| context.ident(it));
    let literal = |text: &str| context.dialect.literal(text);
    let alter = format!("ALTER TABLE {table_sql} ALTER COLUMN {column_sql}");
    let forth = [
        format!("{alter} ADD GENERATED BY DEFAULT AS IDENTITY"),
        format!(
            "SELECT setval(pg_get_serial_sequence({}, {}), greatest(max({column_sql}), 0) + {room}) FROM {table_sql}",
            literal(&table_sql),
            literal(&column.name)
        ),
    ];
    let brief = || Claim::none().lock(&table.name, LockMode::AccessExclusive);
    let fact = is_numbered(context, &table.name, &column.name);
    let comment = format!("Its numbers begin {room} above the greatest, which the key's index tells.");
    Draft::new(comment, forth.join(";\n"), brief(), fact).undo(format!("{alter} DROP IDENTITY"), brief())
}

fn zero(context: &Context<'_>, table: &Table, column: &Column) -> Assertion {
    let [table_sql, column_sql] = [&table.name, &column.name].map(|it| context.ident(it));
    Assertion {
        message: format!(
            "a row of `{}` has the number 0 in `{}`, which MySQL takes for none where it numbers a column: give it another one",
            table.name, column.name
        ),
        sql: format!("SELECT {column_sql} FROM {table_sql} WHERE {column_sql} = 0 LIMIT 1"),
        on_way_back: false,
        grace: None,
        line: 0,
    }
}

/// MySQL: the column's definition with or without its numbers.
pub(super) fn mysql_sql(
    context: &Context<'_>,
    stage: Stage,
    table: &Table,
    column: &Column,
    identity: bool,
) -> (String, Claim) {
    let column = Column { identity, ..column.clone() };
    let what = format!("MODIFY COLUMN {}", mysql::ddl::column(&column, false, None));
    (copy::mysql_sql(&table.name, &what), copy::mysql_claim(context, stage, &table.name))
}

/// As a statement. A key's column changes only where nobody looks at the foreign keys that refer to it, which it fits as before; and
/// a 0 that came since it was looked for stays one.
pub(super) fn mysql_modify(
    context: &Context<'_>,
    stage: Stage,
    table: &Table,
    column: &Column,
    identity: bool,
) -> Draft {
    let (sql, claim) = mysql_sql(context, stage, table, column, identity);
    let fact = is_numbered(context, &table.name, &column.name);
    let comment = "MySQL has no other way: the table is copied, reads go on, writers wait for the whole copy.";
    let draft = Draft::new(comment, sql, claim, if identity { fact } else { fact.negated() });
    let draft = draft.set("foreign_key_checks", "0");
    if identity { draft.set("sql_mode", "NO_AUTO_VALUE_ON_ZERO") } else { draft }
}

/// MySQL's numbers begin next to the greatest, where old code would go on as well.
fn leave_room(context: &Context<'_>, table: &Table, column: &Column, room: u32) -> Draft {
    let (table_sql, column_sql) = (context.ident(&table.name), context.ident(&column.name));
    let alter = mysql::ddl::alter(&table.name, "AUTO_INCREMENT = ", "ALGORITHM=INPLACE, LOCK=NONE");
    let (head, tail) = alter.split_once("AUTO_INCREMENT = ").unwrap_or((&alter, ""));
    let literal = |text: &str| context.dialect.literal(text);
    let sql = [
        format!(
            "SET @pontoon = (SELECT CONCAT({}, GREATEST(COALESCE(MAX({column_sql}), 0), 0) + {room}, {}) FROM {table_sql})",
            literal(&format!("{head}AUTO_INCREMENT = ")),
            literal(tail)
        ),
        "PREPARE pontoon FROM @pontoon".to_owned(),
        "EXECUTE pontoon".to_owned(),
        "DEALLOCATE PREPARE pontoon".to_owned(),
    ];
    // it names no table to the server, so nobody sees how, but for itself
    let claim = context.mysql_alter(Stage::Expand, &table.name, Algorithm::Inplace);
    let claim = Claim { algorithm: None, lock_clause: None, ..claim };
    let comment = format!("Its numbers begin {room} above the greatest.");
    Draft::new(comment, sql.join(";\n"), claim, Fact::Repeatable).undo_nothing("it goes with its numbers")
}
