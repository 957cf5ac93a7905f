//! Whether a statement is inside something in which a semicolon does not end it.
//!
//! PostgreSQL: parentheses, and `BEGIN ATOMIC ... END` of functions, by the rules of psql.
//! MySQL: the bodies of triggers, procedures, functions and events, by the grammar of
//! compound statements, because most tools send such files without `DELIMITER`.

use pontoon::Dialect;

use super::lex::{Lexeme, Lexer};

/// What has been opened and not closed in a statement so far.
pub(super) struct Body {
    dialect: Dialect,
    parentheses: usize,
    /// How many tokens came.
    count: usize,
    header: Header,
    open: Vec<Block>,
    /// The token before, in lower case; for MySQL's `END IF` and `IF (`.
    before: String,
}

/// What the statement's first words say.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Header {
    /// Nothing yet: `CREATE`, `OR REPLACE`, `DEFINER = x` and so on.
    Undecided,
    /// MySQL: a user's name is due, after `DEFINER`.
    User,
    /// It is no routine.
    Plain,
    /// It is a routine, and its body can hold semicolons.
    Routine,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Block {
    /// Anything that holds statements and ends with END.
    Statements,
    /// A CASE that gives a value: its THEN is followed by no statement.
    Value,
}

impl Body {
    pub(super) const fn new(dialect: Dialect) -> Self {
        let header = Header::Undecided;
        Self { dialect, parentheses: 0, count: 0, header, open: Vec::new(), before: String::new() }
    }

    /// Whether a semicolon here is part of the statement.
    pub(super) const fn is_open(&self) -> bool {
        match self.dialect {
            Dialect::Postgres => self.parentheses > 0 || !self.open.is_empty(),
            Dialect::MySql => !self.open.is_empty(),
        }
    }

    /// What would close it.
    pub(super) const fn missing(&self) -> &'static str {
        if self.open.is_empty() { "closing `)`" } else { "END" }
    }

    /// Takes the next token; `rest` is the text behind it.
    pub(super) fn see(&mut self, kind: Lexeme, text: &str, rest: &str) {
        if kind == Lexeme::VersionMark {
            return;
        }
        let word = match kind {
            Lexeme::Word | Lexeme::Punct => text.to_ascii_lowercase(),
            // a name or a text is never a keyword
            _ => "''".to_owned(),
        };
        self.decide(&word);
        match (word.as_str(), self.dialect) {
            ("(", _) => self.parentheses += 1,
            (")", _) => self.parentheses = self.parentheses.saturating_sub(1),
            (_, Dialect::Postgres) if self.parentheses == 0 => self.postgres(&word),
            (_, Dialect::MySql) => self.mysql(&word, rest),
            _ => {}
        }
        self.count += 1;
        self.before = word;
    }

    fn decide(&mut self, word: &str) {
        self.header = match (self.header, word) {
            (Header::Undecided, "create" | "alter") if self.count == 0 => Header::Undecided,
            (Header::Undecided, _) if self.count == 0 => Header::Plain,
            (Header::Undecided, "function" | "procedure") => Header::Routine,
            (Header::Undecided, "or" | "replace") => Header::Undecided,
            (Header::Undecided, "trigger" | "event") if self.dialect == Dialect::MySql => Header::Routine,
            (Header::Undecided, "aggregate") if self.dialect == Dialect::MySql => Header::Undecided,
            (Header::Undecided, "definer") if self.dialect == Dialect::MySql => Header::User,
            // `DEFINER = name`, `= name@host`, `= CURRENT_USER()`: over when a word follows a finished user
            (Header::User, "=" | "@" | "(" | ")") => Header::User,
            (Header::User, _) if matches!(self.before.as_str(), "=" | "@") => Header::User,
            (Header::User, "function" | "procedure" | "trigger" | "event") => Header::Routine,
            (Header::User, "aggregate") => Header::Undecided,
            (Header::Undecided | Header::User, _) => Header::Plain,
            (decided, _) => decided,
        };
    }

    fn postgres(&mut self, word: &str) {
        match (word, self.header) {
            ("begin", Header::Routine) => self.open.push(Block::Statements),
            ("case", Header::Routine) if !self.open.is_empty() => self.open.push(Block::Value),
            ("end", Header::Routine) => {
                self.open.pop();
            }
            _ => {}
        }
    }

    fn mysql(&mut self, word: &str, rest: &str) {
        if self.header != Header::Routine
            || (self.before == "end" && matches!(word, "if" | "case" | "loop" | "repeat" | "while"))
        {
            return;
        }
        let parenthesis_follows = || rest.trim_start().starts_with('(');
        let block = match word {
            "end" => {
                self.open.pop();
                return;
            }
            "begin" | "loop" | "while" => Block::Statements,
            "case" if self.at_statement() => Block::Statements,
            "case" => Block::Value,
            "repeat" if !parenthesis_follows() => Block::Statements,
            "if" if self.at_statement() && then_follows(rest) => Block::Statements,
            _ => return,
        };
        self.open.push(block);
    }

    /// Whether a statement of the body can begin behind the token before.
    fn at_statement(&self) -> bool {
        if self.open.last() == Some(&Block::Value) {
            return false;
        }
        let before = self.before.as_str();
        match self.open.is_empty() {
            false => matches!(before, ";" | "begin" | "then" | "else" | "do" | "loop" | "repeat" | ":"),
            // the header ends with parameters, a type, a characteristic or FOR EACH ROW, and with no operator
            true => {
                let header =
                    ["function", "procedure", "trigger", "event", "return", "select", "not", "and", "or", "set"];
                let ends = [")", ":", "''"];
                !header.contains(&before) && (ends.contains(&before) || before.starts_with(char::is_alphabetic))
            }
        }
    }
}

/// Whether a THEN comes before the statement's end: `IF (a) THEN` and not `IF(a, b, c)`.
fn then_follows(rest: &str) -> bool {
    let mut parentheses = 0_usize;
    let mut lexer = Lexer::new(rest, Dialect::MySql);
    while let Some(piece) = lexer.next_piece() {
        match (piece.kind, &rest[piece.start..piece.end]) {
            (Lexeme::Punct, "(") => parentheses += 1,
            (Lexeme::Punct, ")") => parentheses = parentheses.saturating_sub(1),
            (Lexeme::Punct, ";") if parentheses == 0 => return false,
            (Lexeme::Word, word) if parentheses == 0 && word.eq_ignore_ascii_case("then") => return true,
            _ => {}
        }
    }
    false
}
