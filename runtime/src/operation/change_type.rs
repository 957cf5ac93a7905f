//! A column has another type.
//!
//! Where the server only notes a wider type in its catalog, that is all. Everything else goes by a
//! shadow column: it mirrors the column from expand on, is filled, and gets the column's
//! indexes; then, in validate, the two swap their names in one moment, and the triggers go on
//! the other way round until contract. So old and new code use one name all the while, and
//! the way back is to swap again.

use super::add_index;
use super::collation;
use super::drop_column::retire;
use super::filled_column::{Before, FilledColumn, Mirrored};
use super::formula::Formula;
use super::modify::{self, Standing};
use super::narrow::Conversion;
use super::triggers::{drop_trigger, insert_name, update_name};
use super::{
    Context, Draft, Refusal, Staging, Triggers, add_check, change_enum, implicit_key, linked_type, until_contract,
};
use crate::dialect::{Dialect, is_number, mysql, postgres, with_column};
use crate::migration::{Algorithm, Claim, Fact, LockMode, Stage};
use crate::schema::{Column, Index, Table, limited};
use crate::sql_type::Kind;

pub(super) fn stage(context: &Context<'_>, table_name: &str, column_name: &str) -> Result<Staging, Refusal> {
    let (source, target) = (&context.source.tables[table_name], context.table(table_name));
    let (Some(before), Some(after)) = (source.column(column_name), target.column(column_name)) else {
        return Ok(Staging::default());
    };
    let widened = widens_in_place(context.dialect, source, before, after);
    let keyed = || linked_type::group(context.source, table_name, column_name).is_some();
    if let (Some(was), Some(is)) = (&before.ty.enumeration, &after.ty.enumeration)
        && change_enum::is_one(before, after)
        && !widened
        && !(context.dialect == Dialect::MySql && keyed())
    {
        return change_enum::stage(context, [table_name, column_name], [was, is]);
    }
    if !differs(context.dialect, before, after) {
        return Ok(Staging::default());
    }
    refuse(context, source, before, after, widened)?;
    if widened {
        modify::in_place(context, Standing::Before, [table_name, column_name], "gets a wider type")?;
        return Ok(in_place(context, table_name, before, after));
    }
    if collation::alone(context, before, after) && collation::in_place(context, source, target, before, after) {
        return collation::stage(context, target, before, after);
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

/// Whether it changes with others, since it is a key or tied to one.
pub(super) fn is_tied(context: &Context<'_>, table: &str, column: &str) -> bool {
    let there = context.source.tables.get(table).is_some_and(|it| it.column(column).is_some());
    there && linked_type::group(context.source, table, column).is_some()
}

/// Whether the server has to give the column another type, and not only to note it.
fn changes(context: &Context<'_>, table: &str, column: &str) -> bool {
    let source = context.source.tables.get(table);
    let before = source.and_then(|it| it.column(column));
    let after = context.target.tables.get(table).and_then(|it| it.column(column));
    let (Some(source), Some(before), Some(after)) = (source, before, after) else { return false };
    differs(context.dialect, before, after) && !widens_in_place(context.dialect, source, before, after)
}

/// Whether the two are of another type to this server.
fn differs(dialect: Dialect, before: &Column, after: &Column) -> bool {
    dialect.type_definition(&before.ty) != dialect.type_definition(&after.ty)
}

fn widens_in_place(dialect: Dialect, table: &Table, before: &Column, after: &Column) -> bool {
    match dialect {
        // an index that computes from the column would be built anew, and a check proven anew, while everybody waits
        Dialect::Postgres => {
            let computes = |index: &Index| index.is_for(dialect) && index.over(&before.name, "").is_none();
            !table.indexes.values().any(computes)
                && table.checks_on(&before.name, dialect).next().is_none()
                && postgres::types::widens_in_place(&before.ty, &after.ty)
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
    if let Some(refused) = collation::refused(context, table, before, after) {
        return Err(refused);
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
pub(super) fn other_changed<'a>(
    source: &'a Table,
    target: &Table,
    column: &str,
    among: impl Fn(&str) -> bool,
) -> Option<&'a str> {
    let changes = |it: &&Column| target.column(&it.name).is_some_and(|after| after.ty != it.ty);
    let others = source.columns.iter().filter(|it| it.name != column).filter(changes);
    others.map(|it| it.name.as_str()).find(|it| among(it))
}

pub(super) fn with_another(place: &str, other: &str, what: &str) -> Refusal {
    (
        format!("the type of {place} changes, and so does that of `{other}`, with which it stands in {what}"),
        "do one in this migration and the other in the next".to_owned(),
    )
}

/// The checks that stay and name the column.
pub(super) fn checks_on<'a>(
    dialect: Dialect,
    source: &'a Table,
    target: &'a Table,
    column: &'a str,
) -> Vec<(&'a String, &'a str)> {
    let stays = |name: &&String| target.checks.get(*name) == source.checks.get(*name);
    let on = source.checks_on(column, dialect).filter(stays);
    on.filter_map(|name| Some((name, source.checks[name].sql.of(dialect)?))).collect()
}

pub(super) fn named_by_check(dialect: Dialect, table: &Table, check: &str, column: &str) -> bool {
    table.checks_on(column, dialect).any(|it| it == check)
}

pub(super) fn spelled(column: &Column) -> String {
    let [postgres, mysql] = Dialect::ALL.map(|dialect| {
        let collation = column.ty.collation.of(dialect).map(|it| format!(" COLLATE {it}"));
        dialect.type_name(&column.ty) + &collation.unwrap_or_default()
    });
    if postgres == mysql { format!("`{postgres}`") } else { format!("`{postgres}` (MySQL `{mysql}`)") }
}

/// The catalog alone.
pub(super) fn in_place(context: &Context<'_>, table: &str, before: &Column, column: &Column) -> Staging {
    let mut staging = Staging::default();
    let (dialect, name) = (context.dialect, context.ident(&column.name));
    let (sql, claim) = match dialect {
        Dialect::Postgres => {
            let alter = format!(
                "ALTER TABLE {} ALTER COLUMN {name} TYPE {}",
                context.ident(table),
                dialect.type_name(&column.ty)
            );
            // the server goes on to take the default for a value of the type of before
            let default = column.default.of(dialect).map(|it| format!(", ALTER COLUMN {name} SET DEFAULT {it}"));
            // a longer one of the same type is no other one
            let another = before.ty.kind != column.ty.kind;
            let compiled = another.then(|| format!(";\n{}", postgres::ddl::compile_triggers_anew(table)));
            let sql = alter + &default.unwrap_or_default() + &compiled.unwrap_or_default();
            (sql, context.alter(Stage::Expand, table))
        }
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
        "PostgreSQL: a prepared statement that returns `{table}.{column}` fails after its type has changed (0A000) \
         until it is prepared anew, which some drivers never do: give pools new connections then"
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
    modify::in_place(context, Standing::Staying, [table, name], "changes names with the one of another type")?;
    implicit_key::keeps_its_column(context, source, name)?;
    let names = Names::of(name);
    let conversion = Conversion::of(context, table, [before, after])?;
    let expressions = [conversion.forth.as_str(), conversion.back.as_str()];
    // which column the written name means differs between the two, and with the swap
    let earlier = [name, &names.new, name].map(String::clone);
    let later = [&names.old, name, later_name(context.dialect, name, &names)].map(String::clone);
    let shadow = Column { name: names.new.clone(), ..after.clone() };
    let filled = mirrored(context, target, &shadow, &earlier, expressions);
    let filled = filled.narrowed(context, conversion.narrowing.as_ref(), name);
    filled.begin(context, &mut staging)?;
    let indexes = indexes_on(context.dialect, source, target, name);
    for (index_name, index) in &indexes {
        let copy = index.over(name, &names.new).ok_or_else(|| in_a_text(table, name, index_name))?;
        add_index::build(context, Some(source), table, &Names::of(index_name).new, &copy, &mut staging)?;
    }
    let checks = checks_on(context.dialect, source, target, name);
    for (check, condition) in &checks {
        let copy = with_column(condition, name, &context.ident(&names.new));
        add_check::postgres(context, table, &Names::of(check).new, &copy, &mut staging);
    }
    if collation::alone(context, before, after) {
        staging.warnings.extend(collation::unique_by_both(table, name, &indexes));
    } else {
        staging.warnings.push(strict_drivers(table, name));
    }
    let swapped = mirrored(context, target, after, &later, expressions);
    let [index_names, check_names] =
        [indexes.iter().map(|it| it.0.as_str()).collect(), checks.iter().map(|it| it.0.as_str()).collect::<Vec<_>>()];
    let [there, back] = [true, false].map(|there| Renames::new([&[name.as_str()], &index_names, &check_names], there));
    swap(context, table, &names, [there, back], [&filled, &swapped], &mut staging);
    if !collation::alone(context, before, after) {
        staging.warnings.push(format!("until contract, a value of `{table}.{name}` must fit its old type too"));
    }
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
    retire(context, target, &[&old], &swapped, &mut staging)?;
    Ok(staging)
}

/// MySQL's triggers are made anew at the swap, and have another name, so that it can be told which
/// are there; PostgreSQL's stay, and their function changes.
pub(super) fn later_name<'a>(dialect: Dialect, name: &'a String, names: &'a Names) -> &'a String {
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
    let mirrored = Mirrored {
        old: vec![Before { name: old, left_out: None, back: formula(back, new) }],
        new: vec![(column, formula(forth, old))],
        named_after,
    };
    FilledColumn::mirrored(context, table, mirrored)
}

/// Whether code that writes values of the one kind can write them where the other is.
fn one_family(one: Kind, other: Kind) -> bool {
    one == other || (is_number(one) && is_number(other)) || one == Kind::Custom || other == Kind::Custom
}

/// The indexes that stay and hold the column.
pub(super) fn indexes_on<'a>(
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
    // from here on both codes write the new column, and its type alone decides
    let guard = columns[0].guard();
    let taken = guard.map(|it| it.taken(context)).unwrap_or_default();
    let brought = guard.map(|it| it.brought(context)).unwrap_or_default();
    let fact = Fact::Column(table.to_owned(), names.old.clone());
    let comment = "The column and its successor take each other's names, in one moment.";
    match context.dialect {
        Dialect::Postgres => {
            let brief = || Claim::none().lock(table, LockMode::AccessExclusive);
            let sql = |renames: &Renames, triggers: &Triggers<'_>, guard: Vec<String>| {
                let mut statements = renames.postgres(context, table);
                statements.extend(triggers.function.as_ref().map(|it| it.replacen("CREATE", "CREATE OR REPLACE", 1)));
                statements.extend(guard);
                statements.push(postgres::ddl::compile_triggers_anew(table));
                statements.join(";\n")
            };
            let draft = Draft::new(comment, sql(&there, later, taken), brief(), fact)
                .undo(sql(&back, earlier, brought), brief());
            staging.push(Stage::Validate, draft.step());
        }
        Dialect::MySql => mysql_swap(
            context,
            [table, &names.old],
            [&there, &back],
            [vec![earlier], vec![later]],
            [taken, brought],
            staging,
        ),
    }
}

/// MySQL: the same of any columns of a table, of which one is `old` afterwards, each with its triggers before and after.
pub(super) fn mysql_swap<'t, T: std::borrow::Borrow<Triggers<'t>>>(
    context: &Context<'_>,
    [table, old]: [&str; 2],
    [there, back]: [&Renames; 2],
    [earlier, later]: [Vec<T>; 2],
    [taken, brought]: [Vec<String>; 2],
    staging: &mut Staging,
) {
    let locked = context.mysql_locked(table);
    let children = context.children(Stage::Validate, table);
    let altered = children.into_iter().fold(locked.clone(), |claim, it| claim.lock(it, LockMode::MdlExclusive));
    let triggers = |gone: &[T], new: &[T]| -> Vec<String> {
        gone.iter().zip(new).flat_map(|(gone, new)| replaced(context, gone.borrow(), new.borrow())).collect()
    };
    let sql = |renames: &Renames, triggers: Vec<String>| {
        let mut statements = vec![renames.mysql(table)];
        statements.extend(triggers);
        mysql::ddl::locked(table, &statements)
    };
    let forth: Vec<_> = triggers(&earlier, &later).into_iter().chain(taken).collect();
    let undone: Vec<_> = triggers(&later, &earlier).into_iter().chain(brought).collect();
    let comment = "The column and its successor take each other's names, in one moment.";
    let fact = Fact::Column(table.to_owned(), old.to_owned());
    let mend = |triggers: &[String]| mysql::ddl::locked(table, triggers);
    // every statement of the swap commits: a crash among them leaves the triggers undone
    let draft = Draft::new(comment, sql(there, forth.clone()), altered.clone(), fact)
        .undo(sql(back, undone.clone()), altered)
        .undo_until(mend(&undone), locked.clone(), Fact::Repeatable, true);
    staging.push(Stage::Validate, draft.step());
    let comment = "The triggers again, should the swap have been cut off.";
    let draft = Draft::new(comment, mend(&forth), locked, Fact::Repeatable)
        .undo_nothing("the swap's way back brings the earlier triggers");
    staging.push(Stage::Validate, draft.step());
}

/// MySQL: triggers in place of others, whichever of them are there. Those that go name a column that is gone, and
/// fail every write: so they go last, and no write is made that none of the others has seen.
fn replaced(context: &Context<'_>, gone: &Triggers<'_>, new: &Triggers<'_>) -> Vec<String> {
    let names = |it: &Triggers<'_>| [insert_name(it.table, it.named_after), update_name(it.table, it.named_after)];
    let drop = |name: String| drop_trigger(context, gone.table, &name).replacen("TRIGGER", "TRIGGER IF EXISTS", 1);
    let create = |sql: &String| sql.replacen("TRIGGER", "TRIGGER IF NOT EXISTS", 1);
    [&new.on_update, &new.on_insert].map(create).into_iter().chain(names(gone).map(drop)).collect()
}

/// Which names change, in an order in which each is free when it is taken.
pub(super) struct Renames {
    columns: Vec<[String; 2]>,
    indexes: Vec<[String; 2]>,
    /// PostgreSQL: MySQL renames no column under one.
    checks: Vec<[String; 2]>,
}

impl Renames {
    /// Columns, indexes and checks: to the new ones, or back to the old ones.
    pub(super) fn new<S: AsRef<str>>([columns, indexes, checks]: [&[S]; 3], there: bool) -> Self {
        let both = |name: &S| -> [[String; 2]; 2] {
            let (name, Names { new, old }) = (name.as_ref().to_owned(), Names::of(name.as_ref()));
            let (away, in_place) = if there { (old, new) } else { (new, old) };
            [[name.clone(), away], [in_place, name]]
        };
        let [columns, indexes, checks] = [columns, indexes, checks].map(|it| it.iter().flat_map(both).collect());
        Self { columns, indexes, checks }
    }

    pub(super) fn postgres(&self, context: &Context<'_>, table: &str) -> Vec<String> {
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
