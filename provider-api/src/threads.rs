//! Whether the system gives threads.

use std::io;
use std::sync::{Mutex, PoisonError};
use std::thread::{self, Builder};

/// Starts as many threads with stacks of this many bytes, has them all at the same time, and lets them end again.
///
/// For whoever builds a tokio runtime: the builder panics if the system refuses one of its threads, and the panic waits
/// for those that it has started, which is for ever (tokio 1.54). Asked before, it is an error. Others may take the threads
/// in between; what this finds is a limit that leaves no room, such as that of a container.
///
/// # Errors
///
/// What the system said: `EAGAIN` if there is no memory for a stack or a limit on processes is reached (`ulimit -u`,
/// `pids.max`; `pthread_create(3)`).
pub fn try_threads(count: usize, stack_size: usize) -> io::Result<()> {
    let hold = Mutex::new(());
    thread::scope(|scope| {
        let until_all = hold.lock().unwrap_or_else(PoisonError::into_inner);
        let thread = || drop(hold.lock().unwrap_or_else(PoisonError::into_inner));
        let mut started = Vec::with_capacity(count);
        let all = (0..count).try_for_each(|_| {
            started.push(Builder::new().stack_size(stack_size).spawn_scoped(scope, thread)?);
            Ok(())
        });
        drop(until_all);
        // The scope waits for their work alone, and until they are joined they count towards the limit.
        for thread in started {
            let _ = thread.join();
        }
        all
    })
}

#[cfg(test)]
mod tests {
    use super::try_threads;

    #[test]
    fn threads_come_and_go_and_a_refusal_is_an_error() {
        for _ in 0..50 {
            try_threads(20, 64 * 1024).expect("20 threads");
        }
        let error = try_threads(2, 1 << 62).expect_err("more than there are addresses, for one stack");
        assert_eq!(error.kind(), std::io::ErrorKind::WouldBlock, "{error}");
    }
}
