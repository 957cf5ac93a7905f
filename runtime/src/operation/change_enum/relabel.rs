//! What becomes of an enum's values when it changes, as its author says.

use std::collections::BTreeMap;

use crate::dialect::Dialect;
use crate::schema::{Enumeration, Intents, Texts};

/// The values of before and after, and which of them are which.
pub(crate) struct Relabel<'a> {
    before: &'a Enumeration,
    after: &'a Enumeration,
    /// Old value to new one.
    renamed: BTreeMap<&'a str, &'a str>,
    /// Old value to the one that its rows get; without one there may be no such row.
    dropped: BTreeMap<&'a str, Option<&'a str>>,
}

impl<'a> Relabel<'a> {
    /// What was said about values that are there no longer, or by another name; the rest is left over from earlier migrations.
    pub(crate) fn new(before: &'a Enumeration, after: &'a Enumeration, intents: &'a Intents) -> Self {
        let key = |value: &String| (after.name.clone(), value.clone());
        let gone = |value: &&String| !after.values.contains(value) && before.values.contains(value);
        let from = |new: &'a String| intents.renamed_values.get(&key(new)).map(|old| (old, new));
        let new = after.values.iter().filter(|it| !before.values.contains(it));
        let renamed: BTreeMap<_, _> =
            new.filter_map(from).filter(|(old, _)| gone(old)).map(|(old, new)| (old.as_str(), new.as_str())).collect();
        let to = |old: &'a String| intents.dropped_values.get(&key(old)).map(|to| (old.as_str(), to.as_deref()));
        let dropped = before.values.iter().filter(gone).filter_map(to);
        Self { before, after, dropped: dropped.filter(|(old, _)| !renamed.contains_key(old)).collect(), renamed }
    }

    /// Values of before of which nothing is said.
    pub(crate) fn unexplained(&self) -> Vec<&'a str> {
        let said = |it: &&str| self.renamed.contains_key(it) || self.dropped.contains_key(it);
        self.gone().filter(|it| !said(it)).collect()
    }

    /// Values that there were none of.
    pub(crate) fn added(&self) -> Vec<&'a str> {
        let new = self.after.values.iter().map(String::as_str);
        let known = |it: &&str| {
            self.before.values.iter().any(|old| old == it) || self.renamed.values().any(|renamed| renamed == it)
        };
        new.filter(|it| !known(it)).collect()
    }

    /// Old values with their new ones.
    pub(crate) fn renamed(&self) -> impl Iterator<Item = (&'a str, &'a str)> {
        self.renamed.iter().map(|(old, new)| (*old, *new))
    }

    /// Values that go, with the ones that their rows get.
    pub(crate) fn replaced(&self) -> impl Iterator<Item = (&'a str, &'a str)> {
        self.dropped.iter().filter_map(|(old, to)| Some((*old, (*to)?)))
    }

    /// Values that go, and that no row may hold.
    pub(crate) fn forbidden(&self) -> Vec<&'a str> {
        self.dropped.iter().filter(|(_, to)| to.is_none()).map(|(old, _)| *old).collect()
    }

    /// Values that no longer are, by their names of before.
    pub(crate) fn gone(&self) -> impl Iterator<Item = &'a str> {
        self.before.values.iter().map(String::as_str).filter(|it| !self.after.values.iter().any(|new| new == it))
    }

    /// The name of before.
    pub(crate) fn was(&self, new: &'a str) -> &'a str {
        self.renamed().find(|(_, to)| *to == new).map_or(new, |(old, _)| old)
    }

    /// Whether all values of before are there in their order, some of them by other names.
    pub(crate) fn keeps_order(&self) -> bool {
        let added = self.added();
        let kept = self.after.values.iter().map(String::as_str).filter(|it| !added.contains(it));
        kept.map(|it| self.was(it)).eq(self.before.values.iter().map(String::as_str))
    }

    /// The default that means the same.
    pub(crate) fn default(&self, default: &Texts) -> Texts {
        let mapped = |sql: &String| {
            let value = literal(sql);
            let renamed = value.and_then(|value| {
                let found = self.renamed().chain(self.replaced()).find(|(old, _)| *old == value);
                found.map(|(_, new)| Dialect::Postgres.literal(new))
            });
            renamed.unwrap_or_else(|| sql.clone())
        };
        Texts { postgres: default.postgres.as_ref().map(mapped), mysql: default.mysql.as_ref().map(mapped) }
    }

    /// A value of before that stands in a text of the user's and is there no longer.
    pub(crate) fn gone_in(&self, sql: &str) -> Option<&'a str> {
        self.gone().find(|it| sql.contains(&Dialect::Postgres.literal(it)))
    }

    /// The new value, as a text, over the old one. One that no row may hold gives `otherwise`, or NULL; one of which
    /// nothing is said is `rest`'s, or stays.
    pub(super) fn forth(
        &self,
        dialect: Dialect,
        column: &str,
        otherwise: Option<&str>,
        rest: Option<String>,
    ) -> String {
        let value = |it: Option<&str>| it.map_or_else(|| "NULL".to_owned(), |it| dialect.literal(it));
        let gone = self.dropped.iter().map(|(old, to)| (*old, value(to.or(otherwise))));
        let renamed = self.renamed().map(|(old, new)| (old, value(Some(new))));
        case(dialect, column, renamed.chain(gone).collect(), rest)
    }

    /// The old value, as a text, over the new one.
    pub(super) fn back(&self, dialect: Dialect, column: &str, rest: Option<String>) -> String {
        case(dialect, column, self.renamed().map(|(old, new)| (new, dialect.literal(old))).collect(), rest)
    }
}

/// The text of `'text'`.
fn literal(sql: &str) -> Option<String> {
    let inner = sql.trim().strip_prefix('\'')?.strip_suffix('\'')?.replace("''", "\0");
    (!inner.contains('\'')).then(|| inner.replace('\0', "'"))
}

fn case(dialect: Dialect, column: &str, whens: Vec<(&str, String)>, rest: Option<String>) -> String {
    let column = match dialect {
        Dialect::Postgres => format!("CAST({column} AS text)"),
        Dialect::MySql => format!("CONCAT({column})"),
    };
    let rest = rest.unwrap_or_else(|| column.clone());
    if whens.is_empty() {
        return rest;
    }
    let whens: String = whens.iter().map(|(is, then)| format!(" WHEN {} THEN {then}", dialect.literal(is))).collect();
    format!("CASE {column}{whens} ELSE {rest} END")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(values: &[&str]) -> Enumeration {
        Enumeration { name: "state".into(), values: values.iter().map(|it| (*it).to_owned()).collect() }
    }

    #[test]
    fn what_was_said_of_other_migrations_does_not_count() {
        let (before, after) = (of(&["open", "late", "odd", "done"]), of(&["done", "opened", "new"]));
        let mut intents = Intents::default();
        let key = |value: &str| ("state".to_owned(), value.to_owned());
        intents.renamed_values.insert(key("opened"), "open".into());
        intents.renamed_values.insert(key("done"), "ready".into());
        intents.dropped_values.insert(key("late"), Some("done".into()));
        intents.dropped_values.insert(key("ancient"), None);
        let it = Relabel::new(&before, &after, &intents);
        assert_eq!(it.unexplained(), ["odd"]);
        assert_eq!(it.added(), ["new"]);
        assert_eq!(it.renamed().collect::<Vec<_>>(), [("open", "opened")]);
        assert_eq!(it.replaced().collect::<Vec<_>>(), [("late", "done")]);
        assert!(it.forbidden().is_empty() && !it.keeps_order());
        assert_eq!(
            it.forth(Dialect::Postgres, "a", None, None),
            "CASE CAST(a AS text) WHEN 'open' THEN 'opened' WHEN 'late' THEN 'done' ELSE CAST(a AS text) END"
        );
        assert_eq!(it.back(Dialect::MySql, "a", None), "CASE CONCAT(a) WHEN 'opened' THEN 'open' ELSE CONCAT(a) END");
        assert_eq!(
            it.back(Dialect::MySql, "a", Some("(b)".into())),
            "CASE CONCAT(a) WHEN 'opened' THEN 'open' ELSE (b) END"
        );
        let texts = |sql: &str| Texts { postgres: Some(sql.into()), mysql: None };
        assert_eq!(it.default(&texts("'late'")), texts("'done'"));
        assert_eq!(it.default(&texts("'late'::state")), texts("'late'::state"));
        assert_eq!(it.gone_in("a <> 'late'"), Some("late"));
    }

    #[test]
    fn the_order_is_that_of_the_names_of_before() {
        let intents = Intents {
            renamed_values: BTreeMap::from([(("state".to_owned(), "shut".to_owned()), "done".to_owned())]),
            ..Intents::default()
        };
        let keeps = |after: &[&str]| Relabel::new(&of(&["open", "done"]), &of(after), &intents).keeps_order();
        assert!(keeps(&["new", "open", "shut"]));
        assert!(!keeps(&["shut", "open"]));
        assert!(!keeps(&["open", "new"]));
    }
}
