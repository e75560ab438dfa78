//! Plugin code that runs on the caller's thread gets a thread that can be spared.

use std::thread;
use std::time::Duration;

use tokio::sync::oneshot;

/// How long a plugin may take for what has to answer at once: loading, describing itself, configuring.
pub(super) const LIMIT: Duration = Duration::from_secs(5);

/// Runs `work` on a thread of its own and waits for it, [`LIMIT`] at most. When the time is over the thread is left
/// to itself.
///
/// Not `spawn_blocking`: a runtime waits for those at its end, for ever if the plugin hangs.
pub(super) async fn limited<T: Send + 'static>(work: impl FnOnce() -> T + Send + 'static) -> Result<T, String> {
    let (sender, receiver) = oneshot::channel();
    thread::Builder::new()
        .name("plugin-call".to_owned())
        // The receiver is gone if the caller stopped waiting; then nobody wants to know.
        .spawn(move || drop(sender.send(work())))
        .map_err(|error| format!("no thread can be started: {error}"))?;
    match tokio::time::timeout(LIMIT, receiver).await {
        Ok(Ok(answer)) => Ok(answer),
        Ok(Err(_)) => Err("it panicked".to_owned()),
        Err(_) => Err(format!("it did not answer within {} s", LIMIT.as_secs())),
    }
}
