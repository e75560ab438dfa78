//! One of the directory's servers: its connections, and whether it can be reached.

mod addresses;
mod availability;
mod bind_connections;
mod binding;
mod connecting;
mod opening;
mod searching;

pub(crate) use binding::BindFailure;
pub(crate) use searching::{OwnConnection, OwnRest};

use std::net::SocketAddr;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, Weak};
use std::time::{Duration, Instant};

use provider_api::Fault;
use tokio::sync::{Semaphore, watch};
use wire_guard::Endpoint;

use super::Servers;
use super::bind_pool::BindPool;
use super::breaker::{Availability, Breaker};
use super::detection::Detection;
use super::last_answer::LastAnswer;
use super::search_pool::SearchPool;
use super::service_account::ServiceAccount;
use crate::metrics::Metrics;
use crate::settings::Config;

/// One server.
#[derive(Debug)]
pub(crate) struct Server {
    pub(crate) endpoint: Endpoint,
    config: Arc<Config>,
    metrics: Arc<Metrics>,
    detection: Arc<Detection>,
    breaker: Breaker,
    account: Arc<ServiceAccount>,
    searches: SearchPool,
    /// For searches that may find many entries each: so many at a time lie in memory.
    group_turns: Semaphore,
    binds: BindPool,
    /// When the bind of a user was last answered, whatever the answer.
    bind_answered: LastAnswer,
    /// The attempt to open a connection for searching that is under way, if there is one. All who need one wait for it.
    opening: Mutex<Option<watch::Receiver<Outcome>>>,
    /// Whether the only connection for searching has become one for binds.
    search_is_owed: AtomicBool,
    /// The shortest round trip since it was last looked at, in microseconds.
    round_trip: AtomicU64,
    /// Told whenever a server has become available.
    recoveries: watch::Sender<()>,
    /// Itself, and those that may be asked in its place.
    all: Weak<Servers>,
    /// The addresses that took a connection lately and then were of no use, and when.
    shunned: Mutex<Vec<(SocketAddr, Instant)>>,
}

/// What has become of an attempt; `None` while it is under way.
type Outcome = Option<Result<(), Fault>>;

/// How many searches for groups may be under way. Each may be answered with as much as all that [`Limits::LOGIN`] lets a
/// search be answered with.
const GROUP_SEARCHES: usize = 4;

const WHAT_WAITS: &str = "all connections to the server are busy";

impl Server {
    pub(super) fn new(
        endpoint: Endpoint,
        (config, metrics, detection): (Arc<Config>, Arc<Metrics>, Arc<Detection>),
        recoveries: watch::Sender<()>,
        all: Weak<Servers>,
    ) -> Self {
        let binds = if config.bind_template.is_some() { BindPool::turns_alone() } else { BindPool::new() };
        Self {
            endpoint,
            config,
            metrics,
            detection,
            group_turns: Semaphore::new(GROUP_SEARCHES),
            breaker: Breaker::default(),
            account: Arc::default(),
            searches: SearchPool::default(),
            binds,
            bind_answered: LastAnswer::none(Instant::now()),
            opening: Mutex::default(),
            search_is_owed: AtomicBool::new(false),
            round_trip: AtomicU64::new(u64::MAX),
            recoveries,
            all,
            shunned: Mutex::default(),
        }
    }

    /// Opens the connection for searching that a login has taken for its bind, unless another login has done so.
    pub(super) fn supply(self: &Arc<Self>) {
        let is_owed = self.search_is_owed.swap(false, Ordering::Relaxed);
        if is_owed && self.is_unconnected() && self.availability() == Availability::Available {
            self.open_shared();
        }
    }

    /// Closes connections that are idle, expired or ended.
    pub(super) fn sweep(&self) {
        let now = Instant::now();
        self.searches.sweep(now);
        self.binds.sweep(now);
        self.fit();
    }

    /// Takes note of how long the server took for something small.
    pub(crate) fn note_round_trip(&self, took: Duration) {
        let micros = u64::try_from(took.as_micros()).unwrap_or(u64::MAX);
        // Each login comes here, and seldom with less than those before.
        if micros < self.round_trip.load(Ordering::Relaxed) {
            self.round_trip.fetch_min(micros, Ordering::Relaxed);
        }
    }

    /// Has as many connections for binds as the round trip asks for.
    fn fit(&self) {
        let micros = self.round_trip.swap(u64::MAX, Ordering::Relaxed);
        if micros != u64::MAX && self.config.bind_template.is_none() {
            self.binds.fit(Duration::from_micros(micros));
        }
    }
}
