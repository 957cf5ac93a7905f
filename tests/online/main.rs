//! What is tested on real servers.

mod server;
mod verify_postgres;
