//! What can be tested without a server.

#[path = "../cases/mod.rs"]
#[allow(dead_code)] // what each code writes is for the servers
mod cases;

mod attach;
mod catalogue;
mod compare;
mod generate;
mod identity;
mod partition;
mod refusals;
mod reports;
mod review;
mod stages;
mod waivers;
