//! What was before the source: tables that have been dropped by then and keep their rows, and checks that came to
//! tables that were there, so that triggers hold them on MySQL.

use std::collections::BTreeMap;

use fastrand::Rng;
use pontoon::Dialect;
use pontoon::diff::settled;
use pontoon::plan::plan;
use pontoon::schema::{Intents, Schema, Table};
use pontoon_xtask::verify::conn::Conn;

/// The migration that leads to the source.
pub(super) const BEFORE: &str = "0001_before";

/// The schema before that, and what was said on the way to the source; if it was another one.
pub(super) fn earlier(source: &Schema) -> Option<(Schema, Intents)> {
    let (mut schema, mut intents) = (Schema::default(), Intents::default());
    schema.tables.clone_from(&source.tables);
    for table in schema.tables.values_mut() {
        let (guarded, others) = std::mem::take(&mut table.checks).into_iter().partition(|(_, it)| it.guarded);
        table.checks = others;
        let guarded: BTreeMap<_, _> = guarded;
        intents.guarded_checks.extend(guarded.into_keys());
    }
    for (name, it) in &source.dropped {
        schema.tables.insert(name.clone(), it.table.clone());
        intents.dropped_tables.insert(name.clone());
    }
    (schema.tables != source.tables).then_some((schema, intents))
}

/// The source with some of its checks held by triggers, and perhaps a table that is gone.
pub(super) fn with_earlier(rng: &mut Rng, mut source: Schema, gone: Option<Table>) -> Schema {
    for check in source.tables.values_mut().flat_map(|it| it.checks.values_mut()) {
        check.guarded = rng.bool();
    }
    let (mut first, mut intents) = earlier(&source).unwrap_or_else(|| (source.clone(), Intents::default()));
    if let Some(table) = gone {
        intents.dropped_tables.insert(table.name.clone());
        first.tables.insert(table.name.clone(), table);
    }
    let source = settled(&first, &source, &intents).keeping(&first, &intents, BEFORE);
    for dialect in Dialect::ALL {
        plan(BEFORE, &first, &source, &intents, dialect).unwrap_or_else(|it| panic!("the way to the source: {it}"));
    }
    source
}

/// The tables that are gone have their names for a moment, or lose them again.
pub(super) async fn rename_gone(conn: &mut Conn, source: &Schema, back: bool) -> Result<(), sqlx::Error> {
    let dialect = conn.dialect();
    for (name, gone) in &source.dropped {
        let [name, away] = [name, &gone.name].map(|it| dialect.ident(it));
        let (from, to) = if back { (away, name) } else { (name, away) };
        conn.execute(format!("ALTER TABLE {from} RENAME TO {to}")).await?;
    }
    Ok(())
}
