//! What PostgreSQL's catalog says of tables.

use std::collections::BTreeMap;

use pontoon::Dialect;

use super::model::{Column, ForeignKey, Kind, Table, Unique};
use super::partition;
use super::rows::{by_table, texts};
use super::types_postgres::Types;
use super::wish::{Wish, understand};
use crate::verify::conn::{Conn, TextRow};
use crate::verify::sql_files::keyword_tokens;

const TABLES: &str = "
SELECT c.oid, n.nspname, c.relname, c.relkind
FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
WHERE c.relkind IN ('r', 'p') AND NOT c.relispartition AND c.relpersistence <> 't'
  AND n.nspname <> 'information_schema' AND n.nspname NOT LIKE 'pg\\_%' AND c.relname NOT LIKE 'pontoon\\_%'
  AND NOT EXISTS (SELECT FROM pg_depend d
                  WHERE d.classid = 'pg_class'::regclass AND d.objid = c.oid AND d.deptype = 'e')
ORDER BY n.nspname, c.relname";

// objects of the server's own have smaller numbers
const COLUMNS: &str = "
SELECT a.attrelid, a.attnum, a.attname, a.atttypid, a.atttypmod, format_type(a.atttypid, a.atttypmod),
       a.attnotnull, a.attidentity, a.attgenerated, pg_get_expr(d.adbin, d.adrelid)
FROM pg_attribute a JOIN pg_class c ON c.oid = a.attrelid AND c.relkind IN ('r', 'p')
LEFT JOIN pg_attrdef d ON d.adrelid = a.attrelid AND d.adnum = a.attnum
WHERE a.attnum > 0 AND NOT a.attisdropped AND a.attrelid >= 16384
ORDER BY a.attrelid, a.attnum";

const CONSTRAINTS: &str = "
SELECT conrelid, contype, array_to_string(conkey, ' '), confrelid, confrelid::regclass::text,
       (SELECT string_agg(quote_ident(f.attname), ',' ORDER BY k.at)
        FROM unnest(confkey) WITH ORDINALITY AS k(num, at)
        JOIN pg_attribute f ON f.attrelid = confrelid AND f.attnum = k.num),
       pg_get_constraintdef(oid)
FROM pg_constraint WHERE conrelid <> 0 AND contype IN ('c', 'f') AND conparentid = 0
ORDER BY conrelid, conname";

// a column's server version differs in whether NULLs can be not distinct, so the row is asked as JSON
const UNIQUES: &str = "
SELECT i.indrelid, i.indkey::text, coalesce(to_jsonb(i) ->> 'indnullsnotdistinct', 'false'), pg_get_indexdef(i.indexrelid)
FROM pg_index i JOIN pg_class c ON c.oid = i.indrelid AND c.relkind IN ('r', 'p')
WHERE i.indisunique AND i.indrelid >= 16384 ORDER BY i.indexrelid";

/// All tables that rows could be put into.
pub(super) async fn tables(conn: &mut Conn) -> Result<Vec<Table>, sqlx::Error> {
    let types = Types::read(conn).await?;
    let columns = by_table(conn.rows(COLUMNS).await?);
    let constraints = by_table(conn.rows(CONSTRAINTS).await?);
    let uniques = by_table(conn.rows(UNIQUES).await?);
    let mut tables = Vec::new();
    for row in conn.rows(TABLES).await? {
        let [oid, schema, name, kind] = texts(&row);
        let none = Vec::new();
        let mut reader = Reader::new(schema, name, oid, columns.get(oid).unwrap_or(&none), &types);
        reader.conditions(constraints.get(oid).unwrap_or(&none));
        reader.keys(uniques.get(oid).unwrap_or(&none));
        if kind == "p" {
            partition::postgres(conn, oid, &mut reader.table).await?;
        }
        tables.push(reader.table);
    }
    Ok(tables)
}

struct Reader {
    table: Table,
    /// The catalog's number of a column, and its place in the table.
    numbers: BTreeMap<String, usize>,
}

impl Reader {
    fn new(schema: &str, name: &str, oid: &str, columns: &[TextRow], types: &Types) -> Self {
        let dialect = Dialect::Postgres;
        let display = if schema == "public" { name.to_owned() } else { format!("{schema}.{name}") };
        let mut table = Table {
            id: oid.to_owned(),
            display,
            sql: format!("{}.{}", dialect.ident(schema), dialect.ident(name)),
            columns: Vec::new(),
            uniques: Vec::new(),
            foreign: Vec::new(),
            riddles: false,
            hopeless: None,
        };
        let mut numbers = BTreeMap::new();
        for row in columns {
            let [_, number, name, type_id, modifier, type_name, not_null, identity, generated, default] = texts(row);
            numbers.insert(number.to_owned(), table.columns.len());
            let resolved = types.resolve(type_id, modifier.parse().unwrap_or(-1));
            let mut wish = [Wish::default()];
            for condition in &resolved.conditions {
                table.riddles |= !understand(condition, &["value".to_owned()], &mut wish, dialect);
            }
            let [wish] = wish;
            table.columns.push(Column {
                name: name.to_owned(),
                kind: resolved.kind,
                cast: Some(type_name.to_owned()),
                not_null: not_null == "t" || resolved.not_null,
                has_default: !default.is_empty(),
                numbered: !identity.is_empty() || default.starts_with("nextval("),
                generated: !generated.is_empty(),
                wish,
            });
        }
        Self { table, numbers }
    }

    fn places(&self, numbers: &str) -> Vec<usize> {
        numbers.split_whitespace().filter_map(|it| self.numbers.get(it).copied()).collect()
    }

    fn conditions(&mut self, rows: &[TextRow]) {
        let names: Vec<String> = self.table.columns.iter().map(|it| it.name.clone()).collect();
        let mut wishes: Vec<Wish> = self.table.columns.iter().map(|it| it.wish.clone()).collect();
        for row in rows {
            let [_, kind, columns, parent, parent_name, parent_columns, definition] = texts(row);
            if kind == "c" {
                self.table.riddles |= !understand(definition, &names, &mut wishes, Dialect::Postgres);
                continue;
            }
            let parent_columns = keyword_tokens(parent_columns, Dialect::Postgres);
            self.table.foreign.push(ForeignKey {
                columns: self.places(columns),
                parent: parent.to_owned(),
                parent_sql: parent_name.to_owned(),
                parent_display: parent_name.to_owned(),
                parent_columns: parent_columns.iter().filter_map(|it| it.name()).collect(),
            });
        }
        for (column, wish) in self.table.columns.iter_mut().zip(wishes) {
            column.wish = wish;
        }
    }

    fn keys(&mut self, rows: &[TextRow]) {
        for row in rows {
            let [_, numbers, nulls_not_distinct, definition] = texts(row);
            let mut columns = self.places(numbers);
            if numbers.split_whitespace().any(|it| it == "0") {
                columns.extend(self.columns_in(definition));
                columns.sort_unstable();
                columns.dedup();
            }
            // a text that is compared without regard to case is made up in one case anyway
            if !columns.is_empty() {
                self.table.uniques.push(Unique { columns, nulls_distinct: nulls_not_distinct == "false" });
            }
        }
    }

    /// The columns that an index's expressions name.
    fn columns_in(&self, definition: &str) -> Vec<usize> {
        let keys = definition.split_once(" USING ").map_or(definition, |(_, keys)| keys);
        let keys = keys.split(" WHERE ").next().unwrap_or(keys);
        let named: Vec<String> = keyword_tokens(keys, Dialect::Postgres).iter().filter_map(|it| it.name()).collect();
        let columns = self.table.columns.iter().enumerate();
        columns.filter(|(_, column)| named.contains(&column.name)).map(|(at, _)| at).collect()
    }
}

/// Kinds that only a cast tells apart.
pub(super) fn kind_of(name: &str, modifier: i32) -> Kind {
    let length = (modifier >= 4).then(|| (modifier - 4) as u64);
    match name {
        "bool" => Kind::Bool,
        "int2" => Kind::Integer(i16::MIN.into(), i16::MAX.into()),
        "int4" => Kind::Integer(i32::MIN.into(), i32::MAX.into()),
        "int8" => Kind::Integer(i64::MIN.into(), i64::MAX.into()),
        "oid" | "xid" | "xid8" => Kind::Integer(0, u32::MAX.into()),
        "money" => Kind::Decimal(Some(12), 2),
        "numeric" if modifier < 4 => Kind::Decimal(None, 0),
        // precision in the upper half, scale in the lower eleven bits (15 and later), negative ones as 0
        "numeric" => {
            let scale = (modifier - 4) & 0x7ff;
            Kind::Decimal(Some(((modifier - 4) >> 16) as u32), if scale < 1024 { scale as u32 } else { 0 })
        }
        "float4" | "float8" => Kind::Float,
        "varchar" | "bpchar" => Kind::Text(length),
        "text" | "citext" => Kind::Text(None),
        "name" => Kind::Text(Some(63)),
        "char" => Kind::Text(Some(1)),
        "bytea" => Kind::Bytes(None, false),
        "bit" | "varbit" if modifier > 0 => Kind::Bits(modifier as u64),
        "bit" => Kind::Bits(1),
        "varbit" => Kind::Bits(32),
        "uuid" => Kind::Uuid,
        "json" | "jsonb" => Kind::Json,
        "date" => Kind::Date,
        "time" => Kind::Time,
        "timetz" => Kind::Template("(time '00:00' + \u{1} * interval '1 second')::time::text || '+00'"),
        "timestamp" => Kind::Timestamp(false),
        "timestamptz" => Kind::Timestamp(true),
        "interval" => Kind::Interval,
        "inet" | "cidr" => Kind::Template("(inet '10.0.0.0' + \u{1})::text"),
        "macaddr" => Kind::Template("lpad(to_hex(\u{1}), 12, '0')"),
        "macaddr8" => Kind::Template("lpad(to_hex(\u{1}), 16, '0')"),
        "tsvector" => Kind::Template("to_tsvector('simple', 'word ' || \u{1})"),
        "tsquery" => Kind::Template("to_tsquery('simple', 'word' || \u{1})"),
        "xml" => Kind::Template("('<n>' || \u{1} || '</n>')::xml"),
        "point" => Kind::Template("point(\u{1}, \u{1})"),
        "box" => Kind::Template("box(point(\u{1}, 0), point(\u{1} + 1, 1))"),
        "circle" => Kind::Template("circle(point(\u{1}, 0), 1)"),
        "lseg" => Kind::Template("lseg(point(\u{1}, 0), point(\u{1} + 1, 1))"),
        "path" | "polygon" => Kind::Template("'((0,0),(1,' || \u{1} || '))'"),
        "line" => Kind::Template("'{1,-1,' || \u{1} || '}'"),
        // nothing can be added to one before 14
        "pg_lsn" => Kind::Template("('0/' || to_hex(\u{1}))"),
        "jsonpath" => Kind::Template("'$.n' || \u{1}"),
        "hstore" => Kind::Template("'n=>' || \u{1}"),
        "ltree" => Kind::Template("'n' || \u{1}"),
        _ => Kind::Unknown,
    }
}
