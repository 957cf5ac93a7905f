//! What would be verified, without a server: `--list`.

use std::fmt::Write as _;

use pontoon::migration::{Migration, Stage, Step};

use super::run_history::HistoryFile;
use super::selection::Selection;
use super::sql_files::{Script, SqlFile, Unreadable};
use crate::report::shortened;

/// The statements of a project's own migrations, by stage.
pub fn of_history(files: &[HistoryFile], selection: &Selection) -> String {
    let mut text = String::new();
    for it in files.iter().filter(|it| selection.has(&it.migration.id)) {
        let _ = writeln!(text, "{}  {}", it.migration.id, it.file);
        stages(&mut text, &it.migration);
    }
    text
}

fn stages(text: &mut String, migration: &Migration) {
    for stage in Stage::ALL {
        let mut heading = true;
        for (_, step) in migration.stage(stage) {
            if std::mem::take(&mut heading) {
                let _ = writeln!(text, "  {}", stage.name());
            }
            let what = match step {
                Step::Statement(it) => it.sql.clone(),
                Step::Backfill(it) => format!("backfill {}.{}", it.table, it.column),
                Step::Assertion(it) => format!("assert: {}", it.message),
                Step::Search(it) => format!("search {}: {}", it.table, it.message),
            };
            let _ = writeln!(text, "    {:>4}: {}", step.line(), shortened(&what));
        }
    }
}

/// The statements of anybody's files, forth and back.
pub fn of_files(files: &[Result<SqlFile, Unreadable>], selection: &Selection) -> String {
    let mut text = String::new();
    for file in files {
        let file = match file {
            Ok(file) => file,
            Err(it) => {
                if selection.has(&it.stem) {
                    let _ = writeln!(text, "{}  cannot be read: {}", it.stem, it.error);
                }
                continue;
            }
        };
        if !selection.has(&file.stem) {
            continue;
        }
        let _ = writeln!(text, "{}  {}", file.stem, file.up.path.display());
        statements(&mut text, &file.up);
        if let Some(down) = &file.down {
            let _ = writeln!(text, "  back: {}", down.path.display());
            statements(&mut text, down);
        }
    }
    text
}

fn statements(text: &mut String, script: &Script) {
    for it in &script.statements {
        let _ = writeln!(text, "    {:>4}: {}", it.line, shortened(&it.sql));
    }
}
