//! Random schemas, and random changes of them.

use std::collections::BTreeMap;

use fastrand::Rng;
use pontoon::def::ReferentialAction;
use pontoon::plan::plan;
use pontoon::schema::{Check, Column, ForeignKey, Index, Schema, Table, Texts};
use pontoon::{Dialect, Kind};

use super::attached::{Attached, any_parent, any_twin};
use super::case::{Case, add_foreign_key, index_foreign_keys, index_name, key_column, short, stem};
use super::change::Change;
use super::course::{Course, course};
use super::earlier::with_earlier;
use super::forms::{any_form, any_generated, other_name, other_values};
use super::moved::{any_move, in_a_circle};
use super::parts::{any_other_part, column_of, in_parts};
use super::reshape::any_reshape;
use super::values::{another_type, any_default, any_type, by_presence, check, copy, keyable, plain, sized};

const TABLES: [&str; 5] =
    ["users", "Orders", "log entry", "group", "a_table_whose_name_is_as_long_as_a_name_can_be_on_the_servers__"];

/// Names as people give them; some only a quoted name can have.
const COLUMNS: [&str; 15] = [
    "a",
    "b",
    "Total",
    "order",
    "odd name",
    "x\"y`z",
    "created_at",
    "größe",
    "a_name_nearly_as_long_as_the_sixty_three_bytes_that_fit_in_it",
    "user_id",
    "value",
    "kind",
    "first part",
    "rest",
    "is_known",
];

/// A schema with one to three tables, and one to six changes.
pub(super) fn case(rng: &mut Rng) -> Case {
    let mut source = Schema::default();
    let tables = rng.usize(1..=3);
    for name in rng.choose_multiple(TABLES, tables) {
        source.tables.insert(name.to_owned(), table(rng, name));
    }
    for name in source.tables.keys().cloned().collect::<Vec<_>>() {
        for _ in 0..rng.usize(..3) {
            refer(rng, &mut source, &name);
        }
    }
    for name in source.tables.keys().cloned().collect::<Vec<_>>() {
        if rng.u8(..3) == 0 {
            pair(rng, &mut source, &name);
        }
    }
    let attached = twins(rng, &mut source);
    source.tables.values_mut().for_each(index_foreign_keys);
    let gone = TABLES.iter().find(|it| rng.u8(..4) == 0 && !source.tables.contains_key(**it));
    let gone = gone.map(|name| table(rng, name));
    let source = with_earlier(rng, source, gone);
    let mut case = Case { source, changes: Vec::new(), course: Course::default() };
    // what comes later changes the tables of none of them
    case.changes.extend(attached.into_iter().filter(|_| rng.u8(..6) > 0).map(Change::Attach));
    if rng.u8(..10) == 0 {
        case.changes.extend(new_parent(rng, &case).map(Change::Attach));
    }
    let wanted = case.changes.len() + rng.usize(1..=6);
    for _ in 0..60 {
        let (mut target, mut intents) = case.target();
        let Some(change) = change(rng, &case.source, &target) else { continue };
        if !change.apply(&case.source, &mut target, &mut intents) || case.changes.iter().any(|it| change.undoes(it)) {
            continue;
        }
        case.changes.push(change);
        let (target, intents) = case.target();
        if in_a_circle([&case.source, &target], &intents) {
            case.changes.pop();
            continue;
        }
        let refused = |dialect: &Dialect| plan("0002_change", &case.source, &target, &intents, *dialect).is_err();
        // what is refused tries nothing on a server: a few are enough
        let few = match Dialect::ALL.iter().filter(|it| refused(it)).count() {
            0 => 1,
            1 => 3,
            _ => 12,
        };
        if rng.u8(..few) > 0 {
            case.changes.pop();
        }
        if case.changes.len() == wanted {
            break;
        }
    }
    case.course = course(rng);
    case
}

fn table(rng: &mut Rng, name: &str) -> Table {
    let key = |names: &[&str]| names.iter().map(|it| (*it).to_owned()).collect::<Vec<_>>();
    let (mut columns, primary_key, mut indexes) = (Vec::new(), rng.u8(..12), BTreeMap::new());
    let primary_key = match primary_key {
        0..=3 => {
            columns.push(key_column("id", plain(Kind::BigInt), rng.bool()));
            key(&["id"])
        }
        4 | 5 => {
            let ty = [plain(Kind::Integer), plain(Kind::Uuid), plain(Kind::Date)][rng.usize(..3)].clone();
            columns.push(key_column("id", ty, rng.bool()));
            key(&["id"])
        }
        6 | 7 => {
            columns.push(key_column("code", sized(Kind::Text, 20), false));
            key(&["code"])
        }
        8..=10 => {
            let numbered = rng.u8(..3) == 0;
            columns.push(key_column("id", plain(Kind::BigInt), numbered));
            let part = [plain(Kind::Integer), plain(Kind::Integer), plain(Kind::Date), sized(Kind::Text, 20)];
            columns.push(key_column("part", part[rng.usize(..part.len())].clone(), false));
            // MySQL numbers what is first in a key
            if numbered { key(&["id", "part"]) } else { key(&["part", "id"]) }
        }
        // a key by its index only
        _ => {
            columns.push(key_column("id", plain(Kind::BigInt), false));
            let unique = Index::plain(key(&["id"]), true);
            indexes.insert(index_name(name, &unique.columns, true), unique);
            Vec::new()
        }
    };
    let mut table = Table {
        name: name.to_owned(),
        columns,
        primary_key,
        indexes,
        foreign_keys: BTreeMap::new(),
        checks: BTreeMap::new(),
        partitioned: None,
    };
    let alone = table.primary_key == ["id"];
    let by = table.columns.iter().find(|it| it.name == if alone { "id" } else { "part" }).cloned();
    if let Some(by) = by.filter(|it| (!alone || it.ty.kind == Kind::BigInt) && rng.u8(..6) > if alone { 4 } else { 1 })
    {
        table.partitioned = Some(in_parts(rng, name, &by, alone));
    }
    for _ in 0..rng.usize(1..=5) {
        if let Some(column) = column(rng, &table, &table) {
            table.columns.push(column);
        }
    }
    for _ in 0..rng.usize(..3) {
        let Some((columns, unique)) = indexable(rng, &table) else { continue };
        let columns_of: Vec<_> = columns.iter().filter_map(|it| table.column(it)).collect();
        // enough different values for the rows
        let unique = unique && columns_of.iter().any(|it| has_many(it));
        table.indexes.insert(index_name(name, &columns, unique), Index::plain(columns, unique));
    }
    if let Some(by) = column_of(&table).filter(|_| rng.u8(..4) == 0) {
        let tells = |it: &&Column| keyable(&it.ty) && it.generated.is_none() && !table.primary_key.contains(&it.name);
        let tells = table.columns.iter().filter(tells).filter(|it| it.ty.kind != Kind::Enum && has_many(it));
        if let Some(one) = rng.choice(tells.collect::<Vec<_>>()) {
            let columns = vec![one.name.clone(), by.name.clone()];
            table.indexes.insert(index_name(name, &columns, true), Index::plain(columns, true));
        }
    }
    if rng.u8(..4) == 0
        && let Some(name) = free_name(rng, &table, &table)
    {
        table.columns.extend(any_generated(rng, name, &table));
    }
    if rng.u8(..2) == 0 {
        table.indexes.extend(any_form(rng, &table));
    }
    if rng.u8(..3) == 0
        && let Some((name, sql)) = any_check(rng, &table)
    {
        table.checks.insert(name, Check { sql, column: None, guarded: false });
    }
    table
}

/// Whether there are enough different values for the rows.
const fn has_many(column: &Column) -> bool {
    !matches!(column.ty.kind, Kind::Boolean | Kind::TinyInt | Kind::UnsignedTinyInt | Kind::Enum)
}

/// Tables that can become partitions of those in parts, and the changes by which they do.
fn twins(rng: &mut Rng, source: &mut Schema) -> Vec<Attached> {
    let mut attached = Vec::new();
    for name in source.tables.keys().cloned().collect::<Vec<_>>() {
        for (word, more) in [("was", ""), ("ere", " was what it is, in years of which nobody knows any more")] {
            let Some(parent) = source.tables.get_mut(&name).filter(|_| rng.bool()) else { continue };
            // as long as a name can be
            let was: String = format!("{word} {}{more}", stem(&name)).chars().take(60).collect();
            let Some((twin, it)) = any_twin(rng, parent, &was) else { continue };
            source.tables.insert(was.clone(), twin);
            attached.push(it);
            if rng.u8(..3) == 0 {
                // not one in parts: that is refused
                let others = source.tables.values().filter(|it| it.name != name && it.partitioned.is_none());
                let others = others.map(|it| it.name.clone()).filter(|it| *it != was);
                let from = rng.choice(others.collect::<Vec<_>>());
                from.and_then(|from| refer_to(rng, source, &from, &was, true));
            }
        }
    }
    attached
}

/// A table comes, and one that is there becomes a partition of it.
fn new_parent(rng: &mut Rng, case: &Case) -> Option<Attached> {
    let (target, _) = case.target();
    let it = rng.choice(target.tables.values().collect::<Vec<_>>())?;
    let name =
        TABLES.iter().find(|it| !case.source.tables.contains_key(**it) && !case.source.dropped.contains_key(**it))?;
    any_parent(rng, &case.source, case.source.tables.get(&it.name)?, name)
}

/// A column with a name that neither schema has.
fn column(rng: &mut Rng, before: &Table, now: &Table) -> Option<Column> {
    let name = free_name(rng, before, now)?;
    let ty = any_type(rng);
    let default = if rng.u8(..3) == 0 { any_default(rng, &ty) } else { Texts::default() };
    Some(Column { name, ty, nullable: rng.bool(), identity: false, default, generated: None })
}

fn free_name(rng: &mut Rng, before: &Table, now: &Table) -> Option<String> {
    let free = COLUMNS.into_iter().filter(|it| before.column(it).is_none() && now.column(it).is_none());
    rng.choice(free.collect::<Vec<_>>()).map(str::to_owned)
}

/// One or two columns, and whether the index is unique.
pub(super) fn indexable(rng: &mut Rng, table: &Table) -> Option<(Vec<String>, bool)> {
    let mut columns: Vec<&Column> =
        table.columns.iter().filter(|it| keyable(&it.ty) && it.generated.is_none()).collect();
    rng.shuffle(&mut columns);
    columns.truncate(rng.usize(1..=2));
    // what decides the part is in every key of a table in parts
    let in_parts = table.partitioned.is_some();
    (!columns.is_empty()).then(|| (columns.iter().map(|it| it.name.clone()).collect(), !in_parts && rng.u8(..3) == 0))
}

pub(super) fn any_check(rng: &mut Rng, table: &Table) -> Option<(String, Texts)> {
    let named = table.columns.iter().filter(|it| !it.identity && it.generated.is_none()).collect::<Vec<_>>();
    let one = rng.choice(named)?;
    let name = format!("{} {} check", stem(&table.name), short(&one.name));
    Some((name, check(&one.ty, &one.name)))
}

fn action(rng: &mut Rng) -> ReferentialAction {
    ReferentialAction::ALL[rng.usize(..4)].1
}

/// A foreign key to some table, from a new column made for it; circles and the table itself are among them.
fn refer(rng: &mut Rng, schema: &mut Schema, table: &str) -> Option<()> {
    let names: Vec<String> = schema.tables.keys().cloned().collect();
    let other = names[rng.usize(..names.len())].clone();
    // only the table itself, or one before it, can be asked for a row that must be there
    let nullable = rng.bool() || *other >= *table;
    refer_to(rng, schema, table, &other, nullable)
}

fn refer_to(rng: &mut Rng, schema: &mut Schema, table: &str, other: &str, nullable: bool) -> Option<()> {
    let other = schema.tables.get(other)?.clone();
    let key = key_of(rng, &other)?;
    let from = schema.tables.get_mut(table)?;
    let name = free_name(rng, from, from)?;
    from.columns.push(Column {
        name: name.clone(),
        ty: key.ty.clone(),
        nullable,
        identity: false,
        default: Texts::default(),
        generated: None,
    });
    add_foreign_key(schema, table, &key_to(rng, &name, &other, key))
}

/// A foreign key to some other table that gives each of its rows one row at most.
fn pair(rng: &mut Rng, schema: &mut Schema, table: &str) -> Option<()> {
    let others = schema.tables.values().filter(|it| it.name != table && it.primary_key.len() == 1);
    let others = others.filter(|it| it.partitioned.is_none());
    let other = rng.choice(others.collect::<Vec<_>>())?.clone();
    let from = schema.tables.get(table).filter(|it| it.partitioned.is_none())?;
    let key = other.column(&other.primary_key[0])?;
    let name = free_name(rng, from, from)?;
    let column =
        Column { name: name.clone(), nullable: *other.name >= *table || rng.bool(), identity: false, ..key.clone() };
    let columns = vec![name.clone()];
    let mut with = schema.clone();
    let it = with.tables.get_mut(table)?;
    it.columns.push(column);
    it.indexes.insert(index_name(table, &columns, true), Index::plain(columns, true));
    add_foreign_key(&mut with, table, &key_to(rng, &name, &other, key))?;
    *schema = with;
    Some(())
}

pub(super) fn key_to(rng: &mut Rng, column: &str, other: &Table, key: &Column) -> ForeignKey {
    ForeignKey {
        columns: vec![column.to_owned()],
        references: other.name.clone(),
        referenced_columns: vec![key.name.clone()],
        on_delete: action(rng),
        on_update: action(rng),
    }
}

/// A column whose values tell the rows apart: the key, or seldom another.
pub(super) fn key_of<'a>(rng: &mut Rng, table: &'a Table) -> Option<&'a Column> {
    table.partitioned.is_none().then_some(())?;
    let unique = table.indexes.values().filter(|it| it.unique).map(|it| &it.columns);
    let keys: Vec<_> = std::iter::once(&table.primary_key).chain(unique).filter(|it| it.len() == 1).collect();
    table.column(&rng.choice(keys)?[0])
}

/// A change of the target so far.
fn change(rng: &mut Rng, source: &Schema, target: &Schema) -> Option<Change> {
    let tables: Vec<&Table> = target.tables.values().collect();
    let it = tables[rng.usize(..tables.len())];
    let name = it.name.clone();
    let before = source.tables.get(&name);
    let some = it.columns[rng.usize(..it.columns.len())].clone();
    let column = some.name.clone();
    Some(match rng.u8(..48) {
        0..=4 => add_column(rng, before.unwrap_or(it), it)?,
        5 | 6 => Change::DropColumn { table: name, column },
        7 | 8 => {
            let ty = if rng.u8(..4) == 0 { another_type(rng, &some.ty, &column) } else { None };
            let ty = ty.filter(|(ty, by)| by.is_none() && keyable(ty)).map(|(ty, _)| ty);
            Change::RenameColumn { to: free_name(rng, before.unwrap_or(it), it)?, table: name, from: column, ty }
        }
        9..=11 => {
            let (ty, by) = another_type(rng, &some.ty, &column)?;
            Change::OtherType { table: name, column, ty, by }
        }
        12 | 13 => {
            let refers_to_itself = it.foreign_keys.values().any(|key| key.columns == [column.clone()]);
            let other = before.and_then(|it| it.column(it.primary_key.first()?))?;
            let backfill =
                if refers_to_itself { copy(&some.ty, &other.name, true) } else { by_presence(&some.ty, &other.name) };
            let backfill = (some.default.is_empty() || rng.bool()).then_some(backfill);
            Change::SetNotNull { table: name, column, backfill }
        }
        14 => Change::DropNotNull { table: name, column },
        15 => Change::SetDefault { table: name, default: any_default(rng, &some.ty), column },
        16 => Change::DropDefault { table: name, column },
        17 | 18 => {
            let (columns, unique) = indexable(rng, it)?;
            Change::AddIndex { table: name, columns, unique }
        }
        19 => Change::DropIndex { table: name, index: rng.choice(it.indexes.keys())?.clone() },
        20 => {
            let (check, sql) = any_check(rng, it)?;
            Change::AddCheck { table: name, check: format!("{check} 2"), sql }
        }
        21 => match rng.choice(it.checks.keys()) {
            Some(check) => Change::DropCheck { table: name, check: check.clone() },
            None => Change::DropForeignKey { table: name, key: rng.choice(it.foreign_keys.keys())?.clone() },
        },
        22 => add_key(rng, it, &tables)?,
        23 | 24 => {
            let (form, index) = any_form(rng, it)?;
            Change::AddForm { table: name, name: form, index }
        }
        25 => {
            let (from, index) = rng.choice(&it.indexes)?;
            Change::RenameIndex { to: other_name(&name, index), table: name, from: from.clone() }
        }
        26 | 27 => {
            let column = free_name(rng, before.unwrap_or(it), it)?;
            let column = any_generated(rng, column, it)?;
            Change::AddColumn { table: name, column, backfill: None }
        }
        28 => Change::OtherEnum(other_values(rng, source)?),
        29 => Change::WidenKey { table: name },
        30 => {
            if it.primary_key.is_empty() {
                return Some(Change::OtherKey { table: name, columns: vec!["id".to_owned()] });
            }
            let mut columns = it.primary_key.clone();
            let free = it.columns.iter().filter(|it| !it.nullable && keyable(&it.ty) && it.generated.is_none());
            let more = rng.choice(free.filter(|it| !columns.contains(&it.name)).collect::<Vec<_>>())?;
            columns.insert(rng.usize(..=columns.len()), more.name.clone());
            Change::OtherKey { table: name, columns }
        }
        34 => Change::Number { table: name },
        46 | 47 => Change::OtherNumbering { table: name },
        31 => Change::DropTable { table: name },
        32 | 33 => Change::RenameTable { to: format!("anew {}", stem(&name)), from: name },
        36..=38 => {
            let (now, mut names) = (it, Vec::<String>::new());
            let mut free = |rng: &mut Rng| {
                let all = COLUMNS
                    .iter()
                    .filter(|it| before.is_none_or(|table| table.column(it).is_none()) && now.column(it).is_none());
                let name = rng.choice(all.filter(|it| !names.iter().any(|known| known == *it)).collect::<Vec<_>>())?;
                names.push((*name).to_owned());
                Some((*name).to_owned())
            };
            Change::Reshape(any_reshape(rng, source, target, it, &mut free)?)
        }
        39 | 40 => Change::Move(any_move(rng, source, target, &TABLES, free_name)?),
        41..=43 => {
            let in_parts: Vec<_> = tables.iter().filter(|it| it.partitioned.is_some()).collect();
            let it = rng.choice(in_parts)?;
            Change::OtherPart(any_other_part(rng, it)?)
        }
        44 => {
            let checks = source.tables.values().flat_map(|it| &it.checks).filter(|(_, it)| it.guarded);
            Change::Enforce { check: rng.choice(checks.collect::<Vec<_>>())?.0.clone() }
        }
        45 => Change::Purge { table: rng.choice(source.dropped.keys().collect::<Vec<_>>())?.clone() },
        _ => {
            let free = TABLES.iter().find(|it| !target.tables.contains_key(**it))?;
            let mut schema = target.clone();
            schema.tables.insert((*free).to_owned(), table(rng, free));
            refer(rng, &mut schema, free);
            Change::AddTable(schema.tables.remove(*free)?)
        }
    })
}

fn add_column(rng: &mut Rng, before: &Table, now: &Table) -> Option<Change> {
    let column = column(rng, before, now)?;
    // over the rows of before: also what goes in the same migration
    let other = &before.columns[rng.usize(..before.columns.len())];
    let same = before.columns.iter().find(|it| it.ty == column.ty);
    let backfill = match (same, rng.u8(..4)) {
        (Some(same), 0) => Some(copy(&column.ty, &same.name, column.nullable)),
        (_, 1 | 2) => Some(by_presence(&column.ty, &other.name)),
        // refused: rows need a value
        _ if !column.nullable && column.default.is_empty() && rng.u8(..8) > 0 => {
            Some(by_presence(&column.ty, &other.name))
        }
        _ => None,
    };
    Some(Change::AddColumn { table: now.name.clone(), column, backfill })
}

/// From a column that is there, or could be.
fn add_key(rng: &mut Rng, from: &Table, tables: &[&Table]) -> Option<Change> {
    let other = tables[rng.usize(..tables.len())];
    let key = key_of(rng, other)?;
    let fits = |it: &&Column| it.ty == key.ty && it.default.is_empty() && it.generated.is_none();
    let fits: Vec<&Column> = from.columns.iter().filter(fits).collect();
    let column = rng.choice(fits)?.name.clone();
    Some(Change::AddForeignKey { table: from.name.clone(), key: key_to(rng, &column, other, key) })
}
