//! Plugin code that runs on the caller's thread gets a thread that can be spared.

use std::sync::Arc;
use std::sync::atomic::{AtomicU8, AtomicUsize, Ordering};
use std::thread;
use std::time::Duration;

use tokio::sync::oneshot;

/// How long a plugin may take for what has to answer at once: loading, describing itself, configuring.
pub(super) const LIMIT: Duration = Duration::from_secs(5);

/// How many threads one plugin may keep before it gets no more.
const MOST_LOST: usize = 4;

/// The threads that a plugin was given and has kept.
#[derive(Debug, Default)]
pub(super) struct LostThreads(AtomicUsize);

const RUNNING: u8 = 0;
const ENDED: u8 = 1;
const GIVEN_UP: u8 = 2;

/// Runs `work` on a thread of its own and waits for it, [`LIMIT`] at most. When the time is over the thread is left
/// to itself, and counted as lost until it ends; a plugin that has lost too many gets none any more.
///
/// Not `spawn_blocking`: a runtime waits for those at its end, for ever if the plugin hangs.
pub(super) async fn limited<T: Send + 'static>(
    lost: &Arc<LostThreads>,
    work: impl FnOnce() -> T + Send + 'static,
) -> Result<T, String> {
    let kept = lost.0.load(Ordering::SeqCst);
    if kept >= MOST_LOST {
        return Err(format!("it keeps {kept} threads from earlier attempts that have not ended"));
    }
    let (sender, receiver) = oneshot::channel();
    let state = Arc::new(AtomicU8::new(RUNNING));
    thread::Builder::new()
        .name("plugin-call".to_owned())
        .spawn({
            let (lost, state) = (Arc::clone(lost), Arc::clone(&state));
            move || {
                // The receiver is gone if the caller stopped waiting; then nobody wants to know.
                drop(sender.send(work()));
                if state.swap(ENDED, Ordering::SeqCst) == GIVEN_UP {
                    lost.0.fetch_sub(1, Ordering::SeqCst);
                }
            }
        })
        .map_err(|error| format!("no thread can be started: {error}"))?;
    match tokio::time::timeout(LIMIT, receiver).await {
        Ok(Ok(answer)) => Ok(answer),
        Ok(Err(_)) => Err("it panicked".to_owned()),
        Err(_) => {
            // Counted first: the thread may end, and be taken off the count, at any moment.
            lost.0.fetch_add(1, Ordering::SeqCst);
            if state.swap(GIVEN_UP, Ordering::SeqCst) == ENDED {
                lost.0.fetch_sub(1, Ordering::SeqCst);
            }
            Err(format!("it did not answer within {} s", LIMIT.as_secs()))
        }
    }
}
