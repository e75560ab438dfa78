//! Plugin code that runs on the caller's thread gets a thread that can be spared.

use std::sync::{Arc, Mutex, PoisonError};
use std::thread;
use std::time::{Duration, Instant};

use tokio::sync::{OwnedSemaphorePermit, Semaphore, oneshot};

/// How long a plugin may take for what has to answer at once: loading, describing itself, configuring.
pub(super) const LIMIT: Duration = Duration::from_secs(5);

/// How many threads one plugin may have at a time. When it keeps them all for longer than [`LIMIT`] it gets no more.
const MOST: usize = 4;

/// The threads that a plugin was given and that have not ended.
#[derive(Debug)]
pub(super) struct Threads {
    places: Arc<Semaphore>,
    /// When each of them began.
    begun: Mutex<Vec<Instant>>,
}

impl Default for Threads {
    fn default() -> Self {
        Self { places: Arc::new(Semaphore::new(MOST)), begun: Mutex::default() }
    }
}

impl Threads {
    /// How many threads are kept for longer than anything may take.
    fn kept(&self) -> usize {
        let begun = self.begun.lock().unwrap_or_else(PoisonError::into_inner);
        begun.iter().filter(|begun| begun.elapsed() >= LIMIT).count()
    }

    /// A place for one more thread, as soon as there is one.
    async fn place(self: &Arc<Self>) -> Result<Place, String> {
        let none = |kept| format!("it keeps {kept} threads from earlier attempts that have not ended");
        let kept = self.kept();
        if kept >= MOST {
            return Err(none(kept));
        }
        match tokio::time::timeout(LIMIT, Arc::clone(&self.places).acquire_owned()).await {
            Ok(Ok(permit)) => {
                let begun = Instant::now();
                self.begun.lock().unwrap_or_else(PoisonError::into_inner).push(begun);
                Ok(Place { threads: Arc::clone(self), begun, _permit: permit })
            }
            // The places are never closed.
            Ok(Err(_)) | Err(_) => Err(none(MOST)),
        }
    }
}

/// The place of a thread, which is free again when this goes.
struct Place {
    threads: Arc<Threads>,
    begun: Instant,
    _permit: OwnedSemaphorePermit,
}

impl Drop for Place {
    fn drop(&mut self) {
        let mut begun = self.threads.begun.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(position) = begun.iter().position(|begun| *begun == self.begun) {
            begun.swap_remove(position);
        }
    }
}

/// Runs `work` on a thread of its own and waits for it, [`LIMIT`] at most, and as long before that for a place if the
/// plugin has as many threads as it may. The thread keeps its place until it ends, whether or not anybody still waits
/// for it.
///
/// Not `spawn_blocking`: a runtime waits for those at its end, for ever if the plugin hangs.
pub(super) async fn limited<T: Send + 'static>(
    threads: &Arc<Threads>,
    work: impl FnOnce() -> T + Send + 'static,
) -> Result<T, String> {
    let place = threads.place().await?;
    let (sender, receiver) = oneshot::channel();
    thread::Builder::new()
        .name("plugin-call".to_owned())
        .spawn(move || {
            // Free also if the work panics, and before the answer, so that who has it finds the place free.
            let answer = {
                let _place = place;
                work()
            };
            // The receiver is gone if the caller stopped waiting; then nobody wants to know.
            drop(sender.send(answer));
        })
        .map_err(|error| format!("no thread can be started: {error}"))?;
    match tokio::time::timeout(LIMIT, receiver).await {
        Ok(Ok(answer)) => Ok(answer),
        Ok(Err(_)) => Err("it panicked".to_owned()),
        Err(_) => Err(format!("it did not answer within {} s", LIMIT.as_secs())),
    }
}

#[cfg(test)]
mod tests {
    use std::sync::{Arc, mpsc};
    use std::time::Duration;

    use super::{MOST, Threads, limited};

    #[tokio::test]
    async fn who_stops_waiting_does_not_get_more_threads_than_who_waits() {
        let threads = Arc::new(Threads::default());
        let mut ends = Vec::new();
        for _ in 0..MOST {
            let (end, ended) = mpsc::channel::<()>();
            ends.push(end);
            let call = limited(&threads, move || ended.recv().is_err());
            tokio::time::timeout(Duration::from_millis(20), call).await.expect_err("it waits for its end");
        }
        assert_eq!(threads.places.available_permits(), 0);
        let (end, ended) = mpsc::channel::<()>();
        let call = limited(&threads, move || ended.recv().is_err());
        tokio::time::timeout(Duration::from_millis(20), call).await.expect_err("no place");
        assert!(end.send(()).is_err(), "the fifth never began");
        drop(ends);
        assert_eq!(limited(&threads, || 7).await, Ok(7), "places come back");
    }

    #[tokio::test]
    async fn a_panic_gives_its_place_back() {
        let threads = Arc::new(Threads::default());
        for _ in 0..=MOST {
            assert_eq!(limited(&threads, || panic!("as planned")).await, Err::<(), _>("it panicked".to_owned()));
        }
        assert_eq!((threads.places.available_permits(), threads.kept()), (MOST, 0));
    }
}
