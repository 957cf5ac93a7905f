//! Which types hold every value of another, on both servers and without a word from the user; and which hold some.

use super::Dialect;
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

/// Whether `to` holds some values of `from`, which come out of an assignment as they went in, and so does each value of `to` on
/// the way back. Which ones it holds, [`holds`] says.
pub(crate) fn narrows(from: &ColumnType, to: &ColumnType) -> bool {
    let floats = |kind| matches!(kind, Kind::Real | Kind::Double);
    let spelled = !from.spelled.is_empty() || !to.spelled.is_empty();
    if spelled || assignable(from, to) || floats(from.kind) || floats(to.kind) || from.kind == Kind::Enum {
        return false;
    }
    assignable(to, from) || integers(from.kind).is_some() && integers(to.kind).is_some()
}

/// The condition that `value` is one of the type's, but for `marker`; nothing for a type that has no limits of its own. With the type that
/// it comes `from`, one that would be rounded is none either.
pub(crate) fn holds(
    dialect: Dialect,
    to: &ColumnType,
    value: &str,
    from: Option<&ColumnType>,
    marker: Option<&str>,
) -> Option<String> {
    if to.spelled.of(dialect).is_some() {
        return None;
    }
    let digits = from.filter(|it| it.kind == Kind::Decimal).and_then(|it| it.scale).unwrap_or_default();
    if let Some((low, high)) = integers(to.kind) {
        let marker = marker.and_then(|it| it.parse::<i128>().ok());
        let (low, high) = (low + i128::from(marker == Some(low)), high - i128::from(marker == Some(high)));
        let whole = if digits > 0 { format!(" AND {value} = round({value})") } else { String::new() };
        return Some(format!("{value} BETWEEN {low} AND {high}{whole}"));
    }
    match (to.kind, to.length) {
        (Kind::Text, Some(length)) => {
            // PostgreSQL counts the characters of texts alone
            let text = match dialect {
                Dialect::Postgres if from.is_none() => format!("CAST({value} AS text)"),
                _ => value.to_owned(),
            };
            Some(format!("char_length({text}) <= {length}"))
        }
        // on PostgreSQL byte strings have no length
        (Kind::Bytes, Some(length)) if dialect == Dialect::MySql => Some(format!("octet_length({value}) <= {length}")),
        (Kind::Decimal, _) => {
            let scale = to.scale.unwrap_or_default();
            let beyond = format!("1{}", "0".repeat(whole(to) as usize));
            let mut fits = format!("{value} > -{beyond} AND {value} < {beyond}");
            if digits > scale {
                fits.push_str(&format!(" AND {value} = round({value}, {scale})"));
            }
            if let Some(marker) = marker.filter(|_| dialect == Dialect::MySql) {
                fits.push_str(&format!(" AND {value} <> {marker}"));
            }
            Some(fits)
        }
        _ => None,
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
    fn a_narrower_type_says_what_it_holds() {
        let held = |from: &ColumnType, to: &ColumnType, marker| {
            assert!(narrows(from, to), "{from:?} {to:?}");
            Dialect::ALL.map(|dialect| holds(dialect, to, "a", Some(from), marker).unwrap_or_default())
        };
        let both = |text: &str| [text.to_owned(), text.to_owned()];
        let integer = plain(Kind::Integer);
        assert_eq!(held(&plain(Kind::BigInt), &integer, None), both("a BETWEEN -2147483648 AND 2147483647"));
        // the value that marks rows without one is none of them
        let marked = held(&plain(Kind::BigInt), &integer, Some("-2147483648"));
        assert_eq!(marked, both("a BETWEEN -2147483647 AND 2147483647"));
        let marked = held(&integer, &plain(Kind::UnsignedInteger), Some("4294967295"));
        assert_eq!(marked, both("a BETWEEN 0 AND 4294967294"));
        assert_eq!(
            held(&decimal(12, 2), &integer, None),
            both("a BETWEEN -2147483648 AND 2147483647 AND a = round(a)")
        );
        let scaled = both("a > -100000000 AND a < 100000000 AND a = round(a, 2)");
        assert_eq!(held(&decimal(12, 4), &decimal(10, 2), None), scaled);
        assert_eq!(held(&text(40), &text(20), None), both("char_length(a) <= 20"));
        for (from, to) in [(Kind::Double, Kind::Real), (Kind::Real, Kind::Integer), (Kind::Text, Kind::Json)] {
            assert!(!narrows(&plain(from), &plain(to)), "{from:?} {to:?}");
        }
        assert!(!narrows(&text(20), &text(40)), "nothing is lost");
        assert!(!narrows(&decimal(10, 2), &decimal(8, 4)), "what new code writes is rounded for old code");
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
