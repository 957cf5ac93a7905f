//! A new foreign key. In validate, when the rows of before have their values.
//!
//! PostgreSQL takes it unproven, and proves it while reads and writes go on. MySQL takes it
//! in place only with `foreign_key_checks` off, and then proves nothing: a query of ours looks
//! for rows that refer to nobody, and new ones are refused from the statement on.

use super::partitions::is_partitioned;
use super::{Context, Draft, Staging, search, until_contract};
use crate::dialect::{Dialect, mysql};
use crate::migration::{Algorithm, Assertion, Claim, Each, Fact, LockMode, PARTITION, Stage, Step};
use crate::schema::ForeignKey;

pub(super) fn stage(context: &Context<'_>, table: &str, name: &str, replaces: bool) -> Staging {
    let mut staging = Staging::default();
    let key = &context.table(table).foreign_keys[name];
    let first_name = if replaces { until_contract(name) } else { name.to_owned() };
    match context.dialect {
        Dialect::Postgres => postgres(context, table, &first_name, key, &mut staging),
        Dialect::MySql => mysql(context, table, &first_name, key, &mut staging),
    }
    if replaces {
        staging.push(Stage::Contract, take_name(context, table, name, key).last());
    }
    staging
}

/// The key gets the name that another one had. MySQL renames no foreign key; to add it again
/// without looking at the rows is a change of the dictionary.
fn take_name(context: &Context<'_>, table: &str, name: &str, key: &ForeignKey) -> Draft {
    let [from, to] = [&until_contract(name), name].map(|it| context.ident(it));
    let fact = Fact::Constraint(table.to_owned(), name.to_owned());
    match context.dialect {
        Dialect::Postgres => {
            let sql = format!("ALTER TABLE {} RENAME CONSTRAINT {from} TO {to}", context.ident(table));
            Draft::new("", sql, Claim::none().lock(table, LockMode::AccessExclusive), fact)
        }
        Dialect::MySql => {
            let what = format!("DROP FOREIGN KEY {from}, ADD {}", foreign_key_sql(context.dialect, name, key));
            let claim = context
                .mysql_alter(Stage::Contract, table, Algorithm::Inplace)
                .lock(&key.references, LockMode::MdlExclusive);
            let comment = "The same key under its name; the rows are known to comply.";
            Draft::new(comment, mysql::ddl::alter(table, &what, "ALGORITHM=INPLACE, LOCK=NONE"), claim, fact)
                .set("foreign_key_checks", "0")
        }
    }
}

fn postgres(context: &Context<'_>, table: &str, name: &str, key: &ForeignKey, staging: &mut Staging) {
    let parent = &key.references;
    let both = |mode| Claim::none().lock(table, mode).lock(parent, mode);
    let alter = |what: String| format!("ALTER TABLE {} {what}", context.ident(table));
    let ident = context.ident(name);
    if !context.source.tables.contains_key(table) {
        let draft = Draft::new(
            "The table is new: there is nothing to prove.",
            alter(format!("ADD {}", foreign_key_sql(context.dialect, name, key))),
            both(LockMode::ShareRowExclusive),
            Fact::Validated(table.to_owned(), name.to_owned()),
        );
        let draft = draft.undo(alter(format!("DROP CONSTRAINT {ident}")), both(LockMode::AccessExclusive));
        staging.push(Stage::Validate, draft.step());
        return;
    }
    if is_partitioned(context, table) {
        return partition_by_partition(context, table, name, key, staging);
    }
    let draft = Draft::new(
        "Binds new writes only.",
        alter(format!("ADD {} NOT VALID", foreign_key_sql(context.dialect, name, key))),
        both(LockMode::ShareRowExclusive),
        Fact::Constraint(table.to_owned(), name.to_owned()),
    )
    .undo(alter(format!("DROP CONSTRAINT {ident}")), both(LockMode::AccessExclusive));
    staging.push(Stage::Validate, draft.step());
    staging.push(Stage::Validate, postgres_validate(context, table, name, key).step());
}

/// Before PostgreSQL 18 no partitioned table takes one unproven. So each partition gets its own, which is proven by itself; then
/// the table's takes these over, and finds nothing to prove. That drops triggers of the other table, which is closed for
/// a moment.
fn partition_by_partition(context: &Context<'_>, table: &str, name: &str, key: &ForeignKey, staging: &mut Staging) {
    let parent = &key.references;
    let each = || Each::partition_of(table);
    let both = |table: &str, mode| Claim::none().lock(table, mode).lock(parent, mode);
    let [ident, table_sql, part_sql] = [name, table, PARTITION].map(|it| context.ident(it));
    let fact = |make: fn(String, String) -> Fact, table: &str| make(table.to_owned(), name.to_owned());
    let key_sql = foreign_key_sql(context.dialect, name, key);
    let draft = Draft::new(
        "Binds new writes only.",
        format!("ALTER TABLE {part_sql} ADD {key_sql} NOT VALID"),
        both(PARTITION, LockMode::ShareRowExclusive),
        fact(Fact::Constraint, PARTITION),
    )
    .each(each())
    .undo(format!("ALTER TABLE {part_sql} DROP CONSTRAINT {ident}"), both(PARTITION, LockMode::AccessExclusive))
    .undo_each(each());
    staging.push(Stage::Validate, draft.step());
    let (sql, claim) = postgres_proof(context, PARTITION, name, key);
    let draft = Draft::new("Reads both tables; reads and writes go on.", sql, claim, fact(Fact::Validated, PARTITION));
    staging.push(Stage::Validate, draft.each(each()).undo_nothing("a proof does no harm").step());
    let draft = Draft::new(
        "Those of the partitions are part of it from here on: nothing is left to prove.",
        format!("ALTER TABLE {table_sql} ADD {key_sql}"),
        Claim::none().lock(table, LockMode::ShareRowExclusive).lock(parent, LockMode::AccessExclusive),
        fact(Fact::Validated, table),
    )
    .undo(format!("ALTER TABLE {table_sql} DROP CONSTRAINT {ident}"), both(table, LockMode::AccessExclusive));
    staging.push(Stage::Validate, draft.step());
}

/// The proof, as a step.
pub(super) fn postgres_validate(context: &Context<'_>, table: &str, name: &str, key: &ForeignKey) -> Draft {
    let (sql, claim) = postgres_proof(context, table, name, key);
    let fact = Fact::Validated(table.to_owned(), name.to_owned());
    Draft::new("Reads both tables; reads and writes go on.", sql, claim, fact).undo_nothing("a proof does no harm")
}

/// The proof, and what it locks.
pub(super) fn postgres_proof(context: &Context<'_>, table: &str, name: &str, key: &ForeignKey) -> (String, Claim) {
    // of a table that refers to itself, the stronger of the two
    let claim = Claim::none().lock(&key.references, LockMode::RowShare).lock(table, LockMode::ShareUpdateExclusive);
    let sql = format!("ALTER TABLE {} VALIDATE CONSTRAINT {}", context.ident(table), context.ident(name));
    (sql, claim.scan(table).scan(&key.references))
}

fn mysql(context: &Context<'_>, table: &str, name: &str, key: &ForeignKey, staging: &mut Staging) {
    let how = "ALGORITHM=INPLACE, LOCK=NONE";
    let claim =
        context.mysql_alter(Stage::Validate, table, Algorithm::Inplace).lock(&key.references, LockMode::MdlExclusive);
    let add = mysql::ddl::alter(table, &format!("ADD {}", foreign_key_sql(context.dialect, name, key)), how);
    let drop = mysql::ddl::alter(table, &format!("DROP FOREIGN KEY {}", context.ident(name)), how);
    let draft = Draft::new(
        "Binds new writes; with the checks on, the table would be copied.",
        add,
        claim.clone(),
        Fact::Constraint(table.to_owned(), name.to_owned()),
    )
    .set("foreign_key_checks", "0")
    .undo(drop, claim);
    staging.push(Stage::Validate, draft.step());
    let search = search::orphans(context, table, key);
    staging.push(Stage::Validate, search.unwrap_or_else(|| Step::Assertion(orphans(context, table, key))));
}

/// In one query, for a table without a key.
fn orphans(context: &Context<'_>, table: &str, key: &ForeignKey) -> Assertion {
    let pairs: Vec<_> = key
        .columns
        .iter()
        .zip(&key.referenced_columns)
        .map(|(from, to)| format!("parent.{} = child.{}", context.ident(to), context.ident(from)))
        .collect();
    let given: Vec<_> = key.columns.iter().map(|it| format!("child.{} IS NOT NULL", context.ident(it))).collect();
    let shown: Vec<_> = key.columns.iter().map(|it| format!("child.{}", context.ident(it))).collect();
    Assertion {
        message: format!("rows of `{table}` refer to rows of `{}` that do not exist", key.references),
        sql: format!(
            "SELECT {} FROM {} AS child WHERE {} AND NOT EXISTS (SELECT 1 FROM {} AS parent WHERE {}) LIMIT 5",
            shown.join(", "),
            context.ident(table),
            given.join(" AND "),
            context.ident(&key.references),
            pairs.join(" AND ")
        ),
        on_way_back: false,
        grace: None,
        line: 0,
    }
}

/// `CONSTRAINT ... FOREIGN KEY (...) REFERENCES ... (...)`
pub(crate) fn foreign_key_sql(dialect: Dialect, name: &str, key: &ForeignKey) -> String {
    use crate::def::ReferentialAction as Action;
    let action = |event: &str, action: Action| match action {
        Action::NoAction => String::new(),
        Action::Restrict => format!(" ON {event} RESTRICT"),
        Action::Cascade => format!(" ON {event} CASCADE"),
        Action::SetNull => format!(" ON {event} SET NULL"),
    };
    format!(
        "CONSTRAINT {} FOREIGN KEY ({}) REFERENCES {} ({}){}{}",
        dialect.ident(name),
        dialect.idents(&key.columns),
        dialect.ident(&key.references),
        dialect.idents(&key.referenced_columns),
        action("DELETE", key.on_delete),
        action("UPDATE", key.on_update)
    )
}
