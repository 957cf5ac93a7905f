//! The tokens of a statement, for finding a name or a clause in it.

use pontoon::Dialect;

use super::lex::{Lexeme, pieces};

/// What a token is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum TokenKind {
    /// A keyword or a bare name.
    Word,
    /// A name in quotes.
    QuotedIdent,
    /// A text in quotes of any kind.
    String,
    /// A number.
    Number,
    /// One character of anything else.
    Punct,
}

/// A piece of a statement that means something: no space and no comment.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Token<'a> {
    /// What it is.
    pub kind: TokenKind,
    /// As it is written, with its quotes.
    pub text: &'a str,
    /// Where it begins in the statement (bytes).
    pub start: usize,
    /// Where it ends.
    pub end: usize,
    dialect: Dialect,
}

impl Token<'_> {
    /// Whether it is this keyword or this character. A name in quotes is never a keyword.
    pub fn is(&self, text: &str) -> bool {
        matches!(self.kind, TokenKind::Word | TokenKind::Punct) && self.text.eq_ignore_ascii_case(text)
    }

    /// The name that the server understands: without quotes; a bare one in lower case on PostgreSQL.
    /// `None` for what cannot be a name.
    pub fn name(&self) -> Option<String> {
        match (self.kind, self.dialect) {
            (TokenKind::Word, Dialect::Postgres) => Some(self.text.to_lowercase()),
            (TokenKind::Word, Dialect::MySql) => Some(self.text.to_owned()),
            (TokenKind::QuotedIdent, Dialect::Postgres) => {
                let inner = self.text.trim_start_matches(['u', 'U', '&']);
                Some(unquoted(inner, '"'))
            }
            (TokenKind::QuotedIdent, Dialect::MySql) => Some(unquoted(self.text, '`')),
            _ => None,
        }
    }
}

fn unquoted(text: &str, quote: char) -> String {
    let inner = text.strip_prefix(quote).unwrap_or(text);
    let inner = inner.strip_suffix(quote).unwrap_or(inner);
    inner.replace(&format!("{quote}{quote}"), &quote.to_string())
}

/// The tokens of a statement. Never fails: what is left open ends with the text.
/// On MySQL the code inside `/*! ... */` is code.
pub fn keyword_tokens(sql: &str, dialect: Dialect) -> Vec<Token<'_>> {
    let kind = |lexeme| match lexeme {
        Lexeme::Space | Lexeme::Comment | Lexeme::VersionMark => None,
        Lexeme::Word => Some(TokenKind::Word),
        Lexeme::QuotedName => Some(TokenKind::QuotedIdent),
        Lexeme::String => Some(TokenKind::String),
        Lexeme::Number => Some(TokenKind::Number),
        Lexeme::Punct => Some(TokenKind::Punct),
    };
    let token = |kind, start: usize, end: usize| Token { kind, text: &sql[start..end], start, end, dialect };
    pieces(sql, dialect).iter().filter_map(|it| Some(token(kind(it.kind)?, it.start, it.end))).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keywords_and_names_are_told_apart() {
        let sql = "ALTER /* x */ TABLE Users ADD \"Table\" int";
        let tokens = keyword_tokens(sql, Dialect::Postgres);
        assert!(tokens[1].is("table") && !tokens[4].is("table"));
        assert_eq!(tokens[2].name().as_deref(), Some("users"));
        assert_eq!(tokens[4].name().as_deref(), Some("Table"));
        assert_eq!(&sql[tokens[4].start..tokens[4].end], "\"Table\"");
    }

    #[test]
    fn clauses_of_mysql_are_found() {
        let tokens =
            keyword_tokens("ALTER TABLE `a``b` ADD c int, ALGORITHM=INSTANT /*! , LOCK=NONE */", Dialect::MySql);
        assert_eq!(tokens[2].name().as_deref(), Some("a`b"));
        let clause = |name: &str| tokens.windows(3).find(|it| it[0].is(name) && it[1].is("=")).map(|it| it[2].text);
        assert_eq!((clause("algorithm"), clause("lock")), (Some("INSTANT"), Some("NONE")));
        assert_eq!(tokens[1].name().as_deref(), Some("TABLE"));
    }
}
