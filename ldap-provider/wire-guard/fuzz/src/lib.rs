//! What the fuzz targets check ([`properties`]), where they begin ([`seeds`]) and how they go on ([`mutation`]).
//!
//! The first two are also part of the guard's test `corpus`, which replays the corpus and the seeds on the stable
//! compiler.

#![forbid(unsafe_code)]
#![allow(clippy::missing_panics_doc, reason = "a panic is how a broken promise shows")]

pub mod mutation;
pub mod properties;
pub mod seeds;
