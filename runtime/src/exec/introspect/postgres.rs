//! PostgreSQL's catalogs (manual, "System Catalogs"). Names are looked up in the current schema.

use crate::migration::Fact;

macro_rules! column_where {
    ($condition:literal) => {
        concat!(
            "SELECT 1::text FROM pg_attribute a JOIN pg_class c ON c.oid = a.attrelid \
             WHERE c.relnamespace = current_schema()::regnamespace AND c.relname = $1 AND a.attname = $2 \
             AND NOT a.attisdropped AND a.attnum > 0 AND ",
            $condition
        )
    };
}

macro_rules! constraint_where {
    ($condition:literal) => {
        concat!(
            "SELECT 1::text FROM pg_constraint k JOIN pg_class c ON c.oid = k.conrelid \
             WHERE c.relnamespace = current_schema()::regnamespace AND c.relname = $1 AND k.conname = $2 AND ",
            $condition
        )
    };
}

/// PostgreSQL 13 does not know the column `inhdetachpending`: there, none is on its way.
macro_rules! partition_where {
    ($pending:literal) => {
        concat!(
            "SELECT 1::text FROM pg_inherits i JOIN pg_class c ON c.oid = i.inhparent JOIN pg_class p ON p.oid = i.inhrelid \
             WHERE c.relnamespace = current_schema()::regnamespace AND c.relname = $1 AND p.relname = $2 AND p.relispartition \
             AND (to_jsonb(i) ->> 'inhdetachpending')::boolean ",
            $pending
        )
    };
}

/// The partitions of a table that are not on their way out, in their order: their names, whether they are plain tables of the current schema, and
/// whether it is the default one.
pub(super) const PARTITIONS: &str = "SELECT p.relname::text, CASE WHEN p.relkind = 'p' THEN 'is partitioned itself' \
     WHEN p.relkind = 'f' THEN 'is a foreign table' WHEN p.relnamespace <> c.relnamespace THEN 'is in another schema' END, \
     CASE WHEN pg_get_expr(p.relpartbound, p.oid) = 'DEFAULT' THEN 'default' END \
     FROM pg_inherits i JOIN pg_class c ON c.oid = i.inhparent JOIN pg_class p ON p.oid = i.inhrelid \
     WHERE c.relnamespace = current_schema()::regnamespace AND c.relname = $1 AND p.relispartition \
     AND (to_jsonb(i) ->> 'inhdetachpending')::boolean IS NOT TRUE ORDER BY 1";

/// An index whether valid or not: what a build or a `DROP INDEX CONCURRENTLY` that was cut off has left is still there,
/// and a unique one may go on refusing rows.
pub(super) const ANY_INDEX: &str = "SELECT 1::text FROM pg_index x JOIN pg_class i ON i.oid = x.indexrelid \
     JOIN pg_class c ON c.oid = x.indrelid \
     WHERE c.relnamespace = current_schema()::regnamespace AND c.relname = $1 AND i.relname = $2";

pub(super) const fn question(fact: &Fact) -> &'static str {
    match fact {
        Fact::Table(_) => {
            "SELECT 1::text FROM pg_class WHERE relnamespace = current_schema()::regnamespace AND relname = $1 \
             AND relkind IN ('r', 'p')"
        }
        Fact::View(_) => {
            "SELECT 1::text FROM pg_class WHERE relnamespace = current_schema()::regnamespace AND relname = $1 AND relkind = 'v'"
        }
        Fact::Function(_) => {
            "SELECT 1::text FROM pg_proc WHERE pronamespace = current_schema()::regnamespace AND proname = $1"
        }
        Fact::Column(..) => column_where!("true"),
        Fact::Type(..) => column_where!("format_type(a.atttypid, a.atttypmod) = $3"),
        Fact::Collation(..) => {
            column_where!("EXISTS (SELECT FROM pg_collation l WHERE l.oid = a.attcollation AND l.collname = $3)")
        }
        Fact::Nullable(..) => column_where!("NOT a.attnotnull"),
        Fact::NotNull(..) => column_where!(
            "a.attnotnull AND NOT EXISTS (SELECT FROM pg_constraint k WHERE k.conrelid = c.oid AND k.contype = 'n' \
             AND k.conkey = ARRAY[a.attnum] AND NOT k.convalidated)"
        ),
        Fact::Default(..) => column_where!("a.atthasdef"),
        Fact::Index(..) => {
            "SELECT 1::text FROM pg_index x JOIN pg_class i ON i.oid = x.indexrelid JOIN pg_class c ON c.oid = x.indrelid \
             WHERE c.relnamespace = current_schema()::regnamespace AND c.relname = $1 AND i.relname = $2 AND x.indisvalid"
        }
        Fact::AnyIndex(..) => ANY_INDEX,
        Fact::PartOf(..) => {
            "SELECT 1::text FROM pg_inherits h JOIN pg_class i ON i.oid = h.inhparent JOIN pg_index x ON x.indexrelid = h.inhrelid \
             JOIN pg_class c ON c.oid = x.indrelid \
             WHERE c.relnamespace = current_schema()::regnamespace AND c.relname = $1 AND i.relname = $2 \
             AND i.relnamespace = c.relnamespace AND x.indisvalid"
        }
        Fact::Constraint(..) => constraint_where!("true"),
        Fact::Validated(..) => constraint_where!("k.convalidated"),
        Fact::Trigger(..) => {
            "SELECT 1::text FROM pg_trigger t JOIN pg_class c ON c.oid = t.tgrelid \
             WHERE c.relnamespace = current_schema()::regnamespace AND c.relname = $1 AND t.tgname = $2"
        }
        Fact::Enum(_) => {
            "SELECT 1::text FROM pg_type WHERE typnamespace = current_schema()::regnamespace AND typname = $1 AND typtype = 'e'"
        }
        Fact::EnumValue(..) => {
            "SELECT 1::text FROM pg_type t JOIN pg_enum e ON e.enumtypid = t.oid \
             WHERE t.typnamespace = current_schema()::regnamespace AND t.typname = $1 AND e.enumlabel = $2"
        }
        Fact::Partition(..) => partition_where!("IS NOT TRUE"),
        Fact::Detaching(..) => partition_where!("IS TRUE"),
        // it hides no index
        Fact::Hidden(..) | Fact::Repeatable | Fact::Query(_) | Fact::Not(_) => "SELECT 1::text WHERE false",
    }
}
