//! Column types (MySQL manual, "Data Types").

use super::quote::{ident, literal};
use crate::migration::KeyCast;
use crate::schema::ColumnType;
use crate::sql_type::Kind;

/// The type's name. A moment is DATETIME, not TIMESTAMP, which ends in 2038 and moves with the session's zone.
pub(crate) fn name(ty: &ColumnType) -> String {
    if let Some(spelled) = &ty.spelled.mysql {
        return spelled.clone();
    }
    let (precision, scale) = (ty.precision.unwrap_or_default(), ty.scale.unwrap_or_default());
    match ty.kind {
        Kind::Boolean => "tinyint(1)".into(),
        Kind::TinyInt => "tinyint".into(),
        Kind::SmallInt => "smallint".into(),
        Kind::Integer => "int".into(),
        Kind::BigInt => "bigint".into(),
        Kind::UnsignedTinyInt => "tinyint unsigned".into(),
        Kind::UnsignedSmallInt => "smallint unsigned".into(),
        Kind::UnsignedInteger => "int unsigned".into(),
        Kind::UnsignedBigInt => "bigint unsigned".into(),
        Kind::Real => "float".into(),
        Kind::Double => "double".into(),
        Kind::Text => ty.length.map_or_else(|| "longtext".into(), |length| format!("varchar({length})")),
        Kind::Bytes => ty.length.map_or_else(|| "longblob".into(), |length| format!("varbinary({length})")),
        Kind::Date => "date".into(),
        Kind::Time => "time(6)".into(),
        Kind::DateTime | Kind::Timestamp => "datetime(6)".into(),
        Kind::Uuid => "binary(16)".into(),
        Kind::Json => "json".into(),
        Kind::Decimal => format!("decimal({precision},{scale})"),
        Kind::Enum => {
            let values: Vec<_> = ty.values().iter().map(|it| literal(it)).collect();
            format!("enum({})", values.join(","))
        }
        // the derive gives this kind only to a column with both spellings
        Kind::Custom => "longtext".into(),
    }
}

/// The type as a column's definition has it.
pub(crate) fn definition(ty: &ColumnType) -> String {
    match &ty.collation.mysql {
        Some(collation) => format!("{} COLLATE {}", name(ty), ident(collation)),
        None => name(ty),
    }
}

/// The character set of a collation, with which its name begins (manual, "Collation Naming Conventions").
pub(crate) fn charset(collation: &str) -> &str {
    collation.split('_').next().unwrap_or(collation)
}

/// Whether the type takes a literal as its default, and so a new column of it is INSTANT with
/// a value. TEXT, BLOB and JSON take an expression only.
pub(crate) fn takes_literal_default(ty: &ColumnType) -> bool {
    if ty.kind == Kind::Enum {
        return true;
    }
    let name = name(ty).to_ascii_lowercase();
    !["text", "blob", "json", "geometry", "vector"].iter().any(|kind| name.contains(kind))
}

/// A default as `DEFAULT` takes it: a literal bare, an expression in parentheses, and the
/// current time with the digits of its column.
pub(crate) fn default_value(ty: &ColumnType, sql: &str) -> String {
    let text = sql.trim();
    let lower = text.to_ascii_lowercase();
    let moment = matches!(ty.kind, Kind::DateTime | Kind::Timestamp) && ty.spelled.mysql.is_none();
    if moment && matches!(lower.as_str(), "now()" | "current_timestamp" | "current_timestamp()" | "localtimestamp") {
        return "CURRENT_TIMESTAMP(6)".into();
    }
    let bare = takes_literal_default(ty)
        && (lower.starts_with("current_timestamp") || lower.starts_with("now(") || is_literal(&lower));
    if bare || (text.starts_with('(') && text.ends_with(')')) {
        text.to_owned()
    } else if is_literal(&lower) {
        // ALTER COLUMN ... SET DEFAULT takes ('x') for a literal, which these types have not
        match ty.kind {
            Kind::Json => format!("(CAST({text} AS JSON))"),
            _ => format!("(CONCAT({text}))"),
        }
    } else {
        format!("({text})")
    }
}

fn is_literal(text: &str) -> bool {
    let number = text.strip_prefix(['-', '+']).unwrap_or(text);
    matches!(text, "null" | "true" | "false")
        || (!number.is_empty() && number.chars().all(|c| c.is_ascii_digit() || c == '.'))
        || (text.len() >= 2 && text.starts_with('\'') && text.ends_with('\'') && !inner_quote(text))
        || text.starts_with("x'")
}

/// Whether a quoted text ends before its end, as in `'a' || 'b'`.
fn inner_quote(text: &str) -> bool {
    text[1..text.len() - 1].replace("''", "").contains('\'')
}

/// Whether the catalog alone changes. The bytes of a text's length are one up to 255 bytes and two
/// beyond, and a character is taken for four bytes (utf8mb4); where that is wrong, the server refuses
/// the statement rather than copy. An enum is kept as the place of its value, in one byte up to 255 values.
pub(crate) fn widens_in_place(from: &ColumnType, to: &ColumnType) -> bool {
    if from.kind == Kind::Enum && to.kind == Kind::Enum {
        let bytes = |ty: &ColumnType| ty.values().len() > 255;
        return to.values().starts_with(from.values()) && bytes(from) == bytes(to);
    }
    let bytes = match from.kind {
        Kind::Text => 4,
        Kind::Bytes => 1,
        _ => return false,
    };
    let plain = from.spelled.mysql.is_none()
        && to.spelled.mysql.is_none()
        && from.kind == to.kind
        && from.collation.mysql == to.collation.mysql;
    let (Some(from), Some(to)) = (from.length, to.length) else { return false };
    plain && from <= to && (to * bytes <= 255 || from * bytes > 255)
}

/// A value that means nothing, for a column that goes away; `None` where there is no such value.
pub(crate) fn zero(ty: &ColumnType) -> Option<String> {
    if ty.spelled.mysql.is_some() {
        return None;
    }
    let zero = match ty.kind {
        Kind::Boolean
        | Kind::TinyInt
        | Kind::SmallInt
        | Kind::Integer
        | Kind::BigInt
        | Kind::UnsignedTinyInt
        | Kind::UnsignedSmallInt
        | Kind::UnsignedInteger
        | Kind::UnsignedBigInt
        | Kind::Real
        | Kind::Double
        | Kind::Decimal => "0",
        Kind::Text | Kind::Bytes => "''",
        Kind::Date => "'1970-01-01'",
        Kind::Time => "'00:00:00'",
        Kind::DateTime | Kind::Timestamp => "'1970-01-01 00:00:00'",
        Kind::Uuid => "X'00000000000000000000000000000000'",
        Kind::Json => "'null'",
        Kind::Enum => return ty.values().first().map(|it| literal(it)),
        Kind::Custom => return None,
    };
    Some(zero.to_owned())
}

/// A value that no application writes, which marks a row that has none yet.
///
/// MySQL cannot make a filled column NOT NULL without rebuilding the table, so the column is
/// NOT NULL from the start and needs a value for the rows of before. The type's zero would do
/// for that, and would make a trigger take a zero that new code *means* for one left out.
pub(crate) fn left_out(ty: &ColumnType) -> Option<String> {
    if ty.spelled.mysql.is_some() {
        return None;
    }
    Some(match ty.kind {
        Kind::Boolean | Kind::TinyInt => "-128".into(),
        Kind::SmallInt => "-32768".into(),
        Kind::Integer => "-2147483648".into(),
        Kind::BigInt => "-9223372036854775808".into(),
        Kind::UnsignedTinyInt => "255".into(),
        Kind::UnsignedSmallInt => "65535".into(),
        Kind::UnsignedInteger => "4294967295".into(),
        Kind::UnsignedBigInt => "18446744073709551615".into(),
        // a power of two, which both float types hold exactly
        Kind::Real | Kind::Double => "-170141183460469231731687303715884105728".into(),
        Kind::Text => "X'1A'".into(),
        Kind::Bytes => match ty.length {
            Some(length) => format!("X'{}'", hex(&UNFILLED[..UNFILLED.len().min(length as usize)])),
            None => format!("X'{}'", hex(UNFILLED)),
        },
        Kind::Date => "'1000-01-01'".into(),
        Kind::Time => "'-838:59:59'".into(),
        Kind::DateTime | Kind::Timestamp => "'1000-01-01 00:00:00'".into(),
        Kind::Uuid => format!("X'{}'", hex(UNFILLED)),
        Kind::Json => "'\"pontoon: unfilled\"'".into(),
        Kind::Decimal => {
            let (precision, scale) = (ty.precision.unwrap_or(1) as usize, ty.scale.unwrap_or(0) as usize);
            let whole = "9".repeat((precision - scale).max(1));
            if precision == scale {
                format!("-0.{}", "9".repeat(scale))
            } else if scale == 0 {
                format!("-{whole}")
            } else {
                format!("-{whole}.{}", "9".repeat(scale))
            }
        }
        // an enum holds its values and no other
        Kind::Enum | Kind::Custom => return None,
    })
}

/// Whether [`left_out`] is a value that an application may well write: a small integer has few others.
pub(crate) fn left_out_is_common(ty: &ColumnType) -> bool {
    matches!(ty.kind, Kind::TinyInt | Kind::SmallInt | Kind::UnsignedTinyInt | Kind::UnsignedSmallInt)
}

/// Sixteen bytes, which a UUID holds too.
const UNFILLED: &[u8] = b"pontoon unfilled";

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02X}")).collect()
}

/// The condition that `value` is the one of [`left_out`]. Texts are compared as bytes: a
/// collation may give a control character no weight and so take it for an empty text.
pub(crate) fn is_left_out(ty: &ColumnType, value: &str) -> Option<String> {
    let marker = left_out(ty)?;
    Some(match ty.kind {
        Kind::Text => format!("CAST({value} AS BINARY) = {marker}"),
        Kind::Json => format!("{value} = CAST({marker} AS JSON)"),
        // a trigger compares a time with a text as texts, and a time of six digits is written with them
        Kind::Time => format!("{value} = TIME{marker}"),
        // an ALTER that copies the table, for whatever, keeps six digits of a float's default: -1.70141e38
        Kind::Real => format!("{value} < -1.7014e38"),
        _ => format!("{value} = {marker}"),
    })
}

/// How a key of this type travels as text; `None` where it cannot be a key.
pub(crate) fn key_cast(ty: &ColumnType) -> Option<KeyCast> {
    let cast = |name: &str| Some(KeyCast::Type(name.to_owned()));
    if ty.spelled.mysql.is_some() {
        return Some(KeyCast::Text);
    }
    match ty.kind {
        Kind::Boolean | Kind::TinyInt | Kind::SmallInt | Kind::Integer | Kind::BigInt => cast("SIGNED"),
        Kind::UnsignedTinyInt | Kind::UnsignedSmallInt | Kind::UnsignedInteger | Kind::UnsignedBigInt => {
            cast("UNSIGNED")
        }
        Kind::Text => Some(KeyCast::Text),
        Kind::Bytes | Kind::Uuid => Some(KeyCast::Hex),
        Kind::Date => cast("DATE"),
        Kind::Time => cast("TIME(6)"),
        Kind::DateTime | Kind::Timestamp => cast("DATETIME(6)"),
        Kind::Decimal => Some(KeyCast::Type(name(ty).to_ascii_uppercase())),
        Kind::Real | Kind::Double => cast("DOUBLE"),
        // an enum is compared by the place of its value
        Kind::Json | Kind::Enum | Kind::Custom => None,
    }
}
