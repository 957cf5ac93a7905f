//! How PostgreSQL spells things.

pub(crate) mod backfill;
pub(crate) mod compare;
pub(crate) mod ddl;
pub(crate) mod follow;
pub(crate) mod mirror;
pub(crate) mod quote;
pub(crate) mod sync;
pub(crate) mod types;
