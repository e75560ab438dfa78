use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use rustix::time::{ClockId, clock_gettime};
use tokio::runtime::{Builder, Runtime};

use crate::directory::password_of;
use crate::driver::Driver;

/// How long connections live.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Connections {
    /// Two for each login.
    Fresh,
    /// One for all searches, one for the binds of each caller.
    Kept,
}

impl Connections {
    /// Its name in a table and on a command line.
    pub fn name(self) -> &'static str {
        match self {
            Self::Fresh => "fresh",
            Self::Kept => "kept",
        }
    }
}

/// So many logins by so many callers at once.
#[derive(Clone, Copy, Debug)]
pub struct Work {
    /// Over such connections.
    pub connections: Connections,
    /// At once.
    pub callers: usize,
    /// By all of them together.
    pub logins: u32,
}

/// The people who log in.
const NAMES: [&str; 2] = ["deep", "twin"];

/// A runtime like the one that a provider has.
pub fn runtime() -> Runtime {
    Builder::new_multi_thread().worker_threads(2).enable_all().build().expect("a runtime")
}

impl Work {
    /// Does it; returns the CPU time that this process has spent on it, opening the connections that are kept not
    /// included.
    pub fn run<D: Driver>(self, runtime: &Runtime, driver: &Arc<D>) -> Duration {
        runtime.block_on(async {
            let kept = match self.connections {
                Connections::Fresh => None,
                Connections::Kept => Some(driver.searcher().await),
            };
            let mut callers = Vec::new();
            for _ in 0..self.callers {
                callers.push(match &kept {
                    None => None,
                    Some(searcher) => Some((searcher.clone(), driver.binder().await)),
                });
            }
            let before = cpu_time();
            let taken = Arc::new(AtomicU32::new(0));
            let callers = callers.into_iter().map(|kept| {
                let (driver, taken) = (driver.clone(), taken.clone());
                tokio::spawn(async move { self.call(&*driver, &taken, kept).await })
            });
            for caller in callers.collect::<Vec<_>>() {
                caller.await.expect("a caller whose logins succeed");
            }
            cpu_time().saturating_sub(before)
        })
    }

    async fn call<D: Driver>(self, driver: &D, taken: &AtomicU32, mut kept: Option<(D::Searcher, D::Binder)>) {
        loop {
            let number = taken.fetch_add(1, Ordering::Relaxed);
            if number >= self.logins {
                return;
            }
            let name = NAMES[number as usize % NAMES.len()];
            if let Some((searcher, binder)) = &mut kept {
                let dn = driver.find(searcher, name).await;
                driver.bind(binder, &dn, &password_of(name)).await;
            } else {
                let dn = driver.find(&mut driver.searcher().await, name).await;
                driver.bind(&mut driver.binder().await, &dn, &password_of(name)).await;
            }
        }
    }
}

fn cpu_time() -> Duration {
    let time = clock_gettime(ClockId::ProcessCPUTime);
    let whole = u64::try_from(time.tv_sec).expect("time is not negative");
    Duration::new(whole, u32::try_from(time.tv_nsec).expect("less than a second"))
}
