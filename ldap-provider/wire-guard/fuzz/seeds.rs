//! Writes the seeds of the fuzz targets: `cargo run -p wire-guard --example fuzz-seeds FOLDER` makes a folder for each
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
#[path = "src/seeds/mod.rs"]
mod seeds;

use std::path::Path;
use std::process::ExitCode;
use std::{env, fs, io};

use seeds::Seed;

/// Larger ones are of no use to the fuzzer: it cuts them. The replay on the stable compiler has them all.
const LARGEST: usize = 4_096;

fn main() -> ExitCode {
    let Some(folder) = env::args_os().nth(1) else {
        eprintln!("usage: seeds FOLDER");
        return ExitCode::from(2);
    };
    let folder = Path::new(&folder);
    let mut written = 0;
    for seed in seeds::all().into_iter().filter(|seed| seed.input.len() <= LARGEST) {
        if let Err(error) = write(folder, &seed) {
            eprintln!("{}: {error}", folder.display());
            return ExitCode::FAILURE;
        }
        written += 1;
    }
    println!("{written} seeds in {}", folder.display());
    ExitCode::SUCCESS
}

fn write(folder: &Path, seed: &Seed) -> io::Result<()> {
    let folder = folder.join(seed.target);
    fs::create_dir_all(&folder)?;
    fs::write(folder.join(format!("seed-{}", seed.name)), &seed.input)
}
