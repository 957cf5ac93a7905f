//! What must hold of a case, on a server.

use std::collections::BTreeMap;

use pontoon::exec::{Options, Runner};
use pontoon::migration::history::Recorded;
use pontoon::migration::{Fact, Statement, Step, Undo, file};
use pontoon::plan::plan;
use pontoon::schema::{Column, Intents, Schema, SchemaErrors, Table};
use pontoon::{Dialect, Kind};
use pontoon_xtask::verify::catalog;
use pontoon_xtask::verify::conn::{Conn, message_of};
use pontoon_xtask::verify::seed::{Seeding, fill_empty_tables};

use super::case::Case;
use super::forms::written;
use super::scaffold::Scaffold;
use super::values::is_integer;
use crate::support::Fresh;

const OLD_ROWS: u64 = 60;
const NEW_ROWS: u64 = 10;

/// What does not hold.
#[derive(Debug)]
pub(super) struct Failure {
    pub(super) at: &'static str,
    pub(super) words: String,
}

/// What came of a case.
pub(super) enum Verdict {
    Holds,
    Refused(SchemaErrors),
}

fn at<E: std::fmt::Display>(at: &'static str) -> impl Fn(E) -> Failure {
    move |error| Failure { at, words: error.to_string() }
}

fn said(at: &'static str) -> impl Fn(sqlx::Error) -> Failure {
    move |error| Failure { at, words: message_of(&error) }
}

fn same<T: PartialEq>(at: &'static str, words: impl FnOnce() -> String, one: &T, other: &T) -> Result<(), Failure> {
    if one == other { Ok(()) } else { Err(Failure { at, words: words() }) }
}

/// A migration as it runs, which is as a file; with the file, and what its author is told.
pub(super) fn recorded(
    id: &str,
    [from, to]: [&Schema; 2],
    intents: &Intents,
    dialect: Dialect,
) -> Result<(Recorded, String, Vec<String>), SchemaErrors> {
    let plan = plan(id, from, to, intents, dialect)?;
    let text = file::render(&plan.migration);
    let migration = file::parse(id, dialect, id, &text).unwrap_or_else(|error| panic!("{error}\n{text}"));
    assert_eq!(file::render(&migration), text, "a file that was read says something else");
    Ok((Recorded { migration, sha256: file::sha256(&text) }, text, plan.warnings))
}

/// Takes the case through its migration, back and forth, beside a database that was made as the target.
pub(super) async fn holds(case: &Case, [changed, made]: &[Fresh; 2]) -> Result<Verdict, Failure> {
    let dialect = changed.dialect;
    let (target, intents) = case.target();
    let nothing = (Schema::default(), Intents::default());
    let (change, _, warnings) = match recorded("0002_change", [&case.source, &target], &intents, dialect) {
        Ok(recorded) => recorded,
        Err(refusal) => return Ok(Verdict::Refused(refusal)),
    };
    let before = recorded("0001_before", [&nothing.0, &case.source], &nothing.1, dialect).map_err(at("plan"))?.0;
    let whole = recorded("0001_target", [&nothing.0, &target], &nothing.1, dialect).map_err(at("plan"))?.0;
    for fresh in [changed, made] {
        empty(fresh).await.map_err(said("emptying the database"))?;
    }
    let way = Way { case, target: &target, intents: &intents, warnings: &warnings, changed, made };
    way.go([before, change], whole).await.map(|()| Verdict::Holds)
}

/// A case takes what the last one had: a new database takes a server longer than all else.
async fn empty(fresh: &Fresh) -> Result<(), sqlx::Error> {
    let mut conn = fresh.connect().await;
    match fresh.dialect {
        Dialect::Postgres => conn.execute("DROP SCHEMA public CASCADE; CREATE SCHEMA public").await?,
        Dialect::MySql => {
            let name = conn.value("SELECT DATABASE()").await?.unwrap_or_default();
            conn.execute(format!("DROP DATABASE {name}; CREATE DATABASE {name}")).await?
        }
    };
    conn.close().await
}

struct Way<'a> {
    case: &'a Case,
    target: &'a Schema,
    intents: &'a Intents,
    warnings: &'a [String],
    /// From the source to the target.
    changed: &'a Fresh,
    /// The target from nothing.
    made: &'a Fresh,
}

type Rows = BTreeMap<String, Vec<Vec<Option<String>>>>;

impl Way<'_> {
    async fn go(&self, migrations: [Recorded; 2], whole: Recorded) -> Result<(), Failure> {
        let source = &self.case.source;
        let [before, change] = migrations;
        let stays = widened(&change);
        self.changed.runner_with(vec![before.clone()], Options::default()).up().await.map_err(at("source"))?;
        let mut conn = self.changed.connect().await;
        let scaffold = Scaffold::new(source, self.target, self.intents, self.changed.dialect);
        scaffold.put(&mut conn).await.map_err(said("scaffold"))?;
        filled(self.changed, OLD_ROWS).await?;
        scaffold.take(&mut conn).await.map_err(said("scaffold"))?;
        let runner = self.changed.runner_with(vec![before, change], Options::default());

        // there and back
        let (old_catalog, old_rows) = (read(&mut conn).await?, rows(&mut conn, source, &|_, _| true).await?);
        runner.expand().await.map_err(at("expand"))?;
        // old code goes on writing, and its rows are the triggers'
        write(&mut conn, source, &old_rows).await.map_err(said("old code's rows after expand"))?;
        let written = rows(&mut conn, source, &|_, column| !column.nullable).await?;
        let expected = rows_of(&old_rows, source, &|_, column| !column.nullable);
        same("old code's rows after expand", || differing(&expected, &written), &expected, &written)?;
        self.to_validate(&runner).await?;
        runner.undo().await.map_err(at("undo"))?;
        let mut difference = catalog::difference(&old_catalog, &read(&mut conn).await?);
        difference.retain(|line| !stays.iter().any(|(table, column)| catalog::is_of_column(line, table, column)));
        same("catalog after undo", || difference.join("\n"), &difference.is_empty(), &true)?;
        // what was filled for NOT NULL stays filled, and what is generated from it follows
        let kept = |table: &str, column: &Column| {
            let after = self.target.tables[table].column(&column.name);
            column.generated.is_none() && (!column.nullable || after.is_none_or(|it| it.nullable))
        };
        let back = rows(&mut conn, source, &kept).await?;
        let expected = rows_of(&old_rows, source, &kept);
        same("rows after undo", || differing(&expected, &back), &expected, &back)?;

        // to the end
        self.to_validate(&runner).await?;
        self.values_stayed(&mut conn, &old_rows, "rows after validate").await?;
        self.made.runner_with(vec![whole], Options::default()).up().await.map_err(at("target from nothing"))?;
        filled(self.made, NEW_ROWS).await?;
        let mut made = self.made.connect().await;
        let new_rows = rows(&mut made, self.target, &|_, _| true).await?;
        // new code may write from validate on, but for what it is told to heed until contract
        let at_once = !self.warnings.iter().any(|it| it.contains("until contract"));
        if at_once {
            write(&mut conn, self.target, &new_rows).await.map_err(said("new code's rows before contract"))?;
        }
        runner.contract().await.map_err(at("contract"))?;
        let difference = catalog::difference(&read(&mut made).await?, &read(&mut conn).await?);
        same("catalog at the end", || difference.join("\n"), &difference.is_empty(), &true)?;
        if !at_once {
            self.values_stayed(&mut conn, &old_rows, "rows after contract").await?;
            write(&mut conn, self.target, &new_rows).await.map_err(said("new code's rows after contract"))?;
        }
        let read_again = rows(&mut conn, self.target, &|_, _| true).await?;
        same("new code's rows at the end", || differing(&new_rows, &read_again), &new_rows, &read_again)?;
        conn.close().await.map_err(said("goodbye"))?;
        made.close().await.map_err(said("goodbye"))
    }

    async fn to_validate(&self, runner: &Runner) -> Result<(), Failure> {
        runner.expand().await.map_err(at("expand"))?;
        runner.backfill().await.map_err(at("backfill"))?;
        runner.validate().await.map_err(at("validate"))?;
        Ok(())
    }

    /// Columns that stay, perhaps by another name or with a wider type, have the values they had.
    async fn values_stayed(&self, conn: &mut Conn, old: &Rows, at: &'static str) -> Result<(), Failure> {
        let kept = |table: &str, old: &Column| self.successor(table, old).is_some();
        let expected = rows_of(old, &self.case.source, &kept);
        let mut view = self.case.source.clone();
        for table in view.tables.values_mut() {
            let name = table.name.clone();
            table.columns = table.columns.iter().filter_map(|it| self.successor(&name, it)).cloned().collect();
        }
        let now = rows(conn, &view, &|_, _| true).await?;
        same(at, || differing(&expected, &now), &expected, &now)
    }

    /// The target's column whose values are those of the source's, written the same way.
    fn successor(&self, table: &str, old: &Column) -> Option<&Column> {
        let name = |new: &&Column| {
            let from = self.intents.renamed_from.get(&(table.to_owned(), new.name.clone()));
            from.map_or(new.name == old.name, |from| *from == old.name)
        };
        let new = self.target.tables[table].columns.iter().find(name)?;
        let same = old.ty.kind == new.ty.kind && old.ty.scale == new.ty.scale
            || is_integer(old.ty.kind) && is_integer(new.ty.kind);
        let by = self.intents.reverses.contains_key(&(table.to_owned(), new.name.clone()));
        (same && !by && old.generated.is_none() && old.nullable == new.nullable).then_some(new)
    }
}

/// One code's rows in place of all there are.
async fn write(conn: &mut Conn, schema: &Schema, rows: &Rows) -> Result<(), sqlx::Error> {
    let dialect = conn.dialect();
    let insert = |(table, rows): (&String, &Vec<Vec<Option<String>>>)| {
        let columns: Vec<_> = written(&schema.tables[table]).map(|it| it.name.as_str()).collect();
        let value = |row: &Vec<Option<String>>| {
            let pairs = row.iter().zip(&schema.tables[table].columns).filter(|(_, it)| it.generated.is_none());
            let values: Vec<_> = pairs.map(|(it, _)| it.clone().unwrap_or_else(|| "NULL".into())).collect();
            format!("({})", values.join(", "))
        };
        let values: Vec<_> = rows.iter().map(value).collect();
        format!("INSERT INTO {} ({}) VALUES {}", dialect.ident(table), dialect.idents(&columns), values.join(", "))
    };
    let inserts: Vec<String> = rows.iter().filter(|(_, rows)| !rows.is_empty()).map(insert).collect();
    let tables: Vec<String> = schema.tables.keys().map(|it| dialect.ident(it)).collect();
    match dialect {
        // in one statement, at whose end the foreign keys are checked
        Dialect::Postgres => {
            conn.execute(format!("TRUNCATE {} CASCADE", tables.join(", "))).await?;
            let parts: Vec<_> = inserts.iter().enumerate().map(|(n, it)| format!("new_{n} AS ({it})")).collect();
            conn.execute(format!("WITH {} SELECT 1", parts.join(", "))).await?;
        }
        Dialect::MySql => {
            conn.execute("SET SESSION foreign_key_checks = 0").await?;
            for table in tables {
                conn.execute(format!("DELETE FROM {table}")).await?;
            }
            for insert in inserts {
                conn.execute(insert).await?;
            }
            conn.execute("SET SESSION foreign_key_checks = 1").await?;
        }
    }
    Ok(())
}

async fn read(conn: &mut Conn) -> Result<catalog::Catalog, Failure> {
    catalog::read(conn).await.map_err(said("catalog"))
}

/// The columns whose type stays what it became.
fn widened(recorded: &Recorded) -> Vec<(String, String)> {
    let steps = recorded.migration.steps.iter().filter_map(|(_, step)| match step {
        Step::Statement(Statement { done: Fact::Type(table, column, _), undo: Undo::Nothing(_), .. }) => {
            Some((table.clone(), column.clone()))
        }
        _ => None,
    });
    steps.collect()
}

async fn filled(fresh: &Fresh, rows: u64) -> Result<(), Failure> {
    let filled = fill_empty_tables(&fresh.url, Seeding { rows, nulls: true }).await.map_err(at("seed"))?;
    match filled.iter().find(|it| it.rows == 0) {
        Some(empty) => Err(Failure { at: "seed", words: format!("{empty:?}") }),
        None => Ok(()),
    }
}

/// All rows, each value as an SQL literal, in an order of their own.
async fn rows(conn: &mut Conn, schema: &Schema, kept: &dyn Fn(&str, &Column) -> bool) -> Result<Rows, Failure> {
    let mut all = Rows::new();
    for (name, table) in &schema.tables {
        let columns: Vec<_> =
            table.columns.iter().filter(|it| kept(name, it)).map(|it| literal(conn.dialect(), it)).collect();
        let table = conn.dialect().ident(name);
        let mut rows = if columns.is_empty() {
            Vec::new()
        } else {
            conn.rows(format!("SELECT {} FROM {table}", columns.join(", "))).await.map_err(said("reading"))?
        };
        rows.sort();
        all.insert(name.clone(), rows);
    }
    Ok(all)
}

/// Of rows with all columns, those that are kept.
fn rows_of(rows: &Rows, schema: &Schema, kept: &dyn Fn(&str, &Column) -> bool) -> Rows {
    let of = |table: &Table, rows: &Vec<Vec<Option<String>>>| {
        let some = |row: &Vec<Option<String>>| {
            let pairs = row.iter().zip(&table.columns);
            pairs.filter(|(_, column)| kept(&table.name, column)).map(|(value, _)| value.clone()).collect()
        };
        let mut rows: Vec<Vec<_>> = rows.iter().map(some).collect();
        rows.retain(|row| !row.is_empty());
        rows.sort();
        rows
    };
    rows.iter().map(|(name, rows)| (name.clone(), of(&schema.tables[name], rows))).collect()
}

fn literal(dialect: Dialect, column: &Column) -> String {
    let name = dialect.ident(&column.name);
    match (dialect, column.ty.kind) {
        (Dialect::Postgres, _) => format!("quote_nullable({name}::text)"),
        (Dialect::MySql, Kind::Bytes | Kind::Uuid) => format!("coalesce(concat('X''', hex({name}), ''''), 'NULL')"),
        (Dialect::MySql, _) => format!("quote({name})"),
    }
}

fn differing(one: &Rows, other: &Rows) -> String {
    let mut lines = Vec::new();
    for (table, rows) in one {
        let others = &other[table];
        let shown = |rows: Vec<&Vec<Option<String>>>| format!("{:?}", &rows[..rows.len().min(3)]);
        let gone = rows.iter().filter(|it| !others.contains(it)).collect::<Vec<_>>();
        let new = others.iter().filter(|it| !rows.contains(it)).collect::<Vec<_>>();
        if rows != others {
            lines.push(format!(
                "{table}: {} rows, then {}\n- {}\n+ {}",
                rows.len(),
                others.len(),
                shown(gone),
                shown(new)
            ));
        }
    }
    lines.join("\n")
}
