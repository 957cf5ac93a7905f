//! From a Rust type to a column type.
//!
//! A derive sees tokens, not types; so it asks the type itself, through [`SqlType`]. That is
//! what makes aliases, re-exports and newtypes work.

use serde::{Deserialize, Serialize};

use crate::def::EnumDef;

/// What a value is to a database, before any server spells it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum Kind {
    /// `bool`
    Boolean,
    /// `i8`
    TinyInt,
    /// `i16`
    SmallInt,
    /// `i32`
    Integer,
    /// `i64`
    BigInt,
    /// `u8`
    UnsignedTinyInt,
    /// `u16`
    UnsignedSmallInt,
    /// `u32`
    UnsignedInteger,
    /// `u64`
    UnsignedBigInt,
    /// `f32`
    Real,
    /// `f64`
    Double,
    /// `String`
    Text,
    /// `Vec<u8>`
    Bytes,
    /// `chrono::NaiveDate`, `time::Date`
    Date,
    /// `chrono::NaiveTime`, `time::Time`
    Time,
    /// A moment without a zone: `chrono::NaiveDateTime`, `time::PrimitiveDateTime`
    DateTime,
    /// A moment in UTC: `chrono::DateTime<Utc>`, `time::OffsetDateTime`
    Timestamp,
    /// `uuid::Uuid`
    Uuid,
    /// `serde_json::Value`
    Json,
    /// `rust_decimal::Decimal`
    Decimal,
    /// Spelled by `#[column(sql_type(...))]` on both servers.
    Custom,
    /// One of a few values: an enum with `#[derive(pontoon::Enum)]`
    Enum,
}

/// A Rust type that can be a column.
///
/// For a newtype, take the inner type's kind:
///
/// ```
/// struct UserId(i64);
/// impl pontoon::SqlType for UserId {
///     const KIND: pontoon::Kind = <i64 as pontoon::SqlType>::KIND;
/// }
/// ```
#[diagnostic::on_unimplemented(
    message = "`{Self}` has no SQL column type",
    label = "Pontoon does not know a column type for this",
    note = "use a type with one (integers, floats, `bool`, `String`, `Vec<u8>`, `Option` of these; with features: chrono, time, uuid, json, decimal)",
    note = "or `#[derive(pontoon::Enum)]` on an enum, `impl pontoon::SqlType` for your own type, or spell it: `#[column(sql_type(postgres = \"...\", mysql = \"...\"))]`"
)]
pub trait SqlType {
    /// What it is to a database.
    const KIND: Kind;
    /// Whether it can be NULL; `Option<T>` alone.
    const NULLABLE: bool = false;
    /// The values of an enum; `#[derive(pontoon::Enum)]` alone.
    const ENUM: Option<&'static EnumDef> = None;
}

impl<T: SqlType> SqlType for Option<T> {
    const KIND: Kind = T::KIND;
    const NULLABLE: bool = true;
    const ENUM: Option<&'static EnumDef> = T::ENUM;
}

macro_rules! kinds {
    ($($(#[$cfg:meta])? $ty:ty => $kind:ident;)*) => {$(
        $(#[$cfg])?
        impl SqlType for $ty {
            const KIND: Kind = Kind::$kind;
        }
    )*};
}

kinds! {
    bool => Boolean;
    i8 => TinyInt;
    i16 => SmallInt;
    i32 => Integer;
    i64 => BigInt;
    u8 => UnsignedTinyInt;
    u16 => UnsignedSmallInt;
    u32 => UnsignedInteger;
    u64 => UnsignedBigInt;
    f32 => Real;
    f64 => Double;
    String => Text;
    Box<str> => Text;
    Vec<u8> => Bytes;
    #[cfg(feature = "chrono")] chrono::NaiveDate => Date;
    #[cfg(feature = "chrono")] chrono::NaiveTime => Time;
    #[cfg(feature = "chrono")] chrono::NaiveDateTime => DateTime;
    #[cfg(feature = "chrono")] chrono::DateTime<chrono::Utc> => Timestamp;
    #[cfg(feature = "time")] time::Date => Date;
    #[cfg(feature = "time")] time::Time => Time;
    #[cfg(feature = "time")] time::PrimitiveDateTime => DateTime;
    #[cfg(feature = "time")] time::OffsetDateTime => Timestamp;
    #[cfg(feature = "uuid")] uuid::Uuid => Uuid;
    #[cfg(feature = "json")] serde_json::Value => Json;
    #[cfg(feature = "decimal")] rust_decimal::Decimal => Decimal;
}
