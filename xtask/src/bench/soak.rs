//! A long fill beside clients that write: whether the memory of the runner stays flat, and whether any row is lost.

use std::time::{Duration, Instant};

use clap::Args;
use pontoon::exec::backfill::{BackfillOptions, Filled, fill};
use pontoon::exec::{Options, Pool, Runner, Silent};
use tokio::sync::oneshot;

use super::backfill::job::{Job, Key, Value, backfill};
use super::load::Load;
use super::memory::resident;
use crate::verify::conn::{Conn, message_of};
use crate::verify::server::{Database, Engines, Server, Source, start_all};

/// How often the memory is looked at.
const EVERY: Duration = Duration::from_millis(500);

/// What to fill, and where.
#[derive(Debug, Args)]
pub(super) struct SoakArgs {
    /// Rows of the table
    #[arg(long, default_value_t = 10_000_000, value_parser = clap::value_parser!(u64).range(1_000..))]
    rows: u64,
    /// An engine: postgres, postgres:17, mysql:9.7; several are allowed [default: both]
    #[arg(long = "engine", value_name = "ENGINE")]
    engines: Vec<Engines>,
    /// Where servers come from: auto, docker, local, packages, or the URL of one of yours
    #[arg(long, default_value = "auto")]
    source: Source,
    /// How many workers fill the column
    #[arg(long, default_value_t = 2, value_parser = clap::value_parser!(u32).range(1..=64))]
    workers: u32,
}

/// The memory of this process at some times: seconds since the fill began, and resident bytes.
#[derive(Debug, Default)]
struct Memory(Vec<(f64, f64)>);

/// What the memory did after its first tenth, in which buffers find their size.
#[derive(Debug, PartialEq)]
struct Course {
    least: f64,
    most: f64,
    /// Bytes a second, by least squares.
    slope: f64,
    seconds: f64,
}

impl Memory {
    fn course(&self) -> Option<Course> {
        let begins = self.0.len() / 10;
        let (warm, last) = (self.0.get(begins..)?, self.0.last()?.0);
        let count = warm.len() as f64;
        let mean = |of: fn(&(f64, f64)) -> f64| warm.iter().map(of).sum::<f64>() / count;
        let (at, bytes) = (mean(|it| it.0), mean(|it| it.1));
        let spread: f64 = warm.iter().map(|it| (it.0 - at).powi(2)).sum();
        let both: f64 = warm.iter().map(|it| (it.0 - at) * (it.1 - bytes)).sum();
        Some(Course {
            least: warm.iter().map(|it| it.1).fold(f64::INFINITY, f64::min),
            most: warm.iter().map(|it| it.1).fold(0.0, f64::max),
            slope: if spread > 0.0 { both / spread } else { 0.0 },
            seconds: last - warm.first()?.0,
        })
    }
}

pub(super) async fn run(args: &SoakArgs) -> Result<(), String> {
    let servers = start_all(&Engines::flat(&args.engines), &args.source).await.map_err(|error| error.to_string())?;
    for server in &servers {
        eprintln!("pontoon: {} rows on {}", args.rows, server.describe());
        let database = server.fresh_database("soak").await.map_err(|error| error.to_string())?;
        let outcome = soak(server, &database, args).await;
        server.drop_database(database).await.map_err(|error| error.to_string())?;
        outcome?;
    }
    Ok(())
}

async fn soak(server: &Server, database: &Database, args: &SoakArgs) -> Result<(), String> {
    let pool = Pool::connect_lazy(database.url()).map_err(|error| error.to_string())?;
    let job = Job { dialect: server.dialect(), rows: args.rows, key: Key::Number, value: Value::Short };
    let migrations = job.migrations()?;
    let runner = |count: usize| Runner::new(pool.clone(), migrations[..count].to_vec(), Options::default());
    runner(1).up().await.map_err(|error| error.to_string())?;
    let mut conn = Conn::open(database.url()).await.map_err(|error| message_of(&error))?;
    job.insert_rows(&mut conn).await?;
    runner(2).expand().await.map_err(|error| error.to_string())?;
    let clients = Load::without_log(database.url(), job).await?;
    let options =
        BackfillOptions { workers: args.workers, accept_growth: Some(f64::MAX), ..BackfillOptions::default() };
    let (stop, stopped) = oneshot::channel();
    let memory = tokio::spawn(sampled(stopped));
    let begun = Instant::now();
    let filled = fill(&pool, "soak", backfill(&migrations[1])?, &options, &Silent).await;
    let seconds = begun.elapsed().as_secs_f64();
    let _ = stop.send(());
    let memory = memory.await.map_err(|error| error.to_string())??;
    let operations = clients.done();
    if let Some(failure) = clients.stop().await?.failure() {
        return Err(format!("a client's operation failed: {failure}"));
    }
    let filled = filled.map_err(|error| error.to_string())?;
    let lost = job.lost(&mut conn, false).await?;
    conn.close().await.ok();
    print(server, args, &filled, seconds, operations, &memory, lost);
    match lost {
        0 => Ok(()),
        lost => Err(format!("{lost} rows are gone or have another value than their expression gives")),
    }
}

async fn sampled(mut stopped: oneshot::Receiver<()>) -> Result<Memory, String> {
    let (begun, mut memory) = (Instant::now(), Memory::default());
    loop {
        memory.0.push((begun.elapsed().as_secs_f64(), resident()?));
        if tokio::time::timeout(EVERY, &mut stopped).await.is_ok() {
            return Ok(memory);
        }
    }
}

fn print(server: &Server, args: &SoakArgs, filled: &Filled, seconds: f64, operations: u64, memory: &Memory, lost: u64) {
    let mega = |bytes: f64| bytes / f64::from(1 << 20);
    println!(
        "\n{}: {} rows, {} workers, {operations} operations of 4 clients beside",
        server.describe(),
        args.rows,
        args.workers
    );
    println!(
        "filled in {seconds:.0} s ({:.0} rows/s, {} batches, the longest {:.0} ms); rows lost or wrong: {lost}",
        args.rows as f64 / seconds,
        filled.batches,
        filled.longest_batch.as_secs_f64() * 1_000.0
    );
    if let Some(it) = memory.course() {
        println!(
            "resident memory of runner and clients after the first tenth: {:.1} to {:.1} MB, slope {:+.4} MB a minute over {:.0} s, \
             {} samples",
            mega(it.least),
            mega(it.most),
            mega(it.slope * 60.0),
            it.seconds,
            memory.0.len()
        );
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_grows_is_seen_and_the_beginning_does_not_count() {
        let of = |bytes: fn(f64) -> f64| Memory((0..100).map(|at| (f64::from(at), bytes(f64::from(at)))).collect());
        let flat = of(|at| if at < 10.0 { at } else { 50.0 }).course().unwrap();
        assert_eq!(flat, Course { least: 50.0, most: 50.0, slope: 0.0, seconds: 89.0 });
        let grows = of(|at| 3.0 * at).course().unwrap();
        assert!((grows.slope - 3.0).abs() < 1e-9, "{grows:?}");
        assert!(Memory::default().course().is_none());
    }
}
