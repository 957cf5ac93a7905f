//! How fast a backfill is and what its neighbours feel, against the one plain UPDATE that it replaces and against other
//! tools that do the same job: each figure from a fresh database with the same rows, on the same server, in one run.

mod fill;
pub(super) mod job;
mod peers;
mod report;
mod sizes;
mod spread;

use clap::{Args, ValueEnum};
use pontoon::Dialect;

use crate::verify::server::{EngineSpec, Engines, Extras, Server, Source};
use fill::{Measured, Way, measured};
use job::{Job, Key, Value};

/// What to fill, where and how.
#[derive(Debug, Args)]
pub(super) struct BackfillArgs {
    /// Rows of the table; several are allowed [default: 1000000]
    #[arg(long, value_name = "ROWS", value_parser = clap::value_parser!(u64).range(1_000..))]
    rows: Vec<u64>,
    /// An engine: postgres, postgres:17, mysql:9.7; several are allowed [default: both]
    #[arg(long = "engine", value_name = "ENGINE")]
    engines: Vec<Engines>,
    /// Where servers come from: auto, docker, local, packages, or the URL of one of yours
    #[arg(long, default_value = "auto")]
    source: Source,
    /// How often everything is measured
    #[arg(long, default_value_t = 3, value_parser = clap::value_parser!(u32).range(1..=100))]
    repeat: u32,
    /// How many workers fill the column; several are allowed [default: 1 and 2]
    #[arg(long = "workers", value_name = "N", value_parser = clap::value_parser!(u32).range(1..=64))]
    workers: Vec<u32>,
    /// The key; several are allowed [default: number]
    #[arg(long = "key", value_enum, value_name = "KEY")]
    keys: Vec<Key>,
    /// What the column gets
    #[arg(long, value_enum, default_value_t = Value::Short)]
    value: Value,
    /// Without the idle server, or without clients beside
    #[arg(long, value_enum)]
    only: Option<Only>,
    /// The same job done by other tools too, as far as they are on the PATH
    #[arg(long)]
    peers: bool,
    /// How long a batch should take, in milliseconds [default: 8 on PostgreSQL, 20 on MySQL]
    #[arg(long, value_parser = clap::value_parser!(u64).range(1..))]
    batch: Option<u64>,
    /// PostgreSQL: into how many passes pages are divided, a power of two
    #[arg(long)]
    passes: Option<u32>,
    /// PostgreSQL: spares disk
    #[arg(long)]
    disk_short: bool,
    /// MySQL: writes little to the binary log
    #[arg(long)]
    minimal_binlog: bool,
    /// MySQL: lets threads of the server's own write the redo log meanwhile
    #[arg(long)]
    log_writer_threads: bool,
    /// How to print the figures
    #[arg(long, value_enum, default_value_t = Format::Text)]
    format: Format,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Only {
    Idle,
    Load,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Format {
    Text,
    Json,
    Markdown,
}

/// The same fill, as often as it was repeated.
#[derive(Debug)]
struct Repeated {
    way: Way,
    load: bool,
    /// With the seconds of the plain UPDATE of the same repetition.
    runs: Vec<(f64, Measured)>,
}

/// All fills of one table on one server.
struct Table {
    job: Job,
    fills: Vec<Repeated>,
}

pub(super) async fn run(args: &BackfillArgs) -> Result<(), String> {
    let mut engines = Engines::flat(&args.engines);
    if engines.is_empty() {
        engines = Dialect::ALL.into_iter().map(EngineSpec::any).collect();
    }
    let mut reports = Vec::new();
    for engine in engines {
        let extras = Extras { options: settings(engine.dialect), ..Extras::default() };
        let server = Server::start_with(&engine, &args.source, &extras).await.map_err(|error| error.to_string())?;
        eprintln!("pontoon: {}, {}", server.describe(), settings(engine.dialect).join(" "));
        let mut tables = Vec::new();
        for (rows, key) in args.tables() {
            let job = Job { dialect: server.dialect(), rows, key, value: args.value };
            tables.push(Table { job, fills: fills(&server, args, job).await? });
        }
        match args.format {
            Format::Text => report::print_text(&server, &tables),
            Format::Markdown => report::print_markdown(&server, &tables),
            Format::Json => reports.push(report::json(&server, &tables)),
        }
    }
    if args.format == Format::Json {
        report::print_json(reports);
    }
    Ok(())
}

/// What a server of this size gets in production, and no default has: memory for the table, and a log that need not be
/// emptied every second. Durability is left as it is.
fn settings(dialect: Dialect) -> Vec<String> {
    let options: &[&str] = match dialect {
        Dialect::Postgres => &["-c", "shared_buffers=1GB", "-c", "max_wal_size=4GB"],
        Dialect::MySql => &["--innodb-buffer-pool-size=1G", "--innodb-redo-log-capacity=1G"],
    };
    options.iter().map(|&it| it.to_owned()).collect()
}

impl BackfillArgs {
    fn tables(&self) -> Vec<(u64, Key)> {
        let rows = if self.rows.is_empty() { vec![1_000_000] } else { self.rows.clone() };
        let keys = if self.keys.is_empty() { vec![Key::Number] } else { self.keys.clone() };
        keys.iter().flat_map(|key| rows.iter().map(|rows| (*rows, *key))).collect()
    }

    /// What is measured beside the plain UPDATE, in its order.
    fn ways(&self, dialect: Dialect) -> Vec<(Way, bool)> {
        let workers = if self.workers.is_empty() { vec![1, 2] } else { self.workers.clone() };
        let mut ways = Vec::new();
        for load in [false, true] {
            if self.only.is_some_and(|only| (only == Only::Load) != load) {
                continue;
            }
            if load {
                ways.push((Way::OneUpdate, load));
            }
            ways.extend(workers.iter().map(|workers| (Way::Workers(*workers), load)));
        }
        if self.peers {
            ways.extend(peers::found(dialect).into_iter().map(|peer| (Way::Peer(peer), true)));
        }
        ways
    }
}

/// Everything, as often as was asked; the plain UPDATE first in each repetition, since the machine is not the same for long.
async fn fills(server: &Server, args: &BackfillArgs, job: Job) -> Result<Vec<Repeated>, String> {
    let ways = args.ways(job.dialect);
    // a server that has just started fills its memory, and makes each file of its log, for the first time
    eprintln!("pontoon: {} rows, to warm up: one UPDATE", job.rows);
    measured(server, args, job, Way::OneUpdate, false).await?;
    let mut fills = vec![Repeated { way: Way::OneUpdate, load: false, runs: Vec::new() }];
    fills.extend(ways.iter().map(|(way, load)| Repeated { way: *way, load: *load, runs: Vec::new() }));
    for time in 1..=args.repeat {
        let mut unit = f64::NAN;
        for (at, fill) in fills.iter_mut().enumerate() {
            eprintln!("pontoon: {} rows, {time} of {}: {}", job.rows, args.repeat, fill.name());
            let measured = measured(server, args, job, fill.way, fill.load).await?;
            if at == 0 {
                unit = measured.seconds;
            }
            fill.runs.push((unit, measured));
        }
    }
    Ok(fills)
}

impl Repeated {
    fn name(&self) -> String {
        let way = match self.way {
            Way::OneUpdate => "one UPDATE".to_owned(),
            Way::Workers(1) => "1 worker".to_owned(),
            Way::Workers(workers) => format!("{workers} workers"),
            Way::Peer(peer) => peer.name.to_owned(),
        };
        format!("{way}, {}", if self.load { "4 clients" } else { "idle" })
    }
}
