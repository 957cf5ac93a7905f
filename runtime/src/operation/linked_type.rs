//! A key has another type, and so have all columns that refer to it: an `int` that becomes a `bigint`.
//!
//! PostgreSQL: each of these columns gets a shadow, as in [`super::change_type`], and the shadows get indexes,
//! foreign keys and a unique index for the primary key of their own. Then all of them swap names, keys and
//! numbering in one transaction, under locks on all their tables that are taken first. The
//! old columns stay until contract, and take NULL for a value that does not fit them: a key that
//! outgrows its old type is why all this is done. From the first such value there is no way back.
//!
//! MySQL copies the table of a primary key whatever is done to it, and changes neither end of a foreign key
//! while it stands. So there it is a copy up to a number of rows, or it is refused.

use std::collections::{BTreeMap, BTreeSet};

use super::add_check::{mysql_claim, small_enough};
use super::add_foreign_key;
use super::change_type::{Names, expressions, in_a_text, mirrored, spelled, stale_plans, strict_drivers};
use super::drop_column::retire;
use super::filled_column::FilledColumn;
use super::{Context, Draft, Refusal, Staging, add_index, drop_index};
use crate::dialect::{Dialect, assignable, integers, mysql, postgres};
use crate::migration::{Assertion, Claim, Fact, LockMode, Stage, Step};
use crate::schema::{Column, ForeignKey, Index, Schema, Table};
use crate::sql_type::Kind;

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
        Dialect::Postgres => by_shadows(context, &members),
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

// PostgreSQL -----------------------------------------------------------------------------------------------------------

/// A member with what its steps borrow.
struct Shadow<'a> {
    member: &'a Member<'a>,
    names: Names,
    /// Under its name until the swap, and by the written name after it.
    columns: [Column; 2],
    earlier: [String; 3],
    later: [String; 3],
    expressions: [String; 2],
}

impl<'a> Shadow<'a> {
    fn of(context: &Context<'_>, member: &'a Member<'a>) -> Result<Self, Refusal> {
        let Member { target, before, after, .. } = *member;
        let names = Names::of(&after.name);
        let [forth, back] = expressions(context, &target.name, [before, after])?;
        let name = &after.name;
        Ok(Self {
            member,
            // the number comes with the swap
            columns: [&names.new, name].map(|name| Column { name: name.clone(), identity: false, ..after.clone() }),
            earlier: [name, &names.new, name].map(String::clone),
            later: [&names.old, name, name].map(String::clone),
            expressions: [forth, fitting(context, member, back)],
            names,
        })
    }

    fn filled<'s>(&'s self, context: &Context<'s>, swapped: bool) -> FilledColumn<'s> {
        let (column, names) = if swapped { (&self.columns[1], &self.later) } else { (&self.columns[0], &self.earlier) };
        mirrored(context, self.member.target, column, names, [&self.expressions[0], &self.expressions[1]])
    }

    /// The statement that makes one of the two places of the pair be named otherwise.
    fn rename(&self, context: &Context<'_>, from: &str, to: &str) -> String {
        let [table, from, to] = [&self.member.target.name, from, to].map(|it| context.ident(it));
        format!("ALTER TABLE {table} RENAME COLUMN {from} TO {to}")
    }

    /// Whether a value of the new type may be none of the old one.
    fn outgrows(&self) -> bool {
        !assignable(&self.member.after.ty, &self.member.before.ty)
    }
}

/// NULL for what does not fit the old column.
fn fitting(context: &Context<'_>, member: &Member<'_>, back: String) -> String {
    let column = context.ident(&member.after.name);
    match integers(member.before.ty.kind) {
        Some((low, high)) if back == column => format!("CASE WHEN {column} BETWEEN {low} AND {high} THEN {column} END"),
        _ => back,
    }
}

/// A foreign key among the members.
struct Tie<'a> {
    table: &'a str,
    name: &'a str,
    key: &'a ForeignKey,
}

fn by_shadows(context: &Context<'_>, members: &[Member<'_>]) -> Result<Staging, Refusal> {
    let mut staging = Staging::default();
    let shadows = members.iter().map(|it| Shadow::of(context, it)).collect::<Result<Vec<_>, _>>()?;
    for shadow in &shadows {
        shadow.filled(context, false).begin(context, &mut staging)?;
    }
    let tables: BTreeMap<&str, &Table> = members.iter().map(|it| (it.target.name.as_str(), it.target)).collect();
    let mut swap = Swap { context, shadows: &shadows, tables: &tables, indexes: Vec::new(), ties: Vec::new() };
    for (name, table) in &tables {
        let source = &context.source.tables[*name];
        swap.copy_indexes(source, table, &mut staging)?;
        let tied = source.foreign_keys.iter().filter(|(_, key)| key.columns.iter().any(|it| swap.is_member(name, it)));
        let ties: Vec<_> = tied.map(|(key_name, key)| Tie { table: &source.name, name: key_name, key }).collect();
        swap.ties.extend(ties);
    }
    staging.push(Stage::Validate, swap.draft().step());
    for shadow in shadows.iter().filter(|it| it.outgrows()) {
        if let Some(assertion) = no_way_back(context, shadow) {
            staging.push(Stage::Validate, Step::Assertion(assertion));
        }
    }
    for tie in &swap.ties {
        staging.push(Stage::Validate, add_foreign_key::postgres_validate(context, tie.table, tie.name, tie.key).step());
    }
    swap.warn(&mut staging);
    for (table, name, index) in &swap.indexes {
        let old = Names::of(name).old;
        if !swap.is_key(table, name) {
            staging.push(Stage::Contract, drop_index::draft(context, table, &old, index).last());
        }
    }
    for shadow in &shadows {
        let Member { target, before, .. } = shadow.member;
        // nobody need give it a value
        let old =
            Column { name: shadow.names.old.clone(), nullable: true, default: Default::default(), ..(*before).clone() };
        retire(context, target, &old, &shadow.filled(context, true), &mut staging);
    }
    Ok(staging)
}

/// The old column does not hold these.
fn no_way_back(context: &Context<'_>, shadow: &Shadow<'_>) -> Option<Assertion> {
    let Member { target, before, after, .. } = shadow.member;
    let (low, high) = integers(before.ty.kind)?;
    let [table, column] = [&target.name, &after.name].map(|it| context.ident(it));
    Some(Assertion {
        message: format!(
            "`{}.{}` has values that its old type does not hold, so there is no way back: go on to `contract`. Among them",
            target.name, after.name
        ),
        sql: format!("SELECT {column} FROM {table} WHERE {column} > {high} OR {column} < {low} LIMIT 5"),
        on_way_back: true,
        line: 0,
    })
}

/// The moment in which all of them take each other's place.
struct Swap<'a> {
    context: &'a Context<'a>,
    shadows: &'a [Shadow<'a>],
    tables: &'a BTreeMap<&'a str, &'a Table>,
    /// Table, name and index; the primary key's under the key's name.
    indexes: Vec<(&'a str, String, Index)>,
    ties: Vec<Tie<'a>>,
}

impl<'a> Swap<'a> {
    fn is_member(&self, table: &str, column: &str) -> bool {
        self.shadows.iter().any(|it| it.member.target.name == table && it.member.after.name == column)
    }

    fn is_key(&self, table: &str, index: &str) -> bool {
        !self.tables[table].primary_key.is_empty() && index == key_name(table)
    }

    /// Every index that holds a member, over the shadows; for a primary key a unique one.
    fn copy_indexes(&mut self, source: &'a Table, target: &'a Table, staging: &mut Staging) -> Result<(), Refusal> {
        let members: Vec<&str> = self
            .shadows
            .iter()
            .filter(|it| it.member.target.name == source.name)
            .map(|it| it.member.after.name.as_str())
            .collect();
        let dialect = self.context.dialect;
        let on_members = |index: &Index| members.iter().any(|it| index.names(it, dialect));
        let stays = |name: &String, index: &Index| target.indexes.get(name) == Some(index) && index.is_for(dialect);
        let mut indexes: Vec<(String, Index)> = source
            .indexes
            .iter()
            .filter(|(name, index)| stays(name, index) && on_members(index))
            .map(|(name, index)| (name.clone(), index.clone()))
            .collect();
        if source.primary_key.iter().any(|it| members.contains(&it.as_str())) {
            indexes.push((key_name(&source.name), Index::plain(source.primary_key.clone(), true)));
        }
        for (name, index) in indexes {
            let mut copy = index;
            for member in members.iter().filter(|it| copy.names(it, dialect)).copied().collect::<Vec<_>>() {
                copy =
                    copy.over(member, &Names::of(member).new).ok_or_else(|| in_a_text(&source.name, member, &name))?;
            }
            let draft = add_index::draft(self.context, Some(source), &source.name, &Names::of(&name).new, &copy);
            // the swap makes it the primary key's, with which it would go
            let is_key = name == key_name(&source.name);
            let draft = if is_key { draft.undo_nothing("it goes with its column") } else { draft };
            staging.push(Stage::Validate, draft.step());
            self.indexes.push((&source.name, name, copy));
        }
        Ok(())
    }

    fn draft(&self) -> Draft {
        let claim = || self.tables.keys().fold(Claim::none(), |claim, it| claim.lock(it, LockMode::AccessExclusive));
        let fact = Fact::Column(self.shadows[0].member.target.name.clone(), self.shadows[0].names.old.clone());
        let comment = "The columns, their keys and their numbers change places with their successors, in one moment.";
        let mut draft = Draft::new(comment, self.there().join(";\n"), claim(), fact.clone());
        for part in self.before_back() {
            draft = draft.undo_until(part.sql, part.claim, part.done, part.transactional);
        }
        draft = draft.undo_until(self.back().join(";\n"), claim(), fact.negated(), true);
        for tie in &self.ties {
            let (sql, claim) = add_foreign_key::postgres_proof(self.context, tie.table, tie.name, tie.key);
            draft = draft.undo_until(sql, claim, Fact::Validated(tie.table.to_owned(), tie.name.to_owned()), true);
        }
        draft
    }

    fn name(&self, name: &str) -> String {
        self.context.ident(name)
    }

    /// First, so that nothing is done while a lock is waited for.
    fn locked(&self) -> String {
        let tables: Vec<_> = self.tables.keys().map(|it| self.name(it)).collect();
        format!("LOCK TABLE {} IN ACCESS EXCLUSIVE MODE", tables.join(", "))
    }

    fn there(&self) -> Vec<String> {
        let mut sql = vec![self.locked()];
        sql.extend(self.ties.iter().map(|it| self.drop_constraint(it.table, it.name)));
        for shadow in self.shadows {
            let Member { target, before, after, .. } = shadow.member;
            let Names { new, old } = &shadow.names;
            if before.identity {
                sql.extend(self.numbered(&target.name, &after.name, new, after.ty.kind));
            }
            if target.primary_key.contains(&after.name) {
                sql.push(self.drop_constraint(&target.name, &key_name(&target.name)));
            }
            sql.push(shadow.rename(self.context, &after.name, old));
            sql.push(shadow.rename(self.context, new, &after.name));
            if before.identity {
                sql.push(self.rename_sequence(&target.name, new, &after.name));
            }
            if !before.nullable {
                let [table, old] = [&target.name, old].map(|it| self.name(it));
                sql.push(format!("ALTER TABLE {table} ALTER COLUMN {old} DROP NOT NULL"));
            }
        }
        sql.dedup();
        for (table, name, _) in &self.indexes {
            let Names { new, old } = Names::of(name);
            if self.is_key(table, name) {
                sql.push(self.take_key(table, &new));
            } else {
                sql.extend([self.rename_index(name, &old), self.rename_index(&new, name)]);
            }
        }
        sql.extend(self.ties.iter().map(|it| self.tie_again(it)));
        sql.extend(self.functions(true));
        sql
    }

    /// What the old columns need to be keys again.
    fn before_back(&self) -> Vec<Part> {
        let mut parts = Vec::new();
        for shadow in self.shadows.iter().filter(|it| !it.member.before.nullable) {
            parts.extend(self.not_null(&shadow.member.target.name, &shadow.names.old));
        }
        for (table, name, index) in self.indexes.iter().filter(|(table, name, _)| self.is_key(table, name)) {
            let columns = self.tables[table].primary_key.iter();
            let old = |it: &String| if self.is_member(table, it) { Names::of(it).old } else { it.clone() };
            let index = Index { columns: columns.map(old).collect(), ..index.clone() };
            let name = Names::of(name).old;
            parts.push(Part {
                sql: postgres::ddl::create_index(table, &name, &index, true),
                claim: Claim::none().lock(table, LockMode::ShareUpdateExclusive).scan(table),
                done: Fact::Index((*table).to_owned(), name),
                transactional: false,
            });
        }
        parts
    }

    fn back(&self) -> Vec<String> {
        let mut sql = vec![self.locked()];
        sql.extend(self.ties.iter().map(|it| self.drop_constraint(it.table, it.name)));
        for shadow in self.shadows {
            let Member { target, before, after, .. } = shadow.member;
            let Names { new, old } = &shadow.names;
            if before.identity {
                sql.extend(self.numbered(&target.name, &after.name, old, before.ty.kind));
            }
            if target.primary_key.contains(&after.name) {
                sql.push(self.drop_constraint(&target.name, &key_name(&target.name)));
            }
            sql.push(shadow.rename(self.context, &after.name, new));
            sql.push(shadow.rename(self.context, old, &after.name));
            if before.identity {
                sql.push(self.rename_sequence(&target.name, old, &after.name));
            }
        }
        sql.dedup();
        for (table, name, _) in &self.indexes {
            let Names { new, old } = Names::of(name);
            if self.is_key(table, name) {
                sql.push(self.take_key(table, &old));
            } else {
                sql.extend([self.rename_index(name, &new), self.rename_index(&old, name)]);
            }
        }
        sql.extend(self.ties.iter().map(|it| self.tie_again(it)));
        sql.extend(self.functions(false));
        sql
    }

    /// NOT NULL, proven while reads and writes go on.
    fn not_null(&self, table: &str, column: &str) -> Vec<Part> {
        let check = crate::schema::limited(&format!("pontoon_{table}_{column}_not_null"));
        let [table_sql, column_sql, check_sql] = [table, column, &check].map(|it| self.name(it));
        let brief = || Claim::none().lock(table, LockMode::AccessExclusive);
        let fact = |make: fn(String, String) -> Fact, name: &str| make(table.to_owned(), name.to_owned());
        let part = |what: String, claim, done| Part {
            sql: format!("ALTER TABLE {table_sql} {what}"),
            claim,
            done,
            transactional: true,
        };
        vec![
            part(
                format!("ADD CONSTRAINT {check_sql} CHECK ({column_sql} IS NOT NULL) NOT VALID"),
                brief(),
                fact(Fact::Constraint, &check),
            ),
            part(
                format!("VALIDATE CONSTRAINT {check_sql}"),
                Claim::none().lock(table, LockMode::ShareUpdateExclusive).scan(table),
                fact(Fact::Validated, &check),
            ),
            part(format!("ALTER COLUMN {column_sql} SET NOT NULL"), brief(), fact(Fact::Nullable, column).negated()),
            part(format!("DROP CONSTRAINT {check_sql}"), brief(), fact(Fact::Constraint, &check).negated()),
        ]
    }

    /// The other column goes on where this one's numbers end.
    fn numbered(&self, table: &str, from: &str, to: &str, kind: Kind) -> Vec<String> {
        let last = integers(kind).map_or(i128::from(i64::MAX), |(_, last)| last);
        let sequence = |column: &str| {
            let literal = |text: &str| self.context.dialect.literal(text);
            format!("pg_get_serial_sequence({}, {})", literal(&self.name(table)), literal(column))
        };
        let [table_sql, from_sql, to_sql] = [table, from, to].map(|it| self.name(it));
        vec![
            format!("ALTER TABLE {table_sql} ALTER COLUMN {to_sql} ADD GENERATED BY DEFAULT AS IDENTITY"),
            // a narrower sequence that has been left behind ends where its type ends
            format!("SELECT setval({}, LEAST(nextval({}), {last}), false)", sequence(to), sequence(from)),
            format!("ALTER TABLE {table_sql} ALTER COLUMN {from_sql} DROP IDENTITY"),
        ]
    }

    /// As the server names it where the column is made with its table.
    fn rename_sequence(&self, table: &str, from: &str, to: &str) -> String {
        let [from, to] = [from, to].map(|it| self.name(&format!("{table}_{it}_seq")));
        format!("ALTER SEQUENCE IF EXISTS {from} RENAME TO {to}")
    }

    fn drop_constraint(&self, table: &str, name: &str) -> String {
        format!("ALTER TABLE {} DROP CONSTRAINT {}", self.name(table), self.name(name))
    }

    /// Binds new writes from here on; the rows of before are proven afterwards.
    fn tie_again(&self, tie: &Tie<'_>) -> String {
        let key = super::foreign_key_sql(Dialect::Postgres, tie.name, tie.key);
        format!("ALTER TABLE {} ADD {key} NOT VALID", self.name(tie.table))
    }

    fn rename_index(&self, from: &str, to: &str) -> String {
        format!("ALTER INDEX {} RENAME TO {}", self.name(from), self.name(to))
    }

    /// The index becomes the primary key, and has its name.
    fn take_key(&self, table: &str, index: &str) -> String {
        let [table_sql, key, index] = [table, &key_name(table), index].map(|it| self.name(it));
        format!("ALTER TABLE {table_sql} ADD CONSTRAINT {key} PRIMARY KEY USING INDEX {index}")
    }

    /// The triggers stay, and their functions change.
    fn functions(&self, swapped: bool) -> Vec<String> {
        let function = |shadow: &Shadow<'_>| {
            let filled = shadow.filled(self.context, swapped);
            filled.triggers().and_then(|it| Some(it.function.as_ref()?.replacen("CREATE", "CREATE OR REPLACE", 1)))
        };
        self.shadows.iter().filter_map(function).collect()
    }

    fn warn(&self, staging: &mut Staging) {
        for shadow in self.shadows {
            let (table, column) = (&shadow.member.target.name, &shadow.member.after.name);
            staging.warnings.push(strict_drivers(table, column));
            staging.warnings.push(stale_plans(table, column));
            if shadow.outgrows() {
                staging.warnings.push(format!(
                    "after validate, `{table}.{column}` takes values that its old type does not hold; from the first of them on \
                     there is no way back"
                ));
            }
        }
        if self.tables.len() > 1 {
            let list: Vec<_> = self.tables.keys().map(|it| format!("`{it}`")).collect();
            staging.warnings.push(format!("validate locks {} for a moment, all at once", list.join(", ")));
        }
    }
}

/// A statement of the way back.
struct Part {
    sql: String,
    claim: Claim,
    done: Fact,
    transactional: bool,
}

/// As PostgreSQL names it.
fn key_name(table: &str) -> String {
    format!("{table}_pkey")
}

// MySQL ----------------------------------------------------------------------------------------------------------------

fn by_copy(context: &Context<'_>, members: &[Member<'_>]) -> Result<Staging, Refusal> {
    let first = &members[0];
    let table = &first.target.name;
    if let Some(other) = members.iter().find(|it| it.target.name != *table) {
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
    if let Some(member) = members.iter().find(|it| !assignable(&it.before.ty, &it.after.ty)) {
        return Err((
            format!("the type of {} changes, a key's, to one that does not hold every value as it is", member.place()),
            "keep the type, or make a new table".to_owned(),
        ));
    }
    let mut staging = Staging::default();
    staging.push(Stage::Expand, Step::Assertion(small_enough(context, table)));
    let modified: Vec<_> = members
        .iter()
        .map(|it| {
            let definition = mysql::ddl::column(it.after, it.after.nullable, it.after.default.of(Dialect::MySql));
            format!("MODIFY COLUMN {definition}")
        })
        .collect();
    let fact = Fact::Type(table.clone(), first.after.name.clone(), context.dialect.catalog_type(&first.after.ty));
    let comment =
        "MySQL has no other way for a key: the table is copied, reads go on, writers wait for the whole copy.";
    let sql = mysql::ddl::alter(table, &modified.join(", "), "ALGORITHM=COPY, LOCK=SHARED");
    let draft = Draft::new(comment, sql, mysql_claim(context, Stage::Expand, table), fact)
        .undo_nothing("the wider type stays: it holds every value of the narrower one");
    staging.push(Stage::Expand, draft.step());
    staging.warnings.push(format!(
        "MySQL: the key of `{table}` from {} to another type copies the table, and writers wait for the whole copy. It is refused \
         where there are more than {} rows (`--copy-rows`)",
        spelled(first.before),
        context.copy_rows()
    ));
    Ok(staging)
}
