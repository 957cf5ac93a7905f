//! A table's primary key has other columns.
//!
//! The new key's index is built while reads and writes go on, and then takes the old one's place in a
//! moment. The old key's columns stay unique until contract, by an index of their own: old code may need it for its
//! upserts. MySQL keeps its rows in the order of the key, so there the table is rebuilt, while reads and writes go on.

use super::{Context, Draft, Refusal, Staging, add_index, copy, drop_index, until_contract};
use crate::dialect::postgres::ddl::object_name;
use crate::dialect::{Dialect, mysql};
use crate::migration::{Algorithm, Claim, Extent, Fact, LockMode, Stage};
use crate::schema::{Index, Table, limited};

pub(super) fn stage(context: &Context<'_>, table: &str) -> Result<Staging, Refusal> {
    let (before, after) = (&context.source.tables[table], context.table(table));
    // a column of the key that goes or is renamed is refused as such
    if before.primary_key.iter().any(|it| after.column(it).is_none()) {
        return Ok(Staging::default());
    }
    refuse(context, before, after)?;
    let mut staging = Staging::default();
    let old = limited(&format!("pontoon_{table}_pkey_old"));
    let old_index = Index::plain(before.primary_key.clone(), true);
    let had_key = !before.primary_key.is_empty();
    if had_key {
        let draft = add_index::draft(context, Some(before), table, &old, &old_index);
        let draft = match context.dialect {
            // the way back makes it the key again
            Dialect::Postgres => undo_if_there(context, draft, table, &old),
            Dialect::MySql => draft,
        };
        staging.push(Stage::Validate, draft.step());
        staging
            .warnings
            .push(format!("until contract, the old key ({}) of `{table}` stays unique", old_index.columns.join(", ")));
    }
    match context.dialect {
        Dialect::Postgres => postgres(context, before, after, &old, &mut staging),
        Dialect::MySql => mysql(context, before, after, &mut staging),
    }
    if had_key {
        staging.push(Stage::Contract, drop_index::draft(context, table, &old, &old_index).last());
    }
    Ok(staging)
}

fn refuse(context: &Context<'_>, before: &Table, after: &Table) -> Result<(), Refusal> {
    let table = &after.name;
    let changes = format!(
        "the primary key of `{table}` changes from ({}) to ({})",
        before.primary_key.join(", "),
        after.primary_key.join(", ")
    );
    if after.primary_key.is_empty() {
        return Err((changes, "keep a key: without one, no row can be told from another".into()));
    }
    // what is made by the same migration may be filled and swapped after it is asked for
    let same = |name: &&String| match (before.column(name), after.column(name)) {
        (Some(before), Some(after)) => before.ty == after.ty,
        // it is numbered before the key is asked for
        (None, Some(after)) => after.identity,
        _ => false,
    };
    if let Some(column) = after.primary_key.iter().find(|it| !same(it)) {
        return Err((
            format!("{changes}, and `{column}` is new or changes its type"),
            "add or change the column in this migration, and the key in the next".into(),
        ));
    }
    for (name, key) in context.source.tables.values().flat_map(|it| &it.foreign_keys) {
        if key.references == *table && key.referenced_columns.iter().all(|it| before.primary_key.contains(it)) {
            return Err((
                format!("{changes}, and foreign key `{name}` refers to it"),
                format!("take `references` away first, or let it refer to a `unique` column of `{table}`"),
            ));
        }
    }
    let numbered = after.columns.iter().find(|it| it.identity && after.primary_key.first() != Some(&it.name));
    if let Some(column) = numbered.filter(|_| context.dialect == Dialect::MySql) {
        return Err((
            format!("{changes}, and `{}` is numbered and not its first column", column.name),
            "MySQL numbers the first column of a key: put its field before the others of the key".into(),
        ));
    }
    Ok(())
}

fn undo_if_there(context: &Context<'_>, draft: Draft, table: &str, name: &str) -> Draft {
    let claim = Claim::none().lock(table, LockMode::ShareUpdateExclusive);
    draft.undo_otherwise().undo_alone(format!("DROP INDEX CONCURRENTLY IF EXISTS {}", context.ident(name)), claim)
}

fn postgres(context: &Context<'_>, before: &Table, after: &Table, old: &str, staging: &mut Staging) {
    let table = &after.name;
    let key_name = object_name(table, None, "pkey");
    let new = until_contract(&key_name);
    let index = Index::plain(after.primary_key.clone(), true);
    let draft = add_index::draft(context, Some(before), table, &new, &index);
    staging.push(Stage::Validate, undo_if_there(context, draft, table, &new).step());
    let [table_sql, key, old_sql, new_sql] = [table, &key_name, old, &new].map(|it| context.ident(it));
    let add = |index: &str| format!("ADD CONSTRAINT {key} PRIMARY KEY USING INDEX {index}");
    let (there, back) = if before.primary_key.is_empty() {
        (add(&new_sql), format!("DROP CONSTRAINT {key}"))
    } else {
        let instead = |index: &str| format!("DROP CONSTRAINT {key}, {}", add(index));
        (instead(&new_sql), instead(&old_sql))
    };
    let brief = || Claim::none().lock(table, LockMode::AccessExclusive);
    let fact = Fact::Index(table.clone(), new);
    let draft = Draft::new(
        "The index is there, and becomes the key's.",
        format!("ALTER TABLE {table_sql} {there}"),
        brief(),
        fact.negated(),
    );
    let done = if before.primary_key.is_empty() {
        Fact::Constraint(table.clone(), key_name).negated()
    } else {
        Fact::Index(table.clone(), old.to_owned()).negated()
    };
    staging
        .push(Stage::Validate, draft.undo_until(format!("ALTER TABLE {table_sql} {back}"), brief(), done, true).step());
}

/// The dictionary names the key's columns.
fn has_key(context: &Context<'_>, table: &Table) -> Fact {
    let literal = |text: &str| context.dialect.literal(text);
    Fact::Query(format!(
        "SELECT 1 FROM information_schema.STATISTICS WHERE TABLE_SCHEMA = DATABASE() AND TABLE_NAME = {} AND INDEX_NAME = 'PRIMARY' \
         HAVING GROUP_CONCAT(COLUMN_NAME ORDER BY SEQ_IN_INDEX) = {}",
        literal(&table.name),
        literal(&table.primary_key.join(","))
    ))
}

fn mysql(context: &Context<'_>, before: &Table, after: &Table, staging: &mut Staging) {
    let table = &after.name;
    let add = |columns: &[String]| format!("ADD PRIMARY KEY ({})", context.dialect.idents(columns));
    let sql = |what: &str| mysql::ddl::alter(table, what, "ALGORITHM=INPLACE, LOCK=NONE");
    let claim = || {
        let claim = context.mysql_alter(Stage::Validate, table, Algorithm::Inplace);
        claim.rewrite(table).scan(table).blocking(Extent::Brief, Extent::Brief)
    };
    let comment = "The rows are kept in the order of the key: the table is rebuilt, while reads and writes go on.";
    let fact = has_key(context, after);
    let draft = if before.primary_key.is_empty() {
        // without another one in its place a key goes only by a copy
        let back = copy::mysql_sql(table, "DROP PRIMARY KEY");
        Draft::new(comment, sql(&add(&after.primary_key)), claim(), fact)
            .undo(back, copy::mysql_claim(context, Stage::Validate, table))
    } else {
        let instead = |columns: &[String]| sql(&format!("DROP PRIMARY KEY, {}", add(columns)));
        Draft::new(comment, instead(&after.primary_key), claim(), fact).undo(instead(&before.primary_key), claim())
    };
    staging.push(Stage::Validate, draft.step());
    staging
        .warnings
        .push(format!("MySQL: another key of `{table}` rebuilds the table (reads and writes go on; twice the disk)"));
}
