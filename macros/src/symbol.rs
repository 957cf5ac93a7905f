//! Every word that attributes know.

pub(crate) const TABLE: &str = "table";
pub(crate) const COLUMN: &str = "column";

pub(crate) const ENUMERATION: &str = "enumeration";
pub(crate) const VALUE: &str = "value";
pub(crate) const BECOMES: &str = "becomes";

pub(crate) const NAME: &str = "name";
pub(crate) const INDEX: &str = "index";
pub(crate) const UNIQUE: &str = "unique";
pub(crate) const CHECK: &str = "check";
pub(crate) const DROPPED: &str = "dropped";
pub(crate) const CRATE: &str = "crate";

pub(crate) const PRIMARY_KEY: &str = "primary_key";
pub(crate) const IDENTITY: &str = "identity";
pub(crate) const LENGTH: &str = "length";
pub(crate) const PRECISION: &str = "precision";
pub(crate) const SCALE: &str = "scale";
pub(crate) const DEFAULT: &str = "default";
pub(crate) const GENERATED: &str = "generated";
pub(crate) const VIRTUAL: &str = "virtual";
pub(crate) const BACKFILL: &str = "backfill";
pub(crate) const BACKFILL_FN: &str = "backfill_fn";
pub(crate) const REVERSE: &str = "reverse";
pub(crate) const ONE_WAY: &str = "one_way";
pub(crate) const SQL_TYPE: &str = "sql_type";
pub(crate) const COLLATION: &str = "collation";
pub(crate) const REFERENCES: &str = "references";
pub(crate) const RENAMED_FROM: &str = "renamed_from";
pub(crate) const MOVED_FROM: &str = "moved_from";

pub(crate) const SQL: &str = "sql";
pub(crate) const POSTGRES: &str = "postgres";
pub(crate) const MYSQL: &str = "mysql";
pub(crate) const ON_DELETE: &str = "on_delete";
pub(crate) const ON_UPDATE: &str = "on_update";

pub(crate) const PARTITION_BY: &str = "partition_by";
pub(crate) const PARTITION: &str = "partition";
pub(crate) const DETACHED: &str = "detached";
pub(crate) const UNLISTED: &str = "unlisted";
pub(crate) const METHODS: &[&str] = &["range", "list", "hash"];
pub(crate) const FROM: &str = "from";
pub(crate) const TO: &str = "to";
pub(crate) const VALUES: &str = "values";
pub(crate) const MODULUS: &str = "modulus";
pub(crate) const REMAINDER: &str = "remainder";
pub(crate) const PARTITION_BY_KEYS: &[&str] = &["range", "list", "hash", ONLY];
pub(crate) const ATTACH: &str = "attach";
pub(crate) const PARTITION_KEYS: &[&str] = &[NAME, FROM, TO, VALUES, MODULUS, REMAINDER, DEFAULT, ATTACH];

pub(crate) const TABLE_KEYS: &[&str] =
    &[NAME, INDEX, CHECK, DROPPED, RENAMED_FROM, PARTITION_BY, PARTITION, DETACHED, UNLISTED, CRATE];
pub(crate) const ENUMERATION_KEYS: &[&str] = &[NAME, DROPPED, CRATE];
pub(crate) const VARIANT_KEYS: &[&str] = &[RENAMED_FROM];
pub(crate) const DROPPED_VALUE_KEYS: &[&str] = &[BECOMES];
pub(crate) const DROPPED_KEYS: &[&str] = &[REVERSE, ONE_WAY];
pub(crate) const COLUMN_KEYS: &[&str] = &[
    NAME,
    PRIMARY_KEY,
    IDENTITY,
    UNIQUE,
    LENGTH,
    PRECISION,
    SCALE,
    DEFAULT,
    GENERATED,
    BACKFILL,
    BACKFILL_FN,
    REVERSE,
    CHECK,
    SQL_TYPE,
    COLLATION,
    REFERENCES,
    RENAMED_FROM,
    MOVED_FROM,
];
pub(crate) const MOVED_KEYS: &[&str] = &[TABLE, COLUMN];
pub(crate) const KEY: &str = "key";
pub(crate) const DESC: &str = "desc";
pub(crate) const EXPRESSION: &str = "expression";
pub(crate) const NULLS: &str = "nulls";
pub(crate) const OPERATORS: &str = "operators";
pub(crate) const INCLUDE: &str = "include";
pub(crate) const FILTER: &str = "filter";
pub(crate) const USING: &str = "using";
pub(crate) const ONLY: &str = "only";
pub(crate) const INDEX_KEYS: &[&str] = &[UNIQUE, NAME, KEY, INCLUDE, FILTER, USING, ONLY];
pub(crate) const KEY_KEYS: &[&str] = &[DESC, EXPRESSION, NULLS, LENGTH, OPERATORS];
pub(crate) const CHECK_KEYS: &[&str] = &[NAME, SQL, POSTGRES, MYSQL];
pub(crate) const GENERATED_KEYS: &[&str] = &[VIRTUAL, POSTGRES, MYSQL];
pub(crate) const SERVER_KEYS: &[&str] = &[POSTGRES, MYSQL];
pub(crate) const REFERENCE_KEYS: &[&str] = &[TABLE, COLUMN, ON_DELETE, ON_UPDATE];

/// What a foreign key may do, as it is written, and the name of its variant.
pub(crate) const ACTIONS: &[(&str, &str)] =
    &[("no action", "NoAction"), ("restrict", "Restrict"), ("cascade", "Cascade"), ("set null", "SetNull")];
