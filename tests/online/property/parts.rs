//! Parts of a table (PostgreSQL; MySQL has a plain table).

use fastrand::Rng;
use pontoon::def::PartitionMethod;
use pontoon::schema::{Bounds, Intents, Partitioning, Schema, Table};

use super::case::stem;

/// From where to where the ranges go. Rows have the numbers that all of these together take.
const RANGES: [[&str; 2]; 4] = [["0", "5"], ["5", "40"], ["40", "1000"], ["1000", "MAXVALUE"]];

/// What the lists hold.
const LISTS: [&[&str]; 3] = [&["1", "2", "3"], &["4"], &["5", "6"]];

/// Some parts, of which one at least takes rows.
pub(super) fn in_parts(rng: &mut Rng, table: &str, column: &str) -> Partitioning {
    let by = [PartitionMethod::Hash, PartitionMethod::Range, PartitionMethod::List][rng.usize(..3)];
    let mut it = Partitioning { by, columns: vec![column.to_owned()], postgres_only: true, partitions: [].into() };
    let mut all: Vec<_> = all(by).collect();
    if by != PartitionMethod::Hash {
        // the first one stays for good
        let others = all.split_off(1).into_iter().filter(|_| rng.bool());
        all.extend(others.collect::<Vec<_>>());
    }
    it.partitions.extend(all.into_iter().map(|bounds| (name(table, &bounds), bounds)));
    it
}

fn all(by: PartitionMethod) -> Box<dyn Iterator<Item = Bounds>> {
    match by {
        PartitionMethod::Hash => Box::new((0..2).map(|remainder| Bounds::Hash { modulus: 2, remainder })),
        PartitionMethod::List => {
            let of = |it: &&[&str]| Bounds::List(it.iter().map(|it| (*it).to_owned()).collect());
            Box::new(LISTS.iter().map(of).collect::<Vec<_>>().into_iter().chain([Bounds::Default]))
        }
        _ => {
            let of = |[from, to]: [&str; 2]| Bounds::Range { from: from.to_owned(), to: to.to_owned() };
            Box::new(RANGES.map(of).into_iter().chain([Bounds::Default]))
        }
    }
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
                let free = !before.partitions.contains_key(&self.part) && !now.partitions.contains_key(&self.part);
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
    let bounds = rng.choice(all(now.by).skip(1).collect::<Vec<_>>())?;
    let part = name(&table.name, &bounds);
    let bounds = (!now.partitions.contains_key(&part)).then_some(bounds);
    Some(OtherPart { table: table.name.clone(), part, bounds })
}
