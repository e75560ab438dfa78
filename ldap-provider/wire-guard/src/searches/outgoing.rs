use std::sync::{Mutex, MutexGuard, PoisonError};

use tokio::sync::Notify;

use crate::message;

/// Requests that are to be sent. Those that come together go out together.
#[derive(Default)]
pub(super) struct Outgoing {
    queue: Mutex<Queue>,
    some: Notify,
}

#[derive(Default)]
struct Queue {
    requests: Vec<u8>,
    /// Whether who sends them waits for the first.
    is_awaited: bool,
}

/// How much room is kept for the next requests, in octets.
const KEPT: usize = 16 * 1024;

impl Outgoing {
    /// Adds a request.
    pub(super) fn push(&self, id: u32, operation: &[u8]) {
        let mut queue = self.lock();
        message::push(&mut queue.requests, id, operation);
        let is_awaited = std::mem::take(&mut queue.is_awaited);
        drop(queue);
        if is_awaited {
            self.some.notify_one();
        }
    }

    /// Waits for requests, and puts all that there are into `taken`, which is empty. `more_may_come` tells, when there is
    /// one, whether others are about to search as well.
    pub(super) async fn take(&self, taken: &mut Vec<u8>, more_may_come: impl Fn() -> bool) {
        taken.shrink_to(KEPT);
        while !self.swap(taken) {
            self.some.notified().await;
            // They do so first: a write for each costs more than the rest of the search. Where there are none, it would
            // wake a thread for nothing.
            if more_may_come() {
                tokio::task::yield_now().await;
            }
        }
    }

    /// Whether there were any.
    fn swap(&self, taken: &mut Vec<u8>) -> bool {
        let mut queue = self.lock();
        std::mem::swap(&mut queue.requests, taken);
        queue.is_awaited = taken.is_empty();
        !queue.is_awaited
    }

    fn lock(&self) -> MutexGuard<'_, Queue> {
        self.queue.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
