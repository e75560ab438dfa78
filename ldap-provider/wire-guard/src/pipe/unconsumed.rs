use std::collections::VecDeque;
use std::num::NonZeroUsize;
use std::sync::{Mutex, PoisonError};

use tokio::sync::Notify;

/// The entries that the library has been given and that nobody has taken from it yet. It would take any number, so
/// the pump waits here.
///
/// Entries are counted off oldest first, which is their order as long as one search at a time is made and is read to
/// its end. One that is given up is the end of the connection.
pub(super) struct Unconsumed {
    limit: Option<NonZeroUsize>,
    entries: Mutex<Entries>,
    consumed: Notify,
}

#[derive(Default)]
struct Entries {
    /// What each costs, oldest first.
    costs: VecDeque<usize>,
    sum: usize,
}

/// What an entry costs the library in memory as long as it waits, roughly, in octets: its content, an object for each
/// element, and a place in a queue. (While it is decoded, one at a time, it costs four times that.)
fn cost(octets: usize, elements: usize) -> usize {
    octets + 64 * elements + 256
}

impl Unconsumed {
    pub(super) fn new(limit: Option<NonZeroUsize>) -> Self {
        Self { limit, entries: Mutex::default(), consumed: Notify::new() }
    }

    /// Waits until an entry of so many octets and elements fits, or is the only one.
    pub(super) async fn admit(&self, octets: usize, elements: usize) {
        let Some(limit) = self.limit else { return };
        let cost = cost(octets, elements);
        while !self.with(|entries| entries.add(cost, limit)) {
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
    fn add(&mut self, cost: usize, limit: NonZeroUsize) -> bool {
        let sum = self.sum.saturating_add(cost);
        let fits = self.costs.is_empty() || sum <= limit.get();
        if fits {
            self.costs.push_back(cost);
            self.sum = sum;
        }
        fits
    }

    fn remove_oldest(&mut self) {
        self.sum = self.sum.saturating_sub(self.costs.pop_front().unwrap_or_default());
    }
}
