//! How fast a backfill is and what its neighbours feel, against the one plain UPDATE that it
//! replaces, on the same server and the same rows: each figure from a fresh database.

use std::time::{Duration, Instant};

use clap::{Args, ValueEnum};
use pontoon::Dialect;
use pontoon::exec::backfill::{BackfillOptions, fill};
use pontoon::exec::{Options, Pool, Runner, Silent};
use pontoon::migration::history::Recorded;
use pontoon::migration::{Backfill, Step, file};
use pontoon::plan::plan;
use pontoon::schema::{Intents, Schema, from_schema};
use serde_json::{Value, json};

use super::load::{Felt, Load};
use crate::verify::conn::{Conn, message_of};
use crate::verify::server::{Database, EngineSpec, Server, Source, start_all};

/// What to fill, and where.
#[derive(Debug, Args)]
pub(super) struct BackfillArgs {
    /// Rows of the table
    #[arg(long, default_value_t = 1_000_000, value_parser = clap::value_parser!(u64).range(1_000..))]
    rows: u64,
    /// An engine: postgres, postgres:17, mysql:9.7; several are allowed [default: both]
    #[arg(long = "engine", value_name = "ENGINE")]
    engines: Vec<EngineSpec>,
    /// Where servers come from: auto, docker, local, packages, or the URL of one of yours
    #[arg(long, default_value = "auto")]
    source: Source,
    /// How long a batch should take, in milliseconds [default: 8 on PostgreSQL, 20 on MySQL]
    #[arg(long, value_parser = clap::value_parser!(u64).range(1..))]
    batch: Option<u64>,
    /// How to print the figures
    #[arg(long, value_enum, default_value_t = Format::Text)]
    format: Format,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Format {
    Text,
    Json,
}

mod before {
    #[derive(pontoon::Table)]
    #[table(name = "users")]
    #[allow(dead_code)]
    pub(super) struct User {
        #[column(primary_key, identity)]
        id: i64,
        #[column(length = 320)]
        email: String,
        #[column(length = 64)]
        full_name: Option<String>,
        newsletter: bool,
        visits: i64,
    }

    pontoon::schema! { pub(super) Before { User } }
}

mod after {
    #[derive(pontoon::Table)]
    #[table(name = "users")]
    #[allow(dead_code)]
    pub(super) struct User {
        #[column(primary_key, identity)]
        id: i64,
        #[column(length = 320)]
        email: String,
        #[column(length = 64)]
        full_name: Option<String>,
        newsletter: bool,
        visits: i64,
        #[column(
            length = 64,
            backfill(postgres = "split_part(email, '@', 1)", mysql = "substring_index(email, '@', 1)")
        )]
        display_name: String,
    }

    pontoon::schema! { pub(super) After { User } }
}

/// Who fills the column.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Way {
    OneUpdate,
    Batches,
}

/// One fill.
struct Measured {
    way: Way,
    load: bool,
    seconds: f64,
    batches: u64,
    longest_batch: f64,
    /// Before the fill, and while it ran.
    felt: Option<(Felt, Felt)>,
}

pub(super) async fn run(args: &BackfillArgs) -> Result<(), String> {
    let servers = start_all(&args.engines, &args.source).await.map_err(|error| error.to_string())?;
    let mut reports = Vec::new();
    for server in &servers {
        eprintln!("pontoon: {} rows on {}", args.rows, server.describe());
        let mut all = Vec::new();
        for (way, load) in
            [(Way::OneUpdate, false), (Way::Batches, false), (Way::OneUpdate, true), (Way::Batches, true)]
        {
            all.push(measured(server, args, way, load).await?);
        }
        match args.format {
            Format::Text => print_table(server, args.rows, &all),
            Format::Json => reports.push(report(server, args.rows, &all)),
        }
    }
    if args.format == Format::Json {
        println!("{:#}", json!({ "version": 1, "bench": "backfill", "engines": reports }));
    }
    Ok(())
}

/// The two migrations: the table, and its new column.
fn migrations(dialect: Dialect) -> Result<Vec<Recorded>, String> {
    let (before, intents) = from_schema::<before::Before>().map_err(|error| error.to_string())?;
    let (after, with_backfill) = from_schema::<after::After>().map_err(|error| error.to_string())?;
    let recorded = |id: &str, source: &Schema, target: &Schema, intents: &Intents| {
        let plan = plan(id, source, target, intents, dialect).map_err(|error| error.to_string())?;
        let text = file::render(&plan.migration);
        let migration = file::parse(id, dialect, id, &text).map_err(|error| error.to_string())?;
        Ok::<_, String>(Recorded { migration, sha256: file::sha256(&text) })
    };
    Ok(vec![
        recorded("0001_initial", &Schema::default(), &before, &intents)?,
        recorded("0002_display_name", &before, &after, &with_backfill)?,
    ])
}

async fn measured(server: &Server, args: &BackfillArgs, way: Way, load: bool) -> Result<Measured, String> {
    let database = server.fresh_database("bench").await.map_err(|error| error.to_string())?;
    let outcome = fill_once(server, &database, args, way, load).await;
    server.drop_database(database).await.map_err(|error| error.to_string())?;
    outcome
}

async fn fill_once(
    server: &Server,
    database: &Database,
    args: &BackfillArgs,
    way: Way,
    load: bool,
) -> Result<Measured, String> {
    let dialect = server.dialect();
    let pool = Pool::connect_lazy(database.url()).map_err(|error| error.to_string())?;
    let migrations = migrations(dialect)?;
    let runner = |count: usize| Runner::new(pool.clone(), migrations[..count].to_vec(), Options::default());
    runner(1).up().await.map_err(|error| error.to_string())?;
    let mut conn = Conn::open(database.url()).await.map_err(|error| message_of(&error))?;
    insert_rows(&mut conn, dialect, args.rows).await?;
    match way {
        Way::Batches => drop(runner(2).expand().await.map_err(|error| error.to_string())?),
        Way::OneUpdate => execute(&mut conn, column(dialect)).await?,
    }
    let clients = if load { Some(Load::start(database.url(), args.rows).await?) } else { None };
    let warm = Instant::now();
    tokio::time::sleep(Duration::from_secs(2)).await;
    let begun = Instant::now();
    let (batches, longest_batch) = match way {
        Way::OneUpdate => {
            execute(&mut conn, update(dialect)).await?;
            (1, begun.elapsed().as_secs_f64() * 1_000.0)
        }
        Way::Batches => {
            let options =
                BackfillOptions { batch: args.batch.map(Duration::from_millis), ..BackfillOptions::default() };
            let filled = fill(&pool, "bench", backfill(&migrations[1])?, &options, &Silent).await;
            let filled = filled.map_err(|error| error.to_string())?;
            (filled.batches, filled.longest_batch.as_secs_f64() * 1_000.0)
        }
    };
    let ended = Instant::now();
    let felt = match clients {
        Some(clients) => {
            let log = clients.stop().await?;
            Some((log.felt(warm, begun), log.felt(begun, ended)))
        }
        None => None,
    };
    conn.close().await.ok();
    Ok(Measured { way, load, seconds: (ended - begun).as_secs_f64(), batches, longest_batch, felt })
}

/// The rows, and everything written that writing them has left to do.
async fn insert_rows(conn: &mut Conn, dialect: Dialect, rows: u64) -> Result<(), String> {
    let insert = "INSERT INTO users (email, full_name, newsletter, visits)";
    let values = "concat('user', n, '@example-', n % 97, '.com'), concat('Name of User ', n), n % 3 = 0, n % 1000";
    let statements = match dialect {
        Dialect::Postgres => vec![
            format!("{insert} SELECT {values} FROM generate_series(1, {rows}) AS n"),
            "VACUUM ANALYZE users".into(),
            "CHECKPOINT".into(),
        ],
        Dialect::MySql => vec![
            format!("SET SESSION cte_max_recursion_depth = {rows}"),
            format!(
                "{insert} WITH RECURSIVE s(n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM s WHERE n < {rows}) SELECT {values} FROM s"
            ),
            "ANALYZE TABLE users".into(),
        ],
    };
    for sql in statements {
        execute(conn, &sql).await?;
    }
    Ok(())
}

/// The column as somebody without a tool would add it.
const fn column(dialect: Dialect) -> &'static str {
    match dialect {
        Dialect::Postgres => "ALTER TABLE users ADD COLUMN display_name varchar(64)",
        Dialect::MySql => {
            "ALTER TABLE users ADD COLUMN display_name varchar(64) NOT NULL DEFAULT '', ALGORITHM=INSTANT"
        }
    }
}

const fn update(dialect: Dialect) -> &'static str {
    match dialect {
        Dialect::Postgres => "UPDATE users SET display_name = split_part(email, '@', 1)",
        Dialect::MySql => "UPDATE users SET display_name = substring_index(email, '@', 1)",
    }
}

fn backfill(recorded: &Recorded) -> Result<&Backfill, String> {
    let found = recorded.migration.steps.iter().find_map(|(_, step)| match step {
        Step::Backfill(it) => Some(it),
        Step::Statement(_) | Step::Assertion(_) | Step::Search(_) => None,
    });
    found.ok_or_else(|| format!("migration `{}` has no backfill", recorded.migration.id))
}

async fn execute(conn: &mut Conn, sql: &str) -> Result<(), String> {
    conn.execute(sql).await.map(drop).map_err(|error| format!("{}: {sql}", message_of(&error)))
}

impl Measured {
    const fn name(&self) -> &'static str {
        match (self.way, self.load) {
            (Way::OneUpdate, false) => "one UPDATE, idle",
            (Way::OneUpdate, true) => "one UPDATE, 400 operations/s",
            (Way::Batches, false) => "backfill, idle",
            (Way::Batches, true) => "backfill, 400 operations/s",
        }
    }
}

/// Seconds of the plain UPDATE on the idle server: what everything else is compared with.
fn unit(all: &[Measured]) -> f64 {
    all.iter().find(|it| it.way == Way::OneUpdate && !it.load).map_or(f64::NAN, |it| it.seconds)
}

fn print_table(server: &Server, rows: u64, all: &[Measured]) {
    println!("\n{}: {rows} rows", server.describe());
    println!(
        "{:30} {:>8} {:>10} {:>6} {:>8} {:>11} {:>8} {:>15} {:>15}",
        "", "seconds", "rows/s", "x", "batches", "longest ms", "p99 ms", "longest read ms", "longest write ms"
    );
    for it in all {
        let felt = it.felt.map_or_else(String::new, |(_, felt)| {
            format!("{:8.1} {:15.1} {:16.1}", felt.p99, felt.longest_read, felt.longest_write)
        });
        println!(
            "{:30} {:8.2} {:10.0} {:6.2} {:8} {:11.1} {felt}",
            it.name(),
            it.seconds,
            rows as f64 / it.seconds,
            it.seconds / unit(all),
            it.batches,
            it.longest_batch
        );
    }
    for (before, _) in all.iter().filter_map(|it| it.felt) {
        println!(
            "the clients before a fill: {} operations, p99 {:.1} ms, longest read {:.1} ms, longest write {:.1} ms",
            before.operations, before.p99, before.longest_read, before.longest_write
        );
    }
}

fn report(server: &Server, rows: u64, all: &[Measured]) -> Value {
    let felt = |it: Felt| {
        json!({ "operations": it.operations, "p99_ms": it.p99,
                "longest_read_ms": it.longest_read, "longest_write_ms": it.longest_write })
    };
    let fills: Vec<_> = all
        .iter()
        .map(|it| {
            json!({
                "way": if it.way == Way::Batches { "backfill" } else { "one update" },
                "load": it.load,
                "seconds": it.seconds,
                "rows_per_second": rows as f64 / it.seconds,
                "ratio": it.seconds / unit(all),
                "batches": it.batches,
                "longest_batch_ms": it.longest_batch,
                "clients_before": it.felt.map(|(before, _)| felt(before)),
                "clients": it.felt.map(|(_, during)| felt(during)),
            })
        })
        .collect();
    json!({ "engine": server.dialect().name(), "version": server.version(), "source": server.source(),
            "rows": rows, "fills": fills })
}
