//! What is tested on real servers.

#[path = "../cases/mod.rs"]
mod cases;

mod autovacuum;
mod backfill;
mod bad_input;
mod by_hand;
mod collation;
mod command;
mod compare;
mod copied;
mod crash;
mod disk_full;
mod enums;
mod faults;
mod filling;
mod function;
mod give_way;
mod guards;
mod identity;
mod in_the_way;
mod interrupt;
mod keys;
mod log_writer;
mod monitor;
mod narrow;
mod open_sessions;
mod operations;
mod outage;
mod partition;
mod privileges;
mod property;
mod purge;
mod refuse;
mod rules;
mod run;
mod search;
mod seed;
mod server;
mod statements;
mod support;
mod swap;
mod verify_mysql;
mod verify_runs;
mod versions;
mod workers;
