//! A new column whose rows need values of their own.
//!
//! The column comes without any, then the triggers that keep new writes right, and only then are
//! the rows of before filled: in the other order a write between fill and trigger would be lost.
//!
//! The way to NOT NULL differs. PostgreSQL proves it afterwards without holding anybody up
//! (`set_not_null`). MySQL would rebuild the table for it, so there the column is NOT NULL
//! from the start, and a default that no application writes marks the rows without a value.

use super::add_column::add;
use super::fill::{Fill, backfill};
use super::formula::Formula;
use super::set_not_null::{mysql_modify, prove_not_null};
use super::{Context, Draft, Mirror, Refusal, Staging, Sync, Triggers, modify};
use crate::dialect::{Dialect, mysql, postgres};
use crate::migration::{Fact, Stage};
use crate::schema::{Column, Table};

/// Where the values come from.
pub(super) enum Source<'a> {
    /// The default, for each row anew.
    Default(&'a str),
    /// Other columns, also for rows that old code writes.
    Columns(&'a str),
    /// The column of before, which old code still reads and writes.
    Mirror(Pair<'a>),
}

/// A column of before and its successor, each from the other.
pub(super) struct Pair<'a> {
    /// The column of before.
    pub(super) old: &'a str,
    /// The new column's value from it.
    pub(super) forth: Formula<'a>,
    /// Its value from the new column.
    pub(super) back: Formula<'a>,
    /// The column after which the triggers are named.
    pub(super) named_after: &'a str,
}

/// How a row without a value is told from one with.
enum Marker {
    /// NULL.
    Null,
    /// NULL in rows of before, and this default for writers that leave the column out: so that
    /// a NULL which is meant stays one.
    NullThenDefault(String),
    /// This default, in a column that takes no NULL.
    Default(String),
}

/// A new column on its way.
pub(super) struct FilledColumn<'a> {
    table: &'a Table,
    column: &'a Column,
    default: Option<&'a str>,
    expression: &'a str,
    /// Without them the default alone gives new rows their value.
    triggers: Option<Triggers<'a>>,
    marker: Marker,
    refused: Option<Refusal>,
}

impl<'a> FilledColumn<'a> {
    pub(super) fn new(context: &Context<'a>, table: &'a Table, column: &'a Column, source: Source<'a>) -> Self {
        let marker = marker(context.dialect, column, !matches!(source, Source::Default(_)));
        let (expression, refused, triggers) = match source {
            Source::Default(expression) => (expression, None, None),
            Source::Columns(expression) => {
                let others = context.columns_until_contract(table).filter(|name| *name != column.name);
                let formula = Formula::over(context.dialect, &table.name, expression, others);
                let refused = formula.refused(table, &column.name);
                (expression, refused, Some(sync(context, table, column, formula, &marker)))
            }
            Source::Mirror(pair) => {
                let refused = pair.forth.refused(table, &column.name);
                (pair.forth.expression, refused, Some(mirror(context, table, column, pair, &marker)))
            }
        };
        Self { table, column, default: column.default.of(context.dialect), expression, triggers, marker, refused }
    }

    /// Column, triggers, rows, proof.
    pub(super) fn begin(&self, context: &Context<'_>, staging: &mut Staging) -> Result<(), Refusal> {
        let Self { table, column, .. } = self;
        if let Some(refused) = &self.refused {
            return Err(refused.clone());
        }
        if !column.nullable && !matches!(self.marker, Marker::Default(_)) {
            modify::in_place(
                context,
                Stage::Validate,
                [&table.name, &column.name],
                "comes to take no NULL when it is filled",
            )?;
        }
        let (nullable, initial, comment) = match &self.marker {
            Marker::Default(_) => (
                false,
                self.initial(),
                "A change of the catalog. The default marks rows that have no value yet: no application writes it.",
            ),
            _ => (true, None, "A change of the catalog; rows have no value yet."),
        };
        staging.push(Stage::Expand, add(context, table, column, comment, nullable, initial).step());
        match &self.triggers {
            Some(triggers) => {
                // a trigger takes what it cannot tell from a column left out for a value that is meant
                self.mark(context, staging);
                triggers.install(context, staging);
            }
            None => {
                let comment = "New rows get their value from here on; the rows of before are filled.";
                staging.push(Stage::Expand, self.set_default(context, comment, self.default, initial).step());
            }
        }
        let fill = Fill {
            column: &column.name,
            expression: self.expression,
            unfilled: self.unfilled(context),
            lasts: !column.nullable && self.keeps_its_name(),
            filled_by_updates: self.triggers.is_some() && matches!(self.marker, Marker::Null),
        };
        staging.push(Stage::Backfill, backfill(context, table, &fill)?);
        if !column.nullable {
            self.not_null(context, staging);
        }
        Ok(())
    }

    /// Whether the invariant can still be asked when other steps have run.
    fn keeps_its_name(&self) -> bool {
        self.triggers.as_ref().is_none_or(|it| it.named_after == self.column.name)
    }

    /// The triggers, if it has any.
    pub(super) const fn triggers(&self) -> Option<&Triggers<'a>> {
        self.triggers.as_ref()
    }

    /// What only old code needed goes: in contract.
    pub(super) fn end(&self, context: &Context<'_>, staging: &mut Staging) {
        let Some(triggers) = &self.triggers else { return };
        let marked = !matches!(self.marker, Marker::Null);
        if marked || self.default.is_some() {
            let comment = "First, so that no writer can leave a marker behind once the triggers are gone.";
            let comment = if marked { comment } else { "" };
            staging.push(Stage::Contract, self.set_default(context, comment, self.default, self.initial()).last());
        }
        triggers.remove(context, staging);
    }

    /// The default that the column comes with.
    fn initial(&self) -> Option<&str> {
        match &self.marker {
            Marker::Default(value) => Some(value),
            _ => None,
        }
    }

    /// From now on a column left out can be told from a value that is meant, where it can.
    fn mark(&self, context: &Context<'_>, staging: &mut Staging) {
        let place = format!("`{}.{}`", self.table.name, self.column.name);
        match &self.marker {
            Marker::NullThenDefault(value) => {
                let comment =
                    "So that a column left out can be told from a NULL that is meant; the triggers take it away.";
                staging.push(Stage::Expand, self.set_default(context, comment, Some(value), None).step());
            }
            Marker::Null if self.column.nullable => staging.warnings.push(format!(
                "until contract, a NULL that new code writes into {place} is taken for a value left out"
            )),
            Marker::Default(value) if mysql::types::left_out_is_common(&self.column.ty) => {
                staging.warnings.push(format!(
                    "MySQL: until contract, a {value} that new code writes into {place} is taken for a value left out"
                ))
            }
            _ => {}
        }
    }

    fn not_null(&self, context: &Context<'_>, staging: &mut Staging) {
        let Self { table, column, .. } = self;
        match (context.dialect, &self.marker) {
            (Dialect::Postgres, _) => {
                prove_not_null(context, &table.name, &column.name, self.keeps_its_name(), staging);
            }
            (Dialect::MySql, Marker::Null | Marker::NullThenDefault(_)) => {
                let default = self.default.filter(|_| self.triggers.is_none());
                let draft = mysql_modify(context, &table.name, column, Stage::Validate, false, default);
                staging.push(Stage::Validate, draft.step());
                staging.warnings.push(format!(
                    "MySQL: `{}.{}` has a type without literal defaults, so NOT NULL rebuilds the table (reads and writes go on)",
                    table.name, column.name
                ));
            }
            (Dialect::MySql, Marker::Default(_)) => {}
        }
    }

    /// Sets the default, or drops it for `None`; the way back sets `before`.
    fn set_default(&self, context: &Context<'_>, comment: &str, default: Option<&str>, before: Option<&str>) -> Draft {
        let Self { table, column, .. } = self;
        let fact = if default.is_some() && before.is_some() {
            Fact::Repeatable
        } else {
            let set = Fact::Default(table.name.clone(), column.name.clone());
            if default.is_some() { set } else { set.negated() }
        };
        let claim = context.alter(Stage::Expand, &table.name);
        // without triggers this is said once, before the rows are filled and NULL is taken away
        let filling = matches!(self.marker, Marker::Null) && self.triggers.is_none();
        let column = &Column { nullable: column.nullable || filling, ..(*column).clone() };
        Draft::new(comment, super::set_default::sql(context, &table.name, column, default), claim.clone(), fact)
            .undo(super::set_default::sql(context, &table.name, column, before), claim)
    }

    fn unfilled(&self, context: &Context<'_>) -> String {
        let name = context.ident(&self.column.name);
        match &self.marker {
            Marker::Default(value) => is_marker(context.dialect, self.column, &name, value),
            // rows that were written before the triggers came have the default
            Marker::NullThenDefault(value) => {
                let marker = is_marker(context.dialect, self.column, &name, value);
                format!("({marker} OR {name} IS NULL AND ({}) IS NOT NULL)", self.expression)
            }
            // where the expression gives NULL there is nothing to fill
            Marker::Null if self.column.nullable && self.triggers.is_some() => {
                format!("{name} IS NULL AND ({}) IS NOT NULL", self.expression)
            }
            Marker::Null => format!("{name} IS NULL"),
        }
    }
}

fn marker(dialect: Dialect, column: &Column, by_triggers: bool) -> Marker {
    let left_out = match dialect {
        Dialect::Postgres => postgres::types::left_out(&column.ty).map(str::to_owned),
        Dialect::MySql => mysql::types::left_out(&column.ty),
    };
    match (dialect, column.nullable, left_out) {
        (Dialect::MySql, false, Some(value)) if mysql::types::takes_literal_default(&column.ty) => {
            Marker::Default(value)
        }
        (_, true, Some(value)) if by_triggers => Marker::NullThenDefault(value),
        _ => Marker::Null,
    }
}

fn sync<'a>(
    context: &Context<'a>,
    table: &'a Table,
    column: &'a Column,
    formula: Formula<'a>,
    marker: &Marker,
) -> Triggers<'a> {
    let sync = Sync {
        table: &table.name,
        column: &column.name,
        formula,
        follow: true,
        left_out: left_out(context, column, marker),
    };
    sync.triggers(context.dialect)
}

fn mirror<'a>(
    context: &Context<'a>,
    table: &'a Table,
    column: &'a Column,
    Pair { old, forth, back, named_after }: Pair<'a>,
    marker: &Marker,
) -> Triggers<'a> {
    let mirror = Mirror {
        table: &table.name,
        old,
        new: &column.name,
        named_after,
        forth,
        back,
        left_out: left_out(context, column, marker),
        null_is_left_out: matches!(marker, Marker::Null),
    };
    mirror.triggers(context.dialect)
}

/// The condition, on `NEW`, that the writer left the column out.
fn left_out(context: &Context<'_>, column: &Column, marker: &Marker) -> String {
    let new = format!("NEW.{}", context.ident(&column.name));
    match marker {
        Marker::Null => format!("{new} IS NULL"),
        Marker::NullThenDefault(value) | Marker::Default(value) => is_marker(context.dialect, column, &new, value),
    }
}

fn is_marker(dialect: Dialect, column: &Column, value: &str, marker: &str) -> String {
    match dialect {
        Dialect::Postgres => format!("{value} = {marker}"),
        Dialect::MySql => mysql::types::is_left_out(&column.ty, value).unwrap_or_else(|| format!("{value} = {marker}")),
    }
}
