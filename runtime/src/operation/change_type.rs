//! A column has another type.
//!
//! Where the server only notes a wider type in its catalog, that is all. Everything else goes by a
//! shadow column: it mirrors the column from expand on, is filled, and gets the column's
//! indexes; then, in validate, the two swap their names in one moment, and the triggers go on
//! the other way round until contract. So old and new code use one name all the while, and
//! the way back is to swap again.

use std::collections::BTreeMap;

use super::add_index;
use super::drop_column::retire;
use super::filled_column::{FilledColumn, Pair, Source};
use super::formula::Formula;
use super::triggers::{drop_trigger, insert_name, update_name};
use super::{Context, Draft, Refusal, Staging, Triggers, add_check, linked_type, until_contract};
use crate::dialect::{Dialect, assignable, is_number, mysql, postgres, with_column};
use crate::migration::{Algorithm, Claim, Fact, LockMode, Stage};
use crate::schema::{Column, Index, Table, Texts, limited};
use crate::sql_type::Kind;

pub(super) fn stage(context: &Context<'_>, table_name: &str, column_name: &str) -> Result<Staging, Refusal> {
    let (source, target) = (&context.source.tables[table_name], context.table(table_name));
    let (Some(before), Some(after)) = (source.column(column_name), target.column(column_name)) else {
        return Ok(Staging::default());
    };
    if context.dialect.type_name(&before.ty) == context.dialect.type_name(&after.ty) {
        return Ok(Staging::default());
    }
    let widened = widens_in_place(context.dialect, source, before, after);
    refuse(context, source, before, after, widened)?;
    if widened {
        return Ok(in_place(context, table_name, after));
    }
    match linked_type::group(context.source, table_name, column_name) {
        None => by_shadow(context, source, target, before, after),
        // all of them at once, where the first one's turn is
        Some(group) => {
            let first = group.iter().find(|(table, column)| changes(context, table, column));
            let its_turn = first.is_some_and(|(table, column)| table == table_name && column == column_name);
            if its_turn { linked_type::stage(context, &group) } else { Ok(Staging::default()) }
        }
    }
}

/// Whether the server has to give the column another type, and not only to note it.
fn changes(context: &Context<'_>, table: &str, column: &str) -> bool {
    let source = context.source.tables.get(table);
    let before = source.and_then(|it| it.column(column));
    let after = context.target.tables.get(table).and_then(|it| it.column(column));
    let (Some(source), Some(before), Some(after)) = (source, before, after) else { return false };
    context.dialect.type_name(&before.ty) != context.dialect.type_name(&after.ty)
        && !widens_in_place(context.dialect, source, before, after)
}

fn widens_in_place(dialect: Dialect, table: &Table, before: &Column, after: &Column) -> bool {
    match dialect {
        // an index that computes from the column would be built anew, while everybody waits
        Dialect::Postgres => {
            let computes = |index: &Index| index.is_for(dialect) && index.over(&before.name, "").is_none();
            !table.indexes.values().any(computes) && postgres::types::widens_in_place(&before.ty, &after.ty)
        }
        Dialect::MySql => mysql::types::widens_in_place(&before.ty, &after.ty),
    }
}

/// What is not done in one migration, or not yet at all.
fn refuse(context: &Context<'_>, table: &Table, before: &Column, after: &Column, widened: bool) -> Result<(), Refusal> {
    let place = format!("`{}.{}`", table.name, before.name);
    let column = &before.name;
    if before.nullable != after.nullable || before.default != after.default {
        return Err((
            format!("the type of {place} changes, and its nullability or default changes too"),
            "do one in this migration and the other in the next".into(),
        ));
    }
    if widened {
        return Ok(());
    }
    if context.dialect == Dialect::MySql && before.ty.kind == Kind::Enum && after.ty.kind == Kind::Enum {
        return Err((
            format!(
                "{place} gets values among those of its enum, which MySQL adds online at the end alone (up to 255 in all)"
            ),
            "put the new variants last; or give the column a new name with `renamed_from`, and its enum too".into(),
        ));
    }
    if !one_family(before.ty.kind, after.ty.kind) {
        return Err((
            format!(
                "the type of {place} changes from {} to {}, and code that writes the one cannot write the other",
                spelled(before),
                spelled(after)
            ),
            format!(
                "give the new column a name of its own, so that both can live: a new field with #[column(renamed_from = \"{column}\", \
                 backfill = \"...\", reverse = \"...\")]"
            ),
        ));
    }
    let target = context.table(&table.name);
    let tied = linked_type::group(context.source, &table.name, column).is_some();
    for (check, _) in checks_on(context.dialect, table, target, column) {
        let why = if context.dialect == Dialect::MySql {
            "and MySQL renames no column under a check"
        } else if tied {
            "and it is a key or tied to one"
        } else if let Some(other) =
            other_changed(table, target, column, |it| named_by_check(context.dialect, table, check, it))
        {
            return Err(with_another(&place, other, &format!("check `{check}`")));
        } else {
            continue;
        };
        return Err((
            format!(
                "the type of {place} changes from {} to {}, on which check `{check}` stands, {why}",
                spelled(before),
                spelled(after)
            ),
            format!(
                "give the check another name in the same change (`check(name = \"...\", ...)` on the table): then it goes first, and \
                 is added again when the type has changed; meanwhile nothing holds to `{check}`"
            ),
        ));
    }
    for (index, it) in indexes_on(context.dialect, table, target, column) {
        if let Some(other) =
            other_changed(table, target, column, |name| it.names(name, context.dialect)).filter(|_| !tied)
        {
            return Err(with_another(&place, other, &format!("index `{index}`")));
        }
    }
    Ok(())
}

/// Another column of the table whose type changes, among those that are asked for.
fn other_changed<'a>(source: &'a Table, target: &Table, column: &str, among: impl Fn(&str) -> bool) -> Option<&'a str> {
    let changes = |it: &&Column| target.column(&it.name).is_some_and(|after| after.ty != it.ty);
    let others = source.columns.iter().filter(|it| it.name != column).filter(changes);
    others.map(|it| it.name.as_str()).find(|it| among(it))
}

fn with_another(place: &str, other: &str, what: &str) -> Refusal {
    (
        format!("the type of {place} changes, and so does that of `{other}`, with which it stands in {what}"),
        "do one in this migration and the other in the next".to_owned(),
    )
}

/// The checks that stay and name the column.
fn checks_on<'a>(
    dialect: Dialect,
    source: &'a Table,
    target: &'a Table,
    column: &'a str,
) -> Vec<(&'a String, &'a str)> {
    let stays = |name: &&String| target.checks.get(*name) == source.checks.get(*name);
    let on = source.checks_on(column, dialect).filter(stays);
    on.filter_map(|name| Some((name, source.checks[name].sql.of(dialect)?))).collect()
}

fn named_by_check(dialect: Dialect, table: &Table, check: &str, column: &str) -> bool {
    table.checks_on(column, dialect).any(|it| it == check)
}

pub(super) fn spelled(column: &Column) -> String {
    let [postgres, mysql] = Dialect::ALL.map(|dialect| dialect.type_name(&column.ty));
    if postgres == mysql { format!("`{postgres}`") } else { format!("`{postgres}` (MySQL `{mysql}`)") }
}

/// The catalog alone.
fn in_place(context: &Context<'_>, table: &str, column: &Column) -> Staging {
    let mut staging = Staging::default();
    let name = context.ident(&column.name);
    let (sql, claim) = match context.dialect {
        Dialect::Postgres => (
            format!(
                "ALTER TABLE {} ALTER COLUMN {name} TYPE {}",
                context.ident(table),
                context.dialect.type_name(&column.ty)
            ),
            context.alter(Stage::Expand, table),
        ),
        Dialect::MySql => {
            let definition = mysql::ddl::column(column, column.nullable, column.default.of(context.dialect));
            (
                mysql::ddl::alter(table, &format!("MODIFY COLUMN {definition}"), "ALGORITHM=INPLACE, LOCK=NONE"),
                context.mysql_alter(Stage::Expand, table, Algorithm::Inplace),
            )
        }
    };
    let fact = Fact::Type(table.to_owned(), column.name.clone(), context.dialect.catalog_type(&column.ty));
    let draft = Draft::new("A change of the catalog: the wider type holds every value as it is.", sql, claim, fact)
        .undo_nothing("the wider type stays: it holds every value of the narrower one");
    staging.push(Stage::Expand, draft.step());
    if context.dialect == Dialect::Postgres {
        staging.warnings.push(stale_plans(table, &column.name));
    }
    staging
}

/// Drivers that check types tell the old from the new one.
pub(super) fn strict_drivers(table: &str, column: &str) -> String {
    format!(
        "a client that decodes strictly (sqlx does) cannot read `{table}.{column}` by the old struct once validate has swapped \
         the columns; where such code must live on, give the field a new name with `renamed_from` instead"
    )
}

pub(super) fn stale_plans(table: &str, column: &str) -> String {
    format!(
        "PostgreSQL: a prepared statement that returns `{table}.{column}` fails once after its type has changed (0A000); \
         pooled connections must prepare it anew"
    )
}

/// The names while both columns are there.
pub(super) struct Names {
    /// Of the new column, before the swap.
    pub(super) new: String,
    /// Of the old column, after it.
    pub(super) old: String,
}

impl Names {
    pub(super) fn of(name: &str) -> Self {
        Self { new: until_contract(name), old: limited(&format!("pontoon_{name}_old")) }
    }
}

fn by_shadow(
    context: &Context<'_>,
    source: &Table,
    target: &Table,
    before: &Column,
    after: &Column,
) -> Result<Staging, Refusal> {
    let mut staging = Staging::default();
    let (table, name) = (&target.name, &after.name);
    let names = Names::of(name);
    let [forth, back] = expressions(context, table, [before, after])?;
    // which column the written name means differs between the two, and with the swap
    let earlier = [name, &names.new, name].map(String::clone);
    let later = [&names.old, name, later_name(context.dialect, name, &names)].map(String::clone);
    let shadow = Column { name: names.new.clone(), ..after.clone() };
    let filled = mirrored(context, target, &shadow, &earlier, [&forth, &back]);
    filled.begin(context, &mut staging)?;
    let indexes = indexes_on(context.dialect, source, target, name);
    for (index_name, index) in &indexes {
        let copy = index.over(name, &names.new).ok_or_else(|| in_a_text(table, name, index_name))?;
        add_index::build(context, Some(source), table, &Names::of(index_name).new, &copy, &mut staging);
    }
    let checks = checks_on(context.dialect, source, target, name);
    for (check, condition) in &checks {
        let copy = with_column(condition, name, &context.ident(&names.new));
        add_check::postgres(context, table, &Names::of(check).new, &copy, &mut staging);
    }
    staging.warnings.push(strict_drivers(table, name));
    let swapped = mirrored(context, target, after, &later, [&forth, &back]);
    let there = Renames::new(name, &names, &indexes, &checks, true);
    let back = Renames::new(name, &names, &indexes, &checks, false);
    swap(context, table, &names, [there, back], [&filled, &swapped], &mut staging);
    staging.warnings.push(format!("until contract, a value of `{table}.{name}` must fit its old type too"));
    if context.dialect == Dialect::Postgres {
        staging.warnings.push(stale_plans(table, name));
    }
    for (index_name, index) in &indexes {
        let step = super::drop_index::draft(context, table, &Names::of(index_name).old, index);
        staging.push(Stage::Contract, step.last());
    }
    for (check, _) in &checks {
        let old = Names::of(check).old;
        let sql = format!("ALTER TABLE {} DROP CONSTRAINT {}", context.ident(table), context.ident(&old));
        let draft =
            Draft::new("", sql, context.alter(Stage::Contract, table), Fact::Constraint(table.clone(), old).negated());
        staging.push(Stage::Contract, draft.last());
    }
    let old = Column { name: names.old.clone(), ..before.clone() };
    retire(context, target, &old, &swapped, &mut staging);
    Ok(staging)
}

/// MySQL's triggers are made anew at the swap, and have another name, so that it can be told which
/// are there; PostgreSQL's stay, and their function changes.
fn later_name<'a>(dialect: Dialect, name: &'a String, names: &'a Names) -> &'a String {
    match dialect {
        Dialect::Postgres => name,
        Dialect::MySql => &names.old,
    }
}

/// The shadow column, `forth` from `old` and `back` to it; the names are old, new, and the triggers'.
pub(super) fn mirrored<'a>(
    context: &Context<'a>,
    table: &'a Table,
    column: &'a Column,
    [old, new, named_after]: &'a [String; 3],
    [forth, back]: [&'a str; 2],
) -> FilledColumn<'a> {
    let written = if old.starts_with("pontoon_") { new } else { old };
    let others = context.columns_until_contract(table).filter(|it| *it != written.as_str()).map(|it| (it, it));
    let formula = |expression: &'a str, column: &'a str| {
        let columns: Vec<_> = others.clone().chain([(written.as_str(), column)]).collect();
        Formula::naming(context.dialect, &table.name, expression, &columns)
    };
    let pair = Pair { old, forth: formula(forth, old), back: formula(back, new), named_after };
    FilledColumn::new(context, table, column, Source::Mirror(pair))
}

/// How a value becomes one of the other column, and back: as the user says, or by itself where every
/// value fits.
pub(super) fn expressions(
    context: &Context<'_>,
    table: &str,
    [before, after]: [&Column; 2],
) -> Result<[String; 2], Refusal> {
    let key = (table.to_owned(), after.name.clone());
    let said = |texts: &BTreeMap<(String, String), Texts>| {
        texts.get(&key).and_then(|it| it.of(context.dialect)).map(str::to_owned)
    };
    let by_itself = |from: &Column, to: &Column| {
        assignable(&before.ty, &after.ty)
            .then(|| context.dialect.converted(&context.ident(&from.name), [&from.ty, &to.ty]))
    };
    let forth = said(&context.intents.backfills).or_else(|| by_itself(before, after));
    let back = said(&context.intents.reverses).or_else(|| by_itself(after, before));
    match (forth, back) {
        (Some(forth), Some(back)) => Ok([forth, back]),
        _ => Err((
            format!(
                "the type of `{table}.{}` changes from {} to {}, which does not hold every value as it is",
                after.name,
                spelled(before),
                spelled(after)
            ),
            format!(
                "say how: #[column(backfill = \"...\", reverse = \"...\")], two SQL expressions: the new value over `{}`, and, for \
                 old code until contract, the old one over `{}`",
                before.name, after.name
            ),
        )),
    }
}

/// Whether code that writes values of the one kind can write them where the other is.
fn one_family(one: Kind, other: Kind) -> bool {
    one == other || (is_number(one) && is_number(other)) || one == Kind::Custom || other == Kind::Custom
}

/// The indexes that stay and hold the column.
fn indexes_on<'a>(
    dialect: Dialect,
    source: &'a Table,
    target: &'a Table,
    column: &str,
) -> Vec<(&'a String, &'a Index)> {
    let stays = |(name, index): &(&String, &Index)| target.indexes.get(*name) == Some(*index);
    let on = |(_, index): &(&String, &Index)| index.is_for(dialect) && index.names(column, dialect);
    source.indexes.iter().filter(on).filter(stays).collect()
}

/// What an expression means over a column of another type is not ours to say.
pub(super) fn in_a_text(table: &str, column: &str, index: &str) -> Refusal {
    (
        format!(
            "the type of `{table}.{column}` changes, and index `{index}` names the column in an expression or condition"
        ),
        format!(
            "give the index another name in the same change: then it is built anew over the new type, and `{index}` goes"
        ),
    )
}

/// The two columns, and their indexes, take each other's place.
fn swap(
    context: &Context<'_>,
    table: &str,
    names: &Names,
    [there, back]: [Renames; 2],
    columns: [&FilledColumn<'_>; 2],
    staging: &mut Staging,
) {
    let [Some(earlier), Some(later)] = columns.map(FilledColumn::triggers) else { return };
    let fact = Fact::Column(table.to_owned(), names.old.clone());
    let comment = "The column and its successor take each other's names, in one moment.";
    match context.dialect {
        Dialect::Postgres => {
            let brief = || Claim::none().lock(table, LockMode::AccessExclusive);
            let sql = |renames: &Renames, triggers: &Triggers<'_>| {
                let mut statements = renames.postgres(context, table);
                statements.extend(triggers.function.as_ref().map(|it| it.replacen("CREATE", "CREATE OR REPLACE", 1)));
                statements.join(";\n")
            };
            let draft = Draft::new(comment, sql(&there, later), brief(), fact).undo(sql(&back, earlier), brief());
            staging.push(Stage::Validate, draft.step());
        }
        Dialect::MySql => {
            let locked = context.mysql_locked(table);
            let children = context.children(Stage::Validate, table);
            let altered = children.into_iter().fold(locked.clone(), |claim, it| claim.lock(it, LockMode::MdlExclusive));
            let sql = |renames: &Renames, gone: &Triggers<'_>, new: &Triggers<'_>| {
                let mut statements = vec![renames.mysql(table)];
                statements.extend(replaced(context, gone, new));
                mysql::ddl::locked(table, &statements)
            };
            let draft = Draft::new(comment, sql(&there, earlier, later), altered.clone(), fact)
                .undo(sql(&back, later, earlier), altered);
            staging.push(Stage::Validate, draft.step());
            // every statement of the swap commits: a crash among them leaves the triggers undone
            let mend = mysql::ddl::locked(table, &replaced(context, earlier, later));
            let draft =
                Draft::new("The triggers again, should the swap have been cut off.", mend, locked, Fact::Repeatable)
                    .undo_nothing("the swap's way back brings the earlier triggers");
            staging.push(Stage::Validate, draft.step());
        }
    }
}

/// MySQL: triggers in place of others, whichever of them are there.
fn replaced(context: &Context<'_>, gone: &Triggers<'_>, new: &Triggers<'_>) -> Vec<String> {
    let names = |it: &Triggers<'_>| [insert_name(it.table, it.named_after), update_name(it.table, it.named_after)];
    let drop = |name: String| drop_trigger(context, gone.table, &name).replacen("TRIGGER", "TRIGGER IF EXISTS", 1);
    let create = |sql: &String| sql.replacen("TRIGGER", "TRIGGER IF NOT EXISTS", 1);
    names(gone).map(drop).into_iter().chain([&new.on_insert, &new.on_update].map(create)).collect()
}

/// Which names change, in an order in which each is free when it is taken.
struct Renames {
    columns: Vec<[String; 2]>,
    indexes: Vec<[String; 2]>,
    /// PostgreSQL: MySQL renames no column under one.
    checks: Vec<[String; 2]>,
}

impl Renames {
    /// To the new column, or back to the old one.
    fn new(name: &str, names: &Names, indexes: &[(&String, &Index)], checks: &[(&String, &str)], there: bool) -> Self {
        let both = |name: &str, names: &Names| -> Vec<[String; 2]> {
            let (away, in_place) = if there { (&names.old, &names.new) } else { (&names.new, &names.old) };
            vec![[name.to_owned(), away.clone()], [in_place.clone(), name.to_owned()]]
        };
        Self {
            columns: both(name, names),
            indexes: indexes.iter().flat_map(|(index, _)| both(index, &Names::of(index))).collect(),
            checks: checks.iter().flat_map(|(check, _)| both(check, &Names::of(check))).collect(),
        }
    }

    fn postgres(&self, context: &Context<'_>, table: &str) -> Vec<String> {
        let column = |[from, to]: &[String; 2]| {
            let [table, from, to] = [table, from, to].map(|it| context.ident(it));
            format!("ALTER TABLE {table} RENAME COLUMN {from} TO {to}")
        };
        let index =
            |[from, to]: &[String; 2]| format!("ALTER INDEX {} RENAME TO {}", context.ident(from), context.ident(to));
        let check = |[from, to]: &[String; 2]| {
            let [table, from, to] = [table, from, to].map(|it| context.ident(it));
            format!("ALTER TABLE {table} RENAME CONSTRAINT {from} TO {to}")
        };
        let columns = self.columns.iter().map(column);
        columns.chain(self.indexes.iter().map(index)).chain(self.checks.iter().map(check)).collect()
    }

    /// One ALTER: MySQL renames all at once.
    fn mysql(&self, table: &str) -> String {
        let part = |kind: &str, [from, to]: &[String; 2]| {
            format!("RENAME {kind} {} TO {}", Dialect::MySql.ident(from), Dialect::MySql.ident(to))
        };
        let columns = self.columns.iter().map(|it| part("COLUMN", it));
        let parts: Vec<_> = columns.chain(self.indexes.iter().map(|it| part("INDEX", it))).collect();
        let how = if self.indexes.is_empty() { "ALGORITHM=INSTANT" } else { "ALGORITHM=INPLACE, LOCK=NONE" };
        mysql::ddl::alter(table, &parts.join(", "), how)
    }
}
