use std::collections::{HashMap, VecDeque};
use std::num::NonZeroUsize;
use std::sync::{Mutex, PoisonError};

use tokio::sync::Notify;

/// The entries that the library has been given and that nobody has taken from it yet, over all searches. It would take
/// any number, so the pump waits here.
///
/// Those of one search are counted off oldest first, which is their order; those of a search that is over are counted
/// off together.
pub(super) struct Unconsumed {
    limit: NonZeroUsize,
    entries: Mutex<Entries>,
    consumed: Notify,
}

#[derive(Default)]
struct Entries {
    /// What each costs, oldest first, for each search that is not over.
    costs: HashMap<u32, VecDeque<usize>>,
    sum: usize,
}

/// What an entry costs the library in memory as long as it waits, roughly, in octets: its content, an object for each
/// element, and a place in a queue. (While it is decoded, one at a time, it costs four times that.)
fn cost(octets: usize, elements: usize) -> usize {
    octets + 64 * elements + 256
}

impl Unconsumed {
    pub(super) fn new(limit: NonZeroUsize) -> Self {
        Self { limit, entries: Mutex::default(), consumed: Notify::new() }
    }

    /// A search begins.
    pub(super) fn begin(&self, search: u32) {
        self.with(|entries| entries.costs.insert(search, VecDeque::new()));
    }

    /// Whether an entry of so many octets and elements fits, or is the only one. If so it counts from now on.
    pub(super) fn try_admit(&self, search: u32, octets: usize, elements: usize) -> bool {
        let cost = cost(octets, elements);
        self.with(|entries| entries.add(search, cost, self.limit))
    }

    /// Waits until it does.
    pub(super) async fn admit(&self, search: u32, octets: usize, elements: usize) {
        while !self.try_admit(search, octets, elements) {
            self.consumed.notified().await;
        }
    }

    /// The oldest entry of a search has been taken.
    pub(super) fn entry_consumed(&self, search: u32) {
        self.with(|entries| entries.remove_oldest(search));
        self.consumed.notify_one();
    }

    /// Nothing more will be taken of a search.
    pub(super) fn search_over(&self, search: u32) {
        self.with(|entries| entries.remove_all(search));
        self.consumed.notify_one();
    }

    fn with<T>(&self, action: impl FnOnce(&mut Entries) -> T) -> T {
        action(&mut self.entries.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

impl Entries {
    fn add(&mut self, search: u32, cost: usize, limit: NonZeroUsize) -> bool {
        // Nobody will take it: it is dropped as soon as it is decoded.
        let Some(costs) = self.costs.get_mut(&search) else { return true };
        let sum = self.sum.saturating_add(cost);
        let fits = self.sum == 0 || sum <= limit.get();
        if fits {
            costs.push_back(cost);
            self.sum = sum;
        }
        fits
    }

    fn remove_oldest(&mut self, search: u32) {
        let oldest = self.costs.get_mut(&search).and_then(VecDeque::pop_front);
        self.sum = self.sum.saturating_sub(oldest.unwrap_or_default());
    }

    fn remove_all(&mut self, search: u32) {
        let costs = self.costs.remove(&search).unwrap_or_default();
        self.sum = self.sum.saturating_sub(costs.iter().sum());
    }
}

#[cfg(test)]
mod tests {
    use std::num::NonZeroUsize;

    use super::Unconsumed;

    fn unconsumed() -> Unconsumed {
        let unconsumed = Unconsumed::new(NonZeroUsize::new(10_000).unwrap());
        unconsumed.begin(1);
        unconsumed.begin(2);
        unconsumed
    }

    #[test]
    fn searches_share_the_room_and_give_it_back_in_any_order() {
        let unconsumed = unconsumed();
        assert!(unconsumed.try_admit(1, 6_000, 1));
        assert!(!unconsumed.try_admit(2, 6_000, 1));
        unconsumed.entry_consumed(2);
        assert!(!unconsumed.try_admit(2, 6_000, 1), "there was nothing of it to be taken");
        unconsumed.entry_consumed(1);
        assert!(unconsumed.try_admit(2, 6_000, 1));
    }

    #[test]
    fn a_search_that_is_over_holds_nobody_back() {
        let unconsumed = unconsumed();
        assert!(unconsumed.try_admit(1, 4_000, 1) && unconsumed.try_admit(1, 4_000, 1));
        assert!(!unconsumed.try_admit(2, 4_000, 1));
        unconsumed.search_over(1);
        assert!(unconsumed.try_admit(2, 9_000, 1));
        assert!(unconsumed.try_admit(1, 1_000_000, 1), "what comes for it afterwards does not wait");
        assert!(!unconsumed.try_admit(2, 4_000, 1), "nor does it count");
    }

    #[test]
    fn an_entry_larger_than_the_room_passes_alone() {
        let unconsumed = unconsumed();
        assert!(unconsumed.try_admit(1, 1_000_000, 1));
        assert!(!unconsumed.try_admit(2, 1, 1));
    }
}
