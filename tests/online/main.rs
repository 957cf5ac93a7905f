//! What is tested on real servers.

mod server;
