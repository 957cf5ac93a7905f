//! The statement that fills a table, in one go and inside the server.

use pontoon::Dialect;

use super::keys::{Numbering, Unit, number};
use super::model::{ForeignKey, Table};
use super::value::{Generator, generator};

/// How values are chosen; each is tried until the server takes the rows.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Manner {
    pub(super) nulls: Nulls,
    /// Columns that may be left out are.
    pub(super) only_required: bool,
    /// For texts under conditions that are not understood.
    pub(super) text: Option<&'static str>,
    /// Rows that a unique key refuses are left out.
    pub(super) skip: bool,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Nulls {
    /// In one row of ten.
    Some,
    None,
    /// Wherever they may stand.
    All,
    /// Wherever they may stand but in one column: of several references, a row often has one.
    AllBut(usize),
}

impl Nulls {
    /// Whether a column that may be NULL is so in every row.
    fn everywhere(self, column: usize) -> bool {
        match self {
            Self::Some | Self::None => false,
            Self::All => true,
            Self::AllBut(other) => other != column,
        }
    }
}

/// A statement, and what is to be said of it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Filling {
    pub(super) sql: String,
    /// Why there are fewer rows than were asked for.
    pub(super) note: Option<String>,
    /// Numbers were given to a column that the server numbers: its own must go on behind them.
    pub(super) renumber: Vec<String>,
}

/// A foreign key's parent, and how many of its rows there are (up to those wanted).
pub(super) struct Parent<'a> {
    pub(super) key: &'a ForeignKey,
    pub(super) rows: u64,
}

/// The statement for a table; or why there is none.
pub(super) fn filling(
    table: &Table,
    parents: &[Parent<'_>],
    wanted: u64,
    manner: Manner,
    dialect: Dialect,
) -> Result<Filling, String> {
    let mut values = vec![Value::Default; table.columns.len()];
    let mut build = Build { table, dialect, manner, units: Vec::new(), joins: Vec::new() };
    build.refer(parents, &mut values)?;
    build.make_up(wanted, &mut values)?;
    Ok(build.statement(wanted, &values))
}

/// Where a column's value comes from.
#[derive(Debug, Clone, PartialEq)]
enum Value {
    /// Left out: the server's default, number or computation.
    Default,
    Null,
    /// The parent's column of a join, by the join's and the column's place.
    Parent(usize, usize),
    /// Made up, by a unit of its own.
    Made(Generator, usize),
    /// The same as another column of the row, which is made up.
    Same(usize),
}

struct Join<'a> {
    key: &'a ForeignKey,
    rows: u64,
    unit: usize,
    /// Columns that another join has chosen already: this join's column and theirs.
    shared: Vec<(usize, usize)>,
}

struct Build<'a> {
    table: &'a Table,
    dialect: Dialect,
    manner: Manner,
    units: Vec<Unit>,
    joins: Vec<Join<'a>>,
}

impl<'a> Build<'a> {
    /// Chooses where the columns of foreign keys come from; the widest keys first, for they decide over the others.
    fn refer(&mut self, parents: &'a [Parent<'a>], values: &mut [Value]) -> Result<(), String> {
        let mut ordered: Vec<&Parent<'_>> = parents.iter().collect();
        ordered.sort_by_key(|it| std::cmp::Reverse(it.key.columns.len()));
        for parent in ordered {
            let key = parent.key;
            let open = |at: &usize| values[*at] == Value::Default;
            if !key.columns.iter().any(open) {
                continue;
            }
            let itself = key.parent == self.table.id;
            let nullable = || key.columns.iter().copied().filter(|at| !self.table.columns[*at].not_null);
            if itself || parent.rows == 0 || nullable().any(|at| self.manner.nulls.everywhere(at)) {
                match nullable().find(open).or_else(|| nullable().next()) {
                    Some(at) => values[at] = Value::Null,
                    None if itself => self.refer_to_itself(key, values)?,
                    None => return Err(format!("its parent `{}` holds no rows", key.parent_display)),
                }
                continue;
            }
            let shared: Vec<_> =
                key.columns.iter().enumerate().filter(|(_, at)| !open(at)).map(|(i, at)| (i, *at)).collect();
            let columns: Vec<_> = key.columns.iter().copied().filter(open).collect();
            let join = self.joins.len();
            for (i, at) in key.columns.iter().enumerate().filter(|(_, at)| columns.contains(at)) {
                values[*at] = Value::Parent(join, i);
            }
            self.joins.push(Join { key, rows: parent.rows, unit: self.units.len(), shared });
            self.units.push(Unit { columns, capacity: parent.rows });
        }
        Ok(())
    }

    /// A row that must refer to its own table refers to itself.
    fn refer_to_itself(&self, key: &ForeignKey, values: &mut [Value]) -> Result<(), String> {
        for (at, name) in key.columns.iter().zip(&key.parent_columns) {
            let other = self.table.columns.iter().position(|it| it.name == *name);
            values[*at] = Value::Same(other.ok_or("it refers to itself in a way that is not understood")?);
        }
        Ok(())
    }

    fn make_up(&mut self, wanted: u64, values: &mut [Value]) -> Result<(), String> {
        let explicit: Vec<usize> =
            values.iter().filter_map(|it| if let Value::Same(of) = it { Some(*of) } else { None }).collect();
        for (at, column) in self.table.columns.iter().enumerate() {
            let must = explicit.contains(&at) || column.numbered && column.wish.leaves_out_a_number(wanted);
            if values[at] != Value::Default || column.generated || (column.numbered && !must) {
                continue;
            }
            if self.manner.only_required && !must && (column.has_default || !column.not_null) {
                continue;
            }
            let nullable = !column.not_null && !must && !column.wish.never_null;
            if nullable && (self.manner.nulls.everywhere(at) || column.wish.always_null) {
                values[at] = Value::Null;
                continue;
            }
            let text = self.manner.text.filter(|_| self.table.riddles);
            match generator(column, wanted, text, self.dialect) {
                Some(generator) => {
                    let unit = Unit { columns: vec![at], capacity: generator.capacity };
                    values[at] = Value::Made(generator, self.units.len());
                    self.units.push(unit);
                }
                None if column.has_default || !column.not_null => {}
                None => {
                    let kind = column.cast.as_deref().unwrap_or("type");
                    return Err(format!("column `{}` is of a {kind} that no values are known for", column.name));
                }
            }
        }
        Ok(())
    }

    fn statement(&self, wanted: u64, values: &[Value]) -> Filling {
        let divide = if self.dialect == Dialect::Postgres { "/" } else { "DIV" };
        let numbering = number(&self.units, &self.table.uniques, wanted, divide);
        let mut names = Vec::new();
        let mut expressions = Vec::new();
        let mut renumber = Vec::new();
        for (at, column) in self.table.columns.iter().enumerate() {
            if let Some(expression) = self.expression(at, values, &numbering) {
                names.push(self.dialect.ident(&column.name));
                expressions.push(expression);
                if column.numbered {
                    renumber.push(column.name.clone());
                }
            }
        }
        let note = numbering.limited_by.as_ref().map(|key| {
            let columns: Vec<_> = key.iter().map(|at| format!("`{}`", self.table.columns[*at].name)).collect();
            format!("{} must be unique and has no more values", columns.join(", "))
        });
        let overriding =
            if renumber.is_empty() || self.dialect == Dialect::MySql { "" } else { " OVERRIDING SYSTEM VALUE" };
        Filling { sql: self.insert(&names, &expressions, overriding, &numbering), note, renumber }
    }

    fn expression(&self, at: usize, values: &[Value], numbering: &Numbering) -> Option<String> {
        let column = &self.table.columns[at];
        Some(match &values[at] {
            Value::Default => return None,
            Value::Null => "NULL".to_owned(),
            Value::Parent(join, place) => format!("p{join}.c{place}"),
            Value::Same(of) => return self.expression(*of, values, numbering),
            Value::Made(generator, unit) => {
                let made = generator.at(&numbering.numbers[*unit]);
                let unique = self.table.uniques.iter().any(|it| it.columns.contains(&at) && !it.nulls_distinct);
                let null = self.manner.nulls == Nulls::Some && !column.not_null && !column.wish.never_null && !unique;
                if null { format!("CASE WHEN n % 10 = {} THEN NULL ELSE {made} END", at % 10) } else { made }
            }
        })
    }

    fn insert(&self, names: &[String], expressions: &[String], overriding: &str, numbering: &Numbering) -> String {
        let into = format!("INSERT INTO {} ({}){overriding}", self.table.sql, names.join(", "));
        let last = numbering.rows.saturating_sub(1);
        let mut from = match self.dialect {
            Dialect::Postgres => format!("generate_series(0::bigint, {last}) AS g(n)"),
            Dialect::MySql => "g".to_owned(),
        };
        for (at, join) in self.joins.iter().enumerate() {
            from.push_str(&self.joined(at, join, &numbering.numbers[join.unit]));
        }
        let select = format!("SELECT {} FROM {from}", expressions.join(", "));
        match (self.dialect, names.first()) {
            // nothing but defaults
            (Dialect::Postgres, None) => {
                format!("INSERT INTO {} SELECT FROM generate_series(0::bigint, {last})", self.table.sql)
            }
            (Dialect::Postgres, Some(_)) => {
                format!("{into} {select}{}", if self.manner.skip { " ON CONFLICT DO NOTHING" } else { "" })
            }
            (Dialect::MySql, first) => {
                let numbers =
                    format!("WITH RECURSIVE g(n) AS (SELECT 0 UNION ALL SELECT n + 1 FROM g WHERE n < {last})");
                let (into, select) = match (first, self.table.columns.first()) {
                    (None, Some(column)) => {
                        let name = self.dialect.ident(&column.name);
                        (format!("INSERT INTO {} ({name})", self.table.sql), "SELECT NULL FROM g".to_owned())
                    }
                    _ => (into, select),
                };
                let skip = first
                    .filter(|_| self.manner.skip)
                    .map(|name| format!(" ON DUPLICATE KEY UPDATE {name} = {}.{name}", self.table.sql));
                format!("{into} {numbers} {select}{}", skip.unwrap_or_default())
            }
        }
    }

    /// The parent's rows, numbered from 0, one for each row.
    fn joined(&self, at: usize, join: &Join<'_>, number: &str) -> String {
        let columns: Vec<_> = join.key.parent_columns.iter().map(|it| self.dialect.ident(it)).collect();
        let named: Vec<_> = columns.iter().enumerate().map(|(i, it)| format!("{it} AS c{i}")).collect();
        let parent = &join.key.parent_sql;
        let known: Vec<_> = columns.iter().map(|it| format!("{it} IS NOT NULL")).collect();
        if join.shared.is_empty() {
            let rows = format!("SELECT {}, row_number() OVER () - 1 AS rn FROM {parent}", named.join(", "));
            return format!(
                " JOIN ({rows} WHERE {} LIMIT {}) p{at} ON p{at}.rn = ({number}) % {}",
                known.join(" AND "),
                join.rows,
                join.rows
            );
        }
        let by: Vec<_> = join.shared.iter().map(|(i, _)| columns[*i].clone()).collect();
        let rows = format!(
            "SELECT {}, row_number() OVER (PARTITION BY {}) AS rn FROM {parent}",
            named.join(", "),
            by.join(", ")
        );
        let same: Vec<_> =
            join.shared.iter().map(|(i, other)| format!("p{at}.c{i} = {}", self.chosen(*other))).collect();
        format!(" JOIN ({rows}) p{at} ON p{at}.rn = 1 AND {}", same.join(" AND "))
    }

    /// Where an earlier join has a column's value.
    fn chosen(&self, column: usize) -> String {
        let found = self.joins.iter().enumerate().find_map(|(at, join)| {
            let place = join.key.columns.iter().position(|it| *it == column)?;
            (!join.shared.iter().any(|(_, other)| *other == column)).then(|| format!("p{at}.c{place}"))
        });
        found.unwrap_or_else(|| "NULL".to_owned())
    }
}
