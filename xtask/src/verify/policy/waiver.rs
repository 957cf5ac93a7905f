//! A waiver: a comment beside a statement by which somebody accepts a finding, and says why.
//!
//! `-- pontoon: allow(rewrite, reason = "forty rows")`

use pontoon::Dialect;

use crate::verify::rule::RuleId;
use crate::verify::sql_files::{Comment, Extent, comments};

/// How a waiver is written.
const FORM: &str = "write `-- pontoon: allow(RULE, reason = \"...\")`";

/// What a waiver begins with.
const SIGN: &str = "pontoon:";

/// A waiver that is understood.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Waiver {
    pub(super) rules: Vec<RuleId>,
    pub(super) reason: String,
}

/// A comment that is meant for verification, and where it stands.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Written {
    pub(super) line: usize,
    pub(super) column: usize,
    pub(super) beside: Option<Extent>,
    /// The waiver, or what is wrong with it.
    pub(super) waiver: Result<Waiver, String>,
}

/// All waivers of a file.
pub(super) fn read(text: &str, dialect: Dialect) -> Vec<Written> {
    match comments(text, dialect) {
        Ok(comments) => comments.iter().filter_map(written).collect(),
        // nobody is to believe that something is waived
        Err((line, column, wrong)) if text.contains(SIGN) => {
            let waiver = Err(format!("cannot be read, as none in this file: {wrong}"));
            vec![Written { line, column, beside: None, waiver }]
        }
        Err(_) => Vec::new(),
    }
}

fn written(comment: &Comment) -> Option<Written> {
    let said = comment.text.strip_prefix(SIGN)?;
    let waiver = match comment.beside {
        Some(_) => parse(said.trim()),
        None => Err("stands beside no statement: put it above the one that it is for".to_owned()),
    };
    Some(Written { line: comment.line, column: comment.column, beside: comment.beside, waiver })
}

fn parse(said: &str) -> Result<Waiver, String> {
    let inner = said.strip_prefix("allow").map(str::trim).and_then(|it| it.strip_prefix('('));
    let Some(inner) = inner.and_then(|it| it.trim_end().strip_suffix(')')) else {
        return Err(format!("`pontoon: {said}` is not understood: {FORM}"));
    };
    let (codes, reason) = match inner.split_once("reason") {
        Some((codes, reason)) => (codes, Some(quoted(reason)?)),
        None => (inner, None),
    };
    let codes: Vec<_> = codes.split(',').map(str::trim).filter(|it| !it.is_empty()).collect();
    if codes.is_empty() {
        return Err(format!("names no rule: {FORM}"));
    }
    let rules = codes.into_iter().map(waivable).collect::<Result<_, _>>()?;
    match reason {
        Some(reason) if !reason.trim().is_empty() => Ok(Waiver { rules, reason }),
        _ => Err(format!("gives no reason: {FORM}")),
    }
}

/// The text in `= "text"`; quotes in it are written `\"`.
fn quoted(text: &str) -> Result<String, String> {
    let inner = text.trim().strip_prefix('=').map(str::trim).and_then(|it| it.strip_prefix('"'));
    match inner.and_then(|it| it.strip_suffix('"')) {
        Some(inner) => Ok(inner.replace("\\\"", "\"")),
        None => Err(format!("its reason does not stand in double quotes: {FORM}")),
    }
}

fn waivable(code: &str) -> Result<RuleId, String> {
    let rule = RuleId::named(code).ok_or_else(|| format!("`{code}` is no rule; `--list-rules` shows all"))?;
    if rule.rule().waivable {
        return Ok(rule);
    }
    Err(format!("`{code}` cannot be waived: it says that something is wrong or unknown, not that somebody waits"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::verify::rule;

    fn one(comment: &str) -> Result<Waiver, String> {
        let text = format!("-- pontoon: {comment}\nSELECT 1;");
        read(&text, Dialect::Postgres).into_iter().next().expect("a waiver").waiver
    }

    #[test]
    fn rules_and_a_reason_are_read() {
        let waiver = one(r#"allow(rewrite, blocks-reads-rows, reason = "a \"small\" table (40 rows)")"#).unwrap();
        assert_eq!(waiver.rules, [rule::REWRITE, rule::BLOCKS_READS_ROWS]);
        assert_eq!(waiver.reason, "a \"small\" table (40 rows)");
    }

    #[test]
    fn what_is_wrong_with_a_waiver_is_said() {
        for (comment, wrong) in [
            ("alow(rewrite)", "`pontoon: alow(rewrite)` is not understood: write `-- pontoon: allow(RULE"),
            ("allow(rewrite)", "gives no reason"),
            ("allow(rewrite, reason = \" \")", "gives no reason"),
            ("allow(rewrite, reason = small)", "its reason does not stand in double quotes"),
            ("allow(reason = \"x\")", "names no rule"),
            ("allow(rewrit, reason = \"x\")", "`rewrit` is no rule; `--list-rules`"),
            ("allow(error, reason = \"x\")", "`error` cannot be waived"),
        ] {
            let error = one(comment).unwrap_err();
            assert!(error.starts_with(wrong), "{comment}: {error}");
        }
        let alone = read("SELECT 1;\n-- pontoon: allow(rewrite, reason = \"x\")\n", Dialect::MySql);
        assert!(alone[0].waiver.as_ref().unwrap_err().starts_with("stands beside no statement"));
        assert_eq!(read("-- Pontoon migration\nSELECT 1;", Dialect::MySql), []);
        let broken = read("-- pontoon: allow(rewrite, reason = \"x\")\nSELECT 'a;\n", Dialect::MySql);
        assert!(
            broken[0].waiver.as_ref().unwrap_err().starts_with("cannot be read, as none in this file: the closing")
        );
        assert_eq!(read("SELECT 'a;", Dialect::MySql), []);
    }
}
