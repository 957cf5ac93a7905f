//! What is filled: a table of users as applications have them, and a column that follows from another one.

use clap::ValueEnum;
use pontoon::Dialect;
use pontoon::migration::history::Recorded;
use pontoon::migration::{Backfill, Step, file};
use pontoon::plan::plan;
use pontoon::schema::{ColumnType, Intents, Schema, Texts, from_schema};
use pontoon::sql_type::Kind;

use crate::verify::conn::{Conn, message_of};

/// What the table's key is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(in crate::bench) enum Key {
    /// Numbers in their order
    Number,
    /// Uuids in no order
    Uuid,
}

/// What the column gets.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(in crate::bench) enum Value {
    /// The e-mail address up to its `@`, some ten bytes: MySQL's pages have room for it
    Short,
    /// The whole address: they have not
    Long,
}

/// A table and its new column.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::bench) struct Job {
    pub(in crate::bench) dialect: Dialect,
    pub(in crate::bench) rows: u64,
    pub(in crate::bench) key: Key,
    pub(in crate::bench) value: Value,
}

mod before {
    #[derive(pontoon::Table)]
    #[table(name = "users")]
    #[allow(dead_code)]
    pub(super) struct User {
        #[column(primary_key, identity)]
        id: i64,
        #[column(length = 320)]
        email: String,
        #[column(length = 64)]
        full_name: Option<String>,
        #[column(length = 255)]
        address: String,
        newsletter: bool,
        visits: i64,
    }

    pontoon::schema! { pub(super) Before { User } }
}

mod after {
    #[derive(pontoon::Table)]
    #[table(name = "users")]
    #[allow(dead_code)]
    pub(super) struct User {
        #[column(primary_key, identity)]
        id: i64,
        #[column(length = 320)]
        email: String,
        #[column(length = 64)]
        full_name: Option<String>,
        #[column(length = 255)]
        address: String,
        newsletter: bool,
        visits: i64,
        #[column(
            length = 64,
            backfill(postgres = "split_part(email, '@', 1)", mysql = "substring_index(email, '@', 1)")
        )]
        display_name: String,
    }

    pontoon::schema! { pub(super) After { User } }
}

impl Key {
    /// The key of the row of that number, which is an SQL expression.
    pub(in crate::bench) fn of(self, dialect: Dialect, number: &str) -> String {
        match (self, dialect) {
            (Self::Number, _) => number.to_owned(),
            (Self::Uuid, Dialect::Postgres) => format!("md5(({number})::text)::uuid"),
            (Self::Uuid, Dialect::MySql) => format!("UNHEX(LEFT(SHA2({number}, 256), 32))"),
        }
    }

    fn change(self, schema: &mut Schema) {
        if self == Self::Number {
            return;
        }
        let id = schema.tables.values_mut().flat_map(|it| &mut it.columns).filter(|it| it.name == "id");
        for id in id {
            id.ty = ColumnType::plain(Kind::Uuid);
            id.identity = false;
            id.default =
                Texts { postgres: Some("gen_random_uuid()".into()), mysql: Some("(uuid_to_bin(uuid()))".into()) };
        }
    }
}

impl Job {
    /// The expression of the column's value.
    pub(in crate::bench) const fn expression(self) -> &'static str {
        match (self.value, self.dialect) {
            (Value::Short, Dialect::Postgres) => "split_part(email, '@', 1)",
            (Value::Short, Dialect::MySql) => "substring_index(email, '@', 1)",
            (Value::Long, _) => "substr(email, 1, 64)",
        }
    }

    /// The column as somebody without a tool would add it.
    pub(in crate::bench) const fn add_column(self) -> &'static str {
        match self.dialect {
            Dialect::Postgres => "ALTER TABLE users ADD COLUMN display_name varchar(64)",
            Dialect::MySql => {
                "ALTER TABLE users ADD COLUMN display_name varchar(64) NOT NULL DEFAULT '', ALGORITHM=INSTANT"
            }
        }
    }

    /// The fill as somebody without a tool would do it.
    pub(in crate::bench) fn update(self) -> String {
        format!("UPDATE users SET display_name = {}", self.expression())
    }

    /// The two migrations: the table, and its new column.
    pub(in crate::bench) fn migrations(self) -> Result<Vec<Recorded>, String> {
        let (mut before, intents) = from_schema::<before::Before>().map_err(|error| error.to_string())?;
        let (mut after, mut with_backfill) = from_schema::<after::After>().map_err(|error| error.to_string())?;
        [&mut before, &mut after].into_iter().for_each(|it| self.key.change(it));
        let expression = Some(self.expression().to_owned());
        for texts in with_backfill.backfills.values_mut() {
            *texts = Texts { postgres: expression.clone(), mysql: expression.clone() };
        }
        let recorded = |id: &str, source: &Schema, target: &Schema, intents: &Intents| {
            let plan = plan(id, source, target, intents, self.dialect).map_err(|error| error.to_string())?;
            let text = file::render(&plan.migration);
            let migration = file::parse(id, self.dialect, id, &text).map_err(|error| error.to_string())?;
            Ok::<_, String>(Recorded { migration, sha256: file::sha256(&text) })
        };
        Ok(vec![
            recorded("0001_initial", &Schema::default(), &before, &intents)?,
            recorded("0002_display_name", &before, &after, &with_backfill)?,
        ])
    }

    /// The rows, and everything written that writing them has left to do.
    pub(in crate::bench) async fn insert_rows(self, conn: &mut Conn) -> Result<(), String> {
        let Self { dialect, rows, key, .. } = self;
        let (column, id) = match key {
            Key::Number => ("", String::new()),
            Key::Uuid => ("id, ", format!("{}, ", key.of(dialect, "n"))),
        };
        let insert = format!("INSERT INTO users ({column}email, full_name, address, newsletter, visits)");
        let values = format!("{id}{VALUES}");
        let statements = match dialect {
            Dialect::Postgres => vec![
                format!("{insert} SELECT {values} FROM generate_series(1, {rows}) AS n"),
                "VACUUM ANALYZE users".into(),
                "CHECKPOINT".into(),
            ],
            Dialect::MySql => vec![
                format!("SET SESSION cte_max_recursion_depth = {rows}"),
                format!(
                    "{insert} WITH RECURSIVE s(n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM s WHERE n < {rows}) SELECT {values} FROM s"
                ),
                "ANALYZE TABLE users".into(),
            ],
        };
        for sql in statements {
            execute(conn, &sql).await?;
        }
        Ok(())
    }

    /// Rows of before that are gone, and rows, also those written meanwhile, with another value than the expression gives.
    /// One plain UPDATE knows nothing of rows that are written meanwhile: `only_those_of_before`.
    pub(in crate::bench) async fn lost(self, conn: &mut Conn, only_those_of_before: bool) -> Result<u64, String> {
        let (rows, expression) = (self.rows, self.expression());
        let differs = match self.dialect {
            Dialect::Postgres => format!("display_name IS DISTINCT FROM {expression}"),
            Dialect::MySql => format!("NOT (display_name <=> {expression})"),
        };
        // which clients' rows are not
        let of_before = "email NOT LIKE '%@new.example'";
        let differs = if only_those_of_before { format!("{differs} AND {of_before}") } else { differs };
        let sql = format!(
            "SELECT {rows} - (SELECT count(*) FROM users WHERE {of_before}) + (SELECT count(*) FROM users WHERE {differs})"
        );
        let lost = conn.value(sql).await.map_err(|error| message_of(&error))?;
        lost.and_then(|it| it.parse().ok()).ok_or_else(|| "the server does not count".into())
    }
}

const VALUES: &str = "concat('user', n, '@example-', n % 97, '.com'), concat('Name of User ', n), \
                      concat(n % 1000, ' Long Street of the Old Harbour, ', 10000 + n % 89999, ' Town upon River, Country'), n % 3 = 0, n % 1000";

/// The step that fills.
pub(in crate::bench) fn backfill(recorded: &Recorded) -> Result<&Backfill, String> {
    let found = recorded.migration.steps.iter().find_map(|(_, step)| match step {
        Step::Backfill(it) => Some(it),
        Step::Statement(_) | Step::Assertion(_) | Step::Search(_) => None,
    });
    found.ok_or_else(|| format!("migration `{}` has no backfill", recorded.migration.id))
}

pub(in crate::bench) async fn execute(conn: &mut Conn, sql: &str) -> Result<(), String> {
    conn.execute(sql).await.map(drop).map_err(|error| format!("{}: {sql}", message_of(&error)))
}
