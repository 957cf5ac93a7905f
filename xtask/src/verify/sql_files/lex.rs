//! Cutting SQL text into its smallest pieces, as the server's own lexer does.
//!
//! Nothing is lost: the pieces side by side are the text. What a piece *means* is for
//! others; here only the rules of quotes, comments and words differ between the servers.

use pontoon::Dialect;

/// What a piece of SQL text is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Lexeme {
    Space,
    Comment,
    /// MySQL: the `/*!80000` before code that only some servers read, or the `*/` after it.
    VersionMark,
    Word,
    QuotedName,
    String,
    Number,
    /// One character of anything else.
    Punct,
}

/// A piece, and where it stands (byte offsets).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Piece {
    pub(super) kind: Lexeme,
    pub(super) start: usize,
    pub(super) end: usize,
    /// What is missing at its end, if something is.
    pub(super) open: Option<&'static str>,
}

/// All pieces of `text`.
pub(super) fn pieces(text: &str, dialect: Dialect) -> Vec<Piece> {
    let mut lexer = Lexer::new(text, dialect);
    let mut pieces = Vec::new();
    while let Some(piece) = lexer.next_piece() {
        pieces.push(piece);
    }
    pieces
}

/// A position in a text; can be moved on, for what only the reader of a file understands.
pub(super) struct Lexer<'a> {
    text: &'a str,
    dialect: Dialect,
    at: usize,
    in_version_comment: bool,
}

impl<'a> Lexer<'a> {
    pub(super) const fn new(text: &'a str, dialect: Dialect) -> Self {
        Self { text, dialect, at: 0, in_version_comment: false }
    }

    pub(super) const fn at(&self) -> usize {
        self.at
    }

    pub(super) fn rest(&self) -> &'a str {
        &self.text[self.at..]
    }

    /// Goes on at `at`, which must be the start of a character.
    pub(super) const fn move_to(&mut self, at: usize) {
        self.at = at;
    }

    pub(super) fn next_piece(&mut self) -> Option<Piece> {
        let rest = self.rest();
        let first = rest.chars().next()?;
        let (kind, length, open) = match self.dialect {
            Dialect::Postgres => postgres(rest, first),
            Dialect::MySql => self.mysql(rest, first),
        };
        let start = self.at;
        self.at += length;
        Some(Piece { kind, start, end: self.at, open })
    }

    fn mysql(&mut self, rest: &str, first: char) -> Cut {
        let version_mark = |length| (Lexeme::VersionMark, length, None);
        if self.in_version_comment && rest.starts_with("*/") {
            self.in_version_comment = false;
            return version_mark(2);
        }
        if let Some(after) = rest.strip_prefix("/*!") {
            self.in_version_comment = true;
            return version_mark(3 + run(after, |c| c.is_ascii_digit()));
        }
        mysql(rest, first)
    }
}

/// Kind, length in bytes, and what is missing at the end.
type Cut = (Lexeme, usize, Option<&'static str>);

fn postgres(rest: &str, first: char) -> Cut {
    if let Some(cut) = space(rest, first) {
        return cut;
    }
    if rest.starts_with("--") {
        return (Lexeme::Comment, run(rest, |c| c != '\n'), None);
    }
    if rest.starts_with("/*") {
        return nested_comment(rest);
    }
    if let Some(cut) = prefixed_quote(rest) {
        return cut;
    }
    match first {
        '\'' => quoted(rest, 0, '\'', false, Lexeme::String, "closing `'`"),
        '"' => quoted(rest, 0, '"', false, Lexeme::QuotedName, "closing `\"`"),
        '$' => dollar_quoted(rest).unwrap_or_else(|| number_or_punct(rest, first)),
        _ => word(rest, first, |c| c.is_alphabetic() || c == '_' || !c.is_ascii())
            .unwrap_or_else(|| number_or_punct(rest, first)),
    }
}

fn mysql(rest: &str, first: char) -> Cut {
    if let Some(cut) = space(rest, first) {
        return cut;
    }
    if first == '#' || is_mysql_dash_comment(rest) {
        return (Lexeme::Comment, run(rest, |c| c != '\n'), None);
    }
    if let Some(after) = rest.strip_prefix("/*") {
        return match after.find("*/") {
            Some(length) => (Lexeme::Comment, length + 4, None),
            None => (Lexeme::Comment, rest.len(), Some("closing `*/`")),
        };
    }
    match first {
        '\'' => quoted(rest, 0, '\'', true, Lexeme::String, "closing `'`"),
        '"' => quoted(rest, 0, '"', true, Lexeme::String, "closing `\"`"),
        '`' => quoted(rest, 0, '`', false, Lexeme::QuotedName, "closing backquote"),
        '0'..='9' => number_or_punct(rest, first),
        _ => word(rest, first, |c| c.is_alphanumeric() || c == '_' || c == '$' || !c.is_ascii())
            .unwrap_or_else(|| number_or_punct(rest, first)),
    }
}

fn space(rest: &str, first: char) -> Option<Cut> {
    first.is_whitespace().then(|| (Lexeme::Space, run(rest, char::is_whitespace), None))
}

/// `--` begins a comment only before a space or the line's end: `5--3` is 8.
fn is_mysql_dash_comment(rest: &str) -> bool {
    rest.strip_prefix("--")
        .is_some_and(|after| after.chars().next().is_none_or(|c| c.is_whitespace() || c.is_control()))
}

fn word(rest: &str, first: char, starts: impl Fn(char) -> bool) -> Option<Cut> {
    let continues = |c: char| c.is_alphanumeric() || c == '_' || c == '$' || !c.is_ascii();
    starts(first).then(|| (Lexeme::Word, run(rest, continues), None))
}

fn number_or_punct(rest: &str, first: char) -> Cut {
    if !first.is_ascii_digit() {
        return (Lexeme::Punct, first.len_utf8(), None);
    }
    let mut end = run(rest, |c| c.is_ascii_alphanumeric() || c == '_');
    if let Some(fraction) = rest[end..].strip_prefix('.').filter(|it| it.starts_with(|c: char| c.is_ascii_digit())) {
        end += 1 + run(fraction, |c| c.is_ascii_alphanumeric() || c == '_');
    }
    (Lexeme::Number, end, None)
}

/// PostgreSQL: `E'\''`, `B'0'`, `X'f'`, `N'x'`, `U&'x'` and `U&"x"`.
fn prefixed_quote(rest: &str) -> Option<Cut> {
    let bytes = rest.as_bytes();
    match (bytes[0].to_ascii_lowercase(), bytes.get(1)?, bytes.get(2)) {
        (b'e', b'\'', _) => Some(quoted(rest, 1, '\'', true, Lexeme::String, "closing `'`")),
        (b'b' | b'x' | b'n', b'\'', _) => Some(quoted(rest, 1, '\'', false, Lexeme::String, "closing `'`")),
        (b'u', b'&', Some(b'\'')) => Some(quoted(rest, 2, '\'', false, Lexeme::String, "closing `'`")),
        (b'u', b'&', Some(b'"')) => Some(quoted(rest, 2, '"', false, Lexeme::QuotedName, "closing `\"`")),
        _ => None,
    }
}

/// Text in quotes that begin after `prefix` bytes. A doubled quote stands for one.
fn quoted(rest: &str, prefix: usize, quote: char, backslash: bool, kind: Lexeme, missing: &'static str) -> Cut {
    let mut chars = rest[prefix + 1..].char_indices().peekable();
    while let Some((at, c)) = chars.next() {
        if backslash && c == '\\' {
            chars.next();
        } else if c == quote && chars.next_if(|(_, next)| *next == quote).is_none() {
            return (kind, prefix + 1 + at + 1, None);
        }
    }
    (kind, rest.len(), Some(missing))
}

/// `$tag$ ... $tag$`; not `$1`.
fn dollar_quoted(rest: &str) -> Option<Cut> {
    let tag = run(&rest[1..], |c| c.is_alphanumeric() || c == '_' || !c.is_ascii());
    let opening = rest.get(..tag + 2).filter(|it| it.ends_with('$'))?;
    if rest[1..].starts_with(|c: char| c.is_ascii_digit()) {
        return None;
    }
    Some(match rest[opening.len()..].find(opening) {
        Some(length) => (Lexeme::String, length + 2 * opening.len(), None),
        None => (Lexeme::String, rest.len(), Some("closing dollar quote")),
    })
}

fn nested_comment(rest: &str) -> Cut {
    let mut depth = 0_usize;
    let bytes = rest.as_bytes();
    let mut at = 0;
    while at + 1 < bytes.len() {
        match &bytes[at..at + 2] {
            b"/*" => depth += 1,
            b"*/" => depth -= 1,
            _ => {
                at += 1;
                continue;
            }
        }
        at += 2;
        if depth == 0 {
            return (Lexeme::Comment, at, None);
        }
    }
    (Lexeme::Comment, rest.len(), Some("closing `*/`"))
}

fn run(text: &str, belongs: impl Fn(char) -> bool) -> usize {
    text.find(|c| !belongs(c)).unwrap_or(text.len())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shown(text: &str, dialect: Dialect) -> Vec<String> {
        let pieces = pieces(text, dialect);
        let whole: String = pieces.iter().map(|it| &text[it.start..it.end]).collect();
        assert_eq!(whole, text, "nothing is lost");
        pieces
            .iter()
            .filter(|it| it.kind != Lexeme::Space)
            .map(|it| {
                format!("{:?} {}{}", it.kind, &text[it.start..it.end], if it.open.is_some() { " OPEN" } else { "" })
            })
            .collect()
    }

    #[test]
    fn postgres_text_is_cut_as_the_server_cuts_it() {
        for (text, expected) in [
            (r"'a\' b", vec![r"String 'a\'", "Word b"]),
            (r"E'a\'b' c", vec![r"String E'a\'b'", "Word c"]),
            ("'it''s' U&'x' n'y'", vec!["String 'it''s'", "String U&'x'", "String n'y'"]),
            (r#""a""b" U&"c""#, vec![r#"QuotedName "a""b""#, r#"QuotedName U&"c""#]),
            ("$$a;'$$ $f$ $$ $f$", vec!["String $$a;'$$", "String $f$ $$ $f$"]),
            ("$1 a$b$ x", vec!["Punct $", "Number 1", "Word a$b$", "Word x"]),
            ("/* a /* b */ c */ d -- e\nf", vec!["Comment /* a /* b */ c */", "Word d", "Comment -- e", "Word f"]),
            ("größe = 1.5e3", vec!["Word größe", "Punct =", "Number 1.5e3"]),
            ("'a", vec!["String 'a OPEN"]),
            ("$x$ a", vec!["String $x$ a OPEN"]),
            ("/* /* */", vec!["Comment /* /* */ OPEN"]),
        ] {
            assert_eq!(shown(text, Dialect::Postgres), expected, "{text}");
        }
    }

    #[test]
    fn mysql_text_is_cut_as_the_server_cuts_it() {
        for (text, expected) in [
            (r"'a\'b' 'it''s'", vec![r"String 'a\'b'", "String 'it''s'"]),
            (r#""a\"b" `c``d`"#, vec![r#"String "a\"b""#, "QuotedName `c``d`"]),
            (
                "a # b\nc -- d\ne--f",
                vec!["Word a", "Comment # b", "Word c", "Comment -- d", "Word e", "Punct -", "Punct -", "Word f"],
            ),
            ("/* a /* b */ c", vec!["Comment /* a /* b */", "Word c"]),
            ("/*!50003 a */ b", vec!["VersionMark /*!50003", "Word a", "VersionMark */", "Word b"]),
            ("/*+ hint */ @@x", vec!["Comment /*+ hint */", "Punct @", "Punct @", "Word x"]),
            ("`a", vec!["QuotedName `a OPEN"]),
        ] {
            assert_eq!(shown(text, Dialect::MySql), expected, "{text}");
        }
    }
}
