//! A column moves into another table, which has at most one row for each row of the table that it comes from.
//!
//! Old code goes on with the old column and new code with the new one; triggers on both tables carry a value from the
//! one to the other, from expand to contract. The new column comes without any, then the triggers, and then the rows of
//! before get their values.
//!
//! A table that is new in the same migration gets a row for each value. One that is there already does not: old code
//! inserts its rows itself, and would find them there. A value whose row is not there waits in the old column until it
//! is, and contract asks whether any still waits.
//!
//! What both sides hold is written in two tables, so what locks it matters. The backfill locks both rows and passes over
//! those that others have locked. A new row locks the old table's row before it is there. But old code's UPDATE locks the
//! old table's row first, and new code's the new table's: where both write one pair in the same moment, the server
//! ends one of them as a deadlock.

mod side;

use super::fill::{key_of, no_walk};
use super::rename_column::none_refers;
use super::triggers::{create_claim, drop_claim, drop_trigger, function_name, name};
use super::{Context, Draft, Refusal, Staging, add_column, search};
use crate::dialect::{Dialect, mysql, postgres, with_column};
use crate::migration::{
    Assertion, Backfill, Claim, Extent, Fact, KeyColumn, LockMode, Search, Stage, Step, Walk, WalkBy, Wrong,
};
use crate::schema::{Column, ForeignKey, Table};
use side::{Side, same};

pub(super) fn stage(
    context: &Context<'_>,
    [table, column]: [&str; 2],
    [from_table, from]: [&str; 2],
) -> Result<Staging, Refusal> {
    let place = format!("column `{table}.{column}` is moved from `{from_table}.{from}`");
    let target = context.table(table);
    let (Some(new), Some(origin)) = (target.column(column), context.source.tables.get(from_table)) else {
        let help = "rename the table in one migration, and move the column in the next".to_owned();
        return Err((format!("{place}, and a table gets another name in the same migration"), help));
    };
    let Some(old) = origin.column(from) else { return Ok(Staging::default()) };
    let moved = Move::new(context, &place, [target, origin], [new, old])?;
    let mut staging = Staging::default();
    if !moved.made {
        let comment = format!("A change of the catalog; rows of `{table}` have no value yet.");
        staging.push(Stage::Expand, add_column::add(context, target, new, &comment, true, None).step());
    }
    for side in moved.sides() {
        moved.install(&side, &mut staging);
    }
    staging.push(Stage::Backfill, moved.backfill()?);
    if !moved.made {
        staging.push(Stage::Contract, Step::Assertion(moved.none_waits()));
    }
    staging.push(Stage::Contract, moved.none_differs()?);
    for side in moved.sides().iter().rev() {
        moved.remove(side, &mut staging);
    }
    staging.warnings.extend(moved.warnings());
    Ok(staging)
}

/// A column on its way between two tables.
struct Move<'a> {
    context: &'a Context<'a>,
    table: &'a Table,
    column: &'a Column,
    origin: &'a Table,
    from: &'a Column,
    /// The column of `table` that refers to `origin`.
    key: &'a str,
    /// The column of `origin` to which it refers.
    id: &'a str,
    /// Whether the table is new, so that nobody but new code makes rows in it.
    made: bool,
}

impl<'a> Move<'a> {
    fn new(
        context: &'a Context<'a>,
        place: &str,
        [table, origin]: [&'a Table; 2],
        [column, from]: [&'a Column; 2],
    ) -> Result<Self, Refusal> {
        let made = !context.source.tables.contains_key(&table.name);
        let plain = |it: &Column| it.nullable && it.generated.is_none() && it.default.is_empty();
        if !plain(column) || !plain(from) {
            return Err((
                format!(
                    "{place}, and one of them takes no NULL, has a default or is generated: new code makes the row of `{}` \
                     first, and until its row of `{}` is there old code reads one without a value",
                    origin.name, table.name
                ),
                "make both an `Option` without a default: the old one in a migration before this one".into(),
            ));
        }
        if column.ty != from.ty {
            let help = "move it as it is, and change the type in the next migration".to_owned();
            return Err((format!("{place}, and its type changes too"), help));
        }
        none_refers(context, origin, from, &format!("is moved to `{}`", table.name), "keep the column where it is")?;
        let key = tie(context, place, table, origin, made)?;
        let (key, id) = (key.columns[0].as_str(), key.referenced_columns[0].as_str());
        let without = |it: &&Column| {
            let given =
                it.nullable || it.identity || it.generated.is_some() || it.default.of(context.dialect).is_some();
            it.name != key && !given
        };
        if let Some(other) = table.columns.iter().find(without).filter(|_| made) {
            return Err((
                format!(
                    "{place}, and a row of `{}` cannot be made for a value: `{}` takes no NULL and has no default",
                    table.name, other.name
                ),
                format!(
                    "give `{}` a default, or make it an `Option`; a later migration can take that away",
                    other.name
                ),
            ));
        }
        Ok(Self { context, table, column, origin, from, key, id, made })
    }

    /// Quoted: the new table, its key, its column; the old table, its key, its column.
    fn idents(&self) -> [String; 6] {
        [&self.table.name, self.key, &self.column.name, &self.origin.name, self.id, &self.from.name]
            .map(|it| self.context.ident(it))
    }

    fn install(&self, side: &Side<'_>, staging: &mut Staging) {
        let context = self.context;
        let about = format!("`{}.{}` and `{}.{}`", self.origin.name, self.from.name, self.table.name, self.column.name);
        let function = function_name(side.table, side.column);
        if context.dialect == Dialect::Postgres {
            // whoever writes the one table need not be allowed to write the other
            let sql = format!(
                "CREATE FUNCTION {}() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER SET search_path FROM CURRENT AS $pontoon$\n{}\n$pontoon$",
                context.ident(&function),
                side.function
            );
            let comment = format!("What a write of `{}` gives the other table.", side.table);
            let draft = Draft::new(comment, sql, Claim::none(), Fact::Function(function.clone()))
                .undo(format!("DROP FUNCTION {}()", context.ident(&function)), Claim::none());
            staging.push(Stage::Expand, draft.step());
        }
        for (suffix, event, what) in &side.triggers {
            let trigger = name(side.table, side.column, suffix);
            let body = match context.dialect {
                Dialect::Postgres => format!("{what}EXECUTE FUNCTION {}()", context.ident(&function)),
                Dialect::MySql => what.clone(),
            };
            let sql = format!(
                "CREATE TRIGGER {} {event} ON {} FOR EACH ROW {body}",
                context.ident(&trigger),
                context.ident(side.table)
            );
            let comment = format!("Keeps {about} the same from now on; before any row is filled.");
            let fact = Fact::Trigger(side.table.to_owned(), trigger.clone());
            let draft = Draft::new(comment, sql, create_claim(context, side.table), fact)
                .undo(drop_trigger(context, side.table, &trigger), drop_claim(context, side.table));
            staging.push(Stage::Expand, draft.step());
        }
    }

    fn remove(&self, side: &Side<'_>, staging: &mut Staging) {
        let context = self.context;
        for (suffix, _, _) in &side.triggers {
            let trigger = name(side.table, side.column, suffix);
            let fact = Fact::Trigger(side.table.to_owned(), trigger.clone()).negated();
            let sql = drop_trigger(context, side.table, &trigger);
            let comment = "All code writes the new column itself now.";
            staging.push(Stage::Contract, Draft::new(comment, sql, drop_claim(context, side.table), fact).last());
        }
        if context.dialect == Dialect::Postgres {
            let function = function_name(side.table, side.column);
            let sql = format!("DROP FUNCTION {}()", context.ident(&function));
            let draft = Draft::new("", sql, Claim::none(), Fact::Function(function).negated());
            staging.push(Stage::Contract, draft.last());
        }
    }

    /// Row by row under locks on both, so that no value is carried over that has just changed; what is locked by others
    /// is met by the next round.
    fn backfill(&self) -> Result<Step, Refusal> {
        let context = self.context;
        let (walked, columns) = (self.walked(), self.walk()?);
        let mode = match context.dialect {
            Dialect::Postgres => LockMode::RowExclusive,
            Dialect::MySql => LockMode::SharedWrite,
        };
        let range = self.range(&columns);
        let [table, key, column, origin, id, from] = self.idents();
        let missing = format!("NOT EXISTS (SELECT 1 FROM {table} WHERE {table}.{key} = {origin}.{id})");
        let pairs = format!("{table} JOIN {origin} ON {origin}.{id} = {table}.{key}");
        let sql = match (self.made, context.dialect) {
            (true, Dialect::Postgres) => format!(
                "INSERT INTO {table} ({key}, {column}) SELECT {origin}.{id}, {origin}.{from} FROM {origin} WHERE {range} \
                 AND {origin}.{from} IS NOT NULL AND {missing} FOR NO KEY UPDATE OF {origin} SKIP LOCKED ON CONFLICT ({key}) DO NOTHING"
            ),
            (true, Dialect::MySql) => format!(
                "INSERT INTO {table} ({key}, {column}) SELECT * FROM (SELECT {origin}.{id}, {origin}.{from} FROM {origin} WHERE {range} \
                 AND {origin}.{from} IS NOT NULL AND {missing} FOR UPDATE OF {origin} SKIP LOCKED) AS pontoon_found \
                 ON DUPLICATE KEY UPDATE {key} = {table}.{key}"
            ),
            (false, Dialect::Postgres) => format!(
                "UPDATE {table} SET {column} = pontoon_found.pontoon_value FROM (SELECT {table}.{key} AS pontoon_key, \
                 {origin}.{from} AS pontoon_value FROM {pairs} WHERE {range} AND {table}.{column} IS NULL AND {origin}.{from} IS NOT NULL \
                 FOR NO KEY UPDATE SKIP LOCKED) AS pontoon_found WHERE {table}.{key} = pontoon_found.pontoon_key"
            ),
            (false, Dialect::MySql) => format!(
                "UPDATE {table} JOIN (SELECT {table}.{key} AS pontoon_key, {origin}.{from} AS pontoon_value FROM {pairs} WHERE {range} \
                 AND {table}.{column} IS NULL AND {origin}.{from} IS NOT NULL FOR UPDATE SKIP LOCKED) AS pontoon_found \
                 ON {table}.{key} = pontoon_found.pontoon_key SET {table}.{column} = pontoon_found.pontoon_value"
            ),
        };
        let differs = self.differs();
        let invariant = if self.made {
            format!("SELECT count(*) FROM {origin} LEFT JOIN {table} ON {table}.{key} = {origin}.{id} WHERE {differs}")
        } else {
            format!("SELECT count(*) FROM {pairs} WHERE {differs}")
        };
        let (comment, filled) = if self.made {
            (
                format!("Makes a row of `{}` for each value, in batches that nobody waits for.", self.table.name),
                &self.from.name,
            )
        } else {
            (
                format!("Gives the rows of before their `{}`, in batches that nobody waits for.", self.column.name),
                &self.column.name,
            )
        };
        Ok(Step::Backfill(Backfill {
            comment,
            table: walked.name.clone(),
            column: filled.clone(),
            function: None,
            claim: Claim::none()
                .lock(&self.table.name, mode)
                .lock(&self.origin.name, mode)
                .blocking(Extent::No, Extent::Brief),
            walks: vec![Walk { by: WalkBy::Keys(columns), sql, line: 0 }],
            invariant,
            invariant_lasts: true,
            line: 0,
        }))
    }

    /// Each row of the table that is gone through has at most one in the other.
    const fn walked(&self) -> &'a Table {
        if self.made { self.origin } else { self.table }
    }

    fn walk(&self) -> Result<Vec<KeyColumn>, Refusal> {
        let walked = self.walked();
        let key = key_of(self.context, walked, if self.made { &self.from.name } else { &self.column.name })?;
        let columns = match self.context.dialect {
            Dialect::Postgres => postgres::backfill::key_columns(walked, key),
            Dialect::MySql => mysql::backfill::key_columns(walked, key),
        };
        columns.ok_or_else(|| no_walk(walked, key))
    }

    /// The range of a batch, where columns of the other table may have the same names.
    fn range(&self, columns: &[KeyColumn]) -> String {
        let qualified = |range: String, it: &KeyColumn| {
            let name = format!("{}.{}", self.context.ident(&self.walked().name), self.context.ident(&it.name));
            with_column(&range, &it.name, &name)
        };
        columns.iter().fold(search::range(self.context.dialect, columns), qualified)
    }

    /// The condition, on the rows of a pair, that they say otherwise.
    fn differs(&self) -> String {
        let [table, _, column, origin, _, from] = self.idents();
        match self.context.dialect {
            Dialect::Postgres => format!("{table}.{column} IS DISTINCT FROM {origin}.{from}"),
            Dialect::MySql => format!("NOT ({table}.{column} <=> {origin}.{from})"),
        }
    }

    /// The same to the byte, as the triggers compare.
    fn differs_exactly(&self) -> String {
        let [table, _, column, origin, _, from] = self.idents();
        match self.context.dialect {
            Dialect::Postgres => self.differs(),
            Dialect::MySql => format!("NOT {}", same(&format!("{table}.{column}"), &format!("{origin}.{from}"))),
        }
    }

    /// Both tables in one query a batch, so as of one moment.
    fn none_differs(&self) -> Result<Step, Refusal> {
        let key = self.walk()?;
        let [table, table_key, column, origin, id, from] = self.idents();
        let walked = self.walked();
        let pairs = if self.made {
            format!("{origin} LEFT JOIN {table} ON {table}.{table_key} = {origin}.{id}")
        } else {
            format!("{table} JOIN {origin} ON {origin}.{id} = {table}.{table_key}")
        };
        let name = |it: &KeyColumn| format!("{}.{}", self.context.ident(&walked.name), self.context.ident(&it.name));
        let of_key = key.iter().zip(search::as_text(self.context.dialect, &key));
        let of_key = of_key.map(|(it, sql)| with_column(&sql, &it.name, &name(it)));
        let both = [format!("{origin}.{from}"), format!("{table}.{column}")];
        let values: Vec<_> = of_key.chain(both.iter().map(|it| search::shown(self.context.dialect, it))).collect();
        let names: Vec<_> =
            key.iter().map(|it| it.name.as_str()).chain([self.from.name.as_str(), &self.column.name]).collect();
        let (to, gone) = (
            format!("`{}.{}`", self.table.name, self.column.name),
            format!("`{}.{}`", self.origin.name, self.from.name),
        );
        Ok(Step::Search(Search {
            message: format!(
                "{to} and {gone}, which goes, say otherwise in a pair of rows, as if written without the triggers. Give the right \
                 one its value anew. By ({}) of `{}`",
                names.join(", "),
                walked.name
            ),
            on_way_back: false,
            wrong: Wrong::Rows,
            table: walked.name.clone(),
            sql: format!(
                "SELECT {} FROM {pairs} WHERE {} AND {}{}",
                values.join(", "),
                self.range(&key),
                self.differs_exactly(),
                search::in_order(self.context, &walked.name, &key)
            ),
            key,
            line: 0,
        }))
    }

    /// A value whose row nobody has made.
    fn none_waits(&self) -> Assertion {
        let [table, key, _, origin, id, from] = self.idents();
        Assertion {
            message: format!(
                "`{0}.{1}` goes, and has values without a row in `{2}`, which would be lost: make those rows (without a \
                 value, each takes its own from `{0}`), or set the values to NULL. Rows of `{0}`",
                self.origin.name, self.from.name, self.table.name
            ),
            sql: format!(
                "SELECT {origin}.{id} FROM {origin} WHERE {origin}.{from} IS NOT NULL AND NOT EXISTS (SELECT 1 FROM {table} \
                 WHERE {table}.{key} = {origin}.{id}) LIMIT 5"
            ),
            on_way_back: false,
            grace: None,
            line: 0,
        }
    }

    fn warnings(&self) -> Vec<String> {
        let (new, old) = (&self.table.name, &self.origin.name);
        let (column, from) = (&self.column.name, &self.from.name);
        let mut warnings = vec![
            format!(
                "until contract, a NULL that new code writes into `{new}.{column}` of a new row is taken for a value left out"
            ),
            format!(
                "until contract, where old code writes `{old}.{from}` and new code `{new}.{column}` of one pair in the same \
                 moment, the server may end one of them as a deadlock, to be tried again"
            ),
        ];
        if self.context.dialect == Dialect::MySql {
            warnings.push(format!(
                "MySQL: until contract, a statement that changes `{old}.{from}` or `{new}.{column}` and names both tables fails \
                 (1442): split it, and read the other table first"
            ));
        }
        if self.made {
            warnings.push(format!(
                "until contract, a row of `{new}` is made for each `{old}.{from}` that old code writes: new code must expect \
                 it to be there"
            ));
        }
        warnings
    }
}

/// The foreign key that gives each row of the old table at most one of the new one.
fn tie<'a>(
    context: &Context<'a>,
    place: &str,
    table: &'a Table,
    origin: &Table,
    made: bool,
) -> Result<&'a ForeignKey, Refusal> {
    let refers = |it: &&ForeignKey| it.references == origin.name && it.columns.len() == 1;
    let unique = |table: &Table, key: &ForeignKey| {
        table.primary_key == key.columns || table.indexes.values().any(|it| it.makes_unique(&key.columns))
    };
    let ties: Vec<&ForeignKey> = table.foreign_keys.values().filter(refers).filter(|it| unique(table, it)).collect();
    let [key] = ties[..] else {
        let shared = context.target.tables[&origin.name].foreign_keys.values().any(|it| it.references == table.name);
        let why = if ties.len() > 1 {
            "more than one foreign key ties them, and which one pairs their rows cannot be told"
        } else if shared {
            "many rows of the old table may refer to one of the new one, and their values may differ"
        } else {
            "no foreign key on a unique column pairs their rows"
        };
        return Err((
            format!("{place}, and {why}"),
            format!(
                "a column of `{0}` that is unique (or its primary key) and refers to `{1}` pairs them: \
                 #[column(unique, references(table = \"{1}\"))]",
                table.name, origin.name
            ),
        ));
    };
    let before = context.source.tables.get(&table.name);
    let there = |it: &Table| it.foreign_keys.values().any(|it| it == key) && unique(it, key);
    let kept = |of: &Table, name: &String| {
        let after = context.target.tables.get(&of.name);
        after.is_some_and(|after| of.column(name) == after.column(name))
    };
    let stays = made || before.is_some_and(|it| there(it) && kept(it, &key.columns[0]));
    if !stays || !kept(origin, &key.referenced_columns[0]) {
        return Err((
            format!("{place}, and what pairs their rows is new or changes in the same migration"),
            "make the foreign key and its unique index in one migration, and move the column in the next".into(),
        ));
    }
    Ok(key)
}
