//! A new check. In validate, when the rows of before comply.
//!
//! PostgreSQL takes it unproven, and proves it while reads and writes go on. MySQL has no such
//! way: a check that is enforced copies the table, and writers wait for the whole copy. So there triggers hold to it
//! ([`super::guard`]), unless the author lets so many rows be copied.

use super::guard::Guard;
use super::{Context, Draft, Refusal, Staging, copy, partitions};
use crate::dialect::{Dialect, columns_in, mysql};
use crate::migration::{Algorithm, Claim, Fact, LockMode, Stage};

pub(super) fn stage(context: &Context<'_>, table: &str, name: &str) -> Result<Staging, Refusal> {
    let mut staging = Staging::default();
    let check = &context.table(table).checks[name];
    // a check may be meant for one server alone
    let Some(condition) = check.sql.of(context.dialect) else { return Ok(staging) };
    nothing_writes(context, table, name, condition)?;
    match context.dialect {
        Dialect::Postgres => postgres(context, table, name, condition, &mut staging),
        Dialect::MySql if check.guarded => {
            Guard::new(context.table(table), name, condition).install(context, &mut staging);
            staging.warnings.push(guarded(table, name));
        }
        Dialect::MySql => {
            let effect = format!(
                "check `{name}` copies table `{table}`, and writers wait for the whole copy; without `--copy-rows`, or with \
                 `--guard {name}`, triggers hold to it instead"
            );
            copy::allowed(context, Stage::Validate, table, &effect, &mut staging)?;
            staging.push(Stage::Validate, mysql_add(context, Stage::Validate, table, name, condition).step());
        }
    }
    Ok(staging)
}

/// MySQL takes no check, enforced or not, over a column that a foreign key writes; one that goes does so in contract.
fn nothing_writes(context: &Context<'_>, table: &str, name: &str, condition: &str) -> Result<(), Refusal> {
    let before = context.source.tables.get(table).filter(|_| context.dialect == Dialect::MySql);
    let mut keys = before.into_iter().flat_map(|it| &it.foreign_keys).filter(|(_, key)| key.writes_rows());
    let found = keys.find_map(|(key, it)| {
        columns_in(condition, it.columns.iter().map(String::as_str)).first().map(|column| (key, *column))
    });
    found.map_or(Ok(()), |(key, column)| {
        Err((
            format!(
                "check `{name}` is over `{table}.{column}`, which foreign key `{key}` writes until contract, and MySQL takes no \
                 check over a column that a foreign key writes"
            ),
            "let the foreign key go in a migration before this one".to_owned(),
        ))
    })
}

/// What the author should know who has not asked for it.
fn guarded(table: &str, name: &str) -> String {
    format!(
        "MySQL: triggers hold `{table}` to check `{name}`, which stays NOT ENFORCED, since enforcing it copies the table while \
         writers wait (`--copy-rows N`). They give the server's own error (3819), with IGNORE too, and run as the account that \
         runs this migration: while they are there it must be too"
    )
}

pub(super) fn postgres(context: &Context<'_>, table: &str, name: &str, condition: &str, staging: &mut Staging) {
    let brief = || Claim::none().lock(table, LockMode::AccessExclusive);
    let [add, validate] = postgres_sql(context, table, name, condition);
    let drop = format!("ALTER TABLE {} DROP CONSTRAINT {}", context.ident(table), context.ident(name));
    let draft = Draft::new("Binds new writes only.", add, brief(), Fact::Constraint(table.to_owned(), name.to_owned()))
        .undo(drop, brief());
    staging.push(Stage::Validate, draft.step());
    staging.steps.extend(partitions::proof(context, table, name).map(|it| (Stage::Validate, it.step())));
    let draft = Draft::new(
        "Reads the whole table; reads and writes go on.",
        validate,
        partitions::scans(context, table, Claim::none().lock(table, LockMode::ShareUpdateExclusive)),
        Fact::Validated(table.to_owned(), name.to_owned()),
    )
    .undo_nothing("a proof does no harm");
    staging.push(Stage::Validate, draft.step());
}

/// The unproven check, and its proof.
pub(super) fn postgres_sql(context: &Context<'_>, table: &str, name: &str, condition: &str) -> [String; 2] {
    let [table, name] = [table, name].map(|it| context.ident(it));
    [
        format!("ALTER TABLE {table} ADD CONSTRAINT {name} CHECK ({condition}) NOT VALID"),
        format!("ALTER TABLE {table} VALIDATE CONSTRAINT {name}"),
    ]
}

pub(super) fn mysql_add(context: &Context<'_>, stage: Stage, table: &str, name: &str, condition: &str) -> Draft {
    let [add, drop] = mysql_sql(context, table, name, condition);
    Draft::new(
        "MySQL has no other way: the table is copied, reads go on, writers wait for the whole copy.",
        add,
        copy::mysql_claim(context, stage, table),
        Fact::Constraint(table.to_owned(), name.to_owned()),
    )
    .undo(drop, context.mysql_alter(stage, table, Algorithm::Instant))
}

/// ADD and DROP.
pub(super) fn mysql_sql(context: &Context<'_>, table: &str, name: &str, condition: &str) -> [String; 2] {
    let name = context.ident(name);
    [
        copy::mysql_sql(table, &format!("ADD CONSTRAINT {name} CHECK ({condition})")),
        mysql::ddl::alter(table, &format!("DROP CHECK {name}"), "ALGORITHM=INSTANT"),
    ]
}
