//! The limit of open files: a login has a few sockets, and in a test both of their ends may be in one process.

use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};

/// Allows this process so many open files, or as many as it may have.
pub fn allow(count: usize) {
    let limit = getrlimit(Resource::Nofile);
    let wanted = u64::try_from(count).expect("a number of files");
    let allowed = limit.maximum.map_or(wanted, |maximum| maximum.min(wanted));
    if limit.current.is_some_and(|current| current < allowed) {
        setrlimit(Resource::Nofile, Rlimit { current: Some(allowed), maximum: limit.maximum }).expect("more files");
    }
}
