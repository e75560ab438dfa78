//! The threads on which the program may block, and what may take them.
//!
//! | who blocks | at most, at a time |
//! |---|---|
//! | the store: one who reads and one who writes | 2 |
//! | hashing passwords of local accounts | 4 |
//! | reading files: the configuration, what its settings name, whether a plugin is there | 16 |
//! | a password that is typed or piped in, by commands that log nobody else in | 1 |
//!
//! What a plugin does blocks none of them: loading, describing itself and configuring get threads that `provider-api`
//! starts and bounds for each file, and a call runs on threads of the plugin's own. So no plugin and no disk that hangs
//! takes the threads that logins need.

use tokio::sync::Semaphore;

/// The most threads on which the program blocks at a time: more than can be taken.
pub const BLOCKING_THREADS: usize = 32;

/// How many threads may read files at a time. A file may lie on a disk that does not answer, and a thread that waits for
/// one cannot be taken back.
const READING: usize = 16;

static FILES: Semaphore = Semaphore::const_new(READING);

/// Reads files on a thread that may block, as soon as there is one for it. `None` if it panicked.
pub(crate) async fn reading_files<T: Send + 'static>(read: impl FnOnce() -> T + Send + 'static) -> Option<T> {
    // Never closed. It moves into the thread: whoever stops waiting does not make the disk answer.
    let place = FILES.acquire().await.ok()?;
    let read = tokio::task::spawn_blocking(move || {
        let read = read();
        drop(place);
        read
    });
    read.await.ok()
}

#[cfg(test)]
mod tests {
    use std::sync::mpsc;
    use std::time::Duration;

    use super::{BLOCKING_THREADS, READING, reading_files};
    use crate::local_accounts::{self, Checks, NewLocalAccount};
    use crate::store::Store;

    #[test]
    fn files_that_are_never_read_leave_the_threads_that_logins_need() {
        let mut builder = tokio::runtime::Builder::new_multi_thread();
        let runtime = builder.worker_threads(1).max_blocking_threads(BLOCKING_THREADS).enable_all().build();
        let runtime = runtime.expect("a runtime");
        // Gone before the runtime, also if this fails: that waits for its threads.
        let mut hanging = Vec::new();
        runtime.block_on(async {
            for _ in 0..10 * READING {
                let (answer, disk) = mpsc::channel::<()>();
                hanging.push(answer);
                // Whoever waits gives up; the thread stays.
                let read = reading_files(move || disk.recv().is_err());
                tokio::time::timeout(Duration::from_millis(5), read).await.expect_err("it hangs");
            }
            let folder = tempfile::tempdir().expect("a folder");
            let password = || provider_api::Secret::new("of the local account");
            let account =
                NewLocalAccount { name: "admin".to_owned(), password: password(), display_name: None, email: None };
            let login = async {
                let store = Store::open("sqlite:users.db", folder.path()).await.expect("a store");
                local_accounts::add(&store, account).await.expect("added");
                let found = local_accounts::find(&store, "admin").await.expect("the store answers").expect("admin");
                let checks = Checks::default();
                local_accounts::authenticate(&store, &checks, found, password()).await.expect("the store answers")
            };
            let login = tokio::time::timeout(Duration::from_secs(20), login).await.expect("logins go on");
            assert!(login.is_ok(), "{login:?}");
            hanging.clear();
            assert_eq!(reading_files(|| 7).await, Some(7), "the threads come back");
        });
    }
}
