//! A new partition of a table that is there. In expand: new code may write rows that belong into it.
//!
//! It is made as a plain table like the other, and then attached. That takes SHARE UPDATE EXCLUSIVE on the table, where
//! `PARTITION OF` would close it to all. A default partition is closed for a moment, whoever made it, and would be read
//! whole in that moment, were it not proven before that it holds no row of the new one's. So rows of that kind are
//! looked for first, and named; and then a check keeps them out until the new partition takes them.
//!
//! It stays when the migration is undone: by then rows are in it, and old code has a partition more than it knew.

use std::collections::BTreeSet;

use super::{Context, Draft, Refusal, Staging};
use crate::dialect::{Dialect, postgres};
use crate::migration::{Assertion, Claim, Each, Fact, LockMode, PARTITION, Stage, Step};
use crate::schema::{Bounds, Partitioning, Table, limited};

pub(super) fn stage(context: &Context<'_>, table: &str, partition: &str) -> Result<Staging, Refusal> {
    let mut staging = Staging::default();
    let table = context.table(table);
    let Some(partitioning) = table.partitioned.as_ref().filter(|_| context.dialect == Dialect::Postgres) else {
        return Ok(staging);
    };
    let bounds = &partitioning.partitions[partition];
    let it = Attach { context, table, partition, bounds, stage: Stage::Expand };
    if *bounds == Bounds::Default || matches!(bounds, Bounds::Hash { .. }) {
        staging.push(Stage::Expand, it.attach(None).step());
        return Ok(staging);
    }
    let condition = partitioning.condition(bounds);
    match &condition {
        Some(condition) => {
            staging.push(Stage::Expand, Step::Assertion(it.rows_in_default(condition)));
            it.keep_out(condition, &mut staging);
            staging.warnings.push(format!(
                "until partition `{partition}` of `{}` is attached, its default partition, if it has one, refuses rows that belong \
                 into it: attach it before they are written",
                table.name
            ));
        }
        None => {
            it.no_default(partitioning)?;
            staging.push(Stage::Expand, Step::Assertion(it.default_partition()));
        }
    }
    if condition.is_some() {
        staging.push(Stage::Expand, it.attach(Some(Each::default_of(&table.name))).step());
    }
    staging.push(Stage::Expand, it.attach(None).step());
    if condition.is_some() {
        it.let_in(&mut staging);
    }
    Ok(staging)
}

pub(super) struct Attach<'a> {
    pub(super) context: &'a Context<'a>,
    pub(super) table: &'a Table,
    pub(super) partition: &'a str,
    pub(super) bounds: &'a Bounds,
    /// When it is attached.
    pub(super) stage: Stage,
}

impl Attach<'_> {
    pub(super) fn is_attached(&self) -> Fact {
        Fact::Partition(self.table.name.clone(), self.partition.to_owned())
    }

    /// The check's name while it keeps rows out of the default partition.
    fn check(&self) -> String {
        limited(&format!("pontoon_{}_elsewhere", self.partition))
    }

    fn regclass(&self) -> String {
        format!("{}::regclass", self.context.dialect.literal(&self.context.ident(&self.table.name)))
    }

    /// Read from the table: the server goes into no partition that can hold none of them.
    pub(super) fn rows_in_default(&self, condition: &str) -> Assertion {
        let shown = if self.table.primary_key.is_empty() {
            self.table.partitioned.as_ref().map(|it| it.columns.clone()).unwrap_or_default()
        } else {
            self.table.primary_key.clone()
        };
        let shown: Vec<_> = shown.iter().map(|it| format!("{}::text", self.context.ident(it))).collect();
        Assertion {
            message: format!(
                "rows of the default partition of `{}` belong into the new partition `{}`, so it cannot be attached: move \
                 them out, or attach it by hand while nobody writes",
                self.table.name, self.partition
            ),
            sql: format!(
                "SELECT {} FROM {} WHERE ({condition}) AND tableoid IN (SELECT partdefid FROM pg_partitioned_table WHERE partrelid = {}) \
                 LIMIT 5",
                shown.join(", "),
                self.context.ident(&self.table.name),
                self.regclass()
            ),
            on_way_back: false,
            grace: None,
            line: 0,
        }
    }

    fn no_default(&self, partitioning: &Partitioning) -> Result<(), Refusal> {
        let (table, partition) = (&self.table.name, self.partition);
        match partitioning.partitions.iter().find(|(_, it)| **it == Bounds::Default) {
            None => Ok(()),
            Some((default, _)) => Err((
                format!(
                    "partition `{partition}` of `{table}` is new, and `{default}` is the default one: by several columns, nothing but \
                     reading it whole under a lock proves that no row of it belongs into the new one"
                ),
                "make the partition where others are made, while nobody writes, and then list it".to_owned(),
            )),
        }
    }

    /// A default partition of others.
    fn default_partition(&self) -> Assertion {
        Assertion {
            message: format!(
                "`{}` has a default partition, which attaching `{}` would read whole under a lock: detach it, or attach by hand \
                 while nobody writes",
                self.table.name, self.partition
            ),
            sql: format!(
                "SELECT partdefid::regclass::text FROM pg_partitioned_table WHERE partrelid = {} AND partdefid <> 0",
                self.regclass()
            ),
            on_way_back: false,
            grace: None,
            line: 0,
        }
    }

    /// The default partition proves that it holds nothing of the new one's.
    pub(super) fn keep_out(&self, condition: &str, staging: &mut Staging) {
        let check = self.check();
        let brief = || Claim::none().lock(PARTITION, LockMode::AccessExclusive);
        let [table, name] = [PARTITION, &check].map(|it| self.context.ident(it));
        let fact = |make: fn(String, String) -> Fact| make(PARTITION.to_owned(), check.clone());
        let each = || Each::default_of(&self.table.name);
        let draft = Draft::new(
            "Binds new writes only.",
            format!("ALTER TABLE {table} ADD CONSTRAINT {name} CHECK (NOT ({condition})) NOT VALID"),
            brief(),
            fact(Fact::Constraint),
        )
        .each(each())
        .unless(self.is_attached())
        .undo(format!("ALTER TABLE {table} DROP CONSTRAINT {name}"), brief())
        .undo_each(each());
        staging.push(self.stage, draft.step());
        let draft = Draft::new(
            "Reads the whole default partition; reads and writes go on.",
            format!("ALTER TABLE {table} VALIDATE CONSTRAINT {name}"),
            Claim::none().lock(PARTITION, LockMode::ShareUpdateExclusive).scan(PARTITION),
            fact(Fact::Validated),
        )
        .each(each())
        .unless(self.is_attached())
        .undo_nothing("a proof does no harm");
        staging.push(self.stage, draft.step());
    }

    /// The server keeps them out by itself from here on.
    pub(super) fn let_in(&self, staging: &mut Staging) {
        let check = self.check();
        let sql =
            format!("ALTER TABLE {} DROP CONSTRAINT {}", self.context.ident(PARTITION), self.context.ident(&check));
        let claim = Claim::none().lock(PARTITION, LockMode::AccessExclusive);
        let draft = Draft::new("", sql, claim, Fact::Constraint(PARTITION.to_owned(), check).negated());
        let draft =
            draft.each(Each::default_of(&self.table.name)).undo_nothing("the partition keeps them out by itself");
        staging.push(self.stage, draft.step());
    }

    /// With the default partition's lock in its claim, if it has one.
    fn attach(&self, default: Option<Each>) -> Draft {
        let (table, partition) = (&self.table.name, self.partition);
        let parents: BTreeSet<_> = self.keys_of_before().collect();
        let claim = Claim::none().lock(table, LockMode::ShareUpdateExclusive);
        let mut claim = parents.into_iter().fold(claim, |it, parent| it.lock(parent, LockMode::ShareRowExclusive));
        if default.is_some() {
            claim = claim.lock(PARTITION, LockMode::AccessExclusive);
        }
        let sql = postgres::ddl::attach_partition(table, partition, self.bounds);
        let comment = match default {
            Some(_) => "The default partition's check proves that it holds nothing of it: no scan.",
            None => "Its table is new and empty: there is nothing to look at.",
        };
        let draft = Draft::new(comment, sql, claim, self.is_attached()).unless(self.is_attached());
        let draft = match default {
            Some(each) => draft.each(each),
            None => draft,
        };
        draft.undo_nothing(&format!("partition `{partition}` stays, since rows may be in it by now"))
    }

    /// The tables that the foreign keys of before refer to: those of this migration come later.
    fn keys_of_before(&self) -> impl Iterator<Item = &String> {
        let before = self.context.source.tables.get(&self.table.name);
        before.into_iter().flat_map(|it| it.foreign_keys.values()).map(|it| &it.references)
    }
}
