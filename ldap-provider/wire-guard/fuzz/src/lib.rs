//! What the fuzz targets check ([`properties`]) and where they begin ([`seeds`]).
//!
//! Both are also part of the guard's test `corpus`, which replays the corpus and the seeds on the stable compiler.

#![forbid(unsafe_code)]

pub mod properties;
pub mod seeds;
