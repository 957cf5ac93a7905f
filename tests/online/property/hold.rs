//! What must hold of a case, on a server.

use std::collections::BTreeSet;
use std::time::Duration;

use pontoon::Dialect;
use pontoon::exec::Options;
use pontoon::migration::history::Recorded;
use pontoon::migration::{Fact, Stage, Statement, Step, Undo, file};
use pontoon::plan::plan;
use pontoon::schema::{Intents, Schema, SchemaErrors};
use pontoon_xtask::verify::catalog;
use pontoon_xtask::verify::conn::{Conn, message_of};
use pontoon_xtask::verify::seed::{Seeding, fill_empty_tables};

use super::becoming::Becoming;
use super::case::Case;
use super::course::{Command, Commands, Turn};
use super::earlier::{BEFORE, earlier, rename_gone};
use super::moved::{Pair, pairs};
use super::reshape::{Followers, followers};
use super::rows::{self, Emptied, Rows, differing, write};
use super::scaffold::Scaffold;
use crate::support::Fresh;

const OLD_ROWS: u64 = 60;
const NEW_ROWS: u64 = 10;

/// After which nothing comes of a case any more, on the slowest of machines.
const PATIENCE: Duration = Duration::from_secs(900);

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

pub(super) fn said(at: &'static str) -> impl Fn(sqlx::Error) -> Failure {
    move |error| Failure { at, words: message_of(&error) }
}

pub(super) fn same<T: PartialEq>(
    at: &'static str,
    words: impl FnOnce() -> String,
    one: &T,
    other: &T,
) -> Result<(), Failure> {
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
    // what was dropped before, or came to a table that was there, was so by a migration of its own
    let mut migrations = Vec::new();
    let (first, on_the_way) = match earlier(&case.source) {
        Some((first, on_the_way)) => {
            let made = recorded("0000_first", [&nothing.0, &first], &nothing.1, dialect).map_err(at("plan"))?;
            migrations.push(made.0);
            (first, on_the_way)
        }
        None => nothing.clone(),
    };
    migrations.push(recorded(BEFORE, [&first, &case.source], &on_the_way, dialect).map_err(at("plan"))?.0);
    let whole = recorded("0001_target", [&nothing.0, &target], &nothing.1, dialect).map_err(at("plan"))?.0;
    for fresh in [changed, made] {
        empty(fresh).await.map_err(said("emptying the database"))?;
    }
    let stays = stays(&change);
    let before = migrations.clone();
    migrations.push(change);
    let commands = Commands::new(changed, migrations, case.course.cut);
    let followers = followers(&case.source, &target, &intents);
    let pairs = pairs(&case.source, &target, &intents, dialect);
    let all_becoming = Becoming::all(&case.source, &target, &intents);
    let (case, target, intents, warnings) = (case, &target, &intents, &warnings);
    let way = Way { case, target, intents, warnings, followers, pairs, all_becoming, stays, commands, changed, made };
    let outcome = tokio::time::timeout(PATIENCE, way.go(before, whole)).await;
    outcome.unwrap_or_else(|late| Err(at("the clock")(late))).map(|()| Verdict::Holds)
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

pub(super) struct Way<'a> {
    pub(super) case: &'a Case,
    pub(super) target: &'a Schema,
    pub(super) intents: &'a Intents,
    pub(super) warnings: &'a [String],
    /// Columns that take each other's place.
    pub(super) followers: Vec<Followers>,
    /// Columns that move.
    pub(super) pairs: Vec<Pair>,
    /// Tables that become partitions of others, or would, did the server know any.
    pub(super) all_becoming: Vec<Becoming>,
    /// What an undo leaves as it became.
    stays: Vec<Fact>,
    pub(super) commands: Commands<'a>,
    /// From the source to the target.
    changed: &'a Fresh,
    /// The target from nothing.
    pub(super) made: &'a Fresh,
}

/// What is there before the migration, and what new code will write.
pub(super) struct Known {
    catalog: catalog::Catalog,
    /// As the seeding gave them.
    pub(super) old: Rows,
    /// As old code left them.
    pub(super) now: Rows,
    /// As new code will write them.
    new: Rows,
    /// The tables that were dropped before, and how many rows they have.
    pub(super) away: BTreeSet<(String, String)>,
    /// Whether the tables that become partitions are some by now.
    pub(super) attached: bool,
}

impl Way<'_> {
    async fn go(&self, before: Vec<Recorded>, whole: Recorded) -> Result<(), Failure> {
        let source = &self.case.source;
        self.changed.runner_with(before, Options::default()).up().await.map_err(at("source"))?;
        let mut conn = self.changed.connect().await;
        let scaffold = Scaffold::new(source, self.target, self.intents, self.changed.dialect);
        scaffold.put(&mut conn).await.map_err(said("scaffold"))?;
        rename_gone(&mut conn, source, true).await.map_err(said("a table that was dropped before"))?;
        filled(self.changed, OLD_ROWS).await?;
        rename_gone(&mut conn, source, false).await.map_err(said("a table that was dropped before"))?;
        scaffold.take(&mut conn).await.map_err(said("scaffold"))?;
        self.refused_with_rows(&mut conn).await?;
        self.made.runner_with(vec![whole], Options::default()).up().await.map_err(at("target from nothing"))?;
        filled(self.made, NEW_ROWS).await?;
        let mut made = self.made.connect().await;
        let new = rows::read(&mut made, self.target, &|_, _| true).await.map_err(said("reading"))?;
        let old = rows::read(&mut conn, source, &|_, _| true).await.map_err(said("reading"))?;
        let away = self.away(&mut conn).await?;
        let mut known = Known { catalog: read(&mut conn).await?, now: old.clone(), old, new, away, attached: false };

        for turn in &self.case.course.turns {
            if !self.forth(turn, &mut conn, &mut known).await? {
                self.back(&mut conn, &mut known).await?;
                self.forth(turn, &mut conn, &mut known).await?;
            }
            let by_new_code = turn.new_code && self.undo_takes_new_rows();
            if by_new_code && self.new_code_may_write() {
                let written = self.new_code(&mut conn, &known.new).await?;
                if turn.old_code.contains(&Stage::Validate) && self.old_code_may_write(Stage::Validate) {
                    self.old_code(&mut conn, &mut known).await?;
                    self.back(&mut conn, &mut known).await?;
                    continue;
                }
                let left = self.old_side(&mut conn).await?;
                self.undo(&mut conn, &mut known).await?;
                self.new_rows_stay(&mut conn, &written).await?;
                let now = self.old_side(&mut conn).await?;
                same("what follows from new code's rows, after undo", || differing(&left, &now), &left, &now)?;
                write(&mut conn, &self.source_in_order(), &known.old, &Emptied::default())
                    .await
                    .map_err(said("old code's rows after undo"))?;
                known.now.clone_from(&known.old);
            } else {
                self.back(&mut conn, &mut known).await?;
            }
        }
        self.to_the_end(&mut conn, &mut known).await?;
        let now = self.as_if_enforced(read(&mut conn).await?)?;
        let [made_so, now] = [read(&mut made).await?, now].map(|it| self.as_if_made_so(it));
        let difference = catalog::difference(&made_so, &now);
        same("catalog at the end", || difference.join("\n"), &difference.is_empty(), &true)?;
        self.nothing_of_ours(&mut conn).await?;
        conn.close().await.map_err(said("goodbye"))?;
        made.close().await.map_err(said("goodbye"))
    }

    async fn to_the_end(&self, conn: &mut Conn, known: &mut Known) -> Result<(), Failure> {
        let last = &self.case.course.last;
        let until = Turn { until: Stage::Validate, ..last.clone() };
        if !self.forth(&until, conn, known).await? {
            self.back(conn, known).await?;
            self.forth(&until, conn, known).await?;
        }
        self.values_stayed(conn, &known.now, Stage::Validate).await?;
        // new code may write from validate on, but for what it is told to heed until contract
        let mut written = if self.new_code_may_write() { Some(self.new_code(conn, &known.new).await?) } else { None };
        // and old code once more, while both are there
        let again = last.old_code.contains(&Stage::Validate) && self.old_code_may_write(Stage::Validate);
        if again && written.is_some() {
            self.old_code(conn, known).await?;
            written = None;
        }
        for pair in self.pairs.iter().filter(|it| !it.made && written.is_none()) {
            pair.let_go(conn).await.map_err(said("a value that no row takes"))?;
        }
        let before = self.new_side(conn).await?;
        self.dropped_rows_stay(conn, known).await?;
        self.run(Command::Stage(Stage::Contract)).await?;
        let now = self.new_side(conn).await?;
        same("what new code reads, after contract", || differing(&before, &now), &before, &now)?;
        match written {
            Some(rows) => {
                self.new_rows_are("new code's rows after contract", conn, &rows, &|it| it.generated.is_none()).await?;
            }
            None => self.values_stayed(conn, &known.now, Stage::Contract).await?,
        }
        self.drop_for_good(conn, known).await?;
        write(conn, self.target, &known.new, &Emptied::default())
            .await
            .map_err(said("new code's INSERT at the end"))?;
        self.new_rows_are("new code's rows at the end", conn, &known.new, &|_| true).await
    }

    /// Forth, with old code at work; `false` where it was cut off and is to go back.
    async fn forth(&self, turn: &Turn, conn: &mut Conn, known: &mut Known) -> Result<bool, Failure> {
        for stage in Stage::ALL.into_iter().filter(|it| *it <= turn.until) {
            if !self.run(Command::Stage(stage)).await? {
                return Ok(false);
            }
            known.attached |= stage == Stage::Validate;
            if turn.old_code.contains(&stage) && self.old_code_may_write(stage) {
                self.old_code(conn, known).await?;
            } else if stage >= Stage::Backfill {
                self.new_side_follows(conn).await?;
            }
        }
        Ok(true)
    }

    /// Back, where what old code left is as it was.
    async fn back(&self, conn: &mut Conn, known: &mut Known) -> Result<(), Failure> {
        self.undo(conn, known).await?;
        self.old_rows_stay("rows after undo", conn, known).await?;
        // what was filled for NOT NULL stays filled: again as it was
        write(conn, &self.case.source, &known.now, &Emptied::default())
            .await
            .map_err(said("old code's rows after undo"))
    }

    async fn undo(&self, conn: &mut Conn, known: &mut Known) -> Result<(), Failure> {
        self.run(Command::Undo).await?;
        known.attached = false;
        let mut difference = catalog::difference(&known.catalog, &read(conn).await?);
        difference.retain(|line| {
            let is_said = |it: &Fact| match it {
                Fact::Type(table, column, _) => catalog::is_of_column(line, table, column),
                Fact::EnumValue(name, _) => catalog::is_of_type(line, name),
                Fact::Partition(_, name) => catalog::is_of_table(line, name),
                _ => false,
            };
            !self.stays.iter().any(is_said)
        });
        same("catalog after undo", || difference.join("\n"), &difference.is_empty(), &true)?;
        self.dropped_rows_stay(conn, known).await?;
        self.nothing_of_ours(conn).await
    }

    async fn run(&self, command: Command) -> Result<bool, Failure> {
        let name = match command {
            Command::Stage(stage) => stage.name(),
            Command::Undo => "undo",
        };
        self.commands.run(command).await.map_err(at(name))
    }
}

/// The query counts no row.
pub(super) async fn none(at: &'static str, conn: &mut Conn, count: String) -> Result<(), Failure> {
    let found = conn.value(count.as_str()).await.map_err(said(at))?;
    same(at, || format!("{}: {count}", found.clone().unwrap_or_default()), &found.as_deref(), &Some("0"))
}

async fn read(conn: &mut Conn) -> Result<catalog::Catalog, Failure> {
    catalog::read(conn).await.map_err(said("catalog"))
}

/// What stays as it became: a wider type, a value more.
fn stays(recorded: &Recorded) -> Vec<Fact> {
    let steps = recorded.migration.steps.iter().filter_map(|(_, step)| match step {
        Step::Statement(Statement { done, undo: Undo::Nothing(_), .. }) => Some(done.clone()),
        _ => None,
    });
    steps.collect()
}

async fn filled(fresh: &Fresh, rows: u64) -> Result<(), Failure> {
    let filled = fill_empty_tables(&fresh.url, &Seeding::of(rows, true)).await.map_err(at("seed"))?;
    match filled.iter().find(|it| it.rows == 0) {
        Some(empty) => Err(Failure { at: "seed", words: format!("{empty:?}") }),
        None => Ok(()),
    }
}
