//! The shared connections for searching: a place on one, and one more in the background.

use std::net::SocketAddr;
use std::sync::{Arc, PoisonError};
use std::time::{Duration, Instant};

use provider_api::{Deadline, Fault, FaultKind, UnavailableReason};
use tokio::sync::{SemaphorePermit, watch};
use tokio::time::timeout_at;
use wire_guard::Limits;

use super::super::breaker::{Availability, Urgency};
use super::super::detection::Asked;
use super::super::search_pool::{Offer, Place};
use super::super::setback::Setback;
use super::super::shared_connection::SharedConnection;
use super::super::steps::Steps;
use super::{Attempt, Server, WHAT_WAITS};
use crate::fault;

/// How many connections may be gone by the time that a login comes to use them.
const MOST_OPENED: usize = 3;

/// For how long an address that took a connection and then was of no use is tried after the others of its name.
const SHUNNED_FOR: Duration = Duration::from_mins(1);

impl Server {
    /// A place for a search on a shared connection, which is opened if need be.
    pub(crate) async fn place(self: &Arc<Self>, steps: Steps, deadline: Deadline) -> Result<Place, Setback> {
        let mut opened = 0;
        loop {
            if deadline.remaining().is_zero() {
                return Err(Setback::Final(fault::timeout(WHAT_WAITS)));
            }
            let (offer, another_helps) = self.searches.offer(Instant::now());
            if another_helps {
                drop(self.open_shared());
            }
            match offer {
                Offer::Place(place) => return Ok(place),
                Offer::Queue(queue) => match timeout_at(deadline.instant().into(), queue.place()).await {
                    Ok(Some(place)) => return Ok(place),
                    Ok(None) => {}
                    Err(_) => return Err(Setback::Final(fault::timeout(WHAT_WAITS))),
                },
                // It said too much before it was asked: another connection would bring the same.
                Offer::Nothing
                    if opened > 0
                        && let Some(end) = self.searches.violation() =>
                {
                    return Err(Setback::Elsewhere(fault::ended("a new connection", &end)));
                }
                Offer::Nothing if opened == MOST_OPENED => {
                    let fault = fault::closed_at_once(&self.endpoint);
                    self.is_down(&fault, Instant::now());
                    return Err(Setback::Elsewhere(fault));
                }
                Offer::Nothing => {
                    opened += 1;
                    self.wait_for(self.open_shared(), steps, deadline).await?;
                }
            }
        }
    }

    /// A turn for a search that may find many entries.
    pub(crate) async fn group_turn(&self, deadline: Deadline) -> Result<SemaphorePermit<'_>, Fault> {
        match timeout_at(deadline.instant().into(), self.group_turns.acquire()).await {
            Ok(Ok(turn)) => Ok(turn),
            Ok(Err(_)) | Err(_) => Err(fault::timeout("other searches for groups are under way")),
        }
    }

    /// Takes note that a search is made for a login.
    pub(crate) fn count_search(&self) {
        self.metrics.searches.add();
    }

    /// Gives up a connection that does not answer, or has ended, and all that have been idle: a server, a firewall or a
    /// proxy that has forgotten one has forgotten those too.
    pub(crate) fn give_up(&self, connection: &SharedConnection) {
        let now = Instant::now();
        self.searches.remove(connection, now);
        self.binds.forget_idle(now);
    }

    pub(super) async fn wait_for(
        &self,
        mut attempt: watch::Receiver<Attempt>,
        steps: Steps,
        deadline: Deadline,
    ) -> Result<(), Setback> {
        let limit = deadline.at_most(steps.resolve + steps.connect);
        let outcome = match timeout_at(limit.instant().into(), attempt.wait_for(Option::is_some)).await {
            Ok(Ok(outcome)) => (*outcome).clone(),
            // The attempt has panicked, or the provider is being shut down.
            Ok(Err(_)) => Some(Err(Fault::internal("the attempt to connect has ended without an outcome"))),
            Err(_) => Some(Err(fault::timeout(&format!("connecting to {}", self.endpoint)))),
        };
        match outcome {
            Some(Err(fault)) => Err(Setback::before_the_password(fault)),
            Some(Ok(())) | None => Ok(()),
        }
    }

    /// Opens a shared connection for searching, in the background, so that nobody who stops waiting stops it: one
    /// attempt at a time, which all wait for. Its outcome says whether the server can be reached.
    pub(super) fn open_shared(self: &Arc<Self>) -> watch::Receiver<Attempt> {
        let mut opening = self.opening.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(attempt) = &*opening
            // Whether the sender is gone without an outcome.
            && attempt.has_changed().is_ok()
            && attempt.borrow().is_none()
        {
            return attempt.clone();
        }
        let (outcome, attempt) = watch::channel(None);
        *opening = Some(attempt.clone());
        let server = Arc::clone(self);
        tokio::spawn(async move {
            let opened = server.attempt().await;
            let _ = outcome.send(Some(opened));
        });
        attempt
    }

    pub(super) async fn connect_shared(self: &Arc<Self>) -> Result<SharedConnection, Fault> {
        let steps = Steps::of(self.config.timeout);
        let addresses = self.in_order(self.resolve(Deadline::after(steps.resolve)).await?);
        let deadline = Deadline::after(steps.connect);
        let is_up = self.availability() == Availability::Available;
        let mut detected = None;
        // Beside this one, so that the first login does not wait for two handshakes, one after the other.
        if let ([address], true) = (addresses.as_slice(), is_up) {
            detected = self.warm_up(*address, deadline);
        }
        let tcp = self.connect(&addresses, deadline).await?;
        if let ([_, _, ..], Ok(peer), true) = (addresses.as_slice(), tcp.peer_addr(), is_up) {
            detected = self.warm_up(peer, deadline);
        }
        let peer = tcp.peer_addr().ok();
        let made = async {
            let (mut connection, open) = self.bound(tcp, Limits::LOGIN, deadline).await?;
            if self.config.is_anonymous() && !is_up {
                // A server that was down, and accepts connections, may be silent all the same.
                self.metrics.probes.add();
                let probed = connection.probe(deadline.instant()).await;
                connection = probed.map_err(|error| fault::exchange("the first question to the server", &error))?;
            }
            if let Some(detected) = detected {
                // Whether it was found out there shows below. A second connection that hangs must not keep this one from
                // being used.
                let patience = deadline.at_most(deadline.remaining() / 2);
                let _ = timeout_at(patience.instant().into(), detected).await;
            }
            Ok(SharedConnection::over(self.detect(connection, Asked::AsWhoSearches, deadline).await?, open))
        };
        let made = made.await;
        if made.is_err()
            && let Some(peer) = peer
        {
            *self.shunned.lock().unwrap_or_else(PoisonError::into_inner) = Some((peer, Instant::now()));
        }
        made
    }

    /// The addresses of the server's name as they are to be tried: the one that is connected to already first, since it
    /// has the connections for binds, and the one that was of no use lately last.
    pub(super) fn in_order(&self, mut addresses: Vec<SocketAddr>) -> Vec<SocketAddr> {
        let shunned = *self.shunned.lock().unwrap_or_else(PoisonError::into_inner);
        let shunned = shunned.filter(|(_, when)| when.elapsed() < SHUNNED_FOR).map(|(address, _)| address);
        let present = self.searches.peer();
        addresses.sort_by_key(|address| (Some(*address) == shunned, Some(*address) != present));
        addresses
    }

    pub(super) async fn attempt(self: &Arc<Self>) -> Result<(), Fault> {
        // What is known without asking says nothing about the server.
        if let Err(refusal) = self.check_account() {
            self.breaker.probe_ended();
            return Err(refusal);
        }
        if self.searches.is_full() {
            return Ok(());
        }
        let began = Instant::now();
        match self.connect_shared().await {
            Ok(connection) => {
                self.searches.add(connection);
                self.fit();
                self.breaker.close(Instant::now());
                self.recoveries.send_replace(());
                Ok(())
            }
            Err(fault) => {
                if fault.kind() == FaultKind::Unavailable {
                    // A server that does not want another connection is not down, as long as there is one that works.
                    let is_up = self.availability() == Availability::Available;
                    if !(is_up && self.searches.makes_do(Instant::now())) {
                        self.is_down(&fault, began);
                    }
                } else {
                    // It has answered, if only to say that the service account is refused.
                    self.breaker.close(Instant::now());
                }
                Err(fault)
            }
        }
    }

    /// Takes note that the server could not be reached.
    pub(crate) fn is_down(&self, fault: &Fault, began: Instant) {
        // This side's lack of files is no fault of the server's.
        if fault.code() == UnavailableReason::OVERLOADED.as_str() {
            self.breaker.probe_ended();
            return;
        }
        if self.breaker.open(fault.clone(), began, Instant::now(), fastrand::f64()) {
            // Why, is in the line of each login.
            log::info!("{} is left alone for some seconds: {}", self.endpoint, fault.code());
        }
    }

    /// Finds out in the background whether a server that was down is back, if it is time to.
    pub(in crate::directory) fn probe(self: &Arc<Self>, urgency: Urgency) {
        let steps = Steps::of(self.config.timeout);
        if self.breaker.take_probe(urgency, Instant::now(), steps.resolve + steps.connect + Duration::from_secs(1)) {
            drop(self.open_shared());
        }
    }
}
