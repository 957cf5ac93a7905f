//! A column takes no NULL any more.
//!
//! Old code may still write NULL, so triggers turn it into a value first; then the rows of
//! before are filled, and then the server is told. PostgreSQL is given a check that it proves
//! without holding up writers, and takes SET NOT NULL on the strength of it without a scan
//! (manual, "ALTER TABLE", SET NOT NULL). MySQL rebuilds the table, while reads and writes go on.

use super::fill::{Fill, backfill};
use super::formula::Formula;
use super::{Context, Draft, Refusal, Staging, Sync};
use crate::dialect::{Dialect, mysql};
use crate::migration::{Algorithm, Claim, Extent, Fact, LockMode, Stage};
use crate::schema::Column;

pub(super) fn stage(context: &Context<'_>, table_name: &str, column_name: &str) -> Result<Staging, Refusal> {
    let table = context.table(table_name);
    let Some(column) = table.column(column_name) else { return Ok(Staging::default()) };
    let intent = context.intents.backfills.get(&(table_name.to_owned(), column_name.to_owned()));
    let default = column.default.of(context.dialect);
    let expression = intent.and_then(|texts| texts.of(context.dialect)).or(default).ok_or_else(|| {
        (
            format!("column `{table_name}.{column_name}` takes no NULL any more, and rows with NULL need a value"),
            "add #[column(backfill = \"...\")] (an SQL expression over the row) or #[column(default = \"...\")], \
             or keep the field an `Option`"
                .to_owned(),
        )
    })?;
    let name = context.ident(column_name);
    let others = context.columns_before_contract(table).filter(|it| *it != column_name);
    let sync = Sync {
        table: table_name,
        column: column_name,
        formula: Formula::over(context.dialect, table_name, expression, others),
        // the column has values of its own
        follow: false,
        left_out: format!("NEW.{name} IS NULL"),
    };
    let mut staging = Staging::default();
    let triggers = sync.triggers(context.dialect);
    triggers.install(context, &mut staging);
    let fill = Fill {
        column: column_name,
        expression,
        unfilled: format!("{name} IS NULL"),
        lasts: true,
        filled_by_updates: true,
    };
    staging.push(Stage::Backfill, backfill(context, table, &fill)?);
    match context.dialect {
        Dialect::Postgres => prove_not_null(context, table_name, column_name, &mut staging),
        Dialect::MySql => {
            // a default that contract takes away must outlive the rebuild
            let before = context.source.tables[table_name].column(column_name);
            let kept = default.or(before.and_then(|it| it.default.of(context.dialect)));
            let draft = mysql_modify(context, table_name, column, Stage::Validate, false, kept);
            staging.push(Stage::Validate, draft.step());
            staging.warnings.push(format!(
                "MySQL: NOT NULL on `{table_name}.{column_name}` rebuilds the table (reads and writes go on; twice the disk)"
            ));
        }
    }
    triggers.remove(context, &mut staging);
    Ok(staging)
}

/// The check's name while NOT NULL is being proven.
fn check_name(table: &str, column: &str) -> String {
    crate::schema::limited(&format!("pontoon_{table}_{column}_not_null"))
}

/// PostgreSQL: a check that is not proven yet, its proof, NOT NULL, and the check goes.
pub(super) fn prove_not_null(context: &Context<'_>, table: &str, column: &str, staging: &mut Staging) {
    let check = check_name(table, column);
    let fact = |make: fn(String, String) -> Fact, name: &str| make(table.to_owned(), name.to_owned());
    let [table_sql, column_sql, check_sql] = [table, column, check.as_str()].map(|it| context.ident(it));
    let alter = |what: String| format!("ALTER TABLE {table_sql} {what}");
    let brief = || Claim::none().lock(table, LockMode::AccessExclusive);

    let draft = Draft::new(
        "Binds new writes only; the triggers see to it that they comply.",
        alter(format!("ADD CONSTRAINT {check_sql} CHECK ({column_sql} IS NOT NULL) NOT VALID")),
        brief(),
        fact(Fact::Constraint, &check),
    )
    .undo(alter(format!("DROP CONSTRAINT IF EXISTS {check_sql}")), brief());
    staging.push(Stage::Validate, draft.step());

    let draft = Draft::new(
        "Reads the whole table; reads and writes go on.",
        alter(format!("VALIDATE CONSTRAINT {check_sql}")),
        Claim::none().lock(table, LockMode::ShareUpdateExclusive).scan(table),
        fact(Fact::Validated, &check),
    )
    .undo_nothing("a proof does no harm");
    staging.push(Stage::Validate, draft.step());

    let draft = Draft::new(
        "The check proves it: no scan.",
        alter(format!("ALTER COLUMN {column_sql} SET NOT NULL")),
        brief(),
        fact(Fact::Nullable, column).negated(),
    )
    .undo(alter(format!("ALTER COLUMN {column_sql} DROP NOT NULL")), brief());
    staging.push(Stage::Validate, draft.step());

    let draft = Draft::new(
        "",
        alter(format!("DROP CONSTRAINT {check_sql}")),
        brief(),
        fact(Fact::Constraint, &check).negated(),
    )
    .undo_nothing("NOT NULL goes by itself");
    staging.push(Stage::Validate, draft.step());
}

/// The statements that put NOT NULL back, as the way back from having dropped it.
pub(super) fn undo_by_proof(context: &Context<'_>, draft: Draft, table: &str, column: &str) -> Draft {
    let check = check_name(table, column);
    let fact = |make: fn(String, String) -> Fact, name: &str| make(table.to_owned(), name.to_owned());
    let [table_sql, column_sql, check_sql] = [table, column, check.as_str()].map(|it| context.ident(it));
    let alter = |what: String| format!("ALTER TABLE {table_sql} {what}");
    let brief = || Claim::none().lock(table, LockMode::AccessExclusive);
    draft
        .undo_until(
            alter(format!("ADD CONSTRAINT {check_sql} CHECK ({column_sql} IS NOT NULL) NOT VALID")),
            brief(),
            fact(Fact::Constraint, &check),
            true,
        )
        .undo_until(
            alter(format!("VALIDATE CONSTRAINT {check_sql}")),
            Claim::none().lock(table, LockMode::ShareUpdateExclusive).scan(table),
            fact(Fact::Validated, &check),
            true,
        )
        .undo_until(
            alter(format!("ALTER COLUMN {column_sql} SET NOT NULL")),
            brief(),
            fact(Fact::Nullable, column).negated(),
            true,
        )
        .undo_until(
            alter(format!("DROP CONSTRAINT {check_sql}")),
            brief(),
            fact(Fact::Constraint, &check).negated(),
            true,
        )
}

/// MySQL: the whole definition again, with or without NOT NULL. Rebuilds the table in place.
pub(super) fn mysql_modify(
    context: &Context<'_>,
    table: &str,
    column: &Column,
    stage: Stage,
    nullable: bool,
    default: Option<&str>,
) -> Draft {
    let sql = |nullable| {
        let definition = mysql::ddl::column(column, nullable, default);
        mysql::ddl::alter(table, &format!("MODIFY COLUMN {definition}"), "ALGORITHM=INPLACE, LOCK=NONE")
    };
    let claim = context
        .mysql_alter(stage, table, Algorithm::Inplace)
        .rewrite(table)
        .scan(table)
        .blocking(Extent::Brief, Extent::Brief);
    let fact = Fact::Nullable(table.to_owned(), column.name.clone());
    Draft::new(
        "MySQL has no shorter way: the table is rebuilt in place, while reads and writes go on.",
        sql(nullable),
        claim.clone(),
        if nullable { fact } else { fact.negated() },
    )
    .undo(sql(!nullable), claim)
}
