//! A type that does not hold every value of the one before.
//!
//! The rows that do not fit are looked for and named before anything is done. Until validate, old code may go on writing such a
//! value: its own column keeps it, and the new one has none, as if the row had not been filled. Validate looks
//! again, and from there on such a write is refused, since new code may come and read it any moment. Nothing is cut or rounded
//! on the way: a text that is longer by blanks alone does not fit either, though PostgreSQL would cut them without a word.

use std::collections::BTreeMap;

use super::filled_column::marks;
use super::triggers::drop_trigger;
use super::{Context, Draft, Refusal, Staging, add_check, change_type, search};
use crate::dialect::{Dialect, assignable, holds, narrows};
use crate::migration::{Claim, Fact, LockMode, Stage};
use crate::schema::{Column, Table, Texts, limited};

/// How a value becomes one of the other column, and back.
pub(super) struct Conversion {
    /// The new value over the old column; what says that there is none where it does not fit.
    pub(super) forth: String,
    /// The old value over the new column.
    pub(super) back: String,
    /// What the new type does not hold, if there may be such values.
    pub(super) narrowing: Option<Narrowing>,
}

/// What a new type holds of what comes from the old column.
pub(super) struct Narrowing {
    /// The new value over the old column, whether or not it fits.
    pub(super) value: String,
    /// The condition that it fits.
    pub(super) fits: String,
    /// The old column.
    column: String,
    /// The new type, and what it holds none of for as long as the migration is under way.
    message: String,
}

impl Conversion {
    /// As the user says, or by itself where each value that fits is kept.
    pub(super) fn of(context: &Context<'_>, table: &str, [before, after]: [&Column; 2]) -> Result<Self, Refusal> {
        let key = (table.to_owned(), after.name.clone());
        let said = |texts: &BTreeMap<(String, String), Texts>| {
            texts.get(&key).and_then(|it| it.of(context.dialect)).map(str::to_owned)
        };
        let tied = change_type::is_tied(context, table, &before.name);
        let by_itself = |from: &Column, to: &Column| {
            (assignable(&before.ty, &after.ty) || !tied && narrows(&before.ty, &after.ty))
                .then(|| context.dialect.converted(&context.ident(&from.name), [&from.ty, &to.ty]))
        };
        let forth = said(&context.intents.backfills);
        let as_it_is = forth.is_none();
        let back = said(&context.intents.reverses).or_else(|| by_itself(after, before));
        let (Some(value), Some(back)) = (forth.or_else(|| by_itself(before, after)), back) else {
            return Err(unsaid(table, [before, after]));
        };
        let narrowing = (!as_it_is || !assignable(&before.ty, &after.ty))
            .then(|| Narrowing::of(context, table, [before, after], &value, as_it_is))
            .flatten();
        let forth = match &narrowing {
            // a key takes what fits, and the server refuses the rest
            Some(narrowing) if !tied => {
                let none = marks(context.dialect, after);
                let none = none.map_or_else(|| "NULL".to_owned(), |it| context.dialect.marker_in_text(&after.ty, &it));
                format!("CASE WHEN {} THEN {value} ELSE {none} END", narrowing.fits)
            }
            _ => value,
        };
        Ok(Self { forth, back, narrowing })
    }
}

impl Narrowing {
    fn of(
        context: &Context<'_>,
        table: &str,
        [before, after]: [&Column; 2],
        value: &str,
        as_it_is: bool,
    ) -> Option<Self> {
        let marker = marks(context.dialect, after);
        let operand = if as_it_is { value.to_owned() } else { format!("({value})") };
        let from = as_it_is.then_some(&before.ty);
        let mut fits = holds(context.dialect, &after.ty, &operand, from, marker.as_deref())?;
        if after.nullable {
            fits = format!("({operand} IS NULL OR {fits})");
        }
        let ty = context.dialect.type_name(&after.ty);
        let mut message = format!("`{table}.{}` has values that do not fit its new type `{ty}`", before.name);
        if let Some(marker) = marker.filter(|it| it.trim_start_matches('-').starts_with(|c: char| c.is_ascii_digit())) {
            message.push_str(&format!(" (nor does {marker}, which marks rows without a value meanwhile)"));
        }
        Some(Self { value: value.to_owned(), fits, column: before.name.clone(), message })
    }

    /// The rows whose values do not fit are looked for and named: in expand before its first statement, and in validate once more.
    pub(super) fn search(&self, context: &Context<'_>, stage: Stage, table: &str, staging: &mut Staging) {
        let message = &self.message;
        staging.push(stage, search::misfits(context, stage, table, &self.column, &self.fits, message));
    }

    /// From here on nobody writes what does not fit; and nobody has, since the first look.
    pub(super) fn bind(&self, context: &Context<'_>, guard: &Guard, staging: &mut Staging) {
        let table = guard.table.as_str();
        self.search(context, Stage::Validate, table, staging);
        match &guard.way {
            Way::NotNull => {}
            Way::Check { name, condition } => add_check::postgres(context, table, name, condition, staging),
            Way::Triggers(triggers) => {
                for (event, name, sql) in triggers {
                    let comment = format!(
                        "From now on an {event} of a value that does not fit is refused: new code may read it any moment."
                    );
                    let claim = || Claim::none().lock(table, LockMode::MdlExclusive);
                    let fact = Fact::Trigger(table.to_owned(), name.clone());
                    let draft =
                        Draft::new(comment, sql, claim(), fact).undo(drop_trigger(context, table, name), claim());
                    staging.push(Stage::Validate, draft.step());
                }
                self.search(context, Stage::Validate, table, staging);
            }
        }
    }
}

/// What refuses a value that does not fit, once the rows that are there do.
pub(super) struct Guard {
    table: String,
    named_after: String,
    way: Way,
}

enum Way {
    /// PostgreSQL: the column takes no NULL, and has nothing else for what does not fit.
    NotNull,
    /// PostgreSQL: a check that the new column has no marker.
    Check { name: String, condition: String },
    /// MySQL: triggers behind those that give the column its value. Event, name and text.
    Triggers(Vec<(&'static str, String, String)>),
}

impl Guard {
    /// `unfilled` is the condition, on `NEW`, that the column has no value.
    pub(super) fn of(
        context: &Context<'_>,
        table: &Table,
        column: &Column,
        named_after: &str,
        [marker, unfilled]: [&str; 2],
    ) -> Self {
        let name = |suffix: &str| limited(&format!("pontoon_{}_{named_after}_fits{suffix}", table.name));
        let way = match context.dialect {
            Dialect::Postgres if !column.nullable => Way::NotNull,
            Dialect::Postgres => Way::Check {
                name: name(""),
                condition: match column.ty.collation.postgres {
                    Some(_) => format!("{} COLLATE \"C\" IS DISTINCT FROM {marker}", context.ident(&column.name)),
                    None => format!("{} IS DISTINCT FROM {marker}", context.ident(&column.name)),
                },
            },
            Dialect::MySql => {
                let text = format!("the value does not fit the new type of {}.{named_after}", table.name);
                let text: String = text.chars().take(128).collect();
                let trigger = |event: &'static str, suffix: &str| {
                    let sql = format!(
                        "CREATE TRIGGER {} BEFORE {event} ON {} FOR EACH ROW IF {unfilled} THEN SIGNAL SQLSTATE '45000' SET \
                         MESSAGE_TEXT = {}; END IF",
                        context.ident(&name(suffix)),
                        context.ident(&table.name),
                        context.dialect.literal(&text)
                    );
                    (event, name(suffix), sql)
                };
                Way::Triggers(vec![trigger("UPDATE", "_upd"), trigger("INSERT", "_ins")])
            }
        };
        Self { table: table.name.clone(), named_after: named_after.to_owned(), way }
    }

    /// The column as new code knows it.
    pub(super) fn named_after(&self) -> &str {
        &self.named_after
    }

    /// The statements that take it away in the moment of a swap.
    pub(super) fn taken(&self, context: &Context<'_>) -> Vec<String> {
        match &self.way {
            Way::NotNull => Vec::new(),
            Way::Check { name, .. } => vec![drop_check(context, &self.table, name)],
            Way::Triggers(triggers) => {
                let drop = |name: &String| drop_trigger(context, &self.table, name);
                let names = triggers.iter().map(|(_, name, _)| name);
                names.map(|it| drop(it).replacen("TRIGGER", "TRIGGER IF EXISTS", 1)).collect()
            }
        }
    }

    /// The statements that bring it again, when a swap is taken back.
    pub(super) fn brought(&self, context: &Context<'_>) -> Vec<String> {
        match &self.way {
            Way::NotNull => Vec::new(),
            Way::Check { name, condition } => {
                let [add, _] = add_check::postgres_sql(context, &self.table, name, condition);
                vec![add]
            }
            Way::Triggers(triggers) => {
                triggers.iter().map(|(_, _, sql)| sql.replacen("TRIGGER", "TRIGGER IF NOT EXISTS", 1)).collect()
            }
        }
    }

    /// It goes in contract.
    pub(super) fn remove(&self, context: &Context<'_>, staging: &mut Staging) {
        let table = self.table.as_str();
        match &self.way {
            Way::NotNull => {}
            Way::Check { name, .. } => {
                let fact = Fact::Constraint(table.to_owned(), name.clone()).negated();
                let claim = context.alter(Stage::Contract, table);
                staging.push(Stage::Contract, Draft::new("", drop_check(context, table, name), claim, fact).last());
            }
            Way::Triggers(triggers) => {
                for (_, name, _) in triggers {
                    let fact = Fact::Trigger(table.to_owned(), name.clone()).negated();
                    let claim = Claim::none().lock(table, LockMode::MdlExclusive);
                    let draft = Draft::new("", drop_trigger(context, table, name), claim, fact);
                    staging.push(Stage::Contract, draft.last());
                }
            }
        }
    }
}

fn drop_check(context: &Context<'_>, table: &str, name: &str) -> String {
    format!("ALTER TABLE {} DROP CONSTRAINT {}", context.ident(table), context.ident(name))
}

fn unsaid(table: &str, [before, after]: [&Column; 2]) -> Refusal {
    (
        format!(
            "the type of `{table}.{}` changes from {} to {}, which does not hold every value as it is",
            after.name,
            change_type::spelled(before),
            change_type::spelled(after)
        ),
        format!(
            "say how: #[column(backfill = \"...\", reverse = \"...\")], two SQL expressions: the new value over `{}`, and, for \
             old code until contract, the old one over `{}`",
            before.name, after.name
        ),
    )
}
