//! What MySQL's catalog says of tables.

use std::collections::{BTreeMap, HashMap};

use pontoon::Dialect;

use super::model::{Column, ForeignKey, Kind, Table, Unique};
use super::partition;
use super::rows::{by_table, texts};
use super::wish::{Wish, understand};
use crate::verify::conn::{Conn, TextRow};
use crate::verify::sql_files::{TokenKind, keyword_tokens};

const TABLES: &str = "
SELECT TABLE_NAME FROM information_schema.TABLES
WHERE TABLE_SCHEMA = DATABASE() AND TABLE_TYPE = 'BASE TABLE' AND TABLE_NAME NOT LIKE 'pontoon\\\\_%' ORDER BY TABLE_NAME";

const COLUMNS: &str = "
SELECT TABLE_NAME, COLUMN_NAME, DATA_TYPE, COLUMN_TYPE, CHARACTER_MAXIMUM_LENGTH, NUMERIC_PRECISION, NUMERIC_SCALE,
       IS_NULLABLE, COLUMN_DEFAULT IS NOT NULL, EXTRA, GENERATION_EXPRESSION <> '', SRS_ID
FROM information_schema.COLUMNS WHERE TABLE_SCHEMA = DATABASE() ORDER BY TABLE_NAME, ORDINAL_POSITION";

const UNIQUES: &str = "
SELECT TABLE_NAME, INDEX_NAME, COLUMN_NAME, SUB_PART, EXPRESSION
FROM information_schema.STATISTICS WHERE TABLE_SCHEMA = DATABASE() AND NON_UNIQUE = 0
ORDER BY TABLE_NAME, INDEX_NAME, SEQ_IN_INDEX";

const FOREIGN: &str = "
SELECT TABLE_NAME, CONSTRAINT_NAME, COLUMN_NAME, REFERENCED_TABLE_SCHEMA, REFERENCED_TABLE_NAME, REFERENCED_COLUMN_NAME
FROM information_schema.KEY_COLUMN_USAGE WHERE TABLE_SCHEMA = DATABASE() AND REFERENCED_TABLE_NAME IS NOT NULL
ORDER BY TABLE_NAME, CONSTRAINT_NAME, ORDINAL_POSITION";

/// Also those that are not enforced: triggers may hold to them, and a row that complies does no harm.
const CONDITIONS: &str = "
SELECT t.TABLE_NAME, c.CHECK_CLAUSE
FROM information_schema.TABLE_CONSTRAINTS t
JOIN information_schema.CHECK_CONSTRAINTS c USING (CONSTRAINT_SCHEMA, CONSTRAINT_NAME)
WHERE t.TABLE_SCHEMA = DATABASE() AND t.CONSTRAINT_TYPE = 'CHECK'
ORDER BY t.TABLE_NAME, t.CONSTRAINT_NAME";

const PARTITIONS: &str = "
SELECT TABLE_NAME, PARTITION_METHOD, PARTITION_EXPRESSION, PARTITION_DESCRIPTION
FROM information_schema.PARTITIONS WHERE TABLE_SCHEMA = DATABASE() AND PARTITION_METHOD IS NOT NULL
ORDER BY TABLE_NAME, PARTITION_ORDINAL_POSITION";

/// All tables of the connection's database that rows could be put into.
pub(super) async fn tables(conn: &mut Conn) -> Result<Vec<Table>, sqlx::Error> {
    let columns = by_table(conn.rows(COLUMNS).await?);
    let uniques = by_table(conn.rows(UNIQUES).await?);
    let foreign = by_table(conn.rows(FOREIGN).await?);
    let conditions = by_table(conn.rows(CONDITIONS).await?);
    let partitions = by_table(conn.rows(PARTITIONS).await?);
    let mut tables = Vec::new();
    for row in conn.rows(TABLES).await? {
        let [name] = texts(&row);
        let of = |rows: &HashMap<String, Vec<TextRow>>| rows.get(name).cloned().unwrap_or_default();
        let mut table = Table {
            id: name.to_owned(),
            display: name.to_owned(),
            sql: Dialect::MySql.ident(name),
            columns: of(&columns).iter().map(column).collect(),
            uniques: Vec::new(),
            foreign: Vec::new(),
            riddles: false,
            hopeless: None,
        };
        put_uniques(&mut table, &of(&uniques));
        put_foreign(&mut table, &of(&foreign));
        put_conditions(&mut table, &of(&conditions));
        let partitions = of(&partitions);
        if let Some(first) = partitions.first() {
            let [_, method, expression] = texts(first);
            let descriptions: Vec<&str> = partitions.iter().map(|row| texts::<4>(row)[3]).collect();
            partition::mysql(method, expression, &descriptions, &mut table);
        }
        tables.push(table);
    }
    Ok(tables)
}

fn column(row: &TextRow) -> Column {
    let [_, name, data_type, column_type, length, precision, scale, nullable, default, extra, generated, system] =
        texts(row);
    Column {
        name: name.to_owned(),
        kind: kind(data_type, column_type, length.parse().ok(), precision.parse().ok(), scale, system),
        cast: None,
        not_null: nullable == "NO",
        has_default: default == "1",
        numbered: extra.contains("auto_increment"),
        generated: generated == "1",
        wish: Wish::default(),
    }
}

fn kind(
    data_type: &str,
    column_type: &str,
    length: Option<u64>,
    precision: Option<u32>,
    scale: &str,
    system: &str,
) -> Kind {
    let unsigned = column_type.contains("unsigned");
    let whole = |bits: u32| match unsigned {
        true => Kind::Integer(0, (1 << bits) - 1),
        false => Kind::Integer(-(1 << (bits - 1)), (1 << (bits - 1)) - 1),
    };
    match data_type {
        "tinyint" if column_type.starts_with("tinyint(1)") => Kind::Bool,
        "tinyint" => whole(8),
        "smallint" => whole(16),
        "mediumint" => whole(24),
        "int" => whole(32),
        "bigint" => whole(64),
        "decimal" => Kind::Decimal(precision, scale.parse().unwrap_or(0)),
        "float" | "double" => Kind::Float,
        "char" | "varchar" | "tinytext" | "text" | "mediumtext" | "longtext" => Kind::Text(length),
        "binary" => Kind::Bytes(length, true),
        "varbinary" | "tinyblob" | "blob" | "mediumblob" | "longblob" => Kind::Bytes(length, false),
        "bit" => Kind::Bits(precision.unwrap_or(1).into()),
        "json" => Kind::Json,
        "date" => Kind::Date,
        "time" => Kind::Time,
        "datetime" => Kind::Timestamp(false),
        "timestamp" => Kind::Timestamp(true),
        "year" => Kind::Year,
        "enum" | "set" => Kind::Enum(labels(column_type)),
        "point" | "geometry" => Kind::Point(system.parse().unwrap_or(0)),
        "linestring" => Kind::Template("ST_GeomFromText(CONCAT('LINESTRING(0 0,1 ', \u{1}, ')'))"),
        "vector" => Kind::Template("STRING_TO_VECTOR(CONCAT('[', \u{1}, ']'))"),
        _ => Kind::Unknown,
    }
}

/// `enum('a','it''s')`
fn labels(column_type: &str) -> Vec<String> {
    let texts = keyword_tokens(column_type, Dialect::MySql).into_iter().filter(|it| it.kind == TokenKind::String);
    texts.map(|it| it.text[1..it.text.len() - 1].replace("''", "'")).collect()
}

fn put_uniques(table: &mut Table, rows: &[TextRow]) {
    let mut keys: BTreeMap<String, Vec<usize>> = BTreeMap::new();
    for row in rows {
        let [_, index, name, prefix, expression] = texts(row);
        let named: Vec<String> = match name {
            "" => keyword_tokens(expression, Dialect::MySql).iter().filter_map(|it| it.name()).collect(),
            name => vec![name.to_owned()],
        };
        for (at, column) in table.columns.iter_mut().enumerate().filter(|(_, it)| named.contains(&it.name)) {
            keys.entry(index.to_owned()).or_default().push(at);
            // only the beginning counts
            if let (Kind::Text(limit), Ok(prefix)) = (&mut column.kind, prefix.parse::<u64>()) {
                *limit = Some(limit.unwrap_or(prefix).min(prefix));
            }
        }
    }
    table.uniques = keys.into_values().map(|columns| Unique { columns, nulls_distinct: true }).collect();
}

fn put_foreign(table: &mut Table, rows: &[TextRow]) {
    let mut keys: BTreeMap<String, ForeignKey> = BTreeMap::new();
    for row in rows {
        let [_, constraint, name, schema, parent, parent_column] = texts(row);
        let Some(at) = table.columns.iter().position(|it| it.name == name) else { continue };
        let dialect = Dialect::MySql;
        let key = keys.entry(constraint.to_owned()).or_insert_with(|| ForeignKey {
            columns: Vec::new(),
            parent: parent.to_owned(),
            parent_sql: format!("{}.{}", dialect.ident(schema), dialect.ident(parent)),
            parent_display: parent.to_owned(),
            parent_columns: Vec::new(),
        });
        key.columns.push(at);
        key.parent_columns.push(parent_column.to_owned());
    }
    table.foreign = keys.into_values().collect();
}

fn put_conditions(table: &mut Table, rows: &[TextRow]) {
    let names: Vec<String> = table.columns.iter().map(|it| it.name.clone()).collect();
    let mut wishes = vec![Wish::default(); names.len()];
    for row in rows {
        let [_, clause] = texts(row);
        table.riddles |= !understand(clause, &names, &mut wishes, Dialect::MySql);
    }
    for (column, wish) in table.columns.iter_mut().zip(wishes) {
        column.wish = wish;
    }
}
