//! A file as comments, directives and SQL texts, each with its line: syntax without meaning.

/// One piece of a file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Piece {
    /// `-- text`
    Comment(String),
    /// `-- @name value`, with the indented comment lines that continue it.
    Directive { name: String, value: String },
    /// An SQL text without its closing semicolon.
    Sql(String),
}

/// Why a text has no pieces: line, column and message.
pub(super) type Trouble = (usize, usize, String);

/// The pieces, each with the line at which it begins (from 1).
pub(super) fn pieces(text: &str) -> Result<Vec<(usize, Piece)>, Trouble> {
    let lines: Vec<&str> = text.lines().map(|line| line.strip_suffix('\r').unwrap_or(line)).collect();
    let mut pieces: Vec<(usize, Piece)> = Vec::new();
    let mut at = 0;
    while at < lines.len() {
        let line = lines[at];
        if line.trim().is_empty() {
            at += 1;
        } else if let Some(comment) = line.strip_prefix("--") {
            comment_line(comment, at + 1, &mut pieces);
            at += 1;
        } else {
            let (sql, next) = sql(&lines, at)?;
            pieces.push((at + 1, Piece::Sql(sql)));
            at = next;
        }
    }
    Ok(pieces)
}

fn comment_line(comment: &str, line: usize, pieces: &mut Vec<(usize, Piece)>) {
    let body = comment.strip_prefix(' ').unwrap_or(comment);
    if let Some(directive) = body.strip_prefix('@') {
        let (name, value) = directive.split_once(' ').unwrap_or((directive, ""));
        pieces.push((line, Piece::Directive { name: name.to_owned(), value: value.trim().to_owned() }));
        return;
    }
    match (body.strip_prefix("  "), pieces.last_mut()) {
        (Some(more), Some((_, Piece::Directive { value, .. }))) => {
            value.push('\n');
            value.push_str(more);
        }
        _ => pieces.push((line, Piece::Comment(body.to_owned()))),
    }
}

/// The SQL that begins at `lines[start]`, and the line behind it.
fn sql(lines: &[&str], start: usize) -> Result<(String, usize), Trouble> {
    let mut at = start;
    while at < lines.len() && !lines[at].starts_with("-- @") {
        if lines[at].trim_end().ends_with(';') && ends_here(&lines[at + 1..]) {
            let text = lines[start..=at].join("\n");
            let text = text.trim_end();
            let text = text.strip_suffix(';').unwrap_or(text).trim_end();
            if text.is_empty() {
                return Err((start + 1, 1, "there is a `;` and no statement before it".into()));
            }
            return Ok((text.to_owned(), at + 1));
        }
        at += 1;
    }
    let last = (start..at).rev().find(|line| !lines[*line].trim().is_empty()).unwrap_or(start);
    let column = lines[last].chars().count() + 1;
    Err((last + 1, column, format!("the statement that begins at line {} has no closing `;`", start + 1)))
}

fn ends_here(rest: &[&str]) -> bool {
    rest.iter().find(|line| !line.trim().is_empty()).is_none_or(|line| line.starts_with("--"))
}
