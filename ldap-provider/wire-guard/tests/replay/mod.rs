//! Replays what fuzz targets began with and what they found: the seeds and the corpus of the package that this is a part
//! of, which has its `properties` and `seeds` beside it.

use std::fs;
use std::panic::catch_unwind;
use std::path::{Path, PathBuf};
use std::thread;
use std::time::{Duration, Instant};

use crate::properties::TARGETS;
use crate::seeds;

/// No input, however hostile, may take longer.
const LONGEST: Duration = Duration::from_secs(1);

/// Nor may all of a target's together: it is replayed with every run of the tests.
const LONGEST_REPLAY: Duration = Duration::from_mins(1);

/// A corpus is for every checkout, so it stays small.
const MOST_FILES: usize = 600;
const MOST_OCTETS: usize = 1024 * 1024;

struct Case {
    name: String,
    input: Vec<u8>,
}

/// Replays the corpus and the seeds of a target.
pub(crate) fn replay(target: &str) {
    let (_, check) = TARGETS.into_iter().find(|&(name, _)| name == target).expect("a target");
    let seeds = seeds::all().into_iter().filter(|seed| seed.target == target);
    let seeds = seeds.map(|seed| Case { name: format!("the seed {}", seed.name), input: seed.input });
    let cases: Vec<_> = corpus_of(target).into_iter().chain(seeds).collect();
    let begin = Instant::now();
    let share = cases.len().div_ceil(thread::available_parallelism().map_or(1, Into::into));
    let failed: Vec<_> = thread::scope(|scope| {
        let threads: Vec<_> = cases.chunks(share).map(|cases| scope.spawn(|| broken(check, cases))).collect();
        threads.into_iter().flat_map(|thread| thread.join().unwrap()).collect()
    });
    let took = begin.elapsed();
    println!("{target}: {} inputs in {took:?}", cases.len());
    assert!(took < LONGEST_REPLAY, "{target}: {} inputs take {took:?}", cases.len());
    assert!(failed.is_empty(), "{target} fails for {} inputs: {failed:#?}", failed.len());
}

/// The corpus is small, and there is one for each target.
pub(crate) fn check_corpus() {
    let mut corpus = Vec::new();
    for (target, _) in TARGETS {
        let of_target = corpus_of(target);
        assert!(!of_target.is_empty(), "{target} has no corpus");
        corpus.extend(of_target);
    }
    let octets: usize = corpus.iter().map(|case| case.input.len()).sum();
    assert!(corpus.len() <= MOST_FILES && octets <= MOST_OCTETS, "{} files with {octets} octets", corpus.len());
}

fn broken(check: fn(&[u8]), cases: &[Case]) -> Vec<&str> {
    cases.iter().filter(|case| !is_kept(check, case)).map(|case| case.name.as_str()).collect()
}

/// Whether a promise is kept, and in time. A machine may be busy, but not each of three times.
fn is_kept(check: fn(&[u8]), case: &Case) -> bool {
    for _ in 0..3 {
        let begin = Instant::now();
        if catch_unwind(|| check(&case.input)).is_err() {
            println!("^ {}", case.name);
            return false;
        }
        if begin.elapsed() < LONGEST {
            return true;
        }
    }
    println!("{} takes more than {LONGEST:?}", case.name);
    false
}

fn corpus_of(target: &str) -> Vec<Case> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("fuzz/corpus").join(target);
    let files = fs::read_dir(&folder).unwrap_or_else(|error| panic!("{}: {error}", folder.display()));
    let mut files: Vec<PathBuf> = files.map(|file| file.unwrap().path()).collect();
    files.sort();
    files.iter().map(|file| Case { name: file.display().to_string(), input: fs::read(file).unwrap() }).collect()
}
