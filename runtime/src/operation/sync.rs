//! Keeping a column right while old code, which does not know it, goes on writing.

use super::{Context, Draft, Staging};
use crate::dialect::{Dialect, mysql, postgres};
use crate::migration::{Claim, Fact, LockMode, Stage};

/// What the triggers of one column do.
pub(crate) struct Sync<'a> {
    pub(crate) dialect: Dialect,
    pub(crate) table: &'a str,
    pub(crate) column: &'a str,
    /// The value, as an expression over the row.
    pub(crate) expression: &'a str,
    /// The columns that the expression names.
    pub(crate) sources: Vec<&'a str>,
    /// Whether the value follows its sources for as long as nobody has set it by hand.
    pub(crate) follow: bool,
    /// The condition, on `NEW`, that the writer left the column out.
    pub(crate) left_out: String,
}

impl Sync<'_> {
    /// The name of the trigger, or of the function with no suffix.
    pub(crate) fn name(&self, suffix: &str) -> String {
        crate::schema::limited(&format!("pontoon_{}_{}{suffix}", self.table, self.column))
    }

    /// Whether a change of a source changes the value.
    pub(crate) fn follows(&self) -> bool {
        self.follow && !self.sources.is_empty()
    }

    /// The expression over `NEW` or `OLD`: over a table of one row with the right names, so that
    /// the user's text stays as it is.
    pub(crate) fn value(&self, row: &str) -> String {
        if self.sources.is_empty() {
            return format!("({})", self.expression);
        }
        let ident = |name: &str| self.dialect.ident(name);
        let columns: Vec<_> = self.sources.iter().map(|it| format!("{row}.{0} AS {0}", ident(it))).collect();
        format!("(SELECT {} FROM (SELECT {}) AS {})", self.expression, columns.join(", "), ident(self.table))
    }

    /// The triggers come in expand.
    pub(crate) fn install(&self, context: &Context<'_>, staging: &mut Staging) {
        let (table, column) = (self.table, self.column);
        let triggers = match self.dialect {
            Dialect::Postgres => {
                let (sql, name) = postgres::sync::function(self);
                let comment = format!("What old code's writes give `{table}.{column}`.");
                let draft = Draft::new(comment, sql, Claim::none(), Fact::Function(name.clone()))
                    .undo(format!("DROP FUNCTION {}()", context.ident(&name)), Claim::none());
                staging.push(Stage::Expand, draft.step());
                postgres::sync::triggers(self)
            }
            Dialect::MySql => mysql::sync::triggers(self),
        };
        for ((sql, name), event) in triggers.into_iter().zip(["INSERT", "UPDATE"]) {
            let comment =
                format!("Keeps `{table}.{column}` right on every {event} from now on; before any row is filled.");
            let fact = Fact::Trigger(table.to_owned(), name.clone());
            let draft = Draft::new(comment, sql, create_claim(context, table), fact)
                .undo(drop_trigger(context, table, &name), drop_claim(context, table));
            staging.push(Stage::Expand, draft.step());
        }
    }

    /// They go in contract.
    pub(crate) fn remove(&self, context: &Context<'_>, staging: &mut Staging) {
        for suffix in ["_ins", "_upd"] {
            let name = self.name(suffix);
            let fact = Fact::Trigger(self.table.to_owned(), name.clone()).negated();
            let comment = "All code writes the column itself now.";
            let sql = drop_trigger(context, self.table, &name);
            staging.push(Stage::Contract, Draft::new(comment, sql, drop_claim(context, self.table), fact).last());
        }
        if self.dialect == Dialect::Postgres {
            let name = self.name("");
            let sql = format!("DROP FUNCTION {}()", context.ident(&name));
            let draft = Draft::new("", sql, Claim::none(), Fact::Function(name).negated());
            staging.push(Stage::Contract, draft.last());
        }
    }
}

fn drop_trigger(context: &Context<'_>, table: &str, name: &str) -> String {
    match context.dialect {
        Dialect::Postgres => format!("DROP TRIGGER {} ON {}", context.ident(name), context.ident(table)),
        Dialect::MySql => format!("DROP TRIGGER {}", context.ident(name)),
    }
}

fn create_claim(context: &Context<'_>, table: &str) -> Claim {
    match context.dialect {
        Dialect::Postgres => Claim::none().lock(table, LockMode::ShareRowExclusive),
        Dialect::MySql => Claim::none().lock(table, LockMode::MdlExclusive),
    }
}

fn drop_claim(context: &Context<'_>, table: &str) -> Claim {
    match context.dialect {
        Dialect::Postgres => Claim::none().lock(table, LockMode::AccessExclusive),
        Dialect::MySql => Claim::none().lock(table, LockMode::MdlExclusive),
    }
}
