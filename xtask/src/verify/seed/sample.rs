//! A text that fits a pattern.

/// For LIKE: the halves around the first `%`, where anything may stand, or the whole text.
pub(super) fn of_like(pattern: &str) -> Option<(String, Option<String>)> {
    let plain = |part: &str| part.replace('%', "x").replace('_', "a");
    Some(match pattern.split_once('%') {
        // a `%` at the start must not swallow what makes the text a text
        Some(("", after)) => ("x".to_owned(), Some(plain(after))),
        Some((before, after)) => (plain(before), Some(plain(after))),
        None => (plain(pattern), None),
    })
}

/// For a regular expression: the shortest text of it, near enough. `None` for what is beyond simple ones.
pub(super) fn of_regex(pattern: &str) -> Option<String> {
    let chars: Vec<char> = pattern.chars().collect();
    let mut sampler = Sampler { chars: &chars, at: 0 };
    let text = sampler.alternatives()?;
    (sampler.at == chars.len()).then_some(text)
}

struct Sampler<'a> {
    chars: &'a [char],
    at: usize,
}

impl Sampler<'_> {
    fn peek(&self) -> Option<char> {
        self.chars.get(self.at).copied()
    }

    fn next(&mut self) -> Option<char> {
        let next = self.peek()?;
        self.at += 1;
        Some(next)
    }

    fn accept(&mut self, c: char) -> bool {
        let found = self.peek() == Some(c);
        self.at += usize::from(found);
        found
    }

    /// The first of `a|b|c`; the others are read over.
    fn alternatives(&mut self) -> Option<String> {
        let first = self.sequence()?;
        while self.accept('|') {
            self.sequence()?;
        }
        Some(first)
    }

    fn sequence(&mut self) -> Option<String> {
        let mut text = String::new();
        while let Some(c) = self.peek().filter(|c| !matches!(c, '|' | ')')) {
            self.at += 1;
            let atom = match c {
                '^' | '$' => continue,
                '(' => self.group()?,
                '[' => self.class()?.to_string(),
                '.' => "x".to_owned(),
                '\\' => self.escape()?,
                other => other.to_string(),
            };
            text.push_str(&atom.repeat(self.repetitions()?));
        }
        Some(text)
    }

    fn group(&mut self) -> Option<String> {
        if self.accept('?') && !self.accept(':') {
            return None;
        }
        let inner = self.alternatives()?;
        self.accept(')').then_some(inner)
    }

    fn escape(&mut self) -> Option<String> {
        Some(match self.next()? {
            'd' => "1".to_owned(),
            'w' => "a".to_owned(),
            's' => " ".to_owned(),
            'm' | 'M' | 'y' | 'A' | 'Z' | 'b' => String::new(),
            c if c.is_alphanumeric() => return None,
            c => c.to_string(),
        })
    }

    fn class(&mut self) -> Option<char> {
        let not = self.accept('^');
        let mut members = Vec::new();
        while self.peek()? != ']' || members.is_empty() {
            let c = match self.next()? {
                '[' if self.accept(':') => {
                    let name: String = std::iter::from_fn(|| self.next().filter(|c| *c != ':')).collect();
                    self.accept(']');
                    match name.as_str() {
                        "digit" | "alnum" | "xdigit" => '1',
                        "upper" => 'A',
                        "space" | "blank" => ' ',
                        "punct" => '-',
                        _ => 'a',
                    }
                }
                '\\' => self.escape()?.chars().next()?,
                c => c,
            };
            members.push(c);
            // a range's end: its start is already a member
            if self.peek()? == '-' && self.chars.get(self.at + 1).is_some_and(|c| *c != ']') {
                self.at += 1;
                members.push(self.next()?);
            }
        }
        self.at += 1;
        match not {
            false => members.first().copied(),
            true => ['x', '1', '-', 'A'].into_iter().find(|c| !members.contains(c)),
        }
    }

    /// How often the atom before stands at least.
    fn repetitions(&mut self) -> Option<usize> {
        let count = match self.peek() {
            Some('*' | '?') => 0,
            Some('+') => 1,
            Some('{') => {
                let rest: String = self.chars[self.at + 1..].iter().collect();
                let (inner, _) = rest.split_once('}')?;
                self.at += inner.chars().count() + 1;
                inner.split(',').next()?.trim().parse().ok()?
            }
            _ => return Some(1),
        };
        self.at += 1;
        self.accept('?');
        Some(count)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_sample_fits_its_regular_expression() {
        for (pattern, expected) in [
            ("^[A-Z]{3}-\\d{4}$", "AAA-1111"),
            ("^(red|green|blue)$", "red"),
            ("^[a-z0-9_]+(\\.[a-z]+)*@[^@]+\\.[a-z]{2,}$", "a@x.aa"),
            ("^\\+?[1-9][0-9]{6,14}$", "1000000"),
            ("^[[:alpha:]][[:alnum:]_-]{2,}$", "a11"),
        ] {
            assert_eq!(of_regex(pattern).as_deref(), Some(expected), "{pattern}");
        }
        assert_eq!(of_regex("^(?=x)a"), None);
        assert_eq!(of_regex("a)"), None);
    }

    #[test]
    fn a_sample_fits_its_like() {
        assert_eq!(of_like("http%://_.de"), Some(("http".into(), Some("://a.de".into()))));
        assert_eq!(of_like("ab_"), Some(("aba".into(), None)));
    }
}
