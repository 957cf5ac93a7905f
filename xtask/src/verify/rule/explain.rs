//! A rule as a page for people, and all of them as a list.

use std::fmt::Write as _;

use super::{Example, RULES, Rule, RuleId};

/// Everything about the rule with this code.
///
/// # Errors
/// There is none; names those that come near, or all.
pub fn explain(code: &str) -> Result<String, String> {
    let Some(id) = RuleId::named(code) else {
        let near: Vec<_> = RULES.iter().map(|it| it.code).filter(|it| it.contains(code) || code.contains(it)).collect();
        let codes = if near.is_empty() { RULES.iter().map(|it| it.code).collect() } else { near };
        return Err(format!("there is no rule `{code}`; there are: {}", codes.join(", ")));
    };
    let rule = id.rule();
    let mut text = format!("{} ({})\n\n", rule.code, rule.severity);
    for (heading, words) in
        [("found when", rule.condition), ("what it does", rule.effect), ("instead", rule.workaround)]
    {
        let _ = writeln!(text, "{heading}: {words}\n");
    }
    let Example { dialect, bad, good, settings } = &rule.example;
    let _ = writeln!(text, "On {dialect}, with rows in\n\n{}\n", indented(&(rule.example.given().join(";\n") + ";")));
    if !settings.is_empty() {
        let _ = writeln!(text, "and in `Cargo.toml`\n\n    [package.metadata.pontoon]\n{}\n", indented(settings));
    }
    let _ = writeln!(text, "this is found:\n\n{}\n", indented(bad));
    let _ = writeln!(text, "and this is not:\n\n{}\n", indented(good));
    text += &waiver(rule);
    Ok(text)
}

fn waiver(rule: &Rule) -> String {
    if rule.waivable {
        format!(
            "Where it is meant, say so in a comment above the statement:\n\n    \
             -- pontoon: allow({}, reason = \"...\")\n",
            rule.code
        )
    } else {
        "It cannot be waived: it says that something is wrong or unknown, and not that somebody waits.\n".to_owned()
    }
}

fn indented(text: &str) -> String {
    let lines: Vec<_> = text.trim_end().lines().map(|it| format!("    {it}")).collect();
    lines.iter().map(|it| it.trim_end()).collect::<Vec<_>>().join("\n")
}

/// All rules, a line each.
pub fn list() -> String {
    let width = RULES.iter().map(|it| it.code.len()).max().unwrap_or_default();
    let line = |rule: &&Rule| format!("{:width$}  {:7}  {}\n", rule.code, rule.severity.word(), rule.condition);
    RULES.iter().map(line).collect::<String>() + "\n`--explain CODE` says more about one.\n"
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_rule_is_explained_with_both_examples_and_how_to_waive_it() {
        let text = explain("rewrite").unwrap();
        for part in [
            "rewrite (error)\n",
            "found when: all rows of a table in use are written anew\n",
            "    ALTER TABLE orders ALTER COLUMN total TYPE bigint;\n",
            "    ALTER TABLE orders ADD COLUMN total_wide bigint;\n",
            "    -- pontoon: allow(rewrite, reason = \"...\")\n",
        ] {
            assert!(text.contains(part), "{text}");
        }
        assert!(explain("error").unwrap().contains("cannot be waived"));
        assert_eq!(explain("rewrites").unwrap_err(), "there is no rule `rewrites`; there are: rewrite");
        assert!(explain("nonsense").unwrap_err().contains("claim-lock, "));
    }

    #[test]
    fn the_list_has_a_line_for_each_rule() {
        let text = list();
        assert!(RULES.iter().all(|it| text.lines().any(|line| line.starts_with(it.code))), "{text}");
    }
}
