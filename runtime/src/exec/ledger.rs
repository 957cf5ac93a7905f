//! What was done, in the database itself.
//!
//! `pontoon_ledger` is a history to which rows are only added; the state of a migration is
//! what its rows say, read in their order. `pontoon_marker` is one row that says where the
//! database is, for people and monitors. `pontoon_backfill` holds how far each backfill is,
//! `pontoon_range` which ranges its workers have, and `pontoon_control` what they are asked to do.

use std::collections::BTreeMap;

use super::{ExecError, Session};
use crate::dialect::Dialect;
use crate::migration::file::sha256;
use crate::migration::history::Recorded;
use crate::migration::{Fact, ServerVersion, Stage};

/// The version of these tables and of what their rows mean; in the marker.
const FORMAT: u32 = 2;

/// The tables' names, in the order of [`ddl`].
const TABLES: [&str; 5] = ["pontoon_ledger", "pontoon_marker", "pontoon_backfill", "pontoon_range", "pontoon_control"];

/// The tables, as they are made.
pub(crate) const fn ddl(dialect: Dialect) -> [&'static str; 5] {
    match dialect {
        Dialect::Postgres => [
            "CREATE TABLE IF NOT EXISTS pontoon_ledger (\n    \
             id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,\n    \
             at timestamptz NOT NULL DEFAULT clock_timestamp(),\n    \
             runner text NOT NULL,\n    migration text NOT NULL,\n    file_sha256 text NOT NULL,\n    \
             stage text NOT NULL,\n    step integer,\n    part integer,\n    direction text NOT NULL,\n    \
             event text NOT NULL,\n    sql_sha256 text,\n    duration_ms bigint,\n    waited_ms bigint,\n    \
             blocked_ms bigint,\n    attempts integer,\n    detail text\n)",
            "CREATE TABLE IF NOT EXISTS pontoon_marker (\n    \
             only_row smallint PRIMARY KEY CHECK (only_row = 1),\n    format integer NOT NULL,\n    \
             migration text NOT NULL,\n    file_sha256 text NOT NULL,\n    stage text NOT NULL,\n    \
             state text NOT NULL,\n    at timestamptz NOT NULL\n)",
            "CREATE TABLE IF NOT EXISTS pontoon_backfill (\n    \
             backfill text PRIMARY KEY,\n    table_name text NOT NULL,\n    column_name text NOT NULL,\n    \
             round integer NOT NULL,\n    state text NOT NULL,\n    base text NOT NULL,\n    next text,\n    \
             bound text NOT NULL,\n    share bigint NOT NULL,\n    units double precision NOT NULL,\n    \
             dealt bigint NOT NULL,\n    dealt_units double precision NOT NULL,\n    \
             done_units double precision NOT NULL,\n    rows_filled bigint NOT NULL,\n    declined bigint NOT NULL,\n    \
             vacuumed integer NOT NULL DEFAULT 0,\n    at timestamptz NOT NULL DEFAULT clock_timestamp()\n)",
            "CREATE TABLE IF NOT EXISTS pontoon_range (\n    \
             backfill text NOT NULL,\n    number bigint NOT NULL,\n    round integer NOT NULL,\n    first text NOT NULL,\n    \
             last text NOT NULL,\n    place text NOT NULL,\n    units double precision NOT NULL,\n    \
             done_units double precision NOT NULL DEFAULT 0,\n    rows_filled bigint NOT NULL DEFAULT 0,\n    \
             rows_per_second double precision NOT NULL DEFAULT 0,\n    worker text NOT NULL,\n    fence bigint NOT NULL,\n    \
             lease_until timestamptz NOT NULL,\n    at timestamptz NOT NULL DEFAULT clock_timestamp(),\n    \
             PRIMARY KEY (backfill, number)\n)",
            "CREATE TABLE IF NOT EXISTS pontoon_control (\n    \
             only_row smallint PRIMARY KEY CHECK (only_row = 1),\n    paused smallint NOT NULL,\n    \
             speed integer NOT NULL,\n    batch_ms integer,\n    aborts bigint NOT NULL,\n    \
             beat bigint NOT NULL DEFAULT 0,\n    asked_by text NOT NULL,\n    at timestamptz NOT NULL\n)",
        ],
        Dialect::MySql => [
            "CREATE TABLE IF NOT EXISTS pontoon_ledger (\n    \
             id bigint NOT NULL AUTO_INCREMENT PRIMARY KEY,\n    \
             at datetime(6) NOT NULL DEFAULT CURRENT_TIMESTAMP(6),\n    \
             runner varchar(255) NOT NULL,\n    migration varchar(255) NOT NULL,\n    file_sha256 char(64) NOT NULL,\n    \
             stage varchar(20) NOT NULL,\n    step int,\n    part int,\n    direction varchar(10) NOT NULL,\n    \
             event varchar(10) NOT NULL,\n    sql_sha256 char(64),\n    duration_ms bigint,\n    waited_ms bigint,\n    \
             blocked_ms bigint,\n    attempts int,\n    detail longtext\n) ENGINE=InnoDB DEFAULT CHARSET=utf8mb4",
            "CREATE TABLE IF NOT EXISTS pontoon_marker (\n    \
             only_row smallint NOT NULL PRIMARY KEY,\n    format int NOT NULL,\n    \
             migration varchar(255) NOT NULL,\n    file_sha256 char(64) NOT NULL,\n    stage varchar(20) NOT NULL,\n    \
             state varchar(20) NOT NULL,\n    at datetime(6) NOT NULL\n\
             ) ENGINE=InnoDB DEFAULT CHARSET=utf8mb4",
            "CREATE TABLE IF NOT EXISTS pontoon_backfill (\n    \
             backfill varchar(255) NOT NULL PRIMARY KEY,\n    table_name varchar(64) NOT NULL,\n    \
             column_name varchar(64) NOT NULL,\n    round int NOT NULL,\n    state varchar(20) NOT NULL,\n    \
             base longtext NOT NULL,\n    next longtext,\n    bound longtext NOT NULL,\n    share bigint NOT NULL,\n    \
             units double NOT NULL,\n    dealt bigint NOT NULL,\n    dealt_units double NOT NULL,\n    \
             done_units double NOT NULL,\n    rows_filled bigint NOT NULL,\n    declined bigint NOT NULL,\n    \
             vacuumed int NOT NULL DEFAULT 0,\n    at datetime(6) NOT NULL DEFAULT CURRENT_TIMESTAMP(6)\n\
             ) ENGINE=InnoDB DEFAULT CHARSET=utf8mb4",
            "CREATE TABLE IF NOT EXISTS pontoon_range (\n    \
             backfill varchar(255) NOT NULL,\n    number bigint NOT NULL,\n    round int NOT NULL,\n    \
             first longtext NOT NULL,\n    last longtext NOT NULL,\n    place longtext NOT NULL,\n    \
             units double NOT NULL,\n    done_units double NOT NULL DEFAULT 0,\n    rows_filled bigint NOT NULL DEFAULT 0,\n    \
             rows_per_second double NOT NULL DEFAULT 0,\n    worker varchar(255) NOT NULL,\n    fence bigint NOT NULL,\n    \
             lease_until datetime(6) NOT NULL,\n    at datetime(6) NOT NULL DEFAULT CURRENT_TIMESTAMP(6),\n    \
             PRIMARY KEY (backfill, number)\n) ENGINE=InnoDB DEFAULT CHARSET=utf8mb4",
            "CREATE TABLE IF NOT EXISTS pontoon_control (\n    \
             only_row smallint NOT NULL PRIMARY KEY,\n    paused smallint NOT NULL,\n    speed int NOT NULL,\n    \
             batch_ms int,\n    aborts bigint NOT NULL,\n    beat bigint NOT NULL DEFAULT 0,\n    asked_by varchar(255) NOT NULL,\n    \
             at datetime(6) NOT NULL\n) ENGINE=InnoDB DEFAULT CHARSET=utf8mb4",
        ],
    }
}

/// How the detail of a migration's first row begins; the server's version follows.
pub(crate) const SERVER: &str = "server ";

/// Which way a step goes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Direction {
    Do,
    Undo,
}

impl Direction {
    const fn word(self) -> &'static str {
        match self {
            Self::Do => "do",
            Self::Undo => "undo",
        }
    }
}

/// One row to add.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Entry<'a> {
    pub(crate) recorded: &'a Recorded,
    pub(crate) stage: Stage,
    /// The step's place in the migration; `None` for the stage as a whole.
    pub(crate) step: Option<usize>,
    /// Which statement of a way back.
    pub(crate) part: Option<usize>,
    pub(crate) direction: Direction,
    pub(crate) event: &'static str,
    pub(crate) sql: Option<&'a str>,
    pub(crate) cost: Cost,
    pub(crate) detail: Option<&'a str>,
}

/// What an attempt cost, ours and others.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Cost {
    pub(crate) duration_ms: u64,
    /// How long we waited before, inside the queue and outside.
    pub(crate) waited_ms: u64,
    /// How long others may have waited behind us.
    pub(crate) blocked_ms: u64,
    pub(crate) attempts: u32,
}

/// Where a step stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(crate) enum StepState {
    #[default]
    Planned,
    /// Begun; whether it was done only the catalog knows.
    Started,
    Done,
    /// On its way back: this many statements of it are done, and perhaps the next.
    Undoing(usize),
}

/// What the ledger says of one migration.
#[derive(Debug, Clone, Default)]
pub(crate) struct Progress {
    pub(crate) file_sha256: String,
    pub(crate) steps: BTreeMap<usize, StepState>,
    /// Stages that are done.
    pub(crate) stages: Vec<Stage>,
    /// A first row was written, and not everything was undone.
    pub(crate) begun: bool,
    /// An undo has begun and not ended: the only way is back.
    pub(crate) undoing: bool,
    /// The server's version when the migration began.
    pub(crate) server: Option<ServerVersion>,
}

impl Progress {
    pub(crate) fn done(&self, stage: Stage) -> bool {
        self.stages.contains(&stage)
    }

    pub(crate) fn step(&self, step: usize) -> StepState {
        self.steps.get(&step).copied().unwrap_or_default()
    }
}

/// Every migration that the ledger knows, in the order in which they began.
pub(crate) type History = Vec<(String, Progress)>;

/// Makes the tables where they are missing. Where they are there, no right to make tables is needed.
pub(crate) async fn create(session: &mut Session) -> Result<(), ExecError> {
    for (name, sql) in TABLES.iter().zip(ddl(session.dialect())) {
        let table = Fact::Table((*name).to_owned());
        if super::holds(session, &table).await? {
            continue;
        }
        // two that make it at once: PostgreSQL refuses the second in spite of its IF NOT EXISTS
        if let Err(error) = session.execute(sql).await
            && !super::holds(session, &table).await?
        {
            return Err(ExecError::server("making Pontoon's own tables")(error));
        }
    }
    Ok(())
}

/// Whether the tables are there, and are ours to read.
pub(crate) async fn exists(session: &mut Session) -> Result<bool, ExecError> {
    for name in &TABLES[..2] {
        if !super::holds(session, &Fact::Table((*name).to_owned())).await? {
            return Ok(false);
        }
    }
    let format = session.value("SELECT format FROM pontoon_marker").await;
    match format.map_err(ExecError::server("reading pontoon_marker"))?.map(|it| it.parse::<u32>()) {
        None | Some(Ok(FORMAT)) => Ok(true),
        Some(found) => Err(ExecError::Refused(format!(
            "this database's ledger was written by another version of Pontoon (format {}, here {FORMAT})\n  help: use \
             the version that wrote it, or a later one",
            found.map_or_else(|_| "unknown".into(), |it| it.to_string())
        ))),
    }
}

/// Whether the tables of backfills are there.
pub(crate) async fn has_backfills(session: &mut Session) -> Result<bool, ExecError> {
    for name in &TABLES[2..] {
        if !super::holds(session, &Fact::Table((*name).to_owned())).await? {
            return Ok(false);
        }
    }
    Ok(true)
}

/// Reads the whole history.
pub(crate) async fn read(session: &mut Session) -> Result<History, ExecError> {
    let text = match session.dialect() {
        Dialect::Postgres => "text",
        Dialect::MySql => "char",
    };
    let sql = format!(
        "SELECT migration, file_sha256, stage, CAST(step AS {text}), CAST(part AS {text}), direction, event, detail \
         FROM pontoon_ledger ORDER BY id"
    );
    let rows = session.rows(&sql).await.map_err(ExecError::server("reading pontoon_ledger"))?;
    let mut history: History = Vec::new();
    for row in rows {
        let text = |at: usize| row.get(at).cloned().flatten().unwrap_or_default();
        let number = |at: usize| row.get(at).cloned().flatten().and_then(|it| it.parse::<usize>().ok());
        let stage = Stage::from_name(&text(2)).ok_or_else(|| {
            ExecError::Refused(format!(
                "pontoon_ledger speaks of a stage `{}` that this Pontoon does not know\n  help: use the version that wrote it",
                text(2)
            ))
        })?;
        let id = text(0);
        let at = history.iter().position(|(known, _)| *known == id).unwrap_or_else(|| {
            history.push((id.clone(), Progress::default()));
            history.len() - 1
        });
        let progress = &mut history[at].1;
        let server = text(7).strip_prefix(SERVER).and_then(|it| it.parse().ok());
        progress.server = progress.server.or(server);
        fold(progress, stage, number(3), number(4), &text(5), &text(6), text(1));
    }
    history.retain(|(_, progress)| progress.begun);
    Ok(history)
}

/// For how long others may have waited for this migration so far, in milliseconds, since it last began.
pub(crate) async fn blocked_ms(session: &mut Session, recorded: &Recorded) -> Result<u64, ExecError> {
    let migration = session.dialect().literal(&recorded.migration.id);
    let sql = format!(
        "SELECT COALESCE(SUM(blocked_ms), 0) FROM pontoon_ledger WHERE migration = {migration} AND direction = 'do' AND id > \
         (SELECT COALESCE(MAX(id), 0) FROM pontoon_ledger WHERE migration = {migration} AND direction = 'undo' AND step IS NULL \
         AND event = 'done')"
    );
    let sum = session.value(&sql).await.map_err(ExecError::server("reading pontoon_ledger"))?;
    Ok(sum.and_then(|it| it.parse().ok()).unwrap_or_default())
}

/// What one row changes.
fn fold(
    progress: &mut Progress,
    stage: Stage,
    step: Option<usize>,
    part: Option<usize>,
    direction: &str,
    event: &str,
    file_sha256: String,
) {
    progress.file_sha256 = file_sha256;
    match (step, direction, event) {
        (None, "do", "done") => {
            progress.begun = true;
            progress.stages.push(stage);
        }
        (None, "do", _) => progress.begun = true,
        (None, _, "done") => *progress = Progress::default(),
        (None, ..) => {
            progress.stages.clear();
            progress.undoing = true;
        }
        (Some(step), "do", "done") => drop(progress.steps.insert(step, StepState::Done)),
        (Some(step), "do", "started") => drop(progress.steps.insert(step, StepState::Started)),
        (Some(step), "undo", "done") => {
            let state = part.map_or(StepState::Planned, |part| StepState::Undoing(part + 1));
            progress.steps.insert(step, state);
        }
        (Some(step), "undo", "started") => {
            progress.steps.insert(step, StepState::Undoing(part.unwrap_or_default()));
        }
        // a failure changes nothing: what it left is what the catalog says
        _ => {}
    }
}

/// Adds a row.
pub(crate) async fn note(session: &mut Session, runner: &str, entry: &Entry<'_>) -> Result<(), sqlx::Error> {
    let sql = note_sql(session.dialect(), runner, entry);
    session.execute(&sql).await.map(drop)
}

/// The statement that adds a row, for the same transaction as the work it notes.
pub(crate) fn note_sql(dialect: Dialect, runner: &str, entry: &Entry<'_>) -> String {
    let text = |value: &str| dialect.literal(value);
    let optional = |value: Option<String>| value.unwrap_or_else(|| "NULL".into());
    let migration = &entry.recorded.migration;
    let values = [
        text(runner),
        text(&migration.id),
        text(&entry.recorded.sha256),
        text(entry.stage.name()),
        optional(entry.step.map(|it| it.to_string())),
        optional(entry.part.map(|it| it.to_string())),
        text(entry.direction.word()),
        text(entry.event),
        optional(entry.sql.map(|it| text(&sha256(it)))),
        entry.cost.duration_ms.to_string(),
        entry.cost.waited_ms.to_string(),
        entry.cost.blocked_ms.to_string(),
        entry.cost.attempts.to_string(),
        optional(entry.detail.map(text)),
    ];
    format!(
        "INSERT INTO pontoon_ledger (runner, migration, file_sha256, stage, step, part, direction, event, sql_sha256, \
         duration_ms, waited_ms, blocked_ms, attempts, detail) VALUES ({})",
        values.join(", ")
    )
}

/// Says where the database is, for people and monitors.
pub(crate) async fn mark(
    session: &mut Session,
    recorded: &Recorded,
    stage: Stage,
    state: &str,
) -> Result<(), ExecError> {
    let dialect = session.dialect();
    let values =
        [&recorded.migration.id, &recorded.sha256, stage.name(), state].map(|it| dialect.literal(it)).join(", ");
    let sql = match dialect {
        Dialect::Postgres => format!(
            "INSERT INTO pontoon_marker (only_row, format, migration, file_sha256, stage, state, at) \
             VALUES (1, {FORMAT}, {values}, clock_timestamp()) ON CONFLICT (only_row) DO UPDATE \
             SET format = excluded.format, migration = excluded.migration, file_sha256 = excluded.file_sha256, \
             stage = excluded.stage, state = excluded.state, at = excluded.at"
        ),
        Dialect::MySql => format!(
            "REPLACE INTO pontoon_marker (only_row, format, migration, file_sha256, stage, state, at) \
             VALUES (1, {FORMAT}, {values}, CURRENT_TIMESTAMP(6))"
        ),
    };
    session.execute(&sql).await.map_err(ExecError::server("writing pontoon_marker")).map(drop)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn folded(rows: &[(Option<usize>, Option<usize>, &str, &str)]) -> Progress {
        let mut progress = Progress::default();
        for (step, part, direction, event) in rows {
            fold(&mut progress, Stage::Expand, *step, *part, direction, event, "hash".into());
        }
        progress
    }

    #[test]
    fn a_statement_that_began_and_did_not_end_is_asked_for() {
        let began = folded(&[(None, None, "do", "started"), (Some(0), None, "do", "started")]);
        assert_eq!((began.step(0), began.step(1), began.begun), (StepState::Started, StepState::Planned, true));
        let failed = folded(&[(Some(0), None, "do", "started"), (Some(0), None, "do", "failed")]);
        assert_eq!(failed.step(0), StepState::Started);
        let done = folded(&[(Some(0), None, "do", "started"), (Some(0), None, "do", "done")]);
        assert_eq!(done.step(0), StepState::Done);
    }

    #[test]
    fn an_undo_leads_back_and_forgets_at_its_end_alone() {
        let rows = [
            (None, None, "do", "started"),
            (Some(0), None, "do", "done"),
            (None, None, "do", "done"),
            (None, None, "undo", "started"),
            (Some(0), Some(0), "undo", "started"),
            (Some(0), Some(0), "undo", "done"),
            (Some(0), None, "undo", "done"),
            (None, None, "undo", "done"),
        ];
        assert!(folded(&rows[..3]).done(Stage::Expand));
        let begun = folded(&rows[..4]);
        assert!(begun.undoing && begun.begun && !begun.done(Stage::Expand) && begun.step(0) == StepState::Done);
        assert_eq!(folded(&rows[..5]).step(0), StepState::Undoing(0));
        assert_eq!(folded(&rows[..6]).step(0), StepState::Undoing(1));
        let last = folded(&rows[..7]);
        assert!(last.undoing && last.step(0) == StepState::Planned);
        let over = folded(&rows);
        assert!(!over.begun && !over.undoing && over.steps.is_empty());
    }
}
