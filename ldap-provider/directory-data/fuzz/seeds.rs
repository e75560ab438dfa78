//! Writes the seeds of the fuzz targets: `cargo run -p directory-data --example fuzz-data-seeds FOLDER` makes a folder for each
//! target in it, with a file for each seed.
#![forbid(unsafe_code)]
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::print_stdout,
    clippy::print_stderr,
    unreachable_pub,
    dead_code,
    reason = "a tool for developers, around files that are also a library and part of a test"
)]

#[path = "src/properties/mod.rs"]
mod properties;
#[path = "src/seeds.rs"]
mod seeds;
#[path = "../../wire-guard/fuzz/write_seeds.rs"]
mod write_seeds;

use std::process::ExitCode;

fn main() -> ExitCode {
    write_seeds::write_seeds()
}
