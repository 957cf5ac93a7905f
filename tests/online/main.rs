//! What is tested on real servers.

#[path = "../cases/mod.rs"]
mod cases;

mod backfill;
mod by_hand;
mod crash;
mod function;
mod interrupt;
mod keys;
mod operations;
mod property;
mod refuse;
mod run;
mod search;
mod seed;
mod server;
mod support;
mod verify_mysql;
mod verify_postgres;
mod verify_runs;
mod versions;
