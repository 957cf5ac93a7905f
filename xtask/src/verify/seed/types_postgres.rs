//! PostgreSQL's types, down to what values they take: domains to their base, enums to their
//! labels, arrays and ranges to their elements.

use std::collections::HashMap;

use super::catalog_postgres::kind_of;
use super::model::Kind;
use super::rows::texts;
use crate::verify::conn::Conn;

struct Type {
    name: String,
    /// The catalog's letter: base, enum, domain, range, ...
    sort: String,
    /// As it is written in SQL.
    written: String,
    /// A domain's base, an array's element, a range's subtype, a multirange's range.
    inner: String,
    modifier: i32,
    not_null: bool,
    array: bool,
}

/// All types of a database.
pub(super) struct Types {
    types: HashMap<String, Type>,
    labels: HashMap<String, Vec<String>>,
    conditions: HashMap<String, Vec<String>>,
}

/// What a type comes down to.
pub(super) struct Resolved {
    pub(super) kind: Kind,
    pub(super) not_null: bool,
    /// The conditions of domains, on `VALUE`.
    pub(super) conditions: Vec<String>,
}

// multiranges came with 14: before, the row has no such field
const TYPES: &str = "
SELECT t.oid, t.typname, t.typtype, format_type(t.oid, NULL), t.typtypmod, t.typnotnull, t.typcategory = 'A',
       CASE WHEN t.typtype = 'd' THEN t.typbasetype::text
            WHEN t.typcategory = 'A' THEN t.typelem::text
            WHEN t.typtype = 'r' THEN r.rngsubtype::text
            WHEN t.typtype = 'm' THEN m.rngtypid::text END
FROM pg_type t
LEFT JOIN pg_range r ON r.rngtypid = t.oid
LEFT JOIN pg_range m ON to_jsonb(m) ->> 'rngmultitypid' = t.oid::text";

const LABELS: &str = "SELECT enumtypid, enumlabel FROM pg_enum ORDER BY enumtypid, enumsortorder";
const CONDITIONS: &str =
    "SELECT contypid, pg_get_constraintdef(oid) FROM pg_constraint WHERE contypid <> 0 AND contype = 'c'";

impl Types {
    pub(super) async fn read(conn: &mut Conn) -> Result<Self, sqlx::Error> {
        let mut types = HashMap::new();
        for row in conn.rows(TYPES).await? {
            let [oid, name, sort, written, modifier, not_null, array, inner] = texts(&row);
            let found = Type {
                name: name.to_owned(),
                sort: sort.to_owned(),
                written: written.to_owned(),
                inner: inner.to_owned(),
                modifier: modifier.parse().unwrap_or(-1),
                not_null: not_null == "t",
                array: array == "t",
            };
            types.insert(oid.to_owned(), found);
        }
        Ok(Self { types, labels: lists(conn, LABELS).await?, conditions: lists(conn, CONDITIONS).await? })
    }

    pub(super) fn resolve(&self, oid: &str, modifier: i32) -> Resolved {
        let mut resolved = Resolved { kind: Kind::Unknown, not_null: false, conditions: Vec::new() };
        let (mut oid, mut modifier) = (oid, modifier);
        while let Some(domain) = self.types.get(oid).filter(|it| it.sort == "d") {
            resolved.not_null |= domain.not_null;
            resolved.conditions.extend(self.conditions.get(oid).cloned().unwrap_or_default());
            (oid, modifier) = (&domain.inner, domain.modifier);
        }
        resolved.kind = self.kind(oid, modifier);
        resolved
    }

    fn kind(&self, oid: &str, modifier: i32) -> Kind {
        let Some(found) = self.types.get(oid) else { return Kind::Unknown };
        let inner = || Box::new(self.resolve(&found.inner, modifier).kind);
        let written = |oid: &str| self.types.get(oid).map(|it| it.written.clone()).unwrap_or_default();
        match found.sort.as_str() {
            "e" => Kind::Enum(self.labels.get(oid).cloned().unwrap_or_default()),
            "r" => Kind::Range(inner(), written(&found.inner), found.written.clone(), None),
            "m" => match self.kind(&found.inner, -1) {
                Kind::Range(of, subtype, range, _) => Kind::Range(of, subtype, range, Some(found.written.clone())),
                _ => Kind::Unknown,
            },
            _ if found.array => match *inner() {
                Kind::Unknown => Kind::Unknown,
                of => Kind::Array(Box::new(of), written(&found.inner)),
            },
            _ => kind_of(&found.name, modifier),
        }
    }
}

async fn lists(conn: &mut Conn, sql: &str) -> Result<HashMap<String, Vec<String>>, sqlx::Error> {
    let mut lists: HashMap<String, Vec<String>> = HashMap::new();
    for row in conn.rows(sql).await? {
        let [key, value] = texts(&row);
        lists.entry(key.to_owned()).or_default().push(value.to_owned());
    }
    Ok(lists)
}
