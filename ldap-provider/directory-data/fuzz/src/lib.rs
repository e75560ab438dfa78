//! What the fuzz targets check ([`properties`]), and where they begin ([`seeds`]).
//!
//! Both are also part of the package's test `corpus`, which replays the corpus and the seeds on the stable compiler.

#![forbid(unsafe_code)]
#![allow(clippy::missing_panics_doc, reason = "a panic is how a broken promise shows")]

pub mod properties;
pub mod seeds;
