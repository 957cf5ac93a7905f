//! Columns in the place of others: split, merged, or told by two others.

use fastrand::Rng;
use pontoon::schema::{Column, ColumnType, Intents, Schema, Table, Texts};
use pontoon::{Dialect, Kind};

use super::case::{drop_column, is_referenced, is_source_of};
use super::values::{constant, plain, sized, texts};

/// Columns that go, each with its value over the new ones; and these, each with its value over the old ones.
#[derive(Debug, Clone)]
pub(super) struct Reshape {
    table: String,
    old: Vec<(String, Texts)>,
    new: Vec<(Column, Texts)>,
}

impl Reshape {
    pub(super) fn apply(&self, source: &Schema, schema: &mut Schema, intents: &mut Intents) -> Option<()> {
        let before = source.tables.get(&self.table)?;
        self.old.iter().all(|(it, _)| gives_way(source, schema, &self.table, it)).then_some(())?;
        let it = schema.tables.get_mut(&self.table)?;
        let free = |(new, _): &(Column, Texts)| before.column(&new.name).is_none() && it.column(&new.name).is_none();
        self.new.iter().all(free).then_some(())?;
        let key = |column: &str| (self.table.clone(), column.to_owned());
        for (old, reverse) in &self.old {
            drop_column(it, old);
            intents.dropped.insert(key(old));
            intents.reverses.insert(key(old), reverse.clone());
        }
        for (new, backfill) in &self.new {
            it.columns.push(new.clone());
            intents.backfills.insert(key(&new.name), backfill.clone());
        }
        Some(())
    }
}

/// Whether the column can go while another goes on writing its values: nothing but checks, which go before that, rules over
/// them, and it changes in no other way.
pub(super) fn gives_way(source: &Schema, schema: &Schema, table: &str, column: &str) -> bool {
    let Some((before, after)) = source.tables.get(table).zip(schema.tables.get(table)) else { return false };
    let Some(it) = before.column(column).filter(|it| after.column(column) == Some(it)) else { return false };
    let key = |table: &Table| {
        table.primary_key.iter().any(|it| it == column) || table.primary_key.is_empty() && column == "id"
    };
    let unique = before.indexes.values().any(|index| index.unique && index.columns.iter().any(|it| it == column));
    let refers = before.foreign_keys.values().any(|key| key.columns.iter().any(|it| it == column));
    let stands_alone = |schema: &Schema, table: &Table| {
        !key(table) && !is_referenced(schema, &table.name, column) && !is_source_of(table, column)
    };
    let free = stands_alone(source, before) && stands_alone(schema, after);
    free && !unique && !refers && !it.identity && it.generated.is_none() && before.partitioned.is_none()
}

/// Columns of the table, and what takes their place. `names` gives new ones.
pub(super) fn any_reshape(
    rng: &mut Rng,
    source: &Schema,
    target: &Schema,
    table: &Table,
    names: &mut dyn FnMut(&mut Rng) -> Option<String>,
) -> Option<Reshape> {
    let mut free: Vec<&Column> =
        table.columns.iter().filter(|it| gives_way(source, target, &table.name, &it.name)).collect();
    rng.shuffle(&mut free);
    let mut name = |rng: &mut Rng| names(rng);
    let is_text = |it: &&&Column| it.ty.kind == Kind::Text && it.ty.spelled.is_empty();
    let (old, new) = match rng.u8(..6) {
        0 | 1 => {
            let one = free.iter().find(is_text)?;
            split(one, [name(rng)?, name(rng)?])
        }
        2 => {
            let mut two = free.iter().filter(is_text);
            merged([two.next()?, two.next()?], name(rng)?)
        }
        3 => {
            let one = free.iter().find(|it| is_signed(it.ty.kind))?;
            let other = free.iter().find(|it| it.name != one.name && it.ty == one.ty && it.nullable == one.nullable);
            match other {
                Some(other) => two_numbers([one, other], [name(rng)?, name(rng)?]),
                None => {
                    let to = name(rng)?;
                    let new = vec![(column(&to, one.ty.clone(), one.nullable), flipped(&one.name))];
                    (vec![(one.name.clone(), flipped(&to))], new)
                }
            }
        }
        4 => told_by_two(free.iter().find(|it| it.nullable)?, [name(rng)?, name(rng)?]),
        _ => {
            let one = free.first()?;
            let to = name(rng)?;
            let copy = |name: &str| texts(|dialect| dialect.ident(name));
            (vec![(one.name.clone(), copy(&to))], vec![(column(&to, one.ty.clone(), one.nullable), copy(&one.name))])
        }
    };
    Some(Reshape { table: table.name.clone(), old, new })
}

type Sides = (Vec<(String, Texts)>, Vec<(Column, Texts)>);

fn column(name: &str, ty: ColumnType, nullable: bool) -> Column {
    Column { name: name.to_owned(), ty, nullable, identity: false, default: Texts::default(), generated: None }
}

/// What a text's first letters are, and the others.
fn split(old: &Column, [head, tail]: [String; 2]) -> Sides {
    let part = |what: &str| texts(|dialect| what.replace("{}", &dialect.ident(&old.name)));
    let whole = texts(|dialect| {
        let [head, tail] = [&head, &tail].map(|it| dialect.ident(it));
        // as much of it as there is room for
        limited(&old.ty, &joined(dialect, &[&head, &tail]))
    });
    let new = vec![
        (column(&head, sized(Kind::Text, 20), old.nullable), part("left({}, 3)")),
        (column(&tail, old.ty.clone(), old.nullable), part("substr({}, 4)")),
    ];
    (vec![(old.name.clone(), whole)], new)
}

/// Two texts with a mark between them; where only the first one must be there, no mark says that the other is NULL.
fn merged([one, other]: [&Column; 2], name: String) -> Sides {
    let (one, other) = if one.nullable && !other.nullable { (other, one) } else { (one, other) };
    let may_end = !one.nullable && other.nullable;
    let whole = texts(|dialect| {
        let [one, other] = [one, other].map(|it| dialect.ident(&it.name));
        let rest = joined(dialect, &["'-'", &other]);
        joined(dialect, &[&one, &if may_end { format!("coalesce({rest}, '')") } else { rest }])
    });
    let first = texts(|dialect| {
        let it = dialect.ident(&name);
        limited(
            &one.ty,
            &match dialect {
                Dialect::Postgres => format!("split_part({it}, '-', 1)"),
                Dialect::MySql => format!("substring_index({it}, '-', 1)"),
            },
        )
    });
    let second = texts(|dialect| {
        let it = dialect.ident(&name);
        let at =
            if dialect == Dialect::Postgres { format!("position('-' in {it})") } else { format!("locate('-', {it})") };
        let rest = limited(&other.ty, &format!("substr({it}, {at} + 1)"));
        if may_end { format!("CASE WHEN {at} > 0 THEN {rest} END") } else { rest }
    });
    let room = one.ty.length.zip(other.ty.length).map(|(one, other)| one + other + 1);
    let ty = room.map_or(plain(Kind::Text), |it| sized(Kind::Text, it));
    (vec![(one.name.clone(), first), (other.name.clone(), second)], vec![(column(&name, ty, one.nullable), whole)])
}

const fn is_signed(kind: Kind) -> bool {
    matches!(kind, Kind::SmallInt | Kind::Integer | Kind::BigInt)
}

/// The number with its last bit turned, which is its own way back.
fn flipped(name: &str) -> Texts {
    bits(|dialect| [dialect.ident(name), "1".to_owned()])
}

/// All the bits in which two numbers differ.
fn bits(of: impl Fn(Dialect) -> [String; 2]) -> Texts {
    texts(|dialect| {
        let [one, other] = of(dialect);
        match dialect {
            Dialect::Postgres => format!("{one} # {other}"),
            Dialect::MySql => format!("CAST({one} ^ {other} AS SIGNED)"),
        }
    })
}

/// Of two numbers, wherein they differ and the second one.
fn two_numbers(old: [&Column; 2], [differ, second]: [String; 2]) -> Sides {
    let pair = |one: &str, other: &str| bits(|dialect| [one, other].map(|it| dialect.ident(it)));
    let itself = |name: &str| texts(|dialect| dialect.ident(name));
    let [first, other] = old;
    let like = |name: &str| column(name, first.ty.clone(), first.nullable);
    let new = vec![(like(&differ), pair(&first.name, &other.name)), (like(&second), itself(&other.name))];
    (vec![(first.name.clone(), pair(&differ, &second)), (other.name.clone(), itself(&second))], new)
}

/// A value that may be missing, as one that may not and whether it is known.
fn told_by_two(old: &Column, [value, known]: [String; 2]) -> Sides {
    let instead = constant(&old.ty, true);
    let given = texts(|dialect| {
        let (name, instead) = (dialect.ident(&old.name), instead.of(dialect).unwrap_or_default());
        match dialect {
            Dialect::Postgres => format!("coalesce({name}, CAST({instead} AS {}))", dialect.type_name(&old.ty)),
            Dialect::MySql => format!("CASE WHEN {name} IS NULL THEN {instead} ELSE {name} END"),
        }
    });
    let there = texts(|dialect| format!("{} IS NOT NULL", dialect.ident(&old.name)));
    let back = texts(|dialect| {
        let [known, value] = [&known, &value].map(|it| dialect.ident(it));
        format!("CASE WHEN {known} THEN {value} END")
    });
    let new =
        vec![(column(&value, old.ty.clone(), false), given), (column(&known, plain(Kind::Boolean), false), there)];
    (vec![(old.name.clone(), back)], new)
}

/// NULL where one of them is.
fn joined(dialect: Dialect, parts: &[&str]) -> String {
    match dialect {
        Dialect::Postgres => parts.join(" || "),
        Dialect::MySql => format!("concat({})", parts.join(", ")),
    }
}

fn limited(ty: &ColumnType, text: &str) -> String {
    ty.length.map_or_else(|| text.to_owned(), |length| format!("left({text}, {length})"))
}

/// Columns that follow each other while both codes live.
pub(super) struct Followers {
    pub(super) table: String,
    /// Each with what it has by the new ones.
    pub(super) old: Vec<(Column, Texts)>,
    /// Each with what it has by the old ones.
    pub(super) new: Vec<(Column, Texts)>,
}

/// Those of each table whose columns give their place to others.
pub(super) fn followers(source: &Schema, target: &Schema, intents: &Intents) -> Vec<Followers> {
    let of = |(before, after): (&Table, &Table)| {
        let key = |it: &Column| (after.name.clone(), it.name.clone());
        let gone = before.columns.iter().filter(|it| intents.dropped.contains(&key(it)));
        let old: Vec<_> = gone.filter_map(|it| Some((it.clone(), intents.reverses.get(&key(it))?.clone()))).collect();
        let follows = |sql: &Texts| old.iter().any(|(it, _)| super::case::names(sql, &it.name));
        let new = after.columns.iter().filter(|it| before.column(&it.name).is_none());
        let new: Vec<_> = new.filter_map(|it| Some((it.clone(), intents.backfills.get(&key(it))?.clone()))).collect();
        let new = new.into_iter().filter(|(_, sql)| follows(sql)).collect();
        Followers { table: after.name.clone(), old, new }
    };
    let pairs = source.tables.values().filter_map(|it| Some((it, target.tables.get(&it.name)?)));
    pairs.map(of).filter(|it| !it.old.is_empty()).collect()
}

/// Whether the column has the values of one that goes: they are whatever that had.
pub(super) fn is_follower(intents: &Intents, table: &str, column: &str) -> bool {
    let key = (table.to_owned(), column.to_owned());
    let names_one = |sql: &Texts| {
        let mut gone = intents.reverses.keys().filter(|it| it.0 == table && intents.dropped.contains(it));
        gone.any(|(_, old)| super::case::names(sql, old))
    };
    intents.moved_from.contains_key(&key) || intents.backfills.get(&key).is_some_and(names_one)
}
