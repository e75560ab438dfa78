use std::collections::VecDeque;
use std::num::NonZeroUsize;
use std::sync::{Mutex, PoisonError};

use tokio::sync::Notify;

/// The entries that the library has been given and that nobody has taken from it yet. It would take any number, so
/// the pump waits here.
pub(super) struct Unconsumed {
    limit: Option<NonZeroUsize>,
    entries: Mutex<Entries>,
    consumed: Notify,
}

#[derive(Default)]
struct Entries {
    /// The octets of each, oldest first.
    sizes: VecDeque<usize>,
    octets: usize,
}

impl Unconsumed {
    pub(super) fn new(limit: Option<NonZeroUsize>) -> Self {
        Self { limit, entries: Mutex::default(), consumed: Notify::new() }
    }

    /// Waits until an entry of this size fits, or is the only one.
    pub(super) async fn admit(&self, octets: usize) {
        let Some(limit) = self.limit else { return };
        while !self.with(|entries| entries.add(octets, limit)) {
            self.consumed.notified().await;
        }
    }

    /// The oldest entry has been taken.
    pub(super) fn entry_consumed(&self) {
        if self.limit.is_some() {
            self.with(Entries::remove_oldest);
            self.consumed.notify_one();
        }
    }

    fn with<T>(&self, action: impl FnOnce(&mut Entries) -> T) -> T {
        action(&mut self.entries.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

impl Entries {
    fn add(&mut self, octets: usize, limit: NonZeroUsize) -> bool {
        let sum = self.octets.saturating_add(octets);
        let fits = self.sizes.is_empty() || sum <= limit.get();
        if fits {
            self.sizes.push_back(octets);
            self.octets = sum;
        }
        fits
    }

    fn remove_oldest(&mut self) {
        self.octets = self.octets.saturating_sub(self.sizes.pop_front().unwrap_or_default());
    }
}
