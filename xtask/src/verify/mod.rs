//! Real servers, and what statements do to them.

pub mod conn;
pub mod observation;
pub mod observe_mysql;
pub mod observe_postgres;
pub mod seed;
pub mod server;
pub mod sql_files;
pub mod words;
