//! Whether columns of before and those that take their place still say the same: asked in contract, before anything of it is done.
//!
//! The triggers leave a row with what the old columns give the new ones, or with what the new ones give back; a conversion may lose
//! something one way, so either is right. A row of which neither holds was written past the triggers (by a session that runs none, a
//! restored backup, a replica's apply), and contract would throw one of two answers away. Both stand in one row, so each
//! batch of a search compares its rows as of one moment, and a checksum would say less: what differs has its key beside it.
//!
//! An alarm must be true. So nothing is compared where the triggers promise less: where an expression names other columns too,
//! which may change alone; where one side does not follow as a whole; and where an expression may give the same row
//! another value another time.

use super::filled_column::Before;
use super::formula::Formula;
use super::{Context, Staging, change_type, search};
use crate::dialect::{Dialect, integers, is_repeatable, mysql, postgres};
use crate::migration::Stage;
use crate::schema::{Column, ColumnType, Table};
use crate::sql_type::Kind;

/// A column beside a value that was perhaps assigned to it.
pub(crate) struct Assigned<'a> {
    /// The column, quoted.
    pub(crate) column: &'a str,
    pub(crate) ty: &'a ColumnType,
    /// The value, over the same row.
    pub(crate) value: &'a str,
    /// Its type, where it is a column.
    pub(crate) of: Option<&'a ColumnType>,
    /// Whether it is a column whose values can be compared with this one's as they are.
    pub(crate) as_it_is: bool,
    /// Whether it is compared letter by letter, since collations may not do so.
    pub(crate) collated: bool,
}

/// What is compared.
pub(super) enum Comparison {
    /// Rows of which the condition holds are wrong: old columns, new ones, and the condition.
    Rows([Vec<String>; 2], String),
    /// Nothing, and why.
    Nothing(String),
}

impl Comparison {
    /// Of columns that mirror each other, as they are called by contract.
    pub(super) fn of<'a>(
        context: &Context<'a>,
        table: &'a Table,
        old: &[Before<'a>],
        new: &[(&'a Column, Formula<'a>)],
        collated: &dyn Fn(&'a str) -> bool,
    ) -> Self {
        let olds: Vec<&str> = old.iter().map(|it| it.name).collect();
        let news: Vec<&str> = new.iter().map(|(column, _)| column.name.as_str()).collect();
        let types: Option<Vec<_>> = olds.iter().map(|it| type_before(context, table, it)).collect();
        // the planner names only columns that are there
        let types = types.unwrap_or_default();
        let formulas = || {
            let forth = new.iter().map(|(column, forth)| (column.name.as_str(), forth, &olds));
            forth.chain(old.iter().map(|it| (it.name, &it.back, &news)))
        };
        let zoned = types
            .iter()
            .copied()
            .chain(new.iter().map(|(column, _)| &column.ty))
            .any(|it| is_zoned(context.dialect, it));
        let nothing = |name: &str, why: &str| {
            Self::Nothing(format!("contract does not compare `{}.{name}` with what it follows from: {why}", table.name))
        };
        let type_of = |name: &str| {
            let of_new = new.iter().find(|(column, _)| column.name == name).map(|(column, _)| &column.ty);
            of_new.or_else(|| olds.iter().position(|it| *it == name).and_then(|at| types.get(at).copied()))
        };
        let is_converted = |name: &str, formula: &Formula<'_>| match formula.is_column() {
            Some(of) => type_of(name)
                .zip(type_of(of))
                .is_some_and(|(ty, of)| !alike(ty, of) && [ty, of].into_iter().any(|it| is_zoned(context.dialect, it))),
            None => zoned,
        };
        if let Some((name, why)) = formulas()
            .find_map(|(name, formula, others)| Some((name, unsure(formula, others, is_converted(name, formula))?)))
        {
            return nothing(name, why);
        }
        let has = |(name, formula, _): (&'a str, &Formula<'a>, _)| {
            let (ty, of) = (type_of(name)?, formula.is_column().and_then(type_of));
            let it = Assigned {
                column: &context.ident(name),
                ty,
                value: &formula.over_the_table(),
                of,
                as_it_is: of.is_some_and(|of| alike(ty, of)),
                collated: collated(name),
            };
            match context.dialect {
                Dialect::Postgres => postgres::compare::has(&it),
                Dialect::MySql => mysql::compare::has(&it),
            }
        };
        let conditions: Option<Vec<String>> = formulas().map(has).collect();
        let Some(conditions) = conditions else {
            return nothing(news[0], "MySQL's conversion to a type of its own is not followed");
        };
        let (forth, back) = conditions.split_at(new.len());
        let [forth, back] = [forth, back].map(|it| it.join(" AND "));
        let is_column = |name, formula: &Formula<'_>| {
            let of = formula.is_column().and_then(type_of);
            type_of(name).zip(of).is_some_and(|(ty, of)| alike(ty, of))
        };
        // where each is the other, that need not be said twice
        let each = formulas().all(|(name, formula, _)| is_column(name, formula));
        let differs = match forth.starts_with('(') {
            true if each => format!("NOT {forth}"),
            false if each => format!("NOT ({forth})"),
            // in this order: the way back need not be one for what came forth
            _ => format!("NOT CASE WHEN {forth} THEN TRUE ELSE {back} END"),
        };
        Self::Rows([olds, news].map(|it| it.into_iter().map(str::to_owned).collect()), differs)
    }

    /// Asked first in contract, with the way back still open.
    pub(super) fn ask(&self, context: &Context<'_>, table: &Table, staging: &mut Staging) {
        let (columns, differs) = match self {
            Self::Rows(columns, differs) => (columns, differs),
            Self::Nothing(why) => {
                staging.warnings.push(why.clone());
                return;
            }
        };
        let [old, new] = columns;
        let quoted = |it: &[String]| it.iter().map(|it| format!("`{it}`")).collect::<Vec<_>>().join(", ");
        let goes = if old.len() == 1 { "goes" } else { "go" };
        let message = format!(
            "{} and {}, which {goes}, say otherwise in rows of `{}`: neither side follows from the other, as if written without the \
             triggers. Give the right side its value anew",
            quoted(new),
            quoted(old),
            table.name
        );
        let shown: Vec<&str> = old.iter().chain(new).map(String::as_str).collect();
        staging.push(Stage::Contract, search::differing(context, table, &shown, differs, &message));
    }
}

/// Why the triggers do not promise that the column is what its expression gives.
fn unsure(formula: &Formula<'_>, others: &[&str], zoned: bool) -> Option<&'static str> {
    if formula.columns().any(|it| !others.contains(&it)) {
        return Some("its expression names other columns too, which may change alone");
    }
    if !others.iter().all(|it| formula.columns().any(|named| named == *it)) {
        return Some("its expression does not name all columns of the other side");
    }
    if formula.is_column().is_none() && !is_repeatable(formula.expression) {
        return Some("its expression may give another value another time");
    }
    let of_the_zone = zoned && !formula.expression.to_ascii_lowercase().contains("at time zone");
    of_the_zone.then_some("its expression may depend on the time zone of the session")
}

/// Whether the type is a moment, which reads otherwise in each session's time zone.
fn is_zoned(dialect: Dialect, ty: &ColumnType) -> bool {
    match ty.spelled.of(dialect) {
        Some(spelled) => {
            let spelled = spelled.to_ascii_lowercase();
            spelled.contains("timestamptz")
                || spelled.contains("with time zone")
                || dialect == Dialect::MySql && spelled.contains("timestamp")
        }
        // MySQL's is without a zone
        None => ty.kind == Kind::Timestamp && dialect == Dialect::Postgres,
    }
}

/// Whether values of the two types are the same only where they are equal.
fn alike(one: &ColumnType, other: &ColumnType) -> bool {
    let integer = |it: &ColumnType| integers(it.kind).is_some() && it.spelled.is_empty();
    one == other || integer(one) && integer(other)
}

/// The type of a column that goes, which may have another name by then.
fn type_before<'a>(context: &Context<'a>, table: &Table, name: &str) -> Option<&'a ColumnType> {
    let columns = &context.source.tables.get(&table.name)?.columns;
    let by = |is: &dyn Fn(&&Column) -> bool| columns.iter().find(is).map(|it| &it.ty);
    by(&|it| change_type::Names::of(&it.name).old == name).or_else(|| by(&|it| it.name == name))
}
