//! A new table, with its keys, indexes, checks and foreign keys.
//!
//! Nobody reads or writes it yet, so nothing here lasts. A foreign key takes a lock on the
//! table it refers to: for a moment, since there is no row to check.

use std::collections::BTreeSet;

use super::{Context, Draft, Staging};
use crate::dialect::{Dialect, mysql, postgres};
use crate::migration::{Claim, Extent, Fact, LockMode, Stage};

pub(super) fn stage(context: &Context<'_>, name: &str, deferred: &BTreeSet<String>) -> Staging {
    let table = context.table(name);
    let keys: Vec<_> = table.foreign_keys.iter().filter(|(key, _)| !deferred.contains(*key)).collect();
    let parents: BTreeSet<&str> =
        keys.iter().map(|(_, key)| key.references.as_str()).filter(|parent| *parent != name).collect();
    let (sql, on_create, on_drop) = match context.dialect {
        Dialect::Postgres => {
            (postgres::ddl::create_table(table, &keys), LockMode::ShareRowExclusive, LockMode::AccessExclusive)
        }
        Dialect::MySql => (mysql::ddl::create_table(table, &keys), LockMode::MdlExclusive, LockMode::MdlExclusive),
    };
    let parents_locked = |claim: Claim, mode| parents.iter().fold(claim, |claim, parent| claim.lock(parent, mode));

    let mut staging = Staging::default();
    let draft = Draft::new(
        format!("A new table, `{name}`."),
        sql,
        parents_locked(Claim::none(), on_create),
        Fact::Table(name.to_owned()),
    )
    .undo(format!("DROP TABLE {}", context.ident(name)), parents_locked(Claim::none().lock(name, on_drop), on_drop));
    staging.push(Stage::Expand, draft.step());

    // MySQL has the indexes in its CREATE TABLE
    if context.dialect == Dialect::Postgres {
        for (index_name, index) in table.indexes.iter().filter(|(_, it)| it.is_for(context.dialect)) {
            let draft = Draft::new(
                "",
                postgres::ddl::create_index(name, index_name, index, false),
                Claim::none().lock(name, LockMode::Share).blocking(Extent::No, Extent::Brief),
                Fact::Index(name.to_owned(), index_name.clone()),
            )
            .undo_nothing("it goes with its table");
            staging.push(Stage::Expand, draft.step());
        }
    }
    staging
}
