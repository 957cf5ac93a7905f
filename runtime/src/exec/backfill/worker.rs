//! A worker: a connection that takes ranges of the table, one after the other, and fills them batch by batch.

use std::time::{Duration, Instant};

use tracing::Instrument as _;

use super::super::event::Event;
use super::super::lock::{self, Lock};
use super::super::ranges::Ranges;
use super::super::session::no_room;
use super::super::{ExecError, Session, meter, span};
use super::batch::{self, Batch, Request};
use super::control::Control;
use super::measure::Reason;
use super::pace::Pace;
use super::store::{self, Now, Range};
use super::team::Team;
use super::{BackfillOptions, blocks, function, keys, room};
use crate::dialect::Dialect;
use crate::migration::{Claim, LockMode, WalkBy};

/// Does what needs a moment's lock on Pontoon's own rows, again when somebody else had it.
macro_rules! patiently {
    ($session:expr, $work:expr) => {{
        let mut attempt = 0;
        loop {
            match $work.await {
                Ok(done) => break done,
                Err(error) => $crate::exec::backfill::worker::again(&mut $session, error, &mut attempt).await?,
            }
        }
    }};
}
pub(super) use patiently;

/// How often a worker without a range looks for one, and a paused one whether it may go on.
const LOOK: Duration = Duration::from_millis(100);

/// How often its control is read by a worker that does nothing else.
const READ_CONTROL: Duration = Duration::from_millis(250);

/// What became of a batch.
#[derive(Debug)]
pub(super) enum Outcome {
    /// It committed.
    Done(Box<Batch>),
    /// The server gave way to others, and we have paused.
    GaveWay,
    /// The range is another's, or the round is over: nothing of the batch was written.
    Lost,
}

/// A worker of a fill.
pub(super) struct Worker<'a> {
    pub(super) team: &'a Team<'a>,
    pub(super) session: Session,
    name: String,
    /// How a walk by keys finds its way.
    pub(super) ranges: Option<Ranges>,
    /// Since when, and how often, the next batch has given way to others.
    gave_way: Option<(Instant, u32)>,
    /// Rows of its range to which a function gave no value.
    declined: u64,
    /// Rows a second, as others see it.
    rate: f64,
    /// When the batch before this one ended.
    last_end: Instant,
    /// How long batches should take, as it was asked last.
    target: Duration,
    /// How large batches are, for each pass: kept from one range to the next.
    paces: Vec<Pace>,
}

impl<'a> Worker<'a> {
    pub(super) async fn start(team: &'a Team<'a>) -> Result<Self, ExecError> {
        let mut session = team.pool.session().await?;
        prepare(&mut session, team.options).await?;
        let name = loop {
            let name = format!("{}-{:08x}", std::process::id(), fastrand::u32(..));
            // on PostgreSQL a lock is a hash of the name: another one's may be the same
            if lock::tried(&mut session, Lock::Worker(&name)).await? {
                break name;
            }
        };
        let dialect = session.dialect();
        let ranges = match &team.walk.by {
            WalkBy::Blocks | WalkBy::Tids => None,
            WalkBy::Keys(columns) => Some(Ranges::new(dialect, &team.backfill.table, columns, team.doing())),
        };
        let by_function = team.backfill.function.is_some();
        let now = store::question(dialect, team.key, team.filenode_of());
        batch::prepare(&mut session, team.store(), team.walk, ranges.as_ref(), by_function).await?;
        batch::prepare_question(&mut session, &now).await?;
        Ok(Self {
            team,
            session,
            name,
            ranges,
            gave_way: None,
            declined: 0,
            rate: 0.0,
            last_end: Instant::now(),
            target: team.batch_target(dialect),
            paces: Vec::new(),
        })
    }

    /// Works until no range is left, here or with anybody else.
    pub(super) async fn run(self) -> Result<(), ExecError> {
        let span = span::worker(&self.team.backfill.table, &self.team.backfill.column, &self.name);
        self.ranges().instrument(span).await
    }

    async fn ranges(mut self) -> Result<(), ExecError> {
        while let Some(range) = self.next_range().await? {
            if let Some(worker) = &range.taken_from {
                self.team.meter().taken_over();
                self.team.tell(&Event::TakenOver {
                    table: self.team.backfill.table.clone(),
                    column: self.team.backfill.column.clone(),
                    worker: worker.clone(),
                });
            }
            self.declined = 0;
            let ended = match &self.team.walk.by {
                WalkBy::Blocks | WalkBy::Tids => blocks::walk(&mut self, &range).await?,
                WalkBy::Keys(_) => keys::walk(&mut self, &range).await?,
            };
            if ended {
                let (store, declined) = (self.team.store(), self.declined);
                patiently!(self.session, store.hand_in(&mut self.session, &range, declined));
                if self.team.options.disk_short && self.session.dialect() == Dialect::Postgres {
                    room::vacuum(&mut self.session, self.team).await?;
                }
            }
        }
        self.session.close().await;
        Ok(())
    }

    /// The next range; nothing when all were walked to their end. While others have the last ones, it waits: one of
    /// them may die.
    async fn next_range(&mut self) -> Result<Option<Range>, ExecError> {
        let store = self.team.store();
        loop {
            let Some(now) = self.now().await? else { return Ok(None) };
            if now.complete {
                return Ok(None);
            }
            self.may_go_on(now.control.clone(), None).await?;
            let name = self.name.clone();
            let taken = patiently!(self.session, store.take_over(&mut self.session, &name));
            if taken.is_some() {
                return Ok(taken);
            }
            if now.next.is_some() {
                let deal = match &self.team.walk.by {
                    WalkBy::Blocks | WalkBy::Tids => blocks::deal(&now)?,
                    WalkBy::Keys(_) => keys::deal(self, &now).await?,
                };
                let dealt = patiently!(self.session, store.deal(&mut self.session, &name, &now, &deal));
                if dealt.is_some() {
                    return Ok(dealt);
                }
            } else if now.ranges == 0 {
                return Ok(None);
            } else {
                tokio::time::sleep(LOOK).await;
            }
        }
    }

    /// How the fill is now.
    pub(super) async fn now(&mut self) -> Result<Option<Now>, ExecError> {
        self.team.store().now(&mut self.session, self.team.filenode_of()).await
    }

    /// How long a batch should take now.
    pub(super) const fn target(&self) -> Duration {
        self.target
    }

    /// The paces of so many passes, as the range before left them.
    pub(super) fn take_paces(&mut self, passes: u32) -> Vec<Pace> {
        let kept = std::mem::take(&mut self.paces);
        if kept.len() == passes as usize {
            return kept;
        }
        let first = match &self.team.walk.by {
            WalkBy::Blocks | WalkBy::Tids => Pace::new(4, 1, blocks::WINDOW as u32, self.target),
            WalkBy::Keys(_) => keys::pace(self.session.dialect(), self.team.backfill.function.is_some(), self.target),
        };
        vec![first; passes as usize]
    }

    pub(super) fn keep_paces(&mut self, paces: Vec<Pace>) {
        self.paces = paces;
    }

    /// One batch with its checkpoint, in a transaction of its own.
    pub(super) async fn batch(&mut self, range: &Range, mut request: Request) -> Result<Outcome, ExecError> {
        request.question = batch::question(&request.question);
        let begun = Instant::now();
        let span = span::batch();
        match self.attempt(range, &request).instrument(span.clone()).await {
            Ok(None) => Ok(Outcome::Lost),
            Ok(Some(batch)) => {
                span.record("rows", batch.rows);
                self.gave_way = None;
                self.after(range, batch, begun.elapsed()).await
            }
            Err(error) => {
                self.session.execute("ROLLBACK").await.map_err(ExecError::server(self.team.doing()))?;
                if super::super::retry::gave_way(&error) {
                    return self.give_way(range, &error).await;
                }
                // the lease cannot be renewed where nothing can be written
                let server_said = matches!(error, sqlx::Error::Database(_)) && !no_room(&error);
                let store = self.team.store();
                if server_said && !patiently!(self.session, store.renew(&mut self.session, range)) {
                    return Ok(Outcome::Lost);
                }
                Err(self.failed(error))
            }
        }
    }

    async fn attempt(&mut self, range: &Range, request: &Request) -> Result<Option<Batch>, sqlx::Error> {
        let (dialect, store) = (self.session.dialect(), self.team.store());
        let Some(fill) = &self.team.backfill.function else {
            let text = batch::text(dialect, store, range, request, self.rate);
            return Ok(batch::read(self.session.rows(&text).await?));
        };
        let WalkBy::Keys(columns) = &self.team.walk.by else { return Ok(None) };
        self.session.execute("BEGIN").await?;
        let begun = Instant::now();
        let of_rows = function::Request { fill, select: &self.team.walk.sql, args: &request.args, keys: columns.len() };
        let changed = self.team.functions.call(&mut self.session, of_rows).await?;
        let update = begun.elapsed();
        let note = batch::note(dialect, store, range, request, self.rate, &changed.written.to_string());
        if self.session.execute(&note).await? != 1 {
            self.session.execute("ROLLBACK").await?;
            return Ok(None);
        }
        let answer = self.session.rows(&format!("COMMIT; {}", request.question)).await?;
        self.declined += changed.declined;
        Ok(Some(Batch { rows: changed.written, update, answer }))
    }

    /// Counts a batch, rests as was asked, and says whether the round goes on.
    async fn after(&mut self, range: &Range, batch: Batch, took: Duration) -> Result<Outcome, ExecError> {
        let seconds = self.last_end.elapsed().as_secs_f64().max(1e-6);
        self.last_end = Instant::now();
        let rate = batch.rows as f64 / seconds;
        self.rate = if self.rate > 0.0 { self.rate * 0.9 + rate * 0.1 } else { rate };
        let Some(now) = Now::among(&batch.answer) else { return Err(self.team.taken_back()) };
        self.team.count(&now, batch.rows, took);
        self.target = now.control.batch.unwrap_or_else(|| self.team.batch_target(self.session.dialect()));
        if now.round != range.round {
            return Ok(Outcome::Lost);
        }
        if self.team.moved(&now) {
            self.team.begin_anew(&mut self.session, &now).await?;
            return Ok(Outcome::Lost);
        }
        self.team.measures.batch_took(took);
        let control = self.rest(now.control.rest(took), now.control, range).await?;
        self.may_go_on(control, Some(range)).await?;
        Ok(Outcome::Done(Box::new(batch)))
    }

    /// Rests, and keeps the range meanwhile. Ends earlier when something else is asked; gives what is asked now.
    async fn rest(&mut self, rest: Duration, control: Control, range: &Range) -> Result<Control, ExecError> {
        let (begun, mut renewed) = (Instant::now(), Instant::now());
        loop {
            let left = rest.saturating_sub(begun.elapsed());
            if left.is_zero() {
                return Ok(control);
            }
            tokio::time::sleep(left.min(READ_CONTROL)).await;
            if left < READ_CONTROL {
                continue;
            }
            let asked = super::control::read(&mut self.session).await?;
            if asked != control {
                return Ok(asked);
            }
            if renewed.elapsed() > self.team.options.lease / 3 {
                renewed = Instant::now();
                let store = self.team.store();
                patiently!(self.session, store.renew(&mut self.session, range));
            }
        }
    }

    /// Waits while somebody has paused the fill or a measure is beyond its bound, and keeps the range meanwhile.
    async fn may_go_on(&mut self, mut control: Control, range: Option<&Range>) -> Result<(), ExecError> {
        let mut renewed = Instant::now();
        let mut held: Option<Reason> = None;
        loop {
            if control.aborts > self.team.aborts {
                return Err(ExecError::Stopped(format!(
                    "{}: told to stop by {}\n  help: what is filled stays; `backfill` goes on, `undo` takes the migration back",
                    self.team.doing(),
                    control.asked_by
                )));
            }
            let reason = match control.paused {
                true => Some(Reason { kind: "paused", text: format!("paused by {}", control.asked_by) }),
                false => self.team.measures.reason(),
            };
            let Some(reason) = reason else {
                if held.is_some() {
                    self.team.resumed();
                    self.last_end = Instant::now();
                }
                return Ok(());
            };
            if held.as_ref() != Some(&reason) {
                self.team.held(&reason);
                held = Some(reason);
            }
            tokio::time::sleep(READ_CONTROL).await;
            if let Some(range) = range
                && renewed.elapsed() > self.team.options.lease / 3
            {
                renewed = Instant::now();
                let store = self.team.store();
                patiently!(self.session, store.renew(&mut self.session, range));
            }
            control = super::control::read(&mut self.session).await?;
        }
    }

    /// Pauses, or stops when the budget is spent.
    async fn give_way(&mut self, range: &Range, error: &sqlx::Error) -> Result<Outcome, ExecError> {
        let (since, attempts) = self.gave_way.map_or((Instant::now(), 1), |(since, attempts)| (since, attempts + 1));
        self.gave_way = Some((since, attempts));
        meter::retried("batch");
        self.team.tell(&Event::Retry { reason: error.to_string() });
        if since.elapsed() >= self.team.options.budget {
            // whoever has written to the table and not committed may hold the rows
            let writes = Claim::none().lock(&self.team.backfill.table, LockMode::ShareRowExclusive);
            let blockers = super::super::blockers::find(&mut self.session, &writes).await?;
            let waited_ms = super::super::apply::millis(since);
            return Err(ExecError::Blocked {
                doing: self.team.doing(),
                left: "what is filled stays",
                waited_ms,
                attempts,
                blockers,
            });
        }
        tokio::time::sleep(super::super::retry::pause(attempts)).await;
        let store = self.team.store();
        let ours = patiently!(self.session, store.renew(&mut self.session, range));
        Ok(if ours { Outcome::GaveWay } else { Outcome::Lost })
    }

    fn failed(&self, error: sqlx::Error) -> ExecError {
        let doing = self.team.doing();
        match error {
            error if no_room(&error) => ExecError::Server { doing, error },
            sqlx::Error::Database(error) => ExecError::Incomplete(format!(
                "{doing}: {}\n  help: mend the rows or the expression; nothing of this batch was written",
                error.message()
            )),
            sqlx::Error::Configuration(said) => ExecError::Incomplete(format!(
                "{doing}: {said}\n  help: mend the function or the rows; nothing of this batch was written"
            )),
            error => ExecError::Server { doing, error },
        }
    }
}

/// Pauses before another attempt, or gives the error back.
pub(super) async fn again(session: &mut Session, error: ExecError, attempt: &mut u32) -> Result<(), ExecError> {
    let ExecError::Server { doing, error } = error else { return Err(error) };
    session.execute("ROLLBACK").await.map_err(ExecError::server(doing.as_str()))?;
    *attempt += 1;
    if *attempt == 100 || !super::super::retry::gave_way(&error) {
        return Err(ExecError::Server { doing, error });
    }
    tokio::time::sleep(super::super::retry::pause(1)).await;
    Ok(())
}

/// What a fill's own connection needs.
pub(super) async fn prepare(session: &mut Session, options: &BackfillOptions) -> Result<(), ExecError> {
    let statements: &[&str] = match session.dialect() {
        // a batch waits briefly for a row, since others wait for the rows it has, and gives way
        Dialect::Postgres => {
            &["SET application_name = 'pontoon backfill'; SET lock_timeout = '100ms'; SET statement_timeout = 0"]
        }
        Dialect::MySql => &[
            "SET SESSION TRANSACTION ISOLATION LEVEL READ COMMITTED",
            "SET SESSION innodb_lock_wait_timeout = 1",
            "SET @pontoon_backfill = 1",
        ],
    };
    for sql in statements {
        session.execute(sql).await.map_err(ExecError::server("preparing the backfill's connection"))?;
    }
    if options.minimal_binlog && session.dialect() == Dialect::MySql {
        session.execute("SET SESSION binlog_row_image = MINIMAL").await.map_err(|error| match error {
            sqlx::Error::Database(error) => ExecError::Refused(format!(
                "the binary log cannot be kept small: {}\n  help: grant SESSION_VARIABLES_ADMIN, or leave it as it is",
                error.message()
            )),
            error => ExecError::server("preparing the backfill's connection")(error),
        })?;
    }
    Ok(())
}
