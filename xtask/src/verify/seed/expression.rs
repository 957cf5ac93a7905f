//! A small reader of the expressions that catalogs show for CHECK constraints.

use pontoon::Dialect;

use crate::verify::sql_files::{Token, TokenKind, keyword_tokens};

#[derive(Debug, Clone, PartialEq)]
pub(super) enum Expression {
    And(Vec<Expression>),
    Or(Vec<Expression>),
    Not(Box<Expression>),
    Compare(Box<Expression>, Comparison, Box<Expression>),
    In(Box<Expression>, Vec<Expression>),
    Like(Box<Expression>, String),
    Regex(Box<Expression>, String),
    /// Whether it is NULL, or is not.
    IsNull(Box<Expression>, bool),
    Name(String),
    Number(f64),
    Text(String),
    Call(String, Vec<Expression>),
    List(Vec<Expression>),
    /// Something whose value does not matter here, such as arithmetic.
    Other,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Comparison {
    Equal,
    Unequal,
    Less,
    LessEqual,
    Greater,
    GreaterEqual,
}

impl Comparison {
    /// The same with its sides exchanged.
    pub(super) const fn turned(self) -> Self {
        match self {
            Self::Less => Self::Greater,
            Self::LessEqual => Self::GreaterEqual,
            Self::Greater => Self::Less,
            Self::GreaterEqual => Self::LessEqual,
            same => same,
        }
    }
}

impl Expression {
    /// The text of a constant.
    pub(super) fn constant(&self) -> Option<String> {
        match self {
            Self::Text(text) => Some(text.clone()),
            Self::Number(number) => Some(number.to_string()),
            Self::Name(name) if matches!(name.as_str(), "true" | "false") => Some(name.clone()),
            _ => None,
        }
    }
}

/// Reads a condition, with or without `CHECK` before it; `None` if it is not of the simple kind.
pub(super) fn parse(condition: &str, dialect: Dialect) -> Option<Expression> {
    // MySQL's information_schema shows the condition's SQL with quotes and backslashes escaped
    let unescaped = unescape(condition);
    let text = if dialect == Dialect::MySql { unescaped.as_str() } else { condition };
    let tokens = keyword_tokens(text, dialect);
    let mut parser = Parser { tokens: &tokens, at: 0, dialect };
    parser.accept("check");
    let expression = parser.or()?;
    // NOT VALID, NO INHERIT and the like may follow
    Some(expression)
}

struct Parser<'a> {
    tokens: &'a [Token<'a>],
    at: usize,
    dialect: Dialect,
}

impl<'a> Parser<'a> {
    fn peek(&self, text: &str) -> bool {
        self.tokens.get(self.at).is_some_and(|it| it.is(text))
    }

    fn accept(&mut self, text: &str) -> bool {
        let found = self.peek(text);
        self.at += usize::from(found);
        found
    }

    fn accept_all(&mut self, texts: &[&str]) -> bool {
        let all = texts.iter().enumerate().all(|(i, text)| self.tokens.get(self.at + i).is_some_and(|it| it.is(text)));
        self.at += if all { texts.len() } else { 0 };
        all
    }

    fn or(&mut self) -> Option<Expression> {
        let mut parts = vec![self.and()?];
        while self.accept("or") || self.accept_all(&["|", "|"]) {
            parts.push(self.and()?);
        }
        Some(if parts.len() == 1 { parts.remove(0) } else { Expression::Or(parts) })
    }

    fn and(&mut self) -> Option<Expression> {
        let mut parts = vec![self.not()?];
        while self.accept("and") || self.accept_all(&["&", "&"]) {
            parts.push(self.not()?);
        }
        Some(if parts.len() == 1 { parts.remove(0) } else { Expression::And(parts) })
    }

    fn not(&mut self) -> Option<Expression> {
        if self.accept("not") || (self.dialect == Dialect::MySql && self.accept("!")) {
            return Some(Expression::Not(Box::new(self.not()?)));
        }
        self.comparison()
    }

    fn comparison(&mut self) -> Option<Expression> {
        let left = self.sum()?;
        let boxed = |it| Box::new(it);
        if self.accept("is") {
            let not = self.accept("not");
            return self.accept("null").then(|| Expression::IsNull(boxed(left), !not));
        }
        if self.accept("between") {
            let low = self.sum()?;
            let high = self.accept("and").then(|| self.sum())??;
            let low = Expression::Compare(boxed(left.clone()), Comparison::GreaterEqual, boxed(low));
            return Some(Expression::And(vec![
                low,
                Expression::Compare(boxed(left), Comparison::LessEqual, boxed(high)),
            ]));
        }
        if self.accept("in") {
            let list = self.accept("(").then(|| self.list(")"))??;
            return Some(Expression::In(boxed(left), list));
        }
        if self.accept("like") || self.accept_all(&["~", "~", "*"]) || self.accept_all(&["~", "~"]) {
            let Expression::Text(pattern) = self.sum()? else { return None };
            return Some(Expression::Like(boxed(left), pattern));
        }
        if self.accept_all(&["~", "*"]) || self.accept("~") || self.accept("regexp") || self.accept("rlike") {
            let Expression::Text(pattern) = self.sum()? else { return None };
            return Some(Expression::Regex(boxed(left), pattern));
        }
        let Some(comparison) = self.comparison_sign() else { return Some(left) };
        if self.accept("any") {
            let Expression::List(list) = self.sum()? else { return None };
            return (comparison == Comparison::Equal).then(|| Expression::In(boxed(left), list));
        }
        Some(Expression::Compare(boxed(left), comparison, boxed(self.sum()?)))
    }

    fn comparison_sign(&mut self) -> Option<Comparison> {
        let signs: [(&[&str], Comparison); 7] = [
            (&["<", ">"], Comparison::Unequal),
            (&["!", "="], Comparison::Unequal),
            (&["<", "="], Comparison::LessEqual),
            (&[">", "="], Comparison::GreaterEqual),
            (&["<"], Comparison::Less),
            (&[">"], Comparison::Greater),
            (&["="], Comparison::Equal),
        ];
        signs.into_iter().find(|(sign, _)| self.accept_all(sign)).map(|(_, comparison)| comparison)
    }

    /// Arithmetic is read over; its value is not known.
    fn sum(&mut self) -> Option<Expression> {
        let mut value = self.primary()?;
        while ["+", "-", "*", "/", "%", "div", "mod"].iter().any(|sign| self.accept(sign)) {
            self.primary()?;
            value = Expression::Other;
        }
        Some(value)
    }

    fn primary(&mut self) -> Option<Expression> {
        let token = *self.tokens.get(self.at)?;
        self.at += 1;
        let value = match token.kind {
            TokenKind::Punct if token.is("(") => {
                let inner = self.or()?;
                self.accept(")").then_some(inner)?
            }
            TokenKind::Punct if token.is("-") => match self.primary()? {
                Expression::Number(number) => Expression::Number(-number),
                _ => Expression::Other,
            },
            TokenKind::Punct => return None,
            TokenKind::Number => Expression::Number(token.text.parse().ok()?),
            TokenKind::String => {
                let text = text_of(token.text, self.dialect);
                // PostgreSQL shows -7 as '-7'::integer
                let number = text.parse().ok().filter(|_| self.is_cast_to_a_number());
                number.map_or(Expression::Text(text), Expression::Number)
            }
            // the character set of the text behind it
            TokenKind::Word if token.text.starts_with('_') && self.dialect == Dialect::MySql => self.primary()?,
            TokenKind::Word if token.is("array") && self.accept("[") => Expression::List(self.list("]")?),
            TokenKind::Word | TokenKind::QuotedIdent if self.accept("(") => {
                Expression::Call(token.name()?.to_lowercase(), self.list(")")?)
            }
            TokenKind::Word | TokenKind::QuotedIdent => Expression::Name(token.name()?),
        };
        self.skip_cast();
        Some(value)
    }

    fn list(&mut self, end: &str) -> Option<Vec<Expression>> {
        // TRIM(BOTH FROM x)
        while ["both", "leading", "trailing", "from"].iter().any(|word| self.accept(word)) {}
        let mut items = Vec::new();
        while !self.accept(end) {
            items.push(self.or()?);
            if !self.accept(",") && !self.peek(end) {
                return None;
            }
        }
        Some(items)
    }

    fn is_cast_to_a_number(&self) -> bool {
        let at = |place: usize, text: &str| self.tokens.get(self.at + place).is_some_and(|it| it.is(text));
        let numbers = ["smallint", "integer", "bigint", "numeric", "real", "double"];
        at(0, ":") && at(1, ":") && numbers.iter().any(|it| at(2, it))
    }

    /// `::character varying(5)[]`
    fn skip_cast(&mut self) {
        while self.accept_all(&[":", ":"]) {
            self.at += 1;
            while self.accept(".") {
                self.at += 1;
            }
            while ["varying", "precision", "with", "without", "time", "zone"].iter().any(|word| self.accept(word)) {}
            if self.accept("(") {
                while self.at < self.tokens.len() && !self.accept(")") {
                    self.at += 1;
                }
                while ["with", "without", "time", "zone"].iter().any(|word| self.accept(word)) {}
            }
            while self.accept_all(&["[", "]"]) {}
        }
        // MySQL's collations
        if self.accept("collate") {
            self.at += 1;
        }
    }
}

/// The text that a literal stands for.
fn text_of(literal: &str, dialect: Dialect) -> String {
    let start = literal.find(['\'', '"', '$']).unwrap_or(0);
    let escaped = dialect == Dialect::MySql || literal[..start].eq_ignore_ascii_case("e");
    let inner = literal[start + 1..].strip_suffix(['\'', '"', '$']).unwrap_or(&literal[start + 1..]);
    let inner = inner.replace("''", "'");
    if escaped { unescape(&inner) } else { inner }
}

/// Takes each backslash away and leaves what it stands before.
fn unescape(text: &str) -> String {
    let mut chars = text.chars();
    let mut plain = String::with_capacity(text.len());
    while let Some(c) = chars.next() {
        plain.extend(if c == '\\' { chars.next() } else { Some(c) });
    }
    plain
}
