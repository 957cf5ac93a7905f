//! A column's successor with the new values, and on both sides of it the type that PostgreSQL has for them.

use super::{Member, Relabel};
use crate::dialect::{Dialect, postgres};
use crate::migration::{Assertion, Claim, Fact, Stage, Step};
use crate::operation::add_column::add;
use crate::operation::change_type::{Names, later_name};
use crate::operation::compare::Comparison;
use crate::operation::drop_column::retire_with;
use crate::operation::fill::{Fill, backfill};
use crate::operation::follow::Follow;
use crate::operation::formula::Formula;
use crate::operation::set_not_null::prove_not_null;
use crate::operation::{Context, Draft, Refusal, Staging, Triggers, search};
use crate::schema::{Column, Enumeration, Texts};

/// A column with what its steps borrow.
pub(super) struct Shadow<'a> {
    pub(super) member: &'a Member<'a>,
    pub(super) names: Names,
    /// As it is before the swap.
    column: Column,
    /// The new value over the old one, before the swap and after it.
    forth: [String; 2],
    /// The old value over the new one, after the swap.
    back: String,
    /// Whether they are the author's own, which may name other columns too.
    by_hand: bool,
    triggers_later: String,
}

impl<'a> Shadow<'a> {
    pub(super) fn of(context: &Context<'_>, member: &'a Member<'a>, relabel: &Relabel<'_>) -> Result<Self, Refusal> {
        let Member { target, after, .. } = *member;
        let dialect = context.dialect;
        let names = Names::of(&after.name);
        let ident = context.ident(&after.name);
        let said = by_hand(context, member, relabel)?;
        let by_hand = said.is_some();
        // of whatever type they are
        let as_text = |it: String| match dialect {
            Dialect::Postgres => format!("CAST(({it}) AS text)"),
            Dialect::MySql => format!("({it})"),
        };
        let [said_forth, said_back] = said.map_or([None, None], |it| it.map(|it| Some(as_text(it))));
        // MySQL has no other way to take no NULL than from the start
        let first = after.ty.values().first().map(String::as_str);
        let otherwise = first.filter(|_| dialect == Dialect::MySql && !after.nullable);
        let forth = relabel.forth(dialect, &ident, otherwise, said_forth);
        let back = relabel.back(dialect, &ident, said_back);
        let mut column = Column { name: names.new.clone(), ..after.clone() };
        let ty = after.ty.enumeration.as_ref().map_or(target.name.as_str(), |it| it.name.as_str());
        let types = Names::of(ty);
        if let Some(it) = &mut column.ty.enumeration {
            it.name.clone_from(&types.new);
        }
        let typed = |text: &str, ty: &str| match dialect {
            Dialect::Postgres => format!("CAST({text} AS {})", context.ident(ty)),
            Dialect::MySql => text.to_owned(),
        };
        Ok(Self {
            member,
            column,
            forth: [typed(&forth, &types.new), typed(&forth, ty)],
            back: typed(&back, &types.old),
            by_hand,
            triggers_later: later_name(dialect, &after.name, &names).clone(),
            names,
        })
    }

    fn table(&self) -> &'a str {
        &self.member.target.name
    }

    fn name(&self) -> &'a str {
        &self.member.after.name
    }

    /// An expression that names the column, and means the one of the pair that has this name.
    fn formula<'s>(&'s self, context: &Context<'s>, expression: &'s str, column: &'s str) -> Formula<'s> {
        let name = self.name();
        let others = context.columns_until_contract(self.member.target).filter(|it| self.by_hand && *it != name);
        let columns: Vec<_> = others.map(|it| (it, it)).chain([(name, column)]).collect();
        Formula::naming(context.dialect, self.table(), expression, &columns)
    }

    /// Before the swap the shadow follows, and after it the old column.
    pub(super) fn triggers<'s>(&'s self, context: &Context<'s>, swapped: bool) -> Triggers<'s> {
        let (table, written) = (self.table(), self.name());
        let follow = if swapped {
            Follow {
                table,
                written,
                follower: &self.names.old,
                named_after: &self.triggers_later,
                value: self.formula(context, &self.back, written),
                agrees: Some(self.formula(context, &self.forth[1], &self.names.old)),
            }
        } else {
            Follow {
                table,
                written,
                follower: &self.names.new,
                named_after: written,
                value: self.formula(context, &self.forth[0], written),
                agrees: None,
            }
        };
        follow.triggers(context.dialect)
    }

    /// Column, triggers, rows.
    pub(super) fn begin(&self, context: &Context<'_>, staging: &mut Staging) -> Result<(), Refusal> {
        let (table, dialect) = (self.member.target, context.dialect);
        if let Some(refused) = self.formula(context, &self.forth[0], self.name()).refused(table, self.name()) {
            return Err(refused);
        }
        let (nullable, default, comment) = match dialect {
            Dialect::Postgres => (true, None, "A change of the catalog; rows have no value yet."),
            // an enum that takes no NULL has its first value for a default, and needs none to mark rows: whether a row is
            // filled shows beside the old column
            Dialect::MySql => (
                self.column.nullable,
                self.column.default.of(dialect),
                "A change of the catalog; rows have the default until they are filled.",
            ),
        };
        staging.push(Stage::Expand, add(context, table, &self.column, comment, nullable, default).step());
        self.triggers(context, false).install(context, staging);
        let (name, forth) = (context.ident(&self.names.new), &self.forth[0]);
        let fill = Fill {
            columns: vec![(&self.names.new, forth)],
            unfilled: match dialect {
                Dialect::Postgres => format!("{name} IS DISTINCT FROM {forth}"),
                Dialect::MySql => format!("NOT ({name} <=> ({forth}))"),
            },
            // it has another name afterwards
            lasts: false,
            filled_by_updates: true,
        };
        staging.push(Stage::Backfill, backfill(context, table, &fill)?);
        Ok(())
    }

    pub(super) fn prove(&self, context: &Context<'_>, staging: &mut Staging) {
        if context.dialect == Dialect::Postgres && !self.member.after.nullable {
            prove_not_null(context, self.table(), &self.names.new, false, staging);
        }
    }

    /// PostgreSQL: the default comes with the swap, since rows would have it at once.
    pub(super) fn set_default(&self, context: &Context<'_>, there: bool) -> Option<String> {
        let default = self.member.after.default.of(context.dialect)?;
        let [table, name] = [self.table(), self.name()].map(|it| context.ident(it));
        let what = if there { format!("SET DEFAULT {default}") } else { "DROP DEFAULT".to_owned() };
        Some(format!("ALTER TABLE {table} ALTER COLUMN {name} {what}"))
    }

    /// Looks for rows whose value would be lost.
    pub(super) fn none_has(&self, context: &Context<'_>, name: &str, values: &[&str], swapped: bool) -> Step {
        let (table, column) = (self.table(), self.name());
        let listed: Vec<_> = values.iter().map(|it| format!("`{it}`")).collect();
        let old = self.names.old.as_str();
        let (searched, place) = if swapped {
            (old, format!("`{old}`, which was `{column}` before (give them another value there and in `{column}`)"))
        } else {
            let way = "#[enumeration(dropped(\"...\", becomes = \"...\"))]";
            (column, format!("`{column}` (give them another value; or make the migration anew with {way})"))
        };
        let message = format!(
            "enum `{name}` is to lose {}, and rows of `{table}` hold it in {place}. Among them",
            listed.join(", ")
        );
        search::held(context, self.member.source, searched, values, message)
    }

    /// After the swap a row has what its old value gives the new one, or what the new one gives back.
    fn comparison(&self, context: &Context<'_>) -> Comparison {
        let (old, name) = (self.names.old.as_str(), self.name());
        if self.by_hand {
            return Comparison::Nothing(format!(
                "contract does not compare `{}.{name}` with what it follows from: its expressions are the author's, and may name \
                 other columns",
                self.table()
            ));
        }
        let forth = self.formula(context, &self.forth[1], old).over_the_table();
        let back = self.formula(context, &self.back, name).over_the_table();
        let [old_ident, ident] = [old, name].map(|it| context.ident(it));
        let differs = match context.dialect {
            Dialect::Postgres => {
                format!("{ident} IS DISTINCT FROM {forth} AND {old_ident} IS DISTINCT FROM {back}")
            }
            Dialect::MySql => format!("NOT ({ident} <=> ({forth})) AND NOT ({old_ident} <=> ({back}))"),
        };
        Comparison::Rows([vec![old.to_owned()], vec![name.to_owned()]], differs)
    }

    /// What only old code needed goes.
    pub(super) fn end(&self, context: &Context<'_>, staging: &mut Staging) -> Result<(), Refusal> {
        let old = Column { name: self.names.old.clone(), ..self.member.before.clone() };
        let triggers = self.triggers(context, true);
        self.comparison(context).ask(context, self.member.target, staging);
        retire_with(context, self.member.target, &[&old], staging, |staging| triggers.remove(context, staging))
    }
}

/// The author's own expressions for this column, where the enum does not say it all.
fn by_hand(context: &Context<'_>, member: &Member<'_>, relabel: &Relabel<'_>) -> Result<Option<[String; 2]>, Refusal> {
    let unexplained = relabel.unexplained();
    if unexplained.is_empty() {
        return Ok(None);
    }
    let key = (member.target.name.clone(), member.after.name.clone());
    let of = |texts: Option<&Texts>| texts.and_then(|it| it.of(context.dialect)).map(str::to_owned);
    match (of(context.intents.backfills.get(&key)), of(context.intents.reverses.get(&key))) {
        (Some(forth), Some(back)) => Ok(Some([forth, back])),
        _ => Err((
            format!(
                "the enum of {} is to have `{}` no longer, which is said for one server alone",
                member.place(),
                unexplained[0]
            ),
            "give `backfill` and `reverse` for both servers".to_owned(),
        )),
    }
}

/// PostgreSQL: the type of the shadows.
pub(super) fn create_type(context: &Context<'_>, after: &Enumeration, staging: &mut Staging) {
    let name = Names::of(&after.name).new;
    let sql = postgres::ddl::create_enum(&name, &after.values);
    let draft = Draft::new("A type that no column has yet.", sql, Claim::none(), Fact::Enum(name.clone()))
        .undo(format!("DROP TYPE {}", context.ident(&name)), Claim::none());
    staging.push(Stage::Expand, draft.step());
}

/// PostgreSQL: the old type, which no column of ours has any more.
pub(super) fn drop_type(context: &Context<'_>, name: &str, shadows: &[Shadow<'_>], staging: &mut Staging) {
    let old = Names::of(name).old;
    staging.push(Stage::Contract, Step::Assertion(no_others(context, name, shadows)));
    let sql = format!("DROP TYPE {}", context.ident(&old));
    let fact = Fact::Enum(old).negated();
    staging.push(Stage::Contract, Draft::new("No column has this type any more.", sql, Claim::none(), fact).last());
}

/// PostgreSQL: what else is made with the type of before: by its name until the swap, and by its other one after it.
fn no_others(context: &Context<'_>, name: &str, shadows: &[Shadow<'_>]) -> Assertion {
    let literal = |text: &str| context.dialect.literal(text);
    let ours = shadows.iter().flat_map(|it| {
        [it.name(), &it.names.old]
            .map(|column| format!("({}::regclass, {})", literal(&context.ident(it.table())), literal(column)))
    });
    let old = Names::of(name).old;
    Assertion {
        message: format!(
            "the type of enum `{name}` goes, and others are made with it: change them to the new one, or drop them, first"
        ),
        sql: format!(
            "SELECT DISTINCT pg_describe_object(d.classid, d.objid, d.objsubid) FROM pg_type t \
             JOIN pg_depend d ON d.refclassid = 'pg_type'::regclass AND d.refobjid IN (t.oid, t.typarray) AND d.deptype = 'n'\n\
             WHERE t.oid = (SELECT oid FROM pg_type WHERE typnamespace = current_schema()::regnamespace AND typname IN ({}, {}) \
             ORDER BY typname = {} DESC LIMIT 1)\n\
             AND NOT EXISTS (SELECT FROM pg_attribute a JOIN (VALUES {}) AS ours (relation, name) \
             ON a.attrelid = ours.relation AND a.attname = ours.name \
             WHERE d.classid = 'pg_class'::regclass AND d.objid = a.attrelid AND d.objsubid = a.attnum \
             OR EXISTS (SELECT FROM pg_depend o WHERE o.classid = d.classid AND o.objid = d.objid \
             AND o.refclassid = 'pg_class'::regclass AND o.refobjid = a.attrelid AND o.refobjsubid = a.attnum))",
            literal(name),
            literal(&old),
            literal(&old),
            ours.collect::<Vec<_>>().join(", ")
        ),
        on_way_back: false,
        grace: None,
        line: 0,
    }
}
