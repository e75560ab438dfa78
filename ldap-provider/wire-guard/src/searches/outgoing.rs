use std::sync::{Mutex, PoisonError};

use tokio::sync::Notify;

use crate::message;

/// Requests that are to be sent. Those that come together go out together.
#[derive(Default)]
pub(super) struct Outgoing {
    requests: Mutex<Vec<u8>>,
    some: Notify,
}

/// How much room is kept for the next requests, in octets.
const KEPT: usize = 16 * 1024;

impl Outgoing {
    /// Adds a request.
    pub(super) fn push(&self, id: u32, operation: &[u8]) {
        let mut requests = self.requests.lock().unwrap_or_else(PoisonError::into_inner);
        let was_empty = requests.is_empty();
        message::push(&mut requests, id, operation);
        drop(requests);
        if was_empty {
            self.some.notify_one();
        }
    }

    /// Waits for requests, and puts all that there are into `taken`, which is empty.
    pub(super) async fn take(&self, taken: &mut Vec<u8>) {
        taken.shrink_to(KEPT);
        while !self.swap(taken) {
            self.some.notified().await;
            // Whoever else is about to search does so first: a write for each costs more than the rest of the search.
            tokio::task::yield_now().await;
        }
    }

    /// Whether there were any.
    fn swap(&self, taken: &mut Vec<u8>) -> bool {
        let mut requests = self.requests.lock().unwrap_or_else(PoisonError::into_inner);
        std::mem::swap(&mut *requests, taken);
        !taken.is_empty()
    }
}
