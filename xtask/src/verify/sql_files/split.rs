//! Cutting a file into its statements.
//!
//! A semicolon ends a statement unless it is part of one: between parentheses (a rule's
//! actions), or in the body of a routine that is written out (see [`body`](super::body)).
//! MySQL's client has one command that changes this, `DELIMITER`, and it is understood.

use pontoon::Dialect;

use super::body::Body;
use super::lex::{Lexeme, Lexer, Piece, pieces};
use super::token::{Token, keyword_tokens};

/// A statement, cut out of its file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SqlText {
    /// The SQL, without the comment before it and without the semicolon after it.
    pub sql: String,
    /// The comment before it, as it is written; empty if there is none.
    pub comment: String,
    /// Where the SQL begins (not the comment), counted from 1.
    pub line: usize,
    /// The same, in characters.
    pub column: usize,
}

/// Why a text cannot be cut into statements, and where (byte offset).
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Unsplittable {
    pub(super) at: usize,
    pub(super) message: String,
}

/// Where a statement stands in a text. The slices side by side are the text.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Slice {
    /// Space and comments before the SQL.
    pub(super) start: usize,
    pub(super) sql: usize,
    pub(super) sql_end: usize,
    /// Behind the semicolon.
    pub(super) end: usize,
}

/// The statements of `text`; those of comments alone are none.
pub(super) fn split(text: &str, dialect: Dialect) -> Result<Vec<SqlText>, Unsplittable> {
    let mut place = Place { line: 1, column: 1, at: 0 };
    let statements = slices(text, dialect)?.into_iter().filter(|it| it.sql < it.sql_end).map(|it| {
        place.advance(text, it.sql);
        SqlText {
            sql: without_line_ends(&text[it.sql..it.sql_end], dialect),
            comment: text[it.start..it.sql].trim().to_owned(),
            line: place.line,
            column: place.column,
        }
    });
    Ok(statements.collect())
}

/// MySQL's client reads over a backslash at the end of a line, which the server would refuse. What comes behind it stays
/// in its place.
fn without_line_ends(sql: &str, dialect: Dialect) -> String {
    let mut sql = sql.to_owned();
    if dialect == Dialect::MySql && sql.contains('\\') {
        for piece in pieces(&sql.clone(), dialect) {
            let behind = &sql[piece.end..];
            let at_end = behind.starts_with('\n') || behind.starts_with("\r\n");
            if piece.kind == Lexeme::Punct && at_end && &sql[piece.start..piece.end] == "\\" {
                sql.replace_range(piece.start..piece.end, " ");
            }
        }
    }
    sql
}

/// Line and column of a byte offset, counted from 1.
pub(super) fn place(text: &str, at: usize) -> (usize, usize) {
    let mut place = Place { line: 1, column: 1, at: 0 };
    place.advance(text, at);
    (place.line, place.column)
}

struct Place {
    line: usize,
    column: usize,
    at: usize,
}

impl Place {
    fn advance(&mut self, text: &str, to: usize) {
        for c in text[self.at..to].chars() {
            if c == '\n' {
                (self.line, self.column) = (self.line + 1, 1);
            } else {
                self.column += 1;
            }
        }
        self.at = to;
    }
}

/// Cuts `text` behind every semicolon that ends a statement.
pub(super) fn slices(text: &str, dialect: Dialect) -> Result<Vec<Slice>, Unsplittable> {
    let mut splitter =
        Splitter { text, dialect, delimiter: None, slices: Vec::new(), current: Current::new(0, dialect) };
    let mut lexer = Lexer::new(text, dialect);
    while !lexer.rest().is_empty() {
        if !splitter.delimited(&mut lexer)
            && !splitter.command(&mut lexer)?
            && let Some(piece) = lexer.next_piece()
        {
            let piece = splitter.up_to_delimiter(piece);
            lexer.move_to(piece.end);
            splitter.take(piece)?;
        }
    }
    splitter.finish(text.len(), text.len())?;
    Ok(splitter.slices)
}

struct Splitter<'a> {
    text: &'a str,
    dialect: Dialect,
    /// What ends a statement, where MySQL's client was told something else than `;`.
    delimiter: Option<String>,
    slices: Vec<Slice>,
    current: Current,
}

/// The statement being read.
struct Current {
    start: usize,
    /// Its first and last significant bytes.
    sql: Option<(usize, usize)>,
    body: Body,
}

impl Current {
    const fn new(start: usize, dialect: Dialect) -> Self {
        Self { start, sql: None, body: Body::new(dialect) }
    }
}

impl Splitter<'_> {
    /// Whether the client's own delimiter stands here; then the statement has ended.
    fn delimited(&mut self, lexer: &mut Lexer<'_>) -> bool {
        let Some(delimiter) = &self.delimiter else { return false };
        if !lexer.rest().starts_with(delimiter.as_str()) {
            return false;
        }
        let at = lexer.at();
        lexer.move_to(at + delimiter.len());
        let _ = self.finish(at, lexer.at());
        true
    }

    /// Whether a command to a client stands here and was understood.
    fn command(&mut self, lexer: &mut Lexer<'_>) -> Result<bool, Unsplittable> {
        let (at, rest) = (lexer.at(), lexer.rest());
        if self.dialect == Dialect::Postgres && rest.starts_with('\\') {
            let line = rest.lines().next().unwrap_or_default();
            let word = line.split_whitespace().next().unwrap_or_default();
            if self.current.sql.is_none() && changes_no_sql(line) {
                lexer.move_to(at + line.len());
                return Ok(true);
            }
            let help = if word == "\\." {
                "it ends data of `COPY ... FROM stdin`; load rows with INSERT"
            } else {
                "take it out, or write what it does as SQL"
            };
            return Err(Unsplittable { at, message: format!("`{word}` is a command to psql and no SQL: {help}") });
        }
        if self.dialect == Dialect::Postgres || self.current.sql.is_some() || !self.at_line_start(at) {
            return Ok(false);
        }
        let line = rest.lines().next().unwrap_or_default();
        match line.get(..9).filter(|word| word.eq_ignore_ascii_case("delimiter")) {
            Some(_) if line[9..].starts_with(char::is_whitespace) => {
                let delimiter = line[9..].split_whitespace().next().unwrap_or_default();
                if delimiter.is_empty() {
                    return Err(Unsplittable { at, message: "`DELIMITER` is followed by nothing".into() });
                }
                self.delimiter = (delimiter != ";").then(|| delimiter.to_owned());
                lexer.move_to(at + line.len());
                Ok(true)
            }
            _ => Ok(false),
        }
    }

    /// A word ends where the client's own delimiter begins: `END$$`.
    fn up_to_delimiter(&self, piece: Piece) -> Piece {
        let text = &self.text[piece.start..piece.end];
        match self.delimiter.as_ref().and_then(|it| text.find(it.as_str())) {
            Some(length) if length > 0 && matches!(piece.kind, Lexeme::Word | Lexeme::Number) => {
                Piece { end: piece.start + length, ..piece }
            }
            _ => piece,
        }
    }

    fn at_line_start(&self, at: usize) -> bool {
        self.text[..at].chars().rev().take_while(|c| *c != '\n').all(char::is_whitespace)
    }

    fn take(&mut self, piece: Piece) -> Result<(), Unsplittable> {
        if let Some(missing) = piece.open {
            let message = format!("the {missing} of what begins here is missing");
            return Err(Unsplittable { at: piece.start, message });
        }
        if matches!(piece.kind, Lexeme::Space | Lexeme::Comment) {
            return Ok(());
        }
        let word = &self.text[piece.start..piece.end];
        let ends =
            self.delimiter.is_none() && word == ";" && piece.kind == Lexeme::Punct && !self.current.body.is_open();
        if ends {
            return self.finish(piece.start, piece.end);
        }
        self.current.body.see(piece.kind, word, &self.text[piece.end..]);
        let start = self.current.sql.map_or(piece.start, |(start, _)| start);
        self.current.sql = Some((start, piece.end));
        Ok(())
    }

    /// Ends the statement at `at`; the next begins at `next`.
    fn finish(&mut self, at: usize, next: usize) -> Result<(), Unsplittable> {
        let current = std::mem::replace(&mut self.current, Current::new(next, self.dialect));
        let (sql, sql_end) = current.sql.unwrap_or((at, at));
        if at == self.text.len() && current.body.is_open() {
            let message = format!("the {} of the statement that begins here is missing", current.body.missing());
            return Err(Unsplittable { at: sql, message });
        }
        if self.dialect == Dialect::Postgres && is_copy_from_stdin(&self.text[sql..sql_end]) {
            let message =
                "`COPY ... FROM stdin` takes rows from psql: write INSERT, or `COPY ... FROM` a file of the server";
            return Err(Unsplittable { at: sql, message: message.into() });
        }
        self.slices.push(Slice { start: current.start, sql, sql_end, end: next });
        Ok(())
    }
}

/// Whether a command of psql leaves the SQL behind it as it is: what pg_dump and careful people write on top of a file
/// (<https://www.postgresql.org/docs/current/app-psql.html>).
fn changes_no_sql(line: &str) -> bool {
    let words: Vec<_> = line.split_whitespace().collect();
    match words[..] {
        ["\\set", name, ..] => ["ON_ERROR_STOP", "ON_ERROR_ROLLBACK", "VERBOSITY", "QUIET", "ECHO"].contains(&name),
        [word, ..] => {
            ["\\restrict", "\\unrestrict", "\\echo", "\\qecho", "\\warn", "\\timing", "\\pset", "\\x"].contains(&word)
        }
        [] => false,
    }
}

fn is_copy_from_stdin(sql: &str) -> bool {
    if !sql.get(..4).is_some_and(|word| word.eq_ignore_ascii_case("copy")) {
        return false;
    }
    let tokens: Vec<Token<'_>> = keyword_tokens(sql, Dialect::Postgres);
    tokens.windows(2).any(|it| it[0].is("from") && it[1].is("stdin"))
}

#[cfg(test)]
#[path = "split_tests.rs"]
mod tests;
