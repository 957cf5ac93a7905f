//! Runs migrations on a database: stage by stage, each step noted in a ledger, rows filled in
//! batches, and back again. The only async code of this crate.
//!
//! Nothing here makes SQL that changes a user's schema: that comes from the migration's file.

mod apply;
mod autovacuum;
pub mod backfill;
mod baseline;
mod blockers;
mod disk;
mod error;
mod event;
mod introspect;
mod ledger;
mod lock;
mod meter;
mod preflight;
mod ranges;
mod retry;
mod row_versions;
mod runner;
pub mod search;
mod session;
mod span;
mod status;
mod version;
mod watch;

pub use error::ExecError;
pub use event::{Blocker, Event, Holder, Observer, Silent};
pub use introspect::{holds, partitions};
pub use retry::{EndBlockers, Patience};
pub use runner::{Options, Outcome, Runner};
pub use session::{Pool, Session};
pub use status::{MigrationStatus, Status};
