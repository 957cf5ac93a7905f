//! What both codes write, and what either of them reads then.

use std::collections::BTreeSet;

use pontoon::Kind;
use pontoon::migration::Stage;
use pontoon::schema::{Column, Intents, Schema, Table, Texts};
use pontoon_xtask::verify::conn::Conn;

use super::hold::{Failure, Known, Way, none, said, same};
use super::rows::{self, Emptied, Rows, differing, differs, of_columns, update, write};
use super::values::is_integer;

impl Way<'_> {
    /// All rows anew, and a column of each table.
    pub(super) async fn old_code(&self, conn: &mut Conn, known: &mut Known) -> Result<(), Failure> {
        let source = &self.case.source;
        known.now.clone_from(&known.old);
        let others = self.pairs.iter().filter(|it| it.made).map(|it| it.table.clone()).collect();
        let emptied = Emptied { others, ..Emptied::default() };
        write(conn, &self.source_in_order(), &known.now, &emptied).await.map_err(said("old code's INSERT"))?;
        self.old_rows_stay("rows that old code inserted", conn, known).await?;
        self.new_side_follows(conn).await?;
        let free = |table: &Table, column: &Column| {
            let after = self.table_after(&table.name);
            let bound = after.into_iter().flat_map(bound).map(|it| self.name_before(table, it));
            !bound.chain(self::bound(table)).any(|it| it == column.name)
        };
        let parts = |table: &str| self.parts_of(table, known.attached);
        update(conn, source, &mut known.now, &free, &parts).await.map_err(said("old code's UPDATE"))?;
        self.old_rows_stay("rows that old code updated", conn, known).await?;
        self.new_side_follows(conn).await
    }

    /// But for NULL that is filled, and what is generated from it.
    pub(super) async fn old_rows_stay(&self, at: &'static str, conn: &mut Conn, known: &Known) -> Result<(), Failure> {
        let kept = |table: &str, column: &Column| {
            let after = self.target.tables.get(table).and_then(|it| it.column(&column.name));
            // the same number, which has other digits behind the point from the swap on
            let same = |it: &Column| {
                it.ty.kind != Kind::Decimal || (it.ty.kind, it.ty.scale) == (column.ty.kind, column.ty.scale)
            };
            column.generated.is_none() && after.is_none_or(|it| same(it) && (!column.nullable || it.nullable))
        };
        let now = rows::read(conn, &self.case.source, &kept).await.map_err(said("reading"))?;
        let expected = of_columns(&self.shown(&known.now, known.attached), &self.case.source, &kept);
        same(at, || differing(&expected, &now), &expected, &now)
    }

    /// All rows anew, by their new names, and a column of each table; gives what it left.
    pub(super) async fn new_code(&self, conn: &mut Conn, rows: &Rows) -> Result<Rows, Failure> {
        let (target, mut rows) = (self.target, rows.clone());
        let emptied = Emptied { views: self.intents.renamed_tables.clone(), ..Emptied::default() };
        write(conn, target, &rows, &emptied).await.map_err(said("new code's INSERT"))?;
        self.new_rows_are("rows that new code inserted", conn, &rows, &|_| true).await?;
        self.old_side_follows(conn).await?;
        let free = |table: &Table, column: &Column| {
            let before = self.table_before(&table.name);
            let bound_before: BTreeSet<&str> = before.into_iter().flat_map(bound).collect();
            let old = self.name_before(table, &column.name);
            !bound(table).any(|it| it == column.name) && !bound_before.contains(old)
        };
        update(conn, target, &mut rows, &free, &|_| Vec::new()).await.map_err(said("new code's UPDATE"))?;
        self.new_rows_are("rows that new code updated", conn, &rows, &|it| it.generated.is_none()).await?;
        self.old_side_follows(conn).await?;
        Ok(rows)
    }

    pub(super) async fn new_rows_are(
        &self,
        at: &'static str,
        conn: &mut Conn,
        rows: &Rows,
        kept: &dyn Fn(&Column) -> bool,
    ) -> Result<(), Failure> {
        let kept = |_: &str, column: &Column| kept(column);
        let now = rows::read(conn, self.target, &kept).await.map_err(said("reading"))?;
        let expected = of_columns(rows, self.target, &kept);
        same(at, || differing(&expected, &now), &expected, &now)
    }

    /// After the way back old code finds what new code wrote, in what both of them know.
    pub(super) async fn new_rows_stay(&self, conn: &mut Conn, new: &Rows) -> Result<(), Failure> {
        let kept = |table: &str, old: &Column| self.successor(table, old).is_some();
        let mut expected = Rows::new();
        for (name, before) in &self.case.source.tables {
            let Some(after) = self.table_after(name) else { continue };
            let columns = before.columns.iter().filter_map(|it| self.successor(name, it));
            let places: Vec<usize> =
                columns.filter_map(|new| after.columns.iter().position(|it| it.name == new.name)).collect();
            let row = |it: &Vec<Option<String>>| places.iter().map(|at| it[*at].clone()).collect::<Vec<_>>();
            let mut rows: Vec<_> =
                self.apart(name, after, new).into_iter().map(row).filter(|it| !it.is_empty()).collect();
            rows.sort();
            expected.insert(name.clone(), rows);
        }
        let mut now = rows::read(conn, &self.case.source, &kept).await.map_err(said("reading"))?;
        now.retain(|name, _| expected.contains_key(name));
        same("new code's rows after undo", || differing(&expected, &now), &expected, &now)
    }

    /// What others follow from has given them their values.
    pub(super) async fn new_side_follows(&self, conn: &mut Conn) -> Result<(), Failure> {
        for it in &self.followers {
            self.follow("columns that take the place of others", conn, &it.table, &it.new).await?;
        }
        self.pairs_agree(conn).await
    }

    async fn old_side_follows(&self, conn: &mut Conn) -> Result<(), Failure> {
        for it in &self.followers {
            self.follow("columns whose place others take", conn, &it.table, &it.old).await?;
        }
        self.pairs_agree(conn).await
    }

    async fn follow(
        &self,
        at: &'static str,
        conn: &mut Conn,
        table: &str,
        columns: &[(Column, Texts)],
    ) -> Result<(), Failure> {
        let dialect = conn.dialect();
        for (column, sql) in columns {
            let differ = differs(dialect, column, [&dialect.ident(&column.name), sql.of(dialect).unwrap_or("NULL")]);
            none(at, conn, format!("SELECT count(*) FROM {} WHERE {differ}", dialect.ident(table))).await?;
        }
        Ok(())
    }

    async fn pairs_agree(&self, conn: &mut Conn) -> Result<(), Failure> {
        for pair in &self.pairs {
            none("columns of two tables", conn, pair.differing()).await?;
        }
        Ok(())
    }

    /// What old code has in the columns that follow others, or go to other tables.
    pub(super) async fn old_side(&self, conn: &mut Conn) -> Result<Rows, Failure> {
        let follows = |table: &str, column: &Column| {
            let followers = self.followers.iter().filter(|it| it.table == table).flat_map(|it| &it.old);
            let moved = self.pairs.iter().filter(|it| it.from_table == table).map(|it| &it.from);
            followers.map(|(it, _)| it).chain(moved).any(|it| it.name == column.name)
        };
        rows::read(conn, &self.case.source, &follows).await.map_err(said("reading"))
    }

    /// What new code reads, but for what the server computes. Of a partition that has gone too.
    pub(super) async fn new_side(&self, conn: &mut Conn) -> Result<Rows, Failure> {
        let written = |_: &str, column: &Column| column.generated.is_none();
        self.whole(conn, self.target, &written).await
    }

    async fn whole(
        &self,
        conn: &mut Conn,
        view: &Schema,
        kept: &dyn Fn(&str, &Column) -> bool,
    ) -> Result<Rows, Failure> {
        let mut all = rows::read(conn, view, kept).await.map_err(said("reading"))?;
        for (table, partition) in self.detached(conn).await? {
            let Some(columns) = view.tables.get(&table) else { continue };
            let kept = |_: &str, column: &Column| kept(&table, column);
            let part = Table { name: partition.clone(), ..columns.clone() };
            let part = Schema { tables: [(partition, part)].into(), ..Schema::default() };
            let rows = rows::read(conn, &part, &kept).await.map_err(said("reading"))?;
            let whole = all.entry(table.clone()).or_default();
            whole.extend(rows.into_values().flatten());
            whole.sort();
        }
        Ok(all)
    }

    /// From the swap on, an enum has its new values for old code too.
    pub(super) fn old_code_may_write(&self, after: Stage) -> bool {
        let Intents { renamed_values, dropped_values, .. } = self.intents;
        after < Stage::Validate || renamed_values.is_empty() && dropped_values.is_empty()
    }

    /// New code may write where all that it is to heed until contract is what it heeds here.
    pub(super) fn new_code_may_write(&self) -> bool {
        const HEEDED: [&str; 7] = [
            // they do: `gives_way`
            "what `reverse` makes of new code's values must fit",
            // the row of the other table is new too, and has no value
            "of a new row is taken for a value left out",
            "of one pair in the same moment",
            "and names both tables fails (1442)",
            // all rows of before go first
            "new code must expect it to be there",
            // it gives all numbers itself, and old code's rows are gone when it does
            "and the server does too, from",
            "own numbers must not be those next to the greatest",
        ];
        let heeded = |it: &String| HEEDED.iter().any(|said| it.contains(said));
        !self.warnings.iter().any(|it| it.contains("until contract") && !heeded(it))
    }

    /// Whether old code finds a value wherever it must: NULL that new code may write, or writes by leaving a
    /// column out, is asked for by the way back, which stops there.
    pub(super) fn undo_takes_new_rows(&self) -> bool {
        let tables = self.case.source.tables.values();
        tables.filter_map(|it| Some((it, self.table_after(&it.name)?))).all(|(before, after)| {
            before.columns.iter().filter(|it| !it.nullable && it.generated.is_none()).all(|old| {
                let new = after.columns.iter().find(|new| self.name_before(after, &new.name) == old.name);
                // a value that follows from others is one
                let follows = self.intents.reverses.contains_key(&(before.name.clone(), old.name.clone()));
                new.map_or(follows, |new| !new.nullable)
            })
        })
    }

    /// Columns that stay, perhaps by another name or with a wider type, have the values they had.
    pub(super) async fn values_stayed(&self, conn: &mut Conn, old: &Rows, after: Stage) -> Result<(), Failure> {
        let kept = |table: &str, old: &Column| self.successor(table, old).is_some();
        let mut expected = of_columns(&self.shown(old, true), &self.case.source, &kept);
        let mut view = self.case.source.clone();
        for table in view.tables.values_mut() {
            let name = table.name.clone();
            table.columns = table.columns.iter().filter_map(|it| self.successor(&name, it)).cloned().collect();
        }
        if after == Stage::Contract {
            for table in &self.intents.dropped_tables {
                view.tables.remove(table);
                expected.remove(table);
            }
            for (new, old) in &self.intents.renamed_tables {
                if let (Some(table), Some(rows)) = (view.tables.remove(old), expected.remove(old)) {
                    view.tables.insert(new.clone(), table);
                    expected.insert(new.clone(), rows);
                }
            }
        }
        let now = self.whole(conn, &view, &|_, _| true).await?;
        let at = if after == Stage::Contract { "rows after contract" } else { "rows after validate" };
        same(at, || differing(&expected, &now), &expected, &now)
    }

    /// The target's table whose rows are those of the source's.
    pub(super) fn table_after(&self, before: &str) -> Option<&Table> {
        if let Some(it) = self.becoming().find(|it| it.part == before) {
            return self.target.tables.get(&it.table);
        }
        let renamed = self.intents.renamed_tables.iter().find(|(_, old)| *old == before);
        self.target.tables.get(renamed.map_or(before, |(new, _)| new))
    }

    /// The source's table whose rows those of the target's are.
    pub(super) fn table_before(&self, after: &str) -> Option<&Table> {
        self.case.source.tables.get(self.intents.renamed_tables.get(after).map_or(after, String::as_str))
    }

    /// What a column of a target's table was called.
    pub(super) fn name_before<'b>(&'b self, after: &Table, column: &'b str) -> &'b str {
        let from = self.intents.renamed_from.get(&(after.name.clone(), column.to_owned()));
        from.map_or(column, String::as_str)
    }

    /// The target's column whose values are those of the source's, written the same way.
    fn successor(&self, table: &str, old: &Column) -> Option<&Column> {
        let after = self.table_after(table)?;
        let new = after.columns.iter().find(|new| self.name_before(after, &new.name) == old.name)?;
        let same = old.ty.kind == new.ty.kind && old.ty.scale == new.ty.scale
            || is_integer(old.ty.kind) && is_integer(new.ty.kind);
        let labels = |it: &Column| it.ty.enumeration.as_ref().map(|it| it.values.clone()).unwrap_or_default();
        let same = same && labels(old).iter().all(|it| labels(new).contains(it));
        let by = self.intents.reverses.contains_key(&(table.to_owned(), new.name.clone()));
        (same && !by && old.generated.is_none() && old.nullable == new.nullable).then_some(new)
    }
}

/// The columns whose values are not free: those of keys.
fn bound(table: &Table) -> impl Iterator<Item = &str> {
    let unique = table.indexes.values().filter(|it| it.unique).flat_map(|it| &it.columns);
    let keys = table.foreign_keys.values().flat_map(|it| &it.columns);
    let identity = table.columns.iter().filter(|it| it.identity).map(|it| &it.name);
    table.primary_key.iter().chain(unique).chain(keys).chain(identity).map(String::as_str)
}
