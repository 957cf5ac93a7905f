//! The two triggers, with what they call, that keep something right while old and new code write.

use super::{Context, Draft, Staging};
use crate::dialect::Dialect;
use crate::migration::{Claim, Fact, LockMode, Stage};

/// What is created in expand and goes in contract.
pub(crate) struct Triggers<'a> {
    pub(crate) table: &'a str,
    /// The columns that they are about, for the reader.
    pub(crate) columns: Vec<&'a str>,
    /// The column after which they are named.
    pub(crate) named_after: &'a str,
    /// PostgreSQL: the function they call, `CREATE FUNCTION ...`.
    pub(crate) function: Option<String>,
    /// `CREATE TRIGGER ... BEFORE INSERT ...`
    pub(crate) on_insert: String,
    /// `CREATE TRIGGER ... BEFORE UPDATE ...`
    pub(crate) on_update: String,
}

/// The name of the function of a column.
pub(crate) fn function_name(table: &str, column: &str) -> String {
    name(table, column, "")
}

/// The name of the trigger for INSERT.
pub(crate) fn insert_name(table: &str, column: &str) -> String {
    name(table, column, "_ins")
}

/// The name of the trigger for UPDATE.
pub(crate) fn update_name(table: &str, column: &str) -> String {
    name(table, column, "_upd")
}

pub(super) fn name(table: &str, column: &str, suffix: &str) -> String {
    crate::schema::limited(&format!("pontoon_{table}_{column}{suffix}"))
}

impl Triggers<'_> {
    /// They come in expand.
    pub(crate) fn install(&self, context: &Context<'_>, staging: &mut Staging) {
        let table = self.table;
        let about: Vec<_> = self.columns.iter().map(|it| format!("`{table}.{it}`")).collect();
        let about = about.join(", ");
        if let Some(sql) = &self.function {
            let name = function_name(table, self.named_after);
            let comment = format!("What old code's writes give {about}.");
            let draft = Draft::new(comment, sql, Claim::none(), Fact::Function(name.clone()))
                .undo(format!("DROP FUNCTION {}()", context.ident(&name)), Claim::none());
            staging.push(Stage::Expand, draft.step());
        }
        let insert = ("INSERT", insert_name(table, self.named_after), &self.on_insert);
        let update = ("UPDATE", update_name(table, self.named_after), &self.on_update);
        // in the other order a row that is inserted with its value, and changed before the second
        // trigger is there, would keep the value of before
        for (event, name, sql) in [update, insert] {
            let comment = format!("Keeps {about} right on every {event} from now on; before any row is filled.");
            let fact = Fact::Trigger(table.to_owned(), name.clone());
            let draft = Draft::new(comment, sql, create_claim(context, table), fact)
                .undo(drop_trigger(context, table, &name), drop_claim(context, table));
            staging.push(Stage::Expand, draft.step());
        }
    }

    /// They go in contract.
    pub(crate) fn remove(&self, context: &Context<'_>, staging: &mut Staging) {
        let table = self.table;
        for name in [insert_name(table, self.named_after), update_name(table, self.named_after)] {
            let fact = Fact::Trigger(table.to_owned(), name.clone()).negated();
            let comment = "All code writes the column itself now.";
            let sql = drop_trigger(context, table, &name);
            staging.push(Stage::Contract, Draft::new(comment, sql, drop_claim(context, table), fact).last());
        }
        if self.function.is_some() {
            let name = function_name(table, self.named_after);
            let sql = format!("DROP FUNCTION {}()", context.ident(&name));
            let draft = Draft::new("", sql, Claim::none(), Fact::Function(name).negated());
            staging.push(Stage::Contract, draft.last());
        }
    }
}

pub(super) fn drop_trigger(context: &Context<'_>, table: &str, name: &str) -> String {
    match context.dialect {
        Dialect::Postgres => format!("DROP TRIGGER {} ON {}", context.ident(name), context.ident(table)),
        Dialect::MySql => format!("DROP TRIGGER {}", context.ident(name)),
    }
}

pub(super) fn create_claim(context: &Context<'_>, table: &str) -> Claim {
    match context.dialect {
        Dialect::Postgres => Claim::none().lock(table, LockMode::ShareRowExclusive),
        Dialect::MySql => Claim::none().lock(table, LockMode::MdlExclusive),
    }
}

pub(super) fn drop_claim(context: &Context<'_>, table: &str) -> Claim {
    match context.dialect {
        Dialect::Postgres => Claim::none().lock(table, LockMode::AccessExclusive),
        Dialect::MySql => Claim::none().lock(table, LockMode::MdlExclusive),
    }
}
