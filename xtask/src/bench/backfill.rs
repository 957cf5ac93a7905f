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
use pontoon::schema::{ColumnType, Intents, Schema, Texts, from_schema};
use pontoon::sql_type::Kind;
use serde_json::{Value, json};

use super::load::{Felt, Load};
use crate::verify::conn::{Conn, message_of};
use crate::verify::server::{Database, Engines, Server, Source, start_all};

/// What to fill, and where.
#[derive(Debug, Args)]
pub(super) struct BackfillArgs {
    /// Rows of the table
    #[arg(long, default_value_t = 1_000_000, value_parser = clap::value_parser!(u64).range(1_000..))]
    rows: u64,
    /// An engine: postgres, postgres:17, mysql:9.7; several are allowed [default: both]
    #[arg(long = "engine", value_name = "ENGINE")]
    engines: Vec<Engines>,
    /// Where servers come from: auto, docker, local, packages, or the URL of one of yours
    #[arg(long, default_value = "auto")]
    source: Source,
    /// How long a batch should take, in milliseconds [default: 8 on PostgreSQL, 20 on MySQL]
    #[arg(long, value_parser = clap::value_parser!(u64).range(1..))]
    batch: Option<u64>,
    /// How many workers fill the column; several are allowed [default: 1 and 2]
    #[arg(long = "workers", value_name = "N", value_parser = clap::value_parser!(u32).range(1..=64))]
    workers: Vec<u32>,
    /// The key: numbers in their order, or uuids in no order
    #[arg(long, value_enum, default_value_t = Key::Number)]
    key: Key,
    /// How to print the figures
    #[arg(long, value_enum, default_value_t = Format::Text)]
    format: Format,
}

/// What the table's key is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(super) enum Key {
    Number,
    Uuid,
}

impl Key {
    /// The key of the row of that number, which is an SQL expression.
    pub(super) fn of(self, dialect: Dialect, number: &str) -> String {
        match (self, dialect) {
            (Self::Number, _) => number.to_owned(),
            (Self::Uuid, Dialect::Postgres) => format!("md5(({number})::text)::uuid"),
            (Self::Uuid, Dialect::MySql) => format!("UNHEX(LEFT(SHA2({number}, 256), 32))"),
        }
    }

    fn change(self, schema: &mut Schema) {
        if self == Self::Number {
            return;
        }
        let id = schema.tables.values_mut().flat_map(|it| &mut it.columns).filter(|it| it.name == "id");
        for id in id {
            id.ty = ColumnType::plain(Kind::Uuid);
            id.identity = false;
            id.default =
                Texts { postgres: Some("gen_random_uuid()".into()), mysql: Some("(uuid_to_bin(uuid()))".into()) };
        }
    }
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
    /// So many workers.
    Batches(u32),
}

/// One fill.
struct Measured {
    way: Way,
    load: bool,
    seconds: f64,
    batches: u64,
    longest_batch: f64,
    /// The table's bytes after it, over those before.
    growth: f64,
    /// Before the fill, and while it ran.
    felt: Option<(Felt, Felt)>,
}

pub(super) async fn run(args: &BackfillArgs) -> Result<(), String> {
    let servers = start_all(&Engines::flat(&args.engines), &args.source).await.map_err(|error| error.to_string())?;
    let mut reports = Vec::new();
    for server in &servers {
        eprintln!("pontoon: {} rows on {}", args.rows, server.describe());
        let mut all = Vec::new();
        for load in [false, true] {
            all.push(measured(server, args, Way::OneUpdate, load).await?);
            let workers = if args.workers.is_empty() { &[1, 2][..] } else { &args.workers };
            for workers in workers {
                all.push(measured(server, args, Way::Batches(*workers), load).await?);
            }
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
pub(super) fn migrations(dialect: Dialect, key: Key) -> Result<Vec<Recorded>, String> {
    let (mut before, intents) = from_schema::<before::Before>().map_err(|error| error.to_string())?;
    let (mut after, with_backfill) = from_schema::<after::After>().map_err(|error| error.to_string())?;
    [&mut before, &mut after].into_iter().for_each(|it| key.change(it));
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
    let migrations = migrations(dialect, args.key)?;
    let runner = |count: usize| Runner::new(pool.clone(), migrations[..count].to_vec(), Options::default());
    runner(1).up().await.map_err(|error| error.to_string())?;
    let mut conn = Conn::open(database.url()).await.map_err(|error| message_of(&error))?;
    insert_rows(&mut conn, dialect, args.rows, args.key).await?;
    match way {
        Way::Batches(_) => drop(runner(2).expand().await.map_err(|error| error.to_string())?),
        Way::OneUpdate => execute(&mut conn, column(dialect)).await?,
    }
    let clients = if load { Some(Load::start(database.url(), args.rows, args.key).await?) } else { None };
    let size = table_bytes(&mut conn, dialect).await?;
    let warm = Instant::now();
    tokio::time::sleep(Duration::from_secs(2)).await;
    let begun = Instant::now();
    let (batches, longest_batch) = match way {
        Way::OneUpdate => {
            execute(&mut conn, update(dialect)).await?;
            (1, begun.elapsed().as_secs_f64() * 1_000.0)
        }
        Way::Batches(workers) => {
            let options = BackfillOptions {
                workers,
                batch: args.batch.map(Duration::from_millis),
                // how much the table grows is measured here
                accept_growth: Some(f64::MAX),
                ..BackfillOptions::default()
            };
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
    let growth = table_bytes(&mut conn, dialect).await? / size.max(1.0);
    conn.close().await.ok();
    Ok(Measured { way, load, seconds: (ended - begun).as_secs_f64(), batches, longest_batch, growth, felt })
}

const VALUES: &str = "concat('user', n, '@example-', n % 97, '.com'), concat('Name of User ', n), n % 3 = 0, n % 1000";

/// The rows, and everything written that writing them has left to do.
pub(super) async fn insert_rows(conn: &mut Conn, dialect: Dialect, rows: u64, key: Key) -> Result<(), String> {
    let (column, id) = match key {
        Key::Number => ("", String::new()),
        Key::Uuid => ("id, ", format!("{}, ", key.of(dialect, "n"))),
    };
    let insert = format!("INSERT INTO users ({column}email, full_name, newsletter, visits)");
    let values = format!("{id}{VALUES}");
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

/// The table without its indexes on PostgreSQL, its file on MySQL.
async fn table_bytes(conn: &mut Conn, dialect: Dialect) -> Result<f64, String> {
    let sql = match dialect {
        Dialect::Postgres => "SELECT pg_relation_size('users')::text",
        Dialect::MySql => {
            "SELECT CAST(FILE_SIZE AS CHAR) FROM information_schema.INNODB_TABLESPACES WHERE NAME = CONCAT(DATABASE(), '/users')"
        }
    };
    let bytes = conn.value(sql).await.map_err(|error| message_of(&error))?;
    bytes.and_then(|it| it.parse().ok()).ok_or_else(|| "the server does not say how large the table is".into())
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

pub(super) fn backfill(recorded: &Recorded) -> Result<&Backfill, String> {
    let found = recorded.migration.steps.iter().find_map(|(_, step)| match step {
        Step::Backfill(it) => Some(it),
        Step::Statement(_) | Step::Assertion(_) | Step::Search(_) => None,
    });
    found.ok_or_else(|| format!("migration `{}` has no backfill", recorded.migration.id))
}

pub(super) async fn execute(conn: &mut Conn, sql: &str) -> Result<(), String> {
    conn.execute(sql).await.map(drop).map_err(|error| format!("{}: {sql}", message_of(&error)))
}

impl Measured {
    fn name(&self) -> String {
        let load = if self.load { "400 operations/s" } else { "idle" };
        match self.way {
            Way::OneUpdate => format!("one UPDATE, {load}"),
            Way::Batches(workers) => format!("{workers} workers, {load}"),
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
        "{:30} {:>8} {:>10} {:>6} {:>7} {:>8} {:>11} {:>8} {:>15} {:>15}",
        "",
        "seconds",
        "rows/s",
        "x",
        "size x",
        "batches",
        "longest ms",
        "p99 ms",
        "longest read ms",
        "longest write ms"
    );
    for it in all {
        let felt = it.felt.map_or_else(String::new, |(_, felt)| {
            format!("{:8.1} {:15.1} {:16.1}", felt.p99, felt.longest_read, felt.longest_write)
        });
        println!(
            "{:30} {:8.2} {:10.0} {:6.2} {:7.2} {:8} {:11.1} {felt}",
            it.name(),
            it.seconds,
            rows as f64 / it.seconds,
            it.seconds / unit(all),
            it.growth,
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
                "way": if it.way == Way::OneUpdate { "one update" } else { "backfill" },
                "workers": match it.way { Way::OneUpdate => None, Way::Batches(workers) => Some(workers) },
                "table_growth": it.growth,
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
