use std::cell::Cell;

use crate::directory::{Counters, Directory};

/// The server's counters, without what reading them adds.
pub struct Meter<'a> {
    directory: &'a Directory,
    start: Counters,
    /// What one reading adds to the next.
    own: Counters,
    readings: Cell<u64>,
}

impl<'a> Meter<'a> {
    /// Counts from now on.
    pub fn start(directory: &'a Directory) -> Self {
        let (first, start) = (directory.counters(), directory.counters());
        let own = difference(start, first, Counters::default(), 0);
        Self { directory, start, own, readings: Cell::new(0) }
    }

    /// What was counted since the start.
    pub fn read(&self) -> Counters {
        self.readings.set(self.readings.get() + 1);
        difference(self.directory.counters(), self.start, self.own, self.readings.get())
    }
}

fn difference(later: Counters, earlier: Counters, own: Counters, readings: u64) -> Counters {
    let of = |count: fn(&Counters) -> u64| count(&later) - count(&earlier) - readings * count(&own);
    Counters {
        connections: of(|counters| counters.connections),
        binds: of(|counters| counters.binds),
        searches: of(|counters| counters.searches),
        // A reading brings less if there are fewer connections to tell of than there were at the start.
        octets: (later.octets - earlier.octets).saturating_sub(readings * own.octets),
    }
}
