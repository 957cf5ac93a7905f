//! Which migrations are observed. The others still run, since these build on them.

use std::collections::BTreeSet;

/// Which migrations are observed.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Selection {
    /// These alone; all where there is nothing.
    ids: Option<BTreeSet<String>>,
}

impl Selection {
    /// These.
    pub fn of(ids: impl IntoIterator<Item = String>) -> Self {
        Self { ids: Some(ids.into_iter().collect()) }
    }

    /// Whether this one is observed.
    pub fn has(&self, id: &str) -> bool {
        self.ids.as_ref().is_none_or(|it| it.contains(id))
    }

    /// How many of `ids`, in their order, are of any use: what comes behind the last that is observed is not run.
    pub fn reach<'a>(&self, ids: impl IntoIterator<Item = &'a str>) -> usize {
        let mut reach = 0;
        for (at, id) in ids.into_iter().enumerate() {
            if self.has(id) {
                reach = at + 1;
            }
        }
        reach
    }
}

impl From<Option<&str>> for Selection {
    fn from(only: Option<&str>) -> Self {
        Self { ids: only.map(|it| BTreeSet::from([it.to_owned()])) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_comes_behind_the_last_one_is_not_needed() {
        let ids = ["1", "2", "3", "4"];
        assert_eq!(Selection::default().reach(ids), 4);
        assert_eq!(Selection::from(Some("2")).reach(ids), 2);
        assert_eq!(Selection::of(["1".to_owned(), "3".to_owned()]).reach(ids), 3);
        assert_eq!(Selection::of([]).reach(ids), 0);
        assert!(!Selection::from(Some("2")).has("3") && Selection::from(None).has("3"));
    }
}
