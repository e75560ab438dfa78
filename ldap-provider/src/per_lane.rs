//! One of something for each lane.

use std::iter;

use provider_api::author::Lane;

/// One for each [lane](Lane), each in cache lines of its own: what a login writes to is then of no other thread's.
#[derive(Debug)]
pub(crate) struct PerLane<T> {
    first: Apart<T>,
    others: Box<[Apart<T>]>,
}

/// Two lines, since processors fetch them in pairs.
#[derive(Debug)]
#[repr(align(128))]
struct Apart<T>(T);

impl<T> PerLane<T> {
    /// For the lanes that there are where this is called.
    pub(crate) fn new(mut make: impl FnMut() -> T) -> Self {
        let first = Apart(make());
        let others = iter::repeat_with(|| Apart(make())).take(Lane::here().count() - 1).collect();
        Self { first, others }
    }

    /// The one of the caller's lane.
    pub(crate) fn here(&self) -> &T {
        self.of(Lane::here())
    }

    pub(crate) fn of(&self, lane: Lane) -> &T {
        let other = lane.index().checked_sub(1).and_then(|index| self.others.get(index));
        &other.unwrap_or(&self.first).0
    }

    /// All of them, from the caller's lane on.
    pub(crate) fn all(&self) -> impl Iterator<Item = &T> {
        let here: *const T = self.here();
        let others = iter::once(&self.first).chain(&self.others).map(|apart| &apart.0);
        iter::once(self.here()).chain(others.filter(move |other| !std::ptr::eq(*other, here)))
    }

    /// The lanes for which there is one.
    pub(crate) fn lanes(&self) -> impl Iterator<Item = Lane> + use<T> {
        let count = self.count();
        (0..count).map(move |index| Lane::new(index, count))
    }

    pub(crate) fn count(&self) -> usize {
        1 + self.others.len()
    }
}

impl<T: Default> Default for PerLane<T> {
    fn default() -> Self {
        Self::new(T::default)
    }
}
