//! `cargo xtask generate`: from the structs to `migrations/NNNN_name/`.
//!
//! It links the schema alone, never the application that embeds the migrations; so a drift
//! that stops the application's build does not stop the command that mends it.

mod by_hand;
mod folder;
mod index;
mod name;

use std::path::{Path, PathBuf};

use clap::Args;
use pontoon::Dialect;
use pontoon::def::TableDef;
use pontoon::diff::settled;
use pontoon::migration::file;
use pontoon::plan::{Plan, plan};
use pontoon::schema::{Intents, Schema, from_defs};

pub use folder::{Folder, StoredMigration};

/// Writes the migration from the last snapshot to the structs.
#[derive(Debug, Default, Args)]
pub struct GenerateArgs {
    /// What the migration is called; derived from what changes if left out
    pub name: Option<String>,
    /// Writes nothing; exits 1 if a migration, a hash or the index is not up to date
    #[arg(long, conflicts_with_all = ["name", "dry_run", "record", "rebase"])]
    pub check: bool,
    /// Writes a migration to be filled in by hand, with a step for each stage
    #[arg(long, requires = "name", conflicts_with_all = ["check", "record", "rebase", "drop_tables", "purge_tables", "copy_rows", "guard", "enforce"])]
    pub custom: bool,
    /// With `--custom`: its steps make what has changed in the structs, which nobody checks; for what is refused otherwise
    #[arg(long, requires = "custom")]
    pub takes_changes: bool,
    /// Writes nothing; prints the files
    #[arg(long, conflicts_with_all = ["record", "rebase"])]
    pub dry_run: bool,
    /// Records the hashes of files that were edited by hand
    #[arg(long, conflicts_with_all = ["name", "rebase"])]
    pub record: bool,
    /// Makes this migration anew behind all others, after a merge
    #[arg(long, value_name = "ID", conflicts_with = "name")]
    pub rebase: Option<String>,
    /// A table that is no longer in the schema, and is meant to go; several are allowed
    #[arg(long = "drop-table", value_name = "TABLE")]
    pub drop_tables: Vec<String>,
    /// A table that an earlier migration has renamed away, and that goes for good with its rows; several are allowed
    #[arg(long = "purge-table", value_name = "TABLE")]
    pub purge_tables: Vec<String>,
    /// With `--purge-table`: how long its rows stay after the migration that renamed it was contracted, in days or
    /// hours (`36h`); the runner holds to it. 30d if left out
    #[arg(long, value_name = "TIME", value_parser = pontoon::migration::Grace::hours_of, requires = "purge_tables")]
    pub grace: Option<u32>,
    /// How many rows a statement may copy or read while writers wait, where a server has no other way; without it such a
    /// change is refused
    #[arg(long, value_name = "ROWS")]
    pub copy_rows: Option<u64>,
    /// MySQL: a new check that triggers are to hold although `--copy-rows` lets tables be copied; without that they hold
    /// every check that comes to a table that is there. Several are allowed
    #[arg(long, value_name = "CHECK")]
    pub guard: Vec<String>,
    /// MySQL: a check that triggers hold, and that the server is to enforce from now on, for which it copies the table;
    /// several are allowed
    #[arg(long, value_name = "CHECK", requires = "copy_rows")]
    pub enforce: Vec<String>,
}

/// Why nothing was generated.
#[derive(Debug)]
pub enum Failure {
    /// The structs, the files or the order of things must change first: exit 1.
    Refused(String),
    /// The file system would not: exit 2.
    Io(String),
}

impl std::fmt::Display for Failure {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Refused(text) | Self::Io(text) => f.write_str(text),
        }
    }
}

/// Runs the command on a schema's own folder; the text is what there is to tell.
///
/// # Errors
/// See [`Failure`].
pub fn run<S: pontoon::Schema>(args: &GenerateArgs) -> Result<String, Failure> {
    run_in(&migrations_dir::<S>(), S::TABLES, args)
}

/// Runs the command on any folder.
///
/// # Errors
/// See [`Failure`].
pub fn run_in(path: &Path, tables: &[&TableDef], args: &GenerateArgs) -> Result<String, Failure> {
    if args.record {
        return record(path, tables);
    }
    let (target, mut intents) = from_defs(tables).map_err(|errors| Failure::Refused(errors.to_string()))?;
    intents.dropped_tables.extend(args.drop_tables.iter().cloned());
    intents.purged_tables.extend(args.purge_tables.iter().cloned());
    intents.grace_hours = args.grace;
    intents.copy_rows = args.copy_rows;
    intents.guarded_checks.extend(args.guard.iter().cloned());
    intents.enforced_checks.extend(args.enforce.iter().cloned());
    if let Some(id) = &args.rebase {
        return rebase(path, id, tables, &target, &intents);
    }
    let folder = Folder::read(path)?;
    if args.custom {
        return by_hand::write(folder, args, &target, tables);
    }
    let target = settled(folder.last_snapshot(), &target, &intents);
    match plan_both(&folder, args.name.as_deref(), &target, &intents)? {
        None if args.check => check_index(&folder, tables),
        None => {
            folder.write_index(tables)?;
            Ok(format!("The structs and {} agree: nothing to do.{}", folder.shown(), away(folder.last_snapshot())))
        }
        Some(new) if args.check => Err(Failure::Refused(format!(
            "the structs have changes without a migration:\n{}\n  help: run `cargo xtask generate`",
            new.summary()
        ))),
        Some(new) if args.dry_run => Ok(new.texts()),
        Some(new) => new.write(folder, &target, &intents, tables),
    }
}

/// The folder of a schema's migrations.
pub fn migrations_dir<S: pontoon::Schema>() -> PathBuf {
    let path = Path::new(S::MANIFEST_DIR).join(S::MIGRATIONS);
    // shorter paths in messages, where the command runs inside the project
    let here = std::env::current_dir().ok();
    here.and_then(|here| path.strip_prefix(here).map(Path::to_path_buf).ok()).unwrap_or(path)
}

/// A migration that is not written yet.
struct New {
    id: String,
    plans: [(Dialect, Plan); 2],
}

fn plan_both(folder: &Folder, name: Option<&str>, target: &Schema, intents: &Intents) -> Result<Option<New>, Failure> {
    let source = folder.last_snapshot();
    // what is said by name is about something that is there
    let named = [&intents.guarded_checks, &intents.enforced_checks, &intents.purged_tables];
    if same(source, target) && named.into_iter().all(|it| it.is_empty()) {
        return Ok(None);
    }
    let refused = |errors: pontoon::plan::PlanErrors| Failure::Refused(errors.to_string());
    let operations = pontoon::diff::diff(source, target, intents).map_err(refused)?;
    let name = match name {
        Some(name) => name::checked(name).map_err(Failure::Refused)?,
        None => name::derived(folder.migrations.is_empty(), &operations),
    };
    let id = format!("{:04}_{name}", folder.next_number());
    let planned = |dialect| plan(&id, source, target, intents, dialect).map(|it| (dialect, it)).map_err(refused);
    let plans = [planned(Dialect::Postgres)?, planned(Dialect::MySql)?];
    Ok(Some(New { plans, id }))
}

fn same(source: &Schema, target: &Schema) -> bool {
    source.tables.len() == target.tables.len()
        && source.tables.values().all(|it| target.tables.get(&it.name).is_some_and(|other| it.same_as(other)))
}

/// What is renamed away, and how it goes.
fn away(schema: &Schema) -> String {
    let one = |(table, it): (&String, &pontoon::schema::Dropped)| {
        format!(
            "\n`{}` keeps the rows of `{table}`, which `{}` has dropped: `generate --purge-table {table}` lets them go.",
            it.name, it.migration
        )
    };
    schema.dropped.iter().map(one).collect()
}

impl New {
    fn summary(&self) -> String {
        let steps = self.plans.iter().map(|(dialect, plan)| format!("{dialect}: {} steps", plan.migration.steps.len()));
        format!("  {} ({})", self.id, steps.collect::<Vec<_>>().join(", "))
    }

    fn texts(&self) -> String {
        self.plans.iter().map(|(_, plan)| file::render(&plan.migration)).collect::<Vec<_>>().join("\n")
    }

    fn write(
        self,
        mut folder: Folder,
        target: &Schema,
        intents: &Intents,
        tables: &[&TableDef],
    ) -> Result<String, Failure> {
        let target = &target.keeping(folder.last_snapshot(), intents, &self.id);
        let sql = |wanted: Dialect| {
            let plan = self.plans.iter().find(|(dialect, _)| *dialect == wanted);
            plan.map(|(_, plan)| file::render(&plan.migration)).unwrap_or_default()
        };
        folder.add(&self.id, sql(Dialect::Postgres), sql(Dialect::MySql), target)?;
        folder.write_index(tables)?;
        let mut text =
            format!("Wrote {}/{}/{{postgres,mysql}}.sql, its snapshot and the index.", folder.shown(), self.id);
        let mut warnings: Vec<&String> = self.plans.iter().flat_map(|(_, plan)| &plan.warnings).collect();
        warnings.sort();
        warnings.dedup();
        for warning in warnings {
            text.push_str(&format!("\nwarning: {warning}"));
        }
        text.push_str("\nNext: review the SQL, `cargo xtask verify-migrations`, commit.");
        Ok(text)
    }
}

fn check_index(folder: &Folder, tables: &[&TableDef]) -> Result<String, Failure> {
    if folder.index_is_current(tables) {
        Ok(format!("The structs and {} agree.", folder.shown()))
    } else {
        Err(Failure::Refused(format!(
            "{}/index.rs is not what `generate` writes\n  help: run `cargo xtask generate`",
            folder.shown()
        )))
    }
}

fn record(path: &Path, tables: &[&TableDef]) -> Result<String, Failure> {
    let (folder, changed) = Folder::read_and_record(path)?;
    match from_defs(tables) {
        Ok((target, _)) if same(folder.last_snapshot(), &by_hand::settled(folder.last_snapshot(), &target)) => {
            folder.write_index(tables)?
        }
        _ => folder.write_list()?,
    }
    if changed.is_empty() {
        return Ok("No file differs from what was recorded.".into());
    }
    Ok(format!(
        "Recorded {}. A database that has run the earlier text will refuse to go on; then undo there first.",
        changed.join(", ")
    ))
}

fn rebase(path: &Path, id: &str, tables: &[&TableDef], target: &Schema, intents: &Intents) -> Result<String, Failure> {
    let mut folder = Folder::read_lenient(path)?;
    let taken = folder.take_out(id)?;
    let settled_target = settled(folder.last_snapshot(), target, intents);
    let name = id.split_once('_').map(|(_, name)| name);
    if let Some(text) = by_hand::again(&mut folder, &taken, name.unwrap_or(id), target, tables)? {
        return Ok(text);
    }
    let planned = plan_both(&folder, name, &settled_target, intents)?;
    let Some(new) = planned else {
        folder.remove_files(id)?;
        folder.write_index(tables)?;
        return Ok(format!("Removed {id}: without it the structs and {} agree.", folder.shown()));
    };
    folder.remove_files(id)?;
    new.write(folder, &settled_target, intents, tables)
}
