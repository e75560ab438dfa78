//! What a process holds, as the kernel counts it; the running one unless another is named.

use std::fs;

/// How many threads it has.
pub fn threads() -> usize {
    figure("Threads:")
}

/// How many threads of the running process have this name, of which the kernel keeps 15 octets.
pub fn threads_named(name: &str) -> usize {
    let tasks = fs::read_dir("/proc/self/task").expect("the threads of this process");
    // One that has ended meanwhile has no name.
    let names = tasks.flatten().filter_map(|task| fs::read_to_string(task.path().join("comm")).ok());
    names.filter(|own| own.trim_end() == name).count()
}

/// How many threads another process has.
pub fn threads_of(id: u32) -> usize {
    figure_in(&format!("/proc/{id}/status"), "Threads:")
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
    figure_in("/proc/self/status", name)
}

fn figure_in(file: &str, name: &str) -> usize {
    let status = fs::read_to_string(file).expect("the status of a process");
    let line = status.lines().find_map(|line| line.strip_prefix(name)).expect("a line of that name");
    line.split_whitespace().next().and_then(|word| word.parse().ok()).expect("a number")
}
