//! Whether a column has what an assignment of a value gives it (manual, "Value Storage": an assignment converts to the column's type).
//!
//! Never an error for a value that the column could not take: then the row is the one that is looked for.

use super::sync::exact;
use super::types;
use crate::dialect::integers;
use crate::operation::Assigned;
use crate::sql_type::Kind;

/// The condition, never NULL. PostgreSQL knows it for every type.
pub(crate) fn has(it: &Assigned<'_>) -> Option<String> {
    let Assigned { column, ty, value, as_it_is, collated, .. } = it;
    let exact = exact(*collated);
    let same = |value: &str| format!("{column}{exact} IS NOT DISTINCT FROM {value}");
    if *as_it_is {
        return Some(same(value));
    }
    if ty.spelled.postgres.is_some() {
        return Some(same(&format!("CAST({value} AS {})", types::name(ty))));
    }
    // a number is rounded, and which way depends on the type that it comes from
    let near = |number: &str, apart: &str| {
        format!("({column} IS NOT DISTINCT FROM {number} OR abs({column} - {number}) <= {apart}) IS TRUE")
    };
    let cast = |ty: &str| format!("CAST({value} AS {ty})");
    Some(match ty.kind {
        Kind::Decimal => near(&cast("numeric"), &half(ty.scale.unwrap_or_default())),
        kind if integers(kind).is_some() => near(&cast("numeric"), &half(0)),
        Kind::Real => near(&cast("double precision"), &format!("abs({column}) * 1.2e-7 + 1e-44")),
        _ => same(&cast(&types::name(ty))),
    })
}

/// Half of a number's last digit.
fn half(scale: u32) -> String {
    format!("0.{}5", "0".repeat(scale as usize))
}
