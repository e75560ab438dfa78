//! The directory: its servers, in the order in which the administrator prefers them, and the connections to them.
//!
//! A login never waits for a handshake if it can be helped. To each server there are a few connections for searching,
//! bound as the service account and shared by all searches ([`search_pool`]), and a pool of connections that carry the
//! binds of users and, from the first of them on, nothing else ([`bind_pool`]). A server that cannot be reached is left
//! alone for a while, and another is asked ([`breaker`]).

mod bind_pool;
mod breaker;
mod detection;
mod last_answer;
mod lasting;
mod open_connection;
mod search_pool;
mod server;
mod service_account;
mod service_connection;
mod setback;
mod shared_connection;
mod steps;
mod turns;
mod windows_domain;

use std::sync::{Arc, Weak};
use std::time::{Duration, Instant};

use provider_api::{Deadline, Fault, Metric, one_line};
use tokio::sync::watch;
use wire_guard::{Connection, Found};

pub(crate) use detection::{Asked, Detection};
pub(crate) use lasting::Lasting;
pub(crate) use open_connection::OpenConnection;
pub(crate) use search_pool::{Place, TRUSTED_FOR};
pub(crate) use server::{BindFailure, OwnConnection, OwnRest, Server};
pub(crate) use service_connection::{Next, Query, ServiceConnection};
pub(crate) use setback::Setback;
pub(crate) use shared_connection::SharedConnection;
pub(crate) use steps::Steps;

use crate::metrics::Metrics;
use crate::plan::Plan;
use crate::settings::Config;
use breaker::{Availability, Urgency};
use windows_domain::WindowsDomain;

/// How long a login waits for a server that is down to come back, if there is no other: long enough for one that
/// answers to be found, and short enough that nobody waits for one that does not.
const PATIENCE: Duration = Duration::from_millis(90);

/// How often it is seen to it that there is a connection for searching, if a login has taken the only one.
const SUPPLY: Duration = Duration::from_secs(1);

/// After how many times of those idle connections are looked after.
const UPKEEP: u32 = 5;

/// A directory, as its settings describe it. Clones share it.
#[derive(Clone, Debug)]
pub(crate) struct Directory {
    pub(crate) config: Arc<Config>,
    pub(crate) metrics: Arc<Metrics>,
    pub(crate) detection: Arc<Detection>,
    pub(crate) windows_domain: Arc<WindowsDomain>,
    servers: Arc<Servers>,
}

#[derive(Debug)]
struct Servers {
    /// In order of preference; there is at least one.
    all: Vec<Arc<Server>>,
    recoveries: watch::Receiver<()>,
}

impl Directory {
    /// Has to be called on a tokio runtime, on which idle connections are looked after.
    pub(crate) fn new(config: Config) -> Self {
        let (config, metrics) = (Arc::new(config), Arc::<Metrics>::default());
        let (recovery, recoveries) = watch::channel(());
        let detection = Arc::new(Detection::new(Arc::clone(&config)));
        let servers = Arc::new_cyclic(|servers| {
            let server = |endpoint: &wire_guard::Endpoint| {
                let shared = (Arc::clone(&config), Arc::clone(&metrics), Arc::clone(&detection));
                Arc::new(Server::new(endpoint.clone(), shared, recovery.clone(), servers.clone()))
            };
            Servers { all: config.endpoints.iter().map(server).collect(), recoveries }
        });
        look_after(&servers);
        Self { config, metrics, detection, windows_domain: Arc::default(), servers }
    }

    /// How users are found and read. Known as soon as a server was asked.
    pub(crate) fn plan(&self) -> Result<Arc<Plan>, Fault> {
        self.detection
            .plan()
            .ok_or_else(|| Fault::internal("the kind of the directory is not known although a server was asked"))
    }

    /// How users are found and read, which follows from what a server says of itself if it is not known yet.
    pub(crate) fn learn(&self, root_dse: &Found) -> Result<Arc<Plan>, Fault> {
        self.detection.learn(root_dse, Asked::AsWhoSearches)?;
        self.plan()
    }

    /// All servers, in order of preference.
    pub(crate) fn servers(&self) -> &[Arc<Server>] {
        &self.servers.all
    }

    /// The servers that one call may ask, one after the other.
    pub(crate) fn attempts(&self) -> Attempts<'_> {
        Attempts { servers: &self.servers, tried: vec![false; self.servers.all.len()], faults: Vec::new() }
    }

    /// A connection for listing, to the first server that can be reached.
    pub(crate) async fn for_listing(&self, deadline: Deadline) -> Result<(Connection, OpenConnection), Fault> {
        let steps = Steps::of(deadline.remaining());
        let mut attempts = self.attempts();
        loop {
            let server = attempts.next(deadline).await?;
            let began = Instant::now();
            match server.for_listing(steps, deadline).await.map_err(Setback::before_the_password) {
                Ok(connection) => return Ok(connection),
                Err(Setback::Final(fault)) => return Err(fault),
                Err(Setback::Elsewhere(fault)) => {
                    // A caller in a hurry says nothing about the server, nor does what was known without dialling it; and
                    // nobody's login needs another connection as long as there is one.
                    if deadline.remaining().is_zero() {
                        return Err(fault);
                    }
                    if server.has_time(steps) && server.is_unconnected() && server.check_account().is_ok() {
                        server.is_down(&fault, began);
                    }
                    attempts.failed(server, fault);
                }
            }
        }
    }

    /// What has been counted, and the state of each server.
    pub(crate) fn read_metrics(&self) -> Vec<Metric> {
        let mut metrics = self.metrics.read();
        for server in self.servers() {
            let is_open = server.availability() != Availability::Available;
            let name = format!("breaker_open{{server=\"{}\"}}", one_line(&server.endpoint.to_string()));
            metrics.push(Metric::new(name, f64::from(u8::from(is_open))));
        }
        metrics
    }
}

/// The servers that one call may ask, each once.
pub(crate) struct Attempts<'a> {
    servers: &'a Servers,
    tried: Vec<bool>,
    faults: Vec<(String, Fault)>,
}

impl<'a> Attempts<'a> {
    /// The next server to ask: the first that was not tried yet and is not known to be down.
    ///
    /// # Errors
    ///
    /// What kept the servers from answering, when none is left.
    pub(crate) async fn next(&mut self, deadline: Deadline) -> Result<&'a Arc<Server>, Fault> {
        if let Some(server) = self.available() {
            return Ok(server);
        }
        self.wait_for_recovery(deadline).await;
        if let Some(server) = self.available() {
            return Ok(server);
        }
        // One that has recovered in this very moment is no fault.
        self.fault().map_or_else(|| self.available().ok_or_else(nobody), Err)
    }

    /// Whether another server was asked before.
    pub(crate) fn is_first(&self) -> bool {
        self.faults.is_empty()
    }

    /// Takes note of what kept a server from answering.
    pub(crate) fn failed(&mut self, server: &Server, fault: Fault) {
        self.faults.push((server.endpoint.to_string(), fault));
    }

    fn available(&mut self) -> Option<&'a Arc<Server>> {
        for (server, tried) in self.servers.all.iter().zip(&mut self.tried) {
            if *tried {
                continue;
            }
            if server.availability() == Availability::Available {
                *tried = true;
                return Some(server);
            }
            server.probe(Urgency::PauseOver);
        }
        None
    }

    /// Waits for one of the servers that are down, which are probed if that was not just done.
    async fn wait_for_recovery(&self, deadline: Deadline) {
        let until = Instant::now() + PATIENCE.min(deadline.remaining());
        let mut recoveries = self.servers.recoveries.clone();
        recoveries.mark_unchanged();
        loop {
            let mut next = until;
            let mut is_any = false;
            for (server, _) in self.servers.all.iter().zip(&self.tried).filter(|(_, tried)| !**tried) {
                let Availability::Down(_, early) = server.availability() else { return };
                server.probe(Urgency::NobodyElse);
                is_any = true;
                if early > Instant::now() {
                    next = next.min(early);
                }
            }
            if !is_any || Instant::now() >= until {
                return;
            }
            // Nobody is left to tell of a recovery when the servers are gone, and then nobody is left to wait.
            let _ = tokio::time::timeout_at(next.into(), recoveries.changed()).await;
        }
    }

    /// Why nobody has answered.
    fn fault(&mut self) -> Option<Fault> {
        for (server, tried) in self.servers.all.iter().zip(&self.tried) {
            if !*tried && let Availability::Down(fault, _) = server.availability() {
                let fault = with_message(fault, |message| format!("{message}; not asked again yet"));
                self.faults.push((server.endpoint.to_string(), fault));
            }
        }
        let mut faults = std::mem::take(&mut self.faults);
        let several = self.servers.all.len() > 1;
        let said: Vec<_> =
            faults.iter().map(|(server, fault)| format!("{server}: {}: {}", fault.code(), fault.message())).collect();
        let first = if faults.is_empty() { None } else { Some(faults.swap_remove(0).1) };
        let first = first?;
        if !several {
            return Some(first);
        }
        Some(with_message(first, |_| format!("none of the servers can answer: {}", said.join("; "))))
    }
}

fn nobody() -> Fault {
    Fault::internal("there is no server to ask")
}

fn with_message(fault: Fault, change: impl FnOnce(String) -> String) -> Fault {
    match fault {
        Fault::Unavailable { reason, message } => Fault::unavailable(reason, change(message)),
        other => other,
    }
}

/// Looks after idle connections for as long as there is somebody who has them.
fn look_after(servers: &Arc<Servers>) {
    let servers: Weak<Servers> = Arc::downgrade(servers);
    tokio::spawn(async move {
        for time in 1_u32.. {
            tokio::time::sleep(SUPPLY).await;
            let Some(servers) = servers.upgrade() else { return };
            for server in &servers.all {
                server.supply();
                if time.is_multiple_of(UPKEEP) {
                    server.sweep();
                }
            }
        }
    });
}
