//! Tables that become partitions of others (PostgreSQL). MySQL keeps them, empty.
//!
//! Such a table is like the other one, which is there or comes with the same migration, and has its columns in another order,
//! with other defaults; some of its indexes, checks and foreign keys, by other names; and perhaps an index of its own, and a
//! table that refers to it until then. Its rows are those of a part that the other one has not: a range of numbers or days, or
//! a list of numbers or words.

use std::collections::BTreeMap;

use fastrand::Rng;
use pontoon::schema::{Bounds, Check, Index, Intents, Schema, Table, Texts};

use super::case::{add_foreign_key, drop_column, index_foreign_keys, index_name, rename_table, stem};
use super::forms::any_form;
use super::generate::{any_check, indexable, key_of, key_to};
use super::parts::{cuts, has, in_parts, lacking};
use super::values::any_default;

/// A table goes, and another one has its rows.
#[derive(Debug, Clone)]
pub(super) struct Attached {
    table: String,
    part: String,
    bounds: Bounds,
    /// The other table, where it comes with the same migration; without this part.
    made: Option<Table>,
}

impl Attached {
    pub(super) fn apply(&self, source: &Schema, schema: &mut Schema, intents: &mut Intents) -> Option<()> {
        let Self { table, part, bounds, made } = self;
        let moves = intents.moved_from.iter().any(|((to, _), (from, _))| to == part || from == part);
        (!moves && schema.tables.get(part)? == source.tables.get(part)?).then_some(())?;
        let before = source.tables.get(table);
        let mut parent = match made {
            Some(made) => {
                let there = made.foreign_keys.values().all(|key| schema.tables.contains_key(&key.references));
                (there && before.is_none() && !schema.tables.contains_key(table)).then_some(())?;
                made.clone()
            }
            None => schema.tables.get(table).filter(|_| before.is_some())?.clone(),
        };
        let before = before.and_then(|it| it.partitioned.as_ref());
        let now = parent.partitioned.as_mut()?;
        (!has(now, part, bounds) && !before.is_some_and(|it| has(it, part, bounds))).then_some(())?;
        now.partitions.insert(part.clone(), bounds.clone());
        schema.tables.remove(part);
        // new code knows no table of that name to which a row could refer
        for it in schema.tables.values_mut() {
            it.foreign_keys.retain(|_, key| key.references != *part);
        }
        schema.tables.insert(table.clone(), parent);
        intents.attached.insert((table.clone(), part.clone()));
        Some(())
    }

    /// The tables that must stay alike.
    pub(super) fn without_column(&mut self, source: &mut Schema, column: &str) {
        let made = self.made.iter_mut();
        let tables = source.tables.iter_mut().filter(|(name, _)| **name == self.part || **name == self.table);
        for table in made.chain(tables.map(|(_, it)| it)) {
            drop_column(table, column);
            index_foreign_keys(table);
        }
    }

    /// The columns that both have, but for the key's.
    pub(super) fn columns(&self, source: &Schema) -> Vec<String> {
        let Some(plain) = source.tables.get(&self.part) else { return Vec::new() };
        let free = plain.columns.iter().filter(|it| !plain.primary_key.contains(&it.name));
        free.map(|it| it.name.clone()).collect()
    }

    /// The new table, if it comes with the migration.
    pub(super) const fn made(&mut self) -> Option<&mut Table> {
        self.made.as_mut()
    }
}

/// A table that can become a partition of this one, which is in parts; and the change.
pub(super) fn any_twin(rng: &mut Rng, parent: &mut Table, name: &str) -> Option<(Table, Attached)> {
    let bounds = lacking(rng, parent)?;
    let mut twin = parent.clone();
    twin.partitioned = None;
    renamed(&mut twin, name);
    twin.indexes.retain(|_, _| rng.bool());
    twin.checks.retain(|_, _| rng.bool());
    twin.foreign_keys.retain(|_, _| rng.bool());
    otherwise(rng, &mut twin);
    if rng.u8(..3) == 0 {
        an_index_more(rng, &mut twin);
    }
    let attached = Attached { table: parent.name.clone(), part: name.to_owned(), bounds, made: None };
    Some((twin, attached))
}

/// A new table of which this one, which is there, can become a partition; and the change.
pub(super) fn any_parent(rng: &mut Rng, source: &Schema, plain: &Table, name: &str) -> Option<Attached> {
    let alone = plain.primary_key.len() == 1;
    let keys = plain.primary_key.iter().filter_map(|it| plain.column(it));
    let column = rng.choice(keys.filter(|it| cuts(it.ty.kind, alone)).collect::<Vec<_>>())?;
    let across = plain.indexes.values().any(|it| it.unique && !it.columns.contains(&column.name));
    let to_itself = plain.foreign_keys.values().any(|key| key.references == plain.name);
    (!across && !to_itself && plain.partitioned.is_none()).then_some(())?;
    let mut made = plain.clone();
    renamed(&mut made, name);
    made.partitioned = Some(in_parts(rng, name, column, alone));
    let bounds = lacking(rng, &mut made)?;
    otherwise(rng, &mut made);
    if rng.bool() {
        an_index_more(rng, &mut made);
    }
    if rng.u8(..3) == 0 {
        made.indexes.extend(any_form(rng, &made));
    }
    if rng.u8(..3) == 0
        && let Some((name, sql)) = any_check(rng, &made)
    {
        made.checks.insert(format!("{name} of new"), Check { sql, column: None, guarded: false });
    }
    made.checks.values_mut().for_each(|it| it.guarded = false);
    if rng.bool() {
        made = with_key(rng, source, &plain.name, &made).unwrap_or(made);
    }
    Some(Attached { table: name.to_owned(), part: plain.name.clone(), bounds, made: Some(made) })
}

/// What stands on it has names of its own.
fn renamed(table: &mut Table, to: &str) {
    let from = stem(&table.name);
    rename_table(table, to);
    let own = |(name, check): (String, Check)| match name.strip_prefix(&from) {
        Some(rest) => (format!("{}{rest}", stem(to)), check),
        None => (format!("{} {name}", stem(to)), check),
    };
    table.checks = std::mem::take(&mut table.checks).into_iter().map(own).collect::<BTreeMap<_, _>>();
}

/// Its columns come in another order, and some have other defaults.
fn otherwise(rng: &mut Rng, table: &mut Table) {
    rng.shuffle(&mut table.columns);
    let keys: Vec<String> = table.foreign_keys.values().flat_map(|it| it.columns.clone()).collect();
    let bound = [keys, table.primary_key.clone()].concat();
    for column in table.columns.iter_mut().filter(|it| !bound.contains(&it.name) && it.generated.is_none()) {
        if rng.u8(..4) == 0 {
            column.default = if column.default.is_empty() { any_default(rng, &column.ty) } else { Texts::default() };
        }
    }
}

fn an_index_more(rng: &mut Rng, table: &mut Table) {
    if let Some((columns, _)) = indexable(rng, table) {
        table.indexes.insert(index_name(&table.name, &columns, false), Index::plain(columns, false));
    }
}

/// A foreign key more, to a table that is there.
fn with_key(rng: &mut Rng, source: &Schema, plain: &str, made: &Table) -> Option<Table> {
    let others = source.tables.values().filter(|it| it.name != plain);
    let other = rng.choice(others.collect::<Vec<_>>())?;
    let key = key_of(rng, other)?;
    let fits = made.columns.iter().filter(|it| it.ty == key.ty && it.default.is_empty() && it.generated.is_none());
    let free = fits.filter(|it| it.nullable && !made.primary_key.contains(&it.name));
    let column = rng.choice(free.collect::<Vec<_>>())?.name.clone();
    let mut schema = source.clone();
    schema.tables.insert(made.name.clone(), made.clone());
    add_foreign_key(&mut schema, &made.name, &key_to(rng, &column, other, key))?;
    let mut made = schema.tables.remove(&made.name)?;
    index_foreign_keys(&mut made);
    Some(made)
}
