//! The turns of binds: so many may be under way at a time.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use provider_api::author::Lane;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

use crate::per_lane::PerLane;

/// The right to have one bind under way.
#[derive(Debug)]
pub(crate) struct Turn(#[expect(dead_code, reason = "it is held")] OwnedSemaphorePermit);

/// The turns of each [lane](Lane), of which each has as many: whoever gives one back wakes nobody on another thread.
#[derive(Debug)]
pub(super) struct Turns(PerLane<OfLane>);

#[derive(Debug)]
struct OfLane {
    free: Arc<Semaphore>,
    size: AtomicUsize,
}

impl OfLane {
    fn size(&self) -> usize {
        self.size.load(Ordering::Relaxed)
    }

    fn taken(&self) -> usize {
        self.size().saturating_sub(self.free.available_permits())
    }
}

impl Turns {
    /// So many in all.
    pub(super) fn new(size: usize) -> Self {
        let size = size / Lane::here().count();
        Self(PerLane::new(|| OfLane { free: Arc::new(Semaphore::new(size)), size: AtomicUsize::new(size) }))
    }

    /// One, in the order in which everybody in the caller's lane came.
    pub(super) async fn one(&self) -> Option<Turn> {
        Arc::clone(&self.0.here().free).acquire_owned().await.ok().map(Turn)
    }

    /// One, if there is one to be had at once.
    pub(super) fn try_one(&self) -> Option<Turn> {
        Arc::clone(&self.0.here().free).try_acquire_owned().ok().map(Turn)
    }

    /// Whether whoever comes has to wait.
    pub(super) fn is_exhausted(&self) -> bool {
        self.0.here().free.available_permits() == 0
    }

    /// How many there are, in all lanes.
    pub(super) fn size(&self) -> usize {
        self.0.all().map(OfLane::size).sum()
    }

    /// How many of them are taken.
    pub(super) fn taken(&self) -> usize {
        self.0.all().map(OfLane::taken).sum()
    }

    /// Has all who wait look at what has changed, even if nobody gives a turn back. Whoever does not want theirs any
    /// more passes it on, so that one turn more is enough; who comes to have it last is nobody, and it is withdrawn.
    pub(super) fn wake_who_waits(&self) {
        for lane in self.0.all() {
            lane.free.add_permits(1);
            let free = Arc::clone(&lane.free);
            tokio::spawn(async move {
                if let Ok(last) = free.acquire().await {
                    last.forget();
                }
            });
        }
    }

    /// Has so many in all from now on. One call at a time.
    pub(super) fn resize(&self, size: usize) {
        let wanted = size / self.0.count();
        for lane in self.0.all() {
            let now = lane.size();
            if wanted > now {
                lane.free.add_permits(wanted - now);
                lane.size.store(wanted, Ordering::Relaxed);
            } else {
                // Those that are taken can be withdrawn another time.
                lane.size.store(now - lane.free.forget_permits(now - wanted), Ordering::Relaxed);
            }
        }
    }
}
