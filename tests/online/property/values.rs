//! Types, and texts of SQL that give values of them.

use fastrand::Rng;
use pontoon::schema::{ColumnType, Texts};
use pontoon::{Dialect, Kind};

/// A text that differs between the servers.
pub(super) fn texts(of: impl Fn(Dialect) -> String) -> Texts {
    Texts { postgres: Some(of(Dialect::Postgres)), mysql: Some(of(Dialect::MySql)) }
}

fn pair(postgres: &str, mysql: &str) -> Texts {
    texts(|dialect| if dialect == Dialect::Postgres { postgres.to_owned() } else { mysql.to_owned() })
}

pub(super) fn plain(kind: Kind) -> ColumnType {
    ColumnType::plain(kind)
}

pub(super) fn sized(kind: Kind, length: u32) -> ColumnType {
    ColumnType { length: Some(length), ..plain(kind) }
}

fn decimal(precision: u32, scale: u32) -> ColumnType {
    ColumnType { precision: Some(precision), scale: Some(scale), ..plain(Kind::Decimal) }
}

/// A type of any kind.
pub(super) fn any_type(rng: &mut Rng) -> ColumnType {
    let kinds = [
        Kind::Boolean,
        Kind::TinyInt,
        Kind::SmallInt,
        Kind::Integer,
        Kind::BigInt,
        Kind::UnsignedTinyInt,
        Kind::UnsignedSmallInt,
        Kind::UnsignedInteger,
        Kind::UnsignedBigInt,
        Kind::Real,
        Kind::Double,
        Kind::Date,
        Kind::Time,
        Kind::DateTime,
        Kind::Timestamp,
        Kind::Uuid,
        Kind::Json,
        Kind::Text,
        Kind::Bytes,
    ];
    match rng.usize(..28) {
        n @ 0..=18 => plain(kinds[n]),
        19..=21 => sized(Kind::Text, [5, 20, 63, 64, 300][rng.usize(..5)]),
        22 => sized(Kind::Bytes, [16, 40, 300][rng.usize(..3)]),
        23 | 24 => decimal(10, 2),
        25 | 26 => super::forms::any_enum(rng),
        _ => ColumnType { spelled: pair("inet", "varchar(45)"), ..plain(Kind::Custom) },
    }
}

/// Whether both servers take the type in a key.
pub(super) fn keyable(ty: &ColumnType) -> bool {
    match ty.kind {
        Kind::Json => false,
        Kind::Text | Kind::Bytes => ty.length.is_some(),
        _ => true,
    }
}

pub(super) const fn is_integer(kind: Kind) -> bool {
    matches!(
        kind,
        Kind::TinyInt
            | Kind::SmallInt
            | Kind::Integer
            | Kind::BigInt
            | Kind::UnsignedTinyInt
            | Kind::UnsignedSmallInt
            | Kind::UnsignedInteger
            | Kind::UnsignedBigInt
    )
}

/// One of two values, which comply with every check that [`check`] makes.
pub(super) fn constant(ty: &ColumnType, one: bool) -> Texts {
    let (first, second): ([&str; 2], [&str; 2]) = match ty.kind {
        Kind::Boolean => (["true"; 2], ["false"; 2]),
        Kind::Real | Kind::Double | Kind::Decimal => (["1.5"; 2], ["0"; 2]),
        Kind::Text => (["'x'"; 2], ["'it''s'"; 2]),
        Kind::Bytes => (["'\\x01'", "X'01'"], ["'\\x02ff'", "X'02ff'"]),
        Kind::Date => (["'2020-01-02'"; 2], ["'1999-12-31'"; 2]),
        Kind::Time => (["'01:02:03'"; 2], ["'23:59:59'"; 2]),
        Kind::DateTime => (["'2020-01-02 03:04:05'"; 2], ["'1999-12-31 23:59:59'"; 2]),
        Kind::Timestamp => (
            ["'2020-01-02 03:04:05+00'", "'2020-01-02 03:04:05'"],
            ["'1999-12-31 00:00:00+00'", "'1999-12-31 00:00:00'"],
        ),
        Kind::Uuid => (
            ["'00000000-0000-0000-0000-000000000001'", "X'00000000000000000000000000000001'"],
            ["'00000000-0000-0000-0000-000000000002'", "X'00000000000000000000000000000002'"],
        ),
        Kind::Json => (["'{}'"; 2], ["'[1]'"; 2]),
        Kind::Custom => (["'127.0.0.1'"; 2], ["'10.0.0.1'"; 2]),
        Kind::Enum => {
            let values = ty.enumeration.as_ref().map_or(&[][..], |it| &it.values);
            return texts(|_| format!("'{}'", values[usize::from(!one)].replace('\'', "''")));
        }
        _ => (["7"; 2], ["0"; 2]),
    };
    let [postgres, mysql] = if one { first } else { second };
    pair(postgres, mysql)
}

/// A default: a value for all rows, the time, or another value for each row.
pub(super) fn any_default(rng: &mut Rng, ty: &ColumnType) -> Texts {
    if rng.u8(..3) > 0 {
        return constant(ty, rng.bool());
    }
    match ty.kind {
        Kind::DateTime | Kind::Timestamp => pair("now()", "now()"),
        Kind::Uuid => pair("gen_random_uuid()", "uuid_to_bin(uuid())"),
        Kind::Real | Kind::Double => pair("random()", "rand()"),
        Kind::Text => pair("left(md5(random()::text), 5)", "left(uuid(), 5)"),
        kind if is_integer(kind) => pair("(random() * 100)::int", "floor(rand() * 100)"),
        _ => constant(ty, rng.bool()),
    }
}

/// A value that depends on whether another column is NULL, which every type can tell.
pub(super) fn by_presence(ty: &ColumnType, other: &str) -> Texts {
    let [one, two] = [true, false].map(|one| constant(ty, one));
    texts(|dialect| {
        let value = |text: &Texts| {
            let text = text.of(dialect).unwrap_or_default();
            match dialect {
                Dialect::Postgres => format!("CAST({text} AS {})", dialect.type_name(ty)),
                Dialect::MySql => text.to_owned(),
            }
        };
        format!("CASE WHEN {} IS NULL THEN {} ELSE {} END", dialect.ident(other), value(&one), value(&two))
    })
}

/// The other column's value; where that is NULL and must not be, another.
pub(super) fn copy(ty: &ColumnType, other: &str, nullable: bool) -> Texts {
    let instead = constant(ty, true);
    texts(|dialect| {
        let other = dialect.ident(other);
        if nullable { other } else { format!("coalesce({other}, {})", instead.of(dialect).unwrap_or_default()) }
    })
}

/// A condition that the constants meet.
pub(super) fn check(ty: &ColumnType, column: &str) -> Texts {
    texts(|dialect| {
        let column = dialect.ident(column);
        match ty.kind {
            Kind::Text => format!("{column} <> ''"),
            Kind::Real | Kind::Double | Kind::Decimal => format!("{column} >= 0"),
            kind if is_integer(kind) => format!("{column} >= 0"),
            _ => format!("{column} = {column}"),
        }
    })
}

/// Another type; with the expressions forth and back, where it does not hold every value.
pub(super) fn another_type(rng: &mut Rng, from: &ColumnType, column: &str) -> Option<(ColumnType, Option<[Texts; 2]>)> {
    let kinds: &[Kind] = match from.kind {
        Kind::TinyInt => &[Kind::SmallInt, Kind::Integer, Kind::BigInt],
        Kind::SmallInt => &[Kind::Integer, Kind::BigInt],
        Kind::Integer => &[Kind::BigInt],
        Kind::UnsignedTinyInt => &[Kind::UnsignedInteger, Kind::SmallInt, Kind::BigInt],
        Kind::UnsignedSmallInt => &[Kind::Integer, Kind::UnsignedInteger],
        Kind::UnsignedInteger => &[Kind::BigInt, Kind::UnsignedBigInt],
        Kind::Real => &[Kind::Double],
        Kind::BigInt if rng.bool() => return Some((plain(Kind::Integer), None)),
        Kind::BigInt => {
            let narrow = texts(|dialect| format!("least(greatest({}, 0), 1000)", dialect.ident(column)));
            let back = texts(|dialect| dialect.ident(column));
            return Some((plain(Kind::Integer), Some([narrow, back])));
        }
        // as long as what the rows have at most
        Kind::Text if from.length.is_some_and(|it| it > 63) && rng.bool() => return Some((sized(from.kind, 63), None)),
        Kind::Text | Kind::Bytes => {
            let longer: Vec<u32> = [20, 40, 63, 64, 100, 300]
                .into_iter()
                .filter(|it| from.length.is_some_and(|from| from < *it))
                .collect();
            return match rng.choice(longer) {
                Some(length) if rng.u8(..4) > 0 => Some((sized(from.kind, length), None)),
                _ => from.length.map(|_| (plain(from.kind), None)),
            };
        }
        Kind::Decimal => return Some((if rng.bool() { decimal(12, 2) } else { decimal(14, 4) }, None)),
        _ => return None,
    };
    if from.kind == Kind::Integer && rng.u8(..4) == 0 {
        return Some((decimal(12, 2), None));
    }
    rng.choice(kinds).map(|kind| (plain(*kind), None))
}
