//! How long planning takes, and that it grows with the columns and no faster: schemas of three sizes,
//! from nothing, and from an equal one.

use std::collections::BTreeMap;
use std::time::Instant;

use clap::Args;
use pontoon::Dialect;
use pontoon::migration::file;
use pontoon::plan::plan;
use pontoon::schema::{Column, ColumnType, ForeignKey, Index, Intents, Schema, Table, Texts};
use pontoon::sql_type::Kind;

/// How much to plan.
#[derive(Debug, Args)]
pub(super) struct PlanArgs {
    /// Tables of the largest schema; the others have a tenth and a third of them
    #[arg(long, default_value_t = 1_000, value_parser = clap::value_parser!(u32).range(10..))]
    tables: u32,
    /// Columns of each
    #[arg(long, default_value_t = 30, value_parser = clap::value_parser!(u32).range(3..))]
    columns: u32,
    /// Plans of each kind; the median counts
    #[arg(long, default_value_t = 5, value_parser = clap::value_parser!(u32).range(1..))]
    runs: u32,
}

pub(super) fn run(args: &PlanArgs) -> Result<(), String> {
    println!(
        "plans for both servers with their files' texts, {} columns a table; {} runs each",
        args.columns, args.runs
    );
    println!(
        "{:>8} {:>9}  {:>14} {:>11}  {:>14} {:>11}",
        "tables", "columns", "from nothing s", "us/column", "from equal s", "us/column"
    );
    let mut first = None;
    for tables in [args.tables / 10, args.tables / 3, args.tables] {
        let target = schema(tables, args.columns);
        let columns = f64::from(tables * args.columns);
        let times = [measured(&Schema::default(), &target, args.runs)?, measured(&target, &target, args.runs)?];
        let each = times.map(|seconds| seconds * 1e6 / columns);
        println!(
            "{tables:>8} {columns:>9}  {:>14.3} {:>11.2}  {:>14.3} {:>11.2}",
            times[0], each[0], times[1], each[1]
        );
        let [nothing, equal] = *first.get_or_insert(each);
        if tables == args.tables {
            println!(
                "a column of the largest schema takes {:.2} times what one of the smallest takes from nothing, and {:.2} times from an equal one",
                each[0] / nothing,
                each[1] / equal
            );
        }
    }
    Ok(())
}

/// The median of the seconds, if each run gives the same bytes.
fn measured(source: &Schema, target: &Schema, runs: u32) -> Result<f64, String> {
    let mut times = Vec::new();
    let mut before: Option<Vec<String>> = None;
    for _ in 0..runs {
        let begun = Instant::now();
        let mut texts = Vec::new();
        for dialect in Dialect::ALL {
            let plan = plan("0001_bench", source, target, &Intents::default(), dialect).map_err(|it| it.to_string())?;
            texts.push(file::render(&plan.migration));
        }
        times.push(begun.elapsed().as_secs_f64());
        if before.replace(texts.clone()).is_some_and(|before| before != texts) {
            return Err("the same input gave other bytes".into());
        }
    }
    times.sort_by(f64::total_cmp);
    Ok(times[times.len() / 2])
}

/// Tables with a key, an index and a foreign key to the one before.
fn schema(tables: u32, columns: u32) -> Schema {
    let all = (0..tables).map(|number| table(number, columns));
    Schema { tables: all.map(|it| (it.name.clone(), it)).collect(), ..Schema::default() }
}

fn table(number: u32, columns: u32) -> Table {
    let name = format!("table_{number}");
    let mut all = vec![column("id".into(), Kind::BigInt), column("parent".into(), Kind::BigInt)];
    let kinds = [Kind::Integer, Kind::Boolean, Kind::Timestamp, Kind::Uuid, Kind::Double];
    all.extend((2..columns).zip(kinds.into_iter().cycle()).map(|(at, kind)| column(format!("column_{at}"), kind)));
    let index = Index::plain(vec!["parent".into()], false);
    let key = ForeignKey {
        columns: vec!["parent".into()],
        references: format!("table_{}", number.saturating_sub(1)),
        referenced_columns: vec!["id".into()],
        on_delete: pontoon::def::ReferentialAction::NoAction,
        on_update: pontoon::def::ReferentialAction::NoAction,
    };
    Table {
        columns: all,
        primary_key: vec!["id".into()],
        indexes: BTreeMap::from([(format!("{name}_parent_idx"), index)]),
        foreign_keys: BTreeMap::from([(format!("{name}_parent_fkey"), key)]),
        checks: BTreeMap::new(),
        partitioned: None,
        name,
    }
}

fn column(name: String, kind: Kind) -> Column {
    let ty = ColumnType::plain(kind);
    Column { nullable: name != "id", name, ty, identity: false, default: Texts::default(), generated: None }
}
