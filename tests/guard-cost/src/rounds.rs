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
    let rounds: Vec<_> = (0..ROUNDS).map(|_| (guarded.round(work), bare.round(work))).collect();
    let (guarded, bare) = rounds.into_iter().unzip();
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
