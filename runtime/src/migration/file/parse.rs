//! Text to values.

use super::ParseError;
use super::lines::{Piece, pieces};
use super::skeleton::is_gap;
use crate::dialect::Dialect;
use crate::migration::claim::name_then_rest;
use crate::migration::{
    Assertion, Backfill, Claim, Each, Fact, Grace, KeyCast, KeyColumn, Migration, RustFill, Search, Servers, Stage,
    Statement, Step, Undo, UndoStatement, Walk, WalkBy, Wrong,
};

pub(super) fn parse(id: &str, dialect: Dialect, file: &str, text: &str) -> Result<Migration, ParseError> {
    let trouble = |(line, column, message)| ParseError { file: file.to_owned(), line, column, message };
    let mut parser = Parser::new(dialect);
    for (line, piece) in pieces(text).map_err(trouble)? {
        parser.piece(line, piece).map_err(|message| trouble((line, column(text, line), message)))?;
    }
    let end = text.lines().count().max(1);
    parser.end().map_err(|(line, message)| trouble((line.unwrap_or(end), 1, message)))?;
    Ok(Migration { id: id.to_owned(), dialect, steps: parser.steps })
}

/// Directives are looked at behind their `-- `, everything else from its first character.
fn column(text: &str, line: usize) -> usize {
    let line = text.lines().nth(line - 1).unwrap_or_default();
    if line.starts_with("-- @") { 4 } else { line.chars().take_while(|c| c.is_whitespace()).count() + 1 }
}

/// What the directives before an SQL text said.
#[derive(Default)]
struct Pending {
    comment: Vec<String>,
    line: Option<usize>,
    servers: Option<Servers>,
    each: Option<Each>,
    unless: Option<Fact>,
    claim: Option<Claim>,
    done: Option<Fact>,
    no_transaction: bool,
    settings: Vec<(String, String)>,
    undo: Vec<PendingUndo>,
    no_undo: Option<Undo>,
    assert: Option<(String, bool)>,
    search: Option<(Wrong, String)>,
    grace: Option<Grace>,
    key: Option<Vec<KeyColumn>>,
}

impl Pending {
    /// Whether something says that it is not for all, or more than once.
    const fn is_for_some(&self) -> bool {
        self.servers.is_some() || self.each.is_some() || self.unless.is_some()
    }
}

struct PendingUndo {
    sql: String,
    line: usize,
    each: Option<Each>,
    unless: Option<Fact>,
    claim: Option<Claim>,
    done: Option<Fact>,
    no_transaction: bool,
    settings: Vec<(String, String)>,
}

struct Parser {
    dialect: Dialect,
    stage: Option<Stage>,
    steps: Vec<(Stage, Step)>,
    pending: Pending,
    backfill: Option<(usize, Backfill, Option<WalkBy>)>,
}

type Outcome = Result<(), String>;

impl Parser {
    fn new(dialect: Dialect) -> Self {
        Self { dialect, stage: None, steps: Vec::new(), pending: Pending::default(), backfill: None }
    }

    fn piece(&mut self, line: usize, piece: Piece) -> Outcome {
        match piece {
            Piece::Comment(text) => {
                self.close_backfill()?;
                // what stands before the first stage is the file's own heading
                if self.stage.is_some() {
                    no_gap("the comment", &text)?;
                    self.pending.comment.push(text);
                }
                Ok(())
            }
            Piece::Directive { name, value } => self.directive(line, &name, &value),
            Piece::Sql(sql) => self.sql(line, sql),
        }
    }

    fn directive(&mut self, line: usize, name: &str, value: &str) -> Outcome {
        if name == "stage" {
            return self.begin_stage(value);
        }
        if self.stage.is_none() {
            return Err(format!("`@{name}` stands before the first `@stage`"));
        }
        no_gap(&format!("`@{name}`"), value)?;
        if name == "walk" {
            return self.walk(value);
        }
        if !matches!(name, "claim" | "invariant" | "invariant-once" | "rust" | "write") {
            self.close_backfill()?;
        }
        let outcome = self.directive_of_a_step(line, name, value);
        if self.backfill.is_none() {
            self.pending.line.get_or_insert(line);
        }
        outcome
    }

    fn directive_of_a_step(&mut self, line: usize, name: &str, value: &str) -> Outcome {
        match name {
            "backfill" => self.begin_backfill(line, value),
            "claim" => self.claim(value),
            "invariant" | "invariant-once" => match &mut self.backfill {
                Some((_, backfill, _)) => {
                    backfill.invariant_lasts = name == "invariant";
                    once(&mut backfill.invariant, without_semicolon(value), "@invariant")
                }
                None => Err(format!("`@{name}` belongs to a `@backfill`, and there is none above it")),
            },
            "server" => set(&mut self.pending.servers, Servers::parse(value, self.dialect)?, "@server"),
            "each" => {
                let each = self.each(value)?;
                set(&mut self.pending.each, each, "@each")
            }
            "unless" => set(&mut self.pending.unless, Fact::parse(value)?, "@unless"),
            "rust" | "write" => match &mut self.backfill {
                Some((_, backfill, _)) => {
                    let fill =
                        backfill.function.get_or_insert_with(|| RustFill { name: String::new(), write: String::new() });
                    match name {
                        "rust" => once(&mut fill.name, value.to_owned(), "@rust"),
                        _ => once(&mut fill.write, without_semicolon(value), "@write"),
                    }
                }
                None => Err(format!("`@{name}` belongs to a `@backfill`, and there is none above it")),
            },
            "done" => set(&mut self.pending.done, Fact::parse(value)?, "@done"),
            "no-transaction" => flag(&mut self.pending.no_transaction, "@no-transaction"),
            "set" => setting(&mut self.pending.settings, value),
            "assert" => set(&mut self.pending.assert, (value.to_owned(), false), "@assert"),
            "undo-assert" => set(&mut self.pending.assert, (value.to_owned(), true), "@undo-assert"),
            "grace" => {
                if !matches!(self.pending.assert, Some((_, false))) {
                    return Err("`@grace` has no `@assert` above it: what is it that stays for so long?".into());
                }
                set(&mut self.pending.grace, Grace::parse(value)?, "@grace")
            }
            "search" => self.search(Wrong::Rows, value),
            "search-twice" => self.search(Wrong::Twice, value),
            "undo" => self.undo(line, value),
            _ => match name.strip_prefix("undo-") {
                Some(part) => self.undo_part(part, value),
                None => Err(format!(
                    "`@{name}` is none of: stage, server, each, unless, claim, done, no-transaction, set, undo, undo-each, \
                     undo-unless, undo-claim, undo-done, undo-no-transaction, undo-set, backfill, rust, write, invariant, invariant-once, walk, assert, undo-assert, \
                     search, search-twice, grace"
                )),
            },
        }
    }

    fn begin_stage(&mut self, value: &str) -> Outcome {
        self.close_backfill()?;
        self.nothing_pending()?;
        let stage = Stage::from_name(value)
            .ok_or_else(|| format!("`{value}` is none of: expand, backfill, validate, contract"))?;
        if self.stage.is_some_and(|earlier| earlier >= stage) {
            return Err(format!("stage `{stage}` cannot follow here: each stands once, in their order"));
        }
        self.stage = Some(stage);
        self.pending = Pending::default();
        Ok(())
    }

    fn claim(&mut self, value: &str) -> Outcome {
        let claim = Claim::parse(value, self.dialect)?;
        match &mut self.backfill {
            Some((_, backfill, _)) if backfill.walks.is_empty() => {
                backfill.claim = claim;
                Ok(())
            }
            Some(_) => {
                self.close_backfill()?;
                set(&mut self.pending.claim, claim, "@claim")
            }
            None => set(&mut self.pending.claim, claim, "@claim"),
        }
    }

    fn undo(&mut self, line: usize, value: &str) -> Outcome {
        let none = |kind: &str| value.strip_prefix(kind).map(|why| why.trim().to_owned());
        let no_undo = none("nothing:").map(Undo::Nothing).or_else(|| none("impossible:").map(Undo::Impossible));
        if let Some(no_undo) = no_undo {
            return set(&mut self.pending.no_undo, no_undo, "@undo");
        }
        let sql = without_semicolon(value);
        if sql.is_empty() {
            return Err("`@undo` says no statement; write `@undo nothing: WHY` where none is needed".into());
        }
        self.pending.undo.push(PendingUndo {
            sql,
            line,
            each: None,
            unless: None,
            claim: None,
            done: None,
            no_transaction: false,
            settings: Vec::new(),
        });
        Ok(())
    }

    fn undo_part(&mut self, part: &str, value: &str) -> Outcome {
        let each = if part == "each" { Some(self.each(value)?) } else { None };
        let undo = self.pending.undo.last_mut().ok_or_else(|| format!("`@undo-{part}` has no `@undo` above it"))?;
        match part {
            "each" => each.map_or(Ok(()), |each| set(&mut undo.each, each, "@undo-each")),
            "unless" => set(&mut undo.unless, Fact::parse(value)?, "@undo-unless"),
            "claim" => set(&mut undo.claim, Claim::parse(value, self.dialect)?, "@undo-claim"),
            "done" => set(&mut undo.done, Fact::parse(value)?, "@undo-done"),
            "no-transaction" => flag(&mut undo.no_transaction, "@undo-no-transaction"),
            "set" => setting(&mut undo.settings, value),
            _ => Err(format!(
                "`@undo-{part}` is none of: undo-each, undo-unless, undo-claim, undo-done, undo-no-transaction, undo-set"
            )),
        }
    }

    fn each(&self, value: &str) -> Result<Each, String> {
        if self.dialect != Dialect::Postgres {
            return Err("`@each` goes through partitions, and Pontoon partitions tables on PostgreSQL alone".into());
        }
        Each::parse(value)
    }

    fn begin_backfill(&mut self, line: usize, value: &str) -> Outcome {
        if self.stage != Some(Stage::Backfill) {
            return Err("a `@backfill` stands in stage `backfill`".into());
        }
        let (table, rest) = name_then_rest(value)?;
        let rest = rest.strip_prefix('.').ok_or("`@backfill` names a table and a column: `@backfill users.email`")?;
        let (column, _) = name_then_rest(rest)?;
        let pending = std::mem::take(&mut self.pending);
        if pending.is_for_some() {
            return Err(only_statements());
        }
        let backfill = Backfill {
            comment: pending.comment.join("\n"),
            table,
            column,
            function: None,
            claim: Claim::none(),
            walks: Vec::new(),
            invariant: String::new(),
            invariant_lasts: true,
            line: 0,
        };
        self.backfill = Some((line, backfill, None));
        Ok(())
    }

    fn search(&mut self, wrong: Wrong, value: &str) -> Outcome {
        if self.pending.assert.is_none() {
            return Err("`@search` has no `@assert` above it: what does it mean when it finds something?".into());
        }
        let (table, rest) = name_then_rest(value)?;
        if !rest.is_empty() {
            return Err(format!("`{rest}` is one word too many: `@search` names a table"));
        }
        set(&mut self.pending.search, (wrong, table), "@search")
    }

    fn walk(&mut self, value: &str) -> Outcome {
        let by = walk_by(value)?;
        if self.pending.search.is_some() {
            return match by {
                WalkBy::Keys(columns) => set(&mut self.pending.key, columns, "@walk"),
                WalkBy::Blocks | WalkBy::Tids => Err("a `@search` goes by keys".into()),
            };
        }
        match &mut self.backfill {
            Some((_, _, pending @ None)) => *pending = Some(by),
            Some(_) => return Err("the `@walk` before this one has no statement".into()),
            None => return Err("`@walk` belongs to a `@backfill` or a `@search`, and there is none above it".into()),
        }
        Ok(())
    }

    fn close_backfill(&mut self) -> Outcome {
        let Some((line, mut backfill, pending)) = self.backfill.take() else { return Ok(()) };
        let name = format!("the backfill of `{}.{}` at line {line}", backfill.table, backfill.column);
        if pending.is_some() || backfill.walks.is_empty() {
            return Err(format!("{name} has a `@walk` without a statement, or none"));
        }
        if backfill.invariant.is_empty() {
            return Err(format!("{name} has no `@invariant`"));
        }
        if let Some(function) = &backfill.function {
            if function.name.is_empty() || function.write.is_empty() {
                return Err(format!("{name} has one of `@rust` and `@write`, and needs both"));
            }
            if backfill.walks.iter().any(|it| !matches!(it.by, WalkBy::Keys(_))) {
                return Err(format!("{name} is a Rust function's, which walks by `keys` only"));
            }
        }
        backfill.line = backfill.walks[0].line;
        self.push(Step::Backfill(backfill));
        Ok(())
    }

    fn sql(&mut self, line: usize, sql: String) -> Outcome {
        no_gap("the statement", &sql)?;
        if let Some((_, backfill, pending)) = &mut self.backfill {
            let by = pending.take().ok_or("the statement of a backfill stands under a `@walk`")?;
            backfill.walks.push(Walk { by, sql, line });
            return Ok(());
        }
        if self.stage.is_none() {
            return Err("this statement stands before the first `@stage`".into());
        }
        let mut pending = std::mem::take(&mut self.pending);
        let step = match (pending.assert.take(), pending.search.take()) {
            (Some(_), _) if pending.is_for_some() => return Err(only_statements()),
            (Some((message, on_way_back)), Some((wrong, table))) => {
                let key = pending.key.ok_or("the statement of a search stands under a `@walk keys ...`")?;
                Step::Search(Search { message, on_way_back, wrong, table, key, sql, line })
            }
            (Some((message, on_way_back)), None) => {
                Step::Assertion(Assertion { message, sql, on_way_back, grace: pending.grace, line })
            }
            (None, _) => Step::Statement(statement(pending, sql, line)?),
        };
        self.push(step);
        Ok(())
    }

    fn push(&mut self, step: Step) {
        if let Some(stage) = self.stage {
            self.steps.push((stage, step));
        }
    }

    fn nothing_pending(&self) -> Outcome {
        match self.pending.line {
            Some(line) => Err(format!("the directives at line {line} have no statement below them")),
            None => Ok(()),
        }
    }

    fn end(&mut self) -> Result<(), (Option<usize>, String)> {
        self.close_backfill().map_err(|message| (None, message))?;
        self.nothing_pending().map_err(|message| (self.pending.line, message))
    }
}

fn only_statements() -> String {
    "`@server`, `@each` and `@unless` stand above a statement: backfills and assertions run on every version, and once"
        .into()
}

fn statement(pending: Pending, sql: String, line: usize) -> Result<Statement, String> {
    let done = pending.done.ok_or("the statement has no `@done`: what does the catalog say once it is done?")?;
    let undo = match (pending.no_undo, pending.undo.is_empty()) {
        (Some(no_undo), true) => no_undo,
        (None, false) => {
            Undo::Statements(pending.undo.into_iter().map(|it| undo_statement(it, &done)).collect::<Result<_, _>>()?)
        }
        (None, true) => {
            return Err("the statement has no `@undo`; write `@undo nothing: WHY` where none is needed".into());
        }
        (Some(_), false) => return Err("the statement has an `@undo` with SQL and one without".into()),
    };
    Ok(Statement {
        comment: pending.comment.join("\n"),
        servers: pending.servers.unwrap_or_default(),
        each: pending.each,
        unless: pending.unless,
        sql,
        transactional: !pending.no_transaction,
        settings: pending.settings,
        claim: pending.claim.ok_or("the statement has no `@claim`: what does it lock, rewrite and scan?")?,
        done,
        undo,
        line,
    })
}

fn undo_statement(pending: PendingUndo, done: &Fact) -> Result<UndoStatement, String> {
    Ok(UndoStatement {
        each: pending.each,
        unless: pending.unless,
        sql: pending.sql,
        transactional: !pending.no_transaction,
        settings: pending.settings,
        claim: pending.claim.ok_or_else(|| format!("the `@undo` at line {} has no `@undo-claim`", pending.line))?,
        done: pending.done.unwrap_or_else(|| done.negated()),
        line: pending.line,
    })
}

fn walk_by(value: &str) -> Result<WalkBy, String> {
    match value {
        "blocks" => return Ok(WalkBy::Blocks),
        "tids" => return Ok(WalkBy::Tids),
        _ => {}
    }
    let list =
        value.strip_prefix("keys ").ok_or_else(|| format!("`{value}` is none of: `blocks`, `tids`, `keys ...`"))?;
    let mut columns = Vec::new();
    let mut rest = list;
    loop {
        let (name, after) = name_then_rest(rest.trim())?;
        let after = after.strip_prefix("as ").ok_or_else(|| format!("`{name}` is followed by no `as CAST`"))?;
        let end = top_level_comma(after).unwrap_or(after.len());
        let cast = match after[..end].trim() {
            "text" => KeyCast::Text,
            "hex" => KeyCast::Hex,
            "" => return Err(format!("`{name} as` names no cast")),
            other => KeyCast::Type(other.to_owned()),
        };
        columns.push(KeyColumn { name, cast });
        match after.get(end + 1..) {
            Some(more) => rest = more,
            None => return Ok(WalkBy::Keys(columns)),
        }
    }
}

/// The comma that ends a cast; not the one inside `numeric(12,2)`.
fn top_level_comma(text: &str) -> Option<usize> {
    let mut depth = 0;
    text.char_indices().find_map(|(at, c)| {
        match c {
            '(' => depth += 1,
            ')' => depth -= 1,
            ',' if depth == 0 => return Some(at),
            _ => {}
        }
        None
    })
}

/// What a skeleton left open is not run.
fn no_gap(what: &str, text: &str) -> Outcome {
    if is_gap(text) {
        return Err(format!(
            "{what} is still to be written (`...`)\n  help: fill it in, or remove the whole step with its directives; then \
             `cargo xtask generate --record`"
        ));
    }
    Ok(())
}

fn without_semicolon(sql: &str) -> String {
    let sql = sql.trim();
    sql.strip_suffix(';').unwrap_or(sql).trim_end().to_owned()
}

fn set<T>(slot: &mut Option<T>, value: T, name: &str) -> Outcome {
    if slot.replace(value).is_some() { Err(format!("`{name}` stands twice")) } else { Ok(()) }
}

fn once(slot: &mut String, value: String, name: &str) -> Outcome {
    if slot.is_empty() {
        *slot = value;
        Ok(())
    } else {
        Err(format!("`{name}` stands twice"))
    }
}

fn flag(slot: &mut bool, name: &str) -> Outcome {
    if std::mem::replace(slot, true) { Err(format!("`{name}` stands twice")) } else { Ok(()) }
}

fn setting(settings: &mut Vec<(String, String)>, value: &str) -> Outcome {
    let (name, value) = value.split_once('=').ok_or("`@set` wants NAME=VALUE")?;
    let plain = |text: &str| !text.is_empty() && text.chars().all(|c| c.is_ascii_alphanumeric() || c == '_');
    if !plain(name) || !plain(value) {
        return Err("`@set` takes letters, digits and `_` on both sides of the `=`".into());
    }
    settings.push((name.to_owned(), value.to_owned()));
    Ok(())
}
