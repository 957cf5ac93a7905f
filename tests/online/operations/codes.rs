//! An old and a new application at work, with prepared statements held open.

use std::collections::BTreeMap;
use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};

use pontoon::Dialect;
use pontoon::exec::{Event, Observer};
use pontoon::migration::Stage;
use pontoon_xtask::verify::conn::dynamic;
use sqlx::{Connection, MySqlConnection, PgConnection, Row};

use crate::cases::{Case, Code};

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

    /// Runs a statement that stays prepared; its first row's first column, as text.
    async fn run(&mut self, sql: &str, values: &[Option<String>]) -> Result<Option<Option<String>>, sqlx::Error> {
        match self {
            Self::Postgres(conn) => {
                let mut query = sqlx::query(dynamic(sql));
                for value in values {
                    query = query.bind(value);
                }
                let row = query.fetch_optional(conn).await?;
                row.map(|row| row.try_get(0)).transpose()
            }
            Self::MySql(conn) => {
                let mut query = sqlx::query(dynamic(sql));
                for value in values {
                    query = query.bind(value);
                }
                let row = query.fetch_optional(conn).await?;
                row.map(|row| row.try_get(0)).transpose()
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

/// An application's statements.
struct Sql {
    insert: String,
    update: String,
    delete: String,
    read: String,
}

impl Sql {
    fn of(code: &Code, dialect: Dialect) -> Self {
        let table = dialect.ident(code.table);
        let column = dialect.ident(code.column);
        let extra: String = code.extra.iter().map(|(name, _)| format!(", {}", dialect.ident(name))).collect();
        let values: String = code.extra.iter().map(|(_, value)| format!(", {value}")).collect();
        let value = |n: u32, ty: &str| match dialect {
            Dialect::Postgres => format!("${n}::text::{ty}"),
            Dialect::MySql => "?".to_owned(),
        };
        let id = |n| value(n, "bigint");
        let text = match dialect {
            Dialect::Postgres => format!("{column}::text"),
            Dialect::MySql => format!("CAST({column} AS CHAR)"),
        };
        Self {
            insert: format!(
                "INSERT INTO {table} (id, {column}{extra}) VALUES ({}, {}{values})",
                id(1),
                value(2, code.ty)
            ),
            update: format!("UPDATE {table} SET {column} = {} WHERE id = {}", value(1, code.ty), id(2)),
            delete: format!("DELETE FROM {table} WHERE id = {}", id(1)),
            read: format!("SELECT {text} FROM {table} WHERE id = {}", id(1)),
        }
    }
}

/// One application.
struct App {
    who: &'static str,
    client: Client,
    sql: Sql,
}

impl App {
    async fn run(
        &mut self,
        what: &str,
        sql: &str,
        values: &[Option<String>],
    ) -> Result<Option<Option<String>>, String> {
        self.client.run(sql, values).await.map_err(|error| format!("{} code's {what} failed: {error}\n{sql}", self.who))
    }

    async fn insert(&mut self, id: i64, value: Option<String>) -> Result<(), String> {
        let sql = self.sql.insert.clone();
        self.run("insert", &sql, &[Some(id.to_string()), value]).await.map(drop)
    }

    async fn update(&mut self, id: i64, value: Option<String>) -> Result<(), String> {
        let sql = self.sql.update.clone();
        self.run("update", &sql, &[value, Some(id.to_string())]).await.map(drop)
    }

    async fn delete(&mut self, id: i64) -> Result<(), String> {
        let sql = self.sql.delete.clone();
        self.run("delete", &sql, &[Some(id.to_string())]).await.map(drop)
    }

    /// What the application sees of a row.
    async fn sees(&mut self, id: i64, wanted: &Option<String>) -> Result<(), String> {
        let sql = self.sql.read.clone();
        let seen = self.run("read", &sql, &[Some(id.to_string())]).await?;
        match seen {
            Some(seen) if seen == *wanted => Ok(()),
            Some(seen) => Err(format!("{} code reads {seen:?} in row {id}, and should read {wanted:?}", self.who)),
            None => Err(format!("{} code does not find row {id}", self.who)),
        }
    }
}

/// Which code wrote a row last, and what.
#[derive(Debug, Clone)]
enum Written {
    Old(Option<String>),
    New(Option<String>),
}

struct State {
    old: App,
    new: App,
    old_lives: bool,
    new_lives: bool,
    next: i64,
    rows: BTreeMap<i64, Written>,
    to_new: fn(&str) -> String,
    to_old: fn(&str) -> String,
    old_value: fn(i64) -> String,
    new_value: fn(i64) -> String,
    old_null: bool,
    new_null: bool,
    new_writes: bool,
}

/// Both applications. As the runner's observer they work after each of its statements.
pub(super) struct Codes {
    name: &'static str,
    new_from: Stage,
    points: AtomicUsize,
    state: Mutex<State>,
}

impl State {
    fn in_new(&self, written: &Written) -> Option<String> {
        match written {
            Written::Old(value) => value.as_deref().map(self.to_new),
            Written::New(value) => value.clone(),
        }
    }

    fn in_old(&self, written: &Written) -> Option<String> {
        match written {
            Written::Old(value) => value.clone(),
            Written::New(value) => value.as_deref().map(self.to_old),
        }
    }

    /// Both codes that live see the row as they must.
    async fn check(&mut self, id: i64) -> Result<(), String> {
        let written = self.rows[&id].clone();
        let wrong = |error: String| format!("{error} ({written:?})");
        if self.old_lives {
            let wanted = self.in_old(&written);
            self.old.sees(id, &wanted).await.map_err(wrong)?;
        }
        if self.new_lives {
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

    async fn old_writes(&mut self, id: i64, new_row: bool, null: bool) -> Result<(), String> {
        self.next += 1;
        let value = (!null).then(|| (self.old_value)(self.next));
        if new_row {
            self.old.insert(id, value.clone()).await?
        } else {
            self.old.update(id, value.clone()).await?
        }
        self.rows.insert(id, Written::Old(value));
        self.check(id).await
    }

    async fn new_writes(&mut self, id: i64, new_row: bool, null: bool) -> Result<(), String> {
        self.next += 1;
        let value = (!null).then(|| (self.new_value)(self.next));
        if new_row {
            self.new.insert(id, value.clone()).await?
        } else {
            self.new.update(id, value.clone()).await?
        }
        self.rows.insert(id, Written::New(value));
        self.check(id).await
    }

    fn id(&mut self) -> i64 {
        self.next += 1;
        self.next
    }

    /// Everything that the codes that live can do to a row.
    async fn work(&mut self) -> Result<(), String> {
        // a row of before, which a backfill may not have met yet
        let first = self.rows.keys().next().copied();
        let (old, new) = (self.old_lives, self.new_lives && self.new_writes);
        if old {
            let id = self.id();
            self.old_writes(id, true, false).await?;
            self.old_writes(id, false, false).await?;
            if self.old_null {
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
            if self.new_null {
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
        let app = async |who, code| App { who, client: Client::open(url, dialect).await, sql: Sql::of(code, dialect) };
        let state = State {
            old: app("old", &case.old).await,
            new: app("new", &case.new).await,
            old_lives: true,
            new_lives: false,
            next: 0,
            rows: BTreeMap::new(),
            to_new: case.to_new,
            to_old: case.to_old,
            old_value: case.old.value,
            new_value: case.new.value,
            old_null: case.old.null,
            new_null: case.new.null,
            new_writes: case.new.writes,
        };
        Self { name: case.name, new_from: case.new_from, points: AtomicUsize::new(0), state: Mutex::new(state) }
    }

    /// Rows of before, written by old code.
    #[allow(clippy::await_holding_lock)] // nobody else waits for it: the runner has not begun
    pub(super) async fn seed(&self, rows: i64) {
        let mut state = self.state.lock().expect("not poisoned");
        for at in 0..rows {
            let id = state.id();
            let null = state.old_null && at % 5 == 4;
            state.old_writes(id, true, null).await.unwrap_or_else(|error| panic!("{}: {error}", self.name));
        }
    }

    pub(super) fn points(&self) -> usize {
        self.points.load(Ordering::Relaxed)
    }

    pub(super) fn before(&self, stage: Stage) {
        let mut state = self.state.lock().expect("not poisoned");
        state.old_lives = stage < Stage::Contract;
        state.new_lives = stage > self.new_from;
    }

    /// A stage is done: all rows of all time are right in the view of who lives.
    #[allow(clippy::await_holding_lock)] // nobody else waits for it: the runner has ended
    pub(super) async fn after(&self, stage: Stage) {
        let mut state = self.state.lock().expect("not poisoned");
        let lives = state.new_lives;
        state.new_lives = stage >= Stage::Backfill && stage >= self.new_from;
        state.check_all().await.unwrap_or_else(|error| panic!("{}, after {stage}: {error}", self.name));
        state.new_lives = lives;
    }

    /// New code is taken back first.
    pub(super) fn before_undo(&self) {
        let mut state = self.state.lock().expect("not poisoned");
        state.new_lives = false;
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
        if !matches!(event, Event::Done { .. } | Event::Batch { .. } | Event::Filled { .. }) {
            return;
        }
        self.points.fetch_add(1, Ordering::Relaxed);
        let mut state = self.state.lock().expect("not poisoned");
        let work = tokio::task::block_in_place(|| tokio::runtime::Handle::current().block_on(state.work()));
        drop(state);
        work.unwrap_or_else(|error| panic!("{}, after {event:?}: {error}", self.name));
    }
}
