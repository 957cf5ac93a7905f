//! An old and a new application at work, with prepared statements held open.

use std::collections::BTreeMap;
use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};

use pontoon::Dialect;
use pontoon::exec::{Event, Observer};
use pontoon::migration::Stage;
use pontoon_xtask::verify::conn::dynamic;
use sqlx::{Connection, MySqlConnection, PgConnection, Row as _};

use crate::cases::{Case, Code, Columns, Row};

/// A connection with its prepared statements.
enum Client {
    Postgres(PgConnection),
    MySql(MySqlConnection),
}

impl Client {
    async fn open(url: &str, dialect: Dialect) -> Self {
        match dialect {
            Dialect::Postgres => Self::Postgres(PgConnection::connect(url).await.expect("a connection")),
            Dialect::MySql => Self::MySql(MySqlConnection::connect(url).await.expect("a connection")),
        }
    }

    /// Runs a statement that stays prepared; its first row, as text.
    async fn run(&mut self, sql: &str, values: &[Option<String>]) -> Result<Option<Row>, sqlx::Error> {
        match self {
            Self::Postgres(conn) => {
                let mut query = sqlx::query(dynamic(sql));
                for value in values {
                    query = query.bind(value);
                }
                let row = query.fetch_optional(conn).await?;
                row.map(|row| (0..row.len()).map(|at| row.try_get(at)).collect()).transpose()
            }
            Self::MySql(conn) => {
                let mut query = sqlx::query(dynamic(sql));
                for value in values {
                    query = query.bind(value);
                }
                let row = query.fetch_optional(conn).await?;
                row.map(|row| (0..row.len()).map(|at| row.try_get(at)).collect()).transpose()
            }
        }
    }

    async fn close(self) {
        match self {
            Self::Postgres(conn) => conn.close().await.ok(),
            Self::MySql(conn) => conn.close().await.ok(),
        };
    }
}

/// An application's statements: some name only some of its columns, by their place.
struct Sql {
    inserts: Vec<(Vec<usize>, String)>,
    updates: Vec<(Vec<usize>, String)>,
    delete: String,
    read: String,
    /// What it writes into other tables: before an INSERT, after one, and after a DELETE.
    around: [Option<String>; 3],
}

impl Sql {
    fn of(code: &Code, several: Option<&Columns>, dialect: Dialect) -> Self {
        let table = dialect.ident(code.table);
        let columns = several.map_or(vec![(code.column, code.ty)], |it| it.columns.to_vec());
        let sets = |of: fn(&Columns) -> &'static [&'static [usize]]| {
            several.map_or(vec![vec![0]], |it| of(it).iter().map(|it| it.to_vec()).collect())
        };
        let extra: String = code.extra.iter().map(|(name, _)| format!(", {}", dialect.ident(name))).collect();
        let values: String = code.extra.iter().map(|(_, value)| format!(", {value}")).collect();
        let value = |n: usize, ty: &str| match dialect {
            Dialect::Postgres => format!("${n}::text::{ty}"),
            Dialect::MySql => "?".to_owned(),
        };
        let id = |n| value(n, "bigint");
        let insert = |set: Vec<usize>| {
            let names: String = set.iter().map(|at| format!(", {}", dialect.ident(columns[*at].0))).collect();
            let given: String = set.iter().zip(2..).map(|(at, n)| format!(", {}", value(n, columns[*at].1))).collect();
            let sql = format!("INSERT INTO {table} (id{names}{extra}) VALUES ({}{given}{values})", id(1));
            (set, sql)
        };
        let update = |set: Vec<usize>| {
            let assigned = set.iter().zip(1..).map(|(at, n)| {
                let (name, ty) = columns[*at];
                format!("{} = {}", dialect.ident(name), value(n, ty))
            });
            let assigned = assigned.collect::<Vec<_>>().join(", ");
            let sql = format!("UPDATE {table} SET {assigned} WHERE id = {}", id(set.len() + 1));
            (set, sql)
        };
        let text = |(name, _): &(&str, &str)| match dialect {
            // of one type whatever the column becomes: a plan that is kept fails once when its result is another
            Dialect::Postgres => format!("{}::text COLLATE \"C\"", dialect.ident(name)),
            Dialect::MySql => format!("CAST({} AS CHAR)", dialect.ident(name)),
        };
        let texts = columns.iter().map(text).collect::<Vec<_>>().join(", ");
        Self {
            inserts: sets(|it| it.inserts).into_iter().map(insert).collect(),
            updates: sets(|it| it.updates).into_iter().map(update).collect(),
            delete: format!("DELETE FROM {table} WHERE id = {}", id(1)),
            read: format!("SELECT {texts} FROM {table} WHERE id = {}", id(1)),
            around: [code.before_insert, code.after_insert, code.after_delete]
                .map(|it| it.map(|sql| sql.replace("{id}", &id(1)))),
        }
    }
}

/// One application.
struct App {
    who: &'static str,
    client: Client,
    sql: Sql,
    value: Value,
    /// Whether it writes NULL into its one column too.
    null: bool,
    /// Whether it writes at all.
    writes: bool,
    lives: bool,
}

/// What an application writes, from a number.
enum Value {
    One(fn(i64) -> String),
    Several(fn(i64) -> Row),
}

impl Value {
    fn of(&self, number: i64, null: bool) -> Row {
        match self {
            Self::One(_) if null => vec![None],
            Self::One(value) => vec![Some(value(number))],
            Self::Several(value) => value(number),
        }
    }
}

impl App {
    async fn open(who: &'static str, code: &Code, several: Option<&Columns>, url: &str, dialect: Dialect) -> Self {
        Self {
            who,
            client: Client::open(url, dialect).await,
            sql: Sql::of(code, several, dialect),
            value: several.map_or(Value::One(code.value), |it| Value::Several(it.value)),
            null: code.null,
            writes: code.writes,
            lives: false,
        }
    }

    async fn run(&mut self, what: &str, sql: &str, values: &[Option<String>]) -> Result<Option<Row>, String> {
        self.client.run(sql, values).await.map_err(|error| format!("{} code's {what} failed: {error}\n{sql}", self.who))
    }

    /// Writes a new row by its n-th kind of INSERT, and says what is in it.
    async fn insert(&mut self, id: i64, row: Row, kind: usize) -> Result<Row, String> {
        let (set, sql) = self.sql.inserts[kind % self.sql.inserts.len()].clone();
        let given = set.iter().map(|at| row[*at].clone());
        let values: Vec<_> = std::iter::once(Some(id.to_string())).chain(given).collect();
        self.around(0, id).await?;
        self.run("insert", &sql, &values).await?;
        self.around(1, id).await?;
        let left = |(at, value): (usize, Option<String>)| value.filter(|_| set.contains(&at));
        Ok(row.into_iter().enumerate().map(left).collect())
    }

    /// Changes a row by its n-th kind of UPDATE, and says what is in it.
    async fn update(&mut self, id: i64, before: Row, row: Row, kind: usize) -> Result<Row, String> {
        let (set, sql) = self.sql.updates[kind % self.sql.updates.len()].clone();
        let given = set.iter().map(|at| row[*at].clone());
        let values: Vec<_> = given.chain([Some(id.to_string())]).collect();
        self.run("update", &sql, &values).await?;
        let now = |(at, (before, value))| if set.contains(&at) { value } else { before };
        Ok(before.into_iter().zip(row).enumerate().map(now).collect())
    }

    async fn delete(&mut self, id: i64) -> Result<(), String> {
        let sql = self.sql.delete.clone();
        self.run("delete", &sql, &[Some(id.to_string())]).await?;
        self.around(2, id).await
    }

    async fn around(&mut self, at: usize, id: i64) -> Result<(), String> {
        match self.sql.around[at].clone() {
            Some(sql) => self.run("write beside it", &sql, &[Some(id.to_string())]).await.map(drop),
            None => Ok(()),
        }
    }

    /// What the application sees of a row.
    async fn sees(&mut self, id: i64, wanted: &Row) -> Result<(), String> {
        let sql = self.sql.read.clone();
        let seen = self.run("read", &sql, &[Some(id.to_string())]).await?;
        match seen {
            Some(seen) if seen == *wanted => Ok(()),
            Some(seen) => Err(format!("{} code reads {seen:?} in row {id}, and should read {wanted:?}", self.who)),
            None => Err(format!("{} code does not find row {id}", self.who)),
        }
    }
}

/// Which code wrote a row last, and what is in it for that code.
#[derive(Debug, Clone)]
enum Written {
    Old(Row),
    New(Row),
}

/// What one code sees of what the other wrote.
enum View {
    One(fn(&str) -> String),
    Several(fn(&[Option<String>]) -> Row),
}

impl View {
    fn of(&self, row: &[Option<String>]) -> Row {
        match self {
            Self::One(view) => row.iter().map(|it| it.as_deref().map(view)).collect(),
            Self::Several(view) => view(row),
        }
    }
}

struct State {
    old: App,
    new: App,
    next: i64,
    rows: BTreeMap<i64, Written>,
    to_new: View,
    to_old: View,
    /// What old code writes from validate on, where that is something else.
    old_later: Option<fn(i64) -> String>,
    validating: bool,
    /// Both codes read one column, and whether it is the new one by now; nothing where each has its own.
    swapped: Option<bool>,
    /// The statement at work is the swap, there or back.
    swapping: bool,
}

/// Both applications. As the runner's observer they work after each of its statements.
pub(super) struct Codes {
    name: &'static str,
    new_from: Stage,
    points: AtomicUsize,
    state: Mutex<State>,
}

impl State {
    fn in_new(&self, written: &Written) -> Row {
        if self.swapped == Some(false) {
            return self.in_one(false, written);
        }
        self.in_one(true, written)
    }

    fn in_old(&self, written: &Written) -> Row {
        self.in_one(self.swapped == Some(true), written)
    }

    fn in_one(&self, new: bool, written: &Written) -> Row {
        if new { self.as_new(written) } else { self.as_old(written) }
    }

    fn as_new(&self, written: &Written) -> Row {
        match written {
            Written::Old(row) => self.to_new.of(row),
            Written::New(row) => row.clone(),
        }
    }

    fn as_old(&self, written: &Written) -> Row {
        match written {
            Written::Old(row) => row.clone(),
            Written::New(row) => self.to_old.of(row),
        }
    }

    /// Both codes that live see the row as they must.
    async fn check(&mut self, id: i64) -> Result<(), String> {
        let written = self.rows[&id].clone();
        let wrong = |error: String| format!("{error} ({written:?})");
        if self.old.lives {
            let wanted = self.in_old(&written);
            self.old.sees(id, &wanted).await.map_err(wrong)?;
        }
        if self.new.lives {
            let wanted = self.in_new(&written);
            self.new.sees(id, &wanted).await.map_err(wrong)?;
        }
        Ok(())
    }

    async fn check_all(&mut self) -> Result<(), String> {
        for id in self.rows.keys().copied().collect::<Vec<_>>() {
            self.check(id).await?;
        }
        Ok(())
    }

    /// A new row, or each kind of UPDATE of one that is there.
    async fn old_writes(&mut self, id: i64, new_row: bool, null: bool) -> Result<(), String> {
        let kinds = if new_row { 1 } else { self.old.sql.updates.len() };
        for kind in 0..kinds {
            self.next += 1;
            let row = match self.old_later.filter(|_| self.validating) {
                Some(later) => Value::One(later).of(self.next, null),
                None => self.old.value.of(self.next, null),
            };
            let row = if new_row {
                self.old.insert(id, row, self.next as usize).await?
            } else {
                let before = self.in_old(&self.rows[&id]);
                self.old.update(id, before, row, kind).await?
            };
            self.rows.insert(id, Written::Old(row));
            self.check(id).await?;
        }
        Ok(())
    }

    async fn new_writes(&mut self, id: i64, new_row: bool, null: bool) -> Result<(), String> {
        let kinds = if new_row { 1 } else { self.new.sql.updates.len() };
        for kind in 0..kinds {
            if new_row {
                self.next += 1;
                let row = self.new.value.of(self.next, null);
                let row = self.new.insert(id, row, self.next as usize).await?;
                self.rows.insert(id, Written::New(row));
                self.check(id).await?;
            } else {
                self.new_updates(id, null, kind).await?;
            }
        }
        Ok(())
    }

    async fn new_updates(&mut self, id: i64, null: bool, kind: usize) -> Result<(), String> {
        self.next += 1;
        let row = self.new.value.of(self.next, null);
        let before = self.in_new(&self.rows[&id]);
        let row = self.new.update(id, before, row, kind).await?;
        self.rows.insert(id, Written::New(row));
        self.check(id).await
    }

    /// New code begins while no row is filled yet: each kind of UPDATE meets some of them. A NULL that it writes there
    /// takes the place of a NULL, and cannot be told from a column left out.
    async fn begin(&mut self) -> Result<(), String> {
        let ids: Vec<i64> = self.rows.keys().copied().skip(1).take(4 * self.new.sql.updates.len()).collect();
        for (kind, id) in ids.into_iter().enumerate() {
            while self.new.value.of(self.next + 1, false).contains(&None) {
                self.next += 1;
            }
            self.new_updates(id, false, kind).await?;
        }
        Ok(())
    }

    fn id(&mut self) -> i64 {
        self.next += 1;
        self.next
    }

    /// Everything that the codes that live can do to a row.
    async fn work(&mut self) -> Result<(), String> {
        // a row of before, which a backfill may not have met yet
        let first = self.rows.keys().next().copied();
        let (old, new) = (self.old.lives, self.new.lives && self.new.writes);
        if old {
            let id = self.id();
            self.old_writes(id, true, false).await?;
            self.old_writes(id, false, false).await?;
            if self.old.null {
                self.old_writes(id, false, true).await?;
                self.old_writes(id, false, false).await?;
                let id = self.id();
                self.old_writes(id, true, true).await?;
            }
        }
        if new {
            let id = self.id();
            self.new_writes(id, true, false).await?;
            self.new_writes(id, false, false).await?;
            if old {
                self.old_writes(id, false, false).await?;
            }
            if self.new.null {
                self.new_writes(id, false, true).await?;
                self.new_writes(id, false, false).await?;
                let id = self.id();
                self.new_writes(id, true, true).await?;
            }
            let gone = self.id();
            self.new_writes(gone, true, false).await?;
            self.new.delete(gone).await?;
            self.rows.remove(&gone);
        }
        if let Some(id) = first {
            if new {
                self.new_writes(id, false, false).await?;
            } else if old {
                self.old_writes(id, false, false).await?;
            }
        }
        if old {
            let gone = self.id();
            self.old_writes(gone, true, false).await?;
            if new {
                self.new_writes(gone, false, false).await?;
            }
            self.old.delete(gone).await?;
            self.rows.remove(&gone);
        }
        Ok(())
    }
}

impl Codes {
    pub(super) async fn open(case: &Case, url: &str, dialect: Dialect) -> Self {
        let several = case.several.as_ref();
        let state = State {
            old: App { lives: true, ..App::open("old", &case.old, several.map(|it| &it.old), url, dialect).await },
            new: App::open("new", &case.new, several.map(|it| &it.new), url, dialect).await,
            next: 0,
            rows: BTreeMap::new(),
            to_new: several.map_or(View::One(case.to_new), |it| View::Several(it.to_new)),
            to_old: several.map_or(View::One(case.to_old), |it| View::Several(it.to_old)),
            old_later: case.old.later,
            validating: false,
            swapped: case.one_view.then_some(false),
            swapping: false,
        };
        Self { name: case.name, new_from: case.new_from, points: AtomicUsize::new(0), state: Mutex::new(state) }
    }

    /// Rows of before, written by old code.
    #[allow(clippy::await_holding_lock)] // nobody else waits for it: the runner has not begun
    pub(super) async fn seed(&self, rows: i64) {
        let mut state = self.state.lock().expect("not poisoned");
        for at in 0..rows {
            let id = state.id();
            let null = state.old.null && at % 5 == 4;
            state.old_writes(id, true, null).await.unwrap_or_else(|error| panic!("{}: {error}", self.name));
        }
    }

    pub(super) fn points(&self) -> usize {
        self.points.load(Ordering::Relaxed)
    }

    #[allow(clippy::await_holding_lock)] // nobody else waits for it: the runner has not begun
    pub(super) async fn before(&self, stage: Stage) {
        let mut state = self.state.lock().expect("not poisoned");
        state.old.lives = stage < Stage::Contract;
        state.new.lives = stage > self.new_from;
        state.validating = stage >= Stage::Validate;
        if stage == Stage::Backfill && state.new.lives && state.new.writes {
            state.begin().await.unwrap_or_else(|error| panic!("{}, before {stage}: {error}", self.name));
        }
    }

    /// A stage is done: all rows of all time are right in the view of who lives.
    #[allow(clippy::await_holding_lock)] // nobody else waits for it: the runner has ended
    pub(super) async fn after(&self, stage: Stage) {
        let mut state = self.state.lock().expect("not poisoned");
        let lives = state.new.lives;
        state.new.lives = stage >= Stage::Backfill && stage >= self.new_from;
        state.check_all().await.unwrap_or_else(|error| panic!("{}, after {stage}: {error}", self.name));
        state.new.lives = lives;
    }

    /// New code is taken back first.
    pub(super) fn before_undo(&self) {
        let mut state = self.state.lock().expect("not poisoned");
        state.new.lives = false;
    }

    #[allow(clippy::await_holding_lock)] // nobody else waits for it: the runner has ended
    pub(super) async fn after_undo(&self) {
        let mut state = self.state.lock().expect("not poisoned");
        state.check_all().await.unwrap_or_else(|error| panic!("{}, after undo: {error}", self.name));
    }

    pub(super) async fn close(self: std::sync::Arc<Self>) {
        if let Some(codes) = std::sync::Arc::into_inner(self) {
            let state = codes.state.into_inner().expect("not poisoned");
            state.old.client.close().await;
            state.new.client.close().await;
        }
    }
}

impl Observer for Codes {
    fn event(&self, event: &Event) {
        if let Event::Statement { sql } = event {
            let renames = sql.contains("RENAME COLUMN") && sql.contains("pontoon_a_old");
            self.state.lock().expect("not poisoned").swapping = renames || sql.contains("RENAME VALUE");
        }
        if !matches!(event, Event::Done { .. } | Event::Batch { .. } | Event::Filled { .. }) {
            return;
        }
        self.points.fetch_add(1, Ordering::Relaxed);
        let mut state = self.state.lock().expect("not poisoned");
        if matches!(event, Event::Done { .. }) && std::mem::take(&mut state.swapping) {
            state.swapped = state.swapped.map(|it| !it);
        }
        let work = crate::support::meanwhile(state.work());
        drop(state);
        work.unwrap_or_else(|error| panic!("{}, after {event:?}: {error}", self.name));
    }
}
