//! What is tested on real servers.

mod server;
mod verify_mysql;
mod verify_postgres;
