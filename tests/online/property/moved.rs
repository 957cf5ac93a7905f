//! Columns that move into another table.

use fastrand::Rng;
use pontoon::schema::{Column, ForeignKey, Intents, Schema, Table, Texts};
use pontoon::{Dialect, def::ReferentialAction};
use pontoon_xtask::verify::conn::Conn;
use std::collections::BTreeMap;

use super::case::{drop_column, key_column};
use super::reshape::gives_way;

/// A column of one table goes, and another table has it.
#[derive(Debug, Clone)]
pub(super) struct Moved {
    pub(super) from_table: String,
    pub(super) from: String,
    pub(super) table: String,
    /// Its new name.
    pub(super) to: String,
    /// The table, where it comes with the same migration; without the column.
    pub(super) made: Option<Table>,
}

impl Moved {
    pub(super) fn apply(&self, source: &Schema, schema: &mut Schema, intents: &mut Intents) -> Option<()> {
        let Self { from_table, from, table, to, made } = self;
        gives_way(source, schema, from_table, from).then_some(())?;
        let column = schema.tables[from_table].column(from)?.clone();
        (column.nullable && column.default.is_empty()).then_some(())?;
        match made {
            Some(made) => {
                let free = !schema.tables.contains_key(table) && !source.tables.contains_key(table);
                let there = made.foreign_keys.values().all(|key| schema.tables.contains_key(&key.references));
                (free && there).then_some(())?;
                schema.tables.insert(table.clone(), made.clone());
            }
            None => {
                let (before, after) = (source.tables.get(table)?, schema.tables.get(table)?);
                let free = [before, after].iter().all(|it| it.column(to).is_none());
                let paired = [before, after].iter().all(|it| tie(it, from_table).is_some());
                (free && paired && before.partitioned.is_none()).then_some(())?;
            }
        }
        let it = schema.tables.get_mut(table)?;
        it.columns.push(Column { name: to.clone(), default: Texts::default(), ..column });
        drop_column(schema.tables.get_mut(from_table)?, from);
        // as `from_defs` does
        intents.dropped.insert((from_table.clone(), from.clone()));
        intents.moved_from.insert((table.clone(), to.clone()), (from_table.clone(), from.clone()));
        Some(())
    }
}

/// The foreign key that gives each row of the other table one row at most.
fn tie<'a>(table: &'a Table, other: &str) -> Option<&'a ForeignKey> {
    let unique = |key: &&ForeignKey| {
        table.primary_key == key.columns || table.indexes.values().any(|it| it.unique && it.columns == key.columns)
    };
    table.foreign_keys.values().filter(|key| key.references == other && table.name != other).find(unique)
}

/// A column on its way from one table to another, or to a new one by one of these names.
pub(super) fn any_move(
    rng: &mut Rng,
    source: &Schema,
    target: &Schema,
    names: &[&str],
    mut name: impl FnMut(&mut Rng, &Table, &Table) -> Option<String>,
) -> Option<Moved> {
    let column = |rng: &mut Rng, table: &Table| {
        let free = table.columns.iter().filter(|it| it.nullable && it.default.is_empty());
        let free = free.filter(|it| gives_way(source, target, &table.name, &it.name));
        rng.choice(free.map(|it| it.name.clone()).collect::<Vec<_>>())
    };
    let pairs = target.tables.values().flat_map(|it| {
        it.foreign_keys
            .values()
            .filter(|key| tie(it, &key.references) == Some(key))
            .map(move |key| (it, &key.references))
    });
    if let Some((table, from_table)) = rng.choice(pairs.collect::<Vec<_>>()).filter(|_| rng.u8(..3) > 0) {
        let from = column(rng, target.tables.get(from_table)?)?;
        let to = name(rng, source.tables.get(&table.name)?, table)?;
        return Some(Moved { from_table: from_table.clone(), from, table: table.name.clone(), to, made: None });
    }
    let origin = rng.choice(target.tables.values().collect::<Vec<_>>())?;
    let [key] = origin.primary_key.as_slice() else { return None };
    let from = column(rng, origin)?;
    let table = names.iter().find(|it| !target.tables.contains_key(**it) && !source.tables.contains_key(**it))?;
    let id = key_column("id", origin.column(key)?.ty.clone(), false);
    let refers = ForeignKey {
        columns: vec![id.name.clone()],
        references: origin.name.clone(),
        referenced_columns: vec![key.clone()],
        on_delete: if rng.bool() { ReferentialAction::Cascade } else { ReferentialAction::NoAction },
        on_update: ReferentialAction::NoAction,
    };
    let made = Table {
        name: (*table).to_owned(),
        primary_key: vec![id.name.clone()],
        columns: vec![id],
        indexes: BTreeMap::new(),
        foreign_keys: BTreeMap::from([(super::case::key_name(table, "id"), refers)]),
        checks: BTreeMap::new(),
        partitioned: None,
    };
    let to = name(rng, &made, &made)?;
    Some(Moved { from_table: origin.name.clone(), from, table: made.name.clone(), to, made: Some(made) })
}

/// Whether old code could not write a pair's rows one after the other.
pub(super) fn in_a_circle(schemas: [&Schema; 2], intents: &Intents) -> bool {
    intents.moved_from.iter().any(|((table, _), (from_table, _))| {
        schemas.iter().any(|schema| super::rows::reach(schema, from_table).contains(table.as_str()))
    })
}

/// A pair of columns on a server, quoted.
pub(super) struct Pair {
    dialect: Dialect,
    pub(super) from_table: String,
    pub(super) from: Column,
    pub(super) table: String,
    /// Whether the table is new.
    pub(super) made: bool,
    to: String,
    key: String,
    /// To which the other table's key refers.
    id: Column,
}

pub(super) fn pairs(source: &Schema, target: &Schema, intents: &Intents, dialect: Dialect) -> Vec<Pair> {
    let of = |((table, to), (from_table, from)): (&(String, String), &(String, String))| {
        let key = tie(target.tables.get(table)?, from_table)?;
        let ident = |it: &str| dialect.ident(it);
        Some(Pair {
            dialect,
            from: source.tables.get(from_table)?.column(from)?.clone(),
            from_table: from_table.clone(),
            made: !source.tables.contains_key(table),
            to: ident(to),
            key: ident(&key.columns[0]),
            id: source.tables.get(from_table)?.column(&key.referenced_columns[0])?.clone(),
            table: table.clone(),
        })
    };
    intents.moved_from.iter().filter_map(of).collect()
}

impl Pair {
    /// The old table, its column and its key, and the new table.
    fn idents(&self) -> [String; 4] {
        [&self.from_table, &self.from.name, &self.id.name, &self.table].map(|it| self.dialect.ident(it))
    }

    /// Counts the rows of which one side has another value than the other.
    pub(super) fn differing(&self) -> String {
        let [from_table, from, id, table] = self.idents();
        let Self { to, key, made, .. } = self;
        let join = if *made { "LEFT JOIN" } else { "JOIN" };
        let differs =
            super::rows::differs(self.dialect, &self.from, [&format!("{from_table}.{from}"), &format!("{table}.{to}")]);
        format!("SELECT count(*) FROM {from_table} {join} {table} ON {table}.{key} = {from_table}.{id} WHERE {differs}")
    }

    /// Old code lets go of the values that no row of the other table takes.
    pub(super) async fn let_go(&self, conn: &mut Conn) -> Result<(), sqlx::Error> {
        let [from_table, from, id, table] = self.idents();
        let (key, value) = (&self.key, super::rows::literal(self.dialect, &self.id));
        let waiting = conn
            .rows(format!(
                "SELECT {value} FROM {from_table} WHERE {from} IS NOT NULL AND NOT EXISTS \
                 (SELECT 1 FROM {table} WHERE {table}.{key} = {from_table}.{id})"
            ))
            .await?;
        // in a statement of its own: MySQL's triggers write the table that the question names
        for value in waiting.into_iter().flatten().flatten() {
            conn.execute(format!("UPDATE {from_table} SET {from} = NULL WHERE {id} = {value}")).await?;
        }
        Ok(())
    }
}
