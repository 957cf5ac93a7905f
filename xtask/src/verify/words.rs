//! The words of one SQL statement, with their places: enough to tell what kind of statement
//! it is, which tables it names, and where a clause can be put in. No parser: what a
//! statement does is asked of the server, never read out of its text.

use pontoon::Dialect;

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

/// The words of `sql`: strings, comments and dollar-quoted bodies are left out.
pub fn words(sql: &str, dialect: Dialect) -> Vec<Word> {
    let mut found = Vec::new();
    let (mut at, mut depth) = (0, 0_usize);
    while let Some(c) = sql[at..].chars().next() {
        let rest = &sql[at..];
        let start = at;
        if let Some(length) = skipped(rest, dialect) {
            at += length;
            continue;
        }
        let (text, quoted, length) = if is_name_quote(c, dialect) {
            let length = quoted_length(rest, c, false);
            let inner = &rest[c.len_utf8()..length.saturating_sub(c.len_utf8()).max(c.len_utf8())];
            (inner.replace(&format!("{c}{c}"), &c.to_string()), true, length)
        } else if is_word_char(c) {
            let length = rest.find(|c| !is_word_char(c)).unwrap_or(rest.len());
            (rest[..length].to_owned(), false, length)
        } else {
            (c.to_string(), false, c.len_utf8())
        };
        at += length;
        if c == ')' && !quoted {
            depth = depth.saturating_sub(1);
        }
        found.push(Word { text, quoted, depth, start, end: at });
        if c == '(' && !quoted {
            depth += 1;
        }
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

fn is_word_char(c: char) -> bool {
    c.is_alphanumeric() || c == '_' || c == '$'
}

fn is_name_quote(c: char, dialect: Dialect) -> bool {
    match dialect {
        Dialect::Postgres => c == '"',
        Dialect::MySql => c == '`',
    }
}

/// The length of what stands at the start of `rest` and holds no word.
fn skipped(rest: &str, dialect: Dialect) -> Option<usize> {
    let mysql = dialect == Dialect::MySql;
    let first = rest.chars().next()?;
    if first.is_whitespace() {
        return Some(first.len_utf8());
    }
    if rest.starts_with("--") || (mysql && first == '#') {
        return Some(rest.find('\n').map_or(rest.len(), |end| end + 1));
    }
    // `/*! ... */` is code for MySQL: its words count, only its marks are skipped
    if mysql && rest.starts_with("/*!") {
        return Some(3 + rest[3..].find(|c: char| !c.is_ascii_digit()).unwrap_or(0));
    }
    if mysql && rest.starts_with("*/") {
        return Some(2);
    }
    if rest.starts_with("/*") {
        return Some(comment_length(rest, !mysql));
    }
    if first == '\'' || (mysql && first == '"') {
        return Some(quoted_length(rest, first, mysql));
    }
    if !mysql && (rest.starts_with("E'") || rest.starts_with("e'")) {
        return Some(1 + quoted_length(&rest[1..], '\'', true));
    }
    if !mysql && first == '$' { dollar_length(rest) } else { None }
}

fn comment_length(rest: &str, nests: bool) -> usize {
    let (mut at, mut open) = (2, 1);
    while open > 0 && at < rest.len() {
        let here = &rest[at..];
        if here.starts_with("*/") {
            open -= 1;
            at += 2;
        } else if nests && here.starts_with("/*") {
            open += 1;
            at += 2;
        } else {
            at += here.chars().next().map_or(1, char::len_utf8);
        }
    }
    at
}

/// From the opening quote to behind the closing one; a doubled quote does not close.
fn quoted_length(rest: &str, quote: char, backslash: bool) -> usize {
    let mut chars = rest.char_indices().skip(1).peekable();
    while let Some((at, c)) = chars.next() {
        if backslash && c == '\\' {
            chars.next();
        } else if c == quote && chars.next_if(|(_, next)| *next == quote).is_none() {
            return at + c.len_utf8();
        }
    }
    rest.len()
}

/// `$tag$ ... $tag$`; `None` where the dollar begins no such string.
fn dollar_length(rest: &str) -> Option<usize> {
    let end = 1 + rest[1..].find('$')?;
    let tag = &rest[..=end];
    if tag[1..end].chars().any(|c| !(c.is_alphanumeric() || c == '_')) || tag[1..].starts_with(|c: char| c.is_ascii_digit()) {
        return None;
    }
    Some(rest[end + 1..].find(tag).map_or(rest.len(), |close| end + 1 + close + tag.len()))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn texts(sql: &str, dialect: Dialect) -> String {
        words(sql, dialect).into_iter().map(|word| word.text).collect::<Vec<_>>().join(" ")
    }

    #[test]
    fn strings_and_comments_hold_no_words() {
        assert_eq!(texts("a -- b\n'it''s c' $x$ d $x$ \"E f\"", Dialect::Postgres), "a E f");
        assert_eq!(texts("a # b\n'it\\'s c' `d``e` \"f\" /*!80000 g */", Dialect::MySql), "a d`e g");
        assert_eq!(texts("a /* b /* c */ d */ e E'\\'f' $1", Dialect::Postgres), "a e $1");
    }

    #[test]
    fn names_are_found_whatever_their_case_and_schema() {
        let found = words("ALTER TABLE Shop.Users ADD x int", Dialect::Postgres);
        assert!(names(&found, "users") && names(&found, "shop.users") && !names(&found, "orders"));
    }

    #[test]
    fn unclosed_text_ends_with_the_statement() {
        for sql in ["'a", "\"", "$x$ a", "/* a", "`"] {
            words(sql, Dialect::Postgres);
            words(sql, Dialect::MySql);
        }
    }
}
