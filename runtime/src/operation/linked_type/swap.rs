//! PostgreSQL: the moment in which columns, keys and numbers take their successors' places, and the way back.

use std::collections::BTreeMap;

use super::Member;
use super::shadow::Shadow;
use crate::dialect::postgres::ddl::object_name;
use crate::dialect::{Dialect, integers, postgres};
use crate::migration::{Claim, Fact, LockMode, Stage};
use crate::operation::change_type::{Names, in_a_text, stale_plans, strict_drivers};
use crate::operation::{Context, Draft, Refusal, Staging, add_foreign_key, add_index, foreign_key_sql};
use crate::schema::{ForeignKey, Index, Table};
use crate::sql_type::Kind;

/// A foreign key among the members.
pub(super) struct Tie<'a> {
    pub(super) table: &'a str,
    pub(super) name: &'a str,
    pub(super) key: &'a ForeignKey,
}

/// The moment in which all of them take each other's place.
pub(super) struct Swap<'a> {
    pub(super) context: &'a Context<'a>,
    pub(super) shadows: &'a [Shadow<'a>],
    pub(super) tables: &'a BTreeMap<&'a str, &'a Table>,
    /// Table, name and index; the primary key's under the key's name.
    pub(super) indexes: Vec<(&'a str, String, Index)>,
    pub(super) ties: Vec<Tie<'a>>,
}

impl<'a> Swap<'a> {
    pub(super) fn is_member(&self, table: &str, column: &str) -> bool {
        self.shadows.iter().any(|it| it.member.target.name == table && it.member.after.name == column)
    }

    pub(super) fn is_key(&self, table: &str, index: &str) -> bool {
        !self.tables[table].primary_key.is_empty() && index == key_name(table)
    }

    /// Every index that holds a member, over the shadows; for a primary key a unique one.
    pub(super) fn copy_indexes(
        &mut self,
        source: &'a Table,
        target: &'a Table,
        staging: &mut Staging,
    ) -> Result<(), Refusal> {
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

    pub(super) fn draft(&self) -> Draft {
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
        let [from, to] = [from, to].map(|it| self.name(&object_name(table, Some(it), "seq")));
        format!("ALTER SEQUENCE IF EXISTS {from} RENAME TO {to}")
    }

    fn drop_constraint(&self, table: &str, name: &str) -> String {
        format!("ALTER TABLE {} DROP CONSTRAINT {}", self.name(table), self.name(name))
    }

    /// Binds new writes from here on; the rows of before are proven afterwards.
    fn tie_again(&self, tie: &Tie<'_>) -> String {
        let key = foreign_key_sql(Dialect::Postgres, tie.name, tie.key);
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

    /// The triggers stay, and their functions change; those of others meet another type.
    fn functions(&self, swapped: bool) -> Vec<String> {
        let function = |shadow: &Shadow<'_>| {
            let filled = shadow.filled(self.context, swapped);
            filled.triggers().and_then(|it| Some(it.function.as_ref()?.replacen("CREATE", "CREATE OR REPLACE", 1)))
        };
        let anew = self.tables.keys().map(|it| postgres::ddl::compile_triggers_anew(it));
        self.shadows.iter().filter_map(function).chain(anew).collect()
    }

    pub(super) fn warn(&self, staging: &mut Staging) {
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
    object_name(table, None, "pkey")
}
