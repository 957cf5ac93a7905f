//! The words of one SQL statement, with their places: enough to tell what kind of statement
//! it is, which tables it names, and where a clause can be put in. No parser: what a
//! statement does is asked of the server, never read out of its text.

use pontoon::Dialect;

use super::sql_files::{TokenKind, keyword_tokens};

/// A word: a keyword, a name, a number or a single sign.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Word {
    /// As written; a quoted name without its quotes.
    pub text: String,
    /// Whether it is a quoted name.
    pub quoted: bool,
    /// How many parentheses are open around it.
    pub depth: usize,
    /// Where it begins in the statement, in bytes.
    pub start: usize,
    /// Where it ends in the statement, in bytes.
    pub end: usize,
}

impl Word {
    /// Whether this is the keyword `word`, whatever its case.
    pub fn is(&self, word: &str) -> bool {
        !self.quoted && self.text.eq_ignore_ascii_case(word)
    }
}

/// The words of `sql`. Strings, comments and dollar-quoted bodies hold none.
pub fn words(sql: &str, dialect: Dialect) -> Vec<Word> {
    let mut depth = 0_usize;
    let mut found = Vec::new();
    for token in keyword_tokens(sql, dialect) {
        if token.kind == TokenKind::String {
            continue;
        }
        depth = depth.saturating_sub(usize::from(token.is(")")));
        let quoted = token.kind == TokenKind::QuotedIdent;
        let text = token.name().filter(|_| quoted).unwrap_or_else(|| token.text.to_owned());
        found.push(Word { text, quoted, depth, start: token.start, end: token.end });
        depth += usize::from(token.is("("));
    }
    found
}

/// Whether `words` begin with these keywords.
pub fn begins(words: &[Word], keywords: &[&str]) -> bool {
    words.len() >= keywords.len() && words.iter().zip(keywords).all(|(word, keyword)| word.is(keyword))
}

/// Whether these keywords stand somewhere in `words`, one after the other.
pub fn contains(words: &[Word], keywords: &[&str]) -> bool {
    words.windows(keywords.len()).any(|window| begins(window, keywords))
}

/// Whether the statement names `name` (which may be `schema.name`) anywhere.
pub fn names(words: &[Word], name: &str) -> bool {
    let bare = name.rsplit_once('.').map_or(name, |(_, bare)| bare);
    words.iter().any(|word| {
        if word.quoted { word.text == name || word.text == bare } else { word.text.eq_ignore_ascii_case(bare) }
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn strings_and_comments_hold_no_words() {
        let texts = |sql| words(sql, Dialect::Postgres).into_iter().map(|word| word.text).collect::<Vec<_>>();
        assert_eq!(texts("a -- b\n'it''s c' $x$ d $x$ \"E f\""), ["a", "E f"]);
    }

    #[test]
    fn names_are_found_whatever_their_case_and_schema() {
        let found = words("ALTER TABLE Shop.Users ADD x int", Dialect::Postgres);
        assert!(names(&found, "users") && names(&found, "shop.users") && !names(&found, "orders"));
    }

    #[test]
    fn parentheses_are_counted() {
        let depths: Vec<_> = words("a (b (c)) d", Dialect::MySql).iter().map(|it| it.depth).collect();
        assert_eq!(depths, [0, 0, 1, 1, 2, 1, 0, 0]);
    }
}
