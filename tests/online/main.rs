//! What is tested on real servers.

mod seed;
mod server;
mod verify_mysql;
mod verify_postgres;
