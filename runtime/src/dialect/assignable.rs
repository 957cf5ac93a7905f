//! Which types hold every value of another, on both servers and without a word from the user.

use crate::schema::ColumnType;
use crate::sql_type::Kind;

/// Whether each value of `from` is one of `to`, and comes out of an assignment as it went in.
pub(crate) fn assignable(from: &ColumnType, to: &ColumnType) -> bool {
    // a column that only gets another name
    if from == to {
        return true;
    }
    if !from.spelled.is_empty() || !to.spelled.is_empty() {
        return false;
    }
    if let (Some((from_low, from_high)), Some((low, high))) = (integers(from.kind), integers(to.kind)) {
        return low <= from_low && from_high <= high;
    }
    match (from.kind, to.kind) {
        (Kind::Text, Kind::Text) | (Kind::Bytes, Kind::Bytes) => {
            to.length.is_none_or(|to| from.length.is_some_and(|from| from <= to))
        }
        (Kind::Real, Kind::Double) => true,
        (Kind::Decimal, Kind::Decimal) => whole(from) <= whole(to) && from.scale <= to.scale,
        // the type of that name gets the new values itself, or another one takes its place
        (Kind::Enum, Kind::Enum) => from.values().iter().all(|it| to.values().contains(it)),
        (_, Kind::Decimal) => integers(from.kind).is_some_and(|(_, high)| high < 10_i128.pow(whole(to).min(30))),
        _ => false,
    }
}

/// Integers, floats and decimals.
pub(crate) fn is_number(kind: Kind) -> bool {
    integers(kind).is_some() || matches!(kind, Kind::Real | Kind::Double | Kind::Decimal)
}

/// Digits before the point.
fn whole(ty: &ColumnType) -> u32 {
    ty.precision.unwrap_or_default().saturating_sub(ty.scale.unwrap_or_default())
}

/// The least and the greatest value of an integer type.
pub(crate) fn integers(kind: Kind) -> Option<(i128, i128)> {
    let signed = |bits: u32| (-(1_i128 << (bits - 1)), (1_i128 << (bits - 1)) - 1);
    let unsigned = |bits: u32| (0, (1_i128 << bits) - 1);
    Some(match kind {
        Kind::TinyInt => signed(8),
        Kind::SmallInt => signed(16),
        Kind::Integer => signed(32),
        Kind::BigInt => signed(64),
        Kind::UnsignedTinyInt => unsigned(8),
        Kind::UnsignedSmallInt => unsigned(16),
        Kind::UnsignedInteger => unsigned(32),
        Kind::UnsignedBigInt => unsigned(64),
        _ => return None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::schema::Texts;

    fn ty(kind: Kind, [length, precision, scale]: [Option<u32>; 3]) -> ColumnType {
        ColumnType { length, precision, scale, ..ColumnType::plain(kind) }
    }

    fn plain(kind: Kind) -> ColumnType {
        ty(kind, [None; 3])
    }

    fn decimal(precision: u32, scale: u32) -> ColumnType {
        ty(Kind::Decimal, [None, Some(precision), Some(scale)])
    }

    fn text(length: u32) -> ColumnType {
        ty(Kind::Text, [Some(length), None, None])
    }

    #[test]
    fn wider_types_hold_every_value() {
        let wider = [
            (plain(Kind::Integer), plain(Kind::BigInt)),
            (plain(Kind::UnsignedSmallInt), plain(Kind::Integer)),
            (plain(Kind::Real), plain(Kind::Double)),
            (decimal(10, 2), decimal(12, 4)),
            (plain(Kind::Integer), decimal(12, 2)),
            (text(20), text(40)),
            (text(20), plain(Kind::Text)),
        ];
        for (narrow, wide) in wider {
            assert!(assignable(&narrow, &wide), "{narrow:?} {wide:?}");
            assert!(!assignable(&wide, &narrow), "{wide:?} {narrow:?}");
        }
    }

    #[test]
    fn a_type_holds_its_own_values() {
        let spelled = Texts { postgres: Some("citext".into()), mysql: Some("varchar(20)".into()) };
        for it in [plain(Kind::Uuid), plain(Kind::Boolean), ColumnType { spelled, ..plain(Kind::Custom) }] {
            assert!(assignable(&it, &it), "{it:?}");
        }
    }

    #[test]
    fn what_loses_something_is_the_users_to_say() {
        let lossy = [
            (plain(Kind::UnsignedInteger), plain(Kind::Integer)),
            (decimal(10, 2), decimal(10, 4)),
            (plain(Kind::BigInt), decimal(18, 0)),
            (plain(Kind::Text), plain(Kind::Json)),
            (plain(Kind::BigInt), plain(Kind::Double)),
        ];
        for (from, to) in lossy {
            assert!(!assignable(&from, &to), "{from:?} {to:?}");
        }
    }
}
