//! What is tested on real servers.

mod seed;
mod server;
