use std::path::Path;
use std::process::ExitCode;
use std::{env, fs, io};

use crate::seeds::{self, Seed};

/// Larger ones are of no use to the fuzzer: it cuts them. The replay on the stable compiler has them all.
const LARGEST: usize = 4_096;

/// Writes the seeds into the folder that is the only argument: a folder for each target, with a file for each seed.
pub(crate) fn write_seeds() -> ExitCode {
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
