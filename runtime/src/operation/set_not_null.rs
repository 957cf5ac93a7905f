//! A column takes no NULL any more.
//!
//! Old code may still write NULL, so triggers turn it into a value first; then the rows of
//! before are filled, and then the server is told. PostgreSQL is given a check that it proves
//! without holding up writers, and takes SET NOT NULL on the strength of it without a scan
//! (manual, "ALTER TABLE", SET NOT NULL); from 18 on NOT NULL itself can be added unproven. MySQL rebuilds the table, while reads and writes go on.

use super::fill::{Fill, backfill};
use super::formula::Formula;
use super::modify::{self, Standing};
use super::{Context, Draft, Refusal, Staging, Sync, partitions};
use crate::dialect::postgres::ddl::object_name;
use crate::dialect::{Dialect, mysql};
use crate::migration::{Algorithm, Claim, Extent, Fact, LockMode, PARTITION, ServerVersion, Servers, Stage};
use crate::schema::{Column, Table};

pub(super) fn stage(context: &Context<'_>, table_name: &str, column_name: &str) -> Result<Staging, Refusal> {
    let table = context.table(table_name);
    let Some(column) = table.column(column_name) else { return Ok(Staging::default()) };
    let cuts = table.partitioned.as_ref().is_some_and(|it| it.columns.iter().any(|it| it == column_name));
    if cuts && context.dialect == Dialect::Postgres {
        return Err((
            format!(
                "column `{table_name}.{column_name}` takes no NULL any more, and decides the partition of a row, which no trigger may \
                 change"
            ),
            "keep the field an `Option`, or fill the rows and change it in a migration written by hand".to_owned(),
        ));
    }
    modify::in_place(context, Standing::Staying, [table_name, column_name], "takes no NULL any more")?;
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
    let others = context.columns_until_contract(table).filter(|it| *it != column_name);
    let formula = Formula::over(context.dialect, table_name, expression, others);
    if let Some(refused) = formula.refused(table, column_name) {
        return Err(refused);
    }
    let sync = Sync {
        table: table_name,
        column: column_name,
        collated: Sync::collated(context, table_name, column_name, &formula),
        formula,
        // the column has values of its own
        follow: false,
        left_out: format!("NEW.{name} IS NULL"),
    };
    let mut staging = Staging::default();
    let triggers = sync.triggers(context.dialect);
    triggers.install(context, &mut staging);
    let fill = Fill {
        columns: vec![(column_name, expression)],
        unfilled: format!("{name} IS NULL"),
        lasts: true,
        filled_by_updates: true,
    };
    staging.push(Stage::Backfill, backfill(context, table, &fill)?);
    match context.dialect {
        Dialect::Postgres => prove_not_null(context, table_name, column_name, true, &mut staging),
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

/// The version from which on PostgreSQL keeps NOT NULL as a constraint, which can be added unproven.
const NATIVE: ServerVersion = ServerVersion([18, 0, 0]);

fn has_constraint(table: &Table, name: &str) -> bool {
    table.checks.contains_key(name) || table.foreign_keys.contains_key(name) || table.indexes.contains_key(name)
}

/// PostgreSQL: a check that is not proven yet, its proof, NOT NULL, and the check goes. From 18 on, where the column
/// keeps its name (`keeps`), NOT NULL itself: it has the name that the server would give it, which the column
/// of before has already where another one takes its place.
pub(super) fn prove_not_null(context: &Context<'_>, table: &str, column: &str, keeps: bool, staging: &mut Staging) {
    // the name that PostgreSQL 18 itself gives a NOT NULL
    let native = object_name(table, Some(column), "not_null");
    let tables = [context.source.tables.get(table), context.target.tables.get(table)];
    let keeps = keeps && !tables.into_iter().flatten().any(|it| has_constraint(it, &native));
    let older = if keeps { Servers::below(NATIVE) } else { Servers::default() };
    let check = check_name(table, column);
    let fact = |make: fn(String, String) -> Fact, name: &str| make(table.to_owned(), name.to_owned());
    let [table_sql, column_sql, check_sql] = [table, column, check.as_str()].map(|it| context.ident(it));
    let alter = |what: String| format!("ALTER TABLE {table_sql} {what}");
    let brief = || Claim::none().lock(table, LockMode::AccessExclusive);
    let reading = || partitions::scans(context, table, Claim::none().lock(table, LockMode::ShareUpdateExclusive));

    if keeps {
        let done = Fact::NotNull(PARTITION.to_owned(), column.to_owned());
        let each = partitions::proof_until(context, table, &native, done);
        let native = context.ident(&native);
        let draft = Draft::new(
            "Binds new writes only; the triggers see to it that they comply.",
            alter(format!("ADD CONSTRAINT {native} NOT NULL {column_sql} NOT VALID")),
            brief(),
            fact(Fact::Nullable, column).negated(),
        )
        .undo(alter(format!("ALTER COLUMN {column_sql} DROP NOT NULL")), brief());
        staging.push(Stage::Validate, draft.on(Servers::from(NATIVE)).step());
        staging.steps.extend(each.map(|it| (Stage::Validate, it.on(Servers::from(NATIVE)).step())));

        let draft = Draft::new(
            "Reads the whole table; reads and writes go on.",
            alter(format!("VALIDATE CONSTRAINT {native}")),
            reading(),
            fact(Fact::NotNull, column),
        )
        .undo_nothing("a proof does no harm");
        staging.push(Stage::Validate, draft.on(Servers::from(NATIVE)).step());
    }

    let draft = Draft::new(
        "Binds new writes only; the triggers see to it that they comply.",
        alter(format!("ADD CONSTRAINT {check_sql} CHECK ({column_sql} IS NOT NULL) NOT VALID")),
        brief(),
        fact(Fact::Constraint, &check),
    )
    .undo(alter(format!("DROP CONSTRAINT IF EXISTS {check_sql}")), brief());
    staging.push(Stage::Validate, draft.on(older).step());
    let each = partitions::proof(context, table, &check);
    staging.steps.extend(each.map(|it| (Stage::Validate, it.on(older).step())));

    let draft = Draft::new(
        "Reads the whole table; reads and writes go on.",
        alter(format!("VALIDATE CONSTRAINT {check_sql}")),
        reading(),
        fact(Fact::Validated, &check),
    )
    .undo_nothing("a proof does no harm");
    staging.push(Stage::Validate, draft.on(older).step());

    let draft = Draft::new(
        "The check proves it: no scan.",
        alter(format!("ALTER COLUMN {column_sql} SET NOT NULL")),
        brief(),
        fact(Fact::Nullable, column).negated(),
    )
    .undo(alter(format!("ALTER COLUMN {column_sql} DROP NOT NULL")), brief());
    staging.push(Stage::Validate, draft.on(older).step());

    let draft = Draft::new(
        "",
        alter(format!("DROP CONSTRAINT {check_sql}")),
        brief(),
        fact(Fact::Constraint, &check).negated(),
    )
    .undo_nothing("NOT NULL goes by itself");
    staging.push(Stage::Validate, draft.on(older).step());
}

/// The statements that put NOT NULL back, as the way back from having dropped it.
pub(super) fn undo_by_proof(context: &Context<'_>, draft: Draft, table: &str, column: &str) -> Draft {
    let check = check_name(table, column);
    let fact = |make: fn(String, String) -> Fact, name: &str| make(table.to_owned(), name.to_owned());
    let [table_sql, column_sql, check_sql] = [table, column, check.as_str()].map(|it| context.ident(it));
    let alter = |what: String| format!("ALTER TABLE {table_sql} {what}");
    let brief = || Claim::none().lock(table, LockMode::AccessExclusive);
    let draft = draft.undo_until(
        alter(format!("ADD CONSTRAINT {check_sql} CHECK ({column_sql} IS NOT NULL) NOT VALID")),
        brief(),
        fact(Fact::Constraint, &check),
        true,
    );
    partitions::undo_by_proof(context, draft, table, &check)
        .undo_until(
            alter(format!("VALIDATE CONSTRAINT {check_sql}")),
            partitions::scans(context, table, Claim::none().lock(table, LockMode::ShareUpdateExclusive)),
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
