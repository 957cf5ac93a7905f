//! Comments, each with the statement that it stands beside.

use pontoon::Dialect;

use super::lex::{Lexeme, Lexer};
use super::split::{Slice, Unsplittable, place, slices};

/// A comment: above a statement, in it, or behind it on its last line.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Comment {
    /// What it says, without the signs that make it a comment.
    pub text: String,
    /// Where it begins, counted from 1.
    pub line: usize,
    /// The same, in characters.
    pub column: usize,
    /// The statement; none for one behind the last statement.
    pub beside: Option<Extent>,
}

/// Where a statement stands in its file, all counted from 1.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Extent {
    /// The first line of the comments above it.
    pub first: usize,
    /// The line and column of its SQL.
    pub sql: (usize, usize),
    /// Its last line.
    pub last: usize,
}

/// The comments of a file. Those in the body of a routine are the routine's.
///
/// # Errors
/// Says where the text cannot be cut into statements: line, column and why.
pub fn comments(text: &str, dialect: Dialect) -> Result<Vec<Comment>, (usize, usize, String)> {
    let slices = slices(text, dialect).map_err(|Unsplittable { at, message }| {
        let (line, column) = place(text, at);
        (line, column, message)
    })?;
    let mut found = Vec::new();
    let mut before: Option<(usize, Extent)> = None;
    for slice in &slices {
        let (mine, extent) = of_slice(text, dialect, slice, before.map(|(end, _)| end));
        for (at, comment) in mine {
            let (line, column) = place(text, at);
            let behind =
                before.filter(|(end, _)| at < slice.sql && !text[*end..at].contains('\n')).map(|(_, extent)| extent);
            let beside = behind.or(extent);
            found.push(Comment { text: bare(comment).to_owned(), line, column, beside });
        }
        if let Some(extent) = extent {
            before = Some((slice.end, extent));
        }
    }
    Ok(found)
}

/// The comments between two semicolons, and where the statement there stands, if there is one.
fn of_slice<'a>(
    text: &'a str,
    dialect: Dialect,
    slice: &Slice,
    before: Option<usize>,
) -> (Vec<(usize, &'a str)>, Option<Extent>) {
    let mut lexer = Lexer::new(&text[..slice.end], dialect);
    lexer.move_to(slice.start);
    let mut found = Vec::new();
    while let Some(piece) = lexer.next_piece() {
        if piece.kind == Lexeme::Comment {
            found.push((piece.start, &text[piece.start..piece.end]));
        }
    }
    let above = |at: usize| before.is_none_or(|end| text[end..at].contains('\n'));
    let first = found.iter().map(|(at, _)| *at).find(|at| above(*at)).unwrap_or(slice.sql).min(slice.sql);
    let extent = (slice.sql < slice.sql_end).then(|| Extent {
        first: place(text, first).0,
        sql: place(text, slice.sql),
        last: place(text, slice.sql_end).0,
    });
    (found, extent)
}

fn bare(comment: &str) -> &str {
    let inner = match comment.strip_prefix("/*") {
        Some(inner) => inner.strip_suffix("*/").unwrap_or(inner),
        None => comment.strip_prefix("--").or_else(|| comment.strip_prefix('#')).unwrap_or(comment),
    };
    inner.trim()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_comment_is_of_the_statement_below_it_or_before_it_on_its_line() {
        let text =
            "-- one\n\n/* two */ SELECT 1; -- three\n-- four\nSELECT /* five */\n 2; SELECT 3 -- six\n;\n-- seven\n";
        let found = comments(text, Dialect::Postgres).unwrap();
        let beside: Vec<_> = found.iter().map(|it| (it.text.as_str(), it.beside.map(|it| it.sql))).collect();
        assert_eq!(
            beside,
            [
                ("one", Some((3, 11))),
                ("two", Some((3, 11))),
                ("three", Some((3, 11))),
                ("four", Some((5, 1))),
                ("five", Some((5, 1))),
                ("six", Some((6, 5))),
                ("seven", None),
            ]
        );
        assert_eq!(found[0].beside.unwrap(), Extent { first: 1, sql: (3, 11), last: 3 });
        assert_eq!(found[3].beside.unwrap(), Extent { first: 4, sql: (5, 1), last: 6 });
        assert_eq!((found[5].line, found[5].column), (6, 14));
    }

    #[test]
    fn a_routines_body_and_strings_hold_none() {
        let text = "SELECT '-- a', $$ -- b $$ # c";
        assert_eq!(comments(text, Dialect::Postgres).unwrap(), []);
        let mysql = comments("SELECT '-- a' # c\n", Dialect::MySql).unwrap();
        assert_eq!(mysql[0].text, "c");
    }
}
