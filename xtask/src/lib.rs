//! The tasks.

pub mod verify;
