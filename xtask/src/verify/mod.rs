//! Real servers, and what statements do to them.

pub mod conn;
pub mod seed;
pub mod server;
pub mod sql_files;
