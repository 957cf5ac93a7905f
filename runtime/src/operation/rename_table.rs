//! A table has another name.
//!
//! Both names live until contract: the new one is a view of the table, which both servers read and
//! write through as if it were the table itself (PostgreSQL manual, "Updatable Views"; MySQL manual,
//! "Updatable and Insertable Views"). In contract the view goes and the table takes its name, and
//! indexes and keys theirs. Nothing is copied, and no row is touched.

use super::add_foreign_key::foreign_key_sql;
use super::{Context, Draft, Refusal, Staging, modify};
use crate::dialect::postgres::ddl::object_name;
use crate::dialect::{Dialect, mysql};
use crate::migration::{Algorithm, Claim, Extent, Fact, LockMode, Stage};
use crate::schema::{Check, Table, limited};

/// What has another name with its table: old name, new name.
#[derive(Debug, Default, PartialEq, Eq)]
pub(crate) struct Renames {
    indexes: Vec<[String; 2]>,
    foreign_keys: Vec<[String; 2]>,
    checks: Vec<[String; 2]>,
}

impl Renames {
    /// From `before`, which has the new table's name already, to `after`; nothing where they differ by
    /// more than names.
    pub(crate) fn between(before: &Table, after: &Table) -> Option<Self> {
        let columns = |table: &Table| {
            let mut columns = table.columns.clone();
            columns.sort_by(|a, b| a.name.cmp(&b.name));
            columns
        };
        if columns(before) != columns(after) || before.primary_key != after.primary_key {
            return None;
        }
        Some(Self {
            indexes: pairs(&before.indexes, &after.indexes, PartialEq::eq)?,
            foreign_keys: pairs(&before.foreign_keys, &after.foreign_keys, PartialEq::eq)?,
            checks: pairs(&before.checks, &after.checks, Check::same_as)?,
        })
    }
}

/// Each of the one with its equal of the other; those whose names differ.
fn pairs<T>(
    before: &std::collections::BTreeMap<String, T>,
    after: &std::collections::BTreeMap<String, T>,
    same: impl Fn(&T, &T) -> bool,
) -> Option<Vec<[String; 2]>> {
    let mut free: Vec<_> = after.iter().collect();
    let mut pairs = Vec::new();
    for (name, it) in before {
        let same_name = free.iter().position(|(other, value)| *other == name && same(value, it));
        let at = same_name.or_else(|| free.iter().position(|(_, value)| same(value, it)))?;
        let (other, _) = free.remove(at);
        if other != name {
            pairs.push([name.clone(), other.clone()]);
        }
    }
    free.is_empty().then_some(pairs)
}

/// The table as it is but for its name, which its references to itself have too.
pub(crate) fn moved(table: &Table, from: &str, to: &str) -> Table {
    let mut table = table.clone();
    if table.name == from {
        to.clone_into(&mut table.name);
    }
    for key in table.foreign_keys.values_mut().filter(|key| key.references == from) {
        to.clone_into(&mut key.references);
    }
    table
}

pub(super) fn stage(context: &Context<'_>, from: &str, to: &str) -> Result<Staging, Refusal> {
    let (before, after) = (&context.source.tables[from], context.table(to));
    let Some(mut renames) = Renames::between(&moved(before, from, to), after) else {
        return Err((
            format!("table `{from}` is renamed to `{to}`, and changes otherwise too"),
            "rename it in this migration, as it is, and change it in the next".into(),
        ));
    };
    // an index may be meant for one server alone
    renames.indexes.retain(|[old, _]| before.indexes[old].is_for(context.dialect));
    if let Some([old, _]) = renames.checks.first() {
        return Err((
            format!("table `{from}` is renamed to `{to}`, and check `{old}` is named after it"),
            "MySQL renames no check: name it on the table, by the name that it has (`check(name = \"...\", ...)`), or keep the table's name"
                .into(),
        ));
    }
    for [_, new] in &renames.indexes {
        modify::takes_name(context, to, new, &after.indexes[new])?;
    }
    let mut staging = Staging::default();
    let [old, new] = [from, to].map(|it| context.ident(it));
    // what MySQL takes on the table is shared with every reader and writer, and gone at once
    let (read, dropped) = match context.dialect {
        Dialect::Postgres => (Claim::none().lock(from, LockMode::AccessShare), LockMode::AccessExclusive),
        Dialect::MySql => (Claim::none(), LockMode::MdlExclusive),
    };
    let draft = Draft::new(
        "New code reads and writes the table by its new name.",
        format!("CREATE VIEW {new} AS SELECT * FROM {old}"),
        read,
        Fact::View(to.to_owned()),
    )
    .undo(format!("DROP VIEW {new}"), Claim::none().lock(to, dropped).blocking(Extent::No, Extent::No));
    staging.push(Stage::Expand, draft.step());
    match context.dialect {
        Dialect::Postgres => on_postgres(context, before, to, &renames, &mut staging),
        Dialect::MySql => on_mysql(context, before, after, &renames, &mut staging),
    }
    Ok(staging)
}

/// All in one transaction.
fn on_postgres(context: &Context<'_>, before: &Table, to: &str, renames: &Renames, staging: &mut Staging) {
    let from = &before.name;
    let name = |it: &str| context.ident(it);
    let mut statements =
        vec![format!("DROP VIEW {}", name(to)), format!("ALTER TABLE {} RENAME TO {}", name(from), name(to))];
    let index = |[old, new]: &[String; 2]| format!("ALTER INDEX IF EXISTS {} RENAME TO {}", name(old), name(new));
    if !before.primary_key.is_empty() {
        statements.push(index(&[from, to].map(|it| object_name(it, None, "pkey"))));
    }
    for column in before.columns.iter().filter(|it| it.identity) {
        let sequence = |table: &str| name(&object_name(table, Some(&column.name), "seq"));
        statements.push(format!("ALTER SEQUENCE IF EXISTS {} RENAME TO {}", sequence(from), sequence(to)));
    }
    statements.extend(renames.indexes.iter().map(index));
    let constraint =
        |[old, new]: &[String; 2]| format!("ALTER TABLE {} RENAME CONSTRAINT {} TO {}", name(to), name(old), name(new));
    statements.extend(renames.foreign_keys.iter().map(constraint));
    let claim = Claim::none().lock(from, LockMode::AccessExclusive).lock(to, LockMode::AccessExclusive);
    let comment = "The table takes its new name, and what belongs to it too, in one moment.";
    let fact = Fact::Table(to.to_owned());
    staging.push(Stage::Contract, Draft::new(comment, statements.join(";\n"), claim, fact).last());
}

/// Both names change in one statement; the rest is a change of the dictionary each.
fn on_mysql(context: &Context<'_>, before: &Table, after: &Table, renames: &Renames, staging: &mut Staging) {
    let (from, to) = (&before.name, &after.name);
    let away = limited(&format!("pontoon_{to}_view"));
    let [old, new, view] = [from, to, &away].map(|it| context.ident(it));
    let related = |claim: Claim| {
        let children = context.children(Stage::Contract, to);
        let parents = before.foreign_keys.values().map(|key| key.references.as_str()).filter(|it| it != from);
        children.into_iter().chain(parents).fold(claim, |claim, it| claim.lock(it, LockMode::MdlExclusive))
    };
    let renaming = Claim::none().lock(from, LockMode::MdlExclusive).lock(to, LockMode::MdlExclusive);
    let draft = Draft::new(
        "The table takes its new name, in one moment.",
        format!("RENAME TABLE {new} TO {view}, {old} TO {new}"),
        related(renaming),
        Fact::Table(to.clone()),
    );
    staging.push(Stage::Contract, draft.last());
    let draft = Draft::new(
        "",
        format!("DROP VIEW {view}"),
        Claim::none().lock(&away, LockMode::MdlExclusive).blocking(Extent::No, Extent::No),
        Fact::View(away.clone()).negated(),
    );
    staging.push(Stage::Contract, draft.last());
    let claim = || related(Claim::none().lock(to, LockMode::MdlExclusive));
    let how = "ALGORITHM=INPLACE, LOCK=NONE";
    for [old, new] in &renames.foreign_keys {
        let key = &after.foreign_keys[new];
        let what =
            format!("DROP FOREIGN KEY {}, ADD {}", context.ident(old), foreign_key_sql(context.dialect, new, key));
        let claim = claim().how(Algorithm::Inplace, crate::migration::LockClause::None);
        let fact = Fact::Constraint(to.clone(), new.clone());
        let comment = "MySQL renames no foreign key; the rows are known to comply.";
        let draft = Draft::new(comment, mysql::ddl::alter(to, &what, how), claim, fact).set("foreign_key_checks", "0");
        staging.push(Stage::Contract, draft.last());
    }
    for [old, new] in &renames.indexes {
        let what = format!("RENAME INDEX {} TO {}", context.ident(old), context.ident(new));
        let claim = claim().how(Algorithm::Inplace, crate::migration::LockClause::None);
        let fact = Fact::Index(to.clone(), new.clone());
        staging.push(Stage::Contract, Draft::new("", mysql::ddl::alter(to, &what, how), claim, fact).last());
    }
}
