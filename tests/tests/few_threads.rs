//! A system that gives no more threads, as in a container whose limit is reached.
#![allow(missing_docs, reason = "a test program")]
#![forbid(unsafe_code)]
#![allow(clippy::unwrap_used, clippy::expect_used, reason = "a test that cannot go on fails loudly")]

use std::process::Command;
use std::time::Instant;

use provider_api::host::{HostServices, Plugin, Trust};
use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};
use serde_json::json;
use tests::plugin::ldap_provider;

const MIB: u64 = 1024 * 1024;
/// Set in the process that has few threads.
const FEW: &str = "FEW_THREADS";

/// Address space of this process, in bytes.
fn address_space() -> u64 {
    let status = std::fs::read_to_string("/proc/self/status").expect("/proc");
    let size = status.lines().find_map(|line| line.strip_prefix("VmSize:")).expect("its size");
    1024 * size.trim().trim_end_matches(" kB").parse::<u64>().expect("a number")
}

/// Leaves room for the thread on which a plugin is configured, but for no second stack: this limit binds an administrator
/// too, unlike the one on processes.
fn leave_room_for_one_thread() {
    let maximum = getrlimit(Resource::As).maximum;
    let current = Some(address_space() + 3 * MIB + MIB / 2);
    setrlimit(Resource::As, Rlimit { current, maximum }).expect("a lower limit");
}

#[test]
fn a_provider_that_gets_no_threads_says_so_at_once() {
    if std::env::var_os(FEW).is_none() {
        let name = std::thread::current().name().expect("the name of the test").to_owned();
        let mut child = Command::new(std::env::current_exe().unwrap());
        child.args(["--exact", &name, "--nocapture"]).env(FEW, "yes");
        let child = child.output().unwrap();
        let (said, told) = (String::from_utf8_lossy(&child.stdout), String::from_utf8_lossy(&child.stderr));
        assert!(child.status.success() && said.contains("1 passed"), "{said}\n{told}");
        return;
    }
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    let settings = json!({ "host": "ldap://127.0.0.1:1", "base_dn": "dc=example,dc=com" });
    let (fault, took) = runtime.block_on(async {
        let plugin = Plugin::open(&ldap_provider(), &Trust::developer()).await.unwrap();
        leave_room_for_one_thread();
        let begun = Instant::now();
        (plugin.configure(&settings, &HostServices::silent()).await.expect_err("no threads"), begun.elapsed())
    });
    let text = fault.to_string();
    assert!(text.contains("gives the provider no threads") && text.contains("ulimit -u"), "{text} after {took:?}");
    assert!(took.as_secs() < 3, "{took:?}");
}
