//! A key has another type, and so have all columns that refer to it: an `int` that becomes a `bigint`.
//!
//! PostgreSQL: each of these columns gets a shadow, as in [`super::change_type`], and the shadows get indexes of their own, a
//! unique one for the primary key among them. Then all of them swap names, keys and numbering in one transaction, under
//! locks on all their tables that are taken first; foreign keys bind new writes at once, and are proven afterwards. The
//! old columns stay until contract, and take NULL for a value that does not fit them: a key that outgrows its old
//! type is why all this is done. From the first such value there is no way back.
//!
//! MySQL copies the table of a primary key whatever is done to it, and changes neither end of a foreign key
//! while it stands. So there it is a copy up to a number of rows, or it is refused.

mod shadow;
mod swap;

use std::collections::BTreeSet;

use super::change_type::spelled;
use super::{Context, Draft, Refusal, Staging, copy};
use crate::dialect::{Dialect, assignable, integers, mysql};
use crate::migration::{Fact, Stage};
use crate::schema::{Column, ColumnType, Schema, Table};

/// Table and column.
type Place = (String, String);

/// What changes its type together: the column, and all that a foreign key ties to it. Nothing where it
/// is neither a key nor tied to one.
pub(super) fn group(source: &Schema, table: &str, column: &str) -> Option<BTreeSet<Place>> {
    let first = (table.to_owned(), column.to_owned());
    let (mut group, mut open) = (BTreeSet::from([first.clone()]), vec![first]);
    while let Some(place) = open.pop() {
        for (owner, key) in source.tables.values().flat_map(|it| it.foreign_keys.values().map(move |key| (it, key))) {
            for (from, to) in key.columns.iter().zip(&key.referenced_columns) {
                let ends = [(owner.name.clone(), from.clone()), (key.references.clone(), to.clone())];
                if ends.contains(&place) {
                    open.extend(ends.into_iter().filter(|it| group.insert(it.clone())));
                }
            }
        }
    }
    let keyed = |(table, column): &Place| source.tables[table].primary_key.contains(column);
    (group.len() > 1 || group.iter().any(keyed)).then_some(group)
}

pub(super) fn stage(context: &Context<'_>, group: &BTreeSet<Place>) -> Result<Staging, Refusal> {
    let members = members(context, group)?;
    match context.dialect {
        Dialect::Postgres => shadow::by_shadows(context, &members),
        Dialect::MySql => by_copy(context, &members),
    }
}

/// A column of the group.
struct Member<'a> {
    source: &'a Table,
    target: &'a Table,
    before: &'a Column,
    after: &'a Column,
}

impl Member<'_> {
    fn place(&self) -> String {
        format!("`{}.{}`", self.target.name, self.after.name)
    }
}

fn members<'a>(context: &Context<'a>, group: &BTreeSet<Place>) -> Result<Vec<Member<'a>>, Refusal> {
    let mut members = Vec::new();
    for (table, column) in group {
        let source = &context.source.tables[table];
        let found =
            context.target.tables.get(table).and_then(|it| Some((it, source.column(column)?, it.column(column)?)));
        let Some((target, before, after)) = found else {
            return Err((
                format!(
                    "column `{table}.{column}` goes, and columns to which it is tied by a foreign key change their type"
                ),
                "do one in this migration and the other in the next".to_owned(),
            ));
        };
        let member = Member { source, target, before, after };
        if context.dialect.type_name(&before.ty) == context.dialect.type_name(&after.ty) {
            return Err((
                format!(
                    "column {} keeps its type, and columns to which a foreign key ties it change theirs",
                    member.place()
                ),
                "change the type of all of them in one migration".to_owned(),
            ));
        }
        members.push(member);
    }
    for member in &members {
        apart(context, group, member)?;
    }
    Ok(members)
}

/// What is not done in one migration with it.
fn apart(context: &Context<'_>, group: &BTreeSet<Place>, member: &Member<'_>) -> Result<(), Refusal> {
    let Member { source, target, before, .. } = member;
    let in_group = |table: &Table, column: &String| group.contains(&(table.name.clone(), column.clone()));
    let also = |what: String| {
        Err((
            format!("the type of {} changes, and {what}", member.place()),
            "do one in this migration and the other in the next".to_owned(),
        ))
    };
    if source.primary_key != target.primary_key {
        return also(format!("the primary key of `{}` has other columns too", target.name));
    }
    for (name, key) in &source.foreign_keys {
        let tied = key.columns.iter().any(|it| in_group(source, it));
        if tied && target.foreign_keys.get(name) != Some(key) {
            return also(format!("foreign key `{name}` changes or goes"));
        }
        if tied && key.columns.len() > 1 {
            return also(format!("foreign key `{name}` has several columns, which is not derived"));
        }
    }
    let changes = |column: &&String| source.column(column).map(|it| &it.ty) != target.column(column).map(|it| &it.ty);
    for (name, index) in source.indexes.iter().filter(|(_, it)| it.names(&before.name, context.dialect)) {
        if let Some(other) = index.columns.iter().filter(changes).find(|it| !in_group(source, it)) {
            return also(format!("so does that of `{}.{other}`, with which it stands in index `{name}`", target.name));
        }
    }
    Ok(())
}

/// Whether old code reads the new type as the old one.
fn stays_readable(before: &ColumnType, after: &ColumnType) -> bool {
    let as_written = before.kind == after.kind && before.scale == after.scale;
    let integer = |it: &ColumnType| integers(it.kind).is_some();
    assignable(before, after) && (as_written || integer(before) && integer(after))
}

fn by_copy(context: &Context<'_>, members: &[Member<'_>]) -> Result<Staging, Refusal> {
    let first = &members[0];
    let table = &first.target.name;
    if let Some(other) = members.get(1) {
        return Err((
            format!(
                "the types of {} and {} change, which a foreign key ties, and MySQL changes neither while it stands",
                first.place(),
                other.place()
            ),
            "in three migrations: take `references` away; change the types; add `references` again (rows that refer to \
             nobody by then are found and named). Or keep MySQL out of it: `sql_type(mysql = \"int\")`"
                .to_owned(),
        ));
    }
    if let Some(member) = members.iter().find(|it| !stays_readable(&it.before.ty, &it.after.ty)) {
        return Err((
            format!("the type of {} changes, a key's, to one that does not hold every value as it is", member.place()),
            "keep the type, or make a new table".to_owned(),
        ));
    }
    let mut staging = Staging::default();
    let effect = format!(
        "the key of `{table}` from {} to another type copies the table, and writers wait for the whole copy",
        spelled(first.before)
    );
    copy::allowed(context, Stage::Expand, table, &effect, &mut staging)?;
    let definition = mysql::ddl::column(first.after, first.after.nullable, first.after.default.of(Dialect::MySql));
    let modified = format!("MODIFY COLUMN {definition}");
    let fact = Fact::Type(table.clone(), first.after.name.clone(), context.dialect.catalog_type(&first.after.ty));
    let comment =
        "MySQL has no other way for a key: the table is copied, reads go on, writers wait for the whole copy.";
    let sql = copy::mysql_sql(table, &modified);
    let draft = Draft::new(comment, sql, copy::mysql_claim(context, Stage::Expand, table), fact)
        .undo_nothing("the wider type stays: it holds every value of the narrower one");
    staging.push(Stage::Expand, draft.step());
    Ok(staging)
}
