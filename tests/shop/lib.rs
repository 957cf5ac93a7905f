//! The sample schema.
