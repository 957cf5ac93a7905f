//! A new check. In validate, when the rows of before comply.
//!
//! PostgreSQL takes it unproven, and proves it while reads and writes go on. MySQL has no such
//! way: a check that is enforced copies the table, and writers wait for the whole copy.

use super::{Context, Draft, Refusal, Staging};
use crate::dialect::{Dialect, mysql};
use crate::migration::{Algorithm, Assertion, Claim, Extent, Fact, LockClause, LockMode, Stage, Step};

pub(super) fn stage(context: &Context<'_>, table: &str, name: &str) -> Result<Staging, Refusal> {
    let mut staging = Staging::default();
    // a check may be meant for one server alone
    let Some(condition) = context.table(table).checks[name].sql.of(context.dialect) else { return Ok(staging) };
    match context.dialect {
        Dialect::Postgres => postgres(context, table, name, condition, &mut staging),
        Dialect::MySql => {
            staging.push(Stage::Validate, Step::Assertion(small_enough(context, table)));
            staging.push(Stage::Validate, mysql_add(context, Stage::Validate, table, name, condition).step());
            staging.warnings.push(format!(
                "MySQL: check `{name}` copies table `{table}`, and writers wait for the whole copy; there is no other way \
                 to an enforced check. It is refused where there are more than {} rows (`--copy-rows`)"
                , context.copy_rows()
            ));
        }
    }
    Ok(staging)
}

/// Writers wait for a copy, so it needs the author's word beyond a size.
pub(super) fn small_enough(context: &Context<'_>, table: &str) -> Assertion {
    let limit = context.copy_rows();
    Assertion {
        message: format!(
            "table `{table}` has more than {limit} rows, and writers would wait while all of them are read; if that is meant, \
             make the migration anew with `cargo xtask generate --rebase ID --copy-rows N`. Rows counted"
        ),
        sql: format!(
            "SELECT COUNT(*) FROM (SELECT 1 FROM {} LIMIT {}) AS counted HAVING COUNT(*) > {limit}",
            context.ident(table),
            limit + 1
        ),
        on_way_back: false,
        line: 0,
    }
}

pub(super) fn postgres(context: &Context<'_>, table: &str, name: &str, condition: &str, staging: &mut Staging) {
    let brief = || Claim::none().lock(table, LockMode::AccessExclusive);
    let [add, validate] = postgres_sql(context, table, name, condition);
    let drop = format!("ALTER TABLE {} DROP CONSTRAINT {}", context.ident(table), context.ident(name));
    let draft = Draft::new("Binds new writes only.", add, brief(), Fact::Constraint(table.to_owned(), name.to_owned()))
        .undo(drop, brief());
    staging.push(Stage::Validate, draft.step());
    let draft = Draft::new(
        "Reads the whole table; reads and writes go on.",
        validate,
        Claim::none().lock(table, LockMode::ShareUpdateExclusive).scan(table),
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
        mysql_claim(context, stage, table),
        Fact::Constraint(table.to_owned(), name.to_owned()),
    )
    .undo(drop, context.mysql_alter(stage, table, Algorithm::Instant))
}

pub(super) fn mysql_claim(context: &Context<'_>, stage: Stage, table: &str) -> Claim {
    context
        .mysql_alter(stage, table, Algorithm::Copy)
        .how(Algorithm::Copy, LockClause::Shared)
        .rewrite(table)
        .scan(table)
        .blocking(Extent::Brief, Extent::Rows)
}

/// ADD and DROP.
pub(super) fn mysql_sql(context: &Context<'_>, table: &str, name: &str, condition: &str) -> [String; 2] {
    let name = context.ident(name);
    [
        mysql::ddl::alter(table, &format!("ADD CONSTRAINT {name} CHECK ({condition})"), "ALGORITHM=COPY, LOCK=SHARED"),
        mysql::ddl::alter(table, &format!("DROP CHECK {name}"), "ALGORITHM=INSTANT"),
    ]
}
