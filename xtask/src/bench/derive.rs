//! What the derive costs a build: a crate of many structs, built with nothing derived, with
//! `pontoon::Table`, and with `serde::Serialize`. The dependencies are built before the clock starts.

use std::fmt::Write as _;
use std::fs;
use std::path::Path;
use std::process::Command;
use std::time::{Duration, Instant};

use clap::Args;

/// How much to build.
#[derive(Debug, Args)]
pub(super) struct DeriveArgs {
    /// Structs
    #[arg(long, default_value_t = 300)]
    tables: usize,
    /// Fields of each
    #[arg(long, default_value_t = 20)]
    columns: usize,
    /// Builds of each kind; the median counts
    #[arg(long, default_value_t = 5, value_parser = clap::value_parser!(u32).range(1..))]
    runs: u32,
}

#[derive(Debug, Clone, Copy)]
enum Kind {
    Plain,
    Table,
    TableAndDrift,
    Serialize,
}

pub(super) fn run(args: &DeriveArgs) -> Result<(), String> {
    let folder = tempfile::tempdir().map_err(|error| error.to_string())?;
    manifest(folder.path())?;
    println!(
        "{} structs of {} fields, debug build, dependencies built before; {} runs each",
        args.tables, args.columns, args.runs
    );
    let mut medians = Vec::new();
    for (kind, name) in [
        (Kind::Plain, "nothing derived"),
        (Kind::Table, "pontoon::Table, listed in schema!"),
        (Kind::TableAndDrift, "the same, and compared with an index"),
        (Kind::Serialize, "serde::Serialize"),
    ] {
        fs::write(folder.path().join("src/lib.rs"), source(kind, args)).map_err(|error| error.to_string())?;
        build(folder.path())?;
        let mut times = Vec::new();
        for _ in 0..args.runs {
            touch(folder.path())?;
            times.push(build(folder.path())?);
        }
        times.sort();
        let median = times[times.len() / 2].as_secs_f64();
        let (least, most) = (times[0].as_secs_f64(), times[times.len() - 1].as_secs_f64());
        println!("{name:40} {median:6.2} s  ({least:.2} to {most:.2})");
        medians.push(median);
    }
    let added = |at: usize| (medians[at] - medians[0]).max(0.0);
    println!(
        "added: pontoon::Table {:.2} s, with the drift check {:.2} s, serde::Serialize {:.2} s; Table / Serialize = {:.2}",
        added(1),
        added(2),
        added(3),
        added(1) / added(3).max(0.001)
    );
    Ok(())
}

fn manifest(folder: &Path) -> Result<(), String> {
    let runtime = Path::new(env!("CARGO_MANIFEST_DIR")).join("../runtime");
    let text = format!(
        "[package]\nname = \"derive-bench\"\nversion = \"0.0.0\"\nedition = \"2024\"\n[workspace]\n[dependencies]\n\
         pontoon = {{ path = {:?}, default-features = false }}\nserde = {{ version = \"1\", features = [\"derive\"] }}\n",
        runtime.display().to_string()
    );
    fs::create_dir_all(folder.join("src")).map_err(|error| error.to_string())?;
    fs::write(folder.join("Cargo.toml"), text).map_err(|error| error.to_string())
}

fn source(kind: Kind, args: &DeriveArgs) -> String {
    let mut out = String::from("#![allow(dead_code)]\n");
    let derive = match kind {
        Kind::Plain => "",
        Kind::Table | Kind::TableAndDrift => "#[derive(pontoon::Table)]\n",
        Kind::Serialize => "#[derive(serde::Serialize)]\n",
    };
    let attributes = matches!(kind, Kind::Table | Kind::TableAndDrift);
    for table in 0..args.tables {
        let _ = writeln!(out, "{derive}pub struct T{table} {{");
        for column in 0..args.columns {
            if attributes && column == 0 {
                out.push_str("    #[column(primary_key, identity)]\n");
            } else if attributes && column % 3 == 1 {
                out.push_str("    #[column(length = 64, default = \"''\")]\n");
            }
            let ty = ["i64", "String", "Option<i32>"][column % 3];
            let _ = writeln!(out, "    pub c{column}: {ty},");
        }
        out.push_str("}\n");
    }
    if attributes {
        let list: Vec<_> = (0..args.tables).map(|table| format!("T{table}")).collect();
        let _ = writeln!(out, "pontoon::schema! {{ pub All {{ {} }} }}", list.join(", "));
    }
    if matches!(kind, Kind::TableAndDrift) {
        index(&mut out, args);
    }
    out
}

/// An index as `generate` sorts it; its numbers are computed, so that they fit.
fn index(out: &mut String, args: &DeriveArgs) {
    let mut tables: Vec<usize> = (0..args.tables).collect();
    tables.sort_by_key(|it| format!("t{it}"));
    out.push_str(
        "const INDEX: pontoon::migration::Embedded = pontoon::migration::Embedded { migrations: &[], tables: &[\n",
    );
    for table in &tables {
        let _ = writeln!(out, "(\"t{table}\", pontoon::fingerprint::of_table(&<T{table} as pontoon::Table>::DEF)),");
    }
    out.push_str("], columns: &[\n");
    let mut columns: Vec<usize> = (0..args.columns).collect();
    columns.sort_by_key(|it| format!("c{it}"));
    for table in &tables {
        for column in &columns {
            let number =
                format!("pontoon::fingerprint::of_column(&<T{table} as pontoon::Table>::DEF.columns[{column}])");
            let _ = writeln!(out, "(\"t{table}\", \"c{column}\", {number}),");
        }
    }
    out.push_str("] };\n#[allow(long_running_const_eval)]\nconst _: () = pontoon::drift::assert_none(<All as pontoon::Schema>::TABLES, &INDEX);\n");
}

fn touch(folder: &Path) -> Result<(), String> {
    let path = folder.join("src/lib.rs");
    let mut text = fs::read_to_string(&path).map_err(|error| error.to_string())?;
    text.push_str("// touched\n");
    fs::write(&path, text).map_err(|error| error.to_string())
}

fn build(folder: &Path) -> Result<Duration, String> {
    let begun = Instant::now();
    let output = Command::new(std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into()))
        .args(["build", "--quiet"])
        .current_dir(folder)
        .env_remove("CARGO_TARGET_DIR")
        .output()
        .map_err(|error| format!("cargo does not start: {error}"))?;
    let took = begun.elapsed();
    if output.status.success() { Ok(took) } else { Err(String::from_utf8_lossy(&output.stderr).into_owned()) }
}
