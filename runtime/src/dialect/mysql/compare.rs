//! Whether a column has what an assignment of a value gives it (manual, "Type Conversion in Expression Evaluation", "CAST").
//!
//! MySQL has no CAST to the type of any column, so what an assignment does is followed type by type, and a type for which
//! that is not known is not compared.

use super::sync::same;
use crate::dialect::integers;
use crate::operation::Assigned;
use crate::sql_type::Kind;

/// The condition, never NULL; nothing where it is not known what an assignment makes of the value.
pub(crate) fn has(it: &Assigned<'_>) -> Option<String> {
    let Assigned { column, ty, value, of, as_it_is, .. } = it;
    if *as_it_is {
        return Some(same(column, value));
    }
    if ty.spelled.mysql.is_some() {
        return None;
    }
    // a number is rounded, and which way depends on the type that it comes from
    let near = |number: &str, apart: &str| {
        format!("IFNULL(ABS({column} - {number}) <= {apart}, {column} IS NULL AND ({value}) IS NULL)")
    };
    // what is beyond the digits of a type is its greatest number, so there is room for all that the column holds
    let decimal = |digits: u32| format!("CAST({value} AS DECIMAL(65,{}))", (65 - digits.min(65)).min(30));
    let cast = |ty: &str| Some(format!("{column} <=> CAST({value} AS {ty})"));
    match ty.kind {
        Kind::Decimal => {
            let scale = ty.scale.unwrap_or_default();
            Some(near(&decimal(ty.precision.unwrap_or_default().saturating_sub(scale)), &half(scale)))
        }
        // a difference of numbers without a sign must not be less than 0
        kind if integers(kind).is_some() || kind == Kind::Boolean => {
            let column = format!("CAST({column} AS DECIMAL(65,30))");
            Some(format!(
                "IFNULL(ABS({column} - {}) <= {}, {column} IS NULL AND ({value}) IS NULL)",
                decimal(0),
                half(0)
            ))
        }
        Kind::Real => Some(near(&format!("CAST({value} AS DOUBLE)"), &format!("ABS({column}) * 1.2e-7 + 1e-44"))),
        Kind::Double => cast("DOUBLE"),
        Kind::Text => {
            // blanks beyond the end are cut
            let value = ty.length.map_or_else(|| format!("({value})"), |length| format!("LEFT({value}, {length})"));
            Some(same_text(column, &value))
        }
        Kind::Enum if of.is_some_and(|of| of.kind == Kind::Enum) => Some(same_text(column, value)),
        Kind::Bytes => Some(format!("CAST({column} AS BINARY) <=> CAST({value} AS BINARY)")),
        // a shorter value is filled up with zeros
        Kind::Uuid => cast("BINARY(16)"),
        Kind::Date => cast("DATE"),
        Kind::Time => cast("TIME(6)"),
        Kind::DateTime | Kind::Timestamp => cast("DATETIME(6)"),
        Kind::Json => cast("JSON"),
        // of anything else an enum takes a text whatever its case, and a number for the place of a value
        _ => None,
    }
}

/// Collations and character sets may differ.
fn same_text(one: &str, other: &str) -> String {
    let bytes = |it: &str| format!("CAST(CONVERT({it} USING utf8mb4) AS BINARY)");
    format!("{} <=> {}", bytes(one), bytes(other))
}

/// Half of a number's last digit.
fn half(scale: u32) -> String {
    format!("0.{}5", "0".repeat(scale as usize))
}
