//! What can be tested without a server.

mod generate;
mod refusals;
mod review;
mod stages;
