//! Parts of a table (PostgreSQL; MySQL has a plain table).

use fastrand::Rng;
use pontoon::def::PartitionMethod;
use pontoon::schema::{Bounds, Column, Intents, Partitioning, Schema, Table};
use pontoon::{Dialect, Kind};

use super::case::stem;

/// From where to where the ranges go. Rows have the values that all of these together take.
const NUMBERS: [[&str; 2]; 4] = [["0", "500"], ["500", "4000"], ["4000", "100000"], ["100000", "MAXVALUE"]];
const DAYS: [[&str; 2]; 3] =
    [["'2000-01-01'", "'2010-01-01'"], ["'2010-01-01'", "'2020-01-01'"], ["'2020-01-01'", "MAXVALUE"]];

/// What the lists hold.
const LISTS: [&[&str]; 3] = [&["1", "2", "3"], &["4"], &["5", "6"]];
const WORDS: [&[&str]; 3] = [&["'x'", "'it''s'"], &["'größe'"], &["'a b'", "'c'"]];

/// Some parts by the column, of which one at least takes rows.
pub(super) fn in_parts(rng: &mut Rng, table: &str, column: &Column, alone: bool) -> Partitioning {
    let by = match column.ty.kind {
        // too few values for the rows, if it is all the key
        _ if alone => PartitionMethod::Range,
        Kind::Text => [PartitionMethod::Hash, PartitionMethod::List][rng.usize(..2)],
        Kind::Date => [PartitionMethod::Hash, PartitionMethod::Range][rng.usize(..2)],
        _ => [PartitionMethod::Hash, PartitionMethod::Range, PartitionMethod::List][rng.usize(..3)],
    };
    let columns = vec![column.name.clone()];
    let mut it = Partitioning { by, columns, postgres_only: true, partitions: [].into() };
    let mut all: Vec<_> = all(by, column.ty.kind).collect();
    if by != PartitionMethod::Hash {
        // the first one stays for good
        let others = all.split_off(1).into_iter().filter(|_| rng.bool());
        all.extend(others.collect::<Vec<_>>());
    }
    it.partitions.extend(all.into_iter().map(|bounds| (name(table, &bounds), bounds)));
    it
}

/// Whether a table can be in parts by such a column, which is all its key or some of it.
pub(super) const fn cuts(kind: Kind, alone: bool) -> bool {
    matches!(kind, Kind::Integer | Kind::BigInt | Kind::Date) || matches!(kind, Kind::Text) && !alone
}

fn all(by: PartitionMethod, kind: Kind) -> Box<dyn Iterator<Item = Bounds>> {
    let list = |it: &&[&str]| Bounds::List(it.iter().map(|it| (*it).to_owned()).collect());
    let range = |[from, to]: &[&str; 2]| Bounds::Range { from: (*from).to_owned(), to: (*to).to_owned() };
    let parts: Vec<Bounds> = match (by, kind) {
        (PartitionMethod::Hash, _) => {
            return Box::new((0..2).map(|remainder| Bounds::Hash { modulus: 2, remainder }));
        }
        (PartitionMethod::List, Kind::Text) => WORDS.iter().map(list).collect(),
        (PartitionMethod::List, _) => LISTS.iter().map(list).collect(),
        (_, Kind::Date) => DAYS.iter().map(range).collect(),
        _ => NUMBERS.iter().map(range).collect(),
    };
    Box::new(parts.into_iter().chain([Bounds::Default]))
}

fn name(table: &str, bounds: &Bounds) -> String {
    let part = match bounds {
        Bounds::Hash { remainder, .. } => format!("half {remainder}"),
        Bounds::Range { from, .. } => format!("from {from}"),
        Bounds::List(values) => format!("of {}", values[0]),
        Bounds::Default => "others".to_owned(),
    };
    format!("{} {part}", stem(table))
}

/// The bounds of a part that the table is to lack; it is taken from it, if it has one of these. Seldom those of the
/// default one.
pub(super) fn lacking(rng: &mut Rng, table: &mut Table) -> Option<Bounds> {
    let kind = column_of(table)?.ty.kind;
    let it = table.partitioned.as_mut().filter(|it| it.by != PartitionMethod::Hash)?;
    let refused = rng.u8(..12) == 0;
    let some = all(it.by, kind).skip(1).filter(|it| refused || *it != Bounds::Default);
    let bounds = rng.choice(some.collect::<Vec<_>>())?;
    it.partitions.retain(|_, it| *it != bounds);
    Some(bounds)
}

/// The column that decides.
pub(super) fn column_of(table: &Table) -> Option<&Column> {
    table.column(table.partitioned.as_ref()?.columns.first()?)
}

/// Whether a table has a part of that name, or of these bounds.
pub(super) fn has(it: &Partitioning, part: &str, bounds: &Bounds) -> bool {
    it.partitions.contains_key(part) || it.partitions.values().any(|it| it == bounds)
}

/// Whether a part holds a row with this value of the column that decides, as an SQL literal.
pub(super) fn holds(bounds: &Bounds, value: &str) -> bool {
    let text = |it: &str| it.trim_matches('\'').to_owned();
    let less = |one: &str, other: &str| match (text(one).parse::<i64>(), text(other).parse::<i64>()) {
        (Ok(one), Ok(other)) => one < other,
        _ => text(one) < text(other),
    };
    match bounds {
        Bounds::Range { from, to } => !less(value, from) && (to == "MAXVALUE" || less(value, to)),
        Bounds::List(values) => values.iter().any(|it| text(it) == text(value)),
        Bounds::Hash { .. } | Bounds::Default => false,
    }
}

/// The same as a condition, of PostgreSQL.
pub(super) fn condition(bounds: &Bounds, column: &str) -> Option<String> {
    let column = Dialect::Postgres.ident(column);
    match bounds {
        Bounds::Range { from, to } if to == "MAXVALUE" => Some(format!("{column} >= {from}")),
        Bounds::Range { from, to } => Some(format!("{column} >= {from} AND {column} < {to}")),
        Bounds::List(values) => Some(format!("{column} IN ({})", values.join(", "))),
        Bounds::Hash { .. } | Bounds::Default => None,
    }
}

/// A part comes, or goes.
#[derive(Debug, Clone)]
pub(super) struct OtherPart {
    table: String,
    part: String,
    /// None where it goes.
    bounds: Option<Bounds>,
}

impl OtherPart {
    pub(super) fn apply(&self, source: &Schema, schema: &mut Schema, intents: &mut Intents) -> Option<()> {
        let before = source.tables.get(&self.table)?.partitioned.as_ref()?;
        let now = schema.tables.get_mut(&self.table)?.partitioned.as_mut()?;
        match &self.bounds {
            Some(bounds) => {
                let free = !has(before, &self.part, bounds) && !has(now, &self.part, bounds);
                free.then(|| now.partitions.insert(self.part.clone(), bounds.clone()))?;
            }
            None => {
                let gone = now.partitions.remove(&self.part)?;
                if before.partitions.get(&self.part) != Some(&gone) {
                    now.partitions.insert(self.part.clone(), gone);
                    return None;
                }
                intents.detached.insert((self.table.clone(), self.part.clone()));
            }
        }
        Some(())
    }
}

/// A part more or less of the table.
pub(super) fn any_other_part(rng: &mut Rng, table: &Table) -> Option<OtherPart> {
    let now = table.partitioned.as_ref().filter(|it| it.by != PartitionMethod::Hash)?;
    let bounds = rng.choice(all(now.by, column_of(table)?.ty.kind).skip(1).collect::<Vec<_>>())?;
    let part = name(&table.name, &bounds);
    let bounds = (!now.partitions.contains_key(&part)).then_some(bounds);
    Some(OtherPart { table: table.name.clone(), part, bounds })
}
