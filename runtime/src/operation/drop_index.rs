//! An index goes. In contract, since old code may be slow without it, or (a unique one) need it
//! for its upserts.
//!
//! MySQL makes it invisible first: queries then do without it, and can have it back at once, while building it anew
//! would take hours. Contract begins with that, and can stop there (`contract --hide`) so that one sees how production
//! does without it. Not in validate: old code is then all there is, and a full-text search or an index hint of its
//! does not get slow without the index, it fails.

use super::partitions::is_partitioned;
use super::{Context, Draft, Refusal, Staging, add_index, copy, implicit_key, modify, until_contract};
use crate::dialect::{Dialect, mysql};
use crate::migration::{Algorithm, Claim, Fact, LockMode, Stage};
use crate::schema::Index;

pub(super) fn stage(context: &Context<'_>, table: &str, name: &str, replaced: bool) -> Result<Staging, Refusal> {
    let mut staging = Staging::default();
    let after = context.target.tables.get(table);
    let index = &context.source.tables[table].indexes[name];
    let successor = after.and_then(|it| it.indexes.get(name)).filter(|_| replaced);
    if !index.is_for(context.dialect) || successor.is_some_and(|it| add_index::same(context.dialect, index, it)) {
        return Ok(staging);
    }
    implicit_key::stays(context, &context.source.tables[table], name)?;
    if context.dialect == Dialect::MySql && can_be_hidden(context, table, index) {
        staging.push(Stage::Contract, invisible(context, table, name).step());
    }
    if context.dialect == Dialect::MySql && copies(index) {
        let effect = format!(
            "writers wait while unique index `{name}` of `{table}` goes, since it is over an expression: the table is copied"
        );
        copy::allowed(context, Stage::Contract, table, &effect, &mut staging)?;
    }
    staging.push(Stage::Contract, draft(context, table, name, index).last());
    if let Some(successor) = successor.filter(|it| it.is_for(context.dialect)) {
        modify::takes_name(context, table, name, successor)?;
        staging.push(Stage::Contract, take_name(context, table, &until_contract(name), name).last());
    }
    if index.unique {
        staging.warnings.push(format!("until contract, unique index `{name}` of `{table}` still binds new code"));
    }
    Ok(staging)
}

/// The statement, in contract.
pub(super) fn draft(context: &Context<'_>, table: &str, name: &str, index: &Index) -> Draft {
    let fact = Fact::Index(table.to_owned(), name.to_owned()).negated();
    match context.dialect {
        // with its parts, and no other way
        Dialect::Postgres if is_partitioned(context, table) => {
            let claim = Claim::none().lock(table, LockMode::AccessExclusive);
            Draft::new("", format!("DROP INDEX {}", context.ident(name)), claim, fact)
        }
        Dialect::Postgres => {
            let claim = Claim::none().lock(table, LockMode::ShareUpdateExclusive);
            let sql = format!("DROP INDEX CONCURRENTLY {}", context.ident(name));
            Draft::new("", sql, claim, fact).alone()
        }
        Dialect::MySql => {
            let (sql, claim) = mysql(context, Stage::Contract, table, name, index);
            Draft::new("", sql, claim, fact)
        }
    }
}

/// MySQL's statement.
pub(super) fn mysql(context: &Context<'_>, stage: Stage, table: &str, name: &str, index: &Index) -> (String, Claim) {
    let what = format!("DROP INDEX {}", context.ident(name));
    if copies(index) {
        let sql = copy::mysql_sql(table, &what);
        (sql, copy::mysql_claim(context, stage, table))
    } else {
        let sql = mysql::ddl::alter(table, &what, "ALGORITHM=INPLACE, LOCK=NONE");
        (sql, context.mysql_alter(stage, table, Algorithm::Inplace))
    }
}

/// MySQL neither makes nor takes away the hidden column of an expression together with a unique index.
pub(super) fn copies(index: &Index) -> bool {
    index.unique && index.has_expressions()
}

/// The server's own searches, by foreign keys, go on needing it; and where there is no primary key, a unique index
/// is that key.
fn can_be_hidden(context: &Context<'_>, table: &str, index: &Index) -> bool {
    let before = &context.source.tables[table];
    let refers = before.foreign_keys.values().any(|key| index.finds(&key.columns));
    let keys = context.source.tables.values().flat_map(|it| it.foreign_keys.values());
    let referred = keys.filter(|key| key.references == table).any(|key| index.finds(&key.referenced_columns));
    let is_the_key = index.unique && before.primary_key.is_empty();
    !refers && !referred && !is_the_key
}

fn invisible(context: &Context<'_>, table: &str, name: &str) -> Draft {
    let sql = |word: &str| {
        mysql::ddl::alter(table, &format!("ALTER INDEX {} {word}", context.ident(name)), "ALGORITHM=INPLACE, LOCK=NONE")
    };
    let claim = context.mysql_alter(Stage::Contract, table, Algorithm::Inplace);
    let comment = "Queries do without it from here on, and can have it back at once; `contract --hide` ends here. A unique \
                   one goes on binding writes.";
    let fact = Fact::Hidden(table.to_owned(), name.to_owned());
    Draft::new(comment, sql("INVISIBLE"), claim.clone(), fact).undo(sql("VISIBLE"), claim)
}

/// An index gets another name.
pub(super) fn take_name(context: &Context<'_>, table: &str, from: &str, to: &str) -> Draft {
    let fact = Fact::Index(table.to_owned(), to.to_owned());
    let [from, to] = [from, to].map(|it| context.ident(it));
    match context.dialect {
        Dialect::Postgres => Draft::new("", format!("ALTER INDEX {from} RENAME TO {to}"), Claim::none(), fact),
        Dialect::MySql => {
            let how = "ALGORITHM=INPLACE, LOCK=NONE";
            let sql = mysql::ddl::alter(table, &format!("RENAME INDEX {from} TO {to}"), how);
            Draft::new("", sql, context.mysql_alter(Stage::Contract, table, Algorithm::Inplace), fact)
        }
    }
}
