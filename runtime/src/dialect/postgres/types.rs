//! Column types (PostgreSQL manual, "Data Types").

use super::quote::{ident, literal};
use crate::migration::KeyCast;
use crate::schema::ColumnType;
use crate::sql_type::Kind;

/// The type's name. PostgreSQL has no unsigned integers: each takes the next wider type.
pub(crate) fn name(ty: &ColumnType) -> String {
    if let Some(spelled) = &ty.spelled.postgres {
        return spelled.clone();
    }
    let (precision, scale) = (ty.precision.unwrap_or_default(), ty.scale.unwrap_or_default());
    match ty.kind {
        Kind::Boolean => "boolean".into(),
        Kind::TinyInt | Kind::SmallInt | Kind::UnsignedTinyInt => "smallint".into(),
        Kind::Integer | Kind::UnsignedSmallInt => "integer".into(),
        Kind::BigInt | Kind::UnsignedInteger => "bigint".into(),
        Kind::UnsignedBigInt => "numeric(20,0)".into(),
        Kind::Real => "real".into(),
        Kind::Double => "double precision".into(),
        Kind::Text => ty.length.map_or_else(|| "text".into(), |length| format!("varchar({length})")),
        Kind::Bytes => "bytea".into(),
        Kind::Date => "date".into(),
        Kind::Time => "time".into(),
        Kind::DateTime => "timestamp".into(),
        Kind::Timestamp => "timestamptz".into(),
        Kind::Uuid => "uuid".into(),
        Kind::Json => "jsonb".into(),
        Kind::Decimal => format!("numeric({precision},{scale})"),
        Kind::Enum => ty.enumeration.as_ref().map_or_else(|| "text".into(), |it| ident(&it.name)),
        // the derive gives this kind only to a column with both spellings
        Kind::Custom => "text".into(),
    }
}

/// The type as a column's definition has it.
pub(crate) fn definition(ty: &ColumnType) -> String {
    match &ty.collation.postgres {
        Some(collation) => format!("{} COLLATE {}", name(ty), ident(collation)),
        None => name(ty),
    }
}

/// Whether the catalog alone changes (manual, "ALTER TABLE", Notes).
pub(crate) fn widens_in_place(from: &ColumnType, to: &ColumnType) -> bool {
    let collation = from.collation.postgres != to.collation.postgres;
    if from.spelled.postgres.is_some() || to.spelled.postgres.is_some() || from.kind != to.kind || collation {
        return false;
    }
    match from.kind {
        Kind::Text => to.length.is_none_or(|to| from.length.is_some_and(|from| from <= to)),
        Kind::Decimal => from.scale == to.scale && from.precision <= to.precision,
        _ => false,
    }
}

/// The type's name in the catalog, for those that [`widens_in_place`] gives.
pub(crate) fn catalog_name(ty: &ColumnType) -> String {
    name(ty).replacen("varchar", "character varying", 1)
}

/// A value that means nothing, for a column that goes away; `None` where there is no such value.
pub(crate) fn zero(ty: &ColumnType) -> Option<String> {
    if ty.spelled.postgres.is_some() {
        return None;
    }
    let zero = match ty.kind {
        Kind::Boolean => "false",
        Kind::TinyInt
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
        Kind::DateTime => "'1970-01-01 00:00:00'",
        Kind::Timestamp => "'1970-01-01 00:00:00+00'",
        Kind::Uuid => "'00000000-0000-0000-0000-000000000000'",
        Kind::Json => "'null'",
        Kind::Enum => return ty.values().first().map(|it| literal(it)),
        Kind::Custom => return None,
    };
    Some(zero.to_owned())
}

/// A value that no application writes: the default of a new nullable column while the sync
/// triggers live, so that they can tell a column left out from a NULL that was meant.
pub(crate) fn left_out(ty: &ColumnType) -> Option<&'static str> {
    if ty.spelled.postgres.is_some() {
        return None;
    }
    Some(match ty.kind {
        // these have no value beside those that are meant
        Kind::Boolean | Kind::Enum | Kind::Custom => return None,
        Kind::TinyInt | Kind::SmallInt | Kind::UnsignedTinyInt => "-32768",
        Kind::Integer | Kind::UnsignedSmallInt => "-2147483648",
        Kind::BigInt | Kind::UnsignedInteger => "-9223372036854775808",
        Kind::UnsignedBigInt => "-99999999999999999999",
        Kind::Real | Kind::Double => "'-Infinity'",
        Kind::Decimal => "'NaN'",
        Kind::Text => "U&'\\001A'",
        Kind::Bytes => "'\\x706f6e746f6f6e20756e66696c6c6564'",
        Kind::Date | Kind::DateTime | Kind::Timestamp => "'-infinity'",
        Kind::Time => "'24:00:00'",
        Kind::Uuid => "'706f6e74-6f6f-6e20-756e-66696c6c6564'",
        Kind::Json => "'\"pontoon: unfilled\"'",
    })
}

/// How a key of this type travels as text; `None` where it cannot be a key.
pub(crate) fn key_cast(ty: &ColumnType) -> Option<KeyCast> {
    match ty.kind {
        _ if ty.spelled.postgres.is_some() => Some(KeyCast::Type(name(ty))),
        Kind::Text => Some(KeyCast::Text),
        Kind::Bytes => Some(KeyCast::Hex),
        Kind::Json => None,
        _ => Some(KeyCast::Type(name(ty))),
    }
}
