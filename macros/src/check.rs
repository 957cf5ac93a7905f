//! What clashes within one struct. What takes two structs to see is found by `generate`.

use std::collections::BTreeSet;

use syn::LitStr;

use crate::ast::{Column, Table};
use crate::ctxt::Ctxt;

pub(crate) fn check(ctxt: &Ctxt, table: &Table<'_>) {
    column_names(ctxt, table);
    for column in &table.columns {
        key(ctxt, column);
        numbers(ctxt, column);
        texts(ctxt, column);
        generated(ctxt, column);
        moved(ctxt, column);
    }
    for index in &table.attrs.indexes {
        let columns: Vec<_> = index.columns().chain(&index.include).collect();
        for (at, name) in columns.iter().enumerate() {
            exists(ctxt, table, name, "index");
            if columns[..at].iter().any(|it| it.value() == name.value()) {
                ctxt.error(name, format!("the index names column `{}` twice", name.value()));
            }
        }
    }
    partitions(ctxt, table);
    for name in table.attrs.dropped.iter().map(|it| &it.column) {
        if table.columns.iter().any(|it| it.name() == name.value()) {
            ctxt.error(name, format!("column `{}` is said to be dropped, and is still a field", name.value()));
        }
    }
}

fn partitions(ctxt: &Ctxt, table: &Table<'_>) {
    let Some(by) = &table.attrs.partition_by else {
        for partition in &table.attrs.partitions {
            ctxt.error(&partition.name, "the table is not partitioned: add `partition_by(range(\"...\"))`");
        }
        for name in table.attrs.detached.iter().chain(&table.attrs.unlisted) {
            ctxt.error(name, "the table is not partitioned, so it has no partitions to leave it");
        }
        return;
    };
    for name in table.attrs.detached.iter().chain(&table.attrs.unlisted) {
        if table.attrs.partitions.iter().any(|it| it.name.value() == name.value()) {
            ctxt.error(name, format!("partition `{}` is said to leave the list, and is still in it", name.value()));
        }
    }
    for name in &table.attrs.unlisted {
        if table.attrs.detached.iter().any(|it| it.value() == name.value()) {
            ctxt.error(name, format!("partition `{}` is said to be detached, and to stay where it is", name.value()));
        }
    }
    for name in &by.columns {
        exists(ctxt, table, name, "partition key");
    }
    for partition in table.attrs.partitions.iter().filter(|it| !it.bounds.fits(&by.method)) {
        let wanted = match by.method.to_string().as_str() {
            "range" => "`from` and `to`, or `default`",
            "list" => "`values`, or `default`",
            _ => "`modulus` and `remainder`",
        };
        ctxt.error(&partition.name, format!("a partition by {} says {wanted}", by.method));
    }
}

fn column_names(ctxt: &Ctxt, table: &Table<'_>) {
    let mut seen = BTreeSet::new();
    for column in &table.columns {
        let name = column.name();
        if !seen.insert(name.clone()) {
            let message = format!("a field before this one is column `{name}` already");
            match &column.attrs.name {
                Some(written) => ctxt.error(written, message),
                None => ctxt.error(column.ident, message),
            }
        }
    }
}

fn key(ctxt: &Ctxt, column: &Column<'_>) {
    let attrs = &column.attrs;
    if let Some(identity) = &attrs.identity {
        if attrs.primary_key.is_none() {
            ctxt.error(identity, "`identity` goes with `primary_key`: MySQL numbers nothing but a key");
        }
        if !attrs.default.is_none() {
            ctxt.error(identity, "`identity` is the default already: it clashes with `default`");
        }
        if !attrs.backfill.is_none() {
            ctxt.error(identity, "`identity` numbers the rows: it clashes with `backfill`");
        }
    }
    if let Some(primary_key) = &attrs.primary_key
        && column.looks_nullable()
    {
        ctxt.error(primary_key, "a key is never NULL: `primary_key` clashes with `Option`");
    }
    if let (Some(from), name) = (&attrs.renamed_from, column.name())
        && from.value() == name
    {
        ctxt.error(from, format!("column `{name}` is said to be renamed from itself"));
    }
}

fn numbers(ctxt: &Ctxt, column: &Column<'_>) {
    let attrs = &column.attrs;
    let value = |it: &syn::LitInt| it.base10_parse::<u32>().unwrap_or_default();
    if let Some(length) = &attrs.length
        && value(length) == 0
    {
        ctxt.error(length, "`length` is at least 1");
    }
    match (&attrs.precision, &attrs.scale) {
        (Some(precision), None) => ctxt.error(precision, "`precision` goes with `scale`"),
        (None, Some(scale)) => ctxt.error(scale, "`scale` goes with `precision`"),
        (Some(precision), Some(_)) if value(precision) == 0 => ctxt.error(precision, "`precision` is at least 1"),
        (Some(precision), Some(scale)) if value(scale) > value(precision) => {
            ctxt.error(scale, format!("`scale` is at most `precision`, which is {}", value(precision)));
        }
        _ => {}
    }
    if let (Some(length), Some(_)) = (&attrs.length, &attrs.precision) {
        ctxt.error(length, "`length` is for texts and byte strings: it clashes with `precision`");
    }
}

fn texts(ctxt: &Ctxt, column: &Column<'_>) {
    let attrs = &column.attrs;
    if let Some(spelled) = attrs.sql_type.postgres.as_ref().filter(|_| attrs.sql_type.mysql.is_some())
        && let Some(length) = attrs.length.as_ref().or(attrs.precision.as_ref())
    {
        ctxt.error(length, format!("the type is spelled already: write it there, as in `{}(...)`", spelled.value()));
    }
    let both = [(&attrs.sql_type.postgres, &attrs.collation.postgres), (&attrs.sql_type.mysql, &attrs.collation.mysql)];
    if let Some((_, Some(collation))) = both.into_iter().find(|(ty, collation)| ty.is_some() && collation.is_some()) {
        ctxt.error(collation, "the type is spelled already: write the collation there, as in `... COLLATE x`");
    }
}

fn generated(ctxt: &Ctxt, column: &Column<'_>) {
    let attrs = &column.attrs;
    let Some(generated) = &attrs.generated else { return };
    let clashes = [
        ("primary_key", attrs.primary_key.is_some()),
        ("identity", attrs.identity.is_some()),
        ("default", !attrs.default.is_none()),
        ("backfill", !attrs.backfill.is_none()),
        ("reverse", !attrs.reverse.is_none()),
        ("references", attrs.references.is_some()),
        ("renamed_from", attrs.renamed_from.is_some()),
    ];
    for (word, _) in clashes.into_iter().filter(|(_, is)| *is) {
        ctxt.error(&generated.at, format!("the server computes a `generated` column: it clashes with `{word}`"));
    }
}

fn moved(ctxt: &Ctxt, column: &Column<'_>) {
    let attrs = &column.attrs;
    let Some(moved) = &attrs.moved_from else { return };
    let clashes = [
        ("primary_key", attrs.primary_key.is_some()),
        ("identity", attrs.identity.is_some()),
        ("default", !attrs.default.is_none()),
        ("generated", attrs.generated.is_some()),
        ("backfill", !attrs.backfill.is_none()),
        ("backfill_fn", attrs.backfill_fn.is_some()),
        ("reverse", !attrs.reverse.is_none()),
        ("references", attrs.references.is_some()),
        ("renamed_from", attrs.renamed_from.is_some()),
    ];
    for (word, _) in clashes.into_iter().filter(|(_, is)| *is) {
        ctxt.error(&moved.at, format!("a moved column takes its values along as they are: it clashes with `{word}`"));
    }
}

fn exists(ctxt: &Ctxt, table: &Table<'_>, name: &LitStr, place: &str) {
    if table.columns.iter().all(|it| it.name() != name.value()) {
        let known: Vec<_> = table.columns.iter().map(Column::name).collect();
        ctxt.error(
            name,
            format!("the {place} names column `{}`, which is none of: {}", name.value(), known.join(", ")),
        );
    }
}
