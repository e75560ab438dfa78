//! How many names are tried, which ones, and how far that is.

use std::env;
use std::fmt::Display;
use std::io::Write as _;
use std::str::FromStr;
use std::sync::Mutex;
use std::time::{Duration, Instant};

/// So many by default, for the test command.
const SHORT: usize = 4_000;

const SEED: u64 = 4515;

/// How often the long form says how far it is.
const INTERVAL: Duration = Duration::from_secs(3);

/// What the environment asks for.
#[derive(Clone, Copy, Debug)]
pub(super) struct Run {
    /// How many different names are tried.
    pub(super) names: usize,
    /// What random names are made from.
    pub(super) seed: u64,
    long: bool,
}

impl Run {
    pub(super) fn from_environment() -> Self {
        let names = number("NAMES");
        Self { names: names.unwrap_or(SHORT), seed: number("SEED").unwrap_or(SEED), long: names.is_some() }
    }

    /// Says something if the run is a long one, past the capture of the test's output: whoever waits wants to know now.
    pub(super) fn say(self, what: impl Display) {
        if self.long {
            let _ = writeln!(std::io::stderr(), "{what}");
        }
    }
}

fn number<N: FromStr>(variable: &str) -> Option<N> {
    let text = env::var(variable).ok()?;
    Some(text.parse().unwrap_or_else(|_| panic!("{variable}={text}: a number is wanted")))
}

/// What has been tried, by all lanes together, and what was found wrong.
pub(super) struct Tally {
    run: Run,
    begun: Instant,
    counts: Mutex<Counts>,
}

#[derive(Clone, Default)]
struct Counts {
    unchanged: usize,
    refused: usize,
    failures: Vec<String>,
    said: Duration,
}

impl Tally {
    pub(super) fn of(run: Run) -> Self {
        Self { run, begun: Instant::now(), counts: Mutex::default() }
    }

    pub(super) fn unchanged(&self) {
        self.count(|counts| counts.unchanged += 1);
    }

    pub(super) fn refused(&self) {
        self.count(|counts| counts.refused += 1);
    }

    pub(super) fn failure(&self, failure: String) {
        self.count(|counts| counts.failures.push(failure));
    }

    fn count(&self, change: impl FnOnce(&mut Counts)) {
        let mut counts = self.counts.lock().unwrap();
        change(&mut counts);
        let elapsed = self.begun.elapsed();
        if elapsed >= counts.said + INTERVAL {
            counts.said = elapsed;
            self.say(&counts);
        }
    }

    fn say(&self, counts: &Counts) {
        let Counts { unchanged, refused, failures, .. } = counts;
        let seconds = self.begun.elapsed().as_secs_f64();
        self.run.say(format_args!(
            "{seconds:6.1} s: {unchanged} logins arrived unchanged, {refused} were refused and sent nothing, {} failed",
            failures.len()
        ));
    }

    /// Fails the test with what was wrong, if anything was.
    pub(super) fn conclude(&self) {
        let counts = self.counts.lock().unwrap();
        self.say(&counts);
        let some: Vec<&str> = counts.failures.iter().take(10).map(String::as_str).collect();
        assert!(some.is_empty(), "{} failures ({:?}), such as\n{}", counts.failures.len(), self.run, some.join("\n"));
        assert!(counts.unchanged > 0 && counts.refused > 0, "nothing was tried");
    }
}
