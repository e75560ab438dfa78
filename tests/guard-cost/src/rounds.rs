//! CPU time, driver by driver in turn, so that what else the machine does falls on both.

use std::sync::Arc;
use std::time::Duration;

use crate::driver::{Bare, Driver, Guarded};
use crate::table::{Comparison, Figure};
use crate::target::Target;
use crate::work::{Work, runtime};

/// How often each driver is measured.
pub const ROUNDS: usize = 11;

/// Measures both drivers.
pub fn compare(target: &Target, work: Work) -> Comparison {
    let (guarded, bare) = (Measured::new(Guarded::new(target)), Measured::new(Bare::new(target)));
    let warming_up = Work { logins: work.logins / 4, ..work };
    guarded.round(warming_up);
    bare.round(warming_up);
    // What one leaves to be done falls on the other, so they take turns at being the first.
    let rounds = (0..ROUNDS).map(|round| {
        if round % 2 == 0 {
            (guarded.round(work), bare.round(work))
        } else {
            let bare = bare.round(work);
            (guarded.round(work), bare)
        }
    });
    let (guarded, bare) = rounds.unzip();
    Comparison { guarded: Figure(guarded), bare: Figure(bare) }
}

struct Measured<D> {
    driver: Arc<D>,
    runtime: tokio::runtime::Runtime,
}

impl<D: Driver> Measured<D> {
    fn new(driver: D) -> Self {
        Self { driver: Arc::new(driver), runtime: runtime() }
    }

    /// Microseconds of CPU time for a login.
    fn round(&self, work: Work) -> f64 {
        let spent: Duration = work.run(&self.runtime, &self.driver);
        spent.as_secs_f64() * 1e6 / f64::from(work.logins)
    }
}
