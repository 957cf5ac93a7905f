//! Real servers, and what statements do to them.

pub mod catalog;
pub mod command;
pub mod conn;
pub mod finding;
pub mod observation;
pub mod observe_batch;
pub mod observe_mysql;
pub mod observe_postgres;
pub mod observer;
pub mod outcome;
pub mod rules;
pub mod run_history;
pub mod run_sql;
pub mod seed;
pub mod server;
pub mod sql_files;
pub mod traffic;
pub mod verdict;
pub mod words;
pub mod workbench;
