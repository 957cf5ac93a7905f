//! MySQL: a check that triggers hold, since to enforce it the server would copy the table while writers wait.
//!
//! They run after the row is written, when no other trigger can change it any more, whichever of them was made first:
//! those that keep columns right run before. What they find wrong undoes the statement, with the server's own error. They
//! judge by the values of a row of one table, as the server's constraint does: a trigger's own variables compare a time
//! with a text letter by letter. And they stay when the migration is over, until the check goes or is enforced.

use super::formula::Formula;
use super::triggers::{create_claim, drop_claim, drop_trigger};
use super::{Context, Draft, Staging, search};
use crate::dialect::mysql;
use crate::migration::{Algorithm, Assertion, Claim, Fact, Search, Stage, Step};
use crate::schema::{Table, limited};

/// A check that is held so.
pub(super) struct Guard<'a> {
    table: &'a Table,
    name: &'a str,
    condition: &'a str,
}

/// What the names of such triggers end with, which no other trigger of ours does: these are there to stay.
pub(crate) const ENDING: &str = "_guard";

impl<'a> Guard<'a> {
    /// A check of that table, as it is before or after.
    pub(super) const fn new(table: &'a Table, name: &'a str, condition: &'a str) -> Self {
        Self { table, name, condition }
    }

    /// Binds new writes, and then the rows of before are looked at.
    pub(super) fn install(&self, context: &Context<'_>, staging: &mut Staging) {
        for (event, name, sql) in self.triggers(context) {
            let draft = Draft::new(
                format!("Holds every {event} from now on to `{}`, and stays.", self.name),
                sql,
                create_claim(context, &self.table.name),
                Fact::Trigger(self.table.name.clone(), name.clone()),
            )
            .undo(drop_trigger(context, &self.table.name, &name), drop_claim(context, &self.table.name));
            staging.push(Stage::Validate, draft.step());
        }
        let [add, drop] = self.constraint(context);
        let draft = Draft::new(
            "For whoever reads the catalog. Enforced, it would copy the table; the triggers hold to it.",
            add,
            self.claim(context, Stage::Validate),
            Fact::Constraint(self.table.name.clone(), self.name.to_owned()),
        )
        .undo(drop, self.claim(context, Stage::Validate));
        staging.push(Stage::Validate, draft.step());
        staging.push(Stage::Validate, self.proof(context, false));
    }

    /// It goes in expand. On the way back it binds first, and then the rows are looked at that were written meanwhile.
    pub(super) fn remove(&self, context: &Context<'_>, staging: &mut Staging) {
        let proof = self.proof(context, true);
        let (first, last) = if matches!(proof, Step::Search(_)) { (Some(proof), None) } else { (None, Some(proof)) };
        first.into_iter().for_each(|it| staging.push(Stage::Expand, it));
        let [add, drop] = self.constraint(context);
        let claim = || self.claim(context, Stage::Expand);
        let fact = Fact::Constraint(self.table.name.clone(), self.name.to_owned()).negated();
        staging.push(Stage::Expand, Draft::new("", drop, claim(), fact).undo(add, claim()).step());
        for draft in self.without_triggers(context) {
            staging.push(Stage::Expand, draft.step());
        }
        last.into_iter().for_each(|it| staging.push(Stage::Expand, it));
    }

    /// The triggers go, and their way back brings them again.
    pub(super) fn without_triggers(&self, context: &Context<'_>) -> Vec<Draft> {
        let table = &self.table.name;
        let without = |(_, name, sql): (_, String, String)| {
            let fact = Fact::Trigger(table.clone(), name.clone()).negated();
            Draft::new("", drop_trigger(context, table, &name), drop_claim(context, table), fact)
                .undo(sql, create_claim(context, table))
        };
        self.triggers(context).into_iter().rev().map(without).collect()
    }

    /// Event, name and statement.
    fn triggers(&self, context: &Context<'_>) -> [(&'static str, String, String); 2] {
        let columns = self.table.columns.iter().map(|it| it.name.as_str());
        let formula = Formula::over(context.dialect, &self.table.name, self.condition, columns);
        [("UPDATE", "upd"), ("INSERT", "ins")].map(|(event, short)| {
            let name = limited(&format!("pontoon_{}_{short}{ENDING}", self.name));
            let holds = formula.value("NEW");
            (event, name.clone(), mysql::ddl::guard(&name, event, &self.table.name, self.name, &holds))
        })
    }

    /// ADD and DROP.
    fn constraint(&self, context: &Context<'_>) -> [String; 2] {
        let name = context.ident(self.name);
        let alter = |what: String| mysql::ddl::alter(&self.table.name, &what, "ALGORITHM=INSTANT");
        [
            alter(format!("ADD CONSTRAINT {name} CHECK ({}) NOT ENFORCED", self.condition)),
            alter(format!("DROP CHECK {name}")),
        ]
    }

    fn claim(&self, context: &Context<'_>, stage: Stage) -> Claim {
        context.mysql_alter(stage, &self.table.name, Algorithm::Instant)
    }

    /// That no row breaks it, batch by batch; in one query, where the table has no key to go by.
    fn proof(&self, context: &Context<'_>, on_way_back: bool) -> Step {
        let found = search::breaking(context, self.table, self.name, self.condition);
        match found {
            Ok(search) => Step::Search(Search { on_way_back, ..search }),
            Err(assertion) => Step::Assertion(Assertion { on_way_back, ..assertion }),
        }
    }
}
