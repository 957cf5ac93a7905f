//! A new index, built while reads and writes go on. In validate, so that a column is filled
//! before it is indexed: an index that is there costs every batch of a backfill. Before a unique one, rows that it would
//! refuse are looked for.
//!
//! MySQL builds three kinds only while writers wait: full-text and spatial indexes, and those of an
//! expression, which are over a hidden column of their own. They are built up to a number of rows.

use super::partitions::is_partitioned;
use super::{Context, Draft, Refusal, Staging, copy, drop_index, search, until_contract};
use crate::dialect::{Dialect, mysql, postgres};
use crate::migration::{Algorithm, Assertion, Claim, Each, Extent, Fact, LockClause, LockMode, PARTITION, Stage, Step};
use crate::schema::{Index, Table};

pub(super) fn stage(context: &Context<'_>, table: &str, name: &str, replaces: bool) -> Result<Staging, Refusal> {
    let mut staging = Staging::default();
    let index = &context.table(table).indexes[name];
    let before = context.source.tables.get(table).and_then(|it| it.indexes.get(name)).filter(|_| replaces);
    // an index may be meant for one server alone, or have changed for one alone
    if !index.is_for(context.dialect) || before.is_some_and(|it| same(context.dialect, it, index)) {
        return Ok(staging);
    }
    let name = if before.is_some_and(|it| it.is_for(context.dialect)) { until_contract(name) } else { name.to_owned() };
    build(context, context.source.tables.get(table), table, &name, index, &mut staging)?;
    Ok(staging)
}

/// Whether the two are one to this server.
pub(super) fn same(dialect: Dialect, one: &Index, other: &Index) -> bool {
    let spelled = |index: &Index| {
        index.is_for(dialect).then(|| match dialect {
            Dialect::Postgres => postgres::ddl::create_index("", "", index, true),
            Dialect::MySql => mysql::ddl::index("", index),
        })
    };
    spelled(one) == spelled(other)
}

/// The index of a table that was there before, in validate.
pub(super) fn build(
    context: &Context<'_>,
    before: Option<&Table>,
    table: &str,
    name: &str,
    index: &Index,
    staging: &mut Staging,
) -> Result<(), Refusal> {
    if let Some(kind) = waited_for(context.dialect, index) {
        let advice = advice(index);
        let effect = format!("writers wait while index `{name}` of `{table}` is built, since it is {kind}{advice}");
        copy::allowed(context, Stage::Validate, table, &effect, staging)?;
    }
    if index.unique {
        staging.steps.extend(search::duplicates(context, table, name, index).map(|it| (Stage::Validate, it)));
    }
    if is_partitioned(context, table) {
        partition_by_partition(context, table, name, index, staging);
    } else {
        staging.push(Stage::Validate, draft(context, before, table, name, index).step());
    }
    Ok(())
}

/// PostgreSQL builds no index of a partitioned table concurrently. So the table's own comes first, empty and not valid,
/// and from then on every new partition brings its part; those that are there get theirs one by one, and with the
/// last that is attached the table's is valid.
fn partition_by_partition(context: &Context<'_>, table: &str, name: &str, index: &Index, staging: &mut Staging) {
    let part = format!("{PARTITION}_{name}");
    let [ident, part_ident] = [name, &part].map(|it| context.ident(it));
    let each = || Each::partition_of(table);
    let any = Fact::AnyIndex(table.to_owned(), name.to_owned());
    let is_part = Fact::PartOf(PARTITION.to_owned(), name.to_owned());
    let drop = format!("DROP INDEX {ident}");
    let drop_claim = || Claim::none().lock(table, LockMode::AccessExclusive);
    let draft = Draft::new(
        "The table's own, which holds nothing and is not valid yet; new partitions bring their part of it.",
        postgres::ddl::create_index_on_only(table, name, index),
        Claim::none().lock(table, LockMode::Share).blocking(Extent::No, Extent::Brief),
        any.clone(),
    )
    .undo(&drop, drop_claim())
    .undo_unless(any.negated());
    staging.push(Stage::Validate, draft.step());

    let claim = || Claim::none().lock(PARTITION, LockMode::ShareUpdateExclusive);
    let draft = Draft::new(
        "Reads the whole partition; reads and writes go on.",
        postgres::ddl::create_index(PARTITION, &part, index, true),
        claim().scan(PARTITION),
        Fact::Index(PARTITION.to_owned(), part.clone()),
    )
    .alone()
    .each(each())
    .unless(is_part.clone())
    .undo_alone(format!("DROP INDEX CONCURRENTLY {part_ident}"), claim())
    .undo_each(each());
    staging.push(Stage::Validate, draft.step());

    let draft = Draft::new(
        "",
        format!("ALTER INDEX {ident} ATTACH PARTITION {part_ident}"),
        Claim::none()
            .lock(table, LockMode::AccessShare)
            .lock(PARTITION, LockMode::AccessShare)
            .blocking(Extent::Brief, Extent::Brief),
        is_part,
    )
    .each(each())
    // with the table's index its parts go: they cannot go by themselves
    .undo_until(drop, drop_claim(), any.negated(), true)
    .undo_unless(any.negated());
    staging.push(Stage::Validate, draft.step());

    staging.push(
        Stage::Validate,
        Step::Assertion(Assertion {
            message: format!(
                "index `{name}` of `{table}` is not valid: partitions came or went while it was built (`undo`, and begin again)"
            ),
            sql: format!(
                "SELECT indexrelid::regclass::text FROM pg_index WHERE indexrelid = to_regclass({}) AND NOT indisvalid",
                context.dialect.literal(&ident)
            ),
            on_way_back: false,
            grace: None,
            line: 0,
        }),
    );
}

/// What MySQL locks writers out for.
fn waited_for(dialect: Dialect, index: &Index) -> Option<&'static str> {
    if dialect == Dialect::Postgres {
        return None;
    }
    match index.form.using.of(Dialect::MySql) {
        Some("fulltext") => Some("a full-text index"),
        Some("spatial") => Some("a spatial index"),
        _ if index.has_expressions() => {
            Some("over an expression (a generated column with an index on it is the way round)")
        }
        _ => None,
    }
}

fn advice(index: &Index) -> &'static str {
    if index.is_fulltext() {
        "; and from then on, even when it is gone again, MySQL changes no column of the table online"
    } else {
        ""
    }
}

/// The statement, in validate.
pub(super) fn draft(context: &Context<'_>, before: Option<&Table>, table: &str, name: &str, index: &Index) -> Draft {
    let fact = Fact::Index(table.to_owned(), name.to_owned());
    let comment = "Reads the whole table; reads and writes go on.";
    match context.dialect {
        Dialect::Postgres => {
            let claim = Claim::none().lock(table, LockMode::ShareUpdateExclusive);
            Draft::new(comment, postgres::ddl::create_index(table, name, index, true), claim.clone().scan(table), fact)
                .alone()
                .undo_alone(format!("DROP INDEX CONCURRENTLY {}", context.ident(name)), claim)
        }
        Dialect::MySql => {
            let mut claim = context.mysql_alter(Stage::Validate, table, Algorithm::Inplace).scan(table);
            let (mut how, mut comment) = ("ALGORITHM=INPLACE, LOCK=NONE", comment);
            if waited_for(context.dialect, index).is_some() {
                let copies = drop_index::copies(index);
                let algorithm = if copies { Algorithm::Copy } else { Algorithm::Inplace };
                claim = claim.how(algorithm, LockClause::Shared).blocking(Extent::Brief, Extent::Rows);
                (how, comment) = if copies {
                    ("ALGORITHM=COPY, LOCK=SHARED", "Copies the table; reads go on, writers wait.")
                } else {
                    ("ALGORITHM=INPLACE, LOCK=SHARED", "Reads the whole table; reads go on, writers wait.")
                };
                // the first full-text index gives each row a hidden number
                let first = !before.is_some_and(|it| it.indexes.values().any(Index::is_fulltext));
                if copies || index.is_fulltext() && first {
                    claim = claim.rewrite(table);
                }
            }
            let add = mysql::ddl::alter(table, &format!("ADD {}", mysql::ddl::index(name, index)), how);
            let (drop, drop_claim) = drop_index::mysql(context, Stage::Validate, table, name, index);
            Draft::new(comment, add, claim, fact).undo(drop, drop_claim)
        }
    }
}

/// MySQL adds and takes no column online where a table has a full-text index, or has had one.
pub(super) fn no_fulltext(context: &Context<'_>, table: &str) -> Result<(), Refusal> {
    let Some(before) = context.source.tables.get(table).filter(|_| context.dialect == Dialect::MySql) else {
        return Ok(());
    };
    let first = |table: &Table| table.indexes.iter().find(|(_, it)| it.is_fulltext()).map(|(name, _)| name.clone());
    if let Some(name) = first(before) {
        return Err((
            format!(
                "columns of `{table}` change, and it has full-text index `{name}`, with which MySQL changes none of them online"
            ),
            "keep the columns as they are, or keep texts to be searched in a table of their own".into(),
        ));
    }
    let Some(name) = context.target.tables.get(table).and_then(first) else { return Ok(()) };
    Err((
        format!(
            "columns of `{table}` change, and it gets full-text index `{name}`, after which MySQL changes none of them online: \
             there would be no way back"
        ),
        "change the columns in this migration, and add the index in the next".into(),
    ))
}
