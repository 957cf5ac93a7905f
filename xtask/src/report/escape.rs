//! Text from files and servers, made harmless in XML, HTML and Markdown: names of tables can be anything.

/// For text and for attributes in quotes, in XML and in HTML. Control characters, which XML knows no way to write,
/// become the sign for what cannot be shown.
pub(super) fn markup(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            '&' => out += "&amp;",
            '<' => out += "&lt;",
            '>' => out += "&gt;",
            '"' => out += "&quot;",
            '\'' => out += "&#39;",
            '\t' | '\n' | '\r' => out.push(c),
            '\u{fffe}' | '\u{ffff}' => out.push('\u{fffd}'),
            c if c.is_control() => out.push('\u{fffd}'),
            c => out.push(c),
        }
    }
    out
}

/// Text with names in backquotes, as code in HTML. Where the signs are not even, they are what they are.
pub(super) fn prose(text: &str) -> String {
    spans(text, markup)
}

/// For a cell of a Markdown table, or a line: one line, and nothing in it is Markdown or HTML, but for names in
/// backquotes.
pub(super) fn markdown(text: &str) -> String {
    spans(text, plain)
}

/// The same, of which nothing is code.
pub(super) fn plain(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    let mut chars = text.chars().peekable();
    let mut last = ' ';
    while let Some(c) = chars.next() {
        match c {
            '\n' | '\r' | '\t' => out.push(' '),
            '"' | '\'' => out.push(c),
            // within a word it is no sign of Markdown
            '_' if last.is_alphanumeric() && chars.peek().is_some_and(|it| it.is_alphanumeric() || *it == '_') => {
                out.push(c);
                continue;
            }
            '\\' | '`' | '*' | '_' | '[' | ']' | '|' | '~' | '@' | '#' => out += &format!("&#{};", u32::from(c)),
            c => out += &markup(c.encode_utf8(&mut [0; 4])),
        }
        last = c;
    }
    out
}

fn spans(text: &str, escape: fn(&str) -> String) -> String {
    let parts: Vec<_> = text.split('`').collect();
    // an empty name is none: the signs are of something else
    let even = parts.len() % 2 == 1 && parts.iter().skip(1).step_by(2).all(|it| !it.is_empty());
    if !even {
        return escape(text);
    }
    let part = |(at, part): (usize, &&str)| match at % 2 {
        0 => escape(part),
        _ => format!("<code>{}</code>", escape(part)),
    };
    parts.iter().enumerate().map(part).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_in_backquotes_are_code_where_the_signs_are_even() {
        assert_eq!(prose("`<a>` and `b`"), "<code>&lt;a&gt;</code> and <code>b</code>");
        assert_eq!(prose("`a` and `<b"), "`a` and `&lt;b");
        assert_eq!(prose("`x``"), "`x``");
    }

    #[test]
    fn nothing_in_a_name_is_markup() {
        assert_eq!(markup("<script>'\"&\u{1b}[0m\n"), "&lt;script&gt;&#39;&quot;&amp;\u{fffd}[0m\n");
        assert_eq!(markdown("a|b `c|*` <d> it's\n@e"), "a&#124;b <code>c&#124;&#42;</code> &lt;d&gt; it's &#64;e");
        assert_eq!(plain("`a` _b_ c_d__e"), "&#96;a&#96; &#95;b&#95; c_d__e");
    }
}
