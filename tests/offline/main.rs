//! What can be tested without a server.

#[path = "../cases/mod.rs"]
#[allow(dead_code)] // what each code writes is for the servers
mod cases;

mod catalogue;
mod generate;
mod partition;
mod refusals;
mod review;
mod stages;
