//! What the running process holds, as the kernel counts it.

use std::fs;

/// How many threads it has.
pub fn threads() -> usize {
    figure("Threads:")
}

/// How much memory it has in use (resident set), in KiB.
pub fn resident_kib() -> usize {
    figure("VmRSS:")
}

/// How many descriptors are open.
pub fn descriptors() -> usize {
    fs::read_dir("/proc/self/fd").expect("the open files").count()
}

fn figure(name: &str) -> usize {
    let status = fs::read_to_string("/proc/self/status").expect("the status of this process");
    let line = status.lines().find_map(|line| line.strip_prefix(name)).expect("a line of that name");
    line.split_whitespace().next().and_then(|word| word.parse().ok()).expect("a number")
}
