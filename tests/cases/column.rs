//! Nullability and defaults.

use pontoon::Dialect;

use super::{Case, beside, plain};

pub(crate) fn set_not_null(_: Dialect) -> Case {
    let before = table!(Thing {
        #[column(length = 40)]
        a: Option<String>,
    });
    let after = table!(Thing {
        #[column(length = 40, backfill = "'none'")]
        a: String,
    });
    let mut case = beside("set NOT NULL", before, after);
    case.rows.push("INSERT INTO things (id, a) VALUES (-1, NULL), (-2, NULL)");
    case
}

pub(crate) fn drop_not_null(_: Dialect) -> Case {
    let after = table!(Thing {
        #[column(length = 40)]
        a: Option<String>,
    });
    beside("drop NOT NULL", plain(), after)
}

pub(crate) fn set_default(_: Dialect) -> Case {
    let before = table!(Thing {
        #[column(length = 40)]
        a: String,
        at: chrono::DateTime<chrono::Utc>,
    });
    let after = table!(Thing {
        #[column(length = 40)]
        a: String,
        #[column(default = "now()")]
        at: chrono::DateTime<chrono::Utc>,
    });
    let mut case = beside("set a default", before, after);
    case.old.extra.push(("at", "'2026-01-01 00:00:00'"));
    case
}
