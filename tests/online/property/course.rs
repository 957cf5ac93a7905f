//! How a case's migration is run: how far it goes before it turns back, who writes meanwhile, and where
//! it is cut off.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use fastrand::Rng;
use pontoon::exec::{Event, ExecError, Observer, Options, Outcome, Runner};
use pontoon::migration::Stage;
use pontoon::migration::history::Recorded;
use tokio::sync::Notify;

use crate::support::Fresh;

/// The ways that a migration goes, one after the other.
#[derive(Debug, Clone, Default)]
pub(super) struct Course {
    /// There and back again.
    pub(super) turns: Vec<Turn>,
    /// To the end.
    pub(super) last: Turn,
    /// Where a command ends in the midst of its work, once.
    pub(super) cut: Option<Cut>,
}

/// One way there.
#[derive(Debug, Clone)]
pub(super) struct Turn {
    /// Before it is undone.
    pub(super) until: Stage,
    /// After these stages old code writes.
    pub(super) old_code: Vec<Stage>,
    /// At the end new code writes, if it may.
    pub(super) new_code: bool,
}

impl Default for Turn {
    fn default() -> Self {
        Self { until: Stage::Contract, old_code: Vec::new(), new_code: true }
    }
}

/// The connection is lost while a statement runs.
#[derive(Debug, Clone, Copy)]
pub(super) struct Cut {
    /// Of all commands, counted from 0.
    pub(super) command: usize,
    /// Of all its statements, counted from 1. It is not cut off where there are fewer.
    pub(super) statement: usize,
    /// Whether it is undone then, and not run again.
    pub(super) back: bool,
}

/// Undone after each stage, in half of the cases cut off once.
pub(super) fn course(rng: &mut Rng) -> Course {
    let mut turns: Vec<Turn> = [Stage::Expand, Stage::Backfill, Stage::Validate].map(|it| turn(rng, it)).into();
    // where all are tried in many cases, not every case needs to try all
    let all = rng.u8(..3) == 0;
    turns.retain(|_| all || rng.bool());
    let cut = Cut { command: rng.usize(..10), statement: rng.usize(1..=6), back: rng.bool() };
    Course { turns, last: turn(rng, Stage::Contract), cut: rng.bool().then_some(cut) }
}

fn turn(rng: &mut Rng, until: Stage) -> Turn {
    let before_contract = Stage::ALL.into_iter().filter(|it| *it <= until && *it != Stage::Contract);
    let old_code = before_contract.filter(|_| rng.u8(..3) == 0).collect();
    Turn { until, old_code, new_code: until == Stage::Contract || until == Stage::Validate && rng.bool() }
}

/// What a runner is told to do.
#[derive(Debug, Clone, Copy)]
pub(super) enum Command {
    Stage(Stage),
    Undo,
}

impl Command {
    async fn run(self, runner: &Runner) -> Result<Outcome, ExecError> {
        match self {
            Self::Stage(Stage::Expand) => runner.expand().await,
            Self::Stage(Stage::Backfill) => runner.backfill().await,
            Self::Stage(Stage::Validate) => runner.validate().await,
            Self::Stage(Stage::Contract) => runner.contract().await,
            Self::Undo => runner.undo().await,
        }
    }
}

/// The commands of one case.
pub(super) struct Commands<'a> {
    fresh: &'a Fresh,
    migrations: Vec<Recorded>,
    cut: Option<Cut>,
    begun: AtomicUsize,
}

impl<'a> Commands<'a> {
    pub(super) const fn new(fresh: &'a Fresh, migrations: Vec<Recorded>, cut: Option<Cut>) -> Self {
        Self { fresh, migrations, cut, begun: AtomicUsize::new(0) }
    }

    /// Runs it to its end; `false` if it was cut off and is to be undone.
    pub(super) async fn run(&self, command: Command) -> Result<bool, ExecError> {
        let at = self.begun.fetch_add(1, Ordering::Relaxed);
        if let Some(cut) = self.cut.filter(|it| it.command == at)
            && self.cut_off(command, cut.statement).await?
            && cut.back
            && matches!(command, Command::Stage(stage) if stage != Stage::Contract)
        {
            return Ok(false);
        }
        // also where it ended before it could be cut off: then there is nothing left to do
        command.run(&self.runner(Options::default())).await.map(|_| true)
    }

    /// What it says, where it does not begin.
    pub(super) async fn refused(&self, command: Command) -> Option<String> {
        command.run(&self.runner(Options::default())).await.err().map(|it| it.to_string())
    }

    /// Whether it was. The server learns of it when it likes, as with any application that is killed.
    async fn cut_off(&self, command: Command, statement: usize) -> Result<bool, ExecError> {
        let scissors = Arc::new(Scissors { left: AtomicUsize::new(statement), cut: Notify::new() });
        let runner = self.runner(Options { observer: scissors.clone(), ..Options::default() });
        tokio::select! {
            biased;
            () = scissors.cut.notified() => Ok(true),
            outcome = command.run(&runner) => outcome.map(|_| false),
        }
    }

    fn runner(&self, options: Options) -> Runner {
        let options = Options { undo_drops_rows: true, runner_lock: Duration::from_secs(180), ..options };
        self.fresh.runner_with(self.migrations.clone(), options)
    }
}

/// Hears of each statement just before it is sent.
struct Scissors {
    left: AtomicUsize,
    cut: Notify,
}

impl Observer for Scissors {
    fn event(&self, event: &Event) {
        if matches!(event, Event::Statement { .. } | Event::Batch { .. })
            && self.left.fetch_sub(1, Ordering::Relaxed) == 1
        {
            self.cut.notify_one();
        }
    }
}
