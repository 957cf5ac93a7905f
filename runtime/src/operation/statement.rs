//! Puts a statement together.

use crate::migration::{Claim, Each, Fact, Servers, Statement, Step, Undo, UndoStatement};

/// A statement in the making: what it does, and then what it claims and how it is undone.
pub(crate) struct Draft {
    statement: Statement,
}

impl Draft {
    pub(crate) fn new(comment: impl Into<String>, sql: impl Into<String>, claim: Claim, done: Fact) -> Self {
        let undo = Undo::Statements(Vec::new());
        Self {
            statement: Statement {
                comment: comment.into(),
                servers: Servers::default(),
                each: None,
                unless: None,
                sql: sql.into(),
                transactional: true,
                settings: Vec::new(),
                claim,
                done,
                undo,
                line: 0,
            },
        }
    }

    /// Skipped on other versions.
    pub(crate) const fn on(mut self, servers: Servers) -> Self {
        self.statement.servers = servers;
        self
    }

    /// Once for each partition.
    pub(crate) fn each(mut self, each: Each) -> Self {
        self.statement.each = Some(each);
        self
    }

    /// Skipped where this holds already.
    pub(crate) fn unless(mut self, fact: Fact) -> Self {
        self.statement.unless = Some(fact);
        self
    }

    /// The last statement of the way back, once for each partition.
    pub(crate) fn undo_each(mut self, each: Each) -> Self {
        if let Undo::Statements(statements) = &mut self.statement.undo
            && let Some(last) = statements.last_mut()
        {
            last.each = Some(each);
        }
        self
    }

    /// The last statement of the way back, skipped where this holds already.
    pub(crate) fn undo_unless(mut self, fact: Fact) -> Self {
        if let Undo::Statements(statements) = &mut self.statement.undo
            && let Some(last) = statements.last_mut()
        {
            last.unless = Some(fact);
        }
        self
    }

    /// Not inside a transaction.
    pub(crate) fn alone(mut self) -> Self {
        self.statement.transactional = false;
        self
    }

    /// With this session variable.
    pub(crate) fn set(mut self, name: &str, value: &str) -> Self {
        self.statement.settings.push((name.to_owned(), value.to_owned()));
        self
    }

    /// The last statement of the way back, with this session variable.
    pub(crate) fn undo_set(mut self, name: &str, value: &str) -> Self {
        if let Undo::Statements(statements) = &mut self.statement.undo
            && let Some(last) = statements.last_mut()
        {
            last.settings.push((name.to_owned(), value.to_owned()));
        }
        self
    }

    /// One more statement of the way back, after which the catalog says the opposite.
    pub(crate) fn undo(self, sql: impl Into<String>, claim: Claim) -> Self {
        let done = self.statement.done.negated();
        self.undo_until(sql, claim, done, true)
    }

    /// The same, outside a transaction.
    pub(crate) fn undo_alone(self, sql: impl Into<String>, claim: Claim) -> Self {
        let done = self.statement.done.negated();
        self.undo_until(sql, claim, done, false)
    }

    /// One more statement of the way back, with what the catalog says after it.
    pub(crate) fn undo_until(mut self, sql: impl Into<String>, claim: Claim, done: Fact, transactional: bool) -> Self {
        let undo = UndoStatement {
            each: None,
            unless: None,
            sql: sql.into(),
            transactional,
            settings: Vec::new(),
            claim,
            done,
            line: 0,
        };
        if let Undo::Statements(statements) = &mut self.statement.undo {
            statements.push(undo);
        }
        self
    }

    /// With another way back, which follows.
    pub(crate) fn undo_otherwise(mut self) -> Self {
        self.statement.undo = Undo::Statements(Vec::new());
        self
    }

    /// Nothing is to be undone.
    pub(crate) fn undo_nothing(mut self, why: &str) -> Self {
        self.statement.undo = Undo::Nothing(why.to_owned());
        self
    }

    /// Part of contract: from here there is no way back.
    pub(crate) fn last(mut self) -> Step {
        self.statement.undo = Undo::Impossible("contract takes away what only old code needed".to_owned());
        Step::Statement(self.statement)
    }

    pub(crate) fn step(self) -> Step {
        Step::Statement(self.statement)
    }
}
