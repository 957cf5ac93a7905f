//! Columns in the place of others: split and merged.

use pontoon::Dialect;
use pontoon::def::TableDef;

use super::{Case, Columns, Row, Several, beside};

fn reshaped(name: &'static str, before: TableDef, after: TableDef, several: Several) -> Case {
    let mut case = beside(name, before, after);
    case.several = Some(several);
    case
}

fn text(row: &[Option<String>], at: usize) -> String {
    row[at].clone().unwrap_or_default()
}

/// The first word, and what follows it.
fn words(row: &[Option<String>]) -> (String, Option<String>) {
    let whole = text(row, 0);
    match whole.split_once(' ') {
        Some((first, rest)) => (first.to_owned(), Some(rest.to_owned())),
        None => (whole, None),
    }
}

const WHOLE: Columns = Columns {
    columns: &[("a", "varchar")],
    value: |n| vec![Some(if n % 4 == 0 { format!("Ann{n}") } else { format!("Ann{n} Lee {n}") })],
    inserts: &[&[0]],
    updates: &[&[0]],
};

pub(crate) fn split_column(_: Dialect) -> Case {
    let before = table!(Thing {
        #[column(length = 60)]
        a: String,
    });
    let after = table!(Thing (dropped("a", reverse = "concat(b, '-', c)")) {
        #[column(length = 40, backfill(postgres = "split_part(a, '-', 1)", mysql = "substring_index(a, '-', 1)"))]
        b: String,
        #[column(length = 40, backfill(postgres = "split_part(a, '-', 2)", mysql = "substring_index(a, '-', -1)"))]
        c: String,
    });
    let parted = |row: &[Option<String>]| {
        let whole = text(row, 0);
        let (first, second) = whole.split_once('-').expect("two parts");
        vec![Some(first.to_owned()), Some(second.to_owned())]
    };
    let several = Several {
        old: Columns { value: |n| vec![Some(format!("x{n}-y{n}"))], ..WHOLE },
        new: Columns {
            columns: &[("b", "varchar"), ("c", "varchar")],
            // by case alone at times
            value: |n| vec![Some(format!("{}{n}", if n % 2 == 0 { "v" } else { "V" })), Some(format!("w{}", n / 2))],
            inserts: &[&[0, 1], &[1, 0]],
            updates: &[&[0], &[1], &[0, 1]],
        },
        to_new: parted,
        to_old: |row| vec![Some(format!("{}-{}", text(row, 0), text(row, 1)))],
    };
    reshaped("split a column into two", before, after, several)
}

/// One part may be missing, and each value of the whole is one of the parts and back.
pub(crate) fn split_column_nullable(_: Dialect) -> Case {
    let before = table!(Thing {
        #[column(length = 60)]
        a: String,
    });
    let after = table!(Thing (dropped("a", reverse = "concat_ws(' ', b, c)")) {
        #[column(length = 60, backfill(postgres = "split_part(a, ' ', 1)", mysql = "substring_index(a, ' ', 1)"))]
        b: String,
        #[column(length = 60, backfill(
            postgres = "CASE WHEN position(' ' in a) > 0 THEN substr(a, position(' ' in a) + 1) END",
            mysql = "CASE WHEN locate(' ', a) > 0 THEN substr(a, locate(' ', a) + 1) END"
        ))]
        c: Option<String>,
    });
    let several = Several {
        old: WHOLE,
        new: Columns {
            columns: &[("b", "varchar"), ("c", "varchar")],
            value: |n| vec![Some(format!("Bea{n}")), (n % 3 > 0).then(|| format!("Poe {n}"))],
            inserts: &[&[0, 1], &[0]],
            updates: &[&[0], &[1], &[0, 1]],
        },
        to_new: |row| {
            let (first, rest) = words(row);
            vec![Some(first), rest]
        },
        to_old: |row| vec![Some(row.iter().flatten().cloned().collect::<Vec<_>>().join(" "))],
    };
    reshaped("split a column into parts of which one may be missing", before, after, several)
}

/// Nothing takes no NULL, so a row without values is told by what the old column says.
pub(crate) fn split_nullable_column(_: Dialect) -> Case {
    let before = table!(Thing {
        #[column(length = 60)]
        a: Option<String>,
    });
    let after = table!(Thing (dropped("a", reverse(
        postgres = "CASE WHEN b IS NOT NULL OR c IS NOT NULL THEN concat(b, '-', c) END",
        mysql = "CASE WHEN b IS NOT NULL OR c IS NOT NULL THEN concat(ifnull(b, ''), '-', ifnull(c, '')) END"
    ))) {
        #[column(length = 40, backfill(
            postgres = "nullif(split_part(a, '-', 1), '')", mysql = "nullif(substring_index(a, '-', 1), '')"
        ))]
        b: Option<String>,
        #[column(length = 40, backfill(
            postgres = "nullif(split_part(a, '-', 2), '')", mysql = "nullif(substring_index(a, '-', -1), '')"
        ))]
        c: Option<String>,
    });
    fn part(text: &str) -> Option<String> {
        (!text.is_empty()).then(|| text.to_owned())
    }
    let several = Several {
        old: Columns {
            value: |n| match n % 5 {
                0 => vec![None],
                1 => vec![Some(format!("-y{n}"))],
                2 => vec![Some(format!("x{n}-"))],
                _ => vec![Some(format!("x{n}-y{n}"))],
            },
            ..WHOLE
        },
        new: Columns {
            columns: &[("b", "varchar"), ("c", "varchar")],
            value: |n| vec![(n % 4 != 1).then(|| format!("v{n}")), (n % 4 > 1).then(|| format!("w{n}"))],
            inserts: &[&[0, 1]],
            updates: &[&[0], &[1], &[0, 1]],
        },
        to_new: |row| match &row[0] {
            None => vec![None, None],
            Some(whole) => {
                let (first, second) = whole.split_once('-').expect("two parts");
                vec![part(first), part(second)]
            }
        },
        to_old: |row| {
            let none = row.iter().all(Option::is_none);
            vec![(!none).then(|| format!("{}-{}", text(row, 0), text(row, 1)))]
        },
    };
    reshaped("split a nullable column into two", before, after, several)
}

pub(crate) fn merge_columns(_: Dialect) -> Case {
    let before = table!(Thing {
        #[column(length = 20)]
        a: String,
        #[column(length = 20, unique)]
        b: String,
    });
    let after = table!(Thing (
        dropped("a", reverse(postgres = "split_part(c, '-', 1)", mysql = "substring_index(c, '-', 1)")),
        dropped("b", reverse(postgres = "split_part(c, '-', 2)", mysql = "substring_index(c, '-', -1)"))
    ) {
        #[column(length = 41, unique, backfill = "concat(a, '-', b)")]
        c: String,
    });
    let several = Several {
        old: Columns {
            columns: &[("a", "varchar"), ("b", "varchar")],
            value: |n| vec![Some(format!("x{n}")), Some(format!("y{n}"))],
            inserts: &[&[0, 1]],
            updates: &[&[0], &[1], &[0, 1]],
        },
        new: Columns {
            columns: &[("c", "varchar")],
            value: |n| vec![Some(format!("v{n}-w{n}"))],
            inserts: &[&[0]],
            updates: &[&[0]],
        },
        to_new: |row| vec![Some(format!("{}-{}", text(row, 0), text(row, 1)))],
        to_old: |row| {
            let whole = text(row, 0);
            let (first, second) = whole.split_once('-').expect("two parts");
            vec![Some(first.to_owned()), Some(second.to_owned())]
        },
    };
    reshaped("merge two columns into one with a unique index", before, after, several)
}

/// Two into two: each old column follows only from the new one that tells of it.
pub(crate) fn reshape_columns(_: Dialect) -> Case {
    let before = table!(Thing { a: i64, b: i64 });
    let after = table!(Thing (dropped("a", reverse = "c"), dropped("b", reverse = "d - c")) {
        #[column(backfill = "a")]
        c: i64,
        #[column(backfill = "a + b")]
        d: i64,
    });
    fn number(row: &[Option<String>], at: usize) -> i64 {
        row[at].as_ref().and_then(|it| it.parse().ok()).expect("a number")
    }
    fn row(numbers: [i64; 2]) -> Row {
        numbers.iter().map(|it| Some(it.to_string())).collect()
    }
    const SETS: &[&[usize]] = &[&[0], &[1], &[0, 1]];
    let several = Several {
        old: Columns {
            columns: &[("a", "bigint"), ("b", "bigint")],
            value: |n| row([n, 2 * n]),
            inserts: &[&[0, 1]],
            updates: SETS,
        },
        new: Columns {
            columns: &[("c", "bigint"), ("d", "bigint")],
            value: |n| row([3 * n, n]),
            inserts: &[&[0, 1]],
            updates: SETS,
        },
        to_new: |it| row([number(it, 0), number(it, 0) + number(it, 1)]),
        to_old: |it| row([number(it, 0), number(it, 1) - number(it, 0)]),
    };
    reshaped("two columns in the place of two", before, after, several)
}
