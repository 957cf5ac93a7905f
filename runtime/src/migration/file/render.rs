//! Values to text.

use std::fmt::Write as _;

use crate::migration::claim::quote;
use crate::migration::{
    Assertion, Backfill, Claim, Each, Fact, KeyCast, KeyColumn, Migration, Search, Stage, Statement, Step, Undo,
    UndoStatement, WalkBy, Wrong,
};

pub(super) fn render(migration: &Migration) -> String {
    let mut out = format!(
        "-- Pontoon migration `{}` for {}.\n\
         -- What is reviewed here is what runs, byte for byte. After an edit by hand: `cargo xtask generate --record`.\n",
        migration.id, migration.dialect
    );
    for stage in Stage::ALL {
        let mut steps = migration.stage(stage).peekable();
        if steps.peek().is_none() {
            continue;
        }
        let _ = write!(out, "\n-- @stage {stage}\n");
        for (_, step) in steps {
            out.push('\n');
            match step {
                Step::Statement(it) => statement(&mut out, it),
                Step::Backfill(it) => backfill(&mut out, it),
                Step::Assertion(it) => assertion(&mut out, it),
                Step::Search(it) => search(&mut out, it),
            }
        }
    }
    out
}

fn statement(out: &mut String, it: &Statement) {
    comment(out, &it.comment);
    if !it.servers.all() {
        directive(out, "server", &it.servers.to_string());
    }
    chosen(out, "", it.each.as_ref(), it.unless.as_ref());
    attributes(out, "", it.transactional, &it.settings, &it.claim);
    directive(out, "done", &it.done.to_string());
    match &it.undo {
        Undo::Statements(statements) => {
            for undo in statements {
                undo_statement(out, undo, &it.done);
            }
        }
        Undo::Nothing(why) => directive(out, "undo nothing:", why),
        Undo::Impossible(why) => directive(out, "undo impossible:", why),
    }
    let _ = writeln!(out, "{};", it.sql);
}

fn undo_statement(out: &mut String, it: &UndoStatement, done: &Fact) {
    directive(out, "undo", &format!("{};", it.sql));
    chosen(out, "undo-", it.each.as_ref(), it.unless.as_ref());
    attributes(out, "undo-", it.transactional, &it.settings, &it.claim);
    if it.done != done.negated() {
        directive(out, "undo-done", &it.done.to_string());
    }
}

fn chosen(out: &mut String, prefix: &str, each: Option<&Each>, unless: Option<&Fact>) {
    if let Some(each) = each {
        directive(out, &format!("{prefix}each"), &each.to_string());
    }
    if let Some(fact) = unless {
        directive(out, &format!("{prefix}unless"), &fact.to_string());
    }
}

fn attributes(out: &mut String, prefix: &str, transactional: bool, settings: &[(String, String)], claim: &Claim) {
    if !transactional {
        directive(out, &format!("{prefix}no-transaction"), "");
    }
    for (name, value) in settings {
        directive(out, &format!("{prefix}set"), &format!("{name}={value}"));
    }
    directive(out, &format!("{prefix}claim"), &claim.to_string());
}

fn backfill(out: &mut String, it: &Backfill) {
    comment(out, &it.comment);
    directive(out, "backfill", &format!("{}.{}", quote(&it.table), quote(&it.column)));
    if let Some(function) = &it.function {
        directive(out, "rust", &function.name);
        directive(out, "write", &format!("{};", function.write));
    }
    directive(out, "claim", &it.claim.to_string());
    let invariant = if it.invariant_lasts { "invariant" } else { "invariant-once" };
    directive(out, invariant, &format!("{};", it.invariant));
    for walk in &it.walks {
        directive(out, "walk", &walk_by(&walk.by));
        let _ = writeln!(out, "{};", walk.sql);
    }
}

fn walk_by(by: &WalkBy) -> String {
    match by {
        WalkBy::Blocks => "blocks".into(),
        WalkBy::Tids => "tids".into(),
        WalkBy::Keys(columns) => walk_by_keys(columns),
    }
}

fn walk_by_keys(columns: &[KeyColumn]) -> String {
    let column = |column: &KeyColumn| {
        let cast = match &column.cast {
            KeyCast::Text => "text",
            KeyCast::Hex => "hex",
            KeyCast::Type(name) => name,
        };
        format!("{} as {cast}", quote(&column.name))
    };
    format!("keys {}", columns.iter().map(column).collect::<Vec<_>>().join(", "))
}

fn assertion(out: &mut String, it: &Assertion) {
    directive(out, if it.on_way_back { "undo-assert" } else { "assert" }, &it.message);
    if let Some(grace) = &it.grace {
        directive(out, "grace", &grace.to_string());
    }
    let _ = writeln!(out, "{};", it.sql);
}

fn search(out: &mut String, it: &Search) {
    directive(out, if it.on_way_back { "undo-assert" } else { "assert" }, &it.message);
    let name = match it.wrong {
        Wrong::Rows => "search",
        Wrong::Twice => "search-twice",
    };
    directive(out, name, &quote(&it.table));
    directive(out, "walk", &walk_by_keys(&it.key));
    let _ = writeln!(out, "{};", it.sql);
}

fn comment(out: &mut String, text: &str) {
    for line in text.lines() {
        let _ = writeln!(out, "-- {}", line.trim());
    }
}

fn directive(out: &mut String, name: &str, value: &str) {
    let mut lines = value.lines();
    let first = lines.next().unwrap_or_default();
    let _ = writeln!(out, "{}", format!("-- @{name} {first}").trim_end());
    for line in lines {
        let _ = writeln!(out, "{}", format!("--   {line}").trim_end());
    }
}
