//! What is tested on real servers.
