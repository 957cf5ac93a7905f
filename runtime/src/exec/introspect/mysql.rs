//! MySQL's dictionary (manual, "INFORMATION_SCHEMA Tables"). Names are looked up in the current database.

use crate::migration::Fact;

macro_rules! column_where {
    ($condition:literal) => {
        concat!(
            "SELECT '1' FROM information_schema.COLUMNS WHERE TABLE_SCHEMA = DATABASE() AND TABLE_NAME = ? \
             AND COLUMN_NAME = ? AND ",
            $condition
        )
    };
}

macro_rules! constraint_where {
    ($condition:literal) => {
        concat!(
            "SELECT '1' FROM information_schema.TABLE_CONSTRAINTS WHERE TABLE_SCHEMA = DATABASE() AND TABLE_NAME = ? \
             AND CONSTRAINT_NAME = ? AND ",
            $condition
        )
    };
}

pub(super) const fn question(fact: &Fact) -> &'static str {
    match fact {
        Fact::Table(_) => {
            "SELECT '1' FROM information_schema.TABLES WHERE TABLE_SCHEMA = DATABASE() AND TABLE_NAME = ? \
             AND TABLE_TYPE = 'BASE TABLE'"
        }
        Fact::View(_) => {
            "SELECT '1' FROM information_schema.TABLES WHERE TABLE_SCHEMA = DATABASE() AND TABLE_NAME = ? AND TABLE_TYPE = 'VIEW'"
        }
        Fact::Function(_) => {
            "SELECT '1' FROM information_schema.ROUTINES WHERE ROUTINE_SCHEMA = DATABASE() AND ROUTINE_NAME = ?"
        }
        Fact::Column(..) => column_where!("1 = 1"),
        Fact::Type(..) => column_where!("COLUMN_TYPE = ?"),
        Fact::Collation(..) => column_where!("COLLATION_NAME = ?"),
        Fact::Nullable(..) => column_where!("IS_NULLABLE = 'YES'"),
        Fact::NotNull(..) => column_where!("IS_NULLABLE = 'NO'"),
        // a TEXT or BLOB shows its expression only after the next change of the table; and the current time, once taken
        // away, leaves its mark in EXTRA
        Fact::Default(..) => column_where!(
            "(COLUMN_DEFAULT IS NOT NULL OR (EXTRA LIKE '%DEFAULT_GENERATED%' AND DATA_TYPE REGEXP '(text|blob)$'))"
        ),
        Fact::Index(..) => {
            "SELECT DISTINCT '1' FROM information_schema.STATISTICS WHERE TABLE_SCHEMA = DATABASE() AND TABLE_NAME = ? \
             AND INDEX_NAME = ?"
        }
        Fact::Hidden(..) => {
            "SELECT DISTINCT '1' FROM information_schema.STATISTICS WHERE TABLE_SCHEMA = DATABASE() AND TABLE_NAME = ? \
             AND INDEX_NAME = ? AND IS_VISIBLE = 'NO'"
        }
        Fact::Constraint(..) => constraint_where!("1 = 1"),
        Fact::Validated(..) => constraint_where!("ENFORCED = 'YES'"),
        Fact::Trigger(..) => {
            "SELECT '1' FROM information_schema.TRIGGERS WHERE TRIGGER_SCHEMA = DATABASE() AND EVENT_OBJECT_TABLE = ? \
             AND TRIGGER_NAME = ?"
        }
        // there are no types beside the columns, and no partition is a table
        Fact::Enum(_)
        | Fact::EnumValue(..)
        | Fact::AnyIndex(..)
        | Fact::PartOf(..)
        | Fact::Partition(..)
        | Fact::Detaching(..)
        | Fact::Repeatable
        | Fact::Query(_)
        | Fact::Not(_) => "SELECT '1' FROM DUAL WHERE 1 = 0",
    }
}
