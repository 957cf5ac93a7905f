//! A table that is there, with its rows, becomes a partition of another one. At the end of validate: new code asks the
//! other table for its rows, and old code goes on writing it by its name, which it keeps.
//!
//! The moment of it must read no row. So whatever the server would prove or make under its lock is there before: a proven
//! check that all rows are within the bounds, and the other table's checks, foreign keys and indexes, which the partition's
//! then are part of. From the check on, old code's writes that would not fit are refused; rows of before that do not fit
//! are looked for first, and named. Until contract the way back is to detach it: a plain table again, with its rows.
//!
//! MySQL has a plain table of each, and nobody's rows are moved without a word: there the migration is refused where the
//! table holds any, and it stays, empty.

use std::collections::BTreeSet;

use super::attach_partition::Attach;
use super::{Context, Draft, Refusal, Staging, add_check, add_foreign_key, add_index, search};
use crate::dialect::{Dialect, postgres};
use crate::migration::{Assertion, Claim, Each, Fact, LockMode, PARTITION, ServerVersion, Servers, Stage, Step};
use crate::schema::{Column, Index, Schema, Table, limited};

pub(super) fn stage(context: &Context<'_>, table: &str, partition: &str) -> Result<Staging, Refusal> {
    let (plain, parent) = (&context.source.tables[partition], context.table(table));
    let mut staging = Staging::default();
    if context.dialect == Dialect::MySql {
        must_be_empty(context, parent, plain, &mut staging);
        return Ok(staging);
    }
    let Some(partitioning) = &parent.partitioned else { return Ok(staging) };
    let bounds = &partitioning.partitions[partition];
    let condition = partitioning.condition(bounds).ok_or_else(|| {
        (
            format!(
                "table `{partition}` is attached to `{table}` by hash, by several columns or as the default partition: nothing but \
                 reading it whole under a lock proves that its rows belong there"
            ),
            "attach it by hand while nobody writes, in a migration of `cargo xtask generate --custom --takes-changes`".to_owned(),
        )
    })?;
    // what the table gets on its way is made as for any other table
    let target = with(context.target, plain, parent);
    let context = &Context { target: &target, ..*context };
    let attach = Attach { context, table: parent, partition, bounds, stage: Stage::Validate };
    let it = AttachTable { context, parent, plain, condition: &condition, attach };
    it.stage(&mut staging)?;
    Ok(staging)
}

/// The schema in which the table is still there, with what it gets.
fn with(schema: &Schema, plain: &Table, parent: &Table) -> Schema {
    let mut plain = plain.clone();
    plain.checks.extend(parent.checks.clone());
    plain.foreign_keys.extend(parent.foreign_keys.clone());
    let mut schema = schema.clone();
    schema.tables.insert(plain.name.clone(), plain);
    schema
}

/// From which version on partitions have the identities of their table.
const INHERITS_IDENTITY: ServerVersion = ServerVersion([17, 0, 0]);

struct AttachTable<'a> {
    context: &'a Context<'a>,
    parent: &'a Table,
    /// The table as it is.
    plain: &'a Table,
    /// That a row is within the bounds.
    condition: &'a str,
    attach: Attach<'a>,
}

impl AttachTable<'_> {
    fn stage(&self, staging: &mut Staging) -> Result<(), Refusal> {
        let (table, partition) = (&self.parent.name, &self.plain.name);
        staging.push(Stage::Expand, self.misfits(Stage::Expand));
        let in_default = || Step::Assertion(self.attach.rows_in_default(self.condition));
        if self.context.source.tables.contains_key(table) {
            staging.push(Stage::Expand, in_default());
        }
        self.bind(staging);
        self.checks(staging);
        self.foreign_keys(staging);
        self.indexes(staging)?;
        staging.push(Stage::Validate, in_default());
        self.attach.keep_out(self.condition, staging);
        self.attached(Some(&Each::default_of(table)), staging);
        self.attached(None, staging);
        self.attach.let_in(staging);
        staging.push(Stage::Validate, self.unbind().step());
        if let Some(column) = self.numbered() {
            let fact = Fact::Default(partition.clone(), column.name.clone()).negated();
            let draft = Draft::new("", self.no_default(column).join(";\n"), self.brief(), fact);
            staging.push(Stage::Contract, draft.on(Servers::below(INHERITS_IDENTITY)).last());
        }
        staging.warnings.push(format!(
            "from validate on `{table}` shows the rows of `{partition}` to old code too; before that, old code's writes to \
             `{partition}` that are not within its bounds, or that a check, key or unique index of `{table}` forbids, are refused"
        ));
        if self
            .numbered()
            .is_some_and(|it| self.parent.partitioned.as_ref().is_some_and(|by| by.columns.contains(&it.name)))
        {
            staging.warnings.push(format!(
                "from validate on one sequence numbers the rows of `{table}` and `{partition}`, behind the greater number of both: \
                 where that is not within the bounds of `{partition}`, old code's new rows there, without a number of their own, are \
                 refused"
            ));
        }
        Ok(())
    }

    fn alter(&self, what: &str) -> String {
        format!("ALTER TABLE {} {what}", self.context.ident(&self.plain.name))
    }

    fn brief(&self) -> Claim {
        Claim::none().lock(&self.plain.name, LockMode::AccessExclusive)
    }

    fn misfits(&self, stage: Stage) -> Step {
        let (table, partition) = (&self.parent.name, &self.plain.name);
        let column = self.parent.partitioned.as_ref().map_or("", |it| it.columns[0].as_str());
        let message = format!(
            "rows of `{partition}` are not within the bounds that it has as a partition of `{table}`: correct or move them, or the \
             bounds"
        );
        search::misfits(self.context, stage, partition, column, self.condition, &message)
    }

    fn bounds_check(&self) -> String {
        limited(&format!("pontoon_{}_bounds", self.plain.name))
    }

    /// The bounds as a check, which the server takes for its own proof.
    fn bind(&self, staging: &mut Staging) {
        let (table, name) = (&self.plain.name, self.bounds_check());
        let ident = self.context.ident(&name);
        let draft = Draft::new(
            "Binds new writes only: what it holds as a partition.",
            self.alter(&format!("ADD CONSTRAINT {ident} CHECK ({}) NOT VALID", self.condition)),
            self.brief(),
            Fact::Constraint(table.clone(), name.clone()),
        )
        .undo(self.alter(&format!("DROP CONSTRAINT IF EXISTS {ident}")), self.brief());
        staging.push(Stage::Validate, draft.step());
        staging.push(Stage::Validate, self.misfits(Stage::Validate));
        let draft = Draft::new(
            "Reads the whole table; reads and writes go on.",
            self.alter(&format!("VALIDATE CONSTRAINT {ident}")),
            Claim::none().lock(table, LockMode::ShareUpdateExclusive).scan(table),
            Fact::Validated(table.clone(), name),
        )
        .undo_nothing("a proof does no harm");
        staging.push(Stage::Validate, draft.step());
    }

    fn unbind(&self) -> Draft {
        let name = self.bounds_check();
        let sql = self.alter(&format!("DROP CONSTRAINT {}", self.context.ident(&name)));
        let fact = Fact::Constraint(self.plain.name.clone(), name).negated();
        Draft::new("The server holds to the bounds by itself.", sql, self.brief(), fact)
            .undo_nothing("the table needs no bounds by itself")
    }

    /// A partition has its table's checks, by their names. One of its own that says the same goes in contract: it would
    /// outlive the other.
    fn checks(&self, staging: &mut Staging) {
        let of_server = |table: &Table| -> Vec<(String, String)> {
            let sql = |(name, it): (&String, &crate::schema::Check)| Some((name.clone(), it.sql.postgres.clone()?));
            table.checks.iter().filter_map(sql).collect()
        };
        let (wanted, own) = (of_server(self.parent), of_server(self.plain));
        let table = &self.plain.name;
        for (name, condition) in wanted.iter().filter(|it| !own.contains(it)) {
            add_check::postgres(self.context, table, name, condition, staging);
        }
        for (name, _) in own.iter().filter(|it| !wanted.contains(it)) {
            let sql = self.alter(&format!("DROP CONSTRAINT {}", self.context.ident(name)));
            let fact = Fact::Constraint(table.clone(), name.clone()).negated();
            let comment = "The partitioned table's check says the same.";
            staging.push(Stage::Contract, Draft::new(comment, sql, self.brief(), fact).last());
        }
    }

    /// One that is there is taken for the other's, by whatever name.
    fn foreign_keys(&self, staging: &mut Staging) {
        let own: Vec<_> = self.plain.foreign_keys.values().collect();
        for (name, _) in self.parent.foreign_keys.iter().filter(|(_, it)| !own.contains(it)) {
            let added = add_foreign_key::stage(self.context, &self.plain.name, name, false);
            staging.steps.extend(added.steps);
        }
    }

    /// As with foreign keys.
    fn indexes(&self, staging: &mut Staging) -> Result<(), Refusal> {
        let table = &self.plain.name;
        for (name, index) in self.parent.indexes.iter().filter(|(_, it)| it.is_for(Dialect::Postgres)) {
            if !self.plain.indexes.values().any(|it| add_index::same(Dialect::Postgres, it, index)) {
                let name = limited(&format!("{table}_{name}"));
                add_index::build(self.context, Some(self.plain), table, &name, index, staging)?;
            }
        }
        let of_other =
            |index: &Index| self.parent.indexes.values().any(|it| add_index::same(Dialect::Postgres, it, index));
        let own = self.plain.indexes.iter().filter(|(_, it)| it.is_for(Dialect::Postgres) && !of_other(it));
        staging.warnings.extend(own.map(|(name, _)| {
            format!("index `{name}` of `{table}`, which `{}` has none like, stays on the partition", self.parent.name)
        }));
        Ok(())
    }

    /// With the default partition's lock in its claim, if it has one.
    fn attached(&self, default: Option<&Each>, staging: &mut Staging) {
        let comment = match default {
            Some(_) => "The checks prove what this and the default partition hold: no scan.",
            None => "The check proves what it holds: no scan.",
        };
        for (servers, [before, after]) in self.numbers() {
            let mut forth = before;
            forth.push(postgres::ddl::attach_table(&self.parent.name, &self.plain.name, self.attach.bounds));
            let mut back = vec![self.detach()];
            back.extend(after);
            let (claim, undo_claim) = self.claims(default.is_some());
            let fact = self.attach.is_attached();
            let draft = Draft::new(comment, forth.join(";\n"), claim, fact.clone()).on(servers).unless(fact.clone());
            let draft = draft.undo(back.join(";\n"), undo_claim).undo_unless(fact.negated());
            let draft = match default {
                Some(each) => draft.each(each.clone()),
                None => draft,
            };
            staging.push(Stage::Validate, draft.step());
        }
    }

    fn detach(&self) -> String {
        let [table, partition] = [&self.parent.name, &self.plain.name].map(|it| self.context.ident(it));
        format!("ALTER TABLE {table} DETACH PARTITION {partition}")
    }

    /// There, and back.
    fn claims(&self, beside_default: bool) -> (Claim, Claim) {
        let others: BTreeSet<_> = self.parent.foreign_keys.values().map(|it| &it.references).collect();
        let with_others = |claim: Claim, mode| others.iter().fold(claim, |it, other| it.lock(other, mode));
        let on_table = match self.numbered() {
            Some(_) => LockMode::ShareRowExclusive,
            None => LockMode::ShareUpdateExclusive,
        };
        // its foreign keys become part of the table's, and lose triggers of their own
        let claim = with_others(self.brief().lock(&self.parent.name, on_table), LockMode::AccessExclusive);
        let claim = if beside_default { claim.lock(PARTITION, LockMode::AccessExclusive) } else { claim };
        // which takes a weaker one on the partition before 14
        let back = if self.numbered().is_some() { self.brief() } else { Claim::none() };
        let back = back.lock(&self.parent.name, LockMode::AccessExclusive);
        (claim, with_others(back, LockMode::ShareRowExclusive))
    }

    fn numbered(&self) -> Option<&Column> {
        self.parent.columns.iter().find(|it| it.identity)
    }

    /// Until contract old code draws from the sequence by a default, as whoever it is.
    fn share(&self, sequence: &str, grant: &str, to: &str) -> String {
        format!("DO $$ BEGIN EXECUTE '{grant} USAGE ON SEQUENCE ' || {sequence} || ' {to} PUBLIC'; END $$")
    }

    fn no_default(&self, column: &Column) -> Vec<String> {
        let drop = self.alter(&format!("ALTER COLUMN {} DROP DEFAULT", self.context.ident(&column.name)));
        vec![drop, self.share(&self.sequence(&self.parent.name, column), "REVOKE", "FROM")]
    }

    fn sequence(&self, of: &str, column: &Column) -> String {
        let literal = |it: &str| self.context.dialect.literal(it);
        format!("pg_get_serial_sequence({}, {})", literal(&self.context.ident(of)), literal(&column.name))
    }

    /// Where both tables number a column, one sequence does so from the moment on, the partitioned table's. It goes on
    /// behind both, which nobody may draw from meanwhile. From 17 on a partition has its table's identity; before that, a
    /// default takes its place for old code. By server, what is done before it is attached, and after it is detached.
    fn numbers(&self) -> Vec<(Servers, [Vec<String>; 2])> {
        let Some(column) = self.numbered() else { return vec![(Servers::default(), [Vec::new(), Vec::new()])] };
        let [table, plain] = [&self.parent.name, &self.plain.name];
        let [from, to] = [plain, table].map(|it| self.sequence(it, column));
        let alter = |what: &str| self.alter(&format!("ALTER COLUMN {} {what}", self.context.ident(&column.name)));
        let lock = |it: &str, mode: &str| format!("LOCK TABLE {} IN {mode} MODE", self.context.ident(it));
        let forth = [
            lock(table, "SHARE ROW EXCLUSIVE"),
            lock(plain, "ACCESS EXCLUSIVE"),
            format!("SELECT setval({to}, greatest(nextval({from}), nextval({to})))"),
            alter("DROP IDENTITY"),
        ];
        let back = [alter("ADD GENERATED BY DEFAULT AS IDENTITY"), format!("SELECT setval({from}, nextval({to}))")];
        let default = alter(&format!("SET DEFAULT nextval({to})"));
        let by_default = [forth.to_vec(), vec![default, self.share(&to, "GRANT", "TO")]].concat();
        let no_default = [self.no_default(column), back.to_vec()].concat();
        vec![
            (Servers::below(INHERITS_IDENTITY), [by_default, no_default]),
            (Servers::from(INHERITS_IDENTITY), [forth.to_vec(), back.to_vec()]),
        ]
    }
}

fn must_be_empty(context: &Context<'_>, parent: &Table, plain: &Table, staging: &mut Staging) {
    let assertion = || {
        Step::Assertion(Assertion {
            message: format!(
                "`{1}` has no partitions on MySQL, so the rows of `{0}` would be in no table that a struct stands for: move them \
                 into `{1}` first",
                plain.name, parent.name
            ),
            sql: format!("SELECT 1 FROM {} LIMIT 1", context.ident(&plain.name)),
            on_way_back: false,
            grace: None,
            line: 0,
        })
    };
    staging.push(Stage::Expand, assertion());
    staging.push(Stage::Contract, assertion());
    staging.warnings.push(format!(
        "MySQL: `{0}` does not become a partition of `{1}`; the migration is refused while it holds rows, and it stays, empty",
        plain.name, parent.name
    ));
}
