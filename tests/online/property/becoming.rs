//! Where the rows of a table are that becomes a partition of another one: in both from validate on, until it is undone. On
//! MySQL it has none, or the migration does not begin.

use pontoon::Dialect;
use pontoon::schema::{Bounds, Intents, Schema, Table};
use pontoon_xtask::verify::catalog::Catalog;
use pontoon_xtask::verify::conn::Conn;

use super::course::Command;
use super::hold::{Failure, Way, none, said, same};
use super::parts::{column_of, holds};
use super::rows::Rows;
use pontoon::migration::Stage;

/// A table that becomes a partition.
pub(super) struct Becoming {
    pub(super) part: String,
    /// The table that it becomes one of.
    pub(super) table: String,
    bounds: Bounds,
}

impl Becoming {
    /// The tables of this case.
    pub(super) fn all(source: &Schema, target: &Schema, intents: &Intents) -> Vec<Self> {
        let of = |(table, part): &(String, String)| {
            let bounds = target.tables.get(table)?.partitioned.as_ref()?.partitions.get(part)?;
            let there = source.tables.contains_key(part);
            there.then(|| Self { part: part.clone(), table: table.clone(), bounds: bounds.clone() })
        };
        intents.attached.iter().filter_map(of).collect()
    }

    /// Whether it has this row of the table's.
    fn has(&self, table: &Table, row: &[Option<String>]) -> bool {
        let at = column_of(table).and_then(|by| table.columns.iter().position(|it| it.name == by.name));
        at.and_then(|at| row[at].as_deref()).is_some_and(|it| holds(&self.bounds, it))
    }
}

impl Way<'_> {
    /// The tables that become partitions, on a server that has any.
    pub(super) fn becoming(&self) -> impl Iterator<Item = &Becoming> {
        self.all_becoming.iter().filter(|_| self.made.dialect == Dialect::Postgres)
    }

    /// The tables that are no longer in the schema, and stay.
    fn staying(&self) -> impl Iterator<Item = &Becoming> {
        self.all_becoming.iter().filter(|_| self.made.dialect == Dialect::MySql)
    }

    /// What old code reads, of rows each in its own table: those of a partition in its table too.
    pub(super) fn shown(&self, own: &Rows, attached: bool) -> Rows {
        let mut rows = own.clone();
        for it in self.becoming().filter(|_| attached) {
            let tables = &self.case.source.tables;
            let (Some(table), Some(of_part)) = (tables.get(&it.table), own.get(&it.part)) else { continue };
            let place = |name: &str| tables[&it.part].columns.iter().position(|it| it.name == name);
            let places: Vec<_> = table.columns.iter().filter_map(|it| place(&it.name)).collect();
            let all = rows.entry(it.table.clone()).or_default();
            all.extend(of_part.iter().map(|row| places.iter().map(|at| row[*at].clone()).collect()));
            all.sort();
        }
        rows
    }

    /// New code's rows that are in the source's table, when its migration is undone.
    pub(super) fn apart<'r>(&self, before: &str, after: &Table, rows: &'r Rows) -> Vec<&'r Vec<Option<String>>> {
        let all = rows[&after.name].iter();
        match self.becoming().find(|it| it.part == before) {
            Some(it) => all.filter(|row| it.has(after, row)).collect(),
            None => {
                let elsewhere: Vec<_> = self.becoming().filter(|it| it.table == before).collect();
                all.filter(|row| !elsewhere.iter().any(|it| it.has(after, row))).collect()
            }
        }
    }

    /// What old code gives a column of the table goes to these too, once they are partitions.
    pub(super) fn parts_of(&self, table: &str, attached: bool) -> Vec<String> {
        self.becoming().filter(|it| attached && it.table == table).map(|it| it.part.clone()).collect()
    }

    /// The source, with the foreign keys that its tables get as partitions: their rows come behind those to which
    /// they refer.
    pub(super) fn source_in_order(&self) -> Schema {
        let mut source = self.case.source.clone();
        for it in self.becoming() {
            let keys = self.target.tables[&it.table].foreign_keys.clone();
            source.tables.entry(it.part.clone()).and_modify(|table| table.foreign_keys.extend(keys));
        }
        source
    }

    /// MySQL loses no rows without a word: it refuses the migration. Then its author lets them go, and
    /// rows that cannot be without them.
    pub(super) async fn refused_with_rows(&self, conn: &mut Conn) -> Result<(), Failure> {
        const AT: &str = "a table with rows that would be nobody's";
        let mut names: Vec<&str> = self.staying().map(|it| it.part.as_str()).collect();
        names.sort_unstable();
        let Some(first) = names.first() else { return Ok(()) };
        let refusal = match self.commands.refused(Command::Stage(Stage::Expand)).await {
            Some(refusal) => refusal,
            None => "nothing is refused".to_owned(),
        };
        let told = names.iter().any(|it| refusal.contains(&format!("rows of `{it}`")))
            && refusal.contains("has no partitions on MySQL");
        same(AT, || format!("{first}: {refusal}"), &told, &true)?;
        let mut emptied: Vec<&str> = names;
        let mut statements = Vec::new();
        let mut at = 0;
        while let Some(name) = emptied.get(at).copied() {
            at += 1;
            for table in self.case.source.tables.values() {
                for key in table.foreign_keys.values().filter(|key| key.references == name) {
                    let of = &key.columns[0];
                    if table.column(of).is_some_and(|it| it.nullable) {
                        let [table, of] = [&table.name, of].map(|it| Dialect::MySql.ident(it));
                        statements.push(format!("UPDATE {table} SET {of} = NULL"));
                    } else if !emptied.contains(&table.name.as_str()) {
                        emptied.push(&table.name);
                    }
                }
            }
        }
        statements.extend(emptied.iter().map(|it| format!("DELETE FROM {}", Dialect::MySql.ident(it))));
        conn.execute("SET SESSION foreign_key_checks = 0").await.map_err(said(AT))?;
        for sql in statements {
            conn.execute(sql).await.map_err(said(AT))?;
        }
        conn.execute("SET SESSION foreign_key_checks = 1").await.map(drop).map_err(said(AT))
    }

    /// What stays at the end goes: on MySQL the tables, on PostgreSQL indexes that only the partitions have.
    pub(super) async fn drop_what_stays(&self, conn: &mut Conn) -> Result<(), Failure> {
        const AT: &str = "what stays of a table that became a partition";
        let dialect = conn.dialect();
        for it in self.staying() {
            let table = dialect.ident(&it.part);
            none(AT, conn, format!("SELECT count(*) FROM {table}")).await?;
            conn.execute(format!("DROP TABLE {table}")).await.map_err(said(AT))?;
        }
        for it in self.becoming() {
            let (plain, table) = (&self.case.source.tables[&it.part], &self.target.tables[&it.table]);
            let own = plain.indexes.iter().filter(|(_, it)| it.is_for(Dialect::Postgres));
            for (name, _) in own.filter(|(_, index)| !table.indexes.values().any(|it| it == *index)) {
                conn.execute(format!("DROP INDEX {}", dialect.ident(name))).await.map_err(said(AT))?;
            }
        }
        Ok(())
    }

    /// The catalog but for what a partition has of its own without a difference to anybody who writes its table: defaults, and
    /// the names of foreign keys.
    pub(super) fn as_if_made_so(&self, catalog: Catalog) -> Catalog {
        // the server quotes a name where it must
        let names: Vec<String> =
            self.becoming().flat_map(|it| [Dialect::Postgres.ident(&it.part), it.part.clone()]).collect();
        let alike = |line: String| {
            for name in &names {
                if line.starts_with(&format!("column {name}.")) {
                    let (column, rest) = line.split_once(" default ").unwrap_or((&line, ""));
                    let collation = rest.rsplit_once(" collation ").map(|(_, it)| format!(" collation {it}"));
                    return format!("{column}{}", collation.unwrap_or_default());
                }
                if line.starts_with(&format!("constraint {name}."))
                    && let Some((_, key)) = line.split_once(": FOREIGN KEY")
                {
                    return format!("constraint of {name}: FOREIGN KEY{key}");
                }
            }
            line
        };
        catalog.into_iter().map(alike).collect()
    }
}
