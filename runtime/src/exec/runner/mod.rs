//! Takes a database through its migrations, one stage a command.

mod each;
mod join;
mod questions;
mod reconnect;
mod way_back;

use std::sync::Arc;
use std::time::Duration;

use tokio::sync::Notify;
use tracing::Instrument as _;

use self::questions::{assert_none, look_ahead, search};
use self::reconnect::persevering;
use self::way_back::{is_last, takes_away};
use super::apply::{Task, apply};
use super::backfill::{self, BackfillOptions, Functions, Wish};
use super::event::{self, Event, Observer, Silent};
use super::ledger::{self, Cost, Direction, Entry, History, Progress, StepState};
use super::lock::Lock;
use super::retry::Patience;
use super::status::Status;
use super::{ExecError, Pool, Session, baseline, introspect, lock, meter, preflight, row_versions, span, version};
use crate::migration::history::Recorded;
use crate::migration::{Backfill, Stage, Statement, Step, Undo, UndoStatement};

/// How a runner works.
#[derive(Clone)]
pub struct Options {
    /// How long it waits for others, and others for it.
    pub patience: Patience,
    /// How backfills are paced.
    pub backfill: BackfillOptions,
    /// Rust functions that backfills call.
    pub functions: Functions,
    /// How long it tries to get the runner's lock.
    pub runner_lock: Duration,
    /// Whether `undo` may drop a table that has rows by now.
    pub undo_drops_rows: bool,
    /// Whether `contract` ends after the steps that can be taken back: MySQL's indexes are invisible then, and not gone.
    pub contract_hides: bool,
    /// Hears what happens.
    pub observer: Arc<dyn Observer>,
}

impl Default for Options {
    fn default() -> Self {
        Self {
            patience: Patience::default(),
            backfill: BackfillOptions::default(),
            functions: Functions::default(),
            runner_lock: Duration::from_secs(3),
            undo_drops_rows: false,
            contract_hides: false,
            observer: Arc::new(Silent),
        }
    }
}

impl std::fmt::Debug for Options {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Options")
            .field("patience", &self.patience)
            .field("backfill", &self.backfill)
            .finish_non_exhaustive()
    }
}

/// What a command did.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Outcome {
    /// It brought this migration through this stage.
    Did {
        /// The migration.
        migration: String,
        /// The stage; for undo, the first one, which is where the way back ends.
        stage: Stage,
    },
    /// There was nothing to do: why.
    Nothing(String),
}

/// Takes a database through migrations.
#[derive(Debug)]
pub struct Runner {
    pool: Pool,
    migrations: Vec<Recorded>,
    options: Options,
    name: String,
}

/// A command at work: its connection has the runner's lock.
pub(crate) struct Work<'a> {
    pub(crate) session: Session,
    /// Watches what the first one does.
    pub(crate) other: Session,
    pub(crate) pool: &'a Pool,
    pub(crate) runner: &'a str,
    pub(crate) options: &'a Options,
    /// How often people had told fills to stop when the command began.
    pub(crate) aborts: u64,
}

impl Work<'_> {
    pub(crate) fn tell(&self, event: &Event) {
        event::tell(&*self.options.observer, event);
    }

    async fn end(self) {
        self.session.close().await;
        self.other.close().await;
    }
}

impl Runner {
    /// A runner for these migrations. A pool of another server than theirs is refused by every command.
    pub fn new(pool: impl Into<Pool>, migrations: Vec<Recorded>, options: Options) -> Self {
        Self { pool: pool.into(), migrations, options, name: format!("pontoon {}", std::process::id()) }
    }

    /// Adds what new code needs, in ways that old code does not notice: the next migration's
    /// first stage.
    ///
    /// # Errors
    /// See [`ExecError`]; where the migration before is not contracted yet, says what to run.
    pub async fn expand(&self) -> Result<Outcome, ExecError> {
        self.command(Stage::Expand).await
    }

    /// Gives the rows of before their values. While another runner does that, this one works beside it: more machines
    /// are more workers.
    ///
    /// # Errors
    /// See [`ExecError`].
    pub async fn backfill(&self) -> Result<Outcome, ExecError> {
        let mut begun = None;
        let fill = async { persevering!(self, open, |work| self.fill_or_join(&mut work, &mut begun)) };
        fill.instrument(span::command("backfill")).await
    }

    /// Asks something of all backfills of this database, wherever their workers are. They hear it with their next batch.
    ///
    /// # Errors
    /// See [`ExecError`].
    pub async fn ask(&self, wish: Wish, who: &str) -> Result<(), ExecError> {
        let mut session = self.pool.session().await?;
        ledger::create(&mut session).await?;
        let asked = backfill::ask(&mut session, wish, who).await;
        session.close().await;
        asked
    }

    /// Proves constraints and builds indexes. After it, deploy the new code.
    ///
    /// # Errors
    /// See [`ExecError`].
    pub async fn validate(&self) -> Result<Outcome, ExecError> {
        self.command(Stage::Validate).await
    }

    /// Takes away what only old code needed. After it there is no way back.
    ///
    /// # Errors
    /// See [`ExecError`]; refuses while a backfill's invariant does not hold.
    pub async fn contract(&self) -> Result<Outcome, ExecError> {
        self.command(Stage::Contract).await
    }

    /// All stages of all migrations that are not done: for a new database, where no old code runs.
    ///
    /// # Errors
    /// See [`ExecError`].
    pub async fn up(&self) -> Result<Vec<Outcome>, ExecError> {
        let mut outcomes = Vec::new();
        let up = async { persevering!(self, begin, |work| self.all_stages(&mut work, &mut outcomes)) };
        up.instrument(span::command("up")).await.map(|()| outcomes)
    }

    async fn all_stages(&self, work: &mut Work<'_>, outcomes: &mut Vec<Outcome>) -> Result<(), ExecError> {
        loop {
            let history = self.history(work).await?;
            let (recorded, progress) = match self.in_flight(&history) {
                Some(found) => found,
                None => match self.migrations.get(history.len()) {
                    Some(recorded) => (recorded, Progress::default()),
                    None => return Ok(()),
                },
            };
            if let Some(stage) = Stage::ALL.into_iter().find(|stage| !progress.done(*stage)) {
                if !self.run_stage(work, recorded, &progress, stage).await? {
                    return Ok(());
                }
                outcomes.push(Outcome::Did { migration: recorded.migration.id.clone(), stage });
            }
        }
    }

    /// Takes back all of the migration in flight, the last step first. Rows that were written since
    /// stay, and lose only what the old schema has no column for.
    ///
    /// # Errors
    /// See [`ExecError`]; refuses once contract has begun, and while a table that goes again holds
    /// rows (see [`Options::undo_drops_rows`]).
    pub async fn undo(&self) -> Result<Outcome, ExecError> {
        let mut begun = None;
        let undo = async { persevering!(self, begin, |work| self.take_back(&mut work, &mut begun)) };
        undo.instrument(span::command("undo")).await
    }

    /// Where the database is. Changes nothing.
    ///
    /// # Errors
    /// See [`ExecError`].
    pub async fn status(&self) -> Result<Status, ExecError> {
        let (mut session, other) = self.sessions().await?;
        let history =
            if ledger::exists(&mut session).await? { ledger::read(&mut session).await? } else { History::new() };
        let trouble = self.compare(&history).err().map(|error| error.to_string());
        let mut status = Status::of(&self.migrations, &history, trouble);
        if ledger::has_backfills(&mut session).await? {
            status.backfills = backfill::progress(&mut session).await?;
            status.control = backfill::control(&mut session).await?;
        }
        session.close().await;
        other.close().await;
        Ok(status)
    }

    /// Notes all migrations up to this one as done without running them: for a database whose
    /// tables were made by other means.
    ///
    /// # Errors
    /// See [`ExecError`]; refuses a database that has a history.
    pub async fn baseline(&self, to: &str) -> Result<Outcome, ExecError> {
        let end =
            self.migrations.iter().position(|it| it.migration.id == to).ok_or_else(|| {
                ExecError::Refused(format!("there is no migration `{to}`\n  help: `status` lists them"))
            })?;
        let mut work = self.open().await?;
        let outcome = self.note_baseline(&mut work, &self.migrations[..=end]).await;
        work.end().await;
        outcome
    }

    async fn note_baseline(&self, work: &mut Work<'_>, until: &[Recorded]) -> Result<Outcome, ExecError> {
        let session = &mut work.session;
        lock::take(session, Lock::Runner, self.options.runner_lock).await?;
        if ledger::exists(session).await? && !ledger::read(session).await?.is_empty() {
            return Err(ExecError::Refused("the database has a history already\n  help: see `status`".into()));
        }
        if introspect::tables(session).await?.is_empty() {
            return Err(ExecError::Refused(
                "the database is empty, so no migration has been run on it\n  help: `up` runs them all".into(),
            ));
        }
        let missing = baseline::missing(session, until).await?;
        if !missing.is_empty() {
            let shown: Vec<_> = missing.iter().take(5).map(|it| format!("\n  {it}")).collect();
            let more = missing.len().saturating_sub(5);
            let more = if more > 0 { format!("\n  and {more} more") } else { String::new() };
            return Err(ExecError::Refused(format!(
                "the database is not as `{}` leaves it; these do not hold:{}{more}\n  help: name the migration that it is at, or \
                 bring it there",
                until.last().map(|it| it.migration.id.as_str()).unwrap_or_default(),
                shown.concat()
            )));
        }
        ledger::create(session).await?;
        for recorded in until {
            for stage in Stage::ALL {
                let entry = stage_entry(recorded, stage, Direction::Do, "done", Some("baseline"));
                ledger::note(session, &self.name, &entry).await.map_err(ExecError::server("writing pontoon_ledger"))?;
            }
            ledger::mark(session, recorded, Stage::Contract, "done").await?;
        }
        let to = until.last().map(|it| it.migration.id.clone()).unwrap_or_default();
        Ok(Outcome::Did { migration: to, stage: Stage::Contract })
    }

    /// Two connections that we can work with.
    async fn sessions(&self) -> Result<(Session, Session), ExecError> {
        if let Some(wrong) = self.migrations.iter().find(|it| it.migration.dialect != self.pool.dialect()) {
            return Err(ExecError::Refused(format!(
                "migration `{}` is for {}, and the database is {}",
                wrong.migration.id,
                wrong.migration.dialect,
                self.pool.dialect()
            )));
        }
        let (mut session, mut other) = (self.pool.session().await?, self.pool.session().await?);
        preflight::preflight(&mut session, &mut other).await?;
        for session in [&mut session, &mut other] {
            session.name(&self.name).await.map_err(ExecError::server("naming the connection"))?;
        }
        Ok((session, other))
    }

    async fn command(&self, stage: Stage) -> Result<Outcome, ExecError> {
        let mut begun = None;
        let stages = async { persevering!(self, begin, |work| self.one_stage(&mut work, stage, &mut begun)) };
        stages.instrument(span::command(stage.name())).await
    }

    async fn begin(&self) -> Result<Work<'_>, ExecError> {
        let mut work = self.open().await?;
        lock::take(&mut work.session, Lock::Runner, self.options.runner_lock).await?;
        self.known(&mut work).await?;
        ledger::create(&mut work.session).await?;
        Ok(work)
    }

    /// A command that has no lock yet.
    async fn open(&self) -> Result<Work<'_>, ExecError> {
        meter::describe();
        let (mut session, other) = self.sessions().await?;
        let aborts = match ledger::exists(&mut session).await? && ledger::has_backfills(&mut session).await? {
            true => backfill::control(&mut session).await?.aborts,
            false => 0,
        };
        Ok(Work { session, other, pool: &self.pool, runner: &self.name, options: &self.options, aborts })
    }

    /// A database with tables and no history was made by somebody else.
    async fn known(&self, work: &mut Work<'_>) -> Result<(), ExecError> {
        let begun = ledger::exists(&mut work.session).await? && !ledger::read(&mut work.session).await?.is_empty();
        let tables = introspect::tables(&mut work.session).await?;
        if begun || tables.is_empty() {
            return Ok(());
        }
        let shown: Vec<_> = tables.iter().take(5).map(|it| format!("`{it}`")).collect();
        Err(ExecError::Refused(format!(
            "the database has tables ({}{}) and no history, so it is not known which migrations made them\n  help: if they are \
             those of a migration, say so: `baseline --to ID`; else use an empty database",
            shown.join(", "),
            if tables.len() > 5 { ", ..." } else { "" }
        )))
    }

    async fn history(&self, work: &mut Work<'_>) -> Result<History, ExecError> {
        let history = ledger::read(&mut work.session).await?;
        self.compare(&history)?;
        Ok(history)
    }

    /// The ledger must be the beginning of the list, with the same files.
    fn compare(&self, history: &History) -> Result<(), ExecError> {
        for (at, (id, progress)) in history.iter().enumerate() {
            let here = self.migrations.iter().position(|it| it.migration.id == *id);
            let wrong = match here {
                None => format!(
                    "the database has run migration `{id}`, which is not among these\n  help: get the version that has it, \
                     or the right database"
                ),
                Some(place) if place != at => format!(
                    "the database has run migration `{id}` as number {}, and here it is number {}\n  help: migrations keep \
                     their order; make the new ones anew behind it with `cargo xtask generate --rebase ID`",
                    at + 1,
                    place + 1
                ),
                Some(place) if self.migrations[place].sha256 != progress.file_sha256 => format!(
                    "migration `{id}` is not what the database has run (ran {}, here {})\n  help: put the file back with \
                     `git checkout`; to change what was run, write another migration",
                    short(&progress.file_sha256),
                    short(&self.migrations[place].sha256)
                ),
                Some(_) => continue,
            };
            return Err(ExecError::Refused(wrong));
        }
        Ok(())
    }

    /// The migration that has begun and is not contracted.
    fn in_flight(&self, history: &History) -> Option<(&Recorded, Progress)> {
        let (at, (_, progress)) = history.iter().enumerate().find(|(_, (_, it))| !it.done(Stage::Contract))?;
        Some((&self.migrations[at], progress.clone()))
    }

    /// `begun` keeps the migration that it is about: the connection may be lost after the last commit.
    async fn one_stage(
        &self,
        work: &mut Work<'_>,
        stage: Stage,
        begun: &mut Option<String>,
    ) -> Result<Outcome, ExecError> {
        let history = self.history(work).await?;
        if let Some(migration) = begun
            && history.iter().any(|(id, progress)| id == migration && progress.done(stage))
        {
            return Ok(Outcome::Did { migration: migration.clone(), stage });
        }
        let next = self.migrations.get(history.len());
        let (recorded, progress) = match (self.in_flight(&history), stage) {
            (Some(found), _) => found,
            (None, Stage::Expand) => match next {
                Some(recorded) => (recorded, Progress::default()),
                None => return Ok(Outcome::Nothing("all migrations are done".into())),
            },
            (None, Stage::Backfill | Stage::Validate | Stage::Contract) => {
                return match next {
                    Some(next) => Err(ExecError::Refused(format!(
                        "no migration has begun; the next one is `{}`\n  help: run `expand` first",
                        next.migration.id
                    ))),
                    None => Ok(Outcome::Nothing("all migrations are done".into())),
                };
            }
        };
        let id = &recorded.migration.id;
        if progress.done(stage) {
            if stage == Stage::Backfill && self.fill_again(work, recorded).await? {
                return Ok(Outcome::Did { migration: id.clone(), stage });
            }
            let next = Stage::ALL.into_iter().find(|it| !progress.done(*it)).unwrap_or(Stage::Contract);
            let deploy = if next == Stage::Contract { "deploy the new code, then " } else { "" };
            return Ok(Outcome::Nothing(format!("`{stage}` of `{id}` is done; next: {deploy}`{next}`")));
        }
        if let Some(missing) = Stage::ALL.into_iter().find(|it| *it < stage && !progress.done(*it)) {
            return Err(ExecError::Refused(format!(
                "`{stage}` of `{id}` comes after `{missing}`, which is not done\n  help: run `{missing}` first"
            )));
        }
        *begun = Some(id.clone());
        if self.run_stage(work, recorded, &progress, stage).await? {
            return Ok(Outcome::Did { migration: id.clone(), stage });
        }
        Ok(Outcome::Nothing(format!(
            "`{id}` hides what goes and takes nothing away; `contract` goes on, `undo` takes the migration back"
        )))
    }

    /// `false` if it ended before what cannot be taken back.
    async fn run_stage(
        &self,
        work: &mut Work<'_>,
        recorded: &Recorded,
        progress: &Progress,
        stage: Stage,
    ) -> Result<bool, ExecError> {
        let span = span::stage(&recorded.migration.id, stage, false);
        self.steps(work, recorded, progress, stage).instrument(span).await
    }

    async fn steps(
        &self,
        work: &mut Work<'_>,
        recorded: &Recorded,
        progress: &Progress,
        stage: Stage,
    ) -> Result<bool, ExecError> {
        let id = &recorded.migration.id;
        if progress.undoing {
            return Err(ExecError::Refused(format!(
                "migration `{id}` is on its way back\n  help: run `undo` to the end first"
            )));
        }
        if stage <= Stage::Backfill {
            for (_, step) in recorded.migration.stage(Stage::Backfill) {
                let Step::Backfill(backfill) = step else { continue };
                backfill::registered(recorded.migration.dialect, backfill, &self.options.functions)?;
            }
        }
        if stage == Stage::Validate {
            self.invariants_hold(work, recorded, stage).await?;
        }
        // behind the first statement that takes something away, what was asked before it need not and cannot be asked again
        let taken_away = if stage == Stage::Contract { takes_away(work, recorded, progress).await? } else { None };
        let asked = |at: usize| taken_away.is_some_and(|taken_away| at < taken_away);
        each::can_be_gone_through(work, recorded, stage).await?;
        // a migration goes on as it began: an upgrade in between does not mix two ways
        let server = match progress.server {
            Some(server) => server,
            None => version::of(&mut work.session).await?,
        };
        if !progress.begun {
            row_versions::enough(&mut work.session, recorded, server).await?;
        }
        work.tell(&Event::Stage { migration: id.clone(), stage, undo: false });
        if stage == Stage::Expand {
            look_ahead(work, recorded).await;
        }
        let detail = format!("{}{server}", ledger::SERVER);
        let entry = stage_entry(recorded, stage, Direction::Do, "started", Some(&detail));
        ledger::note(&mut work.session, work.runner, &entry)
            .await
            .map_err(ExecError::server("writing pontoon_ledger"))?;
        ledger::mark(&mut work.session, recorded, stage, "running").await?;
        // contract's own questions come first: they name rows, where an invariant only counts them
        let mut proven = stage != Stage::Contract || taken_away.is_some();
        for (at, step) in recorded.migration.stage(stage) {
            if progress.step(at) == StepState::Done {
                continue;
            }
            if !proven && matches!(step, Step::Statement(_)) {
                self.invariants_hold(work, recorded, stage).await?;
                proven = true;
            }
            let begun = progress.step(at) == StepState::Started;
            if stage == Stage::Contract && work.options.contract_hides && is_last(step) {
                return Ok(false);
            }
            let doing = async {
                match step {
                    Step::Statement(it) if !it.servers.include(server) => {
                        let reason =
                            format!("for servers {}; this one was {server} when the migration began", it.servers);
                        skip(work, recorded, stage, at, it, reason).await
                    }
                    Step::Statement(it) => self.statement(work, recorded, (stage, at, begun), it).await,
                    Step::Backfill(it) => self.fill(work, recorded, at, it).await,
                    Step::Assertion(it) if it.on_way_back => Ok(()),
                    Step::Assertion(_) | Step::Search(_) if asked(at) => Ok(()),
                    Step::Assertion(it) => assert_none(work, recorded, it).await,
                    // noted, so that the way back knows that it has to be asked
                    Step::Search(it) if it.on_way_back => step_note(work, recorded, stage, at, Direction::Do).await,
                    Step::Search(it) => search(work, recorded, it).await,
                }
            };
            doing.instrument(span::step(at, step)).await?;
        }
        if !proven {
            self.invariants_hold(work, recorded, stage).await?;
        }
        stage_note(work, recorded, stage, Direction::Do, "done").await?;
        ledger::mark(&mut work.session, recorded, stage, "done").await?;
        Ok(true)
    }

    async fn statement(
        &self,
        work: &mut Work<'_>,
        recorded: &Recorded,
        (stage, at, begun): (Stage, usize, bool),
        it: &Statement,
    ) -> Result<(), ExecError> {
        if let Some(each) = &it.each {
            return each::run(work, recorded, stage, at, (it, each)).await;
        }
        // what an earlier run has begun is asked for by what it does
        if let Some(fact) = it.unless.as_ref().filter(|_| !begun)
            && introspect::holds(&mut work.session, fact).await?
        {
            return skip(work, recorded, stage, at, it, format!("`{fact}` holds already")).await;
        }
        let place = place(recorded, it.line);
        apply(work, &task_of(recorded, stage, at, it, &place), begun).await
    }

    async fn fill(
        &self,
        work: &mut Work<'_>,
        recorded: &Recorded,
        step: usize,
        backfill: &Backfill,
    ) -> Result<(), ExecError> {
        let key = format!("{}/{step}", recorded.migration.id);
        let entry = |event, cost| Entry {
            step: Some(step),
            cost,
            ..stage_entry(recorded, Stage::Backfill, Direction::Do, event, None)
        };
        let noted = || ExecError::server("writing pontoon_ledger");
        let session = &mut work.session;
        lock::still_held(session).await?;
        ledger::note(session, work.runner, &entry("started", Cost::default())).await.map_err(noted())?;
        let filled = Notify::new();
        let fill = async {
            let options = &work.options.backfill;
            let (functions, observer) = (&work.options.functions, &*work.options.observer);
            let aborts = Some(work.aborts);
            let outcome = backfill::fill_since(work.pool, &key, backfill, options, functions, observer, aborts).await;
            filled.notify_one();
            Ok(outcome)
        };
        // the fill has a connection of its own, which does not end with the lock's
        let (outcome, ()) = tokio::try_join!(fill, lock::guard(session, &filled))?;
        let cost =
            Cost { duration_ms: u64::try_from(outcome?.elapsed.as_millis()).unwrap_or(u64::MAX), ..Cost::default() };
        ledger::note(session, work.runner, &entry("done", cost)).await.map_err(noted())
    }

    /// Rows that have lost their value, or were written without the triggers, are filled again.
    async fn fill_again(&self, work: &mut Work<'_>, recorded: &Recorded) -> Result<bool, ExecError> {
        let mut any = false;
        for (at, step) in recorded.migration.stage(Stage::Backfill) {
            let Step::Backfill(backfill) = step else { continue };
            if backfill.invariant_lasts && backfill::invariant_holds(&mut work.session, backfill).await.is_err() {
                self.fill(work, recorded, at, backfill).await?;
                any = true;
            }
        }
        Ok(any)
    }

    /// No backfill may have rows left when new code is deployed, nor when the triggers go. A Rust function
    /// has no triggers: until contract there are rows of old code that it has not seen.
    async fn invariants_hold(&self, work: &mut Work<'_>, recorded: &Recorded, stage: Stage) -> Result<(), ExecError> {
        for (_, step) in &recorded.migration.steps {
            let Step::Backfill(backfill) = step else { continue };
            if backfill.invariant_lasts && (backfill.function.is_none() || stage == Stage::Contract) {
                backfill::invariant_holds(&mut work.session, backfill).await?;
            }
        }
        Ok(())
    }
}

/// Says of a statement that it is not for this server, or not needed. Nothing is to be undone then.
async fn skip(
    work: &mut Work<'_>,
    recorded: &Recorded,
    stage: Stage,
    step: usize,
    statement: &Statement,
    reason: String,
) -> Result<(), ExecError> {
    work.tell(&Event::Skipped { sql: statement.sql.clone(), reason: reason.clone() });
    let entry = Entry {
        step: Some(step),
        sql: Some(&statement.sql),
        ..stage_entry(recorded, stage, Direction::Do, "skipped", Some(&reason))
    };
    ledger::note(&mut work.session, work.runner, &entry).await.map_err(ExecError::server("writing pontoon_ledger"))
}

fn task_of<'a>(
    recorded: &'a Recorded,
    stage: Stage,
    step: usize,
    statement: &'a Statement,
    place: &'a str,
) -> Task<'a> {
    let clean_up = match &statement.undo {
        Undo::Statements(undo) => undo.first().map(|it| it.sql.as_str()),
        Undo::Nothing(_) | Undo::Impossible(_) => None,
    };
    Task {
        recorded,
        stage,
        step,
        part: None,
        direction: Direction::Do,
        sql: &statement.sql,
        transactional: statement.transactional,
        settings: &statement.settings,
        claim: &statement.claim,
        done: &statement.done,
        clean_up,
        noted: "done",
        place,
    }
}

const fn undo_task<'a>(
    (recorded, stage, step, part): (&'a Recorded, Stage, usize, usize),
    undo: &'a UndoStatement,
    place: &'a str,
) -> Task<'a> {
    Task {
        recorded,
        stage,
        step,
        part: Some(part),
        direction: Direction::Undo,
        sql: undo.sql.as_str(),
        transactional: undo.transactional,
        settings: undo.settings.as_slice(),
        claim: &undo.claim,
        done: &undo.done,
        clean_up: None,
        noted: "done",
        place,
    }
}

async fn step_note(
    work: &mut Work<'_>,
    recorded: &Recorded,
    stage: Stage,
    step: usize,
    direction: Direction,
) -> Result<(), ExecError> {
    let entry = Entry { step: Some(step), ..stage_entry(recorded, stage, direction, "done", None) };
    ledger::note(&mut work.session, work.runner, &entry).await.map_err(ExecError::server("writing pontoon_ledger"))
}

async fn stage_note(
    work: &mut Work<'_>,
    recorded: &Recorded,
    stage: Stage,
    direction: Direction,
    event: &'static str,
) -> Result<(), ExecError> {
    let entry = stage_entry(recorded, stage, direction, event, None);
    ledger::note(&mut work.session, work.runner, &entry).await.map_err(ExecError::server("writing pontoon_ledger"))
}

fn stage_entry<'a>(
    recorded: &'a Recorded,
    stage: Stage,
    direction: Direction,
    event: &'static str,
    detail: Option<&'a str>,
) -> Entry<'a> {
    Entry { recorded, stage, step: None, part: None, direction, event, sql: None, cost: Cost::default(), detail }
}

fn place(recorded: &Recorded, line: usize) -> String {
    format!("{}/{}.sql:{line}", recorded.migration.id, recorded.migration.dialect)
}

fn short(sha256: &str) -> &str {
    &sha256[..sha256.len().min(12)]
}
