//! The sample schema: a small shop, as a user of Pontoon would have it in a crate of their own.
//!
//! This crate holds the structs alone. The application that embeds the migrations is `main.rs`
//! beside it: a drift stops that one's build, and never this one's.

pub mod schema;

pub use schema::*;
