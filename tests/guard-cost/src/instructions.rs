//! Instructions, counted by callgrind in a process of their own.

use std::env;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::process::{Command, Stdio};
use std::sync::Arc;

use crate::driver::{Bare, Driver, Guarded};
use crate::table::{Comparison, Figure};
use crate::target::{Target, Transport};
use crate::work::{Connections, Work, runtime};

/// How many pairs of runs there are.
pub const PAIRS: usize = 3;

/// The first argument of a process that only does the work.
const WORD: &str = "do-the-work";
const GUARDED: &str = "guarded";
const BARE: &str = "bare";

/// Counts the instructions of both drivers.
pub fn compare(target: &Target, work: Work) -> Comparison {
    let pairs: Vec<_> = (0..PAIRS).map(|_| (per_login(GUARDED, target, work), per_login(BARE, target, work))).collect();
    let (guarded, bare) = pairs.into_iter().unzip();
    Comparison { guarded: Figure(guarded), bare: Figure(bare) }
}

/// Thousands of instructions for a login. What a process does once is in both runs, and so in none of the difference.
fn per_login(driver: &str, target: &Target, work: Work) -> f64 {
    let fewer = Work { logins: work.logins / 4, ..work };
    let difference = count(driver, target, work) - count(driver, target, fewer);
    difference / 1e3 / f64::from(work.logins - fewer.logins)
}

fn count(driver: &str, target: &Target, work: Work) -> f64 {
    let program = env::current_exe().expect("this program's own file");
    let output = Command::new("valgrind")
        .args(["--tool=callgrind", "--callgrind-out-file=/dev/null"])
        .arg(program)
        .args([WORD, driver, work.connections.name(), &work.callers.to_string(), &work.logins.to_string()])
        .args([target.transport.name(), &target.address.to_string()])
        .arg(&target.ca_file)
        .stdin(Stdio::null())
        .output()
        .unwrap_or_else(|error| panic!("valgrind does not start ({error}): install it"));
    let words = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "the work under valgrind failed:\n{words}");
    let collected = words.lines().find_map(|line| line.split_once("Collected : "));
    let collected = collected.unwrap_or_else(|| panic!("callgrind says no count:\n{words}")).1;
    collected.trim().parse().expect("callgrind's count is a number")
}

/// A process whose instructions are counted.
pub struct Child {
    guarded: bool,
    target: Target,
    work: Work,
}

impl Child {
    /// Reads a command line; `None` if it is not one of ours.
    pub fn parse(arguments: &[String]) -> Option<Self> {
        let [first, driver, connections, callers, logins, transport, address, ca_file] = arguments else { return None };
        let connections = [Connections::Fresh, Connections::Kept].into_iter().find(|one| one.name() == connections)?;
        let transport = [Transport::Plain, Transport::Ldaps].into_iter().find(|one| one.name() == transport)?;
        let address: SocketAddr = address.parse().ok()?;
        let work = Work { connections, callers: callers.parse().ok()?, logins: logins.parse().ok()? };
        let target = Target { address, transport, ca_file: PathBuf::from(ca_file) };
        (first == WORD).then_some(Self { guarded: driver == GUARDED, target, work })
    }

    /// Does the work.
    pub fn run(self) {
        if self.guarded { self.with(Guarded::new(&self.target)) } else { self.with(Bare::new(&self.target)) }
    }

    fn with(&self, driver: impl Driver) {
        self.work.run(&runtime(), &Arc::new(driver));
    }
}
