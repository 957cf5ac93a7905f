//! A new column whose rows need values of their own.
//!
//! The column comes without any, then the triggers that keep new writes right, and only then are
//! the rows of before filled: in the other order a write between fill and trigger would be lost.
//!
//! The way to NOT NULL differs. PostgreSQL proves it afterwards without holding anybody up
//! (`set_not_null`). MySQL would rebuild the table for it, so there the column is NOT NULL
//! from the start, and a default that no application writes marks the rows without a value.

use super::add_column::add;
use super::compare::Comparison;
use super::fill::{Fill, backfill};
use super::formula::Formula;
use super::mirror::{all, any};
use super::modify::{self, Standing};
use super::narrow::{Guard, Narrowing};
use super::set_default::in_place;
use super::set_not_null::{mysql_modify, prove_not_null};
use super::{Context, Draft, Mirror, NewColumn, OldColumn, Refusal, Staging, Sync, Triggers};
use crate::dialect::{Dialect, mysql, postgres};
use crate::migration::{Fact, Stage};
use crate::schema::{Column, Table};

/// Where the values come from.
pub(super) enum Source<'a> {
    /// The default, for each row anew.
    Default(&'a str),
    /// Other columns, also for rows that old code writes.
    Columns(&'a str),
}

/// Columns of before and their successors, each side from the other.
pub(super) struct Mirrored<'a> {
    /// The columns of before, which old code still reads and writes, each with its value from the new ones.
    pub(super) old: Vec<Before<'a>>,
    /// The new columns, each with its value from those of before.
    pub(super) new: Vec<(&'a Column, Formula<'a>)>,
    /// The column after which the triggers are named.
    pub(super) named_after: &'a str,
}

/// A column of before.
pub(super) struct Before<'a> {
    pub(super) name: &'a str,
    /// What it has if a writer leaves it out, beside NULL, as an SQL literal.
    pub(super) left_out: Option<String>,
    /// Its value from the new columns.
    pub(super) back: Formula<'a>,
}

/// A column that would not hear of what the other side is given.
fn deaf(table: &Table, old: &[Before<'_>], new: &[(&Column, Formula<'_>)]) -> Option<Refusal> {
    let (olds, news) = (old.iter().map(|it| it.name), new.iter().map(|(column, _)| column.name.as_str()));
    let (olds, news): (Vec<_>, Vec<_>) = (olds.collect(), news.collect());
    let hears = |formula: &Formula<'_>, others: &[&str]| formula.columns().any(|it| others.contains(&it));
    let forth =
        new.iter().find(|(_, forth)| !hears(forth, &olds)).map(|(column, _)| (&*column.name, "backfill", "old", &olds));
    let back = || old.iter().find(|it| !hears(&it.back, &news)).map(|it| (it.name, "reverse", "new", &news));
    let (column, kind, code, others) = forth.or_else(back)?;
    let others = others.iter().map(|it| format!("`{it}`")).collect::<Vec<_>>().join(", ");
    Some((
        format!(
            "the `{kind}` of `{}.{column}` does not name {others}, so what {code} code writes there would be lost to it",
            table.name
        ),
        format!(
            "write it over {others}; or, if they have nothing to do with each other, drop the one and add the other without `renamed_from`"
        ),
    ))
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

/// A new column on its way; or several, which are filled together.
pub(super) struct FilledColumn<'a> {
    table: &'a Table,
    parts: Vec<Part<'a>>,
    /// Without them the default alone gives new rows their value.
    triggers: Option<Triggers<'a>>,
    /// What the new type of the one column does not hold, and what refuses it in the end.
    narrowing: Option<(&'a Narrowing, Guard)>,
    /// With the columns that these take the place of.
    comparison: Option<Comparison>,
    refused: Option<Refusal>,
}

/// One of the columns.
struct Part<'a> {
    column: &'a Column,
    default: Option<&'a str>,
    expression: &'a str,
    marker: Marker,
}

impl<'a> FilledColumn<'a> {
    pub(super) fn new(context: &Context<'a>, table: &'a Table, column: &'a Column, source: Source<'a>) -> Self {
        let by_triggers = !matches!(source, Source::Default(_));
        let part = |expression| Part::new(context.dialect, column, expression, by_triggers);
        let (part, refused, triggers) = match source {
            Source::Default(expression) => (part(expression), None, None),
            Source::Columns(expression) => {
                let others = context.columns_until_contract(table).filter(|name| *name != column.name);
                let formula = Formula::over(context.dialect, &table.name, expression, others);
                let refused = formula.refused(table, &column.name);
                let part = part(expression);
                let triggers = sync(context, table, &part, formula);
                (part, refused, Some(triggers))
            }
        };
        Self { table, parts: vec![part], triggers, narrowing: None, comparison: None, refused }
    }

    /// With a type that does not hold every value of the one column that it follows.
    pub(super) fn narrowed(
        mut self,
        context: &Context<'_>,
        narrowing: Option<&'a Narrowing>,
        named_after: &str,
    ) -> Self {
        let (Some(narrowing), [part]) = (narrowing, &mut self.parts[..]) else { return self };
        let marker = marks(context.dialect, part.column).unwrap_or_default();
        let unfilled = part.left_out(context);
        let guard = Guard::of(context, self.table, part.column, named_after, [&marker, &unfilled]);
        // what does not fit has no value: it is not there to be filled
        part.expression = &narrowing.value;
        self.narrowing = Some((narrowing, guard));
        self
    }

    /// What refuses a value that the new type does not hold.
    pub(super) fn guard(&self) -> Option<&Guard> {
        self.narrowing.as_ref().map(|(_, guard)| guard)
    }

    /// The successors of columns that old code goes on writing.
    pub(super) fn mirrored(context: &Context<'a>, table: &'a Table, mirrored: Mirrored<'a>) -> Self {
        let Mirrored { old, new, named_after } = mirrored;
        let refused = new.iter().find_map(|(column, forth)| forth.refused(table, &column.name));
        let refused = refused.or_else(|| deaf(table, &old, &new));
        let parts: Vec<_> =
            new.iter().map(|(column, forth)| Part::new(context.dialect, column, forth.expression, true)).collect();
        let names = old.iter().map(|it| it.name).chain(new.iter().map(|(column, _)| column.name.as_str()));
        let any_collated = names.into_iter().any(|it| context.is_collated(&table.name, it));
        let collated = |name: &'a str| any_collated && context.is_text(&table.name, name);
        let comparison = Some(Comparison::of(context, table, &old, &new, &collated));
        let new = new.into_iter().zip(&parts).map(|((column, forth), part)| NewColumn {
            name: &column.name,
            forth,
            left_out: part.left_out(context),
            null_is_left_out: matches!(part.marker, Marker::Null),
            takes_no_null: !column.nullable,
            was_without: part.without(context, "OLD."),
            default: part.default,
            collated: collated(&column.name),
        });
        let before = |Before { name, left_out, back }| OldColumn { name, back, left_out, collated: collated(name) };
        let old = old.into_iter().map(before);
        let mirror = Mirror { table: &table.name, old: old.collect(), new: new.collect(), named_after };
        let triggers = mirror.triggers(context.dialect);
        Self { table, parts, triggers: Some(triggers), narrowing: None, comparison, refused }
    }

    /// Columns, triggers, rows, proof.
    pub(super) fn begin(&self, context: &Context<'_>, staging: &mut Staging) -> Result<(), Refusal> {
        let Self { table, parts, .. } = self;
        if let Some(refused) = &self.refused {
            return Err(refused.clone());
        }
        if let Some((narrowing, _)) = &self.narrowing {
            narrowing.search(context, Stage::Expand, &table.name, staging);
        }
        for part in parts {
            part.come(context, table, self.triggers.is_some(), staging)?;
        }
        match &self.triggers {
            Some(triggers) => {
                // a trigger takes what it cannot tell from a column left out for a value that is meant
                for part in parts {
                    self.mark(context, part, staging);
                }
                triggers.install(context, staging);
            }
            None => {
                let comment = "New rows get their value from here on; the rows of before are filled.";
                for part in parts {
                    let set = self.set_default(context, part, comment, part.default, part.initial());
                    staging.push(Stage::Expand, set.step());
                }
            }
        }
        let told = self.takes_no_null().next().is_some();
        let null_is_unfilled = |it: &Part<'_>| matches!(it.marker, Marker::Null);
        let fill = Fill {
            columns: parts.iter().map(|it| (it.column.name.as_str(), it.expression)).collect(),
            unfilled: self.unfilled(context),
            lasts: told && self.keeps_its_name(),
            filled_by_updates: self.triggers.is_some()
                && match &parts[..] {
                    [part] => null_is_unfilled(part),
                    _ => told && self.takes_no_null().all(null_is_unfilled),
                },
        };
        staging.push(Stage::Backfill, backfill(context, table, &fill)?);
        if let Some((narrowing, guard)) = &self.narrowing {
            narrowing.bind(context, guard, staging);
            staging.warnings.push(format!(
                "until validate, a write of old code that does not fit `{}.{}` is let by, and validate names it; from then on it is refused",
                table.name, guard.named_after()
            ));
        }
        for part in self.takes_no_null() {
            self.not_null(context, part, staging);
        }
        Ok(())
    }

    /// The columns by which it shows whether a row is filled.
    fn takes_no_null(&self) -> impl Iterator<Item = &Part<'a>> {
        self.parts.iter().filter(|it| !it.column.nullable)
    }

    /// Whether the invariant can still be asked when other steps have run.
    fn keeps_its_name(&self) -> bool {
        self.triggers.as_ref().is_none_or(|it| it.columns.contains(&it.named_after))
    }

    /// The triggers, if it has any.
    pub(super) const fn triggers(&self) -> Option<&Triggers<'a>> {
        self.triggers.as_ref()
    }

    /// What only old code needed goes: in contract.
    pub(super) fn end(&self, context: &Context<'_>, staging: &mut Staging) {
        let Some(triggers) = &self.triggers else { return };
        if let Some(comparison) = &self.comparison {
            comparison.ask(context, self.table, staging);
        }
        for part in &self.parts {
            let marked = !matches!(part.marker, Marker::Null);
            if marked || part.default.is_some() {
                let comment = "First, so that no writer can leave a marker behind once the triggers are gone.";
                let comment = if marked { comment } else { "" };
                let set = self.set_default(context, part, comment, part.default, part.initial());
                staging.push(Stage::Contract, set.last());
            }
        }
        if let Some(guard) = self.guard() {
            guard.remove(context, staging);
        }
        triggers.remove(context, staging);
    }

    /// From now on a column left out can be told from a value that is meant, where it can.
    fn mark(&self, context: &Context<'_>, part: &Part<'_>, staging: &mut Staging) {
        let place = format!("`{}.{}`", self.table.name, part.column.name);
        let told_by_others = self.parts.len() > 1 && self.takes_no_null().next().is_some();
        match &part.marker {
            Marker::NullThenDefault(value) => {
                let comment =
                    "So that a column left out can be told from a NULL that is meant; the triggers take it away.";
                staging.push(Stage::Expand, self.set_default(context, part, comment, Some(value), None).step());
            }
            Marker::Null if part.column.nullable && !told_by_others => staging.warnings.push(format!(
                "until contract, a NULL that new code writes into {place} is taken for a value left out"
            )),
            Marker::Default(value) if mysql::types::left_out_is_common(&part.column.ty) => {
                staging.warnings.push(format!(
                    "MySQL: until contract, a {value} that new code writes into {place} is taken for a value left out"
                ))
            }
            _ => {}
        }
    }

    fn not_null(&self, context: &Context<'_>, part: &Part<'_>, staging: &mut Staging) {
        let (table, column) = (self.table, part.column);
        match (context.dialect, &part.marker) {
            (Dialect::Postgres, _) => {
                prove_not_null(context, &table.name, &column.name, self.keeps_its_name(), staging);
            }
            (Dialect::MySql, Marker::Null | Marker::NullThenDefault(_)) => {
                let default = part.default.filter(|_| self.triggers.is_none());
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
    fn set_default(
        &self,
        context: &Context<'_>,
        part: &Part<'_>,
        comment: &str,
        default: Option<&str>,
        before: Option<&str>,
    ) -> Draft {
        let (table, column) = (self.table, part.column);
        let fact = if default.is_some() && before.is_some() {
            Fact::Repeatable
        } else {
            let set = Fact::Default(table.name.clone(), column.name.clone());
            if default.is_some() { set } else { set.negated() }
        };
        let claim = context.alter(Stage::Expand, &table.name);
        let column = &part.while_it_is_filled(self.triggers.is_some());
        Draft::new(comment, super::set_default::sql(context, &table.name, column, default), claim.clone(), fact)
            .undo(super::set_default::sql(context, &table.name, column, before), claim)
    }

    /// The condition, on a row, that it is to be filled.
    fn unfilled(&self, context: &Context<'_>) -> String {
        if let [part] = &self.parts[..] {
            let unfilled = part.unfilled(context, self.triggers.is_some());
            return match &self.narrowing {
                Some((narrowing, _)) => format!("{unfilled} AND {}", narrowing.fits),
                None => unfilled,
            };
        }
        let missing = |it: &Part<'_>| it.unfilled(context, true);
        let told: Vec<_> = self.takes_no_null().map(missing).collect();
        // also where NULL in all of them says what the old ones say: before the fill is done no new code has meant one
        if told.is_empty() { all_null(context, &self.parts) } else { told.join(" AND ") }
    }
}

impl<'a> Part<'a> {
    fn new(dialect: Dialect, column: &'a Column, expression: &'a str, by_triggers: bool) -> Self {
        Self { column, default: column.default.of(dialect), expression, marker: marker(dialect, column, by_triggers) }
    }

    fn come(
        &self,
        context: &Context<'_>,
        table: &Table,
        by_triggers: bool,
        staging: &mut Staging,
    ) -> Result<(), Refusal> {
        let column = self.column;
        if !column.nullable && !matches!(self.marker, Marker::Default(_)) {
            modify::in_place(
                context,
                Standing::Staying,
                [&table.name, &column.name],
                "comes to take no NULL when it is filled",
            )?;
        }
        self.defaults_in_place(context, table, by_triggers)?;
        let (nullable, initial, comment) = match &self.marker {
            Marker::Default(_) => (
                false,
                self.initial(),
                "A change of the catalog. The default marks rows that have no value yet: no application writes it.",
            ),
            _ => (true, None, "A change of the catalog; rows have no value yet."),
        };
        staging.push(Stage::Expand, add(context, table, column, comment, nullable, initial).step());
        Ok(())
    }

    /// Refuses defaults that MySQL cannot set, here and in contract.
    fn defaults_in_place(&self, context: &Context<'_>, table: &Table, by_triggers: bool) -> Result<(), Refusal> {
        let early = match (&self.marker, by_triggers) {
            (Marker::NullThenDefault(value), true) => vec![Some(value.as_str()), None],
            (_, true) => Vec::new(),
            (_, false) => vec![self.default, self.initial()],
        };
        in_place(context, Standing::Before, &table.name, &self.while_it_is_filled(by_triggers), &early)?;
        let late = by_triggers && (!matches!(self.marker, Marker::Null) || self.default.is_some());
        let late: &[_] = if late { &[self.default] } else { &[] };
        in_place(context, Standing::After, &table.name, self.column, late)
    }

    /// Without triggers the default is set once, before the rows are filled and NULL is taken away.
    fn while_it_is_filled(&self, by_triggers: bool) -> Column {
        let filling = matches!(self.marker, Marker::Null) && !by_triggers;
        Column { nullable: self.column.nullable || filling, ..self.column.clone() }
    }

    /// The default that the column comes with.
    fn initial(&self) -> Option<&str> {
        match &self.marker {
            Marker::Default(value) => Some(value),
            _ => None,
        }
    }

    fn unfilled(&self, context: &Context<'_>, by_triggers: bool) -> String {
        let name = context.ident(&self.column.name);
        match &self.marker {
            Marker::Default(value) => is_marker(context.dialect, self.column, &name, value),
            // rows that were written before the triggers came have the default
            Marker::NullThenDefault(value) => {
                let marker = is_marker(context.dialect, self.column, &name, value);
                format!("({marker} OR {name} IS NULL AND ({}) IS NOT NULL)", self.expression)
            }
            // where the expression gives NULL there is nothing to fill
            Marker::Null if self.column.nullable && by_triggers => {
                format!("{name} IS NULL AND ({}) IS NOT NULL", self.expression)
            }
            Marker::Null => format!("{name} IS NULL"),
        }
    }

    /// The condition, on `NEW`, that the writer left the column out.
    fn left_out(&self, context: &Context<'_>) -> String {
        self.marked(context, "NEW.").unwrap_or_else(|| format!("NEW.{} IS NULL", context.ident(&self.column.name)))
    }

    /// The condition, on a row, that it has no value: or a NULL, which may be meant.
    fn without(&self, context: &Context<'_>, row: &str) -> String {
        let null = format!("{row}{} IS NULL", context.ident(&self.column.name));
        match self.marked(context, row) {
            None => null,
            Some(marked) if self.column.nullable => format!("({null} OR {marked})"),
            Some(marked) => marked,
        }
    }

    fn marked(&self, context: &Context<'_>, row: &str) -> Option<String> {
        let name = format!("{row}{}", context.ident(&self.column.name));
        match &self.marker {
            Marker::Null => None,
            Marker::NullThenDefault(value) | Marker::Default(value) => {
                Some(is_marker(context.dialect, self.column, &name, value))
            }
        }
    }
}

/// Of several columns that all take NULL, and have it: whether the old ones give them a value. Or one still has what marks it left
/// out: the row came when not all of them had their default yet.
fn all_null(context: &Context<'_>, parts: &[Part<'_>]) -> String {
    let without = all(parts.iter().map(|it| it.without(context, "")));
    let gives = any(parts.iter().map(|it| format!("({}) IS NOT NULL", it.expression)));
    let unfilled = format!("{without} AND ({gives})");
    let marks: Vec<_> = parts.iter().filter_map(|it| it.marked(context, "")).collect();
    if marks.is_empty() { unfilled } else { format!("({} OR {unfilled})", any(marks.into_iter())) }
}

/// The value that marks rows without one while triggers keep the column right, if NULL does not.
pub(super) fn marks(dialect: Dialect, column: &Column) -> Option<String> {
    match marker(dialect, column, true) {
        Marker::Default(value) | Marker::NullThenDefault(value) => Some(value),
        Marker::Null => None,
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

fn sync<'a>(context: &Context<'a>, table: &'a Table, part: &Part<'a>, formula: Formula<'a>) -> Triggers<'a> {
    let column = &part.column.name;
    let sync = Sync {
        table: &table.name,
        column,
        collated: Sync::collated(context, &table.name, column, &formula),
        formula,
        follow: true,
        left_out: part.left_out(context),
    };
    sync.triggers(context.dialect)
}

fn is_marker(dialect: Dialect, column: &Column, value: &str, marker: &str) -> String {
    match dialect {
        // a collation may give a control character no weight, and so take it for an empty text
        Dialect::Postgres if column.ty.collation.postgres.is_some() => format!("{value} COLLATE \"C\" = {marker}"),
        Dialect::Postgres => format!("{value} = {marker}"),
        Dialect::MySql => mysql::types::is_left_out(&column.ty, value).unwrap_or_else(|| format!("{value} = {marker}")),
    }
}
