//! The threads of a provider whose calls are divided between them.

use std::cell::Cell;
use std::iter;
use std::sync::Arc;

use tokio::runtime::{Handle, Runtime};
use tokio_util::task::TaskTracker;

use crate::cut_off::CutOff;

/// So many calls at a time have the first lane to themselves: as long as there is so little to do, one thread does it with
/// less, and whatever the provider keeps for its calls, it keeps once.
const FEW_CALLS: usize = 4;

/// One of the threads between which a provider's calls are divided, if [it never blocks](super::AuthProvider::NEVER_BLOCKS).
///
/// A task stays on the thread of whoever has spawned it, and so does what is done for a socket: a call that uses a connection
/// of its own thread's wakes no other for it. So a provider that keeps connections does well to keep them apart by lanes.
///
/// All other providers have one lane, whatever threads they have; so have tests, and threads that are not the provider's.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Lane {
    index: usize,
    count: usize,
}

thread_local! {
    static HERE: Cell<Lane> = const { Cell::new(Lane { index: 0, count: 1 }) };
}

impl Lane {
    /// For the tests of providers, whose threads have none.
    #[doc(hidden)]
    #[must_use]
    pub const fn new(index: usize, count: usize) -> Self {
        Self { index, count }
    }

    /// The lane of the calling thread. That of [`configure`](super::AuthProvider::configure) is the first of the provider's.
    #[must_use]
    pub fn here() -> Self {
        HERE.get()
    }

    /// Its number, from 0 to less than the [count](Self::count). As long as there is little to do, all of it is done on 0.
    #[must_use]
    pub const fn index(self) -> usize {
        self.index
    }

    /// How many lanes the provider has.
    #[must_use]
    pub const fn count(self) -> usize {
        self.count
    }

    /// Makes the calling thread one of this lane, for good. For threads of the plugin.
    pub(super) fn adopt_thread(self) {
        HERE.set(self);
    }

    /// Has `work` done in this lane. For threads that are only lent, and for tests.
    #[doc(hidden)]
    pub fn during<T>(self, work: impl FnOnce() -> T) -> T {
        struct Restore(Lane);
        impl Drop for Restore {
            fn drop(&mut self) {
                HERE.set(self.0);
            }
        }
        let _restore = Restore(HERE.replace(self));
        work()
    }
}

/// The lanes of one provider. Clones share them.
#[derive(Clone)]
pub(super) struct Lanes {
    first: Arc<Running>,
    others: Arc<[Arc<Running>]>,
}

/// A lane that is running, and the calls that are on it: what each call writes to is no other lane's. In cache lines of its own:
/// two, since processors fetch them in pairs.
#[repr(align(128))]
pub(super) struct Running {
    pub(super) lane: Lane,
    pub(super) handle: Handle,
    pub(super) in_flight: TaskTracker,
    pub(super) cut_off: CutOff,
}

impl Lanes {
    /// A lane for each runtime; `None` if there is none.
    pub(super) fn over(runtimes: &[Runtime]) -> Option<Self> {
        let count = runtimes.len();
        let mut running = runtimes.iter().enumerate().map(|(index, runtime)| {
            let lane = Lane { index, count };
            let handle = runtime.handle().clone();
            Arc::new(Running { lane, handle, in_flight: TaskTracker::new(), cut_off: CutOff::default() })
        });
        Some(Self { first: running.next()?, others: running.collect() })
    }

    pub(super) fn all(&self) -> impl Iterator<Item = &Arc<Running>> {
        iter::once(&self.first).chain(self.others.iter())
    }

    /// Does something on a thread that is only lent as if it were on one of the first lane's.
    pub(super) fn during<T>(&self, work: impl FnOnce() -> T) -> T {
        let _runtime = self.first.handle.enter();
        self.first.lane.during(work)
    }

    /// The lane for one call: the first as long as there are few on it, else the one that has the fewest.
    pub(super) fn for_one(&self) -> &Arc<Running> {
        if self.first.in_flight.len() < FEW_CALLS { &self.first } else { self.least_busy() }
    }

    /// The lane that has the fewest calls: if one is stuck, another.
    pub(super) fn least_busy(&self) -> &Arc<Running> {
        self.all().min_by_key(|running| running.in_flight.len()).unwrap_or(&self.first)
    }

    /// The lane for calls that go on with what others have begun, and have much to do: not where the few logins are that
    /// there may be.
    pub(super) fn for_many(&self) -> &Arc<Running> {
        self.others.last().unwrap_or(&self.first)
    }
}

#[cfg(test)]
mod tests {
    use std::panic::AssertUnwindSafe;

    use tokio::runtime::Builder;

    use super::{FEW_CALLS, Lane, Lanes};

    fn two_lanes() -> Lanes {
        let runtimes = [(); 2].map(|()| Builder::new_current_thread().build().expect("a runtime"));
        Lanes::over(&runtimes).expect("there are two")
    }

    #[test]
    fn few_calls_are_on_the_first_lane_and_more_are_divided() {
        let lanes = two_lanes();
        let mut calls = Vec::new();
        let mut call = || {
            let running = lanes.for_one();
            calls.push(running.in_flight.token());
            running.lane.index()
        };
        for _ in 0..FEW_CALLS {
            assert_eq!(call(), 0);
        }
        let more: Vec<_> = (0..FEW_CALLS + 4).map(|_| call()).collect();
        assert_eq!(more, [1, 1, 1, 1, 0, 1, 0, 1]);
        calls.clear();
        assert_eq!(lanes.for_one().lane.index(), 0, "they are over");
        assert_eq!(lanes.for_many().lane.index(), 1);
    }

    #[test]
    fn calls_that_do_not_end_leave_the_other_lane_to_those_that_come() {
        let lanes = two_lanes();
        let _stuck: Vec<_> = (0..10).map(|_| lanes.first.in_flight.token()).collect();
        for _ in 0..100 {
            let running = lanes.for_one();
            let _call = running.in_flight.token();
            assert_eq!(running.lane.index(), 1);
        }
    }

    #[test]
    fn a_thread_that_is_lent_is_in_the_first_lane_and_in_none_afterwards() {
        let lanes = two_lanes();
        let here = || (Lane::here().index(), Lane::here().count());
        assert_eq!(here(), (0, 1));
        lanes.during(|| {
            assert_eq!(here(), (0, 2));
        });
        std::panic::catch_unwind(AssertUnwindSafe(|| lanes.during(|| panic!("a bug")))).expect_err("a panic");
        assert_eq!(here(), (0, 1));
    }
}
