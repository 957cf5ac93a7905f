//! One fill, measured: on a database of its own, with or without clients beside it.

use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use pontoon::exec::backfill::{BackfillOptions, Growth};
use pontoon::exec::{Event, ExecError, Observer, Options, Outcome, Pool, Runner};
use pontoon::migration::Stage;

use super::BackfillArgs;
use super::job::{Job, execute};
use super::peers::Peer;
use super::sizes::{Peak, Sizes};
use crate::bench::load::{Felt, Load};
use crate::bench::memory;
use crate::verify::conn::{Conn, message_of};
use crate::verify::server::{Database, Server};

/// For how long clients are looked at before anything is done to their table.
const BEFORE: Duration = Duration::from_secs(3);

/// Who fills the column.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) enum Way {
    OneUpdate,
    /// Pontoon, with so many workers.
    Workers(u32),
    Peer(&'static Peer),
}

/// What was measured of one fill.
#[derive(Debug, Clone, Default)]
pub(super) struct Measured {
    /// Seconds of the fill; of a peer all that it does, since it does not tell.
    pub(super) seconds: f64,
    /// Seconds from the first statement to the last, contract included.
    pub(super) whole: f64,
    /// The table's bytes after it, over those before.
    pub(super) table: f64,
    pub(super) indexes: Option<f64>,
    /// The most that the database took meanwhile, over what it took before.
    pub(super) peak: f64,
    /// Bytes of WAL or binary log, those of the clients included.
    pub(super) log: f64,
    /// How the table was predicted to grow.
    pub(super) predicted: Option<Growth>,
    /// Seconds of processor time of this process during the fill: its own, and that of clients.
    pub(super) cpu: f64,
    /// This process's resident memory at the fill's end, in bytes.
    pub(super) memory: f64,
    /// What clients felt before, and during the whole migration.
    pub(super) felt: Option<(Felt, Felt)>,
    /// What they felt in each stage.
    pub(super) stages: Vec<(Stage, Felt)>,
    /// What the first operation that failed was told.
    pub(super) failure: Option<String>,
}

/// Fills once, in a database that is made for it.
pub(super) async fn measured(
    server: &Server,
    args: &BackfillArgs,
    job: Job,
    way: Way,
    load: bool,
) -> Result<Measured, String> {
    let database = server.fresh_database("bench").await.map_err(|error| error.to_string())?;
    let outcome = once(&database, args, job, way, load).await;
    server.drop_database(database).await.map_err(|error| error.to_string())?;
    outcome
}

async fn once(database: &Database, args: &BackfillArgs, job: Job, way: Way, load: bool) -> Result<Measured, String> {
    let pool = Pool::connect_lazy(database.url()).map_err(|error| error.to_string())?;
    let migrations = job.migrations()?;
    let first = Runner::new(pool.clone(), migrations[..1].to_vec(), Options::default());
    first.up().await.map_err(|error| error.to_string())?;
    let mut conn = Conn::open(database.url()).await.map_err(|error| message_of(&error))?;
    job.insert_rows(&mut conn).await?;
    if way == Way::OneUpdate {
        execute(&mut conn, job.add_column()).await?;
    }
    let clients = if load { Some(Load::start(database.url(), job).await?) } else { None };
    let warm = Instant::now();
    if load {
        tokio::time::sleep(BEFORE).await;
    }
    let (before, peak) = (Sizes::now(&mut conn).await?, Peak::watch(database.url()).await?);
    let begun = Instant::now();
    let mut done = match way {
        Way::OneUpdate => {
            execute(&mut conn, &job.update()).await?;
            Done { fill: begun.elapsed(), ..Done::default() }
        }
        Way::Workers(workers) => {
            let seen = Arc::new(Seen::default());
            let options = Options { backfill: args.options(workers), observer: seen.clone(), ..Options::default() };
            let mut done = staged(&Runner::new(pool.clone(), migrations, options), clients.as_ref()).await?;
            done.predicted = seen.0.lock().ok().and_then(|it| *it);
            done
        }
        Way::Peer(peer) => {
            peer.run(database.url(), job).await?;
            Done { fill: begun.elapsed(), ..Done::default() }
        }
    };
    let (ended, after) = (Instant::now(), Sizes::now(&mut conn).await?);
    let mut measured = Measured {
        seconds: done.fill.as_secs_f64(),
        whole: (ended - begun).as_secs_f64(),
        table: after.table / before.table.max(1.0),
        indexes: after.indexes.zip(before.indexes).map(|(after, before)| after / before.max(1.0)),
        peak: peak.times().await?,
        log: after.log - before.log,
        predicted: done.predicted,
        cpu: done.cpu,
        memory: memory::resident().unwrap_or_default(),
        ..Measured::default()
    };
    if let Some(clients) = clients {
        let log = clients.stop().await?;
        measured.felt = Some((log.felt(warm, begun), log.felt(begun, ended)));
        measured.stages = done.stages.drain(..).map(|(stage, from, to)| (stage, log.felt(from, to))).collect();
        measured.failure = log.failure().map(str::to_owned);
    }
    let lost = job.lost(&mut conn, way == Way::OneUpdate).await?;
    conn.close().await.ok();
    match lost {
        0 => Ok(measured),
        lost => Err(format!("{lost} rows are gone or have another value than their expression gives")),
    }
}

/// What a migration's run tells of itself.
#[derive(Default)]
struct Done {
    fill: Duration,
    cpu: f64,
    predicted: Option<Growth>,
    stages: Vec<(Stage, Instant, Instant)>,
}

/// The whole migration; new code is deployed where it belongs, before contract.
async fn staged(runner: &Runner, clients: Option<&Load>) -> Result<Done, String> {
    let mut done = Done::default();
    for stage in Stage::ALL {
        if let (Stage::Contract, Some(clients)) = (stage, clients) {
            clients.deploy().await;
        }
        let (from, cpu) = (Instant::now(), memory::processor_seconds().unwrap_or_default());
        run_stage(runner, stage).await.map_err(|error| error.to_string())?;
        if stage == Stage::Backfill {
            done.fill = from.elapsed();
            done.cpu = memory::processor_seconds().unwrap_or_default() - cpu;
        }
        done.stages.push((stage, from, Instant::now()));
    }
    Ok(done)
}

async fn run_stage(runner: &Runner, stage: Stage) -> Result<Outcome, ExecError> {
    match stage {
        Stage::Expand => runner.expand().await,
        Stage::Backfill => runner.backfill().await,
        Stage::Validate => runner.validate().await,
        Stage::Contract => runner.contract().await,
    }
}

/// Keeps what a fill predicts.
#[derive(Default)]
struct Seen(Mutex<Option<Growth>>);

impl Observer for Seen {
    fn event(&self, event: &Event) {
        if let (Event::Growth { growth, .. }, Ok(mut seen)) = (event, self.0.lock()) {
            *seen = Some(*growth);
        }
    }
}

impl BackfillArgs {
    pub(super) fn options(&self, workers: u32) -> BackfillOptions {
        BackfillOptions {
            workers,
            batch: self.batch.map(Duration::from_millis),
            passes: self.passes,
            disk_short: self.disk_short,
            minimal_binlog: self.minimal_binlog,
            log_writer_threads: self.log_writer_threads,
            // how much the table grows is measured here
            accept_growth: Some(f64::MAX),
            ..BackfillOptions::default()
        }
    }
}
