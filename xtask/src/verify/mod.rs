//! Real servers, and what statements do to them.

mod becoming;
pub mod catalog;
pub mod command;
pub mod conn;
pub mod finding;
pub mod listing;
pub mod observation;
pub mod observe_batch;
pub mod observe_mysql;
pub mod observe_postgres;
pub mod observer;
pub mod outcome;
pub mod policy;
pub mod rule;
pub mod run_history;
pub mod run_sql;
pub mod seed;
pub mod selection;
pub mod server;
pub mod since;
pub mod sql_files;
pub mod traffic;
pub mod unclaimed;
pub mod verdict;
pub mod words;
pub mod workbench;
