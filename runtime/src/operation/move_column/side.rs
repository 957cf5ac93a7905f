//! What a write of the one table does to the other.

use super::Move;
use crate::dialect::Dialect;

/// The triggers of one table.
pub(super) struct Side<'a> {
    pub(super) table: &'a str,
    pub(super) column: &'a str,
    /// PostgreSQL: the body of the function that they call.
    pub(super) function: String,
    /// Suffix of the name, event with its time, and what a trigger does: on PostgreSQL, when.
    pub(super) triggers: Vec<(&'static str, &'static str, String)>,
}

impl<'a> Move<'a> {
    /// The old table's triggers come first, that for UPDATE before all: a row that gets its value must change with it.
    pub(super) fn sides(&self) -> [Side<'a>; 2] {
        match self.context.dialect {
            Dialect::Postgres => [self.postgres_old(), self.postgres_new()],
            Dialect::MySql => [self.mysql_old(), self.mysql_new()],
        }
    }

    fn postgres_new(&self) -> Side<'a> {
        let [_, key, column, origin, id, from] = self.idents();
        let ty = self.context.dialect.type_name(&self.from.ty);
        let mut triggers = vec![
            ("_fill", "BEFORE INSERT", String::new()),
            ("_ins", "AFTER INSERT", format!("WHEN (NEW.{column} IS NOT NULL) ")),
            (
                "_upd",
                "AFTER UPDATE",
                format!("WHEN (NEW.{column} IS DISTINCT FROM OLD.{column} OR NEW.{key} IS DISTINCT FROM OLD.{key}) "),
            ),
        ];
        let taken = format!("UPDATE {origin} SET {from} = NULL WHERE {id} = OLD.{key} AND {from} IS NOT NULL;\n");
        let mut deleted = String::new();
        if self.made {
            triggers.push(("_del", "AFTER DELETE", format!("WHEN (OLD.{column} IS NOT NULL) ")));
            deleted = format!("    IF TG_OP = 'DELETE' THEN\n        {taken}        RETURN NULL;\n    END IF;\n");
        }
        let function = format!(
            "DECLARE
    given {ty};
BEGIN
    IF TG_WHEN = 'BEFORE' THEN
        SELECT {from} INTO given FROM {origin} WHERE {id} = NEW.{key} FOR NO KEY UPDATE;
        NEW.{column} := COALESCE(NEW.{column}, given);
        RETURN NEW;
    END IF;
{deleted}    IF TG_OP = 'UPDATE' AND NEW.{key} IS DISTINCT FROM OLD.{key} THEN
        {taken}    END IF;
    UPDATE {origin} SET {from} = NEW.{column} WHERE {id} = NEW.{key} AND {from} IS DISTINCT FROM NEW.{column};
    RETURN NULL;
END"
        );
        Side { table: &self.table.name, column: &self.column.name, function, triggers }
    }

    fn postgres_old(&self) -> Side<'a> {
        let [table, key, column, _, id, from] = self.idents();
        let mut triggers = vec![("_upd", "AFTER UPDATE", format!("WHEN (NEW.{from} IS DISTINCT FROM OLD.{from}) "))];
        // a NULL too is always written: a row that a snapshot does not show must end the transaction, and not be missed
        let carried = if self.made {
            triggers.push(("_ins", "AFTER INSERT", format!("WHEN (NEW.{from} IS NOT NULL) ")));
            format!(
                "INSERT INTO {table} AS present ({key}, {column}) VALUES (NEW.{id}, NEW.{from})
        ON CONFLICT ({key}) DO UPDATE SET {column} = NEW.{from}
        WHERE present.{column} IS DISTINCT FROM NEW.{from};"
            )
        } else {
            format!(
                "UPDATE {table} SET {column} = NEW.{from}
        WHERE {key} = NEW.{id} AND ({column} IS DISTINCT FROM NEW.{from} OR NEW.{from} IS NULL);"
            )
        };
        let function = format!("BEGIN\n    {carried}\n    RETURN NULL;\nEND");
        Side { table: &self.origin.name, column: &self.from.name, function, triggers }
    }

    fn mysql_new(&self) -> Side<'a> {
        let [_, key, column, origin, id, from] = self.idents();
        let read = |value: &str, lock: &str| format!("(SELECT {value} FROM {origin} WHERE {id} = NEW.{key}{lock})");
        let fill = format!(
            "BEGIN
    IF @pontoon_backfill IS NOT NULL OR {MOVING} THEN
        SET NEW.{column} = IFNULL(NEW.{column}, {});
    ELSE
        SET NEW.{column} = IFNULL({}, NEW.{column});
    END IF;
END",
            read(&from, ""),
            read(&format!("IFNULL(NEW.{column}, {from})"), " FOR UPDATE"),
        );
        let carried = format!(
            "UPDATE {origin} SET {from} = NEW.{column} WHERE {id} = NEW.{key} AND NOT {};",
            same(&from, &format!("NEW.{column}"))
        );
        let taken = format!("UPDATE {origin} SET {from} = NULL WHERE {id} = OLD.{key} AND {from} IS NOT NULL;");
        let changed = format!("NOT {}", same(&format!("NEW.{column}"), &format!("OLD.{column}")));
        let other_key = format!("NOT (NEW.{key} <=> OLD.{key})");
        let update = format!(
            "IF {other_key} THEN
            {taken}
        END IF;
        {carried}"
        );
        let mut triggers = vec![
            ("_fill", "BEFORE INSERT", fill),
            ("_ins", "AFTER INSERT", carrying(&format!("NEW.{column} IS NOT NULL"), &carried)),
            ("_upd", "AFTER UPDATE", carrying(&format!("({changed} OR {other_key})"), &update)),
        ];
        if self.made {
            triggers.push(("_del", "AFTER DELETE", carrying(&format!("OLD.{column} IS NOT NULL"), &taken)));
        }
        Side { table: &self.table.name, column: &self.column.name, function: String::new(), triggers }
    }

    fn mysql_old(&self) -> Side<'a> {
        let [table, key, column, _, id, from] = self.idents();
        let changed = format!("NOT {}", same(&format!("NEW.{from}"), &format!("OLD.{from}")));
        let insert = format!(
            "INSERT INTO {table} ({key}, {column}) VALUES (NEW.{id}, NEW.{from}) ON DUPLICATE KEY UPDATE {column} = NEW.{from};"
        );
        let triggers = if self.made {
            vec![
                ("_upd", "AFTER UPDATE", carrying(&changed, &insert)),
                ("_ins", "AFTER INSERT", carrying(&format!("NEW.{from} IS NOT NULL"), &insert)),
            ]
        } else {
            let update = format!("UPDATE {table} SET {column} = NEW.{from} WHERE {key} = NEW.{id};");
            vec![("_upd", "AFTER UPDATE", carrying(&changed, &update))]
        };
        Side { table: &self.origin.name, column: &self.from.name, function: String::new(), triggers }
    }
}

/// MySQL: a trigger of the one table is at work for a write of the other. The moment is the statement's, also within its
/// triggers: a statement that failed halfway leaves one behind that is no other statement's.
const MOVING: &str = "@pontoon_moving <=> CAST(NOW(6) AS CHAR)";

/// MySQL: does it unless it is itself done by the other table's trigger.
fn carrying(condition: &str, what: &str) -> String {
    format!(
        "BEGIN
    IF {condition} AND @pontoon_backfill IS NULL AND NOT ({MOVING}) THEN
        SET @pontoon_moving = CAST(NOW(6) AS CHAR);
        {what}
        SET @pontoon_moving = NULL;
    END IF;
END"
    )
}

pub(super) fn same(one: &str, other: &str) -> String {
    format!("({one} <=> {other} AND CAST({one} AS BINARY) <=> CAST({other} AS BINARY))")
}
